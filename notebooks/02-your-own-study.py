# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own study, your own variables, your own cause
#
# From files to estimates, without a change inside the toolkit. The two studies of this page are
# **invented**: no person in them is real. Put the path of your own `study.toml` in their place.
#
# ## From files to a study
#
# In a terminal, in the folder of your files (CSV, TSV, parquet, Arrow, SAS, SPSS, Stata, Excel):
#
# ```
# cramps new-study people.csv blood.csv    # a first study.toml; each guess in it is marked
# cramps check study.toml                  # all that is wrong, in one pass, with row numbers
# cramps check study.toml --accept-guesses # once you have read them
# ```
#
# The weight, strata and sampling units are found by names and labels where they can be, and marked as
# guesses. Where they cannot, `[design]` says what you have to declare. Only you can write `none = true`.
#
# Then `tk.open_study("study.toml")`. The example survey was declared so.

# %% tags=["parameters"]
survey = "example-survey"
diaries = "example-cohort"

# %%
import polars as pl

import toolkit as tk

study = tk.open_study(survey)
study

# %% [markdown]
# ## What is in it
#
# People show as a summary. Rows are shown only when asked for, so that none lands in a saved notebook
# by accident.

# %%
study.people

# %% [markdown]
# Why values are missing is kept, through every derivation. Blood was taken from four in five.

# %%
study.missing("hba1c_group")

# %% [markdown]
# Which of the ten causes it measured, and by what:

# %%
study.availability().filter(pl.col("status") != "not measured").select(
    "cause", "exposure", "n", "percent_missing"
)

# %% [markdown]
# `cramps describe study.toml` writes all of this, and more, as one page to send around:
# `tk.data_dictionary(study)`.
#
# ## A variable of your own
#
# A condition gives yes or no, arithmetic a number, `when` a category. A missing value takes the reason
# of its inputs.

# %%
study = (
    study.derive("older", "age >= 60", label="an age of 60 or more")
    .derive("sitting_minutes", "60 * sitting_hours", label="sitting", unit="minutes a day")
    .derive(
        "sitting_third",
        "when(sitting_hours < 4.5, 'short', sitting_hours < 6.5, 'middle', 'long')",
        label="time sitting",
    )
)
tk.table(tk.prevalence(study, outcome="any_cramps", by=("sitting_third",)))

# %% [markdown]
# ## A cause of your own
#
# A card holds what a cause is, the variables that stand for it, and its rules. Each rule has a truth
# table, which it
# is held to before it touches the study: the cases that matter, the edges, and what is unknown.
#
# Here: obesity and long sitting together.

# %%
strained = tk.Variable(
    "strained_legs",
    "obese and sitting 6 hours or more",
    "yes_no",
    source="bmi of 30 and over, and sitting_hours of 6 and over; a no to either is enough",
)
both = (pl.col("bmi") >= 30) & (pl.col("sitting_hours") >= 6)
rule = tk.Rule(
    tk.Derivation(
        strained, ("bmi", "sitting_hours"), pl.when(both).then(pl.lit("yes")).when(~both).then(pl.lit("no"))
    ),
    cases=(
        (30.0, 6.0, "yes"),
        (29.9, 6.0, "no"),
        (30.0, 5.9, "no"),
        (29.9, None, "no"),
        (None, 5.9, "no"),
        (30.0, None, None),
        (None, 6.0, None),
        (None, None, None),
    ),
)
card = tk.Card(
    name="strained_legs",
    title="Strained legs",
    what="Obesity together with long sitting.",
    exposures=(tk.Exposure(strained, "weight and height were told, not measured"),),
    mechanism="Invented for this page. A real card says in two sentences how the cause may lead to cramps.",
    caveats=("Which came first is not known.",),
    prevention=(),
    rules=(rule,),
)
study = study.with_cause(card)
card

# %% [markdown]
# From here it is a variable like any other: with the survey's weight, strata and villages.

# %%
background = ("age", "sex")
crude = tk.association(study, outcome="any_cramps", exposure="strained_legs", adjust=(), complete=background)
adjusted = tk.association(study, outcome="any_cramps", exposure="strained_legs", adjust=background)
found = pl.concat([crude, adjusted])
tk.forest(found)

# %%
print(tk.finding(found))

# %% [markdown]
# Who is in it, and who left, and why:

# %%
tk.table(tk.flow(study, outcome="any_cramps", exposure="strained_legs", adjust=background))

# %% [markdown]
# ## A cohort with nights
#
# Person-time, first cramp and nights with cramps a month follow from visits and diary.

# %%
cohort = tk.open_study(diaries)
cohort.people

# %%
tk.table(tk.mean(cohort, "cramp_nights_a_month", by=("stretches",)))

# %% [markdown]
# ## On to R, or to a report
#
# `study.to_r("folder")` writes people and design for R's `survey`, in files that you alone can read. A
# report of your
# own is a notebook with a cell tagged `parameters`: `tk.render("my-report.py", study=study)` makes a
# page of it, and
# the ten that exist work on your study as they are:
#
# ```
# tk.render("cause", study=study, cause="diabetes", domain="")
# ```
