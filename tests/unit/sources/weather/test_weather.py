"""Daily weather is read, checked, completed, and joined to places and dates of the days before."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.messages import mentioning, mentions
from toolkit.errors import DatasetError, VariableError
from toolkit.sources.weather.daily import DAILY, daily_weather, join_lags, join_mean_before, mark_heat_waves

FIRST = date(2024, 6, 1)


def series(*temperatures: float | None, place: str = "A", first: date = FIRST) -> pl.DataFrame:
    """Give a place's mean temperatures, day after day; None leaves the day out."""
    rows = [
        {"place": place, "date": first + timedelta(days=n), "t": float(value), "rh": 50.0}
        for n, value in enumerate(temperatures)
        if value is not None
    ]
    return pl.DataFrame(rows)


def weather(*temperatures: float | None, **kept: str) -> pl.DataFrame:
    return daily_weather(series(*temperatures, **kept), mean="t", humidity="rh")  # type: ignore[arg-type]


def nights(*offsets: int, place: str = "A") -> pl.DataFrame:
    return pl.DataFrame({"place": place, "date": [FIRST + timedelta(days=n) for n in offsets]})


def test_units_are_converted_and_the_middle_is_the_mean() -> None:
    own = pl.DataFrame({"place": "A", "date": FIRST, "hi": 95.0, "lo": 77.0, "dew": 68.0})
    found = daily_weather(own, maximum="hi", minimum="lo", dew_point="dew", unit="F").row(0, named=True)
    assert DAILY == tuple(found)
    assert (35.0, 25.0, 30.0) == (
        found["temperature_max"],
        found["temperature_min"],
        found["temperature_mean"],
    )
    assert pytest.approx(55.1, abs=0.1) == found["humidity"]
    assert pytest.approx(86 - 65) == found["degree_days"]
    assert 88 < found["heat_index"] < 90


def test_a_mean_that_is_given_goes_before_the_middle() -> None:
    own = pl.DataFrame({"place": "A", "date": FIRST, "t": 21.0, "hi": 30.0, "lo": 10.0})
    assert 21.0 == daily_weather(own, mean="t", maximum="hi", minimum="lo")["temperature_mean"].item()


def test_cool_days_have_no_degree_days() -> None:
    assert [0.0, pytest.approx(3.0)] == weather(10, 20)["degree_days"].to_list()


def test_without_humidity_there_is_temperature_and_no_heat_index() -> None:
    found = daily_weather(series(30.0).drop("rh"), mean="t")
    assert (30.0, None) == found.select("temperature_mean", "heat_index").row(0)


def test_text_is_read_and_nothing_is_missing() -> None:
    text = pl.DataFrame({"place": "A", "date": ["2024-06-01", "2024-06-02"], "t": ["21.5", " "]})
    assert [21.5, None] == daily_weather(text, mean="t")["temperature_mean"].to_list()


Change = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.rename({"rh": "RH"}), "'rh'"),
        (lambda f: pl.concat([f, f]), "2 rows"),
        (lambda f: f.with_columns(t=pl.col("t") * 9 / 5 + 32), "unit='F'"),
        (lambda f: f.with_columns(rh=pl.lit(-99.0)), ("2", "0", "100")),
        (lambda f: f.with_columns(rh=pl.col("rh") / 100), "100"),
        (lambda f: f.with_columns(date=pl.lit(None, pl.Date)), ("2 rows", "place", "date")),
        (lambda f: f.with_columns(date=pl.lit("6/1/24")), "pl.col('date')"),
        (lambda f: f.with_columns(t=pl.lit("21,5")), ("2", "'t'")),
    ],
)
def test_weather_that_cannot_be_is_refused(change: Change, told: str) -> None:
    with pytest.raises(DatasetError) as caught:
        daily_weather(change(series(35.0, 34.0)), mean="t", humidity="rh")
    assert mentions(caught.value, told)


def test_swapped_extremes_are_refused() -> None:
    with pytest.raises(DatasetError, match=mentioning("minimum", "swapped")):
        daily_weather(series(30.0).with_columns(lo=pl.lit(31.0)), maximum="t", minimum="lo")


def test_temperatures_must_be_named() -> None:
    with pytest.raises(DatasetError, match=mentioning("mean='...'", "maximum='...'")):
        daily_weather(series(30.0), humidity="rh")


