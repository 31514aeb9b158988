"""Sentences, to the letter."""

import polars as pl
import pytest

from tests.support import frames
from tests.support.frames import difference, mean, prevalence, ratio, result
from tests.support.messages import mentioning
from toolkit.display.text import finding, format_estimate, sentences
from toolkit.errors import VariableError
from toolkit.results import frame

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
        "Participants with diabetes, told by a doctor were 1.29 times as likely to have any night-time leg "
        "cramps as those without (prevalence ratio 1.29, 95% CI 1.17 to 1.43), "
        "adjusted for age, sex, race/ethnicity and education "
        "(NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_levels_are_named_by_level_and_reference():
    assert finding(result(ratio(1.4, 1.2, 1.6, **SMOKING, estimand="odds_ratio", adjust=""))) == (
        "The crude odds ratio of any night-time leg cramps for smoking (current vs never) was 1.40 "
        "(95% CI 1.20 to 1.60) (NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


@pytest.mark.parametrize("low", [0.95, 1.0, 1.01])
def test_a_sentence_gives_no_verdict(low):
    said = finding(result(ratio(1.05, low, 1.16)))
    assert f"(prevalence ratio 1.05, 95% CI {low:.2f} to 1.16)" in said
    assert not any(verdict in said for verdict in ("significan", "clear", "no difference", "includes"))


def test_an_interval_just_above_one_is_not_rounded_onto_it():
    assert "95% CI 1.002 to 1.160)" in finding(result(ratio(1.05, 1.0021, 1.16)))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (difference(0.0634, 0.041, 0.085), "was 6.3 percentage points (95% CI 4.1 to 8.5), adjusted for"),
        (difference(-0.02, -0.04, 0.001), "was −2.0 percentage points (95% CI −4.0 to 0.1), adjusted for"),
    ],
)
def test_differences_are_percentage_points_with_their_sign(row, said):
    assert "prevalence difference in any night-time leg cramps for diabetes" in finding(result(row))
    assert said in finding(result(row))


