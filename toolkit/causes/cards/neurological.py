"""Describe neurological disorders as a cause: peripheral neuropathy, stroke and multiple sclerosis.

Takes `insensate_left` and `insensate_right` (sites of the foot without feeling); gives `neuropathy`.
"""

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.causes.recode import number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

FEET = ("insensate_left", "insensate_right")

# One site or more of either foot: Gregg et al., Diabetes Care 2004;27:1591-1597. A foot that could not be
# tested leaves the other to decide, which gives their 14.8 % of people of 40 and over in 1999-2000.
INSENSATE_FROM = 1

_neuropathy = Rule(
    Derivation(
        Variable(
            "neuropathy",
            "peripheral neuropathy",
            "yes_no",
            source="insensate_left or insensate_right of 1 site and over; of one foot if the other was not "
            "tested",
        ),
        FEET,
        yes_if(pl.max_horizontal([number(foot) for foot in FEET]) >= INSENSATE_FROM),
        any_input=True,
    ),
    (
        (0, 0, "no"),
        (0, 1, "yes"),
        (0, 3, "yes"),
        (0, None, "no"),
        (1, 0, "yes"),
        (1, 1, "yes"),
        (1, 3, "yes"),
        (1, None, "yes"),
        (3, 0, "yes"),
        (3, 1, "yes"),
        (3, 3, "yes"),
        (3, None, "yes"),
        (None, 0, "no"),
        (None, 1, "yes"),
        (None, 3, "yes"),
        (None, None, None),
    ),
)

CARD = Card(
    name="neurological",
    title="Neurological disorders",
    what="Disorders of the motor nerves or of the pathways that steer them: peripheral neuropathy (feet "
    "that do not feel a monofilament), stroke and multiple sclerosis, told by a doctor, and Parkinson's "
    "disease, by its drugs.",
    exposures=(
        Exposure(
            _neuropathy.derivation.variable,
            "a test of feeling: neuropathy of motor fibres alone is missed",
        ),
        Exposure(
            Variable("stroke", "diagnosed stroke", "yes_no"),
            "side, site and time of the stroke are not known; people who died of it are not in a survey",
        ),
        Exposure(
            Variable("multiple_sclerosis", "multiple sclerosis", "yes_no"),
            "rare: few people stand behind any estimate; in NHANES a proxy by drugs, fit for no estimate",
        ),
        Exposure(
            Variable("numb_feet", "numb feet in the past 3 months", "yes_no"),
            "a symptom, also of poor circulation and of a pinched nerve",
        ),
        Exposure(
            Variable("tingling_feet", "pain or tingling in the feet in the past 3 months", "yes_no"),
            "a symptom, close to what cramps and restless legs feel like",
        ),
        Exposure(
            Variable("parkinson_drug", "use of a drug for Parkinson's disease in the past month", "yes_no"),
            "a proxy of the disease; drugs that most people take for restless legs are kept apart",
        ),
    ),
    mechanism="Damaged motor axons become excitable and fire on their own, and twitching in the calf goes "
    "with "
    "cramps at night. Lesions of brain or spinal cord take away the inhibition that ends a contraction.",
    caveats=(
        "Spasms of a spastic leg may be reported as cramps: then the disorder causes the answer, not the "
        "cramp.",
        "NHANES tested the feet in 1999-2004 and asked about cramps in 2005-2008: neuropathy and cramps "
        "never meet "
        "in one person there.",
        "No cycle of NHANES asks about multiple sclerosis; drugs for it name 6 people in 2005-2008, too few "
        "for an estimate or a model.",
        "Restless legs and Parkinson's disease feel alike to some people and share drugs: pramipexole, "
        "ropinirole and rotigotine are a variable of their own, dopamine_agonist.",
        "Diabetes causes both neuropathy and stroke.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "seeing a clinician",
            "Twitching and tingling told people with weekly cramps from matched people without; no trial of "
            "early "
            "diagnosis is known here.",
            ("hawke2013_twitch", "hawke2013_tingle"),
        ),
    ),
    rules=(_neuropathy,),
)
