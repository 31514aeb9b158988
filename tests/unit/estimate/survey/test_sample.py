from fractions import Fraction
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from tests.support.messages import Fragment, mentioning
from toolkit.errors import DatasetError, DesignError, EstimationError, VariableError
from toolkit.estimate.survey import draw, index_participants, read
from toolkit.estimate.survey.participant_flow import flow
from toolkit.sources.registry import study
from toolkit.studies import ComponentWeight, Design, Study
from toolkit.variables import Availability, Codebook, Reason, Variable

PEOPLE = pl.DataFrame(
    {
        "stratum": [1, 1, 1, 1, 2, 2, 2, 2],
        "psu": [1, 1, 2, 2, 1, 1, 2, 2],
        "w": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        "cramps": [0, 1, 1, None, 0, 0, 1, 1],
        "sex": ["m", "f", "f", "f", "m", "m", "f", None],
        "age": [30.0, 40.0, 50.0, 60.0, None, 30.0, 70.0, 80.0],
    }
)
CLUSTERED = Design(weight="w", strata="stratum", psu="psu")


@pytest.fixture
def own() -> Study:
    return study(PEOPLE, design=CLUSTERED, name="own")


def parts(**columns: list[object]) -> Study:
    """A study with weights by component and reasons of missing values."""
    variables = (
        Variable("cramps", "cramps at night", "yes_no"),
        Variable("bmi", "body mass index", "number", component="examination"),
        Variable("pad", "artery disease", "yes_no", availability=NOT_MEASURED),
        Variable("lost", "lost", "number", availability=ABSENT),
    )
    people = pl.DataFrame(
        {
            "w_interview": [1.0, 1.0, 1.0, 1.0],
            "w_exam": [2.0, 2.0, 0.0, None],
            "cramps": pl.Series(["yes", "no", None, "no"], dtype=pl.Enum(["no", "yes"])),
            "cramps.why": pl.Series([None, None, "refused", None], dtype=Reason),
            "bmi": [20.0, None, None, None],
            "bmi.why": pl.Series([None, "could not be tested", "not examined", "not examined"], dtype=Reason),
            **columns,
        }
    )
    weights = {
        "interview": ComponentWeight("w_interview"),
        "examination": ComponentWeight("w_exam"),
    }
    return Study("parts", "Parts 2001", people, Design(weight=weights), Codebook.of(*variables))


NOT_MEASURED = (Availability("2001-2002", "not measured", "no arm and ankle pressures"),)
ABSENT = (Availability("2001-2002", "not measured", "file not found: LOST_B.xpt"),)


def test_rows_become_cells_of_unit_and_pattern(own):
    sample = draw(own, ["cramps", "sex"])
    assert sample.columns["cramps"].levels == ("no", "yes")
    assert sample.columns["sex"].levels == ("f", "m")
    assert len(sample.unit) == 8 - 1
    assert sample.size == 8
    assert sample.weights.sum() == 36
    merged = (sample.codes("cramps") == 0) & (sample.codes("sex") == 1) & (sample.unit == 2)
    assert sample.weights[merged].item() == 11
    assert sample.persons[merged].item() == 2


def test_persons_with_a_missing_value_stay_as_cells_with_a_null(own):
    sample = draw(own, ["cramps", "sex"])
    assert sample.persons[~sample.complete()].sum() == 2
    assert sample.persons[~sample.complete(["cramps"])].sum() == 1
    assert sample.codes("sex").min() == -1
    assert np.isnan(sample.numbers("cramps")).sum() == 1


def test_with_a_continuous_variable_a_cell_is_a_row(own):
    sample = draw(own, ["age"])
    np.testing.assert_array_equal(np.ones(8), sample.persons)
    np.testing.assert_array_equal(PEOPLE["age"].fill_null(np.nan), sample.numbers("age"))


def test_units_of_the_whole_design_go_along_with_a_domain(own):
    sample = draw(own, ["cramps"], "age > 65")
    assert sample.size == 2
    assert sample.unknown == 1
    assert len(sample.units.stages[0].parent) == 4
    assert sample.units.strata == 2


