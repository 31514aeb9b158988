"""Write frame.csv, 2,000 people of the simulated study, for R scripts of this folder to read.

Takes nothing; gives frame.csv and made.json. No person in it is real. Run from the top of the checkout:
python tests/reference/simulated/make.py
"""

import json
from pathlib import Path

import numpy as np
import polars as pl

from toolkit.sources.registry import open_study

HERE = Path(__file__).parent
EVERY = 6  # of 12,000 people
SEED = 20261123
TAKEN = (
    "cycle", "stratum", "psu", "weight_interview", "weight_examination",
    "age", "sex", "race_ethnicity", "education", "smoking", "bmi", "hba1c",
    "diabetes_told", "arthritis", "hypertension_told", "season", "sitting_hours", "general_health",
    "cramp_frequency", "any_cramps", "frequent_cramps",
)  # fmt: skip
NIGHTS = {"never": 0.4, "rarely": 1.0, "sometimes": 3.0, "often": 8.0, "almost always": 20.0}


def frame() -> pl.DataFrame:
    """Take people and add a count, a month, and a time to an event, each drawn with the seed above."""
    people = open_study("simulated").people.select(TAKEN).gather_every(EVERY)
    random = np.random.default_rng(SEED)
    often = people["cramp_frequency"].cast(pl.String).fill_null("never")
    expected = often.replace_strict(NIGHTS, return_dtype=pl.Float64).to_numpy()
    nights = random.poisson(random.gamma(1.5, expected / 1.5))
    ill = (people["diabetes_told"] == "yes").fill_null(value=False).to_numpy()
    hazard = 0.06 * np.exp(0.015 * (people["age"].to_numpy() - 50) + 0.4 * ill)
    time = np.round(random.exponential(1 / hazard), 3) + 0.001
    warm = (people["season"] == "warm").fill_null(value=False).to_numpy()
    month = np.where(
        warm, random.integers(5, 11, len(warm)), (random.integers(11, 17, len(warm)) - 1) % 12 + 1
    )
    return people.with_columns(
        nights=pl.Series(nights),
        diary=pl.Series(random.integers(20, 31, len(warm))),
        month=pl.Series(month),
        follow_up=pl.Series(np.minimum(time, 10.0)).round(3),
        event=pl.Series((time < 10).astype(int)),
    )


def write(folder: Path = HERE) -> None:
    """Write the frame, and from which model it was drawn."""
    frame().write_csv(folder / "frame.csv")
    made = {"model_sha256": model_sha256(), "every": EVERY, "seed": SEED}
    (folder / "made.json").write_text(json.dumps(made, indent=1) + "\n")


def model_sha256() -> str:
    """Give the fingerprint of the causal model that the people are drawn from."""
    return str(open_study("simulated").provenance["model_sha256"])


if __name__ == "__main__":
    write()
