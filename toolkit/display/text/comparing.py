"""Word a comparison: who is compared with whom, how many times or by how much, and whether that is clear.

Takes a row of a result frame; gives a clause without capital and full stop, and its parts.
"""

from toolkit.display.text.adjusting import adjustment, set_name
from toolkit.display.text.numbers import (
    Labels,
    includes_null,
    interval,
    level_of_confidence,
    number,
    outcome_name,
    unit,
    words,
)
from toolkit.results import Row, estimand_of


def compared(row: Row, start: str, labels: Labels | None) -> str:
    """Put a comparison together: what was how much compared with what, and whether that is clear."""
    subject, against = people_compared(row, labels)
    noun = estimand_of(row).of
    odds = "odds" in noun
    of = f"the {noun} of {outcome(row, labels)}" if noun else f"the {outcome(row, labels)}"
    caution = "no clear difference: " if includes_null(row) else ""
    much = _amount(row, against, "those" if odds else "that")
    verb = "were" if odds else "was"
    return f"{caution}{start}{subject}, {of} {verb} {much}{after(row, labels)}{_unclear(row)}"


def people_compared(row: Row, labels: Labels | None) -> tuple[str, str]:
    """Name those compared: ("among people with diabetes", "among people without")."""
    what, level, reference = exposure(row, labels), row["level_label"] or row["level"], row["reference"]
    if reference is None and str(level or "per").startswith("per"):
        return f"{level or 'per unit'} more of {what}", ""
    if reference is None:
        return f"in the contrast of {what}: {level}", ""
    if level == "yes" and reference == "no":
        return f"among people with {what}", "among people without"
    if level == "no" and reference == "yes":
        return f"among people without {what}", "among people with it"
    return f"in the group {what}: {level}", f"in the group {reference}"


def after(row: Row, labels: Labels | None) -> str:
    """Say the adjustment at a clause's end."""
    text = adjustment(row, labels)
    if set_name(row, labels):
        return f" ({text})"
    return ", not adjusted" if text == "crude" else f", {text}" if text else ""


def outcome(row: Row, labels: Labels | None) -> str:
    """Name the outcome, without the unit of a number."""
    return outcome_name(row, labels) or "the outcome"


def exposure(row: Row, labels: Labels | None) -> str:
    """Name the exposure."""
    return str(row["exposure_label"] or words(row["exposure"] or "", labels))


def _amount(row: Row, against: str, pronoun: str) -> str:
    """Say how many times, or by how much, with the interval unless it is told at the end."""
    kind = estimand_of(row).kind
    if kind in ("points", "difference"):
        direction = "higher" if row["estimate"] >= 0 else "lower"
        size = number(abs(row["estimate"]), kind, row["std_error"])
        units = "percentage points" if kind == "points" else unit(row["outcome_label"])
        value = f"{' '.join(part for part in (size, units, direction) if part)}{_sure(row)}"
        return f"{value} than {against}" if against else value
    value = number(row["estimate"], "ratio")
    return (
        f"{value} times{_sure(row)} {pronoun} {against}" if against else f"multiplied by {value}{_sure(row)}"
    )


def _sure(row: Row) -> str:
    ends = interval(row)
    if not ends or _unclear(row):
        return ""
    of = " of the difference" if estimand_of(row).kind != "ratio" and row["estimate"] < 0 else ""
    return f" ({level_of_confidence(row)} CI{of} {ends})"


def _unclear(row: Row) -> str:
    ends = interval(row, " to ")
    if not ends:
        return "; no interval could be given"
    if not includes_null(row):
        return ""
    return f"; the {level_of_confidence(row)} interval from {ends} includes {estimand_of(row).null_value:g}"
