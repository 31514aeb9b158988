"""Describe lack of stretching as a cause: sessions of stretching or yoga a month.

Takes `stretching_sessions`; gives `regular_stretching`.
"""

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# Two sessions a week over four weeks: the least that the American College of Sports Medicine calls regular
# flexibility exercise (two to three days a week: Garber et al., Med Sci Sports Exerc 2011;43:1334-1359).
REGULAR_FROM = 8

_regular = Rule(
    Derivation(
        Variable(
            "regular_stretching",
            "regular stretching",
            "yes_no",
            reference="yes",
            source="stretching_sessions of 8 and over a month (two a week)",
        ),
        ("stretching_sessions",),
        yes_if(number("stretching_sessions") >= REGULAR_FROM),
    ),
    ((0, "no"), (7, "no"), (8, "yes"), (30, "yes"), (None, None)),
)

CARD = Card(
    name="stretching",
    title="Lack of stretching",
    what="Calf muscles that are seldom stretched. People who stretch or do yoga fewer than 8 times a month "
    "are "
    "compared with those who do so at least twice a week.",
    exposures=(
        Exposure(
            _regular.derivation.variable,
            "those who stretch are the reference: a ratio above 1 is more cramps without stretching",
        ),
        Exposure(
            Variable("stretching_sessions", "stretching or yoga sessions", "number", unit="sessions a month"),
            "which muscles were stretched, and when in the day, was not asked",
        ),
    ),
    mechanism="A calf muscle that is kept short has less pull on the tendon receptors that hold its motor "
    "neurons back. A small contraction of the shortened muscle in bed can then run on as a cramp.",
    caveats=(
        "Reverse causation: people may start to stretch because of cramps, which makes stretching look "
        "useless "
        "or harmful.",
        "Flexibility itself is not measured; stretching stands in for it.",
        "NHANES has stretching in 1999-2006 only, where people named it unasked among leisure activities, "
        "and its "
        "recording changed between cycles: it is never pooled silently.",
        "People who stretch are healthier and more active in other ways.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "stretching",
            "Of two trials of stretching one found fewer and milder cramps in people over 55, the "
            "other no "
            "effect in people who took quinine.",
            ("hallegraeff2012_freq", "hallegraeff2012_sev", "coppin2005_stretch"),
        ),
    ),
    rules=(_regular,),
)
