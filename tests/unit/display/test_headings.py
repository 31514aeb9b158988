"""What rows have in common and what tells them apart."""

from tests.support import frames
from tests.support.frames import prevalence, ratio, result
from toolkit.display.text import head_rows, write_notes, write_title

SMOKING = {"exposure": "smoking", "exposure_label": "smoking", "reference": "never"}


def names(frame, **options):
    return [(item.head, item.label) for item in head_rows(frame, **options)]


def test_one_group_variable_needs_no_heading():
    rows = [prevalence(0.3, 0.2, 0.4, sex=sex) for sex in ("male", "female")]
    assert names(result(*rows, by=("sex",))) == [("", "male"), ("", "female")]


def test_two_group_variables_nest():
    assert names(frames.by_sex_and_age())[:4] == [
        ("sex: male", "20-39"),
        ("sex: male", "40-59"),
        ("sex: male", "60+"),
        ("sex: female", "20-39"),
    ]


def test_levels_and_adjustments_of_one_exposure_stand_together():
    rows = [
        ratio(1.2, 1.1, 1.3, **SMOKING, level=level, level_label=level, adjust=adjust)
        for adjust in ("", "age")
        for level in ("former", "current")
    ]
    frame = result(*rows, ratio(1.3, 1.2, 1.4))
    assert names(frame) == [
        ("smoking (vs never)", "former, crude"),
        ("smoking (vs never)", "current, crude"),
        ("smoking (vs never)", "former, adjusted for age"),
        ("smoking (vs never)", "current, adjusted for age"),
        ("diabetes, told by a doctor: yes vs no", "adjusted for age, sex, race/ethnicity and education"),
    ]


def test_exposures_of_one_comparison_each_need_no_heading():
    stroke = {"exposure": "stroke", "exposure_label": "stroke"}
    assert names(result(ratio(1.2, 1.1, 1.3), ratio(1.4, 1.2, 1.6, **stroke))) == [
        ("", "diabetes, told by a doctor: yes vs no"),
        ("", "stroke: yes vs no"),
    ]


def test_a_single_row_without_a_label_of_its_own_needs_no_heading_beside_others():
    age = {"exposure": "age", "exposure_label": "age", "level": "per unit", "level_label": "per 1 year"}
    levels = [ratio(1.2, 1.1, 1.3, **SMOKING, level=x, level_label=x) for x in ("former", "current")]
    assert names(result(ratio(1.0, 0.9, 1.1, **{**age, "reference": None}), *levels)) == [
        ("", "age: per 1 year"),
        ("smoking (vs never)", "former"),
        ("smoking (vs never)", "current"),
    ]


def test_rows_without_a_group_are_of_everyone():
    whole, part = prevalence(0.3, 0.2, 0.4), prevalence(0.4, 0.3, 0.5, sex="female")
    assert names(result(whole, part, by=("sex",))) == [("", "overall"), ("", "female")]


def test_labels_name_groups():
    labels = {"sex": "sex at birth"}
    assert names(frames.by_sex_and_age(), labels=labels)[0] == ("sex at birth: male", "20-39")
    assert write_title(frames.by_sex_and_age(), labels) == (
        "Prevalence of any night-time leg cramps by sex at birth and age group"
    )


def test_title_keeps_what_is_in_brackets_unless_it_is_a_unit():
    mild = prevalence(0.3, 0.2, 0.4, outcome_label="mild cramps (1 to 4 in the past month)")
    assert write_title(result(mild)) == "Prevalence of mild cramps (1 to 4 in the past month)"
    assert write_title(result(frames.mean(28.4, 28.1, 28.7))) == "Mean of body mass index"


def test_notes_say_only_what_holds_for_all_rows():
    assert write_notes(frames.crude_and_adjusted()) == [
        "NHANES 2005-2008; age ≥ 20; n = 10,877",
        "Yes compared with no; adjusted estimates account for age, sex, race/ethnicity and education",
    ]
    two = result(ratio(1.2, 1.1, 1.3), ratio(1.2, 1.1, 1.3, domain="age >= 60", n=4000))
    assert write_notes(two)[0] == "NHANES 2005-2008; n = 4,000 to 10,877 by row"
    assert (
        write_notes(result(ratio(1.2, 1.1, 1.3), ratio(1.2, 1.1, 1.3, domain="")))[0]
        == "NHANES 2005-2008; n = 10,877"
    )
    assert write_notes(frames.simulated(two))[0] == "SIMULATED DATA: no real people"


MODELS = {"age, sex": "Model 1", "age, sex, smoking, bmi": "Model 2"}


def of_sets(*sets):
    return result(*(ratio(1.2, 1.1, 1.3, adjust=adjust) for adjust in sets))


def test_models_are_named_by_their_label_and_their_covariates_are_listed_once():
    frame = of_sets("", *MODELS)
    assert names(frame, labels=MODELS) == [("", "crude"), ("", "Model 1"), ("", "Model 2")]
    assert write_notes(frame, MODELS)[-2:] == [
        "Model 1: adjusted for age and sex",
        "Model 2: Model 1 plus smoking and body mass index",
    ]


def test_a_model_without_a_covariate_keeps_its_name():
    frame = of_sets("age, smoking, bmi", "age, smoking")
    assert [item.label for item in head_rows(frame, MODELS)] == [
        "Model 2 without sex",
        "Model 2 without sex and body mass index",
    ]
    assert write_notes(frame, MODELS)[-1] == "Model 2: adjusted for age, sex, smoking and body mass index"


def test_a_set_that_is_not_a_named_one_is_listed_in_full():
    labels = {"age, sex, smoking, bmi, education": "Model 2"}
    frame = of_sets("", "age, sex", "age, income")
    assert [item.label for item in head_rows(frame, labels)] == [
        "crude",
        "adjusted for age and sex",
        "adjusted for age and income",
    ]
