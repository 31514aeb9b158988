# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The burden of nocturnal leg cramps

# %% [markdown] tags=["notebook-only"]
# Change the next cell and run all cells, or make a page of it with `tk.render("burden", study="nhanes")`.
# In a condition, `>=` and `≥` are the same.

# %% tags=["parameters"]
study: str = "simulated"  # the name of a study; tk.available_studies() lists them
cramps: str = "frequent_cramps"  # the yes/no variable of cramps whose burden is described
adjust: tuple = ("rcs(age, 4)", "sex", "race_ethnicity", "education")  # the covariates
domain: str = "age ≥ 20"  # the subpopulation, as a condition

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
labels = {name: variable.label for name, variable in people.codebook.items()}
topics = tk.causes.burden()
burden = {item.name: item for items in topics.values() for item in items}
measured = [name for name in burden if name in people.people.columns]
answers = [name for name in measured if people.codebook[name].kind == "yes_no"]
amounts = [name for name in measured if people.codebook[name].kind == "number"]

# %%
if people.design.declared_absent:
    display(tk.reports.prose(tk.survey.describe_design(people, ()).sentence))

# %% [markdown]
# ## Background
#
# This report compares sleep, daytime function, health and use of care between participants with and without
# frequent cramps. These variables are treated as consequences of cramps. No estimate is adjusted for them.
#
# The study is cross-sectional, so it is not known which came first. Cramps disturb sleep, poor sleep may make
# cramps more noticeable, and illness may cause both. The estimates describe associations and not the burden
# that cramps cause.

# %%
display(
    tk.reports.bullets(
        f"{topic}: {', '.join(item.label for item in items)}" for topic, items in topics.items()
    )
)

# %% [markdown]
# ## Study population

# %%
flow = tk.flow(people, outcome=cramps, domain=domain)
display(tk.reports.prose(tk.reports.flow_sentence(flow)), tk.charts.flow_chart(flow), tk.table(flow))
display(tk.reports.definition(people.codebook, cramps))

# %% [markdown]
# ## Prevalence

# %%
common = pl.concat(tk.prevalence(people, outcome=name, by=(cramps,), domain=domain) for name in answers)
common = tk.truth(people, common)
display(tk.charts.prevalence_chart(common, labels=labels), tk.table(common, labels=labels))

# %% [markdown]
# ## Means

# %%
means = tk.truth(people, pl.concat(tk.mean(people, name, by=(cramps,), domain=domain) for name in amounts))
display(tk.table(means, labels=labels))

# %% [markdown]
# ## Association

# %%
asked = {"exposure": cramps, "domain": domain, "estimand": "prevalence_ratio"}
compared = pl.concat(
    tk.association(people, outcome=name, adjust=by, complete=adjust, **asked)
    for name in answers
    for by in ((), adjust)
)
compared = tk.truth(people, compared)
display(tk.reports.prose(tk.finding(compared, labels=labels)))
display(tk.forest(compared, labels=labels), tk.table(compared, labels=labels))

# %% [markdown]
# ### Adjusted differences in means
#
# Participants with cramps compared with those without, in the units of each variable.

# %%
formulas = {name: f"{name} ~ {' + '.join((cramps, *adjust))}" for name in amounts}
fitted = pl.concat(
    tk.model(people, formula, family="gaussian", domain=domain) for formula in formulas.values()
)
differences = fitted.filter(exposure=cramps)
display(tk.table(differences, labels=labels))

# %% [markdown]
# ## Unmeasured outcomes

# %%
unmeasured = [
    f"{item.label}: {tk.reports.reason_unmeasured(people.codebook, name)}"
    for name, item in burden.items()
    if name not in measured
]
display(tk.reports.bullets(unmeasured or ["this study measured every burden variable of the toolkit"]))

# %% [markdown]
# ## Statistical analysis and data quality

# %%
everything = pl.concat([common, means, compared, differences], how="diagonal_relaxed")
by_weight = compared.partition_by("weight", maintain_order=True)
display(tk.reports.prose(*(tk.survey.describe_design(people, rows.tail(1)).sentence for rows in by_weight)))
display(tk.reports.prose(tk.reports.reliability_sentence(everything)))
display(
    tk.reports.bullets(
        f"{item.label}: {item.caveat}" for name, item in burden.items() if item.caveat and name in measured
    )
)

# %% [markdown]
# ## Comparison with previous studies

# %%
display(tk.reports.evidence("burden"))

# %%
title = "The burden of nocturnal leg cramps"
tk.reports.keep(
    common, means, compared, differences, title=title, finding=tk.finding(compared, labels=labels)
)
