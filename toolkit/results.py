"""Hold the schema of every result: names, order, types and meanings of the columns.

Takes rows as dictionaries; gives a polars frame with the `by` columns first and then the columns below.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

import polars as pl

ESTIMANDS = (
    "prevalence", "mean", "total", "ratio", "quantile",
    "prevalence_ratio", "prevalence_difference", "odds_ratio",
    "cumulative_odds_ratio", "relative_risk_ratio", "rate_ratio", "hazard_ratio",
    "rate", "survival",
    "interaction_difference", "reri", "attributable_proportion", "synergy_index",
    "standardised_prevalence", "standardised_ratio", "standardised_difference",
    "standardised_mean", "average_marginal_effect", "predicted_prevalence", "predicted_mean",
    "coefficient", "cutpoint", "dispersion",
    "people", "missing", "standard_deviation", "mean_difference", "difference", "ratio_of_ratios",
    "peak_to_trough_ratio", "peak_to_trough_difference", "amplitude", "peak",
    "margin_of_error", "smallest_detectable_ratio", "smallest_detectable_difference",
    "chi_square", "rank_test", "heterogeneity", "seasonality", "proportionality", "term",
)  # fmt: skip
SCALES = ("identity", "log")
RELIABILITY = ("ok", "review", "suppress", "failed")

SCHEMA: dict[str, pl.DataType] = {
    "study": pl.String(),
    "domain": pl.String(),
    "estimand": pl.String(),
    "outcome": pl.String(),
    "outcome_label": pl.String(),
    "exposure": pl.String(),
    "exposure_label": pl.String(),
    "level": pl.String(),
    "level_label": pl.String(),
    "reference": pl.String(),
    "adjust": pl.String(),
    "estimate": pl.Float64(),
    "std_error": pl.Float64(),
    "scale": pl.String(),
    "conf_low": pl.Float64(),
    "conf_high": pl.Float64(),
    "conf_level": pl.Float64(),
    "statistic": pl.Float64(),
    "p_value": pl.Float64(),
    "df": pl.Float64(),
    "df_numerator": pl.Float64(),
    "n": pl.Int64(),
    "n_cases": pl.Int64(),
    "n_missing": pl.Int64(),
    "n_effective": pl.Float64(),
    "deff": pl.Float64(),
    "weight": pl.String(),
    "variance": pl.String(),
    "reliability": pl.String(),
    "reason": pl.String(),
}

# `study` names the survey cycles that contribute. `n` counts the participants of a row, `n_missing` those
# of the domain whom a missing value keeps out of it. Who lacks a value of `by` may belong to several rows
# and is counted as missing in each of these, so that nobody leaves uncounted; `n_missing` of several rows
# therefore does not add up. `tk.flow(..., by=...)` counts each person once.

# A last column that pooled results of imputations have, and no others: the fraction that was lost.
INFORMATION = "missing_information"

FLOW_SCHEMA: dict[str, pl.DataType] = {
    "step": pl.String(),
    "reason": pl.String(),
    "n_left": pl.Int64(),
    "n_out": pl.Int64(),
}

AVAILABILITY_SCHEMA: dict[str, pl.DataType] = {
    "cause": pl.String(),
    "exposure": pl.String(),
    "cycle": pl.String(),
    "status": pl.String(),
    "reason": pl.String(),
    "n": pl.Int64(),
    "percent_missing": pl.Float64(),
}


VARIABLES_SCHEMA: dict[str, pl.DataType] = {
    "name": pl.String(),
    "label": pl.String(),
    "kind": pl.String(),
    "levels_or_unit": pl.String(),
    "component": pl.String(),
    "cycles": pl.String(),
    "n": pl.Int64(),
}

# The arrows of a causal diagram; roles: exposure, outcome, adjusted, not measured, between.
EDGES_SCHEMA: dict[str, pl.DataType] = {
    "cause": pl.String(),
    "effect": pl.String(),
    "cause_label": pl.String(),
    "effect_label": pl.String(),
    "cause_role": pl.String(),
    "effect_role": pl.String(),
    "reason": pl.String(),
    "citation": pl.String(),
}


def frame(rows: Iterable[Mapping[str, Any]], by: Sequence[str] = ()) -> pl.DataFrame:
    """Make a result frame of rows; what a row does not name is null.

    Parameters
    ----------
    rows
        One mapping a result row: schema names and the names in `by`.
    by
        Names of the grouping variables, which come first, as text.

    Returns
    -------
    polars.DataFrame
        `by` columns (String), then the columns of `SCHEMA` in order.
    """
    schema: dict[str, pl.DataType] = {**dict.fromkeys(by, pl.String()), **SCHEMA}
    known = (_without_nan(row) for row in rows)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in known], schema=schema)


NO_ERROR = "the design, or one of its replicate weights, leaves no standard error"


def _without_nan(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what is not a number; a row without its standard error is not ok."""
    lost = [name for name, value in row.items() if isinstance(value, float) and isnan(value)]
    if not lost:
        return row
    known = {**row, **dict.fromkeys(lost)}
    if "std_error" in lost and row.get("reliability") == "ok":
        known |= {"reliability": "review", "reason": NO_ERROR}
    return known


def by_columns(result: pl.DataFrame) -> list[str]:
    """Name the grouping columns of a result: those that are not of the schema."""
    return [name for name in result.columns if name not in SCHEMA and name != INFORMATION]


# A covariate that enters as a restricted cubic spline, such as "rcs(age, 4)".
SPLINE = re.compile(r"rcs\(\s*`?(?P<name>[^`,()]+?)`?\s*,\s*(?P<numbers>[-+.\deE,\s]+)\)")


# What the column `adjust` says where nothing is adjusted for; "none" where that is the default.
_CRUDE = {"", "()", "[]", "crude", "none", "unadjusted"}


def covariates(adjust: str) -> list[str]:
    """Split the column `adjust` into covariates.

    Examples
    --------
    >>> covariates("rcs(age, 4), sex")
    ['rcs(age, 4)', 'sex']
    """
    text = adjust.strip()
    if text.lower() in _CRUDE:
        return []
    if text.startswith("(") and text.endswith(")"):  # Somebody's tuple, written as text.
        text = text[1:-1]
    parts = re.split(r"\s*[,+;]\s*(?![^()]*\))", text)
    return [name.strip().strip("'") for name in parts if name.strip()]


def variables_of(covariates: Iterable[str]) -> tuple[str, ...]:
    """Return the variables of covariates, each once.

    Examples
    --------
    >>> variables_of(("rcs(age, 4)", "sex"))
    ('age', 'sex')
    """
    found = (spline["name"] if (spline := SPLINE.fullmatch(c.strip())) else c for c in covariates)
    return tuple(dict.fromkeys(found))
