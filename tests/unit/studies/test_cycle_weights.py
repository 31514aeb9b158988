"""Weights of survey cycles are pooled by years, and every cycle that does not contribute has its reason."""

import polars as pl
import pytest

from tests.support.messages import mentioning, mentions
from toolkit.errors import EstimationError
from toolkit.studies import (
    ComponentWeight,
    CycleWeight,
    Design,
    Study,
    choose_weight,
    grouped,
    label_of,
    rescale,
    span,
)
from toolkit.variables import Availability, Codebook, Variable, parse

A, B, C, D, P = "1999-2000", "2001-2002", "2003-2004", "2005-2006", "2017-2020"
# As NHANES: weights of 1999-2002 for two and for four years, and one cycle of 3.2 years.
OWN = {
    A: CycleWeight(A, "w", "TWO", 2.0, 1.0, "w4", "FOUR", 4.0, alone=True),
    B: CycleWeight(B, "w", "TWO", 2.0, 1.0, "w4", "FOUR", 4.0),
    C: CycleWeight(C, "w", "TWO"),
    D: CycleWeight(D, "w", "TWO"),
    P: CycleWeight(P, "w", "PREPANDEMIC", 3.2),
}
AGE = Variable("age", "age", "number")


def design_of(*cycles):
    weight = ComponentWeight("w", "", "", tuple(OWN[cycle] for cycle in cycles))
    return Design(weight={"interview": weight})


def choose(*cycles, domain="", by_cycle=False):
    return choose_weight(design_of(*cycles), [AGE], parse(domain), by_cycle=by_cycle)


@pytest.mark.parametrize(
    ("cycles", "columns", "factors"),
    [
        ([A], ["w"], [1]),
        ([B], ["w"], [1]),
        # A four-year weight counts the people of each of its cycles as half of the population.
        ([A, B], ["w4", "w4"], [4 / 4, 4 / 4]),
        ([A, B, C], ["w4", "w4", "w"], [4 / 6, 4 / 6, 2 / 6]),
        ([A, C], ["w4", "w"], [4 / 4, 2 / 4]),
        ([B, C], ["w", "w"], [1 / 2, 1 / 2]),
        ([C, P], ["w", "w"], [2 / 5.2, 3.2 / 5.2]),
    ],
)
def test_a_weight_counts_by_its_years_among_those_of_all_cycles(cycles, columns, factors):
    parts = rescale([OWN[cycle] for cycle in cycles])
    assert cycles == [part.cycle for part in parts]
    assert columns == [part.column for part in parts]
    assert factors == pytest.approx([part.factor for part in parts], rel=1e-12)


def test_a_cycle_without_a_weight_for_several_keeps_its_own_when_pooled():
    first = CycleWeight(A, "w", alone=True)
    assert [("w", 0.5), ("w", 0.5)] == [(part.column, part.factor) for part in rescale([first, OWN[C]])]


def test_by_cycle_each_cycle_keeps_its_own_weight():
    parts = rescale([OWN[A], OWN[B], OWN[P]], by_cycle=True)
    assert [("w", "TWO", 1.0), ("w", "TWO", 1.0), ("w", "PREPANDEMIC", 1.0)] == [
        (part.column, part.source, part.factor) for part in parts
    ]


def test_a_column_pooled_in_the_file_is_scaled_back_to_its_cycle():
    # A file with weights already divided by 4: two of its cycles need 4 / 2, one alone needs 4.
    quarters = [CycleWeight(cycle, "w", scale=4.0) for cycle in (A, B)]
    assert [2.0, 2.0] == [part.factor for part in rescale(quarters)]
    assert [4.0] == [part.factor for part in rescale(quarters[:1])]


def test_each_participant_has_the_pooled_weight_of_the_cycle():
    people = pl.DataFrame(
        {
            "cycle": pl.Series([A, B, C, P, C, None], dtype=pl.Enum([A, B, C, P])),
            "w": [100, 200, 300, 400, None, 500],
            "w4": [60.0, 90.0, None, None, None, None],
        }
    )
    pooled = people.select(choose(A, B, C, P, domain=f"cycle != '{P}'").expression).to_series()
    assert pooled.dtype == pl.Float64
    assert [60 * 2 / 3, 90 * 2 / 3, 300 / 3] == pytest.approx(pooled[:3].to_list(), rel=1e-12)
    assert [None, None, None] == pooled[3:].to_list()
    alone = people.select(choose(A, B, C, P, domain=f"cycle == '{B}'").expression).to_series()
    assert [None, 200.0, None, None, None, None] == alone.to_list()
    every = people.select(choose(A, B, C, P, by_cycle=True).expression).to_series()
    assert [100.0, 200.0, 300.0, 400.0, None, None] == every.to_list()


