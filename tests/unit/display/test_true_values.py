"""True values beside simulated estimates: a column of tables, diamonds of charts, nothing without them."""

import re
from html import unescape
from typing import Any

import polars as pl
import pytest

from tests.support import frames
from tests.support.messages import mentions
from toolkit.display.charts.forest_plot import forest, prevalence_chart
from toolkit.display.tables.result_table import table

# The intervals are 1.22 to 1.49 and 1.17 to 1.43 (ratios), 6.3 to 13.3 and 4.1 to 8.5 (points).
TRUE = [1.2, 1.2, 0.05, 0.05]


def with_true_values(frame: pl.DataFrame, values: list[float | None]) -> pl.DataFrame:
    return frame.with_columns(pl.Series("true_value", values, pl.Float64))


def text_of(frame: pl.DataFrame) -> str:
    return unescape(re.sub(r"<[^>]+>", "|", table(frame).as_raw_html()))


def diamonds(spec: dict[str, Any], panel: int = 0) -> list[float]:
    layers = spec["vconcat"][panel]["layer"]
    sets = [
        layer["data"].get("values") or spec.get("datasets", {})[layer["data"]["name"]]
        for layer in layers
        if isinstance(layer["mark"], dict) and layer["mark"].get("shape") == "diamond"
    ]
    return [value["true"] for values in sets for value in values if "true" in value]


def tips(spec: dict[str, Any]) -> list[str]:
    encoded = [layer["encoding"].get("tooltip", []) for layer in spec["vconcat"][0]["layer"]]
    return [tip["field"] for part in encoded for tip in part]


def test_a_table_says_whether_each_interval_contains_the_true_value() -> None:
    text = text_of(with_true_values(frames.crude_and_adjusted(), TRUE))
    found = re.findall(r"([\d.]+) \((inside|outside) CI\)", text)
    assert found == [("1.20", "outside"), ("1.20", "inside"), ("5.0", "outside"), ("5.0", "inside")]
    assert "True value" in text
    assert mentions(text, "2 of 4 confidence intervals", "simulated population", "total effects")


def test_a_limit_is_inside_and_a_single_interval_is_named() -> None:
    one = frames.crude_and_adjusted().head(1)
    on_limit = text_of(with_true_values(one, [one["conf_low"].item()]))
    assert "(inside CI)" in on_limit
    assert "The confidence interval contains the true value." in on_limit
    below = text_of(with_true_values(one, [one["conf_low"].item() - 1e-9]))
    assert "The confidence interval does not contain the true value." in below


def test_a_suppressed_or_failed_row_has_no_verdict() -> None:
    frame = frames.by_sex_and_age()
    true = with_true_values(frame, [0.3] * frame.height)
    judged = frame.filter(pl.col("reliability").is_in(["ok", "review"]) & pl.col("conf_low").is_not_null())
    text = text_of(true)
    assert 0 < len(re.findall(r"(?:inside|outside) CI\)", text)) == judged.height < frame.height
    assert "total effects" not in text


@pytest.mark.parametrize("values", [None, [None] * 4])
def test_nothing_is_shown_without_true_values(values: list[float | None] | None) -> None:
    plain = frames.crude_and_adjusted()
    frame = plain if values is None else with_true_values(plain, values)
    assert table(frame).as_raw_html() == table(plain).as_raw_html()
    assert "rue value" not in text_of(frame)
    assert forest(frame).to_dict() == forest(plain).to_dict()


def test_a_forest_plot_marks_true_values_in_each_panel() -> None:
    spec = forest(with_true_values(frames.crude_and_adjusted(), TRUE)).to_dict()
    assert diamonds(spec, 0) == [1.2, 1.2]
    assert diamonds(spec, 1) == [5, 5]
    assert "true value" in tips(spec)
    assert mentions(spec["description"], "true values", "2 of 4 confidence intervals")
    assert "'True value'" in str(spec)
    narrow = spec["usermeta"]["narrow"]
    assert diamonds(narrow, 0) == [1.2, 1.2]
    assert "Diamonds: true values" in narrow["title"]["subtitle"]


def test_the_axis_reaches_a_true_value_far_from_the_estimates() -> None:
    spec = forest(with_true_values(frames.crude_and_adjusted(), [0.5, None, 0.4, None])).to_dict()
    domains = [
        next(
            layer["encoding"]["x"]["scale"]["domain"]
            for layer in panel["layer"]
            if "domain" in layer["encoding"].get("x", {}).get("scale", {})
        )
        for panel in spec["vconcat"]
    ]
    assert domains[0][0] <= 0.5
    assert domains[1][1] >= 40


def test_a_prevalence_chart_marks_them_in_percent() -> None:
    frame = frames.by_sex_and_age()
    spec = prevalence_chart(with_true_values(frame, [0.25] * frame.height)).to_dict()
    assert diamonds(spec) == [25] * frame.height
