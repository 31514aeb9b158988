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
outcome: str = "any_cramps"  # a yes/no variable: any_cramps, mild_cramps or frequent_cramps
adjust = None  # type: tuple  the covariates, or "full" or "core"; None for the diagram's small set
diagram: str = ""  # the file of your own causal diagram; empty for that of the toolkit
domain: str = "age ≥ 20"  # the subpopulation, as a condition
exclude_pregnant: bool = False  # True to exclude respondents known to be pregnant

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
card = tk.causes.card(cause)
measured = [name for name in people.codebook if name in people.people.columns]
labels = {name: variable.label for name, variable in people.codebook.items()}
main = card.exposure_among(measured)
exposure = exposure or (main.name if main else "")
title = f"{card.title} and nocturnal leg cramps"
without_pregnant = "(pregnant != 'yes' or missing(pregnant))"
if exclude_pregnant:
    domain = f"({domain}) and {without_pregnant}" if domain else without_pregnant

# %%
if people.design.declared_absent:
    display(tk.reports.prose(tk.survey.describe_design(people, outcome).sentence))

# %% [markdown]
# ## Background

# %%
display(tk.reports.prose(card.what, card.mechanism))

# %%
if not exposure:
    display(
        tk.reports.prose(
            "No estimate is shown, because the study did not measure any exposure of this cause.",
            heading="Unmeasured exposures",
        )
    )
    absent = people.availability().filter(cause=cause)
    called = {item.name: item.label for item in card.exposures}
    display(tk.reports.bullets(tk.reports.availability_sentences(absent, labels=called)))

# %%
if exposure:
    display(tk.reports.prose(heading="Measures"))
    display(tk.reports.definition(people.codebook, exposure, card))
    display(tk.reports.definition(people.codebook, outcome))

# %%
if exposure:
    display(
        tk.reports.prose(
            "Model 1 adjusts for age, sex, race or ethnicity, education and income, where the study "
            "measures them. Model 2, the main result, adds the covariates that the causal diagram requires.",
            heading="Covariates and causal diagram",
        )
    )
    asked = {"outcome": outcome, "exposure": exposure, "domain": domain}
    sets = tk.effects.adjustment_models(people, **asked, adjust=adjust, diagram=diagram or None)
    labels = {**labels, **sets.labels}
    if sets.chosen:
        chosen = sets.chosen
        display(tk.reports.adjustment(chosen.summary, chosen.left_open, chosen.edges, sets.given, labels))
        display(tk.charts.diagram_chart(chosen.edges), tk.reports.arrows(chosen.edges))
    else:
        display(tk.reports.prose(f"As requested, adjusted for {', '.join(sets.main)}. {sets.why_none}"))

# %%
if exposure:
    display(tk.reports.prose(heading="Study population"))
    flow = tk.flow(people, **asked, adjust=sets.complete)
    display(tk.reports.prose(tk.reports.flow_sentence(flow)), tk.charts.flow_chart(flow), tk.table(flow))
    if "pregnant" in measured:
        excluded = "Respondents known to be pregnant are excluded; men and women without data are not."
        included = "Pregnant respondents are included. Use exclude_pregnant=True to exclude them."
        display(tk.reports.prose(excluded if exclude_pregnant else included))

# %%
if exposure:
    display(tk.reports.prose(heading="Prevalence"))
    graded = exposure
    if people.codebook[exposure].kind == "number":
        graded = f"{exposure}_third"
        people = people.cut(exposure, into=3, domain=domain, as_=graded)
        labels[graded] = people.codebook[graded].label
    common = tk.truth(people, tk.prevalence(people, outcome=outcome, by=(graded,), domain=domain))
    display(tk.reports.prose(tk.finding(common, labels=labels)))
    display(tk.charts.prevalence_chart(common, labels=labels), tk.table(common, labels=labels))

