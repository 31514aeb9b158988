"""Every estimator takes every design: a jackknife agrees with its linearised error, raked or not."""

from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.r_results import equal
from tests.unit.estimate.survey.test_simulated_design import OLDS, SEXES, STRATA, study

ESTIMATORS: dict[str, Callable[[tk.Study], pl.DataFrame]] = {
    "prevalence": lambda s: tk.prevalence(s, outcome="any_cramps", by="sex"),
    "standardised prevalence": lambda s: tk.prevalence(
        s, outcome="any_cramps", standardise="us-2000", domain="age >= 20"
    ),
    "levels": lambda s: tk.prevalence(s, outcome="health"),
    "mean": lambda s: tk.mean(s, "bmi", by="health"),
    "total": lambda s: tk.total(s, "nights", by="sex"),
    "ratio": lambda s: tk.ratio(s, "nights", "diary"),
    "quantile": lambda s: tk.quantile(s, "bmi", [0.25, 0.5]),
    "describe": lambda s: tk.describe(s, variables=["age", "bmi"], by="health"),
    "t test": lambda s: tk.t_test(s, "bmi", "sex"),
    "rank test": lambda s: tk.rank_test(s, "bmi", "sex"),
    "prevalence ratio": lambda s: tk.association(
        s, outcome="any_cramps", exposure="diabetes_told", adjust=("age", "sex")
    ),
    "linear": lambda s: tk.model(s, "bmi ~ age * sex", family="gaussian"),
    "logit, spline": lambda s: tk.model(s, "any_cramps ~ rcs(age, 4)"),
    "ordinal": lambda s: tk.model(s, "health ~ age", family="ordinal"),
    "cox": lambda s: tk.model(s, "Surv(follow_up, event) ~ age", family="cox"),
    "firth": lambda s: tk.model(s, "any_cramps ~ age", family="firth"),
    "rate": lambda s: tk.rate(s, events="event", time="follow_up"),
    "survival": lambda s: tk.survival(s, time="follow_up", event="event", at=[1, 5]),
    "margins": lambda s: tk.margins(s, "any_cramps ~ sex * age + diabetes_told", "sex"),
    "margins, spline": lambda s: tk.margins(s, "any_cramps ~ rcs(age, 4) + sex", "sex"),
    "grid": lambda s: tk.predict(s, "any_cramps ~ sex + age", {"sex": ("male", "female"), "age": (30, 70)}),
}


@cache
def designs(way: str) -> tuple[tk.Study, tk.Study]:
    """Give one study linearised and by its jackknife."""
    totals = {"sex": SEXES, "old": OLDS}
    plain = study(design=STRATA.calibrated(totals) if way == "raked" else STRATA)
    return plain, tk.replicates(plain, method="JKn")


@pytest.mark.parametrize("way", ["plain", "raked"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_jackknife_agrees_with_the_linearised_error(name: str, way: str) -> None:
    linearised, jackknife = (ESTIMATORS[name](s) for s in designs(way))
    suffix = ", raked" if way == "raked" else ""
    told = jackknife["variance"].drop_nulls().unique().to_list()
    assert [f"60 JKn replicates{suffix}"] == told
    assert [f"linearised{suffix}"] == linearised["variance"].drop_nulls().unique().to_list()
    equal(linearised["estimate"].drop_nulls(), jackknife["estimate"].drop_nulls())
    errors, again = (f["std_error"].drop_nulls().to_numpy() for f in (linearised, jackknife))
    assert len(errors) > 0
    np.testing.assert_allclose(again, errors, rtol=0.02, atol=1e-9)
