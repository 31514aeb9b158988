"""Word one row of a result as a clause: who was compared with whom, by how much, how sure.

Takes a row of a result frame; gives clauses without capital and full stop, from which `sentences` makes
sentences.
"""

from collections.abc import Sequence

from toolkit.display.text.adjusting import adjustment, set_name
from toolkit.display.text.comparing import after, compared, exposure, outcome
from toolkit.display.text.numbers import Labels, condition, count, estimate_phrase, estimate_text, words
from toolkit.display.text.phrasing import phrase, quantile_name, ratio_name, tested
from toolkit.results import Row, estimand_of


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


def extra(row: Row, main: Row, labels: Labels | None = None) -> str:
    """Add another estimate of the same comparison in a few words; "" if it has no number to show."""
    if row["reliability"] in ("failed", "suppress") or not estimate_text(row):
        return ""
    if row["estimand"] == "peak":
        return f"peak at {row['level_label']}"
    if row["level"] == "quadratic":
        return f"quadratic term {estimate_phrase(row)}"
    named = f"{estimand_of(row).noun} {estimate_phrase(row)}"
    if row["adjust"] == main["adjust"]:
        return named
    told = adjustment(row, labels)
    if told == "crude":
        return f"crude {named}"
    model = set_name(row, labels)
    return f"{model} {named}" if model else f"{named}, {told}"


def opening(row: Row, labels: Labels | None = None, exposed: bool = True, named: bool = True) -> str:
    """Name what is estimated, without its level: "the prevalence of cramps"."""
    against = exposed and estimand_of(row).null_value is not None and row["exposure"]
    by = f" by {exposure(row, labels)}" if against else ""
    if row["estimand"] == "ratio" and named:
        return ratio_name(row, labels)
    of = "with" if row["estimand"] == "total" and estimand_of(row).kind == "count" else "of"
    return f"the {estimand_of(row).noun}{f' {of} {outcome(row, labels)}' if named else ''}{by}"


def source(row: Row, labels: Labels | None = None) -> str:
    """Name study, domain and number of people, in brackets."""
    size = f"n = {count(row['n'])}" if row["n"] is not None else ""
    parts = [part for part in (row["study"], condition(row["domain"], labels), size) if part]
    return f" ({', '.join(parts)})" if parts else ""


def _empty(row: Row) -> bool:
    return row["estimate"] is None and row["statistic"] is None


def _shown(row: Row, start: str, labels: Labels | None) -> str:
    own = phrase(row, labels)
    if own:
        return f"{start}{own}"
    if estimand_of(row).family in ("ratio", "difference"):
        return compared(row, start, labels)
    return f"{start}{_subject(row, labels)} was {estimate_phrase(row)}{after(row, labels)}"


def _subject(row: Row, labels: Labels | None) -> str:
    """Name what is estimated, with its level or comparison."""
    level = row["level_label"] or row["level"]
    if row["estimand"] == "quantile":
        return f"the {quantile_name(row)} of {outcome(row, labels)}"
    if estimand_of(row).kind == "test":
        return tested(row, labels)
    if estimand_of(row).kind in ("ratio", "points", "difference") and row["exposure"]:
        against = f" vs {row['reference']}" if row["reference"] else ""
        return f"{opening(row, labels)}, {level}{against}" if level else opening(row, labels)
    if estimand_of(row).kind == "coefficient":
        term = ": ".join(part for part in (exposure(row, labels), level) if part)
        return f"the {estimand_of(row).noun} of {term} for {outcome(row, labels)}"
    named = f": {level}" if level and level != "yes" else ""
    return f"{opening(row, labels)}{named}"


def _reason(row: Row) -> str:
    return str(row["reason"] or "no reason given").rstrip(".")
