# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Is arthritis associated with nocturnal leg cramps?
#
# One cause in depth: the finding first, then what it rests on. The study is **simulated**, and no participant
# is real. The report `cause` contains the same steps for each of the ten causes.
#
# ## Finding

# %%
import polars as pl

import toolkit as tk

study = tk.open_study("simulated")
asked = {"outcome": "any_cramps", "exposure": "arthritis", "domain": "age >= 20"}
models = tk.effects.adjustment_models(study, **asked)
ratios = pl.concat(
    tk.association(study, **asked, adjust=covariates, complete=models.complete)
    for covariates in models.models.values()
)
ratios = tk.truth(study, ratios)
tk.forest(ratios, labels=models.labels)

# %%
print(tk.finding(ratios, labels=models.labels))

# %% [markdown]
# All three models have the same participants. Model 1 adjusts for age, sex, race or ethnicity, education and
# income, where the study measured them. Model 2 adds the covariates that the causal diagram requires. The
# diamonds mark the true effect in the simulated population.
#
# ## Definition of the exposure
#
# A card documents a cause: what it is, how it may lead to cramps, how each exposure is defined, and what has
# been published.

# %%
card = tk.causes.card("joints")
card

# %% [markdown]
# ## Participants
#
# Each exclusion is counted with its reason. The last step is the sample size of the estimates above.

# %%
flow = tk.flow(study, **asked, adjust=models.complete)
tk.charts.flow_chart(flow)

# %% [markdown]
# Table 1 compares participants with and without arthritis. Percentages and means are weighted, and counts are
# not.

# %%
tk.table(tk.describe(study, ("age", "sex", "bmi", "smoking"), by="arthritis", domain="age >= 20"))

# %% [markdown]
# Participants with arthritis are older and more often women. Cramps are more common at older ages and in
# women, which is why the crude ratio exceeds the adjusted ones.
#
# ## Covariates
#
# The causal diagram states which variables may confound the association. An arrow is an assumption, and so is
# an absent arrow.

# %%
print(models.chosen)
tk.charts.diagram_chart(models.chosen.edges)

# %% [markdown]
# ## Effect modification
#
# Ratios by age group, and the joint effects of arthritis and sex. The relative excess risk due to interaction
# (RERI) is 0 if the two effects add up.

# %%
tk.forest(tk.association(study, **asked, by=("age_group",)))

# %%
tk.table(tk.effects.interaction(study, "any_cramps", ("arthritis", "sex"), domain="age >= 20"))

# %% [markdown]
# ## Sensitivity analyses
#
# Does the finding depend on the definition of the exposure? Each definition has its own adjustment set.

# %%
definitions = [exposure.name for exposure in card.exposures]
alternatives = pl.concat(
    tk.association(study, "any_cramps", definition, domain="age >= 20") for definition in definitions
)
alternatives = tk.truth(study, alternatives)
tk.table(alternatives)

# %% [markdown]
# The estimates for osteoarthritis and for joint pain lie above their true values. Both are frequent among
# participants with arthritis of any type, which itself causes cramps in this population and is not in their
# adjustment sets. It is in the set of activity limitation, whose estimate is close to the true value. An
# adjustment set is only as good as its diagram.
#
# Does it depend on the severity of cramps?

# %%
severity = pl.concat(
    tk.association(study, outcome, "arthritis", domain="age >= 20")
    for outcome in ("any_cramps", "mild_cramps", "frequent_cramps")
)
tk.forest(tk.truth(study, severity))

# %% [markdown]
# ## The same for another cause
#
# In Python, `tk.render("cause", study=study, cause="joints")` makes a page of these steps. In a terminal, use
# one of these commands:
#
# ```
# cramps report --study nhanes --cause joints
# papermill notebooks/cause.ipynb joints.ipynb -p study nhanes -p cause joints
# ```
