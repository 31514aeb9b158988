"""Read the names of variables and the covariates of an adjustment set, such as "sex" or "rcs(age, 4)"."""

from collections.abc import Sequence

import polars as pl

from toolkit.errors import VariableError
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import SPLINE

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


def spline_of(covariate: str) -> tuple[str, tuple[float, ...]] | None:
    """Return variable and numbers of a restricted cubic spline; None for a plain name.

    Examples
    --------
    >>> spline_of("rcs(age, 4)"), spline_of("age")
    (('age', (4.0,)), None)
    """
    found = SPLINE.fullmatch(covariate.strip())
    if found is None:
        return None
    try:
        numbers = tuple(float(part) for part in found["numbers"].split(","))
    except ValueError:
        numbers = ()
    if len(numbers) in (0, 2) or (len(numbers) == 1 and numbers[0] not in range(3, 8)):
        raise VariableError(
            f"'{covariate}' in adjust is not a spline. Use rcs({found['name']}, 4) for 4 knots (3 to 7), "
            f"or rcs({found['name']}, 30, 50, 70) to place them."
        )
    return found["name"], numbers


def as_covariates(given: Names) -> tuple[str, ...]:
    """Take `adjust` as it was given: names and splines, each variable once.

    Raises
    ------
    VariableError
        If a variable is repeated, or a spline cannot be read.

    Examples
    --------
    >>> as_covariates(["rcs(age, 4)", "sex"])
    ('rcs(age, 4)', 'sex')
    """
    covariates = as_names(given, "adjust")
    names = [spline[0] if (spline := spline_of(c)) else c for c in covariates]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        both = " and ".join(f"'{c}'" for c, name in zip(covariates, names, strict=True) if name == repeated)
        raise VariableError(f"'{repeated}' is in adjust twice, as {both}. Keep one of them.")
    return covariates


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
