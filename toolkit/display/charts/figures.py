"""Draw result and flow frames as charts: forest plot, prevalence chart, flow.

Takes frames alone, also those read from a parquet of last year; gives altair charts with tooltips. All
places are computed in pixels by `layout`, so that the chart reads the same on screen, in print and as SVG.
"""

from collections.abc import Mapping

import altair as alt
import polars as pl

from toolkit.display.charts import theme
from toolkit.display.charts.causal_diagram import arrows, check_edges
from toolkit.display.charts.flow_diagram import steps
from toolkit.display.charts.forest_plot import panels
from toolkit.display.text.numbers import check_flow, check_result
from toolkit.errors import VariableError
from toolkit.results import estimand_of

MOST_ROWS = 120


def forest(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> alt.VConcatChart:
    """Draw estimates with their intervals under each other, against the line of no difference.

    Parameters
    ----------
    frame
        A result frame of up to 120 rows of any estimand; different measures get panels of their own.
    labels
        Words for the names of `by` and `adjust` variables, such as ``{"bmi": "body mass index"}``.

    Returns
    -------
    altair.VConcatChart
        Ratios on a log axis, differences in percentage points. What failed stays as a line with its reason;
        what is too unreliable is drawn hollow, without its number.

    Raises
    ------
    VariableError
        If the frame is no result frame, is empty or has too many rows.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "odds_ratio", "outcome_label": "cramps", "exposure": "sex",
    ...        "level": "female", "reference": "male", "estimate": 1.4, "scale": "log", "conf_low": 1.1,
    ...        "conf_high": 1.8, "reliability": "ok"}
    >>> forest(frame([row])).title.text
    ['Cramps: odds ratio by sex']
    """
    return panels(_checked(frame, "tk.forest"), labels, bars=False)


def prevalence_chart(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> alt.VConcatChart:
    """Draw prevalences, means or totals with their intervals, by level and by groups.

    Parameters
    ----------
    frame
        A result frame of `tk.prevalence`, `tk.mean` and their like, of up to 120 rows.
    labels
        Words for the names of `by` variables.

    Returns
    -------
    altair.VConcatChart
        Prevalence as bars in percent, other measures as points in their unit. What is too unreliable is
        an empty dashed bar without its number; what failed stays as a line with its reason.

    Raises
    ------
    VariableError
        If the frame is no result frame, is empty, has too many rows or holds comparisons.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.3,
    ...        "conf_low": 0.2, "conf_high": 0.4, "reliability": "ok", "sex": "female"}
    >>> prevalence_chart(frame([row, {**row, "sex": "male"}], by=["sex"])).title.text
    ['Cramps: prevalence by sex']
    """
    _checked(frame, "tk.prevalence_chart")
    compared = [row["estimand"] for row in frame.rows(named=True) if estimand_of(row).null_value is not None]
    if compared:
        raise VariableError(
            f"tk.prevalence_chart draws prevalences and means, and this frame holds {len(compared)} row(s) "
            f"of '{compared[0]}'. Draw comparisons with tk.forest(frame)."
        )
    return panels(frame, labels, bars=True)


def flow_chart(flow: pl.DataFrame) -> alt.LayerChart:
    """Draw how many people are left after each step of an analysis, who left and why.

    Parameters
    ----------
    flow
        A flow frame of `tk.flow`: step, reason, n_left, n_out.

    Returns
    -------
    altair.LayerChart
        One bar a step: people left, and beside it those who left with the reason.

    Raises
    ------
    VariableError
        If the frame is no flow frame or is empty.

    Examples
    --------
    >>> rows = [("people in the study", "", 100, 0), ("age >= 20", "younger", 60, 40)]
    >>> flow = pl.DataFrame(rows, schema=["step", "reason", "n_left", "n_out"], orient="row")
    >>> flow_chart(flow).title.text
    'From 100 people to 60 in the analysis'
    """
    check_flow(flow, "tk.flow_chart")
    theme.use()
    return steps(flow)


def diagram_chart(edges: pl.DataFrame) -> alt.LayerChart:
    """Draw the causal diagram around an exposure: adjustment set, mediators and unmeasured confounders.

    Parameters
    ----------
    edges
        The arrows of an adjustment set, `tk.adjustment_for(study, ...).edges`.

    Returns
    -------
    altair.LayerChart
        Exposure and outcome, the adjustment set, mediators, and unmeasured confounders. The tooltip of a node
        lists its arrows with their reasons.

    Raises
    ------
    VariableError
        If the frame is not one of arrows, is empty, or has no exposure.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> chosen = tk.adjustment_for(study, outcome="any_cramps", exposure="arthritis")
    >>> diagram_chart(chosen.edges).title.text
    ['Causal diagram for arthritis and nocturnal leg cramps']
    """
    check_edges(edges, "tk.diagram_chart")
    theme.use()
    return arrows(edges)


def _checked(frame: pl.DataFrame, shown_by: str) -> pl.DataFrame:
    check_result(frame, shown_by)
    if frame.height > MOST_ROWS:
        raise VariableError(
            f"{shown_by} draws up to {MOST_ROWS} rows at most, and this frame has {frame.height:,}. "
            f"Draw a part, such as frame.filter(pl.col('estimand') == '{frame['estimand'][0]}') or "
            f"frame.head({MOST_ROWS}), or list all with tk.table(frame)."
        )
    theme.use()
    return frame
