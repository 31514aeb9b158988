"""Sentences, to the letter."""

import polars as pl
import pytest

from tests.messages import mentioning
from tests.show import frames
from tests.show.frames import difference, mean, prevalence, ratio, result
from toolkit.display.text import sentences
from toolkit.display.text.sentences import finding
from toolkit.errors import VariableError

PER_UNIT = {
    "exposure": "bmi", "exposure_label": "body mass index", "level": "per unit", "level_label": "per 1 kg/m²",
    "reference": None,
}  # fmt: skip
SMOKING = {
    "exposure": "smoking", "exposure_label": "smoking", "level": "current", "level_label": "current",
    "reference": "never",
}  # fmt: skip


def test_a_ratio_names_both_groups_interval_adjustment_study_and_n():
    assert finding(result(ratio(1.287, 1.171, 1.428))) == (
        "Among people with diabetes, told by a doctor, the prevalence of any night-time leg cramps was "
        "1.29 times (95 % CI 1.17 to 1.43) that among people without, "
        "adjusted for age, sex, race/ethnicity and education "
        "(NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_odds_are_called_odds_and_levels_are_named():
    assert finding(result(ratio(1.4, 1.2, 1.6, **SMOKING, estimand="odds_ratio", adjust=""))) == (
        "In the group smoking: current, the odds of any night-time leg cramps were 1.40 times "
        "(95 % CI 1.20 to 1.60) those in the group never, not adjusted "
        "(NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_an_interval_that_includes_one_is_no_clear_difference():
    said = finding(result(ratio(1.05, 0.95, 1.16)))
    assert said.startswith("No clear difference: among people with diabetes, told by a doctor, ")
    assert "was 1.05 times that among people without" in said
    assert "; the 95 % interval from 0.95 to 1.16 includes 1 (" in said
    assert "significan" not in said


def test_an_interval_that_touches_one_includes_it():
    assert "the 95 % interval from 1.00 to 1.16 includes 1" in finding(result(ratio(1.05, 1.0, 1.16)))


def test_an_interval_just_above_one_is_not_rounded_onto_it():
    assert "(95 % CI 1.002 to 1.16)" in finding(result(ratio(1.05, 1.0021, 1.16)))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            difference(0.0634, 0.041, 0.085),
            "was 6.3 percentage points higher (95 % CI 4.1 to 8.5) than among",
        ),
        (
            difference(-0.02, -0.04, -0.001),
            "was 2.0 percentage points lower (95 % CI of the difference −4.0 to −0.1) than among people",
        ),
        (difference(-0.02, -0.04, 0.001), "; the 95 % interval from −4.0 to 0.1 includes 0 ("),
    ],
)
def test_differences_are_percentage_points_up_or_down(row, said):
    assert said in finding(result(row))


