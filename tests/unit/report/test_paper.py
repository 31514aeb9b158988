"""The parts of a paper: numbered exhibits and references, generated paragraphs, the STROBE checklist."""

import re
from base64 import b64decode
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.causes.card import card
from toolkit.report.page.html import refuse_addresses
from toolkit.report.provenance import _data_entries
from toolkit.results import frame

ROW = {
    "study": "SIMULATED study (no real people)",
    "domain": "age >= 20",
    "estimand": "prevalence_ratio",
    "outcome": "any_cramps",
    "outcome_label": "any cramps",
    "exposure": "diabetes",
    "exposure_label": "diabetes",
    "level": "yes",
    "level_label": "yes",
    "reference": "no",
    "adjust": "rcs(age, 4), sex",
    "estimate": 1.384,
    "std_error": 0.05,
    "scale": "log",
    "conf_low": 1.251,
    "conf_high": 1.524,
    "conf_level": 0.95,
    "df": 17.0,
    "n": 9_000,
    "n_cases": 400,
    "n_missing": 1_000,
    "weight": "interview",
    "reliability": "ok",
}
RATIO = frame([ROW])
DESIGN = SimpleNamespace(
    kind="linearization", strata=15, psus=32, psu_columns=("psu",), fpc_columns=(), lonely_psu="fail",
    lonely_strata=0, weight_sentence="Interview weight (w), because all variables come from the interview.",
    df=17, replicate_method="", replicates=0,
)  # fmt: skip


def with_design(**changed: Any) -> Any:
    return SimpleNamespace(**{**vars(DESIGN), **changed})


def test_figures_tables_and_references_have_numbers_of_their_own_and_keep_them() -> None:
    paper = tk.reports.Paper()
    first = paper.figure(tk.forest(RATIO), RATIO, "Ratios")
    second = paper.figure(tk.forest(RATIO), RATIO, "More ratios")
    again = paper.figure(tk.forest(RATIO), RATIO, "Ratios")
    numbers = [re.findall(r"Figure \d", shown.title.html)[0] for shown in (first, second, again)]
    assert numbers == ["Figure 1", "Figure 2", "Figure 1"]
    assert "Table 1. Counts" in paper.table(RATIO, "Counts").body.as_raw_html()
    assert [paper.cite("zou2004"), paper.cite("binder1983", "zou2004")] == ["[1]", "[1, 2]"]
    listed = re.findall(r"<li>(\w+)", paper.references().html)
    assert listed == ["Zou", "Binder"]


def test_a_named_set_is_short_in_captions_and_findings_and_a_requested_one_is_not() -> None:
    paper = tk.reports.Paper({"age": "age", "sex": "sex", "rcs(age, 4), sex": "Model 2"})
    assert mentions(paper.finding(RATIO).html, "the covariates of Model 2", "1.38")
    assert "spline" not in paper.figure(tk.forest(RATIO), RATIO, "Ratios").caption.html.partition("</p>")[0]
    paper.labels["rcs(age, 4), sex"] = "Adjusted as requested"
    assert "covariates of" not in paper.finding(RATIO).html


def test_an_unknown_reference_is_answered_with_the_nearest() -> None:
    with pytest.raises(tk.VariableError, match=mentioning("'zou2005'", "'zou2004'")):
        tk.reports.Paper().cite("zou2005")


def test_a_figure_has_its_title_once_and_a_caption_with_population_weight_interval_and_n() -> None:
    shown = tk.reports.Paper({"age": "age", "sex": "sex"}).figure(tk.forest(RATIO), RATIO, "Ratios", "Note.")
    caption = shown.caption.html.partition("</p>")[0]
    assert mentions(
        caption, "age ≥ 20", "n = 9,000", "Weights: interview", "95% confidence intervals", "Note."
    )
    assert "SIMULATED" not in caption
    spec = shown.body.to_dict()
    assert "title" not in spec
    assert "title" not in spec["usermeta"]["narrow"]
    assert "1.38, 95% CI 1.25 to 1.52" in spec["description"]  # the finding, as alternative text
    refuse_addresses(shown.caption.html)


