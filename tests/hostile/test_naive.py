"""Estimates of hostile but valid studies equal those of loops over rows, strata and sampling units."""

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given

import toolkit as tk
from tests.hostile import naive
from tests.hostile.amounts import drawn
from tests.hostile.hostile_frames import Case, cases


def _rows(case: Case) -> list[naive.Row]:
    """Write the frame as plain rows; a missing design is one stratum in which each person is a unit."""
    rows = []
    for place, values in enumerate(case.frame.iter_rows(named=True)):
        yes = values["y"]
        rows.append(
            {
                "w": float(values[case.design["weight"]]) if "weight" in case.design else 1.0,
                "stratum": values[case.design["strata"]] if "strata" in case.design else 0,
                "psu": values[case.design["psu"]] if "psu" in case.design else place,
                "fraction": 0.0,
                "y": None if yes is None else float(yes),
                "x": None if values["x"] is None else float(values["x"]),
                "z": float(values["z"]),
                "g": str(values["g"]) if values["g"] is not None else None,
            }
        )
    return rows


def _with_fractions(case: Case, rows: list[naive.Row]) -> list[naive.Row]:
    """Add the sampled share of each stratum, which the frame states or which one PSU makes."""
    for row in rows:
        units = {other["psu"] for other in rows if other["stratum"] == row["stratum"]}
        row["fraction"] = 0.3 if "fpc" in case.design else 0.0
        if len(units) == 1 and case.design.get("lonely_psu") == "certainty":
            row["fraction"] = 1.0
    return rows


def _compare(found: pl.DataFrame, expected: Any, where: str) -> None:
    """Compare estimate, standard error and n of one row with a naive estimate."""
    (row,) = found.iter_rows(named=True)
    if expected is None:
        assert row["estimate"] is None, where
        return
    estimate, error, n = expected
    assert row["n"] == n, where
    assert row["estimate"] == pytest.approx(estimate, rel=1e-9, abs=1e-9), where
    if error is not None and row["std_error"] is not None:
        size = max(abs(estimate), 1.0)
        assert row["std_error"] == pytest.approx(error, rel=1e-6, abs=1e-9 * size), where


def _answer(call: Any) -> pl.DataFrame | None:
    try:
        return call()
    except tk.ToolkitError:
        return None


@drawn
@given(cases(tame=True))
def test_descriptive_estimates_equal_loops_over_rows(case: Case) -> None:
    study, rows = case.study(), _with_fractions(case, _rows(case))
    positive = lambda row: row["z"] > 2  # noqa: E731
    pairs = {
        "prevalence": (lambda: tk.prevalence(study, "y"), naive.mean(rows, "y")),
        "prevalence in a domain": (
            lambda: tk.prevalence(study, "y", domain="z > 2"), naive.mean(rows, "y", positive)
        ),
        "mean": (lambda: tk.mean(study, "x"), naive.mean(rows, "x")),
        "total": (lambda: tk.survey.total(study, "x"), naive.total(rows, "x")),
        "ratio": (
            lambda: tk.survey.ratio(study, "x", "z"), naive.ratio(rows, lambda r: r["x"], lambda r: r["z"])
        ),
    }  # fmt: skip
    for name, (call, expected) in pairs.items():
        found = _answer(call)
        if found is not None:
            _compare(found, expected, f"{name}: {case.told}")
    if (found := _answer(lambda: tk.survey.quantile(study, "x", (0.5,)))) is not None:
        assert found["estimate"][0] == pytest.approx(naive.quantile(rows, "x", 0.5), rel=1e-12), case.told


@drawn
@given(cases(tame=True))
def test_estimates_by_group_and_crude_contrasts_equal_loops_over_rows(case: Case) -> None:
    study, rows = case.study(), _with_fractions(case, _rows(case))
    found = _answer(lambda: tk.prevalence(study, "y", by="g"))
    if found is None:
        return
    by_level = {}
    for row in found.iter_rows(named=True):
        level = row["g"]
        raw = {"yes": ("true", "True", "1", "yes"), "no": ("false", "False", "0", "no")}.get(level, (level,))
        by_level[level] = naive.mean(rows, "y", lambda r, raw=raw: r["g"] in raw)
        if row["estimate"] is not None:
            assert row["estimate"] == pytest.approx(by_level[level][0], abs=1e-12), case.told
    for estimand, combine in {
        "prevalence_ratio": lambda a, b: a / b,
        "prevalence_difference": lambda a, b: a - b,
    }.items():
        crude = _answer(lambda e=estimand: tk.association(study, "y", "g", adjust=(), estimand=e))
        for row in () if crude is None else crude.iter_rows(named=True):
            if row["estimate"] is not None and math.isfinite(row["estimate"]):
                one, reference = by_level[row["level"]], by_level[row["reference"]]
                if one is not None and reference is not None and reference[0] > 0:
                    assert row["estimate"] == pytest.approx(
                        combine(one[0], reference[0]), rel=1e-6, abs=1e-8
                    ), case.told


@drawn
@given(cases(tame=True))
def test_linear_and_logit_models_equal_a_plain_solver(case: Case) -> None:
    study, rows = case.study(), _with_fractions(case, _rows(case))
    for family, formula, outcome, names in (
        ("gaussian", "z ~ x + y", "z", ["x", "y"]),
        ("logit", "y ~ z", "y", ["z"]),
    ):
        found = _answer(lambda f=family, text=formula: tk.model(study, text, family=f))
        expected = naive.coefficients(rows, outcome, names, logit=family == "logit")
        if found is None or expected is None or None in found["estimate"].to_list():
            continue
        beta, errors = expected
        spread = 1 + max(abs(b) for b in beta)
        assert found["estimate"].to_list() == pytest.approx(beta, rel=1e-5, abs=1e-7 * spread), case.told
        if None not in errors and None not in found["std_error"].to_list():
            assert found["std_error"].to_list() == pytest.approx(errors, rel=1e-3, abs=1e-7 * spread), (
                case.told
            )
