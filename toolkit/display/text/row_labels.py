"""Split what the rows of a result have in common from what tells them apart.

Takes a result frame; gives for each row a heading that it shares with its neighbours and a label of its own,
and the titles and notes that hold for all rows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from toolkit.display.text.adjusting import adjustment, set_name, whole_set
from toolkit.display.text.numbers import (
    Labels,
    condition,
    count,
    level_of_confidence,
    listed,
    outcome_name,
    simulated,
    words,
)
from toolkit.results import Row, by_columns, covariates, estimand_of

SIMULATED = "SIMULATED DATA: no real people"


@dataclass(frozen=True, slots=True)
class Headed:
    """A row of the result with its shared heading and its own label; either may be ""."""

    head: str
    label: str
    row: Row

    @property
    def name(self) -> str:
        """Both in one phrase."""
        return ", ".join(part for part in (self.head, self.label) if part)


def headed_rows(frame: pl.DataFrame, labels: Labels | None = None) -> list[Headed]:
    """Give every row its heading and label; rows of one heading stand together, in order of appearance.

    Parameters
    ----------
    frame
        A result frame, with `by` columns first.
    labels
        Words for the names of `by` and `adjust` variables.

    Returns
    -------
    list of Headed
        As many as the frame has rows.
    """
    rows = frame.rows(named=True)
    by = by_columns(frame)
    contrasts = _contrasts(rows)
    several = len(_adjustments(rows)) > 1
    parts = [_parts(row, by, labels, contrasts, several) for row in rows]
    apart = [name for name in parts[0] if len({part[name] for part in parts}) > 1] if rows else []
    lead = [name for name in apart if name not in ("level", "adjust")]
    tail = [name for name in apart if name in ("level", "adjust")] or lead[-1:]
    lead = [name for name in lead if name not in tail]
    plain = len(tail) == 1 and tail[0] in by
    headed = [
        Headed(_join(part, lead), _own(part, tail, plain), row) for part, row in zip(parts, rows, strict=True)
    ]
    first = {head: i for i, head in reversed(list(enumerate(h.head for h in headed)))}
    return _flat(sorted(headed, key=lambda h: first[h.head]))


def title(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Say what all rows are about: outcome, measure, exposure, groups."""
    rows = frame.rows(named=True)
    outcomes = _distinct(outcome_name(row, labels) for row in rows)
    measures = _distinct(estimand_of(row).noun for row in rows)
    exposures = _distinct(row["exposure_label"] or row["exposure"] for row in rows)
    by = [words(name, labels) for name in by_columns(frame)]
    outcome = outcomes[0] if len(outcomes) == 1 else f"{len(outcomes)} outcomes" if outcomes else ""
    what = " and ".join(measures) if len(measures) < 3 else f"{len(measures)} measures"
    exposure = exposures[:1] if len(exposures) == 1 else [f"{len(exposures)} exposures"] if exposures else []
    text = ": ".join(part for part in (outcome, what) if part)
    text += f" by {listed([*exposure, *by])}" if exposure or by else ""
    return text[:1].upper() + text[1:]


def notes(frame: pl.DataFrame, labels: Labels | None = None) -> list[str]:
    """Say what holds for all rows: simulated or not, study, domain, reference, adjustment, interval."""
    rows = frame.rows(named=True)
    studies = _distinct(row["study"] for row in rows)
    domains = {condition(row["domain"], labels) for row in rows}
    persons = "" if by_columns(frame) else _persons(rows)
    where = [listed(studies), *(domains if len(domains) == 1 else []), persons]
    lines = [
        SIMULATED if simulated(frame) else "",
        "; ".join(part for part in where if part),
        _sentence(_reference(rows), _adjusted(rows, labels)),
        *_models(rows, labels),
    ]
    return [line for line in lines if line]


def confidence(frame: pl.DataFrame) -> str:
    """Name the interval for the head of a column, "95 % CI"."""
    levels = _distinct(level_of_confidence(row) for row in frame.rows(named=True))
    return f"{levels[0]} CI" if len(levels) == 1 else "CI"


def level_text(row: Row) -> str:
    """Name a row's level; a number per unit where the exposure has no levels."""
    return str(row["level_label"] or row["level"] or "")


