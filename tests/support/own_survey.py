"""Write a small survey of one's own into a folder, as a test wants it."""

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from toolkit.sources.user.loader import examine
from toolkit.sources.user.scaffold import First

PEOPLE = pl.DataFrame(
    {
        "pid": [f"{i:03d}" for i in range(1, 13)],
        "sex": [1, 2] * 6,
        "age": [20 + 4 * i for i in range(12)],
        "kg": [60.0 + i for i in range(12)],
        "cm": [160.0 + i for i in range(12)],
        "sore": ["Yes", "No", "no", "YES"] * 3,
        "w": [1.0, 2.0, 3.0] * 4,
        "s": ["n", "n", "n", "n", "n", "n", "z", "z", "z", "z", "z", "z"],
        "c": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
    }
)
TOML = """
name = "village"
person = "pid"
[files.people]
path = "people.csv"
[design]
weight = "w"
strata = "s"
psu = "c"
[variables.sex]
column = "sex"
levels = { 1 = "male", 2 = "female" }
[variables.age]
column = "age"
missing = { -9 = "refused", -8 = "don't know" }
[variables.bmi]
expression = "kg / (cm / 100) ** 2"
[variables.sore]
column = "sore"
kind = "yes_no"
label = "sore legs"
"""

LAB = '[files.lab]\npath = "lab.csv"\n[variables.hba1c]\ncolumn = "lab.a1c"\n'
DIARY = (
    '[files.nights]\npath = "nights.csv"\n[diary]\nfile = "nights"\ndate = "night"\n'
    '[diary.variables.cramp]\ncolumn = "cr"\nkind = "yes_no"\n'
)


def survey(
    folder: Path,
    *,
    people: pl.DataFrame | str = PEOPLE,
    toml: str = TOML,
    replace: Mapping[str, str] | None = None,
    **others: str,
) -> Path:
    """Write people.csv, further files by name (`lab="a,b"` is lab.csv) and study.toml; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    text = people if isinstance(people, str) else people.write_csv()
    (folder / "people.csv").write_text(text, encoding="utf-8")
    for name, content in others.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    for old, new in (replace or {}).items():
        assert old in toml
        toml = toml.replace(old, new)
    (folder / "study.toml").write_text(toml, encoding="utf-8")
    return folder / "study.toml"


def having(column: str, row: int, value: object) -> pl.DataFrame:
    """Copy the people with one cell changed, the first row being 1; the column becomes text."""
    cells = PEOPLE[column].cast(pl.String).to_list()
    cells[row - 1] = None if value is None else str(value)
    return PEOPLE.with_columns(pl.Series(column, cells))


def told(path: Path) -> list[str]:
    """List the problems of a study as a user reads them."""
    return [str(problem) for problem in examine(path).errors]


def without_design(first: First) -> Path:
    """Declare that nobody was drawn, as only a person can."""
    assert ["design"] == [problem.where for problem in first.problems]
    text = re.sub(r"^undeclared = .*$", "none = true", first.path.read_text(), flags=re.MULTILINE)
    first.path.write_text(text)
    return first.path
