"""Card of joint disease: derives osteoarthritis; `datasets/` declares arthritis, pain and limitation."""

from toolkit.causes.card import Card, Prevention, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import ANSWERS, answer, assign_levels, cross, make_rule
from toolkit.variables import Variable

_TYPES = ("osteoarthritis", "rheumatoid arthritis", "psoriatic arthritis", "other")
_arthritis, _type = answer("arthritis"), answer("arthritis_type")

# The type is asked only of people with arthritis: whoever has none has no osteoarthritis, whatever the second
# answer is. An unknown type is missing, not no.
_osteoarthritis = make_rule(
    Variable(
        "osteoarthritis",
        "osteoarthritis",
        "yes_no",
        source="no arthritis is no; with arthritis by its type; an unknown type is missing",
    ),
    ("arthritis", "arthritis_type"),
    assign_levels(
        {
            "no": (_arthritis == "no") | ((_arthritis == "yes") & _type.is_in(_TYPES[1:])),
            "yes": (_arthritis == "yes") & (_type == "osteoarthritis"),
        }
    ),
    cross(ANSWERS, (*_TYPES, None), results=(("no",) * 5, ("yes", "no", "no", "no", None), (None,) * 5)),
    gate="arthritis",
)

CARD = Card(
    name="joints",
    title="Joint disease",
    what="Diagnosed arthritis of any type, and osteoarthritis, its most common type. Which joints are "
    "affected is unknown.",
    exposures=(
        measured("arthritis", "any joint, including hand and shoulder, which cannot act on the calf"),
        _osteoarthritis.exposure("a third of people with arthritis do not know its type: missing, not no"),
        measured(
            "joint_limitation",
            "under 60 years asked in detail only where a limitation was reported: compare within ages",
        ),
        measured("joint_pain", "any joint; a sprain counts as much as arthritis"),
    ),
    mechanism="Pain and swelling of a joint change the reflexes of the muscles around it and keep them tense "
    "and short. People with stiff knees and ankles also move and stretch their calves less.",
    caveats=(
        "Joint and muscle pain are hard to distinguish at night: arthritis may be reported as cramps.",
        "Analgesics and poor sleep are associated with both arthritis and cramps.",
        "Lumbar stenosis, often found with osteoarthritis, acts through nerves rather than joints.",
        "People who see doctors often receive more diagnoses and report more symptoms.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "moving", "No trial of exercise for arthritis with nocturnal cramps as its outcome is known here."
        ),
        Prevention(
            "seeing a clinician",
            "After surgery for lumbar stenosis more people reported worse cramps than better ones.",
            ("matsumoto2009",),
        ),
    ),
    rules=(_osteoarthritis,),
)
