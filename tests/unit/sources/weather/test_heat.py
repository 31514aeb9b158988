"""The heat index equals the Weather Service's chart, its adjustments, and its simple form in mild air."""

import csv
from pathlib import Path

import polars as pl
import pytest

from tests.support.looping import in_one_test
from toolkit.sources.weather.daily import celsius, fahrenheit, heat_index, relative_humidity

CHART = Path(__file__).parents[3] / "reference" / "weather" / "heat-index-nws.csv"


def index(temperature: float, humidity: float) -> float:
    frame = pl.DataFrame({"t": [temperature], "rh": [humidity]})
    return float(frame.select(heat_index(pl.col("t"), pl.col("rh"))).item())


def chart() -> list[tuple[int, int, int]]:
    head, *rows = csv.reader(CHART.read_text().splitlines())
    return [
        (int(row[0]), int(rh), int(cell))
        for row in rows
        for rh, cell in zip(head[1:], row[1:], strict=True)
        if cell
    ]


@in_one_test(("temperature", "humidity", "printed"), chart())
def test_it_is_the_chart_within_its_rounding(temperature: int, humidity: int, printed: int) -> None:
    # The chart is the regression alone, in whole degrees; it leaves the adjustment for humid air out.
    humid = (humidity - 85) / 10 * (87 - temperature) / 5 if humidity > 85 and temperature <= 87 else 0.0
    assert abs(index(temperature, humidity) - humid - printed) < 0.9


def test_most_of_the_chart_is_met_to_the_degree() -> None:
    met = [
        printed == round(index(temperature, humidity))
        for temperature, humidity, printed in chart()
        if humidity <= 85
    ]
    assert len(met) - 3 == sum(met)


def test_below_eighty_it_is_the_simple_form_averaged_once_more() -> None:
    # 0.5 * (80 + 61 + 1.2 * 12 + 0.094 * 40) is 79.58, and with 80 averaged 79.79.
    assert pytest.approx(79.79, abs=1e-9) == index(80, 40)
    assert pytest.approx((70 + 0.5 * (70 + 61 + 2.4 + 4.7)) / 2, abs=1e-9) == index(70, 50)


def test_at_eighty_the_regression_takes_over() -> None:
    # At 80 °F the averaged simple form, 78.85 + 0.0235 times the humidity, reaches 80 at 48.94 %.
    assert pytest.approx(78.85 + 0.0235 * 48.9) == index(80, 48.9)
    assert 80.5 < index(80, 49) < 81


def test_very_dry_air_feels_cooler() -> None:
    # At 95 °F and 5 % the adjustment is (13 - 5) / 4 * 1 = 2; at 13 % there is none.
    def regression(t: float, r: float) -> float:
        return (
            -42.379 + 2.04901523 * t + 10.14333127 * r - 0.22475541 * t * r - 0.00683783 * t**2
            - 0.05481717 * r**2 + 0.00122874 * t**2 * r + 0.00085282 * t * r**2 - 0.00000199 * t**2 * r**2
        )  # fmt: skip

    assert pytest.approx(regression(95, 5) - 2, abs=1e-9) == index(95, 5)
    assert pytest.approx(regression(95, 13), abs=1e-9) == index(95, 13)
    assert pytest.approx(regression(113, 5), abs=1e-9) == index(113, 5)


@pytest.mark.parametrize("missing", ["t", "rh"])
def test_without_temperature_or_humidity_there_is_none(missing: str) -> None:
    frame = pl.DataFrame({"t": [90.0], "rh": [50.0]}).with_columns(pl.lit(None, pl.Float64).alias(missing))
    assert frame.select(heat_index(pl.col("t"), pl.col("rh"))).item() is None


def test_degrees_go_there_and_back() -> None:
    frame = pl.DataFrame({"c": [-40.0, 0.0, 100.0]})
    assert [-40.0, 32.0, 212.0] == frame.select(fahrenheit(pl.col("c"))).to_series().to_list()
    assert frame["c"].to_list() == frame.select(celsius(fahrenheit(pl.col("c")))).to_series().to_list()


def test_humidity_from_the_dew_point() -> None:
    # Saturation pressures of water, 12.27 hPa at 10 °C and 31.67 at 25 °C (CRC Handbook): 38.7 %.
    frame = pl.DataFrame({"t": [25.0, 25.0, 25.0], "dew": [10.0, 25.0, 26.0]})
    found = frame.select(relative_humidity(pl.col("t"), pl.col("dew"))).to_series()
    assert [pytest.approx(38.7, abs=0.2), 100.0, 100.0] == found.to_list()
