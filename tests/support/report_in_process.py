"""Run the cells of a report on a study without a kernel, and gather all that the page would show."""

import random
import re
from collections.abc import Iterable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import jupytext
import polars as pl
import pytest

import toolkit as tk
from toolkit.files.checked_toml import shipped

NOTEBOOKS = ("availability", "burden", "care", "cause", "heat", "prevention")


def all_reports() -> list[tuple[str, dict[str, Any]]]:
    """List every report as its notebook and parameters."""
    causes = [("cause", {"cause": cause}) for cause in tk.causes.cards()]
    return [*causes, *((name, {}) for name in NOTEBOOKS if name != "cause")]


def words_of(shown: Iterable[str]) -> str:
    """Give the text of what was shown, without markup and without the specifications of charts."""
    texts = (part for part in shown if "$schema" not in part and not part.startswith("<svg"))
    return "\n".join(
        unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)) for text in texts
    )


def run_report(name: str, study: tk.Study, patch: pytest.MonkeyPatch, **parameters: Any) -> list[str]:
    """Return the HTML, text and alternative text of a report, in the order of its cells."""
    shown: list[str] = []

    def display(*items: object) -> None:
        for item in items:
            own = getattr(item, "_ipython_display_", None)
            own() if own else shown.append(_markup(item))

    patch.setattr("IPython.display.display", display)
    patch.setattr(tk, "open_study", lambda _: study)
    session: dict[str, Any] = {}
    for cell in jupytext.read(_source(name)).cells:
        if cell.cell_type == "markdown" and "notebook-only" not in cell.metadata.get("tags", ()):
            shown.append(cell.source)
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{name}.py", "exec"), session)  # noqa: S102 - our own notebook
        if "parameters" in cell.metadata.get("tags", ()):
            session |= parameters
    return shown


def _source(name: str) -> Path:
    return shipped("notebooks") / f"{name}.py"


def _markup(item: object) -> str:
    bundle = getattr(item, "_repr_mimebundle_", None)
    if bundle and (found := bundle()):
        found = found[0] if isinstance(found, tuple) else found
        return "\n".join(str(text) for text in found.values())
    markup = getattr(item, "_repr_html_", None)
    return str(markup() if markup else item)


def subsample(study: tk.Study, seed: int) -> tk.Study:
    """Draw 40 to 400 participants as if they were real, and leave some variables empty or equal for all."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    size = min(draw.randint(40, 400), study.people.height)
    people = study.people.sample(size, seed=seed)
    names = [name for name in study.codebook if name in people.columns]
    names += 3 * [name for name in ("any_cramps", "frequent_cramps", "diabetes", "age") if name in names]
    for name in draw.sample(names, draw.randint(0, 3)):
        only = draw.choice([None, people[name].drop_nulls().first()])
        people = people.with_columns(pl.lit(only, people.schema[name]).alias(name))
    frames = {
        name: frame.filter(pl.col("person").is_in(people["person"].implode()))
        for name in ("visits", "diary")
        if (frame := getattr(study, name)) is not None
    }
    design = draw.choice([study.design, study.design, tk.Design.none()])
    own = {"people": people, "design": design, "name": "drawn", "label": f"{size} drawn, no. {seed}"}
    return replace(study, **own, **frames, simulated=False, smallest_cell=5, provenance={}, inputs=None)
