"""The worked page on one's own study runs as it stands, and shows no row of a person."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from tests.support.messages import mentions
from toolkit.files.checked_toml import shipped
from toolkit.report import execute

PAGE = shipped("notebooks") / "02-your-own-study.py"


@pytest.fixture(scope="module")
def executed() -> Any:
    return execute.run(execute.load(PAGE), "02-your-own-study", {})


def texts(notebook: Any) -> str:
    return json.dumps([cell.get("outputs", []) for cell in notebook.cells])


def test_every_cell_runs_and_shows_what_it_says(executed: Any) -> None:
    shown = texts(executed)
    for expected in (
        "480 people x",
        "not examined",
        "obese and sitting 6 hours or more",
        "60 people x",
        "SIMULATED",
    ):
        assert expected in shown, expected
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert {"error"} & {output.output_type for output in outputs} == set()


def test_no_person_is_in_its_outputs(executed: Any) -> None:
    assert re.findall(r"(?:EXAMPLE|COHORT)-\d", texts(executed)) == []


def test_it_names_nothing_inside_the_toolkit() -> None:
    code = PAGE.read_text()
    assert re.findall(r"(?:from|import) toolkit\.", code) == []
    assert set(re.findall(r"tk\.(\w+)", code)) <= set(dir(tk))


def test_a_cause_of_one_s_own_is_derived_with_the_reasons_of_its_inputs(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    source = [c.source for c in execute.load(PAGE).cells if c.cell_type == "code"]
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
