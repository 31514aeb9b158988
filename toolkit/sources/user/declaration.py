"""Read a user's `study.toml`: which files, who a person is, how they were sampled, what each variable is.

Takes a path; gives a `Declaration`, as far as the file can be understood, with every problem of it: unknown
keys and words with the nearest known ones, files that are absent or leave the study's folder.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from toolkit.causes import DERIVATIONS
from toolkit.errors import DatasetError, VariableError, unknown
from toolkit.sources.catalog import codebook, worded
from toolkit.sources.catalog_records import NO_VALUE, Checked, OwnVariable
from toolkit.sources.user.weather import STATIONS, OwnWeather
from toolkit.studies.design import LonelyPsu
from toolkit.variables.codebook import COMPONENTS, REASONS, Codebook
from toolkit.variables.formulas import formula

FORMATS = (
    ".csv", ".tsv", ".txt", ".parquet", ".arrow", ".feather", ".ipc", ".xpt", ".sas7bdat", ".sav", ".zsav",
    ".dta", ".xlsx", ".xls", ".xlsb", ".ods",
)  # fmt: skip
UNDECLARED = "is not declared yet"
_DECLARE = (
    'Write weight = "column" under [design], with strata = "column" and psu = "column" if people were drawn '
    "in strata and clusters, or none = true if nobody was drawn; and remove undeclared."
)
_MOST_MENDS = 200  # mistaken keys that are set aside one by one, so that the rest can be checked too


@cache
def known_variables() -> Codebook:
    """Return the variables with shared names: those of the codebook, and those that causes derive.

    A study that asked for a derived variable itself, such as any_cramps, may supply it as a column.
    """
    return codebook().with_variables(
        *(step.variable for step in DERIVATIONS if step.variable.name not in codebook())
    )


class FileEntry(Checked):
    """One file of the study.

    `person` is its column of ids if it is another than the study's; `missing` are codes that mean missing in
    all of its columns; `absent` is the reason for people of the first file who have no row in this one;
    `strangers = "leave out"` allows rows of people whom the first file does not know; `date_format` is how
    the dates that formulas read are written.
    """

    path: str
    person: str = ""
    sheet: str = ""
    separator: str = ""
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    missing: Mapping[str, str] = {}
    absent: str = NO_VALUE
    strangers: Literal["", "leave out"] = ""
    date_format: str = "%Y-%m-%d"


class OwnDesign(Checked):
    """How people were sampled: the keys of `tk.Design`, with columns of the first file; or `none = true`.

    `undeclared` is what a person still has to say of it, as `cramps new-study` asks; no study opens with it.

    `replicate_weights` is a list, a pattern such as "rep*", or one of them for each component. No PSU may be
    in two strata, unless `nest` is written.
    """

    none: bool = False
    undeclared: str = ""
    weight: str | Mapping[str, str] | None = None
    strata: str | None = None
    psu: str | tuple[str, ...] | None = None
    fpc: str | tuple[str, ...] | None = None
    nest: bool | None = None
    lonely_psu: LonelyPsu = "fail"
    replicate_weights: str | tuple[str, ...] | Mapping[str, str | tuple[str, ...]] | None = None
    replicate_method: str | None = None
    replicate_scale: float | None = None
    replicate_rscales: tuple[float, ...] | None = None
    fay_rho: float = 0.0
    mse: bool = False
    replicate_factors: bool = False


class Repeated(Checked):
    """A file of several rows a person: visits or nights, each with its date and perhaps a place."""

    file: str
    date: str
    date_format: str = "%Y-%m-%d"
    place: str = ""
    variables: Mapping[str, OwnVariable] = {}


class FollowUp(Checked):
    """Columns of the first file with the days on which a person's follow-up starts and ends."""

    start: str = ""
    end: str = ""
    date_format: str = "%Y-%m-%d"


