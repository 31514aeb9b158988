"""Rates are ratios of totals with an interval on the log scale."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2, t

import toolkit as tk
from tests.support.messages import mentioning, mentions

ASKED = {"events": "nights", "time": "follow_up"}


def test_a_rate_is_the_ratio_of_two_totals(r_studies) -> None:
    study = r_studies["nhanes"]
    rates = tk.rate(study, **ASKED, by="race", per=100)
    ratios = tk.ratio(study, "nights", "follow_up", by="race")
    np.testing.assert_allclose(rates["estimate"], 100 * ratios["estimate"], rtol=1e-12)
    np.testing.assert_allclose(rates["std_error"], 100 * ratios["std_error"], rtol=1e-12)
    reach = t.ppf(0.975, rates["df"].to_numpy()) * rates["std_error"] / rates["estimate"]
    np.testing.assert_allclose(rates["conf_high"], rates["estimate"] * np.exp(reach), rtol=1e-9)
    np.testing.assert_allclose(rates["conf_low"], rates["estimate"] * np.exp(-reach), rtol=1e-9)
    assert int(study.people["nights"].sum()) == rates["n_cases"].sum()


def test_a_yes_is_an_event(r_studies) -> None:
    study = r_studies["nhanes"]
    row = tk.rate(study, events="event", time="follow_up", per=1000).row(0, named=True)
    people = study.people
    expected = 1000 * (people["event"] * people["WTMEC2YR"]).sum()
    expected /= (people["follow_up"] * people["WTMEC2YR"]).sum()
    assert expected == pytest.approx(row["estimate"], rel=1e-12)
    assert ("rate", "event (per 1,000 follow_up)") == (row["estimand"], row["outcome_label"])


def test_the_ratio_of_two_rates_is_that_of_the_poisson_model(r_studies) -> None:
    study = r_studies["nhanes"].derive("female", pl.col("RIAGENDR") == 2)
    rates = dict(tk.rate(study, **ASKED, by="female").select("female", "estimate").iter_rows())
    found = tk.model(study, "nights ~ female", "poisson", offset="log(follow_up)", exponentiate=True)
    assert rates["yes"] / rates["no"] == pytest.approx(found["estimate"][1], rel=1e-10)
    event = tk.model(study, "event ~ female", "poisson", offset="log(follow_up)", exponentiate=True)
    assert ["rate_ratio", "rate_ratio"] == [found["estimand"][1], event["estimand"][1]]


def test_no_event_has_the_exact_interval_of_a_poisson_count() -> None:
    people = pl.DataFrame({"cramps": np.zeros(40), "years": np.full(40, 2.5)})
    row = tk.rate(
        tk.study(people, design=tk.Design.none(), name="none"), events="cramps", time="years", per=10
    ).row(0, named=True)
    assert (0.0, 0.0, "review") == (row["estimate"], row["conf_low"], row["reliability"])
    assert 10 * chi2.ppf(0.975, 2) / 2 / 100 == pytest.approx(row["conf_high"], rel=1e-12)


def test_few_events_are_not_to_be_shown() -> None:
    people = pl.DataFrame({"cramps": [1.0] * 9 + [0.0] * 31, "years": np.full(40, 2.5)})
    row = tk.rate(tk.study(people, design=tk.Design.none(), name="few"), events="cramps", time="years").row(
        0, named=True
    )
    assert "suppress" == row["reliability"]
    assert mentions(row["reason"], "9 events", 10)


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"time": "gone"}, "'gone > 0'"),
        ({"events": "lost"}, "'lost >= 0'"),
        ({"events": "group"}, "study.derive('group_happened'"),
        ({"time": "group"}, "time='person_years'"),
    ],
)
def test_what_is_no_rate_says_what_to_do(changed, remedy) -> None:
    people = pl.DataFrame(
        {
            "nights": [1.0, 2.0, 0.0],
            "lost": [1.0, -1.0, 0.0],
            "follow_up": [1.0, 2.0, 3.0],
            "gone": [1.0, 0.0, 2.0],
            "group": ["a", "b", "c"],
        }
    )
    with pytest.raises(tk.VariableError) as caught:
        tk.rate(tk.study(people, design=tk.Design.none(), name="three"), **{**ASKED, **changed})
    assert mentions(caught.value, remedy)


def test_per_is_a_number_above_0(r_studies) -> None:
    with pytest.raises(tk.EstimationError, match=mentioning("per=1000")):
        tk.rate(r_studies["nhanes"], **ASKED, per=0)
