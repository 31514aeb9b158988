"""Open studies by name, study.toml or data frame, with exposures derived; download a study's files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.causes import DERIVATIONS
from toolkit.disclosure import SMALLEST_CELL
from toolkit.errors import DatasetError, ToolkitError, as_path, unknown
from toolkit.files.checked_toml import shipped
from toolkit.files.safe_files import is_path_of_descriptor
from toolkit.sources.engines.source import engine_of
from toolkit.sources.frame_columns import Kept
from toolkit.sources.from_frame import TOOLKIT, own_population, refuse_repeated_names, require_options
from toolkit.sources.study_cache import open_once
from toolkit.studies import Design, Study, declared_json, take_over
from toolkit.variables import Codebook, derive

STUDIES = {
    "simulated": "12,000 simulated participants with all ten causes; included in the toolkit",
    "nhanes": "NHANES, the US national survey; it asked about night leg cramps in 2005-2008 (item SLQ160)",
    "example-survey": "480 invented adults in 24 villages, an example of a user's own survey",
    "example-cohort": "60 invented adults with visits and diary nights, an example of a user's own cohort",
}
EXAMPLES = "example-"  # the rest of such a study's name is its folder in datasets/examples
_OPENERS = {"simulated": "toolkit.sources.simulated.sampled_study", "nhanes": "toolkit.sources.nhanes"}


def available_studies() -> dict[str, str]:
    """List the studies that can be opened, each with a description.

    Returns
    -------
    dict
        Name to description.

    Examples
    --------
    >>> list(available_studies())
    ['simulated', 'nhanes', 'example-survey', 'example-cohort']
    """
    return dict(STUDIES)


def open_study(name: str | Path, **options: Any) -> Study:
    """Open a study by its name, or your own study by the path of its `study.toml`.

    Parameters
    ----------
    name
        "simulated", "nhanes", "example-survey" or "example-cohort"; the path of a `study.toml`; or the path
        that `tk.render` passes to a notebook.
    **options
        For "nhanes": cycles=("2005-2006", "2007-2008"). For "simulated": seed.

    Returns
    -------
    Study
        With the exposures of all ten causes derived if their inputs were measured.

    Raises
    ------
    DatasetError
        For an unknown study, option or cycle, and for files that are missing or do not match the codebook or
        the `study.toml`; every problem is listed at once.

    Examples
    --------
    >>> open_study("simulated").people.height
    12000
    """
    as_path(name, "tk.open_study", "the name of a study, or the path of its study.toml,")
    if is_path_of_descriptor(name):
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


def options_of(study: Study) -> dict[str, Any]:
    """Return the options that open a study of this toolkit again, as far as its provenance states them."""
    if study.name not in _OPENERS:
        return {}
    stated = {**study.provenance, "n": study.provenance.get("people")}
    known = signature(_opener(study.name)).parameters
    return {name: stated[name] for name in known if stated.get(name) is not None}


def _own(path: str | Path, options: Mapping[str, Any]) -> Study:
    from toolkit.sources.user.loader import open_own

    for option in options:
        raise DatasetError(f"A study.toml has no option '{option}'. Declare it in '{Path(path).name}'.")
    return open_own(path)


def _opener(name: str) -> Callable[..., Study]:
    # A study that is not opened costs no time.
    opener: Callable[..., Study] = getattr(import_module(_OPENERS[name]), f"open_{name}")
    return opener


def find_options(opened: Study) -> dict[str, Any] | None:
    """Find the options with which `open_study` opens a study again; None if it was made or changed."""
    if opened.name not in STUDIES:
        return None
    stated = options_of(opened)
    parameters = signature(_opener(opened.name)).parameters if stated else {}
    given = {name: tuple(fact) if isinstance(fact, list) else fact for name, fact in stated.items()}
    options = {name: fact for name, fact in given.items() if fact != parameters[name].default}
    try:
        again = open_study(opened.name, **options)
    except ToolkitError:
        return None
    people, same = again.people, declared_json(again) == declared_json(opened)
    return options if same and people.columns == opened.people.columns else None


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
    smallest_cell: int = SMALLEST_CELL,
    keep: Kept = (),
) -> Study:
    """Make a study from a data frame.

    Parameters
    ----------
    frame
        One row per participant: polars, pandas, pyarrow, or any frame that narwhals supports. A polars
        LazyFrame, a DuckDB relation, a Spark DataFrame, or the path of parquet files (a folder, a file, or a
        pattern such as ``claims/*.parquet``) stay where they are: estimates aggregate them there, and what
        needs participants in memory is refused (docs/how-to/large-data.md).
    design
        The columns of weight, strata, psu and fpc; or `tk.Design.none()`.
    name
        The name of the study in results.
    codebook
        None matches nothing by name. Booleans and 0/1 are yes/no, and other numbers are continuous. Text is
        nominal, with levels listed by their first number or alphabetically and the first as reference. A
        polars Enum, an ordered pandas Categorical or Arrow dictionary and a DuckDB ENUM declare an order
        (polars loses that of pandas or R when it reads their parquet files; read them with pyarrow or
        pandas). "toolkit" matches columns with the name of a variable in the toolkit's codebook to that
        variable, with its levels and unit, and derives the exposures of the ten causes. A `Codebook` is used
        as it is.
    smallest_cell
        Charts, tables, sentences, printed results and files leave out counts of 1 to `smallest_cell` - 1
        participants, what gives them back by subtraction, and the names of categories of so few. Reports
        round all other counts to multiples of it. 0 shows all, as for public-use files. The columns of a
        result have every number.
    keep
        Words that are values and not missing, such as "NA" for Namibia: in all columns, or by column,
        ``{"country": "NA"}``. Without it NA, N/A, #N/A, NULL, NaN, NaT, <NA> and a lone full stop in text are
        missing, in capital or small letters.

    Returns
    -------
    Study
        Columns are read by the rules for columns of a file. Blank text, NaN and NaT are missing with the
        reason "no value recorded", words such as NA with the reason "recorded as NA". Blanks around text are
        removed, text of true and false is yes/no, and timestamps and text of ISO dates are dates (local to
        their time zone). Weights that came as text are read as numbers. Strata and PSUs that are spelled in
        two ways ("Coast" and "coast", "01" and "1") are read as one, and a column that identifies the
        participants is not a variable. `print(study)` reports both, and participants with several rows.

    Raises
    ------
    DatasetError
        If the frame is empty or not a data frame, or parquet files are damaged or do not fit together.
    DesignError
        If no design is declared, or it names an unknown column, a weight of text that is not numbers, or
        the column that identifies the participants as weight.
    VariableError
        If a column matched by name contradicts the codebook.

    Examples
    --------
    >>> import polars as pl
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0], "w": [1.0, 2.0, 1.0, 2.0]})
    >>> study(people, design=Design(weight="w"), name="four people").codebook["cramps"].kind
    'yes_no'
    """
    require_options(name, codebook, smallest_cell, keep)
    refuse_repeated_names(frame)
    engine = engine_of(frame)
    if engine is None:
        opened = own_population(frame, design, name, codebook, smallest_cell, keep=keep)
    else:
        from toolkit.sources.engines.opening import open_on_engine

        opened = open_on_engine(engine, design, name, codebook, smallest_cell, keep=keep)
    return _with_exposures(opened) if codebook == TOOLKIT else opened


# The module that downloads a study's files.
_DOWNLOADERS = {"nhanes": "sources.nhanes.cycle_files"}


def download_study(
    name: str,
    *,
    cycles: str | Sequence[str] = (),
    mirror: str | Path | None = None,
    verify: bool = False,
    renew: bool = False,
) -> pl.DataFrame:
    """Download the files of a study in advance, and compare them with the publisher's counts.

    Parameters
    ----------
    name
        "nhanes".
    cycles
        One or several, such as "2005-2006"; "all" for all; () for those that `open_study` opens.
    mirror
        A folder or an address to read from instead of the publisher's site.
    verify
        True to compare rows and code counts with the publisher's codebook pages.
    renew
        True to download again what is in the cache and accept it, for example after a revision.

    Returns
    -------
    polars.DataFrame
        One row per file: cycle, table, status (verified, kept, not found, differs), rows, rows_expected,
        codes, codes_differing, problem.

    Raises
    ------
    DatasetError
        If the study has no files to download, or a download is incomplete or unexpected.

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
    if name not in _DOWNLOADERS:
        raise DatasetError(f"study '{name}' has no files to download. Open it: open_study('{name}').")
    fetch = getattr(import_module(f"toolkit.{_DOWNLOADERS[name]}"), f"download_{name}")
    chosen = {"cycles": cycles} if cycles else {}
    files: pl.DataFrame = fetch(mirror=mirror, verify=verify, renew=renew, **chosen)
    return files
