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
# One notebook for all ten causes. Change the next cell and run all cells, or let
# `tk.render("cause", study="nhanes", cause="joints")` make a page of it.
#
# | parameter | meaning |
# |---|---|
# | `study` | a study's name: `tk.available_studies()` |
# | `cause` | one of `tk.cards()` |
# | `exposure` | the variable that stands for the cause; `""` takes the card's first that the study measured |
# | `outcome` | a yes/no variable: `any_cramps`, `mild_cramps`, `frequent_cramps` |
# | `adjust` | the covariates; `None` for the small set of the causal diagram, or `"full"`, or `"core"` |
# | `diagram` | the file of a causal diagram of your own; `""` takes the toolkit's |
# | `domain` | who the report is about, as a condition |
# | `exclude_pregnant` | True leaves out the respondents who were known to be pregnant |

# %% tags=["parameters"]
study = "simulated"
cause = "diabetes"
exposure = ""
outcome = "any_cramps"
adjust = None
diagram = ""
domain = "age >= 20"
exclude_pregnant = False

# %%
import polars as pl
from IPython.display import display

import toolkit as tk
from toolkit.display.text import sentences
from toolkit.report import passages

people = tk.open_study(study)
card = tk.card(cause)
measured = [name for name in people.codebook if name in people.people.columns]
labels = {name: variable.label for name, variable in people.codebook.items()}
main = card.exposure_among(measured)
exposure = exposure or (main.name if main else "")
without_pregnant = "(pregnant != 'yes' or missing(pregnant))"
if exclude_pregnant:
    domain = f"({domain}) and {without_pregnant}" if domain else without_pregnant

# %%
if people.design.declared_absent:
    display(passages.prose(tk.describe_design(people, outcome).sentence))

# %% [markdown]
# ## What it is, and how it may lead to cramps

# %%
display(passages.prose(card.what, card.mechanism))

# %% [markdown] tags=["not-measured"]
# ## What this study does not hold

# %% tags=["not-measured"]
absent = people.availability().filter(cause=cause)
display(
    passages.prose(
        "Nothing is estimated here, because the study holds no variable that stands for this cause."
    )
)
called = {item.name: item.label for item in card.exposures}
display(passages.listed(sentences.availability_sentences(absent, labels=called)))

# %% [markdown] tags=["measured"]
# ## How it is defined here

# %% tags=["measured"]
display(passages.definition(people.codebook, exposure, card))
display(passages.definition(people.codebook, outcome))

# %% [markdown] tags=["measured"]
# ## What is adjusted for, and why
#
# Model 1 adjusts for age, sex, race or ethnicity, education and income, where the study measures them.
# Model 2, the main result, adds the covariates that the causal diagram requires.

# %% tags=["measured"]
asked = {"outcome": outcome, "exposure": exposure, "domain": domain}
sets = tk.adjustment_models(people, **asked, adjust=adjust, diagram=diagram or None)
labels = {**labels, **sets.labels}
if sets.chosen:
    chosen = sets.chosen
    display(passages.adjusting(chosen.summary, chosen.left_open, chosen.edges, sets.given, labels))
    display(tk.diagram_chart(chosen.edges), passages.arrows(chosen.edges))
else:
    display(passages.prose(f"As requested, adjusted for {', '.join(sets.main)}. {sets.why_none}"))

# %% [markdown] tags=["measured"]
# ## Who is in the analysis

# %% tags=["measured"]
flow = tk.flow(people, **asked, adjust=sets.complete)
display(passages.prose(sentences.flow_sentence(flow)), tk.flow_chart(flow), tk.table(flow))
if "pregnant" in measured:
    excluded = "Respondents known to be pregnant are excluded. Men, and women who were not asked, are not."
    included = "Pregnant respondents are included; exclude_pregnant=True leaves them out."
    display(passages.prose(excluded if exclude_pregnant else included))

# %% [markdown] tags=["measured"]
# ## How common cramps are

# %% tags=["measured"]
graded = exposure
if people.codebook[exposure].kind == "number":
    graded = f"{exposure}_third"
    people = people.cut(exposure, into=3, domain=domain, as_=graded)
    labels[graded] = people.codebook[graded].label

