"""Small studies of few cases, and all that the toolkit shows of a result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import toolkit as tk
from toolkit.results import Estimates


def study(columns: dict[str, list[Any]], name: str, **options: Any) -> tk.Study:
    return tk.study(pl.DataFrame(columns), design=tk.Design.none(), name=name, **options)


def two_wards(name: str = "two wards", **options: Any) -> tk.Study:
    """A group of 8 without a case beside one of 1,992 with all 7 cases."""
    return study(
        {"ward": ["small"] * 8 + ["large"] * 1992, "y": [0] * 8 + [1] * 7 + [0] * 1985}, name, **options
    )


def exits(result: Estimates, folder: Path) -> str:
    """Give all that the toolkit shows of a result, as one text."""
    chart = tk.forest if "ratio" in str(result["estimand"][0]) else tk.charts.prevalence_chart
    texts = [
        str(result), result._repr_html_(), tk.finding(result), tk.table(result).as_raw_html(),
        json.dumps(chart(result).to_dict()), tk.reports.reliability_sentence(result),
        tk.reports.missing_sentence(result), str(tk.reports.keep(result).rows.rows()),
        tk.reports.Paper().figure(chart(result), result, "Results").caption.html,
    ]  # fmt: skip
    files = [
        tk.save(result, folder / f"result.{end}", overwrite=True) for end in ("csv", "md", "html", "tex")
    ]
    return "\n".join([*texts, *(file.path.read_text() for file in files)])


def results_of(study: tk.Study, calls: list[Callable[[tk.Study], pl.DataFrame]]) -> list[pl.DataFrame]:
    """Estimate what can be estimated of a study."""
    found = []
    for call in calls:
        try:
            found.append(call(study))
        except tk.ToolkitError:
            continue
    return found
