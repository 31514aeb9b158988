"""Format numbers, names and conditions alike in all output, and check the frames to be shown.

Results are rounded here and nowhere else.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal

import polars as pl

from toolkit.disclosure import is_multiple, limit_decimals
from toolkit.display.text.simulated_data import name_study
from toolkit.errors import VariableError, nearest
from toolkit.results import (
    AVAILABILITY_SCHEMA,
    E_VALUES,
    FLOW_SCHEMA,
    NULL_VALUES,
    SCHEMA,
    SPLINE,
    TRUE_VALUE,
    Kind,
    Row,
    estimand_of,
)

Labels = Mapping[str, str]

# Names in a frame whose underscores do not say how they are written.
_SPELLED = {
    "race_ethnicity": "race/ethnicity",
    "bmi": "body mass index",
    "outcome_level": "outcome",
    "hba1c": "HbA1c",
    "hba1c_group": "HbA1c category",
    "pad": "peripheral artery disease",
    "ankle_brachial_index": "ankle-brachial index",
}
# Groups of race and ethnicity, whose levels are in lower case in conditions.
_PROPER = re.compile(r"\b(?:mexican american|(?:other |non-)hispanic(?: (?:white|black|asian)\b)?)")
_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
_UNITS = {"percent": "%", "points": " percentage points"}
# What a flag says of an estimate; one without a flag, or "ok", needs no remark.
FLAGS = {
    "review": "flagged for review",
    "suppress": "suppressed as unreliable",
    "withheld": "withheld to protect participants",
    "failed": "not estimated",
}
SHOWN = ("ok", "review", None)


def label_variable(name: str, labels: Labels | None = None) -> str:
    """Return a variable's label; "rcs(age, 4)" is "age (spline)"."""
    if spline := SPLINE.fullmatch(name):
        return f"{label_variable(spline['name'], labels)} (spline)"
    return (labels or {}).get(name) or _SPELLED.get(name, name.replace("_", " "))


def capitalize(text: str) -> str:
    """Capitalize the first letter and leave the others as they are."""
    return text[:1].upper() + text[1:]


def shorten_reason(reason: str | None) -> str:
    """Return the first sentence of a reason; the remedies that follow are for the analyst."""
    return re.split(r"\. (?=[A-Z])", (reason or "").strip(), maxsplit=1)[0].rstrip(".")


def format_flag(row: Row, reason: str | None) -> str:
    """Return what the reliability of a row demands, with the reason; "" if it is ok."""
    flag = FLAGS.get(row["reliability"] or "ok", "")
    return ": ".join(part for part in (flag, (reason or "").rstrip(".")) if part) if flag else ""


def format_condition(domain: str | None, labels: Labels | None = None) -> str:
    """Format a condition for print: "age >= 20 and sex == 'female'" as "age ≥ 20 and sex = female"."""
    pattern = re.compile(r"'([^']*)'|\"([^\"]*)\"|`([^`]*)`|(>=|<=|==|!=|\[|\])|([A-Za-z_]\w*)")

    def replace(match: re.Match[str]) -> str:
        single, double, ticked, sign, name = match.groups()
        if sign:
            return _SIGNS.get(sign, "(" if sign == "[" else ")")
        literal = single if single is not None else double
        return literal if literal is not None else label_variable(ticked or name, labels)

    return pattern.sub(replace, domain or "")


def format_level(level: object) -> str:
    """Write a level with the capitals of its proper nouns, "non-Hispanic White"."""
    text = _PROPER.sub(lambda found: found[0].title(), str(level))
    return text.replace("Non-Hispanic", "non-Hispanic").replace("Other Hispanic", "other Hispanic")


def format_step(step: str | None) -> str:
    """Format a step of the flow with printed signs, "age ≥ 20"."""
    text = name_study((step or "").replace("in SIMULATED", "in the SIMULATED"))
    for typed, printed in _SIGNS.items():
        text = text.replace(typed, printed)
    return text


