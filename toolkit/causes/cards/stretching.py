"""Card of stretching: derives regular stretching or yoga from sessions per month."""

from toolkit.causes.card import Card, Prevention, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import threshold_rule
from toolkit.variables import Variable

# Two sessions a week over four weeks: the least that the American College of Sports Medicine calls regular
# flexibility exercise (two to three days a week: Garber et al., Med Sci Sports Exerc 2011;43:1334-1359).
_regular = threshold_rule(
    Variable(
        "regular_stretching",
        "regular stretching",
        "yes_no",
        reference="yes",
        source="stretching_sessions of 8 or more a month (two a week)",
    ),
    "stretching_sessions",
    at_least=8,
    no=(0, 7),
    yes=(8, 30),
)

CARD = Card(
    name="stretching",
    title="Lack of stretching",
    what="Calf muscles that are seldom stretched. People who stretch or do yoga fewer than 8 times a month "
    "are compared with those who do so at least twice a week.",
    exposures=(
        _regular.exposure(
            "regular stretching is the reference: a ratio above 1 means more cramps without it"
        ),
        measured(
            "stretching_sessions", "which muscles were stretched, and at what time of day, was not asked"
        ),
    ),
    mechanism="A shortened calf muscle puts less tension on the tendon receptors that inhibit its motor "
    "neurons. A small contraction of the shortened muscle in bed can then progress to a cramp.",
    caveats=(
        "Reverse causation: people may start to stretch because of cramps, which makes stretching look "
        "useless or harmful.",
        "Flexibility itself is not measured; stretching is a proxy for it.",
        "NHANES recorded stretching only in 1999-2006, when participants volunteered it among their leisure "
        "activities, and its recording changed between cycles: it is never pooled silently.",
        "People who stretch are healthier and more active in other ways.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "stretching",
            "Of two trials of stretching, one found fewer and milder cramps in people over 55; the other "
            "found no effect in people who took quinine.",
            ("hallegraeff2012_freq", "hallegraeff2012_sev", "coppin2005_stretch"),
        ),
    ),
    rules=(_regular,),
)
