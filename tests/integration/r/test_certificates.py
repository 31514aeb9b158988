"""R recomputes every number of a certificate, from data or the publisher's files, and finds a changed one."""

import calendar
import os
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.integration.r.test_r_script import needs_r
from tests.support.invented import CLUSTERED, crowd
from toolkit.report.verification.certificate_scripts import LIBRARY
from toolkit.report.verification.r_recipes import write_recipe
from toolkit.sources.nhanes.public_recipe import recipe_of

ADJUSTED = ("sex", "rcs(age, 4)")
ESTIMANDS = (
    *("prevalence_ratio", "odds_ratio", "prevalence_difference"),
    *("standardised_prevalence", "standardised_ratio", "standardised_difference"),
)


def people() -> pl.DataFrame:
    young = pl.when(pl.col("age") > 25).then(pl.col("sex"))
    season = pl.when(pl.col("month") < 7).then(1).otherwise(2)
    day, names = pl.int_range(pl.len()) * 37 % 1461, calendar.month_abbr[1:]
    months = pl.col("month").replace_strict(dict(enumerate(names, start=1)), return_dtype=pl.Enum(names))
    dates = {"day": pl.date(1999, 1, 1) + pl.duration(days=day), "named": months}
    return (
        crowd()
        .with_columns(**dates)
        .with_columns(N=pl.lit(40.0), flag=pl.col("nights").gt(3), known_sex=young, season=season)
    )


def study(**options: object) -> tk.Study:
    design = tk.Design(**{**vars(CLUSTERED), **options})  # type: ignore[arg-type]
    return tk.study(people(), design=design, name="crowd", smallest_cell=0)


def calibrated() -> tk.Study:
    design = tk.Design(**vars(CLUSTERED)).calibrated({"sex": {"f": 500_000.0, "m": 580_000.0}})
    return tk.study(people(), design=design, name="crowd", smallest_cell=0)


DESIGNS: dict[str, Callable[[], tk.Study]] = {
    "strata and PSUs": study,
    "no design": lambda: tk.study(people(), design=tk.Design.none(), name="crowd", smallest_cell=0),
    "weights alone": lambda: study(strata=None, psu=None),
    "finite population": lambda: study(fpc="N"),
    "jackknife weights": lambda: tk.replicates(study(), method="JKn"),
    "bootstrap weights": lambda: tk.replicates(study(), method="bootstrap", number=10),
    "post-stratified": calibrated,
}


def descriptive(s: tk.Study) -> Iterator[tk.Estimates]:
    yield tk.prevalence(s, "cramps", by=("sex", "band"), domain="age > 30 and flag == 'yes'")
    for interval in ("logit", "likelihood", "arcsine", "wald", "xlogit", "korn-graubard-nchs"):
        yield tk.prevalence(s, "cramps", interval=interval)
    yield tk.prevalence(s, "region", by="known_sex")
    yield tk.prevalence(s, "cramps", by="sex", standardize={"band": {"20-39": 5, "40-59": 4, "60+": 3}})
    yield tk.prevalence(s, "cramps", by=("sex", "region"), standardize="us-2000")
    # In a domain, by a variable that some participants lack, with calibrated weights too.
    yield tk.prevalence(s, "region", by="known_sex", standardize="us-2000", domain="nights > 1")
    yield tk.mean(s, ("age", "nights"), by="region", domain="sex == 'f'")
    yield tk.total(s, "region", by="sex")
    yield tk.total(s, "nights")
    yield tk.quantile(s, "nights", rule="school")
    yield tk.quantile(s, "age", (0.1, 0.9), rule="hf7", by="sex", confidence=0.9)
    yield tk.ratio(s, "nights", "diary", by="sex")
    yield tk.rate(s, "nights", "diary", per=30)
    yield tk.survival(s, time="diary", event="cramps", at=(12, 20), by="sex")


def hypotheses(s: tk.Study) -> Iterator[tk.Estimates]:
    yield tk.t_test(s, "nights", "sex", domain="age < 60")
    for statistic in ("F", "Chisq", "Wald", "adjWald", "saddlepoint"):
        yield tk.chi_square(s, "region", "flag", statistic=statistic)
    for test in ("wilcoxon", "vanderWaerden", "median"):
        yield tk.rank_test(s, "nights", "sex", test=test)
        yield tk.rank_test(s, "age", "region", test=test)
    yield tk.rank_test(s, "band", "sex")
    yield tk.term_test(s, "cramps ~ sex * region + age", ("region", "sex:region"))
    yield tk.term_test(s, "cramps ~ region + age", "region", df="design")
    yield tk.term_test(s, "cramps ~ sex * region + age", ("region", "sex:region"), method="rao-scott")
    yield tk.term_test(s, "nights ~ region + age", "age", family="gaussian", method="rao-scott", by="sex")


