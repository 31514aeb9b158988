"""Heat index of the US National Weather Service, relative humidity and temperature units, as expressions."""

import polars as pl


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
    """Relative humidity in percent of a temperature and a dew point in °C.

    Magnus formula with the constants of Alduchov & Eskridge, J Appl Meteorol 1996;35:601-609.
    """

    def pressure(celsius: pl.Expr) -> pl.Expr:
        return (17.625 * celsius / (243.04 + celsius)).exp()

    return (100 * pressure(dew_point) / pressure(temperature)).clip(upper_bound=100)


def fahrenheit(celsius: pl.Expr) -> pl.Expr:
    """Convert °C to °F."""
    return celsius * 9 / 5 + 32


def celsius(value: pl.Expr) -> pl.Expr:
    """Convert °F to °C."""
    return (value - 32) * 5 / 9
