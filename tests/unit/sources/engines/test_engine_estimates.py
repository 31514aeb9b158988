"""Estimates on an engine are those in memory, in every column, and read no participants."""

from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.engine_studies import (
    DESIGNS,
    ENGINES,
    PERSONS,
    in_memory,
    on_engine,
    population,
    rows_fetched,
)
from tests.support.looping import in_one_test
from tests.support.messages import mentioning

Call = Callable[[tk.Study], Any]

DISCRETE: dict[str, Call] = {
    "prevalence": lambda s: tk.prevalence(s, "cramps"),
    "prevalence by sex in a domain": lambda s: tk.prevalence(
        s, "education", by="sex", domain="age >= 40 and bmi < 30 or missing(bmi)"
    ),
    "standardized prevalence": lambda s: tk.prevalence(
        s, "cramps", standardize={"education": {"low": 10, "middle": 5, "high": 1}}
    ),
    "prevalence by codes": lambda s: tk.prevalence(s, "cramps", by="stratum"),
    "prevalence ratio": lambda s: tk.association(s, "cramps", "education", adjust=("sex",)),
    "odds ratio by smoking": lambda s: tk.association(
        s, "cramps", "education", adjust=("sex", "age"), estimand="odds_ratio", by="smoker"
    ),
    "standardized difference": lambda s: tk.association(
        s, "cramps", "education", adjust=("sex",), estimand="standardised_difference"
    ),
    "logit model": lambda s: tk.model(s, "cramps ~ education * sex"),
    "spline of age": lambda s: tk.model(s, "cramps ~ rcs(age, 4) + sex"),
    "Poisson model": lambda s: tk.model(s, "nights ~ sex", family="poisson"),
    "ordinal model": lambda s: tk.model(
        s.derive("often", "when(nights < 3, 'a', nights < 6, 'b', 'c')", levels=["a", "b", "c"]),
        "often ~ sex",
        family="ordinal",
    ),
    "chi-square": lambda s: tk.chi_square(s, "sex", "education"),
    "margins": lambda s: tk.margins(s, "cramps ~ sex + age", "sex"),
    "quantile of age": lambda s: tk.quantile(s, "age"),
    "trend": lambda s: tk.trend(s, "cramps", "age"),
    "quantile groups": lambda s: tk.prevalence(s.cut("age"), "cramps", by="age_thirds"),
    "merged levels": lambda s: tk.prevalence(
        s.merge_levels("education", {"lower": ["low", "middle"]}, as_="two"), "cramps", by="two"
    ),
    "derived condition": lambda s: tk.prevalence(s.derive("obese", "bmi >= 30"), "obese", by="sex"),
    "derived category": lambda s: tk.prevalence(
        s.derive("x", "when(missing(bmi), 'unknown', bmi ** 2 / log(age) > 200, 'high', 'low')"), "x"
    ),
}
AVERAGED: dict[str, Call] = {
    "mean": lambda s: tk.mean(s, "bmi", by="sex"),
    "means of several": lambda s: tk.mean(s, ("bmi", "pressure", "age"), domain="bmi > 22"),
    "totals": lambda s: tk.total(s, ("cramps", "bmi"), by="sex"),
    "ratio": lambda s: tk.ratio(s, "bmi", "pressure", by="education"),
    "ratio to itself": lambda s: tk.ratio(s.derive("twice", "2 * pressure"), "twice", "pressure"),
    "constant": lambda s: tk.mean(s.derive("one", "pressure - pressure + 1"), "one"),
    "linear model": lambda s: tk.model(s, "bmi ~ education + sex", family="gaussian"),
    "mean of a formula": lambda s: tk.mean(
        s.derive("x", "sqrt(abs(bmi - pressure)) + round(age / 10) + min(bmi, pressure)"), "x", by="sex"
    ),
}
LISTINGS: dict[str, Call] = {
    "flow": lambda s: tk.flow(s, "cramps", "education", adjust=("sex",), domain="age > 30"),
    "flow of a result": lambda s: tk.flow(tk.association(s, "cramps", "education", adjust=("sex",))),
    "missing": lambda s: s.missing("bmi"),
    "variables": lambda s: s.variables(),
    "availability": lambda s: s.availability(by_reason=True),
    "summary": lambda s: pl.DataFrame({"text": [str(s)]}),
    "weight": lambda s: pl.DataFrame({"text": [str(s.weight_for("cramps"))]}),
}
CONTINUOUS: dict[str, Call] = {
    "logit": lambda s: tk.model(s, "cramps ~ bmi + pressure + education"),
    "logit by sex": lambda s: tk.model(
        s, "cramps ~ bmi + pressure + age", by="sex", exponentiate=True, domain="age > 30"
    ),
    "Poisson": lambda s: tk.model(s, "nights ~ bmi + sex", family="poisson"),
    "linear": lambda s: tk.model(s, "pressure ~ bmi + sex", family="gaussian"),
    "square": lambda s: tk.model(s.derive("square", "bmi ** 2"), "cramps ~ bmi + square"),
    "product with a category": lambda s: tk.model(s, "cramps ~ bmi * sex", by="smoker"),
    "products of numbers": lambda s: tk.model(s, "cramps ~ bmi * pressure + bmi:age"),
    "arithmetic": lambda s: tk.model(s, "cramps ~ I(bmi ** 2) + log(age) + exp(I(-bmi / 10)) + pressure"),
    "spline with knots": lambda s: tk.model(s, "cramps ~ rcs(bmi, 22, 25, 28, 31) * sex"),
    "spline of age": lambda s: tk.model(s, "cramps ~ rcs(age, 4) * bmi + I(pressure / 10)"),
    "no intercept": lambda s: tk.model(s, "cramps ~ 0 + sex + bmi:sex"),
    "Poisson product": lambda s: tk.model(s, "nights ~ bmi * age + sex", family="poisson"),
    "linear product": lambda s: tk.model(s, "pressure ~ bmi * sex + I(bmi ** 2)", family="gaussian"),
    "linear without intercept": lambda s: tk.model(s, "pressure ~ 0 + bmi + sex", family="gaussian"),
    "test of terms": lambda s: tk.term_test(s, "cramps ~ bmi * sex + I(pressure ** 2)", ["bmi", "bmi:sex"]),
    "participants of a larger model": lambda s: tk.association(
        s, "cramps", "sex", adjust=("age",), complete=("bmi", "pressure"), by="smoker"
    ),
    "continuous exposure": lambda s: tk.association(
        s, "cramps", "bmi", adjust=("sex", "pressure"), by="education"
    ),
    "continuous covariates": lambda s: tk.association(
        s, "cramps", "education", adjust=("pressure", "bmi"), estimand="odds_ratio", terms=True
    ),
    "prevalence difference": lambda s: tk.association(
        s, "cramps", "education", adjust=("pressure", "bmi"), estimand="prevalence_difference"
    ),
    "standardized prevalence": lambda s: tk.association(
        s, "cramps", "education", adjust=("age", "bmi"), estimand="standardised_prevalence"
    ),
    "standardized ratio": lambda s: tk.association(
        s,
        "cramps",
        "education",
        adjust=("rcs(age, 4)", "rcs(bmi, 22, 25, 28, 31)"),
        estimand="standardised_ratio",
    ),
    "standardized difference": lambda s: tk.association(
        s, "cramps", "bmi", adjust=("sex", "pressure"), estimand="standardised_difference", by="smoker"
    ),
    "margins": lambda s: tk.margins(s, "cramps ~ bmi * sex + age", "sex"),
    "margins of values": lambda s: tk.margins(s, "cramps ~ I(bmi ** 2) + bmi * sex", "bmi", at=(20, 25, 30)),
    "marginal effect": lambda s: tk.margins(
        s, "cramps ~ bmi * sex", "bmi", estimand="average_marginal_effect"
    ),
    "mean margins": lambda s: tk.margins(s, "pressure ~ bmi * sex", "sex", family="gaussian"),
    "predictions": lambda s: tk.predict(
        s, "cramps ~ bmi * sex", {"sex": ("male", "female"), "bmi": (20, 30)}
    ),
}
CALLS = {**DISCRETE, **AVERAGED, **LISTINGS}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", CALLS)
def test_every_column_is_that_in_memory(name: str, engine: str, design: str) -> None:
    expected, found = (CALLS[name](study) for study in (in_memory(design), on_engine(engine, design)))
    assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-13)


