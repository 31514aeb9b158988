# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One cause of nocturnal leg cramps

# %% [markdown] tags=["notebook-only"]
# One notebook for all ten causes. Change the next cell and run all cells, or make a page of it with
# `tk.render("cause", study="nhanes", cause="joints")`. In a condition, `>=` and `≥` are the same.

# %% tags=["parameters"]
study: str = "simulated"  # the name of a study; tk.available_studies() lists them
cause: str = "diabetes"  # the name of a cause; tk.causes.cards() lists them
exposure: str = ""  # the exposure variable; empty for the first of the cause that was measured
outcome: str = ""  # a yes/no variable such as frequent_cramps; empty for any_cramps
adjust = None  # type: tuple  the covariates, or "full" or "core"; None for the diagram's small set
diagram: str = ""  # the file of your own causal diagram; empty for that of the toolkit
domain: str = "age ≥ 20"  # the subpopulation, as a condition
plan: str = ""  # the file of your analysis plan; empty for none
exclude_pregnant: bool = False  # True to exclude respondents known to be pregnant

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
card = tk.causes.card(cause)
title = f"{card.title} and nocturnal leg cramps"
measured = [name for name in people.codebook if name in people.people.columns]
planned = tk.plan(plan, people, diagram=diagram or None) if plan else None
paper = tk.reports.Paper({name: variable.label for name, variable in people.codebook.items()}, planned)
main = card.exposure_among(measured)
exposure = exposure or (main.name if main else "")
outcome = outcome or "any_cramps"
without_pregnant = "(pregnant != 'yes' or missing(pregnant))"
if exclude_pregnant:
    domain = f"({domain}) and {without_pregnant}" if domain else without_pregnant
why_none = "the study did not measure any exposure of this cause"
if exposure:
    why_none = tk.reports.why_no_estimate(people, (outcome, exposure), domain)
estimable = not why_none

# %% [markdown] tags=["notebook-only"]
# ## Estimates
#
# Every estimate of the page is made here; the sections below present them.

# %%
if estimable:
    asked = {"outcome": outcome, "exposure": exposure, "domain": domain}
    sets = tk.effects.adjustment_models(people, **asked, adjust=adjust, diagram=diagram or None)
    paper.labels |= sets.labels
    chosen = sets.chosen
    main_set = ", ".join(sets.main)
    estimands = ("prevalence_ratio", "prevalence_difference")
    compared = pl.concat(
        tk.reports.attempt(
            tk.association, people, **asked, adjust=covariates, complete=sets.complete, estimand=estimand
        )
        for estimand in estimands
        for covariates in sets.models.values()
    )
    compared = tk.truth(people, compared)
    ratios = compared.filter(pl.col("estimand") == "prevalence_ratio")
    main_rows = ratios.filter(pl.col("adjust") == main_set)
    design = tk.survey.describe_design(people, main_rows)
    flow = tk.flow(people, **asked, adjust=sets.complete)
    graded = exposure
    if people.codebook[exposure].kind == "number":
        graded = f"{exposure}_third"
        people = people.cut(exposure, into=3, domain=domain, as_=graded)
        paper.labels[graded] = people.codebook[graded].label
    common = tk.truth(people, tk.prevalence(people, outcome=outcome, by=(graded,), domain=domain))
    analyzed = " and ".join([f"({domain})"] * bool(domain) + [f"not missing({c})" for c in sets.complete])
    sizes = tk.reports.attempt(tk.prevalence, people, outcome, by=(graded,), domain=analyzed)

# %% [markdown]
# ## Summary

# %%
if people.design.declared_absent:
    display(paper.prose(tk.survey.describe_design(people, ()).sentence))
if estimable:
    unmeasured = tuple(item.label for item in chosen.unmeasured) if chosen else ()
    display(paper.finding(main_rows))
    forest = tk.forest(ratios, labels=paper.labels, counts=sizes)
    display(paper.figure(forest, ratios, "Crude and adjusted prevalence ratios"))
    display(paper.prose(tk.reports.caution(ratios, unmeasured)))
else:
    display(paper.prose(f"No estimate is shown, because {why_none}."))

# %% [markdown]
# ## Background

# %%
display(paper.prose(card.what, card.mechanism))
display(paper.evidence(card))

# %%
if not exposure:
    absent = people.availability().filter(cause=cause)
    called = {item.name: item.label for item in card.exposures}
    display(tk.reports.prose(heading="Unmeasured exposures"))
    display(tk.reports.bullets(tk.reports.availability_sentences(absent, labels=called)))

# %%
if estimable:
    display(paper.prose(heading="Methods"))
    display(paper.prose(heading="Study population", level=3))
    display(tk.reports.study_population(people, flow, paper, domain=domain))
    if "pregnant" in measured:
        excluded = "Respondents known to be pregnant were excluded; men and women without data were not."
        included = "Pregnant respondents were included."
        display(paper.prose(excluded if exclude_pregnant else included))
    variables = (outcome, exposure, *sets.complete)
    if unused := tk.reports.cycles_sentence(people, variables, domain, planned):
        display(paper.prose(unused))
    display(paper.figure(tk.charts.flow_chart(flow), flow, "Selection of the analytic sample"))

