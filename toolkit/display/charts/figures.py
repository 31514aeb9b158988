"""The charts of results, of participant flow and of the causal diagram."""

from collections.abc import Mapping

import altair as alt
import polars as pl

from toolkit.display.charts import theme
from toolkit.display.charts.causal_diagram import check_edges, draw_diagram
from toolkit.display.charts.flow_diagram import draw_flow
from toolkit.display.charts.forest_plot import draw_panels
from toolkit.display.text.numbers import check_flow, check_result
from toolkit.errors import VariableError
from toolkit.results import estimand_of

MOST_ROWS = 120


def forest(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> alt.VConcatChart:
    """Draw a forest plot: estimates with their confidence intervals, against the null value.

    Parameters
    ----------
    frame
        A result frame of up to 120 rows of any estimand; each measure has its own panel.
    labels
        Labels of `by` and `adjust` variables, by name, such as ``{"bmi": "body mass index"}``.

    Returns
    -------
    altair.VConcatChart
        Ratios on a log axis, differences in percentage points. A failed estimate has a line with its reason;
        a suppressed one is drawn hollow, without its number.

    Raises
    ------
    VariableError
        If this is not a result frame, or has no rows or more than 120.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "odds_ratio", "outcome_label": "cramps", "exposure": "sex",
    ...        "level": "female", "reference": "male", "estimate": 1.4, "scale": "log", "conf_low": 1.1,
    ...        "conf_high": 1.8, "reliability": "ok"}
    >>> forest(frame([row])).title.text
    ['Odds ratio of cramps by sex']
    """
    return draw_panels(_check_rows(frame, "tk.forest"), labels, bars=False)


def prevalence_chart(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> alt.VConcatChart:
    """Draw prevalences, means or totals with their confidence intervals, by level and group.

    Parameters
    ----------
    frame
        A result frame of `tk.prevalence`, `tk.mean`, `tk.total` or `tk.quantile`, of up to 120 rows.
    labels
        Labels of `by` variables, by name.

    Returns
    -------
    altair.VConcatChart
        Prevalence as bars in percent, other measures as points in their unit. A suppressed estimate is an
        empty dashed bar without its number; a failed one has a line with its reason.

    Raises
    ------
    VariableError
        If this is not a result frame, has no rows or more than 120, or has comparisons.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.3,
    ...        "conf_low": 0.2, "conf_high": 0.4, "reliability": "ok", "sex": "female"}
    >>> prevalence_chart(frame([row, {**row, "sex": "male"}], by=["sex"])).title.text
    ['Prevalence of cramps by sex']
    """
    _check_rows(frame, "tk.prevalence_chart")
    compared = [row["estimand"] for row in frame.rows(named=True) if estimand_of(row).null_value is not None]
    if compared:
        raise VariableError(
            f"tk.prevalence_chart draws prevalences and means, and {len(compared)} of {frame.height} rows "
            f"compare groups ('{compared[0]}'). Use tk.forest(frame) for these."
        )
    return draw_panels(frame, labels, bars=True)


def flow_chart(flow: pl.DataFrame) -> alt.LayerChart:
    """Draw the participant flow: those remaining after each step, those excluded and the reason.

    Parameters
    ----------
    flow
        A flow frame of `tk.flow`: step, reason, n_left, n_out.

    Returns
    -------
    altair.LayerChart
        One bar a step, with those excluded and the reason beside it.

    Raises
    ------
    VariableError
        If this is not a flow frame, or has no rows.

    Examples
    --------
    >>> rows = [("participants in the study", "", 100, 0), ("age >= 20", "younger", 60, 40)]
    >>> flow = pl.DataFrame(rows, schema=["step", "reason", "n_left", "n_out"], orient="row")
    >>> flow_chart(flow).title.text
    ['Selection of the analytic sample: 60 of 100 participants']
    """
    check_flow(flow, "tk.flow_chart")
    theme.use()
    return draw_flow(flow)


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
    return draw_diagram(edges)


def _check_rows(frame: pl.DataFrame, shown_by: str) -> pl.DataFrame:
    check_result(frame, shown_by)
    if frame.height > MOST_ROWS:
        raise VariableError(
            f"{shown_by} draws at most {MOST_ROWS} rows, and this frame has {frame.height:,}. "
            f"Use a part, such as frame.filter(pl.col('estimand') == '{frame['estimand'][0]}') or "
            f"frame.head({MOST_ROWS}), or list all with tk.table(frame)."
        )
    theme.use()
    return frame