def test_the_design_names_the_weight_columns_of_every_cycle_once():
    assert ("w", "w4") == design_of(A, B, C).columns
    other = ComponentWeight("w", cycles=(CycleWeight(C, "first"), CycleWeight(D, "second"), OWN[B]))
    assert ("w", "first", "second", "w4") == Design(weight={"interview": other}).columns


def asked(name, *entries):
    return Variable(name, name, "number", availability=tuple(Availability(*entry) for entry in entries))


def test_each_cycle_that_does_not_contribute_has_its_reason():
    lead = asked("lead", (A, "measured"), (B, "not measured"), (C, "not measured", "asked in 1999 only"))
    later = asked("later", (B, "not measured", "began in 2003"), (D, "measured"))
    weights = tuple(OWN[cycle] for cycle in (A, B, C, D))
    more = {"examination": ComponentWeight("x", cycles=(CycleWeight(P, "x"),))}
    design = Design(weight={"interview": ComponentWeight("w", cycles=weights), **more})
    # What the domain excludes needs no other reason: no cycle but 1999-2000 measured 'lead' in it.
    choice = choose_weight(design, [lead, later], parse(f"cycle != '{D}'"))
    assert (A,) == choice.cycles
    assert {
        B: "'lead' was not measured",
        C: "'lead' was not measured (asked in 1999 only)",
        D: "outside the domain",
        P: "no interview weight",
    } == dict(choice.left_out)
    outside = choose_weight(design, [lead, later], parse(f"cycle in ['{A}', '{D}']"))
    assert {B, C, P} == {cycle for cycle, reason in outside.left_out if reason == "outside the domain"}
    assert (A, D) == outside.cycles


def test_if_no_cycle_contributes_the_error_gives_each_reason_once_with_its_years():
    lead = asked("lead", (A, "not measured"), (B, "not measured"), (C, "measured"))
    told = mentioning("1999-2002: 'lead' was not measured; 2003-2004: outside the domain", "availability()")
    with pytest.raises(EstimationError, match=told) as caught:
        choose_weight(design_of(A, B, C), [lead], parse(f"cycle != '{C}'"))
    assert 1 == str(caught.value).count("'lead' was not measured")


def test_cycles_of_one_reason_are_listed_together():
    found = grouped([(A, "first"), (B, "second"), (C, "first"), (D, "first")])
    assert {
        A: "1999-2000, 2003-2006: first",
        B: "2001-2002: second",
        C: "1999-2000, 2003-2006: first",
        D: "1999-2000, 2003-2006: first",
    } == found


@pytest.mark.parametrize(
    ("name", "cycles"),
    [
        ("1999-2004", [A, B, C]),
        ("1999-2000, 2003-2006", [A, C, D]),
        ("2005-2006, 2017-2020", [D, P]),
        ("2017-2020, 2021-2023", [P, "2021-2023"]),
        # Names that are no years are listed as they are.
        ("wave 1, wave 2", ["wave 1", "wave 2"]),
        ("1999-2000, wave", [A, "wave"]),
        ("2001-spring, 2003-2004", ["2001-spring", C]),
        ("spring 2001, 2003-2004", ["spring 2001", C]),
        ("199x-2000, 2001-2002", ["199x-2000", B]),
        ("1999-x000, 2001-2002", ["1999-x000", B]),
    ],
)
def test_consecutive_cycles_are_one_run_of_years(name, cycles):
    assert name == span(cycles)


def test_a_study_is_named_by_the_cycles_that_contribute():
    assert "NHANES 1999-2002" == label_of("NHANES 1999-2002", [A, B], (A, B))
    assert "my survey" == label_of("my survey", [A, B], (A, B))
    assert "NHANES 2001-2002" == label_of("NHANES 1999-2002", [A, B], [B])
    assert "my survey, 2001-2002" == label_of("my survey", [A, B], [B])
    # Only the years of the study are replaced, not those that its name repeats.
    assert "NHANES 2001-2002 (as 1999-2002)" == label_of("NHANES 1999-2002 (as 1999-2002)", [A, B], [B])


