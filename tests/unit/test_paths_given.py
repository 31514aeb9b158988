"""Every door that takes a path refuses what is none, in words."""

from collections.abc import Callable
from typing import Any

import pytest

import toolkit as tk
from tests.support.invented import crowded
from tests.support.messages import mentioning

STUDY = crowded()
ROWS = tk.prevalence(STUDY, "cramps", by="sex")
DOORS: dict[str, Callable[[Any], object]] = {
    "diagram=": lambda given: tk.association(STUDY, "cramps", "sex", adjust=None, diagram=given),
    "tk.causal_diagram": tk.causal_diagram,
    "tk.plan": tk.plan,
    "tk.open_study": tk.open_study,
    "minutes=": lambda given: tk.open_study("nhanes", minutes=given),
    "tk.render": lambda given: tk.render(given, study="simulated"),
    "output=": lambda given: tk.render("diabetes", study="simulated", output=given),
    "tk.save": lambda given: tk.save(ROWS, given),
    "tk.save_all": lambda given: tk.reports.save_all({"rows": ROWS}, given),
    "tk.certificate": lambda given: tk.certificate(STUDY, ROWS, given),
    "study.to_r": STUDY.to_r,
    "study.write": STUDY.write,
    "tk.reports.data_dictionary": lambda given: tk.reports.data_dictionary(STUDY, given),
    "tk.read_ghcn": tk.read_ghcn,
}


@pytest.mark.parametrize("door", DOORS)
def test_what_is_not_a_path_is_refused(door: str) -> None:
    for wrong in (5, b"page.html", ["page.html"], True):
        with pytest.raises(tk.DatasetError, match=mentioning("path", "as text", f"'{type(wrong).__name__}'")):
            DOORS[door](wrong)
