"""Say the parts of a result in plain words and rounded numbers: the same in charts, tables and sentences.

Takes values and rows of a result frame; gives text. Rounding happens here and nowhere else.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal

import polars as pl

from toolkit.errors import VariableError, nearest
from toolkit.results import (
    AVAILABILITY_SCHEMA,
    FLOW_SCHEMA,
    NULL_VALUES,
    SCHEMA,
    SPLINE,
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
_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}


def words(name: str, labels: Labels | None = None) -> str:
    """Write a variable's name for people.

    Examples
    --------
    >>> words("age_group"), words("rcs(age, 4)"), words("pad", {"pad": "narrowed leg arteries"})
    ('age group', 'age (spline)', 'narrowed leg arteries')
    """
    if spline := SPLINE.fullmatch(name):
        return f"{words(spline['name'], labels)} (spline)"
    given = (labels or {}).get(name)
    return given or _SPELLED.get(name, name.replace("_", " "))


def listed(parts: Iterable[str]) -> str:
    """Join words with commas and a last "and".

    Examples
    --------
    >>> listed(["age", "sex", "education"])
    'age, sex and education'
    """
    items = list(parts)
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def brief_reason(reason: str | None) -> str:
    """Keep of a reason what happened; the remedies that follow are for the analyst who made the estimate.

    Examples
    --------
    >>> brief_reason("nobody is a case. Merge levels with study.derive(...).")
    'nobody is a case'
    """
    return re.split(r"\. (?=[A-Z])", (reason or "").strip(), maxsplit=1)[0].rstrip(".")


def condition(domain: str | None, labels: Labels | None = None) -> str:
    """Write a domain for people.

    Examples
    --------
    >>> condition("age >= 20 and sex == 'female'")
    'age ≥ 20 and sex = female'
    """
    pattern = re.compile(r"'([^']*)'|\"([^\"]*)\"|`([^`]*)`|(>=|<=|==|!=|\[|\])|([A-Za-z_]\w*)")

    def spoken(match: re.Match[str]) -> str:
        single, double, ticked, sign, name = match.groups()
        if sign:
            return _SIGNS.get(sign, "(" if sign == "[" else ")")
        literal = single if single is not None else double
        return literal if literal is not None else words(ticked or name, labels)

    return pattern.sub(spoken, domain or "")


def step_text(step: str | None) -> str:
    """Write a step of the flow with the signs of print, "age ≥ 20"."""
    text = step or ""
    for typed, printed in _SIGNS.items():
        text = text.replace(typed, printed)
    return text


def number(value: float | None, kind: Kind, std_error: float | None = None) -> str:
    """Round an estimate for print, by what it is.

    Percent and percentage points to one decimal, ratios to two, other numbers to two digits of their
    standard error. Smaller values keep two significant digits: only zero is printed as zero.

    Examples
    --------
    >>> number(0.3091, "percent"), number(1.2871, "ratio"), number(28.4412, "number", 0.19)
    ('30.9', '1.29', '28.44')
    """
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "infinity" if value > 0 else "−infinity"
    if kind in ("percent", "points"):
        return _decimals(100 * value, _places(100 * value, 1))
    if kind == "ratio":
        return _ratio(value)
    return _decimals(value, _places_by_error(value, std_error))


def bound(value: float | None, kind: Kind, std_error: float | None = None) -> str:
    """Round an interval's end, never onto the other side of no difference.

    Examples
    --------
    >>> bound(1.0021, "ratio"), bound(1.17, "ratio")
    ('1.002', '1.17')
    """
    text = number(value, kind, std_error)
    null = NULL_VALUES.get(kind)
    if value is None or not math.isfinite(value) or null is None or value == null:
        return text
    shown = 100 * value if kind == "points" else value
    for places in range(1, 7):
        if float(text.replace("−", "-").replace(",", "").lstrip("<>")) != null:
            return text
        text = _decimals(shown, places)
    return text


def interval(row: Row, sep: str = " to ") -> str:
    """Write the interval, "1.17 to 1.43"; "" if there is none."""
    kind = estimand_of(row).kind
    ends = [bound(row[end], kind, row["std_error"]) for end in ("conf_low", "conf_high")]
    return sep.join(ends) if all(ends) else ""


def level_of_confidence(row: Row) -> str:
    """Write the confidence level as "95 %"."""
    return f"{100 * (row['conf_level'] or 0.95):g} %"


def estimate_text(row: Row) -> str:
    """Write estimate and interval, "1.29 (1.17 to 1.43)", or a test's result; "" if it failed."""
    if row["reliability"] == "failed" or (row["estimate"] is None and row["statistic"] is None):
        return ""
    if estimand_of(row).kind == "test":
        return test_text(row)
    text, ends = number(row["estimate"], estimand_of(row).kind, row["std_error"]), interval(row)
    return f"{text} ({ends})" if ends and text else text


def estimate_phrase(row: Row) -> str:
    """Write estimate, unit and interval for a sentence, "30.9 % (95 % CI 29.0 to 32.8)"."""
    kind = estimand_of(row).kind
    if kind == "test":
        return test_text(row)
    units = {"percent": " %", "points": " percentage points"}.get(kind, "")
    if kind in ("number", "difference") and unit(row["outcome_label"]):
        units = f" {unit(row['outcome_label'])}"
    none = "" if estimand_of(row).family == "planning" else " (no interval)"
    ends = f" ({level_of_confidence(row)} CI {interval(row)})" if interval(row) else none
    return f"{number(row['estimate'], kind, row['std_error'])}{units}{ends}"


