"""The shared codebook, and the catalog of a survey: cycles, tables, variables and weights, cross-checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from toolkit.errors import VariableError, unknown, unknown_words
from toolkit.files.checked_toml import list_problems, read_themes, read_toml, shipped
from toolkit.sources.catalog_records import Absent, Cycle, Measured, Origin, Rows, Site, Table
from toolkit.sources.harmonize.multirow import columns_of
from toolkit.variables import COMPONENTS, REASONS, Codebook, Formula, Variable, formula
from toolkit.variables.codebook import codebook

# Blocks of a variable that differ in one of these differ in what was asked or measured, and of whom. Another
# name of a column or another code for the same answer is no difference.
_DISTINGUISHING = (
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
class Catalog:
    """What is known of a survey before any of its files is opened."""

    site: Site
    tables: Mapping[str, Table]
    origins: Mapping[str, Origin]
    codebook: Codebook

    @property
    def cycles(self) -> dict[str, Cycle]:
        """The cycles by name, in order."""
        return {cycle.name: cycle for cycle in self.site.cycles}

    def measured(self, variable: str, cycle: str) -> Measured | None:
        """Return how a cycle measured a variable; None if it did not."""
        pieces = self.origins[variable].measured
        return next((p for p in pieces if p.cycles == "all" or cycle in p.cycles), None)

    def absence(self, variable: str, cycle: str) -> str:
        """Return why a cycle did not measure a variable; "" if it did."""
        blocks = self.origins[variable].absent
        named = [b.reason for b in blocks if cycle in b.cycles]
        rest = [b.reason for b in blocks if not b.cycles]
        return "" if self.measured(variable, cycle) else (named + rest)[0]

    def path(self, cycle: str, table: str) -> str:
        """Return the path of a table's file below the site or a mirror."""
        file = self.tables[table].files[cycle]
        year = file.year or self.cycles[cycle].first_year
        return self.site.path.format(first_year=year, table=file.name)


@cache
def nhanes() -> Catalog:
    """Return the catalog of NHANES, in which every name, level, table and cycle that is used exists."""
    return read_catalog(shipped("datasets"), "nhanes")


def read_catalog(folder: Path, survey: str) -> Catalog:
    """Read <survey>.toml, <survey>-tables.toml and <survey>-variables/; an error lists all problems."""
    found = Catalog(
        read_toml(folder / f"{survey}.toml", Site),
        read_toml(folder / f"{survey}-tables.toml", dict[str, Table]),
        read_themes(folder / f"{survey}-variables", Origin),
        codebook(),
    )
    problems = [problem for name in found.origins for problem in _origin_problems(found, name)]
    problems += _weight_problems(found)
    if problems:
        raise list_problems(f"{survey}-variables", problems)
    return found


def _origin_problems(catalog: Catalog, name: str) -> Iterator[str]:
    if name not in catalog.codebook:
        yield f"{name}: " + unknown("The codebook has no variable", name, catalog.codebook)
        return
    origin = catalog.origins[name]
    blocks: tuple[Measured | Absent, ...] = (*origin.measured, *origin.absent)
    named = [cycle for block in blocks if block.cycles != "all" for cycle in block.cycles]
    problems = [
        *unknown_words("Unknown cycle", named, catalog.cycles),
        *_coverage(origin, catalog.cycles),
        *_merged(origin),
        *(problem for piece in origin.measured for problem in _piece_problems(catalog, name, piece)),
    ]
    yield from (f"{name}: {problem}" for problem in problems)


def _merged(origin: Origin) -> Iterator[str]:
    """Find instruments that would be merged silently, and blocks that differ without a stated change."""
    instruments = list(dict.fromkeys(piece.instrument for piece in origin.measured))
    if len(instruments) > 1:
        yield (
            f"Two instruments share one name ('{instruments[0]}' and '{instruments[1]}'). Give the second "
            "its own name, or declare it absent with the reason"
        )
    for before, piece in pairwise(origin.measured):
        differs = [key for key in _DISTINGUISHING if getattr(before, key) != getattr(piece, key)]
        if differs and not (before.change or piece.change):
            yield f"Blocks differ in {', '.join(differs)} and neither declares it. Write change = ..."
    if any("another instrument" in piece.change.lower() for piece in origin.measured):
        yield "A measured block is described as another instrument. Declare it absent, or rewrite the change"


