import pytest

from tests.support.messages import mentions
from toolkit.estimate.survey.intervals import Proportion, interval
from toolkit.estimate.survey.reliability import (
    OK,
    for_review,
    judge_count,
    judge_mean,
    judge_proportion,
    judge_quantile,
)


def proportion(p, n_effective, df=31, counted=10_000):
    return Proportion(p, p * (1 - p) / n_effective if 0 < p < 1 else 0.0, df, counted, counted)


def judged(found, verdict, *facts):
    """Whether a verdict is this one, for a reason with these facts."""
    return found[0] == verdict and mentions(found[1], facts)


def width(p):
    low, high = interval(p, "korn-graubard-nchs")
    return high - low


def test_a_precise_proportion_is_shown():
    assert judge_proportion(proportion(0.3, 2000), 3000) is OK


def test_few_effective_persons_are_suppressed():
    assert judged(judge_proportion(proportion(0.5, 29.4), 5000), "suppress", "sample size", 29, 30)
    assert "sample size" not in (judge_proportion(proportion(0.5, 30), 5000)[1] or "")


def test_the_effective_n_is_never_more_than_the_persons_counted():
    assert judge_proportion(proportion(0.5, 500, counted=25), 12)[0] == "suppress"


@pytest.mark.parametrize(("p", "cases", "who"), [(0.0, 0, "none"), (1.0, 200, "all")])
def test_nobody_or_everybody_is_reviewed_if_there_are_enough_persons(p, cases, who):
    assert judged(judge_proportion(proportion(p, 1, counted=200), cases), "review", who, 200)


def test_nobody_of_few_is_suppressed():
    assert judged(judge_proportion(proportion(0.0, 1, counted=29), 0), "suppress", "sample size", 29, 30)


def test_an_interval_of_five_points_is_shown_however_rare_the_case():
    rare = proportion(0.005, 400)
    assert width(rare) <= 0.05
    assert width(rare) / 0.005 > 1.3
    assert judge_proportion(rare, 50) is OK


def test_an_interval_of_thirty_points_is_suppressed():
    wide = proportion(0.5, 40)
    assert width(wide) >= 0.30
    points = f"{100 * width(wide):.0f}"
    assert judged(judge_proportion(wide, 5000), "suppress", "interval", points, 30)


def test_a_relatively_wide_interval_is_suppressed():
    loose = proportion(0.04, 100)
    assert 0.05 < width(loose) < 0.30
    verdict, reason = judge_proportion(loose, 400)
    assert verdict == "suppress"
    assert mentions(reason, "1.3")


def test_an_unreliable_complement_is_a_footnote():
    common = proportion(0.96, 100)
    assert judge_proportion(common, 9600)[0] == "ok"
    assert mentions(judge_proportion(common, 9600)[1], "complement")


def test_few_degrees_of_freedom_are_reviewed():
    assert judged(judge_proportion(proportion(0.3, 2000, df=7), 3000), "review", "degrees of freedom", 7, 8)
    assert judge_proportion(proportion(0.3, 2000, df=8), 3000) is OK


def test_few_degrees_of_freedom_and_an_unreliable_complement_are_both_told():
    verdict, reason = judge_proportion(proportion(0.96, 150, df=7), 9600)
    assert verdict == "review"
    assert mentions(reason, "7", "8", "complement")


def test_what_was_suppressed_is_not_reviewed():
    assert judge_proportion(proportion(0.5, 20, df=4), 5000)[0] == "suppress"


def test_without_degrees_of_freedom_nothing_is_shown():
    verdict, reason = judge_proportion(proportion(0.3, 2000, df=0), 3000)
    assert verdict == "suppress"
    assert mentions(reason, "degrees of freedom")
    assert judge_mean(1.0, 0.01, 0, 100) == (verdict, reason)


def test_means_need_thirty_effective_persons_and_a_small_relative_error():
    assert judge_mean(10.0, 1.0, 20, 400) is OK
    assert judged(judge_mean(10.0, 1.0, 20, 29), "suppress", "sample size", 29, 30)
    assert judged(judge_mean(-10.0, 9.0, 20, 400), "suppress", "standard error", 30)
    assert judge_mean(0.0, 1.0, 20, 400)[0] == "suppress"
    assert judged(judge_mean(10.0, 1.0, 7, 400), "review", "degrees of freedom", 7, 8)
    assert judge_mean(0.0, 0.0, 20, 400) is OK


def test_a_count_of_people_is_shown_from_ten_persons_and_a_fair_width_on():
    assert ("ok", None) == judge_count(1000.0, 10, 100.0**2, 30)
    assert judged(judge_count(1000.0, 9, 1.0, 30), "suppress", 9, 10)
    # 2 x 2.04 x 400 / 1000 is 1.63 times the estimate.
    assert judged(judge_count(1000.0, 50, 400.0**2, 30), "suppress", "interval", 1.6)
    assert judged(judge_count(1000.0, 50, 100.0**2, 7), "review", "degrees of freedom", 7, 8)
    assert "suppress" == judge_count(1000.0, 50, 100.0**2, 0)[0]


def test_a_quantile_is_judged_by_the_people_below_it():
    sound = Proportion(0.5, 0.001, 16, 2000, 2000)
    assert ("ok", None) == judge_quantile(sound, bounded=True)
    assert judged(judge_quantile(sound, bounded=False), "review", "interval")
    assert "suppress" == judge_quantile(Proportion(0.5, 0.01, 16, 2000, 2000), bounded=True)[0]
    assert "suppress" == judge_quantile(Proportion(0.5, 0.001, 0, 2000, 2000), bounded=True)[0]
    few = judge_quantile(Proportion(0.5, 0.001, 5, 2000, 2000), bounded=False)
    assert judged(few, "review", "degrees of freedom", 5, 8, "interval")


def test_what_is_worse_than_review_stays_so() -> None:
    row = {"reliability": "suppress", "reason": "only 9 persons"}
    assert {"reliability": "suppress", "reason": "a pilot; only 9 persons"} == for_review(row, "a pilot")
    assert row == for_review(row, "")
