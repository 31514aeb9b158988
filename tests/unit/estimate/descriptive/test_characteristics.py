import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.descriptive.table_one import describe
from toolkit.variables import why


def rows_of(frame, **wanted):
    for name, value in wanted.items():
        same = pl.col(name).is_null() if value is None else pl.col(name) == value
        frame = frame.filter(same)
    return frame


def test_people_are_counted_in_all_and_in_each_group():
    people = crowd().with_columns(sex=pl.when(pl.col("age") < 75).then("sex"))
    frame = describe(crowded(people), "age", by="sex")
    counts = rows_of(frame, estimand="people")
    assert [None, "f", "m"] == counts["sex"].to_list()
    known = people["sex"].drop_nulls()
    assert [900, (known == "f").sum(), (known == "m").sum()] == counts["n"].to_list()
    assert 1 == pytest.approx(counts["estimate"][1:].sum())
    lost = rows_of(frame, estimand="missing", outcome="sex")
    assert [people["sex"].null_count()] == lost["n_cases"].to_list()


def test_each_number_is_that_of_its_own_estimator():
    study = crowded()
    frame = describe(study, ("age", "region", "cramps", "sex"), by="band", numbers="both")
    for by, rows in (
        ((), frame.filter(pl.col("band").is_null())),
        ("band", frame.filter(pl.col("band").is_not_null())),
    ):
        means = tk.mean(study, "age", by=by)
        equal(means["estimate"], rows_of(rows, estimand="mean")["estimate"])
        equal(means["std_error"], rows_of(rows, estimand="mean")["std_error"])
        equal(tk.quantile(study, "age", by=by)["estimate"], rows_of(rows, estimand="quantile")["estimate"])
        regions = rows_of(rows, estimand="prevalence", outcome="region")
        equal(tk.prevalence(study, outcome="region", by=by)["estimate"], regions["estimate"])
        cramps = rows_of(rows, estimand="prevalence", outcome="cramps")
        equal(tk.prevalence(study, outcome="cramps", by=by)["conf_low"], cramps["conf_low"])


def test_both_levels_of_two_are_told_unless_they_are_yes_and_no():
    frame = describe(crowded(), ("sex", "cramps"))
    assert ["f", "m"] == rows_of(frame, outcome="sex", estimand="prevalence")["level"].to_list()
    assert 1 == pytest.approx(rows_of(frame, outcome="sex", estimand="prevalence")["estimate"].sum())
    assert [None] == rows_of(frame, outcome="cramps", estimand="prevalence")["level"].to_list()


def test_the_standard_deviation_is_the_root_of_the_variance_between_people():
    row = rows_of(describe(tk.study(crowd(), design=tk.Design.none()), "age"), estimand="standard_deviation")
    equal(crowd()["age"].std(), row["estimate"])


def test_missing_values_keep_their_reasons():
    study = tk.open_study("simulated")
    frame = describe(study, "sitting_hours", by="sex", domain="age >= 20", numbers="median")
    lost = rows_of(frame, estimand="missing")
    people = study.people.filter(pl.col("age") >= 20, pl.col("sitting_hours").is_null())
    for sex in (None, "male", "female"):
        own = people if sex is None else people.filter(pl.col("sex") == sex)
        wanted = dict(own.group_by(pl.col(why("sitting_hours")).cast(pl.String)).len().iter_rows())
        assert wanted == dict(rows_of(lost, sex=sex).select("level", "n_cases").iter_rows())
    assert {0.0} != set(lost["estimate"])
    equal(lost["n_cases"] / lost["n"], lost["estimate"])


def test_each_variable_has_the_weight_of_its_component():
    frame = describe(tk.open_study("simulated"), ("sitting_hours", "bmi"), domain="age >= 20")
    weights = frame.filter(pl.col("estimand") == "mean").select("outcome", "weight").rows()
    assert [("sitting_hours", "interview"), ("bmi", "examination")] == weights


