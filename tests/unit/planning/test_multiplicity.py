"""Adjusted p-values equal R's p.adjust, and the atlas counts each question once."""

import json
from html import unescape

import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests

import toolkit as tk
from tests.house.tree import ROOT
from tests.support.messages import mentioning
from toolkit.display.text import questions_sentence
from toolkit.results import ADJUSTED

REFERENCE = json.loads((ROOT / "tests/reference/multiplicity/expected.json").read_text())["result"]
adjust = tk.tests.adjust_p_values


def numbers(texts: list[str | None]) -> list[float | None]:
    return [None if text is None else float(text) for text in texts]


def close(expected: list[str | None], found: list[float | None]) -> None:
    wanted = numbers(expected)
    assert [None if p is None else pytest.approx(p, rel=1e-15, abs=0) for p in wanted] == found


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("method", ["holm", "bh"])
def test_adjusted_p_values_equal_those_of_r(name: str, method: str) -> None:
    given = numbers(REFERENCE[name]["p"])
    close(REFERENCE[name][method], adjust(given, method))
    known = [p for p in given if p is not None]
    close(REFERENCE[name][f"{method}_more"], adjust(known, method, tests=len(given) + 7))


def test_adjusted_p_values_equal_those_of_statsmodels() -> None:
    given = numbers(REFERENCE["many"]["p"])
    for ours, theirs in (("holm", "holm"), ("bh", "fdr_bh")):
        assert multipletests(given, method=theirs)[1] == pytest.approx(adjust(given, ours), rel=1e-14)


def test_no_p_values_give_none() -> None:
    assert [] == adjust([])
    assert [None, None] == adjust([None, None], "bh")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"p_values": [0.1, 1.2]}, "1.2"),
        ({"p_values": [0.1, float("nan")]}, "nan"),
        ({"p_values": [0.1, "low"]}, "'list'"),
        ({"p_values": None}, "'NoneType'"),
        ({"p_values": [0.1], "method": "bonferoni"}, ("'bonferoni'", "holm")),
        ({"p_values": [0.1, 0.2], "tests": 1}, ("2 p-values", "tests=1")),
    ],
)
def test_what_cannot_be_adjusted_is_refused(given: dict[str, object], told: str | tuple[str, ...]) -> None:
    with pytest.raises(tk.EstimationError, match=mentioning(told)):
        adjust(**given)


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


EXPOSURES = ("general_health", "arthritis", "pad", "nothing")


@pytest.fixture(scope="module")
def rows(study: tk.Study) -> pl.DataFrame:
    asked = {"outcomes": ("any_cramps", "frequent_cramps"), "exposures": EXPOSURES, "progress": False}
    constant = study.derive("nothing", "age > 200")
    return tk.effects.atlas(constant, adjust=[("age", "sex"), ()], **asked)


def answers(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("p_question").is_not_null())


def test_the_test_of_a_question_is_the_joint_wald_test_of_its_exposure(
    study: tk.Study, rows: pl.DataFrame
) -> None:
    tested = tk.tests.term_test(
        study, "any_cramps ~ general_health + age + sex", "general_health",
        family="poisson", df="design", domain="age >= 20",
    )  # fmt: skip
    own = answers(rows).filter(outcome="any_cramps", exposure="general_health")
    assert own.height > 1
    assert [pytest.approx(tested["p_value"].item(), rel=1e-9)] * own.height == own["p_question"].to_list()
    alone = answers(rows).filter(exposure="arthritis")
    assert alone["p_value"].to_list() == alone["p_question"].to_list()


def test_each_question_counts_once_whatever_its_levels_and_adjustments(rows: pl.DataFrame) -> None:
    once = answers(rows).unique(["outcome", "exposure"], maintain_order=True)
    assert 6 == once.height
    for _, own in once.group_by("outcome"):
        for column, method in (("p_holm", "holm"), ("p_bh", "bh")):
            assert adjust(own["p_question"].to_list(), method) == own[column].to_list()


def test_sensitivity_analyses_and_failed_models_have_no_adjusted_p_value(rows: pl.DataFrame) -> None:
    other = rows.filter((pl.col("adjust") == "") | (pl.col("exposure") == "nothing"))
    assert {"nothing", "arthritis"} < set(other["exposure"])
    assert [other.height] * 3 == [other[name].null_count() for name in ADJUSTED]


def test_one_family_of_all_outcomes_adjusts_more(study: tk.Study, rows: pl.DataFrame) -> None:
    asked = {"outcomes": ("any_cramps", "frequent_cramps"), "exposures": EXPOSURES[:3], "progress": False}
    every = answers(tk.effects.atlas(study, adjust=[("age", "sex")], family="all", **asked))
    once = every.unique(["outcome", "exposure"], maintain_order=True)
    assert adjust(once["p_question"].to_list()) == once["p_holm"].to_list()
    with pytest.raises(tk.EstimationError, match=mentioning(("'card'", "outcome"))):
        tk.effects.atlas(study, family="card", **asked)


def test_the_table_shows_the_adjusted_values_and_the_expected_number_of_false_positives(
    rows: pl.DataFrame,
) -> None:
    once = answers(rows).filter(outcome="any_cramps").unique("exposure")
    small = once.filter(pl.col("p_question") < 0.05).height
    text = questions_sentence(rows.filter(outcome="any_cramps"))
    assert text.startswith("Of 3 questions about any ")
    assert f"{small} had p < 0.05; 0.2 would be expected" in text
    assert f"{once.filter(pl.col('p_holm') < 0.05).height} (Holm)" in text
    page = unescape(tk.table(rows.filter(outcome="any_cramps")).as_raw_html())
    assert text in page
    assert all(head in page for head in ("p, joint test", "p, Holm", "p, BH"))
    crude = rows.filter(pl.col("adjust") == "")
    assert "" == questions_sentence(crude)
    assert "p, Holm" not in tk.table(crude).as_raw_html()
