"""Open the studies that the toolkit knows by name, a study.toml, or a data frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.causes import DERIVATIONS
from toolkit.errors import DatasetError, unknown
from toolkit.files.checked_toml import shipped
from toolkit.sources.from_frame import TOOLKIT, own_population
from toolkit.sources.study_cache import open_once
from toolkit.studies.design import Design
from toolkit.studies.storage import holds_population, take_over
from toolkit.studies.study import Study
from toolkit.variables.codebook import Codebook
from toolkit.variables.derivation import derive

STUDIES = {
    "simulated": "12,000 simulated people with all ten causes; carried by the toolkit, needs no files",
    "nhanes": "NHANES, the US national survey; asked about leg cramps at night in 2005-2008 (item SLQ160)",
    "example-survey": "480 invented adults of 24 villages: an example of a survey of one's own",
    "example-cohort": "60 invented adults with visits and nights: an example of a cohort of one's own",
}
EXAMPLES = "example-"  # the rest of such a study's name is its folder in datasets/examples
_OPENERS = {"simulated": "toolkit.sources.simulated.study", "nhanes": "toolkit.sources.nhanes"}


def available_studies() -> dict[str, str]:
    """Name the studies that can be opened, each with a sentence on it.

    Returns
    -------
    dict
        Name to sentence.

    Examples
    --------
    >>> list(available_studies())
    ['simulated', 'nhanes', 'example-survey', 'example-cohort']
    """
    return dict(STUDIES)


def open_study(name: str | Path, **options: Any) -> Study:
    """Open a study by its name, or a study of one's own by the path of its `study.toml`.

    Parameters
    ----------
    name
        "simulated", "nhanes", "example-survey" or "example-cohort"; the path of a `study.toml`; or the folder
        of a population that `tk.render` hands to a notebook.
    **options
        For "nhanes": cycles=("2005-2006", "2007-2008"). For "simulated": seed.

    Returns
    -------
    Study
        With the exposures of all ten causes derived where their inputs were measured.

    Raises
    ------
    DatasetError
        For an unknown study, option or cycle, and for files that are missing or not as the codebook or the
        `study.toml` says, then with every problem at once.

    Examples
    --------
    >>> open_study("simulated").people.height
    12000
    """
    if holds_population(name):
        return take_over(name)
    if str(name).endswith(".toml"):
        return _with_exposures(_own(name, options))
    if name not in STUDIES:
        raise DatasetError(unknown("unknown study", str(name), STUDIES, "All: tk.available_studies()"))
    if str(name).startswith(EXAMPLES):
        folder = str(name).removeprefix(EXAMPLES)
        return _with_exposures(_own(shipped("datasets") / "examples" / folder / "study.toml", options))
    opener = _opener(str(name))
    for option in options:
        if option not in signature(opener).parameters:
            known = list(signature(opener).parameters)
            raise DatasetError(unknown(f"study '{name}' has no option", option, known))
    return open_once(str(name), options, lambda: _with_exposures(opener(**options)))


def _own(path: str | Path, options: Mapping[str, Any]) -> Study:
    from toolkit.sources.user.loader import open_own

    for option in options:
        raise DatasetError(f"your own study has no option '{option}'. Write it into '{Path(path).name}'.")
    return open_own(path)


def _opener(name: str) -> Callable[..., Study]:
    # A study that is not opened costs no time.
    opener: Callable[..., Study] = getattr(import_module(_OPENERS[name]), f"open_{name}")
    return opener


def _with_exposures(opened: Study) -> Study:
    """Derive the outcomes, covariates and exposures whose inputs the study has."""
    people, codebook = derive(opened.people, opened.codebook, DERIVATIONS)
    return replace(opened, people=people, codebook=codebook)


def study(
    frame: Any,
    *,
    design: Design,
    name: str = "my study",
    codebook: Codebook | str | None = None,
) -> Study:
    """Make a study of a frame of one's own.

    Parameters
    ----------
    frame
        One row a person: polars, pandas, pyarrow, a DuckDB relation, or any frame that narwhals knows; one
        that answers lazily is collected once.
    design
        Which columns are weight, strata, psu, fpc; or `tk.Design.none()`.
    name
        How results call the study.
    codebook
        None: nothing is matched by name; text has levels without an order, listed by their first number or
        the alphabet, the first being the reference; a polars Enum, an ordered pandas Categorical or Arrow
        dictionary and a DuckDB ENUM declare an order (polars drops that of pandas or R when it reads their
        parquet: read it with pyarrow or pandas); true/false and 0/1 are yes/no; other numbers are
        continuous. "toolkit": a column that has the name of a variable of the toolkit's codebook is that
        variable, in its levels and its unit, and the exposures of the ten causes are derived. A `Codebook`:
        as it says.

    Returns
    -------
    Study
        NaN has become null; people without a value have the reason "no value recorded".

    Raises
    ------
    DatasetError
        If the frame is empty or no frame.
    DesignError
        If no design is declared or it names a column that is not there.
    VariableError
        If a column matched by its name is not what the codebook says.

    Examples
    --------
    >>> import polars as pl
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0], "w": [1.0, 2.0, 1.0, 2.0]})
    >>> study(people, design=Design(weight="w"), name="four people").codebook["cramps"].kind
    'yes_no'
    """
    opened = own_population(frame, design, name, codebook)
    return _with_exposures(opened) if codebook == TOOLKIT else opened


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
