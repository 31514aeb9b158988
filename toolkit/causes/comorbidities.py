"""Derive chronic conditions that may confound a cause: lung, heart, kidney disease, high cholesterol."""

from itertools import product

import polars as pl

from toolkit.causes.recode import (
    ANSWERS,
    answer,
    any_yes_rule,
    cross,
    make_rule,
    number,
    threshold_rule,
    yes_if,
)
from toolkit.variables import Variable

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

RULES = (_lungs, _heart, _cholesterol, _egfr, _low_egfr)
