"""Turn daily weather into heat: heat index, degree-days, heat waves, and the days before a date at a place.

Takes daily temperatures and humidity by place, from the user's frame or `ghcn`; gives one row a place and
day in the columns of `DAILY`, and joins them to anything that has a place and a date. Temperatures are kept
in °C, the heat index in °F, as the National Weather Service defines it.
"""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from toolkit.errors import DatasetError, VariableError, unknown
from toolkit.sources.weather.heat_index import celsius, fahrenheit, heat_index, relative_humidity

PLACE, DATE = "place", "date"
DAILY = (
    PLACE, DATE, "temperature_mean", "temperature_max", "temperature_min", "humidity", "heat_index",
    "degree_days",
)  # fmt: skip
LAGS = tuple(range(8))
MONTH = 30
BASE = 65.0  # °F, the base of the US degree-days
WAVE_SHARE, WAVE_DAYS = 0.95, 2
# No air temperature on Earth was outside this (WMO's extremes, -89.2 and 56.7 °C, with room for error).
_COLDEST, _HOTTEST = -90.0, 60.0

Unit = Literal["C", "F"]


def daily(
    frame: pl.DataFrame,
    *,
    place: str = PLACE,
    date: str = DATE,
    mean: str = "",
    maximum: str = "",
    minimum: str = "",
    humidity: str = "",
    dew_point: str = "",
    unit: Unit = "C",
) -> pl.DataFrame:
    """Read weather of one's own, one row a place and day.

    Parameters
    ----------
    frame
        The weather.
    place, date
        Columns that say where and when; dates, or text as 2024-07-31.
    mean, maximum, minimum
        Columns of temperature: the mean, or maximum and minimum, whose middle is the mean then.
    humidity, dew_point
        Column of the relative humidity in percent, or of the dew point in the unit of temperature.
    unit
        "C" or "F", of temperatures and dew point.

    Returns
    -------
    polars.DataFrame
        The columns of `DAILY`, by place and date: temperatures in °C, humidity in %, `heat_index` of the mean
        temperature in °F, `degree_days` above 65 °F in °F. What was not given is null.

    Raises
    ------
    DatasetError
        For a column that is not there, a date that cannot be read, two rows of one place and day, and values
        that cannot be: each with its count.

    Examples
    --------
    >>> own = pl.DataFrame({"town": ["A"], "day": ["2024-07-31"], "t": [30.0], "rh": [60.0]})
    >>> daily(own, place="town", date="day", mean="t", humidity="rh")["heat_index"].round(1).item()
    91.1
    """
    if not mean and not (maximum and minimum):
        raise DatasetError("weather needs temperatures: name mean='...', or maximum='...' and minimum='...'.")
    named = {
        "temperature_mean": mean, "temperature_max": maximum, "temperature_min": minimum,
        "humidity": humidity, "dew_point": dew_point,
    }  # fmt: skip
    columns = {new: old for new, old in {PLACE: place, DATE: date, **named}.items() if old}
    for old in columns.values():
        if old not in frame.columns:
            raise DatasetError(unknown("the weather has no column", old, frame.columns))
    numbers = [new for new in columns if new not in (PLACE, DATE)]
    read = frame.select(
        pl.col(columns[PLACE]).cast(pl.String).alias(PLACE),
        _as_date(frame, columns[DATE]),
        *(_number(frame[columns[new]]).alias(new) for new in numbers),
    )
    if unit == "F":
        read = read.with_columns(celsius(pl.col(name)) for name in numbers if name != "humidity")
    return complete(read)


def complete(read: pl.DataFrame) -> pl.DataFrame:
    """Check daily weather in °C and work out mean, humidity, heat index and degree-days.

    Parameters
    ----------
    read
        `place`, `date` and those of the other columns of `DAILY`, and of `dew_point`, that are known.

    Returns
    -------
    polars.DataFrame
        The columns of `DAILY`, sorted by place and date.

    Raises
    ------
    DatasetError
        As `daily`.
    """
    absent = [c for c in (*DAILY, "dew_point") if c not in (*read.columns, "heat_index", "degree_days")]
    frame = read.with_columns(pl.lit(None, pl.Float64).alias(name) for name in absent)
    _check(frame)
    middle = (pl.col("temperature_max") + pl.col("temperature_min")) / 2
    frame = frame.with_columns(temperature_mean=pl.coalesce("temperature_mean", middle))
    damp = relative_humidity(pl.col("temperature_mean"), pl.col("dew_point"))
    frame = frame.with_columns(humidity=pl.coalesce("humidity", damp))
    warm = fahrenheit(pl.col("temperature_mean"))
    return (
        frame.with_columns(
            heat_index=heat_index(warm, pl.col("humidity")), degree_days=(warm - BASE).clip(lower_bound=0)
        )
        .select(DAILY)
        .sort(PLACE, DATE)
    )


