"""The `[weather]` table of a user's `study.toml`: a file of daily weather, or GHCN-Daily stations."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.checked_toml import Checked
from toolkit.sources.user.tabular_files import open_table
from toolkit.sources.weather.daily import DATE, MONTH, PLACE, Unit, daily_weather
from toolkit.sources.weather.ghcn import read_ghcn

STATIONS = (".dly", ".gz")  # extensions that only GHCN-Daily files have


class OwnWeather(Checked):
    """A file with its columns, or stations: place -> file of NOAA's GHCN-Daily."""

    path: str = ""
    place: str = PLACE
    date: str = DATE
    mean: str = ""
    maximum: str = ""
    minimum: str = ""
    humidity: str = ""
    dew_point: str = ""
    unit: Unit = "C"
    separator: str = ""
    encoding: str = "utf-8"
    stations: Mapping[str, str] = {}
    days: int = MONTH  # before a participant's date, over which the heat index is averaged

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the table names."""
        return tuple(filter(None, (self.path, *self.stations.values())))


def read_weather(declared: OwnWeather, folder: Path) -> pl.DataFrame:
    """Read the weather that the table declares; a station is called by the name of its place."""
    if bool(declared.path) == bool(declared.stations):
        raise DatasetError(
            'needs either a file or stations. Supply path = "weather.csv" or stations = '
            '{ northtown = "USW00094728.dly" }.'
        )
    if declared.stations:
        parts = [
            read_ghcn(folder / file).with_columns(pl.lit(place).alias(PLACE))
            for place, file in declared.stations.items()
        ]
        return pl.concat(parts).sort(PLACE, DATE)
    with open_table(
        folder / declared.path, separator=declared.separator, encoding=declared.encoding
    ) as table:
        frame = table.frame.collect()
    columns = {
        name: getattr(declared, name) for name in ("mean", "maximum", "minimum", "humidity", "dew_point")
    }
    return daily_weather(frame, place=declared.place, date=declared.date, unit=declared.unit, **columns)
