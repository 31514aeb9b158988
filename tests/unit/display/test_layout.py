"""Places and widths in pixels."""

import math

import pytest

from toolkit.display.charts import row_layout
from toolkit.display.text import Headed

ROW = {"estimand": "prevalence", "scale": "identity", "reliability": "ok", "n": 10877, "n_cases": 3398}


@pytest.mark.parametrize("width", [60, 150, 300])
def test_wrapped_text_fits_and_loses_nothing(width):
    text = "peripheral neuropathy with pneumonoultramicroscopicsilicovolcanoconiosis WWWW mmmm and more words"
    shown = row_layout.wrap_text(text, width)
    assert shown.replace("\n", "").replace(" ", "") == text.replace(" ", "")
    assert all(row_layout.text_width(line) <= width or len(line) <= 8 for line in shown.split("\n"))


def test_a_higher_label_makes_a_higher_row():
    short, long = Headed("", "crude", ROW), Headed("", "adjusted for " + "age, sex, education and " * 6, ROW)
    heights = [row_layout.place_row(item, 0.0, "", numbered=True).height for item in (short, long)]
    assert heights[0] == row_layout.LINE + row_layout.GAP
    assert heights[1] > 3 * row_layout.LINE


def test_lines_follow_each_other_without_overlap():
    items = [Headed(head, label, ROW) for head in ("a", "b") for label in ("c", "d " * 80, "e")]
    placed = row_layout.lay_out(items, [""] * 6, ["1.0"] * 6)
    assert [line.label for line in placed.lines if line.item is None] == ["a", "b"]
    for above, below in zip(placed.lines, placed.lines[1:], strict=False):
        assert above.top + above.height <= below.top
    assert placed.height == placed.lines[-1].top + placed.lines[-1].height


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.9, 1.6, [1, 1.25, 1.5]),
        (0.3, 3.5, [0.3, 0.5, 0.7, 1, 1.5, 2, 3]),
        (0.05, 12, [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]),
    ],
)
def test_ticks_of_ratios_read_well(low, high, ticks):
    assert row_layout.log_ticks(low, high) == pytest.approx(ticks)


def test_log_range_holds_one_and_every_estimate_within_reason():
    low, high = row_layout.log_range([(1.3, 1.1, 1.6)])
    assert low < 1
    assert high > 1.6
    low, high = row_layout.log_range([(1.3, 0.0, math.inf)])
    assert low > 0.1
    assert high < 10
    low, high = row_layout.log_range([(1e-9, 0.0, 1.0), (1e9, 1.0, math.inf)])
    assert (low, high) == (pytest.approx(1e-3 / 6 / 1.06), pytest.approx(6e3 * 1.06))


def test_linear_range_starts_at_zero_for_bars_and_leaves_room_around_the_line_of_no_difference():
    assert row_layout.linear_range([(20.0, 15.0, 25.0)], None, from_zero=True) == (0.0, pytest.approx(26.0))
    low, high = row_layout.linear_range([(5.0, 3.0, 7.0)], 0.0, from_zero=False)
    assert low < 0
    assert high > 7
    low, high = row_layout.linear_range([(5.0, 3.0, 7.0), (6.0, -900.0, math.inf)], None, from_zero=False)
    assert low > -20
    assert high < 30
    low, high = row_layout.linear_range([], None, from_zero=False)
    assert low < high


def test_cases_and_sizes_are_given_where_they_are_known():
    assert row_layout.format_sizes(ROW) == "3,398 / 10,877"
    assert row_layout.format_sizes({**ROW, "n_cases": None}) == "10,877"
    assert row_layout.format_sizes({"reliability": "failed", "n": None, "n_cases": None}) == ""
