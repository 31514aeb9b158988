# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How common are nocturnal leg cramps, and are they associated with diabetes?
#
# A first analysis, from a study to a report, in about five minutes. The study is **simulated**, and no
# participant is real. Replace `"simulated"` with `"nhanes"` for US adults in NHANES 2005-2008.
#
# ## Prevalence by age and sex

# %%
import polars as pl

import toolkit as tk

study = tk.open_study("simulated")
prevalence = tk.prevalence(study, outcome="any_cramps", by=("age_group", "sex"), domain="age >= 20")
prevalence = tk.truth(study, prevalence)
tk.charts.prevalence_chart(prevalence)

# %%
print(tk.finding(prevalence))

# %% [markdown]
# The population of the simulated study is known. The diamonds mark its true prevalence, which `tk.truth` adds
# to a result. For a real study, the same call adds nothing.
#
# `domain` selects a subpopulation. Standard errors are computed from the whole sample, as a subpopulation
# analysis requires. The weight follows from the variables of the analysis:

# %%
print(study.weight_for(("any_cramps", "age_group", "sex")))

# %% [markdown]
# ## Diabetes
#
# Diabetes and cramps both become more common with age, so that a crude comparison is confounded. Without
# `adjust=`, the toolkit adjusts for the covariates that its causal diagram requires. With `adjust=()` it
# estimates the crude ratio. `complete=` keeps the participants of both models the same.

# %%
asked = {"outcome": "any_cramps", "exposure": "diabetes_told", "domain": "age >= 20"}
covariates = tk.adjustment_for(study, **asked)
crude = tk.association(study, **asked, adjust=(), complete=covariates.variables)
adjusted = tk.association(study, **asked)
ratios = tk.truth(study, pl.concat([crude, adjusted]))
tk.forest(ratios)

# %%
print(tk.finding(ratios))

# %% [markdown]
# In the simulated study, the crude ratio is larger than the true one, because participants with diabetes are
# older. The adjusted interval contains the true value.
#
# The adjustment set contains common causes of diabetes and cramps, and no consequence of either. It depends
# on the arrows of the diagram, including those that are absent. Some confounders were not measured:

# %%
print(covariates)
tk.charts.diagram_chart(covariates.edges)

# %% [markdown]
# ## Results are data
#
# A result is a polars data frame with one row per estimate. Nothing in it is rounded, and each row states its
# covariates, weight, sample size, missing data and reliability.

# %%
ratios.select("adjust", "estimate", "std_error", "conf_low", "conf_high", "n", "n_missing", "weight")

# %% [markdown]
# ## A report
#
# `tk.render` makes one self-contained HTML page in the folder `reports` of your project, with the results in
# files beside it.

# %%
tk.render("cause", study=study, cause="diabetes")

# %% [markdown]
# ## Next steps
#
# - [One cause](02-one-cause.ipynb): Is arthritis associated with cramps?
# - [Your own survey](03-your-own-survey.ipynb): How do I analyze my own survey?
# - [Diaries](04-diaries-weather-season.ipynb): Do cramps follow the season or the weather?
# - [Simulated truth](05-simulated-truth.ipynb): What do wrong weights, ignored clusters and a collider do?
#
# `tk.explore(study)` as the last line of a cell opens menus to search outcomes and exposures, and writes the
# code of what they show. `tk.causes.cards()` lists the ten causes, `study.variables("sleep")` searches the
# variables, and `tk.table(study.availability())` shows what the study measured.
