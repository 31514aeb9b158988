"""Associations in the simulated study recover the truth it was drawn from, within their standard errors."""

import numpy as np
import polars as pl
import pytest

from toolkit.estimate.associations.models import association
from toolkit.sources.registry import open_study
from toolkit.sources.simulated.potential_outcomes import truth
from toolkit.studies import Study

ADULTS = "age >= 20"
# The causes of arthritis in the causal model; `work_posture` among them, or the ratio stays confounded.
CAUSES_OF_ARTHRITIS = ("age", "sex", "bmi", "work_posture")
# One sample in 3,000 is further off than this.
FAR = 3.6


@pytest.fixture(scope="module")
def simulated() -> Study:
    return open_study("simulated")


def observed(study: Study, outcome: str, exposure: str, estimand: str) -> dict[str, float]:
    """Compare the levels as they are in the population, without intervention."""
    rows = truth(study, outcome, by=exposure, domain=ADULTS)
    prevalence = dict(rows.select(exposure, "estimate").iter_rows())
    reference = prevalence[study.codebook[exposure].reference or next(iter(prevalence))]
    ratio = estimand == "prevalence_ratio"
    return {level: p / reference if ratio else p - reference for level, p in prevalence.items()}


def errors_off(found: pl.DataFrame, true: dict[str, float]) -> np.ndarray:
    rows = found.filter(pl.col("reliability") != "failed")
    expected = np.array([true[level] for level in rows["level"]])
    estimate = rows["estimate"].to_numpy()
    if rows["scale"][0] == "log":
        estimate, expected = np.log(estimate), np.log(expected)
    return np.abs(estimate - expected) / rows["std_error"].to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcome", "exposure"),
    [("any_cramps", "age_group"), ("any_cramps", "diabetes_told"), ("frequent_cramps", "arthritis")],
)
def test_crude_ratios_and_differences(simulated: Study, outcome: str, exposure: str) -> None:
    for estimand in ("prevalence_ratio", "prevalence_difference"):
        found = association(
            simulated, outcome=outcome, exposure=exposure, adjust=(), estimand=estimand, domain=ADULTS
        )
        assert errors_off(found, observed(simulated, outcome, exposure, estimand)).max() < FAR


@pytest.mark.slow
def test_adjustment_for_the_causes_of_the_exposure_gives_the_causal_ratio(simulated: Study) -> None:
    asked = {"outcome": "any_cramps", "exposure": "arthritis", "domain": ADULTS}
    rows = truth(simulated, **asked)
    causal = dict(rows.select("level", "estimate").iter_rows())
    assert (
        errors_off(
            association(simulated, **asked, adjust=CAUSES_OF_ARTHRITIS, allow_descendants=True), causal
        ).max()
        < FAR
    )
    assert errors_off(association(simulated, **asked, adjust=()), causal).max() > FAR


def test_every_output_says_that_nobody_is_real(simulated: Study) -> None:
    found = association(simulated, outcome="any_cramps", exposure="sex", adjust=())
    assert "SIMULATED" in found["study"][0]
