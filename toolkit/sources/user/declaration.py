"""Read a user's `study.toml`: files, participant ID, design and variables, with every problem of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from toolkit.causes import DERIVATIONS
from toolkit.disclosure import SMALLEST_CELL
from toolkit.errors import DatasetError, VariableError, unknown, unknown_words
from toolkit.files.checked_toml import Checked, list_problems, read_valid_part
from toolkit.sources.catalog_records import NO_VALUE, OwnVariable
from toolkit.sources.user.weather import STATIONS, OwnWeather
from toolkit.studies import LonelyPsu
from toolkit.variables import COMPONENTS, REASONS, Codebook, formula
from toolkit.variables.codebook import codebook

FORMATS = (
    ".csv", ".tsv", ".txt", ".parquet", ".arrow", ".feather", ".ipc", ".xpt", ".sas7bdat", ".sav", ".zsav",
    ".dta", ".xlsx", ".xls", ".xlsb", ".ods",
)  # fmt: skip
UNDECLARED = "The sampling design is not declared yet"
_DECLARE = (
    'Write weight = "column" under [design], with strata = "column" and psu = "column" for a stratified '
    "cluster sample, or none = true if no sample was drawn. Then remove undeclared."
)


@cache
def known_variables() -> Codebook:
    """Return the variables of the codebook and those that causes derive; a column may supply either."""
    return codebook().with_variables(
        *(step.variable for step in DERIVATIONS if step.variable.name not in codebook())
    )


class FileEntry(Checked):
    """One file of the study."""

    path: str
    person: str = ""  # its ID column, if not the study's
    sheet: str = ""
    separator: str = ""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""  # sign between groups of three digits
    encoding: str = "utf-8"
    missing: Mapping[str, str] = {}  # codes that mean missing in all of its columns
    keep: tuple[str, ...] = ()  # words such as NA that are values in all of its columns
    absent: str = NO_VALUE  # reason for participants without a row in it
    strangers: Literal["", "leave out"] = ""  # whether to allow rows of persons not in the first file
    date_format: str = "%Y-%m-%d"  # of dates, or "excel", "sas" or "stata" for the days that these count


class OwnDesign(Checked):
    """The sampling design: the keys of `tk.Design`, with columns of the first file; or `none = true`."""

    none: bool = False
    undeclared: str = ""  # what `cramps new-study` could not decide; no study opens with it
    weight: str | Mapping[str, str] | None = None
    strata: str | None = None
    psu: str | tuple[str, ...] | None = None
    fpc: str | tuple[str, ...] | None = None
    nest: bool | None = None  # without it no PSU may be in two strata
    lonely_psu: LonelyPsu = "fail"
    replicate_weights: str | tuple[str, ...] | Mapping[str, str | tuple[str, ...]] | None = None
    replicate_method: str | None = None
    replicate_scale: float | None = None
    replicate_rscales: tuple[float, ...] | None = None
    fay_rho: float = 0.0
    mse: bool = False
    replicate_factors: bool = False


class Repeated(Checked):
    """A file with several rows per participant: visits or nights, each with a date and perhaps a place."""

    file: str
    date: str
    date_format: str = "%Y-%m-%d"
    place: str = ""
    variables: Mapping[str, OwnVariable] = {}


class Disclosure(Checked):
    """Which counts charts, tables, sentences and files may show."""

    smallest_cell: int = SMALLEST_CELL  # smaller counts of participants are left out; 0 shows all


class FollowUp(Checked):
    """Columns of the first file with the dates on which follow-up starts and ends."""

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
    disclosure: Disclosure = Disclosure()

    @property
    def records(self) -> dict[str, Repeated]:
        """The sections of files with several rows per person: visits, diary."""
        sections = {"visits": self.visits, "diary": self.diary}
        return {name: part for name, part in sections.items() if part is not None}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a study."""

    where: str  # the file or the part of study.toml
    finding: str
    remedy: str
    n: int = 0  # number of rows concerned; 0 where it is not about rows
    rows: tuple[int, ...] = ()  # numbers of the first of them; the row below the heading is 1
    note: bool = False  # the study can be opened all the same

    def __str__(self) -> str:
        counted = f" ({self.n:,} {'row' if self.n == 1 else 'rows'}{_list_rows(self.rows, self.n)})"
        text = f"{self.where}: {self.finding.rstrip('.')}{counted if self.n else ''}"
        return f"{text}{'' if text.endswith('?') else '.'} {self.remedy}".strip()


