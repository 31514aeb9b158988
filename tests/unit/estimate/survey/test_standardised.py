import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import CLUSTERED, crowd, crowded, small
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.descriptive.prevalences import prevalence

AGES = {"(0,19]": 55901, "(19,39]": 77670, "(39,59]": 72816, "(59,Inf]": 45364}
BANDS = {"band": {"20-39": 77670, "40-59": 72816, "60+": 45364}}


def test_standardised_prevalences_equal_r(r_studies, expected):
    r = expected["nhanes/standardised"]["result"]
    result = prevalence(r_studies["nhanes"], outcome="HI_CHOL", by="RIAGENDR", standardise={"agecat": AGES})
    assert [str(code) for code in r["RIAGENDR"]] == result["RIAGENDR"].to_list()
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])


@pytest.mark.nhanes
def test_age_standardised_cramps_in_nhanes_equal_r(nhanes, expected_nhanes):
    r = expected_nhanes["prevalence/age-standardised"]["result"]
    result = prevalence(nhanes, outcome="any_cramps", by="sex", domain="age >= 20", standardise="us-2000")
    sexes = [{0: "male", 1: "female"}[code] for code in r["female"]]
    assert sexes == result["sex"].to_list()
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])


def test_the_composition_of_the_people_themselves_changes_nothing():
    study = crowded()
    own = dict(study.people.group_by("band").agg(pl.col("w").sum()).sort("band").iter_rows())
    plain = prevalence(study, outcome="cramps").row(0, named=True)
    standardised = prevalence(study, outcome="cramps", standardise={"band": own}).row(0, named=True)
    assert plain["estimate"] == pytest.approx(standardised["estimate"], rel=1e-12)
    # With the shares known, the error is another: that of the bands' prevalences alone.
    assert standardised["std_error"] != pytest.approx(plain["std_error"], rel=1e-3)


def test_it_is_the_mean_of_the_prevalences_by_band():
    study = crowded()
    by_band, matrix = prevalence(study, outcome="cramps", by="band", covariance=True)
    shares = np.array([77670, 72816, 45364]) / 195850
    row = prevalence(study, outcome="cramps", standardise=BANDS).row(0, named=True)
    equal(shares @ by_band["estimate"].to_numpy(), row["estimate"])
    equal(np.sqrt(shares @ matrix @ shares), row["std_error"])


def test_bands_of_years_are_the_same_as_levels():
    study = crowded()
    one, other = (prevalence(study, outcome="cramps", by="sex", standardise=s) for s in ("us-2000", BANDS))
    for column in ("estimate", "std_error", "conf_low", "conf_high", "df", "n", "n_missing"):
        equal(one[column], other[column])
    assert "age to the 2000 US standard population" == one["adjust"][0]
    assert "band to a standard of one's own" == other["adjust"][0]
    assert {"standardised_prevalence"} == set(one["estimand"])


def test_every_level_of_an_outcome_is_standardised():
    result, matrix = prevalence(crowded(), outcome="region", standardise=BANDS, covariance=True)
    assert 1 == pytest.approx(result["estimate"].sum())
    equal(result["std_error"], np.sqrt(matrix.diagonal()))


def test_people_of_unknown_age_are_missing_and_counted():
    people = crowd().with_columns(age=pl.when(pl.col("age") < 75).then("age"))
    row = prevalence(crowded(people), outcome="cramps", standardise="us-2000").row(0, named=True)
    assert people["age"].null_count() == row["n_missing"]


def test_a_group_without_people_of_a_band_is_a_failed_row():
    people = crowd().filter((pl.col("sex") == "f") | (pl.col("age") < 60))
    result, matrix = prevalence(
        crowded(people), outcome="cramps", by="sex", standardise="us-2000", covariance=True
    )
    assert ["ok", "failed"] == result["reliability"].to_list()
    assert mentions(result["reason"][1], "'60+'")
    assert np.isnan(matrix[1]).all()
    assert result["estimate"][1] is None


@pytest.mark.parametrize(
    ("standard", "domain", "told"),
    [
        ("us-2000", "", ("3", "'age >= 20'")),
        (tk.standard("us-2000", (15, 40), until=60), "", ("1", "'age >= 15'", "'age < 60'")),
        ("us-2000", "age >= 40", ("'20-39'", "bands=(40, 60)")),
        (tk.standard("us-2000", variable="sex"), "", ("'sex'", "variable='age'")),
        ({"sex": {"f": 1, "mm": 1}}, "", ("'sex'", "'mm'", "'m'")),
        ({"sex": {"f": 1}}, "", ("8", "'sex'")),
        ({"sex": {"f": 1, "m": 2}}, "sex == 'f'", "'m'"),
    ],
)  # fmt: skip
def test_a_standard_that_does_not_fit_the_people_says_what_to_do(standard, domain, told):
    ages = [16.0, 17.0, 18.0, 20.0, 35.0, 45.0, 50.0, 55.0, 58.0, 59.0, 41.0, 42.0, 43.0, 44.0, 46.0, 70.0]
    with pytest.raises(tk.EstimationError, match=mentioning(told)):
        prevalence(small(age=ages), outcome="cramps", standardise=standard, domain=domain)


def test_calibration_and_standard_are_linearized_together():
    """The standard error is that of the derivatives of the whole estimator, with its calibration."""
    people = crowd()
    totals, shares = {"f": 500_000.0, "m": 580_000.0}, {"20-39": 5 / 12, "40-59": 4 / 12, "60+": 3 / 12}
    design = tk.Design(**vars(CLUSTERED)).calibrated({"sex": totals})
    study = tk.study(people, design=design, name="calibrated and standardized", smallest_cell=0)
    sex, band, region = (people[name].cast(pl.String).to_numpy() for name in ("sex", "band", "region"))
    cramps, weight, age = (people[name].cast(pl.Float64).to_numpy() for name in ("cramps", "w", "age"))
    inside = (region == "south") & (age > 30)

    def standardize(weights):
        calibrated = weights.copy()
        for level, total in totals.items():
            calibrated[sex == level] *= total / weights[sex == level].sum()
        strata = [(share, inside & (band == level)) for level, share in shares.items()]
        return sum(share * np.average(cramps[own], weights=calibrated[own]) for share, own in strata)

    influence = np.empty(len(weight))
    for at, own in enumerate(weight):
        step = np.zeros(len(weight))
        step[at] = own * 1e-4
        influence[at] = own * (standardize(weight + step) - standardize(weight - step)) / (2 * step[at])
    sums = people.select("stratum", "psu", z=influence).group_by("stratum", "psu").sum()
    variance = sum(
        len(own) / (len(own) - 1) * np.square(own - own.mean()).sum()
        for own in (part["z"].to_numpy() for part in sums.partition_by("stratum"))
    )
    found = tk.prevalence(
        study,
        "cramps",
        by="region",
        domain="age > 30",
        standardize={"band": {"20-39": 5, "40-59": 4, "60+": 3}},
    ).filter(pl.col("region") == "south")
    np.testing.assert_allclose(found["estimate"].item(), standardize(weight), rtol=1e-12)
    np.testing.assert_allclose(found["std_error"].item(), variance**0.5, rtol=1e-7)
