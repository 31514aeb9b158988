# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Heat, season and nocturnal leg cramps

# %% [markdown] tags=["notebook-only"]
# Change the next cell and run all cells, or let `tk.render("heat", study="nhanes")` make a page of it. What
# the page shows depends on the study: half-years where it has `season`; the curve through the year and the
# weather of each night where it has a diary.
#
# | parameter | meaning |
# |---|---|
# | `study` | a study's name: `tk.available_studies()` |
# | `outcome` | a yes/no variable of the people |
# | `night_outcome` | a yes/no variable of the diary |
# | `adjust` | what the adjusted estimates adjust for |
# | `domain` | who the report is about, as a condition |

# %% tags=["parameters"]
study = "simulated"
outcome = ""
night_outcome = "cramp"
adjust = ("rcs(age, 4)", "sex")
domain = "age >= 20"

# %%
import polars as pl
from IPython.display import display

import toolkit as tk
from toolkit.display.text import sentences
from toolkit.estimate.associations import season_bounds
from toolkit.report import passages

people = tk.open_study(study)
card = tk.card("dehydration_heat")
labels = {name: variable.label for name, variable in people.codebook.items()}
outcome = outcome or "any_cramps"
kept = []

# %%
if people.design.declared_absent:
    display(passages.prose(tk.describe_design(people, ()).sentence))

# %% [markdown]
# ## Why heat may matter

# %%
display(passages.prose(card.what, card.mechanism))

# %% [markdown] tags=["needs season"]
# ## The half-years compared

# %% tags=["needs season"]
display(passages.definition(people.codebook, "season", card))
asked = {"outcome": outcome, "exposure": "season", "domain": domain}
flow = tk.flow(people, **asked, adjust=adjust)
display(passages.prose(sentences.flow_sentence(flow)), tk.flow_chart(flow), tk.table(flow))

# %% tags=["needs season"]
common = tk.prevalence(people, outcome=outcome, by=("season",), domain=domain)
display(passages.prose(tk.finding(common, labels=labels)))
display(tk.prevalence_chart(common, labels=labels), tk.table(common, labels=labels))

# %% tags=["needs season"]
compared = pl.concat(
    tk.association(people, **asked, adjust=by, complete=adjust, estimand=estimand)
    for estimand in ("prevalence_ratio", "prevalence_difference")
    for by in ((), adjust)
)
display(passages.prose(tk.finding(compared, labels=labels)))
display(tk.forest(compared, labels=labels), tk.table(compared, labels=labels))
kept += [common, compared]

# %% [markdown] tags=["needs season"]
# ## What the contrast rules out

# %% tags=["needs season"]
adjusted = compared.filter(pl.col("estimand") == "prevalence_ratio").row(-1, named=True)
display(passages.prose(season_bounds.what_it_rules_out(adjusted)))

# %% [markdown] tags=["needs season", "lacks diary"]
# ## The curve through the year
#
# The study gives half-years and no dates: a curve through the year, and the day of its peak, cannot be
# estimated.

# %% [markdown] tags=["needs heat_index", "lacks diary"]
# ## Weather of the month before

# %% tags=["needs heat_index", "lacks diary"]
display(passages.definition(people.codebook, "heat_index", card))
warmth = {"outcome": outcome, "exposure": "heat_index", "domain": domain}
tenths = people.derive("heat_index_10", pl.col("heat_index") / 10, label="mean heat index, in tens of °F")
by_heat = pl.concat(
    tk.association(tenths, **{**warmth, "exposure": "heat_index_10"}, adjust=by, complete=adjust)
    for by in ((), adjust)
)
tens = {**labels, "heat_index_10": "mean heat index, in tens of °F"}
display(passages.prose(tk.finding(by_heat, labels=tens)))
display(tk.forest(by_heat, labels=tens), tk.table(by_heat, labels=tens))
kept += [by_heat]

# %% [markdown] tags=["needs diary"]
# ## The curve through the year
#
# Each night of the diary is a row with its date; the nights of a person hang together, and the person is the
# sampling unit. What charts and tables of nights call people and cases are nights, and nights with cramps.

# %% tags=["needs diary"]
nights = tk.records(people)
night_labels = {name: variable.label for name, variable in nights.codebook.items()}
answered = nights.people[night_outcome].count()
keepers = nights.people["person"].n_unique()
display(
    passages.prose(
        f"{answered:,} nights with an answer of {nights.people.height:,}, kept by {keepers:,} people."
    )
)
by_month = tk.prevalence(nights, outcome=night_outcome, by=("month",), domain=domain)
by_month = by_month.filter(pl.col("n") > 0)
display(tk.prevalence_chart(by_month, labels=night_labels), tk.table(by_month, labels=night_labels))
curve = tk.cosinor(nights, outcome=night_outcome, time="date", adjust=adjust, domain=domain)
display(tk.table(curve, labels=night_labels))

# %% [markdown] tags=["needs diary"]
# ## The half-years of the nights compared

# %% tags=["needs diary"]
halves = tk.prevalence(nights, outcome=night_outcome, by=("half_year",), domain=domain)
night_asked = {"outcome": night_outcome, "domain": domain}
by_half = pl.concat(
    tk.association(nights, exposure="half_year", adjust=by, complete=adjust, **night_asked)
    for by in ((), adjust)
)
display(passages.prose(tk.finding(halves, labels=night_labels)))
display(tk.prevalence_chart(halves, labels=night_labels), tk.table(halves, labels=night_labels))
display(tk.forest(by_half, labels=night_labels), tk.table(by_half, labels=night_labels))
dated = nights.people.drop_nulls(night_outcome)
expected = season_bounds.ratio_on(dated["date"], dated["half_year"] == "warm")
display(passages.prose(season_bounds.what_it_rules_out(by_half.row(-1, named=True), expected)))
kept += [by_month, curve, halves, by_half]

# %% [markdown] tags=["needs heat_index_lag0"]
# ## The weather of each night and of the week before
#
# One model a lag, adjusted for the same; neighbouring days are alike, so the rows are no independent
# findings.

# %% tags=["needs heat_index_lag0"]
warm = nights
for lag in range(8):
    when = ("of the day", "of the day before")[lag] if lag < 2 else f"of {lag} days before"
    tens = pl.col(f"heat_index_lag{lag}") / 10
    warm = warm.derive(f"heat_{lag}", tens, label=f"heat index {when}, in tens of °F")
by_lag = pl.concat(
    tk.association(warm, exposure=f"heat_{lag}", adjust=adjust, **night_asked) for lag in range(8)
)
display(passages.prose(tk.finding(by_lag, labels=night_labels)))
display(tk.forest(by_lag, labels=night_labels), tk.table(by_lag, labels=night_labels))
kept += [by_lag]

# %% [markdown]
# ## How far the numbers can be trusted

# %%
everything = pl.concat(kept, how="diagonal_relaxed")
analyzed = people if people.diary is None else nights
main = by_half if people.diary is not None else compared
by_weight = {rows["weight"][-1]: rows.tail(1) for rows in kept}
display(passages.prose(*(tk.describe_design(analyzed, rows).sentence for rows in by_weight.values())))
display(passages.prose(sentences.reliability_sentence(everything)))

# %% [markdown]
# ## Published evidence

# %%
display(passages.evidence(card))

# %% [markdown]
# ## Caveats

# %%
display(passages.listed(card.caveats))

# %%
title = "Heat, season and nocturnal leg cramps"
tk.keep(*kept, title=title, finding=tk.finding(main, labels=labels))
