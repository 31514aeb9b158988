"""The simulated study: near NHANES, drawn by an unequal clustered design, true to its model."""

import json
import math
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from tests.support.nhanes_files import write_nhanes
from toolkit.errors import DatasetError
from toolkit.sources.catalog import nhanes
from toolkit.sources.nhanes import open_nhanes
from toolkit.sources.nhanes.cycle_files import CYCLES
from toolkit.sources.simulated.sampled_study import NOT_SIMULATED, open_simulated
from toolkit.studies import Study, choose_weight
from toolkit.variables import REASONS, Variable, why
from toolkit.variables.codebook import codebook

ADULTS = "age >= 20"
REFERENCE = Path(__file__).parents[3] / "reference" / "nhanes" / "expected.json"
IN_WORDS = {"female == 1": "sex == 'female'", "female == 0": "sex == 'male'"}


@pytest.fixture(scope="module")
def population() -> Study:
    return open_simulated()


@pytest.fixture(scope="module")
def people(population: Study) -> pl.DataFrame:
    return population.people


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


def estimate(frame: pl.DataFrame, level: str | None = None) -> float:
    rows = frame if level is None else frame.filter(level=level)
    return float(rows["estimate"][0])


def test_it_draws_twelve_thousand_people_in_thirty_strata_of_two_psus(people: pl.DataFrame) -> None:
    assert people.height == 12_000
    assert people.select("stratum", "psu").unique().group_by("stratum").len()["len"].to_list() == [2] * 30
    cycles = people.group_by("cycle").agg(pl.col("stratum").n_unique()).sort("cycle")
    assert cycles.rows() == [("2005-2006", 15), ("2007-2008", 15)]


def test_the_same_seed_gives_the_same_people_and_another_seed_others(people: pl.DataFrame) -> None:
    assert open_simulated(seed=2005).people.equals(people)
    assert not open_simulated(seed=2006).people.equals(people)


def test_another_sample_of_the_same_population_has_other_people_and_the_same_size(
    people: pl.DataFrame,
) -> None:
    other = open_simulated(sample=1).people
    assert not other.equals(people)
    assert other.height == people.height


@pytest.mark.parametrize("n", [600, 1_001, 18_000])
def test_as_many_people_as_asked_for_are_drawn_with_weights_of_the_same_population(n: int) -> None:
    people = open_simulated(n=n).people
    assert people.height == n
    assert people["weight_interview"].sum() == pytest.approx(229e6, rel=0.05)


@pytest.mark.parametrize(
    "options", [{"seed": -1}, {"seed": 1.5}, {"n": 599}, {"n": True}, {"n": 20_000}, {"sample": "1"}]
)
def test_a_wrong_option_is_told_with_an_example(options: dict[str, object]) -> None:
    [name] = options
    with pytest.raises(DatasetError, match=rf"(?s)'{name}'.*tk\.open_study\('simulated', {name}=\d"):
        open_simulated(**options)  # type: ignore[arg-type]


def test_it_says_that_nobody_is_real(population: Study) -> None:
    assert population.simulated
    assert population.label == "SIMULATED study (no real people)"
    assert population.provenance["seed"] == 2005
    assert len(population.provenance["model_sha256"]) == 64
    result = tk.prevalence(tk.open_study("simulated"), outcome="any_cramps")
    assert "SIMULATED" in result["study"][0]


def in_nhanes(outcome: str, domain: str) -> tuple[float, float]:
    """Give R's prevalence and standard error in the real NHANES 2005-2008."""
    entries = {entry["id"]: entry["result"] for entry in json.loads(REFERENCE.read_text())["entries"]}
    result = entries[f"prevalence/{outcome}/{domain}"]
    return result["estimate"], result["se"]


@pytest.mark.parametrize("outcome", ["any_cramps", "mild_cramps", "frequent_cramps"])
@pytest.mark.parametrize(
    "domain", ["age >= 16", "age >= 20", "age >= 20 & female == 1", "age >= 20 & female == 0", "age >= 60"]
)
def test_prevalences_are_near_nhanes(study: tk.Study, outcome: str, domain: str) -> None:
    expected, std_error = in_nhanes(outcome, domain)
    words = domain.replace(" & ", " and ")
    for of_r, ours in IN_WORDS.items():
        words = words.replace(of_r, ours)
    found = tk.prevalence(study, outcome=outcome, domain=words)
    # As two surveys of one population would differ.
    assert abs(estimate(found) - expected) < 3 * math.hypot(std_error, found["std_error"][0])


