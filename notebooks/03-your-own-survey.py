# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How do I analyze my own survey?
#
# From your files to estimates, with variables and causes of your own, without a change to the toolkit. The
# survey is **simulated**, and no participant is real. Replace `"example-survey"` with the path of your own
# `study.toml`.
#
# ## A first result

# %%
import polars as pl

import toolkit as tk

study = tk.open_study("example-survey")
prevalence = tk.prevalence(study, outcome="any_cramps", by=("age_group",))
tk.charts.prevalence_chart(prevalence)

# %%
print(tk.finding(prevalence))

# %% [markdown]
# ## From files to a study
#
# Data can be CSV, TSV, parquet, Arrow, SAS, SPSS, Stata or Excel files. In a terminal, in their folder:
#
# ```
# cramps new-study people.csv blood.csv    # write a draft study.toml with each guess marked
# cramps check study.toml                  # list all problems, with row numbers
# cramps check study.toml --accept-guesses # accept the guesses after you have read them
# ```
#
# Weight, strata and sampling units are guessed from the names and labels of columns. If they cannot be
# guessed, the section `[design]` says what you have to declare. A study without a design needs `none = true`,
# which is never guessed. Then open the study with `tk.open_study("study.toml")`.

# %%
study

# %% [markdown]
# `study.people` prints a summary and no rows, so that no participant's data are saved in a notebook by
# accident. `study.people.head()` returns rows.

# %%
study.people

# %% [markdown]
# Missing values keep their reasons, also in derived variables. Blood was taken from four in five
# participants.

# %%
study.missing("hba1c_group")

# %% [markdown]
# These exposures of the ten causes were measured:

# %%
study.availability().filter(pl.col("status") != "not measured").select(
    "cause", "exposure", "n", "percent_missing"
)

# %% [markdown]
# `tk.reports.data_dictionary(study)`, or `cramps describe study.toml` in a terminal, writes a data dictionary
# that you can share.
#
# ## Your own variable
#
# A condition makes a yes/no variable, arithmetic a continuous one, and `when` a categorical one. A missing
# value has the reason of its inputs.

# %%
study = (
    study.derive("older", "age >= 60", label="an age of 60 or more")
    .derive("sitting_minutes", "60 * sitting_hours", label="sitting", unit="minutes a day")
    .derive(
        "sitting_third",
        "when(sitting_hours < 4.5, 'short', sitting_hours < 6.5, 'middle', 'long')",
        label="sitting time",
    )
)
tk.table(tk.prevalence(study, outcome="any_cramps", by=("sitting_third",)))

# %% [markdown]
# ## Your own cause
#
# A card describes a cause, its exposures and the rules that derive them. Each rule has a truth table, which
# is checked before the rule is applied. It lists typical values, limits and missing values.
#
# The example combines obesity and prolonged sitting.

# %%
strained = tk.Variable(
    "strained_legs",
    "obesity and prolonged sitting",
    "yes_no",
    source="bmi of 30 or more and sitting_hours of 6 or more; no if either is not",
)
both = (pl.col("bmi") >= 30) & (pl.col("sitting_hours") >= 6)
rule = tk.causes.Rule(
    tk.causes.Derivation(
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
card = tk.causes.Card(
    name="strained_legs",
    title="Strained legs",
    what="Obesity together with prolonged sitting.",
    exposures=(tk.causes.Exposure(strained, "weight and height were self-reported"),),
    mechanism="Invented for this example. A real card states how the cause may lead to cramps.",
    caveats=("The temporal order is unknown.",),
    prevention=(),
    rules=(rule,),
)
study = study.with_cause(card)
card

# %% [markdown]
# The exposure can be used like any other variable, with the weight, strata and sampling units of the survey.

# %%
background = ("age", "sex")
crude = tk.association(study, outcome="any_cramps", exposure="strained_legs", adjust=(), complete=background)
adjusted = tk.association(study, outcome="any_cramps", exposure="strained_legs", adjust=background)
found = pl.concat([crude, adjusted])
tk.forest(found)

# %%
print(tk.finding(found))

# %% [markdown]
# Participant flow:

# %%
tk.table(tk.flow(study, outcome="any_cramps", exposure="strained_legs", adjust=background))

# %% [markdown]
# ## R and reports
#
# `study.to_r("folder")` writes participants and design for R's `survey`, in files that only you can read. The
# reports of the toolkit work on your study without a change:
#
# ```
# tk.render("cause", study=study, cause="diabetes", domain="")
# ```
#
# Your own report is a notebook with a cell tagged `parameters`. `tk.render("my-report.ipynb", study=study)`
# makes a page of it.