def saved(html: str) -> pl.DataFrame:
    packed = re.findall(r"base64,([^\"]+)", html)[0]
    return pl.read_csv(b64decode(packed))


def test_the_data_of_a_figure_leave_as_csv_without_estimates_that_are_not_shown() -> None:
    hidden = frame([ROW, {**ROW, "level": "other", "reliability": "suppress", "estimate": 9.87}])
    html = tk.reports.Paper().figure(tk.forest(hidden), hidden, "Ratios").caption.html
    assert "Data of Figure 1" in html
    assert "9.87" not in html
    assert saved(html)["estimate"].to_list() == [1.384, None]
    assert saved(html)["n"].to_list() == [9_000, 9_000]


def test_a_flow_is_a_figure_too() -> None:
    people = pl.DataFrame({"cramps": 8 * [0, 1, None], "age": 8 * [30, 40, 50]})
    flow = tk.flow(tk.study(people, design=tk.Design.none(), name="flow of a figure"), "cramps")
    html = tk.reports.Paper().figure(tk.charts.flow_chart(flow), flow, "Flow").caption.html
    assert saved(html)["n_left"].to_list() == flow["n_left"].to_list()


def test_evidence_is_cited_by_numbers_and_compared_by_ratios_with_an_interval() -> None:
    paper = tk.reports.Paper()
    every, compared = paper.evidence(card("diabetes")).html, paper.comparison(card("diabetes"), RATIO).html
    assert "Table 1." in every
    assert "Hu 2022 [3]" in every
    assert re.search(r'class="own"><td>This report</td>.*?1\.38', compared)
    assert "Hu 2022 [3]" in compared
    assert "Grandner" not in compared.partition("</table>")[0]
    assert "not read" not in every
    assert "[3, 4]" in paper.prevention(card("diabetes")).html


def test_warning_signs_name_their_sources() -> None:
    paper = tk.reports.Paper()
    html = paper.warning_signs().html
    assert mentions(html, "claudication", "restless legs", "[1, 2]")
    assert mentions(paper.references().html, "Clinical Knowledge Summaries", "Am Fam Physician")


def test_the_methods_paragraph_states_the_facts_of_the_run() -> None:
    paper = tk.reports.Paper({"age": "age", "sex": "sex"})
    models = {"Crude": (), "Model 2": ("rcs(age, 4)", "sex")}
    text = tk.reports.methods(RATIO, DESIGN, paper, models=models)
    assert mentions(
        text, "modified Poisson", "log link", "Taylor", "15 strata", "32 primary sampling units", "interview",
        "17 degrees of freedom", "9,000 participants", "1,000 (10.0%)", "Model 2 was adjusted for age",
        "spline", "4 knots", "cramps-toolkit", "Python",
    )  # fmt: skip
    assert "RERI" not in text


@pytest.mark.parametrize(
    ("design", "said"),
    [
        (with_design(kind="none"), ("without a sampling design", "robust")),
        (
            with_design(kind="replicate weights", replicates=80, replicate_method="BRR"),
            ("80 replicate weights", "BRR"),
        ),
        (with_design(lonely_strata=2, lonely_psu="adjust"), ("2 strata", "grand mean")),
        (with_design(weight_sentence="Weight w: the only weight of this study."), ("weighted by w,", "only")),
    ],
)
def test_the_methods_paragraph_follows_the_design(design: Any, said: tuple[str, ...]) -> None:
    assert mentions(tk.reports.methods(RATIO, design, tk.reports.Paper()), *said)


def test_the_paragraph_and_the_checklist_agree_with_a_real_run() -> None:
    study = tk.open_study("simulated")
    ratio = tk.association(study, "any_cramps", "arthritis", adjust=("age",), domain="age >= 20")
    facts, flow = tk.survey.describe_design(study, ratio), tk.flow(ratio)
    row, paper = ratio.row(0, named=True), tk.reports.Paper()
    text = tk.reports.methods(ratio, facts, paper)
    assert mentions(
        text, f"{facts.strata} strata", f"{facts.psus} primary", f"{row['df']:.0f} degrees", f"{row['n']:,}"
    )
    html = tk.reports.strobe(study, flow, ratio, facts, paper, domain="age >= 20").html
    assert mentions(html, "<summary>", f"{row['n_cases']:,} cases", f"{row['n']:,} participants", "age ≥ 20")
    assert html.count("Open: for the author") == 4
    without = tk.reports.strobe(study, flow, ratio, facts, paper, absent=("Sensitivity analyses",)).html
    assert without.count("Not reported") == 2


