"""Survival curves equal R's svykm, with Greenwood's variance where people are a simple random sample."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions

AT = (1, 2, 5, 9)
ASKED = {"time": "follow_up", "event": "event"}


def test_the_curve_equals_r(r_studies, expected) -> None:
    found = tk.survival(r_studies["nhanes"], **ASKED, at=AT)
    np.testing.assert_allclose(found["estimate"], expected["nhanes/km"]["result"]["survival"], rtol=1e-9)
    assert ["1", "2", "5", "9"] == found["level"].to_list()
    assert {"survival"} == set(found["estimand"])


def leukaemia() -> pl.DataFrame:
    """Give the weeks of remission of 21 people on 6-MP (Freireich et al. 1963), as textbooks do."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapse = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    return pl.DataFrame({"weeks": np.array(weeks, float), "relapse": relapse})


def greenwood(people: pl.DataFrame, until: float) -> tuple[float, float]:
    curve, total = 1.0, 0.0
    for moment in sorted(set(people.filter(relapse=1)["weeks"])):
        if moment <= until:
            at_risk = people.filter(pl.col("weeks") >= moment).height
            events = people.filter(weeks=moment, relapse=1).height
            curve, total = curve * (1 - events / at_risk), total + events / (at_risk * (at_risk - events))
    return curve, curve * np.sqrt(total)


def test_without_a_design_the_variance_is_greenwoods() -> None:
    study = tk.study(leukaemia(), design=tk.Design.none(), name="6-MP")
    found = tk.survival(study, time="weeks", event="relapse", at=(6, 10, 22, 30))
    for row in found.iter_rows(named=True):
        curve, error = greenwood(leukaemia(), float(row["level"]))
        assert curve == pytest.approx(row["estimate"], rel=1e-12)
        # A robust variance has n / (n - 1).
        assert error * np.sqrt(21 / 20) == pytest.approx(row["std_error"], rel=1e-12)


def test_the_times_of_the_events_are_the_default() -> None:
    study = tk.study(leukaemia(), design=tk.Design.none(), name="6-MP")
    found = tk.survival(study, time="weeks", event="relapse")
    assert ["6", "7", "10", "13", "16", "22", "23"] == found["level"].to_list()
    assert [3, 4, 5, 6, 7, 8, 9] == found["n_cases"].to_list()
    assert {21} == set(found["n"])


def test_late_entry_counts_from_entry_on() -> None:
    people = leukaemia().with_columns(start=pl.Series([0.0] * 15 + [8.0] * 6))
    study = tk.study(people, design=tk.Design.none(), name="6-MP")
    found = tk.survival(study, time="weeks", event="relapse", entry="start", at=(6, 7, 10))
    expected = np.cumprod([1 - 3 / 15, 1 - 1 / 11, 1 - 1 / 15])
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-12)


def test_a_jackknife_agrees_with_the_influence_values(r_studies) -> None:
    design = r_studies["nhanes"].design
    people = r_studies["nhanes"].people.filter(pl.col("person") <= 900)
    study = tk.study(people, design=design, name="some")
    ours, covariance = tk.survival(study, **ASKED, at=AT, covariance=True)
    spread = np.zeros(4)
    for stratum, psu in people.select("SDMVSTRA", "SDMVPSU").unique().iter_rows():
        same = pl.col("SDMVSTRA") == stratum
        size = people.filter(same)["SDMVPSU"].n_unique()
        weight = pl.when(same).then(pl.col("WTMEC2YR") * size / (size - 1)).otherwise(pl.col("WTMEC2YR"))
        left = people.filter(~(same & (pl.col("SDMVPSU") == psu))).with_columns(WTMEC2YR=weight)
        again = tk.survival(tk.study(left, design=tk.Design(weight="WTMEC2YR"), name="left"), **ASKED, at=AT)
        spread += (again["estimate"] - ours["estimate"]).to_numpy() ** 2 * (size - 1) / size
    np.testing.assert_allclose(np.sqrt(spread), ours["std_error"], rtol=0.02)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), ours["std_error"], rtol=1e-12)


def test_intervals_stay_between_0_and_1_and_r_s_is_there(r_studies) -> None:
    rows = {
        kind: tk.survival(r_studies["nhanes"], **ASKED, at=(0.01, 5), interval=kind).rows(named=True)
        for kind in ("log-log", "log", "plain")
    }
    for early, late in rows.values():
        assert 0 <= early["conf_low"] <= early["estimate"] <= early["conf_high"] <= 1
        assert late["conf_low"] < late["estimate"] < late["conf_high"]
    late = rows["log"][1]
    reach = np.log(late["conf_high"] / late["estimate"])
    assert reach == pytest.approx(np.log(late["estimate"] / late["conf_low"]), rel=1e-9)


def test_by_and_domain_and_times_that_nobody_reached(r_studies) -> None:
    within = tk.survival(r_studies["nhanes"], **ASKED, at=(2, 99), by="race")
    alone = tk.survival(r_studies["nhanes"], **ASKED, at=(2, 99), domain="race == 2")
    own = within.filter(race="2").row(0, named=True)
    for column in ("estimate", "std_error", "conf_low", "n"):
        assert alone[column][0] == pytest.approx(own[column], rel=1e-12)
    late = alone.row(1, named=True)
    assert ("failed", None) == (late["reliability"], late["estimate"])
    assert mentions(late["reason"], "99")


def test_a_curve_at_0_has_no_interval_and_few_people_are_told() -> None:
    people = pl.DataFrame({"weeks": [1.0, 2.0, 3.0], "relapse": [1, 1, 1]})
    row = tk.survival(
        tk.study(people, design=tk.Design.none(), name="3"), time="weeks", event="relapse", at=3
    ).row(0, named=True)
    assert (0.0, None, None) == (row["estimate"], row["conf_low"], row["conf_high"])
    assert mentions(row["reason"], "1", "observation")


@pytest.mark.parametrize(
    ("changed", "error", "remedy"),
    [
        ({"interval": "logit"}, tk.EstimationError, ("'logit'", "log-log, log, plain")),
        ({"at": (-1,)}, tk.EstimationError, "at=(30, 60, 90)"),
        ({"time": "event", "event": "female"}, tk.VariableError, ("'event'", "tk.survival(study, time=")),
        (
            {"event": "nights"},
            tk.VariableError,
            ("'nights'", "study.derive(", "family='gaussian'"),
        ),
    ],
)
def test_what_cannot_be_asked_says_what_can(changed, error, remedy, r_studies) -> None:
    study = r_studies["nhanes"].derive("female", pl.col("RIAGENDR") == 2)
    with pytest.raises(error) as caught:
        tk.survival(study, **{**ASKED, **changed})
    assert mentions(caught.value, remedy)
