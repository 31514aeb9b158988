"""The test of proportional odds compares the logits of all cuts."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2

import toolkit as tk
from tests.support.messages import mentioning


def made(extra: float, n: int = 3000) -> tk.Study:
    rng = np.random.default_rng(8)
    x, z = rng.normal(size=n), rng.integers(0, 2, n)
    level = (rng.logistic(size=n) + 0.7 * x > -0.5).astype(int)
    level += level * (rng.logistic(size=n) + (0.7 + extra) * x > 0.2)
    people = pl.DataFrame({"x": x, "z": z, "level": pl.Series(level).cast(pl.String).cast(pl.Enum("012"))})
    return tk.study(people, design=tk.Design.none(), name="made")


def test_the_difference_of_two_logits_has_the_covariance_of_both() -> None:
    """By hand: two logits, their influence values beside one another."""
    from toolkit.estimate.regression import FAMILIES, fit_glm

    study = made(0.3, 500)
    X = np.column_stack([np.ones(500), study.people["x"]])
    level = study.people["level"].cast(pl.String).cast(pl.Int64).to_numpy()
    fits = [fit_glm(X, (level >= k).astype(float), np.ones(500), FAMILIES["logit"]) for k in (1, 2)]
    apart = fits[1].points[1] - fits[0].points[1]
    influence = fits[1].influence[:, 1] - fits[0].influence[:, 1]
    expected = apart**2 / (influence @ influence * 500 / 499)
    row = tk.proportionality(study, "level ~ x").row(0, named=True)
    assert expected == pytest.approx(row["statistic"], rel=1e-9)
    assert chi2.sf(expected, 1) == pytest.approx(row["p_value"], rel=0.05)


def test_it_finds_what_is_not_proportional_and_names_it() -> None:
    study = made(1.5)
    rows = tk.proportionality(study, "level ~ x + z")
    p = dict(rows.select("level", "p_value").iter_rows())
    assert p["x"] < 1e-6
    assert p["z"] > 0.01
    assert p["all terms"] < 1e-5
    assert {"proportionality"} == set(rows["estimand"])
    assert [1, 1, 2] == rows["df_numerator"].to_list()


def test_groups_that_fail_stay_with_the_reason() -> None:
    study = made(0.0, 400).derive("some", pl.col("z") == 1)
    few = study.derive("rare", (pl.col("x") > 2.4).fill_null(value=False))
    rows = tk.proportionality(few, "level ~ x", by="rare")
    failed = rows.filter(rare="yes")
    assert {"failed"} == set(failed["reliability"])
    assert failed["reason"].is_not_null().all()
    assert "ok" in set(rows.filter(rare="no")["reliability"])


def test_a_cut_that_is_separated_says_so() -> None:
    people = pl.DataFrame({"x": np.arange(60.0), "level": ["a"] * 20 + ["b"] * 20 + ["c"] * 20}).with_columns(
        pl.col("level").cast(pl.Enum("abc"))
    )
    study = tk.study(people, design=tk.Design.none(), name="apart")
    with pytest.raises(tk.EstimationError, match=mentioning("'b'")):
        tk.proportionality(study, "level ~ x")
