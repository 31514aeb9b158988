"""The design of a survey is found by names and labels, or asked for: it is never lost without a word."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars_readstat
import pytest
from click.testing import CliRunner

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.cli import main
from toolkit.sources.user.declaration import OwnDesign, read_declaration
from toolkit.sources.user.scaffold import First, write_first_study

N = 120
Columns = dict[str, list[Any]]


def column(kind: str) -> list[Any]:
    """Values of a column of one kind, the same at each call."""
    drawn = np.random.default_rng(sum(map(ord, kind)))
    made = {
        "weight": lambda i: round(400 + 900 * float(drawn.random()), 3),
        "zero": lambda i: round(400 + 900 * float(drawn.random()), 3) if i % 5 else 0.0,
        "millions": lambda i: int(drawn.integers(200_000, 3_000_000)),
        "stratum": lambda i: 100 + i // 30,
        "psu": lambda i: 1 + i // 10,
        "again": lambda i: 1 + i // 15 % 2,
        "id": lambda i: 5001 + i,
        "age": lambda i: 20 + i % 50,
        "kg": lambda i: 50 + i % 40,
        "cm": lambda i: 150 + i % 40,
        "population": lambda i: 4000 + 100 * (i // 30),
        "household": lambda i: 900 + i // 2,
        "same": lambda i: 1,
    }[kind]
    return [made(i) for i in range(N)]


def frame(**kinds: str) -> pl.DataFrame:
    return pl.DataFrame({name: column(kind) for name, kind in kinds.items()}, strict=False)


def looked_at(folder: Path, people: pl.DataFrame) -> First:
    people.write_csv(folder / "p.csv")
    return write_first_study([folder / "p.csv"])


def design_of(first: First) -> OwnDesign:
    return read_declaration(first.path).study.design


SURVEYS = {
    "DHS": (
        {"caseid": "id", "v005": "millions", "v021": "psu", "v022": "stratum", "v023": "stratum"},
        "v005 v023 v021",
    ),
    "DHS, one stratum": (
        {"caseid": "id", "v005": "millions", "v021": "psu", "v022": "stratum", "v023": "same"},
        "v005 v022 v021",
    ),
    "DHS men": (
        {"mcaseid": "id", "mv005": "millions", "mv021": "psu", "mv023": "stratum"},
        "mv005 mv023 mv021",
    ),
    "NHANES": (
        {"SEQN": "id", "SDMVPSU": "again", "SDMVSTRA": "stratum", "WTINT2YR": "weight", "WTMEC2YR": "zero"},
        "WTMEC2YR SDMVSTRA SDMVPSU",
    ),
    "NHIS": ({"HHX": "id", "WTFA_A": "weight", "PSTRAT": "stratum", "PPSU": "psu"}, "WTFA_A PSTRAT PPSU"),
    "BRFSS": (
        {"SEQNO": "id", "_PSU": "id", "_STSTR": "stratum", "_LLCPWT": "weight", "_WT2RAKE": "weight"},
        "_LLCPWT _STSTR _PSU",
    ),
    "BRFSS by R": (
        {"SEQNO": "id", "X_PSU": "id", "X_STSTR": "stratum", "X_LLCPWT": "weight"},
        "X_LLCPWT X_STSTR X_PSU",
    ),
    "KNHANES": (
        {
            "id": "id",
            "psu": "psu",
            "kstrata": "stratum",
            "wt_itv": "weight",
            "wt_ex": "zero",
            "wt_itvex": "zero",
        },
        "wt_itvex kstrata psu",
    ),
    "ESS": (
        {
            "idno": "id",
            "dweight": "weight",
            "pspwght": "weight",
            "anweight": "weight",
            "stratum": "stratum",
            "psu": "psu",
        },
        "anweight stratum psu",
    ),
    "HRS": (
        {"hhidpn": "id", "r12wtresp": "zero", "raehsamp": "again", "raestrat": "stratum"},
        "r12wtresp raestrat raehsamp",
    ),
    "MEPS": (
        {"DUPERSID": "id", "PERWT22F": "zero", "SAQWT22F": "zero", "VARSTR": "stratum", "VARPSU": "again"},
        "PERWT22F VARSTR VARPSU",
    ),
    "LASI": (
        {
            "prim_key": "id",
            "indiaindividualweight": "weight",
            "stateindividualweight": "weight",
            "stratum": "stratum",
            "psu": "psu",
        },
        "indiaindividualweight stratum psu",
    ),
    "SHARE": (
        {"mergeid": "id", "cciw_w8": "weight", "cchw_w8": "weight", "stratum1": "stratum", "psu": "psu"},
        "cciw_w8 stratum1 psu",
    ),
    "NSDUH": (
        {"QUESTID2": "id", "ANALWT_C": "weight", "VESTR_C": "stratum", "VEREP": "again"},
        "ANALWT_C VESTR_C VEREP",
    ),
    "MICS": ({"id": "id", "wmweight": "zero", "stratum": "stratum", "PSU": "psu"}, "wmweight stratum PSU"),
    "plain": (
        {"pid": "id", "samplewt": "weight", "stratum": "stratum", "cluster": "psu"},
        "samplewt stratum cluster",
    ),
    "village": (
        {"pid": "id", "sample_weight": "weight", "strata_id": "stratum", "village_id": "psu"},
        "sample_weight strata_id village_id",
    ),
    "Spanish": (
        {"id": "id", "factor_expansion": "weight", "estrato": "stratum", "conglomerado": "psu"},
        "factor_expansion estrato conglomerado",
    ),
    "Spanish peso": (
        {"id": "id", "peso_muestral": "weight", "estrato": "stratum", "upm": "psu"},
        "peso_muestral estrato upm",
    ),
    "French": ({"id": "id", "poids": "weight", "strate": "stratum", "grappe": "psu"}, "poids strate grappe"),
    "German": (
        {"id": "id", "gewicht": "weight", "schicht": "stratum", "klumpen": "psu"},
        "gewicht schicht klumpen",
    ),
    "Portuguese": ({"id": "id", "peso": "weight", "estrato": "stratum", "upa": "psu"}, "peso estrato upa"),
    "of one's own": (
        {"id": "id", "FinalWgt_2022": "weight", "Sampling Stratum": "stratum", "PSU_ID": "psu"},
        "FinalWgt_2022|Sampling Stratum|PSU_ID",
    ),
}


@pytest.mark.parametrize("survey", SURVEYS)
def test_the_design_of_a_survey_is_found_by_its_names(tmp_path: Path, survey: str) -> None:
    kinds, expected = SURVEYS[survey]
    first = looked_at(tmp_path, frame(**kinds, age="age", hhid="household"))
    design, study = design_of(first), read_declaration(first.path).study
    assert expected.split("|" if "|" in expected else " ") == [design.weight, design.strata, design.psu]
    assert next(iter(kinds)) == study.person
    assert () == first.problems
    assert "age" in study.variables
    assert not {design.weight, design.strata, design.psu} & {v.column for v in study.variables.values()}
    marked = [
        line for line in first.text.splitlines() if line.split(" =")[0] in ("weight", "strata", "psu", "nest")
    ]
    assert all("# GUESS: " in line for line in marked), marked


def test_numbers_of_psus_that_start_anew_and_the_unit_of_dhs_weights_are_told(tmp_path: Path) -> None:
    kinds, _ = SURVEYS["NHANES"]
    assert "nest = true  # GUESS" in looked_at(tmp_path, frame(**kinds, age="age")).text
    (tmp_path / "d").mkdir()
    dhs = looked_at(tmp_path / "d", frame(**SURVEYS["DHS"][0], age="age")).text
    assert mentions(dhs, "DHS", "1,000,000")


@pytest.mark.parametrize("suffix", [".dta", ".sav"])
@pytest.mark.parametrize(
    "labels",
    [
        ("Sample weight", "Sampling stratum", "Primary sampling unit"),
        ("Final person weight (calibrated)", "Stratum identifier", "PSU"),
        ("Survey weight 2022", "Stratification", "Cluster number"),
        ("Factor de expansión", "Estrato muestral", "Unidad primaria de muestreo"),
        ("Poids de sondage", "Strate de sondage", "Numéro de grappe"),
    ],
)
def test_the_design_is_found_by_labels(tmp_path: Path, suffix: str, labels: tuple[str, ...]) -> None:
    people = frame(q0="id", q1="weight", q2="stratum", q3="psu", q4="kg", q5="household", q6="age")
    told = {
        **dict(zip(("q1", "q2", "q3"), labels, strict=True)),
        "q4": "Body weight (kg)",
        "q5": "Household number",
    }
    path = tmp_path / f"poll{suffix}"
    polars_readstat.write_readstat(people.cast(pl.Float64), str(path), variable_labels=told)
    design = design_of(write_first_study([path]))
    assert ("q1", "q2", "q3") == (design.weight, design.strata, design.psu)


UNDECIDED = {
    "nothing": ({"id": "id", "age": "age"}, "column looks like a sampling weight"),
    "an id alone": ({"w": "id", "age": "age"}, "column looks like a sampling weight"),
    "two weights": (
        {"id": "id", "samplewt": "weight", "pop_weight": "weight", "age": "age"},
        "hich of 'samplewt', 'pop_weight'",
    ),
    "waves": (
        {"hhidpn": "id", "r12wtresp": "zero", "r13wtresp": "zero", "raestrat": "stratum"},
        "hich of 'r12wtresp', 'r13wtresp'",
    ),
    "a body": (
        {"id": "id", "peso": "kg", "age": "age"},
        "'peso' a sampling weight, or body weight",
    ),
    "strata alone": (
        {"id": "id", "stratum": "stratum", "psu": "psu", "age": "age"},
        "column looks like a sampling weight",
    ),
}


@pytest.mark.parametrize("case", UNDECIDED)
def test_where_it_cannot_tell_a_person_has_to_declare_the_design(tmp_path: Path, case: str) -> None:
    kinds, question = UNDECIDED[case]
    first = looked_at(tmp_path, frame(**kinds))
    assert question in design_of(first).undeclared
    assert "none = true" not in [line.partition("#")[0].strip() for line in first.text.splitlines()]
    assert ["design"] == [problem.where for problem in first.problems]
    with pytest.raises(tk.DesignError, match=mentioning("none = true")):
        tk.open_study(first.path)
    for words in (["check", str(first.path)], ["check", str(first.path), "--accept-guesses"]):
        told = CliRunner().invoke(main, words)
        assert 1 == told.exit_code
        assert mentions(told.output, "not declared")
    assert question in design_of(first).undeclared  # accepting guesses declares no design
    first.path.write_text(first.path.read_text().replace("undeclared =", "none = true # undeclared ="))
    assert tk.open_study(first.path).design.declared_absent
    assert 0 == CliRunner().invoke(main, ["check", str(first.path)]).exit_code


def test_a_study_toml_without_a_word_on_the_design_is_a_design_error(tmp_path: Path) -> None:
    frame(id="id", age="age").write_csv(tmp_path / "p.csv")
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "a"\nperson = "id"\nfiles.p.path = "p.csv"\n[design]\n[variables.age]\ncolumn = "age"\n'
    )
    with pytest.raises(tk.DesignError, match=mentioning("'study.toml'")):
        tk.open_study(path)


@pytest.mark.parametrize("word", ["weight", "gewicht", "peso", "poids"])
def test_the_weight_of_bodies_is_no_sampling_weight(tmp_path: Path, word: str) -> None:
    height = {"weight": "height", "gewicht": "Größe", "peso": "talla", "poids": "taille"}[word]
    first = looked_at(tmp_path, frame(id="id", **{height: "cm", word: "kg"}))
    assert design_of(first).undeclared
    assert "bmi" in read_declaration(first.path).study.variables


@pytest.mark.parametrize(
    "name", ["birthweight", "weight_kg", "body_weight", "weight_loss", "hhid", "household", "weekday"]
)
def test_what_only_sounds_so_has_no_role(tmp_path: Path, name: str) -> None:
    design = design_of(looked_at(tmp_path, frame(id="id", **{name: "weight"}, age="age")))
    assert design.undeclared
    assert (None, None, None) == (design.weight, design.strata, design.psu)


def replicated(main: str, head: str, count: int, first: int = 1, **more: str) -> pl.DataFrame:
    people = frame(id="id", **({main: "weight"} if main else {}), **more, age="age")
    drawn = np.random.default_rng(7)
    names = [f"{head}{number}" for number in range(first, count + 1)]
    return people.with_columns(pl.Series(name, (900 * drawn.random(N)).round(2)) for name in names)


SERIES = {
    "ACS": (
        ("PWGTP", "PWGTP", 80),
        {
            "weight": "PWGTP",
            "replicate_method": "ACS",
            "replicate_weights": tuple(f"PWGTP{i}" for i in range(1, 81)),
        },
    ),
    "IPUMS": (
        ("PERWT", "REPWTP", 80),
        {"weight": "PERWT", "replicate_method": "ACS", "replicate_weights": "REPWTP*"},
    ),
    "PISA": (
        ("W_FSTUWT", "W_FSTURWT", 80),
        {"weight": "W_FSTUWT", "replicate_method": "Fay", "fay_rho": 0.5},
    ),
    "bootstrap": (
        ("wts_m", "bsw", 50),
        {"weight": "wts_m", "replicate_method": "bootstrap", "replicate_weights": "bsw*"},
    ),
    "BRR": (
        ("finalwt", "brr", 16),
        {"weight": "finalwt", "replicate_method": "BRR", "replicate_weights": "brr*"},
    ),
}


@pytest.mark.parametrize("kind", SERIES)
def test_replicate_weights_whose_names_say_how_they_were_made(tmp_path: Path, kind: str) -> None:
    given, expected = SERIES[kind]
    first = looked_at(tmp_path, replicated(*given))
    found = design_of(first).model_dump(exclude_defaults=True)
    assert expected == {key: found[key] for key in expected}
    assert () == first.problems
    assert ["age"] == list(read_declaration(first.path).study.variables)
    assert given[2] == len(tk.open_study(first.path).design.replicate_weights or ())


@pytest.mark.parametrize("given", [("wt", "REPWT", 80), ("w0", "jkw", 40), ("finalwgt", "wgt", 24)])
def test_replicate_weights_of_which_it_is_not_known_are_asked_about(tmp_path: Path, given: Any) -> None:
    first = looked_at(tmp_path, replicated(*given))
    design = design_of(first)
    assert mentions(design.undeclared, given[2], f"'{given[1]}1'")
    assert f'# Candidate: weight = "{given[0]}"' in first.text
    assert ["age"] == list(read_declaration(first.path).study.variables)


def test_strata_and_psus_stand_for_replicate_weights_of_unknown_making(tmp_path: Path) -> None:
    first = looked_at(tmp_path, replicated("wt", "REPWT", 80, stratum="stratum", psu="psu"))
    design = design_of(first)
    assert ("wt", "stratum", "psu", None) == (
        design.weight,
        design.strata,
        design.psu,
        design.replicate_weights,
    )
    assert () == first.problems


def test_a_finite_population_is_found(tmp_path: Path) -> None:
    design = design_of(
        looked_at(tmp_path, frame(id="id", pw="weight", stratum="stratum", fpc="population", age="age"))
    )
    assert ("pw", "stratum", "fpc") == (design.weight, design.strata, design.fpc)


HOUSEHOLDS = {
    "DHS": {"hhid": "household", "hvidx": "again", "hv005": "millions", "hv021": "psu", "hv022": "stratum"},
    "MICS": {"HH2": "household", "LN": "again", "wmweight": "weight", "PSU": "psu", "stratum": "stratum"},
    "plain": {
        "hh": "household",
        "number": "again",
        "samplewt": "weight",
        "cluster": "psu",
        "strat": "stratum",
    },
    "a measurement": {"who": "household", "bmi": "weight", "w": "zero", "clust": "psu", "strat": "stratum"},
}


@pytest.mark.parametrize("case", HOUSEHOLDS)
def test_a_weight_or_a_measurement_never_names_persons(tmp_path: Path, case: str) -> None:
    first = looked_at(tmp_path, frame(**HOUSEHOLDS[case]))
    person, _, *others = HOUSEHOLDS[case]
    assert person == read_declaration(first.path).study.person
    assert mentions(first.text, f'person = "{person}"', "GUESS")
    design = design_of(first)
    weight = "w" if case == "a measurement" else others[0]
    assert (weight, others[-1], others[-2]) == (design.weight, design.strata, design.psu)
    told = CliRunner().invoke(main, ["check", str(first.path), "--accept-guesses"])
    assert 1 == told.exit_code
    assert mentions(told.output, "row", "person")


@pytest.mark.parametrize("absent", [[40], [1, 2], [7, 79]])
def test_replicate_weights_with_gaps_are_asked_about(tmp_path: Path, absent: list[int]) -> None:
    people = replicated("PWGTP", "PWGTP", 80).drop(f"PWGTP{number}" for number in absent)
    first = looked_at(tmp_path, people)
    assert mentions(design_of(first).undeclared, ", ".join(map(str, absent)))
    assert ["age"] == list(read_declaration(first.path).study.variables)


@pytest.mark.parametrize(("found", "other"), [("psu", "strata"), ("stratum", "PSUs")])
def test_half_of_a_design_is_a_guess_that_has_to_be_confirmed(tmp_path: Path, found: str, other: str) -> None:
    first = looked_at(tmp_path, frame(id="id", wt="weight", age="age", **{found: found}))
    assert mentions(first.text, "GUESS", other)
