"""Ask R for the ratios of 23 exposures, adjusted for the small sets of the causal diagram.

Takes a folder of NHANES files laid out like the CDC's site; gives expected.json: sets, knots and results of
R's survey package, and no row of a person (those stand in a temporary folder while R runs). Run from the top
of the checkout: python tests/reference/diagram/make.py MIRROR
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

import toolkit as tk
from toolkit.estimate.regression import knots_at
from toolkit.variables import weight_name

HERE = Path(__file__).parent
CYCLES = ("2005-2006", "2007-2008")
DOMAIN = "age >= 20"
OUTCOMES = ("any_cramps", "frequent_cramps")
EXPOSURES = (
    "joint_limitation", "arthritis", "stroke", "diabetes_told", "long_acting_beta_agonist", "statin",
    "diuretic", "opioid", "antidepressant", "kidney_disease", "low_egfr", "liver_disease", "heart_failure",
    "coronary_disease", "lung_disease", "cancer", "thyroid_disease", "hypertension_told", "pregnancy",
    "magnesium_intake", "serum_calcium", "vitamin_d", "hemoglobin",
)  # fmt: skip
KNOTS = 4


def model(study: tk.Study, outcome: str, exposure: str) -> dict[str, Any]:
    """Give what R is told of one model: its variables, its design, and the knots of age as numbers."""
    chosen = tk.adjustment_for(study, outcome=outcome, exposure=exposure, domain=DOMAIN)
    names = [outcome, exposure, *chosen.variables]
    weight = weight_name(study.weight_for(names).component)
    people = study.people.filter(pl.col("age") >= 20, pl.col(weight) > 0).drop_nulls(names)
    knots = knots_at(people["age"].to_numpy(), people[weight].to_numpy(), KNOTS)
    return {
        "outcome": outcome,
        "exposure": exposure,
        "adjust": list(chosen.terms),
        "covariates": list(chosen.variables),
        "design": weight.replace("weight", "design", 1),
        "knots": knots.tolist(),
    }


def main(mirror: str) -> None:
    """Write the study and the models for R, run expected.R over them, and keep its results."""
    study = tk.open_study("nhanes", cycles=CYCLES, mirror=mirror)
    models = [model(study, outcome, exposure) for exposure in EXPOSURES for outcome in OUTCOMES]
    with tempfile.TemporaryDirectory() as folder:
        study.to_r(folder)
        (Path(folder) / "models.json").write_text(json.dumps(models))
        subprocess.run(
            ["Rscript", "expected.R", folder, str(HERE / "expected.json")],
            cwd=HERE,
            check=True,
        )


if __name__ == "__main__":
    main(sys.argv[1])
