"""Which cycles a condition leaves: sound for every condition, exact for one on the cycle alone."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.variables import parse

CYCLES = ("1999-2000", "2005-2006", "2007-2008")
PEOPLE = pl.DataFrame(
    [
        {"cycle": cycle, "age": age, "sex": sex}
        for cycle in CYCLES
        for age in (10, 40, None)
        for sex in ("m", "f", None)
    ],
    schema={"cycle": pl.Enum(CYCLES), "age": pl.Int64(), "sex": pl.Enum(["m", "f"])},
)
some = st.sampled_from(CYCLES)
ON_CYCLE = st.one_of(
    st.builds("cycle == '{}'".format, some),
    st.builds("cycle != '{}'".format, some),
    st.builds("'{}' == cycle".format, some),
    st.builds("`cycle` != '{}'".format, some),
    st.builds("cycle in ['{}', '{}']".format, some, some),
    st.builds("cycle not in ['{}', '{}']".format, some, some),
    st.sampled_from(["true", "False"]),
)
ON_OTHERS = st.sampled_from(
    ["age >= 20", "20 <= age < 60", "sex == 'f'", "age in [10, 40]", "not (age > 20)"]
)


def joined(atoms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.builds("({}) and ({})".format, inner, inner),
            st.builds("({}) or ({})".format, inner, inner),
            st.builds("not ({})".format, inner),
        ),
        max_leaves=6,
    )


def held(text: str) -> set[str]:
    """Name the cycles in which someone meets the condition."""
    inside = parse(text).expression(PEOPLE.schema)
    return set(PEOPLE.filter(inside)["cycle"].cast(pl.String))


@given(joined(ON_CYCLE))
def test_a_condition_on_the_cycle_leaves_exactly_the_cycles_that_meet_it(text: str) -> None:
    assert {cycle for cycle in CYCLES if parse(text).may_hold("cycle", cycle)} == held(text)


@given(joined(st.one_of(ON_CYCLE, ON_OTHERS)))
def test_no_cycle_in_which_someone_meets_a_condition_is_left_out(text: str) -> None:
    assert held(text) <= {cycle for cycle in CYCLES if parse(text).may_hold("cycle", cycle)}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", CYCLES),
        ("age > 200", CYCLES),  # nobody, yet every cycle could hold someone
        ("age > 20 and cycle == '2005-2006'", CYCLES[1:2]),
        ("age > 20 or cycle == '2005-2006'", CYCLES),
        ("not (age > 20 or cycle == '2005-2006')", (CYCLES[0], CYCLES[2])),
        ("not (age > 20 and cycle == '2005-2006')", CYCLES),
        ("sex == 'f' and not (cycle in ['1999-2000', '2007-2008'])", CYCLES[1:2]),
        ("cycle == '2005-2006' and cycle == '2007-2008'", ()),
    ],
)
def test_an_undecided_part_leaves_a_cycle_open(text: str, left: tuple[str, ...]) -> None:
    assert left == tuple(cycle for cycle in CYCLES if parse(text).may_hold("cycle", cycle))
