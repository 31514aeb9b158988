"""Hold what must be true of every descriptive estimator and test: weights, order, domains, replicates."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.invented import CLUSTERED, crowd

CALLS = {
    "total": lambda s, **o: tk.total(s, "nights", by="sex", **o),
    "people": lambda s, **o: tk.total(s, "region", **o),
    "ratio": lambda s, **o: tk.ratio(s, "nights", "diary", by="sex", **o),
    "quantile": lambda s, **o: tk.quantile(s, "age", by="sex", **o),
    "interpolated": lambda s, **o: tk.quantile(s, "age", 0.3, "hf7", **o),
    "standardised": lambda s, **o: tk.prevalence(s, outcome="cramps", by="sex", standardise="us-2000", **o),
    "table": lambda s, **o: tk.chi_square(s, "cramps", "region", **o),
    "wald": lambda s, **o: tk.chi_square(s, "cramps", "region", statistic="adjWald", **o),
    "t": lambda s, **o: tk.t_test(s, "age", "cramps", **o),
    "ranks": lambda s, **o: tk.rank_test(s, "untied", "cramps", **o),
    "groups": lambda s, **o: tk.rank_test(s, "untied", "region", test="vanderWaerden", **o),
    "term": lambda s, **o: tk.term_test(s, "cramps ~ age + region", "region", **o),
    "likelihood": lambda s, **o: tk.term_test(s, "cramps ~ age + region", "region", method="rao-scott", **o),
    "trend": lambda s, **o: tk.trend(s, outcome="cramps", over="band", degree=2, **o),
    "season": lambda s, **o: tk.cosinor(s, outcome="age", time="month", **o),
    "margin": lambda s, **o: tk.precision(s, outcome="cramps", **o),
    "plan": lambda s, **o: tk.precision(s, outcome="cramps", exposure="region", adjust="age", **o),
    "describe": lambda s, **o: tk.describe(s, ("age", "region", "nights"), by="sex", **o),
}  # fmt: skip
NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value", "df", "df_numerator")
# They have the size of the population, which the weights say.
SIZED = ("total", "people")


def people():
    noise = np.random.default_rng(9).random(900)
    return crowd().with_columns(untied=pl.Series(noise) + pl.col("nights").fill_null(0) / 10)


def numbers(name, frame, **options):
    found = CALLS[name](tk.study(frame, design=CLUSTERED, name="crowd"), **options)
    return found.select(
        [n for n in found.columns if n in (*NUMBERS, "sex", "level", "outcome", "n", "n_missing", "deff")]
    )


def alike(one, other, *without):
    assert_frame_equal(one.drop(without), other.drop(without), rel_tol=1e-8, abs_tol=1e-9)


@pytest.fixture(scope="module")
def plain():
    return {name: numbers(name, people()) for name in CALLS}


@pytest.mark.parametrize("name", sorted(set(CALLS) - set(SIZED)))
def test_the_scale_of_the_weights_does_not_matter(name, plain):
    alike(plain[name], numbers(name, people().with_columns(pl.col("w") * 250)), "deff")


@pytest.mark.parametrize("name", SIZED)
def test_a_total_grows_with_the_weights(name, plain):
    twice = numbers(name, people().with_columns(pl.col("w") * 2))
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(twice[column], 2 * plain[name][column].to_numpy(), rtol=1e-9)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_order_of_people_does_not_matter(name, plain):
    # Among equal values R's ranks and interpolation follow the file; here no two ages are equal.
    frame = people().with_columns(pl.col("age") + pl.Series(np.arange(900)) * 1e-7)
    alike(numbers(name, frame), numbers(name, frame.sample(fraction=1, shuffle=True, seed=4)))


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"interpolated", "ranks", "groups"}))
def test_a_person_may_stand_in_two_rows_that_share_the_weight(name, plain):
    frame = people()
    halves = [frame[:1].with_columns(pl.col("w") * share) for share in (0.3, 0.7)]
    split = numbers(name, pl.concat([frame[1:], *halves]))
    if name in (
        "describe",
        "margin",
        "plan",
    ):  # they count persons: shares of missing values, planned numbers
        return np.testing.assert_allclose(split["estimate"], plain[name]["estimate"], rtol=5e-3)
    columns = ["estimate", "std_error", "df"]
    return alike(plain[name].select(columns), split.select(columns))


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_domain_of_everyone_is_no_domain(name, plain):
    alike(plain[name], numbers(name, people(), domain="everyone"))


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_domain_keeps_the_strata_that_it_does_not_reach(name):
    frame = people()
    # People outside of a domain count as nobody: with values of their own or none, the result is the same.
    other = frame.with_columns(
        pl.when(pl.col("age") < 30).then(pl.lit(None)).otherwise(pl.col(n)).alias(n)
        for n in ("cramps", "nights")
    )
    alike(numbers(name, frame, domain="age >= 30"), numbers(name, other, domain="age >= 30"))


@pytest.fixture(scope="module")
def replicated():
    return tk.replicates(tk.study(people(), design=CLUSTERED, name="crowd"), method="JKn")


@pytest.mark.parametrize("name", sorted(CALLS))
def test_replicate_weights_give_about_the_linearised_errors(name, replicated, plain):
    found = CALLS[name](replicated)
    # What is planned is told from the standard error alone.
    exact = 0.12 if name in ("margin", "plan") else 1e-8
    for column, tolerance in (("estimate", exact), ("std_error", 0.12)):
        ours, theirs = (frame[column].cast(pl.Float64).to_numpy() for frame in (found, plain[name]))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance)
    tested = found["p_value"].drop_nulls().to_numpy()
    # A test's p-value moves with its error; on the scale of its logarithm not far.
    np.testing.assert_allclose(
        np.log(tested), np.log(plain[name]["p_value"].drop_nulls()), atol=0.8, rtol=0.3
    )


@pytest.mark.parametrize("name", SIZED)
def test_of_totals_the_jackknife_is_the_linearised_error(name, replicated, plain):
    found = CALLS[name](replicated)
    np.testing.assert_allclose(found["std_error"], plain[name]["std_error"], rtol=1e-9)
    assert {"linearised"} != set(found["variance"])
