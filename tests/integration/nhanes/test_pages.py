"""What NHANES opens with equals, code by code, the counts that the CDC prints on its codebook pages."""

from collections import Counter

import polars as pl
import pyreadstat
import pytest

from toolkit.sources import catalog
from toolkit.sources.nhanes import open_nhanes
from toolkit.variables import why

CATALOG = catalog.nhanes()
# Cycle and table -> the codebook variables that are read from it.
READ: dict[tuple[str, str], list[str]] = {}
for variable in CATALOG.origins:
    for of_cycle in CATALOG.cycles:
        if (found := CATALOG.measured(variable, of_cycle)) is not None:
            for of_table in dict.fromkeys(place for place, _ in found.reads):
                READ.setdefault((of_cycle, of_table), []).append(variable)


def pages(cycle, mirror, nhanes_page):
    """Give the tables of a cycle that are both in the mirror and among the pages."""
    told = False
    for (of, table), names in READ.items():
        path = mirror / CATALOG.path(cycle, table) if of == cycle else None
        page = nhanes_page(path.stem) if path is not None and path.is_file() else None
        if page is not None:
            told = True
            yield path, {v["name"].upper(): v["codes"] for v in page["variables"]}, names
    if not told:
        pytest.skip(f"NO FILES OF {cycle} in the mirror")


@pytest.mark.parametrize("cycle", list(CATALOG.cycles))
def test_raw_counts_by_an_independent_reader(cycle, nhanes_mirror, nhanes_page):
    for path, page, names in pages(cycle, nhanes_mirror, nhanes_page):
        pieces = [CATALOG.measured(name, cycle) for name in names]
        own = {table for (of, table), read in READ.items() if of == cycle and read == names}
        columns = list(
            dict.fromkeys(c for p in pieces for (t, c), of in p.reads.items() if t in own and not of.texts)
        )
        frame, _ = pyreadstat.read_xport(str(path), encoding="latin1", usecols=columns)
        for column in columns:
            codes = {entry["code"]: entry["count"] for entry in page[column]}
            for code, count in codes.items():
                if code.isdigit():
                    assert (column, code, count) == (column, code, (frame[column] == float(code)).sum())
            assert (column, codes["."]) == (column, frame[column].isna().sum())


@pytest.mark.parametrize("cycle", list(CATALOG.cycles))
def test_levels_and_stated_reasons(cycle, nhanes_mirror, nhanes_page):
    tables = list(pages(cycle, nhanes_mirror, nhanes_page))
    people = open_nhanes(cycle, nhanes_mirror).people
    for _, page, names in tables:
        for name in names:
            piece = CATALOG.measured(name, cycle)
            if piece.codes:
                assert (name, counted(people, name, piece)) == (name, printed(page[piece.columns[0]], piece))


def counted(people, name, piece):
    """Count levels and the reasons that codes state; who was skipped has the reason of the gate."""
    asked = people
    for gate, levels in piece.only_if.items():
        asked = asked.filter(pl.col(gate).cast(pl.String).is_in(levels))
    values = asked[name].drop_nulls().to_list()
    reasons = [r for r in asked[why(name)].drop_nulls().to_list() if r in piece.missing.values()]
    return Counter(values) + Counter(reasons)


def printed(entries, piece):
    """Add up the page's counts under the words of the catalog; one page prints each code twice."""
    words = {**piece.missing, **piece.codes}
    total: Counter[str] = Counter()
    for code, count in {entry["code"]: entry["count"] for entry in entries}.items():
        if code.isdigit():
            total[words[int(code)]] += count
    return +total


@pytest.mark.parametrize("cycle", list(CATALOG.cycles))
def test_measured_numbers(cycle, nhanes_mirror, nhanes_page):
    tables = list(pages(cycle, nhanes_mirror, nhanes_page))
    people = open_nhanes(cycle, nhanes_mirror).people
    for _, page, names in tables:
        for name in names:
            piece = CATALOG.measured(name, cycle)
            if not piece.codes and not piece.values and not piece.leave_out and not piece.computed:
                entries = page[piece.columns[0]]
                missing = {".", *(str(code) for code in piece.missing)}
                expected = sum(entry["count"] for entry in entries if entry["code"] not in missing)
                assert (name, expected) == (name, people[name].count())
