"""Card of intense exertion: derives groups of vigorous minutes, which `datasets/` declares."""

from toolkit.causes.card import Card, Prevention, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import band_rule
from toolkit.variables import Variable

# 75 minutes a week is the least vigorous activity that the Physical Activity Guidelines for Americans (2nd
# edition, 2018) count as enough. 300, four times that, is assumed here to be intense: no cut-point is
# published.
_group = band_rule(
    Variable(
        "vigorous_group",
        "vigorous activity category",
        "category",
        ("none", "under 75", "75 to under 300", "300 or more"),
        unit="minutes a week",
        ordered=True,
        source="vigorous_minutes: none, under 75 (the guideline), 75 to under 300, 300 or more (an "
        "assumption)",
    ),
    "vigorous_minutes",
    (1, 75, 300),
    examples=((0,), (1, 74), (75, 299), (300,)),
)

# What NHANES asked before 2007 and since 2021: other minutes than those of a typical week, never pooled.
OTHER_INSTRUMENTS = tuple(
    f"{instrument}_{activity}_minutes"
    for instrument in ("listed", "leisure")
    for activity in ("vigorous", "moderate", "met")
)

CARD = Card(
    name="exertion",
    title="Intense exertion",
    what="Vigorous activity at work or in leisure: activity that makes the heart beat hard or the breath go "
    "fast, in minutes a week.",
    exposures=(
        _group.exposure(),
        measured("vigorous_minutes"),
        measured(
            "met_minutes", "8 per vigorous minute and 4 per moderate minute, whatever the person's fitness"
        ),
        measured(
            "moderate_minutes", "includes walking and bicycling for transport; may prevent rather than cause"
        ),
        *(
            measured(
                name, "leisure only: without work and travel, so less than the minutes of a typical week"
            )
            for name in OTHER_INSTRUMENTS
        ),
        measured("strengthening_sessions", "which muscles were strengthened, and how hard, was not asked"),
    ),
    mechanism="Fatigued muscle sends more excitation from its spindles and less inhibition from its tendon "
    "organs to the motor neurons. The imbalance outlasts the effort and can end in a cramp during the "
    "following night.",
    caveats=(
        "Most published work is on cramps during or right after exercise, which are not nocturnal cramps.",
        "The questions cover a usual week, not the hard day before a cramp.",
        "Reverse causation: people with cramps or painful legs may do less.",
        "Active people are younger and healthier, and a low ratio may reflect only that.",
        "NHANES asked about activity with three instruments: leisure activities of the past 30 days, one by "
        "one (1999-2006); a typical week with work and travel (2007-2020); leisure in two questions "
        "(2021-2023). Each has its own names, and their minutes are never pooled.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "moving",
            "Sedentary people of 60 and over had more cramps than active ones in one matched study with a "
            "very wide interval; both too much and too little activity are suspected.",
            ("delacour2020_sedentary",),
        ),
        Prevention(
            "hydration",
            "Water and salt balance did not distinguish triathletes with cramps from those without; speed "
            "and earlier cramps did.",
            ("schwellnus2011",),
        ),
    ),
    rules=(_group,),
)
