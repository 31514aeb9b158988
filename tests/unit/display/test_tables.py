"""Tables, by the HTML that they give."""

import re
from html import unescape

import polars as pl
import pytest

from tests.support import frames
from tests.support.frames import mean, prevalence, result
from tests.support.messages import mentioning
from toolkit.display.tables.result_table import table
from toolkit.errors import VariableError
from toolkit.results import AVAILABILITY_SCHEMA


def lines(frame: pl.DataFrame, **options) -> list[str]:
    """Give the table's rows as text, cells parted by |, footnote marks in brackets."""
    text = table(frame, **options).as_raw_html()
    text = re.sub(r'<span class="gt_footnote_marks"[^>]*>(\w+)</span>', r"[\1]", text[text.index("<table") :])
    rows = re.findall(r"<tr.*?</tr>", text, flags=re.DOTALL)
    cells = [re.findall(r"<t[dh].*?</t[dh]>", row, flags=re.DOTALL) for row in rows]
    return [" | ".join(unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row) for row in cells]


def test_measures_are_groups_with_their_units():
    shown = lines(frames.crude_and_adjusted())
    assert shown[2:9] == [
        " | Estimate (95% CI) | Cases | n",
        "Prevalence ratio",
        "crude | 1.35 (1.22 to 1.49) | 3,398 | 10,877",
        "adjusted | 1.29 (1.17 to 1.43) | 3,398 | 10,877",
        "Prevalence difference (percentage points)",
        "crude | 9.8 (6.3 to 13.3) | 3,398 | 10,877",
        "adjusted | 6.3 (4.1 to 8.5) | 3,398 | 10,877",
    ]


def test_heading_says_what_of_whom_against_whom_and_adjusted_for_what():
    shown = lines(frames.crude_and_adjusted())
    assert shown[0] == (
        "Prevalence ratio and prevalence difference of any night-time leg cramps "
        "by diabetes, told by a doctor"
    )
    assert shown[1] == (
        "NHANES 2005-2008; age ≥ 20; n = 10,877"
        "Yes compared with no; adjusted estimates account for age, sex, race/ethnicity and education"
    )


def test_flags_are_footnotes_and_an_unreliable_number_is_nowhere():
    shown = lines(frames.by_sex_and_age())
    assert " | Prevalence, % (95% CI) | Cases | n" in shown
    assert "60+ | not shown[a] | – | 1,800" in shown
    assert "20-39 | 20.0 (17.0 to 23.5) | – | 1,800" in shown, "it would give the suppressed number back"
    assert "40-59 | 36.0 (33.0 to 39.5)[b] | – | 1,800" in shown
    assert "60+ | –[c] | 0 | 0" in shown
    assert "[a] Suppressed as unreliable: the effective sample size of 18 is under 30." in shown
    assert "[b] Flagged for review: fewer than 8 degrees of freedom." in shown
    assert "[c] Not estimated: nobody in this group." in shown
    assert "28.0" not in " ".join(shown)


def test_one_reason_is_told_once():
    rows = [prevalence(0.3, 0.1, 0.6, **frames.UNSURE, sex=sex) for sex in ("male", "female")]
    shown = lines(result(*rows, by=("sex",)))
    assert sum("Suppressed" in line for line in shown) == 1
    assert sum("not shown[a]" in line for line in shown) == 2


def test_p_values_only_when_asked():
    frame = result(frames.ratio(1.3, 1.1, 1.5, p_value=0.0312))
    assert "p-value" not in " ".join(lines(frame))
    assert "p = 0.031" in " ".join(lines(frame, p_values=True))


def test_a_mean_has_its_unit_and_no_empty_column_of_cases():
    shown = lines(
        result(mean(28.441, 28.1, 28.8, sex="male"), mean(29.1, 28.7, 29.5, sex="female"), by=("sex",))
    )
    assert " | Mean, kg/m² (95% CI) | n" in shown
    assert "male | 28.44 (28.10 to 28.80) | 10,877" in shown


def test_simulated_is_loud():
    html = table(frames.simulated(frames.crude_and_adjusted())).as_raw_html()
    assert re.search(r'<strong style="color:#A84300">SIMULATED DATA: no real people</strong>', html)
    assert "SIMULATED DATA" not in table(frames.crude_and_adjusted()).as_raw_html()
    flow = frames.flow().with_columns(step=pl.lit("people in SIMULATED study"))
    assert "SIMULATED DATA" in table(flow).as_raw_html()


