"""Weights are pooled over the cycles that measured every variable, whatever other cycles are open."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.errors import EstimationError
from toolkit.results import ADJUSTED
from toolkit.sources.registry import open_study
from toolkit.variables import why

A, B, C, D, E = "1999-2000", "2001-2002", "2003-2004", "2005-2006", "2007-2008"
P, L = "2017-2020", "2021-2023"
ALL = (A, B, C, D, E, P, L)
YEARS = {**dict.fromkeys(ALL, 2.0), P: 3.2}
NOT_TARGETED = ("not asked", "not measured in this cycle", "not in the subsample", "not examined")
SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def whole(nhanes_mirror) -> tk.Study:
    return open_study("nhanes", cycles=ALL, mirror=nhanes_mirror)


def measured_in(study: tk.Study, name: str) -> list[str]:
    entries = study.codebook[name].availability
    return [a.cycle for a in entries if a.status != "not measured"] if entries else list(study.cycles)


def targeted(study: tk.Study, name: str) -> pl.Expr:
    reason = pl.col(why(name)).cast(pl.String) if why(name) in study.people.columns else pl.lit(None)
    return pl.col(name).is_not_null() | ~reason.fill_null("").is_in(list(NOT_TARGETED))


def own_sum(people: pl.DataFrame, cycle: str, column: str) -> float:
    return float(people.filter(pl.col("cycle").cast(pl.String) == cycle)[column].sum())


def expected(people: pl.DataFrame, cycles: list[str], column: str) -> float:
    """Average the cycles' own sums by years, the four-year weights being one estimate of four years."""
    years = sum(YEARS[c] for c in cycles)
    four = len(cycles) > 1 and A in cycles
    total = 0.0
    for cycle in cycles:
        if four and cycle in (A, B) and f"{column}_four_year" in people.columns:
            total += 4 * own_sum(people, cycle, f"{column}_four_year")
        else:
            total += YEARS[cycle] * own_sum(people, cycle, column)
    return total / years


def check(study: tk.Study, names: list[str], chosen: list[str]) -> None:
    domain = f"cycle in [{', '.join(map(repr, chosen))}]"
    contributing = [c for c in study.cycles if c in chosen and all(c in measured_in(study, n) for n in names)]
    try:
        weight = study.weight_for(names, domain)
    except EstimationError:
        assert not contributing
        assume(False)
    except tk.DesignError:
        assume(False)  # A recall and a morning's blood have no common weight.
    own = [c for c in contributing if c in weight.cycles]
    assert tuple(own) == weight.cycles
    assert all("no" in reason for cycle, reason in weight.left_out if cycle in contributing)
    aimed = pl.all_horizontal(*(targeted(study, name) for name in names))
    rows = tk.weights(study, names, domain)
    people = study.people.with_columns(aimed=aimed.fill_null(value=False))
    found = rows.filter(pl.Series(people["aimed"][rows["row"]]))["weight"].sum()
    there = people.filter(pl.col("aimed"))
    assert found == pytest.approx(expected(there, own, weight.weight), rel=1e-10)


@settings(max_examples=60, **SLOW)
@given(data=st.data())
def test_the_people_whom_items_target_sum_to_the_mean_of_the_cycles(whole, data) -> None:
    known = [name for name in whole.codebook if name in whole.people.columns and name != "cycle"]
    names = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
    chosen = data.draw(st.lists(st.sampled_from(ALL), min_size=1, unique=True))
    check(whole, names, sorted(chosen))


@settings(max_examples=20, **SLOW)
@given(data=st.data())
def test_the_simulated_study_keeps_the_same_rule(data) -> None:
    study = tk.open_study("simulated")
    known = [name for name in study.codebook if name in study.people.columns and name != "cycle"]
    names = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
    chosen = data.draw(st.lists(st.sampled_from(study.cycles), min_size=1, unique=True))
    domain = f"cycle in [{', '.join(map(repr, sorted(chosen)))}]"
    try:
        weight = study.weight_for(names, domain)
    except tk.DesignError:
        assume(False)
    rows = tk.weights(study, names, domain)
    cycle = study.people["cycle"].cast(pl.String)[rows["row"]]
    pooled = study.people[weight.weight][rows["row"]]
    own = pl.DataFrame({"cycle": cycle, "w": 2 * pooled}).group_by("cycle").agg(pl.col("w").sum())
    assert rows["weight"].sum() == pytest.approx(own["w"].mean(), rel=1e-10)


# By hand from the files: the adults of 2007-2008; PAD by WTMEC4YR times 2/3 and WTMEC2YR times 1/3.
def test_sitting_is_of_2007_2008_alone(nhanes) -> None:
    rows = tk.total(nhanes, "sitting_group", domain="age >= 20")
    assert {"NHANES 2007-2008"} == set(rows["study"])
    adults = nhanes.people.filter((pl.col("age") >= 20) & (pl.col("cycle").cast(pl.String) == E))
    known = adults.filter(pl.col("sitting_group").is_not_null())["weight_interview"].sum()
    assert rows["estimate"].sum() == pytest.approx(known, rel=1e-12)
    assert 214.2 == round(rows["estimate"].sum() / 1e6, 1)
    assert rows["n"].unique().item() + rows["n_missing"].unique().item() == adults.height
    assert {16.0} == set(rows["df"])
    assert mentions(nhanes.weight_for("sitting_group"), "2007-2008")


