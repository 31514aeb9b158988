"""A frame of one's own: how its columns are read, and what a design must name."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.four_people import FRAME, WEIGHTED, make
from toolkit.design import Design
from toolkit.errors import DatasetError, DesignError
from toolkit.studies import study


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
