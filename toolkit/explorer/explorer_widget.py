"""Explore a study in JupyterLab: `tk.explore` and its widget, a thin layer over `ExplorerModel`."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from toolkit.dag import SIZES
from toolkit.display.charts.inline_svg import dark_styles
from toolkit.display.charts.tooltips import tooltip_script
from toolkit.errors import require_study
from toolkit.explorer.choices import CRUDE, NAMED
from toolkit.explorer.explorer_model import ExplorerModel
from toolkit.explorer.reproduced_code import session_names
from toolkit.files.html_templates import render_html
from toolkit.studies import Study
from toolkit.variables import Names, as_covariates, as_names

_FRONTEND = Path(__file__).parent / "frontend"
_ROOT = ".cramps-explorer"


@cache
def _script() -> str:
    return f"{tooltip_script()}\n{(_FRONTEND / 'explorer.js').read_text(encoding='utf-8')}"


@cache
def _styles() -> str:
    dark = dark_styles(f"{_ROOT}[data-theme='dark']")
    return f"{(_FRONTEND / 'explorer.css').read_text(encoding='utf-8')}\n{dark}"


class Explorer(anywidget.AnyWidget):
    """The widget of `tk.explore`; its state, which a saved notebook keeps, is what it shows."""

    menus = traitlets.Dict().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    choice = traitlets.Dict().tag(sync=True)

    def __init__(self, model: ExplorerModel) -> None:
        self._esm, self._css = _script(), _styles()
        self._model = model
        super().__init__(menus=model.menus, view=model.view)

    @traitlets.observe("choice")
    def _answer(self, change: Any) -> None:
        sent = change["new"]
        try:
            self.view = self._model.answer(sent)
        except Exception as error:  # Without an answer the browser would wait for ever.
            text = f"The explorer failed ({type(error).__name__}). Run the code below in a cell to see why."
            self.view = {**self._model.view, "error": {"field": "", "text": text}, "request": sent["request"]}
            raise

    def __repr__(self) -> str:
        view = self._model.view
        return "\n".join(
            [
                f"Explorer of {self._model.study.label}: open it as the last line of a cell in JupyterLab.",
                view["finding"] or view["problem"],
                "",
                view["code"],
            ]
        )

    def _repr_mimebundle_(self, **options: Any) -> Any:
        saved = {
            "text/plain": repr(self),
            "text/html": render_html("explored.html", view=self._model.view, study=self._model.study.label),
        }
        if os.environ.get("CRAMPS_CHARTS") == "saved":  # a report: a page has no kernel to ask
            return saved, {}
        widget, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        return {**widget, **saved}, metadata


def explore(
    study: Study,
    outcome: str | None = None,
    exposure: str | None = None,
    *,
    estimand: str = "prevalence_ratio",
    adjust: Names | None = None,
    domain: str = "",
    by: Names = (),
) -> Explorer:
    """Explore a study in JupyterLab: menus, charts, and the code that reproduces what is shown.

    Parameters
    ----------
    study
        The study. Its participants stay in the kernel; the browser receives what charts, tables and sentences
        show, by the same rules of disclosure.
    outcome, exposure
        The variables to begin with; None for the first outcome and the first measured cause, and "" for no
        exposure.
    estimand, adjust, domain, by
        What to begin with, as in `tk.association`. Where the causal diagram has no set for the first
        exposure, nothing is adjusted for.

    Returns
    -------
    Explorer
        A widget that shows itself as the last line of a cell. In a terminal it prints the first finding and
        its code, and a saved notebook or report keeps the first view without the menus.

    Raises
    ------
    VariableError
        If a variable is unknown or unsuitable for its role, the study has no variable of two levels, or no
        participant is in the domain or has a value.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> print(tk.explore(study, "any_cramps", "diabetes_told", domain="age >= 20"))
    Explorer of SIMULATED study (no real people): ...
    """
    require_study(study, "tk.explore")
    asked: dict[str, Any] = {"estimand": estimand, "domain": domain, "by": as_names(by, "by")}
    if adjust is None or adjust in SIZES:
        asked["adjust"] = adjust or SIZES[0]
    else:
        covariates = as_covariates(adjust)
        asked |= {"adjust": NAMED if covariates else CRUDE, "covariates": covariates}
    return Explorer(ExplorerModel(study, session_names(), outcome=outcome, exposure=exposure, **asked))