def includes_null(row: Row) -> bool:
    """Tell whether the interval includes no difference; False where there is none."""
    null, low, high = estimand_of(row).null_value, row["conf_low"], row["conf_high"]
    return bool(null is not None and low is not None and high is not None and low <= null <= high)


def test_text(row: Row) -> str:
    """Write a test: statistic, degrees of freedom, p-value."""
    df = ", ".join(f"{row[name]:.4g}" for name in ("df_numerator", "df") if row[name] is not None)
    statistic = "" if row["statistic"] is None else f"statistic {row['statistic']:.2f} ({df} df), "
    return statistic + p_value(row["p_value"])


def p_value(value: float | None) -> str:
    """Write a p-value.

    Examples
    --------
    >>> p_value(0.0312), p_value(1e-9), p_value(None)
    ('p = 0.031', 'p < 0.001', '')
    """
    if value is None or math.isnan(value):
        return ""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}" if value < 0.1 else f"p = {value:.2f}"


def count(value: int | None) -> str:
    """Write a count with thousands separators; "" if there is none."""
    return "" if value is None else f"{value:,}"


def unit(label: str | None) -> str:
    """Take the unit off the end of a label.

    Examples
    --------
    >>> unit("body mass index (kg/m²)"), unit("sex")
    ('kg/m²', '')
    """
    found = re.search(r"\(([^()]*)\)\s*$", label or "")
    return found.group(1) if found else ""


def without_unit(label: str) -> str:
    """Give a label without the unit at its end."""
    return re.sub(r"\s*\([^()]*\)\s*$", "", label) or label


def outcome_name(row: Row, labels: Labels | None = None) -> str:
    """Name the outcome of a row, without the unit of a number."""
    label = str(row["outcome_label"] or words(row["outcome"] or "", labels))
    return without_unit(label) if estimand_of(row).kind in ("number", "difference") else label


def simulated(frame: pl.DataFrame) -> bool:
    """Tell whether a frame says that its study, or any of its text, is simulated."""
    texts = [name for name in ("study", "step") if name in frame.columns]
    return any(
        frame[name].cast(pl.String).str.to_lowercase().str.contains("simulated", literal=True).any()
        for name in texts
    )


def check_columns(frame: object, columns: tuple[str, ...], shown_by: str, remedy: str) -> pl.DataFrame:
    """Refuse what lacks columns or rows, and say what to give instead."""
    if not isinstance(frame, pl.DataFrame):
        raise VariableError(
            f"{shown_by} takes a polars frame, and this is a '{type(frame).__name__}'. "
            f"Give it what {remedy} returns."
        )
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        shown = ", ".join(f"'{name}'" for name in missing[:6]) + (", ..." if len(missing) > 6 else "")
        near = nearest(missing[0], frame.columns)
        hint = f" Nearest to '{missing[0]}': {near}." if near and len(missing) < len(columns) else ""
        raise VariableError(
            f"{shown_by} cannot read this frame: {len(missing)} of its {len(columns)} columns are missing "
            f"({shown}).{hint} Give it what {remedy} returns, with all columns."
        )
    if frame.is_empty():
        raise VariableError(
            f"{shown_by} got a frame without rows: there is nothing to show. "
            f"If it was filtered, look at the frame before the filter; else call {remedy} again."
        )
    return frame


def check_result(frame: object, shown_by: str) -> pl.DataFrame:
    """Refuse what is no result frame, or an empty one, in words that help.

    Raises
    ------
    VariableError
        Naming the columns that are missing, or what to do about an empty frame.
    """
    return check_columns(
        frame, tuple(SCHEMA), shown_by, "tk.prevalence(...), tk.mean(...) or tk.association(...)"
    )


def check_flow(frame: object, shown_by: str) -> pl.DataFrame:
    """Refuse what is no flow frame."""
    return check_columns(frame, tuple(FLOW_SCHEMA), shown_by, "tk.flow(study, outcome=...)")


def kind_of_frame(frame: object, shown_by: str) -> Literal["result", "flow", "availability"]:
    """Tell result, flow and availability frames apart by their columns."""
    columns = set(frame.columns) if isinstance(frame, pl.DataFrame) else set()
    if set(FLOW_SCHEMA) <= columns:
        check_flow(frame, shown_by)
        return "flow"
    if set(AVAILABILITY_SCHEMA) <= columns:
        check_columns(frame, tuple(AVAILABILITY_SCHEMA), shown_by, "study.availability()")
        return "availability"
    check_result(frame, shown_by)
    return "result"


def _decimals(value: float, places: int) -> str:
    text = f"{round(value, places) + 0.0:,.{max(places, 0)}f}"
    return text.replace("-", "−")


def _places(value: float, usual: int) -> int:
    """Decimals that keep two significant digits of a small value."""
    if value == 0 or abs(value) >= 10.0**-usual:
        return usual
    return min(1 - math.floor(math.log10(abs(value))), 6)


def _places_by_error(value: float, std_error: float | None) -> int:
    size = std_error if std_error and math.isfinite(std_error) else abs(value) / 20
    return 0 if size == 0 else max(min(1 - math.floor(math.log10(size)), 6), -12)


def _ratio(value: float) -> str:
    if value >= 1e6:
        return ">1,000,000"
    if 0 < value < 1e-6:
        return "<0.000001"
    places = 0 if value >= 100 or value == 0 else 1 if value >= 10 else 2
    return _decimals(value, places if value >= 0.1 or value == 0 else _places(value, 1))
