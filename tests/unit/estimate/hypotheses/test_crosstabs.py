import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded, small
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.hypotheses.two_way_tables import chi_square


@pytest.mark.parametrize("statistic", ["F", "Chisq", "Wald", "adjWald", "saddlepoint"])
def test_tests_of_independence_equal_r(statistic, r_studies, expected):
    r = expected[f"nhanes/chisq-{statistic}"]["result"]
    row = chi_square(r_studies["nhanes"], "race", "HI_CHOL", statistic=statistic).row(0, named=True)
    equal(r["statistic"], row["statistic"])
    equal(r["p"], row["p_value"])
    parameters = [row[name] for name in ("df_numerator", "df") if row[name] is not None]
    equal(r["parameter"], parameters)


@pytest.mark.nhanes
def test_cramps_by_race_in_nhanes_equals_r(nhanes, expected_nhanes):
    r = expected_nhanes["test/rao-scott-race"]["result"]
    row = chi_square(nhanes, "any_cramps", "race_ethnicity", domain="age >= 20").row(0, named=True)
    equal(r["statistic"], row["statistic"])
    equal(r["parameter"], [row["df_numerator"], row["df"]])
    equal(r["p"], row["p_value"])
    assert "interview" == row["weight"]


@pytest.mark.parametrize("statistic", ["F", "Chisq", "Wald", "adjWald", "saddlepoint"])
def test_rows_and_columns_may_change_places(statistic):
    study = crowded()
    one, other = (
        chi_square(study, *pair, statistic=statistic) for pair in (("cramps", "region"), ("region", "cramps"))
    )
    for name in ("statistic", "p_value"):
        assert other[name].item() == pytest.approx(one[name].item(), rel=1e-9)


def test_without_a_design_a_two_by_two_table_has_the_textbook_chi_square():
    people = crowd().filter(pl.col("region") != "west")
    study = tk.study(people, design=tk.Design.none())
    row = chi_square(study, "sex", "region", statistic="Chisq").row(0, named=True)
    table = people.group_by("sex", "region").len().sort("sex", "region")["len"].to_numpy().reshape(2, 2)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    equal(np.sum((table - expected) ** 2 / expected), row["statistic"])
    assert 1 == pytest.approx(row["deff"], abs=0.03)


def test_a_row_says_what_was_tested_and_of_whom():
    row = chi_square(crowded(), "cramps", "region", by="sex", domain="age >= 40").row(1, named=True)
    told = {"sex": "m", "estimand": "chi_square", "outcome": "cramps", "exposure": "region", "level": "F",
            "level_label": "Rao-Scott F", "domain": "age >= 40", "reliability": "ok"}  # fmt: skip
    assert told == {name: row[name] for name in told}
    assert row["n"] == crowd().filter(pl.col("sex") == "m", pl.col("age") >= 40).height


def test_a_missing_value_leaves_the_table_but_not_the_scale():
    people = crowd().with_columns(region=pl.when(pl.col("age") > 30).then("region"))
    row = chi_square(crowded(people), "cramps", "region", statistic="Chisq").row(0, named=True)
    whole = chi_square(crowded(people), "cramps", "region", domain="age > 30", statistic="Chisq").row(
        0, named=True
    )
    assert row["n_missing"] == people["region"].null_count()
    # As R: Pearson's statistic is of a table scaled to all persons of the domain; its p-value is the same.
    assert row["statistic"] / whole["statistic"] == pytest.approx(people.height / whole["n"])
    assert whole["p_value"] == pytest.approx(row["p_value"])


def test_an_empty_cell_is_named():
    people = crowd().with_columns(ill=(pl.col("age") > 30) & (pl.col("region") != "west"))
    row = chi_square(crowded(people), "ill", "region").row(0, named=True)
    assert "review" == row["reliability"]
    assert mentions(row["reason"], "'ill'", "'yes'", "'region'", "'west'")


def test_a_group_in_which_nothing_varies_is_a_failed_row():
    people = crowd().with_columns(cramps=pl.col("cramps") * (pl.col("sex") == "f"))
    rows = chi_square(crowded(people), "cramps", "region", by="sex")
    assert ["ok", "failed"] == rows["reliability"].to_list()
    assert mentions(rows["reason"][1], "'cramps'")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: chi_square(s, "cramps", "sex", statistic="f"), ("'f'", "F", "Chisq")),
        (lambda s: chi_square(s, "cramps", "sex", domain="sex == 'f'"), ("'sex'", "6", "domain")),
        (lambda s: chi_square(s, "mood", "age", statistic="adjWald"), ("2", "statistic='F'")),
    ],
)
def test_what_cannot_be_tested_says_what_to_do(call, told):
    with pytest.raises(tk.EstimationError, match=mentioning(told)):
        call(small(mood=["a", "b", "c", "d"] * 4, age=["x", "x", "y", "y", "y", "x", "y", "x"] * 2))


def test_a_number_makes_no_table():
    with pytest.raises(
        tk.VariableError, match=mentioning("'age'", "tk.t_test(study, 'age'", "study.cut('age')")
    ):
        chi_square(small(age=[20.5 + k for k in range(16)]), "cramps", "age")
