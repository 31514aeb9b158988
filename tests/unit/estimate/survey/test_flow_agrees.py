"""A flow ends at the people of the estimate, for random variables, domains, groups and estimators."""

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.errors import EstimationError

OUTCOMES = ("any_cramps", "frequent_cramps", "arthritis")
COVARIATES = ("age", "sex", "bmi", "hba1c", "education", "smoking", "fasting_glucose", "water_intake")
BY = ("sex", "age_group", "cycle", "general_health")
DOMAINS = (
    "",
    "age >= 20",
    "sex == 'female' and bmi < 35",
    "cycle == '2007-2008'",
    "not (cycle in ['2005-2006']) or age < 60",
)
Names = tuple[str, ...]
Call = Callable[..., pl.DataFrame]


def gapped(study: tk.Study) -> tk.Study:
    """Leave values out at random, of the groups' variables too."""
    holes = [
        pl.when(pl.int_range(pl.len()) % step != 0).then(pl.col(name)).alias(name)
        for step, name in enumerate(("sex", "age_group", "general_health", "education"), 23)
    ]
    return replace(study, people=study.people.with_columns(holes))


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return gapped(tk.open_study("simulated"))


def _association(s: tk.Study, y: str, x: str, adjust: Names, **o: Any) -> pl.DataFrame:
    return tk.association(s, outcome=y, exposure=x, adjust=adjust, **o)


def _model(s: tk.Study, y: str, x: str, adjust: Names, **o: Any) -> pl.DataFrame:
    return tk.model(s, f"{y} ~ {' + '.join((x, *adjust))}", "logit", **o)


def _curve(s: tk.Study, y: str, x: str, adjust: Names, **o: Any) -> pl.DataFrame:
    return tk.curve(s, outcome=y, exposure="age", adjust=(x, *adjust), **o)


def _precision(s: tk.Study, y: str, x: str, adjust: Names, **o: Any) -> pl.DataFrame:
    return tk.precision(s, outcome=y, exposure=x, adjust=adjust, **o)


ADJUSTED: dict[str, Call] = {
    "association": _association,
    "model": _model,
    "curve": _curve,
    "precision": _precision,
}
DESCRIPTIVE: dict[str, Callable[..., pl.DataFrame]] = {
    "prevalence": lambda s, y, **o: tk.prevalence(s, outcome=y, **o),
    "standardised": lambda s, y, **o: tk.prevalence(s, outcome=y, standardise="us-2000", **o),
    "mean": tk.mean,
    "total": tk.total,
    "quantile": lambda s, y, **o: tk.quantile(s, "bmi", 0.5, **o),
    "ratio": lambda s, y, **o: tk.ratio(s, y, "age", **o),
    "chi_square": lambda s, y, **o: tk.chi_square(s, y, "smoking", **o),
    "t_test": lambda s, y, **o: tk.t_test(s, "bmi", y, **o),
    "rank_test": lambda s, y, **o: tk.rank_test(s, "bmi", y, **o),
}
# What each of them reads besides its outcome.
READS: dict[str, tuple[str, ...]] = {
    "standardised": ("age",),
    "quantile": ("bmi",),
    "ratio": ("age",),
    "chi_square": ("smoking",),
    "t_test": ("bmi",),
    "rank_test": ("bmi",),
}


def n_of(rows: pl.DataFrame, by: tuple[str, ...]) -> int:
    """Add up `n` over groups, each counted once."""
    if not by:
        return int(rows["n"].max() or 0)
    return int(rows.group_by(by).agg(pl.col("n").max())["n"].sum())


def each_is_counted(flow: pl.DataFrame, rows: pl.DataFrame, by: tuple[str, ...]) -> None:
    """Hold the last row of a flow to the rows' n, and n and n_missing to the domain."""
    left = flow["n_left"].to_list()
    assert left[-1] == n_of(rows, by)
    lost = flow.filter(pl.col("step").str.ends_with("known"))["n_out"].sum()
    counts = rows.group_by(by or pl.lit(0)).agg(pl.col("n").max(), pl.col("n_missing").max())
    assert counts["n_missing"].sum() >= lost
    if not by:
        assert counts["n_missing"].item() == lost


# Newton's steps of a curve may overshoot before they are halved.
@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@pytest.mark.parametrize("estimator", ADJUSTED)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    outcome=st.sampled_from(OUTCOMES),
    names=st.lists(st.sampled_from(COVARIATES), min_size=1, max_size=3, unique=True),
    by=st.lists(st.sampled_from(BY), max_size=1).map(tuple),
    domain=st.sampled_from(DOMAINS),
)
def test_the_flow_of_a_model_ends_at_its_n(
    study: tk.Study, estimator: str, *, outcome: str, names: list[str], by: Names, domain: str
) -> None:
    free = [name for name in names if name not in by and (estimator, name) != ("curve", "age")]
    exposure, *adjust = free or ["smoking"]
    try:
        rows = ADJUSTED[estimator](study, outcome, exposure, tuple(adjust), by=by, domain=domain)
    except (EstimationError, tk.DesignError, tk.VariableError):
        assume(False)
    also = ("age",) if estimator == "curve" else ()
    asked = {"outcome": outcome, "exposure": exposure, "by": by, "domain": domain}
    # A formula may hold what the causal diagram would not adjust for.
    flow = tk.flow(study, **asked, adjust=(*adjust, *also), allow_descendants=estimator == "model")
    each_is_counted(flow, rows, by)


