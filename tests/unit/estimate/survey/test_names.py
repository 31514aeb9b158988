import pytest

from tests.support.messages import mentioning
from toolkit.errors import VariableError
from toolkit.variables import as_covariates, as_names, parse, require_one_role, spline_of


def test_one_name_or_several_are_a_tuple():
    assert ("age",) == as_names("age", "by")
    assert ("age", "sex") == as_names(["age", "sex"], "by")
    assert () == as_names((), "by")


def test_a_name_that_stands_twice_says_what_to_write():
    with pytest.raises(VariableError, match=mentioning("'age'", "by=('age', 'sex')")):
        as_names(("age", "sex", "age"), "by")


def test_what_is_not_a_name_is_refused():
    for wrong in (5, 2.5, True):
        with pytest.raises(VariableError, match=mentioning("adjust", type(wrong).__name__)):
            as_names(wrong, "adjust")
        with pytest.raises(VariableError, match=mentioning("condition", type(wrong).__name__)):
            parse(wrong)


def test_a_spline_is_told_from_a_name():
    assert ("age", (4.0,)) == spline_of("rcs(age, 4)")
    assert ("age", (30.0, 50.0, 70.0)) == spline_of(" rcs(`age`, 30, 50, 70)")
    assert spline_of("age") is None
    assert ("rcs(age, 4)", "sex") == as_covariates(["rcs(age, 4)", "sex"])


def test_only_adjust_and_by_may_share_a_variable():
    require_one_role(outcome="cramps", exposure="sex", adjust=("age",), by=("age",))
    with pytest.raises(VariableError, match="'sex' is both exposure and by"):
        require_one_role(outcome="cramps", exposure="sex", by=("sex",))