def contrast_text(row: Row) -> str:
    """Name a row's level against its reference, "yes vs no"."""
    level, reference = level_text(row), row["reference"]
    return f"{level} vs {reference}" if level and reference else level


def _contrasts(rows: Sequence[Row]) -> Counter[Any]:
    return Counter(
        exposure
        for exposure, *_ in {(r["exposure"], r["level"], r["reference"]) for r in rows if r["exposure"]}
    )


def short_adjustment(row: Row) -> str:
    """Say "crude" or "adjusted", where one list of variables holds for all rows."""
    return adjustment(row).split(" for ")[0]


def _adjustments(rows: Sequence[Row]) -> set[str]:
    return {text for row in rows if (text := adjustment(row)) not in ("", "crude")}


def _parts(
    row: Row, by: Sequence[str], labels: Labels | None, contrasts: Counter[Any], several: bool
) -> dict[str, str]:
    one = contrasts[row["exposure"]] == 1
    return {
        "study": row["study"] or "",
        "domain": condition(row["domain"], labels) or "everyone",
        "outcome": row["outcome_label"] or words(row["outcome"] or "", labels),
        **{name: f"{words(name, labels)}: {'all' if row[name] is None else row[name]}" for name in by},
        "exposure": _exposure(row, one, labels),
        "level": "" if one and row["exposure"] else level_text(row),
        "adjust": set_name(row, labels) or (adjustment(row, labels) if several else short_adjustment(row)),
    }


def _exposure(row: Row, one: bool, labels: Labels | None) -> str:
    label = str(row["exposure_label"] or words(row["exposure"] or "", labels))
    if one and contrast_text(row):
        return f"{label}: {contrast_text(row)}"
    return f"{label} (vs {row['reference']})" if label and row["reference"] else label


def _join(part: dict[str, str], names: Sequence[str]) -> str:
    return ", ".join(part[name] for name in names if part[name])


def _own(part: dict[str, str], names: Sequence[str], plain: bool) -> str:
    text = _join(part, names)
    return text.split(": ", 1)[1] if plain and ": " in text else text


def _flat(headed: list[Headed]) -> list[Headed]:
    """Leave a heading out that one row alone has, if that row has no label of its own or all are so."""
    sizes = Counter(h.head for h in headed)
    nested = any(size > 1 for size in sizes.values())
    return [h if nested and (h.label or sizes[h.head] > 1) else Headed("", h.name, h.row) for h in headed]


def _distinct(values: Any) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _persons(rows: Sequence[Row]) -> str:
    sizes = sorted({row["n"] for row in rows if row["n"]})
    if not sizes:
        return ""
    return f"n = {count(sizes[0])}" + (f" to {count(sizes[-1])} by row" if len(sizes) > 1 else "")


def _reference(rows: Sequence[Row]) -> str:
    pairs = {(row["exposure"], row["reference"]) for row in rows if row["reference"]}
    levels = _distinct(level_text(row) for row in rows)
    if len(pairs) != 1 or len({row["exposure"] for row in rows}) != 1:
        return ""
    reference = pairs.pop()[1]
    return f"{levels[0]} compared with {reference}" if len(levels) == 1 else f"compared with {reference}"


def _adjusted(rows: Sequence[Row], labels: Labels | None) -> str:
    texts = _distinct(adjustment(row, labels) for row in rows)
    sets = [text for text in texts if text != "crude"]
    if len(sets) == 1 and len(texts) > 1:
        return "" if _models(rows, labels) else sets[0].replace("adjusted for", "adjusted estimates: for")
    return texts[0] if len(texts) == 1 else ""


def _models(rows: Sequence[Row], labels: Labels | None) -> list[str]:
    """List the covariates of each named set once, where the rows do not all have one set."""
    if not labels or len(_distinct(adjustment(row, labels) for row in rows)) < 2:
        return []
    sets = {key: covariates(key) for key in _distinct(whole_set(row, labels) for row in rows)}
    lines = []
    for key, own in sets.items():
        inner = [other for other, names in sets.items() if set(names) < set(own)]
        within = max(inner, key=lambda other: len(sets[other]), default="")
        rest = listed(words(name, labels) for name in own if name not in sets.get(within, []))
        start = f"{labels[within]} plus" if within else "adjusted for"
        lines.append(f"{labels[key]}: {start} {rest}")
    return lines


def _sentence(*parts: str) -> str:
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]
