"""Cells that need what a study lacks, or stand in where it lacks it."""

from types import SimpleNamespace

import pytest

from toolkit.report.fitting import fit
from toolkit.sources.registry import open_study
from toolkit.studies.study import Study


def kept(study: Study, *tags: str) -> list[str]:
    cells = [SimpleNamespace(metadata={"tags": [tag]}) for tag in tags]
    return [cell.metadata["tags"][0] for cell in fit(SimpleNamespace(cells=cells), {}, study).notebook.cells]


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("simulated", ["needs season", "lacks diary"]),
        ("example-cohort", ["needs diary", "needs heat_index_lag0"]),
    ],
)
def test_cells_stay_where_the_study_has_what_they_need(name: str, left: list[str]) -> None:
    tags = ("needs season", "lacks diary", "needs diary", "needs heat_index_lag0")
    assert left == kept(open_study(name), *tags)


def test_other_tags_mean_nothing_here(few: Study) -> None:
    assert ["parameters", "needles"] == kept(few, "parameters", "needles")
