"""Reports: self-contained pages rendered from notebooks, with the result files beside them.

papermill, jupytext, nbconvert and jinja2 are used in this package only.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.report.batch import PlanRun, render_plan
    from toolkit.report.captured_results import Results, keep
    from toolkit.report.rendering import Rendered, render

__all__ = ["PlanRun", "Rendered", "Results", "keep", "render", "render_plan"]
_MODULES = {
    "PlanRun": "batch",
    "render_plan": "batch",
    "Results": "captured_results",
    "keep": "captured_results",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a public name on first use: a kernel imports this package and should not wait for charts."""
        if name not in __all__:
            raise AttributeError(f"module 'toolkit.report' has no attribute '{name}'")
        return getattr(import_module(f"toolkit.report.{_MODULES.get(name, 'rendering')}"), name)
