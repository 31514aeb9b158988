"""What a study lacks: missing values by cycle and reason, exposures by cycle."""

import polars as pl

from toolkit.causes.card import cards
from toolkit.studies import Design, Study, count_missing
from toolkit.variables import Availability, Codebook, Reason, Variable, why

FIRST, SECOND = "2005-2006", "2007-2008"
PEOPLE = pl.DataFrame(
    {
        "cycle": pl.Series([FIRST, FIRST, SECOND], dtype=pl.Enum([FIRST, SECOND])),
        "hba1c": [5.0, None, None],
        why("hba1c"): pl.Series([None, "not examined", "not asked"], dtype=Reason),
        "age": [30.0, None, 10.0],
    }
)
ABSENT = Availability(FIRST, "not measured", "asked up to 2003-2004 only")
BOOK = Codebook.of(
    Variable("hba1c", "HbA1c", "number", availability=(Availability(FIRST, "measured", "a new instrument"),)),
    Variable("pad", "peripheral artery disease", "yes_no", availability=(ABSENT,)),
)


def gaps() -> pl.DataFrame:
    return Study("pair", "two cycles", PEOPLE, Design.none(), BOOK, smallest_cell=0).availability()


def row(exposure: str, cycle: str) -> tuple[object, ...]:
    found = gaps().filter(exposure=exposure, cycle=cycle)
    return found.select("status", "reason", "n", "percent_missing").row(0)


def test_missing_values_are_counted_by_cycle_and_reason() -> None:
    assert count_missing(PEOPLE, "hba1c").select("cycle", "reason", "n", "percent").rows() == [
        (FIRST, "has a value", 1, 50.0),
        (FIRST, "not examined", 1, 50.0),
        (SECOND, "not asked", 1, 100.0),
    ]


def test_a_gap_without_a_reason_is_told_as_such() -> None:
    reasons = count_missing(PEOPLE, "age").filter(cycle=FIRST)["reason"].to_list()
    assert reasons == ["has a value", "no value recorded"]


def test_a_study_without_cycles_has_one_nameless() -> None:
    assert count_missing(PEOPLE.drop("cycle"), "age")["cycle"].unique().to_list() == [""]


def test_percent_missing_is_of_the_people_it_was_put_to() -> None:
    assert row("hba1c", FIRST) == ("measured", "a new instrument", 1, 50.0)
    assert row("hba1c", SECOND) == ("measured", "", 0, None)


def test_what_was_not_measured_stays_with_its_reason() -> None:
    assert row("pad", FIRST) == ("not measured", "asked up to 2003-2004 only", 0, None)
    assert row("stroke", SECOND) == ("not measured", "not among the variables of two cycles", 0, None)


def test_no_cause_disappears() -> None:
    assert gaps()["cause"].unique(maintain_order=True).to_list() == list(cards())


def test_missing_values_are_told_by_reason_of_those_to_whom_it_was_put() -> None:
    population = Study("pair", "two cycles", PEOPLE, Design.none(), BOOK, smallest_cell=0)
    found = population.availability(by_reason=True).filter(exposure="hba1c")
    assert [(FIRST, "not examined", 1, 50.0), (SECOND, None, None, None)] == found.select(
        "cycle", "missing_reason", "missing_n", "missing_percent"
    ).rows()
    assert gaps().columns == found.columns[:7]
