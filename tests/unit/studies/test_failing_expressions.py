"""An expression that fails is told in the toolkit's words, without a participant's value, on every engine."""

import traceback
from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions

PLANTED = "Jane Doe 7301"
PEOPLE = pl.DataFrame(
    {
        "y": [0, 1] * 30,
        "code": [PLANTED, *"12345" * 11, *"1234"],
        "hours": [7301.25, *(float(at) for at in range(59))],
    }
)
ENGINES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda frame: frame,
    "lazy polars": lambda frame: frame.lazy(),
    "duckdb": lambda frame: duckdb.connect().from_arrow(frame.to_arrow()),
}
TEXT, HOURS = pl.col("code").cast(pl.String), pl.col("hours")
# For each its levels, and what the message has to mention.
FAILING: dict[str, tuple[Any, list[str] | None, tuple[str, ...]]] = {
    "numbers from words": (TEXT.cast(pl.Float64), None, ("'new'", "'code'", "strict=False")),
    "a mapping with gaps": (TEXT.replace_strict({"1": 1.0}), None, ("'new'", "'code'")),
    "division in Python": (
        HOURS.map_elements(lambda value: divmod(1, value - 3)[0], return_dtype=pl.Float64), None,
        ("'new'", "'hours'"),
    ),
    "a lookup in Python": (
        HOURS.map_elements(lambda value: {}[value], return_dtype=pl.Float64), None, ("'new'", "'hours'"),
    ),
    "a level that is not declared": (TEXT, ["1", "2"], ("'new'", "1, 2", "levels=")),
    "another length": (HOURS.head(3), None, ("'new'", "one value per participant")),
    "several columns": (pl.col("y", "hours"), None, ("'new'", "one column")),
    "an absent column": (pl.col("hour") + 1, None, ("'hour'", "'hours'")),
    "text functions of a number": (HOURS.str.len_chars(), None, ("'new'", "'hours'")),
    "no expression": (5, None, ("'new'", "int", "pl.col")),
}  # fmt: skip


def _derive_and_estimate(study: tk.Study, expression: Any, levels: list[str] | None) -> None:
    derived = study.derive("new", expression, levels=levels)
    (tk.prevalence if levels else tk.mean)(derived, "new")


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("named", FAILING)
def test_a_failing_expression_names_its_variable_and_inputs_and_no_value(named: str, engine: str) -> None:
    expression, levels, told = FAILING[named]
    study = tk.study(ENGINES[engine](PEOPLE), design=tk.Design.none())
    with pytest.raises(tk.ToolkitError) as caught:
        _derive_and_estimate(study, expression, levels)
    assert mentions(caught.value, told if engine == "polars" else told[:1])
    assert PLANTED not in shown(caught.value)
    assert "7301.25" not in shown(caught.value)


def test_a_rule_that_fails_on_its_table_or_on_participants_is_named() -> None:
    entry = tk.Variable("fails", "fails", "number", component="")
    step = tk.causes.Derivation(entry, ("code",), TEXT.cast(pl.Float64))
    rule = tk.causes.Rule(step, (("1", 1.0), ("one", 1.0)))
    with pytest.raises(tk.VariableError, match=mentioning("'fails'", "truth table", "'code'")):
        rule.check()


@pytest.mark.parametrize("engine", ["polars", "lazy polars"])
def test_free_text_can_be_read_by_an_expression(engine: str) -> None:
    """Numbers among which few remarks stand are free text; an analyst converts them."""
    texts = [f"{k}.5" if k % 7 else "not known" for k in range(70)]
    frame = pl.DataFrame({"y": [0, 1] * 35, "hours": texts})
    study = tk.study(ENGINES[engine](frame), design=tk.Design.none())
    new = study.derive("number", pl.col("hours").cast(pl.Float64, strict=False), label="hours")
    expected = sum(k + 0.5 for k in range(70) if k % 7) / 60
    assert expected == pytest.approx(tk.mean(new, "number")["estimate"].item(), rel=1e-12)