def test_groups_are_tested_by_what_is_told():
    study = crowded()
    frame = describe(study, ("age", "region"), by="cramps")
    mean, table = rows_of(frame, estimand="term"), rows_of(frame, estimand="chi_square")
    t = tk.t_test(study, "age", "cramps").row(0, named=True)
    equal([t["statistic"] ** 2, t["p_value"]], [mean["statistic"].item(), mean["p_value"].item()])
    equal(tk.chi_square(study, "region", "cramps")["p_value"], table["p_value"])
    ranks = rows_of(describe(study, "age", by="band", numbers="median"), estimand="rank_test")
    equal(tk.rank_test(study, "age", "band", test="KruskalWallis")["p_value"], ranks["p_value"])
    assert describe(study, "age", by="cramps", test=False).filter(pl.col("p_value").is_not_null()).is_empty()


def test_means_of_more_groups_are_tested_together():
    row = rows_of(describe(crowded(), "age", by="region"), estimand="term").row(0, named=True)
    model = tk.term_test(crowded(), "age ~ region", "region", family="gaussian").row(0, named=True)
    equal([model["statistic"], model["p_value"]], [row["statistic"], row["p_value"]])
    assert (2.0, "region", "age") == (row["df_numerator"], row["exposure"], row["outcome"])


def test_what_cannot_be_tested_says_why_and_the_rest_stands():
    frame = describe(crowded(crowd().with_columns(one=pl.lit("a"))), ("one", "age"), by="sex")
    failed = frame.filter(pl.col("reliability") == "failed")
    assert [True] == [mentions(reason, "'one'") for reason in failed["reason"]]
    assert 1 == rows_of(frame, estimand="term", outcome="age").height


def test_a_variable_that_nobody_has_is_a_failed_row_and_the_rest_stands():
    people = crowd().with_columns(nights=pl.when(pl.col("age") < 40).then("nights"))
    frame = describe(crowded(people), ("nights", "age"), by="sex", domain="age >= 40")
    failed = rows_of(frame, outcome="nights", reliability="failed").row(0, named=True)
    assert mentions(failed["reason"], "'nights'")
    assert (people["age"] >= 40).sum() == rows_of(frame, outcome="nights", estimand="missing")["n_cases"][0]
    assert 3 == rows_of(frame, outcome="age", estimand="mean").height
    assert mentions(tk.table(frame).as_raw_html(), "nights")


def test_a_group_by_codes_or_without_people_of_a_level_is_a_column():
    people = crowd().with_columns(ward=pl.when(pl.col("age") < 50).then(3).otherwise(7))
    frame = describe(crowded(people), "sex", by="ward")
    assert [None, "3", "7"] == rows_of(frame, estimand="people")["ward"].to_list()


def test_it_stands_without_groups():
    frame = describe(crowded(), ("age", "nights"))
    assert "sex" not in frame.columns
    assert ["people", "mean", "standard_deviation", "mean", "standard_deviation", "missing"] == frame[
        "estimand"
    ].to_list()


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        (
            {"by": ("sex", "region")},
            tk.VariableError,
            ("2", "by='sex'", "domain="),
        ),
        (
            {"by": "age"},
            tk.VariableError,
            ("'age'", "study.cut('age')"),
        ),
        ({"variables": ("age", "age")}, tk.VariableError, "'age'"),
        ({"variables": "agee"}, tk.VariableError, ("'agee'", "'age'")),
        ({"numbers": "medians"}, tk.EstimationError, ("'medians'", "'median'")),
        ({"numbers": {"nights": "median"}}, tk.VariableError, "'nights'"),
        ({"domain": "age > 200"}, tk.EstimationError, ("'age > 200'", 900)),
    ],
)
def test_what_cannot_be_described_says_what_to_write(options, error, told):
    with pytest.raises(error, match=mentioning(told)):
        describe(crowded(), **{"variables": "age", **options})
