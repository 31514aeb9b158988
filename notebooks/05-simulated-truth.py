# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What do wrong weights, ignored clusters and a collider do to an estimate?
#
# In a real study the true value is unknown. In the simulated study it follows from the causal model, and
# `tk.truth` returns it. This notebook makes three common errors on purpose. No participant is real.
#
# ## Error 1: no weights
#
# The survey oversampled people with cramps, older people and some ethnic groups, as many surveys do. Weights
# undo the oversampling.

# %%
import polars as pl

import toolkit as tk

study = tk.open_study("simulated")
asked = {"outcome": "any_cramps", "domain": "age >= 20"}
unweighted = tk.study(
    study.people, design=tk.Design.none(), name="SIMULATED study without weights", codebook=study.codebook
)
designs = pl.concat(tk.truth(study, tk.prevalence(one, **asked)) for one in (study, unweighted))
tk.charts.prevalence_chart(designs)

# %% [markdown]
# The diamonds mark the true prevalence. Without weights, the prevalence is overestimated by about eight
# percentage points, and the narrow interval is far from the true value. A larger sample would make the
# interval narrower, and the error would remain.

# %%
tk.table(designs)

# %% [markdown]
# ## Error 2: ignored clusters
#
# The survey drew two primary sampling units (PSUs) in each of 30 strata, and participants within them.
# Participants of the same PSU resemble each other, so that 12,000 of them carry less information than 12,000
# independent ones. An analysis with weights but without strata and PSUs gives the same estimate, with a
# standard error that is too small.
#
# A single sample cannot show this. Here, ten samples are drawn from the same population and analyzed in both
# ways, first without strata and PSUs.

# %%
samples = {f"sample {number}": tk.open_study("simulated", sample=number) for number in range(10)}
weights_only = tk.Design(weight="weight_interview")
label = "SIMULATED study without clusters"
flat = {
    name: tk.study(drawn.people, design=weights_only, name=label, codebook=drawn.codebook)
    for name, drawn in samples.items()
}
ignored = pl.concat(
    tk.truth(study, tk.prevalence(drawn, **asked)).with_columns(pl.lit(name).alias("sample"))
    for name, drawn in flat.items()
)
tk.charts.prevalence_chart(ignored)

# %% [markdown]
# Three of ten 95% intervals miss the true value. With strata and PSUs, the same ten estimates have intervals
# almost twice as wide, and all ten contain it:

# %%
clustered = pl.concat(
    tk.truth(drawn, tk.prevalence(drawn, **asked)).with_columns(pl.lit(name).alias("sample"))
    for name, drawn in samples.items()
)
tk.charts.prevalence_chart(clustered)

# %%
contains = pl.col("true_value").is_between("conf_low", "conf_high").sum()
pl.concat([ignored, clustered]).group_by("study", maintain_order=True).agg(
    pl.col("std_error").mean().alias("mean standard error"),
    contains.alias("intervals that contain the true value"),
    pl.len().alias("samples"),
)

# %% [markdown]
# ## Error 3: adjustment for a collider
#
# Arthritis disturbs sleep, and so do cramps. Insomnia is therefore a collider: a common effect of exposure
# and outcome. Adjusting for it "to be safe" opens a path between them. The toolkit refuses a covariate that
# its causal diagram places after the exposure, and `allow_descendants=True` overrides the refusal.

# %%
compared = {"outcome": "frequent_cramps", "exposure": "arthritis", "domain": "age >= 20"}
covariates = tk.adjustment_for(study, **compared)
collider = (*covariates.terms, "insomnia")
ratios = pl.concat(
    [
        tk.association(study, **compared, complete=(*covariates.variables, "insomnia")),
        tk.association(study, **compared, adjust=collider, allow_descendants=True),
    ]
)
ratios = tk.truth(study, ratios)
names = {", ".join(covariates.terms): "Diagram's set", ", ".join(collider): "With insomnia"}
tk.forest(ratios, labels=names)

# %%
tk.table(ratios, labels=names)

# %% [markdown]
# Without insomnia, the interval contains the true ratio. With it, the association is underestimated, and the
# interval misses the true ratio. More covariates do not make an estimate safer, and no test of the data
# reveals this error.
#
# ## In your own analyses
#
# | error | protection in the toolkit |
# |---|---|
# | no or wrong weights | `study.weight_for(variables)` states the weight, and each result row names it |
# | ignored clusters | strata and PSUs belong to the study, and a design without them has to be declared |
# | adjustment for a collider | `tk.adjustment_for(...)` derives the covariates from the causal diagram |
#
# None of them replaces judgment: the diagram may be wrong, and the weights may not represent your target
# population.