def tables(s: tk.Study) -> Iterator[tk.Estimates]:
    yield tk.describe(s, ("cramps", "age", "region", "nights", "known_sex"))
    names, summaries = ("cramps", "age", "region", "nights"), {"age": "both", "nights": "median"}
    by_sex = tk.describe(s, names, by="sex", domain="age > 25", numbers=summaries, difference=True)
    assert set(by_sex["estimand"]) == {
        *("people", "prevalence", "mean", "standard_deviation", "quantile", "missing"),
        *("chi_square", "rank_test", "term", "standardized_mean_difference"),
    }
    yield by_sex
    yield tk.describe(s, ("nights", "age"), by="known_sex", difference=True, confidence=0.9)
    yield tk.describe(s, ("age", "sex"), by="region", numbers="both", domain="flag == 'yes'")
    # Codes that are numbers form the columns, and a PSU is outside of the domain.
    yield tk.describe(s, ("nights", "region"), by="season", domain="psu < 3", difference=True)
    yield tk.describe(s, ("nights",), by="season", numbers="median")
    yield tk.describe(s, "sex", by="region")


def models(s: tk.Study) -> Iterator[tk.Estimates]:
    for estimand in ESTIMANDS:
        yield tk.association(s, "cramps", "region", adjust=ADJUSTED, reference="south", estimand=estimand)
    yield tk.association(s, "cramps", "region", adjust=ADJUSTED, by="band")
    yield tk.association(s, "cramps", "age", adjust=("nights",), df="model")
    yield tk.association(s, "cramps", "sex", adjust=("nights",), terms=True)
    yield tk.model(s, "cramps ~ sex * rcs(age, 3) + I(nights ** 2)", by="flag")
    for family in ("probit", "cloglog", "cauchit", "log-binomial", "firth"):
        yield tk.model(s, "cramps ~ sex + age", family=family)
    yield tk.model(s, "nights ~ region", family="gaussian")
    yield tk.model(s, "nights ~ region", family="poisson", offset="log(diary)", exponentiate=True)
    yield tk.model(s, "diary ~ region + age", family="gamma")
    yield tk.model(s, "band ~ nights + sex", family="ordinal", exponentiate=True, domain="age > 25")
    yield tk.model(s, "band ~ region * sex", family="ordinal", by="flag", df="design")
    yield tk.model(s, "Surv(diary, cramps) ~ sex + age", family="cox", exponentiate=True)


def effects(s: tk.Study) -> Iterator[tk.Estimates]:
    for estimand in ("standardised_ratio", "average_marginal_effect"):
        yield tk.margins(s, "cramps ~ sex + age", "age", estimand=estimand)
    yield tk.margins(s, "cramps ~ region + age", "region", by="sex")
    yield tk.margins(s, "nights ~ region + age", "region", family="gaussian")
    yield tk.margins(s, "cramps ~ region + age", "age", at=(30, 50), estimand="standardised_difference")
    yield tk.predict(s, "cramps ~ sex * age", {"sex": ("f", "m"), "age": (30, 70)})
    yield tk.interaction(s, "cramps", ("sex", "region"), adjust=("age",))
    yield tk.interaction(s, "cramps", ("sex", "flag"), adjust=(), estimand="prevalence_difference")
    yield tk.curve(s, "cramps", "age", adjust=("sex",), at=(30, 50, 70))
    yield tk.trend(s, "cramps", "age", degree=2, adjust=("sex",))
    yield tk.trend(s, "nights", "band")


def seasons(s: tk.Study) -> Iterator[tk.Estimates]:
    cosinor = tk.effects.cosinor
    for time in ("month", "day", "named"):
        yield cosinor(s, "cramps", time)
    yield cosinor(s, "nights", "month", adjust=ADJUSTED, by="flag", df="model")
    share = "prevalence_difference"
    yield cosinor(s, "cramps", "day", estimand=share, by="sex", domain="age > 30", confidence=0.9)
    yield cosinor(s, "nights", "age", period=24.5)
    yield cosinor(s, "cramps", "band", adjust="age")


