"""Compare rows of a result with one another: differences, ratios, and tests of heterogeneity.

Method: linear combinations on the scale of the rows or of their logarithms, by the delta method, as
svycontrast of R's survey package.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, sqrt
from typing import Any, cast

import numpy as np
import polars as pl
from scipy.special import fdtrc, stdtr

from toolkit.errors import EstimationError, unknown
from toolkit.estimate.regression.formula.factors import quoted
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.distributions import wald
from toolkit.estimate.survey.intervals import Proportion
from toolkit.estimate.survey.unvarying import difference, firth_call, not_estimable
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import ESTIMANDS, RELIABILITY, SCHEMA, Estimates, by_columns
from toolkit.results import frame as make_result

Weights = str | Sequence[float] | Mapping[str, Sequence[float]]
_WAYS = ("first", "pairs", "heterogeneity")
_EXAMPLE = "tk.contrast(tk.prevalence(study, outcome='any_cramps', by='sex'), weights='first')"


@dataclass(frozen=True)
class _Rows:
    """Rows to be compared, on the scale on which they are combined."""

    rows: list[dict[str, Any]]
    by: list[str]
    points: Floats
    covariance: Floats
    logarithms: bool

    def names(self, places: Sequence[int]) -> list[str]:
        """Name rows by what differs among them."""
        return _names([self.rows[place] for place in places], self.by)


@dataclass(frozen=True)
class _Combined:
    """One linear combination: weights of the rows, and names for it."""

    weights: Floats
    level: str
    reference: str | None


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
    """Compare rows of a result: differences or ratios of groups, and tests of heterogeneity.

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
    seen = _checked(frame, np.asarray(matrix, float), ratio)
    if isinstance(weights, str) and weights == "heterogeneity":
        return make_result([_tested(seen, kind, df) for kind in _kinds(seen)])
    combined = _asked(seen, weights)
    every = np.array([one.weights for one in combined])
    found = make_result(
        [_row(seen, one, df, confidence) for one in combined],
        covariance=every @ np.nan_to_num(seen.covariance) @ every.T,
    )
    return cast("Estimates", (found, found.covariance())) if with_covariance else found


def _checked(given: pl.DataFrame, covariance: Floats, ratio: bool) -> _Rows:
    lacking = [name for name in SCHEMA if name not in given.columns]
    if lacking or covariance.shape != (given.height, given.height):
        raise EstimationError(
            f"tk.contrast takes result rows and their covariance matrix, and this is a frame of "
            f"{given.height} rows with a matrix of {' x '.join(map(str, covariance.shape))}. Use both from "
            f"one call: {_EXAMPLE}."
        )
    rows = given.rows(named=True)
    errors = np.array([np.nan if row["std_error"] is None else row["std_error"] for row in rows])
    spread = np.sqrt(covariance.diagonal())
    known = ~np.isnan(errors)
    if not np.allclose(spread[known], errors[known], rtol=1e-6, atol=0, equal_nan=False):
        raise EstimationError(
            "The covariance matrix is not that of these rows, because its diagonal differs from their "
            f"standard errors. Filter both alike, or use both from one call: {_EXAMPLE}."
        )
    points = np.array([np.nan if row["estimate"] is None else row["estimate"] for row in rows])
    return _scaled(_Rows(rows, by_columns(given), points, covariance, logarithms=False), ratio)


def _scaled(seen: _Rows, ratio: bool) -> _Rows:
    scales = {row["scale"] for row in seen.rows}
    if len(scales) > 1:
        raise EstimationError(
            "Some rows are ratios and some are not, and one contrast cannot combine them. Compare one "
            "measure at a time."
        )
    if scales == {"log"}:
        return _Rows(seen.rows, seen.by, np.log(seen.points), seen.covariance, logarithms=True)
    if not ratio:
        return seen
    lacking = [row["std_error"] is None for row in seen.rows]
    points = np.where(lacking, np.nan, seen.points)
    if (points <= 0).any():
        raise EstimationError("A row is 0 or below, so it has no ratio. Remove ratio=True.")
    matrix = seen.covariance / np.outer(points, points)
    return _Rows(seen.rows, seen.by, np.log(points), matrix, logarithms=True)


