import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import toolkit as tk
from toolkit.estimate.descriptive.prevalences import prevalence
from toolkit.estimate.survey import averages, draw

CLUSTERED = tk.Design(weight="w", strata="stratum", psu="psu")


def averaged(by=(), **columns):
    people = pl.DataFrame(
        {"x": [1.0, 2.0, 6.0, None], "w": [1.0, 1.0, 2.0, 5.0], "g": ["a", "b", "b", "b"], **columns}
    )
    sample = draw(tk.study(people, design=tk.Design(weight="w")), ["x", *by])
    return averages(sample, sample.numbers("x")[:, None], by)


def test_means_and_counts_of_everyone():
    (group,), matrix = averaged()
    assert (group.levels, group.persons, group.n, group.population, group.df) == ((), 4, 3, 4.0, 3)
    assert group.means.tolist() == [(1 + 2 + 2 * 6) / 4]
    # The influence values are -11/16, -7/16 and 18/16; persons without a value count as zero.
    assert matrix.item() == pytest.approx((11**2 + 7**2 + 18**2) / 16**2 * 4 / 3)
    assert group.variance.item() == matrix.item()


def test_spread_is_the_weighted_variance_between_persons():
    (group,), _ = averaged()
    assert group.between.item() == pytest.approx((2.75**2 + 1.75**2 + 2 * 2.25**2) / 4)


def test_groups_come_in_the_order_of_levels_and_share_the_covariance():
    groups, matrix = averaged(by=("g",))
    assert [group.levels for group in groups] == [("a",), ("b",)]
    assert [group.means.item() for group in groups] == [1.0, 14 / 3]
    assert [group.df for group in groups] == [0, 2]
    assert matrix.shape == (2, 2)
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(0.0)


def test_groups_of_several_variables_are_every_combination():
    groups, _ = averaged(by=("g", "h"), h=[True, False, False, False])
    assert [group.levels for group in groups] == [("a", "no"), ("a", "yes"), ("b", "no"), ("b", "yes")]
    assert [group.n for group in groups] == [0, 1, 2, 0]


def a_study(seed, people):
    """A random study of two to three strata with two to three PSUs each."""
    random = np.random.default_rng(seed)
    clusters = [(h, i) for h in range(random.integers(2, 4)) for i in range(random.integers(2, 4))]
    chosen = [clusters[k % len(clusters)] for k in range(people + len(clusters))]
    cramps = random.choice([0, 1, None], len(chosen), p=[0.5, 0.4, 0.1])
    return pl.DataFrame(
        {
            "stratum": [h for h, _ in chosen],
            "psu": [i for _, i in chosen],
            "w": random.gamma(2, 100, len(chosen)),
            "cramps": pl.Series(cramps.tolist(), dtype=pl.Int64),
            "sex": random.choice(["f", "m"], len(chosen)),
            "everyone": True,
        }
    )


def estimated(people, *columns, **options):
    study = tk.study(people, design=CLUSTERED)
    result = prevalence(study, outcome="cramps", by="sex", **options)
    return result.select(columns or pl.all().exclude("domain"))


def alike(expected, result):
    assert_frame_equal(expected, result, rel_tol=1e-9, abs_tol=1e-12)


random_studies = st.builds(a_study, st.integers(0, 2**32), st.integers(20, 80))
fixed = settings(derandomize=True, deadline=None, max_examples=40)


@fixed
@given(people=random_studies, factor=st.floats(1e-3, 1e3))
def test_scaling_the_weights_changes_nothing_but_the_population(people, factor):
    scaled = people.with_columns(pl.col("w") * factor)
    alike(estimated(people).drop("deff"), estimated(scaled).drop("deff"))


@fixed
@given(people=random_studies, seed=st.integers(0, 1000))
def test_the_order_of_people_does_not_matter(people, seed):
    alike(estimated(people), estimated(people.sample(fraction=1, shuffle=True, seed=seed)))


@fixed
@given(people=random_studies, person=st.integers(0, 19), share=st.floats(0.01, 0.99))
def test_a_person_may_stand_in_two_rows_that_share_the_weight(people, person, share):
    one = people[person]
    halves = [one.with_columns(pl.col("w") * part) for part in (share, 1 - share)]
    split = pl.concat([people[:person], people[person + 1 :], *halves])
    alike(estimated(people, "estimate", "std_error", "df"), estimated(split, "estimate", "std_error", "df"))


@fixed
@given(people=random_studies)
def test_a_domain_of_everyone_is_no_domain(people):
    alike(estimated(people), estimated(people, domain="everyone"))
