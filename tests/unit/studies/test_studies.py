"""A study of one's own frame: types, design, weights, missing values, derived variables, errors."""

import traceback
from dataclasses import FrozenInstanceError, replace

import polars as pl
import pytest

from tests.support.four_people import make
from tests.support.messages import mentioning, mentions
from toolkit.errors import DatasetError, ToolkitError, VariableError
from toolkit.sources.registry import available_studies, open_study, study
from toolkit.studies import ComponentWeight, Design, Study
from toolkit.variables import Availability, Codebook, Reason, Variable, why


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
    assert list(available_studies()) == ["simulated", "nhanes", "example-survey", "example-cohort"]


def test_a_study_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        make().name = "other"  # type: ignore[misc]


def test_the_weight_follows_from_all_variables() -> None:
    pair = two_cycles()
    assert pair.weight_for("age").weight == "wi"
    assert mentions(pair.weight_for("age"), "WTINT2YR", "2")
    assert mentions(pair.weight_for(("age", "bmi")), "WTMEC2YR", "bmi", "examination")


def test_a_study_counts_its_missing_values() -> None:
    assert replace(two_cycles(), smallest_cell=0).missing("bmi")["n"].sum() == 3
    assert two_cycles().missing("bmi")["n"].sum() == 0, "counts below 5 are not shown"
    with pytest.raises(VariableError, match=mentioning("'bmi'")):
        two_cycles().missing("bmj")


@pytest.mark.parametrize(
    ("kind", "remedy", "name"),
    [
        (VariableError, "'bmi'", "bmj"),
        (VariableError, ("2005-2006", "2003-2004"), "pad"),
        (DatasetError, "https://example.org/GHB_D.xpt", "hba1c"),
    ],
)
def test_a_variable_that_cannot_be_used_says_why(kind: type[ToolkitError], remedy: str, name: str) -> None:
    with pytest.raises(kind) as caught:
        two_cycles().variable(name)
    assert mentions(caught.value, remedy)


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
        ("name", "bmi", "bmi > 3", None),
        ("'bmi'", "new", "bmj > 3", None),
        ("levels=[..]", "new", pl.lit("a"), None),
        (("levels", "b"), "new", pl.col("place").cast(pl.String), ("b",)),
    ],
)
def test_a_derivation_that_cannot_be_done_says_why(
    remedy: str, name: str, expression: pl.Expr | str, levels: tuple[str, ...] | None
) -> None:
    with pytest.raises(VariableError) as caught:
        make().derive(name, expression, levels=levels)
    assert mentions(caught.value, remedy)


def test_an_unknown_study_or_option_offers_the_nearest() -> None:
    with pytest.raises(DatasetError, match=mentioning("'nhanes'", "tk.available_studies")):
        open_study("nhane")
    with pytest.raises(DatasetError, match=mentioning("'cycles'")):
        open_study("nhanes", cycle="2005-2006")


def test_the_notebook_form_shows_no_person() -> None:
    html = two_cycles()._repr_html_()
    assert mentions(html, "two cycles")
    assert "<td>3</td>" in html
    assert "examination (we)" in html


def test_the_whole_traceback_of_a_failed_derivation_quotes_no_person() -> None:
    people = pl.DataFrame({"diagnosis": ["secret words", "other"], "w": [1.0, 2.0]})
    own = study(people, design=Design(weight="w"), name="two people")
    with pytest.raises(VariableError) as caught:
        own.derive("new", pl.col("diagnosis").cast(pl.String), levels=("other",))
    assert "secret words" not in "".join(traceback.format_exception(caught.value))