def _kinds(seen: _Rows) -> list[list[int]]:
    """Classify rows that differ only in their groups or, without groups, in their levels."""
    apart = ["estimand", "outcome", "exposure", "adjust"]
    apart += ["level", "reference", "domain"] if seen.by else []
    kinds: dict[Any, list[int]] = {}
    for place, row in enumerate(seen.rows):
        kinds.setdefault(tuple(row[name] for name in apart), []).append(place)
    alone = [kind for kind in kinds.values() if len(kind) > 1]
    if not alone:
        raise EstimationError(
            f"No two of these {len(seen.rows)} rows have the same measure, outcome and exposure, so there is "
            f"nothing to compare. Estimate by groups: {_EXAMPLE}."
        )
    return alone


def _asked(seen: _Rows, weights: Weights) -> list[_Combined]:
    if isinstance(weights, str):
        if weights not in _WAYS:
            raise EstimationError(
                unknown("tk.contrast has no weights", weights, _WAYS, f"Use one of {', '.join(_WAYS)}")
            )
        pairs = combinations if weights == "pairs" else _against_first
        return [_pair(seen, kind, low, high) for kind in _kinds(seen) for low, high in pairs(kind, 2)]
    if isinstance(weights, Mapping):
        return [_Combined(_numbers(seen, own), str(name), None) for name, own in weights.items()]
    own = _numbers(seen, weights)
    used = np.flatnonzero(own)
    if len(used) == 2 and own[used].sum() == 0 and abs(own[used[0]]) == 1:
        low, high = sorted(used, key=lambda place: own[place])
        return [_pair(seen, [int(low), int(high)], int(low), int(high))]
    return [_Combined(own, _name_weights(seen, own), None)]


def _against_first(kind: list[int], _: int) -> list[tuple[int, int]]:
    return [(kind[0], place) for place in kind[1:]]


def _pair(seen: _Rows, kind: list[int], low: int, high: int) -> _Combined:
    weights = np.zeros(len(seen.rows))
    weights[low], weights[high] = -1, 1
    names = dict(zip(kind, seen.names(kind), strict=True))
    return _Combined(weights, names[high], names[low])


def _numbers(seen: _Rows, weights: Sequence[float]) -> Floats:
    own = np.asarray(weights, float)
    if own.shape != (len(seen.rows),) or not np.isfinite(own).all() or not own.any():
        raise EstimationError(
            f"A contrast needs one weight per row ({len(seen.rows)} here, not {own.size}), not all of them "
            f"0. The rows are {', '.join(seen.names(range(len(seen.rows))))}."
        )
    return own


def _name_weights(seen: _Rows, weights: Floats) -> str:
    names = seen.names(range(len(seen.rows)))
    parts = [f"{w:+g} × {name}" for w, name in zip(weights, names, strict=True) if w]
    return " ".join(parts).replace("+1 × ", "+ ").replace("-1 × ", "− ").removeprefix("+ ")


