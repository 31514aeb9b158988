"""What a variable is: its type, its words, its place in a codebook."""

import polars as pl
import pytest

from tests.support.messages import mentioning
from toolkit.errors import VariableError
from toolkit.variables import MOST_LEVELS, REASONS, Availability, Codebook, Reason, Variable, deepest, why

BMI = Variable("bmi", "body mass index", "number", unit="kg/m²")
SEX = Variable("sex", "sex", "category", ("male", "female"))


def test_a_yes_no_variable_has_its_levels_and_reference() -> None:
    stroke = Variable("stroke", "stroke", "yes_no")
    assert (stroke.levels, stroke.reference) == (("no", "yes"), "no")
    assert stroke.dtype == pl.Enum(["no", "yes"])


def test_the_first_level_is_the_reference_unless_told() -> None:
    assert SEX.reference == "male"
    assert Variable("sex", "sex", "category", ("male", "female"), "female").reference == "female"


def test_a_reference_must_be_a_level() -> None:
    with pytest.raises(VariableError, match=mentioning("'sex'", "'mal'", "'male'")):
        Variable("sex", "sex", "category", ("male", "female"), "mal")


def test_a_title_carries_the_unit() -> None:
    assert (BMI.title, SEX.title) == ("body mass index (kg/m²)", "sex")
    assert BMI.dtype == pl.Float64()


def test_a_variable_is_measured_if_any_cycle_did() -> None:
    absent = Availability("2005-2006", "not measured", "asked later")
    present = Availability("2007-2008", "measured")
    assert BMI.measured
    assert not BMI.with_availability((absent,)).measured
    assert BMI.with_availability((absent, present)).measured


def test_a_codebook_knows_its_names_in_order() -> None:
    book = Codebook.of(BMI, SEX)
    assert list(book) == ["bmi", "sex"]
    assert len(book) == 2
    assert "age" not in book


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(VariableError, match=mentioning("'bmy'", "'bmi'", "study.variables()")):
        Codebook.of(BMI, SEX)["bmy"]


def test_adding_variables_leaves_the_codebook_as_it_was() -> None:
    book = Codebook.of(BMI)
    assert list(book.with_variables(SEX)) == ["bmi", "sex"]
    assert list(book) == ["bmi"]


def test_reasons_stand_in_a_column_of_their_own() -> None:
    assert why("bmi") == "bmi.why"
    assert tuple(Reason.categories) == REASONS


@pytest.mark.parametrize(
    ("expected", "components"),
    [
        ("examination", ["interview", "examination"]),
        ("fasting", ["fasting", "examination", ""]),
        ("", []),
        ("", [""]),
    ],
)
def test_the_component_of_fewest_people(expected: str, components: list[str]) -> None:
    assert expected == deepest(components)


def test_a_column_that_no_codebook_knows_is_described_by_its_values() -> None:
    def kind(values: list[object], dtype: pl.DataType | None = None) -> object:
        described = Variable.of_column(pl.Series("x", values, dtype=dtype))
        return described and (described.kind, described.levels, described.component)

    assert kind([True, None]) == ("yes_no", ("no", "yes"), "")
    assert kind([0, 0]) == ("yes_no", ("no", "yes"), "")
    assert kind([1.0, 0.0]) == ("yes_no", ("no", "yes"), "")
    assert kind([1, 2]) == ("number", (), "")
    assert kind(["b", "a", None]) == ("category", ("a", "b"), "")
    assert kind(["b"], pl.Enum(["b", "a"])) == ("category", ("b", "a"), "")
    assert kind([f"school {i}" for i in range(MOST_LEVELS + 1)]) is None
    assert kind([None], pl.Date()) is None
