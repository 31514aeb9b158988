"""Designs are declared by names; the weight of an analysis follows from its variables and explains itself."""

from dataclasses import replace

import polars as pl
import pytest

from tests.support.messages import mentioning, mentions
from toolkit.errors import DesignError
from toolkit.studies import ComponentWeight, Design, choose_weight
from toolkit.variables import Variable

AGE = Variable("age", "age", "number")
HBA1C = Variable("hba1c", "HbA1c", "number", component="examination")
GLUCOSE = Variable("glucose", "glucose", "number", component="fasting")
TOLERANCE = Variable("tolerance", "two-hour glucose", "number", component="glucose tolerance")
MAGNESIUM = Variable("magnesium", "magnesium", "number", component="dietary day 1")
NHANES = Design(
    weight={
        "interview": ComponentWeight("wi", "WTINT2YR", "divided by 2, the number of two-year cycles pooled"),
        "examination": ComponentWeight("we", "WTMEC2YR"),
        "fasting": "wf",
        "dietary day 1": "wd",
    },
    strata="stratum",
    psu="psu",
)


def test_one_weight_stands_under_its_own_name() -> None:
    choice = choose_weight(Design(weight="w"), [AGE, HBA1C])
    assert (choice.component, choice.weight, choice.rescaling) == ("w", "w", "")
    assert mentions(choice, "Weight w")
    weights = pl.DataFrame({"w": [3, 1, None]}).select(choice.expression).to_series()
    assert (pl.Float64, [3.0, 1.0, None]) == (weights.dtype, weights.to_list())


def test_the_sentence_of_a_calibrated_weight_ends_with_the_calibration() -> None:
    design = Design(weight="w").calibrated({"sex": {"f": 52.0, "m": 48.0}})
    assert design.calibration is not None
    plain = choose_weight(Design(weight="w"), [AGE])
    calibrated = choose_weight(design, [AGE])
    assert f"{str(plain).removesuffix('.')}; {design.calibration.sentence}." == str(calibrated)
    assert ("w", "w", "") == (calibrated.component, calibrated.weight, calibrated.rescaling)


@pytest.mark.parametrize(
    ("expected", "variables"),
    [
        (("interview", "wi"), []),
        (("interview", "wi"), [AGE]),
        (("examination", "we"), [AGE, HBA1C]),
        (("fasting", "wf"), [AGE, HBA1C, GLUCOSE]),
        (("dietary day 1", "wd"), [MAGNESIUM, HBA1C]),
    ],
)
def test_the_weight_of_the_fewest_people(expected: tuple[str, str], variables: list[Variable]) -> None:
    choice = choose_weight(NHANES, variables)
    assert expected == (choice.component, choice.weight)


def test_the_choice_explains_itself() -> None:
    assert mentions(choose_weight(NHANES, [AGE]), "WTINT2YR", "2")


def test_a_mix_without_a_common_weight_is_refused() -> None:
    told = mentioning("'magnesium' (dietary day 1)", "'glucose' (fasting)", "weight")
    with pytest.raises(DesignError, match=told):
        choose_weight(NHANES, [GLUCOSE, MAGNESIUM])
    with pytest.raises(DesignError, match=mentioning("'magnesium'", "'tolerance' (glucose tolerance)")):
        choose_weight(NHANES, [TOLERANCE, MAGNESIUM])


def test_one_days_diet_and_the_mean_of_two_have_no_common_weight() -> None:
    told = mentioning("'magnesium' (dietary day 1)", "'both' (dietary two-day)", "day 1")
    with pytest.raises(DesignError, match=told):
        choose_weight(NHANES, [MAGNESIUM, replace(MAGNESIUM, name="both", component="dietary two-day")])


def test_the_tolerance_test_narrows_the_fasting_subsample() -> None:
    design = replace(NHANES, weight={**NHANES.components, "glucose tolerance": "wt"})
    assert choose_weight(design, [GLUCOSE, TOLERANCE]).weight == "wt"


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        (HBA1C, ("hba1c", "examination")),
        (GLUCOSE, ("glucose", "fasting")),
        (MAGNESIUM, ("magnesium", "first dietary recall")),
    ],
)
def test_the_sentence_says_where_the_deepest_variable_was_measured(variable: Variable, words: str) -> None:
    assert mentions(choose_weight(NHANES, [AGE, variable]), words)


@pytest.mark.parametrize(
    ("component", "place"),
    [
        ("examination", "in the examination"),
        ("phlebotomy", "in blood"),
        ("dietary day 1", "in the first dietary recall"),
        ("dietary two-day", "over both dietary recalls"),
        ("fasting", "in the morning subsample"),
        ("glucose tolerance", "in the glucose tolerance test"),
    ],
)
def test_every_component_has_its_place(component: str, place: str) -> None:
    measured = replace(HBA1C, name="measured", component=component)
    choice = choose_weight(Design(weight={"interview": "wi", component: "w"}), [AGE, measured])
    assert ("w", component) == (choice.weight, choice.component)
    assert mentions(choice, f"measured was measured {place}")


def test_a_variable_of_no_component_counts_with_the_interview() -> None:
    assert "wi" == choose_weight(NHANES, [replace(AGE, component="")]).weight


def test_a_component_without_a_weight_is_named() -> None:
    design = Design(weight={"interview": "wi"})
    with pytest.raises(DesignError, match=mentioning("'hba1c'", "'examination'", "interview")):
        choose_weight(design, [HBA1C])


def test_weights_from_the_population_counts() -> None:
    choice = choose_weight(Design(psu=("a", "b"), fpc=("n1", "n2")), [])
    assert ("from fpc", "", "") == (choice.component, choice.weight, choice.rescaling)


def test_no_design_is_a_declaration() -> None:
    choice = choose_weight(Design.none(), [AGE])
    assert (choice.component, choice.weight, choice.rescaling) == ("none", "", "")


def test_every_column_of_a_design_is_named() -> None:
    design = Design(weight="w", strata="h", psu=("a", "b"), fpc=("n1", "n2"))
    assert design.columns == ("w", "h", "a", "b", "n1", "n2")
    assert design.stages == ("a", "b")


def test_the_notebook_form_names_the_columns() -> None:
    html = NHANES._repr_html_()
    assert "interview (wi)" in html
    assert mentions(html, "psu", "strata stratum")


def test_an_unknown_rule_for_lonely_psus_offers_the_nearest() -> None:
    with pytest.raises(DesignError, match=mentioning("'lonely_psu'", "'adjusted'", "'adjust'", "fail")):
        Design(weight="w", lonely_psu="adjusted")  # type: ignore[arg-type]
