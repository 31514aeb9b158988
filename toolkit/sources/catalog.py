"""Read and check the data about data: what a study's tables and variables are, cycle by cycle.

Takes `datasets/*.toml`; gives checked records. Every problem of the files is told at once, unknown words
with the nearest known ones.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from toolkit.errors import DatasetError, VariableError, unknown
from toolkit.sources.catalog_records import Absent, Cycle, Entry, Measured, Origin, Rows, Site, Table
from toolkit.sources.harmonize.multirow import columns_of
from toolkit.variables.codebook import COMPONENTS, REASONS, Codebook, Variable
from toolkit.variables.formulas import Formula, formula

SHIPPED = ("datasets", "notebooks", "reports")
# Blocks of a variable that differ in one of these differ in what was asked or measured, and of whom. Another
# name of a column or another code for the same answer is no difference.
_TOLD = (
    "question",
    "ages",
    "leave_out",
    "only_if",
    "component",
    "values",
    "combine",
    "divide_by",
    "subsample",
)


@dataclass(frozen=True)
class Catalogue:
    """All that is known of a survey before any of its files is opened."""

    site: Site
    tables: Mapping[str, Table]
    origins: Mapping[str, Origin]
    codebook: Codebook

    @property
    def cycles(self) -> dict[str, Cycle]:
        """The cycles by name, in order."""
        return {cycle.name: cycle for cycle in self.site.cycles}

    def measured(self, variable: str, cycle: str) -> Measured | None:
        """Say where a cycle holds a variable; None if it does not."""
        pieces = self.origins[variable].measured
        return next((p for p in pieces if p.cycles == "all" or cycle in p.cycles), None)

    def absence(self, variable: str, cycle: str) -> str:
        """Say why a cycle does not hold a variable; "" if it does."""
        blocks = self.origins[variable].absent
        named = [b.reason for b in blocks if cycle in b.cycles]
        rest = [b.reason for b in blocks if not b.cycles]
        return "" if self.measured(variable, cycle) else (named + rest)[0]

    def path(self, cycle: str, table: str) -> str:
        """Give the path of a table's file below the site, or below a mirror laid out like it."""
        file = self.tables[table].files[cycle]
        year = file.year or self.cycles[cycle].first_year
        return self.site.path.format(first_year=year, table=file.name)


