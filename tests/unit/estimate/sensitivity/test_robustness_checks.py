"""The sensitivity analyses of a report equal the single calls, and give back no small counts."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from toolkit.estimate.sensitivity.robustness_checks import COMPLETE, IMPUTED


def draw_people(lost: int, n: int = 600) -> pl.DataFrame:
    """Draw people of whom the first ones lack body mass index."""
    rng = np.random.default_rng(11)
    bmi, age = rng.normal(27, 5, n), rng.uniform(20, 80, n)
    old = rng.random(n) < 0.4
    cramps = rng.random(n) < 0.25 + 0.15 * old + 0.004 * (bmi - 27)
    return pl.DataFrame({"cramps": cramps, "old": old, "age": age, "bmi": bmi}).with_columns(
        bmi=pl.when(pl.int_range(n) >= lost).then("bmi")
    )


def check(lost: int, smallest_cell: int = 0, **options: object) -> tk.effects.RobustnessChecks:
    study = tk.study(draw_people(lost), design=tk.Design.none(), name="p", smallest_cell=smallest_cell)
    study = study.cut("age", as_="age_thirds")
    asked = {"exposure": "old", "adjust": ("age", "bmi"), "m": 3, **options}
    return tk.effects.check_robustness(study, "cramps", **asked)


def test_each_frame_is_that_of_the_single_call():
    study = tk.study(draw_people(60), design=tk.Design.none(), name="p", smallest_cell=0)
    checks = tk.effects.check_robustness(study, "cramps", "old", adjust=("age", "bmi"), m=3, seed=4)
    main = tk.association(study, "cramps", "old", adjust=("age", "bmi"))
    assert checks.e_values.equals(tk.sensitivity(main))
    made = tk.effects.impute(
        study, "bmi", outcome="cramps", exposure="old", predictors=("age",), m=3, iterations=5, seed=4
    )
    pooled = tk.effects.imputed(made, tk.association, "cramps", "old", adjust=("age", "bmi"))
    assert [COMPLETE, IMPUTED] == checks.imputed["data"].to_list()
    for name in ("estimate", "conf_low", "n"):
        assert [main[name].item(), pooled[name].item()] == checks.imputed[name].to_list()
    assert [540, 600] == checks.imputed["n"].to_list()
    total = checks.bias.filter(error="total").row(0, named=True)
    # An outcome with false positives had a larger ratio; its interval is wider.
    assert total["estimate"] > main["estimate"].item()
    assert total["conf_high"] - total["conf_low"] > (main["conf_high"] - main["conf_low"]).item()
    assert not checks.reasons


def test_a_continuous_exposure_has_an_e_value_by_its_interquartile_range():
    checks = check(60, exposure="age", adjust=("bmi",), levels="age_thirds")
    quartiles = tk.quantile(
        tk.study(draw_people(60), design=tk.Design.none(), name="p", smallest_cell=0), "age", (0.25, 0.75)
    )["estimate"]
    assert checks.e_values["contrast"][0] == pytest.approx(quartiles[1] - quartiles[0])
    assert {"age_thirds"} == {*checks.bias["exposure"]}
    assert "bias" in check(60, exposure="age", adjust=("bmi",)).reasons


def test_what_is_not_possible_has_a_reason():
    complete = check(0)
    assert "No covariate has missing values" in complete.reasons["imputed"]
    assert complete.imputed is None
    assert complete.bias is not None
    crude = check(60, adjust=())
    assert {"imputed"} == {*crude.reasons}
    impossible = check(60, domain="age > 79.9")
    assert {"e_values", "bias", "imputed"} == {*impossible.reasons}


@pytest.mark.parametrize("lost", [3, 60])
def test_few_missing_values_are_not_given_back(lost):
    checks = check(lost, smallest_cell=5)
    hidden = lost < 5
    assert (checks.imputed["n"][1] is None) == hidden
    assert (checks.imputed["n_cases"][1] is None) == hidden
    shown = tk.reports.robustness(checks, tk.reports.Paper())
    text = " ".join(part.html for part in shown.parts if hasattr(part, "html"))
    assert ("n = 600" in text, "(60)" in text) == (not hidden, not hidden)
    assert "imputed for" in text
    assert "597" not in text or hidden is False or "600" not in text


@pytest.mark.usefixtures("in_a_run")
def test_the_number_of_imputed_values_is_rounded_as_the_sizes_beside_it():
    shown = tk.reports.robustness(check(63, smallest_cell=5), tk.reports.Paper())
    text = " ".join(part.html for part in shown.parts if hasattr(part, "html"))
    assert "(about 65)" in text
    assert "63" not in text


def test_a_page_says_what_was_not_possible():
    passages = tk.reports.robustness(check(0, exposure="age", adjust=("bmi",)), tk.reports.Paper()).parts
    assert len(passages) == 3
    texts = [part.html for part in passages]
    assert "E-value of the prevalence ratio" in texts[0]
    assert "was not possible" in texts[1]
    assert "No covariate has missing values" in texts[2]


def test_the_sentences_and_tables_of_the_frames():
    checks = check(60)
    e_values, found = checks.e_values, checks.e_values.row(0, named=True)
    said = tk.finding(e_values)
    for name in ("e_value", "e_value_limit"):
        assert f"{found[name]:.2f}" in said
    largest = max(e_values["change"].drop_nulls(), key=lambda change: abs(np.log(change)))
    assert f"{abs(largest - 1):.0%}" in said or "less than 0.5%" in said
    page = tk.table(e_values).as_raw_html()
    assert "Without bmi" in page or "Without body mass index" in page
    assert f"{found['e_value']:.2f}" in page
    bias = checks.bias.filter(error="total").row(0, named=True)
    assert f"{bias['conf_low']:.2f} to {bias['conf_high']:.2f}" in tk.finding(checks.bias)
    assert "systematic" in tk.table(checks.bias).as_raw_html()