@pytest.mark.parametrize(
    ("engine", "design"),
    [
        *(("polars", design) for design in DESIGNS if design != "population alone"),
        *(("DuckDB", design) for design in ("strata and PSUs", "strata")),
    ],
)
@in_one_test("name", CONTINUOUS)
def test_continuous_terms_are_those_in_memory(name: str, engine: str, design: str) -> None:
    expected, found = (CONTINUOUS[name](study) for study in (in_memory(design), on_engine(engine, design)))
    # An end of an interval near 0 is a difference of numbers near 1.
    assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_continuous_terms_take_few_passes(engine: str) -> None:
    study = tk.study(ENGINES[engine](population()), design=DESIGNS["strata and PSUs"])
    opened = len(rows_fetched(study))
    CONTINUOUS["logit"](study)
    assert len(rows_fetched(study)) - opened <= 6


@pytest.mark.parametrize("engine", ENGINES)
def test_collinear_continuous_terms_are_explained_as_in_memory(engine: str) -> None:
    texts = []
    for study in (in_memory("strata and PSUs"), on_engine(engine, "strata and PSUs")):
        with pytest.raises(tk.EstimationError) as caught:
            tk.model(study, "cramps ~ bmi + I(2 * bmi)")
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_codebook_is_that_in_memory(engine: str) -> None:
    assert in_memory("none").codebook == on_engine(engine, "none").codebook