def contrasts(s: tk.Study) -> Iterator[tk.Estimates]:
    shares = tk.prevalence(s, "cramps", by=("sex", "band"), domain="age > 30 and nights >= 0")
    for weights in ("first", "pairs", "heterogeneity", [-1, 0.5, 0.5, 0, 0, 0]):
        yield tk.tests.contrast(shares, weights=weights)
    yield tk.tests.contrast(shares, ratio=True, confidence=0.9)
    yield tk.tests.contrast(tk.prevalence(s, "region", by="sex"), df=7)
    yield tk.tests.contrast(tk.mean(s, ("age", "nights")), weights={"less twice": [1, -2]})
    yield tk.tests.contrast(tk.total(s, "nights", by="sex"), ratio=True)
    yield tk.tests.contrast(tk.ratio(s, "nights", "diary", by="band"), weights="heterogeneity")
    yield tk.tests.contrast(tk.rate(s, "nights", "diary", by="sex"), ratio=True)
    regions: dict[str, object] = {"outcome": "cramps", "exposure": "region", "adjust": ("age",)}
    yield tk.tests.contrast(tk.association(s, **regions), weights="pairs")
    for estimand in ("prevalence_ratio", "standardised_difference"):
        by_sex = tk.association(s, **regions, by="sex", estimand=estimand)
        yield tk.tests.contrast(by_sex)
        yield tk.tests.contrast(by_sex, weights="heterogeneity")
    yield tk.tests.contrast(tk.model(s, "nights ~ region + age", family="gaussian"), weights=[0, 1, -1, 0])
    yield tk.tests.contrast(tk.margins(s, "cramps ~ region + age", "region", by="sex"), weights="pairs")
    grid = {"sex": ("f", "m"), "age": (30, 70)}
    yield tk.tests.contrast(tk.predict(s, "cramps ~ sex * age", grid), weights="pairs")


def pooled(imputations: Sequence[tk.Study]) -> Iterator[tk.Estimates]:
    yield tk.imputed(imputations, tk.prevalence, "cramps", by="flag")
    yield tk.imputed(imputations, tk.mean, "nights", by="sex")
    yield tk.imputed(imputations, tk.total, "nights")
    yield tk.imputed(imputations, tk.quantile, "nights")
    yield tk.imputed(imputations, tk.association, "cramps", "region", adjust=("nights", "flag"))
    yield tk.imputed(imputations, tk.model, "nights ~ flag", family="gaussian", df_complete=inf)
    yield tk.imputed(imputations, tk.describe, ("nights", "cramps", "age"), by="flag", numbers="both")
    yield tk.pool([tk.margins(one, "cramps ~ region + nights", "region") for one in imputations])


def run(folder: Path, **further: str) -> subprocess.CompletedProcess[str]:
    asked = ["Rscript", "certificate.R"]
    return subprocess.run(
        asked, cwd=folder, env={**os.environ, **further}, check=False, capture_output=True, text=True
    )


def lines_not(word: str, text: str) -> str:
    return "\n".join(line for line in text.splitlines() if word not in line)


@needs_r
@pytest.mark.parametrize("name", DESIGNS)
def test_r_recomputes_every_number_of_every_estimator(tmp_path: Path, name: str) -> None:
    s = DESIGNS[name]()
    parts = (descriptive, hypotheses, tables, models, effects, seasons, contrasts)
    results = [one for part in parts for one in part(s)]
    made = tk.certificate(s, results, tmp_path, include_data=True)
    done = run(tmp_path)
    assert (0, "") == (done.returncode, lines_not("Warning", done.stderr)), lines_not("equal", done.stdout)
    # Of all rows here, R's survey package lacks those of Firth's logit alone: three coefficients.
    assert f"{made.rows - 3} equal, 0 differs, 3 not recomputed" in done.stdout, done.stdout
    unseen = done.stdout.partition("Numbers of these rows that R did not recompute:")[2]
    assert unseen
    # A prevalence that the weights are calibrated to has a standard error of 0, and neither of them.
    lost = ["deff", "n_effective"] if name == "post-stratified" else []
    assert lost == [word for word in ("deff", "n_effective") if word in unseen]


