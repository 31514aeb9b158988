"""Causes of cramps, outcomes and covariates as rules: named expressions over columns, with truth tables.

`RULES` lists them by variable; `DERIVATIONS` in an order in which each one finds its inputs. The face shows
the functions `card` and `cards` in place of the module and the folder of these names.
"""

from toolkit.causes.card import Card as Card
from toolkit.causes.card import Exposure as Exposure
from toolkit.causes.card import Rule as Rule
from toolkit.causes.card import card as card
from toolkit.causes.card import cards as cards
from toolkit.causes.covariates import COMORBIDITY_RULES
from toolkit.causes.covariates import RULES as _COVARIATES
from toolkit.causes.outcomes import BURDEN_RULES, CRAMP_RULES
from toolkit.causes.outcomes import burden as burden
from toolkit.variables import Derivation as Derivation

__all__ = ["Card", "Derivation", "Exposure", "Rule", "burden", "card", "cards"]

_list_cards = cards
RULES = {
    rule.name: rule
    for rule in (
        *CRAMP_RULES,
        *_COVARIATES,
        *COMORBIDITY_RULES,
        *BURDEN_RULES,
        *(rule for found in _list_cards().values() for rule in found.rules),
    )
}
DERIVATIONS = tuple(rule.derivation for rule in RULES.values())
cards = _list_cards  # the import of the ten cards has put their folder in its place


def __dir__() -> list[str]:
    return __all__
