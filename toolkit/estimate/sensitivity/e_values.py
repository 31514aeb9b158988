"""How strong unmeasured confounding would have to be to explain an association, beside the measured one.

The E-value is the smallest ratio by which an unmeasured confounder would have to be associated with both
exposure and outcome, beyond the covariates. What omitting a covariate does to the estimate is the yardstick.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isfinite, sqrt
from typing import Any

import polars as pl
from scipy.special import stdtrit

from toolkit.dag import adjustment_for
from toolkit.disclosure import show
from toolkit.errors import EstimationError, ToolkitError, VariableError, join_list, require_finite
from toolkit.estimate.descriptive.prevalences import proportions
from toolkit.estimate.sensitivity.comparisons import NUMBERS, Comparison, as_result, comparisons_of
from toolkit.estimate.sensitivity.risk_ratios import (
    RARE,
    RiskRatio,
    from_difference,
    from_hazard_ratio,
    from_mean_difference,
    from_odds_ratio,
)
from toolkit.estimate.survey import draw, weighted_moments
from toolkit.results import E_VALUES, SCHEMA, Estimates, by_columns
from toolkit.variables import recorded

# Result rows with E-values; `omitted` is the covariate left out, null for the result itself.
SENSITIVITY_SCHEMA: dict[str, pl.DataType] = {"omitted": pl.String(), **SCHEMA, **E_VALUES}
_AS_THEY_ARE = {
    "prevalence_ratio": "prevalence ratio, as it is",
    "standardised_ratio": "standardized prevalence ratio, as it is",
    "rate_ratio": "rate ratio, taken for a risk ratio",
}
# What is taken from the estimate without a covariate.
_REFITTED = (
    "adjust",
    "std_error",
    "statistic",
    "p_value",
    "df",
    "n",
    "n_cases",
    "reliability",
    "reason",
    *NUMBERS,
)
_UNCHECKED = "reverse causation is not checked, because the analysis behind the row is unknown"
_DIFFERENCES = ("prevalence_difference", "standardised_difference")
_CONVERTED = (*_AS_THEY_ARE, *_DIFFERENCES, "odds_ratio", "hazard_ratio", "mean_difference")


@recorded
def sensitivity(result: Estimates, *, contrast: float | None = None, omit: bool = True) -> pl.DataFrame:
    """Compute E-values of associations, and what omitting each covariate would have done.

    Parameters
    ----------
    result
        The result of an estimator, with ratios or differences: of `tk.association`, `tk.margins` or
        `tk.model(..., exponentiate=True)`.
    contrast
        For a continuous exposure the difference to which the E-value refers, in its unit, such as 10 for ten
        years.
    omit
        False for the E-values alone. Otherwise each covariate of `tk.association` is omitted in turn, among
        the same participants.

    Returns
    -------
    polars.DataFrame
        The columns of `by`, `omitted`, those of a result, and contrast, ratio, ratio_low, ratio_high,
        conversion, e_value, e_value_limit and change: for each comparison a row with `omitted` null, and one
        for each covariate omitted. `tk.table` and `tk.finding` take it. `ratio`, `ratio_low` and `ratio_high`
        are on the scale of risk ratios, and `conversion` says how they came there. `e_value` is that of the
        estimate and `e_value_limit` that of the limit nearer the null, 1 if the interval includes it.
        `change` is the ratio without the covariate over that with it: 1.2 is 20% of confounding. Where
        an E-value has no meaning, `reason` says why.

    Raises
    ------
    EstimationError
        If the rows are no comparisons, or none has an interval; for differences also if the rows were changed
        after estimation.
    VariableError
        If the exposure is continuous and `contrast` is not given, or 0.

    Notes
    -----
    Ratios of prevalences are used as they are. An odds ratio of an outcome of more than 15% is standardized
    to the prevalence ratio; its square root is taken only where that is not possible. Hazard ratios of common
    events are converted as by VanderWeele & Ding (2017). For a difference of prevalences the bias factor that
    moves it to 0 is searched (Ding & VanderWeele 2016), with the design-based covariance for its limits. An
    E-value is about confounding alone, not about reverse causation, measurement or selection; where earlier
    cramps may have changed the exposure, `reason` says so in place of it. Rows that were filtered, changed or
    read from a file have E-values of their ratios; the analysis behind them is unknown, so that no covariate
    is omitted, and `reason` says that reverse causation was not checked.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 0, 0, 1, 0, 1, 1, 1] * 20, "old": [0, 0, 0, 0, 1, 1, 1, 1] * 20})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> found = tk.association(study, "cramps", "old", adjust=())
    >>> sensitivity(found)["e_value"].round(2).to_list()
    [5.45]
    """
    result = as_result(result, "tk.sensitivity")
    by = by_columns(result)
    rows = [row for one in comparisons_of(result, _CONVERTED) for row in _rows_of(one, contrast, omit=omit)]
    schema = {**dict.fromkeys(by, pl.String()), **SENSITIVITY_SCHEMA}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema)


def _rows_of(one: Comparison, contrast: float | None, *, omit: bool) -> Iterator[dict[str, Any]]:
    """Write the E-value of a comparison, and what each covariate does to it."""
    row, reason = dict(one.row), _why_none(one)
    if reason:
        yield {**row, "reason": reason}
        return
    contrast = _contrast_of(one, contrast)
    ratio = _convert(one, contrast)
    unchecked = "" if one.study is not None else _UNCHECKED
    yield _write(row, ratio, contrast) | {
        "reason": "; ".join(filter(None, (row["reason"], unchecked))) or None
    }
    for covariate in one.adjusted if omit else ():
        rest = [name for name in one.adjusted if name != covariate]
        try:
            without = one.again(row["estimand"], rest)
        except ToolkitError as error:
            yield {**row, **dict.fromkeys(NUMBERS), "omitted": covariate, "reason": str(error)}
            continue
        if without is None:
            return
        shown = show(without)
        for place in one.places(shown, row["level"]):
            own = row | {name: shown[name][place] for name in _REFITTED}
            if any(own[name] is None for name in NUMBERS):
                yield {**own, "omitted": covariate}
                continue
            converted = _convert(replace(one, row=own), contrast)
            yield _write(own, converted, contrast) | {
                "omitted": covariate,
                "change": converted.point / ratio.point,
                "e_value": None,
                "e_value_limit": None,
            }


def _why_none(one: Comparison) -> str:
    """Explain why a comparison has no E-value; "" if it has one."""
    row = one.row
    if not one.has_interval:
        return f"no E-value without an interval: {row['reason'] or row['reliability']}"
    if one.study is None or row["exposure"] is None:
        return ""
    try:
        chosen = adjustment_for(one.study, row["outcome"], row["exposure"], domain=row["domain"] or "")
    except ToolkitError:  # The diagram does not know them.
        return ""
    reverse = [gap.label for gap in chosen.unmeasured if gap.reverse]
    if not reverse:
        return ""
    return (
        f"no E-value: {join_list(reverse)} may have changed {row['exposure_label']}, and no strength of "
        "confounding answers reverse causation"
    )


def _contrast_of(one: Comparison, contrast: float | None) -> float | None:
    """Return the contrast of a continuous exposure; None for a category."""
    if one.row["reference"] is not None or one.row["exposure"] is None:
        return None
    if contrast is not None:
        require_finite("contrast", contrast, "Name a difference in the unit of the exposure, such as 10.")
    if not contrast:
        raise VariableError(
            f"'{one.row['exposure']}' is continuous, so an E-value depends on the difference compared. Name "
            "it in the unit of the exposure, such as tk.sensitivity(result, contrast=10)."
        )
    return contrast


def _numbers(row: Mapping[str, Any], contrast: float | None) -> tuple[float, float, float]:
    """Return a ratio with its limits, for the contrast of a continuous exposure."""
    point, *ends = (float(row[name]) ** (1.0 if contrast is None else contrast) for name in NUMBERS)
    return point, min(ends), max(ends)


def _convert(one: Comparison, contrast: float | None) -> RiskRatio:
    """Convert a comparison to the scale of risk ratios."""
    row, estimand = one.row, one.row["estimand"]
    if estimand in _DIFFERENCES:
        return from_difference(one.shares, float(stdtrit(one.df, (1 + row["conf_level"]) / 2)))
    if estimand == "mean_difference":
        return from_mean_difference(row["estimate"], row["std_error"], _deviation(one))
    numbers = _numbers(row, contrast)
    common, text = (False, _AS_THEY_ARE[estimand]) if estimand in _AS_THEY_ARE else _is_common(one)
    if not common:
        return RiskRatio(*numbers, text)
    if estimand == "hazard_ratio":
        return from_hazard_ratio(numbers)
    standardized = one.again("standardised_ratio", one.adjusted)
    if standardized is not None:
        for other in (standardized.row(k, named=True) for k in one.places(standardized, row["level"])):
            if all(other[name] is not None for name in NUMBERS):
                return RiskRatio(*_numbers(other, contrast), f"standardized to a prevalence ratio ({text})")
    return from_odds_ratio(numbers)


def _is_common(one: Comparison) -> tuple[bool, str]:
    """Tell whether the outcome behind an odds or hazard ratio is common, with its conversion in words."""
    row, share = one.row, None
    kind = str(row["estimand"]).replace("_", " ")
    if row["estimand"] == "odds_ratio" and one.study is not None:
        found = proportions(one.study, row["outcome"], one.by, one.domain)
        share = found["estimate"][one.places(found)[0]]
    if share is None and row["n_cases"] is not None and row["n"]:
        share = row["n_cases"] / row["n"]
    if share is None:
        return True, f"{kind} of an outcome of unknown frequency"
    if share > RARE:
        return True, f"{kind} of an outcome of {share:.0%}"
    return False, f"{kind} of an outcome of {share:.0%}, taken for a risk ratio"


def _deviation(one: Comparison) -> float:
    """Compute the standard deviation of a continuous outcome."""
    if one.study is None:
        raise EstimationError(
            "The E-value of a difference of means needs the standard deviation of the outcome, and the study "
            "of these rows is not in memory. Use the result as the estimator returned it."
        )
    sample = draw(one.study, [one.row["outcome"], *one.by], one.domain, by=one.by)
    cells = sample.complete()
    for name, level in one.group.items():
        cells = cells & (sample.codes(name) == sample.columns[name].levels.index(level))
    return sqrt(weighted_moments(sample.numbers(one.row["outcome"])[cells], sample.weights[cells])[2])


def _write(row: Mapping[str, Any], ratio: RiskRatio, contrast: float | None) -> dict[str, Any]:
    return {
        **row,
        "contrast": contrast,
        "ratio": ratio.point,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high if isfinite(ratio.high) else None,
        "conversion": ratio.conversion,
        "e_value": ratio.e_value,
        "e_value_limit": ratio.e_value_limit,
    }
