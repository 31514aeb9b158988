"""Each formula of NHANES's variables follows its truth table: every edge, skip and blank of its answers."""

from itertools import product

import polars as pl
import pytest

from tests.support.looping import in_one_test
from toolkit.sources import catalog
from toolkit.sources.catalog_records import Measured
from toolkit.variables import formula

NHANES = catalog.nhanes()
COMPUTED = [
    (name, number, piece)
    for name, origin in NHANES.origins.items()
    for number, piece in enumerate(origin.measured)
    if piece.computed and piece.expression
]
ROW = in_one_test(("name", "number", "piece"), COMPUTED, ids=lambda v: str(v)[:24])


def evaluate(piece: Measured, **answers: float | str | None) -> float | str | None:
    """Work out a block's formula for one person; answers that are not named are blank."""
    text = {column: pl.String if of.texts else pl.Float64 for column, of in piece.inputs.items()}
    schema = {**text, **dict.fromkeys(piece.rows, pl.Float64)}
    frame = pl.DataFrame({c: pl.Series([answers.get(c)], dtype=t) for c, t in schema.items()})
    return frame.select(value=formula(piece.expression).expression(frame.schema)).item()


def block(name: str, cycle: str) -> Measured:
    piece = NHANES.measured(name, cycle)
    assert piece is not None
    return piece


@ROW
def test_without_any_answer_there_is_no_value(name: str, number: int, piece: Measured) -> None:
    assert evaluate(piece) is None


@ROW
def test_a_formula_reads_all_that_its_block_declares(name: str, number: int, piece: Measured) -> None:
    assert {*piece.inputs, *piece.rows} == set(formula(piece.expression).names)


ANSWER = (1, 2, 3, None)


@in_one_test(("vigorous", "moderate", "listed"), list(product(ANSWER, ANSWER, (0, 1, 12, None))))
def test_stretching_is_none_only_where_both_questions_were_answered(vigorous, moderate, listed) -> None:
    expected = listed if listed else 0 if listed == 0 and vigorous and moderate else None
    piece = block("stretching_sessions", "2003-2004")
    assert expected == evaluate(piece, PAD200=vigorous, PAD320=moderate, listed=listed)


@in_one_test("listed", [0, 300, None])
@in_one_test("gate", ANSWER)
@pytest.mark.parametrize(
    ("name", "column"), [("listed_vigorous_minutes", "PAD200"), ("listed_moderate_minutes", "PAD320")]
)
def test_listed_minutes_follow_their_question(name: str, column: str, gate, listed) -> None:
    of_those_who_did = None if listed is None else listed * 7 / 30
    expected = {1: of_those_who_did, 2: 0, 3: 0, None: None}[gate]
    assert expected == evaluate(block(name, "2005-2006"), **{column: gate, "listed": listed})


@in_one_test(("vigorous", "moderate", "listed"), list(product(ANSWER, ANSWER, (2100, None))))
def test_listed_met_minutes_need_both_questions(vigorous, moderate, listed) -> None:
    expected = None
    if vigorous and moderate:
        any_done = 1 in {vigorous, moderate}
        expected = 0 if not any_done else None if listed is None else 490
    piece = block("listed_met_minutes", "1999-2000")
    assert expected == evaluate(piece, PAD200=vigorous, PAD320=moderate, listed=listed)


# Asked, days, minutes -> minutes a week.
PART = [
    ((2, None, None), 0),
    ((1, 1, 10), 10),
    ((1, 7, 77), 539),
    ((1, 7, 1440), 10080),
    ((1, None, 60), None),
    ((1, 3, None), None),
    ((None, 3, 60), None),
]
PARTS = {
    "vigorous_minutes": [("PAQ605", "PAQ610", "PAD615"), ("PAQ650", "PAQ655", "PAD660")],
    "moderate_minutes": [
        ("PAQ620", "PAQ625", "PAD630"),
        ("PAQ635", "PAQ640", "PAD645"),
        ("PAQ665", "PAQ670", "PAD675"),
    ],
}


