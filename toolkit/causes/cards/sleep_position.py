"""Card of sleeping position: derives half of the night prone or plantar-flexed; not in NHANES."""

from toolkit.causes.card import Card, Prevention, Rule, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import threshold_rule
from toolkit.variables import Variable


def _most_of_the_night(name: str, label: str, share: str) -> Rule:
    source = f"{share} of 0.5 or more; the cut-point is an assumption, since none is published"
    variable = Variable(name, label, "yes_no", source=source)
    return threshold_rule(variable, share, at_least=0.5, no=(0, 0.49), yes=(0.5, 1))


_plantar_flexed = _most_of_the_night(
    "plantar_flexed_night", "plantar flexion for half of the night or more", "plantar_flexed_share"
)
_prone = _most_of_the_night("prone_night", "prone for half of the night or more", "prone_share")

CARD = Card(
    name="sleep_position",
    title="Sleeping position",
    what="Lying prone, or under tight bedclothes, with the foot pointed (plantar flexion), which keeps the "
    "calf muscle short through the night.",
    exposures=(
        _plantar_flexed.exposure(),
        _prone.exposure(
            "people who lie prone with their feet over the end of the mattress do not point them"
        ),
        measured(
            "plantar_flexed_share", "pressure of bedclothes and the angle of the ankle are not distinguished"
        ),
        measured("prone_share", "the position of the trunk, not of the foot"),
    ),
    mechanism="In plantar flexion the calf muscle is at its shortest, where a contraction meets no "
    "resistance and its motor neurons are least inhibited. A twitch or a voluntary stretch in that position "
    "can develop into a cramp.",
    caveats=(
        "NHANES does not ask how people sleep: this cause is measured only where a study recorded it.",
        "No quantitative study of sleeping position and nocturnal cramps is known here; the hypothesis rests "
        "on expert reasoning.",
        "Reverse causation: people with cramps may change their position, and wake and turn more often.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "sleeping posture",
            "A foot board, loose bedclothes or feet over the end of the mattress were proposed from clinical "
            "experience; no study has compared cramps with and without them.",
            ("weiner1980",),
        ),
    ),
    rules=(_plantar_flexed, _prone),
)
