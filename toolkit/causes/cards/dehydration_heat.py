"""Card of dehydration and heat: derives groups of osmolality and water intake, and hot evenings."""

import polars as pl

from toolkit.causes.card import Card, Exposure, Prevention, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import answer, cross, make_rule, number, threshold_rule, within, yes_if
from toolkit.variables import Variable

# From 295 impending, above 300 current dehydration, defined for measured osmolality of older people:
# Hooper et al., BMJ Open 2015;5:e008846.
_OSMOLALITY = ("under 295", "295 to 300", "over 300")
_osmolality = make_rule(
    Variable(
        "osmolality_group",
        "serum osmolality category",
        "category",
        _OSMOLALITY,
        unit="mmol/kg",
        ordered=True,
        source="serum_osmolality: under 295, 295 to 300 (impending dehydration), over 300 (dehydration)",
    ),
    ("serum_osmolality",),
    within("serum_osmolality", 295, 300, _OSMOLALITY),
    ((294, "under 295"), (295, "295 to 300"), (300, "295 to 300"), (301, "over 300"), (None, None)),
)

# Adequate total water of adults, food and drink, in a moderate climate: EFSA Journal 2010;8(3):1459.
_water, _sex = number("water_intake"), answer("sex")
_low_water = make_rule(
    Variable(
        "low_water_intake",
        "water intake below the adequate intake",
        "yes_no",
        source="water_intake under 2500 mL/day (men), 2000 mL/day (women); of unknown sex: under 2000 is "
        "yes, 2500 or more means no",
    ),
    ("sex", "water_intake"),
    yes_if((_water < 2000) | ((_water < 2500) & (_sex == "male"))),
    cross(
        ("male", "female", None),
        (1999, 2000, 2499, 2500, None),
        results=(
            ("yes", "yes", "yes", "no", None),
            ("yes", "no", "no", "no", None),
            ("yes", None, None, "no", None),
        ),
    ),
)

_urea, _creatinine = number("urea_nitrogen"), number("serum_creatinine")
_ratio = make_rule(
    Variable(
        "urea_to_creatinine",
        "urea nitrogen to creatinine ratio",
        "number",
        unit="mg/mg",
        source="urea_nitrogen / serum_creatinine, creatinine corrected as the CDC advises for each cycle",
    ),
    ("urea_nitrogen", "serum_creatinine"),
    pl.when(_creatinine > 0).then(_urea / _creatinine),
    cross(
        (10, 15, None),
        (0, 0.5, 1, None),
        results=((None, 20, 10, None), (None, 30, 15, None), (None,) * 4),
    ),
)

# "Caution" of the US National Weather Service's heat index begins at 80 °F.
_hot = threshold_rule(
    Variable(
        "hot_nights",
        "hot evenings in the previous month",
        "yes_no",
        source="heat_index of 80 °F or more, where the National Weather Service's warnings begin",
    ),
    "heat_index",
    at_least=80,
    no=(45, 79),
    yes=(80, 104),
)

_CALCULATED = "where calculated from sodium, glucose and urea, a proxy and not a measurement of water loss"

CARD = Card(
    name="dehydration_heat",
    title="Dehydration and summer heat",
    what="Loss of body water, and the hot weather that causes it: the warm half of the year, concentrated "
    "serum, little water in food and drink, hot evenings.",
    exposures=(
        measured(
            "season",
            "a proxy for heat: half-years by the day of the examination, some weeks after the question on "
            "cramps",
        ),
        _osmolality.exposure(_CALCULATED),
        _low_water.exposure("one day's recall; needs differ by size, heat and activity"),
        _ratio.exposure(
            "rises with lack of water, and also with high protein intake, bleeding, heart failure and low "
            "muscle mass"
        ),
        _hot.exposure("weather of a station, not of the bedroom"),
        measured("serum_osmolality", _CALCULATED),
        measured("water_intake"),
        Exposure(Variable("heat_index", "heat index", "number", unit="°F")),
    ),
    mechanism="When water leaves the space around motor nerve endings, the endings are deformed and the "
    "surrounding ion concentrations shift, so that they discharge more easily. Nerve growth and repair may "
    "also increase in summer, which has been proposed as a reason for more cramps then.",
    caveats=(
        "NHANES examines more in the south in winter and in the north in summer: season is confounded with "
        "region, which is not public, and the contrast in heat is smaller than the calendar's.",
        "The published summer peak is of prescriptions and of internet searches, not of reported cramps.",
        "Calculated osmolality rises with glucose and urea: diabetes and kidney disease confound it by its "
        "formula.",
        "One blood sample, often fasting, says little about the nights of the past month.",
        "Diuretics reduce body water and are themselves reported to precede cramps.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "hydration",
            "No trial of drinking more with nocturnal cramps as its outcome is known here; studies of "
            "athletes disagree on whether dehydration is associated with exercise cramps.",
            ("schwellnus2011", "connolly2024_dehyd"),
        ),
    ),
    rules=(_osmolality, _low_water, _ratio, _hot),
)
