"""Compare rows of a result with one another: differences, ratios, and tests of heterogeneity.

Method: linear combinations on the scale of the rows or of their logarithms, by the delta method, as
svycontrast of R's survey package.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt
from typing import Any, cast

import numpy as np
import polars as pl
from scipy.special import chdtrc, fdtrc

from toolkit.errors import EstimationError, require_known
from toolkit.estimate.survey import (
    Proportion,
    Row,
    difference,
    firth_call,
    intervals,
    not_estimable,
    t_columns,
    wald,
)
from toolkit.results import ESTIMANDS, RELIABILITY, SCHEMA, Estimates, Floats, by_columns
from toolkit.results import frame as make_result
from toolkit.variables import quoted, record_combined, recorded

Weights = str | Sequence[float] | Mapping[str, Sequence[float]]
_WAYS = ("first", "pairs", "heterogeneity")
_NUMBERS = ("estimate", "std_error")
_COMMON = [
    "study",
    "domain",
    "outcome",
    "outcome_label",
    "exposure",
    "exposure_label",
    "adjust",
    "weight",
    "variance",
]
_EXAMPLE = "tk.contrast(tk.prevalence(study, outcome='any_cramps', by='sex'), weights='first')"


@dataclass(frozen=True)
class _Rows:
    """Rows to be compared, on the scale on which they are combined."""

    rows: list[Row]
    by: list[str]
    groups: list[str]  # those of `by` whose levels are of different participants; not a grid of predictions
    points: Floats
    covariance: Floats
    logarithms: bool

    def names(self, places: Sequence[int]) -> list[str]:
        """Name rows by what differs among them."""
        rows = [self.rows[place] for place in places]
        columns = [
            *self.by,
            "study",
            "domain",
            "outcome",
            "exposure_label",
            "level_label",
            "adjust",
            "estimand",
        ]
        apart = [name for name in columns if len({row[name] for row in rows}) > 1]
        return [", ".join("all" if row[n] is None else str(row[n]) for n in apart) for row in rows]


@dataclass(frozen=True)
class _Combined:
    """One linear combination: weights of the rows, and names for it."""

    weights: Floats
    level: str
    reference: str | None


@recorded
def contrast(
    frame: pl.DataFrame,
    covariance: Floats | None = None,
    weights: Weights = "first",
    *,
    ratio: bool = False,
    df: float | None = None,
    confidence: float = 0.95,
    with_covariance: bool = False,
) -> Estimates:
    """Compare rows of a result: differences or ratios of groups, or a test of heterogeneity.

    Parameters
    ----------
    frame
        Result rows, as an estimator returned them.
    covariance
        Their covariance on the scale of their standard errors; None for `frame.covariance()`.
    weights
        "first": each row against the first of its kind. "pairs": every two. "heterogeneity": one test that
        all rows of a kind are equal. Or your own weights, one per row: [-1, 1, 0]; several with names:
        {"old less young": [-1, 0, 1]}. Rows of a kind have one measure of one outcome and exposure;
        groups are what differs.
    ratio
        True for ratios of rows on a plain scale, such as prevalences; ratios on the log scale (prevalence
        ratios, odds ratios) are always compared by their ratio.
    df
        Degrees of freedom; the smallest of the rows combined if None.
    confidence
        Of the interval, between 0 and 1.
    with_covariance
        True to return a tuple of the contrasts and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows: `level` is compared with `reference`, `exposure` names the groups. A test of
        heterogeneity has `statistic` (Wald F), `df_numerator`, `df` and `p_value`. A contrast of a failed
        row is failed too. The difference of two crude prevalences one of which is 0 or 1 has
        Newcombe's hybrid interval, without a standard error; its ratio is not estimable.

    Raises
    ------
    EstimationError
        If the covariance is not that of the rows, weights do not fit them, or there is nothing to compare.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0, 1, 0, 0, 1], "sex": ["f", "f", "f", "f"] + ["m"] * 4})
    >>> mine = tk.study(people, design=tk.Design.none(), name="eight people")
    >>> rows = tk.prevalence(mine, outcome="cramps", by="sex")
    >>> tk.contrast(rows, weights=[-1, 1]).select("estimand", "level", "reference", "estimate").row(0)
    ('prevalence_difference', 'm', 'f', 0.0)
    """
    intervals.check_confidence(confidence)
    if covariance is None and not isinstance(frame, Estimates):
        raise EstimationError(
            f"tk.contrast needs the covariance of the rows, and this frame of {frame.height:,} rows has "
            f"none. It was selected, sorted or changed after estimation. Use the estimator's own result: "
            f"{_EXAMPLE}."
        )
    matrix = frame.covariance() if isinstance(frame, Estimates) and covariance is None else covariance
    seen = _set_scale(_check_rows(frame, np.asarray(matrix, float)), ratio)
    if isinstance(weights, str) and weights == "heterogeneity":
        kinds = _classify_rows(seen)
        found = make_result([_test_heterogeneity(seen, kind, df) for kind in kinds])
        how = {"kinds": kinds, "rows": frame, "ratio": ratio, "df": df}
        record_combined(found, "contrast", [frame], how)
        return found
    combined = _read_weights(seen, weights)
    every = np.array([one.weights for one in combined])
    joint = every @ np.nan_to_num(seen.covariance) @ every.T
    found = make_result([_describe_contrast(seen, one, df, confidence) for one in combined], covariance=joint)
    how = {"weights": every.tolist(), "rows": frame, "ratio": ratio, "df": df, "confidence": confidence}
    record_combined(found, "contrast", [frame], how)
    return cast("Estimates", (found, found.covariance())) if with_covariance else found


def _check_rows(given: pl.DataFrame, covariance: Floats) -> _Rows:
    if not set(SCHEMA) <= set(given.columns) or covariance.shape != (given.height, given.height):
        raise EstimationError(
            f"tk.contrast takes result rows and their covariance matrix, and this is a frame of "
            f"{given.height} rows with a matrix of {' x '.join(map(str, covariance.shape))}. Use both from "
            f"one call: {_EXAMPLE}."
        )
    rows = given.rows(named=True)
    points, errors = (given[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in _NUMBERS)
    known = ~np.isnan(errors)
    if not np.allclose(np.sqrt(covariance.diagonal())[known], errors[known], rtol=1e-6, atol=0):
        raise EstimationError(
            "The covariance matrix is not that of these rows, because its diagonal differs from their "
            f"standard errors. Filter both alike, or use both from one call: {_EXAMPLE}."
        )
    by, called = by_columns(given), given.call() if isinstance(given, Estimates) else None
    grid = called is not None and called[0] == "predict"
    return _Rows(rows, by, [] if grid else by, points, covariance, logarithms=False)


def _set_scale(seen: _Rows, ratio: bool) -> _Rows:
    """Take logarithms of ratios, and of rows that are to be compared by their ratio."""
    scales = {row["scale"] for row in seen.rows}
    if len(scales) > 1:
        raise EstimationError(
            "Some rows are ratios and some are not, and one contrast cannot combine them. Compare one "
            "measure at a time."
        )
    if scales == {"log"}:
        return replace(seen, points=np.log(seen.points), logarithms=True)
    if not ratio:
        return seen
    points = np.where([row["std_error"] is None for row in seen.rows], np.nan, seen.points)
    if (points <= 0).any():
        raise EstimationError("A row is 0 or below, so it has no ratio. Remove ratio=True.")
    matrix = seen.covariance / np.outer(points, points)
    return replace(seen, points=np.log(points), covariance=matrix, logarithms=True)


def _classify_rows(seen: _Rows) -> list[list[int]]:
    """Classify rows that differ only in their groups or, without groups, in their levels."""
    apart = ["estimand", "outcome", "exposure", "adjust"]
    apart += ["level", "reference", "domain"] if seen.by else []
    kinds: dict[Any, list[int]] = {}
    for place, row in enumerate(seen.rows):
        kinds.setdefault(tuple(row[name] for name in apart), []).append(place)
    several = [kind for kind in kinds.values() if len(kind) > 1]
    if not several:
        raise EstimationError(
            f"No two of these {len(seen.rows)} rows have the same measure, outcome and exposure, so there is "
            f"nothing to compare. Estimate by groups: {_EXAMPLE}."
        )
    return several


def _read_weights(seen: _Rows, weights: Weights) -> list[_Combined]:
    if isinstance(weights, str):
        require_known("tk.contrast has no weights", weights, _WAYS, "Use one of")
        return [
            _pair(seen, kind, low, high)
            for kind in _classify_rows(seen)
            for low, high in combinations(kind, 2)
            if weights == "pairs" or low == kind[0]
        ]
    if isinstance(weights, Mapping):
        return [_Combined(_check_weights(seen, own), str(name), None) for name, own in weights.items()]
    own = _check_weights(seen, weights)
    used = np.flatnonzero(own)
    if len(used) == 2 and own[used].sum() == 0 and abs(own[used[0]]) == 1:
        low, high = sorted(map(int, used), key=lambda place: own[place])
        return [_pair(seen, [low, high], low, high)]
    names = zip(own, seen.names(range(len(own))), strict=True)
    level = " ".join(f"{weight:+g} × {name}" for weight, name in names if weight)
    level = level.replace("+1 × ", "+ ").replace("-1 × ", "− ").removeprefix("+ ")
    return [_Combined(own, level, None)]


def _pair(seen: _Rows, kind: list[int], low: int, high: int) -> _Combined:
    weights = np.zeros(len(seen.rows))
    weights[low], weights[high] = -1, 1
    names = dict(zip(kind, seen.names(kind), strict=True))
    return _Combined(weights, names[high], names[low])


def _check_weights(seen: _Rows, weights: Sequence[float]) -> Floats:
    own = np.asarray(weights, float)
    if own.shape != (len(seen.rows),) or not np.isfinite(own).all() or not own.any():
        raise EstimationError(
            f"A contrast needs one weight per row ({len(seen.rows)} here, not {own.size}), not all of them "
            f"0. The rows are {', '.join(seen.names(range(len(seen.rows))))}."
        )
    return own


def _describe_contrast(seen: _Rows, one: _Combined, df: float | None, confidence: float) -> Row:
    places = np.flatnonzero(one.weights)
    used, own = [seen.rows[place] for place in places], one.weights[places]
    row = {
        **_keep_common(used, seen, _name_estimand(used, own, seen.logarithms)),
        **_combine_verdicts(used),
    }
    row |= {
        "level": one.level,
        "level_label": one.level,
        "reference": one.reference,
        "conf_level": confidence,
    }
    if row["reliability"] == "failed":
        return row
    if any(each["std_error"] is None for each in used):
        return row | _compare_without_error(used, own, seen, confidence)
    point = float(own @ seen.points[places])
    std_error = sqrt(max(float(own @ seen.covariance[np.ix_(places, places)] @ own), 0.0))
    df = _find_smallest_df(used) if df is None else df
    return row | t_columns(point, std_error, df, confidence, log=seen.logarithms)


def _compare_without_error(used: list[Row], weights: Floats, seen: _Rows, confidence: float) -> Row:
    """Compare rows of which one has no standard error: crude prevalences by Newcombe, others fail."""
    crude = all(row["estimand"] == "prevalence" and row["n_effective"] for row in used)
    apart = any(used[0][name] != used[-1][name] for name in (*seen.by, "study", "domain"))
    if crude and apart and not seen.logarithms and sorted(weights) == [-1, 1]:
        low, high = (_read_proportion(used[int(np.flatnonzero(weights == sign)[0])]) for sign in (-1, 1))
        return difference(low, high, confidence)
    lone = next(row for row in used if row["std_error"] is None)
    reason = str(lone["reason"] or "a row has no standard error")
    if not ESTIMANDS[lone["estimand"]].ratio:
        return {"reliability": "failed", "reason": f"{reason}, so this comparison is not estimable"}
    names = [*seen.by, *([lone["exposure"]] if lone["exposure"] else [])]
    call = firth_call(quoted(lone["outcome"]), [*map(quoted, names)] or ["..."], lone["domain"] or "")
    return {"reliability": "failed", "reason": not_estimable(reason, call)}


def _read_proportion(row: Row) -> Proportion:
    persons, variance = row["n"] + (row["n_missing"] or 0), (row["std_error"] or 0.0) ** 2
    deff = row["n"] / row["n_effective"] if row["std_error"] is None else 1.0
    return Proportion(row["estimate"], variance, row["df"], persons, row["n"], deff)


def _find_smallest_df(rows: Sequence[Row]) -> float:
    known = [row["df"] for row in rows if row["df"] is not None]
    return float(min(known)) if known else float("inf")


def _name_estimand(rows: Sequence[Row], weights: Floats, logarithms: bool) -> str:
    """Name the estimand: weights that sum to 0 compare, weights that sum to 1 average."""
    base = {str(row["estimand"]) for row in rows}
    only = base.pop() if len(base) == 1 else ""
    if only and abs(weights.sum() - 1) < 1e-12:
        return only
    compared = ESTIMANDS.get(only) if abs(weights.sum()) < 1e-12 else None
    if logarithms:
        return (compared and compared.ratio) or "ratio_of_ratios"
    return (compared and compared.difference) or "difference"


def _keep_common(rows: Sequence[Row], seen: _Rows, estimand: str) -> Row:
    """Keep the columns common to all rows; the exposure is the variable of the groups."""
    kept = {name: rows[0][name] if len({row[name] for row in rows}) == 1 else None for name in _COMMON}
    kept["estimand"] = estimand
    groups = [name for name in seen.by if len({row[name] for row in rows}) > 1]
    apart = any(name in seen.groups for name in groups)
    for name in ("n", "n_cases", "n_missing"):
        known = [row[name] for row in rows if row[name] is not None]
        kept[name] = (sum if apart else max)(known) if known else None
    if not groups:
        return kept
    if apart:  # A missing value of `by` is counted in several rows, so the sum has no meaning.
        kept["n_missing"] = None
    first = rows[0]
    measure = str(first["estimand"]).replace("_", " ")
    if estimand == "difference" and len({row["estimand"] for row in rows}) == 1:
        # A measure that the estimand does not name: a quantile, a total.
        if measure == "quantile":
            measure = "median" if first["level"] == "0.5" else f"{first['level']} quantile"
        kept["outcome_label"] = f"{measure} of {first['outcome_label']}"
    elif kept["exposure"]:
        against = f" vs {first['reference']}" if first["reference"] else ""
        by_level = f"{measure} by {first['exposure_label']} ({first['level_label']}{against})"
        kept["outcome_label"] = f"{kept['outcome_label']}, {by_level}"
    kept["exposure"] = ", ".join(groups)
    kept["exposure_label"] = " and ".join(name.replace("_", " ") for name in groups)
    return kept


def _combine_verdicts(rows: Sequence[Row]) -> Row:
    flags = [(RELIABILITY.index(row["reliability"] or "ok"), row["reason"]) for row in rows]
    worst = max(rank for rank, _ in flags)
    reasons = dict.fromkeys(str(reason) for rank, reason in flags if rank == worst and reason)
    return {"reliability": RELIABILITY[worst], "reason": "; ".join(reasons) or None}


def _test_heterogeneity(seen: _Rows, kind: list[int], df: float | None) -> Row:
    """Test by Wald's F that the rows of a kind are equal; the reason counts rows without a variance."""
    known = [place for place in kind if seen.rows[place]["std_error"] is not None]
    rows = [seen.rows[place] for place in known or kind]
    row = {**_keep_common(rows, seen, "heterogeneity"), "scale": "log" if seen.logarithms else "identity"}
    if len(known) < 2:
        reason = f"only {len(known)} of {len(kind)} rows have a standard error"
        return {**row, "reliability": "failed", "reason": reason}
    own = np.hstack([-np.ones((len(known) - 1, 1)), np.eye(len(known) - 1)])
    points = own @ seen.points[known]
    matrix = own @ seen.covariance[np.ix_(known, known)] @ own.T
    df, first, lost = _find_smallest_df(rows) if df is None else df, len(points), len(kind) - len(known)
    try:
        f = wald(points, matrix) / first
    except EstimationError as error:
        return {**row, "reliability": "failed", "reason": str(error)}
    failed = (
        f"{lost} of {len(kind)} groups could not be estimated, or have no standard error" if lost else None
    )
    reason = "; ".join(filter(None, (failed, _combine_verdicts(rows)["reason"])))
    row |= {"reliability": "review" if reason else "ok", "reason": reason or None}
    p_value = float(fdtrc(first, df, f) if np.isfinite(df) else chdtrc(first, first * f))
    return {**row, "statistic": f, "df_numerator": first, "df": df, "p_value": p_value}
