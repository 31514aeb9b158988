"""Specification curves, their summaries and sentences say what the rows say, and show no small count."""

import json
from itertools import product
from math import exp, log

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.disclosure import show
from toolkit.errors import VariableError
from toolkit.results import frame

CHOICES = ("comparison", "specification", "population", "adjustment_set")
ESTIMATES = {("all", "crude"): 2.0, ("all", "age"): 1.5, ("old", "crude"): 1.2, ("old", "age"): 0.9}


def row(number, options, estimate, **more):
    return {
        "comparison": "yes vs no", "specification": str(number), "population": options[0],
        "adjustment_set": options[1], "study": "survey", "estimand": "prevalence_ratio", "outcome": "cramps",
        "outcome_label": "leg cramps", "exposure": "old", "exposure_label": "diabetes", "level": "yes",
        "reference": "no", "estimate": estimate, "std_error": 0.1, "scale": "log", "n": 900, "n_cases": 300,
        "conf_low": estimate * 0.8, "conf_high": estimate * 1.2, "conf_level": 0.95, "reliability": "ok",
        **more,
    }  # fmt: skip


def made(*more):
    rows = [row(k, options, value) for k, (options, value) in enumerate(ESTIMATES.items(), start=1)]
    test = {
        "comparison": "yes vs no", "study": "survey", "estimand": "sign_flip_test", "reliability": "ok",
        "outcome_label": "leg cramps",
    }  # fmt: skip
    tests = [
        {**test, "level": level, "statistic": 2.0, "p_value": p}
        for level, p in (("median z", 0.04), ("largest absolute z", 0.002))
    ]
    return frame([*rows, *more, *tests], CHOICES)


def lost():
    own = row(5, ("nobody", "crude"), 1.0)
    numbers = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high", "n", "n_cases"))
    return {**own, **numbers, "reliability": "failed", "reason": "No participant is in the domain."}