@pytest.mark.parametrize("estimator", DESCRIPTIVE)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    outcome=st.sampled_from(OUTCOMES),
    by=st.lists(st.sampled_from(BY), max_size=2, unique=True).map(tuple),
    domain=st.sampled_from(DOMAINS),
)
def test_the_flow_of_a_description_ends_at_its_n(
    study: tk.Study, estimator: str, outcome: str, by: Names, domain: str
) -> None:
    try:
        rows = DESCRIPTIVE[estimator](study, outcome, by=by, domain=domain)
    except EstimationError:
        assume(False)
    own = "bmi" if estimator == "quantile" else outcome
    also = tuple(name for name in READS.get(estimator, ()) if name != own)
    flow = tk.flow(study, outcome=own, adjust=also, by=by, domain=domain)
    each_is_counted(flow, rows, by)


# Twenty people whose region is not known leave every table by region, and each row says so.
REGIONS = pl.DataFrame(
    {
        "region": ["n"] * 40 + ["s"] * 40 + [None] * 20,
        "bp": [100.0 + i for i in range(100)],
        "ill": [i % 3 == 0 for i in range(100)],
        "old": [i % 2 == 0 for i in range(100)],
        "years": [1.0 + i % 7 for i in range(100)],
    }
)
BY_REGION: dict[str, Callable[..., pl.DataFrame]] = {
    "mean": lambda s: tk.mean(s, "bp", by="region"),
    "prevalence": lambda s: tk.prevalence(s, outcome="ill", by="region"),
    "total": lambda s: tk.total(s, "bp", by="region"),
    "ratio": lambda s: tk.ratio(s, "bp", "years", by="region"),
    "quantile": lambda s: tk.quantile(s, "bp", 0.5, by="region"),
    "rate": lambda s: tk.rate(s, events="ill", time="years", by="region"),
    "survival": lambda s: tk.survival(s, time="years", event="ill", by="region"),
    "chi_square": lambda s: tk.chi_square(s, "ill", "old", by="region"),
    "t_test": lambda s: tk.t_test(s, "bp", "ill", by="region"),
    "rank_test": lambda s: tk.rank_test(s, "bp", "ill", by="region"),
    "association": lambda s: tk.association(s, outcome="ill", exposure="old", adjust=(), by="region"),
    "model": lambda s: tk.model(s, "ill ~ bp", "logit", by="region"),
    "margins": lambda s: tk.margins(s, "ill ~ old", "old", by="region"),
    "curve": lambda s: tk.curve(s, outcome="ill", exposure="bp", adjust=(), by="region"),
    "trend": lambda s: tk.trend(s, outcome="ill", over="years", by="region"),
    "interaction": lambda s: tk.interaction(
        s.derive("late", "years > 3"), outcome="ill", exposures=("old", "late"), adjust=(), by="region"
    ),
    "precision": lambda s: tk.precision(s, outcome="ill", by="region"),
    "cosinor": lambda s: tk.cosinor(s, outcome="ill", time="years", period=7.0, by="region"),
}


@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@pytest.mark.parametrize("estimator", BY_REGION)
def test_people_without_a_group_are_counted_in_each_row(estimator: str) -> None:
    study = tk.study(REGIONS, design=tk.Design.none(), name="regions")
    rows = BY_REGION[estimator](study)
    assert {("n", 40, 20), ("s", 40, 20)} == set(rows.select("region", "n", "n_missing").iter_rows())
    flow = tk.flow(study, outcome="bp", by="region")
    assert ("region known", 20, 80) == flow.select("step", "n_out", "n_left").row(1)


@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@pytest.mark.parametrize("estimator", sorted(set(BY_REGION) - {"chi_square", "rank_test", "precision"}))
def test_the_flow_of_a_result_ends_at_its_n(estimator: str) -> None:
    holes = REGIONS.with_columns(
        pl.when(pl.int_range(100) % 11 == 0).then(None).otherwise(pl.col("years")).alias("years"),
        pl.when(pl.int_range(100) % 13 == 0).then(None).otherwise(pl.col("bp")).alias("bp"),
    )
    study = tk.study(holes, design=tk.Design.none(), name="regions")
    if estimator == "interaction":
        study = study.derive("late", "years > 3")
        rows = tk.interaction(study, "ill", ("old", "late"), adjust=(), by="region", domain="bp > 110")
    else:
        rows = BY_REGION[estimator](study)
    total = rows.group_by("region").agg(pl.col("n").max())["n"].sum()
    assert tk.flow(rows)["n_left"][-1] == total


def test_the_flow_of_a_result_follows_the_adjustment_set_and_the_domain() -> None:
    study = tk.open_study("simulated")
    rows = tk.association(study, "frequent_cramps", "diabetes_told", domain="age >= 20")
    asked = tk.flow(study, "frequent_cramps", "diabetes_told", domain="age >= 20")
    assert_frame_equal(tk.flow(rows), asked)
    assert asked["n_left"][-1] == rows["n"].item()


def test_a_result_that_was_changed_or_whose_study_is_gone_has_no_flow() -> None:
    study = tk.study(REGIONS, design=tk.Design.none(), name="regions")
    rows = tk.mean(study, "bp", by="region")
    del study
    gc.collect()
    for result in (rows, tk.mean(tk.study(REGIONS, design=tk.Design.none()), "bp").head()):
        with pytest.raises(EstimationError, match=mentioning("tk.flow(study")):
            tk.flow(result)


def test_a_person_whose_other_group_is_known_is_missing_only_where_it_may_belong() -> None:
    people = pl.DataFrame(
        {"a": ["x", "x", "y", None, None], "b": ["p", "q", "p", "p", None], "v": [1.0, 2.0, 3.0, 4.0, 5.0]}
    )
    rows = tk.mean(tk.study(people, design=tk.Design.none()), "v", by=("a", "b"))
    told = {row[:2]: row[2:] for row in rows.select("a", "b", "n", "n_missing").iter_rows()}
    assert {("x", "p"): (1, 2), ("x", "q"): (1, 1), ("y", "p"): (1, 2), ("y", "q"): (0, 1)} == told
