"""Describe dehydration and summer heat as a cause: season, serum osmolality, water intake, hot evenings.

Takes `season`, `serum_osmolality`, `water_intake`, `sex`, `urea_nitrogen`, `serum_creatinine` and
`heat_index`; gives `osmolality_group`, `low_water_intake`, `urea_to_creatinine` and `hot_nights`.
"""

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import answer, number, within, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# From 295 impending, above 300 current dehydration, set for measured osmolality of older people:
# Hooper et al., BMJ Open 2015;5:e008846.
IMPENDING_FROM, CURRENT_ABOVE = 295, 300
OSMOLALITY = ("under 295", "295 to 300", "over 300")
# Adequate total water of adults, food and drink, in a moderate climate: EFSA Journal 2010;8(3):1459.
ADEQUATE_WATER = {"male": 2500, "female": 2000}
# "Caution" of the US National Weather Service's heat index begins at 80 °F.
CAUTION_FROM = 80

_osmolality = Rule(
    Derivation(
        Variable(
            "osmolality_group",
            "serum osmolality category",
            "category",
            OSMOLALITY,
            unit="mmol/kg",
            ordered=True,
            source="serum_osmolality: under 295, 295 to 300 (impending dehydration), over 300 (dehydration)",
        ),
        ("serum_osmolality",),
        within("serum_osmolality", IMPENDING_FROM, CURRENT_ABOVE, OSMOLALITY),
    ),
    (
        (294, "under 295"),
        (295, "295 to 300"),
        (300, "295 to 300"),
        (301, "over 300"),
        (None, None),
    ),
)

_water, _sex = number("water_intake"), answer("sex")

_low_water = Rule(
    Derivation(
        Variable(
            "low_water_intake",
            "water intake below the adequate one",
            "yes_no",
            source="water_intake under 2500 mL/day (men), 2000 mL/day (women); of unknown sex: under 2000 "
            "is yes, "
            "2500 and over is no",
        ),
        ("sex", "water_intake"),
        yes_if((_water < ADEQUATE_WATER["female"]) | ((_water < ADEQUATE_WATER["male"]) & (_sex == "male"))),
    ),
    (
        ("male", 1999, "yes"),
        ("male", 2000, "yes"),
        ("male", 2499, "yes"),
        ("male", 2500, "no"),
        ("male", None, None),
        ("female", 1999, "yes"),
        ("female", 2000, "no"),
        ("female", 2499, "no"),
        ("female", 2500, "no"),
        ("female", None, None),
        (None, 1999, "yes"),
        (None, 2000, None),
        (None, 2499, None),
        (None, 2500, "no"),
        (None, None, None),
    ),
)

_urea, _creatinine = number("urea_nitrogen"), number("serum_creatinine")

_ratio = Rule(
    Derivation(
        Variable(
            "urea_to_creatinine",
            "urea nitrogen over creatinine",
            "number",
            unit="mg/mg",
            source="urea_nitrogen / serum_creatinine, creatinine corrected as the CDC advises for each cycle",
        ),
        ("urea_nitrogen", "serum_creatinine"),
        pl.when(_creatinine > 0).then(_urea / _creatinine),
    ),
    (
        (10, 0, None),
        (10, 0.5, 20),
        (10, 1, 10),
        (10, None, None),
        (15, 0, None),
        (15, 0.5, 30),
        (15, 1, 15),
        (15, None, None),
        (None, 0, None),
        (None, 0.5, None),
        (None, 1, None),
        (None, None, None),
    ),
)

_hot = Rule(
    Derivation(
        Variable(
            "hot_nights",
            "hot evenings in the month before",
            "yes_no",
            source="heat_index of 80 °F and over, where the National Weather Service begins to warn",
        ),
        ("heat_index",),
        yes_if(number("heat_index") >= CAUTION_FROM),
    ),
    ((45, "no"), (79, "no"), (80, "yes"), (104, "yes"), (None, None)),
)

CARD = Card(
    name="dehydration_heat",
    title="Dehydration and summer heat",
    what="Loss of body water, and hot weather that brings it about: the warm half of the year, concentrated "
    "serum, little water in food and drink, hot evenings.",
    exposures=(
        Exposure(
            Variable("season", "half-year of the examination", "category", ("cool", "warm"), case="warm"),
            "a proxy of heat: half-years, by the day of the examination, some weeks after the question on "
            "cramps",
        ),
        Exposure(
            _osmolality.derivation.variable,
            "in NHANES calculated from sodium, glucose and urea: a proxy, no measurement of water loss",
        ),
        Exposure(_low_water.derivation.variable, "one day's recall; needs differ by size, heat and activity"),
        Exposure(
            _ratio.derivation.variable,
            "rises with a lack of water, and as well with much protein, bleeding, heart failure and little "
            "muscle",
        ),
        Exposure(_hot.derivation.variable, "weather of a station, not of the bedroom"),
        Exposure(
            Variable("serum_osmolality", "serum osmolality", "number", unit="mmol/kg"),
            "in NHANES calculated from sodium, glucose and urea: a proxy, no measurement of water loss",
        ),
        Exposure(Variable("water_intake", "water in food and drink", "number", unit="mL/day")),
        Exposure(Variable("heat_index", "heat index", "number", unit="°F")),
    ),
    mechanism="When water leaves the space around motor nerve endings, the endings are deformed and the ions "
    "around them shift, and they fire more easily. Nerves may also grow and repair more in summer, which has "
    "been proposed as a reason for more cramps then.",
    caveats=(
        "NHANES examines more in the south in winter and in the north in summer: season is mixed with "
        "region, "
        "which is not public, and the contrast of heat is smaller than the calendar's.",
        "The published summer peak is of prescriptions and of internet searches, not of cramps that people "
        "report.",
        "Calculated osmolality rises with glucose and urea: diabetes and kidney disease confound it by its "
        "formula.",
        "One blood sample, often fasting, says little about the nights of the past month.",
        "Diuretics lower body water and are themselves reported to precede cramps.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "hydration",
            "No trial of drinking more with night cramps as its outcome is known here; studies of athletes "
            "disagree "
            "on whether dehydration goes with exercise cramps.",
            ("schwellnus2011", "connolly2024_dehyd"),
        ),
    ),
    rules=(_osmolality, _low_water, _ratio, _hot),
)
