"""Describe reduced blood flow in the legs as a cause: arterial disease by the ankle-brachial index.

Takes the index of each leg, whether the ankle's pressure was beyond the cuff, and pain while walking; gives
`ankle_brachial_index`, `pad`, `abi_group`, `non_compressible` (of each leg and of either) and `claudication`.
"""

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import answer, number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

LEGS = ("abi_left", "abi_right")

# Below 0.90 in either leg: Selvin & Erlinger, Circulation 2004;110:738-743. NHANES releases two decimals,
# so exactly 0.90 occurs and is not disease.
PAD_BELOW = 0.90
# Above 1.40 the artery cannot be compressed by the cuff: Aboyans et al., Circulation 2012;126:2890-2909.
NON_COMPRESSIBLE_ABOVE = 1.40
# Borderline from 0.90 to 0.99 and severe up to 0.40: Hirsch et al., Circulation 2006;113:e463-e654. Between
# them lies mild to moderate disease.
SEVERE_TO, NORMAL_FROM = 0.40, 1.00
GROUPS = ("severe", "mild to moderate", "borderline", "normal", "non-compressible")

_legs = [number(leg) for leg in LEGS]

_lower_leg = Rule(
    Derivation(
        Variable(
            "ankle_brachial_index",
            "ankle-brachial index, lower leg",
            "number",
            source="the lower of abi_left and abi_right; of one leg if the other was not measured",
        ),
        LEGS,
        pl.min_horizontal(_legs),
        any_input=True,
    ),
    (
        (0.85, 1.10, 0.85),
        (1.10, 0.85, 0.85),
        (1.10, 1.10, 1.10),
        (0.85, 0.85, 0.85),
        (0.85, None, 0.85),
        (None, 0.85, 0.85),
        (1.10, None, 1.10),
        (None, 1.10, 1.10),
        (None, None, None),
    ),
)

_pad = Rule(
    Derivation(
        Variable(
            "pad",
            "peripheral arterial disease",
            "yes_no",
            source="ankle_brachial_index below 0.90; 0.90 and above is no",
            note="Legs that cannot be compressed (index above 1.40) count as no disease here and are marked "
            "in non_compressible.",
        ),
        ("ankle_brachial_index",),
        yes_if(number("ankle_brachial_index") < PAD_BELOW),
    ),
    ((0.33, "yes"), (0.89, "yes"), (0.90, "no"), (1.40, "no"), (1.41, "no"), (None, None)),
)

_lower = number("ankle_brachial_index")

_group = Rule(
    Derivation(
        Variable(
            "abi_group",
            "ankle-brachial index category",
            "category",
            GROUPS,
            "normal",
            ordered=True,
            source="ankle_brachial_index: severe to 0.40, mild to moderate below 0.90, borderline below "
            "1.00, normal to 1.40, above it non-compressible",
        ),
        ("ankle_brachial_index",),
        pl.when(_lower <= SEVERE_TO)
        .then(pl.lit(GROUPS[0]))
        .when(_lower < PAD_BELOW)
        .then(pl.lit(GROUPS[1]))
        .when(_lower < NORMAL_FROM)
        .then(pl.lit(GROUPS[2]))
        .when(_lower <= NON_COMPRESSIBLE_ABOVE)
        .then(pl.lit(GROUPS[3]))
        .when(_lower > NON_COMPRESSIBLE_ABOVE)
        .then(pl.lit(GROUPS[4])),
    ),
    (
        (0.23, "severe"),
        (0.40, "severe"),
        (0.41, "mild to moderate"),
        (0.89, "mild to moderate"),
        (0.90, "borderline"),
        (0.99, "borderline"),
        (1.00, "normal"),
        (1.40, "normal"),
        (1.41, "non-compressible"),
        (None, None),
    ),
)


def _non_compressible_leg(side: str) -> Rule:
    index, beyond = f"abi_{side}", f"over_255_{side}"
    return Rule(
        Derivation(
            Variable(
                f"non_compressible_{side}",
                f"{side} ankle artery that the cuff cannot compress",
                "yes_no",
                source=f"{index} above 1.40, or {beyond}; no needs an index: a pulse that was not found is "
                "unknown",
            ),
            (index, beyond),
            pl.when((number(index) > NON_COMPRESSIBLE_ABOVE) | (answer(beyond) == "yes"))
            .then(pl.lit("yes"))
            .when(number(index) <= NON_COMPRESSIBLE_ABOVE)
            .then(pl.lit("no")),
            any_input=True,
            gate=index,
        ),
        (
            (1.10, "no", "no"),
            (1.10, "yes", "yes"),
            (1.10, None, "no"),
            (1.40, "no", "no"),
            (1.40, "yes", "yes"),
            (1.40, None, "no"),
            (1.41, "no", "yes"),
            (1.41, "yes", "yes"),
            (1.41, None, "yes"),
            (None, "no", None),
            (None, "yes", "yes"),
            (None, None, None),
        ),
    )


