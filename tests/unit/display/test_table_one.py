import re

import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import CLUSTERED, crowd, crowded
from toolkit.estimate.descriptive.table_one import describe


@pytest.fixture(scope="module")
def frame():
    people = crowd().with_columns(sex=pl.when(pl.col("age") < 79).then("sex"))
    return describe(
        crowded(people), ("age", "region", "cramps", "nights"), by="sex", numbers={"nights": "median"}
    )


def cells(html):
    """Take the texts of a table's body, line by line."""
    body = html[html.index("<tbody") : html.index("</tbody>")]
    lines = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", c).strip() for c in re.findall(r"<td.*?</td>", line, re.DOTALL)]
        for line in lines
    ]


def test_variables_stand_down_and_groups_across(frame):
    html = tk.table(frame).as_raw_html()
    found = {line[0]: line[1:] for line in cells(html)}
    labels = [line[0] for line in cells(html)]
    assert [
        "Age, mean (SD)",
        "Region, n (%)",
        "north",
        "south",
        "west",
        "Cramps, n (%)",
        "Nights, median (quartiles)",
    ] == labels[:7]
    everyone = frame.filter(
        pl.col("outcome") == "cramps", pl.col("sex").is_null(), pl.col("estimand") == "prevalence"
    ).row(0, named=True)
    assert f"{everyone['n_cases']} ({100 * everyone['estimate']:.1f})" == found["Cramps, n (%)"][0]
    assert 4 == len(found["north"])
    for head in ("overall<br>n = 900", "f<br>n = ", "p-value"):
        assert head in html


def test_missing_values_and_people_without_a_group_are_told(frame):
    html = tk.table(frame).as_raw_html()
    lost = frame.filter(pl.col("estimand") == "missing", pl.col("outcome") == "nights")["n_cases"].to_list()
    line = next(line for line in cells(html) if line[0] == "missing: no value recorded")
    assert [str(n) for n in lost] == line[1:4]
    alone = frame.filter(pl.col("estimand") == "missing", pl.col("outcome") == "sex")["n_cases"].item()
    assert f"{alone} participants with missing sex are counted in &#x27;overall&#x27; only" in html
    assert "Tests: Wald F for means, Rao-Scott F for levels, Kruskal-Wallis for medians" in html


def test_what_is_unreliable_has_no_percentage_and_a_footnote():
    study = tk.study(crowd(size=120), design=CLUSTERED, name="120 people of a crowd", smallest_cell=0)
    few = describe(study, "cramps", by="region")
    html = tk.table(few).as_raw_html()
    assert "suppress" in few["reliability"].to_list()
    assert ">–" in html
    assert "Suppressed as unreliable" in html


def test_standard_errors_stand_in_where_there_is_no_deviation(frame):
    lean = frame.filter(pl.col("estimand") != "standard_deviation")
    assert "Age, mean (SE)" in tk.table(lean).as_raw_html()


def test_it_stands_without_groups_and_says_what_is_simulated():
    html = tk.table(describe(tk.open_study("simulated"), ("age", "sex"), domain="age >= 20")).as_raw_html()
    assert "SIMULATED DATA: no real people" in html
    assert "p-value" not in html
    assert "age ≥ 20" in html


def test_a_sentence_gives_the_range_of_p_values(frame):
    text = tk.finding(frame)
    assert text.startswith("900 participants are described by 4 characteristics (crowd); ")
    assert re.search(r"4 tests of a difference by sex gave p [<=] 0\.\d+ \(\w+\) to p = 0\.\d+ \(", text)
    assert "gave p" not in tk.finding(describe(crowded(), "age"))
