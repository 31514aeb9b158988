"""Define the ten causes, the outcomes, the burden and the background as pure rules over named columns.

Takes nothing; gives `RULES` by variable, and `DERIVATIONS` in an order in which each one finds its inputs.
"""

from toolkit.causes.background import RULES as _BACKGROUND
from toolkit.causes.burden import RULES as _BURDEN
from toolkit.causes.card import cards as _cards
from toolkit.causes.conditions import RULES as _CONDITIONS
from toolkit.causes.further import RULES as _FURTHER
from toolkit.causes.outcome import RULES as _OUTCOME

_all = (
    *_OUTCOME,
    *_BACKGROUND,
    *_FURTHER,
    *_CONDITIONS,
    *_BURDEN,
    *(rule for card in _cards().values() for rule in card.rules),
)
RULES = {rule.name: rule for rule in _all}
DERIVATIONS = tuple(rule.derivation for rule in RULES.values())
