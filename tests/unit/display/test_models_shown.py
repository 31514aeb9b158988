"""What the models of this toolkit give is shown, kept and said, whatever it is."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from toolkit.results import ESTIMANDS, SCHEMA


@pytest.fixture(scope="module")
def shown() -> dict[str, pl.DataFrame]:
    study = tk.open_study("simulated")
    cohort = tk.open_study("example-cohort")
    adults = "age >= 20"
    pair = ("diabetes_told", "sex")
    asked = {"outcome": "any_cramps", "domain": adults}
    return {
        "ordinal": tk.model(study, "cramp_frequency ~ sex", "ordinal", adults, exponentiate=True),
        "multinomial": tk.model(study, "cramp_frequency ~ sex", "multinomial", adults, exponentiate=True),
        "firth": tk.model(study, "any_cramps ~ sex", "firth", adults, exponentiate=True),
        "negative binomial": tk.model(cohort, "cramp_nights ~ sex", "negative-binomial", exponentiate=True),
        "cox": tk.model(cohort, "Surv(first_cramp_days, first_cramp) ~ sex", "cox", exponentiate=True),
        "interaction": tk.interaction(study, **asked, exposures=pair, adjust=()),
        "differences": tk.interaction(
            study, **asked, exposures=pair, adjust=(), estimand="prevalence_difference"
        ),
        "curve": tk.curve(study, **asked, exposure="age", adjust=(), at=(30, 50, 70)),
        "proportionality": tk.proportionality(study, "cramp_frequency ~ sex", domain=adults),
        "survival": tk.survival(cohort, time="first_cramp_days", event="first_cramp", at=(10, 30), by="sex"),
        "rate": tk.rate(cohort, events="cramp_nights", time="diary_nights", per=100, by="sex"),
        "gee": tk.gee(cohort, "any_cramps ~ sex", exponentiate=True),
        "case-crossover": tk.case_crossover(cohort, exposures="heat_index", lags=(0, 1), per=10),
        "lags": tk.lag_curve(cohort, exposure="heat_index", lags=3, df=3, per=10),
    }


NAMES = (
    "ordinal", "multinomial", "firth", "negative binomial", "cox", "interaction", "differences", "curve",
    "proportionality", "survival", "rate", "gee", "case-crossover", "lags",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_the_schema_and_its_estimands_are_known(name, shown) -> None:
    frame = shown[name]
    assert list(SCHEMA) == [column for column in frame.columns if column in SCHEMA]
    assert set(frame["estimand"]) <= set(ESTIMANDS)
    assert frame["reliability"].is_in(["ok", "review", "suppress", "failed"]).all()


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_through_parquet_and_back(name, shown, tmp_path) -> None:
    shown[name].write_parquet(tmp_path / "kept.parquet")
    assert_frame_equal(shown[name], pl.read_parquet(tmp_path / "kept.parquet"))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_said_tabled_and_drawn(name, shown) -> None:
    frame = shown[name]
    for k in range(frame.height):
        said = tk.finding(frame[k])
        assert said.startswith("SIMULATED DATA")
        assert said.endswith(".")
    assert tk.finding(frame)
    assert "SIMULATED" in tk.table(frame).as_raw_html()
    assert tk.forest(frame).to_dict()["vconcat"]


SAID = {
    "ordinal": "odds ratio of higher levels of nocturnal leg cramps for sex (female vs male) was",
    "multinomial": "ratio of relative risks of nocturnal leg cramps for sex (female",
    "cox": "hazard ratio of a cramp during follow-up for sex",
    "interaction": "ratio of ratios of any nocturnal leg cramps in the past month for",
    "survival": "the proportion still free of a cramp during follow-up at 10 days was",
    "rate": "the rate of nights with cramps was 8.7 per 100 nights (95% CI",
    "case-crossover": "odds ratio of cramp for",
    "proportionality": "the test of proportional odds of nocturnal leg cramps",
}


@pytest.mark.parametrize("name", SAID)
def test_it_is_said_in_the_field_s_words(name, shown) -> None:
    frame = shown[name]
    said = " ".join(tk.finding(frame[k]) for k in range(frame.height))
    assert SAID[name].lower() in said.lower()