@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", ["prevalence", "prevalence ratio", "logit model", "mean", "totals", "ratio"])
def test_an_estimate_is_one_pass_that_fetches_cells(name: str, engine: str) -> None:
    study = tk.study(ENGINES[engine](population()), design=DESIGNS["strata and PSUs"])
    opened = len(rows_fetched(study))
    result = CALLS[name](study)
    (fetched,) = rows_fetched(study)[opened:]
    assert len(result)
    assert 0 < fetched < PERSONS


WRONG: dict[str, Call] = {
    "unknown variable": lambda s: tk.prevalence(s, "crampss"),
    "unknown level": lambda s: tk.prevalence(s, "cramps", domain="education == 'none'"),
    "empty domain": lambda s: tk.prevalence(s, "cramps", domain="age > 200"),
    "undecided domain": lambda s: tk.prevalence(s, "cramps", domain="bmi > 200"),
    "infinite values": lambda s: tk.mean(s, "infinite"),
    "missing weight": lambda s: tk.prevalence(s.with_design(tk.Design(weight="bmi")), "cramps"),
    "negative weight": lambda s: tk.prevalence(s.with_design(tk.Design(weight="negative")), "cramps"),
    "infinite weight": lambda s: tk.prevalence(s.with_design(tk.Design(weight="infinite")), "cramps"),
    "no positive weight": lambda s: tk.flow(s.with_design(tk.Design(weight="zero")), "cramps"),
    "missing PSU": lambda s: tk.prevalence(
        s.with_design(tk.Design(weight="positive", psu="education")), "cramps"
    ),
    "PSU in two strata": lambda s: tk.prevalence(
        s.with_design(tk.Design(weight="positive", strata="stratum", psu="psu", nest=False)), "cramps"
    ),
    "lonely PSU": lambda s: tk.prevalence(
        s.with_design(tk.Design(weight="positive", strata="row", psu="psu")), "cramps"
    ),
    "small population": lambda s: tk.prevalence(
        s.with_design(tk.Design(strata="stratum", fpc="age")), "cramps"
    ),
    "not finite": lambda s: tk.model(s, "cramps ~ log(I(bmi - 25)) + sex"),
    "separated": lambda s: tk.model(s.derive("tall", "bmi > 27"), "tall ~ bmi"),
    "prevalence of a measurement": lambda s: tk.prevalence(s, "bmi"),
    "a list": lambda s: tk.prevalence(s, "list"),
    "a list in a domain": lambda s: tk.prevalence(s, "cramps", domain="list > 3"),
}


def with_wrong_columns() -> pl.DataFrame:
    return population().with_columns(
        negative=pl.col("age") - 25.0,
        zero=pl.lit(0.0),
        infinite=pl.when(pl.col("age") == 33).then(float("inf")).otherwise(pl.col("pressure")),
        row=pl.int_range(pl.len()) // 2,
        list=pl.concat_list("age", "psu"),
    )


@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", WRONG)
def test_what_is_wrong_is_explained_as_in_memory(name: str, engine: str) -> None:
    frame, texts = with_wrong_columns(), []
    for source in (frame, ENGINES[engine](frame)):
        study = tk.study(source, design=tk.Design.none(), name="mine")
        with pytest.raises(tk.ToolkitError) as caught:
            WRONG[name](study)
        texts.append(f"{type(caught.value).__name__}: {caught.value}")
    assert texts[0] == texts[1]


def test_a_table_that_grew_since_it_was_opened_is_refused() -> None:
    connection = duckdb.connect()
    connection.execute("create table people as select i % 2 as cramps, 1.0 + i % 3 as w from range(90) t(i)")
    study = tk.study(connection.table("people"), design=tk.Design(weight="w"), name="growing")
    assert [90] == tk.prevalence(study, "cramps")["n"].to_list()
    connection.execute("insert into people values (1, 2.0)")
    with pytest.raises(tk.DatasetError, match=mentioning("90 rows", "91 now", "tk.study")):
        tk.prevalence(study, "cramps")
