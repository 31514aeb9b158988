"""Describe joint disease as a cause: arthritis, and osteoarthritis among its types.

Takes `arthritis` and `arthritis_type`; gives `osteoarthritis`.
"""

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import answer
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

TYPES = ("osteoarthritis", "rheumatoid arthritis", "psoriatic arthritis", "other")
_told, _type = answer("arthritis"), answer("arthritis_type")

# The type is asked of people with arthritis alone: whoever has none has no osteoarthritis, whatever stands in
# the second answer. A type that is not known is unknown, not no.
_osteoarthritis = Rule(
    Derivation(
        Variable(
            "osteoarthritis",
            "osteoarthritis",
            "yes_no",
            source="no arthritis is no; of arthritis by its type; an unknown type is missing",
        ),
        ("arthritis", "arthritis_type"),
        pl.when(_told == "no")
        .then(pl.lit("no"))
        .when((_told == "yes") & (_type == "osteoarthritis"))
        .then(pl.lit("yes"))
        .when((_told == "yes") & _type.is_in(TYPES[1:]))
        .then(pl.lit("no")),
        gate="arthritis",
    ),
    (
        ("no", "osteoarthritis", "no"),
        ("no", "rheumatoid arthritis", "no"),
        ("no", "psoriatic arthritis", "no"),
        ("no", "other", "no"),
        ("no", None, "no"),
        ("yes", "osteoarthritis", "yes"),
        ("yes", "rheumatoid arthritis", "no"),
        ("yes", "psoriatic arthritis", "no"),
        ("yes", "other", "no"),
        ("yes", None, None),
        (None, "osteoarthritis", None),
        (None, "rheumatoid arthritis", None),
        (None, "psoriatic arthritis", None),
        (None, "other", None),
        (None, None, None),
    ),
)

CARD = Card(
    name="joints",
    title="Joint disease",
    what="Arthritis told by a doctor, of any type, and osteoarthritis, its most common type. The joints "
    "that are affected are not known.",
    exposures=(
        Exposure(
            Variable("arthritis", "diagnosed arthritis", "yes_no"),
            "any joint, also of hand or shoulder, which cannot act on the calf",
        ),
        Exposure(
            _osteoarthritis.derivation.variable,
            "a third of people with arthritis do not know its type: unknown, not no",
        ),
        Exposure(
            Variable("joint_limitation", "activity limited by arthritis", "yes_no"),
            "under 60 years asked in detail only where a limitation was reported: compare within ages",
        ),
        Exposure(
            Variable("joint_pain", "pain or stiffness of a joint in the past 12 months", "yes_no"),
            "any joint; a sprain counts as much as arthritis",
        ),
    ),
    mechanism="Pain and swelling of a joint change the reflexes of the muscles around it and keep them "
    "tense and "
    "short. People with stiff knees and ankles also move and stretch their calves less.",
    caveats=(
        "Pain in joint and muscle is hard to tell apart at night: arthritis may be reported as cramps.",
        "Analgesics and poor sleep go with arthritis and with cramps.",
        "Lumbar stenosis, often found with osteoarthritis, acts through nerves rather than joints.",
        "People who see doctors often are told of more conditions and report more symptoms.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "moving", "No trial of exercise for arthritis with night cramps as its outcome is known here."
        ),
        Prevention(
            "seeing a clinician",
            "After surgery for lumbar stenosis more people said their cramps were worse than better.",
            ("matsumoto2009",),
        ),
    ),
    rules=(_osteoarthritis,),
)
