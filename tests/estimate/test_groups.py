import polars as pl
import pytest

import toolkit as tk
from tests.messages import mentioning
from toolkit.errors import VariableError
from toolkit.estimate.survey.analysis_sample import Sample, draw
from toolkit.estimate.survey.groups import groups


@pytest.fixture(scope="module")
def sample() -> Sample:
    people = pl.DataFrame(
        {
            "sex": ["male", "female", None, "female"],
            "old": [0, 1, 1, 1],
            "age": [30.0, 60.0, 70.0, 80.0],
            "level": ["a", "b", "a", "b"],
        }
    )
    return draw(tk.study(people, design=tk.Design.none(), name="groups"), ["sex", "old", "age", "level"])


def test_each_combination_of_levels_is_a_group_and_a_missing_level_in_none(sample) -> None:
    counted = {levels: int(sample.persons[cells].sum()) for levels, cells in groups(sample, ("sex", "old"))}
    assert {("female", "no"): 0, ("female", "yes"): 2, ("male", "no"): 1, ("male", "yes"): 0} == counted


def test_without_variables_everyone_is_one_group(sample) -> None:
    ((levels, cells),) = groups(sample, ())
    assert ((), 4) == (levels, int(cells.sum()))


def test_a_number_makes_no_groups(sample) -> None:
    with pytest.raises(VariableError, match=mentioning("'age'", "study.cut('age')")):
        list(groups(sample, ("age",)))


def test_a_column_of_every_result_cannot_name_the_groups(sample) -> None:
    with pytest.raises(VariableError, match=mentioning("'level'", "study.derive")):
        list(groups(sample, ("level",)))
