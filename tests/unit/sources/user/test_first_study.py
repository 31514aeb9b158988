"""A first study.toml: guesses are marked, right on the examples, pass the check; nothing is overwritten."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import polars_readstat
import pytest
from click.testing import CliRunner

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.support.own_survey import without_design
from toolkit.cli import main
from toolkit.files.checked_toml import shipped
from toolkit.sources.user.declaration import read_declaration
from toolkit.sources.user.loader import examine
from toolkit.sources.user.scaffold import write_first_study

EXAMPLES = shipped("datasets") / "examples"
ROWS = 40


def copied(folder: str, target: Path) -> list[Path]:
    shutil.copytree(EXAMPLES / folder, target, ignore=shutil.ignore_patterns("*.toml"))
    return sorted(target.glob("*.csv"), key=lambda path: "people members".find(path.stem) < 0)


def guessed(path: Path, variable: str) -> object:
    return read_declaration(path).study.variables[variable].model_dump(exclude_defaults=True)


@pytest.mark.parametrize("folder", ["survey", "cohort"])
def test_the_guesses_on_the_examples_pass_the_check(tmp_path: Path, folder: str) -> None:
    first = write_first_study(copied(folder, tmp_path / folder))
    assert first.text == first.path.read_text()
    if folder == "cohort":  # volunteers: that nobody was drawn is not in the files
        without_design(first)
    assert () == examine(first.path).errors


def test_the_guessed_survey_is_the_survey(tmp_path: Path) -> None:
    """Codes, reasons, units and formulas that were guessed are those that were declared by hand."""
    mine = tk.open_study(write_first_study(copied("survey", tmp_path / "s")).path)
    known = tk.open_study("example-survey")
    for name in (
        "sex",
        "age",
        "bmi",
        "cramp_frequency",
        "diabetes_told",
        "arthritis",
        "sitting_hours",
        "hba1c",
    ):
        assert known.people[name].equals(mine.people[name]), name
    assert known.people["cramp_frequency.why"].equals(mine.people["cramp_frequency.why"])
    assert "weight" == mine.design.weight


def test_the_guessed_cohort_has_its_nights_visits_and_follow_up(tmp_path: Path) -> None:
    mine = tk.open_study(without_design(write_first_study(copied("cohort", tmp_path / "c"))))
    known = tk.open_study("example-cohort")
    for name in ("follow_up_days", "first_cramp", "first_cramp_days", "cramp_nights_a_month"):
        assert known.people[name].equals(mine.people[name]), name
    assert mine.diary is not None
    assert "place" in mine.diary.columns


def test_a_file_that_names_nobody_is_left_out_and_weather_is_told_its_place(tmp_path: Path) -> None:
    first = write_first_study(copied("cohort", tmp_path / "c"))
    assert mentions(first.text, "weather.csv")
    assert "weather" not in read_declaration(first.path).study.files


def test_each_guess_is_marked_and_counted(tmp_path: Path) -> None:
    first = write_first_study(copied("survey", tmp_path / "s"))
    lines = [
        line for line in first.text.splitlines() if line.startswith(("levels", "unit", "weight", "missing"))
    ]
    assert all("# GUESS" in line for line in lines), lines
    assert mentions(first.text, 'unit = "mmol/mol"', "GUESS")
    assert mentions(first, first.text.count("# GUESS"))
    assert (10, 4, 0) == (first.known, first.own, first.left)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    files = copied("survey", tmp_path / "s")
    write_first_study(files)
    before = (tmp_path / "s" / "study.toml").read_bytes()
    with pytest.raises(tk.DatasetError, match=mentioning("--out", "FILE")):
        write_first_study(files)
    assert before == (tmp_path / "s" / "study.toml").read_bytes()
    assert tmp_path / "s" / "other.toml" == write_first_study(files, tmp_path / "s" / "other.toml").path


@pytest.mark.parametrize("suffix", [".sav", ".dta"])
def test_labels_of_a_statistics_file_are_taken_over(tmp_path: Path, suffix: str) -> None:
    frame = pl.DataFrame(
        {
            "Q0": [f"p{i}" for i in range(ROWS)],
            "Q1": [float(i % 5) if i % 9 else 9.0 for i in range(ROWS)],
            "Q2": [float(1 + i % 3) for i in range(ROWS)],
            "Q3": [30.0 + i if i % 9 else -9.0 for i in range(ROWS)],
        }
    )
    names = ["Never", "Rarely", "Sometimes", "Often", "Almost always"]
    path = tmp_path / f"poll{suffix}"
    polars_readstat.write_readstat(
        frame,
        str(path),
        value_labels={
            "Q1": {**dict(enumerate(names)), 9: "Prefer not to say"},
            "Q2": {1: "Poor", 2: "Fair", 3: "No answer"},
            "Q3": {-9: "Refused"},
        },
        variable_labels={
            "Q1": "How often do you have leg cramps at night?",
            "Q2": "Own view",
            "Q3": "Age in years",
        },
    )
    study = tk.open_study(without_design(write_first_study([path])))
    assert "How often do you have leg cramps at night?" == study.codebook["cramp_frequency"].question
    assert 5 == study.missing("cramp_frequency").filter(reason="refused")["n"].item()
    assert (5, 35) == (study.missing("age").filter(reason="refused")["n"].item(), study.people["age"].count())
    assert (("poor", "fair"), "Own view") == (study.codebook["q2"].levels, study.codebook["q2"].label)


def test_columns_that_nhanes_names_are_known_with_their_codes(tmp_path: Path) -> None:
    frame = pl.DataFrame({"SEQN": range(ROWS), "RIAGENDR": [1, 2] * 20, "DIQ010": [1, 2, 3, 9] * 10})
    frame.write_csv(tmp_path / "demo.csv")
    first = write_first_study([tmp_path / "demo.csv"])
    people = tk.open_study(without_design(first)).people
    assert ["male", "female"] == people["sex"].to_list()[:2]
    assert ["yes", "no", "no", None] == people["diabetes_told"].to_list()[:4]
    assert "don't know" == people["diabetes_told.why"][3]


def test_what_may_tell_who_somebody_is_and_free_text_are_not_read(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "pid": range(ROWS),
            "Surname": ["Doe"] * ROWS,
            "remarks": [f"secret {i}" for i in range(ROWS)],
            "group": ["a", "b"] * 20,
            "empty": pl.Series([None] * ROWS, dtype=pl.String),
        }
    )
    frame.write_csv(tmp_path / "p.csv")
    first = write_first_study([tmp_path / "p.csv"])
    assert ["group"] == list(read_declaration(first.path).study.variables)
    assert "Doe" not in first.text
    assert "secret" not in first.text
    assert mentions(first.text, '# Not read: "Surname"')
    assert mentions(first.text, '# Not read: "empty"')


def test_body_weight_is_no_sampling_weight_and_gives_the_body_mass_index(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "pid": range(ROWS),
            "height": [160 + i for i in range(ROWS)],
            "weight": [60 + i for i in range(ROWS)],
        }
    )
    frame.write_csv(tmp_path / "p.csv")
    study = tk.open_study(without_design(write_first_study([tmp_path / "p.csv"])))
    assert 60 / 1.6**2 == pytest.approx(study.people["bmi"][0])


def test_semicolons_decimal_commas_and_another_encoding_are_found(tmp_path: Path) -> None:
    text = "nr;Größe;Ort\n" + "".join(
        f"{i};1,{60 + i};{'Zürich' if i % 2 else 'Genf'}\n" for i in range(ROWS)
    )
    (tmp_path / "leute.csv").write_text(text, encoding="windows-1252")
    first = write_first_study([tmp_path / "leute.csv"])
    assert 'encoding = "windows-1252"' in first.text
    people = tk.open_study(without_design(first)).people
    assert 1.6 == people["gr_e"][0]
    assert ["genf", "zürich"] == people["ort"].to_list()[:2]


def test_numbers_of_psus_that_start_anew_are_nested(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"id": range(8), "wt": [1.5] * 8, "stratum": [1, 1, 1, 1, 2, 2, 2, 2], "psu": [1, 1, 2, 2] * 2}
    )
    frame.write_csv(tmp_path / "p.csv")
    design = read_declaration(write_first_study([tmp_path / "p.csv"]).path).study.design
    assert ("wt", "stratum", "psu", True) == (design.weight, design.strata, design.psu, design.nest)


def test_a_variable_that_a_whole_reading_refuses_is_commented_out_with_the_reason(tmp_path: Path) -> None:
    values = ["1"] * 49_990 + ["2"] * 20 + ["broken"]
    pl.DataFrame({"id": range(50_011), "x": values}).write_csv(tmp_path / "p.csv")
    first = write_first_study([tmp_path / "p.csv"])
    assert mentions(first.text, "NOT", "READ", "p.csv", "'x'", "1 row", "50011")
    assert ["design"] == [problem.where for problem in first.problems]


@pytest.mark.parametrize(
    ("remedy", "file"),
    [("no.csv'", "no.csv"), (("p.pdf'", ".csv"), "p.pdf"), (("out.csv'", "folder"), "../out.csv")],
)
def test_files_that_cannot_be_taken(tmp_path: Path, remedy: str, file: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "p.pdf").write_text("")
    (tmp_path / "out.csv").write_text("id\n1\n")
    with pytest.raises(tk.DatasetError) as caught:
        write_first_study([tmp_path / "in" / file], tmp_path / "in" / "study.toml")
    assert mentions(caught.value, remedy)


def test_the_command_says_what_was_written_and_what_to_do_next(tmp_path: Path) -> None:
    files = copied("survey", tmp_path / "s")
    result = CliRunner().invoke(main, ["new-study", *map(str, files)])
    assert 0 == result.exit_code
    assert mentions(result.output, "10 columns")
    assert 'psu = "village"  # GUESS' in (tmp_path / "s" / "study.toml").read_text()
    assert mentions(result.output, tmp_path / "s" / "study.toml")
    again = CliRunner().invoke(main, ["new-study", *map(str, files)])
    assert (1, "") == (again.exit_code, again.stdout)


def test_names_and_codes_of_any_letters_give_a_file_that_can_be_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": range(ROWS), 'a "b" = [c] \\ é': ['x "y"', "z\\"] * 20, "1st": range(ROWS)})
    frame.write_csv(tmp_path / "p.csv")
    study = read_declaration(write_first_study([tmp_path / "p.csv"]).path).study
    assert {"a_b_c", "v_1st"} == set(study.variables)


def test_dates_that_fit_two_orders_are_a_guess_with_both(tmp_path: Path) -> None:
    days = [f"{1 + i % 12:02d}/{1 + i // 12 % 12:02d}/2022" for i in range(144)]
    pl.DataFrame({"id": range(144), "seen": days}).write_csv(tmp_path / "p.csv")
    text = write_first_study([tmp_path / "p.csv"]).text
    assert mentions(text, "GUESS", "12")
    days[0] = "13/01/2022"
    pl.DataFrame({"id": range(144), "seen": days}).write_csv(tmp_path / "p.csv")
    text = write_first_study([tmp_path / "p.csv"], tmp_path / "second.toml").text
    assert 'date_format = "%d/%m/%Y"\n' in text


def test_a_lone_negative_number_and_days_of_excel_are_guesses(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "id": range(300),
            "drinks": [-1, 0, 2, 5, 1] * 60,
            "change": [-2, -1, 0, 1, 2] * 60,
            "interview_day": [44562 + i for i in range(300)],
            "income": [30_000 + 100 * i for i in range(300)],
        }
    )
    frame.write_csv(tmp_path / "p.csv")
    first = write_first_study([tmp_path / "p.csv"])
    variables = read_declaration(first.path).study.variables
    assert {"-1": "no value recorded"} == dict(variables["drinks"].missing)
    assert {} == dict(variables["change"].missing)
    assert mentions(first.text, 'missing = { -1 = "no value recorded" }', "GUESS")
    assert 1 == first.text.count("Excel's day numbers")
    assert 240 == tk.open_study(without_design(first)).people["drinks"].count()


@pytest.mark.parametrize("word", ["NA", "NULL", "#N/A", "."])
def test_words_for_a_missing_value_are_missing(tmp_path: Path, word: str) -> None:
    kilos = [f"{60 + i % 30}.5" if i % 10 else word for i in range(200)]
    smoker = [["yes", "no", word][i % 3] for i in range(200)]
    frame = pl.DataFrame({"id": range(200), "weight_kg": kilos, "smoker": smoker, "other": ["a", "b"] * 100})
    frame.write_csv(tmp_path / "p.csv", quote_style="always")
    first = write_first_study([tmp_path / "p.csv"])
    people = tk.open_study(without_design(first)).people
    assert (180, 134) == (people["weight_kg"].count(), people["smoker"].count())
    assert ["no", "yes"] == sorted(people["smoker"].drop_nulls().unique())
    assert mentions(first.text, "# GUESS")


def test_commas_that_may_part_thousands_are_a_guess(tmp_path: Path) -> None:
    for name, values, marked in (("a", ["5,501", "12,580"], True), ("b", ["5,3", "61,25"], False)):
        pl.DataFrame({"id": range(40), "steps": values * 20}).write_csv(tmp_path / f"{name}.csv")
        text = write_first_study([tmp_path / f"{name}.csv"], tmp_path / f"{name}.toml").text
        assert marked == ('thousands = ","  # GUESS' in text)


@pytest.mark.parametrize("time", ["T08:00:0{}Z", " 21:05:0{}", "T08:00:0{}.25+01:00", " 21:0{}"])
def test_dates_with_a_time_of_day_are_dates(tmp_path: Path, time: str) -> None:
    stamps = [f"2022-11-{1 + i % 28:02d}{time.format(i % 10)}" for i in range(280)]
    pl.DataFrame({"id": range(280), "completed": stamps, "same": stamps[:10] * 28}).write_csv(
        tmp_path / "p.csv"
    )
    first = write_first_study([tmp_path / "p.csv"])
    people = tk.open_study(without_design(first)).people
    assert [date(2022, 11, 1 + i % 28) for i in range(280)] == people["completed"].to_list()
    assert people["same"].dtype == pl.Date


@pytest.mark.parametrize("content", [b"id,age\r", b"id,age\n", b"id,age 7001,45 7002,46"])
def test_people_who_stand_in_the_heading_are_not_written_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(tk.DatasetError, match=mentioning("p.csv'", "row", "LF")) as told:
        write_first_study([tmp_path / "p.csv"])
    assert "7001" not in str(told.value)
    assert ["p.csv"] == [path.name for path in tmp_path.iterdir()]
