"""Describe neurological disorders as a cause: peripheral neuropathy, stroke and multiple sclerosis.

Takes `neuropathy`, `stroke` and `multiple_sclerosis` as measured; derives nothing.
"""

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention
from toolkit.codebook import Variable

CARD = Card(
    name="neurological",
    title="Neurological disorders",
    what="Disorders of the motor nerves or of the pathways that steer them: peripheral neuropathy (feet "
    "that do "
    "not feel a monofilament), stroke, and multiple sclerosis, told by a doctor.",
    exposures=(
        Exposure(
            Variable("neuropathy", "peripheral neuropathy", "yes_no"),
            "a test of feeling: neuropathy of motor fibres alone is missed",
        ),
        Exposure(
            Variable("stroke", "stroke, told by a doctor", "yes_no"),
            "side, site and time of the stroke are not known; people who died of it are not in a survey",
        ),
        Exposure(
            Variable("multiple_sclerosis", "multiple sclerosis", "yes_no"),
            "rare: few people stand behind any estimate",
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
        "No cycle of NHANES asks about multiple sclerosis; drugs for it name too few people for an estimate.",
        "Restless legs and Parkinson's disease feel alike to some people and share drugs.",
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
)
