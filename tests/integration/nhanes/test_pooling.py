"""Weights of every component, in several pools, are what an independent reader and hand arithmetic give."""

import polars as pl
import pyreadstat
import pytest

from tests.support.messages import mentioning, mentions
from toolkit.errors import DesignError
from toolkit.sources import catalog
from toolkit.sources.nhanes import open_nhanes
from toolkit.sources.nhanes.pooled_weights import weights_of
from toolkit.sources.registry import open_study
from toolkit.studies import choose_weight, rescale
from toolkit.variables import COMPONENTS, Variable, weight_name

CATALOG = catalog.nhanes()
A, B, C, D, E = "1999-2000", "2001-2002", "2003-2004", "2005-2006", "2007-2008"
J, P, L = "2017-2018", "2017-2020", "2021-2023"
FILES = {
    ("GLU", A): "LAB10AM", ("GLU", B): "L10AM_B", ("GLU", C): "L10AM_C", ("GLU", D): "GLU_D",
    ("GLU", E): "GLU_E", ("DR1", D): "DR1TOT_D", ("DR1", E): "DR1TOT_E", ("OGTT", D): "OGTT_D",
    ("OGTT", E): "OGTT_E", ("GHB", L): "GHB_L",
    **{("DEMO", c): n for c, n in {A: "DEMO", B: "DEMO_B", C: "DEMO_C", D: "DEMO_D", E: "DEMO_E",
                                   J: "DEMO_J", P: "P_DEMO", L: "DEMO_L"}.items()},
}  # fmt: skip
# Component, and for each cycle of the pool the table, the column, and by what hand arithmetic multiplies it.
POOLS = {
    "fasting alone": ("fasting", {A: ("GLU", "WTSAF2YR", 1)}),
    "fasting, four years": ("fasting", {A: ("GLU", "WTSAF4YR", 1), B: ("GLU", "WTSAF4YR", 1)}),
    "fasting, six years": (
        "fasting",
        {A: ("GLU", "WTSAF4YR", 2 / 3), B: ("GLU", "WTSAF4YR", 2 / 3), C: ("GLU", "WTSAF2YR", 1 / 3)},
    ),
    "fasting without 1999": ("fasting", {B: ("GLU", "WTSAF2YR", 1 / 2), C: ("GLU", "WTSAF2YR", 1 / 2)}),
    "fasting 2005-2008": ("fasting", {D: ("GLU", "WTSAF2YR", 1 / 2), E: ("GLU", "WTSAF2YR", 1 / 2)}),
    "diet alone": ("dietary day 1", {D: ("DR1", "WTDRD1", 1)}),
    "diet, first day": ("dietary day 1", {D: ("DR1", "WTDRD1", 1 / 2), E: ("DR1", "WTDRD1", 1 / 2)}),
    "diet, both days": ("dietary two-day", {D: ("DR1", "WTDR2D", 1 / 2), E: ("DR1", "WTDR2D", 1 / 2)}),
    "tolerance": ("glucose tolerance", {D: ("OGTT", "WTSOG2YR", 1 / 2), E: ("OGTT", "WTSOG2YR", 1 / 2)}),
    "blood of 2021": ("phlebotomy", {L: ("GHB", "WTPH2YR", 1)}),
    "blood with 3.2 years": (
        "phlebotomy",
        {
            E: ("DEMO", "WTMEC2YR", 2 / 7.2),
            P: ("DEMO", "WTMECPRP", 3.2 / 7.2),
            L: ("GHB", "WTPH2YR", 2 / 7.2),
        },
    ),
    "examination of 3.2 years": (
        "examination",
        {D: ("DEMO", "WTMEC2YR", 2 / 5.2), P: ("DEMO", "WTMECPRP", 3.2 / 5.2)},
    ),
    "seven cycles": (
        "interview",
        {
            A: ("DEMO", "WTINT4YR", 4 / 14),
            B: ("DEMO", "WTINT4YR", 4 / 14),
            **dict.fromkeys((C, D, E, J, L), ("DEMO", "WTINT2YR", 2 / 14)),
        },
    ),
}


def raw(mirror, cycle, table, column):
    path = mirror / f"Nchs/Data/Nhanes/Public/{cycle[:4]}/DataFiles/{FILES[table, cycle]}.xpt"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the mirror")
    frame, _ = pyreadstat.read_xport(str(path), encoding="latin1", usecols=["SEQN", column])
    return pl.DataFrame({"person": frame["SEQN"].astype(int), "there": frame[column]}, nan_to_null=True)


