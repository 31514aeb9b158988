"""Write the pages on the columns of results and on estimands from the tables of `toolkit.results`."""

from math import isinf

from docs.extensions.column_texts import COLUMNS, GROUPS
from docs.extensions.markdown import escape, table
from toolkit.results import ESTIMANDS, SCHEMA

_KINDS = {"String": "text", "Float64": "number", "Int64": "count"}


def result_pages() -> dict[str, str]:
    """Write both pages; fails if a column of the schema has no text, or a text no column."""
    if different := set(SCHEMA) ^ set(COLUMNS):
        raise KeyError(f"docs/extensions/column_texts.py and toolkit.results.SCHEMA differ: {different}")
    return {"reference/result-columns.md": _columns(), "reference/estimands.md": _estimands()}


def _columns() -> str:
    sections = []
    for title, names in GROUPS.items():
        entries = [f"### `{name}`\n\n*{_KINDS[str(SCHEMA[name])]}.* {COLUMNS[name]}" for name in names]
        sections.append("\n\n".join([f"## {title}", *entries]))
    return "\n\n".join([_COLUMNS, *sections]) + "\n"


def _estimands() -> str:
    rows = [
        [
            f"`{e.name}`",
            escape(e.noun),
            e.kind,
            e.scale,
            _bounds(e.bounds),
            "" if e.null_value is None else f"{e.null_value:g}",
        ]
        for e in ESTIMANDS.values()
    ]
    return _ESTIMANDS + table(["estimand", "in text", "kind", "scale", "bounds", "null value"], rows)


def _bounds(bounds: tuple[float, float]) -> str:
    low, high = bounds
    if isinf(low) and isinf(high):
        return "none"
    return f"{low:g} or more" if isinf(high) else f"{low:g} to {high:g}"


_COLUMNS = """# Result columns

Every estimator returns a table with these columns, in this order. One row is one estimate. Numbers are never
rounded. Columns of `by=` come first, under their own names. Results of the simulated study may have the
column `true_value` at the end, and pooled results of multiple imputation the column `missing_information`.

An estimate that failed remains as a row with the reason, so that a table of results is always complete."""

_ESTIMANDS = """# Estimands

The column `estimand` of a result has one of these values. *Scale* says where the standard error is measured:
`log` means that it belongs to the natural logarithm of the estimate. *Null value* is the value that the test
in `statistic` and `p_value` compares the estimate with. Sentences, axis titles, number formats and charts
follow from the same table.

"""