# %%
if estimable:
    display(paper.prose(heading="Measures", level=3))
    display(tk.reports.definition(people.codebook, outcome))
    display(tk.reports.definition(people.codebook, exposure, card))
    display(tk.reports.covariate_list(people.codebook, sets.complete))

# %%
if estimable:
    display(
        paper.prose(
            "Model 1 adjusts for age, sex, race or ethnicity, education and income, where the study "
            "measures them. Model 2, the main result, adds the covariates that the causal diagram requires.",
            heading="Covariates and causal diagram",
            level=3,
        )
    )
    if chosen:
        left_open = chosen.left_open
        display(tk.reports.adjustment(chosen.summary, left_open, chosen.edges, sets.given, paper.labels))
        drawn = tk.charts.diagram_chart(chosen.edges)
        note = "Arrows point from cause to effect; unmeasured variables are marked."
        display(paper.figure(drawn, None, "Causal diagram around the exposure", note))
        display(tk.reports.arrows(chosen.edges))
    else:
        display(paper.prose(f"As requested, adjusted for {', '.join(sets.main)}. {sets.why_none}"))

# %%
if estimable:
    modifiers = [name for name in ("age_group", "sex") if name in measured and name != exposure]
    ratio = {**asked, "estimand": "prevalence_ratio"}
    grouped = [
        tk.truth(
            people,
            tk.reports.attempt(
                tk.association,
                people,
                **ratio,
                adjust=tuple(c for c in sets.main if c != group),
                by=(group,),
            ),
        )
        for group in modifiers
    ]
    crossed = [
        tk.reports.attempt(
            tk.effects.interaction,
            people,
            outcome,
            (graded, group),
            reference="lowest",
            adjust=tuple(c for c in sets.main if c != group),
            domain=domain,
            allow_descendants=True,  # of the modifier; the covariates are those of the main result
        )
        for group in modifiers
    ]
    wider = [tk.reports.attempt(tk.association, people, **ratio, adjust=())]
    if sets.full and set(sets.full) != set(sets.main):
        wider.append(tk.reports.attempt(tk.association, people, **ratio, adjust=sets.full))
        paper.labels.setdefault(", ".join(sets.full), "Full model")
    # The excess risk is a single number where both exposures are binary. Of several levels, one test is made.
    interactions = [
        rows.filter(pl.col("estimand").is_in(["ratio_of_ratios", "interaction_test"]))
        if "interaction_test" in rows["estimand"]
        else rows.filter(pl.col("estimand").is_in(["ratio_of_ratios", "reri"]) | (rows.height == 1))
        for rows in crossed
    ]
    sensitivity = tk.truth(people, pl.concat(wider))
    once = {"domain": domain, "diagram": diagram or None, "progress": False}
    outcomes = [name for name in ("any_cramps", "frequent_cramps", "mild_cramps") if name in measured]
    by_outcome = tk.effects.atlas(people, outcomes, exposure, adjust=[sets.main], **once)
    by_outcome = by_outcome.filter(pl.col("outcome") != outcome).drop("cause")
    others = [item.name for item in card.exposures if item.levels and item.name in measured]
    by_exposure = tk.effects.atlas(people, outcome, [exposure, *others][bool(others) :], **once)
    by_exposure = by_exposure.filter(pl.col("exposure") != exposure).drop("cause")
    curves = {
        name: tk.reports.attempt(
            tk.effects.curve, people, outcome, name, domain=domain, diagram=diagram or None
        )
        for name in card.curves
        if name in measured
    }
    every = [
        common,
        compared,
        *grouped,
        *interactions,
        *curves.values(),
        by_outcome,
        by_exposure,
        sensitivity,
    ]
    everything = pl.concat(every, how="diagonal_relaxed")

# %%
if estimable:
    why = "Model 2 is the set that the back-door criterion gives on the causal diagram." if chosen else ""
    fitted = {**sets.models, "Full model": sets.full} if len(wider) > 1 else sets.models
    paragraph = tk.reports.methods(everything, design, paper, models=fitted, why=why)
    display(paper.prose(paragraph, heading="Statistical analysis", level=3))
    display(paper.prose(heading="Data quality", level=3))
    display(paper.prose(tk.reports.reliability_sentence(everything)))

# %%
if estimable:
    display(paper.prose(heading="Results"))
    display(paper.prose(heading="Participants", level=3))
    described = [name for name in sets.complete if name not in ("cycle", exposure)]
    table_one = tk.describe(people, described or [outcome], by=(graded,), domain=domain, test=False)
    note = "Participants of the subpopulation before exclusions for missing values."
    display(paper.table(table_one, f"Participants by {paper.labels[graded]}", note))

