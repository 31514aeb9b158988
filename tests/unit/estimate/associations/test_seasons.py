import calendar
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.associations.seasonality import cosinor


def seasonal(peak=6.5, size=3000):
    """Pain that swings by 2 about 5 with a peak at a time of year, in months from 1 January."""
    people = crowd(size=size)
    angle = 2 * np.pi * ((people["month"].to_numpy() - 0.5) - peak) / 12
    noise = np.random.default_rng(5).normal(0, 0.5, size)
    return people.with_columns(pain=pl.Series(5 + np.cos(angle) + noise))


@pytest.mark.parametrize(("peak", "day"), [(6.5, "17 July"), (0.25, "8 January"), (11.9, "28 December")])
def test_a_curve_that_is_there_is_found(peak, day):
    swing, when, test = cosinor(crowded(seasonal(peak)), outcome="pain", time="month").rows(named=True)
    assert ("amplitude", "peak", "seasonality") == (swing["estimand"], when["estimand"], test["estimand"])
    assert 1 == pytest.approx(swing["estimate"], abs=0.05)
    assert swing["conf_low"] < 1 < swing["conf_high"]
    # The peak lies on a circle of twelve months.
    assert 0 == pytest.approx((when["estimate"] - peak + 6) % 12 - 6, abs=0.1)
    found = [
        date.fromisoformat(f"2001-{m:02d}-{d:02d}") for m, d in [_parsed(when["level_label"].split(" (")[0])]
    ]
    wanted = date.fromisoformat("2001-{:02d}-{:02d}".format(*_parsed(day)))
    assert abs((found[0] - wanted).days) <= 4
    assert test["p_value"] < 1e-6
    assert ["ok"] * 3 == [row["reliability"] for row in (swing, when, test)]


MONTHS = list(calendar.month_name)[1:]


def _parsed(day):
    number, month = day.split(" ")
    return MONTHS.index(month) + 1, int(number)


def test_it_is_a_regression_on_cosine_and_sine():
    people = seasonal()
    angle = 2 * np.pi * (people["month"].to_numpy() - 0.5) / 12
    waves = crowded(people.with_columns(x=pl.Series(np.cos(angle)), y=pl.Series(np.sin(angle))))
    model, matrix = tk.model(waves, "pain ~ x + y", family="gaussian", covariance=True)
    (b, c), own = model["estimate"][1:], matrix[1:, 1:]
    rows, joint = cosinor(crowded(people), outcome="pain", time="month", df="model", covariance=True)
    a = np.hypot(b, c)
    slopes = np.array([[b / a, c / a], [-c / a**2 * 6 / np.pi, b / a**2 * 6 / np.pi]])
    equal([a, np.arctan2(c, b) * 6 / np.pi % 12], rows["estimate"][:2])
    equal(slopes @ own @ slopes.T, joint[:2, :2])
    equal(np.sqrt((slopes @ own @ slopes.T).diagonal()), rows["std_error"][:2])
    term = tk.term_test(waves, "pain ~ x + y", ("x", "y"), family="gaussian").row(0, named=True)
    equal([term["statistic"], term["p_value"]], [rows["statistic"][2], rows["p_value"][2]])
    assert np.isnan(joint[2]).all()
    # By default the test is the adjusted Wald test on 2 and 12 - 2 + 1 degrees of freedom.
    design = cosinor(crowded(people), outcome="pain", time="month").row(2, named=True)
    equal([11.0, term["statistic"] * 11 / 12], [design["df"], design["statistic"]])


def test_a_ratio_of_peak_to_trough_is_that_of_two_prevalences():
    people = crowd(size=8000)
    angle = 2 * np.pi * ((people["month"].to_numpy() - 0.5) - 7) / 12
    ill = np.random.default_rng(6).random(8000) < 0.3 * np.exp(0.3 * np.cos(angle))
    study = crowded(people.with_columns(ill=pl.Series(ill)))
    ratio = cosinor(study, outcome="ill", time="month").row(0, named=True)
    assert np.exp(0.6) == pytest.approx(ratio["estimate"], rel=0.1)
    assert ("peak_to_trough_ratio", "log") == (ratio["estimand"], ratio["scale"])
    points = cosinor(study, outcome="ill", time="month", estimand="prevalence_difference").row(0, named=True)
    assert 0.3 * (np.exp(0.3) - np.exp(-0.3)) == pytest.approx(points["estimate"], abs=0.03)
    assert "peak_to_trough_difference" == points["estimand"]


