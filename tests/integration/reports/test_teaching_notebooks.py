"""The teaching notebooks run top to bottom, what their text says is so, and they show no row of a person."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from tests.support.messages import mentions
from toolkit.files.checked_toml import shipped
from toolkit.report.execution import execute

OWN_SURVEY = shipped("notebooks") / "03-your-own-survey.py"
# What the text of each notebook states about its results.
STATED = {
    "01-start": (
        "crude['estimate'][0] > ratios['true_value'][0]",
        "ratios['true_value'].is_between(ratios['conf_low'], ratios['conf_high'])[1]",
    ),
    "02-one-cause": (
        "flow['n_left'][-1] == ratios['n'][0] == ratios['n'][-1]",
        "ratios['estimate'].is_sorted(descending=True)",
        "[e for e, low, true in alternatives.select('exposure', 'conf_low', 'true_value').iter_rows()"
        " if low > true] == ['osteoarthritis', 'joint_pain']",
        "['arthritis' in row.split(', ') for row in alternatives['adjust']] == [False, False, True, False]",
    ),
    "03-your-own-survey": ("abs(study.missing('hba1c_group')['percent'][0] - 80) < 1",),
    "04-diaries-weather-season": (
        "(season['conf_low'] > 1).all()",
        "abs(season['estimate'][0] - season['estimate'][1]) < 0.01",
        "nights.people.group_by('person').agg(pl.col('half_year').n_unique())['half_year'].eq(1).sum() == 3",
        "(within['conf_low'] < 1).all() and (within['conf_high'] > 1).all()",
        "'suppress' in list(months['reliability'])",
    ),
    "05-simulated-truth": (
        "abs(designs['estimate'][1] - designs['true_value'][1] - 0.08) < 0.005",
        "ignored.select(contains).item() == 7",
        "clustered.select(contains).item() == 10",
        "1.75 < clustered['std_error'].mean() / ignored['std_error'].mean() < 2",
        "ratios['true_value'].is_between(ratios['conf_low'], ratios['conf_high']).to_list() == [True, False]",
        "ratios['conf_high'][1] < ratios['true_value'][1]",
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder, so that the report of the first notebook is written inside it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").touch()
    (folder / "notebooks").mkdir()
    return folder


@cache
def executed(project: Path, name: str) -> Any:
    """The notebook after papermill ran it, with a last cell that asserts what its text states."""
    import nbformat

    notebook = nbformat.read(shipped("notebooks") / f"{name}.ipynb", as_version=4)
    asserted = "\n".join(f"assert {statement}" for statement in STATED[name])
    notebook.cells.append(nbformat.v4.new_code_cell(asserted))
    source = project / "notebooks" / f"{name}.ipynb"
    nbformat.write(notebook, source)
    return run_papermill(source, project / f"{name}-run.ipynb", cwd=source.parent)


def run_papermill(source: Path, target: Path, *parameters: str, cwd: Path) -> Any:
    import nbformat

    command = [sys.executable, "-m", "papermill", str(source), str(target), *parameters]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr[-4000:]
    return nbformat.read(target, as_version=4)


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
@pytest.mark.parametrize("name", STATED)
def test_it_runs_top_to_bottom_and_its_text_is_true(project: Path, name: str) -> None:
    found = outputs(executed(project, name))
    assert [] == [output for output in found if "stderr" == output.get("name")]
    assert "SIMULATED" in json.dumps(found)
    assert re.findall(r"(?:EXAMPLE|COHORT)-\d", json.dumps(found)) == []


@pytest.mark.slow
def test_its_report_is_in_the_project_folder(project: Path) -> None:
    executed(project, "01-start")
    assert (project / "reports" / "simulated" / "diabetes.html").is_file()
    assert not (project / "notebooks" / "reports").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters", "shown"),
    [
        ("cause", ("-p", "cause", "joints", "-p", "domain", "age >= 40"), "arthritis"),
        ("burden", ("-p", "cramps", "any_cramps", "-y", "adjust: [age, sex]"), "SIMULATED"),
        ("heat", ("-p", "study", "example-cohort", "-p", "domain", ""), "example cohort"),
        ("availability", ("-p", "study", "example-survey"), "example survey"),
    ],
)
def test_papermill_s_command_line_runs_a_parameterized_notebook(
    tmp_path: Path, name: str, parameters: tuple[str, ...], shown: str
) -> None:
    source = shipped("notebooks") / f"{name}.ipynb"
    found = run_papermill(source, tmp_path / "out.ipynb", *parameters, cwd=tmp_path)
    assert shown in json.dumps(outputs(found))
    assert [tmp_path / "out.ipynb"] == list(tmp_path.iterdir())


def test_a_cause_of_one_s_own_is_derived_with_the_reasons_of_its_inputs(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    source = [c.source for c in execute.load(OWN_SURVEY).cells if c.cell_type == "code"]
    for text in source[: next(i for i, s in enumerate(source) if "with_cause" in s) + 1]:
        exec(text, names)  # noqa: S102 - the cells of our own page
    study = names["study"]
    people = study.people.select("bmi", "sitting_hours", "strained_legs")
    assert set(people["strained_legs"].drop_nulls()) == {"yes", "no"}
    strained = people.filter(strained_legs="yes")
    assert strained["bmi"].min() >= 30
    assert strained["sitting_hours"].min() >= 6
    reasons = set(study.missing("strained_legs")["reason"]) - {"has a value"}
    assert reasons == set(study.missing("sitting_hours")["reason"]) - {"has a value"}


@pytest.mark.parametrize(
    ("remedy", "inputs", "cases"),
    [
        (("1", "2"), ("bmi",), ((31.0, "yes"), (29.0, "yes"))),
        ("'bmi'", ("bmii",), ((31.0, "yes"),)),
    ],
)
def test_a_rule_that_is_wrong_is_told_before_it_touches_the_study(
    remedy: str, inputs: tuple[str, ...], cases: tuple[tuple[float, str], ...]
) -> None:
    import polars as pl

    expression = pl.when(pl.col(inputs[0]) >= 30).then(pl.lit("yes")).otherwise(pl.lit("no"))
    variable = tk.Variable("heavy", "heavy", "yes_no")
    card = tk.Card(
        "own",
        "Own",
        "",
        (tk.Exposure(variable),),
        "",
        (),
        (),
        (tk.Rule(tk.Derivation(variable, inputs, expression), cases),),
    )
    with pytest.raises(tk.VariableError) as caught:
        tk.open_study("example-survey").with_cause(card)
    assert mentions(caught.value, remedy)
