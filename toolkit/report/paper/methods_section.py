"""Write the sentences of the Methods section from a run: study population and statistical analysis."""

import platform
import re
from collections.abc import Mapping
from typing import Any, Protocol

import polars as pl

from toolkit.disclosure import phrase_size, round_in_run, rounding_of, show
from toolkit.display.text import (
    capitalize,
    flow_sentence,
    format_condition,
    format_count,
    label_variable,
    missing_sentence,
    name_interval,
    name_study,
    remove_warning,
)
from toolkit.errors import join_list
from toolkit.report.paper.exhibits import Paper
from toolkit.report.paper.passages import Passage
from toolkit.report.provenance import list_versions
from toolkit.results import SPLINE
from toolkit.studies import Study

# Estimand to estimator with link and distribution, and the references of the method.
_ESTIMATORS = {
    "prevalence_ratio": (
        "prevalence ratios by modified Poisson regression (log link, Poisson working variance)",
        ("zou2004",),
    ),
    "prevalence_difference": ("prevalence differences by linear regression (identity link)", ()),
    "odds_ratio": ("odds ratios by logistic regression (logit link)", ()),
    "coefficient": ("differences in means by linear regression (identity link)", ()),
    "peak_to_trough_ratio": ("seasonal curves by logistic regression on the sine and cosine of the date", ()),
}
_PACKAGES = ("cramps-toolkit", "numpy", "polars", "statsmodels")
_LONELY = {
    "fail": "was to be refused",
    "certainty": "contributes nothing to the variance",
    "remove": "contributes nothing to the variance",
    "adjust": "is centered at the grand mean",
    "average": "contributes the average of the other strata",
}


class DesignFacts(Protocol):
    """The facts of `tk.survey.describe_design` that a methods section states."""

    kind: Any
    strata: int
    psus: int
    psu_columns: tuple[str, ...]
    fpc_columns: tuple[str, ...]
    lonely_psu: str
    lonely_strata: int
    weight_sentence: str
    df: int
    replicate_method: str
    replicates: int


def study_population(
    study: Study, flow: pl.DataFrame, paper: Paper, *, domain: str = "", units: str = "participants"
) -> Passage:
    """Describe survey, contributing cycles, published response rates, eligibility and exclusions.

    Parameters
    ----------
    study
        The study. The survey and its response rates are those of its provenance.
    flow
        What `tk.flow` returned for the analysis.
    paper
        The report, which numbers the references.
    domain
        The condition of the subpopulation; "" for everyone.
    units
        What a record is, such as "nights".

    Returns
    -------
    Passage
        One to three paragraphs.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> flow = tk.flow(study, "any_cramps", domain="age >= 20")
    >>> "age ≥ 20" in study_population(study, flow, Paper(), domain="age >= 20").html
    True
    """
    facts, rows = study.provenance, study.people.height
    label = name_study(study.label)
    if "survey" in facts:
        sample = (
            f" is a {facts['sampling']} of the {facts['population']}" if "sampling" in facts else " was used"
        )
        name, _, publisher = facts["survey"].partition(", ")
        first = f"The {name}{f' ({publisher})' if publisher else ''}{sample}."
        cycles = list(facts.get("cycles", ()))
        if cycles:
            first += f" Data are from the survey cycle{'s' * (len(cycles) != 1)} {join_list(cycles)}."
    elif study.simulated and "seed" in facts:
        first = (
            f"The data are a {label}. Its {format_count(rows)} participants were drawn from a written causal "
            f"model (seed {facts['seed']}), with the design of a stratified cluster sample."
        )
    else:
        names = [str(file["file"]) for file in facts.get("files", ()) if "file" in file]
        source = f", read from {join_list(names)}" if names else ""
        # The size of the study would give back few exclusions where the flow does not show its start.
        exact = show(flow)["n_left"].first() is not None and not round_in_run(study.smallest_cell)
        own = f"{phrase_size(rows, 0 if exact else study.smallest_cell)} {units}{source}"
        first = f"The data are those of the {label.removeprefix('the ')} ({own})."
    eligible = (
        f"{capitalize(units)} were eligible if they met the condition "
        f"{format_condition(domain, paper.labels)}. "
    )
    steps = remove_warning(flow_sentence(flow)).replace(" participants", f" {units}", 1)
    return paper.prose(*filter(None, [first, _state_rates(facts, paper), eligible * bool(domain) + steps]))


