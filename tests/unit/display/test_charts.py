"""Charts, by their specification, and once drawn."""

import json
import math
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
import vl_convert

import toolkit as tk
from tests.support import frames
from tests.support.frames import mean, prevalence, ratio, result
from tests.support.messages import mentioning
from toolkit.display.charts import palette
from toolkit.display.charts.row_layout import text_width
from toolkit.errors import VariableError


def values(spec: dict[str, Any], panel: int = 0) -> list[dict[str, Any]]:
    """Give the data of each layer of a panel, with its mark."""
    parts = spec["vconcat"][panel] if "vconcat" in spec else spec
    sets = spec.get("datasets", {})
    layers = [(part["mark"], part.get("data", {})) for part in parts["layer"]]
    return [
        {"mark": mark, **value}
        for mark, data in layers
        for value in (data.get("values") or sets.get(data.get("name"), []))
    ]


def texts(spec: dict[str, Any], panel: int = 0) -> list[str]:
    return [value["text"] for value in values(spec, panel) if "text" in value]


def points(spec: dict[str, Any], panel: int = 0) -> list[dict[str, Any]]:
    """Give the estimates that are drawn, once each."""
    return [v for v in values(spec, panel) if v["mark"]["type"] == "rule" and "color" in v]


def line_of_no_difference(spec: dict[str, Any], panel: int) -> list[float]:
    return [v["value"] for v in values(spec, panel) if set(v) == {"mark", "value", "y", "below"}]


def x_of(spec: dict[str, Any], panel: int = 0) -> dict[str, Any]:
    layers = spec["vconcat"][panel]["layer"]
    return next(layer["encoding"]["x"] for layer in layers if "scale" in layer["encoding"].get("x", {}))


def test_ratios_on_a_log_axis_and_differences_in_points_each_with_its_line_of_no_difference():
    spec = tk.forest(frames.crude_and_adjusted()).to_dict()
    assert len(spec["vconcat"]) == 2
    assert x_of(spec)["scale"]["type"] == "log"
    assert x_of(spec)["axis"]["title"] == "Prevalence ratio (log scale)"
    assert x_of(spec, 1)["scale"]["type"] == "linear"
    assert x_of(spec, 1)["axis"]["title"] == "Prevalence difference (percentage points)"
    lines = [
        [v["value"] for v in values(spec, k) if set(v) == {"mark", "value", "y", "below"}] for k in (0, 1)
    ]
    assert lines == [[1.0], [0.0]]
    assert [round(p["value"], 3) for p in points(spec)] == [1.35, 1.287]
    assert [round(p["value"], 3) for p in points(spec, 1)] == [9.8, 6.34]


def test_labels_numbers_and_counts_are_written_beside_the_marks():
    spec = tk.forest(frames.crude_and_adjusted()).to_dict()
    assert texts(spec) == [
        "Prevalence ratio (95% CI)",
        "cases / n in model",
        "crude",
        "adjusted",
        "3,398 / 10,877",
        "3,398 / 10,877",
        "1.35 (1.22 to 1.49)",
        "1.29 (1.17 to 1.43)",
    ]
    assert spec["title"]["subtitle"] == [
        "NHANES 2005-2008; age ≥ 20; n = 10,877",
        "Yes compared with no; adjusted estimates account for age, sex, race/ethnicity and education",
    ]


def test_a_failed_row_keeps_its_place_and_tells_its_reason_without_a_mark():
    spec = tk.forest(result(ratio(1.2, 1.1, 1.3), ratio(None, None, None, adjust="", **FAILED))).to_dict()
    assert len(points(spec)) == 1
    assert "crude" in texts(spec)
    assert "not estimated: everyone has diabetes" in texts(spec)


FAILED = {"reliability": "failed", "reason": "everyone has diabetes"}


def test_a_suppressed_row_has_no_mark_and_its_number_is_nowhere():
    spec = tk.forest(
        result(ratio(1.2, 1.1, 1.3), ratio(2.345, 1.1, 4.3, adjust="", **frames.UNSURE))
    ).to_dict()
    assert [p["value"] for p in points(spec)] == [1.2]
    assert "2.34" not in json.dumps(spec)
    assert "suppressed as unreliable: the effective\nsample size of 18 is under 30".replace("\n", " ") in [
        text.replace("\n", " ") for text in texts(spec)
    ]
    tips = [v for v in values(spec) if "remark" in v]
    assert [(t["estimate"], t["cases"]) for t in tips] == [
        ("1.20 (1.10 to 1.30)", "3,398"),
        ("not shown", "not shown"),
    ]


