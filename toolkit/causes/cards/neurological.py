"""Card of neurological disease: derives neuropathy; `datasets/` declares stroke, MS and Parkinson's drugs."""

import polars as pl

from toolkit.causes.card import Card, Prevention, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import cross, make_rule, number, yes_if
from toolkit.variables import Variable

# One site or more of either foot: Gregg et al., Diabetes Care 2004;27:1591-1597. A foot that could not be
# tested leaves the other to decide, which gives their 14.8% of people of 40 and over in 1999-2000.
_FEET = ("insensate_left", "insensate_right")
_neuropathy = make_rule(
    Variable(
        "neuropathy",
        "peripheral neuropathy",
        "yes_no",
        source="insensate_left or insensate_right of 1 site or more; of one foot if the other was not tested",
    ),
    _FEET,
    yes_if(pl.max_horizontal([number(foot) for foot in _FEET]) >= 1),
    cross(
        (0, 1, 3, None),
        (0, 1, 3, None),
        results=(("no", "yes", "yes", "no"), ("yes",) * 4, ("yes",) * 4, ("no", "yes", "yes", None)),
    ),
    any_input=True,
)

CARD = Card(
    name="neurological",
    title="Neurological disorders",
    what="Disorders of the motor nerves or of the pathways that control them: peripheral neuropathy (feet "
    "that do not feel a monofilament), diagnosed stroke and multiple sclerosis, and Parkinson's disease, "
    "identified by its drugs.",
    exposures=(
        _neuropathy.exposure("a sensory test: purely motor neuropathy is missed"),
        measured(
            "stroke",
            "side, site and time of the stroke are unknown; people who died of it are not in a survey",
        ),
        measured(
            "multiple_sclerosis",
            "rare: estimates rest on few people; if known by drugs alone, a proxy that supports no estimate",
        ),
        measured("numb_feet", "a symptom, also of poor circulation and of nerve compression"),
        measured("tingling_feet", "a symptom that resembles cramps and restless legs"),
        measured(
            "parkinson_drug",
            "a proxy for the disease; drugs that are mostly prescribed for restless legs are kept apart",
        ),
    ),
    mechanism="Damaged motor axons become excitable and discharge spontaneously, and fasciculations of the "
    "calf accompany nocturnal cramps. Lesions of the brain or spinal cord remove the inhibition that ends a "
    "contraction.",
    caveats=(
        "Spasms of a spastic leg may be reported as cramps: then the disorder causes the report, not the "
        "cramp.",
        "NHANES tested the feet in 1999-2004 and asked about cramps in 2005-2008: no participant has data on "
        "both.",
        "No cycle of NHANES asks about multiple sclerosis; drugs for it identify 6 people in 2005-2008, too "
        "few for an estimate or a model.",
        "Restless legs and Parkinson's disease can feel alike and share drugs: pramipexole, ropinirole and "
        "rotigotine are a variable of their own, dopamine_agonist.",
        "Diabetes causes both neuropathy and stroke.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "seeing a clinician",
            "Twitching and tingling distinguished people with weekly cramps from matched people without; no "
            "trial of early diagnosis is known here.",
            ("hawke2013_twitch", "hawke2013_tingle"),
        ),
    ),
    rules=(_neuropathy,),
)
