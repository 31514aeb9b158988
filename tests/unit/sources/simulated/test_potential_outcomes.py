"""The true values of the simulated study: equal to drawn potential outcomes, in the rows of estimates."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from toolkit import results
from toolkit.sources.simulated.causal_model import load_model
from toolkit.sources.simulated.generate import cramp_probabilities, intervene, psu_sizes, simulate_people

ADULTS = "age >= 20"
# The causes of arthritis in the causal model.
CAUSES = ("rcs(age, 4)", "sex", "bmi", "work_posture")


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


def values(frame: pl.DataFrame) -> dict[str, float]:
    return dict(frame.select("level", "estimate").iter_rows())


def test_prevalence_is_near_nhanes(study: tk.Study) -> None:
    found = tk.truth(study, "any_cramps", domain=ADULTS)
    frequent = tk.truth(study, outcome="frequent_cramps", domain=ADULTS)
    assert found["estimand"].to_list() == ["prevalence"]
    assert found["estimate"].item() == pytest.approx(0.309, abs=0.005)
    assert frequent["estimate"].item() == pytest.approx(0.059, abs=0.003)
    everyone = tk.truth(study, "any_cramps")
    assert 900_000 < found["n"].item() < everyone["n"].item() == psu_sizes(load_model(), 2005).sum()


def test_its_rows_are_those_of_the_estimate(study: tk.Study) -> None:
    asked: dict[str, Any] = {
        "outcome": "any_cramps",
        "exposure": "arthritis",
        "domain": ADULTS,
        "reference": "yes",
    }
    estimated = tk.association(study, **asked, adjust=("sex",), estimand="prevalence_difference")
    true = tk.truth(study, **asked, adjust=("sex",), estimand="prevalence_difference")
    keys = [
        "study", "domain", "estimand", "outcome", "outcome_label", "exposure", "exposure_label", "level",
        "level_label", "reference", "adjust", "scale",
    ]  # fmt: skip
    assert true.columns == list(results.SCHEMA)
    assert true.select(keys).equals(estimated.select(keys))
    assert true["std_error"].null_count() == true.height


def test_it_equals_drawing_the_potential_outcome_of_everyone() -> None:
    model = load_model()
    sizes = psu_sizes(model, 11)
    drawn: dict[str, list[np.ndarray]] = {"no": [], "yes": []}
    chance = np.random.default_rng(1)
    for stratum, row in enumerate(sizes):
        people = simulate_people(model, 11, stratum * len(row) + np.arange(len(row)), row)
        adults = people.columns["age"] >= 20
        for place, level in enumerate(drawn):
            world = intervene(people, {"stroke": np.full(len(adults), float(place))})
            never = cramp_probabilities(world)[:, 0]
            drawn[level].append((chance.random(len(never)) >= never)[adults])
    cases = {level: np.concatenate(parts) for level, parts in drawn.items()}
    study = tk.open_study("simulated", seed=11)
    asked = {"outcome": "any_cramps", "exposure": "stroke", "domain": ADULTS}
    true = values(tk.truth(study, **asked, estimand="standardised_prevalence"))
    for level, drawn_cases in cases.items():
        error = np.sqrt(true[level] * (1 - true[level]) / len(drawn_cases))
        assert abs(drawn_cases.mean() - true[level]) < 4 * error


def test_every_estimand_follows_from_the_standardized_prevalences(study: tk.Study) -> None:
    asked = {"outcome": "any_cramps", "exposure": "arthritis", "domain": ADULTS}
    share = values(tk.truth(study, **asked, estimand="standardized_prevalence"))
    odds = {level: p / (1 - p) for level, p in share.items()}
    expected = {
        "prevalence_ratio": share["yes"] / share["no"],
        "standardised_ratio": share["yes"] / share["no"],
        "prevalence_difference": share["yes"] - share["no"],
        "standardised_difference": share["yes"] - share["no"],
        "odds_ratio": odds["yes"] / odds["no"],
    }
    for estimand, value in expected.items():
        found = tk.truth(study, **asked, estimand=estimand, adjust=())
        assert found["estimate"].item() == pytest.approx(value, rel=1e-12), estimand
    turned = tk.truth(study, **asked, reference="yes")
    assert turned.select("level", "reference").row(0) == ("no", "yes")
    assert turned["estimate"].item() == pytest.approx(share["no"] / share["yes"], rel=1e-12)


def test_confounding_is_real(study: tk.Study) -> None:
    observed = tk.truth(study, "any_cramps", by="arthritis", domain=ADULTS)
    by_level = dict(observed.select("arthritis", "estimate").iter_rows())
    causal = tk.truth(study, "any_cramps", "arthritis", domain=ADULTS)["estimate"].item()
    assert by_level["yes"] / by_level["no"] > causal + 0.1


def test_groups_add_up_to_everyone(study: tk.Study) -> None:
    whole = tk.truth(study, "any_cramps", domain="age >= 40")
    parts = tk.truth(study, "any_cramps", by=("cycle", "age_group"), domain="age >= 40")
    known = parts.filter(pl.col("n") > 0)
    assert known.select("cycle", "age_group").n_unique() == known.height == 4
    assert known["n"].sum() == whole["n"].item()
    assert np.average(known["estimate"], weights=known["n"]) == pytest.approx(whole["estimate"].item())
    assert parts.select("cycle", "age_group", "n", "reliability").row(0) == (
        "2005-2006",
        "20-39",
        0,
        "failed",
    )


def test_one_unit_more_of_a_number_counts_what_follows_from_it(study: tk.Study) -> None:
    found = tk.truth(study, "any_cramps", "bmi", domain=ADULTS)
    direct = load_model().nodes["cramp_frequency"].get("any")["bmi"] / load_model().nodes["bmi"].get("step")
    # Body mass also acts through arthritis, diabetes and others: more than its own coefficient.
    assert np.exp(direct) + 0.003 < found["estimate"].item() < 1.03
    assert found.select("level", "reference").row(0) == ("per unit", None)
    odds = tk.truth(study, "any_cramps", "bmi", domain=ADULTS, estimand="odds_ratio", adjust="age, sex")
    assert found["estimate"].item() < odds["estimate"].item() < 1.05


def test_a_derived_exposure_is_set_by_its_inputs(study: tk.Study) -> None:
    found = tk.truth(study, "any_cramps", "regular_stretching", domain=ADULTS)
    written = load_model().nodes["cramp_frequency"].get("any")["stretching_sessions>=8"]
    # Nothing follows from stretching but cramps, and a few people are at the cap of the probability.
    assert values(found)["no"] == pytest.approx(np.exp(-written), abs=0.003)


def test_the_conditional_odds_ratio_is_that_of_a_randomized_trial(study: tk.Study) -> None:
    """Draw a trial in the population and analyze it with `tk.association`: the same covariates and model."""
    model, generator = load_model(), np.random.default_rng(3)
    sizes = psu_sizes(model, 2005)[::6]
    parts = []
    for number, row in enumerate(sizes):
        people = simulate_people(model, 2005, 6 * number * 20 + np.arange(len(row)), row)
        level = generator.integers(0, 2, people.noise.persons)
        world = intervene(people, {"stroke": level.astype(float)})
        case = generator.random(len(level)) >= cramp_probabilities(world)[:, 0]
        own = {name: people.columns[name] for name in ("age", "bmi")}
        parts.append(pl.DataFrame({"stroke": level, "cramps": case.astype(int), **own}))
    trial = tk.study(pl.concat(parts).filter(pl.col("age") >= 20), design=tk.Design.none())
    adjust = ("rcs(age, 4)", "bmi")
    found = tk.association(
        trial, outcome="cramps", exposure="stroke", adjust=adjust, estimand="odds_ratio"
    ).row(0, named=True)
    asked = {"outcome": "any_cramps", "exposure": "stroke", "domain": ADULTS, "estimand": "odds_ratio"}
    conditional = tk.truth(study, **asked, adjust=adjust)["estimate"].item()
    assert abs(np.log(found["estimate"] / conditional)) < 3.3 * found["std_error"]
    # It is not the marginal one, which is nearer to 1.
    assert conditional > tk.truth(study, **asked, adjust=())["estimate"].item() + 0.002
    assert tk.truth(study, **asked, adjust=", ".join(adjust))["estimate"].item() == conditional


@pytest.mark.slow
def test_intervals_contain_the_truth_about_as_often_as_they_claim() -> None:
    contained, total = 0, 0
    asked: dict[str, Any] = {"outcome": "any_cramps", "exposure": "arthritis", "domain": ADULTS}
    samples = [tk.open_study("simulated", sample=k) for k in range(20)]
    for estimand in ("prevalence_ratio", "standardised_difference", "odds_ratio"):
        true = tk.truth(samples[0], **asked, estimand=estimand, adjust=CAUSES)["estimate"].item()
        for sample in samples:
            row = tk.association(sample, **asked, estimand=estimand, adjust=CAUSES, allow_descendants=True)
            contained += row["conf_low"].item() <= true <= row["conf_high"].item()
            total += 1
    # The estimands share their samples: of 20 independent intervals fewer than 16 happen once in 400 times.
    assert contained >= 0.8 * total
    assert contained < total


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"exposure": "arthritus"}, "'arthritus'.*'arthritis'"),
        ({"exposure": "abi_lower"}, "'abi_lower'"),
        ({"outcome": "cramps"}, "'cramps'.*_cramps'"),
        ({"outcome": "bmi", "estimand": "prevalence"}, "'bmi'.*mean"),
        ({"outcome": "smoking", "exposure": "sex"}, "'smoking'.*yes/no"),
        ({"exposure": "ankle_brachial_index"}, "'abi_left', 'abi_right'"),
        ({"domain": "agee >= 20"}, "'agee'.*'age'"),
        ({"by": "bmi"}, "'bmi'"),
        ({"exposure": "sex", "reference": "femail"}, "'sex'.*'femail'.*'female'"),
        ({"exposure": "older"}, "'older'"),
    ],
)
def test_an_unknown_variable_is_refused(study: tk.Study, asked: dict[str, str], named: str) -> None:
    older = study.derive("older", "age >= 60")
    with pytest.raises(tk.VariableError, match=named):
        tk.truth(older, **{"outcome": "any_cramps", **asked})


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"domain": "age > 80"}, "'age > 80'"),
        ({"exposure": "pad", "domain": "age == 16 and sex == 'male'"}, "'pad' = 'yes'"),
        ({"exposure": "sex", "estimand": "hazard_ratio"}, "'hazard_ratio'.*prevalence_ratio"),
        ({"exposure": "sex", "estimand": "prevalence"}, "by='sex'"),
        ({"estimand": "prevalence_ratio"}, "exposure="),
        ({"exposure": "sex", "estimand": "odds_ratio"}, r"adjust=found\['adjust'\]"),
    ],
)
def test_what_is_not_defined_is_refused(study: tk.Study, asked: dict[str, str], named: str) -> None:
    with pytest.raises(tk.EstimationError, match=named):
        tk.truth(study, outcome="any_cramps", **asked)


def test_truth_is_known_only_of_the_simulated_study(study: tk.Study) -> None:
    with pytest.raises(tk.DatasetError, match=r"example survey.*open_study\('simulated'\)"):
        tk.truth(tk.open_study("example-survey"), "any_cramps")
    other = replace(study, provenance={**study.provenance, "model_sha256": "0"})
    with pytest.raises(tk.DatasetError, match="another version"):
        tk.truth(other, "any_cramps")
