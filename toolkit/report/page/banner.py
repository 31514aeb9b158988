"""Let the banner of a page warn of simulated data once, in place of its charts, tables and sentences."""

import json
import re
from html import escape

from toolkit.display.charts.palette import MUTED, WARNING
from toolkit.display.text import SIMULATED, WATERMARK, begin_note, name_study, remove_warning

# What a chart or table looks like in a page: each pattern and what remains of it.
_PARTS = (
    (re.compile(rf"<text [^>]*>{WATERMARK}</text>"), ""),
    (re.compile(rf"<text [^>]*>{SIMULATED}</text>"), ""),
    (
        re.compile(rf'fill="{WARNING}"([^>]*)><tspan>{SIMULATED}</tspan><tspan x="0" dy="[^"]*">'),
        rf'fill="{MUTED}"\1><tspan>',
    ),
    (re.compile(rf"<strong[^>]*>{SIMULATED}</strong>(<br>)?"), ""),
    (re.compile(rf'<p class="simulated">{SIMULATED}</p>'), ""),
    # Specifications that an interactive page draws.
    (re.compile(rf'"{SIMULATED}",?'), ""),
    (re.compile(rf'"text":"{WATERMARK}"'), '"text":""'),
)


def warn_once(page: str, study: str) -> str:
    """Return a page of a simulated study, by its label, without the warnings that its banner replaces."""
    for pattern, left in _PARTS:
        page = pattern.sub(left, page)
    # A file that the page contains is in base64 and keeps its warnings.
    for label in (study, escape(study), json.dumps(study)[1:-1].replace("<", "\\u003c")):
        page = page.replace(f">{label}<", f">{begin_note(name_study(label))}<").replace(
            label, name_study(label)
        )
    return remove_warning(page)
