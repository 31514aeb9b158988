"""Designs are declared by names; the weight of an analysis follows from its variables and explains itself."""

import pytest

from toolkit.codebook import Variable
from toolkit.design import ComponentWeight, Design, choose_weight
from toolkit.errors import DesignError

AGE = Variable("age", "age", "number")
HBA1C = Variable("hba1c", "HbA1c", "number", component="examination")
GLUCOSE = Variable("glucose", "glucose", "number", component="fasting")
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
    assert str(choice) == "Weight w: the only weight of this study."


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
    assert str(choose_weight(NHANES, [AGE])) == (
        "Interview weight (WTINT2YR), because all variables come from the home interview; divided by 2, the "
        "number of two-year cycles pooled."
    )


def test_a_mix_without_a_common_weight_is_refused() -> None:
    with pytest.raises(DesignError, match="'glucose'.*'magnesium'.*leave one of them out"):
        choose_weight(NHANES, [GLUCOSE, MAGNESIUM])


def test_a_component_without_a_weight_is_named() -> None:
    design = Design(weight={"interview": "wi"})
    with pytest.raises(
        DesignError, match="'hba1c' was measured in the component 'examination'.*It has: interview"
    ):
        choose_weight(design, [HBA1C])


def test_weights_from_the_population_counts() -> None:
    assert choose_weight(Design(psu=("a", "b"), fpc=("n1", "n2")), []).component == "from fpc"


def test_no_design_is_a_declaration() -> None:
    choice = choose_weight(Design.none(), [AGE])
    assert (choice.component, choice.weight) == ("none", "")


def test_every_column_of_a_design_is_named() -> None:
    design = Design(weight="w", strata="h", psu=("a", "b"), fpc=("n1", "n2"))
    assert design.columns == ("w", "h", "a", "b", "n1", "n2")
    assert design.stages == ("a", "b")


def test_the_notebook_form_names_the_columns() -> None:
    html = NHANES._repr_html_()
    assert "interview: wi" in html
    assert "psu (numbered anew in each stratum)" in html


def test_an_unknown_rule_for_lonely_psus_offers_the_nearest() -> None:
    with pytest.raises(
        DesignError, match=r"'lonely_psu' cannot be 'adjusted'\. Nearest: 'adjust'.*All: fail, "
    ):
        Design(weight="w", lonely_psu="adjusted")  # type: ignore[arg-type]