class OwnStudy(Checked):
    """The whole of a `study.toml`."""

    name: str
    person: str
    files: Mapping[str, FileEntry]
    design: OwnDesign
    label: str = ""
    simulated: bool = False
    variables: Mapping[str, OwnVariable] = {}
    visits: Repeated | None = None
    diary: Repeated | None = None
    follow_up: FollowUp | None = None
    weather: OwnWeather | None = None

    @property
    def records(self) -> dict[str, Repeated]:
        """The sections of files with several rows per person: visits, diary."""
        sections = {"visits": self.visits, "diary": self.diary}
        return {name: part for name, part in sections.items() if part is not None}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a study.

    Attributes
    ----------
    where
        The file or the part of study.toml.
    finding
        What is wrong.
    remedy
        What to do.
    n
        How many rows break the rule; 0 where it is not about rows.
    rows
        The numbers of the first of them, the row below the heading being 1.
    note
        True for what is worth knowing and stops nothing.
    """

    where: str
    finding: str
    remedy: str
    n: int = 0
    rows: tuple[int, ...] = ()
    note: bool = False

    def __str__(self) -> str:
        counted = f" ({self.n:,} {'row' if self.n == 1 else 'rows'}{_listed(self.rows, self.n)})"
        told = f"{self.where}: {self.finding.rstrip('.')}{counted if self.n else ''}"
        return f"{told}{'' if told.endswith('?') else '.'} {self.remedy}".strip()


@dataclass(frozen=True)
class Declaration:
    """A `study.toml` as far as it could be understood.

    Attributes
    ----------
    path
        The file.
    study
        Its content.
    paths
        File name of the declaration -> path, for the files that are there.
    problems
        Everything that is wrong with it.
    """

    path: Path
    study: OwnStudy
    paths: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def home(self) -> str:
        """The file that says who is in the study: the first."""
        return next(iter(self.study.files))

    def place(self, reference: str) -> tuple[str, str]:
        """Part "lab.weight" into file and column; a column alone is of the first file."""
        file, dot, column = reference.partition(".")
        return (file, column) if dot and file in self.study.files else (self.home, reference)


def read_declaration(path: str | Path) -> Declaration:
    """Read a `study.toml` and check all that can be checked without opening the files.

    Parameters
    ----------
    path
        The file; the study's files are looked for beside it.

    Returns
    -------
    Declaration
        With its problems, none raised.

    Raises
    ------
    DatasetError
        If there is no such file, it is not TOML, or too little of it can be understood to go on.
    """
    source = Path(path)
    study, problems = _validated(source, _content(source))
    found = Declaration(source, study)
    paths, lost = _paths(found)
    return Declaration(source, study, paths, (*problems, *lost, *_static(found)))


def every_problem(path: Path, problems: tuple[Problem, ...]) -> DatasetError:
    """Tell all problems of a study in one error."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"'{path.name}' has {count}. See them again with: cramps check {path.name}"]
    return DatasetError("\n".join([*lines, *(f"- {problem}" for problem in problems)]))


def _listed(rows: tuple[int, ...], n: int) -> str:
    if not rows:
        return ""
    more = ", ..." if n > len(rows) else ""
    return f": {', '.join(str(row) for row in rows)}{more}"


