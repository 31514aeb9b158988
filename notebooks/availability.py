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
title = "Measured and unmeasured exposures of each cause"
available = people.availability(by_reason=True)
titles = {name: card.title for name, card in tk.causes.cards().items()}
labels = {item.name: item.label for card in tk.causes.cards().values() for item in card.exposures}
paper = tk.reports.Paper(labels)
found = tk.reports.count_measured_causes(available, titles)

# %% [markdown]
# ## Summary

# %%
if people.design.declared_absent:
    display(paper.prose(tk.survey.describe_design(people, ()).sentence))
display(paper.prose(found))
display(
    paper.prose("This page does not show how well an exposure was measured; the report of each cause does.")
)

# %% [markdown]
# ## Background
#
# Each cause has several exposures, from the most to the least direct. Causes that were not measured are
# included. A proxy captures only part of the exposure that it represents.

# %% [markdown]
# ## Methods

# %%
display(paper.prose(tk.survey.describe_design(people, ()).sentence, heading="Study population", level=3))

# %% [markdown]
# ## Results
#
# ### Exposures by cause

# %%
display(tk.reports.tabulate_causes(available, labels, titles))

# %% [markdown]
# ### Availability by survey cycle
#
# Cycles with the same status share a row. The percentage missing refers to the participants who were eligible
# for the question or test.

# %%
# A cause and an exposure may share a name, such as diabetes: causes go by their titles here.
display(tk.table(available.with_columns(pl.col("cause").replace(titles)), labels=labels))

# %% [markdown]
# ## Limitations
#
# An exposure that was measured may still be missing for many participants, and two exposures of one analysis
# may have been measured in different cycles.

# %% [markdown]
# ## Reproducibility

# %%
tk.reports.keep(title=title, finding=f"{found.partition('. ')[0].rstrip('.')}.")
