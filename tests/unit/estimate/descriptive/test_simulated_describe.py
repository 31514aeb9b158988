"""Hold descriptive results and tests over 2,000 people of the simulated study to R, without other data."""

import importlib.util
import json

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.r_results import REFERENCE, equal

FOLDER = REFERENCE / "simulated"
R = {e["id"]: e["result"] for e in json.loads((FOLDER / "describe.json").read_text())["entries"]}
ADULTS = "age >= 20"


@pytest.fixture(scope="session")
def people():
    frame = pl.read_csv(FOLDER / "frame.csv", infer_schema_length=None)
    yes_no = [
        name for name in frame.columns if set(frame[name].drop_nulls().unique().to_list()) == {"no", "yes"}
    ]
    frame = frame.with_columns(pl.col(yes_no) == "yes", pl.col("sex").cast(pl.Enum(["male", "female"])))
    design = tk.Design(weight="weight_interview", strata="stratum", psu="psu")
    return tk.study(frame, design=design, name="2,000 SIMULATED people")


def test_the_script_makes_the_frame_and_the_same_each_time(tmp_path):
    found = importlib.util.spec_from_file_location("make", FOLDER / "make.py")
    make = importlib.util.module_from_spec(found)
    found.loader.exec_module(make)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        make.write(tmp_path / name)
    made = (tmp_path / "one" / "frame.csv").read_bytes()
    assert made == (tmp_path / "other" / "frame.csv").read_bytes()
    kept = (FOLDER / "frame.csv").read_bytes()
    # A frame of an earlier causal model stays what R and the tests both read, until it is made anew.
    if json.loads((FOLDER / "made.json").read_text())["model_sha256"] == make.model_sha256():
        assert made == kept
    assert made.split(b"\n")[0] == kept.split(b"\n")[0]
    assert 2_000 == made.count(b"\n") - 1 == kept.count(b"\n") - 1


def of(id_, frame, **columns):
    """Hold columns of a result to fields of an entry."""
    for field, column in columns.items():
        equal(R[id_][field], frame[column])


def test_means(people):
    for k, name in enumerate(("age", "bmi")):
        row = tk.mean(people, ("age", "bmi"), domain=ADULTS).row(k, named=True)
        equal(
            [R["mean"][field][k] for field in ("estimate", "se", "deff")],
            [row[c] for c in ("estimate", "std_error", "deff")],
        )
        assert (name, R["mean"]["df"]) == (row["outcome"], row["df"])


def test_totals(people):
    result, matrix = tk.total(people, ("any_cramps", "nights"), domain=ADULTS, covariance=True)
    of("total", result, estimate="estimate", se="std_error", deff="deff")
    equal(R["total"]["vcov"], matrix)


def test_totals_by_groups(people):
    result, matrix = tk.total(
        people, "any_cramps", by=("sex", "diabetes_told"), domain=ADULTS, covariance=True
    )
    of("total-by", result, estimate="estimate", se="std_error")
    np.testing.assert_allclose(matrix.ravel(), R["total-by"]["vcov"], rtol=1e-9, atol=1e-9 * matrix.max())


def test_ratios(people):
    of("ratio", tk.ratio(people, "nights", "diary", domain=ADULTS), estimate="estimate", se="std_error")
    result = tk.ratio(people, "nights", "diary", by="sex", domain=ADULTS)
    for sex in ("male", "female"):
        of(f"ratio-{sex}", result.filter(pl.col("sex") == sex), estimate="estimate", se="std_error")


INTERVALS = {"mean": "wald", "beta": "korn-graubard", "xlogit": "xlogit", "asin": "arcsine"}


@pytest.mark.parametrize("type_", INTERVALS)
@pytest.mark.parametrize("rule", ["math", "school", "hf7"])
@pytest.mark.parametrize("variable", ["bmi", "nights"])
def test_quantiles(variable, rule, type_, people):
    probs = (0.05, 0.25, 0.5, 0.75, 0.95)
    result = tk.quantile(people, variable, probs, rule, interval=INTERVALS[type_], domain=ADULTS)
    of(
        f"quantile/{variable}/{rule}/{type_}",
        result,
        estimate="estimate",
        low="conf_low",
        high="conf_high",
        se="std_error",
    )


