"""Describe electrolyte imbalance as a cause: calcium and potassium in serum, magnesium in the diet.

Takes `serum_calcium`, `serum_potassium`, `magnesium_intake`, `age` and `sex`; gives `calcium_group`,
`potassium_group`, `magnesium_requirement` and `low_magnesium_intake`.
"""

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.levels import answer, number, within, yes_if
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.codebook import Variable
from toolkit.derivation import Derivation

RANGE = ("low", "normal", "high")
# Usual reference ranges of adults; both ends are normal. Laboratories differ by a few tenths.
CALCIUM, POTASSIUM = (8.5, 10.2), (3.5, 5.0)


def _serum(name: str, source: str, unit: str, ends: tuple[float, float], *edges: float) -> Rule:
    just_below, low, high, just_above = edges
    variable = Variable(
        f"{name}_group",
        f"serum {name}, grouped",
        "category",
        RANGE,
        reference="normal",
        source=f"{source}: low under {ends[0]}, normal {ends[0]} to {ends[1]}, high over {ends[1]} {unit}",
    )
    cases = ((just_below, "low"), (low, "normal"), (high, "normal"), (just_above, "high"), (None, None))
    return Rule(Derivation(variable, (source,), within(source, *ends, RANGE)), cases)


_calcium = _serum("calcium", "serum_calcium", "mg/dL", CALCIUM, 8.4, 8.5, 10.2, 10.3)
_potassium = _serum("potassium", "serum_potassium", "mmol/L", POTASSIUM, 3.4, 3.5, 5.0, 5.1)


_age, _sex = number("age"), answer("sex")

# Estimated average requirements, mg/day: Institute of Medicine, Dietary Reference Intakes for Calcium,
# Phosphorus, Magnesium, Vitamin D, and Fluoride, 1997. Pregnancy adds 35 to 40 and is left out here.
_requirement = Rule(
    Derivation(
        Variable(
            "magnesium_requirement",
            "average requirement of magnesium",
            "number",
            unit="mg/day",
            source="men 330 (19 to 30 years), 350 (31 and over); women 255, 265; under 19 outside the groups",
        ),
        ("age", "sex"),
        pl.when((_sex == "male") & (_age >= 31))
        .then(350)
        .when((_sex == "male") & (_age >= 19))
        .then(330)
        .when((_sex == "female") & (_age >= 31))
        .then(265)
        .when((_sex == "female") & (_age >= 19))
        .then(255),
    ),
    (
        (18, "male", None),
        (19, "male", 330),
        (30, "male", 330),
        (31, "male", 350),
        (None, "male", None),
        (18, "female", None),
        (19, "female", 255),
        (30, "female", 255),
        (31, "female", 265),
        (None, "female", None),
        (18, None, None),
        (19, None, None),
        (30, None, None),
        (31, None, None),
        (None, None, None),
    ),
)

_low_magnesium = Rule(
    Derivation(
        Variable(
            "low_magnesium_intake",
            "magnesium intake below the average requirement",
            "yes_no",
            source="magnesium_intake under magnesium_requirement",
        ),
        ("magnesium_intake", "magnesium_requirement"),
        yes_if(number("magnesium_intake") < number("magnesium_requirement")),
    ),
    (
        (254, 255, "yes"),
        (255, 255, "no"),
        (349, 255, "no"),
        (350, 255, "no"),
        (None, 255, None),
        (254, 350, "yes"),
        (255, 350, "yes"),
        (349, 350, "yes"),
        (350, 350, "no"),
        (None, 350, None),
        (254, None, None),
        (255, None, None),
        (349, None, None),
        (350, None, None),
        (None, None, None),
    ),
)

CARD = Card(
    name="electrolytes",
    title="Electrolyte imbalance",
    what="Calcium or potassium in serum outside the reference range, and little magnesium in food and drink. "
    "Magnesium in serum is not measured.",
    exposures=(
        Exposure(
            _calcium.derivation.variable,
            "total calcium, half of it bound to albumin; the ionised part, which acts on nerves, is not "
            "measured",
        ),
        Exposure(
            _potassium.derivation.variable,
            "rises when blood cells break in the tube: high values may be artefacts",
        ),
        Exposure(
            _low_magnesium.derivation.variable,
            "one day's recall without supplements; says nothing of the magnesium in the body",
        ),
        Exposure(Variable("serum_calcium", "serum calcium", "number", unit="mg/dL")),
        Exposure(Variable("serum_potassium", "serum potassium", "number", unit="mmol/L")),
        Exposure(Variable("magnesium_intake", "magnesium in food and drink", "number", unit="mg/day")),
    ),
    mechanism="Low calcium or magnesium outside of the cell brings the membranes of nerve and muscle nearer "
    "to "
    "their threshold, and a shift of potassium in either direction unsettles them. Motor nerve endings may "
    "then "
    "fire in runs, which the muscle follows as a cramp.",
    caveats=(
        "Serum is held constant by kidney and bone: it misses a lack inside muscle, and few people are "
        "outside "
        "the range.",
        "Diuretics change potassium, calcium and magnesium and are reported to precede cramps, by ways that "
        "may "
        "not run through serum: a confounder that these variables do not hold.",
        "Means of calcium step between cycles with the laboratory's instrument, by as much as any effect: "
        "the "
        "cycle belongs in pooled models.",
        "One blood sample by day says little about the nights of the past month.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "nutrition",
            "Randomised trials of magnesium tablets in older people found no useful effect on night cramps.",
            ("cochrane2020_pct", "cochrane2020_wk", "cochrane2020_resp", "cochrane2012_wk"),
        ),
        Prevention(
            "seeing a clinician",
            "Quinine was started more often after diuretics than before them; whether changing the drug "
            "lessens "
            "cramps was not tested.",
            ("garrison2012_diuretic", "garrison2012_ksparing", "garrison2012_thiazide"),
        ),
    ),
    rules=(_calcium, _potassium, _requirement, _low_magnesium),
)
