"""Card of circulation: derives peripheral artery disease (ankle-brachial index) and claudication."""

import polars as pl

from toolkit.causes.card import Card, Prevention, Rule, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import ANSWERS, answer, assign_levels, cross, make_rule, number, threshold_rule
from toolkit.variables import Variable

_LEGS = ("abi_left", "abi_right")
# Above 1.40 the artery cannot be compressed by the cuff: Aboyans et al., Circulation 2012;126:2890-2909.
NON_COMPRESSIBLE_ABOVE = 1.40
# Below 0.90 in either leg: Selvin & Erlinger, Circulation 2004;110:738-743. NHANES releases two decimals,
# so exactly 0.90 occurs and is not disease.
PAD_BELOW = 0.90

_lower_leg = make_rule(
    Variable(
        "ankle_brachial_index",
        "ankle-brachial index (lower leg)",
        "number",
        source="the lower of abi_left and abi_right; of one leg if the other was not measured",
    ),
    _LEGS,
    pl.min_horizontal([number(leg) for leg in _LEGS]),
    cross(
        (0.85, 1.10, None),
        (0.85, 1.10, None),
        results=((0.85, 0.85, 0.85), (0.85, 1.10, 1.10), (0.85, 1.10, None)),
    ),
    any_input=True,
)

_pad = threshold_rule(
    Variable(
        "pad",
        "peripheral arterial disease",
        "yes_no",
        source="ankle_brachial_index below 0.90; 0.90 or above means no",
        note="Legs that cannot be compressed (index above 1.40) count as no disease here and are marked in "
        "non_compressible.",
    ),
    "ankle_brachial_index",
    below=PAD_BELOW,
    no=(0.90, 1.40, 1.41),
    yes=(0.33, 0.89),
)

# Borderline from 0.90 to 0.99 and severe up to 0.40: Hirsch et al., Circulation 2006;113:e463-e654. Between
# them lies mild to moderate disease.
_index = number("ankle_brachial_index")
_group = make_rule(
    Variable(
        "abi_group",
        "ankle-brachial index category",
        "category",
        ("severe", "mild to moderate", "borderline", "normal", "non-compressible"),
        "normal",
        ordered=True,
        source="ankle_brachial_index: severe to 0.40, mild to moderate below 0.90, borderline below 1.00, "
        "normal to 1.40, above it non-compressible",
    ),
    ("ankle_brachial_index",),
    assign_levels(
        {
            "severe": _index <= 0.40,
            "mild to moderate": _index < PAD_BELOW,
            "borderline": _index < 1.00,
            "normal": _index <= NON_COMPRESSIBLE_ABOVE,
            "non-compressible": _index > NON_COMPRESSIBLE_ABOVE,
        }
    ),
    (
        *((value, "severe") for value in (0.23, 0.40)),
        *((value, "mild to moderate") for value in (0.41, 0.89)),
        *((value, "borderline") for value in (0.90, 0.99)),
        *((value, "normal") for value in (1.00, 1.40)),
        (1.41, "non-compressible"),
        (None, None),
    ),
)


def _non_compressible_leg(side: str) -> Rule:
    index, beyond = f"abi_{side}", f"over_255_{side}"
    return make_rule(
        Variable(
            f"non_compressible_{side}",
            f"non-compressible {side} ankle artery",
            "yes_no",
            source=f"{index} above 1.40, or {beyond}; no needs an index: a pulse that was not found is "
            "missing",
        ),
        (index, beyond),
        assign_levels(
            {
                "yes": (number(index) > NON_COMPRESSIBLE_ABOVE) | (answer(beyond) == "yes"),
                "no": number(index) <= NON_COMPRESSIBLE_ABOVE,
            }
        ),
        cross(
            (1.10, 1.40, 1.41, None),
            ANSWERS,
            results=(("no", "yes", "no"), ("no", "yes", "no"), ("yes",) * 3, (None, "yes", None)),
        ),
        any_input=True,
        gate=index,
    )


_non_compressible_legs = tuple(_non_compressible_leg(side) for side in ("left", "right"))
_either = [answer(rule.name) for rule in _non_compressible_legs]
_non_compressible = make_rule(
    Variable(
        "non_compressible",
        "non-compressible ankle artery",
        "yes_no",
        source="non_compressible_left or non_compressible_right; of one leg if the other was not measured",
    ),
    tuple(rule.name for rule in _non_compressible_legs),
    assign_levels(
        {
            "yes": pl.any_horizontal([leg == "yes" for leg in _either]),
            "no": pl.any_horizontal([leg == "no" for leg in _either]),
        }
    ),
    cross(ANSWERS, ANSWERS, results=(("no", "yes", "no"), ("yes", "yes", "yes"), ("no", "yes", None))),
    any_input=True,
)

_walking, _calf = answer("leg_pain_walking"), answer("calf_pain_walking")
_claudication = make_rule(
    Variable(
        "claudication",
        "calf pain while walking",
        "yes_no",
        source="leg_pain_walking and calf_pain_walking; without leg pain the calf was not asked about: no",
    ),
    ("leg_pain_walking", "calf_pain_walking"),
    assign_levels(
        {
            "no": (_walking == "no") | (_calf == "no"),
            "yes": (_walking == "yes") & (_calf == "yes"),
        }
    ),
    cross(ANSWERS, ANSWERS, results=(("no", "no", "no"), ("no", "yes", None), ("no", None, None))),
    gate="leg_pain_walking",
)

CARD = Card(
    name="circulation",
    title="Reduced blood flow in the legs",
    what="Peripheral arterial disease: narrowed arteries of the legs, identified by an ankle blood pressure "
    "that is low relative to the arm's (ankle-brachial index below 0.90 in either leg). Varicose veins are "
    "another disorder of leg circulation and are not measured here.",
    exposures=(
        _pad.exposure(),
        _lower_leg.exposure(),
        _non_compressible.exposure(
            "stiff, calcified arteries, as in long-standing diabetes or kidney disease: the index says "
            "nothing about blood flow in them; in 1999-2000 by the index alone"
        ),
        _group.exposure("of the lower leg: a non-compressible leg beside a lower one does not appear"),
        _claudication.exposure(
            "two questions, not the whole Rose or Edinburgh questionnaire; includes pain of joints or nerves"
        ),
        *(measured(leg, "one leg only") for leg in _LEGS),
    ),
    mechanism="Poorly perfused muscle accumulates metabolites and loses nerve fibers, and both may make "
    "motor nerve endings discharge spontaneously. Flow to the calf is lowest at rest in bed, where the leg "
    "loses the help of gravity.",
    caveats=(
        "Rest pain from severe arterial disease is also felt in bed and may be mistaken for a cramp.",
        "NHANES measured the index in 1999-2004 in people of 40 and over and asked about cramps in "
        "2005-2008: no participant has data on both.",
        "Age, smoking and diabetes cause arterial disease and are associated with cramps: the crude ratio is "
        "confounded.",
        "An index above 1.40 masks disease: people with non-compressible arteries are counted among those "
        "without. A leg whose pressure is over 255 mmHg has no index: pad then rests on the other leg, or is "
        "missing.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "seeing a clinician",
            "No trial has tested whether treating arterial disease reduces nocturnal cramps; the published "
            "findings are associations.",
            ("abdulla1999_pvd", "haskell1997_pvd"),
        ),
        Prevention(
            "moving", "No study of walking exercise with nocturnal cramps as its outcome is known here."
        ),
    ),
    rules=(_lower_leg, _pad, _group, *_non_compressible_legs, _non_compressible, _claudication),
)
