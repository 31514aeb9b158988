"""Run every truth table, and check that each holds its edges, its nulls and every combination."""

import re
from itertools import product

import polars as pl

from tests.support.looping import in_one_test
from toolkit.causes import DERIVATIONS, RULES
from toolkit.causes.card import Rule
from toolkit.variables import Codebook, Reason, Variable, derive

EACH_RULE = in_one_test("rule", RULES.values(), ids=lambda rule: rule.name)


@EACH_RULE
def test_rule_gives_its_truth_table(rule: Rule) -> None:
    table = rule.truth_table()
    people, _ = derive(table.drop(rule.name), Codebook(), [rule.derivation])
    assert table[rule.name].to_list() == people[rule.name].cast(table[rule.name].dtype).to_list()


@EACH_RULE
def test_truth_table_holds_every_combination_of_its_inputs_once(rule: Rule) -> None:
    seen = [case[:-1] for case in rule.cases]
    every = set(product(*(dict.fromkeys(values) for values in zip(*seen, strict=True))))
    assert every == set(seen)
    assert len(every) == len(seen)


@EACH_RULE
def test_truth_table_holds_null_of_every_input(rule: Rule) -> None:
    inputs = list(zip(*(case[:-1] for case in rule.cases), strict=True))
    assert all(None in values for values in inputs)


@EACH_RULE
def test_truth_table_stands_at_every_cut_point_and_right_beside_it(rule: Rule) -> None:
    literals = re.findall(r"dyn (?:float|int): (-?[\d.]+)", str(rule.derivation.expression))
    values = {value for case in rule.cases for value in case[:-1] if isinstance(value, int | float)}
    for edge in {float(literal) for literal in literals} - {case[-1] for case in rule.cases}:
        step = 1 if edge.is_integer() else 0.1
        assert edge in values
        assert any(0 < abs(edge - value) <= step + 1e-9 for value in values), f"nothing right beside {edge}"


@EACH_RULE
def test_truth_table_reaches_every_level(rule: Rule) -> None:
    variable = rule.derivation.variable
    reached = {case[-1] for case in rule.cases}
    assert set(variable.levels) <= reached
    assert variable.kind == "number" or reached <= {*variable.levels, None}


@EACH_RULE
def test_rule_reads_exactly_the_inputs_it_names(rule: Rule) -> None:
    assert set(rule.derivation.inputs) == set(rule.derivation.expression.meta.root_names())


def test_each_derivation_finds_its_inputs_before_it() -> None:
    given = [step.variable.name for step in DERIVATIONS]
    for place, step in enumerate(DERIVATIONS):
        later = set(given[place:]) & set(step.inputs)
        assert not later, f"{step.variable.name} reads {later}, which comes after it"


def test_derived_levels_hold_for_columns_of_other_types() -> None:
    people = pl.DataFrame({"age": [20, 60, 15, None], "cramp_frequency": ["never", "often", None, "rarely"]})
    people = people.with_columns(pl.col("cramp_frequency").cast(pl.Categorical))
    derived, _ = derive(people, Codebook(), DERIVATIONS)
    assert derived["age_group"].to_list() == ["20-39", "60+", None, None]
    assert derived["any_cramps"].to_list() == ["no", "yes", None, "yes"]


def test_not_a_number_is_unknown() -> None:
    derived, _ = derive(pl.DataFrame({"hba1c": [float("nan"), 7.0]}), Codebook(), DERIVATIONS)
    assert derived["hba1c_group"].to_list() == [None, "6.5 or more"]


def test_age_under_20_is_outside_the_groups_and_not_a_gap_in_the_data() -> None:
    derived, _ = derive(pl.DataFrame({"age": [19.0, None, 20.0]}), Codebook(), DERIVATIONS)
    assert derived["age_group.why"].to_list() == ["outside the groups", "no value recorded", None]


def test_smoking_takes_the_reason_of_the_first_question() -> None:
    people = pl.DataFrame(
        {
            "smoked_100": ["yes", None],
            "smoked_100.why": pl.Series([None, "refused"], dtype=Reason),
            "smokes_now": pl.Series([None, None], dtype=pl.String),
            "smokes_now.why": pl.Series(["don't know", "not asked"], dtype=Reason),
        }
    )
    derived, _ = derive(people, Codebook(), DERIVATIONS)
    assert derived["smoking.why"].to_list() == ["don't know", "refused"]


def test_one_leg_that_no_file_holds_leaves_the_other() -> None:
    people = pl.DataFrame({"abi_left": [0.8, 1.0, None]})
    codebook = Codebook.of(Variable("abi_left", "left", "number", component="examination"))
    derived, book = derive(people, codebook, DERIVATIONS)
    assert derived["pad"].to_list() == ["yes", "no", None]
    assert book["pad"].component == "examination"
