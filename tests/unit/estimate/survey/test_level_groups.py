"""Quantile groups are cut at R's weighted quantiles; merged levels keep order, reference and reasons."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.support.r_results import REFERENCE, equal
from toolkit.estimate.descriptive.quantiles import quantile_groups

ENTRIES = json.loads((REFERENCE / "quantile-groups" / "expected.json").read_text())["entries"]
NONE = tk.Design.none()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_groups_are_those_of_svyquantile(entry, r_studies) -> None:
    study, name = r_studies[entry["study"]], entry["variable"]
    found = quantile_groups(study, name, entry["into"], entry["domain"])
    equal(entry["cuts"], found.cuts)
    assert entry["persons"] == list(found.persons)
    parted = study.cut(name, into=entry["into"], domain=entry["domain"], as_="groups")
    rows = tk.prevalence(parted, outcome="groups", domain=entry["domain"])
    # Two groups have one row, that of the higher.
    equal(entry["shares"], rows["estimate"])
    equal(entry["se"], rows["std_error"])


def test_the_weights_decide_where_a_number_is_cut() -> None:
    people = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "w": [10.0, 1.0, 1.0, 1.0, 1.0, 1.0]})
    weighted = tk.study(people, design=tk.Design(weight="w"))
    assert (1.0,) == quantile_groups(weighted, "x", 2, "").cuts
    assert (3.0,) == quantile_groups(tk.study(people, design=NONE), "x", 2, "").cuts


def test_levels_give_the_bounds_in_the_unit_and_stand_in_order() -> None:
    people = pl.DataFrame({"bmi": [20.04, 22.0, 24.06, 26.5, 28.0, 30.0]})
    study = tk.study(people, design=NONE, codebook="toolkit").cut("bmi")
    entry = study.codebook["bmi_thirds"]
    assert ("up to 22", "above 22 to 26.5", "above 26.5") == entry.levels
    assert ("body mass index, in thirds", "kg/m²", True) == (entry.label, entry.unit, entry.ordered)
    assert "(22 kg/m², 26.5 kg/m²; 2, 2, 2 participants)" in entry.note
    assert ["up to 22"] * 2 + ["above 22 to 26.5"] * 2 + ["above 26.5"] * 2 == list(
        study.people["bmi_thirds"]
    )
    assert "per level" == tk.trend(study, outcome="bmi", over="bmi_thirds")["level_label"].item()


def test_bounds_have_the_digits_that_part_the_same_people() -> None:
    people = pl.DataFrame({"x": [1.0, 2.0003, 2.0004, 2.0005, 12345678.0, 12345679.0]})
    study = tk.study(people, design=NONE).cut("x", into=6, as_="six")
    levels = study.codebook["six"].levels
    assert 6 == len(levels) == study.people["six"].n_unique()
    assert "above 2.0005 to 12345678" == levels[4]


@pytest.mark.parametrize(
    ("values", "into", "levels", "persons"),
    [
        ([0.0] * 7 + [1.0, 2.0, 3.0], 3, ("up to 0", "above 0"), (7, 3)),
        ([1.0, 2.0] + [5.0] * 8, 3, ("up to 2", "above 2"), (2, 8)),
        ([1.0, 2.0, 2.0, 2.0, 3.0], 3, ("up to 2", "above 2"), (4, 1)),
        ([0.0, 1.0, 1.0, 2.0, None], 4, ("up to 0", "above 0 to 1", "above 1"), (1, 2, 1)),
    ],
)
def test_equal_values_stay_together(values, into, levels, persons) -> None:
    study = tk.study(pl.DataFrame({"x": values}), design=NONE).cut("x", into=into, as_="x_cut")
    entry = study.codebook["x_cut"]
    assert levels == entry.levels
    counts = study.people["x_cut"].drop_nulls().value_counts().sort("x_cut")["count"]
    assert persons == tuple(counts)
    assert mentions(entry.note, len(levels), into)
    assert f"x, in {'halves' if len(levels) == 2 else 'thirds'}" == entry.label


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 30), min_size=2, max_size=60), st.integers(2, 8))
def test_every_group_has_people_and_no_tie_is_parted(values, into) -> None:
    if len(set(values)) < 2:
        return
    people = pl.DataFrame({"x": [float(v) + 0.5 for v in values], "w": np.arange(1.0, len(values) + 1)})
    study = tk.study(people, design=tk.Design(weight="w")).cut("x", into=into, as_="groups")
    groups = study.people.select("x", "groups")
    assert 1 == groups.group_by("x").agg(pl.col("groups").n_unique())["groups"].max()
    assert len(study.codebook["groups"].levels) == groups["groups"].n_unique() <= into
    places = groups.sort("x")["groups"].to_physical()
    assert places.is_sorted()


def test_outside_the_domain_the_group_is_missing_for_that_reason() -> None:
    people = pl.DataFrame(
        {
            "x": [1.0, 2.0, 3.0, 4.0, None, None, 9.0],
            "age": [30.0, 30.0, 40.0, 40.0, 50.0, 10.0, None],
            "x.why": [None, None, None, None, "refused", "not asked", None],
            "age.why": [None, None, None, None, None, None, "don't know"],
        }
    )
    study = tk.study(people, design=NONE).cut("x", into=2, domain="age >= 20")
    assert [None] * 4 + ["refused", "outside the domain", "don't know"] == list(study.people["x_halves.why"])
    assert ["up to 2"] * 2 + ["above 2"] * 2 + [None] * 3 == list(study.people["x_halves"])
    left = tk.mean(study, "age", domain="missing(x_halves, 'outside the domain')")
    assert (10.0, 1) == (left["estimate"].item(), left["n"].item())


def test_a_group_has_the_component_of_its_number_and_of_its_domain() -> None:
    study = tk.open_study("simulated").cut("age", domain="hba1c >= 5.7", as_="age_cut")
    assert "examination" == study.codebook["age_cut"].component
    assert "interview" == study.cut("age", domain="age >= 20").codebook["age_thirds"].component
    assert study.cut("age").people["age_thirds"].null_count() == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: s.cut("flat"), ("'flat'", "4 participants")),
        (lambda s: s.cut("x", domain="x > 3"), ("1 participants", "x > 3")),
        (lambda s: s.cut("empty"), "'empty'"),
        (lambda s: s.cut("level"), ("'level'", "'a', 'b'", "merge_levels")),
        (lambda s: s.cut("y"), "'y'"),
        (lambda s: s.cut("x", into=1), ("2", "1", "into=3")),
        (lambda s: s.cut("x", into=2.5), ("2", "2.5")),
        (lambda s: s.cut("x", as_="level"), "'level'"),
    ],
)
def test_what_cannot_be_cut_is_told(call, said) -> None:
    people = pl.DataFrame(
        {
            "x": [1.0, 2.0, 3.0, 4.0],
            "flat": 8.5,
            "level": ["a", "b"] * 2,
            "empty": pl.Series([None] * 4, dtype=pl.Float64),
        }
    )
    with pytest.raises(tk.VariableError, match=mentioning(said)):
        call(tk.study(people, design=NONE, smallest_cell=0))


PAIN = ("none", "mild", "moderate", "severe")


def in_pain(**options) -> tk.Study:
    people = pl.DataFrame(
        {
            "pain": pl.Series([*PAIN, None], dtype=pl.Enum(PAIN)),
            "pain.why": [None] * 4 + ["refused"],
            "region": ["north", "east", "south", "west", "east"],
            "x": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )
    return tk.study(people, design=NONE, smallest_cell=0)


def test_merged_levels_keep_their_place_reference_and_reasons() -> None:
    study = in_pain().merge_levels("pain", {"some": ["mild", "moderate"]}, as_="pain3")
    entry = study.codebook["pain3"]
    assert (("none", "some", "severe"), "none", True) == (entry.levels, entry.reference, entry.ordered)
    assert ["none", "some", "some", "severe", None] == list(study.people["pain3"])
    assert "refused" == study.people["pain3.why"][4]
    assert "'some' is 'mild' or 'moderate'." == entry.note
    assert "pain3" not in in_pain().codebook


def test_levels_that_are_apart_lose_their_order_when_they_are_merged() -> None:
    entry = in_pain().merge_levels("pain", {"ends": ["severe", "none"]}).codebook["pain_merged"]
    assert (("ends", "mild", "moderate"), "ends", False) == (entry.levels, entry.reference, entry.ordered)
    nominal = in_pain().merge_levels("region", {"coast": ["west", "south"]}).codebook["region_merged"]
    assert (("east", "north", "coast"), False) == (nominal.levels, nominal.ordered)


def test_levels_merged_into_no_and_yes_are_a_yes_no_variable() -> None:
    study = in_pain().merge_levels("pain", {"no": "none", "yes": ["mild", "moderate", "severe"]}, as_="any")
    entry = study.codebook["any"]
    assert ("yes_no", ("no", "yes"), "yes") == (entry.kind, entry.levels, entry.case)
    assert 0.75 == tk.prevalence(study, outcome="any")["estimate"].item()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: s.merge_levels("pain", {"a": ["mildd"]}), ("'mildd'", "'mild'")),
        (
            lambda s: s.merge_levels("pain", {"a": ["mild"], "b": ["mild"]}),
            ("'mild'", "'pain'"),
        ),
        (
            lambda s: s.merge_levels("pain", {"a": list(PAIN)}),
            ("'pain'", "'a'"),
        ),
        (lambda s: s.merge_levels("pain", {"none": ["mild"]}), "'none'"),
        (lambda s: s.merge_levels("x", {"a": ["1"]}), ("'x'", "study.cut")),
        (lambda s: s.merge_levels("pain", {"a": ["mild"]}, as_="x"), "'x'"),
    ],
)
def test_what_cannot_be_merged_is_told(call, said) -> None:
    with pytest.raises(tk.VariableError, match=mentioning(said)):
        call(in_pain())