@pytest.mark.parametrize("outcome", ["any_cramps", "frequent_cramps"])
def test_cramps_are_more_common_in_women_and_with_age(study: tk.Study, outcome: str) -> None:
    by_sex = dict(
        tk.prevalence(study, outcome=outcome, by="sex", domain=ADULTS).select("sex", "estimate").rows()
    )
    assert by_sex["female"] > 1.15 * by_sex["male"]
    by_age = tk.prevalence(study, outcome=outcome, by=("sex", "age_group"))
    for sex in ("male", "female"):
        rising = by_age.filter(sex=sex).sort("age_group")["estimate"]
        assert (rising.diff().drop_nulls() > 0).all()
        assert rising[-1] > 1.3 * rising[0]


# How far the mean may be from that of NHANES, in the variable's unit: a tenth of its spread between people.
@pytest.mark.parametrize(
    ("variable", "band"),
    [
        ("bmi", 0.7),
        ("hba1c", 0.1),
        ("serum_calcium", 0.04),
        ("serum_potassium", 0.035),
        ("serum_osmolality", 0.5),
    ],
)
def test_means_are_near_nhanes(study: tk.Study, nhanes: tk.Study, variable: str, band: float) -> None:
    expected = estimate(tk.mean(nhanes, variable, domain=ADULTS))
    assert estimate(tk.mean(study, variable, domain=ADULTS)) == pytest.approx(expected, abs=band)


@pytest.mark.parametrize(
    ("variable", "band"),
    [
        ("arthritis", 0.03),
        ("diabetes_told", 0.02),
        ("stroke", 0.01),
        ("hypertension_told", 0.03),
        ("smoked_100", 0.04),
        ("education", 0.04),
        ("race_ethnicity", 0.03),
        ("general_health", 0.04),
    ],
)
def test_shares_are_near_nhanes(study: tk.Study, nhanes: tk.Study, variable: str, band: float) -> None:
    expected = tk.prevalence(nhanes, outcome=variable, domain=ADULTS)
    found = tk.prevalence(study, outcome=variable, domain=ADULTS)
    assert found["level"].to_list() == expected["level"].to_list()
    assert (found["estimate"] - expected["estimate"]).abs().max() < band


def test_all_ten_causes_have_an_exposure_with_cases_at_every_level_in_use(study: tk.Study) -> None:
    for card in tk.cards().values():
        measured = study.people[card.main.name].drop_nulls()
        assert len(measured) > 4_000, card.name
        assert set(measured.unique()) == set(card.main.levels), card.name


def test_variables_that_all_studies_share_have_the_shared_words(population: Study) -> None:
    assert codebook().keys() <= population.codebook.keys()
    for name in codebook():
        own, shared = population.codebook[name], codebook()[name]
        assert (own.label, own.unit, own.kind) == (shared.label, shared.unit, shared.kind)
        assert own.component == shared.component
        drawn = own.measured and name != "cycle"
        assert not drawn or own.note.startswith("Simulated: no real person.")


def test_every_variable_has_question_and_asked_and_is_measured_in_both_cycles(population: Study) -> None:
    for name, variable in population.codebook.items():
        if name not in population.people.columns:
            continue
        if name != "cycle":
            assert variable.question, name
            assert variable.asked, name
        assert [a.status for a in variable.availability] == ["measured", "measured"], name
        assert population.people[name].dtype == variable.dtype, name


def test_a_variable_that_the_model_does_not_draw_is_not_measured_and_says_why(study: tk.Study) -> None:
    absent = [name for name in study.codebook if name not in study.people.columns]
    assert {"heart_failure", "lung_disease", "births", "work_status", "vitamin_d"} <= set(absent)
    for name in absent:
        assert [a.status for a in study.codebook[name].availability] == ["not measured"] * 2, name
        assert {a.reason for a in study.codebook[name].availability} == {NOT_SIMULATED}, name
    with pytest.raises(tk.VariableError, match=mentioning("drawn")):
        tk.prevalence(study, outcome="heart_failure")


