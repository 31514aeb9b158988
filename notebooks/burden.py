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
# Change the next cell and run all cells, or let `tk.render("burden", study="nhanes")` make a page of it.
#
# | parameter | meaning |
# |---|---|
# | `study` | a study's name: `tk.available_studies()` |
# | `cramps` | the yes/no variable of cramps whose burden is described |
# | `adjust` | what the adjusted estimates adjust for |
# | `domain` | who the report is about, as a condition |

# %% tags=["parameters"]
study = "simulated"
cramps = "frequent_cramps"
adjust = ("rcs(age, 4)", "sex", "race_ethnicity", "education")
domain = "age >= 20"

# %%
import polars as pl
from IPython.display import display

import toolkit as tk
from toolkit.causes.outcomes import BURDEN
from toolkit.display.text import sentences
from toolkit.report import passages

people = tk.open_study(study)
labels = {name: variable.label for name, variable in people.codebook.items()}
burden = {item.name: item for items in BURDEN.values() for item in items}
held = [name for name in burden if name in people.people.columns]
answers = [name for name in held if people.codebook[name].kind == "yes_no"]
amounts = [name for name in held if people.codebook[name].kind == "number"]

# %%
if people.design.declared_absent:
    display(passages.prose(tk.describe_design(people, ()).sentence))

# %% [markdown]
# ## What is described
#
# Sleep, function by day, health and care of people with frequent cramps beside those of people without. These
# are outcomes of cramps, never their causes here, and nothing on this page is adjusted for them.
#
# People were asked about both at the same time. Which came first is not known: cramps disturb sleep, and poor
# sleep may let cramps be noticed; illness may bring both. The numbers say how burdens go with cramps, not how
# much of them cramps bring about.

# %%
display(
    passages.listed(
        f"{domain_of}: {', '.join(e.label for e in items)}" for domain_of, items in BURDEN.items()
    )
)

# %% [markdown]
# ## Who is in the analysis

# %%
flow = tk.flow(people, outcome=cramps, domain=domain)
display(passages.prose(sentences.flow_sentence(flow)), tk.flow_chart(flow), tk.table(flow))
display(passages.definition(people.codebook, cramps))

# %% [markdown]
# ## How common each burden is

# %%
common = pl.concat(tk.prevalence(people, outcome=name, by=(cramps,), domain=domain) for name in answers)
display(tk.prevalence_chart(common, labels=labels), tk.table(common, labels=labels))

# %% [markdown]
# ## Hours, minutes and days

# %%
means = pl.concat(tk.mean(people, name, by=(cramps,), domain=domain) for name in amounts)
display(tk.table(means, labels=labels))

# %% [markdown]
# ## How burdens go with cramps, crude and adjusted

# %%
asked = {"exposure": cramps, "domain": domain, "estimand": "prevalence_ratio"}
compared = pl.concat(
    tk.association(people, outcome=name, adjust=by, complete=adjust, **asked)
    for name in answers
    for by in ((), adjust)
)
display(passages.prose(tk.finding(compared, labels=labels)))
display(tk.forest(compared, labels=labels), tk.table(compared, labels=labels))

# %% [markdown]
# ### Differences of means, adjusted
#
# More or less among people with frequent cramps, in each unit.

# %%
formulas = {name: f"{name} ~ {' + '.join((cramps, *adjust))}" for name in amounts}
fitted = pl.concat(
    tk.model(people, formula, family="gaussian", domain=domain) for formula in formulas.values()
)
differences = fitted.filter(exposure=cramps)
display(tk.table(differences, labels=labels))

# %% [markdown]
# ## What is not measured here

# %%
gaps = [
    f"{item.label}: {passages.absence(people.codebook, name)}"
    for name, item in burden.items()
    if name not in held
]
display(
    passages.listed(gaps or ["everything that the toolkit knows of the burden is measured in this study"])
)

# %% [markdown]
# ## How far the numbers can be trusted

# %%
everything = pl.concat([common, means, compared, differences], how="diagonal_relaxed")
by_weight = compared.partition_by("weight", maintain_order=True)
display(passages.prose(*(tk.describe_design(people, rows.tail(1)).sentence for rows in by_weight)))
display(passages.prose(sentences.reliability_sentence(everything)))
display(
    passages.listed(
        f"{item.label}: {item.caveat}" for name, item in burden.items() if item.caveat and name in held
    )
)

# %% [markdown]
# ## Published evidence

# %%
display(passages.published("burden"))

# %%
title = "The burden of nocturnal leg cramps"
tk.keep(common, means, compared, differences, title=title, finding=tk.finding(compared, labels=labels))
