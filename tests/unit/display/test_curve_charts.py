"""Curve charts, by their specification, and drawn."""

from typing import Any

import polars as pl
import pytest
import vl_convert

from tests.support.messages import mentioning
from toolkit.display.charts.curves import curve_chart
from toolkit.errors import VariableError
from toolkit.results import frame

BASE = {
    "study": "a study",
    "domain": "",
    "outcome": "cramps",
    "outcome_label": "leg cramps",
    "conf_level": 0.95,
    "reliability": "ok",
    "n": 100,
    "adjust": "sex",
}
AGE = {"exposure": "age", "exposure_label": "age (years)", "reference": "50", "scale": "log"}


def ages(**changed: Any) -> list[dict[str, Any]]:
    numbers = {"30": (0.8, 0.7, 0.95), "50": (1.0, 1.0, 1.0), "70": (1.6, 1.3, 2.0)}
    return [
        {**BASE, **AGE, "estimand": "prevalence_ratio", "level": level, "level_label": f"{level} years",
         "estimate": e, "conf_low": low, "conf_high": high, **changed}
        for level, (e, low, high) in numbers.items()
    ]  # fmt: skip


def lags() -> list[dict[str, Any]]:
    return [
        {**BASE, "estimand": "odds_ratio", "exposure": "heat", "exposure_label": f"heat, {k} days before",
         "level": f"lag {k}", "level_label": "per 10", "scale": "log", "estimate": 1.1 + k / 10,
         "conf_low": 1.0, "conf_high": 1.5}
        for k in range(3)
    ]  # fmt: skip


def layers(chart: Any) -> list[dict[str, Any]]:
    return chart.to_dict()["layer"]


def values(chart: Any, mark: str) -> list[dict[str, Any]]:
    spec = chart.to_dict()
    sets = spec.get("datasets", {})
    layer = next(part for part in spec["layer"] if part["mark"]["type"] == mark)
    data = layer.get("data") or spec["data"]
    return data.get("values") or sets[data["name"]]


def test_a_ratio_is_drawn_on_a_log_axis_with_its_reference_and_the_line_of_no_difference():
    drawn = curve_chart(frame(ages()))
    line = next(part for part in layers(drawn) if part["mark"]["type"] == "line")
    assert "log" == line["encoding"]["y"]["scale"]["type"]
    assert "Prevalence ratio (log scale)" == line["encoding"]["y"]["axis"]["title"]
    assert "Age (years)" == line["encoding"]["x"]["axis"]["title"]
    assert [(30.0, 0.8), (50.0, 1.0), (70.0, 1.6)] == [(v["x"], v["value"]) for v in values(drawn, "line")]
    assert [{"value": 1.0}] == values(drawn, "rule")
    shapes = [part["mark"].get("shape") for part in layers(drawn)]
    assert "diamond" in shapes
    assert "Compared with 50; adjusted for sex" in drawn.title.subtitle


def test_the_tests_of_a_curve_stand_below_its_title():
    test = {**BASE, "estimand": "term", "exposure": "age", "level": "bends", "level_label": "its bends",
            "statistic": 2.0, "p_value": 0.0312}  # fmt: skip
    drawn = curve_chart(frame([*ages(), test]))
    assert "Its bends: p = 0.031" in drawn.title.subtitle
    assert 3 == len(values(drawn, "line"))


def test_groups_are_lines_of_their_own_with_a_legend():
    rows = [{**row, "sex": sex} for sex in ("male", "female") for row in ages()]
    drawn = curve_chart(frame(rows, by=["sex"]))
    colour = next(p for p in layers(drawn) if p["mark"]["type"] == "line")["encoding"]["color"]
    assert ["sex: male", "sex: female"] == colour["scale"]["domain"]
    assert colour["legend"] is not None


def test_lags_are_points_by_days_and_the_sum_is_left_out():
    whole = {**lags()[0], "level": "cumulative"}
    drawn = curve_chart(frame([*lags(), whole]))
    assert [0.0, 1.0, 2.0] == [v["x"] for v in values(drawn, "line")]
    assert "Odds ratio of leg cramps by heat" == drawn.title.text[0]
    assert any("Per 10; shaded band: pointwise 95% CI" in line for line in drawn.title.subtitle)


def test_survival_falls_in_steps_from_100_percent():
    rows = [
        {**BASE, "estimand": "survival", "exposure": "days", "exposure_label": "days", "level": level,
         "estimate": e, "conf_low": e - 0.1, "conf_high": e + 0.05, "scale": "identity"}
        for level, e in (("10", 0.9), ("20", 0.7))
    ]  # fmt: skip
    drawn = curve_chart(frame(rows))
    line = next(part for part in layers(drawn) if part["mark"]["type"] == "line")
    assert "step-after" == line["mark"]["interpolate"]
    assert [(0.0, 100.0), (10.0, 90.0), (20.0, 70.0)] == [(v["x"], v["value"]) for v in values(drawn, "line")]


def test_what_failed_or_is_too_unreliable_is_no_part_of_the_line():
    rows = ages()
    rows[0] |= {"reliability": "suppress"}
    drawn = curve_chart(frame([*rows, {**rows[2], "level": "80", "reliability": "failed", "estimate": None}]))
    assert [50.0, 70.0] == [v["x"] for v in values(drawn, "line")]


def test_simulated_data_are_called_so():
    drawn = curve_chart(frame([{**row, "study": "SIMULATED study"} for row in ages()]))
    assert "SIMULATED" in [v["text"] for v in values(drawn, "text")]
    assert "SIMULATED DATA" in drawn.title.subtitle[0]


@pytest.mark.parametrize("rows", [ages(), lags()])
def test_it_is_drawn_for_real(rows):
    svg = vl_convert.vegalite_to_svg(curve_chart(frame(rows)).to_dict(), allowed_base_urls=[])
    assert svg.startswith("<svg")
    assert "NaN" not in svg


def test_what_has_no_curve_is_refused_with_what_to_do():
    with pytest.raises(VariableError, match=mentioning("tk.curve_chart", "two levels", "tk.forest")):
        curve_chart(frame([{**row, "level": "yes"} for row in ages()]))
    both = [*ages(), *ages(estimand="odds_ratio")]
    with pytest.raises(VariableError, match=mentioning("'estimand'", "2", "frame.filter(")):
        curve_chart(frame(both))
    with pytest.raises(VariableError, match=mentioning("tk.curve_chart", "estimate")):
        curve_chart(frame([{**row, "estimate": None, "reliability": "failed"} for row in ages()]))
    with pytest.raises(VariableError, match=mentioning("tk.curve_chart", "polars")):
        curve_chart(pl.Series([1.0]))