def format_number(value: float | None, kind: Kind, std_error: float | None = None) -> str:
    """Round an estimate for print.

    Percent and percentage points have one decimal, ratios two, other numbers two digits of their standard
    error. Smaller values keep two significant digits, so that only zero is printed as zero.
    """
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "infinity" if value > 0 else "−infinity"
    if kind in ("percent", "points"):
        return _round(100 * value, _count_decimals(100 * value, 1))
    if kind == "ratio":
        return _format_ratio(value)
    size = std_error if std_error and math.isfinite(std_error) else abs(value) / 20
    return _round(value, 0 if size == 0 else max(min(1 - math.floor(math.log10(size)), 6), -12))


def _format_ratio(value: float) -> str:
    if value >= 1e6:
        return ">1,000,000"
    if 0 < value < 1e-6:
        return "<0.000001"
    if 0 < value < 0.1:
        return _round(value, _count_decimals(value, 1))
    return _round(value, 0 if value >= 100 or value == 0 else 1 if value >= 10 else 2)


def _round(value: float, decimals: int) -> str:
    if value and decimals >= 6 and round(value, decimals) == 0:  # only zero is printed as zero
        return "<0.000001" if value > 0 else ">−0.000001"
    return f"{round(value, decimals) + 0.0:,.{max(decimals, 0)}f}".replace("-", "−")


def _count_decimals(value: float, usual: int) -> int:
    """Return the decimals that keep two significant digits of a small value."""
    if value == 0 or abs(value) >= 10.0**-usual:
        return usual
    return min(1 - math.floor(math.log10(abs(value))), 6)


def format_bound(value: float | None, kind: Kind, std_error: float | None = None) -> str:
    """Round a confidence limit, with more decimals where it would be rounded onto the null value."""
    text, null = format_number(value, kind, std_error), NULL_VALUES.get(kind)
    if value is None or not math.isfinite(value) or null is None or value == null:
        return text
    for decimals in range(1, 7):
        if float(text.replace("−", "-").replace(",", "").lstrip("<>")) != null:
            break
        text = _round(100 * value if kind == "points" else value, decimals)
    return text


def _shared_decimals(row: Row) -> int | None:
    """Choose the decimals of an estimate and its interval from the width of the interval; None without one.

    Percent have one decimal and ratios two, and more where the interval is narrow. A limit is
    never rounded onto the null value, and only zero is printed as zero.
    """
    kind = estimand_of(row).kind
    ends = [row["estimate"], row["conf_low"], row["conf_high"]]
    if any(value is None or not math.isfinite(value) for value in ends) or kind == "test":
        return None
    values = [100 * value if kind in ("percent", "points") else value for value in ends]
    width = values[2] - values[1]
    if width <= 0 or (kind == "ratio" and not all(1e-6 <= value < 1e6 for value in values)):
        return None
    digit = math.floor(math.log10(width))
    least = {"percent": 1, "points": 1, "ratio": max(0, 2 - max(digit, 0))}.get(kind)
    usual = 1 - math.floor(math.log10(width / 4)) if least is None else max(least, (kind != "ratio") - digit)
    null = NULL_VALUES.get(kind)
    for decimals in range(max(min(usual, 6), -12), 7):
        onto = any(round(end, decimals) == null != end for end in values[1:])
        if not onto and all(value == 0 or round(value, decimals) != 0 for value in values):
            return decimals
    return 6


def format_point(row: Row) -> str:
    """Round an estimate as its interval is rounded."""
    return _format_in_row(row, "estimate")


def format_percent(row: Row) -> str:
    """Round a percentage without regard to its interval."""
    most = limit_decimals(row)
    return (
        format_number(row["estimate"], "percent") if most is None else _round_percent(row["estimate"], most)
    )


def _round_percent(value: float | None, most: int) -> str:
    """Round a percentage to so many decimals; one that would be rounded to zero keeps one digit."""
    if value is None or not math.isfinite(value):
        return ""
    percent = 100 * value
    least = most if round(percent, most) or not percent else -math.floor(math.log10(abs(percent)))
    return _round(percent, min(least, 6))