def test_the_same_study_and_weight_are_prepared_once(own):
    sample = draw(own, ["cramps"])
    assert index_participants(own, sample.weight) is index_participants(own, sample.weight)
    other = study(PEOPLE, design=CLUSTERED)
    assert index_participants(own, sample.weight) is not index_participants(other, sample.weight)


def test_people_outside_of_the_component_are_not_in_the_sample():
    whole = parts()
    assert draw(whole, ["cramps"]).weight.component == "interview"
    assert draw(whole, ["cramps"]).size == 4
    examined = draw(whole, ["cramps", "bmi"])
    assert examined.weight.component == "examination"
    assert examined.size == 2


def test_the_weight_follows_from_the_domain_too():
    assert draw(parts(), ["cramps"], "bmi < 40 or bmi >= 40").weight.component == "examination"


@pytest.mark.parametrize(
    ("values", "levels", "reference", "case"),
    [
        ([True, False], ("no", "yes"), "no", "yes"),
        ([0, 1], ("no", "yes"), "no", "yes"),
        ([0.0, 1.0], ("no", "yes"), "no", "yes"),
        ([0, 0], ("no", "yes"), "no", "yes"),
        (["b", "a"], ("a", "b"), "a", None),
        (["No", "Yes"], ("No", "Yes"), "No", "Yes"),
        (["1", "0"], ("0", "1"), "0", "1"),
        (["a", "c", "b"], ("a", "b", "c"), "a", None),
        (pl.Series(["b", "a"], dtype=pl.Enum(["b", "a"])), ("b", "a"), "b", "a"),
        (pl.Series(["yes", "no"], dtype=pl.Enum(["yes", "no"])), ("yes", "no"), "yes", "yes"),
        (pl.Series(["b", "a"], dtype=pl.Categorical), ("a", "b"), "a", None),
    ],
)
@pytest.mark.parametrize("as_design", [False, True])
def test_levels_reference_and_case_of_a_column_of_ones_own(values, levels, reference, case, as_design):
    # A column that the design names stands in no codebook, and is read all the same.
    people = pl.DataFrame({"x": values})
    design = Design(weight="w", strata="x") if as_design else Design(weight="w")
    column = read(study(people.with_columns(w=1.0), design=design), ["x"])["x"]
    assert levels == column.levels
    assert reference == column.reference
    # Whether the levels of a column that only the design names stand in order is not kept.
    named = case is None or case.lower() in ("yes", "1")
    assert (case if named or not as_design else None) == column.case
    assert not column.continuous


@pytest.mark.parametrize("values", [[1, 2], [0.5, 1.0], [0, 1, 2]])
def test_other_numbers_are_continuous(values):
    people = pl.DataFrame({"x": values})
    column = read(study(people, design=Design.none()), ["x"])["x"]
    assert column.continuous
    assert () == column.levels
    assert column.case is None


def test_whole_numbers_of_few_values_are_levels_where_they_make_groups():
    people = pl.DataFrame({"region": [10, 9, None, 10], "size": [1.5, 2.0, 3.0, 4.0], "day": [1, 2, 3, 4]})
    columns = read(
        study(people, design=Design.none()), ["region", "size", "day"], in_groups=["region", "size"]
    )
    assert ("9", "10") == columns["region"].levels
    assert people.select(columns["region"].expression)["region"].to_list() == ["10", "9", None, "10"]
    assert columns["size"].continuous
    assert columns["day"].continuous


def test_whole_numbers_of_many_values_stay_numbers():
    people = pl.DataFrame({"age": range(31)})
    assert read(study(people, design=Design.none()), ["age"], in_groups=["age"])["age"].continuous


def test_not_a_number_is_missing():
    people = pl.DataFrame({"x": [1.5, np.nan], "w": [1.0, 1.0]})
    sample = draw(Study("own", "own", people, Design(weight="w"), Codebook()), ["x"])
    assert sample.complete().tolist() == [True, False]


