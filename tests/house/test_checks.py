"""What the tests check with can fail: messages without a fact, loops with a case that is wrong."""

import pytest

from tests.support.looping import in_one_test
from tests.support.messages import mentioning, mentions

SAID = "'age' is not a category of 3 levels (1,204 rows). Use tk.mean(study, 'age')."


@pytest.mark.parametrize(
    "facts",
    [
        ("'age'", "tk.mean(study, 'age')"),
        ("1,204", 3),
        ("Category", ("level", "rows")),
        ("1,204 row",),
    ],
)
def test_a_message_with_the_facts_is_found(facts: tuple[object, ...]) -> None:
    assert mentions(SAID, facts)
    with pytest.raises(ValueError, match=mentioning(facts)):
        raise ValueError(SAID)


@pytest.mark.parametrize(
    "facts", ["'ag'", "'bmi'", 204, 1, "1,20", "tk.mean(study, 'bmi')", "at", ("'age'", "'bmi'"), "'AGE'"]
)
def test_a_message_without_one_of_them_is_not(facts: object) -> None:
    assert not mentions(SAID, facts)


@pytest.mark.parametrize("nothing", [(), "", " ", ("'age'", "")])
def test_a_message_is_asked_for_something(nothing: object) -> None:
    with pytest.raises(ValueError, match="at least one fragment"):
        mentions(SAID, nothing)


def test_a_loop_runs_each_case_and_lists_all_that_are_wrong() -> None:
    seen = []

    @in_one_test(("name", "value"), [("a", 1), ("b", 2), ("c", 3)])
    def each(name: str, value: int, other: int) -> None:
        seen.append(name)
        assert value == other

    with pytest.raises(AssertionError) as caught:
        each(other=2)
    assert seen == ["a", "b", "c"]
    assert mentions(caught.value, "2 of 3", "a, 1", "c, 3")
    assert not mentions(caught.value, "b, 2")


def test_a_loop_without_cases_fails_and_one_that_skips_all_is_skipped() -> None:
    @in_one_test("case", [])
    def none(case: int) -> None: ...

    with pytest.raises(AssertionError, match="no case"):
        none()

    @in_one_test("case", [1, 2])
    def skipping(case: int) -> None:
        pytest.skip("NO FILE")

    with pytest.raises(pytest.skip.Exception, match="NO FILE"):
        skipping()
