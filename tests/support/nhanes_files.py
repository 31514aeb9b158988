"""Write a simulated study as NHANES transport files, laid out like the CDC's site and marked as simulated.

`open_nhanes` reads back equal design, weights and every variable that NHANES measured in these cycles, except
variables computed from several answers: these are left blank.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl

from tests.support.transport_writer import write_transport
from toolkit.errors import DatasetError, unknown
from toolkit.files.safe_files import write_text
from toolkit.sources.catalog import Catalog, nhanes
from toolkit.sources.catalog_records import Beside, Cycle, Measured
from toolkit.sources.harmonize.multirow import columns_of, lookup_columns
from toolkit.sources.nhanes.cycle_files import MARK
from toolkit.studies import Study
from toolkit.variables import why

PERSON = "person"
LABEL = "SIMULATED (no real people)"
_NOT_EXAMINED = 1
# The reason that a blank states; no code is needed for it.
_UNSTATED = "no value recorded"
_BLANK = pl.lit(None, pl.Float64)


def write_nhanes(population: Study, folder: str | Path) -> list[Path]:
    """Write the files, the mark first, and return their paths.

    The people need `cycle`, a design of strata and PSUs, and the weights `interview` and `examination`,
    pooled over the cycles. A column `person` names them; without it they are numbered.
    """
    if not population.simulated:
        raise DatasetError(
            f"'{population.label}' is not simulated: its people are not written as NHANES files. "
            "Use tk.open_study('simulated')."
        )
    catalog = nhanes()
    tables = dict(_all_tables(catalog, population))
    mark = Path(folder) / MARK
    write_text(mark, _mark_text(population, {Path(p).stem: t.height for p, t in tables.items()}))
    return [mark, *(_write(catalog, Path(folder) / path, table) for path, table in tables.items())]


def _write(catalog: Catalog, path: Path, table: pl.DataFrame) -> Path:
    labels = {catalog.site.person: "Respondent sequence number (SIMULATED)"}
    write_transport(path, table, path.stem, labels)
    return path


def _mark_text(population: Study, rows: Mapping[str, int]) -> str:
    plain = {k: v for k, v in population.provenance.items() if isinstance(v, str | int | float)}
    lines = [
        "# These files hold simulated people. No person in them is real.",
        f'label = "{LABEL}"',
        "",
        "[rows]",
        *(f"{name} = {count}" for name, count in rows.items()),
        "",
        "[source]",
        *(f"{key} = {_toml(value)}" for key, value in plain.items()),
    ]
    return "\n".join(lines) + "\n"


def _toml(value: str | int | float) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
    return str(value).lower()


def _all_tables(catalog: Catalog, population: Study) -> Iterator[tuple[str, pl.DataFrame]]:
    people = _numbered(population.people)
    names = people["cycle"].cast(pl.String).unique().sort().to_list()
    for name in names:
        if name not in catalog.cycles:
            raise DatasetError(unknown("NHANES has no cycle", name, catalog.cycles))
    cycles = [catalog.cycles[name] for name in names]
    total = sum(cycle.years for cycle in cycles)
    for cycle in cycles:
        own = people.filter(pl.col("cycle").cast(pl.String) == cycle.name)
        columns = _home_columns(catalog, population, cycle, total)
        parts = _part_weights(population, cycle, total)
        yield from _cycle_tables(catalog, cycle, own, {catalog.site.home: columns, **parts})


def _numbered(people: pl.DataFrame) -> pl.DataFrame:
    return people if PERSON in people.columns else people.with_row_index(PERSON, offset=1)


def _home_columns(catalog: Catalog, population: Study, cycle: Cycle, total: float) -> dict[str, pl.Expr]:
    site, design = catalog.site, population.design
    weights = _own_weights(population, cycle, total)
    home = {name: column for name, column in cycle.weights.items() if not column.tables}
    missing = [name for name in home if name not in weights]
    if missing or design.strata is None or len(design.stages) != 1:
        raise DatasetError(
            "NHANES files need strata, one stage of PSUs and the weights "
            f"{', '.join(home)}; the design has {', '.join(weights) or 'no weight'}. "
            "Declare them: Design(weight={...}, strata=..., psu=...)."
        )
    examined = pl.when(weights["examination"] > 0).then(site.examined).otherwise(_NOT_EXAMINED)
    return {
        site.release: pl.lit(cycle.release),
        site.status: examined,
        site.stratum: pl.col(design.strata),
        site.psu: pl.col(design.stages[0]),
        **{column.column: weights[name] for name, column in home.items()},
    }


def _part_weights(population: Study, cycle: Cycle, total: float) -> dict[str, dict[str, pl.Expr]]:
    """Give the weights that stand in tables of their own, by table; blank where the design has none."""
    weights = _own_weights(population, cycle, total)
    found: dict[str, dict[str, pl.Expr]] = {}
    for name, own in cycle.weights.items():
        for table in own.tables:
            found.setdefault(table, {})[own.column] = weights.get(name, _BLANK)
    return found


def _own_weights(population: Study, cycle: Cycle, total: float) -> dict[str, pl.Expr]:
    """Give the weights of one cycle for itself, by component: its own, or pooled ones scaled back."""
    own: dict[str, pl.Expr] = {}
    for name, weight in population.design.components.items():
        alone = [w for w in weight.cycles if w.cycle == cycle.name]
        scale = alone[0].scale if alone else total / cycle.years
        own[name] = pl.col(alone[0].column if alone else weight.column) * scale
    return own


def _cycle_tables(
    catalog: Catalog, cycle: Cycle, people: pl.DataFrame, design: Mapping[str, Mapping[str, pl.Expr]]
) -> Iterator[tuple[str, pl.DataFrame]]:
    site = catalog.site
    pieces = {name: p for name in catalog.origins if (p := catalog.measured(name, cycle.name))}
    needed = {site.home, *(table for piece in pieces.values() for table, _ in piece.reads)}
    columns = {table: dict(expressions) for table, expressions in design.items() if table in needed}
    for name, piece in pieces.items():
        there = name in people.columns and not piece.computed
        codes = dict(zip(piece.columns, _codes(people, name, piece), strict=True)) if there else {}
        if there and piece.beside:
            codes[piece.beside.column] = _beside(people, name, piece.beside)
        for (table, column), of in piece.reads.items():
            blank = pl.lit(None, pl.String if of.texts else pl.Float64)
            columns.setdefault(table, {}).setdefault(column, blank)
        columns.setdefault(piece.table, {}).update(codes)
    for table, expressions in columns.items():
        frame = people.select(
            pl.col(PERSON).cast(pl.Float64).alias(site.person),
            *(expression.alias(column) for column, expression in expressions.items()),
        ).with_columns(pl.selectors.numeric().cast(pl.Float64))
        answered = pl.any_horizontal(pl.exclude(site.person).is_not_null())
        stands = frame.select(answered).to_series() | _drawn(people, table, pieces)
        yield catalog.path(cycle.name, table), frame.filter(stands)
    yield from _empty_tables(catalog, cycle, pieces.values())


def _drawn(people: pl.DataFrame, table: str, pieces: Mapping[str, Measured]) -> pl.Series:
    """Mark who stands in the table of a subsample without a value: they were drawn, and others were not."""
    found = pl.repeat(value=False, n=people.height, eager=True)
    for name, piece in pieces.items():
        if piece.subsample and piece.table == table and why(name) in people.columns:
            found |= (people[why(name)].cast(pl.String) == piece.blank).fill_null(value=False)
    return found


def _empty_tables(
    catalog: Catalog, cycle: Cycle, pieces: Iterable[Measured]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Lay out the tables of many rows a person: what follows from rows does not give the rows back."""
    schemas: dict[str, dict[str, type[pl.DataType]]] = {}
    for rows in (rows for piece in pieces for rows in piece.rows.values()):
        own = {c: pl.String if c in rows.texts else pl.Float64 for c in columns_of(rows)}
        schemas.setdefault(rows.table, {catalog.site.person: pl.Float64}).update(own)
        if rows.lookup:
            more = {c: pl.String if c == rows.lookup.on else pl.Float64 for c in lookup_columns(rows.lookup)}
            schemas.setdefault(rows.lookup.table, {}).update(more)
    for table, schema in schemas.items():
        yield catalog.path(cycle.name, table), pl.DataFrame(schema=schema)


