"""Crude and adjusted estimates of one table are of the same participants."""

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning

ASKED = {"outcome": "any_cramps", "exposure": "arthritis", "domain": "age >= 20"}


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


def test_the_models_are_crude_core_and_the_diagrams_small_set(study: tk.Study) -> None:
    sets = tk.adjustment_models(study, **ASKED)
    core, small, full = (tk.adjustment_for(study, **ASKED, size=size) for size in ("core", "small", "full"))
    assert sets.models == {"Crude": (), "Model 1": core.terms, "Model 2": small.terms}
    assert (sets.main, sets.full, sets.given) == (small.terms, full.terms, None)
    assert set(sets.complete) == {*core.variables, *small.variables}
    assert sets.labels[", ".join(small.terms)] == "Model 2"


def test_one_set_for_both_models_is_shown_once(study: tk.Study) -> None:
    sets = tk.adjustment_models(study, **ASKED, adjust="core")
    assert list(sets.models) == ["Crude", "Models 1 and 2"]


def test_names_that_were_given_take_the_place_of_model_2(study: tk.Study) -> None:
    sets = tk.adjustment_models(study, **ASKED, adjust=("age", "bmi"))
    assert list(sets.models) == ["Crude", "Model 1", "Adjusted as requested"]
    assert (sets.main, sets.given) == (("age", "bmi"), ("age", "bmi"))


def test_a_variable_that_the_diagram_does_not_know_needs_covariates() -> None:
    frame = pl.DataFrame({"pain": [0, 1, 1, 0] * 9, "sits": [0, 1, 0] * 12, "age": [30.0, 40, 50, 60] * 9})
    mine = tk.study(frame, design=tk.Design.none())
    with pytest.raises(tk.VariableError, match=mentioning("adjust=")):
        tk.adjustment_models(mine, outcome="pain", exposure="sits")
    sets = tk.adjustment_models(mine, outcome="pain", exposure="sits", adjust="age")
    assert (list(sets.models), sets.chosen) == (["Crude", "Adjusted as requested"], None)
    assert "no node for 'pain'" in sets.why_none


def test_an_exposure_that_follows_from_the_outcome_has_no_set_for_another_reason(study: tk.Study) -> None:
    asked = {"outcome": "any_cramps", "exposure": "general_health"}
    with pytest.raises(tk.VariableError, match="follows from the outcome"):
        tk.adjustment_models(study, **asked)
    sets = tk.adjustment_models(study, **asked, adjust=("age", "sex"))
    assert (sets.main, sets.chosen) == (("age", "sex"), None)
    assert "follows from the outcome" in sets.why_none
    assert "node" not in sets.why_none
    assert tk.adjustment_models(study, **ASKED).why_none == ""


def test_a_name_that_the_study_lacks_is_refused_whatever_is_named(study: tk.Study) -> None:
    with pytest.raises(tk.VariableError, match="arthritiss"):
        tk.adjustment_models(study, outcome="any_cramps", exposure="arthritiss", adjust=("age", "sex"))


def test_every_model_has_the_participants_of_the_largest(study: tk.Study) -> None:
    sets = tk.adjustment_models(study, **ASKED)
    rows = pl.concat(
        tk.association(study, **ASKED, adjust=covariates, complete=sets.complete)
        for covariates in sets.models.values()
    )
    largest = tk.association(study, **ASKED, adjust=sets.complete, allow_descendants=True)
    assert rows["n"].unique().to_list() == largest["n"].to_list()
    assert rows["n_missing"].unique().to_list() == largest["n_missing"].to_list()
    assert rows["weight"].n_unique() == 1
    assert rows["n"][0] < tk.association(study, **ASKED, adjust=())["n"][0]


def test_complete_equals_leaving_the_others_out_by_the_domain(study: tk.Study) -> None:
    """The same participants, weights and standard errors as when the domain asks for known values."""
    known = "age >= 20 and not missing(bmi) and not missing(hba1c)"
    of_domain = tk.association(study, **{**ASKED, "domain": known}, adjust=())
    of_names = tk.association(study, **ASKED, adjust=(), complete=("bmi", "hba1c"))
    for column in ("estimate", "std_error", "conf_low", "conf_high", "n", "n_cases"):
        assert of_names[column][0] == pytest.approx(of_domain[column][0], rel=1e-12)


def test_a_spline_among_the_complete_means_its_variable(study: tk.Study) -> None:
    one, other = (
        tk.association(study, **ASKED, adjust=(), complete=complete) for complete in ("rcs(bmi, 4)", "bmi")
    )
    assert one.equals(other)


def test_the_atlas_sets_stand_side_by_side_on_the_same_participants(study: tk.Study) -> None:
    sets = ((), "core", "small")
    rows = tk.atlas(study, outcomes="any_cramps", exposures=("arthritis", "pad"), adjust=sets)
    for (exposure,), own in rows.group_by("exposure"):
        assert own["n"].n_unique() == 1, exposure
        assert own["adjust"].n_unique() == 3
    alone = tk.association(study, **ASKED, adjust=(), complete=tk.adjustment_models(study, **ASKED).complete)
    assert rows.filter(exposure="arthritis")["estimate"][0] == pytest.approx(alone["estimate"][0], rel=1e-12)


def test_a_set_that_cannot_be_had_does_not_take_the_others_with_it(study: tk.Study) -> None:
    rows = tk.atlas(
        study, outcomes="any_cramps", exposures="arthritis", adjust=((), "age", "no_such_variable")
    )
    assert rows["reliability"].to_list() == ["ok", "ok", "failed"]
