"""Fetch the files of a study ahead of its use, and check them.

Takes a study's name; gives one row a file. How a study's files are fetched and checked is its own room's.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError, unknown
from toolkit.sources.registry import STUDIES

# The room that downloads a study's files.
_ROOMS = {"nhanes": "sources.nhanes.verify"}


def download_study(
    name: str,
    *,
    cycles: str | Sequence[str] = (),
    mirror: str | Path | None = None,
    verify: bool = False,
    renew: bool = False,
) -> pl.DataFrame:
    """Download the files of a study ahead of its use, and hold them to what their publisher says of them.

    Parameters
    ----------
    name
        "nhanes".
    cycles
        Such as "2005-2006" or several; "all" for all; () for those that `open_study` opens.
    mirror
        A folder or an address to read from instead of the publisher's site.
    verify
        True to compare rows and code counts with the publisher's codebook pages.
    renew
        True to download anew what is kept already and trust what comes, as after a revision.

    Returns
    -------
    polars.DataFrame
        One row a file: cycle, table, status (verified, kept, not found, differs), rows, rows_expected,
        codes, codes_differing, problem.

    Raises
    ------
    DatasetError
        If the study has no files to download, and for downloads that do not give what they should.

    Examples
    --------
    >>> import toolkit as tk
    >>> tk.download_study("simulated")
    Traceback (most recent call last):
    ...
    toolkit.errors.DatasetError: Study 'simulated' has no files to download. Open it: open_study('simulated').
    """
    if name not in STUDIES:
        raise DatasetError(unknown("unknown study", name, STUDIES, "All: tk.available_studies()"))
    if name not in _ROOMS:
        raise DatasetError(f"study '{name}' has no files to download. Open it: open_study('{name}').")
    fetch = getattr(import_module(f"toolkit.{_ROOMS[name]}"), f"download_{name}")
    chosen = {"cycles": cycles} if cycles else {}
    files: pl.DataFrame = fetch(mirror=mirror, verify=verify, renew=renew, **chosen)
    return files
