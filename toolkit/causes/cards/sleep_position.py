"""Describe sleeping position as a cause: the share of the night prone or with the foot pointed.

Takes `plantar_flexed_share` and `prone_share`; gives `plantar_flexed_night` and `prone_night`.
"""

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# Half of the night is declared here: no published cut-point of sleeping position and cramps exists.
MOST_OF_THE_NIGHT = 0.5

_CASES = ((0, "no"), (0.49, "no"), (0.5, "yes"), (1, "yes"), (None, None))


def _most_of_the_night(name: str, label: str, share: str) -> Rule:
    source = f"{share} of 0.5 and over; the cut-point is declared, none is published"
    expression = yes_if(number(share) >= MOST_OF_THE_NIGHT)
    return Rule(Derivation(Variable(name, label, "yes_no", source=source), (share,), expression), _CASES)


_plantar_flexed = _most_of_the_night(
    "plantar_flexed_night", "foot pointed for half of the night or more", "plantar_flexed_share"
)
_prone = _most_of_the_night("prone_night", "prone for half of the night or more", "prone_share")

CARD = Card(
    name="sleep_position",
    title="Sleeping position",
    what="Lying prone, or under tight bedclothes, with the foot pointed (plantar flexion), which keeps the "
    "calf "
    "muscle short through the night.",
    exposures=(
        Exposure(_plantar_flexed.derivation.variable),
        Exposure(
            _prone.derivation.variable,
            "who lies prone with the feet over the end of the mattress does not point them",
        ),
        Exposure(
            Variable(
                "plantar_flexed_share", "share of the night with the foot pointed", "number", unit="share"
            ),
            "pressure of bedclothes and the angle of the ankle are not told apart",
        ),
        Exposure(
            Variable("prone_share", "share of the night prone", "number", unit="share"),
            "the position of the trunk, not of the foot",
        ),
    ),
    mechanism="With the foot pointed the calf muscle lies at its shortest, where a contraction meets no "
    "resistance and its motor neurons are least held back. A twitch or a voluntary stretch in that position "
    "can "
    "pass into a cramp.",
    caveats=(
        "NHANES does not ask how people sleep: this cause is measured only where a study recorded it.",
        "No quantitative study of sleeping position and night cramps is known here; the idea rests on expert "
        "reasoning.",
        "Reverse causation: people with cramps may change how they lie, and wake and turn more often.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "sleeping posture",
            "A foot board, loose bedclothes or feet over the end of the mattress were proposed from "
            "experience; "
            "no study has counted cramps with and without them.",
            ("weiner1980",),
        ),
    ),
    rules=(_plantar_flexed, _prone),
)