def _format_in_row(row: Row, column: str) -> str:
    kind, value, most = estimand_of(row).kind, row[column], limit_decimals(row)
    if most is not None and kind in ("percent", "points"):
        return _round_percent(value, most)
    decimals = _shared_decimals(row)
    if decimals is None:
        return (format_number if column == "estimate" else format_bound)(value, kind, row["std_error"])
    return _round(100 * value if kind in ("percent", "points") else value, decimals)


def format_interval(row: Row) -> str:
    """Format the confidence interval, "1.17 to 1.43"; "" if there is none."""
    ends = [_format_in_row(row, end) for end in ("conf_low", "conf_high")]
    return " to ".join(ends) if all(ends) else ""


def format_confidence(row: Row) -> str:
    """Format the confidence level, "95%"."""
    return f"{100 * (row['conf_level'] or 0.95):g}%"


def format_estimate(row: Row) -> str:
    """Format estimate and interval, "1.29 (1.17 to 1.43)", or the result of a test; "" if it failed."""
    if row["reliability"] == "failed" or (row["estimate"] is None and row["statistic"] is None):
        return ""
    kind = estimand_of(row).kind
    if kind == "test":
        return format_test(row)
    text, ends = format_point(row), format_interval(row)
    return f"{text} ({ends})" if ends and text else text


def has_true_values(frame: pl.DataFrame) -> bool:
    """Return whether a result has the true value of a row, as those of the simulated study."""
    return TRUE_VALUE in frame.columns and frame[TRUE_VALUE].null_count() < frame.height


def covers_true_value(row: Row) -> bool | None:
    """Return whether the interval contains the true value; None without an interval or a true value."""
    low, true, high = row["conf_low"], row.get(TRUE_VALUE), row["conf_high"]
    if low is None or true is None or high is None or row["reliability"] not in SHOWN:
        return None
    return bool(low <= true <= high)


def format_true_value(row: Row) -> str:
    """Format the true value, "1.24 (inside CI)"; "" if it is unknown."""
    text = format_number(row.get(TRUE_VALUE), estimand_of(row).kind, row["std_error"])
    covered = covers_true_value(row)
    return text if covered is None else f"{text} ({'inside' if covered else 'outside'} CI)"


def count_covered(frame: pl.DataFrame) -> str:
    """Count the intervals that contain the true value, as a sentence; "" if none can."""
    covered = [known for row in frame.rows(named=True) if (known := covers_true_value(row)) is not None]
    if not covered:
        return ""
    if len(covered) == 1:
        return f"The confidence interval {'contains' if covered[0] else 'does not contain'} the true value."
    return f"{sum(covered)} of {len(covered)} confidence intervals contain the true value."


def phrase_estimate(row: Row) -> str:
    """Phrase estimate, unit and interval, "30.9% (95% CI 29.0 to 32.8)", or the result of a test."""
    estimand = estimand_of(row)
    if estimand.kind == "test":
        return format_test(row)
    units = _UNITS.get(estimand.kind, f" {unit}" if (unit := unit_of(row)) else "")
    none = "" if estimand.family == "planning" else " (no interval)"
    ends = f" ({format_confidence(row)} CI {ends})" if (ends := format_interval(row)) else none
    return f"{format_point(row)}{units}{ends}"


def format_test(row: Row) -> str:
    """Format a test: statistic, degrees of freedom, p-value."""
    df = ", ".join(f"{row[name]:.4g}" for name in ("df_numerator", "df") if row[name] is not None)
    statistic = (
        "" if row["statistic"] is None else f"statistic {row['statistic']:.2f}{f' ({df} df)' if df else ''}, "
    )
    return statistic + format_p_value(row["p_value"])


def format_p_value(value: float | None) -> str:
    """Format a p-value, "p = 0.031"; "" if there is none."""
    if value is None or math.isnan(value):
        return ""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}" if value < 0.1 else f"p = {value:.2f}"


def format_count(value: int | None) -> str:
    """Format a count with thousands separators; "" if there is none."""
    return "" if value is None else f"{value:,}"


