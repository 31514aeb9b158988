import numpy as np
import polars as pl
import pytest

import toolkit as tk
from toolkit.estimate.regression.formula import Term, levels_present, main_effects, per_unit
from toolkit.estimate.survey import Sample, draw
from toolkit.variables import Codebook, Variable

LEVELS = ("low", "mid", "high")
EDUCATION = Variable("education", "education", "category", LEVELS, "high", component="")
AGE = Variable("age", "age", "number", unit="years", component="")


@pytest.fixture(scope="module")
def sample() -> Sample:
    people = pl.DataFrame(
        {"education": ["low", "high", "mid", "high", None], "age": [20.0, 30.0, 40.0, 50.0, 60.0]}
    )
    study = tk.study(people, design=tk.Design.none(), name="terms", codebook=Codebook.of(EDUCATION, AGE))
    return draw(study, ["education", "age"])


def test_a_category_has_a_column_a_level_but_the_reference(sample) -> None:
    matrix = main_effects(sample, ["education", "age"], sample.complete())
    expected = [[1, 1, 0, 20], [1, 0, 0, 30], [1, 0, 1, 40], [1, 0, 0, 50]]
    np.testing.assert_array_equal(matrix.values[np.argsort(matrix.values[:, 3])], expected)
    assert ["intercept", "low", "mid", "per unit"] == [term.level for term in matrix.terms]
    assert [None, "high", "high", None] == [term.reference for term in matrix.terms]


def test_a_level_that_nobody_has_gets_no_column(sample) -> None:
    inside = sample.complete() & (sample.numbers("age") > 25)
    assert ["intercept", "mid"] == [t.level for t in main_effects(sample, ["education"], inside).terms]


def test_the_first_level_present_stands_in_for_an_absent_reference() -> None:
    assert ["high", "low", "mid"] == levels_present(EDUCATION, np.array([0, 1, 2]))
    assert ["low", "mid"] == levels_present(EDUCATION, np.array([1, 0, 0]))


@pytest.mark.parametrize(
    ("unit", "label"),
    [
        ("years", "per 1 year"),
        ("hours a day", "per 1 hour a day"),
        ("mg/dL", "per 1 mg/dL"),
        ("%", "per 1 %"),
        ("", "per unit"),
    ],
)
def test_a_number_is_compared_per_unit(unit: str, label: str) -> None:
    assert label == per_unit(Variable("x", "x", "number", unit=unit)).level_label


def test_a_term_reads_well_in_a_message() -> None:
    assert "'sex: female'" == str(Term("sex", "sex", "female", "female", "male"))
    assert "'age'" == str(Term("age", "age", "per unit", "per 1 year"))
    assert "the intercept" == str(Term("", "", "intercept", "intercept"))
