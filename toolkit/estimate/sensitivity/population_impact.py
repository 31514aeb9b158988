"""Estimate how much of an outcome would not occur if an exposure were absent, or shifted for everyone.

Method: Graubard and Fears, Biometrics 61 (2005) 847-855, for attributable fractions of surveys: predictions
of a logit model averaged over the participants as they are and under the other exposure, with the influence
values of both. A shift is the generalized impact fraction (Drescher and Becher, Biometrics 53 (1997) 1170).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from toolkit.dag import Diagrams, Question, covariates_for
from toolkit.disclosure import unknown_level
from toolkit.errors import EstimationError, VariableError, require_finite
from toolkit.estimate.regression import (
    Analysis,
    Degrees,
    Exposed,
    ModelSpec,
    Regression,
    Reported,
    SetTo,
    Shift,
    Standard,
    Term,
    average_predictions,
    estimate,
    per_unit,
    regress,
    report_coefficients,
    specify_association,
)
from toolkit.estimate.survey import Column, draw, with_reference
from toolkit.results import Estimates, Mask, variables_of
from toolkit.studies import EnginePeople, Study
from toolkit.variables import Names, as_names, require_one_role, with_covariance

# A shift that would put more people than this below the smallest value observed describes nobody.
MOST_FLOORED = 0.10
_FRACTION = "attributable_fraction"


@with_covariance
def impact(
    study: Study,
    outcome: str,
    exposure: str,
    *,
    level: str | None = None,
    shift: float | None = None,
    adjust: Names | None = None,
    domain: str = "",
    by: Names = (),
    confidence: float = 0.95,
    diagram: Diagrams = None,
    allow_descendants: bool = False,
    df: Degrees = "design",
) -> Estimates:
    """Estimate the fraction of an outcome that is attributable to an exposure, or that a shift would prevent.

    Parameters
    ----------
    study, outcome, exposure, adjust, domain, by, confidence, covariance, diagram, allow_descendants, df
        As `tk.association`.
    level
        For a category: the level that everyone would have; None for the reference.
    shift
        For a continuous exposure: what is added to each participant's value, in its unit, such as -1 for one
        hour less. Nobody goes below the smallest value observed (or above the largest, for a positive shift).

    Returns
    -------
    Estimates
        One result row per group of `by`, estimand "attributable_fraction": 1 minus the prevalence under the
        other exposure over the prevalence as it is. Negative where the outcome would be more common. `level`
        describes the other exposure; `reason` gives the share of participants who were kept at the end of
        the range.

    Raises
    ------
    VariableError
        If `shift` is missing for a continuous exposure, or given for a category.
    EstimationError
        If more than 10% of the participants would leave the observed range, and as `tk.association`.

    Notes
    -----
    The fraction says what would happen, and has a meaning only if the association is causal and the
    covariates suffice. The interval is that of the logarithm of the ratio of both prevalences, from
    linearization over the whole design (Graubard and Fears 2005).

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 0, 0, 1, 0, 1, 1, 1] * 20, "old": [0, 0, 0, 0, 1, 1, 1, 1] * 20})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> impact(study, "cramps", "old", adjust=())["estimate"].round(2).to_list()
    [0.5]
    """
    groups = as_names(by, "by")
    study = with_reference(study, exposure, level)
    adjusted = covariates_for(
        study, adjust, Question(outcome, exposure, domain, groups, diagram, allow_descendants)
    )
    require_one_role(outcome=outcome, exposure=exposure, by=groups)
    names = [outcome, exposure, *variables_of(adjusted), *groups]
    asked = Exposed(exposure, adjusted).asked(study, (), averages=True)
    if shift is not None and exposure in asked.streamed and isinstance(study.people, EnginePeople):
        study.people.refuse()  # The ends of the range need each participant's value.
    sample = draw(study, names, domain, by=groups, asked=asked)
    other = _Other(sample.columns[exposure], shift)
    model = specify_association(sample, (outcome, exposure, adjusted), "standardised_ratio", degrees=df)
    analysis = Analysis(model, groups, "standardised_ratio", (other.term,), ", ".join(adjusted), confidence)
    found = estimate(analysis, fit=other.fit, report=other.report)
    rows = [{**row, "estimand": _FRACTION, "scale": "identity"} for row in found.rows]
    slopes = np.array([1 - (row["estimate"] if row.get("estimate") is not None else np.nan) for row in rows])
    # That of the logarithms of the ratios, whose fractions are 1 minus these.
    matrix = found.covariance() * np.outer(slopes, slopes)
    return Estimates(pl.DataFrame(replace(found, rows=rows).frame()), covariance=matrix)


@dataclass(frozen=True)
class _Other:
    """The exposure that everyone would have."""

    column: Column
    shift: float | None

    def __post_init__(self) -> None:
        column, shift = self.column, self.shift
        if shift is not None:
            require_finite("shift", shift, "Use a difference in the unit of the exposure, such as shift=-1.")
        if column.continuous and not shift:
            raise VariableError(
                f"'{column.name}' is continuous. Say by how much everyone's value would change, in its unit: "
                f"tk.effects.impact(..., shift=-1)."
            )
        if not column.continuous and shift is not None:
            raise VariableError(
                f"'{column.name}' is a category, so it cannot be shifted. Choose the level that everyone "
                f"would have: tk.effects.impact(..., level='{column.reference}')."
            )

    @property
    def term(self) -> Term:
        """Name the row by the exposure that everyone would have."""
        variable = self.column.variable
        if self.shift is None:
            text = f"{self.column.reference} for everyone"
        else:
            one = per_unit(variable).level_label.removeprefix("per ").replace("unit", "1 unit")
            amount = one if abs(self.shift) == 1 else f"{abs(self.shift):g} {variable.unit or 'units'}"
            text = f"{amount} {'less' if self.shift < 0 else 'more'}"
        return Term(variable.name, variable.label, text, text, "as observed")

    def fit(self, model: ModelSpec, group: Mask) -> Regression:
        """Fit the model, and compare the prevalence under the other exposure with that observed."""
        fitted, name = regress(model, group), self.column.name
        if self.shift is None:
            levels = self.column.levels
            there = np.unique(model.sample.codes(name)[fitted.inside])
            code = levels.index(self.column.reference or "")
            if code not in there:
                raise EstimationError(
                    unknown_level(
                        f"Nobody of the analysis has '{name}'", levels[code], [levels[k] for k in there]
                    )
                )
            setting: SetTo | Shift = SetTo(code)
        else:
            setting = self._shift_within(model, fitted)
        standard = Standard([{}, {name: setting}], (self.term,), np.array([[-1.0, 1.0]]), log=True)
        return average_predictions(model, fitted, standard)

    def report(self, analysis: Analysis, fitted: Regression) -> Iterator[Reported]:
        """Report the fraction, and the share of participants who stay at the end of the range."""
        kept = None
        if self.shift is not None and (share := self._find_range(analysis.model, fitted)[1]):
            kept = f"{share:.1%} of the participants stay at the end of the observed range"
        for row, part in report_coefficients(analysis, fitted):
            yield _as_fraction(row, kept), part

    def _shift_within(self, model: ModelSpec, fitted: Regression) -> Shift:
        setting, share = self._find_range(model, fitted)
        if share > MOST_FLOORED:
            raise EstimationError(
                f"A shift of '{self.column.name}' by {self.shift:g} would take {share:.0%} of the "
                f"participants out of the observed range, {setting.least:g} to {setting.most:g}; at most "
                f"{MOST_FLOORED:.0%} may be kept at its end. Choose a smaller shift, or a domain of those "
                "who can change."
            )
        return setting

    def _find_range(self, model: ModelSpec, fitted: Regression) -> tuple[Shift, float]:
        """Shift within the range observed, and weigh the participants who would leave it."""
        values = model.sample.numbers(self.column.name)[fitted.inside]
        weights, shift = model.sample.weights[fitted.inside], self.shift or 0.0
        setting = Shift(shift, float(values.min()), float(values.max()))
        beyond = setting(values) != values + shift
        return setting, float(weights[beyond].sum() / weights.sum())


def _as_fraction(row: Mapping[str, Any], kept: str | None) -> dict[str, Any]:
    """Turn the ratio of both prevalences into the fraction that would not occur."""
    if row.get("estimate") is None:
        return dict(row)
    ratio, statistic = row["estimate"], row.get("statistic")
    return {
        **row,
        "estimate": 1 - ratio,
        "std_error": ratio * row["std_error"],
        "statistic": None if statistic is None else -statistic,
        "conf_low": 1 - row["conf_high"],
        "conf_high": 1 - row["conf_low"],
        "reason": "; ".join(filter(None, [row.get("reason"), kept])) or None,
    }