def test_every_missing_value_has_its_reason_and_no_other(population: Study) -> None:
    people = population.people
    for name in (name for name in population.codebook if name in people.columns):
        if why(name) in people.columns:
            assert (people[name].is_null() == people[why(name)].is_not_null()).all(), name
        else:
            assert people[name].null_count() == 0, name


@pytest.mark.parametrize(
    ("variable", "reasons"),
    [
        ("cramp_frequency", {"refused", "don't know"}),
        ("arthritis", {"not asked", "don't know"}),
        ("bmi", {"not examined", "no value recorded"}),
        ("abi_left", {"not asked", "not examined", "could not be tested", "no value recorded"}),
        ("season", {"not examined"}),
    ],
)
def test_reasons_are_those_of_the_question(people: pl.DataFrame, variable: str, reasons: set[str]) -> None:
    found = set(people[why(variable)].drop_nulls().cast(pl.String))
    assert reasons <= found <= {*REASONS, "refused"}
    assert found - reasons <= {"refused"}


def test_who_was_not_asked_follows_the_question(people: pl.DataFrame) -> None:
    not_asked = people.filter(pl.col("arthritis.why") == "not asked")
    assert not_asked["age"].max() == 19
    assert people.filter(pl.col("abi_left").is_not_null())["age"].min() == 40
    never = people.filter(smoked_100="no")
    assert set(never["smokes_now.why"].cast(pl.String)) == {"not asked"}


def test_people_not_examined_have_no_examination_weight_and_no_measurement(people: pl.DataFrame) -> None:
    absent = people.filter(weight_examination=0)
    assert 0.03 < absent.height / people.height < 0.06
    assert absent["bmi"].null_count() == absent.height
    assert people.filter(pl.col("bmi.why") == "not examined").height == absent.height


def test_values_are_missing_more_often_where_the_value_matters(people: pl.DataFrame) -> None:
    examined = people.filter(pl.col("weight_examination") > 0)
    missing = examined.group_by(old=pl.col("age") >= 75).agg(share=pl.col("hba1c").is_null().mean())
    share = dict(missing.rows())
    assert share[True] > 1.2 * share[False]


def test_weights_stand_for_the_us_population_of_sixteen_and_older(people: pl.DataFrame) -> None:
    assert people["weight_interview"].sum() == pytest.approx(229e6, rel=0.01)
    assert people["weight_examination"].sum() == pytest.approx(229e6, rel=0.02)
    adults = people.filter(pl.col("age") >= 20)
    assert adults["weight_interview"].sum() == pytest.approx(212.6e6, rel=0.02)
    assert people["weight_interview"].min() > 0


def test_ignoring_the_weights_is_wrong_by_many_standard_errors(study: tk.Study) -> None:
    right = tk.prevalence(study, outcome="any_cramps", domain=ADULTS)
    wrong = tk.prevalence(replace(study, design=tk.Design.none()), outcome="any_cramps", domain=ADULTS)
    true = estimate(tk.truth(study, "any_cramps", domain=ADULTS))
    assert abs(estimate(right) - true) < 3 * right["std_error"][0]
    assert estimate(wrong) - true > 6 * right["std_error"][0]


def test_ignoring_the_clusters_makes_the_standard_error_too_small_by_half(study: tk.Study) -> None:
    right = tk.prevalence(study, outcome="any_cramps", domain=ADULTS)
    alone = replace(study, design=tk.Design(weight="weight_interview"))
    wrong = tk.prevalence(alone, outcome="any_cramps", domain=ADULTS)
    assert estimate(wrong) == pytest.approx(estimate(right), rel=1e-9)
    assert right["std_error"][0] > 1.5 * wrong["std_error"][0]


SAMPLES = range(4)
RECOVERED = {
    "arthritis": ("yes", ADULTS, ("age", "sex", "bmi", "work_posture")),
    "regular_stretching": ("no", ADULTS, ("age", "sex", "bmi", "education")),
    "plantar_flexed_night": ("yes", ADULTS, ("age", "sex", "bmi")),
    "pad": ("yes", "age >= 40", ("age", "sex", "smoking", "diabetes_told", "hypertension_told")),
}


@pytest.fixture(scope="module")
def samples() -> list[tk.Study]:
    return [tk.open_study("simulated", sample=k) for k in SAMPLES]