@needs_r
@pytest.mark.parametrize("name", DESIGNS)
def test_r_pools_the_results_of_imputations(tmp_path: Path, name: str) -> None:
    imputations = tk.impute(DESIGNS[name](), ("nights", "flag"), outcome="cramps", m=3, iterations=2)
    results = [*pooled(imputations)]
    made = tk.certificate(imputations, results, tmp_path, include_data=True)
    done = run(tmp_path)
    assert (0, "") == (done.returncode, lines_not("Warning", done.stderr)), lines_not("equal", done.stdout)
    assert f"{made.rows} equal, 0 differs, 0 not recomputed" in done.stdout, done.stdout
    # R compares the fraction of missing information too.
    expected = pl.read_csv(tmp_path / "expected.csv").with_columns(pl.col("missing_information") + 0.001)
    expected.write_csv(tmp_path / "expected.csv")
    changed = expected["missing_information"].drop_nulls().len()
    assert changed == run(tmp_path).stdout.count("missing_information is")


@needs_r
def test_a_withheld_coefficient_does_not_move_the_others(tmp_path: Path) -> None:
    row = pl.int_range(pl.len())
    kind = pl.when(row.is_in([1, 5, 40])).then(pl.lit("rare")).when(row % 2 == 0).then(pl.lit("even"))
    few = people().with_columns(kind=kind.otherwise(pl.lit("uneven")))
    s = tk.study(few, design=CLUSTERED, name="crowd with a rare kind")
    tk.certificate(s, tk.model(s, "nights ~ kind + age", family="gaussian"), tmp_path, include_data=True)
    done = run(tmp_path)
    assert "3 equal, 0 differs, 0 not recomputed, 1 left out" in done.stdout, done.stdout


@needs_r
def test_a_study_of_several_components_and_cycles_is_recomputed(tmp_path: Path) -> None:
    s, adults = tk.open_study("simulated"), "age >= 20"
    made = tk.certificate(
        s,
        [
            tk.prevalence(s, "any_cramps", by="sex", domain=adults),
            tk.mean(s, "hba1c", by="age_group", domain="age >= 20 and cycle == '2007-2008'"),
            tk.association(s, "any_cramps", "diabetes_told", domain=adults),
            # Of several weights, domains and covariates.
            tk.atlas(
                s,
                exposures=("diabetes_told", "hba1c", "sitting_hours"),
                adjust=((), None),
                domain=(adults, "age >= 40"),
                progress=False,
            ),
        ],
        tmp_path,
    )
    done = run(tmp_path)
    assert f"{made.rows} equal, 0 differs, 0 not recomputed" in done.stdout, done.stdout + done.stderr


@needs_r
def test_each_variable_of_a_table_is_recomputed_with_its_own_weight(tmp_path: Path) -> None:
    s = tk.open_study("simulated")
    result = tk.describe(s, ("hba1c", "any_cramps", "bmi"), by="sex", domain="age >= 20", difference=True)
    assert 2 <= result["weight"].n_unique()
    made = tk.certificate(s, result, tmp_path)
    done = run(tmp_path)
    # The reasons of missing values are not in R's data: of several, none is recomputed.
    reasons = result.filter(pl.col("estimand") == "missing").select("outcome", "sex")
    several = reasons.is_duplicated().sum()
    assert several > 0
    assert f"{made.rows - several} equal, 0 differs, {several} not recomputed" in done.stdout, done.stdout


@needs_r
def test_a_changed_number_is_found_with_its_digit(tmp_path: Path) -> None:
    s = study()
    tk.certificate(s, tk.mean(s, "age", by="sex"), tmp_path, include_data=True)
    expected = pl.read_csv(tmp_path / "expected.csv")
    first = expected["estimate"][0]
    changed = pl.Series("estimate", [first * 1.0001, *expected["estimate"][1:]])
    expected.with_columns(changed).write_csv(tmp_path / "expected.csv")
    done = run(tmp_path)
    assert 1 == done.returncode
    assert "row 1  mean of age, sex f: DIFFERS: estimate is" in done.stdout
    assert "digit 5" in done.stdout
    assert "1 equal, 1 differs" in done.stdout


@needs_r
def test_the_holder_of_restricted_data_runs_the_script_on_them(tmp_path: Path) -> None:
    s = study()
    made = tk.certificate(s, tk.prevalence(s, "cramps", by="sex"), tmp_path)
    assert {"certificate.R", "expected.csv", "README.txt"} == {path.name for path in tmp_path.iterdir()}
    assert "" == made.data
    assert 0 != run(tmp_path).returncode
    s.to_r(tmp_path / "own")
    (tmp_path / "own" / "people.csv").rename(tmp_path / "people.csv")
    done = run(tmp_path)
    assert "2 equal, 0 differs" in done.stdout, done.stdout + done.stderr


