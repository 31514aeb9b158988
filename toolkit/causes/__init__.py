"""Causes of cramps, outcomes and covariates as rules: named expressions over columns, with truth tables.

`RULES` lists them by variable; `DERIVATIONS` in an order in which each one finds its inputs.
"""

from toolkit.causes.card import cards as _cards
from toolkit.causes.comorbidities import RULES as _COMORBIDITIES
from toolkit.causes.covariates import RULES as _COVARIATES
from toolkit.causes.outcomes import BURDEN, BURDEN_RULES, CRAMP_RULES

__all__ = ["BURDEN", "DERIVATIONS", "RULES"]

RULES = {
    rule.name: rule
    for rule in (
        *CRAMP_RULES,
        *_COVARIATES,
        *_COMORBIDITIES,
        *BURDEN_RULES,
        *(rule for card in _cards().values() for rule in card.rules),
    )
}
DERIVATIONS = tuple(rule.derivation for rule in RULES.values())
