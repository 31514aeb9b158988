"""A study of one's own: formats, codes, units, joins and formulas become the people that were meant."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import polars_readstat
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import toolkit as tk
from tests.support.messages import mentioning
from tests.support.own_survey import PEOPLE, TOML, having, survey, without_design
from toolkit.sources.user.loader import examine
from toolkit.sources.user.scaffold import write_first_study
from toolkit.studies import count_missing
from toolkit.variables import why

LABELS = {"cr": {0: "Never", 1: "Rarely", 2: "Sometimes", 3: "Often", 4: "Almost always", 9: "Refused"}}


def test_a_declared_survey_opens_with_its_causes_derived(tmp_path: Path) -> None:
    study = tk.open_study(survey(tmp_path))
    assert ("village", 12) == (study.label, study.people.height)
    assert ["male", "female"] * 6 == study.people["sex"].to_list()
    assert ["yes", "no", "no", "yes"] * 3 == study.people["sore"].to_list()
    assert ["20-39"] * 5 == study.people["age_group"].to_list()[:5]
    assert [60 / 1.6**2] == study.people["bmi"].to_list()[:1]


def test_the_codebook_gives_label_levels_and_unit_and_own_names_their_own(tmp_path: Path) -> None:
    book = tk.open_study(survey(tmp_path)).codebook
    assert ("age", "years", "number") == (book["age"].label, book["age"].unit, book["age"].kind)
    assert ("sore legs", "yes_no", "column sore") == (
        book["sore"].label,
        book["sore"].kind,
        book["sore"].source,
    )


def test_the_design_is_the_one_declared(tmp_path: Path) -> None:
    study = tk.open_study(survey(tmp_path))
    frame = PEOPLE.with_columns(bmi=pl.col("kg") / (pl.col("cm") / 100) ** 2)
    by_hand = tk.study(frame, design=tk.Design(weight="w", strata="s", psu="c"))
    told, expected = (
        tk.mean(s, "bmi").select("estimate", "std_error", "df", "n").row(0) for s in (study, by_hand)
    )
    assert expected == pytest.approx(told, rel=1e-12)


def test_a_missing_code_keeps_its_reason_through_formulas(tmp_path: Path) -> None:
    toml = TOML + '[variables.older]\nexpression = "age >= 40"\n'
    study = tk.open_study(survey(tmp_path, people=having("age", 3, -9), toml=toml))
    for name in ("age", "older", "age_group"):
        counts = dict(count_missing(study.people, name).select("reason", "n").rows())
        assert 1 == counts["refused"], name


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".arrow", ".xpt", ".sav", ".dta", ".xlsx"])
def test_every_format_gives_the_same_people(tmp_path: Path, suffix: str) -> None:
    expected = tk.open_study(survey(tmp_path / "csv")).people
    path = survey(tmp_path, replace={"people.csv": f"people{suffix}"})
    (tmp_path / "people.csv").unlink()
    _write(PEOPLE, tmp_path / f"people{suffix}")
    opened = tk.open_study(path).people
    columns = ["person", "sex", "age", "bmi", "sore", "w", "s", "c", why("age")]
    assert expected.select(columns).equals(opened.select(columns))


def _write(frame: pl.DataFrame, path: Path) -> None:
    match path.suffix:
        case ".csv":
            frame.write_csv(path)
        case ".tsv":
            frame.write_csv(path, separator="\t")
        case ".parquet":
            frame.write_parquet(path)
        case ".arrow":
            frame.write_ipc(path)
        case ".xpt":
            polars_readstat.write_xpt(frame, str(path))
        case ".xlsx":
            pytest.importorskip("fastexcel", reason="NO READER OF EXCEL FILES: pip install fastexcel")
            from tests.support.workbook import write_workbook

            write_workbook(path, frame)
        case _:
            polars_readstat.write_readstat(frame, str(path))


def test_a_sas_data_set_is_read(tmp_path: Path) -> None:
    iris = Path("/usr/lib/R/site-library/haven/examples/iris.sas7bdat")
    if not iris.is_file():
        pytest.skip("NO SAS7BDAT FILE: R's package haven, which brings one, is not installed")
    shutil.copy(iris, tmp_path / "iris.sas7bdat")
    (tmp_path / "study.toml").write_text(
        'name = "flowers"\nperson = "Sepal_Length"\nfiles.a.path = "iris.sas7bdat"\ndesign.none = true\n'
        'variables.petal = { column = "Petal_Length" }\nvariables.kind = { column = "Species", levels = '
        '["setosa", "versic", "virgin"] }\n'
    )
    (problem,) = examine(tmp_path / "study.toml").errors
    assert "same person" in problem.finding


@pytest.mark.parametrize("suffix", [".sav", ".dta"])
def test_value_labels_are_read_and_declared_missing_codes_keep_their_reason(
    tmp_path: Path, suffix: str
) -> None:
    lab = pl.DataFrame({"PID": PEOPLE["pid"][:8], "cr": [0.0, 1.0, 2.0, 3.0, 4.0, 9.0, None, 7.0]})
    spss = {"missing_ranges": {"cr": [7, 9]}} if suffix == ".sav" else {}
    polars_readstat.write_readstat(
        lab, str(tmp_path / f"lab{suffix}"), value_labels=LABELS, variable_labels={"cr": "How often?"}, **spss
    )
    entry = f'[files.lab]\npath = "lab{suffix}"\nperson = "PID"\nabsent = "not examined"\n'
    missing = "" if spss else 'missing = { 7 = "don\'t know" }\n'
    path = survey(tmp_path, toml=f'{TOML}{entry}[variables.cramp_frequency]\ncolumn = "lab.cr"\n{missing}')
    study = tk.open_study(path)
    assert "How often?" == study.codebook["cramp_frequency"].question
    words = ["never", "rarely", "sometimes", "often", "almost always"]
    assert [*words, *[None] * 7] == study.people["cramp_frequency"].to_list()
    last = "no value recorded" if spss else "don't know"
    reasons = ["refused", "no value recorded", last, *["not examined"] * 4]
    assert reasons == study.people[why("cramp_frequency")].to_list()[5:]


def test_units_are_converted_by_what_was_measured(tmp_path: Path) -> None:
    lab = "pid,a1c,ca,sit\n001,48,2.4,90\n002,42,2.5,600\n"
    toml = (
        TOML + '[files.lab]\npath = "lab.csv"\n[variables.hba1c]\ncolumn = "lab.a1c"\nunit = "mmol/mol"\n'
        '[variables.serum_calcium]\ncolumn = "lab.ca"\nunit = "mmol/L"\n'
        '[variables.sitting_hours]\ncolumn = "lab.sit"\nunit = "minutes a day"\n'
    )
    people = tk.open_study(survey(tmp_path, toml=toml, lab=lab)).people
    rows = people.select("hba1c", "serum_calcium", "sitting_hours").rows()
    assert (0.09148 * 48 + 2.152, 2.4 * 4.0078, 1.5) == pytest.approx(rows[0], rel=1e-12)
    assert (None, None, None) == rows[2]


def test_a_decimal_comma_and_a_semicolon_are_read(tmp_path: Path) -> None:
    text = PEOPLE.write_csv(separator=";").replace(".0;", ",5;")
    path = survey(
        tmp_path, people=text, replace={'path = "people.csv"': 'path = "people.csv"\ndecimal = ","'}
    )
    assert [1.5, 2.5, 3.5] == tk.open_study(path).people["w"].to_list()[:3]


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-16", "utf-8-sig"])
def test_other_encodings_are_read_when_named(tmp_path: Path, encoding: str) -> None:
    toml = TOML + '[variables.town]\ncolumn = "town"\nlevels = ["Zürich", "Genève"]\n'
    named = {'path = "people.csv"': f'path = "people.csv"\nencoding = "{encoding}"'}
    path = survey(tmp_path, toml=toml, replace=named)
    towns = PEOPLE.with_columns(town=pl.Series(["Zürich", "Genève"] * 6))
    (tmp_path / "people.csv").write_text(towns.write_csv(), encoding=encoding)
    assert ["Zürich", "Genève"] * 6 == tk.open_study(path).people["town"].to_list()


def test_paths_with_spaces_braces_and_other_letters_are_read(tmp_path: Path) -> None:
    path = survey(tmp_path / "Ärzte {2024} [a]*", replace={'"people.csv"': '"the {people} ñ.csv"'})
    (path.parent / "people.csv").rename(path.parent / "the {people} ñ.csv")
    assert 12 == tk.open_study(path).people.height


def test_ids_that_are_numbers_in_one_file_and_text_in_another_are_the_same_person(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(pid=pl.arange(1, 13, eager=True))
    toml = TOML + '[files.lab]\npath = "lab.parquet"\n[variables.hba1c]\ncolumn = "lab.a1c"\n'
    path = survey(tmp_path, people=people, toml=toml)
    pl.DataFrame({"pid": [1.0, 2.0], "a1c": [5.0, 6.0]}).write_parquet(tmp_path / "lab.parquet")
    assert [5.0, 6.0, None] == tk.open_study(path).people["hba1c"].to_list()[:3]


def test_replicate_weights_are_found_by_pattern(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(rep1=pl.col("w") * 1.1, rep2=pl.col("w") * 0.9)
    design = 'replicate_weights = "rep*"\nreplicate_method = "bootstrap"'
    path = survey(tmp_path, people=people, replace={'strata = "s"\npsu = "c"': design})
    opened = tk.open_study(path)
    assert ("rep1", "rep2") == opened.design.replicate_weights
    assert [1.1, 2.2] == pytest.approx(opened.people["rep1"].to_list()[:2])


def test_replicate_weights_of_components_and_factors_are_found(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(
        we=pl.col("w") * 2,
        **{f"r{i}": pl.lit(1.0 + i / 10) for i in (1, 2, 10)},
        x1=pl.lit(0.5),
        x2=pl.lit(1.5),
    )
    design = (
        'weight = { interview = "w", examination = "we" }\n'
        'replicate_method = "JK1"\nreplicate_factors = true\n'
        'replicate_weights = { interview = "r*", examination = ["x1", "x2"] }'
    )
    path = survey(tmp_path, people=people, replace={'weight = "w"\nstrata = "s"\npsu = "c"': design})
    opened = tk.open_study(path)
    assert {"interview": ("r1", "r2", "r10"), "examination": ("x1", "x2")} == opened.design.replicate_weights
    assert opened.design.replicate_factors
    assert {"r1", "r10", "x2"} <= set(opened.people.columns)


def test_a_component_has_its_weight(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(we=pl.col("w") * 2, a1c=pl.lit(5.0))
    toml = TOML.replace('weight = "w"', 'weight = { interview = "w", examination = "we" }')
    path = survey(tmp_path, people=people, toml=toml + '[variables.hba1c]\ncolumn = "a1c"\n')
    assert "we" == tk.open_study(path).weight_for(("age", "hba1c")).weight


def test_columns_that_are_not_declared_are_not_kept(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(surname=pl.lit("Nobody"))
    assert "surname" not in tk.open_study(survey(tmp_path, people=people)).people.columns


def test_where_the_people_come_from_is_kept(tmp_path: Path) -> None:
    (facts,) = tk.open_study(survey(tmp_path)).provenance["files"]
    assert ("people.csv", 12, 64) == (facts["file"], facts["rows"], len(facts["sha256"]))


def test_a_simulated_study_says_so(tmp_path: Path) -> None:
    path = survey(tmp_path, replace={'name = "village"': 'name = "village"\nsimulated = true'})
    opened = tk.open_study(path)
    assert (True, "SIMULATED village") == (opened.simulated, opened.label)


values = st.one_of(st.none(), st.floats(-1e9, 1e9).filter(lambda x: x not in (-9.0, -8.0)))
codes = st.sampled_from(["1", "2", "-9", "", " 1 ", "2.0"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(values, codes), min_size=1, max_size=30), st.sampled_from([".csv", ".parquet", ".dta"])
)
def test_a_random_study_is_read_back_equal(
    tmp_path: Path, rows: list[tuple[float | None, str]], suffix: str
) -> None:
    frame = pl.DataFrame(
        {
            "id": [f"p{i}" for i in range(len(rows))],
            "x": pl.Series([x for x, _ in rows], dtype=pl.Float64),
            "code": [c for _, c in rows],
        }
    )
    _write(frame, tmp_path / f"random{suffix}")
    (tmp_path / "study.toml").write_text(
        f'name = "random"\nperson = "id"\nfiles.a.path = "random{suffix}"\ndesign.none = true\n'
        'variables.x = { column = "x", range = [-1e9, 1e9] }\nvariables.group = { column = "code", '
        'levels = { 1 = "first", 2 = "second" }, missing = { -9 = "refused" } }\n'
    )
    people = tk.open_study(tmp_path / "study.toml").people
    assert frame["x"].to_list() == people["x"].to_list()
    meant = {"1": "first", "2": "second", "1.0": "first", "2.0": "second"}
    assert [meant.get(c.strip()) for _, c in rows] == people["group"].to_list()
    assert [c.strip() == "-9" for _, c in rows] == (people[why("group")] == "refused").fill_null(
        False
    ).to_list()


SIGNS = [
    (["1,101", "12,580"], "", 6_840.5),  # of a file with commas between fields, marked
    (["1,101", "1,234,567"], "", 617_834.0),
    (["1,101.5", "900.5"], "", 1_001.0),
    (["0,101", "1,580"], "", 0.8405),  # no thousands begin with 0
    (["1.101,5", "900,5"], "", 1_001.0),
    (["1,101", "900"], "60.5", 1_000.5),  # another column has decimal points
    (["1,101", "900"], "60,5", 450.5505),
]


@pytest.mark.parametrize(("texts", "beside", "mean"), SIGNS)
def test_thousands_are_told_from_decimals(tmp_path: Path, texts: list[str], beside: str, mean: float) -> None:
    frame = pl.DataFrame({"pid": [f"p{at}" for at in range(40)], "steps": texts * 20, "kg": [beside] * 40})
    frame.write_csv(tmp_path / "p.csv")
    first = write_first_study([tmp_path / "p.csv"])
    path = without_design(first)
    assert mean == pytest.approx(tk.mean(tk.open_study(path), "steps")["estimate"].item(), rel=1e-12)
    ambiguous = texts == SIGNS[0][0]
    assert ambiguous == ("thousands = ','" in first.text or "decimal = ','" in first.text)


def test_a_number_with_thousands_is_not_read_in_silence(tmp_path: Path) -> None:
    path = survey(tmp_path, people=having("age", 1, "1,101"))
    with pytest.raises(tk.DatasetError, match=mentioning("'age'", "1 row")):
        tk.open_study(path)


@pytest.mark.parametrize("ends", ["\r", "\r\n", "mixed"])
def test_any_line_ends_are_read(tmp_path: Path, ends: str) -> None:
    lines = PEOPLE.write_csv().splitlines()
    text = "".join(
        line + ("\r" if at % 2 else "\n") if ends == "mixed" else line + ends for at, line in enumerate(lines)
    )
    path = survey(tmp_path)
    expected = tk.open_study(path).people
    (tmp_path / "people.csv").write_bytes(text.encode())
    assert expected.equals(tk.open_study(path).people)


@pytest.mark.parametrize("suffix", [".dta", ".sav"])
def test_missing_codes_of_stata_and_spss_keep_their_reasons(tmp_path: Path, suffix: str) -> None:
    codes: list[Any] = ["a", "b", "c"] if suffix == ".dta" else [97, 98, 99]
    frame = pd.DataFrame({"pid": [f"p{at}" for at in range(60)], "score": [1.0, 2.0, 3.0, *codes] * 10})
    labels = {"score": {codes[0]: "Refused", codes[1]: "Don't know", codes[2]: "no sample"}}
    path = tmp_path / f"p{suffix}"
    if suffix == ".dta":
        own = {"missing_user_values": {"score": codes}}
        pyreadstat.write_dta(frame, str(path), variable_value_labels=labels, **own)
    else:
        pyreadstat.write_sav(frame, str(path), variable_value_labels=labels, missing_ranges={"score": codes})
    missing = tk.open_study(without_design(write_first_study([path]))).missing("score")
    expected = {"has a value": 30, "refused": 10, "don't know": 10, "not examined": 10}
    assert expected == dict(missing.select("reason", "n").iter_rows())


def test_a_declared_level_is_a_value_and_other_words_are_recorded_as_na(tmp_path: Path) -> None:
    people = PEOPLE.with_columns(country=pl.Series(["NA", "DE", "n/a", "."] * 3))
    toml = TOML + '[variables.country]\ncolumn = "country"\nlevels = ["NA", "DE"]\n'
    study = tk.open_study(survey(tmp_path, people=people, toml=toml))
    assert ["NA", "DE", None, None] == study.people["country"].to_list()[:4]
    assert 6 == study.people.filter(pl.col(why("country")) == "recorded as NA").height


@pytest.mark.parametrize(("form", "number"), [("excel", 44_866), ("sas", 22_950), ("stata", 22_950)])
def test_serial_days_are_dates_if_declared(tmp_path: Path, form: str, number: int) -> None:
    people = PEOPLE.with_columns(seen=pl.Series([float(number)] * 11 + [None]))
    toml = TOML + f'[variables.seen]\ncolumn = "seen"\nkind = "date"\ndate_format = "{form}"\n'
    study = tk.open_study(survey(tmp_path, people=people, toml=toml))
    assert [date(2022, 11, 1)] * 11 + [None] == study.people["seen"].to_list()


def test_dates_of_a_study_reach_formulas_and_seasonal_curves(tmp_path: Path) -> None:
    days = [f"{1 + at % 28:02d}.{1 + at % 12:02d}.2022" for at in range(360)]
    frame = pl.DataFrame({"pid": range(360), "seen": days, "bmi": [20 + at % 12 / 4 for at in range(360)]})
    frame.write_csv(tmp_path / "p.csv")
    path = without_design(write_first_study([tmp_path / "p.csv"]))
    half = "when(month(seen) >= 5 and month(seen) <= 10, 'warm', 'cool')"
    path.write_text(path.read_text() + f'[variables.season]\nexpression = "{half}"\n')
    study = tk.open_study(path)
    assert {"warm": 180, "cool": 180} == dict(
        study.people["season"].cast(pl.String).value_counts().iter_rows()
    )
    in_memory = tk.study(frame.with_columns(pl.col("seen").str.to_date("%d.%m.%Y")), design=tk.Design.none())
    rows = [tk.effects.cosinor(each, "bmi", "seen")["estimate"] for each in (study, in_memory)]
    assert rows[0].equals(rows[1])
