"""Derive the cramp outcomes, list the variables of their burden, and state the caveats of every card.

Burden follows from cramps and is never their confounder.
"""

from toolkit.causes.card import Exposure, Rule, measured
from toolkit.causes.recode import any_yes_rule, level_rule, threshold_rule
from toolkit.variables import Variable

FREQUENCIES = ("never", "rarely", "sometimes", "often", "almost always")
# 5 nights or more in the past month.
OFTEN = FREQUENCIES[3:]

# Limitations of every comparison with these outcomes, and so part of every card.
CAVEATS = (
    'Cramps are self-reported for the past month (in NHANES "leg cramps while trying to sleep"), and no '
    "examination distinguishes them from restless legs or other leg pain.",
    "Cause and cramps are reported at the same time, so which came first is unknown.",
)


def _cramps(name: str, label: str, levels: tuple[str, ...], source: str) -> Rule:
    """Derive one outcome; mild and frequent exclude one another, so that each counts the other as no."""
    variable = Variable(name, label, "yes_no", source=f"cramp_frequency: {source}")
    return level_rule(variable, "cramp_frequency", FREQUENCIES, levels)


# Coding: Grandner & Winkelman, PLoS ONE 2017;12(6):e0178465 (mild, moderate to severe).
CRAMP_RULES = (
    _cramps(
        "any_cramps",
        "any nocturnal leg cramps in the past month",
        FREQUENCIES[1:],
        "rarely or more often",
    ),
    _cramps(
        "mild_cramps",
        "mild nocturnal leg cramps (1 to 4 per month)",
        ("rarely", "sometimes"),
        "rarely or sometimes; often and almost always count as no",
    ),
    _cramps(
        "frequent_cramps",
        "frequent nocturnal leg cramps (5 or more per month)",
        OFTEN,
        "often or almost always",
    ),
)


def _symptom(name: str, label: str, source: str) -> Rule:
    words = f"{source}: often or almost always (5 nights or more in the past month)"
    return level_rule(Variable(name, label, "yes_no", source=words), source, FREQUENCIES, OFTEN)


def _distress(name: str, label: str, source: str) -> Rule:
    # 14 days or more of 30: Centers for Disease Control and Prevention, Measuring Healthy Days, 2000.
    variable = Variable(name, label, "yes_no", source=f"{source} of 14 or more")
    return threshold_rule(variable, source, at_least=14, no=(0, 13), yes=(14, 30))


# Adults need 7 hours or more: Watson et al., Sleep 2015;38:843-844.
_short_sleep = threshold_rule(
    Variable("short_sleep", "short sleep (under 7 hours)", "yes_no", source="sleep_hours under 7"),
    "sleep_hours",
    below=7,
    no=(7, 12),
    yes=(1, 6, 6.9),
)
_symptoms = (
    _symptom("cannot_fall_asleep", "frequent trouble falling asleep", "trouble_falling_asleep"),
    _symptom("cannot_stay_asleep", "frequent trouble staying asleep", "trouble_staying_asleep"),
    _symptom("wakes_too_early", "frequent early awakening", "waking_too_early"),
)
_insomnia = any_yes_rule(
    Variable(
        "insomnia",
        "insomnia symptoms",
        "yes_no",
        source="cannot_fall_asleep, cannot_stay_asleep or wakes_too_early",
    ),
    tuple(rule.name for rule in _symptoms),
)
_poor_health = level_rule(
    Variable("fair_or_poor_health", "fair or poor health", "yes_no", source="general_health: fair or poor"),
    "general_health",
    ("excellent", "very good", "good", "fair", "poor"),
    yes=("fair", "poor"),
)
_many_visits = level_rule(
    Variable(
        "many_care_visits",
        "4 or more health care visits in the past 12 months",
        "yes_no",
        source="care_visits: 4 to 9 or more",
    ),
    "care_visits",
    ("none", "1", "2 to 3", "4 to 9", "10 to 12", "13 or more"),
    yes=("4 to 9", "10 to 12", "13 or more"),
)
_unhealthy = (
    _distress(
        "frequent_physical_distress", "14 or more days of poor physical health", "physically_unhealthy_days"
    ),
    _distress("frequent_mental_distress", "14 or more days of poor mental health", "mentally_unhealthy_days"),
)
BURDEN_RULES = (_short_sleep, *_symptoms, _insomnia, _poor_health, *_unhealthy, _many_visits)

_BEFORE = "poor sleep may also come first: the temporal order is unknown"

# Consequences of cramps by topic, the main one first. None of them is a confounder of a cause.
BURDEN: dict[str, tuple[Exposure, ...]] = {
    "sleep": (
        _short_sleep.exposure("usual work night, self-reported"),
        measured("sleep_hours", "whole hours"),
        _insomnia.exposure(_BEFORE),
        *(rule.exposure(_BEFORE) for rule in _symptoms),
        measured("sleep_latency", _BEFORE),
    ),
    "daytime function": (
        measured("daytime_difficulty", "missing for participants who do none of the activities"),
        measured("daytime_function"),
    ),
    "health": (
        _poor_health.exposure("illness that causes cramps also makes health poor"),
        *(rule.exposure("reported at the examination") for rule in _unhealthy),
        measured("inactive_days", "reported at the examination"),
    ),
    "care": (
        measured("told_doctor_of_sleep", "any trouble sleeping, not only cramps"),
        _many_visits.exposure("visits for any reason"),
    ),
}


def burden() -> dict[str, tuple[Exposure, ...]]:
    """List the variables that describe the burden of cramps: sleep, daytime function, health and care.

    Returns
    -------
    dict
        The variables of each topic, the main one first. Each has a name, a label and a caveat.

    Examples
    --------
    >>> [item.name for item in burden()["care"]]
    ['told_doctor_of_sleep', 'many_care_visits']
    """
    return dict(BURDEN)
