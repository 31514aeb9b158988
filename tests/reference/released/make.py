"""Answer the hundred questions of questions.toml and write results.json, or another file that is named.

Run from the top of the checkout: python tests/reference/released/make.py [FILE]. The NHANES files are found
as CRAMPS_NHANES says. No result holds a participant.
"""

import json
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

import toolkit as tk

HERE = Path(__file__).parent
NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value", "df", "n", "n_cases", "n_missing")
WORDS = ("estimand", "level", "reference", "adjust", "reliability")
FLOW = ("step", "reason", "n_left", "n_out")


def questions() -> list[dict[str, Any]]:
    """Read the questions: id, study, cycles, call and arguments."""
    return list(tomllib.loads((HERE / "questions.toml").read_text())["question"])


def result_of(question: dict[str, Any]) -> list[dict[str, Any]]:
    """Answer one question, row by row; a refusal is one row with the class of the error."""
    study = _study(question["study"], tuple(question.get("cycles", ())))
    # TOML has no tuple and no null: a list stands for the one, a missing key for the other.
    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in question["arguments"].items()}
    try:
        frame = getattr(tk, question["call"])(study, **arguments)
    except tk.ToolkitError as error:
        return [{"refused": type(error).__name__}]
    groups = [name for name in arguments.get("by", ()) if name in frame.columns]
    columns = [name for name in (*groups, *WORDS, *NUMBERS, *FLOW) if name in frame.columns]
    return frame.select(pl.col(groups).cast(pl.String), *(c for c in columns if c not in groups)).to_dicts()


@cache
def _study(name: str, cycles: tuple[str, ...]) -> tk.Study:
    return tk.open_study(name, cycles=cycles) if cycles else tk.open_study(name)


def main(path: Path) -> None:
    """Write the results of every question, one question a line."""
    lines = [f"{json.dumps(q['id'])}: {json.dumps(result_of(q))}" for q in questions()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "results.json")
