"""Weights of 0 stay in the design as in R: their strata and PSUs count, their persons are in no domain."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import toolkit as tk

REFERENCE = Path(__file__).parents[3] / "reference"
R = json.loads((REFERENCE / "weights" / "zeros.json").read_text())["entries"]
DESIGNS: dict[str, dict[str, Any]] = {
    "clustered": {"strata": "stratum", "psu": "psu"},
    "persons": {},
    "strata": {"strata": "stratum"},
}


def people() -> pl.DataFrame:
    frame = pl.read_csv(REFERENCE / "simulated" / "frame.csv", null_values="").with_row_index("row", offset=1)
    first, second = frame["stratum"].unique().sort()[:2]
    psu = (pl.col("stratum") == first) & (pl.col("psu") == 1)
    none = psu | (pl.col("stratum") == second) | (pl.col("row") % 7 == 0)
    return frame.with_columns(w=pl.when(none).then(0.0).otherwise(pl.col("weight_interview")))


def numbers(rows: pl.DataFrame) -> list[float]:
    return [*rows["estimate"], *rows["std_error"]]


@pytest.fixture(params=["single", "component"])
def weight(request: pytest.FixtureRequest) -> Any:
    return "w" if request.param == "single" else {"interview": "w"}


@pytest.mark.parametrize("name", DESIGNS)
def test_estimates_with_weights_of_zero_equal_r(name: str, weight: Any) -> None:
    study = tk.study(people(), design=tk.Design(weight=weight, **DESIGNS[name]), name="zeros")
    r = R[name]
    mean = tk.mean(study, "age")
    for told in ("mean", "whole"):
        assert numbers(mean) == pytest.approx([r[told]["estimate"], r[told]["se"]], rel=1e-9)
    women = tk.total(study, "any_cramps", domain="sex == 'female'")
    assert numbers(women) == pytest.approx([r["total"]["estimate"], r["total"]["se"]], rel=1e-9)
    assert (r["df"], r["df_women"]) == (mean["df"].item(), women["df"].item())
    model = tk.model(study.derive("female", "sex == 'female'"), "any_cramps ~ female + age", "logit")
    assert numbers(model) == pytest.approx([*r["glm"]["estimate"], *r["glm"]["se"]], rel=1e-9)
    assert {r["df_residual"]} == set(model["df"])


def test_people_of_weight_zero_are_counted_and_do_not_move_with_their_values() -> None:
    frame = people()
    design = tk.Design(weight="w", strata="stratum", psu="psu")
    changed = frame.with_columns(age=pl.when(pl.col("w") == 0).then(1e6).otherwise(pl.col("age")))
    one, other = (tk.mean(tk.study(f, design=design), "age") for f in (frame, changed))
    assert one.equals(other)
    told = tk.flow(tk.study(frame, design=design), outcome="age")
    zero = int((frame["w"] == 0).sum())
    assert ("weight of 0", zero) == told.select("reason", "n_out").row(1)


@pytest.mark.parametrize("method", ["JKn", "bootstrap"])
def test_replicates_of_a_design_with_zeros_keep_its_psus(method: str) -> None:
    design = tk.Design(weight="w", strata="stratum", psu="psu")
    study = tk.study(people(), design=design)
    replicated = tk.replicates(study, method=method)
    found, plain = (tk.mean(s, "age") for s in (replicated, study))
    assert found["estimate"].item() == pytest.approx(plain["estimate"].item(), rel=1e-12)
    assert found["n"].item() == plain["n"].item()
    if method == "JKn":
        assert "60 JKn" in found["variance"].item()


def test_a_calibrated_design_with_zeros_equals_r() -> None:
    design = tk.Design(weight="w", strata="stratum", psu="psu")
    totals = {"sex": {"male": 4e7, "female": 6e7}}
    study = tk.study(people(), design=design.calibrated(totals))
    assert tk.total(study, "sex")["estimate"].to_list() == pytest.approx([6e7, 4e7], rel=1e-9)
    r = R["post-stratified"]
    assert numbers(tk.mean(study, "age")) == pytest.approx([r["estimate"], r["se"]], rel=1e-9)
