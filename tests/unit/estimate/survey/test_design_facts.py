"""The facts of a design are those of the estimate: its degrees of freedom, weight, strata and PSUs."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.estimate.descriptive.design_description import describe_design

N = 96


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    drawn = np.random.default_rng(1)
    return pl.DataFrame(
        {
            "stratum": [i // 24 for i in range(N)],
            "psu": [i // 8 for i in range(N)],
            "w": drawn.uniform(1, 3, N).round(3),
            "size": [50 + i // 24 for i in range(N)],
            "age": [20.0 + i % 50 for i in range(N)],
            "y": (drawn.uniform(size=N) < 0.4).astype(int),
            "g": ["a", "b"] * (N // 2),
            **{f"r{j}": drawn.uniform(0, 4, N).round(3) for j in range(10)},
        }
    )


def test_strata_psus_and_degrees_of_freedom_are_those_of_the_estimate(people: pl.DataFrame) -> None:
    study = tk.study(people, design=tk.Design(weight="w", strata="stratum", psu="psu", lonely_psu="adjust"))
    for domain in ("", "age < 45", "age < 24"):
        facts = describe_design(study, "y", domain=domain)
        result = tk.prevalence(study, outcome="y", domain=domain)
        assert ("linearization", 4, 12, 0) == (facts.kind, facts.strata, facts.psus, facts.lonely_strata)
        assert (result["df"][0], result["n"][0]) == (facts.df, facts.n)
        assert result["weight"][0] == facts.component == facts.weight_column
        assert facts == describe_design(study, result)
    assert ("stratum", ("psu",), "adjust") == (facts.strata_column, facts.psu_columns, facts.lonely_psu)
    assert mentions(facts, "4", "12", "PSUs")
    assert mentions(facts.sentence, "grand mean")
    assert facts.weight_sentence == study.weight_for("y").sentence
    assert facts.weight_sentence in facts.sentence


def test_a_study_declared_without_a_design_is_known_as_such(people: pl.DataFrame) -> None:
    facts = describe_design(tk.study(people, design=tk.Design.none()), ("y", "age"))
    assert ("none", 1, N, N - 1, "", ()) == (
        facts.kind, facts.strata, facts.psus, facts.df, facts.weight_column, facts.psu_columns,
    )  # fmt: skip
    assert mentions(str(facts), "without a sampling design")


def test_replicate_weights_are_counted(people: pl.DataFrame) -> None:
    names = [f"r{j}" for j in range(10)]
    design = tk.Design(weight="w", replicate_weights=names, replicate_method="bootstrap")
    study = tk.study(people, design=design)
    facts = describe_design(study, "y")
    assert ("replicate weights", "bootstrap", 10) == (facts.kind, facts.replicate_method, facts.replicates)
    assert (0, 0, 0) == (facts.strata, facts.psus, facts.lonely_strata)
    assert tk.prevalence(study, outcome="y")["df"][0] == facts.df
    assert mentions(facts.sentence, "10 replicate weights", "bootstrap")


def test_people_drawn_singly_finite_populations_and_lonely_psus(people: pl.DataFrame) -> None:
    singly = describe_design(tk.study(people, design=tk.Design(strata="stratum", fpc="size")), "y")
    assert (4, N, N - 4, ("size",)) == (singly.strata, singly.psus, singly.df, singly.fpc_columns)
    assert mentions(singly.sentence, "finite populations", "size")
    fewer = people.filter((pl.col("stratum") > 0) | (pl.col("psu") == 0))
    design = tk.Design(weight="w", strata="stratum", psu="psu", lonely_psu="certainty")
    assert 1 == describe_design(tk.study(fewer, design=design), "y").lonely_strata


def test_a_result_frame_names_its_own_analysis(people: pl.DataFrame) -> None:
    study = tk.study(people, design=tk.Design(weight="w", strata="stratum", psu="psu"))
    result = tk.association(study, outcome="y", exposure="g", adjust=("age",), domain="age < 45")
    expected = describe_design(study, ("y", "g", "age"), domain="age < 45")
    assert expected == describe_design(study, result)
    two = pl.concat([tk.mean(study, "age", domain=domain) for domain in ("", "y == 1")])
    with pytest.raises(tk.EstimationError, match=mentioning("2", "tk.describe_design(study, result.filter")):
        describe_design(study, two)


def test_the_weight_of_a_component_is_that_of_its_analysis() -> None:
    study = tk.open_study("simulated")
    for names in (("any_cramps",), ("any_cramps", "hba1c")):
        facts = describe_design(study, names)
        choice = study.weight_for(names)
        assert (choice.component, choice.weight) == (facts.component, facts.weight_column)


def test_totals_that_weights_are_calibrated_to_are_told(people: pl.DataFrame) -> None:
    design = tk.Design(weight="w", strata="stratum", psu="psu").calibrated({"g": {"a": 90.0, "b": 110.0}})
    facts = describe_design(tk.study(people, design=design), "y")
    assert design.calibration is not None
    assert design.calibration.sentence == facts.calibration


@pytest.mark.nhanes
def test_only_the_cycles_that_contribute_are_in_the_facts(nhanes_mirror: object) -> None:
    study = tk.open_study("nhanes", cycles=("2005-2006", "2007-2008"), mirror=nhanes_mirror)
    both, one = (
        describe_design(study, "any_cramps"),
        describe_design(study, ("any_cramps", "sitting_group")),
    )
    assert (("2005-2006", "2007-2008"), ("2007-2008",)) == (both.cycles, one.cycles)
    strata = study.people.group_by("cycle").agg(pl.col(str(study.design.strata)).n_unique())
    counts = {str(cycle): int(count) for cycle, count in strata.iter_rows()}
    assert (sum(counts.values()), counts["2007-2008"]) == (both.strata, one.strata)
    result = tk.prevalence(study, outcome="any_cramps", by=("sitting_group",))
    assert one == describe_design(study, result)
