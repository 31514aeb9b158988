"""Keep an estimate that is not possible as a row with its reason, so that a page can say so."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import polars as pl

from toolkit.errors import EstimationError
from toolkit.results import frame
from toolkit.studies import Study


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
        return frame([_failed_row(study, asked, str(error))])


def _failed_row(study: Study, asked: dict[str, Any], reason: str) -> dict[str, Any]:
    exposures = asked.get("exposures") or (asked.get("exposure"),)
    names: dict[str, str | None] = {"outcome": asked.get("outcome"), "exposure": exposures[0]}
    labels = {
        f"{role}_label": study.codebook[name].label if name in study.codebook else name
        for role, name in names.items()
        if name
    }
    adjust = asked.get("adjust") or ()
    return {
        "study": study.label,
        "domain": asked.get("domain", ""),
        "estimand": asked.get("estimand", "prevalence_ratio"),
        **names,
        **labels,
        "adjust": adjust if isinstance(adjust, str) else ", ".join(adjust),
        "reliability": "failed",
        "reason": reason,
    }