def test_weights_from_population_counts():
    people = pl.DataFrame({"psu": [1, 1, 2], "clusters": [10, 10, 10], "size": [4, 4, 3], "x": [0, 1, 1]})
    people = people.with_columns(person=pl.int_range(pl.len()))
    design = Design(psu=("psu", "person"), fpc=("clusters", "size"))
    sample = draw(study(people, design=design), ["x"])
    assert sample.weight.component == "from fpc"
    expected = [Fraction(10, 2) * Fraction(4, 2), Fraction(10, 2) * Fraction(4, 2), Fraction(10, 2) * 3]
    assert [float(e) for e in expected] == sample.weights.tolist()


def test_a_fraction_says_the_same_as_a_count():
    people = pl.DataFrame({"psu": [1, 2, 3], "count": [12, 12, 12], "fraction": [0.25] * 3, "x": [0, 1, 1]})
    counts = draw(study(people, design=Design(psu="psu", fpc="count")), ["x"])
    fractions = draw(study(people, design=Design(psu="psu", fpc="fraction")), ["x"])
    np.testing.assert_allclose(counts.weights, fractions.weights)
    np.testing.assert_allclose(counts.units.stages[0].population, fractions.units.stages[0].population)


def fails(error: type[Exception], pattern: Fragment, people: pl.DataFrame, design: Design) -> None:
    with pytest.raises(error, match=mentioning(pattern)):
        draw(study(people, design=design), ["cramps"])


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (None, "missing"),
        (float("nan"), "missing"),
        (-1.0, "negative"),
        (float("inf"), "infinite"),
    ],
)
def test_a_broken_weight_is_counted_with_what_to_do(broken, told):
    people = PEOPLE.with_columns(w=pl.Series([broken, *PEOPLE["w"][1:]]))
    fails(DesignError, ("'w'", told, "1 of 8", "frame.filter((pl.col('w') >= 0)"), people, CLUSTERED)


def test_a_weight_of_zero_is_outside_every_domain_and_counted_while_its_psu_stays():
    # The whole PSU 1 of stratum 1 has weight 0; R keeps it in the design too (tests/reference/weights).
    people = PEOPLE.with_columns(w=pl.Series([0.0, 0.0, *PEOPLE["w"][2:]]))
    own = study(people, design=CLUSTERED, name="own")
    sample = draw(own, ["cramps"])
    assert 6 == sample.size
    assert 4 == len(sample.units.stages[0].parent)
    told = flow(own, outcome="cramps")
    assert ("with a positive weight: w", "weight of 0", 6, 2) == told.row(1)


@pytest.mark.parametrize("broken", [-1.0, float("nan"), float("inf")])
def test_a_broken_weight_of_a_component_is_an_error_too(broken):
    with pytest.raises(DesignError, match=mentioning("'w_exam'", "1 of 4")):
        draw(parts(w_exam=[2.0, 2.0, broken, None]), ["bmi"])


def test_a_component_in_which_nobody_is():
    with pytest.raises(DesignError, match=mentioning("'w_exam'", "study.people")):
        draw(parts(w_exam=[0.0, 0.0, 0.0, 0.0]), ["bmi"])


def test_a_missing_psu_is_an_error():
    people = PEOPLE.with_columns(psu=pl.Series([None, *PEOPLE["psu"][1:]]))
    fails(DesignError, ("'psu'", "1 of 8", "is_not_null"), people, CLUSTERED)


def test_a_psu_in_two_strata_is_an_error_unless_nested():
    design = Design(weight="w", strata="stratum", psu="psu", nest=False)
    fails(DesignError, ("'psu'", "2", "stratum", "nest=True"), PEOPLE, design)


def test_a_population_smaller_than_its_sample():
    people = PEOPLE.with_columns(size=pl.lit(1.5))
    design = Design(weight="w", strata="stratum", psu="psu", fpc="size")
    fails(DesignError, ("'size'", "4 of 4 units"), people, design)