@pytest.mark.parametrize("cycle", ["2007-2008", "2017-2018"])
@pytest.mark.parametrize("name", PARTS)
def test_minutes_of_a_typical_week_add_up_if_every_part_is_known(name: str, cycle: str) -> None:
    piece, columns = block(name, cycle), PARTS[name]
    for cases in product(PART, repeat=len(columns)):
        parts = zip(columns, (answers for answers, _ in cases), strict=True)
        given = {c: a for own, answers in parts for c, a in zip(own, answers, strict=True)}
        results = [result for _, result in cases]
        expected = None if None in results else sum(results)
        assert expected == evaluate(piece, **given)


def test_a_vigorous_minute_is_twice_a_moderate_one_in_met() -> None:
    every = {columns: name for name, own in PARTS.items() for columns in own}
    piece = block("met_minutes", "2007-2008")
    for known, name in every.items():
        none = {columns[0]: 2 for columns in every if columns != known}
        given = {**none, **dict(zip(known, (1, 2, 30), strict=True))}
        assert (8 if name == "vigorous_minutes" else 4) * 60 == evaluate(piece, **given)
        assert evaluate(piece, **{**given, known[2]: None}) is None
        assert evaluate(piece, **{k: v for k, v in given.items() if v != 2}) is None


@pytest.mark.parametrize(
    ("times", "unit", "minutes", "expected"),
    [
        (0, None, None, 0),
        (1, "D", 30, 210),
        (3, "W", 30, 90),
        (13, "M", 10, 30),
        (52, "Y", 30, 30),
        (3, None, 30, None),
        (3, "W", None, None),
        (None, "W", 30, None),
    ],
)
def test_leisure_of_2021_is_counted_by_the_week(times, unit, minutes, expected) -> None:
    for name, columns in (
        ("leisure_moderate_minutes", ("PAD790Q", "PAD790U", "PAD800")),
        ("leisure_vigorous_minutes", ("PAD810Q", "PAD810U", "PAD820")),
    ):
        given = dict(zip(columns, (times, unit, minutes), strict=True))
        found = evaluate(block(name, "2021-2023"), **given)
        assert (found is None) == (expected is None)
        assert expected is None or expected == pytest.approx(found, rel=1e-12)


@in_one_test("sessions", [1, 300, None])
@in_one_test("gate", ANSWER)
def test_strengthening(gate, sessions) -> None:
    expected = {1: sessions, 2: 0, 3: 0, None: None}[gate]
    assert expected == evaluate(block("strengthening_sessions", "1999-2000"), PAD440=gate, PAD460=sessions)


@in_one_test(("told", "where"), list(product((1, 2, None), (1, 2, 3, None))))
@pytest.mark.parametrize(
    ("name", "columns"), [("numb_feet", "DIQ100 DIQ110"), ("tingling_feet", "DIQ120 DIQ130")]
)
def test_hands_alone_are_no_feet(name: str, columns: str, told, where) -> None:
    by_place = {1: "no", 2: "yes", 3: "yes", None: None}[where]
    expected = {1: by_place, 2: "no", None: None}[told]
    first, second = columns.split()
    assert expected == evaluate(block(name, "2001-2002"), **{first: told, second: where})


LIMITS = {
    "2001-2002": (("PFQ048", "PFQ056", "PFQ059"), "PFQ060D", "PFD067"),
    "2005-2006": (("PFQ049", "PFQ051", "PFQ054", "PFQ057", "PFQ059"), "PFQ061D", "PFQ063"),
}


