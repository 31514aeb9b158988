# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The burden of nocturnal leg cramps

# %% [markdown] tags=["notebook-only"]
# Change the next cell and run all cells, or make a page of it with `tk.render("burden", study="nhanes")`.
# In a condition, `>=` and `≥` are the same.

# %% tags=["parameters"]
study: str = "simulated"  # the name of a study; tk.available_studies() lists them
cramps: str = ""  # a yes/no variable of cramps; empty compares mild and frequent cramps with none
adjust: tuple = ()  # the covariates; () for age, sex, race or ethnicity and education where measured
domain: str = "age ≥ 20"  # the subpopulation, as a condition
plan: str = ""  # the file of your analysis plan; empty for none

# %%
import polars as pl
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
title = "The burden of nocturnal leg cramps"
topics = tk.causes.burden()
burden = {item.name: item for items in topics.values() for item in items}
measured = [name for name in people.codebook if name in people.people.columns]
if not cramps and "cramp_frequency" in measured:
    cramps = "cramp_group"
    merged = {"none": "never", "mild": ["rarely", "sometimes"], "frequent": ["often", "almost always"]}
    people = people.merge_levels("cramp_frequency", merged, as_=cramps)
planned = tk.plan(plan, people) if plan else None
paper = tk.reports.Paper({name: variable.label for name, variable in people.codebook.items()}, planned)
paper.labels["cramp_group"] = "nocturnal leg cramps in the past month"
core = {"age": "rcs(age, 4)", "sex": "sex", "race_ethnicity": "race_ethnicity", "education": "education"}
adjust = adjust or tuple(term for name, term in core.items() if name in measured)
answers = [name for name in burden if name in measured and people.codebook[name].kind == "yes_no"]
amounts = [name for name in burden if name in measured and people.codebook[name].kind == "number"]
why_none = "the study did not measure cramps and their burden"
if cramps in people.people.columns and answers:
    why_none = tk.reports.why_no_estimate(people, (cramps,), domain)
estimable = not why_none

# %% [markdown] tags=["notebook-only"]
# ## Estimates

# %%
if estimable:
    asked = {"exposure": cramps, "domain": domain, "estimand": "prevalence_ratio"}
    compared = pl.concat(
        tk.reports.attempt(tk.association, people, outcome=name, adjust=by, complete=adjust, **asked)
        for name in answers
        for by in ((), adjust)
    )
    compared = tk.truth(people, compared)
    adjusted = compared.filter(pl.col("adjust") != "")
    common = pl.concat(
        tk.reports.attempt(tk.prevalence, people, name, by=(cramps,), domain=domain) for name in answers
    )
    common = tk.truth(people, common)
    analyzed = " and ".join(
        [f"({domain})"] * bool(domain) + [f"not missing({name})" for name in core if name in measured]
    )
    sizes = pl.concat(
        tk.reports.attempt(tk.prevalence, people, name, by=(cramps,), domain=analyzed) for name in answers
    )
    flow = tk.flow(people, outcome=cramps, domain=domain)
    design = tk.survey.describe_design(people, adjusted.head(1))

# %% [markdown]
# ## Summary

# %%
if people.design.declared_absent:
    display(paper.prose(tk.survey.describe_design(people, ()).sentence))
if estimable:
    display(paper.finding(adjusted))
    drawn = tk.forest(adjusted, labels=paper.labels, counts=sizes)
    display(paper.figure(drawn, adjusted, "Adjusted prevalence ratios by cramps"))
    display(
        paper.prose(
            "The study is cross-sectional, and cramps may follow from poor sleep or illness as well as cause "
            "them. The estimates do not show how much of each burden would disappear without cramps."
        )
    )
else:
    display(paper.prose(f"No estimate is shown, because {why_none}."))

# %% [markdown]
# ## Background
#
# Cramps disturb sleep, poor sleep may make cramps more noticeable, and illness may cause both. Sleep, daytime
# function, health and use of care are treated as consequences of cramps, and no estimate is adjusted for
# them.

# %%
display(paper.evidence("burden"))

# %% [markdown]
# ## Methods

# %%
if estimable:
    display(paper.prose(heading="Study population", level=3))
    display(tk.reports.study_population(people, flow, paper, domain=domain))
    display(paper.figure(tk.charts.flow_chart(flow), flow, "Selection of the analytic sample"))

# %%
display(paper.prose(heading="Measures", level=3))
if cramps in people.people.columns:
    display(tk.reports.definition(people.codebook, cramps))
display(
    tk.reports.bullets(
        f"{topic}: {', '.join(item.label for item in items)}" for topic, items in topics.items()
    )
)
display(tk.reports.covariate_list(people.codebook, [*answers, *amounts]))
unmeasured = [
    f"{item.label}: {tk.reports.reason_unmeasured(people.codebook, name)}"
    for name, item in burden.items()
    if name not in measured
]
if unmeasured:
    display(paper.prose("The study did not measure these variables:"), tk.reports.bullets(unmeasured))