# %%
if exposure:
    display(tk.reports.prose(heading="Association"))
    compared = pl.concat(
        tk.association(people, **asked, adjust=covariates, complete=sets.complete, estimand=estimand)
        for estimand in ("prevalence_ratio", "prevalence_difference")
        for covariates in sets.models.values()
    )
    compared = tk.truth(people, compared)
    # A set that was requested is the main result, even if Model 1 has more covariates.
    found = tk.finding(compared, labels=labels, main=", ".join(sets.main))
    display(tk.reports.prose(found))
    display(tk.forest(compared, labels=labels), tk.table(compared, labels=labels))
    display(
        tk.reports.prose(
            "All models are fitted to the same participants, who have complete data for all covariates shown."
        )
    )

# %%
if exposure:
    display(tk.reports.prose(heading="Effect modification by age and sex"))
    ratio = {**asked, "estimand": "prevalence_ratio"}
    grouped = [
        tk.truth(
            people,
            tk.association(people, **ratio, adjust=tuple(c for c in sets.main if c != group), by=(group,)),
        )
        for group in ("age_group", "sex")
        if group in measured and group != exposure
    ]
    found_in_groups = [tk.finding(one, labels=labels) for one in grouped]
    display(tk.reports.prose(*(found_in_groups or ["This study has no groups of age or sex to compare."])))
    for one in grouped:
        display(tk.forest(one, labels=labels), tk.table(one, labels=labels))

# %%
if exposure:
    display(
        tk.reports.prose(
            "The crude estimate uses all participants with data on outcome and exposure. The other estimate "
            "is adjusted for every measured confounder. Each model has its own participants, whose number is "
            "given.",
            heading="Sensitivity analyses",
        )
    )
    wider = [tk.association(people, **ratio, adjust=())]
    if sets.full and set(sets.full) != set(sets.main):
        wider.append(tk.association(people, **ratio, adjust=sets.full))
    sensitivity = tk.truth(people, pl.concat(wider))
    named = {**labels, ", ".join(sets.full): "Full set"} if len(sets.full) > 1 else labels
    display(tk.forest(sensitivity, labels=named), tk.table(sensitivity, labels=named))

# %%
if exposure:
    display(tk.reports.prose(heading="Statistical analysis"))
    design = tk.survey.describe_design(people, compared.filter(pl.col("adjust") == ", ".join(sets.main)))
    display(tk.reports.prose(design.sentence))

# %%
if exposure:
    display(
        tk.reports.prose(
            "Each estimate is checked against the presentation standards of the National Center for Health "
            "Statistics (NCHS). It is shown, shown with a flag for review, or suppressed because the sample "
            "is too small or the interval too wide. What could not be estimated is listed in the tables with "
            "the reason.",
            heading="Data quality",
        )
    )
    everything = pl.concat([common, compared, *grouped, sensitivity], how="diagonal_relaxed")
    display(tk.reports.prose(tk.reports.reliability_sentence(everything)))
    display(tk.reports.prose(tk.reports.missing_sentence(compared)))

# %% [markdown]
# ## Comparison with previous studies

# %%
own = compared.filter(pl.col("estimand") == "prevalence_ratio") if exposure else None
display(tk.reports.evidence(card, own, labels))

# %% [markdown]
# ## Implications for prevention
#
# Published findings on the prevention of cramps that are related to this cause. They are not advice to an
# individual.

# %%
display(tk.reports.bullets(f"{way.kind.capitalize()}: {way.finding}" for way in card.prevention))

# %% [markdown]
# ## Limitations

# %%
display(tk.reports.bullets(card.caveats))

# %%
results = [common, compared, *grouped, sensitivity] if exposure else []
nothing = f"No estimate: {people.label} did not measure any exposure of this cause."
if exposure:
    shown = ["", ", ".join(sets.main)]
    first = compared.filter(pl.col("estimand") == "prevalence_ratio", pl.col("adjust").is_in(shown))
tk.reports.keep(
    *results, title=title, finding=found if exposure else nothing, main=first if exposure else None
)
