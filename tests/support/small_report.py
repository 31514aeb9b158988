"""One small notebook and one small study, so that a run costs a kernel and little else."""

from pathlib import Path

import polars as pl
import pytest

from toolkit.sources.registry import study
from toolkit.studies import Design, Study

NOTEBOOK = """# %% [markdown]
# # A small report
#
# ## Ages

# %% tags=["parameters"]
study = "simulated"
cause = "diabetes"
outcome = "cramps"
least = 20

# %%
import sys

import polars as pl

from toolkit.report import keep
from toolkit.results import frame
from toolkit.sources.registry import open_study

people = open_study(study)
print("people:", people.people.height, "least:", least)

# %%
row = {"study": people.label, "estimand": "mean", "outcome": outcome, "estimate": 0.1 + 0.2}
keep(frame([row]), finding="One finding.")
"""


@pytest.fixture(scope="session")
def few() -> Study:
    people = pl.DataFrame({"cramps": [0, 1, 1, 0], "hba1c": [5.0, 6.0, 7.0, 8.0], "w": [1.0, 2.0, 1.0, 2.0]})
    return study(people, design=Design(weight="w"), name="four people")


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "small.py"
    path.write_text(NOTEBOOK)
    return path
