"""study.write: the data set that Stata, SAS, SPSS and parquet read is the one in memory."""

import shutil
import stat
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.variables import why

VARIABLES = ["any_cramps", "age", "bmi", "race_ethnicity", "cramp_frequency", "hba1c"]


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


def answers(study: tk.Study, name: str) -> Counter[Any]:
    """Count values and reasons as the study has them."""
    people = pl.DataFrame(study.people)
    column = people[name]
    values = column.to_list() if column.dtype.is_numeric() else column.cast(pl.String).to_list()
    reasons = (
        people[why(name)].cast(pl.String).to_list() if why(name) in people.columns else [None] * len(values)
    )
    return Counter(reason if value is None else value for value, reason in zip(values, reasons, strict=True))


def read_labeled(frame: Any, labels: dict[Any, str], name: str) -> Counter[Any]:
    """Count the values of a file by their labels."""
    values = (None if value != value else value for value in frame[name])  # noqa: PLR0124 - NaN
    return Counter(labels.get(value, value) for value in values)


@pytest.mark.parametrize("kind", ["dta", "sav"])
def test_stata_and_spss_have_values_labels_and_reasons(study: tk.Study, tmp_path: Path, kind: str) -> None:
    path = study.write(tmp_path / f"a.{kind}", VARIABLES)
    read = pyreadstat.read_dta if kind == "dta" else pyreadstat.read_sav
    frame, about = read(str(path), user_missing=True)
    for name in VARIABLES:
        labels = about.variable_value_labels.get(name, {})
        assert answers(study, name) == read_labeled(frame, labels, name), name
    assert "body mass index (kg/m²)" == about.column_names_to_labels["bmi"]
    assert study.label == about.file_label
    assert study.people.height == len(frame)
    assert set(study.design.columns) | {"cycle"} < set(frame.columns)
    weight = study.design.columns[0]
    assert study.people[weight].fill_null(0).sum() == pytest.approx(frame[weight].sum(), rel=1e-12)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    plain, _ = read(str(path))
    assert study.people["bmi"].null_count() == plain["bmi"].isna().sum(), "the codes are missing values"


def test_sas_has_text_levels_and_a_companion_column(study: tk.Study, tmp_path: Path) -> None:
    frame, about = pyreadstat.read_xport(str(study.write(tmp_path / "a.xpt", VARIABLES)))
    for name in VARIABLES:
        reasons = frame[f"{name}_why"] if f"{name}_why" in frame else [""] * len(frame)
        found = Counter(
            (reason or None) if value in ("", None) or value != value else value  # noqa: PLR0124
            for value, reason in zip(frame[name], reasons, strict=True)
        )
        assert answers(study, name) == found, name
    assert "why missing: body mass index (kg/m²)" == about.column_names_to_labels["bmi_why"]


def test_parquet_has_the_columns_of_the_study(study: tk.Study, tmp_path: Path) -> None:
    path = study.write(tmp_path / "a.parquet", VARIABLES)
    frame = pl.read_parquet(path)
    for name in (*VARIABLES, why("bmi")):
        wanted = pl.DataFrame(study.people)[name]
        assert wanted.equals(frame[name].cast(wanted.dtype)), name
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    assert b"body mass index" == schema.field("bmi").metadata[b"label"]
    assert b"no | yes" == schema.field("any_cramps").metadata[b"levels"]


def test_a_domain_is_a_column_so_that_the_design_stays_whole(study: tk.Study, tmp_path: Path) -> None:
    path = study.write(tmp_path / "a.dta", ["age"], "age >= 60")
    frame, about = pyreadstat.read_dta(str(path))
    assert study.people.height == len(frame)
    assert study.people.filter(pl.col("age") >= 60).height == frame["in_domain"].sum()
    assert "in the domain: age >= 60" == about.column_names_to_labels["in_domain"]
    with pytest.raises(tk.DatasetError, match=mentioning("age > 200", "Check the condition")):
        study.write(tmp_path / "b.dta", ["age"], "age > 200")


@pytest.mark.parametrize("kind", ["dta", "sav", "xpt", "parquet"])
def test_dates_of_a_cohort_stay_dates_and_identifiers_stay_behind(tmp_path: Path, kind: str) -> None:
    cohort = tk.open_study("example-cohort")
    path = cohort.write(tmp_path / f"a.{kind}")
    readers: dict[str, Any] = {
        "dta": pyreadstat.read_dta, "sav": pyreadstat.read_sav, "xpt": pyreadstat.read_xport,
    }  # fmt: skip
    if kind == "parquet":
        frame = pl.read_parquet(path)
        starts = frame["follow_up_start"].to_list()
        names = frame.columns
    else:
        table, _ = readers[kind](str(path))
        starts, names = list(table["follow_up_start"]), list(table.columns)
    assert cohort.people["follow_up_start"].to_list() == starts
    assert isinstance(starts[0], date)
    assert "person" not in names


