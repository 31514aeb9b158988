"""A frame of one's own: how its columns are read, and what a design must name."""

import traceback
from collections.abc import Callable

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
import toolkit.sources.harmonize.units
from tests.support.four_people import FRAME, WEIGHTED, make
from tests.support.messages import mentioning, mentions
from toolkit.errors import DatasetError, DesignError, VariableError
from toolkit.sources.registry import study
from toolkit.studies import Design, count_missing


def test_a_frame_of_ones_own_is_read_by_its_types() -> None:
    book = make().codebook
    assert {"cramps": "yes_no", "sore": "yes_no", "place": "category", "bmi": "number"} == {
        name: entry.kind for name, entry in book.items()
    }
    assert (book["place"].levels, book["place"].reference) == (("north", "south"), "north")


def test_the_columns_of_the_design_are_no_variables() -> None:
    assert "w" not in make().codebook
    assert "stratum" not in make().codebook


def test_not_a_number_becomes_missing() -> None:
    assert make().people["bmi"].to_list() == [20.0, None, 31.0, None]


@pytest.mark.parametrize("convert", [pl.DataFrame.to_pandas, pl.DataFrame.to_arrow])
def test_frames_of_other_libraries_are_read_equal(convert: object) -> None:
    plain = FRAME.drop("sore")
    other: pd.DataFrame | pa.Table = convert(plain)  # type: ignore[operator]
    assert make(plain).people.equals(study(other, design=WEIGHTED, name="four people").people)


def test_a_text_column_of_very_many_values_stays_text() -> None:
    wide = pl.DataFrame({"id": [f"p{i}" for i in range(300)], "w": [1.0] * 300})
    assert isinstance(make(wide, Design(weight="w")).people["id"].dtype, pl.String)


@pytest.mark.parametrize(
    ("remedy", "frame", "design"),
    [
        ("tk.Design.none()", FRAME, Design()),
        ("'w'", FRAME, Design(weight="ww")),
        ("0 rows", FRAME.head(0), WEIGHTED),
        ("tk.study(pl.DataFrame(...), design=...)", 3, WEIGHTED),
    ],
)
def test_a_study_that_cannot_be_made_says_why(remedy: str, frame: pl.DataFrame, design: Design) -> None:
    with pytest.raises((DatasetError, DesignError)) as caught:
        make(frame, design)
    assert mentions(caught.value, remedy)


SINGLY = Design(weight="w")
LAZY = pl.DataFrame(
    {"cramps": ["yes", "no", "yes", None], "bmi": [20.0, None, 31.0, 25.5], "w": [1.0, 2.0, 1.0, 2.0]}
)


def duck(frame: pl.DataFrame) -> object:
    relation = duckdb.connect().from_arrow(frame.to_arrow())
    return relation.filter("w > 0")


@pytest.mark.parametrize(
    "convert",
    [
        pl.DataFrame.lazy,
        pl.DataFrame.to_pandas,
        pl.DataFrame.to_arrow,
        duck,
        lambda f: nw.from_native(f.lazy()),
    ],
    ids=["polars lazy", "pandas", "pyarrow", "duckdb", "narwhals lazy"],
)
def test_a_frame_of_any_library_gives_the_same_estimates(convert: Callable[[pl.DataFrame], object]) -> None:
    made = study(convert(LAZY), design=SINGLY, name="four people")
    expected = study(LAZY, design=SINGLY, name="four people")
    assert expected.codebook == made.codebook
    assert list(expected.people.schema.items()) == list(made.people.schema.items())
    found = tk.prevalence(made, outcome="cramps")
    assert_frame_equal(found, tk.prevalence(expected, outcome="cramps"), rel_tol=1e-12)


