"""Take the names of variables as people write them: one, or several; and say what an estimator may give back.

Takes a name or names and the argument that they were given for; gives a tuple.
"""

from collections.abc import Sequence

import polars as pl

from toolkit.errors import VariableError
from toolkit.estimate.variance import Floats

Names = str | Sequence[str]
# What `covariance=True` gives: result rows, and the covariance matrix of their estimates.
Covaried = tuple[pl.DataFrame, Floats]


def as_names(given: Names, argument: str) -> tuple[str, ...]:
    """Take one name or several, and refuse a name that stands twice.

    Parameters
    ----------
    given
        A name, or a sequence of names.
    argument
        What they were given for, as the message says it: "by", "adjust", "variable".

    Returns
    -------
    tuple of str
        The names in order.

    Raises
    ------
    VariableError
        If a name stands twice.

    Examples
    --------
    >>> as_names("age", "by"), as_names(["age", "sex"], "by")
    (('age',), ('age', 'sex'))
    """
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if names.count(name) > 1:
            rest = tuple(dict.fromkeys(names))
            raise VariableError(
                f"'{name}' in {argument} stands there twice. Write what is left: {argument}={rest}."
            )
    return names