@pytest.mark.parametrize(
    ("cycles", "millions"),
    [
        ((A, B, C), 5.45),
        ((A, B, C, D, E), 5.45),
        ((A, B, C, P), 5.45),
        ((A,), 4.13),
        ((C,), 5.95),
        ((C, L), 5.95),
    ],
)
def test_pad_does_not_depend_on_what_else_is_open(cycles, millions, nhanes_mirror) -> None:
    row = tk.total(open_study("nhanes", cycles=cycles, mirror=nhanes_mirror), "pad", domain="age >= 40")
    assert millions == round(row["estimate"].item() / 1e6, 2)


def test_women_of_60_with_pad_are_2_206_094(whole) -> None:
    row = tk.total(whole, "pad", domain="age >= 60 and sex == 'female'")
    assert 2_206_094 == round(row["estimate"].item())
    assert "NHANES 1999-2004" == row["study"].item()


def test_other_open_cycles_change_no_column_of_a_result(whole, nhanes_1999_2004) -> None:
    asked: dict[str, Any] = {"outcome": "pad", "domain": "age >= 40", "by": ("sex",)}
    assert tk.prevalence(whole, **asked).equals(tk.prevalence(nhanes_1999_2004, **asked))
    model = ("pad ~ age + sex", "logit")
    assert tk.model(whole, *model).equals(tk.model(nhanes_1999_2004, *model))


def test_by_cycle_each_cycle_is_a_population_of_its_own(whole) -> None:
    rows = tk.total(whole, "sex", by="cycle", domain="age >= 0")
    for row in rows.rows(named=True):
        own = whole.people.filter((pl.col("cycle").cast(pl.String) == row["cycle"]) & (pl.col("age") >= 0))
        counted = own.filter(pl.col("sex").cast(pl.String) == (row["level"] or "female"))
        assert row["estimate"] == pytest.approx(counted["weight_interview"].sum(), rel=1e-12)
    pooled = tk.mean(whole, "age", domain=f"cycle == '{E}'")
    own = tk.mean(whole, "age", by="cycle").filter(cycle=E)
    for column in ("estimate", "std_error", "df", "n"):
        assert own[column].item() == pytest.approx(pooled[column].item(), rel=1e-12)


def test_an_empty_cell_does_not_narrow_the_cycles(nhanes) -> None:
    # Everyone of the domain is of 2005-2006, yet both cycles asked.
    early = pl.col("cycle").cast(pl.String) == D
    marked = replace(nhanes, people=nhanes.people.with_columns(early=early))
    one = tk.total(marked, "any_cramps", domain=f"cycle == '{D}'")
    half = tk.total(marked, "any_cramps", domain="early")
    assert ["NHANES 2005-2006", "NHANES 2005-2008"] == [one["study"].item(), half["study"].item()]
    assert one["estimate"].item() == pytest.approx(2 * half["estimate"].item(), rel=1e-12)


def test_the_flow_excludes_other_cycles_first_with_their_reasons(whole) -> None:
    flow = tk.flow(whole, outcome="pad", domain=f"age >= 40 and cycle != '{A}'")
    steps = flow.select("step", "reason").rows()
    assert ("participants in NHANES 1999-2008, 2017-2020, 2021-2023", "") == steps[0]
    assert {"in NHANES 2001-2004"} == {step for step, _ in steps[1:3]}
    told = " ".join(reason for _, reason in steps[1:3])
    assert mentions(told, "'pad'", "1999-2004")
    assert mentions(told, A)
    assert "with a weight: examination" == steps[3][0]
    row = tk.prevalence(whole, outcome="pad", domain=f"age >= 40 and cycle != '{A}'")
    assert (row["n"].item(), 30.0) == (flow["n_left"][-1], row["df"].item())


def test_variables_that_no_cycle_measured_together_are_refused_in_one_sentence(whole) -> None:
    told = mentioning("cycle", "1999-2004", "'any_cramps'", "'pad'")
    for ask in (
        lambda: tk.association(whole, outcome="any_cramps", exposure="pad", adjust=()),
        lambda: tk.flow(whole, outcome="any_cramps", exposure="pad"),
        lambda: whole.weight_for(("any_cramps", "pad")),
        lambda: tk.mean(whole, "age", domain=f"pad == 'yes' and cycle == '{E}'"),
    ):
        with pytest.raises(EstimationError, match=mentioning("cycle", "measured")):
            ask()
    with pytest.raises(EstimationError, match=told):
        whole.weight_for(("any_cramps", "pad"))


def test_availability_says_measured_exactly_where_there_are_values(whole) -> None:
    cycle = whole.people["cycle"].cast(pl.String)
    for name, variable in whole.codebook.items():
        if name in whole.people.columns:
            for entry in variable.availability:
                values = whole.people.filter(cycle == entry.cycle)[name].count()
                assert (entry.status == "not measured") == (values == 0), (name, entry)


def test_a_variable_that_joins_two_instruments_is_measured_where_it_follows(nhanes) -> None:
    joined = nhanes.derive("sits", f"when(cycle == '{E}', sitting_hours, screen_hours)")
    assert (D, E) == joined.weight_for("sits").cycles
    either = nhanes.derive("long", "sitting_hours > 6 or any_cramps == 'yes'")
    assert (E,) == either.weight_for("long").cycles


def test_the_atlas_has_the_rows_of_each_association(nhanes) -> None:
    asked: dict[str, Any] = {"outcomes": "any_cramps", "exposures": ("sitting_group", "hypertension_told")}
    rows = tk.atlas(nhanes, **asked, adjust=[("age", "sex")], domain="age >= 20")
    for exposure in asked["exposures"]:
        alone = tk.association(
            nhanes, outcome="any_cramps", exposure=exposure, adjust=("age", "sex"), domain="age >= 20"
        )
        own = rows.filter(exposure=exposure).drop("cause", *ADJUSTED)
        assert own.equals(alone), exposure
