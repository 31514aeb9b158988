"""The README is true: its example gives what it prints; its links, packages, commands and facts are real."""

import re
import subprocess
import sys

import polars as pl
import pytest

import toolkit as tk
from tests.house.tree import ROOT, modules, table
from toolkit.variables import why

README = (ROOT / "README.md").read_text(encoding="utf-8")


PAIRS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("pair", PAIRS, ids=["first"])
def test_each_example_prints_what_stands_below_it(pair: tuple[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", pair[0]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert pair[1] == done.stdout, done.stderr


def test_the_table_of_rooms_is_all_of_them() -> None:
    named = {word.strip(" `") for row in table("package | what it contains") for word in row[0].split(",")}
    assert {module.room for module in modules().values() if module.room} == named


def test_every_target_of_make_that_is_shown_is_one() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"report", "test", "docs"} <= set(re.findall(r"\bmake (\w+)", README)) - {"alone"} <= targets


def test_every_file_that_is_linked_is_there() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert [] == [link for link in links if not (ROOT / link).exists()]


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, str]]:
    """Row -> cycle -> the number as it is printed."""
    return {
        row[0]: {"2005-2006": row[1], "2007-2008": row[2]} for row in table("SLQ160", "docs/validation.md")
    }


@pytest.mark.nhanes
@pytest.mark.parametrize("cycle", ["2005-2006", "2007-2008"])
def test_nhanes_gives_the_published_counts(
    nhanes: tk.Study, published: dict[str, dict[str, str]], cycle: str
) -> None:
    people = nhanes.people.filter(pl.col("cycle").cast(pl.String) == cycle)
    answer = pl.coalesce(pl.col(name).cast(pl.String) for name in ("cramp_frequency", why("cramp_frequency")))
    counts = dict(people.group_by(answer.alias("answer")).len().iter_rows())
    printed = {row: int(number[cycle]) for row, number in published.items() if "%" not in row}
    assert printed == {row: counts.get(row, 0) for row in printed}


@pytest.mark.nhanes
@pytest.mark.parametrize("outcome", ["mild", "frequent"])
def test_nhanes_gives_the_published_prevalences(
    nhanes: tk.Study, published: dict[str, dict[str, str]], outcome: str
) -> None:
    result = tk.prevalence(nhanes, outcome=f"{outcome}_cramps", by="cycle", domain="age >= 20")
    printed = next(number for row, number in published.items() if row.startswith(outcome))
    assert printed == {cycle: f"{100 * p:.1f}" for cycle, p in result.select("cycle", "estimate").iter_rows()}
    assert {"interview"} == set(result["weight"])
