"""Describe the burden of cramps, which is never their confounder: sleep, function by day, health and care.

Takes answers on sleep, health and care as measured; gives `short_sleep`, `insomnia` with its three symptoms,
`fair_or_poor_health`, `frequent_unhealthy_days` and `many_care_visits`.
"""

from toolkit.causes.outcome import FREQUENCIES
from toolkit.causes.parts import Exposure, Rule, any_yes
from toolkit.causes.recode import answer, number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# Adults need 7 hours or more: Watson et al., Sleep 2015;38:843-844.
SHORT_BELOW = 7
# 5 nights or more in the past month, as frequent cramps.
OFTEN = ("often", "almost always")
# 14 days or more of 30: Centers for Disease Control and Prevention, Measuring Healthy Days, 2000.
UNHEALTHY_FROM = 14
HEALTH = ("excellent", "very good", "good", "fair", "poor")
VISITS = ("none", "1", "2 to 3", "4 to 9", "10 to 12", "13 or more")


def _yes_among(variable: Variable, source: str, levels: tuple[str, ...], yes: tuple[str, ...]) -> Rule:
    cases = (*((level, "yes" if level in yes else "no") for level in levels), (None, None))
    return Rule(Derivation(variable, (source,), yes_if(answer(source).is_in(yes))), cases)


def _from_days(name: str, label: str, source: str) -> Rule:
    return Rule(
        Derivation(
            Variable(name, label, "yes_no", source=f"{source} of 14 and over"),
            (source,),
            yes_if(number(source) >= UNHEALTHY_FROM),
        ),
        ((0, "no"), (13, "no"), (14, "yes"), (30, "yes"), (None, None)),
    )


def _symptom(name: str, label: str, source: str) -> Rule:
    words = f"{source}: often or almost always, 5 nights and more in the past month"
    return _yes_among(Variable(name, label, "yes_no", source=words), source, FREQUENCIES, OFTEN)


_short_sleep = Rule(
    Derivation(
        Variable("short_sleep", "short sleep", "yes_no", source="sleep_hours under 7"),
        ("sleep_hours",),
        yes_if(number("sleep_hours") < SHORT_BELOW),
    ),
    ((1, "yes"), (6, "yes"), (6.9, "yes"), (7, "no"), (12, "no"), (None, None)),
)

_symptoms = (
    _symptom("cannot_fall_asleep", "often cannot fall asleep", "trouble_falling_asleep"),
    _symptom("cannot_stay_asleep", "often cannot stay asleep", "trouble_staying_asleep"),
    _symptom("wakes_too_early", "often wakes too early", "waking_too_early"),
)


_insomnia = any_yes(
    Variable(
        "insomnia",
        "insomnia symptoms",
        "yes_no",
        source="cannot_fall_asleep, cannot_stay_asleep or wakes_too_early",
    ),
    tuple(rule.name for rule in _symptoms),
)

_poor_health = _yes_among(
    Variable("fair_or_poor_health", "fair or poor health", "yes_no", source="general_health: fair or poor"),
    "general_health",
    HEALTH,
    HEALTH[3:],
)
_many_visits = _yes_among(
    Variable(
        "many_care_visits",
        "4 or more visits to a doctor, past 12 months",
        "yes_no",
        source="care_visits: 4 to 9 and more",
    ),
    "care_visits",
    VISITS,
    VISITS[3:],
)
_unhealthy = (
    _from_days(
        "frequent_physical_distress", "poor physical health on 14 days or more", "physically_unhealthy_days"
    ),
    _from_days(
        "frequent_mental_distress", "poor mental health on 14 days or more", "mentally_unhealthy_days"
    ),
)

RULES = (_short_sleep, *_symptoms, _insomnia, _poor_health, *_unhealthy, _many_visits)


def _derived(rule: Rule, caveat: str = "") -> Exposure:
    return Exposure(rule.derivation.variable, caveat)


def _number(name: str, label: str, unit: str, caveat: str = "") -> Exposure:
    return Exposure(Variable(name, label, "number", unit=unit), caveat)


_BEFORE = "poor sleep may also come first: the order in time is not known"

# Outcomes of cramps by domain, the one that stands for it first. None of them is a confounder of a cause.
BURDEN: dict[str, tuple[Exposure, ...]] = {
    "sleep": (
        _derived(_short_sleep, "of the usual work night, by the person's own word"),
        _number("sleep_hours", "sleep on work nights", "hours a night", "whole hours"),
        _derived(_insomnia, _BEFORE),
        *(_derived(rule, _BEFORE) for rule in _symptoms),
        _number("sleep_latency", "time to fall asleep", "minutes", _BEFORE),
    ),
    "daytime function": (
        Exposure(
            Variable("daytime_difficulty", "difficulty by day because of sleepiness", "yes_no"),
            "who does none of the activities has no value",
        ),
        _number("daytime_function", "function by day (1 extreme difficulty, 4 none)", "points"),
    ),
    "health": (
        _derived(_poor_health, "illness that brings cramps also makes health poor"),
        *(_derived(rule, "asked at the examination") for rule in _unhealthy),
        _number(
            "inactive_days", "days kept from usual activities, past 30", "days", "asked at the examination"
        ),
    ),
    "care": (
        Exposure(
            Variable("told_doctor_of_sleep", "told a doctor of trouble sleeping", "yes_no"),
            "trouble sleeping of any kind, not of cramps",
        ),
        _derived(_many_visits, "visits for anything"),
    ),
}