Model = TypeVar("Model")


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

    Raises
    ------
    DatasetError
        If the toolkit ships no such folder, or the installation lost it.

    Examples
    --------
    >>> shipped("datasets").name
    'datasets'
    """
    if folder not in SHIPPED:
        raise DatasetError(unknown("the toolkit ships no folder", folder, SHIPPED))
    package = Path(__file__).resolve().parents[1]
    for found in (package / "_shipped" / folder, package.parent / folder):
        if found.is_dir():
            return found
    raise DatasetError(
        f"the folder '{folder}' that belongs to the toolkit is not beside it in '{package.parent}'. "
        "Install the toolkit anew: pip install --force-reinstall cramps-toolkit."
    )


def read_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a checked record, or tell every problem of it at once.

    Parameters
    ----------
    path
        The file.
    model
        A pydantic model, or a type such as `dict[str, Entry]`.

    Raises
    ------
    DatasetError
        One line a problem: where it is, what is wrong, the nearest known key.

    Examples
    --------
    >>> read_toml(shipped("datasets") / "codebook" / "background.toml", dict[str, Entry])["bmi"].unit
    'kg/m²'
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(model).validate_python(content)
    except OSError as error:
        raise DatasetError(f"'{path}' cannot be read: {error.strerror}. Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"'{path.name}' is not TOML: {error}. Mend that line.") from error
    except ValidationError as error:
        raise _every_problem(path.name, [worded(problem, model) for problem in error.errors()]) from error


def read_themes(folder: Path, entry: type[Model]) -> dict[str, Model]:
    """Read the variables of a folder, one TOML file a theme, into one mapping by name.

    Parameters
    ----------
    folder
        The folder; its files are read in alphabetical order.
    entry
        The pydantic model of one variable.

    Raises
    ------
    DatasetError
        If a file cannot be read, or a variable stands in two of them.

    Examples
    --------
    >>> read_themes(shipped("datasets") / "codebook", Entry)["bmi"].unit
    'kg/m²'
    """
    found: dict[str, Model] = {}
    for path in sorted(folder.glob("*.toml")):
        theme = read_toml(path, cast("type[dict[str, Model]]", dict[str, entry]))  # type: ignore[valid-type]
        if twice := sorted(found.keys() & theme):
            raise DatasetError(f"'{twice[0]}' stands in two files of '{folder.name}': take it out of one.")
        found |= theme
    return found


@cache
def codebook() -> Codebook:
    """Read the codebook that every study of the toolkit shares.

    Returns
    -------
    Codebook
        Variables without question, source and availability, which each study adds.

    Examples
    --------
    >>> codebook()["sex"].levels
    ('male', 'female')
    """
    entries = read_themes(shipped("datasets") / "codebook", Entry)
    return Codebook.of(*(Variable(name=name, **entry.model_dump()) for name, entry in entries.items()))


@cache
def nhanes() -> Catalogue:
    """Read what is known of NHANES: cycles, tables, variables, weights.

    Returns
    -------
    Catalogue
        Checked: every name, level, table and cycle that is named exists.

    Examples
    --------
    >>> nhanes().path("2005-2006", "SLQ")
    'Nchs/Data/Nhanes/Public/2005/DataFiles/SLQ_D.xpt'
    """
    return read_catalogue(shipped("datasets"), "nhanes")


def read_catalogue(folder: Path, survey: str) -> Catalogue:
    """Read a survey's three files from a folder and check them against each other and the codebook.

    Parameters
    ----------
    folder
        Holds <survey>.toml, <survey>-tables.toml and the folder <survey>-variables.
    survey
        Such as "nhanes".

    Raises
    ------
    DatasetError
        Every problem at once.
    """
    found = Catalogue(
        read_toml(folder / f"{survey}.toml", Site),
        read_toml(folder / f"{survey}-tables.toml", dict[str, Table]),
        read_themes(folder / f"{survey}-variables", Origin),
        codebook(),
    )
    problems = [problem for name in found.origins for problem in _origin_problems(found, name)]
    problems += _weight_problems(found)
    if problems:
        raise _every_problem(f"{survey}-variables", problems)
    return found


def _every_problem(file: str, problems: list[str]) -> DatasetError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return DatasetError("\n".join([f"'{file}' has {count}. Mend the file:", *(f"- {p}" for p in problems)]))


def worded(problem: Any, model: Any) -> str:
    """Tell one of pydantic's problems: where it is, what is wrong, the nearest known key."""
    where = [str(part) for part in problem["loc"]]
    if problem["type"] != "extra_forbidden":
        return f"{'.'.join(where)}: {problem['msg']}"
    return f"{'.'.join(where[:-1]) or 'top level'}: " + unknown("unknown key", where[-1], _keys(model))


def _keys(model: Any) -> Iterator[str]:
    """Name the keys of a model and of all models inside it: few enough to be searched as one."""
    for inner in getattr(model, "__args__", ()):
        yield from _keys(inner)
    for name, field in getattr(model, "model_fields", {}).items():
        yield name
        yield from _keys(field.annotation)


def _origin_problems(catalogue: Catalogue, name: str) -> Iterator[str]:
    if name not in catalogue.codebook:
        yield f"{name}: " + unknown("the codebook has no variable", name, catalogue.codebook)
        return
    origin = catalogue.origins[name]
    blocks: tuple[Measured | Absent, ...] = (*origin.measured, *origin.absent)
    named = [cycle for block in blocks if block.cycles != "all" for cycle in block.cycles]
    yield from (f"{name}: {p}" for p in _unknown_words("cycle", named, catalogue.cycles))
    yield from (f"{name}: {p}" for p in _coverage(origin, catalogue.cycles))
    yield from (f"{name}: {p}" for p in _merged(origin))
    for piece in origin.measured:
        yield from (f"{name}: {p}" for p in _piece_problems(catalogue, name, piece))


