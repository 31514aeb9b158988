"""Card of sitting and standing: derives groups of the hours sitting and at screens in `datasets/`."""

from toolkit.causes.card import Card, Prevention, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import band_rule
from toolkit.variables import Variable

# Under 4 and over 8 hours are the outer groups of Ussery et al. on NHANES, JAMA 2018;320:2036-2038. Their
# two middle groups are one here, and exactly 8 hours, a frequent answer, belongs to the top.
_sitting = band_rule(
    Variable(
        "sitting_group",
        "sitting time category",
        "category",
        ("under 4", "4 to under 8", "8 or more"),
        unit="hours a day",
        ordered=True,
        source="sitting_hours: under 4, 4 to under 8, 8 or more",
    ),
    "sitting_hours",
    (4, 8),
    examples=((0, 3.99), (4, 7.99), (8,)),
)

# Dunstan et al. on television, Circulation 2010;121:384-391.
_screen = band_rule(
    Variable(
        "screen_group",
        "screen time category",
        "category",
        ("under 2", "2 to under 4", "4 or more"),
        unit="hours a day",
        ordered=True,
        source="screen_hours: under 2, 2 to under 4, 4 or more",
    ),
    "screen_hours",
    (2, 4),
    examples=((0, 1.5), (2, 3.5), (4,)),
)

_PROXY = "a proxy for sitting: screen time in leisure, not work, travel or meals"

CARD = Card(
    name="sitting_standing",
    title="Long sitting and standing",
    what="Hours spent sitting on a usual day, hours of screen time, the posture of usual activities, and "
    "sedentary time as an accelerometer measures it. Both long sitting and long standing are suspected.",
    exposures=(
        _sitting.exposure("self-report, which is lower than measured sitting"),
        _screen.exposure(_PROXY),
        measured("work_posture", "standing still and walking are one answer"),
        measured(
            "sedentary_hours", "minutes of little movement at the waist: standing still counts as sitting"
        ),
        measured("sitting_hours"),
        measured("screen_hours", _PROXY),
        measured(
            "screen_hours_in_one",
            "the question of 1999-2002: its answers end at 5 hours, where those of two questions end at 10",
        ),
        measured(
            "screen_hours_since_2011",
            "the questions of 2011-2016, whose wording and codes differ from those of 2003-2006",
        ),
    ),
    mechanism="Sitting keeps the calf short and unused, so that it fatigues at low load and its motor "
    "neurons are least inhibited. Standing still fills the veins and keeps the calf contracted for hours.",
    caveats=(
        "Reverse causation: pain, illness and poor sleep make people sit more.",
        "The question on sitting differs between cycles: minutes of sitting from 2007 on, hours of "
        "television and computer use in 2003-2006. They are never merged.",
        "People who wear the accelerometer longer record more sedentary time: adjust for wear_hours.",
        "Long standing is hardly measured: only the usual posture, and only in 1999-2006.",
        "Office work links sitting with education and income.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "moving",
            "One matched study found far more cramps in sedentary people of 60 and over, with a very wide "
            "interval; prolonged standing at work was associated with cramps in men only.",
            ("delacour2020_sedentary", "bahk2012"),
        ),
    ),
    rules=(_sitting, _screen),
)
