"""Derive what people are compared by: age groups and smoking.

Takes `age`, `smoked_100` and `smokes_now`; gives `age_group` and `smoking`.
"""

import polars as pl

from toolkit.causes.levels import answer, bands
from toolkit.causes.parts import Rule
from toolkit.codebook import Variable
from toolkit.derivation import Derivation

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

RULES = (_age_group, _smoking)