def test_types_that_only_a_data_base_has_become_plain_ones() -> None:
    relation = duckdb.sql(
        "select 1.5::decimal(5, 2) as bmi, 'u'::enum('v', 'u') as place, 3::hugeint as n, true as cramps, "
        "1.0 as w"
    )
    people = study(relation, design=SINGLY).people
    assert {"bmi": pl.Float64, "n": pl.Float64, "cramps": pl.Boolean} == {
        name: people.schema[name] for name in ("bmi", "n", "cramps")
    }
    assert [("u", 1)] == people.group_by("place").agg(pl.len()).rows()


def test_a_column_of_several_types_is_told_without_its_values() -> None:
    mixed = pd.DataFrame({"x": [1, "Jane Doe", 2.5], "w": [1.0, 1.0, 1.0]})
    with pytest.raises(DatasetError, match=mentioning("'x'", "frame['x'].astype(str)")) as caught:
        study(mixed, design=SINGLY)
    assert "Jane" not in "".join(traceback.format_exception(caught.value))


NAMED = pl.DataFrame(
    {
        "sex": ["Male", "female ", "FEMALE", None],
        "age": [25, 45, 70, 33],
        "diabetes_told": [1, 0, None, 1],
        "arthritis": [True, False, None, True],
        "cramp_frequency": ["often", "never", "rarely", None],
        "cramp_frequency.why": [None, None, None, "refused"],
        "town": ["b", "a", "b", "a"],
        "w": [1.0, 2.0, 1.0, 2.0],
    }
)


def named(frame: pl.DataFrame = NAMED) -> tk.Study:
    return study(frame, design=SINGLY, codebook="toolkit")


def test_by_name_columns_are_the_codebook_s_variables_and_the_causes_are_derived() -> None:
    made = named()
    assert ["male", "female", "female", None] == made.people["sex"].to_list()
    for name in ("diabetes_told", "arthritis"):
        assert ["yes", "no", None, "yes"] == made.people[name].to_list()
    assert ["yes", "no", "no", None] == made.people["frequent_cramps"].to_list()
    assert ["20-39", "40-59"] == made.people["age_group"].to_list()[:2]
    assert ("years", ("a", "b")) == (made.codebook["age"].unit, made.codebook["town"].levels)
    measured = made.availability().filter(status="measured")
    assert {"diabetes", "joints"} <= set(measured["cause"])


def test_reasons_that_stand_beside_a_column_are_kept_and_are_no_variable() -> None:
    for made in (named(), study(NAMED, design=SINGLY)):
        assert "cramp_frequency.why" not in made.codebook
        assert 1 == count_missing(made.people, "cramp_frequency").filter(reason="refused")["n"].item()
    assert 1 == count_missing(named().people, "frequent_cramps").filter(reason="refused")["n"].item()


def test_the_people_of_a_study_are_read_back_as_they_were() -> None:
    simulated = tk.open_study("simulated")
    weights = tk.Design(weight="weight_interview", strata="stratum", psu="psu")
    again = study(simulated.people, design=weights, codebook="toolkit")
    for name in ("sex", "bmi", "cramp_frequency", "frequent_cramps", "pad", "age_group.why"):
        assert simulated.people[name].equals(again.people[name]), name


@pytest.mark.parametrize(
    ("remedy", "column"),
    [
        ("1", pl.Series("sex", ["man", "male", None, "female"])),
        ("4", pl.Series("diabetes_told", [2, 2, 3, 9])),
        (("'age'", "String", "frame.rename("), pl.Series("age", ["twenty", "30", "40", "50"])),
        (
            "toolkit.sources.harmonize.units.conversion('mmol/mol', '%', 'hba1c')",
            pl.Series("hba1c", [48, 42, 50, None]),
        ),
        ("frame.rename({'age': 'my_age'})", pl.Series("age", [20, -9, 999, 40])),
    ],
)
def test_a_column_that_is_not_the_codebook_s_is_told_with_what_to_do(remedy: str, column: pl.Series) -> None:
    with pytest.raises(VariableError) as caught:
        named(NAMED.drop(column.name, strict=False).with_columns(column))
    assert mentions(caught.value, remedy)
    assert "twenty" not in str(caught.value)


