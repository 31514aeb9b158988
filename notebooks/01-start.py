# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Start here
#
# Five minutes from a study to a report. The study of this notebook is **simulated**: no person in it is real.
# Write `tk.open_study("nhanes")` in its place to have NHANES 2005-2008.
#
# ## Open a study

# %%
import polars as pl

import toolkit as tk

study = tk.open_study("simulated")
study

# %% [markdown]
# ## Ask what is in it
#
# Ten causes of nocturnal leg cramps, and whether the study measured them. What is not measured is said, never
# left out.

# %%
tk.table(study.availability())

# %% [markdown]
# Each cause has a card: what it is, how it is measured, what is published on it.

# %%
tk.card("diabetes")

# %% [markdown]
# ## How common are cramps?
#
# A `domain` says who is asked about. Nobody is dropped before the variance is computed.

# %%
common = tk.prevalence(study, outcome="any_cramps", by=("age_group", "sex"), domain="age >= 20")
tk.prevalence_chart(common)

# %% [markdown]
# Which weight was used follows from the variables, and is explained.

# %%
print(study.weight_for(("any_cramps", "age_group", "sex")))

# %% [markdown]
# ## One association
#
# How much more common are cramps among people with diabetes? First crude, then adjusted for what a written
# causal diagram chooses: the variables that lie behind both, and none that diabetes brings about.

# %%
asked = {"outcome": "any_cramps", "exposure": "diabetes_told", "domain": "age >= 20"}
chosen = tk.adjustment_for(study, **asked)
print(chosen)
tk.diagram_chart(chosen.edges)

# %% [markdown]
# `adjust=()` gives the crude estimate, names give these covariates, and the default is the diagram's set.

# %%
crude = tk.association(study, **asked, adjust=(), complete=chosen.variables)
adjusted = tk.association(study, **asked)
both = pl.concat([crude, adjusted])
tk.forest(both)

# %%
print(tk.finding(both))

# %% [markdown]
# A result is a plain frame, one row a number, never rounded: write it, join it, draw it again next year.

# %%
both.select("adjust", "estimate", "conf_low", "conf_high", "n", "weight", "reliability")

# %% [markdown]
# ## Render a report
#
# One self-contained page with its results beside it, ready to be sent. It takes some seconds.

# %%
tk.render("cause", study=study, cause="diabetes", output="reports")

# %% [markdown]
# ## Where to go from here
#
# `tk.cards()` names the other causes, `tk.study(frame, design=tk.Design(...))` takes data of your own, and
# `cramps report --all` makes all ten reports at once.
