"""Derived variables keep why a value is missing, where it was measured and in which cycles."""

from dataclasses import replace

import polars as pl
import pytest

from toolkit.variables import Availability, Codebook, Derivation, Reason, Variable, derive, why

FIRST, SECOND = "2003-2004", "2005-2006"
LEGS = pl.DataFrame(
    {
        "left": [0.8, 1.1, None, None, None],
        "right": [1.0, None, 0.7, None, None],
        why("left"): pl.Series([None, None, "refused", "not examined", "could not be tested"], dtype=Reason),
        why("right"): pl.Series([None, "refused", None, "not asked", "could not be tested"], dtype=Reason),
    }
)
BOOK = Codebook.of(
    Variable("left", "left leg", "number", availability=(Availability(FIRST, "measured"),)),
    Variable(
        "right",
        "right leg",
        "number",
        component="examination",
        availability=(Availability(FIRST, "not measured", "one leg only"),),
    ),
)
LOWER = Derivation(
    Variable("lower", "lower leg", "number"),
    ("left", "right"),
    pl.min_horizontal("left", "right"),
    any_input=True,
)
DISEASE = Derivation(
    Variable("disease", "disease", "yes_no"),
    ("lower",),
    pl.when(pl.col("lower") < 0.9).then(pl.lit("yes")).when(pl.col("lower") >= 0.9).then(pl.lit("no")),
)


def test_a_later_derivation_reads_an_earlier_one() -> None:
    people, book = derive(LEGS, BOOK, [LOWER, DISEASE])
    assert people["lower"].to_list() == [0.8, 1.1, 0.7, None, None]
    assert people["disease"].to_list() == ["yes", "no", "yes", None, None]
    assert book["disease"].levels == ("no", "yes")


def test_the_first_reason_in_the_written_order_holds() -> None:
    people, _ = derive(LEGS, BOOK, [LOWER])
    assert people[why("lower")].to_list() == [None, None, None, "not asked", "could not be tested"]


def test_an_unexplained_gap_is_told_as_such() -> None:
    people, _ = derive(LEGS.drop(why("left"), why("right")), BOOK, [LOWER])
    assert people[why("lower")].to_list() == [None, None, None, "no value recorded", "no value recorded"]


def test_the_derived_variable_takes_the_narrowest_component() -> None:
    _, book = derive(LEGS, BOOK, [LOWER])
    assert book["lower"].component == "examination"


@pytest.mark.parametrize(("expected", "any_input"), [("measured", True), ("not measured", False)])
def test_a_cycle_without_an_input_has_no_value_unless_one_is_enough(
    expected: str, *, any_input: bool
) -> None:
    step = Derivation(LOWER.variable, LOWER.inputs, LOWER.expression, any_input=any_input)
    _, book = derive(LEGS, BOOK, [step])
    assert [a.status for a in book["lower"].availability] == [expected]


def test_a_yes_that_one_input_settles_does_not_stand_in_a_cycle_that_lacks_the_other() -> None:
    """There "or" would find the yes of those asked and nobody's no: a prevalence of everyone."""
    asked = pl.DataFrame(
        {
            "told": ["yes", "no", "yes", "no"],
            "measured": [None, "no", None, None],
            why("measured"): pl.Series(["refused", None, *["not measured in this cycle"] * 2], dtype=Reason),
        }
    )
    either = pl.any_horizontal(pl.col("told") == "yes", pl.col("measured") == "yes")
    rule = pl.when(either).then(pl.lit("yes")).when(~either).then(pl.lit("no"))
    ill = Derivation(Variable("ill", "ill", "yes_no"), ("told", "measured"), rule)
    people, _ = derive(asked, Codebook(), [ill])
    assert people["ill"].to_list() == ["yes", "no", None, None]
    assert people[why("ill")].to_list()[2:] == ["not measured in this cycle"] * 2
    enough, _ = derive(asked, Codebook(), [replace(ill, any_input=True)])
    assert enough["ill"].to_list() == ["yes", "no", "yes", None]


def test_a_proxy_stays_a_proxy() -> None:
    proxy = Variable("left", "left leg", "number", availability=(Availability(SECOND, "proxy", "by drugs"),))
    _, book = derive(LEGS, BOOK.with_variables(proxy), [LOWER])
    assert ("proxy", "by drugs") in [(a.status, a.reason) for a in book["lower"].availability]


def test_what_the_study_measured_itself_is_not_derived() -> None:
    own = LEGS.with_columns(lower=pl.lit(9.0))
    people, book = derive(own, BOOK, [LOWER])
    assert people["lower"].to_list() == [9.0] * 5
    assert "lower" not in book


def test_without_its_inputs_nothing_is_derived() -> None:
    people, book = derive(
        LEGS.drop("left"), BOOK, [Derivation(LOWER.variable, LOWER.inputs, LOWER.expression)]
    )
    assert "lower" not in people.columns
    assert "lower" not in book


def test_what_cannot_be_derived_says_why_where_the_codebook_knows_of_its_inputs() -> None:
    gap = Variable("left", "", "number", availability=(Availability(FIRST, "not measured", "no cuff"),))
    people, book = derive(LEGS.drop("left", "right"), Codebook.of(gap, BOOK["right"]), [LOWER, DISEASE])
    assert "disease" not in people.columns
    assert book["disease"].availability == (Availability(FIRST, "not measured", "no cuff"),)
    assert not book["disease"].measured


def test_a_known_value_without_a_level_is_outside_the_groups() -> None:
    grown_up = Derivation(
        Variable("adult", "adult", "category", ("20+",)),
        ("age",),
        pl.when(pl.col("age") >= 20).then(pl.lit("20+")),
    )
    people, _ = derive(pl.DataFrame({"age": [19.0, 20.0, None]}), Codebook(), [grown_up])
    assert people[why("adult")].to_list() == ["outside the groups", None, "no value recorded"]


def test_the_gate_says_why_before_the_questions_behind_it() -> None:
    smokes = Derivation(Variable("smokes", "smokes", "yes_no"), ("ever", "now"), pl.col("now"), gate="ever")
    people = pl.DataFrame(
        {
            "ever": ["yes", None],
            why("ever"): pl.Series([None, "refused"], dtype=Reason),
            "now": pl.Series([None, None], dtype=pl.String),
            why("now"): pl.Series(["don't know", "not asked"], dtype=Reason),
        }
    )
    found, _ = derive(people, Codebook(), [smokes])
    assert found[why("smokes")].to_list() == ["don't know", "refused"]
