"""Describe long sitting and standing as a cause: hours of sitting, screens, posture, measured time.

Takes `sitting_hours`, `screen_hours`, `work_posture` and `sedentary_hours`; gives `sitting_group` and
`screen_group`.
"""

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import bands
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# Under 4 and over 8 hours are the outer groups of Ussery et al. on NHANES, JAMA 2018;320:2036-2038. Their
# two middle groups are one here, and exactly 8 hours, a frequent answer, belongs to the top.
SITTING = ("under 4", "4 to under 8", "8 or more")
# Dunstan et al. on television, Circulation 2010;121:384-391.
SCREEN = ("under 2", "2 to under 4", "4 or more")
# PAQ180 of NHANES 1999-2006.
POSTURES = ("sits", "stands or walks", "light loads or stairs", "heavy work")

_sitting = Rule(
    Derivation(
        Variable(
            "sitting_group",
            "sitting time category",
            "category",
            SITTING,
            unit="hours a day",
            ordered=True,
            source="sitting_hours: under 4, 4 to under 8, 8 and over",
        ),
        ("sitting_hours",),
        bands("sitting_hours", (4, 8), SITTING),
    ),
    (
        (0, "under 4"),
        (3.99, "under 4"),
        (4, "4 to under 8"),
        (7.99, "4 to under 8"),
        (8, "8 or more"),
        (None, None),
    ),
)

_screen = Rule(
    Derivation(
        Variable(
            "screen_group",
            "screen time category",
            "category",
            SCREEN,
            unit="hours a day",
            ordered=True,
            source="screen_hours: under 2, 2 to under 4, 4 and over",
        ),
        ("screen_hours",),
        bands("screen_hours", (2, 4), SCREEN),
    ),
    (
        (0, "under 2"),
        (1.5, "under 2"),
        (2, "2 to under 4"),
        (3.5, "2 to under 4"),
        (4, "4 or more"),
        (None, None),
    ),
)

CARD = Card(
    name="sitting_standing",
    title="Long sitting and standing",
    what="Hours spent sitting on a usual day, hours before a screen, the posture of usual activities, and "
    "sedentary time as an accelerometer measures it. Both long sitting and long standing are suspected.",
    exposures=(
        Exposure(_sitting.derivation.variable, "self-report, which falls short of measured sitting"),
        Exposure(
            _screen.derivation.variable,
            "a proxy of sitting: leisure before a screen, not work, travel or meals",
        ),
        Exposure(
            Variable("work_posture", "usual posture in the day", "category", POSTURES, "stands or walks"),
            "standing still and walking are one answer",
        ),
        Exposure(
            Variable("sedentary_hours", "sedentary time, measured", "number", unit="hours per valid day"),
            "minutes of little movement at the waist: standing still counts as sitting",
        ),
        Exposure(Variable("sitting_hours", "sitting", "number", unit="hours a day")),
        Exposure(
            Variable("screen_hours", "television and computer", "number", unit="hours a day"),
            "a proxy of sitting: leisure before a screen, not work, travel or meals",
        ),
        Exposure(
            Variable(
                "screen_hours_in_one",
                "television, video and computer, in one question",
                "number",
                unit="hours a day",
            ),
            "the question of 1999-2002: its hours end at 5, where two questions end at 10",
        ),
        Exposure(
            Variable(
                "screen_hours_since_2011",
                "television and computer, words of 2011",
                "number",
                unit="hours a day",
            ),
            "the questions of 2011-2016, with other words and codes than those of 2003-2006",
        ),
    ),
    mechanism="Sitting keeps the calf short and unused, so that it tires at little load and its nerves are "
    "least "
    "held back. Standing still fills the veins and keeps the calf contracted for hours.",
    caveats=(
        "Reverse causation: pain, illness and poor sleep make people sit more.",
        "The question on sitting differs between cycles: minutes of sitting from 2007 on, hours of "
        "television and "
        "computer in 2003-2006. They are never merged.",
        "Who wears the accelerometer longer has more sedentary time: adjust for wear_hours.",
        "Long standing is hardly measured: only the usual posture, and only in 1999-2006.",
        "Office work brings sitting together with education and income.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "moving",
            "One matched study found far more cramps in sedentary people of 60 and over, with a very wide "
            "interval; "
            "prolonged standing at work went with cramps in men alone.",
            ("delacour2020_sedentary", "bahk2012"),
        ),
    ),
    rules=(_sitting, _screen),
)
