"""Imputation by chained equations: what is imputed, by what, and that estimates are unbiased."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.messages import mentioning

DESIGN = tk.Design(weight="weight", strata="stratum", psu="psu")
LEVELS = pl.Enum(["low", "middle", "high"])


def draw_people(seed: int, n: int = 960) -> pl.DataFrame:
    """Draw participants of 16 sampling units whose income is missing at random given exposure and outcome."""
    rng = np.random.default_rng(seed)
    psu = np.repeat(np.arange(16), n // 16)
    income = rng.normal(0, 1, n) + rng.normal(0, 0.3, 16)[psu]
    exposed = rng.random(n) < 1 / (1 + np.exp(-0.8 * income))
    cramps = rng.random(n) < np.exp(np.minimum(-1.8 + 0.4 * exposed + 0.3 * income, -0.05))
    school = np.digitize(income + rng.normal(0, 0.7, n), (-0.6, 0.7))
    lost = rng.random(n) < np.where(cramps & exposed, 0.6, 0.1)
    return pl.DataFrame({
        "person": np.arange(n), "stratum": psu // 2, "psu": psu, "weight": rng.uniform(1, 3, n),
        "cramps": cramps.astype(int), "exposed": exposed.astype(int),
        "school": pl.Series(np.array(LEVELS.categories)[school], dtype=LEVELS),
        "income": income, "truth": income,
    }).with_columns(income=pl.when(~pl.Series(lost)).then("income"))  # fmt: skip


def open_people(people: pl.DataFrame) -> tk.Study:
    return tk.study(people, design=DESIGN, name="people", smallest_cell=0)


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return open_people(draw_people(1))


def impute(study: tk.Study, *names: str, **options: object) -> tk.effects.Imputations:
    given = {"outcome": "cramps", "exposure": "exposed", "predictors": ("school",), "m": 3, "iterations": 3}
    return tk.effects.impute(study, names or ("income",), **{**given, **options})


ASKED = {"outcome": "cramps", "exposure": "exposed", "adjust": ("income",)}


def test_pooled_estimates_are_unbiased_where_those_of_complete_cases_are_not():
    complete, pooled, covered = [], [], 0
    for seed in range(24):
        study = open_people(draw_people(100 + seed, 1_600))
        complete.append(np.log(tk.association(study, **ASKED)["estimate"].item()))
        found = tk.effects.imputed(impute(study, m=5), tk.association, **ASKED)
        pooled.append(np.log(found["estimate"].item()))
        covered += found["conf_low"].item() <= np.exp(0.4) <= found["conf_high"].item()
    error = np.std(pooled, ddof=1) / np.sqrt(len(pooled))
    # Three standard errors of the mean over the replications, and the bias of complete cases.
    assert abs(np.mean(pooled) - 0.4) < 3 * error < 0.12
    assert np.mean(complete) - 0.4 < -0.3
    assert covered >= 20  # of 24; the 1st percentile of a binomial with 95%


def test_a_category_is_imputed_with_the_shares_that_it_has():
    people = draw_people(3, 4_000)
    rng = np.random.default_rng(8)
    lost = rng.random(people.height) < np.where(people["truth"] > 0, 0.5, 0.1)
    people = people.with_columns(
        known="school", income="truth", school=pl.when(~pl.Series(lost)).then("school")
    )
    study = open_people(people)
    made = impute(study, "school", predictors=("income",), m=10)
    assert made.diagnostics["method"].to_list() == ["sequential logits"]
    shares = tk.effects.imputed(made, tk.prevalence, "school")
    for truth, pooled, naive in zip(
        tk.prevalence(study, "known")["estimate"],
        shares["estimate"],
        tk.prevalence(study, "school")["estimate"],
        strict=True,
    ):
        assert abs(pooled - truth) < 0.02
        assert abs(naive - truth) > abs(pooled - truth)


def test_imputed_numbers_are_observed_ones_and_others_stay(study):
    own = study.people["income"]
    for one in impute(study):
        values = one.people["income"]
        assert values.null_count() == 0
        assert values.filter(own.is_null()).is_in(own.implode()).all()
        assert_frame_equal(one.people.filter(own.is_not_null()), study.people.filter(own.is_not_null()))


def test_the_same_seed_gives_the_same_values_in_any_order_of_the_rows_and_for_any_number(study):
    first = impute(study)[1].people["income"]
    assert first.equals(impute(study, m=5)[1].people["income"])
    assert not first.equals(impute(study, seed=2)[1].people["income"])
    assert not first.equals(impute(study)[0].people["income"])
    shuffled = open_people(draw_people(1).sample(fraction=1.0, shuffle=True, seed=4))
    again = impute(shuffled)[1].people.sort("person")["income"]
    assert again.equals(first)


def test_values_missing_by_design_or_without_a_weight_stay_missing():
    source = tk.open_study("simulated")
    made = tk.effects.impute(source, ("bmi", "education"), m=2, iterations=2)
    completed = made[1]
    for name, reasons in {"education": ["not asked"], "bmi": ["not examined"]}.items():
        before, after = (
            one.missing(name).filter(pl.col("reason").is_in(reasons)) for one in (source, completed)
        )
        assert before["n"].sum() > 400
        assert before.equals(after)
        assert made.missing.filter(variable=name, reason=reasons[0])["n_imputed"].item() == 0
    filled = source.people["bmi"].null_count() - completed.people["bmi"].null_count()
    assert filled == made.missing.filter(variable="bmi")["n_imputed"].sum()
    assert filled == made.diagnostics.filter(variable="bmi")["n_imputed"].item() > 150
    # A value has no reason to be missing.
    assert completed.people.filter(pl.col("bmi").is_not_null())["bmi.why"].null_count() == 12_000 - (
        completed.people["bmi"].null_count()
    )


def test_derived_variables_follow_their_imputed_sources(study):
    derived = study.derive("poor", "income < -0.5").cut("income", into=3).derive("same", "poor")
    assert {"poor", "same"} <= {*derived.derivations}
    made = impute(derived, "income", "poor")
    assert made.diagnostics["variable"].to_list() == ["income"]
    for one in made:
        expected = pl.Series(np.where(one.people["income"] < -0.5, "yes", "no"))
        for name in ("poor", "same"):
            assert one.people[name].cast(pl.String).equals(expected)
        assert one.people["income_thirds"].null_count() == 0
        assert one.people.columns == derived.people.columns


def test_a_derived_variable_is_no_predictor_of_its_source(study):
    derived = study.derive("poor", "income < -0.5")
    made, alone = (
        impute(one, predictors=p) for one, p in ((derived, ("poor", "school")), (study, ("school",)))
    )
    assert made[0].people["income"].equals(alone[0].people["income"])


def test_incomplete_predictors_are_imputed_in_the_chain_and_stay_missing(study):
    people = study.people.with_columns(school=pl.when(pl.col("person") % 7 > 0).then("school"))
    made = impute(open_people(pl.DataFrame(people)))
    assert made.diagnostics["variable"].to_list() == ["income"]
    assert made[0].people["income"].null_count() == 0
    assert made[0].people["school"].null_count() == people["school"].null_count()


def test_a_separated_level_gives_finite_chances(study):
    people = pl.DataFrame(study.people).with_columns(
        twin=pl.when(pl.col("person") % 9 > 0).then(pl.col("exposed") == 1)
    )
    one = impute(open_people(people), "twin")[0].people
    filled = one.filter(pl.col("person") % 9 == 0)
    agree = (filled["twin"].cast(pl.String) == "yes") == (filled["exposed"].cast(pl.String) == "yes")
    assert agree.mean() > 0.9


@pytest.mark.parametrize("kind", ["boolean", "0/1", "text"])
def test_imputed_levels_are_stored_as_the_column_stores_them(study, kind):
    values = {"boolean": pl.col("truth") > 0, "0/1": (pl.col("truth") > 0).cast(pl.Int8)}
    value = values.get(kind, pl.when(pl.col("truth") > 0).then(pl.lit("rich")).otherwise(pl.lit("poor")))
    people = pl.DataFrame(study.people).with_columns(
        wealth=pl.when(pl.col("person") % 5 > 0).then(value), income="truth"
    )
    source = open_people(people)
    one = impute(source, "wealth", predictors=("income",))[0]
    assert one.people["wealth"].dtype == source.people["wealth"].dtype
    assert one.people["wealth"].null_count() == 0
    assert 2 == one.people["wealth"].n_unique()


DESIGNS = {
    "PSUs": DESIGN,
    "PSUs without strata": tk.Design(weight="weight", psu="psu"),
    "strata": tk.Design(weight="weight", strata="stratum"),
    "weight": tk.Design(weight="weight"),
    "chained": tk.Design.none(),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_the_design_is_among_the_predictors(study, name):
    given = tk.study(pl.DataFrame(study.people), design=DESIGNS[name], name="p", smallest_cell=0)
    made = impute(given)
    assert name.split()[0] in made.description
    assert ("weight" in made.description) == (name != "chained")
    assert made[0].people["income"].null_count() == 0


def test_diagnostics_describe_each_variable(study):
    made = impute(study, m=4, iterations=12, predictors=("school",))
    row = made.diagnostics.row(0, named=True)
    lost = study.people["income"].null_count()
    assert (960 - lost, lost, "predictive mean matching") == (
        row["n_observed"],
        row["n_imputed"],
        row["method"],
    )
    assert row["observed"] == pytest.approx(study.people["income"].mean())
    drawn = [one.people["income"].filter(study.people["income"].is_null()) for one in made]
    assert row["imputed"] == pytest.approx(np.mean([own.mean() for own in drawn]))
    assert row["imputed_sd"] == pytest.approx(np.mean([own.std() for own in drawn]))
    assert made.distributions.select(pl.sum("observed", "imputed")).row(0) == pytest.approx((1, 1))
    # A single incomplete variable needs no iterations.
    assert made.trace["iteration"].unique().to_list() == [1]
    assert row["r_hat"] is None
    both = pl.DataFrame(study.people).with_columns(school=pl.when(pl.col("person") % 7 > 0).then("school"))
    chained = impute(open_people(both), "income", "school", m=4, iterations=12)
    assert chained.trace.height == 2 * 4 * 12
    assert (chained.diagnostics["r_hat"] < 1.5).all()


def test_what_is_mostly_imputed_is_remarked(study):
    people = pl.DataFrame(study.people).with_columns(income=pl.when(pl.col("person") % 3 == 0).then("truth"))
    assert "50%" in impute(open_people(people)).diagnostics["remark"].item()


def test_few_missing_values_are_not_shown(study):
    people = pl.DataFrame(study.people).with_columns(income=pl.when(pl.col("person") > 2).then("truth"))
    made = impute(tk.study(people, design=DESIGN, name="private"))
    row = made.diagnostics.row(0, named=True)
    assert {None} == {
        row[name] for name in ("n_observed", "n_imputed", "percent_imputed", "observed", "imputed")
    }
    assert made.missing["n"].to_list() == [None]
    assert made.trace.is_empty()
    assert made.distributions.is_empty()
    assert "few" in repr(made)
    assert made[0].people["income"].null_count() == 0


def test_refusals(study):
    with pytest.raises(tk.ToolkitError, match=mentioning("truth", "no values", "study.missing('truth')")):
        impute(study, "truth")
    with pytest.raises(tk.ToolkitError, match=mentioning("nothing_like_it")):
        impute(study, "nothing_like_it")
    with pytest.raises(tk.ToolkitError, match=mentioning("m=1")):
        impute(study, m=1)
    with pytest.raises(tk.ToolkitError, match=mentioning("outcome=...")):
        tk.effects.impute(study, "income")
    empty = pl.DataFrame(study.people).with_columns(income=pl.lit(None, pl.Float64))
    with pytest.raises(tk.ToolkitError, match=mentioning("income", "No participant has a value")):
        impute(open_people(empty))