def _state_rates(facts: Mapping[str, Any], paper: Paper) -> str:
    """State the published response rates of the contributing cycles, and for which none is known."""
    rates = {rate["cycle"]: rate for rate in facts.get("response_rates", ())}
    parts = []
    for cycle in facts.get("cycles", ()) if "response_rates" in facts else ():
        if cycle in rates:
            rate = rates[cycle]
            kinds = {"interviewed": "interview", "examined": "examination"}
            named = [f"{rate[kind]}% ({name})" for kind, name in kinds.items() if kind in rate]
            parts.append(f"{join_list(named)} in {cycle} {paper.cite(rate['source'])}")
    absent = [cycle for cycle in facts.get("cycles", ()) if "response_rates" in facts and cycle not in rates]
    text = f"The published unweighted response rates were {'; '.join(parts)}." if parts else ""
    if absent:
        text += f" No consistent published response rate was found for {join_list(absent)}."
    return text.strip()


def methods(
    result: pl.DataFrame,
    design: DesignFacts,
    paper: Paper,
    *,
    models: Mapping[str, tuple[str, ...]] | None = None,
    why: str = "",
) -> str:
    """Write the paragraph on statistical analysis from the results and their design, ready to paste.

    Parameters
    ----------
    result
        Result rows of the report, the main association first.
    design
        What `tk.survey.describe_design` returned for the main result.
    paper
        The report, which numbers the references and has the labels of covariates.
    models
        Names of models with their covariates, as `tk.effects.adjustment_models(...).models`.
    why
        A sentence on how the covariates were chosen.

    Returns
    -------
    str
        Estimators and links, weights, variance, strata, PSUs, degrees of freedom, missing data, adjustment
        sets, form of age, tests, presentation standards and software.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> ratio = tk.association(study, "any_cramps", "arthritis", adjust=("rcs(age, 4)", "sex"))
    >>> text = methods(ratio, tk.survey.describe_design(study, ratio), Paper())
    >>> "30 strata and 60 primary sampling units" in text, "modified Poisson" in text
    (True, True)
    """
    kinds = [str(name) for name in result["estimand"].unique(maintain_order=True)]
    parts = [
        _name_estimators(kinds, paper),
        _name_models(models or {}, paper, why),
        _name_age(result, paper),
        _name_weights(design, paper),
        _name_variance(design, paper, rounding_of(result)),
        _name_degrees(result, design),
        _name_missing(result),
        _name_interaction(kinds, paper),
        f"Estimates were checked against the presentation standards of the National Center for Health "
        f"Statistics {paper.cite('parker2017')}.",
        _name_disclosure(rounding_of(result)),
        f"Analyses used {join_list(list_software())}.",
    ]
    return " ".join(part for part in parts if part)


def _name_estimators(kinds: list[str], paper: Paper) -> str:
    named = [
        f"{text} {paper.cite(*references)}".strip()
        for kind, (text, references) in _ESTIMATORS.items()
        if kind in kinds
    ]
    text = f"We estimated {join_list(named)}." if named else ""
    if "prevalence" in kinds:
        text += f" Prevalences have Korn-Graubard confidence intervals {paper.cite('korn1998')}."
    return text.strip()


def _name_models(models: Mapping[str, tuple[str, ...]], paper: Paper, why: str) -> str:
    sentences = []
    for name, own in models.items():
        if own:
            names = join_list(label_variable(covariate, paper.labels) for covariate in own)
            called = f"The {name[0].lower()}{name[1:]}" if name.startswith("Full") else name
            verb = "were" if name.startswith("Models ") else "was"
            sentences.append(f"{called} {verb} adjusted for {names}.")
    shared = [name for name, own in models.items() if own and not name.startswith("Full")]
    if shared and any(not own for own in models.values()):
        sentences.append(f"{join_list(['The crude estimate', *shared])} use the same participants.")
    return " ".join([*sentences, why]).strip()