def test_the_study_population_is_that_of_its_provenance() -> None:
    people = pl.DataFrame({"cramps": 8 * [0, 1, None], "age": 8 * [30, 40, 50]})
    mine = tk.study(people, design=tk.Design.none(), name="my study")
    flow, paper = tk.flow(mine, "cramps"), tk.reports.Paper()
    own = tk.reports.study_population(mine, flow, paper).html
    assert mentions(own, "my study", "24 participants", "16 were included")
    assert "response rate" not in own
    rates = [{"cycle": "2007-2008", "interviewed": 78.4, "examined": 75.4, "source": "icpsr25505"}]
    facts = {"survey": "A Survey, An Office", "cycles": ["2005-2006", "2007-2008"], "response_rates": rates}
    html = tk.reports.study_population(SimpleNamespace(**{**DUMMY, "provenance": facts}), flow, paper).html
    assert mentions(html, "A Survey (An Office)", "78.4%", "75.4%", "[1]", "for 2005-2006")


DUMMY = {"label": "A", "people": pl.DataFrame({"a": [1]}), "simulated": False}


def test_limitations_of_nhanes_are_not_those_of_another_study() -> None:
    caveats = ("Reported (in NHANES by phone) once", "NHANES asks little", "Short follow-up")
    own = SimpleNamespace(provenance={})
    survey = SimpleNamespace(provenance={"survey": "National Health and Nutrition Examination Survey, CDC"})
    assert (
        tk.reports.limitations(caveats, own).html
        == "<ul><li>Reported once.</li><li>Short follow-up.</li></ul>"
    )
    assert tk.reports.limitations(caveats, survey).html.count("NHANES") == 2


def test_interaction_is_said_on_both_scales_and_a_failure_with_its_reason() -> None:
    pair = {
        "exposure_label": "diabetes × sex",
        "level": "b",
        "level_label": "yes, female",
        "reference": "no, male",
    }
    ratio = {**ROW, **pair, "estimand": "ratio_of_ratios", "p_value": 0.2}
    excess = {**ROW, **pair, "estimand": "reri", "scale": "identity", "estimate": 0.1, "conf_low": -0.2}
    text = tk.reports.interaction_sentence(frame([ratio, excess]))
    assert mentions(
        text, "For sex (female)", "diabetes (yes vs. no)", "1.38", "for male", "p = 0.20", "RERI was 0.10"
    )
    assert mentions(text, "relative to diabetes: no and sex: male")
    failed = {"reliability": "failed", "reason": "too few PSUs", "estimate": None}
    text = tk.reports.interaction_sentence(frame([{**ratio, **failed}, {**excess, **failed}]))
    assert mentions(text, "could not be estimated", "too few PSUs")


def test_an_interaction_of_several_levels_is_said_by_one_test_with_its_degrees_of_freedom() -> None:
    test = {
        **ROW, "exposure_label": "diabetes × age group", "estimand": "interaction_test", "statistic": 12.594,
        "df_numerator": 2.0, "df": 30.0, "p_value": 0.0002,
    }  # fmt: skip
    text = tk.reports.interaction_sentence(frame([{**ROW, "estimand": "ratio_of_ratios"}, test]))
    assert mentions(
        text, "diabetes and age group", "2 product terms", "F = 12.59", "2 and 30 degrees", "p < 0.001"
    )
    failed = {**test, "reliability": "failed", "reason": "no cases with 'x'"}
    text = tk.reports.interaction_sentence(frame([failed]))
    assert mentions(text, "could not be tested", "no cases with 'x'")


