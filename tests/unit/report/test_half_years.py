"""What a contrast of half-years can say of a season."""

from datetime import date, timedelta
from math import cos, pi

import polars as pl
import pytest

from tests.support.messages import mentions
from toolkit.estimate.associations.published_seasons import (
    PUBLISHED_PEAK,
    compare_season,
    half_year_ratio,
    season_ratio,
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
    assert pytest.approx(counted) == season_ratio(dates, dates.dt.month().is_between(5, 10))


def test_without_a_shift_it_is_the_largest() -> None:
    assert pytest.approx((1 + 2 / (3 * pi)) / (1 - 2 / (3 * pi))) == half_year_ratio(2 / 3, 212.5)
    assert 1.0 == half_year_ratio(0.0)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ROW, "from 0.90 to 1.10 lies below this ratio."),
        ({**ROW, "conf_low": 1.05}, "lies below this ratio and above 1."),
        ({**ROW, "conf_high": 1.6}, "from 0.90 to 1.60 includes this ratio."),
        ({**ROW, "conf_low": 1.6, "conf_high": 2.0}, "lies above this ratio."),
        ({**ROW, "conf_low": None}, "cannot be shown."),
        ({**ROW, "reliability": "suppress"}, "cannot be shown."),
    ],
)
def test_the_interval_decides(row: dict[str, object], said: str) -> None:
    told = compare_season(row)
    assert said in told
    assert "about 1.51 times" in told


def test_the_dates_of_the_records_have_a_ratio_of_their_own() -> None:
    assert mentions(compare_season(ROW, 2.0), "warm days", "2.00 times")
