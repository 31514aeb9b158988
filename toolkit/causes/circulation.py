"""Describe reduced blood flow in the legs as a cause: arterial disease by the ankle-brachial index.

Takes `abi_left` and `abi_right`; gives `ankle_brachial_index`, `pad` and `non_compressible`.
"""

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.levels import number, yes_if
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.codebook import Variable
from toolkit.derivation import Derivation

LEGS = ("abi_left", "abi_right")

# Below 0.90 in either leg: Selvin & Erlinger, Circulation 2004;110:738-743. NHANES releases two decimals,
# so exactly 0.90 occurs and is not disease.
PAD_BELOW = 0.90
# Above 1.40 the artery cannot be compressed by the cuff: Aboyans et al., Circulation 2012;126:2890-2909.
NON_COMPRESSIBLE_ABOVE = 1.40

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


_non_compressible = Rule(
    Derivation(
        Variable(
            "non_compressible",
            "ankle artery that the cuff cannot compress",
            "yes_no",
            source="abi_left or abi_right above 1.40; of one leg if the other was not measured",
        ),
        LEGS,
        yes_if(pl.max_horizontal(_legs) > NON_COMPRESSIBLE_ABOVE),
        any_input=True,
    ),
    (
        (1.10, 1.10, "no"),
        (1.10, 1.40, "no"),
        (1.10, 1.41, "yes"),
        (1.10, None, "no"),
        (1.40, 1.10, "no"),
        (1.40, 1.40, "no"),
        (1.40, 1.41, "yes"),
        (1.40, None, "no"),
        (1.41, 1.10, "yes"),
        (1.41, 1.40, "yes"),
        (1.41, 1.41, "yes"),
        (1.41, None, "yes"),
        (None, 1.10, "no"),
        (None, 1.40, "no"),
        (None, 1.41, "yes"),
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
            "blood flow in them",
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
        "An index above 1.40 hides disease: people of non_compressible arteries stand among those without.",
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
    rules=(_lower_leg, _pad, _non_compressible),
)
