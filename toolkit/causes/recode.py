"""Turn a condition or a number into levels and keep what is unknown unknown.

Takes names of columns and cut-points; gives polars expressions, null wherever the level cannot be known.
Logic is three-valued (Kleene): "yes or unknown" is yes, "no or unknown" is unknown.
"""

from collections.abc import Sequence

import polars as pl


def number(name: str) -> pl.Expr:
    """Read a column as numbers, with not-a-number as unknown.

    Examples
    --------
    >>> pl.DataFrame({"x": [1.0, float("nan")]}).select(number("x"))["x"].to_list()
    [1.0, None]
    """
    return pl.col(name).cast(pl.Float64).fill_nan(None)


def answer(name: str) -> pl.Expr:
    """Read a column of levels as text, so that an Enum without the level asked for is no error.

    Examples
    --------
    >>> pl.DataFrame({"x": ["no", None]}).select(answer("x") == "yes")["x"].to_list()
    [False, None]
    """
    return pl.col(name).cast(pl.String)


def yes_if(condition: pl.Expr) -> pl.Expr:
    """Word a condition as yes or no; unknown stays null.

    Examples
    --------
    >>> pl.DataFrame({"x": [1, 3, None]}).select(y=yes_if(pl.col("x") > 2))["y"].to_list()
    ['no', 'yes', None]
    """
    return pl.when(condition).then(pl.lit("yes")).when(~condition).then(pl.lit("no"))


def bands(name: str, edges: Sequence[float], levels: Sequence[str | None]) -> pl.Expr:
    """Cut a number into levels; a value at an edge belongs to the level above it.

    Parameters
    ----------
    name
        The column of numbers.
    edges
        Cut-points in rising order.
    levels
        One more than there are edges, lowest first; None for a band that is outside the groups.

    Returns
    -------
    polars.Expr
        The level as text; null for null.

    Examples
    --------
    >>> words = ["under 4", "4 or more"]
    >>> pl.DataFrame({"x": [3.9, 4.0, None]}).select(g=bands("x", [4], words))["g"].to_list()
    ['under 4', '4 or more', None]
    """
    value, level = number(name), pl.lit(None, pl.String)
    for edge, word in zip([float("-inf"), *edges], levels, strict=True):
        level = pl.when(value >= edge).then(pl.lit(word, pl.String)).otherwise(level)
    return level


def within(name: str, low: float, high: float, levels: Sequence[str]) -> pl.Expr:
    """Say whether a number lies below, in or above a range whose both ends belong to it.

    Parameters
    ----------
    name
        The column of numbers.
    low, high
        The ends of the range.
    levels
        Three words: below, in, above.

    Returns
    -------
    polars.Expr
        The level as text; null for null.

    Examples
    --------
    >>> words = ["low", "normal", "high"]
    >>> pl.DataFrame({"x": [3.4, 5.0, 5.1]}).select(g=within("x", 3.5, 5.0, words))["g"].to_list()
    ['low', 'normal', 'high']
    """
    value, (below, inside, above) = number(name), levels
    return (
        pl.when(value < low)
        .then(pl.lit(below))
        .when(value <= high)
        .then(pl.lit(inside))
        .when(value > high)
        .then(pl.lit(above))
    )
