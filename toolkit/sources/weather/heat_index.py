"""Work out how hot air feels: the heat index, and what it needs of dew point and degrees.

Takes polars expressions over named columns; gives expressions.
"""

import polars as pl


def heat_index(temperature: pl.Expr, humidity: pl.Expr) -> pl.Expr:
    """Give the heat index of the US National Weather Service.

    Parameters
    ----------
    temperature
        Of the air, in °F.
    humidity
        Relative, in percent.

    Returns
    -------
    polars.Expr
        In °F. The simple form, averaged once more with the temperature, stands where it is below 80 °F; else
        the regression with its adjustments for very dry and very humid air.

    Notes
    -----
    Rothfusz, NWS Technical Attachment SR 90-23, with the adjustments and the averaging as the Weather
    Prediction Center describes them (wpc.ncep.noaa.gov/html/heatindex_equation.shtml). Codes that do not
    average once more switch at slightly lower temperatures: at 80 °F and 40 % they have 79.58, this 79.79.
    The regression is within 1.3 °F of Steadman's tables.

    Examples
    --------
    >>> warm = pl.DataFrame({"t": [75.0, 90.0, 100.0], "rh": [50.0, 50.0, 50.0]})
    >>> warm.select(heat_index(pl.col("t"), pl.col("rh")).round(2)).to_series().to_list()
    [74.78, 94.6, 118.32]
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
    """Give the relative humidity in percent of air of a temperature and a dew point, both in °C.

    Notes
    -----
    Magnus' form with the constants of Alduchov & Eskridge, J Appl Meteorol 1996;35:601-609.

    Examples
    --------
    >>> pl.select(relative_humidity(pl.lit(25.0), pl.lit(25.0))).item()
    100.0
    """

    def pressure(celsius: pl.Expr) -> pl.Expr:
        return (17.625 * celsius / (243.04 + celsius)).exp()

    return (100 * pressure(dew_point) / pressure(temperature)).clip(upper_bound=100)


def fahrenheit(celsius: pl.Expr) -> pl.Expr:
    """Turn °C into °F.

    Examples
    --------
    >>> pl.select(fahrenheit(pl.lit(100.0))).item()
    212.0
    """
    return celsius * 9 / 5 + 32


def celsius(value: pl.Expr) -> pl.Expr:
    """Turn °F into °C.

    Examples
    --------
    >>> pl.select(celsius(pl.lit(212.0))).item()
    100.0
    """
    return (value - 32) * 5 / 9
