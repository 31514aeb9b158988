"""Each new estimand in a sentence, a table and a chart, from a real estimate."""

import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded


def contrasted(study, weights="first", **options):
    return tk.contrast(
        *tk.prevalence(study, outcome="cramps", by="band", covariance=True), weights, **options
    )


def medians(study):
    return tk.contrast(*tk.quantile(study, "age", 0.5, by="sex", covariance=True))


CASES = {
    "total of people": (
        lambda s: tk.total(s, "cramps"),
        r"The number of people with cramps was [\d,]+ \(95% CI .*\) \(",
    ),
    "total of a number": (lambda s: tk.total(s, "nights"), r"The total of nights was [\d,]+ "),
    "totals": (
        lambda s: tk.total(s, "cramps", by="sex"),
        r"The number of people with cramps ranged from [\d,]+ ",
    ),
    "ratio": (lambda s: tk.ratio(s, "nights", "diary"), r"The ratio of nights to diary was 0\.\d+ "),
    "median": (lambda s: tk.quantile(s, "age"), r"The median of age was \d+"),
    "percentile": (lambda s: tk.quantile(s, "age", 0.9), r"The 90th percentile of age was \d+"),
    "standardised": (
        lambda s: tk.prevalence(s, outcome="cramps", standardise="us-2000"),
        "The standardized prevalence of cramps was .*, adjusted for age to the 2000 US standard population",
    ),
    "table": (
        lambda s: tk.chi_square(s, "cramps", "region"),
        r"The chi-square test of cramps by region \(Rao-Scott F\) gave",
    ),
    "tables": (
        lambda s: tk.chi_square(s, "cramps", "band", by="sex"),
        r"^P-values of the chi-square test .* ranged from p [<=] ",
    ),
    "t-test": (
        lambda s: tk.t_test(s, "age", "cramps"),
        r"The mean difference in age for cramps \(yes vs no\) was .* \(95% CI",
    ),
    "rank test": (
        lambda s: tk.rank_test(s, "age", "cramps"),
        r"The rank test of age by cramps \(Wilcoxon\) gave",
    ),
    "term": (
        lambda s: tk.term_test(s, "cramps ~ age", "age"),
        r"The test of age in the model of cramps \(Wald F\) gave",
    ),
    "contrast": (
        lambda s: contrasted(s, [-1, 0, 1]),
        r"The crude prevalence difference in cramps for band \(60\+ vs 20-39\) was .* percentage points",
    ),
    "ratio of prevalences": (
        lambda s: contrasted(s, [-1, 0, 1], ratio=True),
        r"The crude prevalence ratio of cramps for band \(60\+ vs 20-39\) was [\d.]+ \(95% CI",
    ),
    "named contrast": (
        lambda s: contrasted(s, {"ends": [0.5, -1, 0.5]}),
        r"difference in cramps for band \(ends\) was",
    ),
    "heterogeneity": (
        lambda s: contrasted(s, "heterogeneity"),
        "The test of heterogeneity of cramps across band gave",
    ),
    "medians": (medians, "difference in median of age"),
    "trend": (
        lambda s: tk.trend(s, outcome="cramps", over="band", degree=2),
        r"for band \(per level\) was .*quadratic term",
    ),
    "season": (
        lambda s: tk.cosinor(s, outcome="cramps", time="month"),
        "annual peak-to-trough ratio of cramps was .*; peak on",
    ),
    "season of a number": (
        lambda s: tk.cosinor(s, outcome="age", time="month"),
        "The annual amplitude of age was",
    ),
    "margin": (
        lambda s: tk.precision(s, outcome="cramps"),
        r"With 900 participants, the margin of error for the prevalence of cramps is ",
    ),
    "detectable": (
        lambda s: tk.precision(s, outcome="cramps", exposure="sex", adjust=()),
        r"With 900 participants, the minimum detectable prevalence ratio of .* for sex \(m vs f\) is [\d.]+",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_result_reads_as_people_say_it(name):
    call, told = CASES[name]
    frame = call(crowded())
    assert pl.Series([tk.finding(frame)]).str.contains(told).item(), tk.finding(frame)
    assert "None" not in tk.finding(frame)
    assert "_" not in tk.finding(frame)


@pytest.mark.parametrize("name", CASES)
def test_it_is_set_and_drawn(name):
    frame = CASES[name][0](crowded())
    assert "<table" in tk.table(frame, p_values=True).as_raw_html()
    assert tk.forest(frame).title.text


@pytest.mark.parametrize("name", CASES)
def test_its_rows_go_through_parquet_and_back(name, tmp_path):
    frame = CASES[name][0](crowded())
    frame.write_parquet(tmp_path / "rows.parquet")
    assert frame.equals(pl.read_parquet(tmp_path / "rows.parquet"))
    from toolkit.results import ESTIMANDS

    assert set(frame["estimand"]) <= set(ESTIMANDS)


def test_a_failed_row_says_why():
    people = crowd().with_columns(cramps=pl.when(pl.col("band") != "60+").then("cramps"))
    rows, matrix = tk.prevalence(crowded(people), outcome="cramps", by="band", covariance=True)
    assert "1 was not estimated" in tk.finding(tk.contrast(rows, matrix))
