"""Write sentences on the sensitivity of an association: its E-values, and corrections for bias."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from toolkit.display.text.numbers import (
    Labels,
    capitalize,
    format_confidence,
    format_interval,
    format_number,
    format_point,
    label_variable,
    name_exposure,
    name_outcome,
    remove_unit,
    shorten_reason,
)
from toolkit.display.text.row_labels import label_contrast, label_level
from toolkit.errors import join_list
from toolkit.results import Row, by_columns, covariates, estimand_of

# A covariate that changes the ratio by less than this is not named as the strongest.
_LEAST_CHANGE = 0.005
_ENDS = ("conf_low", "conf_high")
# Units that are words of their own, and have a plural.
_COUNTED = ("hour", "day", "night", "week", "month", "year", "point", "unit", "birth", "drink")
# Begins what an E-value means, which is said once.
_MEANING = "To explain the estimate, an unmeasured confounder"


def phrase_bias(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """State each estimate corrected for a bias beside the one that is not, without the last period."""
    groups: list[dict[str, Row]] = []
    for row in frame.rows(named=True):
        if row["error"] == "random" or not groups:
            groups.append({})
        groups[-1][row["error"]] = row
    return ". ".join(_phrase_correction(group, by_columns(frame), labels) for group in groups)


def _phrase_correction(rows: Mapping[str, Row], by: Sequence[str], labels: Labels | None) -> str:
    own = rows["random"]
    noun, where = f"the {estimand_of(own).noun}", _name_comparison(own, by, labels)
    if not {"systematic", "total"} <= rows.keys():
        reason = shorten_reason(own["reason"] or "it has no interval")
        return capitalize(f"{noun}{where} could not be corrected: {reason}")
    total, systematic = rows["total"], rows["systematic"]
    level, ends = format_confidence(own), [format_number(systematic[end], "ratio") for end in _ENDS]
    impossible = total["rejected"] / total["draws"] if total["draws"] else 0.0
    rejected = f"; {impossible:.0%} of the draws were impossible" if impossible >= _LEAST_CHANGE else ""
    return capitalize(
        f"{noun}{where} was {format_point(own)} ({level} CI {format_interval(own)}) as recorded, and "
        f"{format_point(total)} ({level} simulation interval {format_interval(total)}, or "
        f"{' to '.join(ends)} without random error) after the correction{rejected}"
    )


def _name_comparison(row: Row, by: Sequence[str], labels: Labels | None) -> str:
    """Name the comparison among several: group, and levels that are not yes and no."""
    groups = [
        f"{label_variable(n, labels)}: {row[n]}" for n in by if n not in ("error", "omitted") and row[n]
    ]
    contrast = label_contrast(row) if row["reference"] and row["level"] != "yes" else ""
    if row["reference"] is None:
        apart = row.get("contrast") is not None
        contrast = f"a difference of {format_contrast(row)}" if apart else label_level(row)
    parts = [f"{remove_unit(name_exposure(row, labels))}{f' ({contrast})' if contrast else ''}", *groups]
    return f" for {', '.join(parts)}"


def phrase_e_values(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """State the E-values of each comparison, as sentences without the last period."""
    by = by_columns(frame)
    texts: list[str] = []
    for group in _compare(frame):
        given = any(_MEANING in text for text in texts)
        texts += [t for t in _phrase_comparison(group, by, labels) if not (given and _MEANING in t)]
    return ". ".join(texts)


def _compare(frame: pl.DataFrame) -> list[list[Row]]:
    """Gather the rows of each comparison, the result itself first."""
    groups: list[list[Row]] = []
    for row in frame.rows(named=True):
        if row["omitted"] is None or not groups:
            groups.append([])
        groups[-1].append(row)
    return groups


def _phrase_comparison(rows: Sequence[Row], by: Sequence[str], labels: Labels | None) -> Iterator[str]:
    row, exposure = rows[0], remove_unit(name_exposure(rows[0], labels))
    where = _name_comparison(row, by, labels)
    if row["e_value"] is None:
        reason = shorten_reason(row["reason"] or "it has no interval").removeprefix("no E-value: ")
        yield f"No E-value is given{where}, because {reason}"
        return
    value, limit = (format_number(row[name], "ratio") for name in ("e_value", "e_value_limit"))
    ends = "1, because the interval includes 1" if row["e_value_limit"] == 1 else limit
    outcome = name_outcome(row, labels) or "the outcome"
    yield (
        f"The E-value of the {estimand_of(row).noun}{where} is {value}, and that of the confidence limit "
        f"nearer to no association is {ends}"
    )
    yield (
        f"{_MEANING} would have to be associated with both {exposure} and {outcome} by risk ratios of "
        f"{value} each, beyond the covariates"
    )
    yield from _phrase_yardstick(rows, labels)


def format_contrast(row: Row) -> str:
    """Format the contrast of a continuous exposure with its unit, "2 hours"."""
    unit = (row["level_label"] or "").removeprefix("per ").removeprefix("1 ").removeprefix("unit")
    first, *rest = unit.split(" ") if unit else ("",)
    several = f"{first}s" if first in _COUNTED and row["contrast"] != 1 else first
    return " ".join([f"{row['contrast']:.3g}", several, *rest]).strip()


def _phrase_yardstick(rows: Sequence[Row], labels: Labels | None) -> Iterator[str]:
    """State which measured covariate changes the ratio most when it is omitted."""
    omitted = [row for row in rows[1:] if row["change"] is not None]
    if not omitted:
        return
    first = max(omitted, key=lambda row: max(row["change"], 1 / row["change"]))
    name = label_variable(covariates(first["omitted"])[0], labels).removesuffix(" (spline)")
    change = first["change"] - 1
    if abs(change) < _LEAST_CHANGE:
        yield "Omitting any one covariate changes the estimate by less than 0.5%"
        return
    before, after = format_number(rows[0]["ratio"], "ratio"), format_number(first["ratio"], "ratio")
    yield (
        f"As a yardstick, the measured covariate with the largest influence is {name}: without it the ratio "
        f"would be {after} in place of {before} ({'+' if change > 0 else '−'}{abs(change):.0%})"
    )


def name_omitted(row: Row, labels: Labels | None = None) -> str:
    """Name a row of E-values: the result with all covariates, or the covariate that it leaves out."""
    if row["omitted"] is None:
        return "all covariates"
    return f"without {join_list(label_variable(name, labels) for name in covariates(row['omitted']))}"
