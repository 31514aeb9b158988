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
# From a study to a report in five minutes. The study in this notebook is **simulated**, and no participant is
# real. Use `tk.open_study("nhanes")` for NHANES 2005-2008.
#
# ## Open a study

# %%
import polars as pl

import toolkit as tk

study = tk.open_study("simulated")
study

# %% [markdown]
# ## Availability of exposures
#
# The table lists the exposures of ten causes of nocturnal leg cramps, including those that the study did not
# measure.

# %%
tk.table(study.availability())

# %% [markdown]
# Each cause has a card with its definition, exposures, published evidence and limitations.

# %%
tk.causes.card("diabetes")

# %% [markdown]
# ## Prevalence
#
# `domain` selects a subpopulation. Variances are computed from the whole sample, as a subpopulation analysis
# requires.
#
# The causal model of the simulated study is known. `tk.truth` adds the true value of each estimate, which the
# chart marks by a diamond; estimates of a real study stay as they are.

# %%
common = tk.prevalence(study, outcome="any_cramps", by=("age_group", "sex"), domain="age >= 20")
common = tk.truth(study, common)
tk.charts.prevalence_chart(common)

# %% [markdown]
# The weight follows from the variables of the analysis.

# %%
print(study.weight_for(("any_cramps", "age_group", "sex")))

# %% [markdown]
# ## Association
#
# The association of diabetes with cramps is estimated without adjustment and with the adjustment set that the
# causal diagram supplies. The set contains confounders and no consequences of diabetes.

# %%
asked = {"outcome": "any_cramps", "exposure": "diabetes_told", "domain": "age >= 20"}
chosen = tk.adjustment_for(study, **asked)
print(chosen)
tk.charts.diagram_chart(chosen.edges)

# %% [markdown]
# Use `adjust=()` for the crude estimate, or names for your own covariates. The default is the set of the
# diagram.

# %%
crude = tk.association(study, **asked, adjust=(), complete=chosen.variables)
adjusted = tk.association(study, **asked)
both = tk.truth(study, pl.concat([crude, adjusted]))
tk.forest(both)

# %%
print(tk.finding(both))

# %% [markdown]
# A result is a polars DataFrame with one row per estimate and no rounding.

# %%
both.select("adjust", "estimate", "conf_low", "conf_high", "true_value", "n", "weight", "reliability")

# %% [markdown]
# ## Render a report
#
# The report is one self-contained HTML page, with its results in files beside it. It takes less than a
# minute.

# %%
tk.render("cause", study=study, cause="diabetes", output="reports")

# %% [markdown]
# ## Next steps
#
# `tk.causes.cards()` lists the other causes. `tk.study(frame, design=tk.Design(...))` uses your own data. Use
# `cramps report --all` in a terminal to render all reports.
