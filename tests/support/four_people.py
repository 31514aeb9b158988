"""Four people as a user's own frame, for the tests of frames and of studies."""

import polars as pl

from toolkit.sources.registry import study
from toolkit.studies import Design, Study

FRAME = pl.DataFrame(
    {
        "cramps": [0, 1, 1, 0],
        "sore": [True, False, None, True],
        "place": ["south", "north", None, "south"],
        "bmi": [20.0, float("nan"), 31.0, None],
        "stratum": [1, 1, 2, 2],
        "w": [1.0, 2.0, 1.0, 2.0],
    }
)
WEIGHTED = Design(weight="w", strata="stratum")


def make(frame: pl.DataFrame = FRAME, design: Design = WEIGHTED) -> Study:
    return study(frame, design=design, name="four people")