def _merged(origin: Origin) -> Iterator[str]:
    """Find instruments that would be merged in silence, and blocks that differ without a word of it."""
    instruments = list(dict.fromkeys(piece.instrument for piece in origin.measured))
    if len(instruments) > 1:
        yield (
            f"two instruments under one name ('{instruments[0]}' and '{instruments[1]}'); give the second "
            "its own name, or say absent with the reason"
        )
    for before, piece in pairwise(origin.measured):
        differs = [key for key in _TOLD if getattr(before, key) != getattr(piece, key)]
        if differs and not (before.change or piece.change):
            yield f"blocks differ in {', '.join(differs)} and neither says what changed; write change = ..."
    if any("another instrument" in piece.change.lower() for piece in origin.measured):
        yield "a block that is measured calls itself another instrument; say absent, or reword the change"


def _weight_problems(catalogue: Catalogue) -> Iterator[str]:
    for cycle in catalogue.cycles.values():
        for component, weight in [*cycle.weights.items(), *cycle.four_year.items()]:
            where = f"cycle '{cycle.name}', weight '{component}': "
            yield from (where + p for p in _unknown_words("component", [component], COMPONENTS))
            yield from (where + p for p in _unknown_words("table", weight.tables, catalogue.tables))


def _coverage(origin: Origin, cycles: Mapping[str, Cycle]) -> Iterator[str]:
    blocks: tuple[Measured | Absent, ...] = (*origin.measured, *origin.absent)
    rest = any(not block.cycles for block in origin.absent)
    for cycle in cycles:
        times = sum(block.cycles == "all" or cycle in block.cycles for block in blocks)
        if times > 1:
            yield f"cycle '{cycle}' is named {times} times; name it once"
        if times == 0 and not rest:
            yield f"cycle '{cycle}' is neither measured nor absent; say which"


def _piece_problems(catalogue: Catalogue, name: str, piece: Measured) -> Iterator[str]:
    cycles = catalogue.cycles if piece.cycles == "all" else piece.cycles
    for table in piece.tables:
        if table not in catalogue.tables:
            yield unknown("there is no table", table, catalogue.tables)
        else:
            files = catalogue.tables[table].files
            yield from (f"table '{table}' has no file in cycle '{c}'" for c in cycles if c not in files)
    unknowns = [reason for rows in piece.rows.values() for reason in rows.unknown]
    reasons = [reason for of in piece.reads.values() for reason in of.missing.values()]
    yield from _unknown_words("level", piece.codes.values(), catalogue.codebook[name].levels)
    yield from _unknown_words("reason", [*reasons, *unknowns, piece.blank], REASONS)
    yield from _unknown_words("component", [piece.component] if piece.component else [], COMPONENTS)
    yield from _unknown_words("variable in only_if", piece.only_if, catalogue.origins)
    yield from _formula_problems(piece, catalogue.codebook[name])


def _formula_problems(piece: Measured, variable: Variable) -> Iterator[str]:
    """Tell what is wrong with how a value is worked out of several answers or rows."""
    if bool(piece.columns) == piece.computed:
        yield "it needs either columns, or inputs or rows with a formula"
    if piece.computed and not piece.expression and (piece.inputs or len(piece.rows) != 1):
        yield "several inputs or rows need a formula that joins them"
    try:
        texts = [_parsed_rows(rows) for rows in piece.rows.values()]
        if piece.expression:
            parsed = formula(piece.expression)
            yield from _unknown_words("name in the formula", parsed.names, [*piece.inputs, *piece.rows])
            yield from _unknown_words("level", parsed.levels, variable.levels)
    except VariableError as error:
        yield str(error)
    else:
        yield from (problem for found in texts for problem in found)


def _parsed_rows(rows: Rows) -> list[str]:
    """Parse the conditions of a reduction; gives what is wrong with it besides the language."""
    conditions: list[Formula] = [formula(text) for text in (rows.where, *rows.unknown.values())]
    wrong = [f"'{one.text}' is not a condition" for one in conditions if one.result != "yes_no"]
    if rows.total and rows.lookup:
        wrong.append("a total cannot be taken over the rows of a lookup: they may stand there twice")
    return wrong + list(_unknown_words("column in texts", rows.texts, columns_of(rows)))


def _unknown_words(what: str, words: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    known = tuple(known)
    yield from (unknown(f"unknown {what}", word, known) for word in dict.fromkeys(words) if word not in known)
