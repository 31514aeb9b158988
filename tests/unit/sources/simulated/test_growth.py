"""Simulated persons depend on the seed alone, and an intervention changes only what depends on it."""

import numpy as np
import pytest

from toolkit.sources.simulated.causal_model import OUTCOME, load_model, read_model
from toolkit.sources.simulated.generate import (
    People,
    cramp_probabilities,
    intervene,
    logistic,
    psu_sizes,
    simulate_people,
    stream,
)

HEAD = 'label = "SIMULATED"\ncycles = ["2005-2006"]\n'
SIZES = np.array([60_000, 60_000])


@pytest.fixture(scope="module")
def people() -> People:
    return simulate_people(load_model(), 1, np.array([3, 8]), np.array([900, 1_100]))


def simulated(nodes: str) -> People:
    return simulate_people(read_model((HEAD + nodes).encode()), 5, np.arange(2), SIZES)


def test_a_psu_has_the_same_people_whatever_other_psus_are_simulated(people: People) -> None:
    alone = simulate_people(load_model(), 1, np.array([8]), np.array([1_100]))
    for name, values in alone.columns.items():
        np.testing.assert_array_equal(values, people.columns[name][900:], err_msg=name)


def test_nodes_have_the_same_values_whatever_other_nodes_are_drawn(people: People) -> None:
    psus, sizes = np.array([3, 8]), np.array([900, 1_100])
    few = simulate_people(load_model(), 1, psus, sizes, ["diabetes_told"])
    assert "diabetes_told" in few.columns
    assert OUTCOME not in few.columns
    for name, values in few.columns.items():
        np.testing.assert_array_equal(values, people.columns[name], err_msg=name)


def test_streams_of_two_purposes_or_seeds_differ() -> None:
    draws = {tuple(stream(*keys).random(3)) for keys in [(1, 2), (2, 1), (1, 3), (1, 2, 3)]}
    assert len(draws) == 4
    np.testing.assert_array_equal(stream(1, 2).random(3), stream(1, 2).random(3))


def test_psus_are_as_large_as_the_model_says() -> None:
    model = load_model()
    sizes = psu_sizes(model, 4)
    assert sizes.shape == (30, 20)
    assert model.settings["psu_size"][0] <= sizes.min() < sizes.max() <= model.settings["psu_size"][1]


def test_probabilities_of_the_outcome_add_up_and_stay_within_their_cap(people: People) -> None:
    chances = cramp_probabilities(people)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-12)
    assert chances.min() > 0
    assert (1 - chances[:, 0]).max() <= load_model().nodes[OUTCOME].get("most")


def test_the_drawn_outcome_has_the_stated_probabilities() -> None:
    model = load_model()
    sizes = psu_sizes(model, 9)
    everyone = simulate_people(model, 9, np.arange(40), sizes.ravel()[:40])
    expected = cramp_probabilities(everyone)
    drawn = np.bincount(everyone.columns[OUTCOME].astype(int), minlength=5) / len(expected)
    spread = np.sqrt((expected * (1 - expected)).sum(axis=0)) / len(expected)
    assert (np.abs(drawn - expected.mean(axis=0)) < 4 * spread).all()


def test_an_intervention_changes_what_follows_and_nothing_else(people: People) -> None:
    forced = np.ones(people.noise.persons)
    other = intervene(people, {"arthritis": forced})
    follows = set(load_model().descendants(["arthritis"]))
    changed = {
        name for name, values in other.columns.items() if not np.array_equal(values, people.columns[name])
    }
    burden = set(load_model().descendants([OUTCOME]))
    assert {"arthritis", "osteoarthritis", "general_health", "joint_limitation"} <= changed
    assert changed - {"arthritis"} <= follows - burden
    assert (cramp_probabilities(other)[:, 0] <= cramp_probabilities(people)[:, 0]).all()


def test_an_intervention_that_gives_everyone_what_they_have_changes_nothing(people: People) -> None:
    same = intervene(people, {"bmi": people.columns["bmi"]})
    for name, values in people.columns.items():
        np.testing.assert_array_equal(same.columns[name], values, err_msg=name)


def test_a_number_has_the_mean_the_spread_and_the_bounds_that_are_written() -> None:
    plain = '[node.a]\nkind = "number"\nlabel = "a"\nintercept = 5\nsd = 2\n'
    values = simulated(plain).columns["a"]
    assert values.mean() == pytest.approx(5, abs=0.03)
    assert values.std() == pytest.approx(2, abs=0.02)
    bounded = simulated(plain + "minus = 1\nleast = 2\nmost = 6\ndecimals = 0\n").columns["a"]
    assert set(bounded) == {2, 3, 4, 5, 6}


def test_minutes_survive_division_and_multiplication() -> None:
    hours = simulated(
        '[node.a]\nkind = "number"\nlabel = "a"\nintercept = 5\nsd = 2\nleast = 0\nper_hour = 6\n'
    )
    minutes = np.round(hours.columns["a"] * 60)
    assert set(minutes % 10) == {0}
    np.testing.assert_array_equal(minutes / 60, hours.columns["a"])


def test_a_yes_no_follows_the_logit_of_its_parents() -> None:
    text = '[node.a]\nkind = "yes_no"\nlabel = "a"\n[node.b]\nkind = "yes_no"\nlabel = "b"\nintercept = -1\n'
    people = simulated(text + 'effects = { "a=yes" = 1.5 }\n')
    a, b = people.columns["a"] == 1, people.columns["b"]
    assert b[a].mean() == pytest.approx(logistic(np.array(0.5)), abs=0.008)
    assert b[~a].mean() == pytest.approx(logistic(np.array(-1.0)), abs=0.008)


def test_an_ordered_variable_is_cut_where_it_is_written() -> None:
    people = simulated('[node.a]\nkind = "ordered"\nlabel = "a"\nlevels = ["x", "y", "z"]\ncuts = [-1, 1]\n')
    shares = np.bincount(people.columns["a"].astype(int)) / SIZES.sum()
    below = logistic(np.array([-1.0, 1.0]))
    np.testing.assert_allclose(shares, [below[0], below[1] - below[0], 1 - below[1]], atol=0.006)


def test_a_nominal_variable_follows_its_logits() -> None:
    text = '[node.a]\nkind = "nominal"\nlabel = "a"\nlevels = ["x", "y", "z"]\n'
    people = simulated(text + "[node.a.logits]\ny = { intercept = 1.0 }\nz = { intercept = -1.0 }\n")
    odds = np.exp([0.0, 1.0, -1.0])
    shares = np.bincount(people.columns["a"].astype(int)) / SIZES.sum()
    np.testing.assert_allclose(shares, odds / odds.sum(), atol=0.006)


def test_what_requires_another_answer_is_the_first_level_or_none_without_it(people: People) -> None:
    without = people.columns["arthritis"] == 0
    assert set(people.columns["osteoarthritis"][without]) == {0}
    never = people.columns["smoked_100"] == 0
    assert set(people.columns["smokes_now"][never]) == {-1}
    assert people.columns["smokes_now"][~never].min() == 0