common = tk.prevalence(people, outcome=outcome, by=(graded,), domain=domain)
display(passages.prose(tk.finding(common, labels=labels)))
display(tk.prevalence_chart(common, labels=labels), tk.table(common, labels=labels))

# %% [markdown] tags=["measured"]
# ## How cramps go with it, crude and adjusted

# %% tags=["measured"]
compared = pl.concat(
    tk.association(people, **asked, adjust=covariates, complete=sets.complete, estimand=estimand)
    for estimand in ("prevalence_ratio", "prevalence_difference")
    for covariates in sets.models.values()
)
# A set that was asked for is the main result, be Model 1 larger.
found = tk.finding(compared, labels=labels, main=", ".join(sets.main))
display(passages.prose(found))
display(tk.forest(compared, labels=labels), tk.table(compared, labels=labels))
display(
    passages.prose(
        "All models are fitted to the same participants: those with complete data for every covariate shown."
    )
)

# %% [markdown] tags=["measured"]
# ## By age and sex

# %% tags=["measured"]
ratio = {**asked, "estimand": "prevalence_ratio"}
grouped = [
    tk.association(people, **ratio, adjust=tuple(c for c in sets.main if c != group), by=(group,))
    for group in ("age_group", "sex")
    if group in measured and group != exposure
]
found_in_groups = [tk.finding(one, labels=labels) for one in grouped]
display(passages.prose(*(found_in_groups or ["This study has no groups of age or sex to compare."])))
for one in grouped:
    display(tk.forest(one, labels=labels), tk.table(one, labels=labels))

# %% [markdown] tags=["measured"]
# ## Sensitivity analyses
#
# The crude estimate of all participants with data on outcome and exposure, and the estimate adjusted for
# every measured confounder. Each is fitted to its own participants, whose number is given beside it.

# %% tags=["measured"]
wider = [tk.association(people, **ratio, adjust=())]
if sets.full and set(sets.full) != set(sets.main):
    wider.append(tk.association(people, **ratio, adjust=sets.full))
sensitivity = pl.concat(wider)
named = {**labels, ", ".join(sets.full): "Full set"} if len(sets.full) > 1 else labels
display(tk.forest(sensitivity, labels=named), tk.table(sensitivity, labels=named))

# %% [markdown] tags=["measured"]
# ## Weight and design

# %% tags=["measured"]
design = tk.describe_design(people, compared.filter(pl.col("adjust") == ", ".join(sets.main)))
display(passages.prose(design.sentence))

# %% [markdown] tags=["measured"]
# ## How far the numbers can be trusted
#
# Each estimate is held to the presentation standards of the US National Center for Health Statistics: it is
# shown, shown with a flag for review, or not shown because too few people stand behind it or its interval
# is too wide. What could not be estimated stays in the tables with its reason.

# %% tags=["measured"]
everything = pl.concat([common, compared, *grouped, sensitivity], how="diagonal_relaxed")
display(passages.prose(sentences.reliability_sentence(everything)))
display(passages.prose(sentences.missing_sentence(compared)))

# %% [markdown] tags=["measured"]
# ## Published evidence beside this estimate

# %% tags=["measured"]
display(passages.evidence(card, compared.filter(pl.col("estimand") == "prevalence_ratio"), labels))

# %% [markdown] tags=["not-measured"]
# ## Published evidence

# %% tags=["not-measured"]
display(passages.evidence(card))

# %% [markdown]
# ## Prevention, as studied
#
# What studies found of ways to prevent cramps that belong to this cause. It is no advice to a person.

# %%
display(passages.listed(f"{way.kind.capitalize()}: {way.finding}" for way in card.prevention))

# %% [markdown]
# ## Caveats

# %%
display(passages.listed(card.caveats))

# %% tags=["measured"]
title = f"{card.title} and nocturnal leg cramps"
tk.keep(common, compared, *grouped, sensitivity, title=title, finding=found)

# %% tags=["not-measured"]
title = f"{card.title} and nocturnal leg cramps"
tk.keep(title=title, finding=f"Nothing is estimated: {people.label} as opened here holds no variable for it.")
