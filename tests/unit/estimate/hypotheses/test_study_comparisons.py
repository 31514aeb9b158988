"""Several studies beside each other: Cochran's Q as R's metafor gives it, one plot, one sentence."""

import json
import math
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions
from toolkit.results import frame

EXPECTED = json.loads(Path("tests/reference/heterogeneity/expected.json").read_text())["cases"]


def cohort(name: str, cases: tuple[int, int] = (30, 45), size: int = 200) -> tk.Study:
    """Make a study of two sexes with these cases among `size` participants each."""
    rows = [
        {"cramps": at < own, "sex": sex, "old": at % 3 == 0}
        for sex, own in zip(("f", "m"), cases, strict=True)
        for at in range(size)
    ]
    return tk.study(pl.DataFrame(rows), design=tk.Design.none(), name=name)


@pytest.fixture(scope="module")
def studies() -> list[tk.Study]:
    cases = ((30, 45), (60, 45), (40, 52))
    return [cohort(f"cohort {letter} compared", own) for letter, own in zip("ABC", cases, strict=True)]


@pytest.mark.parametrize("case", EXPECTED)
def test_the_test_is_cochran_s_q_of_metafor(case: str) -> None:
    expected = EXPECTED[case]
    ratio = {"estimand": "odds_ratio", "outcome": "y", "exposure": "x", "level": "yes", "scale": "log"}
    results = [
        frame(
            [{**ratio, "study": f"study {at}", "estimate": math.exp(point), "std_error": error, "df": 40.0}]
        )
        for at, (point, error) in enumerate(zip(expected["estimates"], expected["errors"], strict=True))
    ]
    last = tk.tests.compare_studies(results, df=math.inf).row(-1, named=True)
    assert last["statistic"] * last["df_numerator"] == pytest.approx(expected["q"], rel=1e-9)
    assert last["p_value"] == pytest.approx(expected["p"], rel=1e-9)
    assert tk.tests.compare_studies(results).row(-1, named=True)["df"] == 40
    assert tk.tests.compare_studies(results)["p_value"][-1] > expected["p"]


def test_each_comparison_has_its_test_after_the_rows_of_the_studies(studies: list[tk.Study]) -> None:
    rows = tk.tests.compare_studies([tk.prevalence(study, "cramps", by="sex") for study in studies])
    assert rows["sex"].to_list() == ["f"] * 4 + ["m"] * 4
    assert rows["estimand"].to_list() == (["prevalence"] * 3 + ["heterogeneity"]) * 2
    assert rows["n"].to_list() == [200, 200, 200, 600] * 2
    assert rows["estimate"].to_list()[:3] == [0.15, 0.3, 0.2]


def test_several_studies_are_one_plot_one_table_and_one_sentence(studies: list[tk.Study]) -> None:
    results = [tk.association(study, "cramps", "sex", adjust=()) for study in studies]
    rows = tk.tests.compare_studies(results)
    p_value = f"{rows['p_value'][-1]:.2g}"
    chart = tk.forest(rows)
    assert len(chart.vconcat) == 1
    assert mentions(" ".join(chart.title.subtitle), "heterogeneity across studies", p_value)
    assert "heterogeneity" not in " ".join(chart.title.text)
    table = tk.table(rows).as_raw_html()
    assert table.count("heterogeneity") == 1
    assert all(study.label in table for study in studies)
    assert mentions(tk.finding(rows), "cohort A compared", "heterogeneity across studies", p_value)


def test_studies_that_differ_in_subpopulation_or_covariates_are_flagged(studies: list[tk.Study]) -> None:
    one = tk.association(studies[0], "cramps", "sex", adjust=("old",))
    other = tk.association(studies[1], "cramps", "sex", adjust=(), domain="old == 'no'")
    last = tk.tests.compare_studies([one, other]).row(-1, named=True)
    assert last["reliability"] == "review"
    assert mentions(last["reason"], "subpopulations", "covariates")


def test_what_cannot_be_compared_says_why(studies: list[tk.Study]) -> None:
    one, other = (tk.association(study, "cramps", "sex", adjust=()) for study in studies[:2])
    years = [one.with_columns(study=pl.lit(f"NHANES {span}")) for span in ("2005-2008", "2007-2010")]
    refused = {
        "two studies": [one],
        "in common": [one, one],
        "'NHANES 2005-2008' and 'NHANES 2007-2010'": years,
        "one per study": [one, "other"],
        "of 2 studies": [pl.concat([one, other]), one],
        "more than once": [one, pl.concat([other, other])],
        "list of results": None,
        "reference=": [one, tk.association(studies[1], "cramps", "sex", adjust=(), reference="m")],
    }
    for said, results in refused.items():
        with pytest.raises(tk.EstimationError) as caught:
            tk.tests.compare_studies(results)
        assert mentions(caught.value, said)
    later = years[0].with_columns(study=pl.lit("NHANES 2017-2020"))
    assert tk.tests.compare_studies([years[0], later])["estimand"][-1] == "heterogeneity"


def test_an_estimate_that_failed_is_counted(studies: list[tk.Study]) -> None:
    one, other = (tk.association(study, "cramps", "sex", adjust=()) for study in studies[:2])
    failed = other.with_columns(
        study=pl.lit("failed"), std_error=pl.lit(None, pl.Float64), reliability=pl.lit("failed")
    )
    last = tk.tests.compare_studies([one, other, failed]).row(-1, named=True)
    assert (last["df_numerator"], last["reliability"]) == (1, "review")
    assert mentions(last["reason"], "1 of 3")
    none = tk.tests.compare_studies([one, failed]).row(-1, named=True)
    assert (none["reliability"], none["p_value"]) == ("failed", None)
