"""Derive covariates: age group, smoking, work, births, pregnancy, alcohol, depression, chronic conditions."""

from itertools import product

import polars as pl

from toolkit.causes.card import Exposure, measured
from toolkit.causes.recode import (
    ANSWERS,
    answer,
    any_yes_rule,
    assign_levels,
    band_rule,
    cross,
    make_rule,
    number,
    threshold_rule,
    yes_if,
)
from toolkit.variables import Variable

# Age groups of the NCHS for adults (Klein & Schoenborn, Statistical Notes 20, 2001). Under 20 the age is
# known, so the reason of the null is "outside the groups", not "not asked".
_age_group = band_rule(
    Variable(
        "age_group",
        "age group",
        "category",
        ("20-39", "40-59", "60+"),
        unit="years",
        ordered=True,
        source="age: 20 to under 40, 40 to under 60, 60 or more; under 20 is outside the groups",
    ),
    "age",
    (20, 40, 60),
    examples=((0, 19), (20, 39), (40, 59), (60, 80)),
)

# NHANES asks SMQ040 only of those who smoked 100 cigarettes (SMQ020), as the CDC's own grouping does:
# whoever did not is "never" whatever the second answer is.
_smoked, _now = answer("smoked_100"), answer("smokes_now")
_smoking = make_rule(
    Variable(
        "smoking",
        "smoking status",
        "category",
        ("never", "former", "current"),
        source="never: under 100 cigarettes in life; former: 100 or more, now not at all; current: 100 or "
        "more, now some days or every day",
    ),
    ("smoked_100", "smokes_now"),
    assign_levels(
        {
            "never": _smoked == "no",
            "former": (_smoked == "yes") & (_now == "not at all"),
            "current": (_smoked == "yes") & _now.is_in(["every day", "some days"]),
        }
    ),
    cross(
        ANSWERS,
        ("not at all", "some days", "every day", None),
        results=(("never",) * 4, ("former", "current", "current", None), (None,) * 4),
    ),
    gate="smoked_100",
)

# Why people do not work decides what it means: illness ("unable for health", "disabled") is a level of its
# own, since it often follows from the disease that is studied, and is never plain unemployment.
_OF_REASON = {
    "house or family": "house, family or school",
    "school": "house, family or school",
    "retired": "retired",
    "unable for health": "unable to work for health",
    "layoff": "looking for work",
    "disabled": "unable to work for health",
    "other": "other",
}
_OF_EMPLOYMENT = {
    "working": "working",
    "with a job, not at work": "working",
    "looking for work": "looking for work",
}


def _recode(name: str, levels: dict[str, str]) -> pl.Expr:
    return answer(name).replace_strict(levels, default=None, return_dtype=pl.String)


_work = make_rule(
    Variable(
        "work_status",
        "employment status",
        "category",
        (
            "working",
            "looking for work",
            "house, family or school",
            "retired",
            "unable to work for health",
            "other",
        ),
        source="employment, and reason_not_working of those who do not work: unable for health and disabled "
        "are one level, layoff counts as looking for work",
    ),
    ("employment", "reason_not_working"),
    pl.when(answer("employment") == "not working")
    .then(_recode("reason_not_working", _OF_REASON))
    .otherwise(_recode("employment", _OF_EMPLOYMENT)),
    tuple(
        (job, reason, _OF_REASON.get(reason or "") if job == "not working" else _OF_EMPLOYMENT.get(job or ""))
        for job, reason in product((*_OF_EMPLOYMENT, "not working", None), (*_OF_REASON, None))
    ),
    gate="employment",
)

# Sex is in every adjustment set, so that the 0 of men compares nobody: only births among women are compared.
_births = make_rule(
    Variable(
        "births",
        "live births (0 for men)",
        "number",
        unit="births",
        source="live_births of women; 0 for men, so that they stay in a model that also includes sex",
    ),
    ("live_births", "sex"),
    pl.when(answer("sex") == "male").then(0.0).when(answer("sex") == "female").then(number("live_births")),
    cross(
        (0, 3, None),
        ("male", "female", None),
        results=((0, 0, None), (0, 3, None), (0, None, None)),
    ),
)