def test_the_remedy_for_a_unit_works() -> None:
    raw = NAMED.with_columns(hba1c=pl.Series([48, 42, 50, None]))
    change = toolkit.sources.harmonize.units.conversion("mmol/mol", "%", "hba1c")
    made = named(raw.with_columns(change.expression(pl.col("hba1c"))))
    assert 0.09148 * 48 + 2.152 == pytest.approx(made.people["hba1c"][0], rel=1e-12)


def test_a_codebook_of_another_name_is_unknown() -> None:
    with pytest.raises(DatasetError, match=mentioning("'toolkit'")):
        study(NAMED, design=SINGLY, codebook="tolkit")


def test_a_participant_id_is_no_variable_of_an_analysis() -> None:
    people = pl.DataFrame({"pid": range(30), "cramps": [0, 1] * 15, "w": [1.0] * 30})
    own = study(people, design=SINGLY)
    assert "pid" not in own.variables()["name"]
    for estimate in (tk.mean, tk.total, tk.quantile):
        with pytest.raises(VariableError, match=mentioning("'pid' identifies the participants")):
            estimate(own, "pid")
    with pytest.raises(VariableError, match=mentioning("'pid' identifies the participants")):
        tk.model(own, "cramps ~ pid")
    renamed = study(people.rename({"pid": "order"}), design=SINGLY)
    assert tk.mean(renamed, "order")["estimate"][0] == 14.5


@pytest.mark.parametrize(
    "values", [[1, "a", 2, "b"], ["a", 1, "b", 2], [pd.Timestamp("2020-01-01"), "x", None, "y"]]
)
def test_a_column_of_several_types_is_named_whichever_comes_first(values: list[object]) -> None:
    mixed = pd.DataFrame({"m": pd.Series(values, dtype=object), "w": [1.0] * 4})
    with pytest.raises(DatasetError, match=mentioning("The column 'm' has values of several types")):
        study(mixed, design=SINGLY)


PLANTED = "Jane Doe 7301"
MISFITS: dict[str, tuple[str, tk.Variable]] = {
    "other levels": ("sex", tk.Variable("sex", "sex", "category", ("female", "male"), component="")),
    "no levels": ("sex", tk.Variable("sex", "sex", "category", (), component="")),
    "text as yes and no": ("sex", tk.Variable("sex", "sex", "yes_no", component="")),
    "text as numbers": ("sex", tk.Variable("sex", "sex", "number", component="")),
    "numbers as levels": ("age", tk.Variable("age", "age", "category", ("20", "21"), component="")),
    "numbers as yes and no": ("age", tk.Variable("age", "age", "yes_no", component="")),
}


@pytest.mark.parametrize("named", MISFITS)
def test_a_codebook_that_does_not_fit_its_column_is_refused_by_name_and_count(named: str) -> None:
    column, entry = MISFITS[named]
    frame = pl.DataFrame({"y": [0, 1] * 30, "age": [20 + k for k in range(60)], "sex": ["f", PLANTED] * 30})
    with pytest.raises(tk.VariableError, match=mentioning(f"'{column}'", "60 values", "codebook")) as caught:
        tk.study(frame, design=tk.Design.none(), codebook=tk.Codebook.of(entry))
    assert PLANTED not in str(caught.value)


def test_a_codebook_that_fits_its_columns_is_used() -> None:
    frame = pl.DataFrame({"y": [0, 1] * 30, "old": [True, False] * 30, "sex": ["f", None] * 30})
    entries = (
        tk.Variable("y", "cramps", "yes_no", component=""),
        tk.Variable("old", "old", "yes_no", component=""),
        tk.Variable("sex", "sex", "category", ("m", "f"), component=""),
    )
    study = tk.study(frame, design=tk.Design.none(), codebook=tk.Codebook.of(*entries))
    assert [0.5, 0.5] == [tk.prevalence(study, name)["estimate"].item() for name in ("y", "old")]
