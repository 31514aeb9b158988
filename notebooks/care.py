# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # When to seek care for nocturnal leg cramps

# %% [markdown] tags=["notebook-only"]
# Change the next cell and run all cells, or make a page of it with `tk.render("care", study="nhanes")`.
# In a condition, `>=` and `≥` are the same.

# %% tags=["parameters"]
study: str = "simulated"  # the name of a study; tk.available_studies() lists them
cramps: str = "frequent_cramps"  # a yes/no variable of cramps
domain: str = "age ≥ 20"  # the subpopulation, as a condition

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
title = "When to seek care for nocturnal leg cramps"
measured = [name for name in people.codebook if name in people.people.columns]
paper = tk.reports.Paper({name: variable.label for name, variable in people.codebook.items()})
sleep = ("short_sleep", "cannot_stay_asleep")
if all(name in measured for name in sleep):
    poor = " or ".join(f"{name} == 'yes'" for name in sleep)
    people = people.derive("poor_sleep", poor, label="short or broken sleep")
    sleep = (*sleep, "poor_sleep")
    measured.append("poor_sleep")
    paper.labels["poor_sleep"] = "short or broken sleep"
conditions = ("diabetes_told", "joint_limitation", "diuretic", "pregnant")
features = [name for name in (*sleep, *conditions) if name in measured]
not_measured = [name for name in (*sleep, *conditions) if name not in measured]
why_none = tk.reports.why_no_estimate(people, (cramps,), domain)
if not features:
    why_none = "the study did not measure any of the features"
estimable = not why_none
within = f"({domain}) and {cramps} == 'yes'" if domain else f"{cramps} == 'yes'"

# %% [markdown] tags=["notebook-only"]
# ## Estimates

# %%
if estimable:
    shares = pl.concat(
        tk.reports.attempt(tk.prevalence, people, name, by=(cramps,), domain=domain) for name in features
    )
    shares = tk.truth(people, shares)
    flow = tk.flow(people, outcome=cramps, domain=domain)
    overall = tk.prevalence(people, outcome=cramps, domain=domain)
    design = tk.survey.describe_design(people, overall)
has_doctor = estimable and "told_doctor_of_sleep" in measured
if has_doctor:
    groups = (cramps, "poor_sleep") if "poor_sleep" in measured else (cramps,)
    doctor = tk.reports.attempt(tk.prevalence, people, "told_doctor_of_sleep", by=groups, domain=domain)

# %% [markdown]
# ## Summary

# %%
if people.design.declared_absent:
    display(paper.prose(tk.survey.describe_design(people, ()).sentence))
if estimable:
    display(paper.finding(overall))
    drawn = tk.charts.prevalence_chart(shares, labels=paper.labels)
    rows = f"Rows: participants without (no) and with (yes) {people.codebook[cramps].label}."
    display(paper.figure(drawn, shares, "Features of participants with and without frequent cramps", rows))
    display(
        paper.prose(
            "The figure describes participants. It does not show who needed care, who "
            "sought it for cramps, or what care achieved."
        )
    )
else:
    display(paper.prose(f"No estimate is shown, because {why_none}."))

# %% [markdown]
# ## Background
#
# Most nocturnal leg cramps are idiopathic. Guidelines and reviews ask for a history and an examination where
# cramps are frequent or disturb sleep, or where signs suggest another condition:

# %%
display(paper.warning_signs())

# %% [markdown]
# ## Methods

# %%
if estimable:
    display(paper.prose(heading="Study population", level=3))
    display(tk.reports.study_population(people, flow, paper, domain=domain))
    display(paper.figure(tk.charts.flow_chart(flow), flow, "Selection of the analytic sample"))
    display(paper.prose(heading="Measures", level=3))
    display(tk.reports.definition(people.codebook, cramps))
    display(tk.reports.covariate_list(people.codebook, features))
    display(
        tk.reports.bullets(
            f"{name}: {tk.reports.reason_unmeasured(people.codebook, name)}" for name in not_measured
        )
        if not_measured
        else paper.prose("The study measured every feature listed here.")
    )
    totals = None
    if people.design.weight:
        totals = pl.concat(
            tk.reports.attempt(tk.survey.total, people, name, domain=within) for name in features
        )
    kept = [overall, shares, *([] if totals is None else [totals]), *([doctor] if has_doctor else [])]
    everything = pl.concat(kept, how="diagonal_relaxed")
    paragraph = tk.reports.methods(everything, design, paper)
    display(paper.prose(paragraph, heading="Statistical analysis", level=3))
    display(paper.prose(heading="Data quality", level=3))
    display(paper.prose(tk.reports.reliability_sentence(everything)))

# %%
if estimable:
    display(paper.prose(heading="Results"))
    display(
        paper.prose(
            "Figure 1 shows the prevalence of each feature. The table gives the number of people in the "
            "population with frequent cramps and the feature.",
            heading="Prevalence",
            level=3,
        )
    )
    if totals is not None:
        display(paper.table(totals, "Estimated number of people with frequent cramps and each feature"))

# %%
if has_doctor:
    note = "Rows: short or broken sleep. The question is about any trouble sleeping and not about cramps."
    display(paper.prose(heading="Trouble sleeping reported to a doctor", level=3))
    drawn = tk.charts.prevalence_chart(doctor, labels=paper.labels)
    display(paper.figure(drawn, doctor, "Trouble sleeping reported to a doctor, by cramps and sleep", note))
elif estimable:
    display(paper.prose("The study did not ask about trouble sleeping reported to a doctor."))

# %% [markdown]
# ## Comparison with previous studies

# %%
display(paper.evidence("burden"))

# %% [markdown]
# ## Limitations

# %%
caveats = (
    "Cramps and sleep are self-reported, and which came first is unknown",
    "Participants were not asked about care for cramps",
    "No US survey joins cramps with neuropathy or claudication. NHANES tested the feet and asked about "
    "claudication in 1999-2004, and asked about cramps in 2005-2008",
)
display(tk.reports.limitations(caveats, people))

# %% [markdown]
# ## Implications for prevention, and when to seek care
#
# The features above identify participants for whom guidelines recommend a history and an examination. They
# are evidence on a population, and not advice to an individual.

# %% [markdown]
# ## References

# %%
display(paper.references())

# %% [markdown]
# ## Reproducibility

# %%
nothing = f"No estimate: {why_none}."
found = tk.finding(overall, labels=paper.labels, brief=True) if estimable else nothing
tk.reports.keep(*(kept if estimable else []), title=title, finding=found)
