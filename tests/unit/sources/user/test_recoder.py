"""One recoder serves NHANES and studies of one's own: codes, numbers, missing codes and their reasons."""

from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions
from tests.support.own_survey import TOML, having, survey, told
from toolkit.sources.catalog_records import Measured, OwnVariable
from toolkit.sources.harmonize.raw_values import Recoder, fold_code, read_codes, read_numbers
from toolkit.variables import why

CODES = pl.DataFrame({"x": [1.0, 2.0, 7.0, 5.0, None]})
X = pl.col("x")


def recoded(recoder: Recoder) -> list[tuple[object, object, object]]:
    columns = {"value": recoder.value(X, X), "why": recoder.reason(X), "odd": recoder.unexplained(X, X)}
    return CODES.select(X, **columns).select("value", "why", "odd").rows()


def test_codes_missing_codes_and_entries_that_nothing_explains() -> None:
    recoder = Recoder(pl.Enum(["no", "yes"]), {1.0: "yes", 2.0: "no"}, {7.0: "refused"})
    expected = [("yes", None, False), ("no", None, False), (None, "refused", False)]
    assert [*expected, (None, None, True), (None, None, False)] == recoded(recoder)


def test_numbers_are_divided_to_the_last_bit_and_have_their_range_after_it() -> None:
    recoder = Recoder(missing={7.0: "refused"}, range=(0, 0.5), divide_by=3)
    expected = [(1 / 3, None, False), (2 / 3, None, True), (None, "refused", False), (5 / 3, None, True)]
    assert [*expected, (None, None, False)] == recoded(recoder)


def test_a_code_with_a_value_and_a_reason_gives_both() -> None:
    recoder = Recoder(codes={1.0: 1.0, 7.0: 7.0}, missing={7.0: "refused"})
    assert [(1.0, None, False), (7.0, "refused", False)] == [recoded(recoder)[0], recoded(recoder)[2]]


@pytest.mark.parametrize("column", [[1, 2], [1.0, 2.0], ["1", "2.0"], [" 1 ", "2"]])
def test_codes_are_the_same_however_a_file_writes_them(column: list[object]) -> None:
    frame = pl.DataFrame({"x": column})
    assert ["1", "2"] == frame.select(read_codes("x", frame.schema)).to_series().to_list()
    assert [1.0, 2.0] == frame.select(read_numbers("x", frame.schema)).to_series().to_list()
    assert {"1", "2"} == {fold_code("1.0"), fold_code(" 2")}


def test_both_declarations_have_the_keys_of_one_schema() -> None:
    shared = {"levels", "values", "missing", "range", "expression", "component", "question"}
    assert shared <= set(Measured.model_fields)
    assert shared <= set(OwnVariable.model_fields)


def test_codes_that_are_numbers_in_a_study_of_ones_own(tmp_path: Path) -> None:
    hours = 'column = "c"\nvalues = { 1 = 0, 2 = 30, 3 = 90 }\nmissing = { 4 = "refused" }'
    toml = f'{TOML}[variables.screen_hours]\n{hours}\nunit = "minutes a day"\n'
    people = tk.open_study(survey(tmp_path, toml=toml)).people
    assert [0.0] * 3 + [0.5] * 3 + [1.5] * 3 + [None] * 3 == people["screen_hours"].to_list()
    assert ["refused"] * 3 == people[why("screen_hours")].to_list()[9:]
    (problem,) = told(survey(tmp_path, toml=toml, people=having("c", 5, 8)))
    assert mentions(problem, "'screen_hours'", "'1'", "'3'", "1 row", "5", "missing = {")
    (problem,) = told(survey(tmp_path, toml=toml + 'levels = { 1 = "none" }\n'))
    assert mentions(problem, "variables.screen_hours", "levels", "values")
