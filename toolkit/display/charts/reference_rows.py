"""Add the reference level to the rows of a forest plot, with n and cases of each level."""

from collections.abc import Sequence

import polars as pl

from toolkit.display.text import Headed
from toolkit.results import Row, by_columns, estimand_of

_REFERENCE = "reference level"


def is_reference(row: Row) -> bool:
    """Return whether a row is that of a reference level, which has no estimate."""
    return bool(row["variance"] == _REFERENCE)


def add_references(items: Sequence[Headed], counts: pl.DataFrame | None) -> list[Headed]:
    """Give each level its own n and cases, after a row of the reference for each measure and exposure."""
    if counts is None:
        return list(items)
    sizes = _count_levels(counts)
    made: list[Headed] = []
    headed: set[tuple[str, ...]] = set()
    for item in items:
        row = item.row
        key, reference = (row["outcome"], row["exposure"]), row["reference"]
        if (*key, reference) not in sizes:
            made.append(item)
            continue
        head, label = item.head or row["exposure_label"] or row["exposure"], item.label
        if (row["estimand"], *key) not in headed:
            headed.add((row["estimand"], *key))
            made.append(Headed(head, str(reference), _reference_row(row, sizes[*key, reference])))
        level = str(row["level_label"] or row["level"])
        if level not in label:
            label = f"{level}, {label}" if label else level
        n, cases = sizes.get((*key, row["level"]), (row["n"], row["n_cases"]))
        made.append(Headed(head, label, {**row, "n": n, "n_cases": cases}))
    return made


def _count_levels(counts: pl.DataFrame) -> dict[tuple[str, ...], tuple[int | None, int | None]]:
    """Map outcome, exposure and level to n and cases."""
    return {
        (str(row["outcome"]), name, str(row[name])): (row["n"], row["n_cases"])
        for name in by_columns(counts)
        for row in counts.rows(named=True)
        if row[name] is not None
    }


def _reference_row(row: Row, sizes: tuple[int | None, int | None]) -> Row:
    null = estimand_of(row).null_value
    plain = {"estimate": null, "conf_low": null, "conf_high": null, "n": sizes[0], "n_cases": sizes[1]}
    return {**row, **plain, "true_value": None, "reliability": "ok", "reason": None, "variance": _REFERENCE}
