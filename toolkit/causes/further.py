"""Name exposures beside the ten causes that the literature ties to cramps: drugs, pregnancy, alcohol, organs.

Takes variables as measured, and `alcohol` and `depression_score`; gives `alcohol_group` and `depression`.
"""

from toolkit.causes.parts import Exposure, Rule
from toolkit.causes.recode import bands, number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# 7 drinks a week for women and 14 for men bound moderate drinking: Dietary Guidelines for Americans, 2015.
DRINKS = ("none", "under 7", "7 to under 14", "14 or more")
# Kroenke et al., J Gen Intern Med 2001;16:606-613.
DEPRESSED_FROM = 10

_alcohol = Rule(
    Derivation(
        Variable(
            "alcohol_group",
            "alcohol category",
            "category",
            DRINKS,
            unit="drinks a week",
            ordered=True,
            source="alcohol: none, under 7, 7 to under 14, 14 and over",
        ),
        ("alcohol",),
        # Any drink at all is more than none: the least that NHANES can hold is 1 drink a year.
        bands("alcohol", (0.001, 7, 14), DRINKS),
    ),
    (
        (0, "none"),
        (0.001, "under 7"),
        (0.02, "under 7"),
        (6.9, "under 7"),
        (7, "7 to under 14"),
        (13.9, "7 to under 14"),
        (14, "14 or more"),
        (None, None),
    ),
)

_depression = Rule(
    Derivation(
        Variable("depression", "depression", "yes_no", source="depression_score (PHQ-9) of 10 and over"),
        ("depression_score",),
        yes_if(number("depression_score") >= DEPRESSED_FROM),
    ),
    ((0, "no"), (9, "no"), (10, "yes"), (27, "yes"), (None, None)),
)

RULES = (_alcohol, _depression)

# Not one of the ten causes, but named in published work; each with the group of `evidence_of` that holds it.
FURTHER: dict[str, tuple[Exposure, ...]] = {
    "drugs": (
        Exposure(
            Variable("diuretic", "diuretic use in the past month", "yes_no"),
            "taken for high blood pressure or a failing heart, which go with cramps themselves",
        ),
        Exposure(
            Variable("statin", "statin use in the past month", "yes_no"),
            "taken by people with arterial disease",
        ),
        Exposure(
            Variable("long_acting_beta_agonist", "long-acting beta agonist use in the past month", "yes_no"),
            "taken for asthma and lung disease",
        ),
    ),
    "pregnancy": (
        Exposure(
            Variable("pregnant", "pregnant", "yes_no"),
            "known of examined women of 20 to 44 (8 to 59 before 2007): others have no value, not a no",
        ),
    ),
    "alcohol": (
        Exposure(_alcohol.derivation.variable, "self-report falls short of what is sold"),
        Exposure(Variable("alcohol", "alcohol", "number", unit="drinks a week")),
    ),
    "liver_kidney": (
        Exposure(
            Variable("kidney_disease", "diagnosed weak or failing kidneys", "yes_no"),
            "most people with early kidney disease have not been told",
        ),
        Exposure(Variable("liver_disease", "diagnosed liver condition", "yes_no"), "of any kind"),
    ),
}
