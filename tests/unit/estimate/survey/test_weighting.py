import polars as pl

import toolkit as tk
from tests.support.r_results import equal

PEOPLE = pl.DataFrame(
    {"sex": ["m", "f", "f", "m"], "w": [1.0, 1.0, 3.0, 2.0], "e": [2.0, 0.0, None, 1.0], "x": [1.0, 2, 3, 4]}
)
SEXES = {"m": 48.0, "f": 52.0}


def test_a_weight_stands_as_it_is_without_totals():
    found = tk.weights(tk.study(PEOPLE, design=tk.Design(weight="w")))
    assert found.rows() == [(0, 1.0, 1.0, 1.0), (1, 1.0, 1.0, 1.0), (2, 3.0, 1.0, 3.0), (3, 2.0, 1.0, 2.0)]


def test_a_calibrated_weight_meets_its_totals():
    study = tk.study(PEOPLE, design=tk.Design(weight="w").calibrated({"sex": SEXES}))
    found = tk.weights(study)
    equal([16.0, 13.0, 39.0, 32.0], found["weight"])
    equal([16.0, 13.0, 13.0, 16.0], found["factor"])
    assert PEOPLE["w"].to_list() == found["before"].to_list()


def test_people_outside_of_a_component_have_none():
    design = tk.Design(weight={"interview": "w", "examination": "e"})
    found = tk.weights(tk.study(PEOPLE, design=design.calibrated({"sex": {"m": 10.0, "f": 4.0}})))
    assert [0, 1, 2, 3] == found["row"].to_list()
    only_men = design.calibrated({"sex": {"m": 10.0}})
    study = tk.study(PEOPLE.filter(sex="m"), design=only_men)
    equal([10 / 3, 20 / 3], tk.weights(study)["weight"])


def test_weights_of_the_design_itself_are_shown():
    found = tk.weights(tk.study(PEOPLE.with_columns(N=8), design=tk.Design(fpc="N")))
    assert [2.0] * 4 == found["weight"].to_list()
