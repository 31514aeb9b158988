"""Columns that only formulas read: their reasons, their numbers, and the design that may use them too."""

from pathlib import Path

import polars as pl
import polars_readstat
import pytest

import toolkit as tk
from tests.support.messages import mentions
from tests.support.own_survey import PEOPLE, TOML, having, survey
from toolkit.sources.user.loader import examine
from toolkit.variables import why

LAB = '[files.lab]\npath = "lab.csv"\nabsent = "not examined"\n'


def opened(path: Path) -> pl.DataFrame:
    return tk.open_study(path).people


@pytest.mark.parametrize(("expression", "column"), [("w > 1", "w"), ("s == 'n'", "s"), ("c > 2", "c")])
def test_a_formula_may_read_a_column_of_the_design(tmp_path: Path, expression: str, column: str) -> None:
    toml = f'{TOML}[variables.mine]\nexpression = "{expression}"\n'
    study = tk.open_study(survey(tmp_path, toml=toml))
    plain = tk.open_study(survey(tmp_path / "plain"))
    assert plain.people[column].equals(study.people[column])
    expected = PEOPLE.select(mine=pl.sql_expr(expression.replace("==", "=")))["mine"]
    assert expected.to_list() == (study.people["mine"] == "yes").to_list()
    assert tk.mean(plain, "bmi").equals(tk.mean(study, "bmi"))


def test_a_missing_code_of_the_file_is_the_reason_of_the_formula_whatever_its_case(tmp_path: Path) -> None:
    named = {'path = "people.csv"': 'path = "people.csv"\nmissing = { DK = "don\'t know" }'}
    people = opened(survey(tmp_path, people=having("kg", 3, "DK"), replace=named))
    assert [None, None, "don't know", None] == people[why("bmi")].to_list()[:4]
    assert 11 == people["bmi"].count()


def test_a_label_that_is_a_reason_is_no_number_in_a_formula(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(kg=pl.when(pl.col("pid") == "002").then(999.0).otherwise("kg"))
    labels = {"kg": {999: "Refused"}}
    polars_readstat.write_readstat(people, str(tmp_path / "people.dta"), value_labels=labels)
    found = opened(survey(tmp_path, replace={"people.csv": "people.dta"}))
    assert (None, "refused") == found.select("bmi", why("bmi")).row(1)


def test_who_has_no_row_in_a_file_has_its_reason_in_formulas_too(tmp_path: Path) -> None:
    toml = TOML.replace("kg /", "`lab.kilo` /") + LAB
    people = opened(survey(tmp_path, toml=toml, lab="pid,kilo\n001,60\n002,\n"))
    assert (None, "no value recorded") == people.select("bmi", why("bmi")).row(1)
    assert ["not examined"] * 10 == people[why("bmi")].to_list()[2:]
    assert 60 / 1.6**2 == people["bmi"][0]


def test_a_word_among_the_numbers_of_a_formula_is_told_with_its_row(tmp_path: Path) -> None:
    (problem,) = examine(survey(tmp_path, people=having("kg", 3, "about 60"))).errors
    assert mentions(problem, "people.csv", "'kg'", "1 row", "3")
    assert "about" not in str(problem)


def test_dates_of_a_formula_are_read_in_the_form_of_their_file(tmp_path: Path) -> None:
    lab = "pid,born,seen\n001,01.02.2000,03.02.2000\n002,31.02.2000,03.02.2000\n003,,03.02.2000\n"
    dated = LAB.replace('"lab.csv"', '"lab.csv"\ndate_format = "%d.%m.%Y"')
    toml = f"{TOML}{dated}[variables.waited]\nexpression = \"days(`lab.born`, `lab.seen`)\"\nunit = 'days'\n"
    (problem,) = examine(survey(tmp_path, toml=toml, lab=lab)).errors
    assert mentions(str(problem), "lab.csv", "'born'", "1 row", "2")
    people = opened(survey(tmp_path, toml=toml, lab=lab.replace("31.02", "03.02")))
    assert [2.0, 0.0, None] == people["waited"].to_list()[:3]
    assert ["no value recorded", "not examined"] == people[why("waited")].to_list()[2:4]


@pytest.mark.parametrize(
    ("expected", "cell"), [(61.5, "61,5"), (None, "-9,0"), ("told", "1.061"), ("told", "61.5")]
)
def test_where_decimals_follow_a_comma_a_point_makes_no_number(
    tmp_path: Path, expected: object, cell: str
) -> None:
    """A point would part thousands: 1.061 is not 1.061."""
    named = {'path = "people.csv"': 'path = "people.csv"\ndecimal = ","\nmissing = { -9 = "refused" }'}
    toml = TOML.replace("kg /", "age + 0 * kg /")
    ages = ["30"] * 11 + [cell]
    people = PEOPLE.with_columns(age=pl.Series(ages), w=pl.lit(1), kg=pl.lit(1), cm=pl.lit(1))
    found = examine(survey(tmp_path, people=people.write_csv(separator=";"), toml=toml, replace=named))
    if expected == "told":
        assert mentions(found.errors[0], "'age'", "1 row", "12")
    else:
        assert found.population is not None
        assert expected == found.population.people["age"][11]
