"""Render notebooks as reports: check the parameters, run a kernel, make one self-contained page.

Takes a report's name, a study and parameters; gives pages and result files in a folder.
papermill, jupytext, nbconvert and jinja2 are behind this door and load on first use.
"""

from toolkit.report.batch import PlanRun, render_plan
from toolkit.report.captured_results import Results, keep
from toolkit.report.rendering import Rendered, render

__all__ = ["PlanRun", "Rendered", "Results", "keep", "render", "render_plan"]