@pytest.mark.parametrize(
    ("days", "marked"),
    [
        ((20, 31, 32, 20), (False, True, True, False)),
        ((31, 20, 31), (False, False, False)),
        ((31, None, 31, 20), (None, None, False)),
        ((31, 31, None, 31), (True, True, None)),
        ((30, 30), (False, False)),
    ],
)
def test_a_heat_wave_is_two_hot_days_and_a_gap_leaves_it_open(
    days: tuple[float | None, ...], marked: tuple[bool | None, ...]
) -> None:
    assert marked == tuple(mark_heat_waves(weather(*days), above=30)["heat_wave"])


def test_each_place_has_its_own_limit() -> None:
    both = pl.concat([weather(*range(1, 21)), weather(*range(21, 41), place="B")])
    found = (
        mark_heat_waves(both, share=0.85)
        .group_by("place", maintain_order=True)
        .agg(pl.col("heat_wave").sum())
    )
    assert [("A", 3), ("B", 3)] == found.rows()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(25, 35)), min_size=1, max_size=30), st.integers(1, 4))
def test_waves_equal_a_slow_reading(temperatures: list[int | None], days: int) -> None:
    if all(value is None for value in temperatures):
        return

    def longest(place: int, missing: bool) -> int:
        hot = [missing if value is None else value > 30 for value in temperatures]
        # Before the first and after the last known day nothing is known to be hot.
        known = [n for n, value in enumerate(temperatures) if value is not None]
        hot = [flag and known[0] <= n <= known[-1] for n, flag in enumerate(hot)]
        if not hot[place]:
            return 0
        first = last = place
        while first and hot[first - 1]:
            first -= 1
        while last + 1 < len(hot) and hot[last + 1]:
            last += 1
        return last - first + 1

    wanted = [
        True if longest(n, False) >= days else None if longest(n, True) >= days else False
        for n, value in enumerate(temperatures)
        if value is not None
    ]
    assert wanted == mark_heat_waves(weather(*temperatures), above=30, days=days)["heat_wave"].to_list()


def test_a_wave_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(VariableError, match=mentioning("'temperature'")):
        mark_heat_waves(weather(30, 31), of="temperature")
    with pytest.raises(VariableError, match=mentioning("'heat_index'", "of=")):
        mark_heat_waves(daily_weather(series(30).drop("rh"), mean="t"), of="heat_index")


def test_lags_are_days_and_not_rows() -> None:
    found = join_lags(nights(3, 1, 9), weather(20, 21, None, 23), "temperature_mean", range(4))
    assert [
        (23.0, None, 21.0, 20.0),
        (21.0, 20.0, None, None),
        (None, None, None, None),
    ] == found.drop("place", "date").rows()


def test_a_lag_takes_its_own_place() -> None:
    both = pl.concat([weather(20, 21), weather(30, 31, place="B")])
    asked = pl.concat([nights(1, place="B"), nights(1)])
    assert [31.0, 21.0] == join_lags(asked, both, "temperature_mean", [0])["temperature_mean_lag0"].to_list()


def test_the_month_before_leaves_the_day_itself_out() -> None:
    found = join_mean_before(nights(30, 31), weather(*range(31)), "temperature_mean")
    assert [sum(range(30)) / 30, sum(range(1, 31)) / 30] == found["temperature_mean"].to_list()


def test_a_mean_needs_four_days_in_five() -> None:
    known = weather(*[20] * 24)
    assert [20.0, None] == join_mean_before(nights(30, 31), known, "temperature_mean")[
        "temperature_mean"
    ].to_list()
    few = join_mean_before(nights(31), known, "temperature_mean", least=1)
    assert [20.0] == few["temperature_mean"].to_list()


def test_places_that_are_called_otherwise_are_told() -> None:
    with pytest.raises(DatasetError, match=mentioning("1", "places")):
        join_lags(nights(0, place="a"), weather(20), "heat_index")
    with pytest.raises(DatasetError, match=mentioning("types", "cast")):
        join_lags(nights(0).with_columns(date=pl.lit("2024-06-01")), weather(20), "heat_index")
    with pytest.raises(DatasetError, match=mentioning("'heat'")):
        join_mean_before(nights(0), weather(20), "heat")