# %%
if estimable:
    means = [tk.reports.attempt(tk.mean, people, name, by=(cramps,), domain=domain) for name in amounts]
    means = tk.truth(people, pl.concat(means)) if means else None
    formulas = [f"{name} ~ {' + '.join((cramps, *adjust))}" for name in amounts]
    fitted = [
        tk.reports.attempt(tk.model, people, formula, family="gaussian", domain=domain)
        for formula in formulas
    ]
    differences = pl.concat(fitted).filter(exposure=cramps) if fitted else None
    once = {"domain": domain, "progress": False}
    other = [name for name in ("frequent_cramps", "any_cramps") if name in measured and name != cramps]
    sensitivity = tk.effects.atlas(people, answers, other, adjust=[adjust], **once).drop("cause")
    numbers = [rows for rows in (means, differences) if rows is not None]
    everything = pl.concat([common, compared, *numbers, sensitivity], how="diagonal_relaxed")
    paragraph = tk.reports.methods(everything, design, paper, models={"The regression model": adjust})
    display(paper.prose(paragraph, heading="Statistical analysis", level=3))
    display(paper.prose(heading="Data quality", level=3))
    display(paper.prose(tk.reports.reliability_sentence(everything)))

# %%
if estimable:
    display(paper.prose(heading="Results"))
    display(paper.prose(heading="Participants", level=3))
    described = [name for name in core if name in measured]
    table_one = tk.describe(people, described or answers, by=(cramps,), domain=domain, test=False)
    note = "Participants of the subpopulation before exclusions for missing values."
    display(paper.table(table_one, f"Participants by {paper.labels[cramps]}", note))

# %%
if planned:
    display(paper.prose(heading="Planned questions", level=3))
    display(paper.analysis_plan())
    display(paper.table(planned.answer(people), "Answers to the planned questions"))

# %%
if estimable:
    display(paper.prose(heading="Prevalence", level=3))
    drawn = tk.charts.prevalence_chart(common, labels=paper.labels)
    display(paper.figure(drawn, common, f"Prevalence of each burden by {paper.labels[cramps]}"))
    if means is not None:
        display(paper.table(means, f"Means by {paper.labels[cramps]}"))

# %%
if estimable:
    display(
        paper.prose(
            "Figure 1 shows the adjusted prevalence ratios. The crude ratios are of the same participants.",
            heading="Association",
            level=3,
        )
    )
    crude = compared.filter(pl.col("adjust") == "")
    display(paper.table(crude, "Crude prevalence ratios"))
    if differences is not None:
        display(paper.table(differences, "Adjusted differences in means, in the units of each variable"))

# %%
if estimable:
    display(
        paper.prose(
            "Frequent or any cramps are compared with all other participants, instead of participants "
            "without cramps.",
            heading="Sensitivity analyses",
        )
    )
    drawn = tk.forest(sensitivity, labels=paper.labels)
    display(paper.figure(drawn, sensitivity, "Other definitions of cramps"))
    display(
        paper.prose(
            f"The analyses below are of {paper.labels[answers[0]]}. They do not address reverse causation, "
            "in which the burden precedes cramps."
        )
    )
    checks = tk.effects.check_robustness(people, answers[0], cramps, adjust=adjust, domain=domain)
    display(tk.reports.robustness(checks, paper))

# %% [markdown]
# ## Comparison with previous studies

# %%
display(paper.comparison("burden", None))

# %% [markdown]
# ## Limitations

# %%
display(
    tk.reports.bullets(
        [f"{item.label}: {item.caveat}" for item in burden.values() if item.caveat and item.name in measured]
        or ["The study did not measure the burden of cramps"]
    )
)

# %% [markdown]
# ## Implications for prevention, and when to seek care
#
# Guidelines and reviews name these signs of another condition, which call for an examination. They are not
# advice to an individual.

# %%
display(paper.warning_signs())

# %% [markdown]
# ## References

# %%
checklist = None
if estimable:
    absent = ("Effect modification", "Covariates and causal diagram")
    checklist = tk.reports.strobe(people, flow, adjusted, design, paper, absent=absent, domain=domain)
display(paper.references())

# %% [markdown]
# ## Reproducibility

# %%
if estimable:
    display(checklist)
every = [common, compared, *numbers, sensitivity] if estimable else []
found = f"No estimate: {why_none}."
if estimable:
    # The index of reports shows the most frequent cramps and symptoms of insomnia, or the first answer.
    shown = adjusted.filter(pl.col("outcome") == ("insomnia" if "insomnia" in answers else answers[0]))
    found = tk.finding(shown.tail(1), labels=paper.labels, brief=True)
tk.reports.keep(*every, title=title, finding=found, plan=planned)
