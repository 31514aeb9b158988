"""A study of one's own frame: types, design, weights, missing values, derived variables, errors."""

from dataclasses import FrozenInstanceError

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from toolkit.codebook import Availability, Codebook, Reason, Variable, why
from toolkit.design import ComponentWeight, Design
from toolkit.errors import DatasetError, DesignError, ToolkitError, VariableError
from toolkit.studies import Study, available_studies, open_study, study

FRAME = pl.DataFrame(
    {
        "cramps": [0, 1, 1, 0],
        "sore": [True, False, None, True],
        "place": ["south", "north", None, "south"],
        "bmi": [20.0, float("nan"), 31.0, None],
        "stratum": [1, 1, 2, 2],
        "w": [1.0, 2.0, 1.0, 2.0],
    }
)
WEIGHTED = Design(weight="w", strata="stratum")


def make(frame: pl.DataFrame = FRAME, design: Design = WEIGHTED) -> Study:
    return study(frame, design=design, name="four people")


def two_cycles() -> Study:
    people = pl.DataFrame(
        {
            "cycle": pl.Series(
                ["2005-2006", "2005-2006", "2007-2008"], dtype=pl.Enum(["2005-2006", "2007-2008"])
            ),
            "bmi": [20.0, None, None],
            why("bmi"): pl.Series([None, "not examined", "not asked"], dtype=Reason),
            "age": [30.0, 40.0, 10.0],
            "wi": [1.0, 1.0, 1.0],
            "we": [2.0, 0.0, 1.0],
        }
    )
    absent = (Availability("2005-2006", "not measured", "asked up to 2003-2004 only"),)
    lost = (Availability("2005-2006", "not measured", "file not found: https://example.org/GHB_D.xpt"),)
    book = Codebook.of(
        Variable("bmi", "body mass index", "number", unit="kg/m²", component="examination"),
        Variable("age", "age", "number", unit="years"),
        Variable("pad", "peripheral artery disease", "yes_no", availability=absent),
        Variable("hba1c", "HbA1c", "number", availability=lost),
    )
    weights = {
        "interview": ComponentWeight("wi", "WTINT2YR", "divided by 2, the number of cycles pooled"),
        "examination": ComponentWeight("we", "WTMEC2YR"),
    }
    return Study("pair", "two cycles", people, Design(weight=weights), book)


def test_the_studies_there_are() -> None:
    assert list(available_studies()) == ["simulated", "nhanes"]


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


@pytest.mark.parametrize("convert", [pl.DataFrame.lazy, pl.DataFrame.to_pandas, pl.DataFrame.to_arrow])
def test_frames_of_other_libraries_are_read_equal(convert: object) -> None:
    plain = FRAME.drop("sore")
    other: pl.LazyFrame | pd.DataFrame | pa.Table = convert(plain)  # type: ignore[operator]
    assert make(plain).people.equals(study(other, design=WEIGHTED, name="four people").people)


def test_a_text_column_of_very_many_values_stays_text() -> None:
    wide = pl.DataFrame({"id": [f"p{i}" for i in range(300)], "w": [1.0] * 300})
    assert isinstance(make(wide, Design(weight="w")).people["id"].dtype, pl.String)


@pytest.mark.parametrize(
    ("remedy", "frame", "design"),
    [
        ("tk.Design.none()", FRAME, Design()),
        ("Nearest: 'w'", FRAME, Design(weight="ww")),
        ("0 rows", FRAME.head(0), WEIGHTED),
        ("tk.study(pl.DataFrame(...), design=...)", 3, WEIGHTED),
    ],
)
def test_a_study_that_cannot_be_made_says_why(remedy: str, frame: pl.DataFrame, design: Design) -> None:
    with pytest.raises((DatasetError, DesignError)) as caught:
        make(frame, design)
    assert remedy in str(caught.value)


def test_a_study_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        make().name = "other"  # type: ignore[misc]