@dataclass(frozen=True)
class Declaration:
    """A `study.toml` as far as it could be understood."""

    path: Path
    study: OwnStudy
    paths: Mapping[str, Path] = field(default_factory=dict)  # by file name, those that are there
    problems: tuple[Problem, ...] = ()

    @property
    def home(self) -> str:
        """The first file, which lists the participants."""
        return next(iter(self.study.files))

    def place(self, reference: str) -> tuple[str, str]:
        """Split "lab.weight" into file and column; a column alone is in the first file."""
        file, dot, column = reference.partition(".")
        return (file, column) if dot and file in self.study.files else (self.home, reference)


def read_declaration(path: str | Path) -> Declaration:
    """Read a `study.toml` and check what can be checked without opening the study's files."""
    source = Path(path)
    if not source.is_file():
        raise DatasetError(f"The file '{source}' does not exist. Create one with: cramps new-study FILE...")
    study, invalid = read_valid_part(source, OwnStudy, needed=("files", "design"))
    problems = [Problem(source.name, text.rstrip("."), "Correct the key.") for text in invalid]
    found = Declaration(source, study)
    paths, lost = _paths(found)
    return Declaration(source, study, paths, (*problems, *lost, *_static(found)))


def every_problem(path: Path, problems: tuple[Problem, ...]) -> DatasetError:
    """Return one error for all problems of a study."""
    return list_problems(path.name, map(str, problems), f"See them again with cramps check {path.name}")


def _list_rows(rows: tuple[int, ...], n: int) -> str:
    if not rows:
        return ""
    more = ", ..." if n > len(rows) else ""
    return f": {', '.join(str(row) for row in rows)}{more}"


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
    for name in weather.files if weather else ():
        problem = _path_problem(folder, name, (*FORMATS, *STATIONS))
        if problem:
            problems.append(Problem("weather", *problem))
    return paths, problems


def _path_problem(folder: Path, name: str, formats: Sequence[str] = FORMATS) -> tuple[str, str] | None:
    path = folder / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(folder):
        return (
            f"'{name}' is outside the study's folder",
            "Put the file beside study.toml. Use a path without '..', leading '/' or links elsewhere.",
        )
    if "*" in path.name or path.is_dir():  # of parquet, which stays where it is
        return None
    if path.suffix.lower() not in formats:
        return f"'{name}' has an unsupported format", f"Use one of: {' '.join(formats)}."
    if not path.is_file():
        there = [str(p.relative_to(folder)) for p in folder.iterdir() if p.suffix.lower() in formats]
        return unknown("Unknown file", name, there).rstrip("."), "Check the path."
    return None


def _static(found: Declaration) -> Iterator[Problem]:
    study = found.study
    if not study.files:
        yield Problem("files", "The study lists no files", 'Write [files.people] with path = "people.csv".')
    yield from _design_problems(study.design)
    if study.disclosure.smallest_cell < 0:
        yield Problem("disclosure", "smallest_cell is negative", "Write a count of participants, such as 5.")
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
        yield Problem("design", f"{UNDECLARED}. {design.undeclared}", _DECLARE)
        return
    if not declared and not design.none:
        yield Problem("design", f"{UNDECLARED}. It names no weight", _DECLARE)
    if declared and design.none:
        yield Problem(
            "design", "The design names a weight and also has none = true", "Remove one of the two."
        )
    if isinstance(design.weight, Mapping):
        yield from _unknown("design.weight", "component", list(design.weight), COMPONENTS[1:])


def _variable_problems(where: str, name: str, variable: OwnVariable) -> Iterator[Problem]:
    if not name.isidentifier():
        yield Problem(
            where, "The name is not valid", "Use letters, digits and _, and do not begin with a digit."
        )
    if bool(variable.column) == bool(variable.expression):
        yield Problem(where, "The variable needs either a column or an expression", 'Write column = "...".')
    if variable.levels and variable.values:
        yield Problem(
            where,
            "The variable has both levels and values",
            "Keep levels for categories, values for numbers.",
        )
    yield from _unknown(where, "reason", variable.missing.values(), REASONS)
    if name in known_variables() and isinstance(variable.levels, Mapping) and known_variables()[name].levels:
        yield from _unknown(where, "level", variable.levels.values(), known_variables()[name].levels)
    if variable.component is not None:
        yield from _unknown(where, "component", [variable.component], COMPONENTS)
    if variable.expression:
        try:
            formula(variable.expression)
        except VariableError as error:
            yield Problem(where, str(error).rstrip("."), "Correct the expression.")


def _unknown(where: str, what: str, words: Any, known: Any) -> Iterator[Problem]:
    listed = f"Known: {', '.join(repr(word) for word in tuple(known)[:12])}."
    for message in unknown_words(f"Unknown {what}", words, known):
        yield Problem(where, message.rstrip("."), listed)
