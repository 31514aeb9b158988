"""Describe joint disease as a cause: arthritis, and osteoarthritis among its types.

Takes `arthritis` and `osteoarthritis` as measured; derives nothing.
"""

from toolkit.causes.card import Card
from toolkit.causes.outcome import CAVEATS
from toolkit.causes.parts import Exposure, Prevention
from toolkit.codebook import Variable

CARD = Card(
    name="joints",
    title="Joint disease",
    what="Arthritis told by a doctor, of any type, and osteoarthritis, its most common type. The joints "
    "that are "
    "affected are not known.",
    exposures=(
        Exposure(
            Variable("arthritis", "arthritis, told by a doctor", "yes_no"),
            "any joint, also of hand or shoulder, which cannot act on the calf",
        ),
        Exposure(
            Variable("osteoarthritis", "osteoarthritis", "yes_no"),
            "a third of people with arthritis do not know its type: unknown, not no",
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
)