def test_a_continuous_exposure_multiplies_per_unit():
    assert finding(result(ratio(1.02, 1.01, 1.03, **PER_UNIT, adjust=""))) == (
        "Per 1 kg/m² more of body mass index, the prevalence of any night-time leg cramps was "
        "multiplied by 1.02 (95 % CI 1.01 to 1.03), not adjusted (NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_a_mean_has_its_unit():
    assert finding(result(mean(28.441, 28.1, 28.8))) == (
        "The mean of body mass index was 28.44 kg/m² (95 % CI 28.10 to 28.80) "
        "(NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_the_most_adjusted_estimate_leads_and_the_others_follow():
    said = finding(frames.crude_and_adjusted())
    assert "was 1.29 times (95 % CI 1.17 to 1.43)" in said
    assert said.endswith(
        "; crude prevalence ratio 1.35 (95 % CI 1.22 to 1.49); "
        "prevalence difference 6.3 percentage points (95 % CI 4.1 to 8.5) "
        "(NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_of_several_groups_the_extremes_are_told_and_what_is_lost():
    assert finding(frames.by_sex_and_age()) == (
        "Of 6 groups, the prevalence of any night-time leg cramps was lowest for sex: male, 20-39, "
        "20.0 % (95 % CI 17.0 to 23.5) and highest for sex: female, 40-59, 36.0 % (95 % CI 33.0 to 39.5); "
        "1 too unreliable to show; 1 could not be estimated (NHANES 2005-2008, age ≥ 20)."
    )


def test_of_several_comparisons_it_is_told_how_many_intervals_include_one():
    rows = (
        ratio(1.4, 1.1, 1.8),
        ratio(0.9, 0.7, 1.2, **SMOKING),
        ratio(1.1, 0.9, 1.3, **{**SMOKING, "level": "former"}),
    )
    said = finding(result(*rows))
    assert "adjusted for age, sex, race/ethnicity and education; 2 of the 3 intervals include 1 (" in said


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ("; both intervals include 1 (", [(0.9, 1.4), (0.7, 1.2)]),
        ("; neither interval includes 1 (", [(1.1, 1.4), (1.2, 1.5)]),
        ("; 1 of the 2 intervals includes 1 (", [(1.1, 1.4), (0.7, 1.2)]),
        ("; every interval includes 1 (", [(0.9, 1.4), (0.7, 1.2), (0.8, 1.3)]),
        ("; no interval includes 1 (", [(1.1, 1.4), (1.2, 1.5), (1.3, 1.6)]),
    ],
)
def test_how_many_intervals_include_one_is_said_as_people_say_it(said, ends):
    rows = [ratio(1.05, low, high, level=f"level {i}") for i, (low, high) in enumerate(ends)]
    assert said in finding(result(*rows))


def test_bare_yes_and_no_groups_are_named_by_their_variable():
    rows = [
        prevalence(0.29, 0.27, 0.31, diabetes_told="no"),
        prevalence(0.47, 0.43, 0.51, diabetes_told="yes"),
    ]
    said = finding(result(*rows, by=("diabetes_told",)), labels={"diabetes_told": "diabetes"})
    assert "was lowest for diabetes: no, 29.0 %" in said
    assert "highest for diabetes: yes, 47.0 %" in said


def test_a_reference_of_yes_is_told_as_with_and_without():
    row = ratio(
        1.2, 1.1, 1.3, exposure_label="regular stretching", level="no", level_label="no", reference="yes"
    )
    said = finding(result(row))
    assert said.startswith("Among people without regular stretching, ")
    assert " that among people with it, " in said


def test_a_suppressed_number_is_not_in_the_sentence():
    said = finding(result(prevalence(0.313, 0.11, 0.62, **frames.UNSURE)))
    assert said == (
        "The prevalence of any night-time leg cramps is not shown, because it is too unreliable "
        "(the effective sample size of 18 is under 30) (NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )
    assert "31.3" not in said


def test_a_failure_tells_its_reason():
    said = finding(result(ratio(None, None, None, reliability="failed", reason="everyone has diabetes.")))
    assert said == (
        "The prevalence ratio of any night-time leg cramps by diabetes, told by a doctor, yes vs no "
        "could not be estimated: everyone has diabetes (NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_nothing_to_show_is_said():
    rows = [prevalence(0.3, 0.1, 0.6, **frames.UNSURE, sex=sex) for sex in ("male", "female")]
    assert finding(result(*rows, by=("sex",))).startswith(
        "None of the 2 estimates of the prevalence of any night-time leg cramps can be shown; "
        "2 too unreliable to show"
    )


def test_simulated_data_are_called_so_in_every_sentence():
    simulated = frames.simulated(frames.crude_and_adjusted())
    assert finding(simulated).startswith("SIMULATED DATA, no real people: Among people with diabetes")
    assert all(said.startswith("SIMULATED DATA") for said in sentences.findings(simulated))


def test_labels_replace_names_of_by_and_adjust():
    said = finding(result(ratio(1.4, 1.1, 1.8, adjust="age, ses")), labels={"ses": "income"})
    assert "adjusted for age and income" in said


def test_findings_gives_a_sentence_a_row():
    said = sentences.findings(frames.by_sex_and_age())
    assert len(said) == 6
    assert said[4] == (
        "In the group sex: female, age group: 40-59, the prevalence of any night-time leg cramps was "
        "36.0 % (95 % CI 33.0 to 39.5); to be read with care: fewer than 8 degrees of freedom "
        "(NHANES 2005-2008, age ≥ 20, n = 1,800)."
    )


def test_weight_and_errors():
    rows = [ratio(1.2, 1.1, 1.3, variance="linearised", df=df) for df in (28.0, 30.0)]
    assert sentences.weight_sentence(result(*rows)) == (
        "Estimates use the interview weight; "
        "standard errors are linearised, with 28 to 30 degrees of freedom."
    )
    bare = result(ratio(1.2, 1.1, 1.3, weight="none", variance="robust", df=900.0))
    assert sentences.weight_sentence(bare) == (
        "Estimates use no weight; standard errors are robust (no design), with 900 degrees of freedom."
    )


def test_reliability_counts_flags_with_their_reasons():
    assert sentences.reliability_sentence(frames.by_sex_and_age()) == (
        "3 of 6 estimates are fit to be shown; 1 should be read with care (fewer than 8 degrees of freedom); "
        "1 too unreliable to show (the effective sample size of 18 is under 30); "
        "1 could not be estimated (nobody in this group)."
    )
    assert (
        sentences.reliability_sentence(frames.crude_and_adjusted()) == "All 4 estimates are fit to be shown."
    )


def test_missing_values_are_counted():
    assert sentences.missing_sentence(result({"n": 9880, "n_missing": 120})) == (
        "9,880 people had a value in every variable of the analysis; 120 more of the domain (1.2 %) had not."
    )
    assert sentences.missing_sentence(result({"n": 9880, "n_missing": 0})) == (
        "All 9,880 people of the domain had a value in every variable of the analysis."
    )
    assert sentences.missing_sentence(result({"n": 5, "n_missing": 1}, {"n": 9, "n_missing": 3})) == (
        "Between 5 and 9 people stand behind each estimate; a missing value left out between 1 and 3."
    )


def test_flow_adds_up():
    assert sentences.flow_sentence(frames.flow()) == (
        "Of 20,497 people, 10,877 are in the analysis; 9,620 left: outside the domain (9,583), "
        "no value recorded (17), don't know (14) and refused (6)."
    )


def test_availability_joins_cycles_of_one_reason():
    rows = [
        ("circulation", "pad", "2005-2006", "not measured", "the examination ended in 2004", 0, 100.0),
        ("circulation", "pad", "2007-2008", "not measured", "the examination ended in 2004", 0, 100.0),
        ("diabetes", "diabetes_told", "2005-2006", "measured", "", 5000, 0.1),
    ]
    columns = ["cause", "exposure", "cycle", "status", "reason", "n", "percent_missing"]
    assert sentences.availability_sentences(pl.DataFrame(rows, schema=columns, orient="row")) == [
        "Peripheral artery disease is not measured in 2005-2006 and 2007-2008: the examination ended in 2004."
    ]


def test_a_frame_of_something_else_is_refused_with_what_to_give():
    with pytest.raises(VariableError, match=mentioning("tk.finding", "29", "30", "tk.prev")):
        finding(pl.DataFrame({"estimate": [1.0]}))
    with pytest.raises(VariableError, match=mentioning("'estimate'", "'estimat'")):
        finding(frames.crude_and_adjusted().rename({"estimate": "estimat"}))
    with pytest.raises(VariableError, match=mentioning("rows", "tk.prevalence")):
        finding(frames.crude_and_adjusted().clear())
    with pytest.raises(VariableError, match=mentioning("polars", "'dict'")):
        finding({"estimate": 1})


def test_an_exposure_that_is_not_measured_goes_by_its_label():
    row = {
        "cause": "circulation",
        "exposure": "non_compressible",
        "cycle": "2005-2006",
        "status": "not measured",
    }
    row |= {"reason": "the examination ended in 2004", "n": 0, "percent_missing": None}
    said = sentences.availability_sentences(
        pl.DataFrame([row]), labels={"non_compressible": "stiff arteries"}
    )
    assert said == ["Stiff arteries is not measured in 2005-2006: the examination ended in 2004."]


@pytest.mark.parametrize(
    ("variance", "said"),
    [
        ("60 JKn replicates", "standard errors are by 60 JKn replicates"),
        ("linearised, raked", "standard errors are linearised for raked weights"),
        (
            "linearised, post-stratified, 5 imputations",
            "linearised for post-stratified weights over 5 imputations",
        ),
    ],
)
def test_the_way_to_variance_is_said(variance: str, said: str) -> None:
    assert said in sentences.weight_sentence(result({"weight": "w", "variance": variance}))


def test_several_outcomes_are_not_called_by_the_first():
    rows = [
        ratio(1.2 + k / 10, 1.1, 1.9, outcome=name, outcome_label=name)
        for k, name in enumerate(("sleep", "pain"))
    ]
    said = sentences.finding(result(*rows))
    assert "the prevalence ratio by diabetes, told by a doctor was lowest for sleep" in said


MODELS = {"age, sex": "Model 1", "age, sex, smoking, bmi": "Model 2"}


def test_models_are_named_and_the_covariates_of_the_main_one_are_listed_once():
    said = finding(result(*(ratio(1.2, 1.1, 1.3, adjust=adjust) for adjust in ("", *MODELS))), labels=MODELS)
    assert "(Model 2, adjusted for age, sex, smoking and body mass index)" in said
    assert said.count("adjusted for") == 1
    assert "Model 1 prevalence ratio 1.20" in said


def test_reasons_of_flags_are_counted_once_each_and_leave_calls_to_the_tables():
    texts = [
        "nobody is a case. Merge levels with study.derive(...)",
        *(f"only {n} persons with cramps, fewer than 10; not adjusted for pregnancy" for n in range(1, 6)),
    ]
    rows = (ratio(1.2, 1.1, 1.3, reliability="review", reason=text) for text in texts)
    said = sentences.reliability_sentence(result(*rows))
    assert "study.derive" not in said
    assert said.count("not adjusted for pregnancy") == 1
    assert "4 further reasons" in said