def test_a_population_that_varies_within_its_stratum():
    people = PEOPLE.with_columns(size=pl.Series([10, 11, 10, 10, 9, 9, 9, 9]))
    design = Design(weight="w", strata="stratum", psu="psu", fpc="size")
    fails(DesignError, ("'size'", "1"), people, design)


def test_more_fpc_columns_than_stages():
    people = PEOPLE.with_columns(size=pl.lit(10))
    design = Design(weight="w", psu="psu", fpc=("size", "w"))
    fails(DesignError, ("2", "fpc", "1", "psu=("), people, design)


def test_a_column_of_the_design_that_is_not_there():
    broken = Study("own", "own", PEOPLE, Design(weight="weight"), Codebook())
    with pytest.raises(DesignError, match=mentioning("'weight'", "study.people")):
        draw(broken, ["cramps"])


def test_a_weight_or_population_in_words_is_an_error():
    words = PEOPLE.with_columns(w=pl.lit("much"), size=pl.lit("ten"))
    fails(DesignError, ("'w'", f"{PEOPLE.height}", "cast(pl.Float64"), words, CLUSTERED)
    design = Design(weight="age", psu="psu", fpc="size")
    fails(DesignError, ("'size'", f"{PEOPLE.height}"), words, design)


def test_an_unknown_variable_offers_the_nearest(own):
    with pytest.raises(VariableError, match=mentioning("'cramp'", "'cramps'")):
        draw(own, ["cramp"])
    with pytest.raises(VariableError, match=mentioning("'ages'", "'age'")):
        draw(own, ["cramps"], "ages > 3")


def test_an_unknown_level_of_the_domain_names_the_levels():
    own = study(PEOPLE, design=CLUSTERED, name="own", smallest_cell=0)
    with pytest.raises(VariableError, match=mentioning("'sex'", "'female'", "'f'", "'m'")):
        draw(own, ["cramps"], "sex == 'female'")


def test_a_variable_that_no_cycle_measured_says_why():
    with pytest.raises(VariableError, match=mentioning("'pad'")):
        draw(parts(), ["pad"])


def test_a_variable_of_an_absent_file_names_the_file():
    with pytest.raises(DatasetError, match=mentioning("'lost'", "LOST_B")):
        draw(parts(), ["cramps"], "lost > 3")


def test_a_column_that_is_neither_category_nor_number():
    people = PEOPLE.with_columns(day=pl.lit("2001-01-01").str.to_date())
    with pytest.raises(VariableError, match=mentioning("'day'", "study.derive")):
        draw(study(people, design=CLUSTERED), ["day"])


def test_an_empty_domain_tells_how_many_are_undecided(own):
    with pytest.raises(EstimationError, match=mentioning("'age > 90'", "8", "1")):
        draw(own, ["cramps"], "age > 90")


def test_flow_of_everyone_to_the_analysis():
    rows = flow(parts(), outcome="cramps", exposure="bmi", domain="cramps == 'no' or cramps == 'yes'").rows()
    assert [
        ("participants in Parts 2001", "", 4, 0),
        ("with a weight: examination", "not part of the examination", 2, 2),
        ("body mass index known", "could not be tested", 1, 1),
        ("in the analysis", "", 1, 0),
    ] == rows


def test_flow_tells_reasons_and_undecided_people_one_by_one():
    rows = flow(parts(), outcome="cramps", domain="bmi < 100").rows()
    assert ("in the domain: bmi < 100", "unknown because of missing values", 1, 1) in rows
    rows = flow(parts(), outcome="cramps").rows()
    assert ("cramps at night known", "refused", 3, 1) in rows


def test_flow_adds_up(own):
    result = flow(own, outcome="cramps", exposure="sex", adjust=("age",), domain="age < 75")
    left, out = result["n_left"].to_list(), result["n_out"].to_list()
    assert [before - now for before, now in pairwise(left)] == out[1:]
    assert result["n_left"][-1] == draw(own, ["cramps", "sex", "age"], "age < 75").complete().sum()
