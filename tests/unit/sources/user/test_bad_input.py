"""What is wrong with a study of one's own is told at the door, all of it in one pass, with row numbers."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.support.own_survey import DIARY, LAB, PEOPLE, TOML, having, survey, told
from toolkit.errors import DatasetError
from toolkit.sources.user.loader import examine


def refused(path: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        tk.open_study(path)
    return str(caught.value)


def test_a_duplicate_id(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, people=having("pid", 5, "004")))
    assert mentions(problem, "people.csv", "2 row", "4, 5")
    assert "[visits]" in problem


def test_a_missing_id(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, people=having("pid", 5, None)))
    assert mentions(problem, "people.csv", "1 row", "5")


def test_ids_written_otherwise_in_another_file(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, toml=TOML + LAB, lab="pid,a1c\n1,5\n2,6\n"))
    assert mentions(problem, "lab.csv", "'people.csv'", "2 row", "1, 2")
    assert mentions(problem, "1 to 1", "3 to 3")


def test_a_stranger_is_left_out_only_on_request(tmp_path: Path) -> None:
    lab = "pid,a1c\n001,5\n999,6\n"
    (problem,) = told(survey(tmp_path, toml=TOML + LAB, lab=lab))
    assert "strangers = 'leave out' under [files.lab]" in problem
    allowed = TOML + LAB.replace('"lab.csv"', '"lab.csv"\nstrangers = "leave out"')
    study = tk.open_study(survey(tmp_path, toml=allowed, lab=lab))
    assert 12 == study.people.height
    (note,) = study.provenance["notes"]
    assert mentions(note, "lab.csv", "'people.csv'", "1 row", "2")


def test_a_level_outside_the_codebook(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, people=having("sex", 7, 3)))
    assert mentions(problem, "people.csv", "'sex'", "'1'", "'2'", "1 row", "7")


def test_a_level_that_the_codebook_does_not_have(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, replace={'"female"': '"femal"'}))
    assert mentions(problem, "variables.sex", "'femal'", "'female'")


def test_a_text_among_numbers(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, people=having("age", 2, "about fifty")))
    assert mentions(problem, "'age'", "1 row", "2")
    assert "about" not in problem


def test_a_unit_that_makes_values_impossible(tmp_path: Path) -> None:
    lab = "pid,a1c\n001,48\n002,42\n003,60\n"
    first, second = told(survey(tmp_path, toml=TOML + LAB, lab=lab))
    assert mentions(first, "'hba1c'", "2.5", "25", "3 row", "1, 2, 3")
    assert mentions(second, "mmol/mol", "unit = 'mmol/mol'")


def test_a_unit_that_cannot_be_converted(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, toml=TOML + LAB + 'unit = "mg/dL"\n', lab="pid,a1c\n001,5\n"))
    assert mentions(problem, "mmol/mol")


def test_a_date_that_does_not_exist(tmp_path: Path) -> None:
    nights = "pid,night,cr\n001,2023-02-28,1\n001,2023-02-29,0\n"
    problems = told(survey(tmp_path, toml=TOML + DIARY, nights=nights))
    assert mentions(problems[0], "nights.csv", "'night'", "1 row", "2")


def test_a_night_told_twice(tmp_path: Path) -> None:
    nights = "pid,night,cr\n001,2023-02-27,1\n001,2023-02-27,0\n"
    (problem,) = told(survey(tmp_path, toml=TOML + DIARY, nights=nights))
    assert mentions(problem, "2 row", "1, 2")


def test_mixed_encodings(tmp_path: Path) -> None:
    path = survey(tmp_path, people=PEOPLE.with_columns(sore=pl.lit("Yes")))
    lines = (tmp_path / "people.csv").read_bytes().splitlines()
    lines[4] = lines[4].replace(b"Yes", "Yés".encode("latin-1"))
    lines[6] = lines[6].replace(b"Yes", "Yés".encode())
    (tmp_path / "people.csv").write_bytes(b"\n".join(lines))
    (problem,) = told(path)
    assert mentions(problem, "'people.csv'", "utf-8")
    assert "encoding = 'windows-1252'" in problem
    assert mentions(problem, "line 5")


def test_a_column_of_nulls_is_noted_and_does_not_stop(tmp_path: Path) -> None:
    found = examine(survey(tmp_path, people=PEOPLE.with_columns(age=pl.lit(None, pl.Int64))))
    assert found.population is not None
    (note,) = found.problems
    assert mentions(str(note), "people.csv", "'age'", "12")


def test_a_missing_column(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, replace={'column = "age"': 'column = "agee"'}))
    assert mentions(problem, "variables.age", "'people.csv'", "'agee'", "'age'")


def test_a_column_that_a_formula_lacks(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, replace={"kg /": "kilo /"}))
    assert problem.startswith("variables.bmi:")
    assert "'kilo'" in problem


@pytest.mark.parametrize(
    ("rule", "weight"),
    [
        ("negative", "-1"),
        ("finite number", "NaN"),
        ("finite number", "inf"),
        ("finite number", "-inf"),
        ("finite number", "heavy"),
    ],
)
def test_a_weight_that_cannot_be(tmp_path: Path, rule: str, weight: str) -> None:
    (problem,) = told(survey(tmp_path, people=having("w", 3, weight)))
    assert mentions(problem, "people.csv", "'w'", rule, "1 row", "3")


@pytest.mark.parametrize("kind", ["parquet"])
def test_a_weight_that_is_not_a_number_in_a_typed_file(tmp_path: Path, kind: str) -> None:
    path = survey(tmp_path, replace={"people.csv": f"people.{kind}"})
    weights = pl.Series("w", [1.0, float("nan"), float("inf"), *[1.0] * 9])
    PEOPLE.with_columns(weights).write_parquet(tmp_path / "people.parquet")
    (problem,) = told(path)
    assert mentions(problem, "'w'", "2 row", "2, 3")


@pytest.mark.parametrize(("rule", "weight"), [("is 0", "0"), ("missing", None)])
def test_a_weight_of_zero_or_none_is_noted(tmp_path: Path, rule: str, weight: str | None) -> None:
    found = examine(survey(tmp_path, people=having("w", 3, weight)))
    assert found.errors == ()
    (note,) = found.problems
    assert mentions(note, "people.csv", "'w'", rule, "1 row", "3")


def test_a_psu_in_two_strata(tmp_path: Path) -> None:
    path = survey(tmp_path, people=having("c", 12, 1))
    (problem,) = told(path)
    assert mentions(problem, "PSU", "'c'", "'s'", "4 row", "1, 2, 3, 12")
    assert "nest = true" in problem
    nested = survey(tmp_path, people=having("c", 12, 1), replace={'psu = "c"': 'psu = "c"\nnest = true'})
    assert 12 == tk.open_study(nested).people.height


def test_a_stratum_that_is_missing(tmp_path: Path) -> None:
    (problem,) = told(survey(tmp_path, people=having("s", 2, None)))
    assert mentions(problem, "'s'", "1 row", "2")


def test_a_file_that_changes_after_it_was_opened_changes_no_analysis(tmp_path: Path) -> None:
    study = tk.open_study(survey(tmp_path))
    before = tk.mean(study, "bmi")
    (tmp_path / "people.csv").write_text("pid\nbroken")
    assert before.equals(tk.mean(study, "bmi"))


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = survey(tmp_path)

    def growing(file: Path) -> str:
        with file.open("a") as handle:
            handle.write("\n")
        return "digest"

    monkeypatch.setattr("toolkit.sources.user.row_reader.sha256_of", growing)
    assert mentions(refused(path), "files.people", "'people.csv'")


def test_unknown_keys_words_and_files_are_told_all_at_once_with_the_nearest(tmp_path: Path) -> None:
    toml = (
        TOML.replace('label = "sore legs"', 'lable = "sore legs"')
        .replace('"refused"', '"refsed"')
        .replace('path = "people.csv"', 'path = "peple.csv"')
        .replace('psu = "c"', 'psuu = "c"')
        + '[variables.hba1c]\ncolumn = "a"\nexpression = "b"\n[extra]\nx = 1\n'
    )
    message = refused(survey(tmp_path, toml=toml))
    for expected in (
        ("key 'lable'", "'label'"),
        ("key 'psuu'", "'psu'"),
        ("key 'extra'",),
        ("reason 'refsed'", "'refused'"),
        ("file 'peple.csv'", "'people.csv'"),
        ("variables.hba1c", "column", "expression", 'column = "..."'),
    ):
        assert any(mentions(line, *expected) for line in message.splitlines()), expected
    assert "has 6 problems" in message


@pytest.mark.parametrize("name", ["../outside.csv", "inside/../../outside.csv", "linked.csv", "/etc/passwd"])
def test_a_path_that_leaves_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside.csv").write_text(PEOPLE.write_csv())
    path = survey(tmp_path / "study", replace={'"people.csv"': f'"{name}"'})
    (path.parent / "inside").mkdir()
    (path.parent / "linked.csv").symlink_to(tmp_path / "outside.csv")
    (problem,) = told(path)
    assert mentions(problem, "files.people", f"'{name}'", "study.toml")


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    path = survey(tmp_path, replace={'"people.csv"': '"linked.csv"'})
    (tmp_path / "linked.csv").symlink_to(tmp_path / "people.csv")
    assert 12 == tk.open_study(path).people.height


@pytest.mark.parametrize(
    ("remedy", "content"),
    [
        ("no heading and no row", b""),
        ("separator = ';'", b"pid,sex\n1,2,3\n"),
        ("no column 'pid'", b"sex\n1\n"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, remedy: str, content: bytes) -> None:
    path = survey(tmp_path)
    (tmp_path / "people.csv").write_bytes(content)
    assert remedy in refused(path)


@pytest.mark.parametrize("suffix", ["parquet", "sav", "dta", "xpt", "arrow", "sas7bdat"])
def test_a_file_that_is_not_what_its_name_says(tmp_path: Path, suffix: str) -> None:
    path = survey(tmp_path, replace={"people.csv": f"people.{suffix}"})
    (tmp_path / f"people.{suffix}").write_bytes(b"<html>not found</html>" * 20)
    assert mentions(refused(path), "people.", "web page")


def test_no_study_toml(tmp_path: Path) -> None:
    assert mentions(refused(tmp_path / "study.toml"), "cramps new-study FILE...")
    (tmp_path / "study.toml").write_text("name = ")
    assert mentions(refused(tmp_path / "study.toml"), "TOML", "line")


def test_options_belong_into_the_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=mentioning("'study.toml'")):
        tk.open_study(survey(tmp_path), cycles=("2005-2006",))


def test_formulas_that_need_one_another(tmp_path: Path) -> None:
    toml = TOML + '[variables.a]\nexpression = "b + 1"\n[variables.b]\nexpression = "a + 1"\n'
    assert "in a circle: " in refused(survey(tmp_path, toml=toml)).replace("b <- a <- b", "a <- b <- a")


WIDE = """
import resource, sys
import toolkit.causes, toolkit.sources.user.loader
import toolkit as tk

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = peak()
print(tk.open_study(sys.argv[1]).people.height, peak() - before)
"""


def test_a_wide_file_is_streamed(tmp_path: Path) -> None:
    """Of a file of 400 MB four columns are used: opening it costs less memory than the file is large."""
    filler = ",".join(["abcdefghij" * 4] * 400)
    head = "pid,sex,age,w," + ",".join(f"unused{i}" for i in range(400))
    with (tmp_path / "people.csv").open("w") as file:
        file.write(head + "\n")
        file.writelines(f"{i},{1 + i % 2},{20 + i % 60},1.5,{filler}\n" for i in range(25_000))
    size = (tmp_path / "people.csv").stat().st_size // 2**20
    (tmp_path / "study.toml").write_text(
        'name = "wide"\nperson = "pid"\nfiles.a.path = "people.csv"\ndesign.weight = "w"\n'
        'variables.age.column = "age"\n[variables.sex]\ncolumn = "sex"\nlevels = { 1 = "male", 2 = "female" }'
    )
    command = [sys.executable, "-c", WIDE, str(tmp_path / "study.toml")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    people, grown = map(int, done.stdout.split())
    assert 25_000 == people
    assert grown < 0.75 * size, f"{grown} MB for a file of {size} MB"


@pytest.mark.parametrize(
    ("strata", "psus", "groups", "told"),
    [
        (
            ["North", "NORTH", "South", "South"],
            ["1", "2", "1", "2"],
            (2, 4),
            ("'NORTH'", "'North'", "10 row"),
        ),
        (["a", "a", "b", "b"], ["7", "007", "1", "2"], (2, 3), ("'unit'", "'007'", "'7'", "10 row")),
        (["a", "a", "b", "b"], ["p", "P", "1", "2"], (2, 3), ("'unit'", "'P'", "'p'", "10 row")),
        (["0", "0", "00", "00"], ["1", "2", "1", "2"], (1, 2), ("'0'", "'00'", "20 row")),
    ],
)
def test_a_stratum_or_psu_that_is_spelled_in_two_ways_is_one_and_told(
    tmp_path: Path, strata: list[str], psus: list[str], groups: tuple[int, int], told: tuple[str, ...]
) -> None:
    rows = {"id": range(40), "age": [40] * 40, "w": [1.5] * 40, "place": strata * 10, "unit": psus * 10}
    pl.DataFrame(rows).write_csv(tmp_path / "p.csv")
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "a"\nperson = "id"\nfiles.p.path = "p.csv"\n[design]\nweight = "w"\nstrata = "place"\n'
        'psu = "unit"\nnest = true\n[variables.age]\ncolumn = "age"\n'
    )
    study = tk.open_study(path)
    units = study.people.select(study.design.strata, "unit")
    assert groups == (units.to_series().n_unique(), units.n_unique())
    assert mentions(study.provenance["notes"], *told)
    frame = tk.study(pl.DataFrame(rows), design=tk.Design(weight="w", strata="place", psu="unit"))
    assert units.rows() == frame.people.select("place", "unit").rows()