# NHANES asks women to 44 years since 2007 (to 59 before, and found 4 of 1,860 pregnant above 44): older women
# who were not asked are entered as not pregnant, women under the ages asked stay missing.
PAST_PREGNANCY_FROM = 45
_past = (answer("sex") == "female") & (number("age") >= PAST_PREGNANCY_FROM)
_pregnancy = make_rule(
    Variable(
        "pregnancy",
        "current pregnancy",
        "yes_no",
        source="pregnant where it is known; no for men and for women of 45 or older who were not asked, so "
        "that they stay in a model that also includes sex and age",
    ),
    ("pregnant", "sex", "age"),
    pl.when(answer("pregnant").is_not_null())
    .then(answer("pregnant"))
    .when((answer("sex") == "male") | _past)
    .then(pl.lit("no")),
    cross(
        ANSWERS,
        ("male", "female", None),
        (44, 45, None),
        results=(("no",) * 9, ("yes",) * 9, ("no", "no", "no", None, "no", None, None, None, None)),
    ),
)

# 7 drinks a week for women and 14 for men bound moderate drinking: Dietary Guidelines for Americans, 2015.
# Any drink at all is more than none: the least that NHANES can record is 1 drink a year.
_alcohol = band_rule(
    Variable(
        "alcohol_group",
        "alcohol category",
        "category",
        ("none", "under 7", "7 to under 14", "14 or more"),
        unit="drinks a week",
        ordered=True,
        source="alcohol: none, under 7, 7 to under 14, 14 or more",
    ),
    "alcohol",
    (0.001, 7, 14),
    examples=((0,), (0.001, 0.02, 6.9), (7, 13.9), (14,)),
)

# Kroenke et al., J Gen Intern Med 2001;16:606-613.
_depression = threshold_rule(
    Variable(
        "depression",
        "depression (PHQ-9 score 10 or more)",
        "yes_no",
        source="depression_score (PHQ-9) of 10 or more",
    ),
    "depression_score",
    at_least=10,
    no=(0, 9),
    yes=(10, 27),
)

RULES = (_age_group, _smoking, _work, _births, _pregnancy, _alcohol, _depression)

# Exposures in published work beside the causes with a card, by the group of `evidence_of`.
FURTHER: dict[str, tuple[Exposure, ...]] = {
    "drugs": (
        measured(
            "diuretic",
            "prescribed for high blood pressure or heart failure, which are themselves associated with "
            "cramps",
        ),
        measured("statin", "prescribed to people with arterial disease"),
        measured("long_acting_beta_agonist", "prescribed for asthma and other lung disease"),
    ),
    "pregnancy": (
        measured(
            "pregnant", "known for examined women of 20 to 44 (8 to 59 before 2007); missing for others"
        ),
    ),
    "alcohol": (_alcohol.exposure("self-reports are lower than sales"), measured("alcohol")),
    "liver_kidney": (
        measured("kidney_disease", "most people with early kidney disease are undiagnosed"),
        measured("liver_disease", "of any kind"),
    ),
}


_lungs = any_yes_rule(
    Variable(
        "lung_disease",
        "lung disease",
        "yes_no",
        source="asthma_now, emphysema or chronic_bronchitis; no needs all three. Known where emphysema or "
        "chronic bronchitis is: children were asked about asthma only",
    ),
    ("asthma_now", "emphysema", "chronic_bronchitis"),
    known_if=("emphysema", "chronic_bronchitis"),
)
_heart = any_yes_rule(
    Variable(
        "coronary_disease",
        "coronary heart disease",
        "yes_no",
        source="coronary_disease_told, angina or heart_attack; no needs all three",
    ),
    ("coronary_disease_told", "angina", "heart_attack"),
)

# Expert panel on high blood cholesterol (ATP III), JAMA 2001;285:2486-2497: 240 mg/dL or more is high.
HIGH_CHOLESTEROL_FROM = 240
_diagnosed, _treated = answer("high_cholesterol_told"), answer("statin")