@pytest.mark.parametrize("statistic", ["F", "Chisq", "Wald", "adjWald", "saddlepoint"])
def test_tables(statistic, people):
    r = R[f"chisq-{statistic}"]
    row = tk.chi_square(people, "any_cramps", "race_ethnicity", statistic=statistic, domain=ADULTS).row(
        0, named=True
    )
    equal([r["statistic"], r["p"]], [row["statistic"], row["p_value"]])
    equal(r["parameter"], [row[name] for name in ("df_numerator", "df") if row[name] is not None])


def test_differences_of_means(people):
    row = tk.t_test(people, "bmi", "sex", domain=ADULTS).row(0, named=True)
    names = ("estimate", "statistic", "df", "p_value")
    equal(
        [R["ttest"][field] for field in ("estimate", "statistic", "df", "p")], [row[name] for name in names]
    )


@pytest.mark.parametrize("test", ["wilcoxon", "vanderWaerden", "median", "KruskalWallis"])
def test_ranks(test, people):
    row = tk.rank_test(people, "nights", "sex", test=test, domain=ADULTS).row(0, named=True)
    r = R[f"ranktest-{test}"]
    equal([r["statistic"], r["df"], r["p"]], [row["statistic"], row["df"], row["p_value"]])


def test_ranks_of_more_groups(people):
    row = tk.rank_test(people, "nights", "race_ethnicity", test="KruskalWallis", domain=ADULTS).row(
        0, named=True
    )
    r = R["ranktest-groups"]
    equal([r["chisq"] / r["df"], r["p"]], [row["statistic"], row["p_value"]])
    assert (r["df"], r["ddf"]) == (row["df_numerator"], row["df"])


@pytest.mark.parametrize("term", ["race_ethnicity", "diabetes"])
@pytest.mark.parametrize("family", ["logit", "poisson", "gaussian", "probit"])
def test_terms(family, term, people):
    formula = "frequent_cramps ~ diabetes_told + age + sex + race_ethnicity"
    name = {"diabetes": "diabetes_told"}.get(term, term)
    wald, ratio = (
        tk.term_test(people, formula, name, family=family, method=method, domain=ADULTS).row(0, named=True)
        for method in ("wald", "rao-scott")
    )
    r = R[f"term/{family}/{term}"]
    # regTermTest takes a fit that R leaves one step early (see exact.R).
    equal([r["wald"]["F"], r["wald"]["p"]], [wald["statistic"], wald["p_value"]], 1e-6)
    equal([r["lrt"]["chisq"], r["lrt"]["p"]], [ratio["statistic"], ratio["p_value"]], 1e-6)
    equal(np.mean(r["lrt"]["lambda"]), ratio["deff"], 1e-6)
    assert (r["wald"]["df"], r["wald"]["ddf"]) == (wald["df_numerator"], wald["df"])


@pytest.mark.parametrize(
    ("family", "estimand"),
    [("logit", "odds_ratio"), ("poisson", "prevalence_ratio"), ("gaussian", "prevalence_difference")],
)
def test_all_products_of_an_interaction_are_tested_together(family, estimand, people):
    pair = ("diabetes_told", "race_ethnicity")
    asked = {"adjust": ("age",), "estimand": estimand, "domain": ADULTS}
    for degrees, test in (("model", "wald"), ("design", "adjusted")):
        rows = tk.interaction(people, "any_cramps", pair, **asked, df=degrees)
        row = rows.row(-1, named=True)
        assert "interaction_test" == row["estimand"]
        r = R[f"interaction/{family}"][test]
        equal([r["F"], r["p"]], [row["statistic"], row["p_value"]], 1e-9)
        assert (r["df"], r["ddf"]) == (row["df_numerator"], row["df"])
    assert (
        "interaction_test"
        not in tk.interaction(people, "any_cramps", ("diabetes_told", "sex"), adjust=())["estimand"]
    )


def test_standardised_prevalences(people):
    result = tk.prevalence(people, outcome="any_cramps", by="sex", standardise="us-2000", domain=ADULTS).sort(
        "sex"
    )
    assert R["standardised"]["sex"] == result["sex"].to_list()
    of("standardised", result, estimate="estimate", se="std_error")


@pytest.mark.parametrize(("method", "interval"), [("logit", "logit")])
def test_intervals_of_standardised_prevalences(method, interval, people):
    result = tk.prevalence(
        people,
        outcome="any_cramps",
        standardise="us-2000",
        domain=f"{ADULTS} and sex == 'female'",
        interval=interval,
    )
    of(f"standardised-women-{method}", result, estimate="estimate", low="conf_low", high="conf_high")


