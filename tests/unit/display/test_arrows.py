"""The causal diagram is drawn without overlaps, in colors that can be told apart, for every exposure."""

from itertools import combinations

import polars as pl
import pytest

import toolkit as tk
from tests.support.looping import in_one_test
from tests.support.messages import mentioning
from toolkit.dag import assign_roles, choose_adjustment_set
from toolkit.display.charts import palette
from toolkit.display.charts.causal_diagram_layout import lay_out_narrow, lay_out_wide
from toolkit.display.charts.row_layout import LINE, text_width
from toolkit.errors import VariableError
from toolkit.results import EDGES_SCHEMA

DIAGRAM = tk.causal_diagram()
MEASURED = [node.name for node in DIAGRAM.nodes.values() if node.variables]
EXPOSURES = sorted(DIAGRAM.ancestors("cramps"))


def edges_of(exposure: str, measured: list[str] = MEASURED) -> pl.DataFrame:
    chosen = choose_adjustment_set(DIAGRAM, exposure, "cramps", measured)
    return DIAGRAM.frame(assign_roles(DIAGRAM, chosen))


def plan_of(edges: pl.DataFrame, place=lay_out_wide):
    return place(edges.rows(named=True))


def apart(one, other) -> bool:
    beside = one.right <= other.x or other.right <= one.x
    return beside or one.below <= other.y or other.below <= one.y


@in_one_test("exposure", EXPOSURES)
@pytest.mark.parametrize("measured", [MEASURED, ["age", "sex", "body_mass"]], ids=["all", "three"])
@pytest.mark.parametrize("place", [lay_out_wide, lay_out_narrow])
def test_nothing_overlaps_and_every_word_has_room(exposure, measured, place):
    plan = plan_of(edges_of(exposure, measured), place)
    assert all(apart(a, b) for a, b in combinations(plan.nodes, 2))
    assert all(apart(a, b) for a, b in combinations(plan.frames, 2))
    for box in (*plan.nodes, *plan.frames):
        assert box.x >= 0
        assert box.right <= plan.width
        assert 0 <= box.y <= box.below <= plan.height
        assert text_width(box.text) <= box.width
        assert LINE * (box.text.count("\n") + 1) <= box.height
    for box in plan.nodes:
        inside = [f for f in plan.frames if f.role == box.role]
        assert all(
            f.x <= box.x and box.right <= f.right and f.y < box.y and box.below < f.below for f in inside
        )


# Pixels in DejaVu Sans Bold, the widest of the usual sans-serif fonts, as Chromium measures them.
BOLD = {
    ("nocturnal leg cramps", 12): 143.41,
    ("peripheral artery disease", 12): 171.51,
    ("Confounders that are not measured", 11): 222.30,
}


def test_bold_text_is_not_wider_than_the_room_kept_for_it():
    for (text, size), pixels in BOLD.items():
        assert text_width(text, size, bold=True) >= pixels
    for place in (lay_out_wide, lay_out_narrow):
        ends = [
            box for box in plan_of(edges_of("diabetes"), place).nodes if box.role in ("exposure", "outcome")
        ]
        assert len(ends) == 2
        assert all(text_width(box.text, bold=True) < box.width for box in ends)


def test_the_direct_arrow_keeps_clear_of_what_lies_between():
    plan = plan_of(edges_of("diabetes"))
    panel = next(frame for frame in plan.frames if frame.role == "between")
    exposure, outcome = (next(b for b in plan.nodes if b.role == r) for r in ("exposure", "outcome"))
    direct = [way for way in plan.routes if way.points[-1][1] == outcome.below and not way.dashed]
    assert len(direct) == 1
    assert direct[0].points[0][1] == exposure.below
    for (x0, y0), (x1, y1) in zip(direct[0].points, direct[0].points[1:], strict=False):
        outside = max(x0, x1) < panel.x or min(x0, x1) > panel.right or min(y0, y1) > panel.below
        assert outside


def test_every_node_stands_once_in_the_frame_of_its_role():
    edges = edges_of("diabetes")
    drawn = {(box.text.replace("\n", " "), box.role) for box in plan_of(edges).nodes}
    named = {
        pair
        for end in ("cause", "effect")
        for pair in edges.select(f"{end}_label", f"{end}_role").iter_rows()
    }
    assert named == drawn
    assert {"exposure", "outcome", "adjusted", "between", "not measured"} == {role for _, role in drawn}


def test_an_open_path_is_dashed_and_a_closed_one_is_not():
    ways = plan_of(edges_of("diabetes")).routes
    assert {palette.VERMILLION} == {way.color for way in ways if way.dashed}
    assert {palette.GREEN, palette.INK} == {way.color for way in ways if not way.dashed}
    closed = plan_of(edges_of("arthritis")).routes
    assert not any(way.dashed for way in closed)


def test_on_a_phone_the_same_arrows_are_drawn_and_stay_inside():
    for exposure in ("diabetes", "arthritis", "age", "sleep_position"):
        page, phone = (plan_of(edges_of(exposure), place) for place in (lay_out_wide, lay_out_narrow))
        assert sorted((w.color, w.dashed) for w in page.routes) == sorted(
            (w.color, w.dashed) for w in phone.routes
        )
        assert all(0 <= x <= phone.width for way in phone.routes for x, _ in way.points)


def test_arrows_end_at_exposure_and_outcome():
    plan = plan_of(edges_of("diabetes"))
    ends = {box.role: box for box in plan.nodes if box.role in ("exposure", "outcome")}
    tips = [way.points[-1] for way in plan.routes if way.color == palette.GREEN]
    assert [(ends[role].middle[0], ends[role].y) for role in ("exposure", "outcome")] == tips


def test_the_chart_names_both_and_tells_each_reason_to_the_pointer():
    chart = tk.diagram_chart(edges_of("arthritis"))
    assert ["Causal diagram for arthritis and nocturnal leg cramps"] == chart.title.text
    told = str(chart.to_dict())
    assert "women report more cramps in some studies" in told
    assert "Adjustment set" in told


def test_an_exposure_that_nothing_precedes_is_drawn_with_the_core_covariates_alone():
    boxes = plan_of(edges_of("age")).nodes
    assert {"exposure", "adjusted", "between", "outcome"} == {box.role for box in boxes}


def test_without_anything_between_the_arrow_is_straight():
    edges = pl.DataFrame(
        [("a", "b", "tea", "cramps", "exposure", "outcome", "so", "")], EDGES_SCHEMA, orient="row"
    )
    [way] = plan_of(edges).routes
    assert way.points[0][1] == way.points[1][1]
    assert tk.diagram_chart(edges).to_dict()


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pl.DataFrame({"a": [1]}), "tk.adjustment_for(study, ...)"),
        (DIAGRAM.frame(), "tk.adjustment_for(study, ...)"),
        (DIAGRAM.frame().head(0), ("tk.diagram_chart", "rows", "tk.adjustment_for(")),
        ("edges", ("polars", "'str'")),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_told(frame, told):
    with pytest.raises(VariableError, match=mentioning(told)):
        tk.diagram_chart(frame)
