import pytest

from tests.messages import mentioning
from toolkit.errors import VariableError
from toolkit.variables.arguments import as_names


def test_one_name_or_several_are_a_tuple():
    assert ("age",) == as_names("age", "by")
    assert ("age", "sex") == as_names(["age", "sex"], "by")
    assert () == as_names((), "by")


def test_a_name_that_stands_twice_says_what_to_write():
    with pytest.raises(VariableError, match=mentioning("'age'", "by=('age', 'sex')")):
        as_names(("age", "sex", "age"), "by")
