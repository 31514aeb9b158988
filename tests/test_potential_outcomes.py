"""The truth behind the simulated study equals drawing the potential outcomes, or says why it cannot."""

import numpy as np
import pytest

from tests.messages import mentioning
from toolkit.errors import EstimationError, VariableError
from toolkit.sources.simulated.causal_model import load_model
from toolkit.sources.simulated.generate import cramp_probabilities, grow, intervene, psu_sizes
from toolkit.sources.simulated.study import truth


def estimate(frame, estimand, level=None):
    rows = frame.filter(estimand=estimand) if level is None else frame.filter(estimand=estimand, level=level)
    return rows["estimate"][0], rows["precision"][0]


@pytest.fixture(scope="module")
def arthritis():
    return truth(exposure="arthritis", domain="age >= 20")


def test_prevalence_is_near_nhanes():
    any_cramps, precision = estimate(truth(domain="age >= 20"), "prevalence")
    frequent, _ = estimate(truth(outcome="frequent_cramps", domain="age >= 20"), "prevalence")
    assert any_cramps == pytest.approx(0.309, abs=0.005)
    assert frequent == pytest.approx(0.059, abs=0.003)
    assert precision < 0.0006


def test_confounding_is_real(arthritis):
    causal, precision = estimate(arthritis, "prevalence_ratio")
    crude, _ = estimate(arthritis, "crude_ratio")
    assert crude > causal + 50 * precision


def test_the_parts_agree(arthritis):
    yes, _ = estimate(arthritis, "standardised_prevalence", "yes")
    no, _ = estimate(arthritis, "standardised_prevalence", "no")
    assert estimate(arthritis, "prevalence_ratio")[0] == pytest.approx(yes / no, rel=1e-12)
    assert estimate(arthritis, "prevalence_difference")[0] == pytest.approx(yes - no, rel=1e-12)


def test_it_equals_drawing_the_potential_outcome_of_everyone():
    model = load_model()
    sizes = psu_sizes(model, 11)
    drawn = {"no": [], "yes": []}
    chance = np.random.default_rng(1)
    for stratum, row in enumerate(sizes):
        people = grow(model, 11, stratum * len(row) + np.arange(len(row)), row)
        adults = people.columns["age"] >= 20
        for place, level in enumerate(drawn):
            world = intervene(people, {"stroke": np.full(len(adults), float(place))})
            never = cramp_probabilities(world)[:, 0]
            drawn[level].append((chance.random(len(never)) >= never)[adults])
    cases = {level: np.concatenate(parts) for level, parts in drawn.items()}
    told = truth(exposure="stroke", domain="age >= 20", seed=11)
    for level, values in cases.items():
        expected, precision = estimate(told, "standardised_prevalence", level)
        assert abs(values.mean() - expected) < 4 * precision


def test_one_unit_more_of_a_number_counts_what_follows_from_it():
    ratio, _ = estimate(truth(exposure="bmi", domain="age >= 20"), "prevalence_ratio", "+1")
    direct = load_model().nodes["cramp_frequency"].get("any")["bmi"] / load_model().nodes["bmi"].get("step")
    # Body mass also acts through arthritis, diabetes and others: more than its own coefficient.
    assert np.exp(direct) + 0.003 < ratio < 1.03


def test_a_derived_exposure_is_set_by_its_inputs():
    told = truth(exposure="regular_stretching", domain="age >= 20")
    ratio, _ = estimate(told, "prevalence_ratio", "no")
    written = load_model().nodes["cramp_frequency"].get("any")["stretching_sessions>=8"]
    # Nothing follows from stretching but cramps, and a few people are at the cap of the probability.
    assert ratio == pytest.approx(np.exp(-written), abs=0.003)
    assert told.filter(estimand="standardised_prevalence")["level"].to_list() == ["no", "yes"]


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ({"exposure": "arthritus"}, "'arthritis'"),
        ({"exposure": "abi_lower"}, "'abi_lower'"),
        ({"outcome": "cramps"}, ("'any_cramps'", "any_cramps")),
        ({"exposure": "ankle_brachial_index"}, ("'abi_left'", "'abi_right'")),
        ({"domain": "agee >= 20"}, "'age'"),
    ],
)
def test_what_is_not_known_is_told_with_a_remedy(asked, remedy):
    with pytest.raises(VariableError, match=mentioning(remedy)):
        truth(**asked)


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ({"domain": "age > 80"}, "'age > 80'"),
        ({"exposure": "pad", "domain": "age == 16 and sex == 'male'"}, ("'yes'", "'pad'")),
    ],
)
def test_what_is_not_defined_is_told_with_a_remedy(asked, remedy):
    with pytest.raises(EstimationError, match=mentioning(remedy)):
        truth(**asked)
