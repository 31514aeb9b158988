# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do nocturnal leg cramps follow the season or the weather?
#
# A cohort of 60 adults kept a diary for four weeks in winter and four weeks in summer. The daily weather of
# their towns is known. The cohort is **simulated**, and no participant is real. Replace `"example-cohort"`
# with the path of your own `study.toml`.
#
# ## Cramps in warm and cool half-years
#
# `tk.longitudinal.records` turns the diary into a study with one record per night. Nights of one participant
# are correlated, so that the participant is the sampling unit.

# %%
import polars as pl

import toolkit as tk

cohort = tk.open_study("example-cohort")
nights = tk.longitudinal.records(cohort)
half_years = tk.prevalence(nights, outcome="cramp", by=("half_year",))
tk.charts.prevalence_chart(half_years)

# %%
print(tk.finding(half_years))

# %%
season = pl.concat(
    tk.association(nights, "cramp", "half_year", adjust=covariates) for covariates in ((), ("age", "sex"))
)
print(tk.finding(season))

# %% [markdown]
# All but three participants recorded nights in both half-years, so that adjustment for age and sex changes
# little.
#
# How does this compare with the published seasonal pattern? The ratio that the pattern implies depends on the
# nights that were recorded:

# %%
answered = nights.people.drop_nulls("cramp")
expected = tk.effects.season_ratio(answered["date"], answered["half_year"] == "warm")
print(tk.effects.compare_season(season.row(-1, named=True), expected))

# %% [markdown]
# ## Participants and diary
#
# Follow-up time, first cramp and nights with cramps per month are derived from visits and diary.

# %%
cohort

# %%
tk.table(tk.mean(cohort, "cramp_nights_a_month"))

# %% [markdown]
# The diary covers two periods, so that it cannot locate the peak of the year:

# %%
months = tk.prevalence(nights, outcome="cramp", by=("month",)).filter(pl.col("n") > 0)
tk.charts.prevalence_chart(months)

# %% [markdown]
# Estimates of months with few nights are suppressed by the presentation standards of the National Center for
# Health Statistics. If your diary covers the year, `tk.effects.cosinor` estimates a seasonal curve with its
# peak and the ratio of peak to trough.
#
# ## The weather of the night
#
# Hot nights occur in summer, so that a comparison of all nights mixes weather and season. A case-crossover
# analysis separates them. It compares each night with a cramp with other nights of the same participant, in
# the same month and on the same day of the week. Season and characteristics that do not change within a month
# cannot confound this comparison. The odds ratios are per 10 °F of the heat index.

# %%
within = tk.longitudinal.case_crossover(nights, "cramp", "heat_index", lags=(0, 1, 2), per=10)
tk.forest(within)

# %% [markdown]
# The distributed-lag model estimates the whole week before the night at once. Its last row is the cumulative
# odds ratio.

# %%
tk.forest(tk.longitudinal.lag_curve(nights, "cramp", "heat_index", lags=7, df=3, per=10))

# %% [markdown]
# ## Conclusion
#
# Cramps were more frequent in the warm half-year. Within a month, the odds of a cramp were similar after
# hotter and cooler days. The intervals are wide, because only months that have nights with and without a
# cramp contribute. This cohort shows a seasonal difference, and it cannot tell whether heat itself or another
# feature of summer causes it.
#
# `tk.render("heat", study=cohort, domain="")` makes a report of these steps. `tk.read_ghcn` reads the weather
# stations of NOAA, `tk.add_weather` joins them to dated visits and nights, and `tk.longitudinal.gee` fits
# models to repeated outcomes.
