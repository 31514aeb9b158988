"""The comparisons among the rows of a result, with the analysis behind them, which can be made again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
import polars as pl

from toolkit.disclosure import withhold
from toolkit.errors import EstimationError
from toolkit.estimate.associations.models import association
from toolkit.estimate.descriptive.prevalences import proportions
from toolkit.results import SCHEMA, Estimates, Floats, by_columns, covariates, variables_of
from toolkit.studies import Study
from toolkit.variables import YES_NO, as_covariates

NUMBERS = ("estimate", "conf_low", "conf_high")
YES = YES_NO[1]


@dataclass(frozen=True)
class Shares:
    """The prevalences behind a comparison of two levels, and how many of both are exposed."""

    # Standardized prevalences among the exposed and the others, and the share that is exposed.
    exposed: float
    others: float
    share: float
    # Of the two prevalences (2 x 2), and the variance of the share.
    covariance: Floats
    share_variance: float

    def turned(self) -> "Shares":
        """Take the exposed for the others."""
        turned = self.covariance[::-1, ::-1]
        return Shares(self.others, self.exposed, 1 - self.share, turned, self.share_variance)


@dataclass(frozen=True)
class Comparison:
    """A ratio or difference, with the analysis that gave it."""

    row: Mapping[str, Any]
    # The variables that define groups, each with the level of the row.
    group: Mapping[str, str]
    # Estimator, study and arguments; "" and None where they are not known.
    estimator: str
    study: Study | None
    arguments: Mapping[str, Any]
    # The variables of all covariates of the result.
    every: tuple[str, ...]
    # Degrees of freedom, which the row may withhold.
    df: float

    @property
    def adjusted(self) -> list[str]:
        """The covariates as they entered."""
        return covariates(self.row["adjust"] or "")

    @property
    def has_interval(self) -> bool:
        """Whether there is an estimate with an interval."""
        return all(self.row[name] is not None for name in NUMBERS)

    @property
    def domain(self) -> str:
        """The condition of the analysis."""
        return self.row["domain"] or ""

    @property
    def by(self) -> tuple[str, ...]:
        """The variables that define groups."""
        return tuple(self.group)

    def places(self, found: pl.DataFrame, level: str | None = None) -> list[int]:
        """Find the rows of the same group, and of a level, in another result."""
        wanted = {**self.group, **({} if level is None else {"level": level})}
        return [k for k, row in enumerate(found.to_dicts()) if wanted.items() <= row.items()]

    def again(self, estimand: str, adjust: Sequence[str]) -> Estimates | None:
        """Estimate by another estimand or with other covariates, in all groups and of the same participants.

        None where the result is not of `tk.association`, so that the analysis behind it is not known.
        """
        if self.estimator != "association" or self.study is None:
            return None
        complete = dict.fromkeys([*self.every, *as_covariates(self.arguments["complete"])])
        given = dict(self.arguments) | {
            "estimand": estimand,
            "adjust": tuple(adjust),
            "complete": tuple(complete),
            "terms": False,
            "allow_descendants": True,
        }
        found: Estimates = association(self.study, **given)
        return found

    @cached_property
    def shares(self) -> Shares:
        """The standardized prevalences of both levels, and the share of the exposed."""
        if self.row["reference"] is None:
            raise EstimationError(
                f"'{self.row['exposure']}' is continuous, and this needs two levels of the exposure. Create "
                f"them with study.cut('{self.row['exposure']}'), or use estimand='standardised_ratio'."
            )
        found = self.again("standardised_prevalence", self.adjusted)
        if found is None:
            raise EstimationError(
                "This needs the analysis behind the rows. Use the result of tk.association(...) as it was "
                "returned, before it is filtered, sorted or saved."
            )
        places = [self.places(found, self.row[name])[0] for name in ("level", "reference")]
        exposed, others = (found["estimate"][place] for place in places)
        share, variance = self._share_of_exposed()
        return Shares(exposed, others, share, found.covariance()[np.ix_(places, places)], variance)

    def _share_of_exposed(self) -> tuple[float, float]:
        """Estimate which share of those at the two levels is exposed, with its variance."""
        assert self.study is not None  # noqa: S101 - callers checked
        wald = ("wald", 0.95)
        found = proportions(self.study, self.row["exposure"], self.by, self.domain, how=wald, every=True)
        places = [place for name in ("level", "reference") for place in self.places(found, self.row[name])]
        if len(places) == 2:
            points = found["estimate"].to_numpy()[places]
            slopes = np.array([points[1], -points[0]]) / points.sum() ** 2
            return float(points[0] / points.sum()), float(
                slopes @ found.covariance()[np.ix_(places, places)] @ slopes
            )
        (place,) = self.places(found)  # The case of two levels, no and yes.
        share, error = found["estimate"][place], found["std_error"][place] or 0.0
        return (share if self.row["level"] == YES else 1 - share), error**2


def as_result(result: object, caller: str) -> Estimates:
    """Take result rows, also those that were filtered, changed or read from a file."""
    if not isinstance(result, pl.DataFrame) or not {*SCHEMA} <= {*result.columns}:
        raise EstimationError(
            f"{caller} takes the result rows of an estimator as a polars DataFrame, and this "
            f"'{type(result).__name__}' has not all of their columns. Use "
            f"{caller}(tk.association(study, outcome, exposure), ...)."
        )
    return result if isinstance(result, Estimates) else Estimates(result)


def comparisons_of(result: Estimates, estimands: Sequence[str]) -> list[Comparison]:
    """List the comparisons of a result whose numbers may be shown; raises where there is none."""
    shown = withhold(result).select(result.columns).rows(named=True)
    rows = [row for row in shown if row["estimand"] in estimands]
    if not rows:
        have = ", ".join(dict.fromkeys(result["estimand"]))
        raise EstimationError(
            f"These rows are of '{have}', and this needs a ratio or difference: {', '.join(estimands)}. Use "
            "the result of tk.association(...), or of tk.model(..., exponentiate=True)."
        )
    try:
        estimator, study, arguments = result.request()
    except EstimationError:
        estimator, study, arguments = "", None, {}
    by = by_columns(result)
    every = variables_of(dict.fromkeys(name for row in rows for name in covariates(row["adjust"] or "")))
    kept = [
        df for df, estimand in zip(result["df"], result["estimand"], strict=True) if estimand in estimands
    ]
    found = [
        Comparison(
            row,
            {name: row[name] for name in by},
            estimator,
            study,
            arguments,
            every,
            inf if df is None else df,
        )
        for row, df in zip(rows, kept, strict=True)
    ]
    if not any(comparison.has_interval for comparison in found):
        first = rows[0]
        raise EstimationError(
            f"None of the {len(rows):,} comparisons has an interval that may be shown (the first is "
            f"'{first['reliability']}': {first['reason'] or 'it has no standard error'})."
        )
    return found
