"""Compose what the explorer shows of the results of a choice: chart, sentences, notes and code."""

from typing import Any

import polars as pl

from toolkit.display.charts import theme
from toolkit.display.charts.flow_diagram import draw_flow_at
from toolkit.display.charts.forest_plot import draw_estimates_at
from toolkit.display.charts.inline_svg import inline_svg
from toolkit.display.text import finding, flow_sentence, missing_sentence, reliability_sentence
from toolkit.errors import ToolkitError
from toolkit.explorer.choices import NAMED
from toolkit.explorer.explored_results import Attempt, Explored
from toolkit.explorer.reproduced_code import write_code

_NARROWEST, _WIDEST = 280, 1000


def compose_view(explored: Explored, tab: str, width: int, opening: tuple[str, str]) -> dict[str, Any]:
    """Compose one tab; where it could not be estimated, `problem` says why in place of chart and finding."""
    attempt: Attempt[pl.DataFrame] = getattr(explored, tab)
    width = min(max(width, _NARROWEST), _WIDEST)
    view: dict[str, Any] = {
        "tab": tab,
        "width": width,
        "finding": "",
        "svg": "",
        "problem": attempt.problem,
        "notes": [],
    }
    view["code"] = write_code(explored, tab, opening)
    if attempt.found is None:
        return view
    try:
        drawn = _draw(explored, attempt.found, tab, width)
        sentence = _summarize(explored, attempt.found, tab)
    except ToolkitError as error:  # More rows than a chart has room for.
        return {**view, "problem": str(error)}
    return {**view, "svg": drawn, "finding": sentence, "notes": _write_notes(explored, tab, attempt.found)}


def _draw(explored: Explored, frame: pl.DataFrame, tab: str, width: int) -> str:
    chart: Any
    if tab == "flow":
        chart = draw_flow_at(width, frame)
    else:
        chart = draw_estimates_at(width, frame, explored.labels(tab), bars=tab == "prevalence")
    # The toolkit's own charts are valid; altair's check of them takes as long as drawing.
    spec = chart.to_dict(validate=False)
    return inline_svg(theme.to_svg(spec), "explored", theme.describe(spec))


def _summarize(explored: Explored, frame: pl.DataFrame, tab: str) -> str:
    return flow_sentence(frame) if tab == "flow" else finding(frame, labels=explored.labels(tab))


def _write_notes(explored: Explored, tab: str, frame: pl.DataFrame) -> list[list[str]]:
    """Write the notes below a chart: weight, adjustment, missing data and reliability."""
    weight = explored.weight(adjusted=tab != "prevalence")
    notes = {"Weight": str(weight.found) if weight.found else weight.problem}
    if tab == "association":
        notes["Adjustment"] = _describe_adjustment(explored)
    if tab != "flow":
        notes["Missing data"] = missing_sentence(frame)
        notes["Reliability"] = reliability_sentence(frame)
    return [[head, text] for head, text in notes.items()]


def _describe_adjustment(explored: Explored) -> str:
    if explored.choice.is_crude:
        return "Not adjusted."
    if explored.choice.adjust == NAMED or explored.adjustment.found is None:
        return "Adjusted for the covariates of your own list."
    return explored.adjustment.found.summary