@pytest.mark.parametrize(
    ("cycles", "rescaling"),
    [
        ([C], ""),
        ([C, D], "divided by 2 because two cycles contribute (2003-2004 and 2005-2006)"),
        (
            [A, B, C],
            "multiplied by 2/3 in 1999-2000 and 2001-2002 and by 1/3 in 2003-2004 because three cycles "
            "contribute",
        ),
        ([A, C], "multiplied by 1 in 1999-2000 and by 1/2 in 2003-2004 because two cycles contribute"),
        (
            [C, P],
            "multiplied by 2/5.2 (years) in 2003-2004 and by 3.2/5.2 (years) in 2017-2020 because two cycles "
            "contribute",
        ),
    ],
)
def test_the_rescaling_is_described_by_fractions_or_years(cycles, rescaling):
    assert rescaling == choose(*cycles).rescaling


def test_years_that_add_up_to_whole_years_stay_years_unless_the_weight_has_whole_years_too():
    # 2 + 2 + 3.2 + 0.8 = 8 years, of which 3.2 make 2/5: a fraction would hide the years.
    short = CycleWeight("2021-2022", "w", "TWO", 0.8)
    design = Design(weight={"interview": ComponentWeight("w", cycles=(OWN[C], OWN[D], OWN[P], short))})
    rescaling = choose_weight(design, [AGE]).rescaling
    assert mentions(
        rescaling, "1/4 in 2003-2004 and 2005-2006", "3.2/8 (years) in 2017-2020", "0.8/8 (years)"
    )
    assert mentions(rescaling, "four cycles")


@pytest.mark.parametrize(
    ("count", "word"),
    [
        (2, "two"),
        (3, "three"),
        (4, "four"),
        (5, "five"),
        (6, "six"),
        (7, "seven"),
        (8, "eight"),
        (9, "nine"),
        (10, "ten"),
        (11, "11"),
        (12, "12"),
    ],
)
def test_up_to_ten_cycles_are_counted_in_words(count, word):
    cycles = tuple(CycleWeight(f"{year}-{year + 1}", "w") for year in range(1999, 1999 + 2 * count, 2))
    rescaling = choose_weight(Design(weight={"interview": ComponentWeight("w", cycles=cycles)}), []).rescaling
    assert rescaling.startswith(f"divided by {count} because {word} cycles contribute (1999-2000")


def test_one_cycle_of_several_is_not_rescaled_and_neither_are_separate_cycles():
    one = choose(C, D, domain=f"cycle == '{D}'")
    assert "not rescaled because only 2005-2006 contributes" == one.rescaling
    each = choose(C, D, by_cycle=True)
    assert (
        "not rescaled because each cycle is estimated separately (2003-2004 and 2005-2006)" == each.rescaling
    )


def test_the_sentence_names_the_published_weights_with_their_cycles_where_they_differ():
    assert mentions(choose(C, D), "(TWO)")
    assert mentions(choose(A, C, D), "(FOUR in 1999-2000; TWO in 2003-2004 and 2005-2006)")


def test_a_weight_without_a_published_name_or_rescaling_is_described_without_them():
    plain = "Interview weight, because all variables come from the home interview."
    assert plain == str(choose_weight(Design(weight={"interview": "w"}), [AGE]))
    alone = ComponentWeight("w", cycles=(CycleWeight(C, "w"),))
    assert plain == str(choose_weight(Design(weight={"interview": alone}), [AGE]))


def test_estimates_of_a_pooled_study_are_those_of_the_hand_computed_weights():
    import toolkit as tk

    people = pl.DataFrame(
        {"cycle": [C, C, P, P], "w": [10.0, 30.0, 25.0, 50.0], "age": [20.0, 40.0, 60.0, 80.0]}
    )
    book = Codebook.of(AGE, Variable("cycle", "survey cycle", "category", levels=(C, P)))
    people = people.with_columns(pl.col("cycle").cast(pl.Enum([C, P])))
    study = Study("pair", f"survey {C}, {P}", people, design_of(C, P), book)
    shares = [2 / 5.2 * 10, 2 / 5.2 * 30, 3.2 / 5.2 * 25, 3.2 / 5.2 * 50]
    total = sum(weight * age for weight, age in zip(shares, [20, 40, 60, 80], strict=True))
    assert tk.total(study, "age")["estimate"].item() == pytest.approx(total, rel=1e-12)
    assert tk.mean(study, "age")["estimate"].item() == pytest.approx(total / sum(shares), rel=1e-12)
    # A second analysis of the study has its own weight: one cycle alone is not rescaled.
    late = tk.total(study, "age", domain=f"cycle == '{P}'").row(0, named=True)
    assert ("survey 2017-2020", pytest.approx(25 * 60 + 50 * 80)) == (late["study"], late["estimate"])