def _names(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> list[str]:
    columns = [*by, "study", "domain", "outcome", "exposure_label", "level_label", "adjust", "estimand"]
    apart = [name for name in columns if len({row[name] for row in rows}) > 1]
    return [", ".join(str(row[name] if row[name] is not None else "all") for name in apart) for row in rows]


def _row(seen: _Rows, one: _Combined, df: float | None, confidence: float) -> dict[str, Any]:
    used = [seen.rows[place] for place in np.flatnonzero(one.weights)]
    estimand = _estimand(used, one.weights[np.flatnonzero(one.weights)], seen.logarithms)
    named = {**_shared(used, seen.by, estimand), "level": one.level, "level_label": one.level}
    named |= {"reference": one.reference, "conf_level": confidence}
    verdict = _verdict(used)
    if verdict["reliability"] == "failed":
        return {**named, **verdict}
    if any(row["std_error"] is None for row in used):
        return {**named, **verdict, **_without_error(used, seen, one, confidence)}
    places = np.flatnonzero(one.weights)
    own = one.weights[places]
    point = float(own @ seen.points[places])
    std_error = sqrt(max(float(own @ seen.covariance[np.ix_(places, places)] @ own), 0.0))
    free = df if df is not None else _smallest_df(used)
    shown = exp if seen.logarithms else float
    low, high = intervals.around(point, std_error, free, confidence)
    statistic = point / std_error if std_error > 0 else None
    return {
        **named,
        **verdict,
        "estimate": shown(point),
        "std_error": std_error,
        "scale": "log" if seen.logarithms else "identity",
        "conf_low": shown(low),
        "conf_high": shown(high),
        "statistic": statistic,
        "p_value": None if statistic is None else 2 * float(stdtr(free, -abs(statistic))),
        "df": free,
    }


def _without_error(
    used: list[dict[str, Any]], seen: _Rows, one: _Combined, confidence: float
) -> dict[str, Any]:
    """Compare rows of which one has no standard error: crude prevalences by Newcombe, others fail."""
    weights = one.weights[np.flatnonzero(one.weights)]
    crude = all(row["estimand"] == "prevalence" and row["n_effective"] for row in used)
    apart = any(used[0][name] != used[-1][name] for name in (*seen.by, "study", "domain"))
    if crude and apart and not seen.logarithms and sorted(weights) == [-1, 1]:
        low, high = (_proportion(used[int(np.flatnonzero(weights == sign)[0])]) for sign in (-1, 1))
        return difference(low, high, confidence)
    lone = next(row for row in used if row["std_error"] is None)
    what = str(lone["reason"] or "a row has no standard error")
    if not ESTIMANDS[lone["estimand"]].ratio:
        return {"reliability": "failed", "reason": f"{what}, so this comparison is not estimable"}
    names = [*seen.by, *([lone["exposure"]] if lone["exposure"] else [])]
    call = firth_call(quoted(lone["outcome"]), [*map(quoted, names)] or ["..."], lone["domain"] or "")
    return {"reliability": "failed", "reason": not_estimable(what, call)}


def _proportion(row: Mapping[str, Any]) -> Proportion:
    persons, variance = row["n"] + (row["n_missing"] or 0), (row["std_error"] or 0.0) ** 2
    deff = row["n"] / row["n_effective"] if row["std_error"] is None else 1.0
    return Proportion(row["estimate"], variance, row["df"], persons, row["n"], deff)


def _smallest_df(rows: Sequence[Mapping[str, Any]]) -> float:
    known = [row["df"] for row in rows if row["df"] is not None]
    return float(min(known)) if known else float("inf")


def _estimand(rows: Sequence[Mapping[str, Any]], weights: Floats, logarithms: bool) -> str:
    """Name the estimand: weights that sum to 0 compare, weights that sum to 1 average."""
    base = {str(row["estimand"]) for row in rows}
    only = base.pop() if len(base) == 1 else ""
    if only and abs(weights.sum() - 1) < 1e-12:
        return only
    compared = ESTIMANDS.get(only) if abs(weights.sum()) < 1e-12 else None
    if logarithms:
        return (compared and compared.ratio) or "ratio_of_ratios"
    return (compared and compared.difference) or "difference"


def _shared(rows: Sequence[Mapping[str, Any]], by: Sequence[str], estimand: str) -> dict[str, Any]:
    """Keep the columns common to all rows; the exposure is the variable of the groups."""
    names = ["study", "domain", "outcome", "outcome_label", "exposure", "exposure_label", "adjust"]
    names += ["weight", "variance"]
    kept = {name: rows[0][name] if len({row[name] for row in rows}) == 1 else None for name in names}
    kept["estimand"] = estimand
    groups = [name for name in by if len({row[name] for row in rows}) > 1]
    count = sum if groups else max
    for name in ("n", "n_cases", "n_missing"):
        known = [row[name] for row in rows if row[name] is not None]
        kept[name] = count(known) if known else None
    if groups:
        kept["n_missing"] = (
            None  # A missing value of `by` is counted in several rows, so the sum has no meaning.
        )
    if not groups:
        return kept
    if estimand == "difference" and len({row["estimand"] for row in rows}) == 1:
        kept["outcome_label"] = _named(rows[0])
    elif kept["exposure"]:
        kept["outcome_label"] = f"{kept['outcome_label']}, {_measure(rows[0])}"
    kept["exposure"] = ", ".join(groups)
    kept["exposure_label"] = " and ".join(name.replace("_", " ") for name in groups)
    return kept


def _named(row: Mapping[str, Any]) -> str:
    """Name the measure of a difference that its estimand does not name: a quantile, a total."""
    quantile = (
        f"{row['level']} quantile"
        if row["estimand"] == "quantile"
        else str(row["estimand"]).replace("_", " ")
    )
    return f"{'median' if quantile == '0.5 quantile' else quantile} of {row['outcome_label']}"


def _measure(row: Mapping[str, Any]) -> str:
    against = f" vs {row['reference']}" if row["reference"] else ""
    return (
        f"{str(row['estimand']).replace('_', ' ')} by {row['exposure_label']} ({row['level_label']}{against})"
    )


def _verdict(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Find the worst verdict of the rows, with its reasons."""
    flags = [(RELIABILITY.index(row["reliability"] or "ok"), row["reason"]) for row in rows]
    worst = max(rank for rank, _ in flags)
    reasons = dict.fromkeys(str(reason) for rank, reason in flags if rank == worst and reason)
    return {"reliability": RELIABILITY[worst], "reason": "; ".join(reasons) or None}


def _tested(seen: _Rows, kind: list[int], df: float | None) -> dict[str, Any]:
    """Test by Wald's F that the rows of a kind are equal; the reason counts rows without a variance."""
    sound = [place for place in kind if seen.rows[place]["std_error"] is not None]
    rows = [seen.rows[place] for place in sound or kind]
    named = {**_shared(rows, seen.by, "heterogeneity"), "scale": "log" if seen.logarithms else "identity"}
    if len(sound) < 2:
        reason = f"only {len(sound)} of {len(kind)} rows have a standard error"
        return {**named, "reliability": "failed", "reason": reason}
    own = np.hstack([-np.ones((len(sound) - 1, 1)), np.eye(len(sound) - 1)])
    points = own @ seen.points[sound]
    matrix = own @ seen.covariance[np.ix_(sound, sound)] @ own.T
    free, first = df if df is not None else _smallest_df(rows), len(points)
    try:
        f = wald(points, matrix) / first
    except EstimationError as error:
        return {**named, "reliability": "failed", "reason": str(error)}
    return {
        **named,
        **_verdict_of_test(rows, len(kind) - len(sound)),
        "statistic": f,
        "df_numerator": first,
        "df": free,
        "p_value": float(fdtrc(first, free, f)),
    }


def _verdict_of_test(rows: Sequence[Mapping[str, Any]], lost: int) -> dict[str, Any]:
    """Flag a test for review if one of its rows is flagged or missing."""
    flagged = _verdict(rows)
    groups = f"{lost} of {lost + len(rows)} groups could not be estimated, or have no standard error"
    reasons = [groups] if lost else []
    reasons += [flagged["reason"]] if flagged["reason"] else []
    return {"reliability": "review" if reasons else "ok", "reason": "; ".join(reasons) or None}
