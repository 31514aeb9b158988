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
# Change the next cell and run all cells, or make a page of it with `tk.render("heat", study="nhanes")`. The
# page shows half-years if the study has `season`, and the seasonal curve and the weather of each night if it
# has a diary. In a condition, `>=` and `≥` are the same.

# %% tags=["parameters"]
study: str = "simulated"  # the name of a study; tk.available_studies() lists them
outcome: str = ""  # a yes/no variable of the participants; empty for any_cramps
night_outcome: str = "cramp"  # a yes/no variable of the diary
adjust: tuple = ("rcs(age, 4)", "sex")  # the covariates
domain: str = "age ≥ 20"  # the subpopulation, as a condition

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
card = tk.causes.card("dehydration_heat")
labels = {name: variable.label for name, variable in people.codebook.items()}
outcome = outcome or "any_cramps"
has_season = "season" in people.people.columns
has_weather = "heat_index" in people.people.columns
has_diary = people.diary is not None
kept, main = [], None

# %%
if people.design.declared_absent:
    display(tk.reports.prose(tk.survey.describe_design(people, ()).sentence))

# %% [markdown]
# ## Background

# %%
display(tk.reports.prose(card.what, card.mechanism))

# %%
if has_season:
    display(tk.reports.prose(heading="Warm and cool half-years"))
    display(tk.reports.definition(people.codebook, "season", card))
    asked = {"outcome": outcome, "exposure": "season", "domain": domain}
    flow = tk.flow(people, **asked, adjust=adjust)
    display(tk.reports.prose(tk.reports.flow_sentence(flow)), tk.charts.flow_chart(flow), tk.table(flow))

# %%
if has_season:
    common = tk.truth(people, tk.prevalence(people, outcome=outcome, by=("season",), domain=domain))
    display(tk.reports.prose(tk.finding(common, labels=labels)))
    display(tk.charts.prevalence_chart(common, labels=labels), tk.table(common, labels=labels))

# %%
if has_season:
    compared = pl.concat(
        tk.association(people, **asked, adjust=by, complete=adjust, estimand=estimand)
        for estimand in ("prevalence_ratio", "prevalence_difference")
        for by in ((), adjust)
    )
    compared = tk.truth(people, compared)
    display(tk.reports.prose(tk.finding(compared, labels=labels)))
    display(tk.forest(compared, labels=labels), tk.table(compared, labels=labels))
    kept, main = [common, compared], compared

# %%
if has_season:
    display(tk.reports.prose(heading="Comparison with the published seasonal pattern"))
    adjusted = compared.filter(pl.col("estimand") == "prevalence_ratio").row(-1, named=True)
    display(tk.reports.prose(tk.effects.compare_season(adjusted)))

# %%
if has_season and not has_diary:
    display(
        tk.reports.prose(
            "The study records half-years and no dates, so neither a seasonal curve nor the day of its peak "
            "can be estimated.",
            heading="Seasonal curve",
        )
    )

# %%
if has_weather and not has_diary:
    display(tk.reports.prose(heading="Weather of the previous month"))
    display(tk.reports.definition(people.codebook, "heat_index", card))
    warmth = {"outcome": outcome, "exposure": "heat_index_10", "domain": domain}
    tenths = people.derive("heat_index_10", pl.col("heat_index") / 10, label="mean heat index, in tens of °F")
    by_heat = pl.concat(tk.association(tenths, **warmth, adjust=by, complete=adjust) for by in ((), adjust))
    tens = {**labels, "heat_index_10": "mean heat index, in tens of °F"}
    display(tk.reports.prose(tk.finding(by_heat, labels=tens)))
    display(tk.forest(by_heat, labels=tens), tk.table(by_heat, labels=tens))
    kept.append(by_heat)
    main = by_heat if main is None else main

