"""Parameters are read from literals and checked by name and type, with the nearest name in the message."""

from typing import Any

import pytest

from tests.support.messages import mentioning
from toolkit.errors import DatasetError, VariableError
from toolkit.report.parameters import fill_parameters, read_parameters

CELL = """
study = "simulated"  # a study
cause: str = "diabetes"
adjust = ("age", "sex")
least = 20
share = 0.5
weighted = True
"""


def known() -> dict[str, Any]:
    return dict(read_parameters(CELL, "cause"))


def test_defaults_are_read_in_the_cells_order() -> None:
    expected = {
        "study": "simulated",
        "cause": "diabetes",
        "adjust": ("age", "sex"),
        "least": 20,
        "share": 0.5,
        "weighted": True,
    }
    assert known() == expected
    assert fill_parameters(known(), {}, "cause") == expected


def test_a_default_that_is_computed_is_refused_with_a_way_to_write_it() -> None:
    with pytest.raises(DatasetError, match=mentioning("'when'", 'when = ""')):
        read_parameters("when = today()", "cause")


def test_lines_that_assign_nothing_are_left_alone() -> None:
    assert list(read_parameters('"""Words."""\nimport os\nleast = 1', "cause")) == ["least"]


def test_an_unknown_name_is_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(VariableError, match=mentioning("'cause'", "'casue'", "study")):
        fill_parameters(known(), {"casue": "joints"}, "cause")


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"cause": 3}, "3"),
        ({"least": 2.5}, "2.5"),
        ({"least": True}, ("'least'", "True")),
        ({"share": "half"}, "'half'"),
        ({"weighted": 1}, "1"),
        ({"adjust": "age"}, "'age'"),
        ({"adjust": (("age",),)}, "'adjust'"),
    ],
)
def test_a_value_of_another_type_is_refused_with_an_example(given: dict[str, Any], kind: str) -> None:
    name = next(iter(given))
    with pytest.raises(VariableError, match=mentioning(kind, name)):
        fill_parameters(known(), given, "cause")


def test_what_is_plainly_meant_is_taken() -> None:
    values = fill_parameters(known(), {"adjust": ["age"], "share": 1}, "cause")
    assert (("age",), 1.0) == (values["adjust"], values["share"])
    assert isinstance(values["share"], float)


@pytest.mark.parametrize(
    ("given", "taken"), [(None, None), (["age"], ("age",)), (("age", "sex"), ("age", "sex"))]
)
def test_what_is_open_by_default_takes_names_or_stays_open(given, taken):
    known = {"adjust": None}
    assert {"adjust": taken} == fill_parameters(known, {"adjust": given}, "cause")
    assert {"adjust": None} == fill_parameters(known, {}, "cause")


def test_what_is_open_by_default_takes_no_number():
    with pytest.raises(VariableError, match=mentioning("'adjust'", "7")):
        fill_parameters({"adjust": None}, {"adjust": 7}, "cause")
