"""Rows of a person become one number: three-valued, with the reason where the rows leave it open."""

from itertools import permutations

import polars as pl
import pytest

from toolkit.sources.catalog_records import Lookup, Rows
from toolkit.sources.harmonize.multirow import columns_of, lookup_columns, reduce_rows
from toolkit.variables import Reason

DRUG = Rows(
    table="DRUGS",
    where="TAKES == 1 and CLASS == 40 and SUB == 49",
    unknown={"refused": "TAKES == 7 or NAME == '77777'", "don't know": "TAKES == 9 or NAME == '99999'"},
    texts=("ID", "NAME"),
    lookup=Lookup(table="CLASSES", on="ID", columns=("CLASS#", "SUB#"), slots=2),
)
CLASSES = pl.DataFrame(
    {
        "ID": ["water", "both", "other"],
        "CLASS1": [40.0, 57.0, 57.0],
        "SUB1": [49.0, 1.0, 49.0],
        "CLASS2": [None, 40.0, None],
        "SUB2": [None, 49.0, None],
    }
)
WATER, BOTH, OTHER = (1.0, "water", "A"), (1.0, "both", "B"), (1.0, "other", "C")
NONE, REFUSED, FORGOT = (2.0, "", ""), (1.0, "", "77777"), (1.0, "", "99999")
NEW = (1.0, "of next year", "D")  # not among the classes
SILENT = (None, "", "")


def table(*rows: tuple[float | None, str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"TAKES": pl.Float64, "ID": pl.String, "NAME": pl.String}, orient="row")
    return frame.with_columns(person=pl.lit(1, pl.Int64))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((WATER,), (1.0, None)),
        ((BOTH,), (1.0, None)),
        ((OTHER,), (0.0, None)),
        ((NONE,), (0.0, None)),
        ((REFUSED,), (None, "refused")),
        ((FORGOT,), (None, "don't know")),
        ((NEW,), (None, None)),
        ((SILENT,), (None, None)),
        (((7.0, "", ""),), (None, "refused")),
        (((9.0, "", ""),), (None, "don't know")),
        ((OTHER, WATER), (1.0, None)),
        ((OTHER, FORGOT), (None, "don't know")),
        ((WATER, FORGOT), (1.0, None)),
        ((WATER, REFUSED, NEW), (1.0, None)),
        ((FORGOT, REFUSED), (None, "refused")),
        ((OTHER, NEW), (None, None)),
    ],
)
def test_one_row_that_counts_settles_and_one_that_is_open_leaves_open(rows, expected):
    for order in permutations(rows):
        found = reduce_rows(table(*order), DRUG, CLASSES)
        assert expected == found.select("value", "why").row(0)


SESSIONS = Rows(table="ACTS", where="KIND in [37, 55]", total="TIMES * MINUTES")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(37.0, 4.0, 10.0)], 40.0),
        ([(37.0, 4.0, 10.0), (55.0, 1.0, 30.0), (37.0, 2.0, 5.0)], 80.0),
        ([(37.0, 4.0, 10.0), (12.0, None, None)], 40.0),
        ([(12.0, None, None)], 0.0),
        ([(37.0, None, 10.0), (55.0, 1.0, 30.0)], None),
        ([(37.0, 4.0, None)], None),
        ([(None, 4.0, 10.0), (37.0, 1.0, 1.0)], None),
    ],
)
def test_a_sum_is_of_the_rows_that_count_and_known_if_all_of_them_are(rows, expected):
    acts = pl.DataFrame(rows, schema=["KIND", "TIMES", "MINUTES"], orient="row")
    acts = acts.cast(pl.Float64).with_columns(person=pl.lit(3, pl.Int64))
    assert [(3, expected, None)] == reduce_rows(acts, SESSIONS).rows()


def test_each_person_has_one_row_and_the_types_are_fixed():
    acts = pl.DataFrame({"person": [2, 1, 2], "KIND": [37.0, 1.0, 37.0], "TIMES": 1.0, "MINUTES": 10.0})
    found = reduce_rows(acts, SESSIONS)
    assert {2: 20.0, 1: 0.0} == dict(found.select("person", "value").iter_rows())
    assert {"person": pl.Int64, "value": pl.Float64, "why": Reason} == dict(found.schema)
    assert reduce_rows(acts.head(0), SESSIONS).schema == found.schema


def test_a_table_without_rows_is_no_error():
    found = reduce_rows(table().head(0), DRUG, CLASSES.head(0))
    assert found.height == 0


def test_the_columns_to_read_are_named_once_each():
    assert columns_of(DRUG) == ("TAKES", "NAME", "ID")
    assert DRUG.lookup is not None
    assert lookup_columns(DRUG.lookup) == ("ID", "CLASS1", "SUB1", "CLASS2", "SUB2")
    assert DRUG.tables == ("DRUGS", "CLASSES")
