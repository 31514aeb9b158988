"""Missing values of every variable, in every cycle, are those of the CDC's codebook pages, code by code."""

from collections import Counter

import polars as pl
import pyreadstat
import pytest

from tests.support.looping import in_one_test
from toolkit.sources import catalog
from toolkit.sources.nhanes import open_nhanes
from toolkit.variables import REASONS, why

CATALOG = catalog.nhanes()
# Pages and files of these tables differ, by the CDC's own doing. The catalog reads none of the columns that
# differ but those of KIQ_U_C, whose page prints each code twice; of L25_B it reads red cells and hemoglobin.
DIFFERING = {
    "DSQ2_D": "six counts are up to three persons lower on the page",
    "FSQ_D": "household food security is counted otherwise on the page",
    "L25_B": "two white cell counts count zero otherwise on the page",
    "PSA_D": "the page's format",
    "SMQ_E": "the page's format",
    "SMQ_F": "the page's format",
    "VITAEC_D": "the page's format",
    "WHQ_D": "one person of WHQ060 is elsewhere on the page",
    "KIQ_U_C": "the page prints each code twice",
}
TWICE = ("KIQ_U_C",)


@pytest.fixture(scope="module")
def opened(nhanes_mirror):
    """Open each cycle once; None where its home table is not at hand."""
    found = {}

    def of(cycle):
        if cycle not in found:
            home = nhanes_mirror / CATALOG.path(cycle, CATALOG.site.home)
            found[cycle] = open_nhanes(cycle, nhanes_mirror).people if home.is_file() else None
        return found[cycle]

    return of


@pytest.fixture(scope="module")
def raw(nhanes_mirror):
    """Read a column by pyreadstat, by person; None where the file is not at hand."""
    found = {}

    def of(cycle, table, column):
        path = nhanes_mirror / CATALOG.path(cycle, table)
        if path not in found and path.is_file():
            frame, _ = pyreadstat.read_xport(str(path), encoding="latin1")
            found[path] = pl.from_pandas(frame).rename(str.upper)
        return found[path].select("SEQN", column) if path in found else None

    return of


def at_hand(name, opened):
    """Give the cycles that measured a variable and whose files are there."""
    for cycle in CATALOG.cycles:
        piece = CATALOG.measured(name, cycle)
        people = opened(cycle) if piece else None
        if people is not None and name in people.columns:
            yield cycle, piece, people


def printed(page, column, table):
    """Give the page's count of each code, "." for blanks."""
    entries = next(v["codes"] for v in page["variables"] if v["name"].upper() == column)
    total = Counter()
    for entry in entries:
        total[entry["code"]] += entry["count"] or 0
    return {code: count // 2 if table in TWICE else count for code, count in total.items()}


@in_one_test("name", list(CATALOG.origins))
def test_every_code_of_every_column_has_the_pages_count(name, opened, raw, nhanes_page):
    checked = 0
    for cycle, piece, _ in at_hand(name, opened):
        for table, column in piece.reads:
            file = CATALOG.tables[table].files[cycle].name
            page, values = nhanes_page(file), raw(cycle, table, column)
            if page is None or not values[column].dtype.is_numeric():
                continue
            for code, count in printed(page, column, file).items():
                if code == "." or code.lstrip("-").replace(".", "", 1).isdigit():
                    here = (
                        values[column].null_count() if code == "." else (values[column] == float(code)).sum()
                    )
                    assert (file, column, code, count) == (file, column, code, here)
                    checked += 1
    if not checked:
        pytest.skip(f"NO FILE OR PAGE of '{name}' at hand")


CODED = [
    name
    for name, origin in CATALOG.origins.items()
    if any(of.missing for piece in origin.measured if not piece.computed for of in piece.reads.values())
]


@in_one_test("name", CODED)
def test_a_code_that_states_a_reason_gives_that_reason_and_no_value(name, opened, raw):
    """Who answered "refused" is missing as refused, unless the question counts for others alone."""
    checked = 0
    for cycle, piece, people in at_hand(name, opened):
        for (table, column), of in piece.reads.items():
            values = raw(cycle, table, column)
            if of.texts or piece.computed or not values[column].dtype.is_numeric():
                continue
            for code, reason in of.missing.items():
                coded = values.filter(pl.col(column) == float(code))["SEQN"].cast(pl.Int64)
                own = people.filter(pl.col("person").is_in(coded.to_list()))
                assert own[name].null_count() == own.height, (cycle, column, code)
                others = set(own[why(name)].cast(pl.String)) - {reason}
                # Two columns may state two reasons; ages that do not count were not asked.
                stated = {told for place in piece.reads.values() for told in place.missing.values()}
                allowed = (stated if len(piece.reads) > 1 else set()) | (
                    {"not asked"} if piece.leave_out else set()
                )
                assert others <= allowed, (cycle, column, code, others)
                checked += own.height
    if not checked:
        pytest.skip(f"NOBODY gave a coded reason for '{name}' in the files at hand")


@in_one_test("name", list(CATALOG.origins))
def test_values_and_gaps_add_up_to_everyone(name, opened):
    seen = 0
    for cycle, piece, people in at_hand(name, opened):
        reasons = people[why(name)].drop_nulls().cast(pl.String)
        assert people.height == people[name].count() + len(reasons), cycle
        known = {*piece.missing.values(), *(r for of in piece.reads.values() for r in of.missing.values())}
        known |= {reason for rows in piece.rows.values() for reason in rows.unknown}
        known |= {"not asked", "not examined", "no value recorded", piece.blank}
        known |= {"not in the subsample"} if piece.subsample else set()
        gates = [
            reason for gate in piece.only_if for reason in set(people[why(gate)].drop_nulls().cast(pl.String))
        ]
        assert set(reasons) <= known | set(gates), cycle
        assert set(reasons) <= set(REASONS)
        seen += 1
    if not seen:
        pytest.skip(f"NO FILE of '{name}' at hand")


def test_of_the_tables_that_differ_from_their_pages_four_are_read():
    read = {
        CATALOG.tables[table].files[cycle].name: columns
        for cycle in CATALOG.cycles
        for name in CATALOG.origins
        if (piece := CATALOG.measured(name, cycle))
        for table, columns in piece.reads
    }
    assert {"KIQ_U_C", "L25_B", "SMQ_E", "SMQ_F"} == set(DIFFERING) & set(read)


def test_what_is_below_the_limit_of_detection_says_so(opened):
    people = opened("2003-2004")
    if people is None or "fasting_insulin" not in people.columns:
        pytest.skip("NO FILE of insulin 2003-2004 at hand")
    # The page of L10AM_C prints 16 persons at 0.71, "below limit of detection".
    assert 16 == (people[why("fasting_insulin")] == "below detection limit").sum()
    assert people["fasting_insulin"].min() >= 1
