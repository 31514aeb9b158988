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
plan: str = ""  # the file of your analysis plan; empty for none

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
card = tk.causes.card("dehydration_heat")
title = "Heat, season and nocturnal leg cramps"
planned = tk.plan(plan, people) if plan else None
paper = tk.reports.Paper({name: variable.label for name, variable in people.codebook.items()}, planned)
outcome = outcome or "any_cramps"
why_no_season = tk.reports.why_no_estimate(people, (outcome, "season"), domain)
why_no_weather = tk.reports.why_no_estimate(people, (outcome, "heat_index"), domain)
nights = tk.longitudinal.records(people) if people.diary is not None else None
why_no_nights = "the study has no diary"
if nights is not None:
    why_no_nights = tk.reports.why_no_estimate(nights, (night_outcome,), domain)
has_season, has_diary = not why_no_season, not why_no_nights
by_month_heat = not why_no_weather and not has_diary
every, main, lags = [], None, None

# %% [markdown] tags=["notebook-only"]
# ## Estimates

# %%
if has_season:
    asked = {"outcome": outcome, "exposure": "season", "domain": domain}
    flow = tk.flow(people, **asked, adjust=adjust)
    common = tk.truth(people, tk.prevalence(people, outcome=outcome, by=("season",), domain=domain))
    compared = pl.concat(
        tk.reports.attempt(tk.association, people, **asked, adjust=by, complete=adjust, estimand=estimand)
        for estimand in ("prevalence_ratio", "prevalence_difference")
        for by in ((), adjust)
    )
    compared = tk.truth(people, compared)
    main = compared.filter(pl.col("estimand") == "prevalence_ratio")
    every += [common, compared]
if by_month_heat:
    warmth = {"outcome": outcome, "exposure": "heat_index_10", "domain": domain}
    paper.labels["heat_index_10"] = "mean heat index, in tens of °F"
    label = paper.labels["heat_index_10"]
    tenths = people.derive("heat_index_10", pl.col("heat_index") / 10, label=label)
    by_heat = pl.concat(
        tk.reports.attempt(tk.association, tenths, **warmth, adjust=by, complete=adjust)
        for by in ((), adjust)
    )
    every.append(by_heat)
    main = by_heat if main is None else main
    flow = flow if has_season else tk.flow(tenths, **warmth, adjust=adjust)
if has_diary:
    paper.labels |= {name: variable.label for name, variable in nights.codebook.items()}
    night_asked = {"outcome": night_outcome, "domain": domain}
    by_month = tk.prevalence(nights, outcome=night_outcome, by=("month",), domain=domain)
    curve = tk.reports.attempt(
        tk.effects.cosinor, nights, outcome=night_outcome, time="date", adjust=adjust, domain=domain
    )
    halves = tk.prevalence(nights, outcome=night_outcome, by=("half_year",), domain=domain)
    by_half = pl.concat(
        tk.reports.attempt(
            tk.association, nights, exposure="half_year", adjust=by, complete=adjust, **night_asked
        )
        for by in ((), adjust)
    )
    flow = tk.flow(nights, night_outcome, "half_year", adjust=adjust, domain=domain)
    every += [by_month, curve, halves, by_half]
    main = by_half
if has_diary and "heat_index_lag0" in nights.people.columns:
    warm = nights
    for lag in range(8):
        when = ("of the day", "of the day before")[lag] if lag < 2 else f"of {lag} days before"
        tens = pl.col(f"heat_index_lag{lag}") / 10
        warm = warm.derive(f"heat_{lag}", tens, label=f"heat index {when}, in tens of °F")
    lags = pl.concat(
        tk.reports.attempt(tk.association, warm, exposure=f"heat_{lag}", adjust=adjust, **night_asked)
        for lag in range(8)
    )
    every.append(lags)

# %% [markdown]
# ## Summary

# %%
if people.design.declared_absent:
    display(paper.prose(tk.survey.describe_design(people, ()).sentence))
if every:
    analyzed = nights if has_diary else people
    design = tk.survey.describe_design(analyzed if has_diary or has_season else tenths, main.tail(1))
    shown = main.tail(1)
    display(paper.finding(shown))
    forest = tk.forest(main, labels=paper.labels)
    display(paper.figure(forest, main, "Crude and adjusted comparison of warm and cool periods"))
    display(
        paper.prose(
            "The estimate compares periods of the year. It does not show which of their features, such as "
            "heat, activity or diet, accounts for a difference."
        )
    )
else:
    display(
        paper.prose(
            "No estimate is shown, because the study has no data on season, weather or nights beside those "
            "on the outcome."
        )
    )

# %% [markdown]
# ## Background

# %%
display(paper.prose(card.what, card.mechanism))
display(paper.evidence(card))

# %%
if not every:
    display(paper.prose("No estimate is shown, for these reasons:", heading="Unmeasured exposures"))
    display(
        tk.reports.bullets(
            [
                f"half-years: {why_no_season}",
                f"weather of the previous month: {why_no_weather}",
                f"diary: {why_no_nights}",
            ]
        )
    )

