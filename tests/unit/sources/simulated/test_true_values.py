"""The true value of each row of a result is that of its own outcome, exposure, level, group and domain."""

from typing import Any

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.sources.simulated.causal_model import OUTCOME, load_model
from toolkit.sources.simulated.generate import cramp_probabilities, psu_sizes, simulate_people
from toolkit.sources.simulated.population import nodes_behind

ADULTS = "age >= 20"
RATIO: dict[str, Any] = {"outcome": "any_cramps", "exposure": "diabetes_told", "domain": ADULTS}


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


def true_values(study: tk.Study, found: pl.DataFrame) -> list[float | None]:
    return tk.truth(study, found)["true_value"].to_list()


def test_rows_have_the_values_of_the_keyword_form(study: tk.Study) -> None:
    adjust = ("rcs(age, 4)", "sex")
    grouped = {**RATIO, "by": ("age_group", "sex")}
    warm = {"outcome": "mild_cramps", "exposure": "season", "reference": "warm", "domain": "sex == 'female'"}
    pairs = [
        (tk.prevalence(study, "any_cramps", by="smoking"), {"outcome": "any_cramps", "by": "smoking"}),
        (tk.prevalence(study, "smoking", domain=ADULTS), {"outcome": "smoking", "domain": ADULTS}),
        (tk.mean(study, "bmi", by="sex"), {"outcome": "bmi", "by": "sex"}),
        (tk.association(study, **RATIO), RATIO),
        (tk.association(study, **grouped, adjust=()), grouped),
        (tk.association(study, **warm, adjust=()), warm),
        (
            tk.association(study, **RATIO, adjust=adjust, estimand="odds_ratio"),
            {**RATIO, "adjust": adjust, "estimand": "odds_ratio"},
        ),
        (
            tk.margins(study, "any_cramps ~ sex + age", "sex"),
            {"outcome": "any_cramps", "exposure": "sex", "estimand": "standardised_prevalence"},
        ),
        (tk.association(study, "any_cramps", "bmi", adjust=()), {"outcome": "any_cramps", "exposure": "bmi"}),
    ]
    for found, keywords in pairs:
        expected = tk.truth(study, **keywords)
        assert expected["estimate"].null_count() == 0
        assert true_values(study, found) == expected["estimate"].to_list(), keywords


def test_each_row_has_its_own_estimand_groups_and_domain(study: tk.Study) -> None:
    overall = tk.association(study, **RATIO, adjust=())
    men = tk.association(study, **{**RATIO, "domain": "age >= 20 and sex == 'male'"}, adjust=())
    by_sex = tk.association(study, **RATIO, adjust=(), by="sex")
    mixed = pl.concat([by_sex, overall, men], how="diagonal_relaxed")
    male, female, everyone, again = true_values(study, mixed)
    assert male == again
    low, middle, high = sorted([male or 0, everyone or 0, female or 0])
    assert 1 < low < middle == everyone < high


def test_prevalences_and_means_equal_those_of_everyone_who_is_simulated() -> None:
    seed, model = 11, load_model()
    sizes, parts = psu_sizes(model, seed), []
    for stratum, row in enumerate(sizes):
        psus = stratum * len(row) + np.arange(len(row))
        people = simulate_people(model, seed, psus, row, {OUTCOME, "bmi", "sex", "age"})
        chances = cramp_probabilities(people)[:, 1:].sum(axis=1)
        columns = {name: people.columns[name] for name in ("bmi", "sex", "age")}
        parts.append(pl.DataFrame({**columns, "chance": chances}))
    everyone = pl.concat(parts).filter(pl.col("age") >= 40).group_by("sex").mean().sort("sex")
    assert model.nodes["sex"].levels == ("male", "female")
    study = tk.open_study("simulated", seed=seed, n=600)
    asked = {"by": "sex", "domain": "age >= 40"}
    for found, column in (
        (tk.prevalence(study, "any_cramps", **asked), "chance"),
        (tk.mean(study, "bmi", **asked), "bmi"),
    ):
        true = tk.truth(study, found)
        assert true["sex"].to_list() == ["male", "female"]
        assert true["true_value"].to_list() == pytest.approx(everyone[column].to_list(), rel=1e-12)


def test_consequences_of_cramps_have_effects_and_their_causes_none(study: tk.Study) -> None:
    found = pl.concat(
        tk.association(study, name, "frequent_cramps", adjust=("sex",), domain=ADULTS)
        for name in ("insomnia", "fair_or_poor_health")
    )
    affected, unaffected = true_values(study, found)
    assert affected is not None
    assert affected > 1.5
    assert unaffected == 1
    model = load_model()
    assert OUTCOME in model.with_ancestors(nodes_behind(model, ("insomnia",)))
    assert OUTCOME not in model.with_ancestors(nodes_behind(model, ("fair_or_poor_health",)))


def test_what_the_causal_model_does_not_imply_is_null(study: tk.Study) -> None:
    thirds = study.cut("bmi", into=3, domain=ADULTS, as_="bmi_third").derive("older", "age >= 60")
    for found in (
        tk.quantile(study, "bmi"),
        tk.describe(study, ("bmi",)).filter(estimand="quantile"),
        tk.prevalence(thirds, "any_cramps", by="bmi_third"),
        tk.association(thirds, "any_cramps", "older", adjust=()),
        tk.chi_square(study, "any_cramps", "sex"),
        tk.model(study, "any_cramps ~ sex"),
        tk.association(study, "any_cramps", "cycle", adjust=()),
    ):
        assert true_values(thirds, found) == [None] * found.height


def test_a_real_study_has_no_true_values() -> None:
    people = pl.DataFrame({"any_cramps": [0, 1, 1, 0] * 20, "sex": ["male", "female"] * 40})
    mine = tk.study(people, design=tk.Design.none(), codebook="toolkit", name="mine")
    found = tk.truth(mine, tk.prevalence(mine, "any_cramps", by="sex"))
    assert found["true_value"].to_list() == [None, None]
    assert "true_value" not in str(found)
    with pytest.raises(tk.DatasetError, match="simulated"):
        tk.truth(mine, "any_cramps")


def test_the_result_keeps_its_rows_covariance_and_flow(study: tk.Study) -> None:
    found, covariance = tk.prevalence(study, "any_cramps", by="sex", covariance=True)
    true = tk.truth(study, (found, covariance))
    assert true.columns == [*found.columns, "true_value"]
    assert true.drop("true_value").equals(pl.DataFrame(found))
    assert np.array_equal(true.covariance(), covariance)
    assert tk.flow(true).equals(tk.flow(found))
    assert "true_value" in str(true)
    # Of a part of the rows the covariance is unknown, as it was before.
    with pytest.raises(tk.EstimationError):
        tk.truth(study, found.head(1)).covariance()


def test_it_can_be_repeated(study: tk.Study) -> None:
    once = tk.truth(study, tk.prevalence(study, "any_cramps"))
    assert tk.truth(study, once).equals(once)


def test_other_frames_and_further_arguments_are_refused(study: tk.Study) -> None:
    found = tk.prevalence(study, "any_cramps")
    with pytest.raises(
        tk.EstimationError, match=mentioning("no further arguments", "tk.truth(study, result)")
    ):
        tk.truth(study, found, domain=ADULTS)
    with pytest.raises(tk.EstimationError, match=mentioning("'study'", "tk.prevalence")):
        tk.truth(study, found.select("estimate"))
