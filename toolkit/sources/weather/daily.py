"""Daily weather by place: heat index, degree-days, heat waves, and the days before a date.

Temperatures are in °C; the heat index is in °F, as the National Weather Service defines it.
"""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from toolkit.errors import DatasetError, VariableError, require_known


def heat_index(temperature: pl.Expr, humidity: pl.Expr) -> pl.Expr:
    """Heat index in °F of a temperature in °F and a relative humidity in percent.

    Rothfusz, NWS Technical Attachment SR 90-23, with the adjustments and the averaging that the Weather
    Prediction Center describes (wpc.ncep.noaa.gov/html/heatindex_equation.shtml). Implementations that do not
    average the simple form with the temperature differ slightly: 79.58 instead of 79.79 at 80 °F and 40%. The
    regression is within 1.3 °F of Steadman's tables.
    """
    t, r = temperature, humidity
    simple = (0.5 * (t + 61 + 1.2 * (t - 68) + 0.094 * r) + t) / 2
    regression = (
        -42.379 + 2.04901523 * t + 10.14333127 * r - 0.22475541 * t * r - 0.00683783 * t * t
        - 0.05481717 * r * r + 0.00122874 * t * t * r + 0.00085282 * t * r * r - 0.00000199 * t * t * r * r
    )  # fmt: skip
    dry = (r < 13) & t.is_between(80, 112)
    humid = (r > 85) & t.is_between(80, 87)
    less = (13 - r) / 4 * ((17 - (t - 95).abs()) / 17).sqrt()
    more = (r - 85) / 10 * ((87 - t) / 5)
    adjusted = pl.when(dry).then(regression - less).when(humid).then(regression + more).otherwise(regression)
    return pl.when(simple < 80).then(simple).otherwise(adjusted)


def relative_humidity(temperature: pl.Expr, dew_point: pl.Expr) -> pl.Expr:
    """Relative humidity in percent from °C (Magnus; Alduchov & Eskridge, J Appl Meteorol 1996;35:601-609)."""

    def pressure(celsius: pl.Expr) -> pl.Expr:
        return (17.625 * celsius / (243.04 + celsius)).exp()

    return (100 * pressure(dew_point) / pressure(temperature)).clip(upper_bound=100)


def fahrenheit(celsius: pl.Expr) -> pl.Expr:
    """Convert °C to °F."""
    return celsius * 9 / 5 + 32


def celsius(value: pl.Expr) -> pl.Expr:
    """Convert °F to °C."""
    return (value - 32) * 5 / 9


PLACE, DATE = "place", "date"
DAILY = (
    PLACE, DATE, "temperature_mean", "temperature_max", "temperature_min", "humidity", "heat_index",
    "degree_days",
)  # fmt: skip
LAGS = tuple(range(8))
MONTH = 30
BASE = 65.0  # °F, the base of US degree-days
WAVE_SHARE, WAVE_DAYS = 0.95, 2
# WMO's extremes are -89.2 and 56.7 °C.
_COLDEST, _HOTTEST = -90.0, 60.0

Unit = Literal["C", "F"]


