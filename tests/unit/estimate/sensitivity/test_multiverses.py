"""A multiverse has the rows of single associations, loses no combination, and its test has the right size."""

import os
from itertools import product

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.associations import shared_samples
from toolkit.estimate.sensitivity import sign_flips
from toolkit.results import covariates, variables_of

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value", "df", "n", "n_cases")
TEST = "sign_flip_test"


def keep_most(rng, values):
    """Remove one value in ten."""
    kept = pl.Series(rng.random(len(values)) > 0.1)
    return pl.select(pl.when(kept).then(pl.Series(values))).to_series()


def people(seed=5, strata=12, size=1_200, effect=0.1):
    """Draw people of an exposure with an effect, with values that are missing."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(20, 80, size)
    exposed = rng.random(size) < 0.2 + 0.004 * (age - 20)
    risk = 0.15 + effect * exposed + 0.003 * (age - 20)
    return pl.DataFrame({
        "stratum": np.arange(size) % strata, "psu": rng.integers(0, 2, size), "w": rng.gamma(3, 400, size),
        "age": age, "exposed": exposed, "dose": rng.normal(5 + 2 * exposed, 2),
        "cramps": rng.random(size) < risk, "often": rng.random(size) < risk / 2,
        "region": keep_most(rng, rng.choice(["a", "b", "c"], size)),
        "weight": keep_most(rng, rng.normal(70, 9, size)),
        "band": pl.Series(np.where(age < 40, "young", np.where(age < 60, "middle", "old"))),
    })  # fmt: skip


def study(frame=None, **options):
    design = tk.Design(weight="w", strata="stratum", psu="psu", nest=True)
    drawn = people() if frame is None else frame
    return tk.study(drawn, design=design, name="multiverse", **{"smallest_cell": 0, **options})


@pytest.fixture(scope="module")
def mine():
    return study()


def estimates(rows):
    return pl.DataFrame(rows).filter(pl.col("estimand") != TEST)


def expect_single(study, row, complete=()):
    """Compare a row with the association of the same arguments alone."""
    found = tk.association(
        study, row["outcome"], row["exposure"], adjust=tuple(covariates(row["adjust"])),
        domain=row["domain"], estimand=row["estimand"], complete=complete, allow_descendants=True,
    ).filter(level=row["level"])  # fmt: skip
    (single,) = found.rows(named=True)
    for name in NUMBERS:
        assert single[name] == (None if row[name] is None else pytest.approx(row[name], rel=1e-12)), name
    assert (single["weight"], single["reliability"]) == (row["weight"], row["reliability"])


def test_every_row_is_that_of_the_single_association(mine):
    rows = tk.multiverse(
        mine, ("cramps", "often"), ("exposed", "dose", "band"), adjust=((), ("rcs(age, 4)", "region")),
        domain=("", "age >= 40"), flips=0,
        estimand=("prevalence_ratio", "odds_ratio", "prevalence_difference"),
    )  # fmt: skip
    known = estimates(rows).filter(pl.col("estimate").is_not_null())
    # Four rows of three exposures, of which the domain lacks those who are young.
    assert known.height == 2 * 2 * 3 * (4 + 3)
    for row in known.rows(named=True):
        expect_single(mine, row)


def test_standardized_estimands_are_those_of_the_single_association(mine):
    measures = ("standardised_ratio", "standardised_difference")
    rows = tk.multiverse(mine, "cramps", "exposed", adjust=((), ("age",)), estimand=measures, flips=0)
    assert rows.height == 4
    for row in rows.rows(named=True):
        expect_single(mine, row)


def test_every_row_on_nhanes_is_that_of_the_single_association(nhanes):
    rows = tk.multiverse(
        nhanes, ("any_cramps", "frequent_cramps"), ("diabetes_told", "hba1c >= 6.5"),
        adjust=((), "small", "full"), missing=("complete", "common"), flips=0,
        domain={"adults": "age >= 20", "women": "age >= 20 and sex == 'female'"},
        estimand=("prevalence_ratio", "odds_ratio"),
    )  # fmt: skip
    derived = nhanes.derive("hba1c >= 6.5", "hba1c >= 6.5")
    assert rows.height == 2 * 2 * 3 * 2 * 2 * 2
    every = variables_of(name for text in rows["adjust"].unique() for name in covariates(text))
    complete = (*every, *rows["outcome"].unique(), *rows["exposure"].unique())
    assert rows.filter(missing_values="common")["n"].n_unique() == 2, "one sample for each domain"
    for row in rows.filter(pl.col("reliability") != "failed").rows(named=True):
        expect_single(derived, row, complete if row["missing_values"] == "common" else ())


def test_missing_values_are_handled_as_each_option_says(mine):
    adjust = ("region", "weight")
    rows = tk.multiverse(
        mine, ("cramps", "often"), "exposed", adjust=((), adjust),
        missing=("complete", "indicator", "common"), flips=0,
    )  # fmt: skip
    shown = {(row["adjustment_set"], row["missing_values"], row["outcome"]): row for row in rows.to_dicts()}
    everyone, frame = mine.people.height, people()
    known = frame.filter(pl.col("region").is_not_null(), pl.col("weight").is_not_null()).height
    assert shown["region, weight", "complete", "cramps"]["n"] == known
    assert shown["crude", "common", "cramps"]["n"] == known
    assert shown["crude", "complete", "cramps"]["n"] == everyone
    indicator = shown["region, weight", "indicator", "cramps"]
    assert indicator["n"] == everyone
    assert indicator["adjust"] == "region_or_missing, weight_or_median, weight_missing"
    filled = study(frame.with_columns(
        pl.col("region").fill_null("missing").alias("region_or_missing"),
        pl.col("weight").fill_null(pl.col("weight").median()).alias("weight_or_median"),
        pl.col("weight").is_null().alias("weight_missing"),
    ))  # fmt: skip
    expect_single(filled, indicator)
    for outcome, name in product(("cramps", "often"), ("complete", "indicator")):
        repeated = shown["region, weight" if name == "common" else "crude", "indicator", outcome]
        assert mentions(repeated["reason"], "specification")


def test_a_combination_that_cannot_exist_or_repeats_another_is_a_row_with_the_reason(mine):
    rows = tk.multiverse(
        mine, "cramps", ("exposed", "dose"), adjust={"none": (), "dose": "dose", "both": ("age", "dose"),
        "turned": ("dose", "age")}, domain=("", "age > 90"), flips=0,
    )  # fmt: skip
    assert rows.height == rows["specification"].n_unique() == 2 * 4 * 2
    lost = {row["specification"]: row["reason"] for row in rows.filter(reliability="failed").to_dicts()}
    own = rows.filter(exposure="dose", domain="").filter(pl.col("adjustment_set") != "none")
    assert all(mentions(lost[number], "'dose'", "exposure") for number in own["specification"])
    nobody = rows.filter(pl.col("domain") == "age > 90", exposure="exposed", adjustment_set="none")
    assert mentions(lost[nobody["specification"].item()], "'age > 90'")
    first, turned = (
        rows.filter(domain="", exposure="exposed", adjustment_set=name)["specification"].item()
        for name in ("both", "turned")
    )
    assert mentions(lost[turned], f"specification {first}")


def test_a_variable_that_was_not_measured_fails_its_own_specifications_alone(nhanes):
    absent = nhanes.variables().filter(pl.col("n").fill_null(0) == 0)["name"][0]
    rows = tk.multiverse(
        nhanes, "any_cramps", "arthritis", adjust=(("age",), ("age", absent)),
        missing=("complete", "indicator", "common"), flips=0,
    )  # fmt: skip
    lost = rows.filter(pl.col("adjustment_set") != "age")
    assert set(lost["reliability"]) == {"failed"}
    assert all(mentions(reason, f"'{absent}'") for reason in lost["reason"])
    found = rows.filter(adjustment_set="age")["reason", "estimate"].rows()
    # Nobody lacks age, so that the three ways are one.
    assert [estimate is not None for _, estimate in found] == [True, False, False]


def test_a_spline_of_a_covariate_with_missing_values_keeps_its_knots(mine):
    rows = tk.multiverse(
        mine, "cramps", "exposed", adjust=((), ("rcs(weight, 60, 70, 80)",)), missing="indicator", flips=0
    )
    found = rows.filter(specification="2")
    assert found["adjust"].item() == "rcs(weight_or_median, 60, 70, 80), weight_missing"
    assert found["n"].item() == mine.people.height


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ("one specification", "tk.association")),
        ({"exposure": ["exposed", "dos"]}, ("'dos'", "'dose'")),
        ({"outcome": ["cramps", "cramp"]}, ("'cramp'", "'cramps'")),
        ({"adjust": ((), ("ages",))}, ("'ages'", "'age'")),
        ({"domain": ("", "age >")}, "'age >'"),
        ({"domain": ("age > 1", "age > 1")}, ("'age > 1'", "domain")),
        ({"domain": ()}, "domain"),
        ({"domain": 5}, ("domain", "'int'")),
        ({"exposure": None}, ("exposure", "'NoneType'")),
        ({"outcome": {"a": 5}}, ("outcome", "'int'")),
        ({"adjust": ((), ("age",)), "confidence": "95%"}, "'confidence'"),
        ({"adjust": ((), ("age",)), "flips": "many"}, "flips"),
        ({"adjust": ((), ("age",)), "seed": -1}, "seed"),
        ({"missing": ("complete", "impute")}, ("'impute'", "indicator")),
        ({"estimand": ("odds_ratio", "odds")}, ("'odds'", "'odds_ratio'")),
        ({"adjust": ((), ("age",)), "flips": 5}, ("flips=5", "99")),
        ({"adjust": ((), ("age",)), "confidence": 95}, ("'confidence'", "95")),
    ],
)
def test_a_multiverse_that_cannot_be_is_refused(mine, given, told):
    with pytest.raises((VariableError, EstimationError), match=mentioning(told)):
        tk.multiverse(mine, **{"outcome": "cramps", "exposure": "exposed", **given})


def test_a_million_specifications_are_refused_before_anything_is_drawn(mine, monkeypatch):
    drawn = []
    monkeypatch.setattr(shared_samples, "draw", lambda *given: drawn.append(given))
    domains = [f"age > {age}" for age in range(1_000)]
    with pytest.raises(VariableError, match=mentioning(("1,000,000", "'domain'", "20,000"))):
        tk.multiverse(mine, [f"age > {k}" for k in range(500)], ("exposed", "dose"), domain=domains)
    assert drawn == []


def test_specifications_of_one_domain_share_a_sample(mine, monkeypatch):
    drawn, draw = [], shared_samples.draw
    monkeypatch.setattr(shared_samples, "draw", lambda *given: drawn.append(given[2]) or draw(*given))
    tk.multiverse(
        mine, ("cramps", "often"), ("exposed", "dose"), adjust=((), ("age",)), domain=("", "age > 30")
    )
    assert sorted(drawn) == ["", "age > 30"]


def test_comparisons_that_differ_are_told_apart(mine):
    rows = tk.multiverse(
        mine, "cramps", ("exposed", "dose > 6", "dose", "band"), adjust=((), ("region",)), flips=99
    )
    binary = rows.filter(comparison="yes vs no")
    assert set(binary["exposure"].drop_nulls()) == {"exposed", "dose > 6"}
    assert rows["comparison"].n_unique() == 4
    tests = rows.filter(estimand=TEST).group_by("comparison").len()
    assert set(tests["len"]) == {2}


# The joint test.


def naive_z(totals, stratum):
    """Divide a sum by the root of its variance between the PSUs of each stratum, one after another."""
    variance = 0.0
    for own in np.unique(stratum):
        t = totals[stratum == own]
        variance += len(t) / (len(t) - 1) * np.square(t - t.mean()).sum() if len(t) > 1 else t[0] ** 2
    return totals.sum() / np.sqrt(variance)


def test_flips_equal_variances_computed_one_by_one():
    rng = np.random.default_rng(4)
    sizes = (1, 2, 2, 3, 5, 12)
    stratum = np.repeat(np.arange(len(sizes)), sizes)
    totals, signs = rng.normal(size=(len(stratum), 4)), rng.choice([-1.0, 1.0], (30, len(stratum)))
    expected = [[naive_z(row * totals[:, k], stratum) for k in range(4)] for row in signs]
    np.testing.assert_allclose(sign_flips._flip(totals, signs, stratum), expected, rtol=1e-10)


def test_the_statistics_are_those_of_the_score_totals(mine):
    """In a crude linear model the score is the product of the deviations from the means."""
    domains = ("", "age >= 40", "age >= 60")
    rows = tk.multiverse(mine, "cramps", "dose", domain=domains, adjust=((),), flips=99,
                         estimand="prevalence_difference")  # fmt: skip
    z = []
    for low in (0, 40, 60):
        own = people().filter(pl.col("age") >= low)
        w, x, y = (own[name].cast(pl.Float64).to_numpy() for name in ("w", "dose", "cramps"))
        score = w * (y - w @ y / w.sum()) * (x - w @ x / w.sum())
        unit = own["stratum"].to_numpy() * 2 + own["psu"].to_numpy()
        z.append(naive_z(np.bincount(unit, score, minlength=24), np.arange(24) // 2))
    found = dict(rows.filter(estimand=TEST).select("level", "statistic").rows())
    assert found["median z"] == pytest.approx(abs(np.median(z)), rel=1e-9)
    assert found["largest absolute z"] == pytest.approx(np.abs(z).max(), rel=1e-9)


def test_a_test_of_few_units_gives_the_share_of_all_flips():
    frame = people(size=300, strata=3)
    rows = tk.multiverse(study(frame), "cramps", "dose", adjust=((),), domain=("", "age >= 30"), flips=4_999,
                         estimand="prevalence_difference")  # fmt: skip
    z = []
    for low in (0, 30):
        own = frame.filter(pl.col("age") >= low)
        w, x, y = (own[name].cast(pl.Float64).to_numpy() for name in ("w", "dose", "cramps"))
        score = w * (y - w @ y / w.sum()) * (x - w @ x / w.sum())
        totals = np.bincount(own["stratum"].to_numpy() * 2 + own["psu"].to_numpy(), score, minlength=6)
        z.append([naive_z(np.array(s) * totals, np.arange(6) // 2) for s in product((1, -1), repeat=6)])
    median = np.abs(np.median(z, axis=0))
    exact = (median >= median[0] * (1 - 1e-9)).mean()
    found = rows.filter(estimand=TEST, level="median z")["p_value"].item()
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 5_000) + 1e-3)


def test_specifications_of_other_weights_share_the_signs_of_their_units():
    """A PSU has one number in the samples of all weights."""
    simulated = tk.open_study("simulated")
    scores = sign_flips.ScoreTotals(simulated)
    samples = [shared_samples.draw(simulated, ["any_cramps", name]) for name in ("arthritis", "hba1c")]
    assert samples[0].units is not samples[1].units
    codes = [scores._read_codes(sample) for sample in samples]
    signs = [scores._sign(sample) for sample in samples]
    first, second = (
        {code: int(signed.sign[signed.row[psu]]) for psu, code in own.items()}
        for own, signed in zip(codes, signs, strict=True)
    )
    assert len(set(first.values())) == len(first) > 50
    assert first == second


def test_the_same_seed_gives_the_same_test_and_no_flips_give_none(mine):
    asked = {"outcome": "cramps", "exposure": "exposed", "adjust": ((), ("age",)), "flips": 199}
    assert_frame_equal(tk.multiverse(mine, **asked), tk.multiverse(mine, **asked))
    without = tk.multiverse(mine, **{**asked, "flips": 0})
    assert TEST not in set(without["estimand"])


def test_a_design_of_replicate_weights_says_why_it_has_no_test(mine):
    replicated = tk.survey.replicates(mine, method="JKn")
    rows = tk.multiverse(replicated, "cramps", "exposed", adjust=((), ("age",)), flips=99)
    tests = rows.filter(estimand=TEST)
    assert set(tests["reliability"]) == {"failed"}
    assert all(mentions(reason, "replicate weights") for reason in tests["reason"])
    assert rows.filter(pl.col("estimand") != TEST)["estimate"].null_count() == 0


def simulate_p(rng, strata, count, stratum_effect):
    """Draw score totals of related specifications at the null, and test them."""
    stratum = np.repeat(np.arange(strata), 2)
    means = stratum_effect * rng.normal(size=strata)
    # In a population whose association is 0, the means of its strata add up to 0.
    shared = rng.normal(size=(2 * strata, 1)) + (means - means.mean())[stratum, None]
    totals = 0.8 * shared + rng.normal(size=(2 * strata, count))
    signs = rng.choice([-1.0, 1.0], (99, 2 * strata))
    groups = {"": range(count)}
    observed, flipped = (
        sign_flips._summarize(sign_flips._flip(totals, s, stratum), groups)
        for s in (np.ones((1, 2 * strata)), signs)
    )
    return [(1 + (flipped[key] >= observed[key] * (1 - 1e-9)).sum()) / 100 for key in observed]


@pytest.mark.parametrize("stratum_effect", [0.0, 1.0])
def test_the_test_has_its_size_with_thirty_strata_of_two_units(stratum_effect):
    rounds, level = 1_000, 0.05
    rng = np.random.default_rng(20261130)
    p = np.array([simulate_p(rng, 30, 12, stratum_effect) for _ in range(rounds)])
    rejected = (p <= level).mean(axis=0)
    error = np.sqrt(level * (1 - level) / rounds)
    assert (rejected - level < 3.5 * error).all(), rejected
    # Where the strata differ, flips add their means to what all specifications share.
    assert stratum_effect or (level - rejected < 3.5 * error).all(), rejected


def test_the_test_finds_an_association_that_all_specifications_share():
    rows = tk.multiverse(
        study(people(effect=0.3)),
        "cramps",
        "exposed",
        adjust=((), ("region",)),
        domain=("", "age < 70"),
        flips=999,
    )
    assert rows.filter(estimand=TEST)["p_value"].max() < 0.05


@pytest.mark.skipif(not os.environ.get("CRAMPS_SIZE"), reason="CRAMPS_SIZE=1000 fits that many multiverses")
@pytest.mark.parametrize("strata", [15, 30])
def test_the_size_holds_from_participants_to_p_value(strata):
    from benchmarks.multiverse import measure_size

    rounds = int(os.environ["CRAMPS_SIZE"])
    rejected = measure_size(rounds, strata)
    assert (np.abs(np.array(rejected) - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / rounds) + 0.01).all()
