# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Prevention of nocturnal leg cramps: the published trials

# %% [markdown] tags=["notebook-only"]
# Make a page of it with `tk.render("prevention")`. The page shows published findings; of the study it says
# only which of the preventive behaviors were measured.

# %% tags=["parameters"]
study: str = "simulated"  # the name of a study; tk.available_studies() lists them

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
title = "Prevention of nocturnal leg cramps: the published trials"
paper = tk.reports.Paper()
trials = tk.reports.trials()
cards = tk.causes.cards()
available = people.availability()
of_trials = trials["level_label"].str.split(":").list.first().n_unique()

# %% [markdown]
# ## Summary

# %%
display(
    paper.prose(
        f"Of the publications that were read, {of_trials} report {trials.height} randomized comparisons with "
        "a 95% confidence interval. They studied stretching, oral magnesium, and advice to stop quinine "
        f"{paper.cite(*trials['outcome'])}."
    )
)
drawn = tk.forest(trials)
note = (
    "Negative differences, and ratios of responders above 1, favor the intervention. Outcomes differ between "
    "panels."
)
display(paper.figure(drawn, trials, "Published randomized trials of prevention", note))
display(
    paper.prose(
        "The figure does not show that other measures fail. No trial of hydration, sleeping posture, "
        "exercise or glucose control with nocturnal cramps as its outcome is known here."
    )
)

# %% [markdown]
# ## Background
#
# Each card of a cause lists what studies found about prevention. A trial compares groups that chance has
# formed, so that its result does not depend on which participants chose the measure.

# %% [markdown]
# ## Methods
#
# Findings were entered only if their numbers were read. A comparison is shown if the publication is a
# randomized trial or a meta-analysis of trials and gives an estimate with a 95% confidence interval.

# %% [markdown]
# ## Results
#
# ### Findings by cause

# %%
for card in cards.values():
    if card.prevention:
        display(paper.prose(heading=card.title, level=4), paper.prevention(card))

# %% [markdown]
# ### Preventive behaviors measured by the study

# %%
titles = {name: card.title for name, card in cards.items()}
labels = {item.name: item.label for card in cards.values() for item in card.exposures}
behaviors = ("stretching", "sleep_position", "exertion", "sitting_standing", "dehydration_heat")
chosen = {name: titles[name] for name in behaviors}
of_behaviors = available.filter(pl.col("cause").is_in(behaviors))
display(tk.reports.tabulate_causes(of_behaviors, labels, chosen))

# %% [markdown]
# ## Comparison with previous studies

# %%
display(
    paper.prose(
        "A summary for family physicians reports small trials of low quality that suggest short-term "
        "improvement with calcium channel blockers or B vitamins, and conflicting trials of stretching. "
        "Quinine reduces cramps, but its use is not recommended because of its toxicity "
        f"{paper.cite('fpin2017')}."
    )
)
display(paper.evidence("stretching"))

# %% [markdown]
# ## Limitations

# %%
display(
    tk.reports.bullets(
        [
            "the trials are few and small, and their participants were older adults or took quinine",
            "outcomes, follow-up and comparisons differ, so that the estimates are not pooled here",
            "meta-analyses of the same trials overlap, and their estimates are not independent",
        ]
    )
)

# %% [markdown]
# ## Implications for prevention, and when to seek care
#
# These findings are evidence, and not advice to an individual. Guidelines and reviews name signs of another
# condition, which call for an examination:

# %%
display(paper.warning_signs())

# %% [markdown]
# ## References

# %%
display(paper.references())

# %% [markdown]
# ## Reproducibility

# %%
found = (
    f"{trials.height} randomized comparisons from {of_trials} publications have a 95% confidence interval."
)
tk.reports.keep(title=title, finding=found)