def test_codes_of_reasons_are_below_every_value(tmp_path: Path) -> None:
    people = pl.DataFrame({"temperature": [-500.0, 3.0, None], "temperature.why": [None, None, "refused"]})
    study = tk.study(people.select("temperature"), design=tk.Design.none(), name="cold")
    study = replace(study, people=people)
    frame, about = pyreadstat.read_sav(str(study.write(tmp_path / "a.sav")), user_missing=True)
    assert [-500.0, 3.0, -999.0] == list(frame["temperature"])
    assert {-999.0: "refused"} == about.variable_value_labels["temperature"]


@pytest.mark.parametrize("known", [150, 0], ids=["values at the end", "no value"])
def test_reasons_may_fill_the_beginning_of_a_column(tmp_path: Path, known: int) -> None:
    values = [*[None] * 150, *[2.5] * known]
    people = pl.DataFrame({"bmi": pl.Series(values, dtype=pl.Float64)})
    study = tk.study(pl.DataFrame({"bmi": [2.5, 3.0]}), design=tk.Design.none(), name="late")
    why_missing = pl.when(pl.col("bmi").is_null()).then(pl.lit("refused")).alias("bmi.why")
    study = replace(study, people=people.with_columns(why_missing))
    frame, about = pyreadstat.read_dta(str(study.write(tmp_path / "a.dta")), user_missing=True)
    assert {"refused": 150, **({2.5: known} if known else {})} == dict(
        read_labeled(frame, about.variable_value_labels["bmi"], "bmi")
    )


@pytest.mark.parametrize(
    ("name", "wanted"), [("a.csv", ("'a.csv'", ".dta", "Stata")), ("a", ("'a'", ".sav", "SPSS"))]
)
def test_an_unknown_format_is_refused(study: tk.Study, tmp_path: Path, name: str, wanted: tuple) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning(*wanted)):
        study.write(tmp_path / name)
    assert [] == list(tmp_path.iterdir())


def test_what_cannot_be_written_is_one_error(study: tk.Study, tmp_path: Path) -> None:
    study.write(tmp_path / "a.parquet", ["age"])
    with pytest.raises(tk.DatasetError, match=mentioning("a.parquet", "overwrite=True")):
        study.write(tmp_path / "a.parquet", ["age"])
    study.write(tmp_path / "a.parquet", ["bmi"], overwrite=True)
    assert "bmi" in pl.read_parquet(tmp_path / "a.parquet").columns
    with pytest.raises(tk.VariableError, match=mentioning("'bmii'", "'bmi'")):
        study.write(tmp_path / "b.dta", ["bmii"])
    with pytest.raises(tk.DatasetError, match=mentioning("b.dta", "Choose another folder")):
        study.write(tmp_path / "a.parquet" / "b.dta", ["age"])
    with pytest.raises(tk.VariableError, match=mentioning("long_" * 8, "Stata", ".parquet")):
        study.derive("long_" * 8, "age >= 20").write(tmp_path / "b.dta", ["long_" * 8])
    with pytest.raises(tk.DatasetError, match=mentioning("b.dta", "Stata", ".parquet")):
        study.derive("byte", "age >= 20").write(tmp_path / "b.dta", ["byte"])  # a reserved word
    assert ["a.parquet"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_foreign_reads_spss_and_transport_files(tmp_path: Path) -> None:
    people = pl.DataFrame({"age": [30.0, 50.0, 70.0], "sex": ["f", "m", "f"]})
    study = tk.study(people, design=tk.Design.none(), name="three")
    study.write(tmp_path / "a.sav")
    study.write(tmp_path / "a.xpt")
    code = (
        "library(foreign); s <- read.spss('a.sav', to.data.frame = TRUE); x <- read.xport('a.xpt');"
        "names(x) <- tolower(names(x));"
        "cat(s$age, as.character(s$sex), x$age, as.character(x$sex))"
    )
    done = subprocess.run(["Rscript", "-e", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    if "there is no package" in done.stderr:
        pytest.skip("R has no package foreign")
    assert "30 50 70 f m f 30 50 70 f m f" == done.stdout, done.stderr


@pytest.mark.nhanes
@pytest.mark.parametrize("kind", ["dta", "sav"])
def test_every_variable_of_nhanes_comes_back(tmp_path: Path, nhanes: tk.Study, kind: str) -> None:
    read = pyreadstat.read_dta if kind == "dta" else pyreadstat.read_sav
    frame, about = read(str(nhanes.write(tmp_path / f"a.{kind}")), user_missing=True)
    names = [name for name in nhanes.codebook if name in nhanes.people.columns]
    assert len(names) > 100
    labels = about.variable_value_labels
    changed = [n for n in names if answers(nhanes, n) != read_labeled(frame, labels.get(n, {}), n)]
    assert [] == changed
