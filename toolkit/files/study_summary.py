"""Summary of a study for a notebook, without any participant's value."""

from collections.abc import Mapping
from html import escape


def summary_html(label: str, facts: Mapping[str, str], *, simulated: bool) -> str:
    """Lay out the facts of a study as an HTML table."""
    warning = "<p style='color:#a33'><b>SIMULATED: no participant is real.</b></p>" if simulated else ""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(text)}</td></tr>"
        for name, text in facts.items()
    )
    return f"<h4>{escape(label)}</h4>{warning}<table>{rows}</table>"