def daily_weather(
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
    """Read the user's own daily weather, one row per place and day.

    Parameters
    ----------
    frame
        The weather.
    place, date
        Columns of the place and the date; dates may be text such as 2024-07-31.
    mean, maximum, minimum
        Columns of temperature: the mean, or maximum and minimum, whose midpoint is then the mean.
    humidity, dew_point
        Column of the relative humidity in percent, or of the dew point in the unit of the temperature.
    unit
        "C" or "F", the unit of temperatures and dew point.

    Returns
    -------
    polars.DataFrame
        place, date, temperature_mean, temperature_max, temperature_min (°C), humidity (%), heat_index (°F, of
        the mean temperature) and degree_days (°F above 65 °F), sorted. Unknown values are null.

    Raises
    ------
    DatasetError
        If a column does not exist, a date or a number cannot be read, a place has two rows for one day, or
        values are impossible.

    Examples
    --------
    >>> import toolkit as tk
    >>> own = pl.DataFrame({"town": ["A"], "day": ["2024-07-31"], "t": [30.0], "rh": [60.0]})
    >>> tk.daily_weather(own, place="town", date="day", mean="t", humidity="rh")["heat_index"].round(1).item()
    91.1
    """
    if not mean and not (maximum and minimum):
        raise DatasetError(
            "Weather needs temperatures. Supply mean='...', or maximum='...' and minimum='...'."
        )
    named = {
        "temperature_mean": mean, "temperature_max": maximum, "temperature_min": minimum,
        "humidity": humidity, "dew_point": dew_point,
    }  # fmt: skip
    columns = {new: old for new, old in {PLACE: place, DATE: date, **named}.items() if old}
    for old in columns.values():
        require_known("The weather has no column", old, frame.columns, error=DatasetError)
    numbers = [new for new in columns if new not in (PLACE, DATE)]
    read = frame.select(
        pl.col(columns[PLACE]).cast(pl.String).alias(PLACE),
        _as_date(frame, columns[DATE]),
        *(_number(frame[columns[new]]).alias(new) for new in numbers),
    )
    if unit == "F":
        read = read.with_columns(celsius(pl.col(name)) for name in numbers if name != "humidity")
    return complete_weather(read)


def complete_weather(read: pl.DataFrame) -> pl.DataFrame:
    """Check daily weather in °C (`DAILY`, `dew_point`); add mean, humidity, heat index, degree-days."""
    absent = [c for c in (*DAILY, "dew_point") if c not in (*read.columns, "heat_index", "degree_days")]
    frame = read.with_columns(pl.lit(None, pl.Float64).alias(name) for name in absent)
    _check_values(frame)
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


def mark_heat_waves(
    weather: pl.DataFrame,
    *,
    of: str = "temperature_mean",
    above: float | None = None,
    share: float = WAVE_SHARE,
    days: int = WAVE_DAYS,
) -> pl.DataFrame:
    """Add `heat_wave`: whether a day belongs to a run of hot days, null where unknown days leave it open.

    A day is hot above `above`, or above the quantile `share` of its place. The default, two days and more
    above the 95th percentile of the mean temperature, is that of Anderson & Bell, Environ Health Perspect
    2011;119:210-218.
    """
    require_known("The weather has no column", of, weather.columns, error=VariableError)
    if not weather[of].count():
        raise VariableError(
            f"'{of}' has no values in this weather. Use another column: mark_heat_waves(..., of='...')."
        )
    limit = pl.lit(above) if above is not None else pl.col(of).quantile(share, "linear").over(PLACE)
    hot = weather.select(PLACE, DATE, hot=pl.col(of) > limit)
    everyday = hot.group_by(PLACE).agg(pl.date_range(pl.col(DATE).min(), pl.col(DATE).max())).explode(DATE)
    full = everyday.join(hot, on=[PLACE, DATE], how="left").sort(PLACE, DATE)
    surely, perhaps = (_in_run(pl.col("hot").fill_null(value=value), days) for value in (False, True))
    # Where the two differ the day depends on unknown ones.
    marked = full.with_columns(heat_wave=surely, perhaps=perhaps).select(
        PLACE, DATE, pl.when(pl.col("heat_wave") == pl.col("perhaps")).then("heat_wave")
    )
    return weather.join(marked, on=[PLACE, DATE], how="left", maintain_order="left")


def join_lags(
    dated: pl.DataFrame, weather: pl.DataFrame, names: str | Sequence[str], lags: Sequence[int] = LAGS
) -> pl.DataFrame:
    """Join the weather of the date (lag 0) and of days before, as `<name>_lag0`, ...; null where unknown."""
    names = [names] if isinstance(names, str) else list(names)
    _expect_dated(dated, weather, names)
    for lag in lags:
        shifted = weather.select(
            PLACE, pl.col(DATE).dt.offset_by(f"{lag}d"), *(pl.col(n).alias(f"{n}_lag{lag}") for n in names)
        )
        dated = dated.join(shifted, on=[PLACE, DATE], how="left", maintain_order="left")
    return dated


def join_mean_before(
    dated: pl.DataFrame, weather: pl.DataFrame, name: str, *, days: int = MONTH, least: int | None = None
) -> pl.DataFrame:
    """Join the mean over the days before a date; null if fewer than `least` days (four in five) are known."""
    _expect_dated(dated, weather, [name])
    needed = -(-days * 4 // 5) if least is None else least
    dates = dated.select(PLACE, DATE).unique()
    before = dates.join(weather.select(PLACE, pl.col(DATE).alias(".day"), name), on=PLACE).filter(
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
            f"{lost:,} of {len(given):,} dates in column '{column}' of the weather are not of the form "
            f"2024-07-31. Convert them: frame.with_columns(pl.col('{column}').str.to_date('%d.%m.%Y'))."
        )
    return read.alias(DATE)


def _number(given: pl.Series) -> pl.Series:
    written = given.str.strip_chars().replace("", None) if given.dtype == pl.String else given
    read = written.cast(pl.Float64, strict=False).fill_nan(None)
    lost = read.null_count() - written.null_count()
    if lost and given.dtype == pl.String:
        raise DatasetError(
            f"{lost:,} of {len(given):,} values of '{given.name}' in the weather are not numbers. Write them "
            "as 21.5, and leave missing values empty."
        )
    return read


def _check_values(frame: pl.DataFrame) -> None:
    undated = frame.select(pl.any_horizontal(pl.col(PLACE, DATE).is_null()).sum()).item()
    twice = frame.height - frame.select(PLACE, DATE).unique().height
    temperatures = ("temperature_mean", "temperature_max", "temperature_min", "dew_point")
    outside = sum(int((~frame[name].is_between(_COLDEST, _HOTTEST)).sum()) for name in temperatures)
    humid = int((~frame["humidity"].is_between(0, 100)).sum())
    shares = frame["humidity"].count() > 1 and bool((frame["humidity"].drop_nulls() <= 1).all())
    crossed = frame.filter(pl.col("temperature_max") < pl.col("temperature_min")).height
    found = {
        "rows have no place or date. Remove them.": undated,
        "rows repeat a place and date. Average them, or name another place column.": twice,
        "temperatures are outside -90 to 60 °C. If they are in °F, use unit='F'.": outside,
        "humidities are outside 0 to 100%. Set codes of missing values to null.": humid,
        "humidities are at most 1 and look like fractions. Multiply them by 100.": frame.height * shares,
        "days have a maximum below the minimum. Check whether the two columns are swapped.": crossed,
    }
    problems = [f"- {count:,} {problem}" for problem, count in found.items() if count]
    if problems:
        raise DatasetError("\n".join(["The weather cannot be used:", *problems]))


def _in_run(hot: pl.Expr, days: int) -> pl.Expr:
    """Whether a day is in a run of at least `days` hot days at its place."""
    run = hot.rle_id().over(PLACE)
    return hot & (pl.len().over(PLACE, run) >= days)


def _expect_dated(dated: pl.DataFrame, weather: pl.DataFrame, names: Sequence[str]) -> None:
    for frame, columns, what in (
        (dated, (PLACE, DATE), "frame of dates"),
        (weather, (PLACE, DATE, *names), "weather"),
    ):
        for column in columns:
            require_known(f"The {what} has no column", column, frame.columns, error=DatasetError)
    if dated[PLACE].dtype != weather[PLACE].dtype or dated[DATE].dtype != weather[DATE].dtype:
        raise DatasetError(
            "Place and date have other types than in the weather. Convert them to text and dates: "
            "dated.with_columns(pl.col('place').cast(pl.String), pl.col('date').cast(pl.Date))."
        )
    places = dated[PLACE].drop_nulls().unique()
    here = weather[PLACE].unique().to_list()
    if not places.is_in(here).any():
        raise DatasetError(
            f"None of the {len(places):,} places of the participants is among the {len(here):,} places "
            "of the weather. Use the same names in both."
        )