# %%
if planned:
    display(paper.prose(heading="Planned questions", level=3))
    display(paper.analysis_plan())
    display(paper.table(planned.answer(people, diagram=diagram or None), "Answers to the planned questions"))

# %%
if estimable:
    display(paper.prose(heading="Prevalence", level=3))
    drawn = tk.charts.prevalence_chart(common, labels=paper.labels)
    display(paper.figure(drawn, common, f"Prevalence by {paper.labels[graded]}"))

# %%
if estimable:
    display(
        paper.prose(
            "Figure 1 shows the prevalence ratios, and Statistical analysis lists the covariates of each "
            "model. All models are fitted to the same participants, who have complete data.",
            heading="Association",
            level=3,
        )
    )
    differences = compared.filter(pl.col("estimand") == "prevalence_difference")
    display(paper.table(differences, "Crude and adjusted prevalence differences"))
for name, curve in (curves if estimable else {}).items():
    called = people.codebook[name].title
    if curve["reliability"][0] != "failed":
        drawn = tk.charts.curve_chart(curve, labels=paper.labels)
        display(paper.figure(drawn, curve, f"Exposure-response curve of {called}"))
    display(paper.prose(tk.reports.curve_sentence(curve)))

# %%
if estimable:
    display(
        paper.prose(
            "A ratio of 1 between the prevalence ratios means no interaction on the ratio scale, and a "
            "relative excess risk due to interaction (RERI) of 0 none on the additive scale. The RERI "
            "is based on the combination of levels with the lowest prevalence."
            + (not planned)
            * " No analysis plan declared these interactions.",
            heading="Effect modification",
            level=3,
        )
    )
    for group, rows, product in zip(modifiers, grouped, interactions, strict=True):
        name = paper.labels[group]
        drawn = tk.forest(rows, labels=paper.labels)
        display(paper.figure(drawn, rows, f"Adjusted prevalence ratios by {name}"))
        sentences = f"{tk.reports.interaction_sentence(product)} {paper.plan_note(product)}"
        display(paper.prose(sentences.strip()))
    tested = pl.concat(interactions) if interactions else None
    if tested is not None and "ratio_of_ratios" in tested["estimand"]:
        display(paper.table(tested, "Interaction on the ratio and the additive scale"))
    if not modifiers:
        display(paper.prose("This study has no groups of age or sex to compare."))

# %%
if estimable:
    display(
        paper.prose(
            "The crude estimate uses all participants with data on outcome and exposure"
            + (len(wider) > 1) * ", and the full model adjusts for every measured confounder"
            + (by_outcome.height + by_exposure.height > 0)
            * ". Other definitions of outcome and exposure follow"
            + ". Each model has its own participants, whose number is given.",
            heading="Sensitivity analyses",
        )
    )
    varied = pl.concat([sensitivity, by_outcome], how="diagonal_relaxed")
    drawn = tk.forest(varied, labels=paper.labels)
    and_outcomes = (by_outcome.height > 0) * " and other definitions of the outcome"
    display(paper.figure(drawn, varied, f"Other covariates{and_outcomes}"))
    if by_exposure.height:
        paper.labels["own set"] = "the set of the causal diagram for each exposure"
        shown = paper.mark(by_exposure).with_columns(adjust=pl.lit("own set"))
        drawn = tk.forest(shown, labels=paper.labels)
        display(paper.figure(drawn, shown, "Other definitions of the exposure"))
    checks = tk.effects.check_robustness(
        people, **asked, adjust=sets.main, complete=sets.complete, levels=graded
    )
    display(tk.reports.robustness(checks, paper))

# %% [markdown]
# ## Comparison with previous studies

# %%
display(paper.comparison(card, main_rows if estimable else None))

# %% [markdown]
# ## Limitations

# %%
display(tk.reports.limitations(card.caveats, people))

# %% [markdown]
# ## Implications for prevention, and when to seek care
#
# Published findings on the prevention of cramps that are related to this cause. They are not advice to an
# individual.

# %%
display(paper.prevention(card))
display(
    paper.prose(
        "Guidelines and reviews name these signs of another condition, which call for an examination:"
    )
)
display(paper.warning_signs())

# %% [markdown]
# ## References

# %%
checklist = tk.reports.strobe(people, flow, main_rows, design, paper, domain=domain) if estimable else None
display(paper.references())

# %% [markdown]
# ## Reproducibility

# %%
if estimable:
    display(checklist)
    kept = tk.reports.keep(
        *every,
        title=title,
        finding=tk.finding(main_rows, labels=paper.labels, brief=True),
        main=ratios.filter(pl.col("adjust").is_in(["", main_set])),
        plan=planned,
    )
else:
    kept = tk.reports.keep(title=title, finding=f"No estimate: {why_none}.")
display(kept)
