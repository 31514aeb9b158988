"""Answer the choices of the explorer with views; it knows nothing of widgets and browsers."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.explorer.choices import NAMED, TABS, Choice, read_choice
from toolkit.explorer.explored_results import ChoiceError, Explored, choose_first
from toolkit.explorer.explorer_view import compose_view
from toolkit.explorer.menus import list_menus
from toolkit.explorer.reproduced_code import find_opening
from toolkit.studies import Study

_KEPT = 24  # choices whose results are kept, so that going back and forth is quick
_WIDTH = 780


class ExplorerModel:
    """The study, its menus, and the last view that could be shown."""

    def __init__(self, study: Study, names: Mapping[str, Any], **asked: Any) -> None:
        self.study = study
        self.choice = choose_first(study, asked)
        self.menus = {"study": study.label, "tabs": [list(tab) for tab in TABS.items()], **list_menus(study)}
        self.opening = find_opening(study, names)
        self._results: dict[Choice, Explored] = {}
        tab = "association" if self.choice.exposure else "prevalence"
        self.view = self._compose(self.choice, tab, _WIDTH)

    def answer(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the view of what a browser sent; of a choice that is wrong, the last one with the error."""
        tab = str(sent["tab"] if sent.get("tab") in TABS else self.view["tab"])
        width = sent["width"] if isinstance(sent.get("width"), int) else _WIDTH
        error: dict[str, str] = {}
        try:
            self.view = self._compose(self._named(read_choice(sent)), tab, width)
        except ToolkitError as problem:
            field = problem.field if isinstance(problem, ChoiceError) else ""
            error = {"field": field, "text": str(problem)}
            self.view = self._compose(self.choice, tab, width)
        return {**self.view, "error": error, "request": sent.get("request")}

    def _named(self, choice: Choice) -> Choice:
        """Begin the covariates of one's own with those that were adjusted for."""
        last = self.choice
        if choice.adjust == NAMED and last.adjust != NAMED and not choice.covariates:
            return replace(choice, covariates=self._explored(last).covariates if last.exposure else ())
        return choice

    def _explored(self, choice: Choice) -> Explored:
        if choice not in self._results:
            self._results[choice] = Explored(self.study, choice)
            while len(self._results) > _KEPT:
                del self._results[next(iter(self._results))]
        return self._results[choice]

    def _compose(self, choice: Choice, tab: str, width: int) -> dict[str, Any]:
        view = compose_view(self._explored(choice), tab, width, self.opening)
        self.choice = choice
        return {**view, "choice": {**asdict(choice)}, "error": {}, "request": None}