def test_the_weight_follows_from_all_variables() -> None:
    pair = two_cycles()
    assert pair.weight_for("age").weight == "wi"
    assert str(pair.weight_for("age")) == (
        "Interview weight (WTINT2YR), because all variables come from the home interview; divided by 2, the "
        "number of cycles pooled."
    )
    assert str(pair.weight_for(("age", "bmi"))) == (
        "Examination weight (WTMEC2YR), because bmi was measured in the component 'examination'."
    )


def test_missing_values_are_counted_by_cycle_and_reason() -> None:
    counts = two_cycles().missing("bmi").select("cycle", "reason", "n", "percent").rows()
    assert counts == [
        ("2005-2006", "has a value", 1, 50.0),
        ("2005-2006", "not examined", 1, 50.0),
        ("2007-2008", "not asked", 1, 100.0),
    ]


def test_percent_missing_is_of_the_people_it_was_put_to() -> None:
    pair = two_cycles()
    assert pair._available("none", "bmi", "2005-2006")[-2:] == (1, 50.0)
    assert pair._available("none", "bmi", "2007-2008")[-2:] == (0, None)
    assert pair._available("none", "pad", "2005-2006") == (
        "none", "pad", "2005-2006", "not measured", "asked up to 2003-2004 only", 0, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "remedy", "name"),
    [
        (VariableError, "Nearest: 'bmi'", "bmj"),
        (VariableError, "was not measured in two cycles: 2005-2006: asked up to 2003-2004 only", "pad"),
        (DatasetError, "file not found: https://example.org/GHB_D.xpt. Put the file there", "hba1c"),
    ],
)
def test_a_variable_that_cannot_be_used_says_why(kind: type[ToolkitError], remedy: str, name: str) -> None:
    with pytest.raises(kind) as caught:
        two_cycles().variable(name)
    assert remedy in str(caught.value)


def test_a_condition_derives_a_yes_no_variable_with_its_reasons() -> None:
    derived = two_cycles().derive("heavy", "bmi >= 30", label="heavy")
    assert derived.people["heavy"].to_list() == ["no", None, None]
    assert derived.people[why("heavy")].to_list() == [None, "not examined", "not asked"]
    assert derived.codebook["heavy"].component == "examination"
    assert "heavy" not in two_cycles().codebook


def test_an_expression_derives_levels_in_their_order() -> None:
    size = pl.when(pl.col("bmi") < 25).then(pl.lit("slim")).otherwise(pl.lit("large"))
    derived = make().derive("size", size, levels=("slim", "large"))
    assert derived.codebook["size"].levels == ("slim", "large")
    assert derived.people["size"].to_list() == ["slim", "large", "large", "large"]


def test_a_number_can_be_derived() -> None:
    assert make().derive("double", pl.col("bmi") * 2, unit="kg/m²").people["double"][0] == 40.0


@pytest.mark.parametrize(
    ("remedy", "name", "expression", "levels"),
    [
        ("Choose another name", "bmi", "bmi > 3", None),
        ("Nearest: 'bmi'", "new", "bmj > 3", None),
        ("levels=[..]", "new", pl.lit("a"), None),
        ("not among its levels (b)", "new", pl.col("place").cast(pl.String), ("b",)),
    ],
)
def test_a_derivation_that_cannot_be_done_says_why(
    remedy: str, name: str, expression: pl.Expr | str, levels: tuple[str, ...] | None
) -> None:
    with pytest.raises(VariableError) as caught:
        make().derive(name, expression, levels=levels)
    assert remedy in str(caught.value)


def test_an_unknown_study_or_option_offers_the_nearest() -> None:
    with pytest.raises(DatasetError, match=r"Nearest: 'nhanes'.*tk.available_studies"):
        open_study("nhane")
    with pytest.raises(DatasetError, match="Nearest: 'cycles'"):
        open_study("nhanes", cycle="2005-2006")


def test_the_notebook_form_shows_no_person() -> None:
    html = two_cycles()._repr_html_()
    assert "two cycles" in html
    assert "<td>3</td>" in html
    assert "examination: we" in html