@pytest.mark.parametrize("cycle", LIMITS)
@pytest.mark.parametrize(
    ("gates", "stooping", "causes", "expected"),
    [
        (2, None, {}, "no"),  # no limit of any kind: not asked on
        (1, None, {}, None),
        (None, None, {}, None),
        (1, 1, {}, "no"),  # asked, and no difficulty
        (2, 1, {}, "no"),  # 60 and older are asked all the same
        (1, 2, {"A": 10}, "yes"),
        (1, 2, {"A": 11, "B": 10}, "yes"),
        (1, 2, {"A": 11, "B": 12, "C": 13, "D": 14, "E": 10}, "yes"),
        (1, 2, {"A": 11}, "no"),
        (1, 4, {"A": 28, "B": 15}, "no"),
        (1, 2, {"A": 77}, None),
        (1, 2, {"A": 99}, None),
        (2, 2, {"A": 99}, None),
        (1, None, {"A": 10}, "yes"),
    ],
)
def test_a_limitation_follows_its_skips(cycle: str, gates, stooping, causes, expected) -> None:
    asked, item, cause = LIMITS[cycle]
    given = {**dict.fromkeys(asked, gates), item: stooping, **{cause + k: v for k, v in causes.items()}}
    assert expected == evaluate(block("joint_limitation", cycle), **given)


@pytest.mark.parametrize("gate", range(5))
def test_one_limit_that_is_not_known_leaves_it_open(gate: int) -> None:
    asked = LIMITS["2005-2006"][0]
    given = {**dict.fromkeys(asked, 2), asked[gate]: None}
    assert evaluate(block("joint_limitation", "2005-2006"), **given) is None


FUNCTION = [f"SLQ{k}" for k in range(170, 250, 10)]


@pytest.mark.parametrize(
    ("answers", "difficulty", "function"),
    [
        ([2] * 8, "no", 4),
        ([1] * 8, None, None),
        ([1] * 7 + [2], "no", 4),
        ([1] * 7 + [5], "yes", 1),
        ([2] * 7 + [3], "yes", 3.875),
        ([2, 2, 2, 2, 5, 5, 5, 5], "yes", 2.5),
        ([2] * 7 + [None], None, None),
        ([3] + [2] * 6 + [None], "yes", None),
        ([1] * 7 + [None], None, None),
    ],
)
def test_what_is_not_done_is_no_difficulty(answers, difficulty, function) -> None:
    given = dict(zip(FUNCTION, answers, strict=True))
    found = evaluate(block("daytime_difficulty", "2005-2006"), **given)
    assert function == evaluate(block("daytime_function", "2005-2006"), **given)
    assert difficulty == found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ALQ101": 2, "ALQ110": 2}, 0),
        ({"ALQ101": 2, "ALQ110": 1, "ALQ120Q": 0}, 0),
        ({"ALQ101": 1, "ALQ120Q": 0}, 0),
        ({"ALQ101": 1, "ALQ120Q": 3, "ALQ120U": 1, "ALQ130": 2}, 6),
        ({"ALQ101": 1, "ALQ120Q": 13, "ALQ120U": 2, "ALQ130": 1}, 3),
        ({"ALQ101": 1, "ALQ120Q": 52, "ALQ120U": 3, "ALQ130": 4}, 4),
        ({"ALQ101": 1, "ALQ120Q": 3, "ALQ120U": 1}, None),
        ({"ALQ101": 1, "ALQ120Q": 3, "ALQ130": 2}, None),
        ({"ALQ101": 1}, None),
        ({"ALQ101": 2}, None),
        ({"ALQ110": 2}, None),
    ],
)
def test_drinks_are_counted_by_the_week(given, expected) -> None:
    assert expected == evaluate(block("alcohol", "2005-2006"), **given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ALQ111": 2}, 0),
        ({"ALQ111": 1, "ALQ121": 0}, 0),
        ({"ALQ111": 1, "ALQ121": 5, "ALQ130": 2}, 2),
        ({"ALQ111": 1, "ALQ121": 4, "ALQ130": 15}, 30),
        ({"ALQ111": 1, "ALQ121": 10, "ALQ130": None}, None),
        ({"ALQ111": 1}, None),
    ],
)
def test_words_of_frequency_since_2017(given, expected) -> None:
    assert expected == evaluate(block("alcohol_since_2017", "2017-2018"), **given)


def test_depression_needs_all_nine_items() -> None:
    piece = block("depression_score", "2005-2006")
    nine = dict.fromkeys(piece.inputs, 3)
    assert len(nine) == 9
    assert evaluate(piece, **nine) == 27
    assert all(evaluate(piece, **{**nine, item: None}) is None for item in nine)
