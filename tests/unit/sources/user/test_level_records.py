"""Levels of visits and nights keep the order that study.toml lists, and have none where it says so."""

from pathlib import Path

import pytest

import toolkit as tk
from tests.support.messages import mentioning
from tests.support.own_survey import survey

NIGHTS = "pid,night,pain,place\n" + "".join(
    f"{i:03d},2024-01-{day:02d},{['none', 'mild', 'severe'][(i + day) % 3]},{['home', 'away'][day % 2]}\n"
    for i in range(1, 13)
    for day in range(1, 7)
)
DIARY = """
[files.nights]
path = "nights.csv"
[diary]
file = "nights"
date = "night"
[diary.variables.pain]
column = "pain"
levels = ["none", "mild", "severe"]
[diary.variables.slept]
column = "place"
levels = ["home", "away"]
"""


@pytest.mark.parametrize("ordered", [True, False])
def test_nights_have_the_order_that_is_declared(tmp_path: Path, ordered: bool) -> None:
    toml = (
        DIARY
        if ordered
        else DIARY.replace('"away"]', '"away"]\nordered = false').replace(
            '"severe"]', '"severe"]\nordered = false'
        )
    )
    path = survey(tmp_path, nights=NIGHTS)
    path.write_text(path.read_text() + toml)
    nights = tk.records(tk.open_study(path), "diary")
    if ordered:
        assert "per level" == tk.trend(nights, outcome="age", over="pain")["level_label"].item()
        assert 0.5 == tk.mean(nights, "slept")["estimate"].item()  # the nights away: the second level
        assert ["none", "mild", "severe"] == tk.mean(nights, "age", by="pain")["pain"].to_list()
        return
    with pytest.raises(tk.VariableError, match=mentioning("'pain'")):
        tk.trend(nights, outcome="age", over="pain")
    with pytest.raises(
        tk.VariableError, match=mentioning("'slept'", "'away'", "'home'", "study.derive('slept_away'")
    ):
        tk.mean(nights, "slept")
