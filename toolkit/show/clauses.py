"""Word one row of a result as a clause: who was compared with whom, by how much, how sure.

Takes a row of a result frame; gives clauses without capital and full stop, from which `sentences` makes
sentences.
"""

from collections.abc import Sequence

from toolkit.show.wording import (
    Labels,
    Row,
    adjustment,
    condition,
    count,
    estimate_phrase,
    estimate_text,
    includes_null,
    interval,
    level_of_confidence,
    measure,
    number,
    outcome_name,
    test_text,
    words,
)


def claim(row: Row, by: Sequence[str], labels: Labels | None = None) -> str:
    """Say what one row shows, with its group and its adjustment."""
    group = ", ".join(f"{words(name, labels)}: {row[name]}" for name in by if row[name] is not None)
    start = f"in the group {group}, " if group else ""
    if row["reliability"] == "failed" or _empty(row):
        return f"{start}{_subject(row, labels)} could not be estimated: {_reason(row)}"
    if row["reliability"] == "suppress":
        return f"{start}{_subject(row, labels)} is not shown, because it is too unreliable ({_reason(row)})"
    care = f"; to be read with care: {_reason(row)}" if row["reliability"] == "review" else ""
    return f"{_shown(row, start, labels)}{care}"


def extra(row: Row) -> str:
    """Add another estimate of the same comparison in a few words; "" if it has no number to show."""
    if row["reliability"] in ("failed", "suppress") or not estimate_text(row):
        return ""
    crude = "crude " if adjustment(row) == "crude" else ""
    return f"{crude}{measure(row).name} {estimate_phrase(row)}"


def opening(row: Row, labels: Labels | None = None, exposed: bool = True, outcome: bool = True) -> str:
    """Name what is estimated, without its level: "the prevalence of cramps"."""
    compared = exposed and measure(row).null_value is not None and row["exposure"]
    exposure = f" by {_exposure(row, labels)}" if compared else ""
    return f"the {measure(row).name}{f' of {_outcome(row, labels)}' if outcome else ''}{exposure}"


def source(row: Row, labels: Labels | None = None) -> str:
    """Name study, domain and number of people, in brackets."""
    size = f"n = {count(row['n'])}" if row["n"] is not None else ""
    parts = [part for part in (row["study"], condition(row["domain"], labels), size) if part]
    return f" ({', '.join(parts)})" if parts else ""


def after(row: Row, labels: Labels | None) -> str:
    """Say the adjustment at a clause's end."""
    text = adjustment(row, labels)
    return ", not adjusted" if text == "crude" else f", {text}" if text else ""


def _empty(row: Row) -> bool:
    return row["estimate"] is None and row["statistic"] is None


def _shown(row: Row, start: str, labels: Labels | None) -> str:
    kind = measure(row).kind
    if kind in ("ratio", "points") and row["estimand"] not in _OF_COMPARISONS:
        return _compared(row, start, labels)
    if kind == "test":
        return f"{start}the {_subject(row, labels).removeprefix('the ')} gave {test_text(row)}"
    return f"{start}{_subject(row, labels)} was {estimate_phrase(row)}{after(row, labels)}"


def _compared(row: Row, start: str, labels: Labels | None) -> str:
    """Put a comparison together: what was how much compared with what, and whether that is clear."""
    subject, against = _people(row, labels)
    noun = _NOUNS.get(row["estimand"], "prevalence")
    odds = "odds" in noun
    named = f"the {noun} of {_outcome(row, labels)} {'were' if odds else 'was'}"
    unclear = _unclear(row)
    caution = "no clear difference: " if includes_null(row) else ""
    much = _amount(row, against, "those" if odds else "that")
    return f"{caution}{start}{subject}, {named} {much}{after(row, labels)}{unclear}"


# They compare comparisons, and nobody with anybody.
_OF_COMPARISONS = {"ratio_of_ratios", "interaction_difference", "synergy_index"}
# What an estimand's ratio or difference is of, where it is not the prevalence.
_NOUNS = {
    "odds_ratio": "odds",
    "cumulative_odds_ratio": "odds of a higher level",
    "relative_risk_ratio": "relative risk",
    "rate_ratio": "rate",
    "hazard_ratio": "hazard",
    "standardised_prevalence": "standardised prevalence",
    "standardised_ratio": "standardised prevalence",
    "standardised_difference": "standardised prevalence",
    "predicted_prevalence": "predicted prevalence",
}


def _amount(row: Row, against: str, pronoun: str) -> str:
    """Say how many times, or how many points, with the interval unless it is told at the end."""
    if measure(row).kind == "points":
        direction = "higher" if row["estimate"] >= 0 else "lower"
        value = f"{number(abs(row['estimate']), 'points')} percentage points {direction}{_sure(row)}"
        return f"{value} than {against}" if against else value
    value = number(row["estimate"], "ratio")
    return (
        f"{value} times{_sure(row)} {pronoun} {against}" if against else f"multiplied by {value}{_sure(row)}"
    )


def _sure(row: Row) -> str:
    ends = interval(row)
    if not ends or _unclear(row):
        return ""
    of = " of the difference" if measure(row).kind == "points" and row["estimate"] < 0 else ""
    return f" ({level_of_confidence(row)} CI{of} {ends})"


def _unclear(row: Row) -> str:
    ends = interval(row, " to ")
    if not ends:
        return "; no interval could be given"
    if not includes_null(row):
        return ""
    return f"; the {level_of_confidence(row)} interval from {ends} includes {measure(row).null_value:g}"


def _people(row: Row, labels: Labels | None) -> tuple[str, str]:
    """Name those compared: ("among people with diabetes", "among people without")."""
    exposure, level, reference = _exposure(row, labels), row["level_label"] or row["level"], row["reference"]
    if reference is None:
        return f"{level or 'per unit'} more of {exposure}", ""
    if level == "yes" and reference == "no":
        return f"among people with {exposure}", "among people without"
    if level == "no" and reference == "yes":
        return f"among people without {exposure}", "among people with it"
    return f"in the group {exposure}: {level}", f"in the group {reference}"


def _subject(row: Row, labels: Labels | None) -> str:
    """Name what is estimated, with its level or comparison."""
    level = row["level_label"] or row["level"]
    if row["estimand"] == "quantile":
        return f"the {level} quantile of {_outcome(row, labels)}"
    if measure(row).kind in ("ratio", "points") and row["exposure"]:
        against = f" vs {row['reference']}" if row["reference"] else ""
        return f"{opening(row, labels)}, {level}{against}" if level else opening(row, labels)
    if measure(row).kind == "coefficient":
        term = ": ".join(part for part in (_exposure(row, labels), level) if part)
        return f"the {measure(row).name} of {term} for {_outcome(row, labels)}"
    named = f": {level}" if level and level != "yes" else ""
    return f"{opening(row, labels)}{named}"


def _reason(row: Row) -> str:
    return str(row["reason"] or "no reason given").rstrip(".")


def _outcome(row: Row, labels: Labels | None) -> str:
    return outcome_name(row, labels) or "the outcome"


def _exposure(row: Row, labels: Labels | None) -> str:
    return str(row["exposure_label"] or words(row["exposure"] or "", labels))