def _codes(people: pl.DataFrame, name: str, piece: Measured) -> list[pl.Expr]:
    """Turn a variable's values and reasons back into what the file's columns hold."""
    columns = _split(people, name, piece) if piece.values else _single(people, name, piece)
    missing = _stated(people, name, piece.missing)
    return [pl.coalesce(column, missing) for column in columns]


def _stated(people: pl.DataFrame, name: str, missing: Mapping[Any, str]) -> pl.Expr:
    """Turn a variable's reasons into the codes that state them."""
    if why(name) not in people.columns:
        return _BLANK
    stated = {reason: float(code) for code, reason in _first_wins(missing) if reason != _UNSTATED}
    words = pl.col(why(name)).cast(pl.String)
    return words.replace_strict(stated, default=None, return_dtype=pl.Float64)


def _beside(people: pl.DataFrame, name: str, beside: Beside) -> pl.Expr:
    """Give the column beside a value: the code of its reason, or the one that says that it is here."""
    here = pl.when(pl.col(name).is_not_null()).then(pl.lit(beside.here, pl.Float64))
    return pl.coalesce(_stated(people, name, beside.missing), here)


def _first_wins(codes: Mapping[Any, str]) -> list[tuple[Any, str]]:
    """Order codes so that, of those that mean the same, a dictionary keeps the first."""
    return sorted(codes.items(), reverse=True)


def _single(people: pl.DataFrame, name: str, piece: Measured) -> list[pl.Expr]:
    if piece.codes:
        codes = {level: float(code) for code, level in _first_wins(piece.codes)}
        _expect_levels(people, name, list(codes))
        text = pl.col(name).cast(pl.String)
        return [text.replace_strict(codes, default=None, return_dtype=pl.Float64)]
    # Hours come from whole minutes; a sum of measured numbers is written whole into the first column.
    first = pl.col(name) if piece.divide_by == 1 else (pl.col(name) * piece.divide_by).round()
    return [first, *[pl.when(pl.col(name).is_not_null()).then(0.0)] * (len(piece.columns) - 1)]


def _split(people: pl.DataFrame, name: str, piece: Measured) -> list[pl.Expr]:
    """Find for each sum the codes of the answers that make it up."""
    parts: dict[float, tuple[float, ...]] = {}
    for codes in product(piece.values, repeat=len(piece.columns)):
        parts.setdefault(sum(piece.values[code] for code in codes), codes)
    _expect_levels(people, name, list(parts))
    return [
        pl.col(name).replace_strict(
            {total: float(codes[place]) for total, codes in parts.items()},
            default=None,
            return_dtype=pl.Float64,
        )
        for place in range(len(piece.columns))
    ]


def _expect_levels(people: pl.DataFrame, name: str, known: Sequence[str] | Sequence[float]) -> None:
    values = people[name].drop_nulls()
    values = values if values.dtype == pl.Float64 else values.cast(pl.String)
    strange = values.filter(~values.is_in(list(known)))
    if len(strange):
        raise DatasetError(
            f"'{name}' cannot be written as NHANES files: {len(strange):,} values have no code there. "
            f"It knows: {', '.join(str(value) for value in sorted(known))}."
        )