def _name_age(result: pl.DataFrame, paper: Paper) -> str:
    splines = {match for text in result["adjust"].drop_nulls() for match in SPLINE.finditer(text)}
    found = dict.fromkeys(sorted((m["name"], m["numbers"].strip()) for m in splines))
    return " ".join(
        f"{capitalize(label_variable(name, paper.labels))} entered as a restricted cubic spline "
        f"with {numbers} knots {paper.cite('harrell2015')}."
        for name, numbers in found
        if numbers.isdigit()
    )


def _name_weights(design: DesignFacts, paper: Paper) -> str:
    text = design.weight_sentence.replace("; divided by", ", divided by")
    text = re.sub(r"\b\w+_?\w*(?= was measured)", lambda m: label_variable(m[0], paper.labels), text)
    if design.kind == "none" or not text:
        return ""
    if single := re.match(r"Weight (\w+): the only weight of this study", text):
        return f"Estimates were weighted by {single[1]}, the only weight of this study{text[single.end() :]}"
    if re.match(r"\w+( \w+)* weight\b", text):
        return f"Estimates were weighted by the {text[0].lower()}{text[1:]}"
    return text


def _name_variance(design: DesignFacts, paper: Paper, smallest: int) -> str:
    if design.kind == "none":
        return (
            "The study was declared without a sampling design. Every participant counts once, and standard "
            "errors are robust."
        )
    if design.kind == "replicate weights":
        return f"Standard errors are from {design.replicates} replicate weights ({design.replicate_method})."
    singly = f"{phrase_size(design.psus, smallest)} participants drawn singly"
    units = f"{design.psus:,} primary sampling units (PSUs)" if design.psu_columns else singly
    strata = "stratum" if design.strata == 1 else "strata"
    text = (
        f"Standard errors are from Taylor-series linearization {paper.cite('binder1983')} over "
        f"{design.strata:,} {strata} and {units}"
    )
    if design.fpc_columns:
        text += f", with finite population corrections from {join_list(design.fpc_columns)}"
    lonely = f"{design.lonely_strata} {'stratum' if design.lonely_strata == 1 else 'strata'}"
    if design.lonely_strata:
        return f"{text}. A single PSU occurred in {lonely}; each {_LONELY[design.lonely_psu]}."
    return f"{text}. No stratum had a single PSU."


def _name_degrees(result: pl.DataFrame, design: DesignFacts) -> str:
    compared = result.filter(pl.col("estimand").is_in(list(_ESTIMATORS)))
    known = show(compared)["df"].drop_nulls()
    # Of participants drawn singly their number would follow from the degrees of freedom.
    singly = design.kind != "replicate weights" and not design.psu_columns
    df = int(known[0]) if len(known) else None if rounding_of(result) and singly else design.df
    rule = {"linearization": " (PSUs minus strata)"}.get(design.kind, "")
    degrees = "" if df is None else f" with {df:,} degrees of freedom{rule}"
    interval = name_interval(result).replace("CI", "confidence intervals")
    return f"The {interval} use the t distribution{degrees}."


def _name_missing(result: pl.DataFrame) -> str:
    compared = result.filter(pl.col("estimand").is_in(list(_ESTIMATORS)))
    first = (compared if compared.height else result).head(1)
    if first["n_missing"].null_count():
        return ""
    told = missing_sentence(first)
    return f"Analyses used complete cases. In the main analysis, {told[0].lower()}{told[1:]}"


def _name_disclosure(smallest: int) -> str:
    if not smallest:
        return ""
    return (
        f"To protect participants, counts from 1 to {smallest - 1} and what follows from them are not shown, "
        f"other counts are rounded to multiples of {smallest}, and without weights the percentages of fewer "
        f"than {500 * smallest:,} participants are rounded to whole numbers."
    )


def _name_interaction(kinds: list[str], paper: Paper) -> str:
    if "reri" not in kinds:
        return ""
    text = (
        "Effect modification was assessed by a product term. It is given on the ratio scale by the ratio of "
        "prevalence ratios, and on the additive scale by the relative excess risk due to interaction (RERI) "
        f"{paper.cite('knol2012')}."
    )
    several = " The products of a modifier of several levels were tested together by the adjusted Wald test."
    return text + several * ("interaction_test" in kinds)


def list_software() -> list[str]:
    """List the toolkit, its numerical packages and Python with their versions."""
    return [*list_versions(_PACKAGES), f"Python {platform.python_version()}"]