# %%
if has_diary:
    display(
        tk.reports.prose(
            "Each night of the diary is one record with its date. Nights of the same participant are "
            "correlated, and the participant is the sampling unit. Counts in the charts and tables below are "
            "counts of nights, and cases are nights with cramps.",
            heading="Seasonal curve",
        )
    )
    nights = tk.longitudinal.records(people)
    night_labels = {name: variable.label for name, variable in nights.codebook.items()}
    answered = nights.people[night_outcome].count()
    keepers = nights.people["person"].n_unique()
    display(
        tk.reports.prose(
            f"{keepers:,} participants recorded {nights.people.height:,} nights, of which {answered:,} have "
            "an answer."
        )
    )
    by_month = tk.prevalence(nights, outcome=night_outcome, by=("month",), domain=domain)
    by_month = by_month.filter(pl.col("n") > 0)
    display(
        tk.charts.prevalence_chart(by_month, labels=night_labels), tk.table(by_month, labels=night_labels)
    )
    curve = tk.effects.cosinor(nights, outcome=night_outcome, time="date", adjust=adjust, domain=domain)
    display(tk.table(curve, labels=night_labels))

# %%
if has_diary:
    display(tk.reports.prose(heading="Nights in warm and cool half-years"))
    halves = tk.prevalence(nights, outcome=night_outcome, by=("half_year",), domain=domain)
    night_asked = {"outcome": night_outcome, "domain": domain}
    by_half = pl.concat(
        tk.association(nights, exposure="half_year", adjust=by, complete=adjust, **night_asked)
        for by in ((), adjust)
    )
    display(tk.reports.prose(tk.finding(halves, labels=night_labels)))
    display(tk.charts.prevalence_chart(halves, labels=night_labels), tk.table(halves, labels=night_labels))
    display(tk.forest(by_half, labels=night_labels), tk.table(by_half, labels=night_labels))
    dated = nights.people.drop_nulls(night_outcome)
    expected = tk.effects.season_ratio(dated["date"], dated["half_year"] == "warm")
    display(tk.reports.prose(tk.effects.compare_season(by_half.row(-1, named=True), expected)))
    kept += [by_month, curve, halves, by_half]
    main = by_half

# %%
if has_diary and "heat_index_lag0" in nights.people.columns:
    display(
        tk.reports.prose(
            "Each lag has its own model with the same covariates. Estimates at neighboring lags are "
            "correlated.",
            heading="Weather of each night and of the week before",
        )
    )
    warm = nights
    for lag in range(8):
        when = ("of the day", "of the day before")[lag] if lag < 2 else f"of {lag} days before"
        tens = pl.col(f"heat_index_lag{lag}") / 10
        warm = warm.derive(f"heat_{lag}", tens, label=f"heat index {when}, in tens of °F")
    by_lag = pl.concat(
        tk.association(warm, exposure=f"heat_{lag}", adjust=adjust, **night_asked) for lag in range(8)
    )
    display(tk.reports.prose(tk.finding(by_lag, labels=night_labels)))
    display(tk.forest(by_lag, labels=night_labels), tk.table(by_lag, labels=night_labels))
    kept.append(by_lag)

# %%
if kept:
    display(tk.reports.prose(heading="Statistical analysis and data quality"))
    everything = pl.concat(kept, how="diagonal_relaxed")
    analyzed = nights if has_diary else people
    by_weight = {rows["weight"][-1]: rows.tail(1) for rows in kept}
    display(
        tk.reports.prose(*(tk.survey.describe_design(analyzed, rows).sentence for rows in by_weight.values()))
    )
    display(tk.reports.prose(tk.reports.reliability_sentence(everything)))
else:
    display(
        tk.reports.prose(
            "No estimate is shown, because the study has neither season, nor heat index, nor a diary.",
            heading="Unmeasured exposures",
        )
    )

# %% [markdown]
# ## Comparison with previous studies

# %%
display(tk.reports.evidence(card))

# %% [markdown]
# ## Limitations

# %%
display(tk.reports.bullets(card.caveats))

# %%
title = "Heat, season and nocturnal leg cramps"
nothing = f"No estimate: {people.label} has neither season, nor heat index, nor a diary."
tk.reports.keep(*kept, title=title, finding=tk.finding(main, labels=labels) if kept else nothing)