@pytest.fixture(scope="module")
def by_band(people):
    levels = ["20-39", "40-59", "60+"]
    old = pl.when(pl.col("age") < 40).then(pl.lit("20-39")).when(pl.col("age") < 60).then(pl.lit("40-59"))
    banded = people.derive("band", old.otherwise(pl.lit("60+")), levels=levels)
    return tk.prevalence(banded, outcome="any_cramps", by="band", domain=ADULTS, covariance=True)


def test_contrasts(by_band):
    weights = {"old_young": [-1, 0, 1], "middle": [-0.5, 1, -0.5]}
    result, matrix = tk.contrast(*by_band, weights, with_covariance=True)
    of("contrast", result, estimate="estimate")
    equal(R["contrast"]["vcov"], matrix)
    ratio = tk.contrast(*by_band, [-1, 0, 1], ratio=True)
    equal(R["contrast-log"]["estimate"], np.log(ratio["estimate"]))
    of("contrast-log", ratio, se="std_error")


def test_heterogeneity(by_band):
    row = tk.contrast(*by_band, "heterogeneity", df=R["heterogeneity"]["df"]).row(0, named=True)
    equal([R["heterogeneity"][field] for field in ("statistic", "p")], [row["statistic"], row["p_value"]])


TRENDS = {
    "quasipoisson": "prevalence_ratio",
    "quasibinomial": "odds_ratio",
    "gaussian": "prevalence_difference",
}


@pytest.mark.parametrize("family", TRENDS)
def test_trends(family, people):
    levels = ["under 4", "4 to under 8", "8 or more"]
    hours = pl.when(pl.col("sitting_hours") < 4).then(pl.lit(levels[0])).when(pl.col("sitting_hours") < 8)
    hours = hours.then(pl.lit(levels[1])).when(pl.col("sitting_hours") >= 8).then(pl.lit(levels[2]))
    study = people.derive("sitting", hours, levels=levels)
    ask = {
        "outcome": "any_cramps",
        "over": "sitting",
        "estimand": TRENDS[family],
        "domain": ADULTS,
        "df": "model",
    }
    linear, adjusted = (
        tk.trend(study, **ask, adjust=adjust).row(0, named=True) for adjust in ((), ("age", "sex"))
    )
    quadratic = tk.trend(study, **ask, degree=2).row(1, named=True)
    for row, name in ((linear, "linear"), (adjusted, "adjusted"), (quadratic, "quadratic")):
        point = row["estimate"] if family == "gaussian" else np.log(row["estimate"])
        r = R[f"trend/{family}"][name]
        equal([r["estimate"], r["se"], r["df"], r["p"]], [point, row["std_error"], row["df"], row["p_value"]])


def test_trends_over_cycles(people):
    row = tk.trend(people, outcome="bmi", domain=ADULTS, df="model").row(0, named=True)
    r = R["trend-cycles"]
    equal(
        [r[f] for f in ("estimate", "se", "df", "p")],
        [row[n] for n in ("estimate", "std_error", "df", "p_value")],
    )


@pytest.mark.parametrize("family", ["quasipoisson", "gaussian"])
def test_seasonal_curves(family, people):
    rows = tk.cosinor(
        people, outcome="any_cramps", time="month", estimand=TRENDS[family], domain=ADULTS, df="model"
    )
    swing, peak, test = rows.rows(named=True)
    r = R[f"cosinor/{family}"]
    point = swing["estimate"] if family == "gaussian" else np.log(swing["estimate"])
    equal([r["peak_to_trough"], r["peak_to_trough_se"], r["df"]], [point, swing["std_error"], swing["df"]])
    # R's script takes the arc tangent, which does not tell a peak from a trough half a year away.
    equal(r["tangent"] % 6, peak["estimate"] % 6)
    equal(r["peak_se"], peak["std_error"])
    equal([r["F"], r["p"]], [test["statistic"], test["p_value"]])


def test_standard_deviations(people):
    frame = tk.describe(people, "bmi", domain=ADULTS)
    row = frame.filter(pl.col("estimand") == "standard_deviation").row(0, named=True)
    # R's n / (n - 1) counts people without a value too, and its standard error is that of the variance:
    # twice the deviation times ours.
    n, everyone = row["n"], row["n"] + row["n_missing"]
    theirs = (everyone / (everyone - 1)) / (n / (n - 1))
    equal(R["variance"]["estimate"], theirs * row["estimate"] ** 2)
    equal(R["variance"]["se"], theirs * 2 * row["estimate"] * row["std_error"])
