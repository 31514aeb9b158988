"""One analysis as chosen in the explorer: outcome, exposure, estimand, adjustment, domain and groups."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from toolkit.dag import SIZES
from toolkit.errors import VariableError, require_known
from toolkit.estimate.regression import COEFFICIENTS, STANDARDIZED
from toolkit.results import ESTIMANDS
from toolkit.variables import Names

# What a tab shows is the attribute of `Explored` of its name.
TABS = {"association": "Association", "prevalence": "Prevalence", "flow": "Participants"}
CRUDE, NAMED = "none", "named"
ESTIMANDS_OFFERED: Mapping[str, str] = {name: ESTIMANDS[name].noun for name in (*COEFFICIENTS, *STANDARDIZED)}
ADJUSTMENTS: Mapping[str, str] = {
    "small": "small set of the diagram",
    "full": "full set of the diagram",
    "core": "core covariates (Model 1)",
    CRUDE: "none (crude)",
    NAMED: "your own list",
}
# What a browser sends is not trusted: longer texts and lists are refused before anything reads them.
_LONGEST, _MOST = 1000, 40


@dataclass(frozen=True)
class Choice:
    """What the menus of the explorer say.

    Attributes
    ----------
    outcome, exposure
        Variables of the study; "" for no exposure.
    estimand
        One of `ESTIMANDS_OFFERED`.
    adjust
        One of `ADJUSTMENTS`; "named" for the covariates.
    covariates
        Names and splines, as `adjust=` of `tk.association` takes them; of no meaning for other adjustments.
    domain
        A condition; "" for all participants.
    by
        Categories, within whose levels is estimated.
    """

    outcome: str
    exposure: str = ""
    estimand: str = "prevalence_ratio"
    adjust: str = "small"
    covariates: tuple[str, ...] = ()
    domain: str = ""
    by: tuple[str, ...] = ()

    @property
    def adjustment(self) -> Names | None:
        """The argument `adjust` of the estimators."""
        if self.adjust == NAMED:
            return self.covariates
        return None if self.adjust == SIZES[0] else () if self.adjust == CRUDE else self.adjust

    @property
    def is_crude(self) -> bool:
        """Whether nothing is adjusted for."""
        return self.adjustment == ()


def read_choice(sent: Mapping[str, Any]) -> Choice:
    """Read a choice that a browser sent, and refuse what no menu offers."""
    values: dict[str, Any] = {}
    for field in fields(Choice):
        given = sent.get(field.name, field.default if isinstance(field.default, str) else ())
        several = field.name in ("covariates", "by")
        texts = given if several else [given]
        if not isinstance(texts, list | tuple) or len(texts) > _MOST or not all(map(_is_text, texts)):
            raise VariableError(
                f"'{field.name}' of the explorer must be text of at most {_LONGEST:,} characters"
                f"{f', in a list of at most {_MOST}' if several else ''}. Choose again."
            )
        values[field.name] = tuple(texts) if several else " ".join(given.split())
    choice = Choice(**values)
    require_known("Unknown estimand", choice.estimand, ESTIMANDS_OFFERED, "Available:", VariableError)
    require_known("Unknown adjustment", choice.adjust, ADJUSTMENTS, "Available:", VariableError)
    return choice


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST
