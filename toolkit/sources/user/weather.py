"""Read the weather that a user's `study.toml` names, for the places and dates of its visits and nights.

Takes the table `[weather]` of the declaration and the study's folder; gives daily weather.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.checked_toml import Checked
from toolkit.sources.user.tabular_files import open_table
from toolkit.sources.weather.daily import DATE, MONTH, PLACE, Unit, daily
from toolkit.sources.weather.ghcn import read_ghcn

STATIONS = (".dly", ".gz")  # endings of GHCN-Daily that no other file of a study has


class OwnWeather(Checked):
    """Daily weather: a file of one's own with its columns, or stations of NOAA's GHCN-Daily.

    Own columns are those of `toolkit.sources.weather.daily.daily`. `stations` says which file is which place;
    a file is read as GHCN-Daily then. `days` is how many days before a person's date their heat index is
    averaged over.
    """

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
    days: int = MONTH

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it names."""
        return tuple(filter(None, (self.path, *self.stations.values())))


def read_weather(told: OwnWeather, folder: Path) -> pl.DataFrame:
    r"""Read the weather of a study.

    Parameters
    ----------
    told
        What `[weather]` says.
    folder
        The study's.

    Returns
    -------
    polars.DataFrame
        Daily weather; a station has the name of its place.

    Raises
    ------
    DatasetError
        If neither or both of file and stations are named, or the weather cannot be read or used.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> _ = (folder / "w.csv").write_text("town,day,t,rh\nA,2024-07-31,30,60\n")
    >>> told = OwnWeather(path="w.csv", place="town", date="day", mean="t", humidity="rh")
    >>> read_weather(told, folder)["place"].to_list()
    ['A']
    """
    if bool(told.path) == bool(told.stations):
        raise DatasetError(
            'names a file or stations, one of the two: path = "weather.csv", or stations = '
            '{ northtown = "USW00094728.dly" }.'
        )
    if told.stations:
        parts = [
            read_ghcn(folder / file).with_columns(pl.lit(place).alias(PLACE))
            for place, file in told.stations.items()
        ]
        return pl.concat(parts).sort(PLACE, DATE)
    with open_table(folder / told.path, separator=told.separator, encoding=told.encoding) as table:
        frame = table.frame.collect()
    columns = {name: getattr(told, name) for name in ("mean", "maximum", "minimum", "humidity", "dew_point")}
    return daily(frame, place=told.place, date=told.date, unit=told.unit, **columns)