# %%
if every:
    display(paper.prose(heading="Methods"))
    display(paper.prose(heading="Study population", level=3))
    units = "nights" if has_diary else "participants"
    display(tk.reports.study_population(analyzed, flow, paper, domain=domain, units=units))
    display(paper.figure(tk.charts.flow_chart(flow), flow, "Selection of the analytic sample"))
    display(paper.prose(heading="Measures", level=3))
if has_season:
    display(tk.reports.definition(people.codebook, outcome))
    display(tk.reports.definition(people.codebook, "season", card))
if by_month_heat:
    display(tk.reports.definition(people.codebook, "heat_index", card))
if has_diary:
    answered = nights.people[night_outcome].count()
    keepers = nights.people["person"].n_unique()
    display(
        paper.prose(
            "Each night of the diary is one record with its date. Nights of the same participant are "
            "correlated, and the participant is the sampling unit. Counts are counts of nights, and cases "
            "are nights with cramps.",
            f"{keepers:,} participants recorded {nights.people.height:,} nights, of which {answered:,} have "
            "an answer.",
        )
    )

# %%
if every:
    everything = pl.concat(every, how="diagonal_relaxed")
    paragraph = tk.reports.methods(everything, design, paper, models={"The regression model": adjust})
    display(paper.prose(paragraph, heading="Statistical analysis", level=3))
    display(paper.prose(heading="Data quality", level=3))
    display(paper.prose(tk.reports.reliability_sentence(everything)))
    display(paper.prose(heading="Results"))

# %%
if planned:
    display(paper.prose(heading="Planned questions", level=3))
    display(paper.analysis_plan())
    display(paper.table(planned.answer(people), "Answers to the planned questions"))

# %%
if has_season:
    display(paper.prose(heading="Warm and cool half-years", level=3))
    drawn = tk.charts.prevalence_chart(common, labels=paper.labels)
    display(paper.figure(drawn, common, "Prevalence by half-year"))
    differences = compared.filter(pl.col("estimand") == "prevalence_difference")
    display(paper.table(differences, "Crude and adjusted prevalence differences"))
if has_season and not has_diary:
    display(
        paper.prose(
            "The study records half-years and no dates, so neither a seasonal curve nor the day of its peak "
            "can be estimated.",
            heading="Seasonal curve",
            level=3,
        )
    )
if by_month_heat:
    display(paper.prose(heading="Weather of the previous month", level=3))
    forest = tk.forest(by_heat, labels=paper.labels)
    display(paper.figure(forest, by_heat, "Cramps by the mean heat index of the previous month"))

# %%
if has_diary:
    display(paper.prose(heading="Seasonal curve", level=3))
    drawn = tk.charts.prevalence_chart(by_month, labels=paper.labels)
    display(paper.figure(drawn, by_month, "Nights with cramps by month"))
    display(paper.finding(curve))
    display(paper.table(curve, "Seasonal curve"))
    display(paper.prose(heading="Nights in warm and cool half-years", level=3))
    drawn = tk.charts.prevalence_chart(halves, labels=paper.labels)
    display(paper.figure(drawn, halves, "Nights with cramps by half-year"))
if lags is not None:
    display(
        paper.prose(
            "Each lag has its own model with the same covariates. Estimates at neighboring lags are "
            "correlated.",
            heading="Weather of each night and of the week before",
            level=3,
        )
    )
    forest = tk.forest(lags, labels=paper.labels)
    display(paper.figure(forest, lags, "Cramps by the heat index of the night and of the week before"))

# %% [markdown]
# ## Comparison with previous studies

# %%
if has_diary:
    dated = nights.people.drop_nulls(night_outcome)
    expected = tk.effects.season_ratio(dated["date"], dated["half_year"] == "warm")
    display(paper.prose(tk.effects.compare_season(main.row(-1, named=True), expected)))
elif has_season:
    display(paper.prose(tk.effects.compare_season(main.row(-1, named=True))))
display(paper.comparison(card, main if every else None))

# %% [markdown]
# ## Limitations

# %%
display(tk.reports.limitations(card.caveats, people))

# %% [markdown]
# ## Implications for prevention, and when to seek care
#
# Published findings on prevention. They are not advice to an individual.

# %%
display(paper.prevention(card))
display(paper.prose("Guidelines and reviews name signs of another condition:"), paper.warning_signs())

# %% [markdown]
# ## References

# %%
checklist = tk.reports.strobe(analyzed, flow, main, design, paper, domain=domain) if every else None
display(paper.references())

# %% [markdown]
# ## Reproducibility

# %%
if every:
    display(checklist)
found = "No estimate: the study has no data on season, weather or nights beside those on the outcome."
if every:
    found = tk.finding(main, labels=paper.labels, brief=True)
tk.reports.keep(*every, title=title, finding=found, plan=planned)
