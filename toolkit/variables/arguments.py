"""Check the arguments that name variables (`by=`, `adjust=`), and add `covariance=` to estimators."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Literal, ParamSpec, Protocol, cast, overload

from toolkit.errors import VariableError
from toolkit.results import RESERVED, SPLINE, Estimates, Floats
from toolkit.variables.recorded_calls import recorded

P = ParamSpec("P")
Names = str | Sequence[str]
# What `covariance=True` returns: result rows, and the covariance matrix of their estimates.
Covaried = tuple[Estimates, Floats]


class Estimator(Protocol[P]):
    """An estimator that also accepts `covariance=True`."""

    @overload
    def __call__(self, *args: P.args, **options: P.kwargs) -> Estimates: ...
    @overload
    def __call__(self, *args: Any, covariance: Literal[True], **options: Any) -> Covaried: ...
    @overload
    def __call__(self, *args: Any, covariance: Literal[False], **options: Any) -> Estimates: ...


def with_request(estimator: Callable[P, Estimates]) -> Callable[P, Estimates]:
    """Record the call in its rows, for an estimator of a study; a ledger may listen."""
    run = recorded(estimator)
    defaults = {name: parameter.default for name, parameter in signature(estimator).parameters.items()}
    subject = next(iter(defaults))

    @wraps(estimator)
    def estimate(*args: P.args, **options: P.kwargs) -> Estimates:
        rows = run(*args, **options)
        given = defaults | dict(zip(defaults, args, strict=False)) | options
        study = given.pop(subject)
        if hasattr(study, "people"):
            rows.record_request(estimator.__name__, study, given)
        return rows

    return estimate


def with_covariance(estimator: Callable[P, Estimates]) -> Estimator[P]:
    """Add the argument `covariance` to `with_request`, True for a tuple of rows and covariance matrix."""
    run = with_request(estimator)

    @wraps(estimator)
    def estimate(*args: Any, covariance: bool = False, **options: Any) -> Any:
        rows = run(*args, **options)
        return (rows, rows.covariance()) if covariance else rows

    shape = signature(estimator)
    flag = Parameter("covariance", Parameter.KEYWORD_ONLY, default=False, annotation=bool)
    parameters = sorted([*shape.parameters.values(), flag], key=lambda parameter: parameter.kind)
    estimate.__signature__ = shape.replace(parameters=parameters)  # type: ignore[attr-defined]
    return cast("Estimator[P]", estimate)


def as_names(given: Names, argument: str) -> tuple[str, ...]:
    """Return one name or several as a tuple, and refuse repeated names; `argument` is named in the error."""
    if not isinstance(given, str | Iterable):
        raise VariableError(
            f"{argument}={given!r} is of the type '{type(given).__name__}'. Use the name of a variable, or a "
            "list of names."
        )
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if names.count(name) > 1:
            rest = tuple(dict.fromkeys(names))
            raise VariableError(f"'{name}' in {argument} is repeated. Use {argument}={rest}.")
        if argument == "by" and name in RESERVED:
            raise VariableError(
                f"'{name}' is also a column of every result, so it cannot name the groups. Use another name: "
                f"study.derive('{name}_group', ...)."
            )
    return names


def spline_of(covariate: str) -> tuple[str, tuple[float, ...]] | None:
    """Return variable and numbers of a spline such as "rcs(age, 4)"; None for a name."""
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
    """Return `adjust` as a tuple of names and splines, and refuse a variable that is repeated."""
    covariates = as_names(given, "adjust")
    names = [spline[0] if (spline := spline_of(c)) else c for c in covariates]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        both = " and ".join(f"'{c}'" for c, name in zip(covariates, names, strict=True) if name == repeated)
        raise VariableError(f"'{repeated}' is in adjust twice, as {both}. Remove one of them.")
    return covariates


def require_one_role(**roles: Names) -> None:
    """Refuse a variable with two roles in one analysis; only `adjust` and `by` may share one."""
    taken: dict[str, str] = {}
    for role, given in roles.items():
        for name in (given,) if isinstance(given, str) else given:
            other = taken.setdefault(name, role)
            if other != role and {other, role} != {"adjust", "by"}:
                raise VariableError(
                    f"'{name}' is both {other} and {role} of this analysis. Use another variable for one of "
                    "them."
                )
