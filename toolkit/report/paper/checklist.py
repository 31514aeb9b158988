"""Fill in the STROBE checklist for cross-sectional studies from a run; what only authors know stays open."""

from collections.abc import Collection

import polars as pl

from toolkit.disclosure import phrase_size, rounding_of, show
from toolkit.display.text import (
    flow_sentence,
    format_condition,
    missing_sentence,
    name_study,
    phrase_count,
    remove_warning,
)
from toolkit.report.paper.exhibits import Paper
from toolkit.report.paper.methods_section import DesignFacts
from toolkit.report.paper.passages import Passage, fill_macro
from toolkit.studies import Study

_OPEN = "Open: for the author"
# Items of the checklist in our own terms: number, what to report, and the section of the page that reports it
# ("" where only the author can).
_ITEMS = (
    ("1", "Design in the title or abstract; informative summary", "Summary"),
    ("2", "Scientific background and rationale", "Background"),
    ("3", "Objectives and prespecified hypotheses", ""),
    ("4", "Key elements of study design", "Study population"),
    ("5", "Setting, locations and dates of data collection", "Study population"),
    ("6", "Eligibility criteria and selection of participants", "Study population"),
    ("7", "Definitions of outcome, exposure, confounders and effect modifiers", "Measures"),
    ("8", "Sources of data and methods of measurement", "Measures"),
    ("9", "Efforts to address potential sources of bias", "Covariates and causal diagram"),
    ("10", "How the study size was arrived at", ""),
    ("11", "Handling of quantitative variables", "Statistical analysis"),
    ("12a", "Statistical methods, including control for confounding", "Statistical analysis"),
    ("12b", "Methods for subgroups and interactions", "Effect modification"),
    ("12c", "How missing data were addressed", "Statistical analysis"),
    ("12d", "Analytical methods that take account of the sampling strategy", "Statistical analysis"),
    ("12e", "Sensitivity analyses", "Sensitivity analyses"),
    ("13", "Numbers of participants at each stage, with reasons for exclusion", "Study population"),
    ("14", "Characteristics of participants and numbers with missing data", "Participants"),
    ("15", "Numbers of outcome events", "Prevalence"),
    ("16", "Unadjusted and adjusted estimates with precision; category boundaries", "Association"),
    ("17", "Other analyses: subgroups, interactions, sensitivity", "Sensitivity analyses"),
    ("18", "Key results with reference to the objectives", "Summary"),
    ("19", "Limitations, with direction and magnitude of potential bias", "Limitations"),
    ("20", "Cautious overall interpretation", "Comparison with previous studies"),
    ("21", "Generalizability", ""),
    ("22", "Funding and the role of the funders", ""),
)


def strobe(
    study: Study,
    flow: pl.DataFrame,
    result: pl.DataFrame,
    design: DesignFacts,
    paper: Paper,
    *,
    absent: Collection[str] = (),
    domain: str = "",
) -> Passage:
    """Fill in the STROBE checklist for cross-sectional studies from a run.

    Parameters
    ----------
    study
        The study.
    flow
        What `tk.flow` returned for the analysis.
    result
        The main result rows.
    design
        What `tk.survey.describe_design` returned for the main result.
    paper
        The report, which numbers the references.
    absent
        Names of sections that the page does not have; their items are marked as not reported.
    domain
        The condition of the subpopulation; "" for everyone.

    Returns
    -------
    Passage
        A table that opens on a click, with the section and the facts of each item. Items that only the author
        can answer are marked as open.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> ratio = tk.association(study, "any_cramps", "arthritis", adjust=())
    >>> facts = tk.survey.describe_design(study, ratio)
    >>> strobe(study, tk.flow(ratio), ratio, facts, Paper()).html.count("Open: for the author")
    4
    """
    row = show(result).row(0, named=True)
    cases = "" if row["n_cases"] is None else f"{phrase_count(row['study'], row['n_cases'])} cases among "
    size = "few" if row["n"] is None else phrase_count(row["study"], row["n"])
    weighting = "no sampling design was declared"
    if design.kind == "linearization":
        units = f"{design.psus:,} sampling units, {design.df:,} df"
        if (smallest := rounding_of(result)) and not design.psu_columns:
            units = f"{phrase_size(design.psus, smallest)} participants drawn singly"
        weighting = f"weights, {design.strata:,} strata, {units}"
    elif design.kind == "replicate weights":
        weighting = f"{design.replicates} replicate weights, {design.df:,} df"
    cycles = ", ".join(study.provenance.get("cycles", ()))
    facts = {
        "4": "Cross-sectional comparison of participants of one study",
        "5": "; ".join(part for part in (name_study(study.label), f"cycles {cycles}" * bool(cycles)) if part),
        "6": format_condition(domain, paper.labels) or "all participants",
        "7": f"{row['outcome_label'] or row['outcome']}; {row['exposure_label'] or row['exposure']}",
        "12c": missing_sentence(result) if result["n_missing"].is_not_null().any() else "",
        "12d": weighting,
        "13": remove_warning(flow_sentence(flow)),
        "15": f"{cases}{size} participants with complete data",
    }
    facts["3"] = _describe_plan(paper)
    lines = []
    for number, item, section in _ITEMS:
        section = "Planned questions" if number == "3" and paper.plan else section  # noqa: PLW2901
        where = _OPEN if not section else "Not reported" if section in absent else section
        lines.append(
            [number, item, where, facts.get(number, "") if where == section or number == "3" else ""]
        )
    table = fill_macro("table", ("Item", "Recommendation", "Section", "In this report"), lines).html
    heading = f"STROBE checklist, filled in from this run {paper.cite('strobe2007')}"
    return Passage(f"<details><summary>{heading}</summary>{table}</details>")


def _describe_plan(paper: Paper) -> str:
    """Say whether the page had a plan, and when it was frozen."""
    if paper.plan is None:
        return "No analysis plan was given, so no result counts as planned"
    frozen = f"frozen on {paper.plan.stamps[0].day}" if paper.plan.stamps else "not frozen"
    return f"Analysis plan with {len(paper.plan.declared.questions)} questions, {frozen}"
