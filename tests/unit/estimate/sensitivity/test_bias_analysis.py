"""Bias analysis against documented corrections of 2 x 2 tables, and against a simulation of its own."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

import toolkit as tk
from tests.support.messages import mentioning

PUBLISHED = json.loads(Path("tests/reference/bias/published.json").read_text(encoding="utf-8"))


def table(cells, estimand="prevalence_ratio"):
    """Make a study of a 2 x 2 table and the association in it."""
    a, b, c, d = cells
    people = pl.DataFrame({
        "case": np.repeat([1, 1, 0, 0], [a, b, c, d]),
        "exposed": np.repeat([1, 0, 1, 0], [a, b, c, d]),
    })  # fmt: skip
    study = tk.study(people, design=tk.Design.none(), name="2 x 2", smallest_cell=0)
    return study, tk.association(study, "case", "exposed", adjust=(), estimand=estimand)


def bias_of(what, parameters):
    first, second, third, fourth = parameters
    if what == "exposure":
        return tk.effects.MisclassifiedExposure(first, third, second, fourth)
    return tk.effects.MisclassifiedOutcome(first, third, second, fourth)


@pytest.mark.parametrize("row", PUBLISHED["misclassification"]["rows"])
@pytest.mark.parametrize("estimand", ["prevalence_ratio", "odds_ratio"])
def test_constants_give_the_documented_correction(row, estimand):
    _, found = table(row["cells"], estimand)
    corrected = tk.effects.bias_analysis(found, bias_of(row["what"], row["parameters"]), draws=200)
    systematic = corrected.filter(pl.col("error") == "systematic").row(0, named=True)
    wanted = row["risk_ratio" if estimand == "prevalence_ratio" else "odds_ratio"]
    assert systematic["estimate"] == pytest.approx(wanted, abs=6e-5)
    assert systematic["conf_low"] == pytest.approx(systematic["conf_high"], rel=1e-12)


def test_the_total_error_of_constants_is_that_of_the_delta_method():
    own = PUBLISHED["interval"]
    _, found = table(own["cells"], "odds_ratio")
    corrected = tk.effects.bias_analysis(found, bias_of("exposure", own["parameters"]), draws=40_000)
    total = corrected.filter(pl.col("error") == "total").row(0, named=True)
    for name, wanted in zip(("estimate", "conf_low", "conf_high"), own["odds_ratio"], strict=True):
        assert total[name] == pytest.approx(wanted, rel=0.03)


def test_draws_give_the_documented_percentiles():
    own = PUBLISHED["draws"]
    _, found = table(own["cells"])
    uniform = [stats.uniform(low, high - low) for low, high in (own["sensitivity"], own["specificity"])]
    corrected = tk.effects.bias_analysis(found, tk.effects.MisclassifiedExposure(*uniform), draws=50_000)
    systematic = corrected.filter(pl.col("error") == "systematic").row(0, named=True)
    numbers = [systematic[name] for name in ("estimate", "conf_low", "conf_high")]
    assert numbers == pytest.approx(own["risk_ratio"], rel=4e-3)


def test_a_confounder_divides_by_its_bias_factor():
    _, found = table([45, 94, 257, 945])
    bias = tk.effects.UnmeasuredConfounder(0.6, 0.4, 3.0)
    corrected = tk.effects.bias_analysis(found, bias, draws=200)
    ratio = found["estimate"][0] / ((1 + 0.6 * 2) / (1 + 0.4 * 2))
    assert corrected["estimate"][1] == pytest.approx(ratio, rel=1e-10)


def test_what_is_recorded_without_error_is_left_as_it_is():
    _study, found = table([126, 92, 71, 224])
    corrected = tk.effects.bias_analysis(found, tk.effects.MisclassifiedExposure(1.0, 1.0), draws=40_000)
    random, systematic, total = corrected.to_dicts()
    assert systematic["estimate"] == pytest.approx(found["estimate"][0], rel=1e-12)
    for name in ("conf_low", "conf_high"):
        assert total[name] == pytest.approx(random[name], rel=0.02)
    assert (
        tk.effects.bias_analysis(found, tk.effects.MisclassifiedExposure(1.0, 1.0), seed=1)["draws"][1]
        == 10_000
    )


def test_adjusted_estimates_of_a_survey_are_corrected_in_groups():
    study = tk.open_study("simulated")
    found = tk.association(study, "any_cramps", "arthritis", domain="age >= 20", by="sex", adjust=("age",))
    corrected = tk.effects.bias_analysis(found, tk.effects.MisclassifiedOutcome(0.8, 0.95), draws=1_000)
    assert corrected["sex"].n_unique() == 2
    assert corrected.height == 6
    narrower = tk.effects.bias_analysis(
        tk.association(
            study, "any_cramps", "arthritis", domain="age >= 20 and sex == 'male'", adjust=("age",)
        ),
        tk.effects.MisclassifiedOutcome(0.8, 0.95),
        draws=1_000,
    )
    males = corrected.filter(pl.col("sex") == "male")
    assert males["estimate"].to_list()[:2] == pytest.approx(narrower["estimate"].to_list()[:2], rel=1e-9)


def test_impossible_draws_are_counted_and_all_of_them_refused():
    _, found = table([5, 40, 10, 400])
    some = tk.effects.MisclassifiedExposure(0.9, stats.uniform(0.85, 0.15))
    corrected = tk.effects.bias_analysis(found, some, draws=2_000)
    assert 0 < corrected["rejected"][1] < 2_000
    assert "do not fit" in (corrected["reason"][1] or "")
    with pytest.raises(tk.EstimationError, match=mentioning("All 2,000 draws are impossible")):
        tk.effects.bias_analysis(found, tk.effects.MisclassifiedExposure(0.9, 0.5), draws=2_000)


@pytest.mark.parametrize(
    ("bias", "said"),
    [
        (tk.effects.MisclassifiedExposure(1.2, 0.9), "sensitivity leaves the range from 0 to 1"),
        (tk.effects.MisclassifiedOutcome(0.9, stats.norm(0.9, 0.2)), "specificity leaves the range"),
        (tk.effects.UnmeasuredConfounder(0.5, 0.4, -1.0), "ratio leaves the range"),
        (tk.effects.MisclassifiedExposure("high", 0.9), "sensitivity is of the type str"),
        (tk.effects.MisclassifiedExposure(0.9, 0.9, correlation=2.0), "correlation=2"),
    ],
)  # fmt: skip
def test_parameters_that_have_no_meaning_are_refused(bias, said):
    _, found = table([126, 92, 71, 224])
    with pytest.raises(tk.VariableError, match=mentioning(said)):
        tk.effects.bias_analysis(found, bias)


def test_what_cannot_be_corrected_is_refused():
    study, found = table([126, 92, 71, 224])
    with pytest.raises(tk.EstimationError, match=mentioning("needs a ratio")):
        tk.effects.bias_analysis(tk.prevalence(study, "case"), tk.effects.MisclassifiedOutcome(0.9, 0.9))
    with pytest.raises(tk.EstimationError, match=mentioning("needs the analysis behind")):
        tk.effects.bias_analysis(tk.Estimates(pl.DataFrame(found)), tk.effects.MisclassifiedOutcome(0.9, 0.9))


def test_withheld_degrees_of_freedom_are_used_and_not_shown():
    rng = np.random.default_rng(2)
    people = pl.DataFrame({"case": rng.random(400) < 0.3, "exposed": rng.random(400) < 0.4}).with_columns(
        exposed=pl.when(pl.int_range(400) > 2).then("exposed")
    )
    results = []
    for smallest in (0, 5):
        study = tk.study(people, design=tk.Design.none(), name=f"cells of {smallest}", smallest_cell=smallest)
        for estimand in ("prevalence_ratio", "prevalence_difference"):
            found = tk.association(study, "case", "exposed", adjust=(), estimand=estimand)
            limits = tk.sensitivity(found)["e_value_limit"].to_list()
            if estimand == "prevalence_ratio":
                bias = tk.effects.MisclassifiedOutcome(0.9, 0.99)
                corrected = tk.effects.bias_analysis(found, bias)
                limits += corrected["conf_low"].to_list()
                assert (corrected["df"][0] is None) == (smallest > 0)
            results.append(limits)
    assert results[:2] == results[2:]


def test_wrong_arguments_are_named():
    study = tk.open_study("simulated")
    found = tk.association(study, "any_cramps", "arthritis", adjust=())
    bias = tk.effects.MisclassifiedOutcome(0.9, 0.95)
    for wrong in (0.9, [bias, bias], None, "outcome"):
        with pytest.raises(
            tk.VariableError, match=mentioning(("UnmeasuredConfounder", type(wrong).__name__))
        ):
            tk.effects.bias_analysis(found, wrong)
    for options in ({"draws": 99}, {"draws": 1000.5}, {"draws": 10**12}, {"seed": "a"}, {"seed": -1}):
        with pytest.raises(tk.VariableError, match=mentioning(next(iter(options)))):
            tk.effects.bias_analysis(found, bias, **options)
    for correlation in ("high", 3, float("nan")):
        linked = tk.effects.UnmeasuredConfounder(0.5, 0.3, 2.0, correlation=correlation)
        with pytest.raises(tk.VariableError, match=mentioning("correlation")):
            tk.effects.bias_analysis(found, linked)
    with pytest.raises(tk.EstimationError, match=mentioning("as it was returned")):
        tk.effects.bias_analysis(found.filter(level="yes"), bias)
    with pytest.raises(tk.EstimationError, match=mentioning("result rows")):
        tk.effects.bias_analysis(study, bias)