def test_a_curve_is_said_by_its_tests() -> None:
    tests = [
        {**ROW, "estimand": "term", "level": level, "p_value": p}
        for level, p in (("overall", 0.01), ("nonlinearity", 0.5))
    ]
    assert mentions(tk.reports.curve_sentence(frame([ROW, *tests])), "p = 0.01", "p = 0.50", "n = 9,000")
    failed = {**ROW, "reliability": "failed", "reason": "knots coincide"}
    assert mentions(tk.reports.curve_sentence(frame([failed])), "could not be estimated", "knots coincide")


def test_a_caution_names_unmeasured_confounders() -> None:
    assert mentions(tk.reports.caution(RATIO, ("diet",)), "does not show", "diabetes causes cramps", "diet")
    assert "confounding" not in tk.reports.caution(RATIO)


def test_trials_are_result_rows_that_a_chart_shows() -> None:
    rows = tk.reports.trials()
    assert {"mean_difference", "risk_ratio"} == set(rows["estimand"])
    assert ((rows["conf_low"] < rows["estimate"]) & (rows["estimate"] < rows["conf_high"])).all()
    # Published as 1.2 fewer cramps per night, 0.6 to 1.8.
    fewer = rows.filter(outcome="hallegraeff2012_freq").select("estimate", "conf_low", "conf_high").row(0)
    assert fewer == (-1.2, -1.8, -0.6)
    assert tk.forest(rows).to_dict()["vconcat"]


def test_files_have_one_combined_hash() -> None:
    files = [{"table": "A", "sha256": "1"}, {"table": "B", "sha256": "2"}]
    named = dict(_data_entries({"files": files, "rates": [{"cycle": "x", "examined": 75.4}], "empty": []}))
    assert named["Data: files"] == ["A 1", "B 2"]
    assert len(str(named["Data: files, SHA-256 of all"])) == 64
    swapped = dict(_data_entries({"files": files[::-1]}))
    assert swapped["Data: files, SHA-256 of all"] == named["Data: files, SHA-256 of all"]
    other = dict(_data_entries({"files": [files[0], {"table": "B", "sha256": "3"}]}))
    assert other["Data: files, SHA-256 of all"] != named["Data: files, SHA-256 of all"]
    assert named["Data: rates"] == "cycle x, examined 75.4"
    assert "Data: empty" not in named


def test_what_cannot_be_estimated_is_a_row_with_the_reason_and_what_can_be_is_unchanged() -> None:
    people = pl.DataFrame(
        {"cramps": [0, 0, 1, 1] * 3, "diabetes": [0, 0, 1, 1] * 3, "sex": ["a", "b", "a"] * 4}
    )
    mine = tk.study(people, design=tk.Design.none(), name="mine")
    asked = {"adjust": ("sex",), "estimand": "odds_ratio"}
    row = tk.reports.attempt(tk.association, mine, "cramps", exposure="diabetes", **asked).row(0, named=True)
    assert (row["reliability"], row["estimand"], row["adjust"]) == ("failed", "odds_ratio", "sex")
    assert (row["study"], row["outcome"], row["exposure"]) == ("mine", "cramps", "diabetes")
    assert row["estimate"] is None
    assert mentions(row["reason"], "'cramps'")
    assert mentions(tk.reports.interaction_sentence(frame([row])), "could not be estimated")
    known = tk.reports.attempt(tk.prevalence, mine, "cramps")
    assert known.equals(tk.prevalence(mine, "cramps"))
    with pytest.raises(tk.VariableError):
        tk.reports.attempt(tk.association, mine, "cramp", "diabetes")


def test_a_test_of_interaction_whose_degrees_of_freedom_are_withheld_is_stated_without_them() -> None:
    study = tk.open_study("simulated")
    found = tk.effects.interaction(study, "any_cramps", ("arthritis", "education"), adjust=())
    assert "degrees of freedom" in tk.reports.interaction_sentence(found)
    assert tk.finding(found).endswith(tk.reports.interaction_sentence(found))
    withheld = found.with_columns(pl.lit(None, pl.Float64).alias("df"))
    said = tk.reports.interaction_sentence(withheld)
    assert "gave F = " in said
    assert "degrees of freedom" not in said
