"""Pool results of a study's imputations by Rubin's rules.

Method: Rubin, Multiple Imputation for Nonresponse in Surveys, 1987, 3.1; degrees of freedom of Barnard and
Rubin, Biometrika 86 (1999) 948-955, as MIcombine of R's mitools.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from toolkit.errors import EstimationError
from toolkit.estimate.regression import figures
from toolkit.estimate.survey import finite
from toolkit.results import INFORMATION, RELIABILITY, SCHEMA, Estimates, Floats, by_columns
from toolkit.studies import Study
from toolkit.variables import Covaried, record_combined, with_covariance

Result = pl.DataFrame | Covaried
# Columns that identify a row in two imputations.
_KEYS = (
    "domain", "estimand", "outcome", "exposure", "level", "reference", "adjust", "scale", "conf_level",
    "weight",
)  # fmt: skip
_AVERAGED = ("n_effective", "deff")


@dataclass(frozen=True)
class _Pooled:
    """Pooled rows, with points on the scale of their standard errors."""

    points: Floats
    covariance: Floats
    df: Floats
    information: Floats


@with_covariance
def pool(results: Sequence[Result], *, df_complete: float | None = None) -> Estimates:
    """Pool the results of imputed studies by Rubin's rules.

    Parameters
    ----------
    results
        One result per imputation, with the same rows in the same order: what an estimator returns, with or
        without `covariance=True`.
    df_complete
        Degrees of freedom of complete data. None for those of each row, which are the design's; `math.inf`
        for Rubin's large-sample rule.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        One row for each: the mean of the estimates (of logarithms, for ratios), the standard error within and
        between imputations, Student's t interval (of a prevalence on the logit scale), and a last column
        `missing_information`, the fraction of missing information. `n` is that of the imputations,
        `n_cases` their mean.

    Raises
    ------
    EstimationError
        If there are fewer than two results, or their rows differ.

    Notes
    -----
    As mitools, whose complete-data degrees of freedom are multiplied by W / (W + B), where W is the variance
    within and B between imputations. A row that failed in one imputation fails.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> def imputed(value):
    ...     people = pl.DataFrame({"age": [30.0, 40.0, 61.0, value]})
    ...     return tk.mean(tk.study(people, design=tk.Design.none()), "age")
    >>> pool([imputed(45.0), imputed(53.0)])["estimate"].item()
    45.0
    """
    frames = _frames(results)
    _require_alike(frames)
    matrices, full = _matrices(results)
    points = np.array([_points(frame) for frame in frames])
    given = frames[0]["df"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    complete = given if df_complete is None else np.full(len(given), float(df_complete))
    pooled = _rubin(points, matrices, complete)
    rows = [_row(frames, place, pooled) for place in range(frames[0].height)]
    schema: dict[str, Any] = {**frames[0].schema, INFORMATION: pl.Float64()}
    found = Estimates(rows, schema, covariance=pooled.covariance if full else None)
    record_combined(found, "pool", frames, {"rows": frames[0], "m": len(frames), "df_complete": df_complete})
    return found


@with_covariance
def imputed(
    studies: Sequence[Study],
    estimator: Callable[..., Any],
    *arguments: Any,
    df_complete: float | None = None,
    **options: Any,
) -> Estimates:
    """Apply an estimator to each imputation of a study, and pool.

    Parameters
    ----------
    studies
        One per imputation, with the same participants and design.
    estimator
        Such as `tk.association`, which is called with each study, `arguments` and `options`.
    *arguments, **options
        Arguments of the estimator.
    df_complete, covariance
        As for `pool`.

    Returns
    -------
    Estimates
        As for `pool`.

    Raises
    ------
    EstimationError
        If the studies differ in their number of participants, and as for `pool`.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> def with_age(value):
    ...     people = pl.DataFrame({"age": [30.0, 40.0, 61.0, value]})
    ...     return tk.study(people, design=tk.Design.none())
    >>> imputed([with_age(45.0), with_age(53.0)], tk.mean, "age")["variance"].item()
    'robust, 2 imputations'
    """
    people = {study.people.height for study in studies}
    if len(people) > 1:
        listed = ", ".join(f"{count:,}" for count in sorted(people))
        raise EstimationError(
            f"The studies have {listed} participants, and imputations of one study have the same number. "
            f"Supply one study per imputation: tk.imputed([study_1, study_2, ...], tk.association, "
            "outcome=...)."
        )
    return pool([estimator(study, *arguments, **options) for study in studies], df_complete=df_complete)


def _frames(results: Sequence[Result]) -> list[pl.DataFrame]:
    if len(results) < 2:
        raise EstimationError(
            f"Pooling requires two or more imputations, and {len(results)} was supplied. Use "
            f"tk.pool([result_1, result_2, ...])."
        )
    return [one if isinstance(one, pl.DataFrame) else one[0] for one in results]


def _matrices(results: Sequence[Result]) -> tuple[Floats, bool]:
    """Return the covariance matrix of each result, and whether all of them have more than a diagonal."""
    matrices, full = [], True
    for number, one in enumerate(results, start=1):
        frame, matrix = one if isinstance(one, tuple) else (one, _covariance(one))
        rows = (frame.height, frame.height)
        if matrix is None:
            full, matrix = False, np.diag(np.square(frame["std_error"].fill_null(np.nan).to_numpy()))
        elif matrix.shape != rows:
            raise EstimationError(
                f"Result {number} has {frame.height:,} rows and a covariance matrix of "
                f"{' x '.join(map(str, matrix.shape))}. Pass the result of one call: tk.association(...)."
            )
        matrices.append(matrix)
    return np.array(matrices), full


def _covariance(frame: pl.DataFrame) -> Floats | None:
    """Return the covariance that a result carries, with exactly the squares of its standard errors."""
    try:
        matrix = frame.covariance() if isinstance(frame, Estimates) else None
    except EstimationError:
        return None
    if matrix is not None:
        np.fill_diagonal(matrix, np.square(frame["std_error"].fill_null(np.nan).to_numpy()))
    return matrix


def _require_alike(frames: Sequence[pl.DataFrame]) -> None:
    """Raise if frames are not results, or have other rows than the first, and name such a row."""
    for number, frame in enumerate(frames, start=1):
        lacking = [name for name in SCHEMA if name not in frame.columns]
        if lacking or frame.is_empty():
            seen = f"has no column '{lacking[0]}'" if lacking else "has no rows"
            raise EstimationError(
                f"Result {number} {seen}. Pool results of one call over each imputation: "
                f"tk.imputed([study_1, study_2], ...)."
            )
    keys = [*by_columns(frames[0]), *(name for name in _KEYS if name in SCHEMA)]
    for number, frame in enumerate(frames[1:], start=2):
        alike = frame.columns == frames[0].columns
        if alike and frame.select(keys).equals(frames[0].select(keys)):
            continue
        seen = _find_difference(frames[0].select(keys), frame.select(keys)) if alike else "other columns"
        raise EstimationError(
            f"Result {number} has other rows than the first ({frame.height:,} and {frames[0].height:,} rows; "
            f"{seen}). Pool results of one call over each imputation, tk.imputed([study_1, study_2], ...). "
            f"Merge a level that an imputation lacks with another first: study.derive(...)."
        )


def _find_difference(first: pl.DataFrame, other: pl.DataFrame) -> str:
    """Name a row that only one frame has, by the columns that differ between rows."""
    for one, rest, where in ((first, other, "only the first has"), (other, first, "the first lacks")):
        alone = one.join(rest, on=one.columns, how="anti", nulls_equal=True)
        if alone.height:
            telling = [name for name in alone.columns if pl.concat([one, rest])[name].n_unique() > 1]
            row = {name: alone[name][0] for name in telling}
            named = ", ".join(f"{name} '{value}'" for name, value in row.items() if value)
            return f"{where} {named}"
    return "in another order"


def _points(frame: pl.DataFrame) -> Floats:
    logs = frame["scale"] == "log"
    estimates = frame["estimate"].fill_null(np.nan).to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(logs.fill_null(value=False).to_numpy(), np.log(estimates), estimates)


def _rubin(points: Floats, matrices: Floats, complete: Floats) -> _Pooled:
    m = len(points)
    within = matrices.mean(axis=0)
    deviation = points - points.mean(axis=0)
    between = deviation.T @ deviation / (m - 1)
    W, B = np.diag(within), np.diag(between)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (1 + 1 / m) * B / W
        df = (m - 1) * (1 + 1 / r) ** 2
        seen = (complete + 1) / (complete + 3) * complete * W / (W + B)
        df = np.where(np.isinf(complete), df, 1 / (1 / seen + 1 / df))
        information = (r + 2 / (df + 3)) / (r + 1)
    return _Pooled(points.mean(axis=0), within + (1 + 1 / m) * between, df, information)


def _row(frames: Sequence[pl.DataFrame], place: int, pooled: _Pooled) -> dict[str, Any]:
    rows = [frame.row(place, named=True) for frame in frames]
    first, m = rows[0], len(rows)
    common = {name: first[name] for name in first if name in _SAME or name not in SCHEMA}
    common |= {name: _mean(rows, name) for name in (*_AVERAGED, "n_cases")}
    common["n_cases"] = None if common["n_cases"] is None else round(common["n_cases"])
    if first["variance"] is not None:
        common["variance"] = f"{first['variance']}, {m} imputations"
    broken = [row for row in rows if row["std_error"] is None]
    worst = max(rows, key=lambda row: RELIABILITY.index(row["reliability"] or "ok"))
    judged = {"reliability": worst["reliability"], "reason": worst["reason"]}
    variance, df = float(pooled.covariance[place, place]), float(pooled.df[place])
    known = {**common, **judged, "df": df, INFORMATION: finite(float(pooled.information[place]))}
    if first["conf_level"] is None and all(row["estimate"] is not None for row in rows):
        # The sizes, counts and standardized differences of a table have no interval.
        mean = {"estimate": _mean(rows, "estimate")}
        return {**common, **judged, **mean} if broken else {**known, **mean, "std_error": variance**0.5}
    if broken:
        reason = f"no standard error in {len(broken)} of {m} imputations: {broken[0]['reason'] or ''}"
        return {**common, "reliability": "failed", "reason": reason.rstrip(": ")}
    numbers = figures(
        first["estimand"], first["conf_level"], (float(pooled.points[place]), variance**0.5, df)
    )
    if first["statistic"] is None:
        numbers |= {"statistic": None, "p_value": None}
    return {**known, **numbers}


_SAME = (
    "study", "domain", "estimand", "outcome", "outcome_label", "exposure", "exposure_label", "level",
    "level_label", "reference", "adjust", "scale", "conf_level", "df_numerator", "n", "n_missing", "weight",
)  # fmt: skip


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values) / len(values) if values else None
