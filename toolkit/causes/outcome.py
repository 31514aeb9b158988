"""Derive the outcomes from how often people have leg cramps while trying to sleep.

Takes `cramp_frequency` (SLQ160 of NHANES: never, rarely, sometimes, often, almost always in the past month);
gives any, mild and frequent cramps. Mild and frequent exclude one another: the other group counts as no.
Coding: Grandner & Winkelman, PLoS ONE 2017;12(6):e0178465 (mild, moderate to severe).
"""

from toolkit.causes.parts import Rule
from toolkit.causes.recode import answer, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

FREQUENCIES = ("never", "rarely", "sometimes", "often", "almost always")

# What holds of every comparison with these outcomes, and so stands on every card.
CAVEATS = (
    'Cramps are self-reported for the past month (in NHANES "leg cramps while trying to sleep"): no '
    "examination tells them from restless legs or other pain in the legs.",
    "Cause and cramps are asked about at one time: which came first is not known.",
)


def _cramps(name: str, label: str, levels: tuple[str, ...], source: str, *results: str) -> Rule:
    variable = Variable(name, label, "yes_no", source=source)
    expression = yes_if(answer("cramp_frequency").is_in(levels))
    cases = (*zip(FREQUENCIES, results, strict=True), (None, None))
    return Rule(Derivation(variable, ("cramp_frequency",), expression), cases)


RULES = (
    _cramps(
        "any_cramps",
        "any nocturnal leg cramps in the past month",
        ("rarely", "sometimes", "often", "almost always"),
        "cramp_frequency: rarely or more often",
        *("no", "yes", "yes", "yes", "yes"),
    ),
    _cramps(
        "mild_cramps",
        "mild nocturnal leg cramps (1 to 4 in the past month)",
        ("rarely", "sometimes"),
        "cramp_frequency: rarely or sometimes; often and almost always count as no",
        *("no", "yes", "yes", "no", "no"),
    ),
    _cramps(
        "frequent_cramps",
        "frequent nocturnal leg cramps (5 or more in the past month)",
        ("often", "almost always"),
        "cramp_frequency: often or almost always",
        *("no", "no", "no", "yes", "yes"),
    ),
)
