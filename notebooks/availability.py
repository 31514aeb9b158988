# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What the study measures of each cause, and what it does not

# %% [markdown] tags=["notebook-only"]
# Change the next cell and run all cells, or let
# `tk.render("availability", study="nhanes")` make a page of it.
#
# | parameter | meaning |
# |---|---|
# | `study` | a study's name: `tk.available_studies()` |

# %% tags=["parameters"]
study = "simulated"

# %%
import polars as pl
from IPython.display import display

import toolkit as tk
from toolkit.report import coverage, passages

people = tk.open_study(study)
available = people.availability(by_reason=True)
titles = {name: card.title for name, card in tk.cards().items()}
labels = {item.name: item.label for card in tk.cards().values() for item in card.exposures}

# %%
if people.design.declared_absent:
    display(passages.prose(tk.describe_design(people, ()).sentence))

# %% [markdown]
# ## Cause by cause
#
# No cause is left out because it was not measured. A proxy stands in for what it names, and misses
# part of it.

# %%
display(coverage.overview(available, labels, titles))

# %% [markdown]
# ## Exposure by exposure
#
# Cycles with the same answer stand in one line. Missing is the share of the people to whom the question or
# test was put; who was never asked is not counted as missing an answer.

# %%
# A cause and an exposure may share a name, such as diabetes: causes go by their titles here.
display(tk.table(available.with_columns(pl.col("cause").replace(titles)), labels=labels))

# %% [markdown]
# ## Weight and design

# %%
display(passages.prose(tk.describe_design(people, ()).sentence))

# %%
tk.keep(title="What the study measures of each cause", finding=coverage.summary(available, titles))