def _weight_problems(catalog: Catalog) -> Iterator[str]:
    for cycle in catalog.cycles.values():
        for component, weight in [*cycle.weights.items(), *cycle.four_year.items()]:
            where = f"cycle '{cycle.name}', weight '{component}': "
            yield from (where + p for p in unknown_words("Unknown component", [component], COMPONENTS))
            yield from (where + p for p in unknown_words("Unknown table", weight.tables, catalog.tables))


def _coverage(origin: Origin, cycles: Mapping[str, Cycle]) -> Iterator[str]:
    blocks: tuple[Measured | Absent, ...] = (*origin.measured, *origin.absent)
    rest = any(not block.cycles for block in origin.absent)
    for cycle in cycles:
        times = sum(block.cycles == "all" or cycle in block.cycles for block in blocks)
        if times > 1:
            yield f"Cycle '{cycle}' is listed {times} times. List it once"
        if times == 0 and not rest:
            yield f"Cycle '{cycle}' is neither measured nor absent. Declare which"


def _piece_problems(catalog: Catalog, name: str, piece: Measured) -> Iterator[str]:
    cycles = catalog.cycles if piece.cycles == "all" else piece.cycles
    for table in piece.tables:
        if table not in catalog.tables:
            yield unknown("Unknown table", table, catalog.tables)
        else:
            files = catalog.tables[table].files
            yield from (f"Table '{table}' has no file in cycle '{c}'" for c in cycles if c not in files)
    unknowns = [reason for rows in piece.rows.values() for reason in rows.unknown]
    reasons = [reason for of in piece.reads.values() for reason in of.missing.values()]
    yield from unknown_words("Unknown level", piece.codes.values(), catalog.codebook[name].levels)
    yield from unknown_words("Unknown reason", [*reasons, *unknowns, piece.blank], REASONS)
    yield from unknown_words("Unknown component", [piece.component] if piece.component else [], COMPONENTS)
    yield from unknown_words("Unknown variable in only_if", piece.only_if, catalog.origins)
    yield from _formula_problems(piece, catalog.codebook[name])


def _formula_problems(piece: Measured, variable: Variable) -> Iterator[str]:
    """Check how a value is computed from several answers or rows."""
    if bool(piece.columns) == piece.computed:
        yield "A block needs either columns, or inputs or rows with an expression"
    if piece.computed and not piece.expression and (piece.inputs or len(piece.rows) != 1):
        yield "Several inputs or rows need an expression that combines them"
    if piece.levels and (piece.values or not piece.codes):
        yield "A block needs either levels by code or values by code"
    try:
        texts = [_parsed_rows(rows) for rows in piece.rows.values()]
        if piece.expression:
            parsed = formula(piece.expression)
            yield from unknown_words(
                "Unknown name in the expression", parsed.names, [*piece.inputs, *piece.rows]
            )
            yield from unknown_words("Unknown level", parsed.levels, variable.levels)
    except VariableError as error:
        yield str(error)
    else:
        yield from (problem for found in texts for problem in found)


def _parsed_rows(rows: Rows) -> list[str]:
    """Parse the conditions of a reduction; return its problems other than syntax."""
    conditions: list[Formula] = [formula(text) for text in (rows.where, *rows.unknown.values())]
    wrong = [f"'{one.text}' is not a condition" for one in conditions if one.result != "yes_no"]
    if rows.total and rows.lookup:
        wrong.append("A total cannot be computed over the rows of a lookup, which may be repeated")
    return wrong + list(unknown_words("Unknown column in texts", rows.texts, columns_of(rows)))