def test_a_continuous_exposure_has_its_unit():
    assert finding(result(ratio(1.02, 1.01, 1.03, **PER_UNIT, adjust=""))) == (
        "The crude prevalence ratio of any night-time leg cramps for body mass index (per 1 kg/m²) was 1.02 "
        "(95% CI 1.01 to 1.03) (NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_a_mean_has_its_unit():
    assert finding(result(mean(28.441, 28.1, 28.8))) == (
        "The mean of body mass index was 28.44 kg/m² (95% CI 28.10 to 28.80) "
        "(NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_the_most_adjusted_estimate_leads_and_the_others_follow():
    said = finding(frames.crude_and_adjusted())
    assert "were 1.29 times as likely to have" in said
    assert said.endswith(
        "; crude prevalence ratio 1.35 (95% CI 1.22 to 1.49); "
        "prevalence difference 6.3 percentage points (95% CI 4.1 to 8.5) "
        "(NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_of_several_groups_the_range_is_given_and_what_is_lost():
    assert finding(frames.by_sex_and_age()) == (
        "The prevalence of any night-time leg cramps ranged from 20.0% (95% CI 17.0 to 23.5) for sex: male, "
        "20-39 to 36.0% (95% CI 33.0 to 39.5) for sex: female, 40-59; of 6 estimates, 1 was suppressed as "
        "unreliable and 1 was not estimated (NHANES 2005-2008, age ≥ 20)."
    )


def test_the_range_of_comparisons_has_their_common_adjustment():
    rows = [ratio(1.05 + k / 10, 0.9, 1.4, level=f"level {k}", level_label=f"level {k}") for k in range(3)]
    said = finding(result(*rows))
    assert "ranged from 1.05 (95% CI 0.90 to 1.40) for level 0 to 1.25 (95% CI 0.90 to 1.40)" in said
    assert ", adjusted for age, sex, race/ethnicity and education (" in said


def test_bare_yes_and_no_groups_are_named_by_their_variable():
    rows = [
        prevalence(0.29, 0.27, 0.31, diabetes_told="no"),
        prevalence(0.47, 0.43, 0.51, diabetes_told="yes"),
    ]
    said = finding(result(*rows, by=("diabetes_told",)), labels={"diabetes_told": "diabetes"})
    assert "29.0% (95% CI 27.0 to 31.0) for diabetes: no to" in said
    assert "47.0% (95% CI 43.0 to 51.0) for diabetes: yes (" in said


def test_a_reference_of_yes_is_told_as_with_and_without():
    row = ratio(
        1.2, 1.1, 1.3, exposure_label="regular stretching", level="no", level_label="no", reference="yes"
    )
    said = finding(result(row))
    assert said.startswith("Participants without regular stretching were 1.20 times as likely ")
    assert " as those with it (" in said


def test_a_suppressed_number_is_not_in_the_sentence():
    said = finding(result(prevalence(0.313, 0.11, 0.62, **frames.UNSURE)))
    assert said == (
        "The prevalence of any night-time leg cramps was suppressed as unreliable "
        "(the effective sample size of 18 is under 30) (NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )
    assert "31.3" not in said


def test_a_failure_tells_its_reason():
    said = finding(result(ratio(None, None, None, reliability="failed", reason="everyone has diabetes.")))
    assert said == (
        "The prevalence ratio of any night-time leg cramps for diabetes, told by a doctor (yes vs no) "
        "could not be estimated: everyone has diabetes (NHANES 2005-2008, age ≥ 20, n = 10,877)."
    )


def test_nothing_to_show_is_said():
    rows = [prevalence(0.3, 0.1, 0.6, **frames.UNSURE, sex=sex) for sex in ("male", "female")]
    assert finding(result(*rows, by=("sex",))).startswith(
        "None of the 2 estimates of the prevalence of any night-time leg cramps could be reported; "
        "of 2 estimates, 2 were suppressed as unreliable"
    )


def test_simulated_data_are_called_so_in_every_sentence():
    simulated = frames.simulated(frames.crude_and_adjusted())
    assert finding(simulated).startswith("SIMULATED DATA, no real people: Participants with diabetes")
    assert finding(simulated[2]).startswith("SIMULATED DATA, no real people: The crude")


def test_a_brief_finding_is_estimate_and_interval_alone():
    main = ratio(1.4, 1.1, 1.8, adjust="age, ses")
    said = finding(result(main), brief=True)
    assert said.startswith("The adjusted prevalence ratio of any night-time leg cramps for diabetes")
    assert said.endswith(" was 1.40 (95% CI 1.10 to 1.80).")
    levels = [{**main, "level": name, "level_label": name, "estimate": at} for name, at in
              (("low", 1.2), ("middle", 1.6), ("high", 1.5))]  # fmt: skip
    said = finding(result(*levels), brief=True)
    assert "ranged from 1.20 (95% CI 1.10 to 1.80) for low to 1.60" in said
    assert said.endswith("for middle.")
    failed = {**main, "reliability": "failed", "reason": "everyone has diabetes", "estimate": None}
    assert finding(result(failed), brief=True).endswith("could not be reported.")


def test_labels_replace_names_of_by_and_adjust():
    said = finding(result(ratio(1.4, 1.1, 1.8, adjust="age, ses")), labels={"ses": "income"})
    assert "adjusted for age and income" in said


def test_a_group_is_named_and_a_flag_has_its_reason():
    assert finding(frames.by_sex_and_age()[4]) == (
        "In the group sex: female and age group: 40-59, the prevalence of any night-time leg cramps was "
        "36.0% (95% CI 33.0 to 39.5); flagged for review: fewer than 8 degrees of freedom "
        "(NHANES 2005-2008, age ≥ 20, n = 1,800)."
    )


def test_reliability_counts_flags_with_their_reasons():
    assert sentences.reliability_sentence(frames.by_sex_and_age()) == (
        "3 of 6 estimates meet NCHS presentation standards; "
        "1 flagged for review (fewer than 8 degrees of freedom); "
        "1 suppressed as unreliable (the effective sample size of 18 is under 30); "
        "1 not estimated (nobody in this group)."
    )
    assert (
        sentences.reliability_sentence(frames.crude_and_adjusted())
        == "All 4 estimates meet NCHS presentation standards."
    )


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (
            [(9880, 120)],
            "9,880 participants had complete data; 120 (1.2%) were excluded for missing values.",
        ),
        ([(9880, 0)], "All 9,880 participants had complete data."),
        (
            [(50, 10), (90, 30)],
            "Sample sizes ranged from 50 to 90; 10 to 30 were excluded for missing values.",
        ),
        (
            [(50, 3), (90, 30)],
            "50 to 90 participants had complete data; few were excluded for missing values.",
        ),
        ([(5, 0), (9, 0)], "Sample sizes ranged from 5 to 9; none were excluded for missing values."),
        ([(None, None)], "The sample sizes were not recorded or are too small to be shown."),
    ],
)
def test_missing_values_are_counted(sizes, said):
    rows = [{"n": n, "n_missing": missing} for n, missing in sizes]
    assert sentences.missing_sentence(result(*rows)) == said


def test_flow_adds_up():
    assert sentences.flow_sentence(frames.flow()) == (
        "Of 20,497 participants, 10,877 were included in the analysis; 9,620 were excluded: "
        "outside the domain (9,583), no value recorded (17), don't know (14) and refused (6)."
    )


def test_availability_joins_cycles_of_one_reason():
    rows = [
        ("circulation", "pad", "2005-2006", "not measured", "the examination ended in 2004", 0, 100.0),
        ("circulation", "pad", "2007-2008", "not measured", "the examination ended in 2004", 0, 100.0),
        ("diabetes", "diabetes_told", "2005-2006", "measured", "", 5000, 0.1),
    ]
    columns = ["cause", "exposure", "cycle", "status", "reason", "n", "percent_missing"]
    assert sentences.availability_sentences(pl.DataFrame(rows, schema=columns, orient="row")) == [
        "Peripheral artery disease was not measured in 2005-2006 and 2007-2008 "
        "(the examination ended in 2004)."
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
        pl.DataFrame([row]), labels={"non_compressible": "arterial stiffness"}
    )
    assert said == ["Arterial stiffness was not measured in 2005-2006 (the examination ended in 2004)."]


def test_several_outcomes_are_not_called_by_the_first():
    rows = [
        ratio(1.2 + k / 10, 1.1, 1.9, outcome=name, outcome_label=name)
        for k, name in enumerate(("sleep", "pain"))
    ]
    said = sentences.finding(result(*rows))
    assert (
        "The prevalence ratio for diabetes, told by a doctor ranged from 1.20 (95% CI 1.10 to 1.90) for sleep"
        in said
    )


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


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ((1.29, 1.17, 1.43), "1.29 (1.17 to 1.43)"),
        ((12.3, 1.05, 144.96), "12.3 (1.1 to 145.0)"),
        ((0.03, 0.002, 0.45), "0.030 (0.002 to 0.450)"),
        ((1.02, 1.018, 1.022), "1.020 (1.018 to 1.022)"),
        ((1.05, 1.0021, 1.16), "1.050 (1.002 to 1.160)"),
        ((3e-9, 1e-9, 4e-8), "<0.000001 (<0.000001 to <0.000001)"),
    ],
)
def test_an_estimate_and_its_interval_are_rounded_together(found, told):
    assert told == format_estimate(ratio(*found))


@pytest.mark.parametrize("power", range(-12, 13, 3))
def test_only_zero_is_printed_as_zero(power):
    for estimand in ("prevalence", "mean", "mean_difference", "prevalence_ratio"):
        row = {**ratio(10.0**power, 0.5 * 10.0**power, 2 * 10.0**power), "estimand": estimand}
        assert "0.000000 " not in f"{format_estimate(row)} "
        assert not format_estimate(row).startswith("0 ")


@pytest.mark.parametrize("name", ["place", "size", "index"])
def test_groups_may_have_any_name(name):
    row = {"study": "a", "estimand": "prevalence", "outcome_label": "cramps", "reliability": "ok", "n": 90}
    row |= {"estimate": 0.3, "conf_low": 0.2, "conf_high": 0.4}
    text = finding(frame([{**row, name: "hill"}, {**row, name: "valley", "estimate": 0.35}], by=[name]))
    assert "hill" in text
    assert "valley" in text
