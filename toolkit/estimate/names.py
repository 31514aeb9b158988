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


def require_one_role(**roles: Names) -> None:
    """Refuse a variable that has two roles in one analysis.

    Parameters
    ----------
    **roles
        The names by role: outcome, exposure, over, adjust, by and others.

    Raises
    ------
    VariableError
        With the variable and both roles. Only `adjust` and `by` may share one.

    Examples
    --------
    >>> require_one_role(outcome="cramps", exposure="sex", by=("age_group",))
    """
    taken: dict[str, str] = {}
    for role, given in roles.items():
        for name in (given,) if isinstance(given, str) else given:
            other = taken.setdefault(name, role)
            if other != role and {other, role} != {"adjust", "by"}:
                raise VariableError(
                    f"'{name}' is both {other} and {role} of this analysis. Name another variable for one of "
                    f"them."
                )
