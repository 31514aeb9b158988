"""Files whose rows, columns, sizes and dates are not as they should be are told with row numbers."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions
from tests.support.own_survey import DIARY, LAB, PEOPLE, TOML, having, survey, told
from toolkit.sources.user.loader import examine


def test_a_file_without_rows(tmp_path: Path) -> None:
    assert any(mentions(p, "people.csv") for p in told(survey(tmp_path, people=PEOPLE.head(0))))
    (problem,) = told(survey(tmp_path, toml=TOML + LAB, lab="pid,a1c\n"))
    assert mentions(problem, "lab.csv")


def test_blank_rows_are_left_out_and_counted_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    text = having("age", 12, "old").write_csv().replace("003,", "\n,,,,,,,,\n003,")
    problem, note = sorted(str(p) for p in examine(survey(tmp_path, people=text)).problems)
    assert mentions(problem, "'age'", "1 row", "14")
    assert mentions(note, "people.csv", "2 row", "3, 4")


@pytest.mark.parametrize("quoted", ["", '"x"', '"a ""b"", c"', '"two\nlines"'])
def test_rows_of_another_width_than_the_heading(tmp_path: Path, quoted: str) -> None:
    """A sign too many would move values into other columns without a word, were only some columns read."""
    people = PEOPLE.with_columns(last=pl.lit("end")).write_csv(quote_style="never").splitlines()
    people[1] = people[1].replace("end", quoted)
    people[3] = people[3].replace(",", ",0,", 1)
    people[5] = people[5].rpartition(",")[0]
    found = [str(p) for p in examine(survey(tmp_path, people="\n".join(people) + "\n")).problems]
    assert any(mentions(problem, "people.csv", "more columns", "1 row", "3") for problem in found)
    assert any(mentions(problem, "people.csv", "fewer columns", "1 row", "5") for problem in found)


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    text = PEOPLE.write_csv().replace("sex", "age", 1)
    problems = told(survey(tmp_path, people=text))
    assert any(mentions(problem, "variables.age", "'people.csv'", "'age'") for problem in problems)


@pytest.mark.parametrize("size", ["", "-5", "0", "many"])
def test_a_population_size_that_cannot_be(tmp_path: Path, size: str) -> None:
    people = PEOPLE.with_columns(total=pl.Series(["100"] * 11 + [size]))
    (problem,) = told(survey(tmp_path, people=people, replace={'psu = "c"': 'psu = "c"\nfpc = "total"'}))
    assert mentions(problem, "'total'", "0", "1 row", "12")


@pytest.mark.parametrize("weight", ["", "-5", "NaN", "inf"])
def test_a_replicate_weight_that_cannot_be(tmp_path: Path, weight: str) -> None:
    people = PEOPLE.with_columns(r1=pl.lit("0"), r2=pl.Series(["1"] * 11 + [weight]))
    design = 'replicate_weights = "r*"\nreplicate_method = "brr"'
    (problem,) = told(survey(tmp_path, people=people, replace={'strata = "s"\npsu = "c"': design}))
    assert mentions(problem, "'r2'", "1 row", "12")


@pytest.mark.parametrize(
    ("remedy", "design"),
    [
        ("one of BRR, Fay", 'replicate_weights = ["w", "cm"]'),
        ("Did you mean 'bootstrap'", 'replicate_weights = ["w", "cm"]\nreplicate_method = "botstrap"'),
        (
            "Replicate weights replace strata, psu and fpc",
            'strata = "s"\nreplicate_weights = ["w", "cm"]\nreplicate_method = "BRR"',
        ),
    ],
)
def test_a_design_that_cannot_be_is_told_with_the_other_problems(
    tmp_path: Path, remedy: str, design: str
) -> None:
    changed = {'strata = "s"\npsu = "c"': design}
    problems = told(survey(tmp_path, people=having("age", 2, "old"), replace=changed))
    assert any(remedy in problem for problem in problems)
    assert any(mentions(problem, "'age'", "1 row", "2") for problem in problems)


@pytest.mark.parametrize("name", ["person", "follow_up_start"])
def test_a_name_that_the_toolkit_needs_itself(tmp_path: Path, name: str) -> None:
    (problem,) = told(survey(tmp_path, toml=f'{TOML}[variables.{name}]\ncolumn = "age"\n'))
    assert mentions(problem, f"{name}_")


def test_a_follow_up_that_ends_before_it_starts(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(
        came=pl.lit("2024-01-05"), went=pl.Series(["2024-01-05"] * 11 + ["2024-01-04"])
    )
    toml = TOML + '[follow_up]\nstart = "came"\nend = "went"\n'
    (problem,) = told(survey(tmp_path, people=people, toml=toml))
    assert mentions(problem, "1 row", "12")


def test_a_diary_that_does_not_say_whether_there_was_a_cramp(tmp_path: Path) -> None:
    nights = "pid,night,cr\n001,2023-02-28,mild\n"
    graded = DIARY.replace('kind = "yes_no"', 'levels = ["none", "mild"]')
    (problem,) = told(survey(tmp_path, toml=TOML + graded, nights=nights))
    assert mentions(problem, "diary.variables.cramp", "kind = 'yes_no'")
    found = examine(survey(tmp_path, toml=TOML + graded.replace("s.cramp", "s.pain"), nights=nights))
    (note,) = found.problems
    assert mentions(note, "[diary.variables.cramp]")


def test_a_date_in_digits_is_read_by_its_form_and_not_as_a_count_of_days(tmp_path: Path) -> None:
    toml = TOML + DIARY.replace("nights.csv", "nights.parquet")
    toml = toml.replace('date = "night"', 'date = "night"\ndate_format = "%Y%m%d"')
    path = survey(tmp_path, toml=toml)
    pl.DataFrame({"pid": ["001"], "night": [20230228], "cr": [1]}).write_parquet(tmp_path / "nights.parquet")
    diary = tk.open_study(path).diary
    assert diary is not None
    assert [date(2023, 2, 28)] == diary["date"].to_list()
