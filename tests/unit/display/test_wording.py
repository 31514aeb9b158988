"""Numbers and names in words."""

import pytest

from tests.support import frames
from tests.support.frames import difference, prevalence, ratio, result
from tests.support.messages import mentioning
from toolkit.display.text import format_adjustment, numbers
from toolkit.errors import VariableError
from toolkit.results import estimand_of


@pytest.mark.parametrize(
    ("value", "kind", "std_error", "said"),
    [
        (0.3091, "percent", None, "30.9"),
        (1.0, "percent", None, "100.0"),
        (0.0, "percent", None, "0.0"),
        (0.000431, "percent", None, "0.043"),
        (-0.0634, "points", None, "−6.3"),
        (-0.00001, "points", None, "−0.0010"),
        (1.2871, "ratio", None, "1.29"),
        (12.345, "ratio", None, "12.3"),
        (1234.5, "ratio", None, "1,234"),
        (0.0123, "ratio", None, "0.012"),
        (0.0, "ratio", None, "0"),
        (4e7, "ratio", None, ">1,000,000"),
        (1e-9, "ratio", None, "<0.000001"),
        (float("inf"), "ratio", None, "infinity"),
        (float("-inf"), "number", None, "−infinity"),
        (28.4412, "number", 0.17, "28.44"),
        (71_318_442.0, "number", 1_234_567.0, "71,300,000"),
        (0.000012345, "coefficient", 0.0000023, "0.000012"),
        (None, "percent", None, ""),
        (float("nan"), "ratio", None, ""),
    ],
)
def test_numbers_are_rounded_by_what_they_are(value, kind, std_error, said):
    assert numbers.format_number(value, kind, std_error) == said


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (1.0021, "ratio", "1.002"),
        (0.99996, "ratio", "0.99996"),
        (1.0, "ratio", "1.00"),
        (0.0004, "points", "0.040"),
        (float("inf"), "ratio", "infinity"),
    ],
)
def test_an_end_of_an_interval_stays_on_its_side_of_no_difference(value, kind, said):
    assert numbers.format_bound(value, kind) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.0312, "p = 0.031"), (0.5, "p = 0.50"), (1e-9, "p < 0.001"), (0.001, "p = 0.001")]
)
def test_p_values(value, said):
    assert numbers.format_p_value(value) == said


@pytest.mark.parametrize(
    ("adjust", "said"),
    [
        ("", "crude"),
        (None, "crude"),
        ("age", "adjusted for age"),
        ("age, sex, race_ethnicity", "adjusted for age, sex and race/ethnicity"),
    ],
)
def test_adjustment(adjust, said):
    assert format_adjustment(ratio(1.2, 1.1, 1.3, adjust=adjust)) == said


def test_a_prevalence_compares_nothing_and_is_not_crude():
    row = result(prevalence(0.3, 0.2, 0.4)).row(0, named=True)
    assert format_adjustment(row) == ""


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        (
            "age >= 20 and sex == 'female' and not (bmi > 40)",
            "age ≥ 20 and sex = female and not (body mass index > 40)",
        ),
        ("cycle in ['2005-2006', '2007-2008']", "cycle in (2005-2006, 2007-2008)"),
        ('`night cramps` != "don\'t know"', "night cramps ≠ don't know"),
        ("", ""),
        (None, ""),
    ],
)
def test_domains(domain, said):
    assert numbers.format_condition(domain) == said


def test_estimates_with_their_intervals():
    row = result(difference(-0.02, -0.04, -0.001)).row(0, named=True)
    assert numbers.format_estimate(row) == "−2.0 (−4.0 to −0.1)"
    assert numbers.phrase_estimate(row) == "−2.0 percentage points (95% CI −4.0 to −0.1)"
    bare = result(ratio(1.3, None, None)).row(0, named=True)
    assert numbers.format_estimate(bare) == "1.30"
    assert numbers.phrase_estimate(bare) == "1.30 (no interval)"


def test_a_failed_row_has_no_number_even_if_one_stands_in_the_frame():
    row = result(ratio(1.3, 1.1, 1.5, reliability="failed")).row(0, named=True)
    assert numbers.format_estimate(row) == ""


def test_an_unknown_estimand_follows_from_its_scale():
    unknown = {"estimand": "slope", "n_cases": None}
    assert estimand_of({**unknown, "scale": "identity"}).null_value is None
    assert estimand_of({**unknown, "scale": "log"}).null_value == 1
    assert estimand_of({**unknown, "scale": "log"}).noun == "slope"


@pytest.mark.parametrize(
    ("name", "said"),
    [("age_group", "age group"), ("rcs(age, 4)", "age (spline)"), ("pad", "narrowed leg arteries")],
)
def test_names_of_variables(name, said):
    assert numbers.label_variable(name, {"pad": "narrowed leg arteries"}) == said


def test_units_end_labels():
    row = result(frames.mean(28.4, 28.1, 28.7)).row(0, named=True)
    assert (numbers.unit_of(row), numbers.name_outcome(row)) == ("kg/m²", "body mass index")
    assert numbers.unit_of({**row, "outcome_label": "sex"}) == ""


def test_a_reason_is_shortened_to_what_happened():
    reason = "nobody is a case. Merge levels with study.derive(...)."
    assert numbers.shorten_reason(reason) == "nobody is a case"


def test_frames_are_told_apart():
    assert numbers.classify_frame(frames.flow(), "x") == "flow"
    assert numbers.classify_frame(frames.availability(), "x") == "availability"
    assert numbers.classify_frame(frames.nasty(), "x") == "result"
    with pytest.raises(VariableError, match=mentioning("1", "30", "'reason'")):
        numbers.classify_frame(frames.nasty().drop("reason"), "x")
