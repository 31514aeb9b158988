import numpy as np
import polars as pl
import pytest
from scipy.stats import t as student

import toolkit as tk
from tests.support.invented import crowd, crowded
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.study_precision import precision


def test_the_margin_of_error_is_half_the_wald_interval():
    row = precision(crowded(), outcome="cramps").row(0, named=True)
    found = tk.prevalence(crowded(), outcome="cramps", interval="wald").row(0, named=True)
    equal((found["conf_high"] - found["conf_low"]) / 2, row["estimate"])
    equal(found["std_error"], row["std_error"])
    assert ("margin_of_error", found["n"], found["df"]) == (row["estimand"], row["n"], row["df"])


def test_margins_by_groups_are_those_of_the_groups():
    rows = precision(crowded(), outcome="cramps", by="sex")
    found = tk.prevalence(crowded(), outcome="cramps", by="sex", interval="wald")
    equal((found["conf_high"] - found["conf_low"]) / 2, rows["estimate"])


def test_four_times_the_people_halve_the_error():
    one, four = (precision(crowded(), outcome="cramps", n=n)["estimate"].item() for n in (900, 3600))
    equal(one / 2, four)


def no_association(seed):
    """People whose cramps have nothing to do with their exposure."""
    random = np.random.default_rng(seed)
    return crowd(seed).with_columns(
        ill=pl.Series(random.random(900) < 0.3), exposed=pl.Series(random.random(900) < 0.3)
    )


def test_without_an_association_the_error_is_that_of_the_fit():
    planned, fitted = [], []
    for seed in range(12):
        study = crowded(no_association(seed))
        planned.append(precision(study, outcome="ill", exposure="exposed", adjust=())["std_error"].to_list())
        estimands = ("prevalence_ratio", "prevalence_difference")
        found = [
            tk.association(study, outcome="ill", exposure="exposed", adjust=(), estimand=e) for e in estimands
        ]
        fitted.append([one["std_error"].item() for one in found])
    np.testing.assert_allclose(np.mean(planned, axis=0), np.mean(fitted, axis=0), rtol=0.03)


def test_the_smallest_detectable_ratio_adds_confidence_and_power():
    row = precision(crowded(), outcome="cramps", exposure="sex", adjust=(), power=0.9, confidence=0.99).row(
        0, named=True
    )
    reach = student.ppf(0.995, row["df"]) + student.ppf(0.9, row["df"])
    equal(np.exp(reach * row["std_error"]), row["estimate"])
    # 16 PSUs less 4 strata.
    assert ("smallest_detectable_ratio", 12.0, "m", "f", "log") == tuple(
        row[name] for name in ("estimand", "df", "level", "reference", "scale")
    )


def test_the_result_itself_is_not_looked_at():
    people = no_association(4)
    study = crowded(people)
    strong = crowded(people.with_columns(ill=pl.col("exposed")))
    one, other = (
        precision(s, outcome="ill", exposure="sex", adjust=()).row(0, named=True) for s in (study, strong)
    )
    assert one["std_error"] == pytest.approx(other["std_error"], rel=0.25)
    found = precision(study, outcome="ill", exposure="exposed", adjust=()).row(0, named=True)
    assert 1.1 < found["estimate"] < 2


def test_what_would_be_found_with_eighty_percent_is_found_about_so_often():
    hits, random = [], np.random.default_rng(1)
    for seed in range(60):
        people = crowd(seed)
        exposed = random.random(900) < 0.4
        ratio = precision(
            crowded(people.with_columns(x=pl.Series(exposed), y=pl.Series(random.random(900) < 0.36))),
            outcome="y",
            exposure="x",
            adjust=(),
        )["estimate"][0]
        ill = random.random(900) < 0.3 * np.where(exposed, ratio, 1.0)
        study = crowded(people.with_columns(x=pl.Series(exposed), y=pl.Series(ill)))
        hits.append(tk.association(study, outcome="y", exposure="x", adjust=())["p_value"].item() < 0.05)
    # Of 60 trials with a chance of 0.8, between 38 and 57 succeed (99.8 %).
    assert 38 <= sum(hits) <= 57


def test_every_level_and_a_number_have_rows():
    levels = precision(crowded(), outcome="cramps", exposure="region", adjust="age")
    assert ["south", "west"] * 2 == levels["level"].to_list()
    assert {"age"} == set(levels["adjust"])
    number = precision(crowded(), outcome="cramps", exposure="age", adjust=())
    assert ["per unit"] * 2 == number["level"].to_list()


def test_an_exposure_needs_a_node_or_covariates_and_the_designs_df_allow_a_large_set():
    asked = {"outcome": "cramps", "exposure": "sex", "adjust": ("region", "rcs(age, 4)", "rcs(diary, 4)")}
    rows = precision(crowded(), **asked)
    assert {12.0} == set(rows["df"])
    assert {"region, rcs(age, 4), rcs(diary, 4)"} == set(rows["adjust"])
    assert {12.0 + 1 - 10} == set(precision(crowded(), **asked, df="model")["df"])


def test_a_group_without_variation_is_failed_rows():
    people = crowd().with_columns(cramps=pl.col("cramps") * (pl.col("sex") == "f"))
    rows = precision(crowded(people), outcome="cramps", exposure="region", adjust=(), by="sex")
    assert ["ok"] * 4 + ["failed"] * 2 == rows["reliability"].to_list()
    assert mentions(rows["reason"][5], "'cramps'")


MANY = ("region", "band", "nights", "month", "diary", "age", "nights2", "age2", "age3")


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"power": 80}, tk.EstimationError, ("'power'", "80", "power=0.8")),
        ({"n": 1}, tk.EstimationError, ("'n'", "1", "n=5000")),
        ({"outcome": "region"}, tk.VariableError, ("3", "tk.precision")),
        ({"exposure": "everyone", "adjust": ()}, tk.EstimationError, "'everyone'"),
        ({"exposure": "sex", "adjust": MANY, "df": "model"}, tk.EstimationError, "12"),
        ({"exposure": "sex"}, tk.VariableError, "'cramps'"),
        ({"exposure": "age", "adjust": "twice"}, tk.VariableError, "adjust"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_says_what_to_do(options, error, told):
    people = crowd().with_columns(
        nights2=pl.col("nights") ** 2,
        age2=pl.col("age") ** 2,
        age3=pl.col("age") ** 3,
        twice=2 * pl.col("age"),
    )
    if options.get("adjust") == "twice":
        options = {"exposure": "sex", "adjust": ("age", "twice")}
    with pytest.raises(error, match=mentioning(told)):
        precision(crowded(people), **{"outcome": "cramps", **options})
