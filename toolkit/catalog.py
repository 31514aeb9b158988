"""Read and check the data about data: what the shipped folders hold.

Takes `datasets/*.toml`; gives checked records. Every problem of a file is told at once.
"""

from pathlib import Path

from toolkit.errors import DatasetError, unknown

SHIPPED = ("datasets", "notebooks", "reports")


def shipped(folder: str) -> Path:
    """Find a folder that the toolkit ships beside its code, in a checkout and in an installed wheel alike.

    Parameters
    ----------
    folder
        `datasets`, `notebooks` or `reports` (which holds plan.toml).

    Returns
    -------
    pathlib.Path
        The folder, which exists.

    Examples
    --------
    >>> shipped("datasets").name
    'datasets'
    """
    if folder not in SHIPPED:
        raise DatasetError(unknown("the toolkit ships no folder", folder, SHIPPED))
    package = Path(__file__).resolve().parent
    for found in (package / "_shipped" / folder, package.parent / folder):
        if found.is_dir():
            return found
    raise DatasetError(
        f"the folder '{folder}' that belongs to the toolkit is not beside it in '{package.parent}'. "
        "Install the toolkit anew: pip install --force-reinstall cramps-toolkit."
    )
