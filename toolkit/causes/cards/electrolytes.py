"""Describe electrolyte imbalance as a cause: calcium, potassium and sodium in serum, minerals in the diet.

Takes `serum_calcium`, `serum_potassium`, `serum_sodium`, `serum_albumin` and what `intakes` takes; gives
`calcium_group`, `potassium_group`, `sodium_group`, `serum_calcium_corrected` and what `intakes` gives.
"""

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.cards.intakes import RULES as _INTAKES
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import number, within
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

RANGE = ("low", "normal", "high")
# Usual reference ranges of adults; both ends are normal. Laboratories differ by a few tenths.
CALCIUM, POTASSIUM, SODIUM = (8.5, 10.2), (3.5, 5.0), (135, 145)


def _serum(name: str, source: str, unit: str, ends: tuple[float, float], *edges: float) -> Rule:
    just_below, low, high, just_above = edges
    variable = Variable(
        f"{name}_group",
        f"serum {name} category",
        "category",
        RANGE,
        reference="normal",
        ordered=True,
        source=f"{source}: low under {ends[0]}, normal {ends[0]} to {ends[1]}, high over {ends[1]} {unit}",
    )
    cases = ((just_below, "low"), (low, "normal"), (high, "normal"), (just_above, "high"), (None, None))
    return Rule(Derivation(variable, (source,), within(source, *ends, RANGE)), cases)


_calcium = _serum("calcium", "serum_calcium", "mg/dL", CALCIUM, 8.4, 8.5, 10.2, 10.3)
_potassium = _serum("potassium", "serum_potassium", "mmol/L", POTASSIUM, 3.4, 3.5, 5.0, 5.1)


_sodium = _serum("sodium", "serum_sodium", "mmol/L", SODIUM, 134, 135, 145, 146)

# The usual correction. The literals are typed: they are no cut-points of the truth table.
_SLOPE, _USUAL_ALBUMIN = pl.lit(0.8, pl.Float64), pl.lit(4.0, pl.Float64)

_corrected = Rule(
    Derivation(
        Variable(
            "serum_calcium_corrected",
            "serum calcium, corrected for albumin",
            "number",
            unit="mg/dL",
            source="serum_calcium + 0.8 x (4.0 - serum_albumin)",
        ),
        ("serum_calcium", "serum_albumin"),
        number("serum_calcium") + _SLOPE * (_USUAL_ALBUMIN - number("serum_albumin")),
    ),
    (
        (9.0, 3.0, 9.8),
        (9.0, 4.0, 9.0),
        (9.0, 4.5, 8.6),
        (9.0, None, None),
        (None, 3.0, None),
        (None, 4.0, None),
        (None, 4.5, None),
        (None, None, None),
    ),
)

_LOW = {rule.name: rule.derivation.variable for rule in _INTAKES}
_ONE_DAY = (
    "one day's recall without supplements: it varies from day to day, so that the share of people below a "
    "reference is too large, and it says nothing of the mineral in the body"
)

CARD = Card(
    name="electrolytes",
    title="Electrolyte imbalance",
    what="Calcium, potassium or sodium in serum outside the reference range; little magnesium, potassium or "
    "calcium in food and drink; diuretics. Magnesium in serum is not measured.",
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
            _sodium.derivation.variable,
            "falls with high glucose, which draws water out of the cells, without a lack of sodium",
        ),
        *(
            Exposure(_LOW[f"low_{mineral}_intake"], _ONE_DAY)
            for mineral in ("magnesium", "potassium", "calcium")
        ),
        Exposure(
            Variable("diuretic", "diuretic use in the past month", "yes_no"),
            "any drug with a diuretic among its ingredients; taken for high blood pressure or a failing "
            "heart, which go with cramps themselves",
        ),
        Exposure(Variable("serum_calcium", "serum calcium", "number", unit="mg/dL")),
        Exposure(
            _corrected.derivation.variable,
            "a variant: NHANES measures albumin by bromcresol purple, on which this correction was not "
            "built; ionised calcium is not measured",
        ),
        Exposure(Variable("serum_potassium", "serum potassium", "number", unit="mmol/L")),
        Exposure(Variable("serum_sodium", "serum sodium", "number", unit="mmol/L")),
        Exposure(
            Variable("bicarbonate", "bicarbonate in serum", "number", unit="mmol/L"),
            "a lack goes with acidosis, an excess with diuretics and vomiting",
        ),
        *(
            Exposure(
                Variable(f"{mineral}_intake", f"{mineral} in food and drink", "number", unit="mg/day"),
                _ONE_DAY,
            )
            for mineral in ("magnesium", "potassium", "calcium")
        ),
        *(
            Exposure(
                Variable(
                    f"{mineral}_intake_two_day",
                    f"{mineral} in food and drink, mean of two days",
                    "number",
                    unit="mg/day",
                ),
                "two days' recall; has a weight of its own and is never analysed beside a first day's intake",
            )
            for mineral in ("magnesium", "potassium", "calcium")
        ),
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
        "not run through serum: a confounder of serum and diet, and an exposure of its own.",
        "Means of calcium step between cycles with the laboratory's instrument, by as much as any effect: "
        "the "
        "cycle belongs in pooled models.",
        "Reference intakes are set to cover nearly everyone: an intake below is no proof of a "
        "lack, and the share of people below is not the share in want.",
        "Magnesium in serum is in no table of NHANES.",
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
    rules=(_calcium, _potassium, _sodium, _corrected, *_INTAKES),
)
