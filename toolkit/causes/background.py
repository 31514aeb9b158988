"""Derive what people are compared by: age groups, smoking, work, and births and pregnancy of everyone.

Takes `age`, `sex` and answers on smoking, work, births and pregnancy as measured; gives `age_group`,
`smoking`, `work_status`, `births` and `pregnancy`.
"""

from itertools import product

import polars as pl

from toolkit.causes.parts import Rule
from toolkit.causes.recode import answer, bands, number
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

AGE_GROUPS = ("20-39", "40-59", "60+")
SMOKING = ("never", "former", "current")

# Age groups of the NCHS for adults (Klein & Schoenborn, Statistical Notes 20, 2001). Under 20 the age is
# known, so the reason of the null is "outside the groups", not "not asked".
_age_group = Rule(
    Derivation(
        Variable(
            "age_group",
            "age group",
            "category",
            AGE_GROUPS,
            unit="years",
            ordered=True,
            source="age: 20 to under 40, 40 to under 60, 60 and over; under 20 is outside the groups",
        ),
        ("age",),
        bands("age", (20, 40, 60), (None, *AGE_GROUPS)),
    ),
    (
        (0, None),
        (19, None),
        (20, "20-39"),
        (39, "20-39"),
        (40, "40-59"),
        (59, "40-59"),
        (60, "60+"),
        (80, "60+"),
        (None, None),
    ),
)

_smoked, _now = answer("smoked_100"), answer("smokes_now")

# NHANES asks SMQ040 only of those who smoked 100 cigarettes (SMQ020), as the CDC's own grouping does:
# whoever did not is "never" whatever stands in the second answer.
_smoking = Rule(
    Derivation(
        Variable(
            "smoking",
            "smoking",
            "category",
            SMOKING,
            source="never: not 100 cigarettes in life; former: 100, now not at all; current: 100, now some "
            "or "
            "every day",
        ),
        ("smoked_100", "smokes_now"),
        pl.when(_smoked == "no")
        .then(pl.lit("never"))
        .when((_smoked == "yes") & (_now == "not at all"))
        .then(pl.lit("former"))
        .when((_smoked == "yes") & _now.is_in(["every day", "some days"]))
        .then(pl.lit("current")),
        gate="smoked_100",
    ),
    (
        ("no", None, "never"),
        ("no", "not at all", "never"),
        ("no", "some days", "never"),
        ("no", "every day", "never"),
        ("yes", "not at all", "former"),
        ("yes", "some days", "current"),
        ("yes", "every day", "current"),
        ("yes", None, None),
        (None, "not at all", None),
        (None, "some days", None),
        (None, "every day", None),
        (None, None, None),
    ),
)

# Why people do not work decides what it means: illness ("unable for health", "disabled") is a level of its
# own, since it often follows from the disease that is studied, and is never plain unemployment.
_OF_REASON = {
    "house or family": "house, family or school",
    "school": "house, family or school",
    "retired": "retired",
    "unable for health": "unable to work for health",
    "layoff": "looking for work",
    "disabled": "unable to work for health",
    "other": "other",
}
_OF_EMPLOYMENT = {
    "working": "working",
    "with a job, not at work": "working",
    "looking for work": "looking for work",
}
WORK = (
    "working",
    "looking for work",
    "house, family or school",
    "retired",
    "unable to work for health",
    "other",
)


def _work_case(employment: str | None, reason: str | None) -> str | None:
    if employment == "not working":
        return _OF_REASON.get(reason or "")
    return _OF_EMPLOYMENT.get(employment or "")


_work = Rule(
    Derivation(
        Variable(
            "work_status",
            "work",
            "category",
            WORK,
            source="employment, and reason_not_working of those who do not work: unable for health and "
            "disabled are one level, layoff counts as looking for work",
        ),
        ("employment", "reason_not_working"),
        pl.when(answer("employment") == "not working")
        .then(answer("reason_not_working").replace_strict(_OF_REASON, default=None, return_dtype=pl.String))
        .otherwise(answer("employment").replace_strict(_OF_EMPLOYMENT, default=None, return_dtype=pl.String)),
        gate="employment",
    ),
    tuple(
        (*case, _work_case(*case))
        for case in product((*_OF_EMPLOYMENT, "not working", None), (*_OF_REASON, None))
    ),
)

# Sex is in every adjustment set, so that the 0 of men compares nobody: what is left is births among women.
_births = Rule(
    Derivation(
        Variable(
            "births",
            "live births (0 for men)",
            "number",
            unit="births",
            source="live_births of women; 0 for men, so that they stay in a model that also holds sex",
        ),
        ("live_births", "sex"),
        pl.when(answer("sex") == "male")
        .then(0.0)
        .when(answer("sex") == "female")
        .then(number("live_births")),
    ),
    (
        (0, "male", 0),
        (0, "female", 0),
        (0, None, None),
        (3, "male", 0),
        (3, "female", 3),
        (3, None, None),
        (None, "male", 0),
        (None, "female", None),
        (None, None, None),
    ),
)

# NHANES asks women to 44 years since 2007 (to 59 before, and found 4 of 1,860 pregnant above 44): older women
# who were not asked are entered as not pregnant, women under the ages asked stay unknown.
PAST_PREGNANCY_FROM = 45


def _pregnancy_case(pregnant: str | None, sex: str | None, age: float | None) -> str | None:
    if pregnant is not None:
        return pregnant
    past = sex == "female" and age is not None and age >= PAST_PREGNANCY_FROM
    return "no" if sex == "male" or past else None


_pregnancy = Rule(
    Derivation(
        Variable(
            "pregnancy",
            "pregnancy",
            "yes_no",
            source="pregnant where it is known; no for men and for women of 45 and older who were not asked, "
            "so that they stay in a model that also holds sex and age",
        ),
        ("pregnant", "sex", "age"),
        pl.when(answer("pregnant").is_not_null())
        .then(answer("pregnant"))
        .when(
            (answer("sex") == "male") | ((answer("sex") == "female") & (number("age") >= PAST_PREGNANCY_FROM))
        )
        .then(pl.lit("no")),
    ),
    tuple(
        (*case, _pregnancy_case(*case))
        for case in product(("no", "yes", None), ("male", "female", None), (44, 45, None))
    ),
)

RULES = (_age_group, _smoking, _work, _births, _pregnancy)
