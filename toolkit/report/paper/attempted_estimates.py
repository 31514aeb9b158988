"""Keep an estimate that is not possible as a row with its reason, so that a page can say so."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import polars as pl

from toolkit.display.text import format_condition, label_variable
from toolkit.errors import EstimationError, join_list
from toolkit.results import frame
from toolkit.studies import EnginePeople, Study
from toolkit.variables import parse

# What the estimators give that do not compare levels of an exposure.
_ESTIMANDS = {"prevalence": "prevalence", "mean": "mean", "total": "total", "model": "coefficient"}


def attempt(estimator: Callable[..., pl.DataFrame], study: Study, *given: Any, **named: Any) -> pl.DataFrame:
    """Run an estimator; where the estimate is not possible, return a failed row with the reason.

    Parameters
    ----------
    estimator
        An estimator such as `tk.association`.
    study
        The study.
    *given, **named
        Arguments of the estimator.

    Returns
    -------
    polars.DataFrame
        What the estimator returned; or one row with reliability "failed" and the reason.

    Raises
    ------
    VariableError, DesignError
        As the estimator.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 0, 1, 1], "diabetes": [0, 0, 1, 1]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="mine")
    >>> row = attempt(tk.association, mine, "cramps", "diabetes", adjust=())
    >>> row.select("exposure", "reliability").row(0)
    ('diabetes', 'failed')
    """
    try:
        return estimator(study, *given, **named)
    except EstimationError as error:
        asked = signature(estimator).bind_partial(study, *given, **named).arguments
        asked |= asked.pop("named", {})
        return frame([_failed_row(study, asked, str(error), estimator.__name__)])


def _failed_row(study: Study, asked: dict[str, Any], reason: str, estimator: str) -> dict[str, Any]:
    exposures = asked.get("exposures") or (asked.get("exposure"),)
    outcome = asked.get("outcome") or asked.get("variable") or asked.get("formula", "").partition("~")[0]
    names: dict[str, str | None] = {"outcome": str(outcome).strip(), "exposure": exposures[0]}
    labels = {
        f"{role}_label": study.codebook[name].label if name and name in study.codebook else name
        for role, name in names.items()
    }
    adjust = asked.get("adjust") or ()
    return {
        "study": study.label,
        "domain": asked.get("domain", ""),
        "estimand": asked.get("estimand") or _ESTIMANDS.get(estimator, "prevalence_ratio"),
        **names,
        **labels,
        "adjust": adjust if isinstance(adjust, str) else ", ".join(adjust),
        "reliability": "failed",
        "reason": reason,
    }


def why_no_estimate(study: Study, names: Sequence[str], domain: str = "") -> str:
    """State why an analysis would have no participants.

    Parameters
    ----------
    study
        The study.
    names
        The variables that must have a value, such as outcome and exposure.
    domain
        The subpopulation, as a condition; "" for everyone.

    Returns
    -------
    str
        The reason, to follow "because"; "" if the analysis has participants.

    Raises
    ------
    VariableError
        For a condition that is not valid.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0], "age": [30, 50, 70, 40]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="mine")
    >>> why_no_estimate(mine, ("cramps", "age"), "age > 80")
    'no participant meets the condition age > 80'
    >>> why_no_estimate(mine, ("cramps", "age"), "age > 60")
    ''
    """
    if isinstance(study.people, EnginePeople):
        study.people.refuse()
    labels = {name: variable.label for name, variable in study.codebook.items()}
    condition = parse(domain)
    if absent := [name for name in (*names, *condition.names) if name not in study.people.columns]:
        return f"the study did not measure {join_list(label_variable(name, labels) for name in absent)}"
    inside = study.people.filter(condition.expression(study.people.schema))
    if not inside.height:
        return f"no participant meets the condition {format_condition(condition.text, labels)}"
    where = " of the subpopulation" if condition.text else ""
    empty = [name for name in names if not inside[name].count()]
    if not empty and inside.select(names).drop_nulls().height:
        return ""
    lacking = join_list(label_variable(name, labels) for name in empty or names)
    return f"no participant{where} has data on {lacking}"