def heat_waves(
    weather: pl.DataFrame,
    *,
    of: str = "temperature_mean",
    above: float | None = None,
    share: float = WAVE_SHARE,
    days: int = WAVE_DAYS,
) -> pl.DataFrame:
    """Mark the days of heat waves: several hot days in a row.

    Parameters
    ----------
    weather
        Daily weather: the columns of `DAILY`.
    of
        The column that says how hot a day was.
    above
        A day above this is hot; None takes the place's own quantile `share` over all its days.
    share
        0.95 of each place's days by default.
    days
        How many hot days in a row make a wave.

    Returns
    -------
    polars.DataFrame
        The weather with `heat_wave`: true, false, or null where days that are not known leave it open.

    Raises
    ------
    VariableError
        If the weather has no such column, or it is empty.

    Notes
    -----
    Two days and more above the place's 95th percentile of mean temperature: Anderson & Bell, Environ Health
    Perspect 2011;119:210-218.

    Examples
    --------
    >>> week = pl.DataFrame({"place": "A", "day": range(1, 5), "t": [20.0, 31.0, 32.0, 20.0]})
    >>> week = week.with_columns(day=pl.date(2024, 7, pl.col("day")))
    >>> heat_waves(daily(week, date="day", mean="t"), above=30)["heat_wave"].to_list()
    [False, True, True, False]
    """
    if of not in weather.columns:
        raise VariableError(unknown("the weather has no column", of, weather.columns))
    if not weather[of].count():
        raise VariableError(
            f"'{of}' has no value in this weather. Choose another: heat_waves(..., of='...')."
        )
    limit = pl.lit(above) if above is not None else pl.col(of).quantile(share, "linear").over(PLACE)
    hot = weather.select(PLACE, DATE, hot=pl.col(of) > limit)
    everyday = hot.group_by(PLACE).agg(pl.date_range(pl.col(DATE).min(), pl.col(DATE).max())).explode(DATE)
    full = everyday.join(hot, on=[PLACE, DATE], how="left").sort(PLACE, DATE)
    surely, perhaps = (_in_run(pl.col("hot").fill_null(value=value), days) for value in (False, True))
    marked = full.with_columns(surely=surely, perhaps=perhaps).select(
        PLACE,
        DATE,
        heat_wave=pl.when("surely")
        .then(pl.lit(value=True))
        .when(~pl.col("perhaps"))
        .then(pl.lit(value=False)),
    )
    return weather.join(marked, on=[PLACE, DATE], how="left", maintain_order="left")


def lagged(
    dated: pl.DataFrame, weather: pl.DataFrame, names: str | Sequence[str], lags: Sequence[int] = LAGS
) -> pl.DataFrame:
    """Join the weather of the day and of the days before to what has a place and a date.

    Parameters
    ----------
    dated
        `place` and `date`.
    weather
        Daily weather.
    names
        The columns to join.
    lags
        Days before; 0 is the day itself.

    Returns
    -------
    polars.DataFrame
        `dated` in its order with `<name>_lag0`, `<name>_lag1` and so on; null where the day is not there.

    Raises
    ------
    DatasetError
        If a column is lacking, or no row of `dated` is a place and day of the weather.

    Examples
    --------
    >>> from datetime import date
    >>> own = pl.DataFrame({"place": "A", "date": [date(2024, 7, 1), date(2024, 7, 2)], "t": [20.0, 30.0]})
    >>> night = pl.DataFrame({"place": ["A"], "date": [date(2024, 7, 2)]})
    >>> lagged(night, daily(own, mean="t"), "temperature_mean", range(2)).row(0)[2:]
    (30.0, 20.0)
    """
    names = [names] if isinstance(names, str) else list(names)
    _expect_dated(dated, weather, names)
    for lag in lags:
        shifted = weather.select(
            PLACE, pl.col(DATE).dt.offset_by(f"{lag}d"), *(pl.col(n).alias(f"{n}_lag{lag}") for n in names)
        )
        dated = dated.join(shifted, on=[PLACE, DATE], how="left", maintain_order="left")
    return dated


