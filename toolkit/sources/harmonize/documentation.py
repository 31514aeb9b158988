"""Document a survey's variables: question, source, availability and comparability by cycle."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from toolkit.sources.catalog import Catalog
from toolkit.sources.catalog_records import Measured, Origin, Rows
from toolkit.sources.harmonize.multirow import columns_of
from toolkit.studies import cycles_by
from toolkit.variables import Availability, Codebook, Comparability, Variable, deepest

NOT_FOUND, NO_COLUMN = "file not found", "column not found"
Gaps = Mapping[tuple[str, str], str]


def places_of(piece: Measured) -> list[tuple[str, str]]:
    """Name every table and column that a block reads, including tables with several rows per person."""
    return [*piece.reads, *((rows.table, c) for rows in piece.rows.values() for c in columns_of(rows))]


def describe(
    catalog: Catalog, cycles: Sequence[str], not_found: Gaps, lacking: Gaps | None = None
) -> Codebook:
    """Complete the codebook for the opened cycles.

    `not_found` maps table and cycle to the address of an absent file, `lacking` variable and cycle to the
    reason why a file lacks one of its columns.
    """
    gaps = (not_found, lacking or {})
    entries = [_describe_variable(catalog, name, cycles, gaps) for name in catalog.origins]
    cycle = replace(catalog.codebook["cycle"], levels=tuple(cycles), reference=cycles[0])
    return Codebook.of(cycle, *entries)


def _describe_variable(
    catalog: Catalog, name: str, cycles: Sequence[str], gaps: tuple[Gaps, Gaps]
) -> Variable:
    base, origin = catalog.codebook[name], catalog.origins[name]
    pieces = {cycle: p for cycle in cycles if (p := catalog.measured(name, cycle))}
    return replace(
        base,
        component=deepest([p.component or base.component for p in pieces.values()]) or base.component,
        question=_join_questions(pieces),
        asked=origin.asked,
        source=_join_sources(catalog, pieces),
        availability=tuple(_availability(catalog, name, cycle, gaps) for cycle in cycles),
        comparability=tuple(_comparability(catalog, name, cycle) for cycle in catalog.cycles),
        review=_review_reason(origin, pieces),
        unfit=origin.unfit if pieces else "",
        note=" ".join(note for note in (base.note, origin.note) if note),
    )


def _review_reason(origin: Origin, pieces: Mapping[str, Measured]) -> str:
    """Explain why estimates are flagged for review: a proxy, or pooled cycles that should be compared."""
    reasons = [f"a proxy: {piece.proxy}" for piece in pieces.values() if piece.proxy]
    if origin.pooled and len(pieces) > 1:
        reasons.append(f"not alike in {', '.join(pieces)}: {origin.pooled}")
    return "; ".join(dict.fromkeys(reasons))


def _join_questions(pieces: Mapping[str, Measured]) -> str:
    cycles_of = cycles_by((piece.question, cycle) for cycle, piece in pieces.items())
    if len(cycles_of) <= 1:
        return "".join(cycles_of)
    return " ".join(f"{', '.join(cycles)}: {question}" for question, cycles in cycles_of.items())


def _join_sources(catalog: Catalog, pieces: Mapping[str, Measured]) -> str:
    """Name the columns of each cycle, and once each the computations from several of them."""
    places = ", ".join(_columns_read(catalog, cycle, piece) for cycle, piece in pieces.items())
    rules = dict.fromkeys(_computation(piece) for piece in pieces.values() if piece.computed)
    return ". ".join(filter(None, [places, *rules]))


def _computation(piece: Measured) -> str:
    return "; ".join(
        [piece.expression or "yes if any row counts", *(_reduction(n, r) for n, r in piece.rows.items())]
    )


def _reduction(name: str, rows: Rows) -> str:
    what = f"the sum of {rows.total} over" if rows.total else "1 if any of"
    return f"{name}: {what} the rows of {rows.table} where {rows.where}"


def _columns_read(catalog: Catalog, cycle: str, piece: Measured) -> str:
    columns: dict[str, list[str]] = {}
    for table, column in dict.fromkeys(places_of(piece)):
        columns.setdefault(catalog.tables[table].files[cycle].name, []).append(column)
    if piece.computed:
        return " with ".join(f"{file} ({', '.join(own)})" for file, own in columns.items())
    return " + ".join(f"{file}.{column}" for file, own in columns.items() for column in own)


def _availability(catalog: Catalog, name: str, cycle: str, gaps: tuple[Gaps, Gaps]) -> Availability:
    not_found, lacking = gaps
    piece = catalog.measured(name, cycle)
    if piece is None:
        return Availability(cycle, "not measured", catalog.absence(name, cycle))
    lost = [not_found[table, cycle] for table in piece.tables if (table, cycle) in not_found]
    if lost:
        return Availability(cycle, "not measured", f"{NOT_FOUND}: {lost[0]}")
    if (name, cycle) in lacking:
        return Availability(cycle, "not measured", lacking[name, cycle])
    return Availability(cycle, "proxy" if piece.proxy else "measured", piece.proxy or piece.change)


def _comparability(catalog: Catalog, name: str, cycle: str) -> Comparability:
    piece = catalog.measured(name, cycle)
    if piece is None:
        return Comparability(cycle, "absent", catalog.absence(name, cycle))
    return Comparability(cycle, "changed" if piece.change else "same", piece.change)