def test_weight_and_variance_stand_at_the_foot():
    shown = lines(result(prevalence(0.3, 0.2, 0.4, variance="linearised")))
    assert (
        "Weight: interview; standard errors: Taylor linearization. CI: confidence interval. "
        "Counts are unweighted."
    ) in shown


@pytest.mark.parametrize(
    ("variance", "said"),
    [
        ("60 JKn replicates", "standard errors: 60 JKn replicates."),
        ("linearised, raked", "standard errors: Taylor linearization, raked."),
        ("robust", "standard errors: robust (no design)."),
        ("exact, n / deff of all groups together (1.40)", "intervals without a standard error: exact."),
        ("inverse information, robust", "standard errors: inverse information with robust."),
    ],
)
def test_the_foot_names_the_variance_method(variance, said):
    assert any(said in line for line in lines(result(prevalence(0.3, 0.2, 0.4, variance=variance))))


def test_flow():
    shown = lines(frames.flow())
    assert "Step | Remaining | Excluded | Reason" in shown
    assert "in the domain: age ≥ 20 | 10,914 | 9,583 | outside the domain" in shown
    assert " | 10,901 | 7 | don't know" in shown


def test_availability_sets_cycles_of_one_answer_in_one_line():
    shown = lines(frames.availability())
    assert " | Cycles | Status | n | Missing" in shown
    assert "Circulation" in shown
    assert "peripheral artery disease | 2003‑2004 | measured | 3,000 | 6.2%" in shown
    assert " | 2005‑2006 | not measured: the examination ended in 2004 |  | " in shown
    assert "diabetes told | 2003‑2006 | measured | 10,000 | 0.0% to under 0.1%" in shown


def test_many_cycles_stay_one_column():
    cycles = [f"{year}-{year + 1}" for year in range(1999, 2021, 2)]
    rows = [
        ("joints", "arthritis", c, "measured" if c != "2005-2006" else "proxy", "", 10, 1.0) for c in cycles
    ]
    shown = lines(pl.DataFrame(rows, schema=AVAILABILITY_SCHEMA, orient="row"))
    assert "arthritis | 1999‑2004, 2007‑2020 | measured | 100 | 1.0%" in shown
    assert " | 2005‑2006 | proxy | 10 | 1.0%" in shown


def test_missing_values_are_told_by_reason():
    frame = frames.availability().head(1)
    reasons = [("not examined", 190, 5.9), ("refused", 9, 0.3)]
    by_reason = pl.concat(
        frame.with_columns(missing_reason=pl.lit(r), missing_n=pl.lit(n), missing_percent=pl.lit(p))
        for r, n, p in reasons
    )
    shown = lines(by_reason)
    assert any(line.endswith("3,000 | 6.2%: not examined 5.9%; refused 0.3%") for line in shown)


def test_same_results_give_the_same_page():
    assert table(frames.nasty()).as_raw_html() == table(frames.nasty()).as_raw_html()


def test_text_is_escaped():
    frame = result(prevalence(0.3, 0.2, 0.4, outcome_label="<b>cramps</b>", study="A & <i>B</i>"))
    html = table(frame).as_raw_html()
    assert "<b>cramps" not in html.lower()
    assert "A &amp; &lt;i&gt;B" in html


def test_a_test_is_a_statistic_with_its_p_value():
    row = {**frames.STUDY, **frames.CRAMPS, "estimand": "chi_square", "statistic": 12.3, "df": 30.0}
    shown = lines(result({**row, "df_numerator": 1.0, "p_value": 0.0013, "reliability": "ok"}))
    assert "estimate | statistic 12.30 (1, 30 df), p = 0.0013" in shown


def test_what_is_no_frame_of_ours_is_refused():
    with pytest.raises(VariableError, match=mentioning("tk.table", "tk.prevalence")):
        table(pl.DataFrame({"x": [1]}))
    with pytest.raises(VariableError, match=mentioning("tk.table", "rows")):
        table(frames.flow().clear())


def test_a_flagged_table_is_latex_with_its_notes_below() -> None:
    flagged = table(frames.nasty())
    notes = re.findall(r"gt_footnote_marks[^>]*>\w+</span> ([^<]+)<", flagged.as_raw_html())
    text = flagged.as_latex()
    below = text.partition(r"\end{tabular*}")[2]
    assert notes
    assert all(unescape(note)[:40].replace("%", r"\%") in below for note in notes)
    assert not re.search(r"</?(strong|span|br|em)\b", text)
