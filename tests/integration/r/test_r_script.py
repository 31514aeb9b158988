"""The script for R rebuilds the same design: means and standard errors of R equal the toolkit's."""

import json
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from tests.support.own_survey import PEOPLE, survey
from toolkit.errors import VariableError
from toolkit.variables import Codebook

ASK = """
source(file.path(Sys.getenv("STUDY_FOLDER"), "study.R"))
found <- svymean(as.formula(paste("~", "%s")), %s, na.rm = TRUE)
cat(sprintf("[%%.17g, %%.17g]", coef(found)[1], SE(found)[1]))
"""


def has_survey() -> bool:
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", 'cat(requireNamespace("survey", quietly = TRUE))']
    return "TRUE" in subprocess.run(asked, check=False, capture_output=True, text=True).stdout


needs_r = pytest.mark.skipif(not has_survey(), reason="R WITH ITS PACKAGE survey IS NOT INSTALLED")


def in_r(folder: Path, variable: str, design: str = "design") -> list[float]:
    done = subprocess.run(
        ["Rscript", "-e", ASK % (variable, design)],
        env={"STUDY_FOLDER": str(folder), "PATH": "/usr/bin:/bin:/usr/local/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    found: list[float] = json.loads(done.stdout[done.stdout.index("[") :])
    return found


def ours(study: tk.Study, variable: str) -> list[float]:
    return list(tk.mean(study, variable).select("estimate", "std_error").row(0))


@needs_r
@pytest.mark.parametrize(
    "design",
    [
        tk.Design(weight="w", strata="s", psu="c"),
        tk.Design(weight="w"),
        tk.Design.none(),
        tk.Design(weight="w", strata="s", psu="c", fpc="size"),
    ],
    ids=["strata and PSUs", "weight alone", "none", "finite population"],
)
def test_r_gives_the_same_mean_and_standard_error(tmp_path: Path, design: tk.Design) -> None:
    frame = PEOPLE.with_columns(size=pl.lit(9.0), kg=pl.when(pl.col("kg") != 65).then("kg"))
    study = tk.study(frame.drop("pid"), design=design, name='a "quoted" study\nof two lines')
    study.to_r(tmp_path)
    assert in_r(tmp_path, "kg") == pytest.approx(ours(study, "kg"), rel=1e-9)


@needs_r
def test_a_study_of_files_is_the_same_in_r(tmp_path: Path) -> None:
    study = tk.open_study(survey(tmp_path / "study"))
    study.to_r(tmp_path / "r")
    assert in_r(tmp_path / "r", "bmi") == pytest.approx(ours(study, "bmi"), rel=1e-9)


@needs_r
def test_each_component_has_its_design(tmp_path: Path) -> None:
    study = tk.open_study("simulated")
    study.to_r(tmp_path)
    for variable, component in (("age", "interview"), ("hba1c", "examination")):
        told = in_r(tmp_path, variable, f"design_{component}")
        assert told == pytest.approx(ours(study, variable), rel=1e-9), variable


@needs_r
def test_r_pools_the_cycles_that_are_named(tmp_path: Path) -> None:
    study = tk.open_study("simulated")
    study.to_r(tmp_path)
    told = in_r(tmp_path, "age", 'subset(design_examination_of("2007-2008"), !is.na(hba1c))')
    later = tk.mean(study, "age", domain="cycle == '2007-2008' and hba1c > 0")
    assert told == pytest.approx(list(later.select("estimate", "std_error").row(0)), rel=1e-9)


@pytest.mark.nhanes
@needs_r
def test_r_pools_the_four_year_weights(tmp_path: Path, nhanes_1999_2004: tk.Study) -> None:
    whole, kept = nhanes_1999_2004, ("cycle", "age", "pad")
    study = replace(
        whole,
        people=whole.people.select(*kept, *whole.design.columns),
        codebook=Codebook.of(*(whole.codebook[name] for name in kept)),
    )
    study.to_r(tmp_path)
    told = in_r(tmp_path, "age", "subset(design_examination, !is.na(pad))")
    mean = tk.mean(study, "age", domain="pad == 'yes' or pad == 'no'")
    assert told == pytest.approx(list(mean.select("estimate", "std_error").row(0)), rel=1e-9)


@needs_r
def test_weights_of_zero_stay_in_r_s_design(tmp_path: Path) -> None:
    frame = PEOPLE.drop("pid").with_columns(w=pl.when(pl.col("c") == 1).then(0.0).otherwise(pl.col("w")))
    study = tk.study(frame, design=tk.Design(weight="w", strata="s", psu="c"))
    study.to_r(tmp_path)
    assert in_r(tmp_path, "kg") == pytest.approx(ours(study, "kg"), rel=1e-9)


def test_the_files_hold_no_id_and_are_the_users_alone(tmp_path: Path) -> None:
    tk.open_study(survey(tmp_path / "study")).to_r(tmp_path / "r")
    people = pl.read_parquet(tmp_path / "r" / "people.parquet")
    assert {"person", "pid"} & set(people.columns) == set()
    for name in ("people.csv", "people.parquet"):
        assert 0o600 == stat.S_IMODE((tmp_path / "r" / name).stat().st_mode)


def test_a_name_that_r_cannot_read_is_told(tmp_path: Path) -> None:
    study = tk.study(PEOPLE.rename({"kg": "k`g"}), design=tk.Design(weight="w"))
    with pytest.raises(VariableError, match=mentioning("column")):
        study.to_r(tmp_path)


@needs_r
@pytest.mark.parametrize("method", ["JKn", "BRR", "Fay", "bootstrap", "SDR"])
def test_replicate_weights_give_the_same_standard_error_in_r(tmp_path: Path, method: str) -> None:
    frame = PEOPLE.drop("pid").with_columns(c=pl.Series([1, 1, 1, 2, 2, 2] * 2))
    study = tk.study(frame, design=tk.Design(weight="w", strata="s", psu="c"))
    replicated = tk.replicates(study, method=method, number=20)
    replicated.to_r(tmp_path)
    assert in_r(tmp_path, "kg") == pytest.approx(ours(replicated, "kg"), rel=1e-9)


@needs_r
def test_the_example_survey_s_jackknife_is_the_same_in_r(tmp_path: Path) -> None:
    replicated = tk.replicates(tk.open_study("example-survey"), method="JKn")
    replicated.to_r(tmp_path)
    for variable in ("bmi", "hba1c"):
        told = in_r(tmp_path, variable)
        assert told == pytest.approx(ours(replicated, variable), rel=1e-9), variable


def test_replicate_weights_are_rebuilt(tmp_path: Path) -> None:
    frame = PEOPLE.with_columns(r1=pl.col("w") * 2, r2=pl.col("w") / 2)
    design = tk.Design(
        weight="w", replicate_weights=("r1", "r2"), replicate_method="fay", fay_rho=0.3, mse=True
    )
    script = tk.study(frame, design=design).to_r(tmp_path).read_text()
    assert "svrepdesign(weights = ~`w`, repweights = people[!is.na" in script
    assert 'type = "Fay", combined.weights = TRUE, mse = TRUE, rho = 0.3' in script


ORDER = """
source(file.path(Sys.getenv("STUDY_FOLDER"), "study.R"))
found <- svyglm(y ~ pain + region, subset(design, y < 8.5))
told <- list(is.ordered(people$pain), levels(people$pain), is.ordered(people$region),
             levels(people$region)[1])
cat("<", deparse(unlist(told)), ">", sprintf("[%s]", paste(sprintf("%.17g", coef(found)), collapse = ", ")))
cat(names(coef(found)), sep = "\\n")
"""


@needs_r
def test_a_declared_order_is_one_in_r_with_the_same_coefficients(tmp_path: Path) -> None:
    levels = ["none", "mild", "severe"]
    people = pl.DataFrame(
        {
            "pain": pl.Series(levels * 4, dtype=pl.Enum(levels)),
            "region": ["south", "north", "north"] * 2 + ["north", "south", "south"] * 2,
            "y": [1.0, 2.0, 4.0, 3.0, 5.0, 2.0, 7.0, 1.0, 8.0, 4.0, 6.0, 9.0],
            "w": [float(w) for w in range(1, 13)],
        }
    )
    study = tk.study(people, design=tk.Design(weight="w"), name="in order")
    entry = study.codebook["pain"]
    moved = study.codebook.with_variables(replace(entry, reference="mild"))
    study = tk.study(people, design=tk.Design(weight="w"), name="in order", codebook=moved)
    study.to_r(tmp_path)
    asked = {"STUDY_FOLDER": str(tmp_path), "PATH": "/usr/bin:/bin:/usr/local/bin"}
    done = subprocess.run(
        ["Rscript", "-e", ORDER], env=asked, check=True, capture_output=True, text=True
    ).stdout
    told = 'c("TRUE", "none", "mild", "severe", "FALSE", "north")'
    assert told in done
    fitted = tk.model(study, "y ~ pain + region", "gaussian", "y < 8.5")
    found = json.loads(done[done.index("[") : done.index("]") + 1])
    assert found == pytest.approx(fitted["estimate"].to_list(), rel=1e-9)
    assert ["(Intercept)", "painnone", "painsevere", "regionsouth"] == done.split("]")[1].split()