def _expect_cholesterol(diagnosed: str | None, value: float | None, statin: str | None) -> str | None:
    if diagnosed is None and statin != "yes":
        return None  # people under 20 were not asked: a high value alone would find the yes and miss the no
    if "yes" in (diagnosed, statin) or (value is not None and value >= HIGH_CHOLESTEROL_FROM):
        return "yes"
    return None if value is None or statin is None else "no"


_cholesterol = make_rule(
    Variable(
        "high_cholesterol",
        "high cholesterol",
        "yes_no",
        source="high_cholesterol_told, total_cholesterol of 240 or more, or statin; no needs all three. "
        "Known where the first is, or a statin is taken",
    ),
    ("high_cholesterol_told", "total_cholesterol", "statin"),
    pl.when(_diagnosed.is_not_null() | (_treated == "yes").fill_null(value=False)).then(
        yes_if(
            (_diagnosed == "yes")
            | (number("total_cholesterol") >= HIGH_CHOLESTEROL_FROM)
            | (_treated == "yes")
        )
    ),
    tuple((*case, _expect_cholesterol(*case)) for case in product(ANSWERS, (239, 240, None), ANSWERS)),
)


def _by_sex(female: float, male: float) -> pl.Expr:
    values = {"female": female, "male": male}
    return answer("sex").replace_strict(values, default=None, return_dtype=pl.Float64)


def _constant(value: float) -> pl.Expr:
    return pl.lit(value, pl.Float64)


# CKD-EPI 2021 without race (Inker et al., N Engl J Med 2021;385:1737-1749), developed in adults. Creatinine
# is in mg/dL; 0 is not a concentration.
_relative = number("serum_creatinine") / _by_sex(0.7, 0.9)
_CREATININE, _AGES = (0, 0.5, 0.7, 0.9, 1.0, None), (17, 18, 50, None)
# Of a woman and a man, by creatinine and age.
_EGFR: dict[tuple[float | None, int | None], tuple[float, float]] = {
    (0.5, 18): (139.33735970476494, 151.622098908843),
    (0.5, 50): (114.19190916803021, 124.2596887378267),
    (0.7, 18): (128.48449451683896, 136.9720127265977),
    (0.7, 50): (105.29760114914401, 112.25342341048423),
    (0.9, 18): (95.03363845054471, 126.96096296130331),
    (0.9, 50): (77.88343795839066, 104.0490129932253),
    (1.0, 18): (83.7468283122504, 111.8822570705995),
    (1.0, 50): (68.63349665880087, 91.6914786098333),
}
_egfr = make_rule(
    Variable(
        "egfr",
        "estimated glomerular filtration rate",
        "number",
        unit="mL/min/1.73 m²",
        source="CKD-EPI 2021 without race from serum_creatinine, age and sex, 18 or older",
    ),
    ("serum_creatinine", "age", "sex"),
    pl.when((number("age") >= 18) & (number("serum_creatinine") > 0)).then(
        _constant(142)
        * pl.min_horizontal(_relative, _constant(1)).pow(_by_sex(-0.241, -0.302))
        * pl.max_horizontal(_relative, _constant(1)).pow(_constant(-1.2))
        * _constant(0.9938).pow(number("age"))
        * _by_sex(1.012, 1.0)
    ),
    cross(
        _CREATININE,
        _AGES,
        ("female", "male", None),
        results=[
            (*_EGFR.get((creatinine, age), (None, None)), None)
            for creatinine, age in product(_CREATININE, _AGES)
        ],
    ),
)

# KDIGO 2012: under 60 mL/min/1.73 m2 is reduced.
_low_egfr = threshold_rule(
    Variable("low_egfr", "reduced kidney function (eGFR under 60)", "yes_no", source="egfr under 60"),
    "egfr",
    below=60,
    no=(60, 61, 120),
    yes=(15, 59),
)

COMORBIDITY_RULES = (_lungs, _heart, _cholesterol, _egfr, _low_egfr)