def test_months_may_be_dates_names_or_days_of_the_year():
    people = seasonal()
    middle = [date(2001, int(m), 16) for m in people["month"]]
    days = [float((d - date(2001, 1, 1)).days) for d in middle]
    names = people["month"].cast(pl.Int64).replace_strict(dict(enumerate(MONTHS, 1)))
    study = crowded(
        people.with_columns(day=pl.Series(middle), days=pl.Series(days), name=names.cast(pl.Enum(MONTHS)))
    )
    by_month = cosinor(study, outcome="pain", time="month")
    by_name = cosinor(study, outcome="pain", time="name")
    equal(by_month["estimate"][:2], by_name["estimate"][:2])
    by_date = cosinor(study, outcome="pain", time="day")
    assert by_month["estimate"][1] == pytest.approx(by_date["estimate"][1], abs=0.05)
    by_day = cosinor(study, outcome="pain", time="days", period=365)
    assert by_date["estimate"][1] == pytest.approx(by_day["estimate"][1] * 12 / 365, abs=0.05)
    assert "July" == by_month["level_label"][1].split(" ")[1] == by_day["level_label"][1].split(" ")[1]


def test_without_a_season_swing_and_peak_are_read_with_care():
    rows = cosinor(crowded(), outcome="age", time="month")
    assert ["review", "review", "ok"] == rows["reliability"].to_list()
    assert mentions(rows["reason"][0], "p =")
    assert rows["conf_low"][0] >= 0


def test_an_interval_of_a_whole_year_is_none():
    people = crowd().with_columns(flat=pl.Series(np.random.default_rng(0).normal(0, 1, 900)))
    rows = cosinor(crowded(people), outcome="flat", time="month", confidence=0.999)
    assert (None, None) == rows.select("conf_low", "conf_high").row(1)
    assert "(" not in rows["level_label"][1]


def test_groups_have_curves_of_their_own_and_failed_ones_say_why():
    people = seasonal().with_columns(month=pl.when(pl.col("sex") == "f").then(pl.lit(5.0)).otherwise("month"))
    rows, matrix = cosinor(crowded(people), outcome="pain", time="month", by="sex", covariance=True)
    assert ["failed"] * 3 + ["ok"] * 3 == rows["reliability"].to_list()
    assert rows["reason"][0]
    assert np.isnan(matrix[:3]).all()
    equal(np.sqrt(matrix.diagonal()[3:5]), rows["std_error"][3:5])


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"time": "age"}, tk.VariableError, ("'age'", "time='age'", "period=365.25")),
        ({"time": "sex"}, tk.EstimationError, ("2", "exposure='sex'")),
        ({"outcome": "region"}, tk.VariableError, ("'region'", "3", "tk.cosinor")),
        ({"estimand": "amplitude"}, tk.EstimationError, ("'amplitude'", "prevalence_ratio")),
    ],
)
def test_what_has_no_season_says_what_to_do(options, error, told):
    with pytest.raises(error, match=mentioning(told)):
        cosinor(crowded(), **{"outcome": "cramps", "time": "month", **options})


def test_a_date_without_a_value_is_missing():
    first = date(2001, 1, 1)
    dates = [None if k % 10 == 0 else first + timedelta(days=k % 365) for k in range(900)]
    rows = cosinor(crowded(crowd().with_columns(visit=pl.Series(dates))), outcome="age", time="visit")
    assert [90] * 3 == rows["n_missing"].to_list()


@pytest.mark.parametrize(
    ("months", "peak", "when"),
    [
        (range(1, 13), 7, None),
        ((11, 12, 1, 2, 3, 4), 8, "from 2 May to 1 November"),
        ((3, 4, 5, 6, 7, 8, 9, 10), 12.5, "from 1 November to 2 March"),  # over the end of the year
        ((2, 3, 4, 5, 6, 7, 8, 9, 10), 12.5, None),  # three months and no more
        ((1, 2, 3, 4, 5, 6, 7, 8), 4, "from 1 September to 1 January"),  # the trough
    ],
)
def test_a_peak_or_trough_in_months_without_interviews_is_flagged(months, peak, when):
    draw = np.random.default_rng(5)
    month = draw.choice(list(months), 4000)
    y = draw.random(4000) < 0.3 * (1 + 0.7 * np.cos(2 * np.pi * (month - peak) / 12))
    study = tk.study(pl.DataFrame({"month": month, "y": y}), design=tk.Design.none(), name="gaps")
    rows = cosinor(study, "y", "month")
    assert (["ok"] * 3 if when is None else ["review", "review", "ok"]) == rows["reliability"].to_list()
    assert when is None or all(when in reason for reason in rows["reason"][:2])
    assert "test of seasonality" in tk.finding(rows)


def test_a_flat_curve_has_no_peak_and_says_so():
    """Cases and noncases in the same months: the coefficients are exactly 0."""
    people = pl.DataFrame({"y": [True, False] * 8, "month": [3, 3, 9, 9, 6, 6, 12, 12] * 2})
    study = tk.study(people, design=tk.Design.none(), name="flat curve", smallest_cell=0)
    rows, matrix = cosinor(study, outcome="y", time="month", covariance=True)
    assert ["failed", "failed"] == rows["reliability"].to_list()[:2]
    assert rows["estimate"][:2].null_count() == 2
    assert np.isnan(matrix).all()
    assert mentions(tk.finding(rows), "flat")
    assert rows["p_value"][2] == pytest.approx(1)
