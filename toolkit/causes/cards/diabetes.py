"""Card of diabetes: derives it from diagnosis and blood, its treatment, duration and retinopathy."""

from itertools import product

import polars as pl

from toolkit.causes.card import Card, Prevention, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import ANSWERS, answer, assign_levels, band_rule, cross, make_rule, number, yes_if
from toolkit.variables import Variable

# 6.5% or more is diabetes, 5.7 to 6.4% prediabetes, fasting glucose of 126 mg/dL or more is diabetes:
# American Diabetes Association, Standards of Care, classification and diagnosis. A diagnosis needs two
# abnormal results; a survey has one.
_hba1c_group = band_rule(
    Variable(
        "hba1c_group",
        "HbA1c category",
        "category",
        ("under 5.7", "5.7 to under 6.5", "6.5 or more"),
        unit="%",
        ordered=True,
        source="hba1c: under 5.7, 5.7 to under 6.5 (prediabetes), 6.5 or more (diabetes)",
    ),
    "hba1c",
    (5.7, 6.5),
    examples=((5.6,), (5.7, 6.4), (6.5,)),
)

# One yes is enough, and a no needs both.
_EITHER = (("no", "yes", None), ("yes", "yes", "yes"), (None, "yes", None))

_diabetes = make_rule(
    Variable(
        "diabetes",
        "diabetes (diagnosed or HbA1c of 6.5% or more)",
        "yes_no",
        source="diabetes_told, or hba1c of 6.5 or more; one yes is enough, a no needs both",
    ),
    ("diabetes_told", "hba1c"),
    yes_if((answer("diabetes_told") == "yes") | (number("hba1c") >= 6.5)),
    cross(ANSWERS, (6.4, 6.5, None), results=_EITHER),
)

_with_glucose = make_rule(
    Variable(
        "diabetes_with_glucose",
        "diabetes (diagnosed or by HbA1c or fasting glucose)",
        "yes_no",
        source="diabetes, or fasting_glucose of 126 or more; one yes is enough, a no needs both",
    ),
    ("diabetes", "fasting_glucose"),
    yes_if((answer("diabetes") == "yes") | (number("fasting_glucose") >= 126)),
    cross(ANSWERS, (125, 126, None), results=_EITHER),
)

_diagnosed, _insulin = answer("diabetes_told"), answer("takes_insulin")
_tablets = answer("takes_diabetes_tablets")
_no_insulin = (_diagnosed == "yes") & (_insulin == "no")


def _expect_treatment(diagnosed: str | None, insulin: str | None, tablets: str | None) -> str | None:
    """Classify one case of the truth table: drugs count only after a diagnosis."""
    if diagnosed != "yes":
        return "no diagnosis" if diagnosed == "no" else None
    if insulin != "no":
        return insulin and "insulin"
    return {"yes": "tablets", "no": "no drug", None: None}[tablets]


_treatment = make_rule(
    Variable(
        "diabetes_treatment",
        "treatment of diagnosed diabetes",
        "category",
        ("no diagnosis", "no drug", "tablets", "insulin"),
        source="diabetes_told, then takes_insulin (alone or with tablets), then takes_diabetes_tablets; "
        "drugs count only after a diagnosis",
    ),
    ("diabetes_told", "takes_insulin", "takes_diabetes_tablets"),
    assign_levels(
        {
            "no diagnosis": _diagnosed == "no",
            "insulin": (_diagnosed == "yes") & (_insulin == "yes"),
            "tablets": _no_insulin & (_tablets == "yes"),
            "no drug": _no_insulin & (_tablets == "no"),
        }
    ),
    tuple((*case, _expect_treatment(*case)) for case in product(ANSWERS, repeat=3)),
    gate="diabetes_told",
)

_age, _at_diagnosis = number("age"), number("age_at_diagnosis")
_duration = make_rule(
    Variable(
        "diabetes_duration",
        "years since diabetes diagnosis",
        "number",
        unit="years",
        source="age - age_at_diagnosis, both 80 for 80 and older; missing where the age at diagnosis is "
        "above the age",
    ),
    ("age", "age_at_diagnosis"),
    pl.when(_age >= _at_diagnosis).then(_age - _at_diagnosis),
    cross(
        (50, 80, None),
        (0, 49, 50, 51, 80, None),
        results=((50, 1, 0, None, None, None), (80, 31, 30, 29, 0, None), (None,) * 6),
    ),
)

_GRADES = ("mild", "moderate or severe", "proliferative")
_retinopathy = make_rule(
    Variable(
        "retinopathy",
        "retinopathy on retinal photographs",
        "yes_no",
        source="retinopathy_grade: mild or worse in the worse eye",
    ),
    ("retinopathy_grade",),
    yes_if(answer("retinopathy_grade") != "none"),
    (("none", "no"), *((grade, "yes") for grade in _GRADES), (None, None)),
)

CARD = Card(
    name="diabetes",
    title="Diabetes",
    what="Diabetes mellitus: diagnosed by a doctor, or glycated hemoglobin (HbA1c) of 6.5% or more in "
    "undiagnosed people. HbA1c reflects the blood glucose of the past two to three months.",
    exposures=(
        measured("diabetes_told", "undiagnosed diabetes counts as no; borderline counts as no"),
        _diabetes.exposure("one test; a diagnosis needs two"),
        _hba1c_group.exposure(),
        measured("hba1c", "unreliable in anemia, hemoglobin variants and kidney failure"),
        _with_glucose.exposure(
            "known for participants who came fasting in the morning, about half of those examined; one test, "
            "where a diagnosis needs two"
        ),
        _treatment.exposure("tablets and insulin without a diagnosis of diabetes (prediabetes) do not count"),
        _duration.exposure(
            "years since the diagnosis, which is later than onset; ages above 80 are recorded as 80, so that "
            "the oldest have too few years"
        ),
        _retinopathy.exposure("also seen without diabetes, in other diseases"),
        measured(
            "retinopathy_told", "asked among people with diagnosed diabetes; misses undiagnosed retinopathy"
        ),
        measured("fasting_glucose"),
    ),
    mechanism="High glucose damages the peripheral motor nerves, whose endings then discharge spontaneously, "
    "and the small vessels that supply nerve and muscle. Glucose in the urine carries water, potassium and "
    "magnesium with it.",
    caveats=(
        "Neuropathy, by which diabetes may cause cramps, is on the card of neurological disorders; NHANES "
        "tested it in 1999-2004 and asked about cramps in 2005-2008.",
        "Treated people have lower HbA1c: a low value in a person with diagnosed diabetes means control, not "
        "absence.",
        "Diuretics and statins are more common in diabetes and are themselves reported to precede cramps.",
        "Neuropathy, kidney disease and arterial disease lie on the causal path from diabetes to cramps: "
        "adjusting for them removes part of the effect.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "glucose control",
            "No trial of glucose control with cramps as its outcome is known here; in type 2 diabetes cramps "
            "were associated with its duration and with retinopathy.",
            ("li2023_dur", "hu2022_dr"),
        ),
        Prevention(
            "seeing a clinician",
            "Neuropathy and retinopathy are found by examination, not by symptoms alone.",
        ),
    ),
    rules=(_diabetes, _hba1c_group, _with_glucose, _treatment, _duration, _retinopathy),
)
