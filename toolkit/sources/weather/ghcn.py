"""Daily weather of NOAA's GHCN-Daily: fixed-width station files and the two CSV forms.

Format: readme.txt of GHCN-Daily, section III, and readme-by_station.txt.
"""

from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError, as_path
from toolkit.files.table_files import refuse_special_file
from toolkit.sources.harmonize.raw_values import divide_exactly
from toolkit.sources.weather.daily import DATE, PLACE, complete_weather

MISSING = -9999
# Element -> column, and units per °C or percent: temperatures are in tenths of °C.
ELEMENTS = {
    "TAVG": ("temperature_mean", 10),
    "TMAX": ("temperature_max", 10),
    "TMIN": ("temperature_min", 10),
    "ADPT": ("dew_point", 10),
    "RHAV": ("humidity", 1),
}
_DAYS, _WIDTH, _HEAD = 31, 8, 21
_LONG = ("place", "date", "element", "value", "mflag", "qflag", "sflag", "time")


def read_ghcn(*paths: str | Path) -> pl.DataFrame:
    r"""Read stations of GHCN-Daily.

    Parameters
    ----------
    *paths
        One file per station: `.dly` of fixed width, `.csv` with one column per element (TMAX,
        TMAX_ATTRIBUTES), or `.csv` and `.csv.gz` with one row per element and day and without a header.

    Returns
    -------
    polars.DataFrame
        Daily weather as of `tk.daily_weather`; `place` is the station's id. Values that failed NOAA's quality
        checks are null; a day without any valid temperature or humidity has no row.

    Raises
    ------
    DatasetError
        If a file does not exist, has none of these forms, or contains no valid temperature.

    Notes
    -----
    `humidity` is the mean relative humidity (RHAV) or computed from the mean dew point (ADPT) and the mean
    temperature. Many stations report neither; their heat index is null.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import toolkit as tk
    >>> path = Path(mkdtemp(), "station.csv")
    >>> _ = path.write_text("USW00000001,20240731,TAVG,300,,,S,\nUSW00000001,20240731,RHAV,60,,,S,\n")
    >>> tk.read_ghcn(path)["heat_index"].round(1).item()
    91.1
    """
    if not paths:
        raise DatasetError("No station file was supplied. Use tk.read_ghcn('USW00094728.dly').")
    return complete_weather(pl.concat([_station(as_path(path, "tk.read_ghcn")) for path in paths]))


def _station(path: Path) -> pl.DataFrame:
    refuse_special_file(path)
    try:
        rows = _fixed(path) if path.suffix == ".dly" else _csv(path)
    except OSError as error:
        raise DatasetError(f"'{path}' cannot be read ({error.strerror}). Check the path.") from error
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise _not_ghcn(path) from error
    passed = rows.filter((pl.col("value") != MISSING) & (pl.col("qflag").fill_null("") == ""))
    known = passed.filter(pl.col("element").is_in(list(ELEMENTS)))
    if not known["element"].str.starts_with("T").any():
        raise DatasetError(
            f"'{path.name}' contains no temperature that passed the quality checks. Use a station with TAVG, "
            "or with TMAX and TMIN."
        )
    wide = known.pivot("element", index=[PLACE, DATE], values="value", aggregate_function="first")
    return wide.select(PLACE, DATE, *(_converted(element, wide) for element in ELEMENTS))


def _converted(element: str, wide: pl.DataFrame) -> pl.Expr:
    name, units = ELEMENTS[element]
    value = pl.col(element).cast(pl.Float64) if element in wide.columns else pl.lit(None, pl.Float64)
    return divide_exactly(value, units).alias(name)


def _fixed(path: Path) -> pl.DataFrame:
    """Read lines of station, year, month and element with 31 values of 5 digits and 3 flags."""
    lines = pl.DataFrame({"line": path.read_text(encoding="ascii").splitlines()})
    if lines.is_empty() or lines["line"].str.len_chars().max() != _HEAD + _DAYS * _WIDTH:
        raise _not_ghcn(path)
    text = pl.col("line").str
    parts = [
        lines.select(
            text.slice(0, 11).alias(PLACE),
            pl.date(text.slice(11, 4).cast(pl.Int32), text.slice(15, 2).cast(pl.Int8), pl.lit(1)).alias(
                "month"
            ),
            text.slice(17, 4).alias("element"),
            text.slice(_HEAD + _WIDTH * day, 5).str.strip_chars().cast(pl.Int64).alias("value"),
            text.slice(_HEAD + _WIDTH * day + 6, 1).str.strip_chars().alias("qflag"),
            pl.lit(day).alias("day"),
        )
        for day in range(_DAYS)
    ]
    rows = pl.concat(parts)
    date = pl.col("month").dt.offset_by(pl.format("{}d", pl.col("day")))
    # Days that a month does not have would run into the next month.
    real = pl.col("day") < pl.col("month").dt.days_in_month()
    return rows.filter(real).with_columns(date.alias(DATE))


def _csv(path: Path) -> pl.DataFrame:
    head = pl.read_csv(path, has_header=False, n_rows=1, infer_schema=False).row(0)
    return _by_element(path, len(head)) if "STATION" not in head else _by_day(path)


def _by_element(path: Path, width: int) -> pl.DataFrame:
    if width != len(_LONG):
        raise _not_ghcn(path)
    rows = pl.read_csv(path, has_header=False, new_columns=list(_LONG), infer_schema=False)
    return rows.with_columns(
        pl.col(DATE).str.to_date("%Y%m%d"), pl.col("value").str.strip_chars().cast(pl.Int64)
    )


def _by_day(path: Path) -> pl.DataFrame:
    wide = pl.read_csv(path, infer_schema=False)
    there = [element for element in ELEMENTS if element in wide.columns]
    if not there or DATE.upper() not in wide.columns:
        raise _not_ghcn(path)
    parts = [
        wide.select(
            pl.col("STATION").alias(PLACE),
            pl.col("DATE").str.to_date("%Y-%m-%d").alias(DATE),
            pl.lit(element).alias("element"),
            pl.col(element).str.strip_chars().replace("", None).cast(pl.Int64).alias("value"),
            _flag(wide, element).alias("qflag"),
        )
        for element in there
    ]
    return pl.concat(parts).drop_nulls("value")


def _flag(wide: pl.DataFrame, element: str) -> pl.Expr:
    """Read the quality flag, the second of the attributes "measurement,quality,source,time"."""
    column = f"{element}_ATTRIBUTES"
    if column not in wide.columns:
        return pl.lit("")
    return pl.col(column).str.split(",").list.get(1, null_on_oob=True)


def _not_ghcn(path: Path) -> DatasetError:
    return DatasetError(
        f"'{path.name}' is not a GHCN-Daily file in whole tenths of °C, neither .dly of fixed width nor one "
        "of the CSV forms. For your own weather, use tk.daily_weather(frame, mean='...', humidity='...')."
    )
