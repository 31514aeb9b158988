"""Totals of the population are read in every form that people write them, and must fit together."""

import json
from dataclasses import asdict

import polars as pl
import pytest

from tests.support.messages import mentioning, mentions
from toolkit.errors import DesignError
from toolkit.files.checked_toml import rebuild
from toolkit.studies import Calibration, Design, Margin, choose_weight
from toolkit.variables import Variable

SEX = {"male": 48, "female": 52.0}
D = Design(weight="w")


def margins(totals, **options):
    return D.calibrated(totals, **options).calibration.margins


def test_a_mapping_and_a_frame_say_the_same():
    expected = (Margin(("sex",), ((("male",), 48.0), (("female",), 52.0))),)
    assert expected == margins({"sex": SEX})
    assert expected == margins(pl.DataFrame({"sex": ["male", "female"], "people": [48, 52]}))
    assert expected == margins([pl.DataFrame({"sex": ["male", "female"], "people": [48, 52]})])


def test_crossed_levels_stand_in_tuples_or_columns():
    crossed = margins({("sex", "old"): {("f", 1): 30, ("f", 0.0): 20}})
    assert crossed == margins(pl.DataFrame({"sex": ["f", "f"], "old": [True, False], "n": [30.0, 20.0]}))
    assert ((("f", "1"), 30.0), (("f", "0"), 20.0)) == crossed[0].totals


def test_numbers_and_the_population_have_one_total():
    number, people = margins({"age": 4600}, population=100)
    assert (("age",), (((), 4600.0),), False) == (number.variables, number.totals, number.crossed)
    assert ((), (((), 100.0),)) == (people.variables, people.totals)


@pytest.mark.parametrize(
    ("totals", "options", "method", "word"),
    [
        ({"sex": SEX}, {}, "linear", "post-stratified"),
        ({"sex": SEX, "old": {"no": 70, "yes": 30}}, {}, "raking", "raked"),
        ({"sex": SEX, "old": {"no": 70, "yes": 30}}, {"method": "linear"}, "linear", "calibrated"),
        ({"sex": SEX, "age": 4600}, {}, "linear", "calibrated"),
        ({"sex": SEX, "old": {"no": 70, "yes": 30}}, {"bounds": (0.5, 2)}, "linear", "calibrated"),
        ({"sex": SEX}, {"method": "logit", "bounds": (0.5, 2)}, "logit", "calibrated"),
    ],
)
def test_the_method_follows_from_the_totals(totals, options, method, word):
    found = D.calibrated(totals, **options).calibration
    assert (method, word) == (found.method, found.word)


def test_the_weight_says_what_was_done_to_it():
    design = D.calibrated({"sex": SEX, ("age_group", "region"): {("old", "north"): 60, ("old", "south"): 40}})
    told = str(choose_weight(design, [Variable("age", "age", "number")]))
    assert mentions(told, "'sex'", "'age_group'", "'region'")
    assert mentions(design._repr_html_(), "raked")


def test_a_calibration_is_read_again_from_json():
    found = D.calibrated({"sex": SEX, "age": 4600}, bounds=(0.5, 2)).calibration
    assert found == rebuild(Calibration, json.loads(json.dumps(asdict(found))))


@pytest.mark.parametrize(
    ("totals", "options", "message"),
    [
        ({}, {}, "design.calibrated"),
        (7, {}, ("mapping", "int")),
        ({"sex": {"male": -1, "female": 2}}, {}, ("'sex: male'", "1", "tk.study(")),
        ({"sex": {"male": "many"}}, {}, ("'sex: male'", "'many'")),
        ({"age": float("nan")}, {}, "'age'"),
        ({"sex": SEX, "old": {"no": 70, "yes": 31}}, {}, ("'sex'", "100", "'old'", "101")),
        ({"sex": SEX}, {"population": 99}, "99"),
        ({("sex", "old"): {"male": 1}}, {}, "2"),
        ({"sex": {"1": 1, 1: 2}}, {}, ("'1'", "'sex'")),
        ({"sex": SEX}, {"method": "rake"}, ("'method'", "'rake'", "'raking'")),
        ({"sex": SEX}, {"method": "logit"}, ("'logit'", "bounds=(0.3, 3)")),
        ({"sex": SEX}, {"method": "raking", "bounds": (0.3, 3)}, "method='logit'"),
        ({"sex": SEX}, {"bounds": (1.2, 3)}, ("'bounds'", "1.2", "3", "bounds=(0.3, 3)")),
        (pl.DataFrame({"n": [48.0], "sex": ["male"]}), {}, "'sex'"),
    ],
)
def test_totals_that_cannot_be_are_told(totals, options, message):
    with pytest.raises(DesignError, match=mentioning(message)):
        D.calibrated(totals, **options)


def test_a_design_is_calibrated_once():
    with pytest.raises(DesignError, match=mentioning("post-stratified", "totals")):
        D.calibrated({"sex": SEX}).calibrated({"old": {"no": 70, "yes": 30}})


@pytest.mark.parametrize("bounds", ["x", 3, (0.3,), (0.3, "3"), (0.3, 1, 3)])
def test_bounds_that_are_not_two_numbers_are_refused(bounds: object) -> None:
    with pytest.raises(DesignError, match=mentioning("'bounds'", "(0.3, 3)")):
        Design(weight="w").calibrated({"age": 1.0}, population=3, bounds=bounds)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [5, ("sex", 5), None])
def test_totals_that_name_no_variable_are_refused(key: object) -> None:
    with pytest.raises(DesignError, match=mentioning(f"'{key}'", "design.calibrated")):
        Design(weight="w").calibrated({key: {"f": 1.0}})