def mean_before(
    dated: pl.DataFrame, weather: pl.DataFrame, name: str, *, days: int = MONTH, least: int | None = None
) -> pl.DataFrame:
    """Join the mean weather of the days before a date, the date itself not counted.

    Parameters
    ----------
    dated
        `place` and `date`.
    weather
        Daily weather.
    name
        The column to average.
    days
        How many days before.
    least
        How many of them must be known; four in five if not given.

    Returns
    -------
    polars.DataFrame
        `dated` in its order with the mean under the column's name; null where too few days are known.

    Raises
    ------
    DatasetError
        As `lagged`.

    Examples
    --------
    >>> from datetime import date
    >>> own = pl.DataFrame({"place": "A", "date": [date(2024, 7, 1), date(2024, 7, 2)], "t": [20.0, 30.0]})
    >>> visit = pl.DataFrame({"place": ["A"], "date": [date(2024, 7, 3)]})
    >>> mean_before(visit, daily(own, mean="t"), "temperature_mean", days=2)["temperature_mean"].item()
    25.0
    """
    _expect_dated(dated, weather, [name])
    needed = -(-days * 4 // 5) if least is None else least
    asked = dated.select(PLACE, DATE).unique()
    before = asked.join(weather.select(PLACE, pl.col(DATE).alias(".day"), name), on=PLACE).filter(
        (pl.col(".day") < pl.col(DATE)) & (pl.col(".day") >= pl.col(DATE).dt.offset_by(f"-{days}d"))
    )
    known = pl.col(name).count() >= needed
    means = before.group_by(PLACE, DATE).agg(pl.when(known).then(pl.col(name).mean()).alias(name))
    return dated.drop(name, strict=False).join(means, on=[PLACE, DATE], how="left", maintain_order="left")


def _as_date(frame: pl.DataFrame, column: str) -> pl.Series:
    given = frame[column]
    if isinstance(given.dtype, pl.Date | pl.Datetime):
        return given.cast(pl.Date).alias(DATE)
    read = given.cast(pl.String).str.to_date("%Y-%m-%d", strict=False)
    lost = read.null_count() - given.null_count()
    if lost:
        raise DatasetError(
            f"{lost:,} of {len(given):,} dates in '{column}' of the weather are not written as 2024-07-31. "
            f"Read them first: frame.with_columns(pl.col('{column}').str.to_date('%d.%m.%Y'))."
        )
    return read.alias(DATE)


def _number(given: pl.Series) -> pl.Series:
    written = given.str.strip_chars().replace("", None) if given.dtype == pl.String else given
    read = written.cast(pl.Float64, strict=False).fill_nan(None)
    lost = read.null_count() - written.null_count()
    if lost and given.dtype == pl.String:
        raise DatasetError(
            f"{lost:,} of {len(given):,} values of '{given.name}' of the weather are no numbers. Write 21.5, "
            "and nothing where it is missing."
        )
    return read


def _check(frame: pl.DataFrame) -> None:
    unknown_days = frame.select(pl.any_horizontal(pl.col(PLACE, DATE).is_null()).sum()).item()
    twice = frame.height - frame.select(PLACE, DATE).unique().height
    heat = ("temperature_mean", "temperature_max", "temperature_min", "dew_point")
    outside = sum(int((~frame[name].is_between(_COLDEST, _HOTTEST)).sum()) for name in heat)
    damp = int((~frame["humidity"].is_between(0, 100)).sum())
    shares = frame["humidity"].count() > 1 and bool((frame["humidity"].drop_nulls() <= 1).all())
    crossed = frame.filter(pl.col("temperature_max") < pl.col("temperature_min")).height
    told = {
        "rows without place or date. Leave them out.": unknown_days,
        "rows too many: a place has one row a day. Average them, or name another place column.": twice,
        "temperatures outside -90 to 60 °C. Are they in °F? Say unit='F'.": outside,
        "humidities outside 0 to 100 %. Set codes of missing values to null.": damp,
        "humidities, none above 1: they look like shares. Multiply them by 100.": frame.height * shares,
        "days whose maximum is below the minimum. Are the two columns swapped?": crossed,
    }
    problems = [f"- {count:,} {text}" for text, count in told.items() if count]
    if problems:
        raise DatasetError("\n".join(["the weather cannot be used:", *problems]))


def _in_run(hot: pl.Expr, days: int) -> pl.Expr:
    """Tell whether a day is in a run of so many hot days at its place."""
    run = hot.rle_id().over(PLACE)
    return hot & (pl.len().over(PLACE, run) >= days)


def _expect_dated(dated: pl.DataFrame, weather: pl.DataFrame, names: Sequence[str]) -> None:
    for frame, columns, what in (
        (dated, (PLACE, DATE), "dates"),
        (weather, (PLACE, DATE, *names), "weather"),
    ):
        for column in columns:
            if column not in frame.columns:
                raise DatasetError(unknown(f"the {what} have no column", column, frame.columns))
    if dated[PLACE].dtype != weather[PLACE].dtype or dated[DATE].dtype != weather[DATE].dtype:
        raise DatasetError(
            "place and date are of other types here than in the weather. Make them text and dates: "
            "dated.with_columns(pl.col('place').cast(pl.String), pl.col('date').cast(pl.Date))."
        )
    places = dated[PLACE].drop_nulls().unique()
    here = weather[PLACE].unique().to_list()
    if not places.is_in(here).any():
        raise DatasetError(
            f"none of {len(places):,} places of the dates is among the {len(here):,} of the weather. "
            "Name them alike in both."
        )
