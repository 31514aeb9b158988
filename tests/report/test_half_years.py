"""What a contrast of half-years can say of a season."""

from datetime import date, timedelta
from math import cos, pi

import polars as pl
import pytest

from toolkit.estimate.associations.season_bounds import (
    PUBLISHED_PEAK,
    half_year_ratio,
    ratio_on,
    what_it_rules_out,
)

ROW = {"estimate": 1.0, "conf_low": 0.9, "conf_high": 1.1, "reliability": "ok"}
YEAR = [date(2023, 1, 1) + timedelta(days=n) for n in range(365)]


def test_the_bound_is_that_of_whole_days_counted_one_by_one() -> None:
    height = {day: 1 + cos(2 * pi * (day.timetuple().tm_yday - PUBLISHED_PEAK) / 365.25) / 3 for day in YEAR}
    warm = [height[day] for day in YEAR if 5 <= day.month <= 10]
    cool = [height[day] for day in YEAR if not 5 <= day.month <= 10]
    counted = (sum(warm) / len(warm)) / (sum(cool) / len(cool))
    assert pytest.approx(counted, abs=0.01) == half_year_ratio(2 / 3)
    dates = pl.Series(YEAR)
    assert pytest.approx(counted) == ratio_on(dates, dates.dt.month().is_between(5, 10))


def test_without_a_shift_it_is_the_largest() -> None:
    assert pytest.approx((1 + 2 / (3 * pi)) / (1 - 2 / (3 * pi))) == half_year_ratio(2 / 3, 212.5)
    assert 1.0 == half_year_ratio(0.0)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ROW, "from 0.90 to 1.10 lies below it: a season of that size is ruled out here."),
        ({**ROW, "conf_low": 1.05}, "is ruled out here, though warm has at least 1.05 times the prevalence."),
        ({**ROW, "conf_high": 1.6}, "from 0.90 to 1.60 includes it: a season of that size is not ruled out"),
        ({**ROW, "conf_low": 1.6, "conf_high": 2.0}, "lies above it."),
        ({**ROW, "conf_low": None}, "nothing is ruled out."),
        ({**ROW, "reliability": "suppress"}, "nothing is ruled out."),
    ],
)
def test_the_interval_decides(row: dict[str, object], said: str) -> None:
    told = what_it_rules_out(row)
    assert said in told
    assert "about 1.51 times" in told


def test_the_days_asked_about_have_a_bound_of_their_own() -> None:
    assert "the warm days asked about would have about 2.00 times" in what_it_rules_out(ROW, 2.0)
