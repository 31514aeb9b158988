"""Describe intense exertion as a cause: minutes of vigorous activity and MET-minutes a week.

Takes `vigorous_minutes`; gives `vigorous_group`.
"""

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import bands
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# 75 minutes a week is the least vigorous activity that the Physical Activity Guidelines for Americans (2nd
# edition, 2018) count as enough. 300, four times that, is declared here as intense: none is published.
EDGES = (1, 75, 300)
VIGOROUS = ("none", "under 75", "75 to under 300", "300 or more")

_group = Rule(
    Derivation(
        Variable(
            "vigorous_group",
            "vigorous activity category",
            "category",
            VIGOROUS,
            unit="minutes a week",
            ordered=True,
            source="vigorous_minutes: none, under 75 (the guideline), 75 to under 300, 300 and over "
            "(declared)",
        ),
        ("vigorous_minutes",),
        bands("vigorous_minutes", EDGES, VIGOROUS),
    ),
    (
        (0, "none"),
        (1, "under 75"),
        (74, "under 75"),
        (75, "75 to under 300"),
        (299, "75 to under 300"),
        (300, "300 or more"),
        (None, None),
    ),
)

# What NHANES asked before 2007 and since 2021: other minutes than those of a typical week, never pooled.
_LEISURE = "leisure activity"
OTHER_INSTRUMENTS = (
    ("listed_vigorous_minutes", f"listed vigorous {_LEISURE}", "minutes a week"),
    ("listed_moderate_minutes", f"listed moderate {_LEISURE}", "minutes a week"),
    (
        "listed_met_minutes",
        f"listed {_LEISURE} weighted by intensity",
        "MET-minutes a week",
    ),
    ("leisure_vigorous_minutes", f"vigorous {_LEISURE}", "minutes a week"),
    ("leisure_moderate_minutes", f"moderate {_LEISURE}", "minutes a week"),
    ("leisure_met_minutes", f"{_LEISURE} weighted by intensity", "MET-minutes a week"),
)


def _other_instrument(name: str, label: str, unit: str) -> Exposure:
    return Exposure(
        Variable(name, label, "number", unit=unit),
        "leisure alone: work and travel are not in it, so it falls short of minutes of a typical week",
    )


CARD = Card(
    name="exertion",
    title="Intense exertion",
    what="Vigorous activity at work or in leisure: activity that makes the heart beat hard or the breath go "
    "fast, "
    "in minutes a week.",
    exposures=(
        Exposure(_group.derivation.variable),
        Exposure(Variable("vigorous_minutes", "vigorous activity", "number", unit="minutes a week")),
        Exposure(
            Variable(
                "met_minutes", "activity weighted by its intensity", "number", unit="MET-minutes a week"
            ),
            "8 for a vigorous minute and 4 for a moderate one, whatever the person's fitness",
        ),
        Exposure(
            Variable("moderate_minutes", "moderate activity", "number", unit="minutes a week"),
            "walking and bicycling to places included; it may prevent more than cause",
        ),
        *(_other_instrument(*words) for words in OTHER_INSTRUMENTS),
        Exposure(
            Variable("strengthening_sessions", "muscle strengthening", "number", unit="sessions a month"),
            "which muscles were strengthened, and how hard, was not asked",
        ),
    ),
    mechanism="A tired muscle sends more excitation from its spindles and less inhibition from its tendon "
    "to the "
    "motor neurons. The imbalance outlasts the effort and can end as a cramp in the night after it.",
    caveats=(
        "Most published work is on cramps during or right after exercise, which are not night cramps.",
        "The usual week is asked about, the hard day before a cramp is not.",
        "Reverse causation: people with cramps or painful legs may do less.",
        "Active people are younger and healthier; a low ratio may show that and nothing else.",
        "NHANES asked about activity with three instruments: leisure of the past 30 days, activity by "
        "activity (1999-2006); a typical week with work and travel (2007-2020); leisure in two questions "
        "(2021-2023). Each has its own names, and their minutes are never pooled.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "moving",
            "Sedentary people of 60 and over had more cramps than active ones in one matched study with a "
            "very wide "
            "interval; too much and too little activity are both suspected.",
            ("delacour2020_sedentary",),
        ),
        Prevention(
            "hydration",
            "Water and salt balance did not tell triathletes with cramps from those without; speed and "
            "earlier "
            "cramps did.",
            ("schwellnus2011",),
        ),
    ),
    rules=(_group,),
)
