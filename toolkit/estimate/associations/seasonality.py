"""Estimate seasonal curves by cosinor regression: the size of the seasonal change, and its peak.

Method: a cosine and a sine of the time of year (Cornelissen, Theoretical Biology and Medical Modelling 11
(2014) 16), on the log scale for prevalence ratios; amplitude and peak by the delta method.
"""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import atan2, hypot, pi, sqrt
from typing import Any

import numpy as np
import polars as pl
from scipy.special import fdtrc

from toolkit.dag import Question, adjust_text, covariates_for
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.regression import (
    Analysis,
    Degrees,
    Matrix,
    Term,
    adjusted_matrix,
    adjusted_wald,
    choose_estimand,
    estimate,
    specify_estimand,
)
from toolkit.estimate.survey import (
    Column,
    Sample,
    divide_sample,
    draw,
    exponential,
    finite,
    for_review,
    intervals,
    require_order,
    wald,
)
from toolkit.results import ESTIMANDS, Estimates, Floats, Mask, frame, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, Variable, as_names, require_one_role, with_covariance

# What the swing of the curve is called, and how many amplitudes it is.
_SWING = {
    "prevalence_ratio": ("peak_to_trough_ratio", 2.0),
    "prevalence_difference": ("peak_to_trough_difference", 2.0),
    "mean_difference": ("amplitude", 1.0),
}
MONTHS = 12.0
_IN_YEAR = "months from 1 January"
_LONGEST = 0.25  # of a year without data, in which a peak or trough is extrapolated
_WAVES = (Term("cosine", "cosine", "cosine", "cosine"), Term("sine", "sine", "sine", "sine"))


@dataclass(frozen=True)
class _Cosinor:
    """Cosine and sine of the angle of each cell, beside covariates."""

    angle: Floats
    adjust: tuple[str, ...]

    def matrix(self, sample: Sample, inside: Mask) -> Matrix:
        """Build the design matrix."""
        own = self.angle[inside]
        waves = np.column_stack([np.cos(own), np.sin(own)])
        return adjusted_matrix(sample, waves, _WAVES, self.adjust, inside)


@dataclass(frozen=True)
class _Wave:
    """One group's curve: coefficients of cosine and sine with their covariance, on the scale of the model."""

    x: float
    y: float
    covariance: Floats
    df: float
    degrees: Degrees

    @property
    def amplitude(self) -> float:
        return hypot(self.x, self.y)

    def slopes(self) -> Floats:
        """Give the derivatives of amplitude and of peak (as an angle) by both coefficients."""
        a = self.amplitude
        if not a:  # Neither has a derivative.
            return np.zeros((2, 2))
        return np.array([[self.x / a, self.y / a], [-self.y / a**2, self.x / a**2]])


