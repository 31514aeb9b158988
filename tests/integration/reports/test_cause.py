"""The cause report on a number, which the plan's reports do not take: in thirds, and without a warning."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions
from toolkit.report import render


@pytest.mark.slow
def test_a_number_is_shown_in_thirds_and_per_unit_without_a_warning(tmp_path: Path) -> None:
    made = render("cause", study="simulated", cause="diabetes", exposure="hba1c", output=tmp_path)
    page, results = Path(made.html).read_text(), pl.read_parquet(made.parquet)
    assert "Warning" not in page
    assert "in thirds" in page
    thirds = results.filter(estimand="prevalence")["hba1c_third"].to_list()
    # The groups of the weighted quantiles of the domain, named by their bounds in percent.
    expected = tk.open_study("simulated").cut("hba1c", into=3, domain=results["domain"][0])
    assert list(expected.codebook["hba1c_thirds"].levels) == thirds
    assert {"per unit"} == set(results.filter(estimand="prevalence_ratio", exposure="hba1c")["level"])


@pytest.mark.slow
def test_the_models_of_a_page_have_the_same_participants_and_the_design_is_stated(tmp_path: Path) -> None:
    made = render("cause", study="simulated", cause="joints", exclude_pregnant=True, output=tmp_path)
    page, results = Path(made.html).read_text(), pl.read_parquet(made.parquet)
    ratios = results.filter(pl.col("estimand") == "prevalence_ratio", pl.col("age_group").is_null())
    asked = {"outcome": "any_cramps", "exposure": "arthritis", "domain": results["domain"][0]}
    study = tk.open_study("simulated")
    sets = tk.adjustment_models(study, **asked)
    shown = ratios.filter(pl.col("sex").is_null()).head(3)
    assert shown["adjust"].to_list() == [", ".join(covariates) for covariates in sets.models.values()]
    assert shown["n"].n_unique() == 1
    # The sensitivity analyses have participants of their own.
    crude, full = ratios.filter(pl.col("sex").is_null()).tail(2).rows(named=True)
    assert (crude["adjust"], full["adjust"]) == ("", ", ".join(sets.full))
    assert crude["n"] > shown["n"][0] >= full["n"]
    assert "missing(pregnant)" in asked["domain"]
    assert mentions(page, "pregnant", "excluded")
    # Beside each estimate of simulated data is the value that it should come close to.
    true = tk.truth(study, **asked)["estimate"].item()
    assert f"{true:.2f} (inside CI)" in page
    assert mentions(page, "True value", "confidence intervals contain the true value")
    facts = tk.describe_design(study, ("any_cramps", "arthritis", *sets.main), domain=asked["domain"])
    assert mentions(
        page, f"{facts.strata} strata", f"{facts.psus} primary sampling units", "single PSU", "Model 2"
    )
    paragraph = next(text for text in re.findall(r"<p>(.*?)</p>", page) if "modified Poisson" in text)
    main = shown.row(-1, named=True)
    assert mentions(paragraph, f"{main['n']:,} participants", f"{main['df']:.0f} degrees of freedom")
    assert int(main["df"]) == facts.df


SECTIONS = (
    "Summary", "Background", "Methods", "Study population", "Measures", "Covariates and causal diagram",
    "Statistical analysis", "Data quality", "Results", "Participants", "Prevalence", "Association",
    "Effect modification", "Sensitivity analyses", "Unmeasured confounding",
    "Misclassification of the outcome", "Missing data", "Comparison with previous studies", "Limitations",
    "Implications for prevention, and when to seek care", "References", "Reproducibility",
)  # fmt: skip


def headings(page: str) -> list[str]:
    return re.findall(r"<h[23][^>]*>(.*?)</h[23]>", page.partition("<main>")[2].partition("</main>")[0])


@pytest.mark.slow
def test_a_report_has_the_sections_of_a_paper_in_order(tmp_path: Path) -> None:
    made = render("cause", study="example-survey", cause="electrolytes", output=tmp_path)
    page = Path(made.html).read_text()
    assert tuple(headings(page)) == SECTIONS
    figures, tables = (re.findall(rf"{kind} (\d+)\.", page) for kind in ("Figure", "Table"))
    for numbers in (figures, tables):
        assert list(dict.fromkeys(map(int, numbers))) == list(range(1, len(set(numbers)) + 1))
    # A study of one's own says what it can: the survey of others is in published findings alone.
    limitations = page.partition('id="limitations"')[2].partition("<h2")[0]
    assert "NHANES" not in limitations
    rows = pl.read_parquet(made.parquet)
    assert {"serum_calcium", "serum_potassium"} == set(rows.filter(estimand="term")["exposure"])
    # None of the participants with high calcium has cramps, which the page says in place of an estimate.
    assert "failed" in set(rows.filter(estimand="prevalence_ratio", exposure="calcium_group")["reliability"])
    assert mentions(page, "could not be estimated")


@pytest.mark.slow
def test_a_page_of_a_study_without_a_design_says_so_first(tmp_path: Path) -> None:
    known = tk.open_study("simulated").people.select(
        "any_cramps", "arthritis", "age", "age_group", "sex", "race_ethnicity", "education", "bmi"
    )
    mine = tk.study(known, design=tk.Design.none(), name="mine", codebook="toolkit")
    page = Path(render("cause", study=mine, cause="joints", output=tmp_path).html).read_text()
    assert "rue value" not in page
    assert "inside CI" not in page
    paragraphs = re.findall(r"<p[^>]*>(.*?)</p>", page.partition("</nav>")[2] or page, re.DOTALL)
    assert any(mentions(text, "without a sampling design") for text in paragraphs[:2])


SEX = ["male", "female", "female"] * 266 + ["male"] * 2


def invented(**more: Any) -> tk.Study:
    people = {"any_cramps": [0, 1, 1, 0, 1] * 160, "diabetes_told": [0, 1, 0, 1] * 200, **more}
    return tk.study(pl.DataFrame(people), design=tk.Design.none(), codebook="toolkit", name="invented")


@pytest.mark.slow
@pytest.mark.parametrize("asked", [("age",), ("age", "sex")])
def test_covariates_that_were_asked_for_make_the_main_result(asked: tuple[str, ...], tmp_path: Path) -> None:
    study = invented(age=[20.0 + i % 57 for i in range(800)], sex=SEX)
    made = render("cause", study=study, cause="diabetes", adjust=asked, output=tmp_path)
    summary = made.html.read_text(encoding="utf-8").partition("Figure 1.")[0]
    assert re.search(rf"adjusted for {' and '.join(asked)}\)? \(invented, age ≥ 20, n = 800\)", summary)
    assert mentions(made.finding, "The adjusted prevalence ratio", "95% CI")
    assert len(made.finding) < 160, "a line of the index"


@pytest.mark.slow
def test_a_study_without_age_has_a_report(tmp_path: Path) -> None:
    study = invented(sex=SEX)
    made = render("cause", study=study, cause="diabetes", domain="", output=tmp_path)
    assert "adjusted for sex (" in made.html.read_text(encoding="utf-8").partition("Figure 1.")[0]


@pytest.mark.slow
@pytest.mark.parametrize(("report", "asked"), [("cause", {"cause": "circulation"}), ("heat", {"adjust": ()})])
def test_a_study_without_an_exposure_has_a_page_that_says_so(
    report: str, asked: dict[str, Any], tmp_path: Path
) -> None:
    made = render(report, study=invented(), domain="", output=tmp_path, **asked)
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", made.html.read_text())
    assert {"Background", "Unmeasured exposures", "Comparison with previous studies"} <= set(headings)
    assert not {"Association", "Prevalence", "Seasonal curve"} & set(headings)
    assert (None, None) == (made.parquet, made.csv)
    assert made.finding.startswith("No estimate")