def format_size(row: Row, count: int | None = None) -> str:
    """Format the size of a row, or another number of its participants, "n = 10,877"; "" for none."""
    n = row["n"] if count is None else count
    return "" if n is None else f"n = {n:,}"


def phrase_count(study: str | None, count: int) -> str:
    """Format a count for a sentence, "10,877", or "about 185" if it is rounded."""
    return f"{'about ' * is_multiple(study, count)}{count:,}"


def format_excluded(row: Row) -> str:
    """Format the number excluded at a step of a flow; "" if nobody is, "not shown" for a small count."""
    return format_count(row["n_out"] or None) if row["n_out"] is not None else "not shown"


def unit_of(row: Row) -> str:
    """Return the unit of a row's estimate, which ends the outcome's label; "" if it has none."""
    if estimand_of(row).kind not in ("number", "difference"):
        return ""
    found = re.search(r"\(([^()]*)\)\s*$", row["outcome_label"] or "")
    return found.group(1) if found else ""


def remove_unit(label: str) -> str:
    """Return a label without the unit at its end."""
    return re.sub(r"\s*\([^()]*\)\s*$", "", label) or label


def name_outcome(row: Row, labels: Labels | None = None) -> str:
    """Name the outcome of a row, without the unit of a number."""
    label = str(row["outcome_label"] or label_variable(row["outcome"] or "", labels))
    return remove_unit(label) if estimand_of(row).kind in ("number", "difference", "test") else label


def name_exposure(row: Row, labels: Labels | None = None) -> str:
    """Name the exposure of a row; "" if it has none."""
    return str(row["exposure_label"] or label_variable(row["exposure"] or "", labels))


def check_columns(frame: object, columns: Iterable[str], shown_by: str, remedy: str) -> pl.DataFrame:
    """Raise a VariableError unless this is a frame with rows and these columns, as `remedy` returns it."""
    if not isinstance(frame, pl.DataFrame):
        raise VariableError(
            f"{shown_by} takes a polars DataFrame, and this is a '{type(frame).__name__}'. "
            f"Supply what {remedy} returns."
        )
    needed = list(columns)
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        named = ", ".join(f"'{name}'" for name in missing[:6]) + (", ..." if len(missing) > 6 else "")
        near = nearest(missing[0], frame.columns)
        hint = f" Nearest to '{missing[0]}': {near}." if near and len(missing) < len(needed) else ""
        raise VariableError(
            f"{shown_by} cannot read this frame. {len(missing)} of the {len(needed)} required columns are "
            f"missing ({named}).{hint} Supply what {remedy} returns, with all columns."
        )
    if frame.is_empty():
        raise VariableError(
            f"{shown_by} received a frame without rows. "
            f"Check the filter that was applied to it, or call {remedy} again."
        )
    return frame


def check_result(frame: object, shown_by: str) -> pl.DataFrame:
    """Raise a VariableError unless this is a result frame with rows."""
    return check_columns(frame, SCHEMA, shown_by, "tk.prevalence(...), tk.mean(...) or tk.association(...)")


def check_flow(frame: object, shown_by: str) -> pl.DataFrame:
    """Raise a VariableError unless this is a flow frame with rows."""
    return check_columns(frame, FLOW_SCHEMA, shown_by, "tk.flow(study, outcome=...)")


def classify_frame(frame: object, shown_by: str) -> Literal["result", "flow", "availability", "e_values"]:
    """Return the kind of a frame by its columns, or raise a VariableError."""
    columns = set(frame.columns) if isinstance(frame, pl.DataFrame) else set()
    if set(FLOW_SCHEMA) <= columns:
        check_flow(frame, shown_by)
        return "flow"
    if set(AVAILABILITY_SCHEMA) <= columns:
        check_columns(frame, AVAILABILITY_SCHEMA, shown_by, "study.availability()")
        return "availability"
    check_result(frame, shown_by)
    return "e_values" if {"omitted", *E_VALUES} <= columns else "result"