@pytest.mark.parametrize("exposure", RECOVERED)
def test_adjusted_ratios_recover_the_causal_ratio(samples: list[tk.Study], exposure: str) -> None:
    level, domain, adjust = RECOVERED[exposure]
    true = estimate(tk.truth(samples[0], "any_cramps", exposure, domain=domain), level)
    for study in samples:
        # In the written model posture at work comes before arthritis; in the diagram of NHANES it follows.
        fit = tk.association(
            study,
            outcome="any_cramps",
            exposure=exposure,
            adjust=adjust,
            domain=domain,
            allow_descendants=True,
        )
        distance = math.log(estimate(fit, level) / true)
        assert abs(distance) < 3.3 * fit.filter(level=level)["std_error"][0]


def test_the_crude_ratio_recovers_the_confounded_one_and_not_the_causal_one(samples: list[tk.Study]) -> None:
    causal = estimate(tk.truth(samples[0], "any_cramps", "arthritis", domain=ADULTS))
    observed = tk.truth(samples[0], "any_cramps", by="arthritis", domain=ADULTS)
    crude = estimate(observed.filter(arthritis="yes")) / estimate(observed.filter(arthritis="no"))
    for study in samples:
        fit = tk.association(study, outcome="any_cramps", exposure="arthritis", adjust=(), domain=ADULTS)
        reach = 3.3 * fit["std_error"][0] * estimate(fit)
        assert abs(estimate(fit) - crude) < reach
        assert estimate(fit) - causal > reach


def test_intervals_hold_the_true_prevalence_about_as_often_as_they_say() -> None:
    samples = [tk.open_study("simulated", sample=k) for k in range(20)]
    true = estimate(tk.truth(samples[0], "any_cramps", domain=ADULTS))
    held = 0
    for sample in samples:
        row = tk.prevalence(sample, outcome="any_cramps", domain=ADULTS)
        held += row["conf_low"][0] <= true <= row["conf_high"][0]
    # Of 20 intervals at 95 % fewer than 16 hold the truth once in 400 times, by chance alone.
    assert held >= 16


@pytest.fixture(scope="module")
def reread(population: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder: Path = tmp_path_factory.mktemp("nhanes")
    write_nhanes(population, folder)
    return open_nhanes(mirror=folder)


def test_the_nhanes_loader_reads_back_an_equal_study(population: Study, reread: Study) -> None:
    assert "SIMULATED" in reread.label
    assert reread.simulated
    for name in ("cycle", "stratum", "psu"):
        assert reread.people[name].equals(population.people[name]), name
    # Files hold each cycle's own weight; an analysis of both cycles has the weights of the study.
    for component in ("interview", "examination"):
        variable = Variable("x", "x", "number", component=component)
        choice = choose_weight(reread.design, [variable])
        told = population.people[f"weight_{component}"]
        assert reread.people.select(w=choice.expression)["w"].equals(told.alias("w")), component


def test_every_variable_that_nhanes_measured_comes_back_with_its_reasons(
    population: Study, reread: Study
) -> None:
    catalog = nhanes()
    pieces = {name: [catalog.measured(name, c) for c in CYCLES] for name in catalog.origins}
    # What follows from several answers by a formula does not give the answers back.
    written = [n for n, own in pieces.items() if not any(p and p.computed for p in own)]
    measured = [n for n in written if n in population.people.columns and n in reread.people.columns]
    assert len(measured) >= 20
    for name in measured:
        cycles = [a.cycle for a in reread.codebook[name].availability if a.status == "measured"]
        before, after = (
            p.people.filter(pl.col("cycle").cast(pl.String).is_in(cycles)) for p in (population, reread)
        )
        assert after[name].equals(before[name]), name
        # Up to 2006 NHANES tested and asked younger and older women than those of 20 to 44.
        if why(name) in before.columns and name not in ("pregnant", "breastfeeding"):
            assert after[why(name)].equals(before[why(name)]), name


def test_what_nhanes_did_not_measure_then_is_not_written(reread: Study) -> None:
    assert reread.people.filter(cycle="2005-2006")["sitting_hours"].null_count() == 6_000
    assert "abi_left" not in reread.people.columns
    assert "prone_share" not in reread.people.columns
    assert not reread.codebook["prone_share"].measured
