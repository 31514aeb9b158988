"""The set chosen is the textbook's, and on random diagrams that of an independent back-door criterion."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.causal_graphs import arrows_of, below, drawn, subsets, sufficient
from toolkit.diagram import Diagram, causal_diagram
from toolkit.errors import VariableError
from toolkit.graph import between, choose, harm, open_path

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
        (BUTTERFLY, "VM", "VM", ""),
        (BUTTERFLY, "M", "M", "U"),
        (CONFOUNDED_MEDIATOR, "CM", "C", ""),
        (CONFOUNDED_MEDIATOR, "M", "", "C"),
        (FRONT_DOOR, "M", "", "U"),
        (INSTRUMENT, "IC", "C", ""),
        (INSTRUMENT, "I", "", "C"),
        (TWO_STEPS, "AB", "B", ""),
        (TWO_STEPS, "A", "A", ""),
        (drawn("X -> Y"), "", "", ""),
        (drawn("C -> X", "C -> Y", nodes=["Z"]), "CZ", "C", ""),
    ],
)
def test_textbook_diagrams(diagram, measured, adjusted, gaps):
    chosen = choose(diagram, "X", "Y", list(measured))
    assert set(adjusted) == set(chosen.adjusted)
    assert set(gaps) == {gap.node for gap in chosen.gaps}
    assert (not gaps) == chosen.sufficient


def test_of_two_that_would_do_the_better_measured_stays():
    either = drawn("A -> B -> C -> X", "A -> Y", "X -> Y")
    assert ("B",) == choose(either, "X", "Y", ["B", "A"]).adjusted
    assert ("A",) == choose(either, "X", "Y", ["A", "B"]).adjusted


def test_what_is_left_open_is_shown():
    [gap] = choose(BUTTERFLY, "X", "Y", ["M"]).gaps
    assert "X ← U → M ← V → Y" == gap.path


def test_of_equally_few_that_are_not_measured_those_are_named_that_leave_most_to_what_is():
    # R is not measured, nor is H: with R nothing else were needed; with H, what comes through E still is.
    diagram = drawn("R -> X", "R -> E -> Y", "R -> H -> Y", "X -> Y")
    chosen = choose(diagram, "X", "Y", ["E"])
    assert ("E",) == chosen.adjusted
    assert [("H", "X ← R → H → Y")] == [(gap.node, gap.path) for gap in chosen.gaps]


def test_between_exposure_and_outcome():
    assert ("M",) == between(FRONT_DOOR, "X", "Y")
    assert () == between(FORK, "X", "Y")


def test_an_outcome_has_no_effect_on_what_was_before():
    with pytest.raises(VariableError, match=r"follows from the outcome .X → M → Y.*adjust=\(\)"):
        choose(CHAIN, "Y", "X", ["M"])
    with pytest.raises(VariableError, match="exposure and outcome are both 'X'"):
        choose(CHAIN, "X", "X", [])


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
        (drawn("X -> S", "X -> Y"), "S", "follows from the exposure.*changes what is estimated"),
        (FORK, "C", "^$"),
        (M_BIAS, "M", "^$"),
    ],
)
def test_what_adjusting_would_do(diagram, node, told):
    assert re.search(told, harm(diagram, "X", "Y", node))


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
    chosen = choose(diagram, "X", "Y", measured)
    assert set(chosen.adjusted) <= set(measured)
    assert not set(chosen.adjusted) & below(arrows_of(diagram), "X")
    if chosen.sufficient:
        assert sufficient(diagram, "X", "Y", chosen.adjusted)
        for name in chosen.adjusted:
            assert not sufficient(diagram, "X", "Y", set(chosen.adjusted) - {name})
    else:
        assert not any(sufficient(diagram, "X", "Y", subset) for subset in subsets(measured))
        assert sufficient(diagram, "X", "Y", {*chosen.adjusted, *(gap.node for gap in chosen.gaps)})


@given(diagrams())
@settings(max_examples=200, deadline=None)
def test_open_paths_are_found_where_there_are_some(drawing):
    diagram, measured = drawing
    outside = set(measured) - below(arrows_of(diagram), "X")
    found = open_path(diagram, "X", "Y", outside, back_door=True)
    assert sufficient(diagram, "X", "Y", outside) == (not found)


@pytest.mark.parametrize("name", sorted(causal_diagram().nodes))
def test_every_node_before_cramps_gets_a_set(name):
    diagram = causal_diagram()
    measured = [node.name for node in diagram.nodes.values() if node.variables]
    if name in diagram.descendants("cramps") or name == "cramps":
        return
    chosen = choose(diagram, name, "cramps", measured)
    assert not {*chosen.adjusted} & diagram.descendants(name)
    assert all("nocturnal leg cramps" in gap.path for gap in chosen.gaps)
