# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Measured and unmeasured exposures of each cause

# %% [markdown] tags=["notebook-only"]
# Change the next cell and run all cells, or make a page of it with
# `tk.render("availability", study="nhanes")`.

# %% tags=["parameters"]
study: str = "simulated"  # the name of a study; tk.available_studies() lists them

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
available = people.availability(by_reason=True)
titles = {name: card.title for name, card in tk.causes.cards().items()}
labels = {item.name: item.label for card in tk.causes.cards().values() for item in card.exposures}

# %%
if people.design.declared_absent:
    display(tk.reports.prose(tk.survey.describe_design(people, ()).sentence))

# %% [markdown]
# ## Exposures by cause
#
# Causes that were not measured are included. A proxy captures only part of the exposure that it represents.

# %%
display(tk.reports.tabulate_causes(available, labels, titles))

# %% [markdown]
# ## Availability by survey cycle
#
# Cycles with the same status share a row. The percentage missing refers to the participants who were eligible
# for the question or test.

# %%
# A cause and an exposure may share a name, such as diabetes: causes go by their titles here.
display(tk.table(available.with_columns(pl.col("cause").replace(titles)), labels=labels))

# %% [markdown]
# ## Weights and design

# %%
display(tk.reports.prose(tk.survey.describe_design(people, ()).sentence))

# %%
title = "Measured and unmeasured exposures of each cause"
tk.reports.keep(title=title, finding=tk.reports.count_measured_causes(available, titles))