def test_the_summary_is_that_of_the_estimates_on_the_log_scale():
    (found,) = tk.effects.summarize_multiverse(made(lost())).to_dicts()
    expected = {
        "comparison": "yes vs no", "estimand": "prevalence_ratio", "specifications": 4, "not_estimated": 1,
        "median": exp((log(1.5) + log(1.2)) / 2), "lowest": 0.9, "highest": 2.0, "same_sign": 0.75,
        "excludes_null": 0.5, "p_median": 0.04, "p_largest": 0.002,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_a_choice_is_compared_among_specifications_that_are_alike_in_all_others():
    found = tk.effects.compare_choices(made())
    population = [log(2.0 / 1.2), log(1.5 / 0.9)]
    adjustment = [log(2.0 / 1.5), log(1.2 / 0.9)]
    assert found["choice"].to_list() == ["population", "adjustment_set"]
    assert found["pairs"].to_list() == [2, 2]
    means = [exp(sum(own) / 2) for own in (population, adjustment)]
    assert found["mean_change"].to_list() == pytest.approx(means)
    assert found["largest_change"].to_list() == pytest.approx(
        [exp(max(own)) for own in (population, adjustment)]
    )


def test_a_choice_without_a_pair_is_not_compared():
    rows = made().filter(pl.col("specification").is_in(["1", "4"]))
    assert tk.effects.compare_choices(rows).is_empty()
    (found,) = tk.effects.summarize_multiverse(rows).to_dicts()
    assert found["moved_most_by"] is None


def test_measures_and_comparisons_are_summarized_apart():
    odds = row(6, ("all", "crude"), 2.5, estimand="odds_ratio")
    other = row(7, ("all", "crude"), 1.1, comparison="age: per year")
    found = tk.effects.summarize_multiverse(made(odds, other))
    assert found.select("comparison", "estimand", "specifications").rows() == [
        ("yes vs no", "prevalence_ratio", 4), ("yes vs no", "odds_ratio", 1),
        ("age: per year", "prevalence_ratio", 1),
    ]  # fmt: skip


def test_the_sentences_give_median_agreement_choice_and_tests():
    said = tk.finding(made(lost()))
    for part in ("4 specifications", "1.34 (range 0.90 to 2.00)", "3 of 4 estimates were above 1", "2 of 4",
                 "population alone", "p = 0.04 (median z)", "p = 0.002 (largest absolute z)",
                 "1 further combination"):  # fmt: skip
        assert part in said
    assert tk.finding(made(), brief=True) == "Median 1.34 (range 0.90 to 2.00)."


def test_a_multiverse_without_an_estimate_says_why():
    rows = frame([lost()], CHOICES)
    assert "No participant is in the domain" in tk.finding(rows)
    with pytest.raises(VariableError, match=mentioning("No participant is in the domain")):
        tk.charts.specification_curve(rows)


def values_of(spec, layer):
    data = layer["data"]
    return data["values"] if "values" in data else spec["datasets"][data["name"]]


def test_the_curve_sorts_estimates_and_marks_the_options_of_each():
    made_chart = tk.charts.specification_curve(made())
    spec = made_chart.to_dict()
    (panel,) = spec["vconcat"]
    (tips,) = [values_of(spec, layer) for layer in panel["layer"] if "tooltip" in layer["encoding"]]
    assert [tip["estimate"].split(" ")[0] for tip in tips] == ["0.90", "1.20", "1.50", "2.00"]
    assert [tip["adjustment set"] for tip in tips] == ["age", "crude", "age", "crude"]
    texts = [value["text"] for layer in panel["layer"] for value in values_of(spec, layer) if "text" in value]
    assert {"Population", "Adjustment set", "all", "old", "crude", "age"} <= set(texts)
    strips = [layer for layer in panel["layer"] if layer["mark"].get("strokeWidth") == 9.0]
    ends = [value for layer in strips for value in values_of(spec, layer) if value["y"] is not None]
    assert len(ends) == 2 * 2 * len(ESTIMATES), "two ends of a mark for each choice of each specification"
    assert spec["description"] == tk.finding(made())
    assert spec["usermeta"]["narrow"]["vconcat"][0]["width"] < panel["width"]


def test_many_specifications_are_drawn_as_few_marks_with_tooltips_of_neighbors():
    options = product(range(40), range(25))
    rows = [row(k, (f"p{a}", f"s{b}"), 1 + k / 1_000) for k, (a, b) in enumerate(options)]
    spec = tk.charts.specification_curve(frame(rows, CHOICES)).to_dict()
    (panel,) = spec["vconcat"]
    (tips,) = [values_of(spec, layer) for layer in panel["layer"] if "tooltip" in layer["encoding"]]
    assert len(tips) == 200
    assert tips[0]["rank"] == "1 to 5 of 1000"
    assert all({"x", "end", "rank", "estimates"} <= tip.keys() for tip in tips)
    assert len(json.dumps(panel)) < 1_500_000


@pytest.mark.parametrize("call", [
    tk.charts.specification_curve, tk.effects.summarize_multiverse, tk.effects.compare_choices,
])  # fmt: skip
def test_other_results_are_refused(call):
    with pytest.raises(VariableError, match=mentioning(("tk.multiverse", "'comparison'"))):
        call(made().drop("comparison"))


def test_too_many_comparisons_are_refused():
    rows = [row(k, ("all", "crude"), 1.1, comparison=f"dose {k}") for k in range(13)]
    with pytest.raises(VariableError, match=mentioning(("13", "'comparison'", "dose 0"))):
        tk.charts.specification_curve(frame(rows, CHOICES))


def test_what_is_suppressed_has_no_part_in_chart_summary_or_sentence():
    hidden = row(5, ("young", "crude"), 77.77, reliability="suppress", reason="wide interval")
    rows = made(hidden)
    (found,) = tk.effects.summarize_multiverse(rows).to_dicts()
    assert (found["highest"], found["not_estimated"]) == (2.0, 1)
    spec, whole = (tk.charts.specification_curve(own).to_dict() for own in (rows, made()))
    assert spec["vconcat"] == whole["vconcat"]
    assert "77" not in tk.finding(rows) + spec["title"]["text"][0]


def test_numbers_that_tell_of_few_participants_by_subtraction_are_not_shown():
    """Complete data of two adjustment sets differ by three people; no threshold applies to NHANES."""
    rows = [row(1, ("all", "crude"), 2.0), row(2, ("all", "age"), 1.5, n=897, n_cases=299),
            row(3, ("old", "crude"), 1.2, n=400, n_cases=100)]  # fmt: skip
    shown = show(frame(rows, CHOICES))
    assert shown["n"].to_list() == [None, None, 400]
    assert shown["n_cases"].to_list() == [None, None, 100]
    assert shown["estimate"].to_list() == [2.0, 1.5, 1.2]
    simulated = show(frame([{**own, "study": "SIMULATED"} for own in rows], CHOICES))
    assert simulated["n"].to_list() == [900, 897, 400]


def test_a_table_and_a_forest_plot_name_a_specification_by_its_number_and_options():
    rows = made(lost())
    html = tk.table(rows).as_raw_html()
    for text in (
        "1: all; crude",
        "4: old; age",
        "5: nobody; crude",
        "median z",
        "No participant is in the domain",
    ):
        assert text in html
    assert "1: all; crude" in json.dumps(tk.forest(rows).to_dict())
