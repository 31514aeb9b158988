"""Describe diabetes as a cause: told by a doctor or found in blood, how long known, how treated.

Takes `diabetes_told`, `hba1c`, `fasting_glucose`, `takes_insulin`, `takes_diabetes_tablets`, `age`,
`age_at_diagnosis` and `retinopathy_grade`; gives `diabetes`, `diabetes_with_glucose`, `hba1c_group`,
`diabetes_treatment`, `diabetes_duration` and `retinopathy`.
"""

from itertools import product

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import answer, bands, number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# 6.5 % and more is diabetes, 5.7 to 6.4 % prediabetes: American Diabetes Association, Standards of Care,
# classification and diagnosis. A diagnosis needs two abnormal results; a survey has one.
PREDIABETES_FROM, DIABETES_FROM = 5.7, 6.5
# Fasting glucose of 126 mg/dL and more is diabetes, by the same source.
GLUCOSE_FROM = 126

_hba1c_group = Rule(
    Derivation(
        Variable(
            "hba1c_group",
            "glycated hemoglobin category",
            "category",
            ("under 5.7", "5.7 to under 6.5", "6.5 or more"),
            unit="%",
            ordered=True,
            source="hba1c: under 5.7, 5.7 to under 6.5 (prediabetes), 6.5 and over (diabetes)",
        ),
        ("hba1c",),
        bands("hba1c", (PREDIABETES_FROM, DIABETES_FROM), ("under 5.7", "5.7 to under 6.5", "6.5 or more")),
    ),
    (
        (5.6, "under 5.7"),
        (5.7, "5.7 to under 6.5"),
        (6.4, "5.7 to under 6.5"),
        (6.5, "6.5 or more"),
        (None, None),
    ),
)

_diabetes = Rule(
    Derivation(
        Variable(
            "diabetes",
            "diabetes, told or by glycated haemoglobin",
            "yes_no",
            source="diabetes_told, or hba1c of 6.5 and over; one yes is enough, a no needs both",
        ),
        ("diabetes_told", "hba1c"),
        yes_if((answer("diabetes_told") == "yes") | (number("hba1c") >= DIABETES_FROM)),
    ),
    (
        ("no", 6.4, "no"),
        ("no", 6.5, "yes"),
        ("no", None, None),
        ("yes", 6.4, "yes"),
        ("yes", 6.5, "yes"),
        ("yes", None, "yes"),
        (None, 6.4, None),
        (None, 6.5, "yes"),
        (None, None, None),
    ),
)

_with_glucose = Rule(
    Derivation(
        Variable(
            "diabetes_with_glucose",
            "diabetes, told, by glycated haemoglobin or by fasting glucose",
            "yes_no",
            source="diabetes, or fasting_glucose of 126 and over; one yes is enough, a no needs both",
        ),
        ("diabetes", "fasting_glucose"),
        yes_if((answer("diabetes") == "yes") | (number("fasting_glucose") >= GLUCOSE_FROM)),
    ),
    (
        ("no", 125, "no"),
        ("no", 126, "yes"),
        ("no", None, None),
        ("yes", 125, "yes"),
        ("yes", 126, "yes"),
        ("yes", None, "yes"),
        (None, 125, None),
        (None, 126, "yes"),
        (None, None, None),
    ),
)

_told, _insulin, _tablets = answer("diabetes_told"), answer("takes_insulin"), answer("takes_diabetes_tablets")
_TREATMENTS = ("not told", "no drug", "tablets", "insulin")


def _treated(told: str | None, insulin: str | None, tablets: str | None) -> str | None:
    """Say one case of the truth table: people who were not told are not told, whatever they take."""
    if told != "yes":
        return "not told" if told == "no" else None
    if insulin != "no":
        return insulin and "insulin"
    return {"yes": "tablets", "no": "no drug", None: None}[tablets]


_treatment = Rule(
    Derivation(
        Variable(
            "diabetes_treatment",
            "treatment of diabetes that was told",
            "category",
            _TREATMENTS,
            source="diabetes_told, then takes_insulin (alone or with tablets), then takes_diabetes_tablets; "
            "drugs count beside a told diagnosis alone",
        ),
        ("diabetes_told", "takes_insulin", "takes_diabetes_tablets"),
        pl.when(_told == "no")
        .then(pl.lit("not told"))
        .when((_told == "yes") & (_insulin == "yes"))
        .then(pl.lit("insulin"))
        .when((_told == "yes") & (_insulin == "no") & (_tablets == "yes"))
        .then(pl.lit("tablets"))
        .when((_told == "yes") & (_insulin == "no") & (_tablets == "no"))
        .then(pl.lit("no drug")),
        gate="diabetes_told",
    ),
    tuple((*given, _treated(*given)) for given in product(("no", "yes", None), repeat=3)),
)

