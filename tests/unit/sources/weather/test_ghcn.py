"""GHCN-Daily in its three forms gives the same weather; what failed quality checks is left out."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.support.messages import mentioning, mentions
from toolkit.errors import DatasetError
from toolkit.sources.weather.ghcn import read_ghcn

STATION = "USW00000001"
# Element -> day -> value in the file's units, and the quality flag.
VALUES = {
    "TMAX": {1: (300, ""), 2: (317, ""), 3: (999, "X"), 28: (311, "")},
    "TMIN": {1: (200, ""), 2: (210, ""), 3: (190, ""), 28: (199, "")},
    "RHAV": {1: (60, ""), 2: (70, "G"), 28: (55, "")},
    "PRCP": {1: (12, ""), 5: (0, "")},
}


def fixed(folder: Path, values: dict[str, dict[int, tuple[int, str]]] = VALUES) -> Path:
    lines = []
    for element, days in values.items():
        parts = []
        for day in range(1, 32):
            value, flag = days.get(day, (-9999, ""))
            parts.append(f"{value:5d} {flag or ' '}S")
        lines.append(f"{STATION}202402{element}{''.join(parts)}\n")
    path = folder / f"{STATION}.dly"
    path.write_text("".join(lines))
    return path


def by_element(folder: Path) -> Path:
    rows = [
        f"{STATION},202402{day:02d},{element},{value},,{flag},S,2400\n"
        for element, days in VALUES.items()
        for day, (value, flag) in days.items()
    ]
    path = folder / "by_station.csv"
    path.write_text("".join(rows))
    return path


def by_day(folder: Path) -> Path:
    heads = [f'"{e}","{e}_ATTRIBUTES"' for e in VALUES]
    lines = [f'"STATION","DATE","NAME",{",".join(heads)}\n']
    for day in (1, 2, 3, 5, 28):
        cells = []
        for days in VALUES.values():
            value, flag = days.get(day, (None, ""))
            cells.append('"",""' if value is None else f'"{value:5d}",",{flag},S,2400"')
        lines.append(f'"{STATION}","2024-02-{day:02d}","SOMEWHERE, US",{",".join(cells)}\n')
    path = folder / f"{STATION}.csv"
    path.write_text("".join(lines))
    return path


def test_the_fixed_form_is_read_with_units_flags_and_missing_days(tmp_path: Path) -> None:
    found = read_ghcn(fixed(tmp_path))
    assert [date(2024, 2, day) for day in (1, 2, 3, 28)] == found["date"].to_list()
    assert [30.0, 31.7, None, 31.1] == found["temperature_max"].to_list()
    assert [20.0, 21.0, 19.0, 19.9] == found["temperature_min"].to_list()
    assert [25.0, 26.35, None, 25.5] == [pytest.approx(v) if v else v for v in found["temperature_mean"]]
    assert [60.0, None, None, 55.0] == found["humidity"].to_list()
    assert [True, False, False, True] == found["heat_index"].is_not_null().to_list()
    assert {STATION} == set(found["place"])


@pytest.mark.parametrize("form", [by_element, by_day])
def test_the_forms_agree(tmp_path: Path, form) -> None:
    assert_frame_equal(read_ghcn(fixed(tmp_path)), read_ghcn(form(tmp_path)))


def test_days_that_a_month_does_not_have_do_not_run_into_the_next(tmp_path: Path) -> None:
    late = {"TAVG": {29: (100, ""), 30: (110, ""), 31: (120, "")}}
    assert [date(2024, 2, 29)] == read_ghcn(fixed(tmp_path, late))["date"].to_list()


def test_humidity_follows_from_the_dew_point(tmp_path: Path) -> None:
    damp = {"TAVG": {1: (250, "")}, "ADPT": {1: (100, "")}}
    assert pytest.approx(38.7, abs=0.2) == read_ghcn(fixed(tmp_path, damp))["humidity"].item()


def test_several_stations_are_several_places(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(by_element(tmp_path).read_text().replace(STATION, "USW00000002"))
    assert 2 == read_ghcn(fixed(tmp_path), other)["place"].n_unique()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "town,day,t\nA,2024-01-01,20\n", "tk.daily_weather(frame"),
        ("a.dly", "cut short", "tk.daily_weather(frame"),
        ("a.csv", "a,20240101,TAVG,2.5,,,S,\n", "tk.daily_weather(frame"),
        ("a.csv", "a,20240101,PRCP,2,,,S,\n", ("TAVG", "TMAX", "TMIN")),
        ("a.csv", "a,20240101,TMAX,200,,I,S,\n", ("temperature", "quality")),
    ],
)
def test_what_is_no_station_says_what_to_do(tmp_path: Path, name: str, content: str, told: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DatasetError) as caught:
        read_ghcn(path)
    assert mentions(caught.value, told)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=mentioning("No such file")):
        read_ghcn(tmp_path / "a.dly")
    with pytest.raises(DatasetError, match=mentioning("read_ghcn('USW00094728.dly')")):
        read_ghcn()


def test_a_station_can_be_packed(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "station.csv.gz"
    path.write_bytes(gzip.compress(by_element(tmp_path).read_bytes()))
    assert isinstance(read_ghcn(path), pl.DataFrame)