def test_endless_and_huge_values_are_cut_with_an_arrow_and_stay_in_the_text():
    frame = result(ratio(84000.0, 0.9, math.inf), ratio(1.2, 0.0, math.inf, adjust=""))
    spec = tk.forest(frame).to_dict()
    json.dumps(spec, allow_nan=False)
    low, high = x_of(spec)["scale"]["domain"]
    assert 1e-4 < low < high < 1e4 * 1.1
    assert [(p["cut_low"], p["cut_high"], p["outside"]) for p in points(spec)] == [
        (False, True, True),
        (True, True, False),
    ]
    assert "84,000 (0.90 to infinity)" in texts(spec)


def test_rows_of_one_exposure_or_group_stand_under_one_heading():
    spec = tk.forest(frames.nasty()).to_dict()
    shown = texts(spec)
    assert "smoking (vs never)" in shown
    assert "stroke: yes vs no" in shown
    assert "former, crude" in shown


@pytest.mark.parametrize("frame", [frames.nasty(), frames.by_sex_and_age(), frames.crude_and_adjusted()])
def test_no_line_overlaps_another_and_no_label_leaves_its_column(frame):
    spec = tk.forest(frame).to_dict()
    for k, panel in enumerate(spec["vconcat"]):
        stripes = [v for v in values(spec, k) if "remark" in v]
        assert all(a["below"] <= b["y"] for a, b in pairwise(stripes))
        start = x_of(spec, k)["scale"]["range"][0]
        labels = [v["text"] for v in values(spec, k) if v["mark"].get("align") == "left" and "text" in v]
        assert max(text_width(label) for label in labels) < max(start, 300)
        assert panel["height"] >= stripes[-1]["below"]
        assert panel["width"] > x_of(spec, k)["scale"]["range"][1]


def test_height_grows_with_rows():
    one, two = (tk.forest(frames.nasty().head(n)).to_dict()["vconcat"][0]["height"] for n in (4, 8))
    assert two > one + 80


def test_prevalence_is_bars_in_percent_from_zero_and_headed_by_group():
    spec = tk.prevalence_chart(frames.by_sex_and_age()).to_dict()
    assert x_of(spec)["scale"]["domain"][0] == 0.0
    assert x_of(spec)["axis"]["title"] == "Prevalence (%)"
    bars = [v for v in values(spec) if v["mark"]["type"] == "bar"]
    assert [round(v["value"], 1) for v in bars] == [20.0, 24.0, 32.0, 36.0]
    assert [round(p["value"], 1) for p in points(spec)] == [20.0, 24.0, 32.0, 36.0]
    assert ["sex: male", "sex: female"] == [text for text in texts(spec) if text.startswith("sex")]
    assert "36.0 (33.0 to 39.5)" in texts(spec)
    assert "28.0" not in " ".join(texts(spec))


def test_means_are_points_in_their_unit_not_bars_from_zero():
    rows = (mean(28.44, 28.1, 28.8, sex="male"), mean(29.1, 28.7, 29.5, sex="female"))
    spec = tk.prevalence_chart(result(*rows, by=("sex",))).to_dict()
    assert x_of(spec)["axis"]["title"] == "Mean (kg/m²)"
    assert x_of(spec)["scale"]["domain"][0] > 27
    assert not any(v["mark"]["type"] == "bar" for v in values(spec))


def test_flow_shows_every_reason_with_its_number():
    spec = tk.flow_chart(frames.flow()).to_dict()
    assert spec["title"]["text"] == ["Selection of the analytic sample: 10,877 of 20,497 participants"]
    shown = texts(spec)
    assert "−9,583: outside the domain" in shown
    assert "in the domain: age ≥ 20" in shown
    assert shown.count("any_cramps known") == 1
    bars = [(v["n_left"], v["before"]) for v in values(spec) if "before" in v]
    assert (10914, 20497) in bars


@pytest.mark.parametrize(
    ("draw", "frame"),
    [
        (tk.forest, frames.simulated(frames.crude_and_adjusted())),
        (tk.prevalence_chart, frames.simulated(frames.by_sex_and_age())),
        (tk.flow_chart, frames.flow().with_columns(step=pl.lit("people in SIMULATED study"))),
    ],
)
def test_simulated_is_loud(draw, frame):
    spec = draw(frame).to_dict()
    assert spec["title"]["subtitle"][0] == "SIMULATED DATA: no real people"
    assert spec["title"]["subtitleColor"] == palette.WARNING
    assert "SIMULATED" in texts(spec)


def test_a_frame_from_last_years_parquet_draws_the_same(tmp_path):
    frame = frames.nasty()
    frame.write_parquet(tmp_path / "results.parquet")
    again = pl.read_parquet(tmp_path / "results.parquet")
    assert values(tk.forest(again).to_dict()) == values(tk.forest(frame).to_dict())


