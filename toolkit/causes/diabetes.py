"""Describe diabetes as a cause: told by a doctor, or found by glycated haemoglobin.

Takes `diabetes_told` and `hba1c`; gives `diabetes` and `hba1c_group`.
"""

from toolkit.causes.card import Card
from toolkit.causes.levels import answer, bands, number, yes_if
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.codebook import Variable
from toolkit.derivation import Derivation

# 6.5 % and more is diabetes, 5.7 to 6.4 % prediabetes: American Diabetes Association, Standards of Care,
# classification and diagnosis. A diagnosis needs two abnormal results; a survey has one.
PREDIABETES_FROM, DIABETES_FROM = 5.7, 6.5

_hba1c_group = Rule(
    Derivation(
        Variable(
            "hba1c_group",
            "glycated haemoglobin, grouped",
            "category",
            ("under 5.7", "5.7 to under 6.5", "6.5 or more"),
            unit="%",
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

CARD = Card(
    name="diabetes",
    title="Diabetes",
    what="Diabetes mellitus: told by a doctor, or glycated haemoglobin (HbA1c) of 6.5 % and over in people "
    "who "
    "were not told. HbA1c shows the blood glucose of the past two to three months.",
    exposures=(
        Exposure(
            Variable("diabetes_told", "diabetes, told by a doctor", "yes_no"),
            "people who do not know of their diabetes count as no; borderline counts as no",
        ),
        Exposure(_diabetes.derivation.variable, "one test; a diagnosis needs two"),
        Exposure(_hba1c_group.derivation.variable),
        Exposure(
            Variable("hba1c", "glycated haemoglobin (HbA1c)", "number", unit="%"),
            "misleads in anaemia, haemoglobin variants and kidney failure",
        ),
    ),
    mechanism="High glucose damages the peripheral motor nerves, whose endings then fire on their own, and "
    "the small vessels that feed nerve and muscle. Glucose in the urine carries water, potassium and "
    "magnesium "
    "away with it.",
    caveats=(
        "How long people have had diabetes is not known from these variables.",
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
    rules=(_diabetes, _hba1c_group),
)
