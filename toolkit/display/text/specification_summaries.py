"""Summarize the specifications of a multiverse as they may be shown: median, agreement, what moves them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from toolkit.disclosure import MULTIVERSE, show
from toolkit.display.text.numbers import (
    Labels,
    capitalize,
    check_columns,
    check_result,
    format_condition,
    format_confidence,
    format_count,
    format_number,
    format_p_value,
    label_variable,
)
from toolkit.errors import join_list
from toolkit.results import ESTIMANDS, SCHEMA, Estimand, Floats, Row, by_columns

COMPARISON, SPECIFICATION = MULTIVERSE
_TEST, _MEDIAN = "sign_flip_test", "median z"
_TEXT, _NUMBER, _COUNT = pl.String(), pl.Float64(), pl.Int64()
SUMMARY_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys((COMPARISON, "estimand"), _TEXT),
    **dict.fromkeys(("specifications", "not_estimated"), _COUNT),
    **dict.fromkeys(("median", "lowest", "highest"), _NUMBER),
    **dict.fromkeys(("same_sign", "excludes_null"), _NUMBER),
    **dict.fromkeys(("p_median", "p_largest"), _NUMBER),
    "moved_most_by": _TEXT,
    "mean_change": _NUMBER,
}
CHOICES_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys((COMPARISON, "estimand", "choice"), _TEXT),
    **dict.fromkeys(("options", "pairs"), _COUNT),
    **dict.fromkeys(("mean_change", "largest_change"), _NUMBER),
}


@dataclass(frozen=True)
class Curve:
    """The specifications of one comparison and estimand, and the tests of them together."""

    comparison: str
    estimand: Estimand
    rows: tuple[Row, ...]  # with an estimate, in the order of the frame
    others: tuple[Row, ...]  # without one that is shown
    tests: Mapping[str, float | None]  # p by statistic
    choices: tuple[str, ...]  # the columns of those that vary in these rows

    @property
    def _is_ratio(self) -> bool:
        return self.estimand.kind == "ratio"

    @property
    def null(self) -> float:
        """The value of no association."""
        return self.estimand.null_value or 0.0

    @cached_property
    def values(self) -> Floats:
        """The estimates, ratios on the log scale."""
        own = np.array([row["estimate"] for row in self.rows], float)
        return np.log(own) if self._is_ratio else own

    def report(self, value: float) -> float:
        """Turn a value of that scale into an estimate, or a difference of values into a factor."""
        return float(np.exp(value)) if self._is_ratio else float(value)

    @property
    def median(self) -> float:
        """The median of the estimates, that of ratios on the log scale."""
        return self.report(float(np.median(self.values)))

    @property
    def same_sign(self) -> int:
        """Number of estimates on the same side of the null as the median."""
        return int((np.sign(self.values) == np.sign(np.median(self.values))).sum())

    @property
    def excluding(self) -> int:
        """Number of intervals that exclude the null."""
        return sum(excludes(row, self.null) for row in self.rows)

    @cached_property
    def changes(self) -> tuple[dict[str, Any], ...]:
        """What switching each choice alone does, the largest mean change first."""
        found = [change for name in self.choices if (change := self._change(name))]
        return tuple(sorted(found, key=lambda own: -own["size"]))

    def _change(self, choice: str) -> dict[str, Any] | None:
        """Compare the specifications that differ in one choice alone."""
        others = [name for name in self.choices if name != choice]
        groups: dict[tuple[Any, ...], list[float]] = {}
        for row, value in zip(self.rows, self.values.tolist(), strict=True):
            groups.setdefault(tuple(row[name] for name in others), []).append(value)
        apart = [abs(a - b) for values in groups.values() for a, b in combinations(values, 2)]
        if not apart:
            return None
        mean = float(np.mean(apart))
        return {
            "choice": choice,
            "options": len({row[choice] for row in self.rows}),
            "pairs": len(apart),
            "mean_change": self.report(mean),
            "largest_change": self.report(max(apart)),
            "size": mean,
        }


def excludes(row: Row, null: float) -> bool:
    """Return whether the confidence interval of a row excludes the null value."""
    low, high = row["conf_low"], row["conf_high"]
    return low is not None and high is not None and (low > null or high < null)


def is_multiverse(frame: pl.DataFrame) -> bool:
    """Return whether a result is that of `tk.multiverse`."""
    return frame.columns[: len(MULTIVERSE)] == list(MULTIVERSE)


def check_multiverse(frame: object, shown_by: str) -> pl.DataFrame:
    """Raise a VariableError unless this is a result of `tk.multiverse`; return it as it may be shown."""
    check_columns(frame, (*MULTIVERSE, *SCHEMA), shown_by, "tk.multiverse(...)")
    return show(check_result(frame, shown_by))


def curves_of(frame: pl.DataFrame) -> list[Curve]:
    """Divide the rows of a multiverse, as they may be shown, into curves; one without estimates is none."""
    choices = [name for name in by_columns(frame) if name not in MULTIVERSE]
    rows = frame.rows(named=True)
    keys = dict.fromkeys((r[COMPARISON], r["estimand"]) for r in rows if r["estimand"] != _TEST)
    return [curve for key in keys if (curve := _make_curve(key, rows, choices)).rows]


def _make_curve(key: tuple[str, str], rows: Sequence[Row], choices: Sequence[str]) -> Curve:
    comparison, name = key
    own = [row for row in rows if (row[COMPARISON], row["estimand"]) == key]
    shown = tuple(row for row in own if row["estimate"] is not None)
    estimand = ESTIMANDS[name]
    of_measure = [name for name in (COMPARISON, "measure") if name in (COMPARISON, *choices)]
    tests = {
        row["level"]: row["p_value"]
        for row in rows
        if row["estimand"] == _TEST and all(row[name] == own[0][name] for name in of_measure)
    }
    varied = tuple(name for name in choices if len({row[name] for row in shown}) > 1)
    others = tuple(row for row in own if row["estimate"] is None)
    return Curve(comparison, estimand, shown, others, tests, varied)


def summarize_multiverse(result: pl.DataFrame) -> pl.DataFrame:
    """Summarize the specifications of a multiverse: median, range, agreement and joint tests.

    Parameters
    ----------
    result
        The result of `tk.multiverse`, or a part of its rows.

    Returns
    -------
    polars.DataFrame
        One row per comparison and estimand. `specifications` is the number of estimates and `not_estimated`
        that of others, with their reasons in the result; `median`, `lowest` and `highest` are estimates;
        `same_sign` is the share of estimates on the same side of the null as the median, and `excludes_null`
        the share of intervals that exclude it. `p_median` and `p_largest` are those of the joint tests,
        `moved_most_by` and `mean_change` the first row of `tk.effects.compare_choices`.

    Raises
    ------
    VariableError
        If this is not a result of `tk.multiverse`.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> rows = tk.multiverse(study, "any_cramps", "arthritis", adjust=((), ("age", "sex")), flips=0)
    >>> summarize_multiverse(rows)["specifications", "same_sign", "moved_most_by"].row(0)
    (2, 1.0, 'adjustment_set')
    """
    frame = check_multiverse(result, "tk.effects.summarize_multiverse")
    rows = []
    for curve in curves_of(frame):
        count, change = len(curve.rows), curve.changes[0] if curve.changes else {}
        rows.append({
            COMPARISON: curve.comparison, "estimand": curve.estimand.name,
            "specifications": count, "not_estimated": len(curve.others),
            "median": curve.median, "lowest": curve.report(curve.values.min()),
            "highest": curve.report(curve.values.max()),
            "same_sign": curve.same_sign / count, "excludes_null": curve.excluding / count,
            "p_median": curve.tests.get(_MEDIAN),
            "p_largest": next((p for name, p in curve.tests.items() if name != _MEDIAN), None),
            "moved_most_by": change.get("choice"), "mean_change": change.get("mean_change"),
        })  # fmt: skip
    return pl.DataFrame(rows, SUMMARY_SCHEMA)


def compare_choices(result: pl.DataFrame) -> pl.DataFrame:
    """Compare how much each choice of a multiverse moves the estimates.

    Parameters
    ----------
    result
        The result of `tk.multiverse`, or a part of its rows.

    Returns
    -------
    polars.DataFrame
        One row per comparison, estimand and choice, the largest mean change first. `pairs` is the number of
        pairs of specifications that differ in this choice alone. `mean_change` and `largest_change` are of
        their estimates: factors of ratios (1 if nothing changes; the mean is that of absolute log ratios) and
        absolute differences of prevalence differences.

    Raises
    ------
    VariableError
        If this is not a result of `tk.multiverse`.

    Notes
    -----
    In a pair all other choices are fixed, so that combinations that could not be estimated do not confound
    one choice with another, as they would in shares of the variance.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> rows = tk.multiverse(study, "any_cramps", "arthritis", adjust=((), ("age", "sex")),
    ...                      domain=("age >= 20", "age >= 40"), flips=0)
    >>> compare_choices(rows)["choice"].to_list()
    ['adjustment_set', 'population']
    """
    frame = check_multiverse(result, "tk.effects.compare_choices")
    rows = [
        {COMPARISON: curve.comparison, "estimand": curve.estimand.name, **change}
        for curve in curves_of(frame)
        for change in curve.changes
    ]
    return pl.DataFrame([{name: row[name] for name in CHOICES_SCHEMA} for row in rows], CHOICES_SCHEMA)


def describe_multiverse(frame: pl.DataFrame, labels: Labels | None = None, *, brief: bool = False) -> str:
    """Describe the specifications in sentences, those of each comparison and estimand apart."""
    curves = curves_of(frame)
    if not curves:
        reason = str(frame["reason"][0] or "no reason given").rstrip(".")
        return f"None of the specifications could be estimated: {reason}"
    if brief:
        return f"median {_phrase_median(curves[0])}"
    return " ".join(sentence for curve in curves for sentence in _phrase_curve(curve, labels)).rstrip(".")


def _phrase_median(curve: Curve) -> str:
    low, high = (curve.report(value) for value in (curve.values.min(), curve.values.max()))
    ends = " to ".join(format_number(value, curve.estimand.kind) for value in (low, high))
    return f"{_write(curve, curve.median)} (range {ends})"


def _phrase_curve(curve: Curve, labels: Labels | None) -> Iterator[str]:
    count, noun = len(curve.rows), curve.estimand.noun
    yield (
        f"Over {format_count(count)} specifications, the median {noun} ({curve.comparison}) was "
        f"{_phrase_median(curve)}."
    )
    side = "above" if curve.report(np.median(curve.values)) > curve.null else "below"
    null, interval = f"{curve.null:g}", format_confidence(curve.rows[0])
    yield (
        f"{capitalize(_count(curve.same_sign, count))} estimates were {side} {null}, and the {interval} "
        f"confidence interval of {_count(curve.excluding, count)} excluded {null}."
    )
    if curve.changes:
        change = curve.changes[0]
        named = label_variable(change["choice"], labels)
        size = f"by a factor of {change['mean_change']:.2f}" if curve.null else (
            f"by {_write(curve, change['mean_change'])}"
        )  # fmt: skip
        yield f"Switching the {named} alone changed the estimate most, {size} on average."
    tests = [f"{format_p_value(p)} ({name})" for name, p in curve.tests.items() if p is not None]
    if tests:
        yield f"The joint sign-flip test gave {join_list(tests)}."
    if curve.others:
        lost = len(curve.others)
        yield (
            f"{format_count(lost)} further combination{'s' if lost > 1 else ''} could not be estimated, or "
            f"repeated another one."
        )


def _count(part: int, count: int) -> str:
    return "all" if part == count else f"{format_count(part)} of {format_count(count)}"


def _write(curve: Curve, value: float) -> str:
    points = " percentage points" * (curve.estimand.kind == "points")
    return f"{format_number(value, curve.estimand.kind)}{points}"


def label_specification(row: Row, by: Sequence[str], labels: Labels | None) -> tuple[str, str]:
    """Return what a row of a multiverse compares, and its number with its options, or its statistic."""
    if row[SPECIFICATION] is None:
        return row[COMPARISON], str(row["level"])
    options = [label_option(name, row, labels or {}) for name in by if name not in MULTIVERSE and row[name]]
    return row[COMPARISON], f"{row[SPECIFICATION]}: {'; '.join(options)}"


def label_option(choice: str, row: Row, labels: Labels) -> str:
    """Label the option of a row: as it was named, or by the label of the variable that it is."""
    name = str(row[choice])
    if name in labels:
        return labels[name]
    own = {row["outcome"]: row["outcome_label"], row["exposure"]: row["exposure_label"]}
    if choice == "population":
        return format_condition(name, labels)
    if choice == "adjustment_set":
        return ", ".join(label_variable(part, labels) for part in name.split(", "))
    return str(own[name]) if own.get(name, name) != name else format_condition(name.replace("_", " "), labels)