@pytest.mark.parametrize("name", POOLS)
def test_pooled_weights_are_the_files_times_hand_arithmetic(name, nhanes_mirror):
    component, parts = POOLS[name]
    opened = open_nhanes(list(parts), nhanes_mirror)
    choice = choose_weight(opened.design, [Variable("x", "x", "number", component=component)])
    people = opened.people.with_columns(pl.col("cycle").cast(pl.String), pooled=choice.expression)
    assert choice.cycles == tuple(parts)
    for cycle, (table, column, factor) in parts.items():
        expected = raw(nhanes_mirror, cycle, table, column)
        own = people.filter(cycle=cycle).select("person", found="pooled")
        both = own.join(expected, on="person", how="left")
        assert both["found"].is_null().equals(both["there"].is_null())
        wrong = (both["found"] - both["there"] * factor).abs() > 1e-14 * both["found"]
        assert not wrong.any()
        assert both["found"].sum() > 0


# Persons whose weight is null and 0, by the pages of DR1TOT_D, DR1TOT_E, GLU_D and OGTT_D.
@pytest.mark.parametrize(
    ("component", "cycle", "blank", "zero"),
    [
        ("dietary day 1", D, 601 + 10348 - 9950, 0),
        ("dietary two-day", D, 1521 + 10348 - 9950, 0),
        ("dietary day 1", E, 507 + 10149 - 9762, 0),
        ("glucose tolerance", D, 629 + 10348 - 3352, None),
        ("fasting", D, 10348 - 3352, None),
        ("examination", D, 0, 398),
    ],
)
def test_who_has_no_weight_is_blank_or_zero_as_the_cycle_has_it(component, cycle, blank, zero, nhanes_mirror):
    weight = open_nhanes(cycle, nhanes_mirror).people[weight_name(component)]
    assert blank == weight.null_count()
    assert (weight == 0).sum() == zero if zero is not None else (weight == 0).sum() > 0


def test_glucose_of_people_who_had_not_fasted_leaves(nhanes):
    people = nhanes.people
    unfasted = people.filter(pl.col("fasting_glucose").is_not_null() & (pl.col("weight_fasting") == 0))
    assert 258 + 310 == unfasted.height
    import toolkit as tk

    counted = tk.mean(nhanes, "fasting_glucose")["n"][0]
    assert people["fasting_glucose"].count() - unfasted.height == counted


def test_the_dietary_weights_stand_for_as_many_people_as_the_examination_weights(nhanes):
    totals = {
        c: nhanes.people[weight_name(c)].sum() for c in ("examination", "dietary day 1", "dietary two-day")
    }
    assert totals["dietary day 1"] == pytest.approx(totals["examination"], rel=0.002)
    assert totals["dietary two-day"] == pytest.approx(totals["examination"], rel=0.002)


@pytest.mark.parametrize(
    ("variables", "component"),
    [
        ("any_cramps", "interview"),
        (("any_cramps", "hba1c"), "examination"),
        (("any_cramps", "magnesium_intake"), "dietary day 1"),
        (("any_cramps", "low_magnesium_intake", "hba1c"), "dietary day 1"),
        (("any_cramps", "calcium_intake_two_day"), "dietary two-day"),
        (("any_cramps", "diabetes_with_glucose"), "fasting"),
        (("any_cramps", "hba1c", "fasting_glucose"), "fasting"),
        (("fasting_glucose", "glucose_two_hours"), "glucose tolerance"),
    ],
)
def test_the_weight_is_that_of_the_fewest_people(variables, component, nhanes):
    assert component == nhanes.weight_for(variables).component


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            ("fasting_glucose", "magnesium_intake"),
            ("'magnesium_intake'", "'fasting_glucose'"),
        ),
        (("diabetes_with_glucose", "water_intake"), ("'water_intake'", "'diabetes_with_glucose'")),
        (
            ("glucose_two_hours", "calcium_intake_two_day"),
            ("'calcium_intake_two_day'", "'glucose_two_hours'"),
        ),
        (("magnesium_intake", "magnesium_intake_two_day"), "1"),
    ],
)
def test_a_mix_that_no_weight_covers_is_refused_with_what_to_do(variables, told, nhanes):
    with pytest.raises(DesignError, match=mentioning(told)):
        nhanes.weight_for(variables)