@with_covariance
def cosinor(
    study: Study,
    outcome: str,
    time: str,
    *,
    period: float | None = None,
    adjust: Names | None = None,
    estimand: str | None = None,
    by: Names = (),
    domain: str = "",
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the seasonal curve of an outcome: the change from trough to peak, and the time of the peak.

    Parameters
    ----------
    study
        The study.
    outcome
        A variable of two levels, or a continuous variable.
    time
        A month from 1 to 12, a date, or a variable whose levels are in the order of the year, such as the
        names of twelve months; with `period` any continuous variable.
    period
        Length of the year in the unit of `time`, such as 365.25 for days, if it is not a month or date.
    adjust
        Covariates: names or splines such as "rcs(age, 4)". None means no covariates, because the calendar is
        not an exposure; the column `adjust` is then "none".
    estimand
        "prevalence_ratio" (the default for two levels: the curve is on the log scale, its swing the ratio of
        peak to trough), "prevalence_difference" (the swing in percentage points) or "mean_difference" (for a
        continuous outcome: `amplitude` is half the swing).
    by, domain
        As for `prevalence`.
    df
        "design" or "model", as for `association`.
    confidence
        Confidence level, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Three result rows per group: the swing ("peak_to_trough_ratio", "peak_to_trough_difference" or
        "amplitude"); "peak", in months from the beginning of January (or the unit of `time`), whose interval
        may extend over the end of the year, with the day in `level_label`; and "seasonality", the Wald F test
        of no seasonal change. Swing and peak are flagged for review if its p-value exceeds 1 - confidence,
        because the delta method fails near zero, and if peak or trough lies in more than three months
        without data, because the curve is extrapolated there.

    Raises
    ------
    VariableError
        For an unknown variable, or a time that is not one.
    EstimationError
        If there are fewer than three times, or the model cannot be fitted.

    Examples
    --------
    >>> import toolkit as tk
    >>> months = [float(m) for m in range(1, 13)] * 2
    >>> pain = [5 + np.cos(2 * np.pi * (m - 7) / 12) + k % 3 / 9 for k, m in enumerate(months)]
    >>> mine = tk.study(pl.DataFrame({"pain": pain, "month": months}), design=tk.Design.none())
    >>> cosinor(mine, outcome="pain", time="month")["level_label"][1].split(" (")[0]
    '17 July'
    """
    by, adjusted = as_names(by, "by"), covariates_for(study, adjust, Question(outcome))
    require_one_role(outcome=outcome, time=time, adjust=variables_of(adjusted), by=by)
    study, time = _number_dates(study, time)
    names = (outcome, time, *variables_of(adjusted))
    sample = draw(study, [*names, *by], domain, by=by)
    column, clock = sample.columns[outcome], sample.columns[time]
    measured = choose_estimand(column, estimand, tuple(_SWING), "tk.cosinor")
    turn = period or _find_period(sample, clock)
    angle = 2 * pi / turn * (_number_times(sample, clock) - (0.5 if _counts_months(clock, period) else 0.0))
    _require_times(angle, clock)
    width = 0.0 if period or clock.variable.unit == _IN_YEAR else 2 * pi / turn
    gaps = _find_gaps(sample, (*names, *by), by, angle, width)
    model = specify_estimand(sample, names, measured, _Cosinor(angle, adjusted), degrees=df)
    found = estimate(Analysis(model, by, "coefficient", _WAVES, adjust_text(adjust, adjusted), confidence))
    matrix = found.covariance()
    pairs = [(found.rows[k], found.rows[k + 1]) for k in range(0, len(found.rows), 2)]
    waves = [_wave(pair, matrix[2 * k : 2 * k + 2, 2 * k : 2 * k + 2], df) for k, pair in enumerate(pairs)]
    title = column.variable.title if column.continuous else column.variable.label
    own = {"outcome_label": title, "exposure": clock.name, "exposure_label": clock.variable.label}
    rows = [
        for_review({**pair[0], **own, **row}, sample.review)
        for pair, wave, gap in zip(pairs, waves, gaps, strict=True)
        for row in _rows(wave, measured, turn, confidence, _with_gap(pair[0], wave, gap))
    ]
    return frame(rows, by, _rows_covariance(matrix, waves, measured, turn))


def _number_dates(study: Study, time: str) -> tuple[Study, str]:
    """Replace a date by the time of year, in months from the beginning of January."""
    if time not in study.people.columns or not study.people.schema[time].is_temporal():
        return study, time
    column = pl.col(time)
    length = pl.when(column.dt.is_leap_year()).then(366.0).otherwise(365.0)
    place = MONTHS * (column.dt.ordinal_day() - 0.5) / length
    name = f"{time}_in_year"
    label = study.codebook[time].label if time in study.codebook else time
    component = study.codebook[time].component if time in study.codebook else ""
    entry = Variable(name, label, "number", unit=_IN_YEAR, component=component)
    people = study.people.with_columns(place.alias(name))
    return replace(study, people=people, codebook=study.codebook.with_variables(entry)), name


def _find_period(sample: Sample, clock: Column) -> float:
    if not clock.continuous:
        if len(clock.levels) > 2:
            require_order(clock, "A seasonal curve over levels")
        return float(len(clock.levels))
    values = sample.numbers(clock.name)
    if clock.variable.unit != _IN_YEAR and not _are_months(values):
        raise VariableError(
            f"'{clock.name}' is neither a date nor a month from 1 to 12. Supply the length of the year in "
            f"its unit, such as tk.cosinor(..., time='{clock.name}', period=365.25) for days."
        )
    return MONTHS


def _are_months(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return bool(np.isin(known, np.arange(1, 13)).all())


def _counts_months(clock: Column, period: float | None) -> bool:
    """Return whether times are numbered from 1, so that the middle of the first is at 0.5."""
    return period is None and clock.variable.unit != _IN_YEAR


def _number_times(sample: Sample, clock: Column) -> Floats:
    if clock.continuous:
        return sample.numbers(clock.name)
    codes = sample.codes(clock.name)
    return np.where(codes < 0, np.nan, codes + 1.0)


def _require_times(angle: Floats, clock: Column) -> None:
    seen = np.unique(np.round(angle[~np.isnan(angle)] % (2 * pi), 9))
    if len(seen) < 3:
        raise EstimationError(
            f"The participants of the analysis have {len(seen)} distinct times of year in '{clock.name}', "
            f"and a curve requires three. Compare halves of the year: tk.association(..., "
            f"exposure='{clock.name}')."
        )


def _find_gaps(
    sample: Sample, names: Sequence[str], by: tuple[str, ...], angle: Floats, width: float
) -> list[tuple[float, float] | None]:
    """Find for each group the longest time of year without data, if it is long, as two angles.

    It may include the end of the year. A month has data for its whole `width`, around `angle`.
    """
    gaps: list[tuple[float, float] | None] = []
    known = sample.complete(names) & ~np.isnan(angle)
    for _, inside in divide_sample(sample, by):
        times = np.unique(np.round(angle[inside & known] % (2 * pi), 9))
        if not len(times):
            gaps.append(None)
            continue
        spans = np.append(times[1:], times[0] + 2 * pi) - times
        at = int(spans.argmax())
        start, end = float(times[at] + width / 2), float(times[at] + spans[at] - width / 2)
        gaps.append((start, end) if end - start > _LONGEST * 2 * pi else None)
    return gaps


def _with_gap(
    row: Mapping[str, Any], wave: _Wave | None, gap: tuple[float, float] | None
) -> Mapping[str, Any]:
    """Flag a curve whose peak or trough lies in a time of year without data."""
    if wave is None or gap is None:
        return row
    start, end = gap
    peak = atan2(wave.y, wave.x)
    places = (("peak", peak), ("trough", peak + pi))
    lost = [name for name, place in places if (place - start) % (2 * pi) < end - start]
    if not lost:
        return row
    when = f"from {_day(start, 2 * pi)} to {_day(end, 2 * pi)}"
    outside = f"the {' and the '.join(lost)} of the curve lie{'s' * (len(lost) == 1)} {when}, without data"
    return {**row, "reason": "; ".join(filter(None, [outside, row["reason"]])), "in_gap": True}


def _wave(
    pair: tuple[Mapping[str, Any], Mapping[str, Any]], covariance: Floats, degrees: Degrees
) -> _Wave | None:
    if any(row.get("std_error") is None for row in pair):
        return None
    return _Wave(pair[0]["estimate"], pair[1]["estimate"], covariance, pair[0]["df"], degrees)


def _rows(
    wave: _Wave | None, measured: str, turn: float, confidence: float, row: Mapping[str, Any]
) -> list[dict[str, Any]]:
    named, _ = _SWING[measured]
    empty = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value", "level"))
    empty |= {"level_label": None, "scale": "identity"}
    if wave is None:
        return [{**empty, "estimand": name} for name in (named, "peak", "seasonality")]
    test = _test(wave)
    if not wave.amplitude:
        reason = "the fitted curve is flat, so that it has no peak and its swing no standard error"
        lost = {**empty, "reliability": "failed", "reason": reason}
        return [
            *({**lost, "estimand": name} for name in (named, "peak")),
            {**empty, "estimand": "seasonality", **test},
        ]
    flat = _flag_flat(test, confidence, row)
    return [
        {**empty, **flat, "estimand": named, **_swing(wave, measured, confidence)},
        {**empty, **flat, "estimand": "peak", **_peak(wave, turn, confidence)},
        {**empty, "estimand": "seasonality", **test},
    ]


def _test(wave: _Wave) -> dict[str, Any]:
    points = np.array([wave.x, wave.y])
    f, df = adjusted_wald(wald(points, wave.covariance) / 2, 2, int(wave.df), wave.degrees)
    return {"statistic": f, "df_numerator": 2, "df": df, "p_value": float(fdtrc(2, df, f))}


def _flag_flat(test: Mapping[str, Any], confidence: float, row: Mapping[str, Any]) -> dict[str, Any]:
    """Flag swing and peak of a curve that may be flat: near zero the delta method is not valid."""
    if test["p_value"] < 1 - confidence:
        if not row.get("in_gap"):
            return {}
        return {
            "reliability": "review" if row["reliability"] == "ok" else row["reliability"],
            "reason": row["reason"],
        }
    unsure = f"seasonality p = {test['p_value']:.2g}, so the intervals of swing and peak may be too narrow"
    reason = "; ".join(part for part in (unsure, row["reason"]) if part)
    return {"reliability": "review" if row["reliability"] == "ok" else row["reliability"], "reason": reason}


def _swing(wave: _Wave, measured: str, confidence: float) -> dict[str, Any]:
    name, times = _SWING[measured]
    point = times * wave.amplitude
    slope = times * wave.slopes()[0]
    std_error = sqrt(float(slope @ wave.covariance @ slope))
    low, high = intervals.around(point, std_error, wave.df, confidence)
    scale = ESTIMANDS[name].scale
    shown = exponential if scale == "log" else float
    # The swing is at least zero.
    ends = {"conf_low": shown(max(low, 0.0)), "conf_high": finite(shown(high))}
    return {"estimate": shown(point), "std_error": std_error, "scale": scale, **ends}


def _peak(wave: _Wave, turn: float, confidence: float) -> dict[str, Any]:
    point = (atan2(wave.y, wave.x) * turn / (2 * pi)) % turn
    slope = wave.slopes()[1] * turn / (2 * pi)
    std_error = sqrt(float(slope @ wave.covariance @ slope))
    low, high = intervals.around(point, std_error, wave.df, confidence)
    found = {"estimate": point, "std_error": std_error}
    if high - low >= turn:
        return {**found, "level_label": _day(point, turn)}
    label = f"{_day(point, turn)} ({_day(low, turn)} to {_day(high, turn)})"
    return {**found, "conf_low": low, "conf_high": high, "level_label": label}


def _day(point: float, turn: float) -> str:
    """Name the day of a common year at a point of the turn."""
    place = (point % turn) / turn * 365
    day = date(2001, 1, 1) + timedelta(days=int(place))
    return f"{day.day} {calendar.month_name[day.month]}"


def _rows_covariance(matrix: Floats, waves: list[_Wave | None], measured: str, turn: float) -> Floats:
    """Transform the covariance of the coefficients to that of swing and peak; the test has none."""
    slopes = np.zeros((3 * len(waves), 2 * len(waves)))
    for k, wave in enumerate(waves):
        if wave is not None:
            scale = np.array([[_SWING[measured][1]], [turn / (2 * pi)]])
            slopes[3 * k : 3 * k + 2, 2 * k : 2 * k + 2] = scale * wave.slopes()
    result: Floats = slopes @ np.nan_to_num(matrix) @ slopes.T
    return result