_age, _diagnosed = number("age"), number("age_at_diagnosis")

_duration = Rule(
    Derivation(
        Variable(
            "diabetes_duration",
            "years since diabetes was told",
            "number",
            unit="years",
            source="age - age_at_diagnosis, both 80 for 80 and older; none where that age is above the age",
        ),
        ("age", "age_at_diagnosis"),
        pl.when(_age >= _diagnosed).then(_age - _diagnosed),
    ),
    (
        (50, 0, 50),
        (50, 49, 1),
        (50, 50, 0),
        (50, 51, None),
        (50, 80, None),
        (50, None, None),
        (80, 0, 80),
        (80, 49, 31),
        (80, 50, 30),
        (80, 51, 29),
        (80, 80, 0),
        (80, None, None),
        (None, 0, None),
        (None, 49, None),
        (None, 50, None),
        (None, 51, None),
        (None, 80, None),
        (None, None, None),
    ),
)

_retinopathy = Rule(
    Derivation(
        Variable(
            "retinopathy",
            "retinopathy on retinal photographs",
            "yes_no",
            source="retinopathy_grade: mild or worse in the worse eye",
        ),
        ("retinopathy_grade",),
        yes_if(answer("retinopathy_grade") != "none"),
    ),
    (
        ("none", "no"),
        ("mild", "yes"),
        ("moderate or severe", "yes"),
        ("proliferative", "yes"),
        (None, None),
    ),
)

CARD = Card(
    name="diabetes",
    title="Diabetes",
    what="Diabetes mellitus: told by a doctor, or glycated haemoglobin (HbA1c) of 6.5 % and over in people "
    "who "
    "were not told. HbA1c shows the blood glucose of the past two to three months.",
    exposures=(
        Exposure(
            Variable("diabetes_told", "diagnosed diabetes", "yes_no"),
            "people who do not know of their diabetes count as no; borderline counts as no",
        ),
        Exposure(_diabetes.derivation.variable, "one test; a diagnosis needs two"),
        Exposure(_hba1c_group.derivation.variable),
        Exposure(
            Variable("hba1c", "glycated haemoglobin (HbA1c)", "number", unit="%"),
            "misleads in anaemia, haemoglobin variants and kidney failure",
        ),
        Exposure(
            _with_glucose.derivation.variable,
            "known of those who came fasting in the morning, about half of the examined; one test, where a "
            "diagnosis needs two",
        ),
        Exposure(
            _treatment.derivation.variable,
            "tablets and insulin of people who were not told of diabetes (prediabetes) do not count",
        ),
        Exposure(
            _duration.derivation.variable,
            "years since a doctor said so, which is later than the beginning; ages above 80 are 80, so that "
            "the oldest have 0 to few years on paper",
        ),
        Exposure(_retinopathy.derivation.variable, "seen in people without diabetes too, by other diseases"),
        Exposure(
            Variable("retinopathy_told", "diagnosed retinopathy", "yes_no"),
            "asked of people who were told of diabetes; misses what nobody looked for",
        ),
        Exposure(Variable("fasting_glucose", "glucose in plasma, fasting", "number", unit="mg/dL")),
    ),
    mechanism="High glucose damages the peripheral motor nerves, whose endings then fire on their own, and "
    "the small vessels that feed nerve and muscle. Glucose in the urine carries water, potassium and "
    "magnesium "
    "away with it.",
    caveats=(
        "Neuropathy, by which diabetes may cause cramps, stands on the card of neurological causes; NHANES "
        "tested it in 1999-2004 and asked about cramps in 2005-2008.",
        "Treated people have lower HbA1c: a low value in a person told of diabetes means control, not "
        "absence.",
        "Diuretics and statins go with diabetes and are themselves reported to precede cramps.",
        "Neuropathy, kidney disease and arterial disease lie on the way from diabetes to cramps: adjusting "
        "for "
        "them takes part of the effect away.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "glucose control",
            "No trial of glucose control with cramps as its outcome is known here; among people with type 2 "
            "diabetes cramps went with its duration and with retinopathy.",
            ("li2023_dur", "hu2022_dr"),
        ),
        Prevention(
            "seeing a clinician",
            "Neuropathy and retinopathy are found by examination, not by symptoms alone.",
        ),
    ),
    rules=(_diabetes, _hba1c_group, _with_glucose, _treatment, _duration, _retinopathy),
)