def _content(source: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DatasetError(
            f"'{source}' cannot be read: {error.strerror}. Write a first one: cramps new-study FILE..."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise DatasetError(f"'{source.name}' is not TOML: {reason}. Mend that line.") from error


def _validated(source: Path, content: dict[str, Any]) -> tuple[OwnStudy, tuple[Problem, ...]]:
    """Set mistaken keys aside one by one, so that one pass tells what is wrong with the others too."""
    problems: dict[str, Problem] = {}
    for _ in range(_MOST_MENDS):
        try:
            return OwnStudy.model_validate(content), tuple(problems.values())
        except ValidationError as error:
            found = [(e["loc"], worded(e, OwnStudy)) for e in error.errors()]
            problems |= {text: Problem(source.name, text.rstrip("."), "Mend the key.") for _, text in found}
            if not all(list(map(partial(_set_aside, content), (location for location, _ in found)))):
                break
    raise every_problem(source, tuple(problems.values()))


def _set_aside(content: Any, location: tuple[int | str, ...]) -> bool:
    """Remove the deepest part of a location that is in the content; False if there is none."""
    holder, last = None, None
    for step in location:
        if not isinstance(content, dict) or step not in content:
            break
        holder, last, content = content, step, content[step]
    if holder is None or last in {"files", "design"}:
        return False
    holder.pop(last)
    return True


def _paths(found: Declaration) -> tuple[dict[str, Path], list[Problem]]:
    paths, problems = {}, []
    folder = found.path.resolve().parent
    for name, entry in found.study.files.items():
        problem = _path_problem(folder, entry.path)
        if problem:
            problems.append(Problem(f"files.{name}", *problem))
        else:
            paths[name] = folder / entry.path
    weather = found.study.weather
    for told in weather.files if weather else ():
        problem = _path_problem(folder, told, (*FORMATS, *STATIONS))
        if problem:
            problems.append(Problem("weather", *problem))
    return paths, problems


def _path_problem(folder: Path, told: str, formats: Sequence[str] = FORMATS) -> tuple[str, str] | None:
    path = folder / told
    if Path(told).is_absolute() or not path.resolve().is_relative_to(folder):
        return (
            f"'{told}' leaves the study's folder",
            "Put the file beside study.toml, and name it without '..', a leading '/' or a link to elsewhere.",
        )
    if path.suffix.lower() not in formats:
        return f"'{told}' is of no known format", f"Formats: {' '.join(formats)}."
    if not path.is_file():
        there = [str(p.relative_to(folder)) for p in folder.iterdir() if p.suffix.lower() in formats]
        return unknown("there is no file", told, there).rstrip("."), "Check the path."
    return None


def _static(found: Declaration) -> Iterator[Problem]:
    study = found.study
    if not study.files:
        yield Problem("files", "names no file", 'Write [files.people] with path = "people.csv".')
    yield from _design_problems(study.design)
    for name, entry in study.files.items():
        yield from _unknown(f"files.{name}", "reason", [*entry.missing.values(), entry.absent], REASONS)
    for section, variables in _sections(study):
        for name, variable in variables.items():
            yield from _variable_problems(f"{section}.{name}", name, variable)
    for section, part in study.records.items():
        yield from _unknown(section, "file", [part.file], study.files)


def _sections(study: OwnStudy) -> Iterator[tuple[str, Mapping[str, OwnVariable]]]:
    yield "variables", study.variables
    for section, part in study.records.items():
        yield f"{section}.variables", part.variables


def _design_problems(design: OwnDesign) -> Iterator[Problem]:
    declared = bool(design.weight or design.fpc)
    if design.undeclared:
        yield Problem("design", f"{UNDECLARED}: {design.undeclared}", _DECLARE)
        return
    if not declared and not design.none:
        yield Problem("design", f"{UNDECLARED}: it names no weight", _DECLARE)
    if declared and design.none:
        yield Problem("design", "names a weight and declares that there is none", "Remove one of the two.")
    if isinstance(design.weight, Mapping):
        yield from _unknown("design.weight", "component", list(design.weight), COMPONENTS[1:])


def _variable_problems(where: str, name: str, variable: OwnVariable) -> Iterator[Problem]:
    if not name.isidentifier():
        yield Problem(where, "is no name", "Use letters, digits and _, not a digit first.")
    if bool(variable.column) == bool(variable.expression):
        yield Problem(where, "needs a column or an expression, one of the two", 'Write column = "...".')
    if variable.levels and variable.values:
        yield Problem(where, "has both levels and values", "Keep levels for categories, values for numbers.")
    yield from _unknown(where, "reason", variable.missing.values(), REASONS)
    if name in known_variables() and isinstance(variable.levels, Mapping) and known_variables()[name].levels:
        yield from _unknown(where, "level", variable.levels.values(), known_variables()[name].levels)
    if variable.component is not None:
        yield from _unknown(where, "component", [variable.component], COMPONENTS)
    if variable.expression:
        try:
            formula(variable.expression)
        except VariableError as error:
            yield Problem(where, str(error).rstrip("."), "Mend the expression.")


def _unknown(where: str, what: str, words: Any, known: Any) -> Iterator[Problem]:
    known = tuple(known)
    for word in dict.fromkeys(words):
        if word not in known:
            all_ = f"Known: {', '.join(repr(w) for w in known[:12])}."
            yield Problem(where, unknown(f"unknown {what}", word, known).rstrip("."), all_)
