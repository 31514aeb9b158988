"""A study.toml whose participants are in a folder of parquet is the study of the same rows in one file."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.support.own_survey import PEOPLE, TOML
from toolkit.studies import EnginePeople


def declare(folder: Path, path: str, people: pl.DataFrame = PEOPLE, toml: str = TOML) -> Path:
    """Write the survey as one CSV file and as two parquet files, and declare one of them."""
    (folder / "parts").mkdir(exist_ok=True)
    people.head(5).write_parquet(folder / "parts" / "a.parquet")
    people.tail(-5).write_parquet(folder / "parts" / "b.parquet")
    people.write_csv(folder / "people.csv")
    (folder / "study.toml").write_text(toml.replace("people.csv", path), encoding="utf-8")
    return folder / "study.toml"


@pytest.mark.parametrize("path", ["parts", "parts/*.parquet"])
def test_a_folder_is_the_study_of_its_rows(tmp_path: Path, path: str) -> None:
    expected = tk.open_study(declare(tmp_path, "people.csv"))
    found = tk.open_study(declare(tmp_path, path))
    assert isinstance(found.people, EnginePeople)
    assert list(expected.codebook) == list(found.codebook)
    for name in ("sex", "age", "bmi", "sore"):
        assert expected.codebook[name] == found.codebook[name]
        assert_frame_equal(expected.missing(name), found.missing(name))
    for call in (
        lambda s: tk.mean(s, "bmi", by="sex"),
        lambda s: tk.prevalence(s, "sore", domain="age > 30"),
        lambda s: tk.flow(s, "sore", "sex", adjust=()),
    ):
        assert_frame_equal(pl.DataFrame(call(found)), pl.DataFrame(call(expected)), rel_tol=1e-10)


def test_reasons_for_missing_values_are_kept(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(age=pl.when(pl.col("age") > 50).then(-9).otherwise("age"))
    expected = tk.open_study(declare(tmp_path, "people.csv", people)).missing("age")
    found = tk.open_study(declare(tmp_path, "parts", people)).missing("age")
    assert "refused" in found["reason"].to_list()
    assert_frame_equal(expected, found)


def test_codes_that_are_not_declared_are_counted(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(sex=pl.when(pl.col("age") > 50).then(7).otherwise("sex"))
    with pytest.raises(tk.DatasetError, match=mentioning("'sex'", "missing = {")):
        tk.open_study(declare(tmp_path, "parts", people))


def test_a_column_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("'cmm'", "'cm'")):
        tk.open_study(declare(tmp_path, "parts", toml=TOML.replace('psu = "c"', 'psu = "cmm"')))


def test_further_tables_are_refused(tmp_path: Path) -> None:
    toml = TOML + '[files.lab]\npath = "people.csv"\n'
    with pytest.raises(tk.DatasetError, match=mentioning("files.lab")):
        tk.open_study(declare(tmp_path, "parts", toml=toml.replace("people.csv", "parts", 1)))


def test_a_folder_without_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(tk.DatasetError, match=mentioning("files.people", "empty")):
        tk.open_study(declare(tmp_path, "empty"))


def test_dates_spellings_and_words_for_na_are_read_as_in_a_file(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(
        seen=pl.Series([f"2022-{month:02d}-15T23:30:00-05:00" for month in range(1, 13)]),
        s=pl.Series(["n", "N", "n", "n", "n", "n", "z", "z", "z", "z", "Z", "z"]),
        sore=pl.Series(["Yes", "NA", "no", "YES", ".", "No"] * 2),
    )
    toml = TOML + '[variables.seen]\ncolumn = "seen"\nkind = "date"\n'
    toml += '[variables.warm]\nexpression = "month(seen) > 6"\n'
    paths = ("people.csv", "parts")
    studies = [tk.open_study(declare(tmp_path, path, people, toml)) for path in paths]
    assert 4 == studies[0].people.filter(pl.col("sore.why") == "recorded as NA").height
    for name in ("sore", "warm"):
        assert_frame_equal(*(study.missing(name) for study in studies))
        rows = [pl.DataFrame(tk.prevalence(study, name)) for study in studies]
        assert_frame_equal(*rows, rel_tol=1e-10)
    for study in studies:
        assert mentions(study.provenance["notes"], "'s'", "'N' as 'n'", "'Z' as 'z'")