_non_compressible_legs = tuple(_non_compressible_leg(side) for side in ("left", "right"))
_either = [answer(rule.name) for rule in _non_compressible_legs]

_non_compressible = Rule(
    Derivation(
        Variable(
            "non_compressible",
            "ankle artery that the cuff cannot compress",
            "yes_no",
            source="non_compressible_left or non_compressible_right; of one leg if the other was not "
            "measured",
        ),
        tuple(rule.name for rule in _non_compressible_legs),
        pl.when(pl.any_horizontal([leg == "yes" for leg in _either]))
        .then(pl.lit("yes"))
        .when(pl.any_horizontal([leg == "no" for leg in _either]))
        .then(pl.lit("no")),
        any_input=True,
    ),
    (
        ("no", "no", "no"),
        ("no", "yes", "yes"),
        ("no", None, "no"),
        ("yes", "no", "yes"),
        ("yes", "yes", "yes"),
        ("yes", None, "yes"),
        (None, "no", "no"),
        (None, "yes", "yes"),
        (None, None, None),
    ),
)

_walking, _calf = answer("leg_pain_walking"), answer("calf_pain_walking")

_claudication = Rule(
    Derivation(
        Variable(
            "claudication",
            "calf pain while walking",
            "yes_no",
            source="leg_pain_walking and calf_pain_walking; without pain in a leg the calf was not asked: no",
        ),
        ("leg_pain_walking", "calf_pain_walking"),
        pl.when((_walking == "no") | (_calf == "no"))
        .then(pl.lit("no"))
        .when((_walking == "yes") & (_calf == "yes"))
        .then(pl.lit("yes")),
        gate="leg_pain_walking",
    ),
    (
        ("no", "no", "no"),
        ("no", "yes", "no"),
        ("no", None, "no"),
        ("yes", "no", "no"),
        ("yes", "yes", "yes"),
        ("yes", None, None),
        (None, "no", "no"),
        (None, "yes", None),
        (None, None, None),
    ),
)

CARD = Card(
    name="circulation",
    title="Reduced blood flow in the legs",
    what="Peripheral arterial disease: narrowed arteries of the legs, found by an ankle blood pressure that "
    "is "
    "low against the arm's (ankle-brachial index below 0.90 in either leg). Varicose veins are another "
    "disorder of leg circulation and are not measured here.",
    exposures=(
        Exposure(_pad.derivation.variable),
        Exposure(_lower_leg.derivation.variable),
        Exposure(
            _non_compressible.derivation.variable,
            "stiff, calcified arteries, as in long diabetes or kidney disease: the index says nothing about "
            "blood flow in them; in 1999-2000 by the index alone",
        ),
        Exposure(
            _group.derivation.variable,
            "of the lower leg: a non-compressible leg beside a lower one does not show",
        ),
        Exposure(
            _claudication.derivation.variable,
            "two questions, not the whole Rose or Edinburgh questionnaire; pain of joint or nerve is in it",
        ),
        *(
            Exposure(
                Variable(leg, f"ankle-brachial index, {leg.removeprefix('abi_')}", "number"), "one leg alone"
            )
            for leg in LEGS
        ),
    ),
    mechanism="Poorly supplied muscle gathers the products of its work and loses nerve fibres, and both may "
    "make motor nerve endings fire on their own. Flow to the calf is lowest at rest in bed, where the leg "
    "loses the help of gravity.",
    caveats=(
        "Pain at rest from severe arterial disease is felt in bed too and may be taken for a cramp.",
        "NHANES took the index in 1999-2004 from people of 40 and over and asked about cramps in 2005-2008: "
        "the two never meet in one person there.",
        "Age, smoking and diabetes cause arterial disease and go with cramps: the crude ratio is confounded.",
        "An index above 1.40 hides disease: people of non_compressible arteries stand among those without. A "
        "leg whose pressure is beyond 255 mmHg has no index: pad rests on the other leg, or is missing.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "seeing a clinician",
            "No trial has tested whether treating arterial disease lessens night cramps; the published "
            "findings are associations.",
            ("abdulla1999_pvd", "haskell1997_pvd"),
        ),
        Prevention("moving", "No study of walking exercise with night cramps as its outcome is known here."),
    ),
    rules=(_lower_leg, _pad, _group, *_non_compressible_legs, _non_compressible, _claudication),
)