def test_a_variable_of_ones_own_cannot_mix_them_either(nhanes):
    told = mentioning("'sweet'", "'magnesium_intake' (dietary day 1)", "'fasting_glucose' (fasting)")
    with pytest.raises(DesignError, match=told):
        nhanes.derive("sweet", "fasting_glucose > 126 and magnesium_intake < 300")


def test_the_choice_is_explained_in_a_sentence(nhanes):
    assert mentions(
        nhanes.weight_for(("any_cramps", "hba1c")), "WTMEC2YR", "hba1c", "2", "2005-2006", "2007-2008"
    )
    assert mentions(
        nhanes.weight_for(("any_cramps", "diabetes_with_glucose")),
        "WTSAF2YR",
        "diabetes_with_glucose",
        "2",
        "2005-2006",
        "2007-2008",
    )


def test_cycles_without_a_weight_do_not_contribute(nhanes_mirror):
    study = open_study("nhanes", cycles=(C, D, E), mirror=nhanes_mirror)
    choice = study.weight_for("glucose_two_hours")
    assert (D, E) == choice.cycles
    assert mentions(choice, "2", "2005-2006", "2007-2008")
    before = study.people.with_columns(w=choice.expression).filter(pl.col("cycle").cast(pl.String) == C)
    assert before["w"].null_count() == before.height
    invented = choose_weight(study.design, [Variable("x", "x", "number", component="glucose tolerance")])
    assert ((C, "no glucose tolerance weight"),) == invented.left_out


def every_file(cycles):
    return {(t, c.name) for c in cycles for t, table in CATALOG.tables.items() if c.name in table.files}


def weights(*names):
    cycles = [CATALOG.cycles[name] for name in names]
    return weights_of(CATALOG, cycles, every_file(cycles))


@pytest.mark.parametrize(
    "without", [(J,), (P,)], ids=["2017-2020 in place of 2017-2018", "2017-2018 in place of 2017-2020"]
)
def test_all_cycles_share_the_years_whatever_is_at_hand(without):
    names = [name for name in CATALOG.cycles if name not in without]
    found = weights(*names)
    for component in COMPONENTS[1:]:
        parts = rescale(found[component].cycles)
        if component == "phlebotomy":
            assert len(parts) == len(names)
        # A four-year weight counts the same people once for the two cycles that it stands for.
        shares = [part.share / (2 if part.years == 4 else 1) for part in parts]
        assert sum(shares) == pytest.approx(1, rel=1e-12)


def test_2017_to_march_2020_counts_3_point_2_years_under_its_own_names():
    found = weights(E, P)
    own = {component: rescale(weight.cycles)[-1] for component, weight in found.items()}
    assert {component: part.source for component, part in own.items() if part.cycle == P} == {
        "interview": "WTINTPRP",
        "examination": "WTMECPRP",
        "dietary day 1": "WTDRD1PP",
        "dietary two-day": "WTDR2DPP",
        "fasting": "WTSAFPRP",
    }
    assert {3.2 / 5.2} == {part.factor for part in own.values() if part.cycle == P}
    assert "WTDRD1 in 2007-2008; WTDRD1PP in 2017-2020" == found["dietary day 1"].source


def test_the_dietary_weights_of_1999_2002_are_made_for_four_years():
    found = weights(A, B, C)
    assert ["WTDR4YR", "WTDR4YR", "WTDRD1"] == [p.source for p in rescale(found["dietary day 1"].cycles)]
    assert [(C, 1.0)] == [(p.cycle, p.factor) for p in rescale(found["dietary two-day"].cycles)]


def test_by_cycle_each_cycle_has_its_own_two_year_weight():
    parts = rescale(weights(A, B, C)["examination"].cycles, by_cycle=True)
    assert [("WTMEC2YR", 1.0)] * 3 == [(part.source, part.factor) for part in parts]


def test_blood_is_weighted_by_those_who_gave_it_where_that_differs(nhanes_mirror):
    opened = open_nhanes(L, nhanes_mirror)
    choice = choose_weight(opened.design, [opened.codebook["hba1c"]])
    assert mentions(choice, "WTPH2YR", "hba1c", "blood")