def test_data_of_another_study_are_owner_only_and_on_request(tmp_path: Path) -> None:
    s = study()
    assert "people.csv" == tk.certificate(s, tk.mean(s, "age"), tmp_path, include_data=True).data
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert {0o600} == modes
    assert {"age", "w", "stratum", "psu"} == set(pl.read_csv(tmp_path / "people.csv").columns)


@needs_r
@pytest.mark.nhanes
def test_r_derives_every_variable_of_nhanes_from_the_files(
    tmp_path: Path, nhanes_mirror: Path, nhanes: tk.Study
) -> None:
    ours, names = pl.DataFrame(nhanes.people), [n for n in nhanes.codebook if n in nhanes.people.columns]
    recipe = recipe_of(nhanes, [*names, *nhanes.design.columns])
    assert recipe is not None
    written = write_recipe(nhanes, recipe)
    assert () == written.included
    end = 'write.csv(people, "derived.csv", row.names = FALSE, na = "")'
    script = "\n".join(['here <- "."', LIBRARY.read_text(), *written.lines, end])
    (tmp_path / "certificate.R").write_text(script)
    done = run(tmp_path, NHANES_FOLDER=str(nhanes_mirror))
    assert 0 == done.returncode, done.stderr
    in_r = pl.read_csv(tmp_path / "derived.csv", infer_schema_length=None)
    assert ours.height == in_r.height

    def differs(name: str) -> bool:
        own, other = ours[name], in_r[name]
        if not own.dtype.is_numeric():
            return not own.cast(pl.String).eq_missing(other.cast(pl.String)).all()
        own, other = own.cast(pl.Float64), other.cast(pl.Float64, strict=False)
        near = ((own - other).abs() <= 1e-12 * own.abs()).fill_null(value=False)
        return not (near | (own.is_null() & other.is_null())).all()

    assert len(names) > 150
    assert [] == [name for name in (*names, *nhanes.design.columns) if differs(name)]


@needs_r
@pytest.mark.nhanes
def test_imputations_of_nhanes_are_recomputed_with_the_publisher_s_design(
    tmp_path: Path, nhanes_mirror: Path, nhanes: tk.Study
) -> None:
    imputations = tk.impute(nhanes, ("bmi", "income_ratio"), m=2, iterations=2)
    asked = {"adjust": ("sex", "bmi", "income_ratio"), "domain": "age >= 20"}
    result = tk.imputed(imputations, tk.association, "any_cramps", "diabetes_told", **asked)
    made = tk.certificate(imputations, result, tmp_path)
    assert "public-use files" == made.data
    # Design and cycle follow from the files; all that may be imputed, or derived from it, is in the data.
    told = (tmp_path / "README.txt").read_text()
    assert "takes the imputed variables from derived_1.csv to derived_2.csv" in told
    for name in ("derived_1.csv", "derived_2.csv"):
        columns = {*pl.read_csv(tmp_path / name, infer_schema_length=None).columns}
        assert {"person", "bmi", "income_ratio", "age", "sex", "any_cramps", "diabetes_told"} == columns
    done = run(tmp_path, NHANES_FOLDER=str(nhanes_mirror))
    assert f"{made.rows} equal, 0 differs, 0 not recomputed" in done.stdout, done.stdout + done.stderr


@needs_r
@pytest.mark.nhanes
def test_a_result_of_nhanes_is_recomputed_from_the_publisher_s_files(
    tmp_path: Path, nhanes_mirror: Path, nhanes: tk.Study
) -> None:
    s, adults = nhanes.derive("obese", "bmi >= 30"), "age >= 20"
    made = tk.certificate(
        s,
        [
            tk.prevalence(s, "frequent_cramps", by=("sex", "age_group"), domain=adults),
            tk.association(s, "frequent_cramps", "diabetes_told", domain=adults),
            tk.association(s, "any_cramps", "obese", adjust=("sex", "age"), domain=adults),
            tk.describe(s, ("age", "race_ethnicity", "hba1c"), by="sex", domain=adults, difference=True),
        ],
        tmp_path,
    )
    # What the analyst derived is in derived.csv; all else follows from the files.
    assert {"person", "obese"} == set(pl.read_csv(tmp_path / "derived.csv").columns)
    assert "public-use files" == made.data
    done = run(tmp_path, NHANES_FOLDER=str(nhanes_mirror))
    assert f"{made.rows} equal, 0 differs, 0 not recomputed" in done.stdout, done.stdout + done.stderr
