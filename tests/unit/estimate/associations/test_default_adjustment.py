"""`adjust=None` in every public function: the diagram's set for the exposure, none without an exposure."""

import inspect
from collections.abc import Callable

import polars as pl
import pytest

import toolkit as tk

OUTCOME = {"outcome": "any_cramps"}
ASKED = {**OUTCOME, "exposure": "diabetes_told"}
PAIR = ("arthritis", "diabetes_told")
Call = Callable[..., pl.DataFrame]


def curve(s: tk.Study, **o: object) -> pl.DataFrame:
    return tk.curve(s, **OUTCOME, exposure="bmi", at=(25, 30), reference=25, **o)


def of_bmi(s: tk.Study) -> tuple[str, ...]:
    return tk.adjustment_for(s, **OUTCOME, exposure="bmi").terms


def of_diabetes(s: tk.Study) -> tuple[str, ...]:
    return tk.adjustment_for(s, **ASKED).terms


def of_pair(s: tk.Study) -> tuple[str, ...]:
    sets = [tk.adjustment_for(s, **OUTCOME, exposure=exposure) for exposure in PAIR]
    terms = dict.fromkeys(term for chosen in sets for term in chosen.terms)
    return tuple(term for term in terms if term not in PAIR)


# Function -> a call, and the terms that the default stands for.
WITH_EXPOSURE: dict[str, tuple[Call, Callable[[tk.Study], tuple[str, ...]]]] = {
    "association": (lambda s, **o: tk.association(s, **ASKED, **o), of_diabetes),
    "flow": (lambda s, **o: tk.flow(s, **ASKED, **o), of_diabetes),
    "precision": (lambda s, **o: tk.precision(s, **ASKED, **o), of_diabetes),
    "curve": (curve, of_bmi),
    "impact": (lambda s, **o: tk.effects.impact(s, **ASKED, **o), of_diabetes),
    "interaction": (lambda s, **o: tk.interaction(s, **OUTCOME, exposures=PAIR, **o), of_pair),
    "atlas": (
        lambda s, adjust=None: tk.atlas(
            s, outcomes="any_cramps", exposures="diabetes_told", domain="", progress=False,
            adjust=None if adjust is None else (adjust,),
        ),
        of_diabetes,
    ),
    "multiverse": (
        lambda s, adjust=None: tk.multiverse(
            s, **ASKED, adjust=None if adjust is None else (adjust,), flips=0,
            estimand=("prevalence_ratio", "odds_ratio"),
        ).drop("specification"),
        of_diabetes,
    ),
    "adjustment_models": (
        lambda s, **o: pl.DataFrame({"adjust": list(tk.adjustment_models(s, **ASKED, **o).main)}),
        of_diabetes,
    ),
}  # fmt: skip
WITHOUT_EXPOSURE: dict[str, Call] = {
    "flow": lambda s, **o: tk.flow(s, **OUTCOME, **o),
    "precision": lambda s, **o: tk.precision(s, **OUTCOME, **o),
    "trend": lambda s, **o: tk.trend(s, **OUTCOME, **o),
    "trend over an exposure": lambda s, **o: tk.trend(s, **OUTCOME, over="age_group", **o),
    "cosinor": lambda s, **o: tk.cosinor(s, **OUTCOME, time="age", period=12.0, **o),
}
# What a person always is cannot enter, so that no set of the diagram does.
WITHIN_PERSONS: dict[str, Call] = {
    "case_crossover": lambda s, **o: tk.case_crossover(s, exposures="heat_index", **o),
    "lag_curve": lambda s, **o: tk.lag_curve(s, exposure="heat_index", **o),
}


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


@pytest.fixture(scope="module")
def cohort() -> tk.Study:
    return tk.open_study("example-cohort")


def test_every_function_with_an_adjustment_is_here_and_has_the_default_none() -> None:
    signatures = {
        name: inspect.signature(getattr(tk, name)).parameters
        for name in tk._MODULES
        if inspect.isfunction(getattr(tk, name))
    }
    adjusting = {name: own["adjust"].default for name, own in signatures.items() if "adjust" in own}
    # tk.truth estimates nothing: its marginal values depend on no covariate, and an odds ratio needs adjust=.
    # tk.explore and tk.effects.check_robustness pass the argument to the estimators that are here.
    assert set(adjusting) - {"truth", "explore", "check_robustness"} <= {
        *WITH_EXPOSURE,
        *WITHOUT_EXPOSURE,
        *WITHIN_PERSONS,
    }
    assert set(adjusting.values()) == {None}


@pytest.mark.parametrize("name", WITH_EXPOSURE)
def test_with_an_exposure_none_is_the_set_of_the_diagram(study: tk.Study, name: str) -> None:
    call, terms_of = WITH_EXPOSURE[name]
    terms = terms_of(study)
    assert call(study).equals(call(study, adjust=terms))
    assert not call(study).equals(call(study, adjust=()))
    if name not in ("flow", "adjustment_models"):
        assert {", ".join(terms)} == set(call(study)["adjust"])


@pytest.mark.parametrize("name", WITHOUT_EXPOSURE)
def test_without_an_exposure_none_is_no_covariate_and_the_row_says_so(study: tk.Study, name: str) -> None:
    found, crude = WITHOUT_EXPOSURE[name](study), WITHOUT_EXPOSURE[name](study, adjust=())
    if "adjust" in found.columns:
        assert ({"none"}, {""}) == (set(found["adjust"]), {text or "" for text in crude["adjust"]})
        found, crude = found.drop("adjust"), crude.drop("adjust")
    assert found.equals(crude)


@pytest.mark.parametrize("name", WITHIN_PERSONS)
def test_within_persons_only_what_varies_can_enter(cohort: tk.Study, name: str) -> None:
    call = WITHIN_PERSONS[name]
    assert call(cohort).equals(call(cohort, adjust=()))
    assert all(text.startswith("person, month") for text in call(cohort)["adjust"])
    for constant in ("age", "sex"):
        with pytest.raises(tk.EstimationError, match=f"'{constant}'"):
            call(cohort, adjust=constant)
    with pytest.raises(tk.VariableError, match=r"adjust='small'.*adjust=\(\)"):
        call(cohort, adjust="small")


@pytest.mark.parametrize("name", ["association", "flow", "precision"])
def test_a_variable_that_the_diagram_does_not_know_needs_covariates(name: str) -> None:
    frame = pl.DataFrame({"any_cramps": [0, 1, 1, 0] * 20, "diabetes_told": [0, 1] * 40, "age": range(80)})
    mine = tk.study(frame, design=tk.Design.none())
    call, _ = WITH_EXPOSURE[name]
    with pytest.raises(tk.VariableError, match=r"no node for 'any_cramps'.*adjust=\('rcs\(age, 4\)',\)"):
        call(mine)
    assert call(mine, adjust=("age",)).height > 0


def test_a_row_without_covariates_reads_as_crude(study: tk.Study) -> None:
    found = tk.trend(study, **OUTCOME)
    assert tk.finding(found) == tk.finding(tk.trend(study, **OUTCOME, adjust=()))
    assert "adjusted for" not in tk.finding(found)