@pytest.mark.parametrize(
    "chart",
    [
        tk.forest(frames.nasty()),
        tk.prevalence_chart(frames.simulated(frames.by_sex_and_age())),
        tk.flow_chart(frames.flow()),
    ],
)
def test_charts_are_drawn_for_real(chart):
    svg = vl_convert.vegalite_to_svg(chart.to_dict(), allowed_base_urls=[])
    assert svg.startswith("<svg")
    assert "NaN" not in svg
    assert "http" not in svg.replace("http://www.w3.org", "")


def test_every_estimand_can_be_drawn():
    rows = [
        ratio(1.2, 1.0, 1.4, estimand=name, scale="identity", p_value=0.03, statistic=2.0)
        for name in (
            "prevalence",
            "mean",
            "total",
            "coefficient",
            "cutpoint",
            "chi_square",
            "term",
            "hazard_ratio",
        )
    ]
    assert len(tk.forest(result(*rows)).to_dict()["vconcat"]) == 8


def test_constant_and_failed_frames_are_drawn():
    tk.forest(result(ratio(1.0, 1.0, 1.0))).to_dict()
    tk.forest(result(ratio(None, None, None, **FAILED))).to_dict()
    tk.prevalence_chart(result(prevalence(0.0, 0.0, 0.0))).to_dict()


def test_what_cannot_be_drawn_is_refused_with_what_to_do():
    many = pl.concat([frames.nasty()] * 6)
    with pytest.raises(VariableError, match=mentioning("120", "126", "frame.filter(", "tk.table")):
        tk.forest(many)
    with pytest.raises(
        VariableError,
        match=mentioning("'prevalence_", "tk.forest"),
    ):
        tk.prevalence_chart(frames.crude_and_adjusted())
    with pytest.raises(VariableError, match=mentioning("tk.forest", "rows")):
        tk.forest(frames.nasty().clear())
    with pytest.raises(VariableError, match=mentioning("tk.flow_chart", "tk.flow")):
        tk.flow_chart(frames.nasty())
    with pytest.raises(VariableError, match=mentioning("tk.forest", "'study'", "tk.association")):
        tk.forest(frames.flow())


def narrow(chart: Any) -> dict[str, Any]:
    return chart.to_dict()["usermeta"]["narrow"]


@pytest.mark.parametrize(
    "chart", [tk.forest(frames.nasty()), tk.flow_chart(frames.flow())], ids=["forest", "flow"]
)
def test_a_chart_carries_a_form_for_phones(chart: Any) -> None:
    small = narrow(chart)
    widths = [part["width"] for part in small.get("vconcat", [small])]
    assert max(widths) <= 340
    everything = " ".join(text.replace("\n", " ") for k in range(len(widths)) for text in texts(small, k))
    whole = chart.to_dict()
    words = {
        word
        for k in range(len(widths))
        for text in texts(whole, k)
        for word in text.split()
        if len(word) < 15
    }
    assert {word for word in words if word not in everything} <= {
        "cases",
        "/",
        "n",
        "in",
        "model",
        "Excluded:",
    }


def test_on_phones_labels_numbers_and_notes_stand_under_each_other() -> None:
    small = narrow(tk.forest(frames.by_sex_and_age()))
    heights: dict[str, float] = {}
    for value in values(small):
        heights.setdefault(value.get("text", ""), value["y"])
    assert heights["20-39"] < heights["20.0 (17.0 to 23.5)"] < heights["n = 1,800"]
    lines = [
        v for v in values(narrow(tk.forest(frames.crude_and_adjusted()))) if "below" in v and "value" in v
    ]
    assert 2 == len(lines)
    assert all(line["below"] - line["y"] < 25 for line in lines)


def test_months_without_participants_are_shaded():
    months = ("May", "June", "July", "August", "September", "October")
    people = pl.DataFrame({
        "month": pl.Series(["May", "June"] * 30, dtype=pl.Enum(months)), "cramps": [0, 1, 1] * 20
    })  # fmt: skip
    study = tk.study(people, design=tk.Design.none(), name="mine", smallest_cell=0)
    result = tk.prevalence(study, "cramps", by="month")
    assert result["n"].to_list() == [30, 30, 0, 0, 0, 0]
    panel = tk.charts.prevalence_chart(result).to_dict()
    shades = [layer for layer in _layers(panel) if layer.get("mark", {}).get("color") == palette.FAINT]
    (shade,) = [layer for layer in shades if layer["mark"]["type"] == "rect"]
    assert len(panel["datasets"][shade["data"]["name"]]) == 4
    whole = tk.charts.prevalence_chart(result.head(2)).to_dict()
    assert not [one for one in _layers(whole) if one.get("mark", {}).get("color") == palette.FAINT
                and one["mark"]["type"] == "rect"]  # fmt: skip


def _layers(spec):
    yield spec
    for key in ("vconcat", "layer", "hconcat"):
        for part in spec.get(key, ()):
            yield from _layers(part)
