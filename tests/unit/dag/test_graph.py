"""The sets are the textbook's and the reference's, and on random diagrams meet an independent criterion."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.support.causal_graphs import arrows_of, below, drawn, sufficient
from tests.support.looping import in_one_test
from tests.support.messages import mentioning
from toolkit.dag import (
    SIZES,
    Diagram,
    NoAdjustmentSetError,
    Node,
    assign_roles,
    causal_diagram,
    choose_adjustment_set,
    describe_bias,
    find_open_path,
    list_mediators,
)
from toolkit.errors import VariableError

REFERENCE = Path(__file__).parents[2] / "reference" / "adjustment-sets"
SETS = json.loads((REFERENCE / "adjustment-sets.json").read_text())
MEASURED = json.loads((REFERENCE / "measured.json").read_text())
FORK = drawn("C -> X", "C -> Y", "X -> Y")
CHAIN = drawn("X -> M -> Y")
COLLIDER = drawn("X -> C", "Y -> C", "X -> Y")
M_BIAS = drawn("U -> X", "U -> M", "V -> M", "V -> Y", "X -> Y")
BUTTERFLY = drawn("U -> X", "U -> M", "V -> M", "V -> Y", "M -> X", "M -> Y", "X -> Y")
CONFOUNDED_MEDIATOR = drawn("C -> X", "C -> M", "X -> M -> Y")
FRONT_DOOR = drawn("U -> X", "U -> Y", "X -> M -> Y")
INSTRUMENT = drawn("I -> X -> Y", "C -> X", "C -> Y")
TWO_STEPS = drawn("A -> B -> X", "A -> Y", "X -> Y")


@pytest.mark.parametrize(
    ("diagram", "measured", "adjusted", "gaps"),
    [
        (FORK, "C", "C", ""),
        (FORK, "", "", "C"),
        (CHAIN, "M", "", ""),
        (COLLIDER, "C", "", ""),
        (M_BIAS, "M", "", ""),
        (M_BIAS, "UVM", "", ""),
        (BUTTERFLY, "UVM", "UM", ""),
        # V is dropped because with U, which is set aside for the choice, it is not needed; U is then named.
        (BUTTERFLY, "VM", "M", "U"),
        (BUTTERFLY, "M", "M", "UV"),
        (CONFOUNDED_MEDIATOR, "CM", "C", ""),
        (CONFOUNDED_MEDIATOR, "M", "", "C"),
        (FRONT_DOOR, "M", "", "U"),
        (INSTRUMENT, "IC", "C", ""),
        (INSTRUMENT, "I", "", "C"),
        (TWO_STEPS, "AB", "A", ""),  # B causes Y by X alone: no candidate
        (drawn("A -> B -> X", "A -> Y", "B -> Y"), "AB", "B", ""),
        (drawn("A -> B -> X", "B -> Y"), "AB", "B", ""),
        (TWO_STEPS, "A", "A", ""),
        (drawn("X -> Y"), "", "", ""),
        (drawn("C -> X", "C -> Y", nodes=["Z"]), "CZ", "C", ""),
    ],
)
def test_textbook_diagrams(diagram, measured, adjusted, gaps):
    chosen = choose_adjustment_set(diagram, "X", "Y", list(measured))
    assert set(adjusted) == set(chosen.adjusted)
    assert set(gaps) == {gap.node for gap in chosen.gaps}


def test_two_unmeasured_nodes_on_one_path_are_both_named_with_it():
    # Knowing either would close the path: neither leaves it open by itself.
    gaps = choose_adjustment_set(BUTTERFLY, "X", "Y", ["M"]).gaps
    assert {"U", "V"} == {gap.node for gap in gaps}
    assert {"X ← U → M ← V → Y"} == {gap.path for gap in gaps}


def with_core(*core):
    shape = drawn("A -> X", "A -> Y", "X -> S", "Y -> T", "X -> Y", "B -> Y", nodes=["Z"])
    return replace(shape, core=core)


@pytest.mark.parametrize(("size", "adjusted"), [("core", {"Z"}), ("small", {"A", "Z"}), ("full", {"A", "Z"})])
def test_the_core_is_never_dropped_but_for_what_follows_from_exposure_or_outcome(size, adjusted):
    chosen = choose_adjustment_set(with_core("Z", "S", "T", "X", "Y", "Q"), "X", "Y", "ABXYSTZ", size)
    assert adjusted == set(chosen.adjusted)
    assert ("Z",) == chosen.core


def test_a_core_node_that_is_not_measured_is_said():
    chosen = choose_adjustment_set(with_core("Z"), "X", "Y", "A")
    assert (("A",), ("Z",)) == (chosen.adjusted, chosen.core)


def test_full_keeps_what_small_drops():
    either = drawn("A -> B -> X", "B -> Y", "X -> Y")
    assert ("B",) == choose_adjustment_set(either, "X", "Y", "AB").adjusted
    assert ("A", "B") == choose_adjustment_set(either, "X", "Y", "AB", "full").adjusted


@pytest.mark.parametrize("first", "AB")
def test_of_two_nodes_of_which_either_would_do_the_first_is_dropped(first):
    # Adjusting for D opens X ← C ← A → D ← B → E → Y, which A and B close, and neither causes the other.
    shape = drawn("A -> C -> X", "A -> D", "B -> D", "B -> E -> Y", "D -> X", "D -> Y", "X -> Y")
    ordered = replace(shape, nodes={first: shape.nodes[first], **shape.nodes})
    assert {"D", *"AB"} - {first} == set(choose_adjustment_set(ordered, "X", "Y", "ABD").adjusted)


def test_the_outcome_of_earlier_times_is_reverse_causation_and_comes_first():
    shape = drawn("C -> X", "C -> Y", "E -> X", "E -> Y", "X -> Y")
    nodes = {**shape.nodes, "E": Node("E", "E", (), earlier="Y")}
    gaps = choose_adjustment_set(replace(shape, nodes=nodes), "X", "Y", []).gaps
    assert [("E", True), ("C", False)] == [(gap.node, gap.reverse) for gap in gaps]


def test_unmeasured_common_causes_come_before_causes_of_one_of_the_two():
    # Each leaves a path of its own open; A and B come first in the diagram.
    shape = drawn("A -> X", "A -> M -> Y", "B -> N -> X", "B -> Y", "C -> X", "C -> Y", "D -> X", "D -> Y")
    gaps = choose_adjustment_set(replace(shape, nodes=dict(sorted(shape.nodes.items()))), "X", "Y", []).gaps
    assert ["C", "D", "A", "B"] == [gap.node for gap in gaps if gap.node in "ABCD"]


def test_a_path_through_a_collider_does_not_detour_by_the_adjusted_consequence_that_opens_it():
    shape = drawn("U -> X", "U -> C", "V -> C", "V -> Y", "C -> D")
    assert [] == find_open_path(shape.graph, "X", "Y", [])
    for adjusted in ("C", "D"):
        path = find_open_path(shape.graph, "X", "Y", adjusted)
        assert [("", "X"), ("←", "U"), ("→", "C"), ("←", "V"), ("→", "Y")] == path


def test_each_node_around_an_exposure_has_one_role():
    shape = drawn("C -> X", "C -> Y", "U -> X", "U -> Y", "X -> M -> Y", "Z -> Y")
    roles = assign_roles(shape, choose_adjustment_set(shape, "X", "Y", "CMZ"))
    assert {
        "X": "exposure", "Y": "outcome", "C": "adjusted", "M": "between", "U": "not measured",
    } == roles  # fmt: skip


@in_one_test("exposure", SETS)
def test_the_sets_are_those_of_the_reference(exposure):
    """Small, full and open, of the nodes that NHANES 2005-2008 measures (adjustment-sets/README.md)."""
    diagram, wanted = causal_diagram(), SETS[exposure]
    small, full = (
        choose_adjustment_set(diagram, exposure, "cramps", MEASURED, size) for size in ("small", "full")
    )
    assert set(wanted["small"]) == set(small.adjusted)
    assert set(wanted["full"]) == set(full.adjusted)
    assert set(wanted["open"]) == {gap.node for gap in full.gaps}
    # The small set for vitamin D conditions on income, which region and occupation cause: it opens a path
    # that the reference, which looks at the full set alone, does not name.
    more = {"region"} if exposure == "vitamin_d" else set()
    assert set(wanted["open"]) | more == {gap.node for gap in small.gaps}


@in_one_test("exposure", SETS)
def test_no_set_holds_a_consequence_of_exposure_or_cramps(exposure):
    diagram = causal_diagram()
    everything = [name for name in diagram.nodes if name not in (exposure, "cramps")]
    after = diagram.descendants(exposure) | diagram.descendants("cramps")
    for size in SIZES:
        assert not after & set(choose_adjustment_set(diagram, exposure, "cramps", everything, size).adjusted)


def test_between_exposure_and_outcome():
    assert ("M",) == list_mediators(FRONT_DOOR, "X", "Y")
    assert () == list_mediators(FORK, "X", "Y")


def test_an_outcome_has_no_effect_on_what_was_before():
    with pytest.raises(NoAdjustmentSetError, match=mentioning("X → M → Y", "adjust=()")) as caught:
        choose_adjustment_set(CHAIN, "Y", "X", ["M"])
    assert str(caught.value).startswith(caught.value.finding)
    with pytest.raises(VariableError, match=mentioning("'X'")):
        choose_adjustment_set(CHAIN, "X", "X", [])


@pytest.mark.parametrize(
    ("diagram", "node", "told"),
    [
        (
            CHAIN,
            "M",
            "follows from the exposure.*would close the path X → M → Y, which is part of the effect",
        ),
        (COLLIDER, "C", "follows from the outcome.*would open the path X → C ← Y"),
        (drawn("X -> Y -> D", "A -> Y"), "D", "follows from the outcome.*would open the path X → Y ← A"),
        (drawn("X -> S", "U -> S", "U -> Y", "X -> Y"), "S", "exposure.*would open the path X → S ← U → Y"),
        (drawn("X -> S", "X -> Y"), "S", "follows from the exposure.*change what is estimated"),
        (drawn("X -> C", "Y -> A -> B -> C"), "C", "open the path X → C ← B ← A ← Y$"),
        (drawn("X -> M -> Y -> D", "Z -> Y"), "D", "open the path X → M → Y ← Z$"),
        # What opens no path between the two: no other cause of Y, none of S, or one that causes Y by X alone.
        (drawn("X -> Y -> D"), "D", "follows from the outcome.*change what is estimated$"),
        (drawn("X -> S", "U -> S", "X -> Y"), "S", "change what is estimated$"),
        (drawn("X -> S", "U -> S", "U -> X", "X -> Y"), "S", "change what is estimated$"),
        (FORK, "C", "^$"),
        (M_BIAS, "M", "^$"),
    ],
)
def test_what_adjusting_would_do(diagram, node, told):
    assert re.search(told, describe_bias(diagram, "X", "Y", node))


# Random diagrams of seven nodes, with the exposure before the outcome, and any of the others measured.
NAMES = list("ABCXDYE")


@some.composite
def diagrams(draw: some.DrawFn) -> tuple[Diagram, list[str]]:
    pairs = [(a, b) for i, a in enumerate(NAMES) for b in NAMES[i + 1 :]]
    chosen = draw(some.lists(some.sampled_from(pairs), unique=True, min_size=3, max_size=12))
    names = draw(some.permutations(NAMES[:3] + NAMES[4:5] + NAMES[6:]))
    order = draw(some.permutations([n for n in NAMES if n not in "XY"]))
    before = draw(some.integers(0, 4))
    places = dict(zip([*NAMES[:3], "D", "E"], names, strict=True))
    ways = [f"{places.get(a, a)} -> {places.get(b, b)}" for a, b in chosen]
    return drawn(*ways, nodes=NAMES), list(order)[: before + 1]


@given(diagrams())
@settings(max_examples=400, deadline=None)
def test_the_choice_meets_an_independent_back_door_criterion(drawing):
    diagram, measured = drawing
    for size in ("small", "full"):
        chosen = choose_adjustment_set(diagram, "X", "Y", measured, size)
        assert set(chosen.adjusted) <= set(measured)
        assert not set(chosen.adjusted) & below(arrows_of(diagram), "X")
        if not chosen.gaps:
            assert sufficient(diagram, "X", "Y", chosen.adjusted)
    if set(measured) >= set(NAMES) - set("XY"):
        small = set(choose_adjustment_set(diagram, "X", "Y", measured).adjusted)
        assert not any(sufficient(diagram, "X", "Y", small - {name}) for name in small)


@given(diagrams())
@settings(max_examples=200, deadline=None)
def test_open_paths_are_found_where_there_are_some(drawing):
    diagram, measured = drawing
    outside = set(measured) - below(arrows_of(diagram), "X")
    backdoor = diagram.graph.copy()
    backdoor.remove_edges_from(list(diagram.graph.out_edges("X")))
    found = find_open_path(backdoor, "X", "Y", outside)
    assert sufficient(diagram, "X", "Y", outside) == (not found)


@in_one_test("name", sorted(causal_diagram().nodes))
def test_every_node_before_cramps_gets_a_set(name):
    diagram = causal_diagram()
    measured = [node.name for node in diagram.nodes.values() if node.variables]
    if name in diagram.descendants("cramps") or name == "cramps":
        return
    chosen = choose_adjustment_set(diagram, name, "cramps", measured)
    assert not {*chosen.adjusted} & diagram.descendants(name)
    assert all("nocturnal leg cramps" in gap.path for gap in chosen.gaps)


def test_version_one_gives_its_sets_again():
    """The sets of version 1 for the nodes that NHANES 2005-2008 measures, by the toolkit of that time."""
    old = causal_diagram("causal-diagram-2026-11.toml")
    sets = json.loads((REFERENCE / "version-1.json").read_text())
    for exposure, wanted in sets["sets"].items():
        assert tuple(wanted) == choose_adjustment_set(old, exposure, "cramps", sets["measured"]).adjusted, (
            exposure
        )
