"""Derive long-standing conditions that confound a cause: of lungs, heart and kidneys, and high cholesterol.

Takes diagnoses told by a doctor, drugs and blood values as measured; gives `lung_disease`,
`coronary_disease`, `high_cholesterol`, `egfr` and `low_egfr`.
"""

from itertools import product

import polars as pl

from toolkit.causes.parts import Rule, any_yes
from toolkit.causes.recode import answer, number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# Expert panel on high blood cholesterol (ATP III), JAMA 2001;285:2486-2497: 240 mg/dL and over is high.
HIGH_CHOLESTEROL_FROM = 240
# KDIGO 2012: under 60 mL/min/1.73 m2 is reduced.
LOW_EGFR_BELOW = 60
# CKD-EPI 2021 without race (Inker et al., N Engl J Med 2021;385:1737-1749): made in adults.
ADULT_FROM = 18
_KAPPA = {"female": 0.7, "male": 0.9}
_ALPHA = {"female": -0.241, "male": -0.302}
_FACTOR = {"female": 1.012, "male": 1.0}

_LUNGS = ("asthma_now", "emphysema", "chronic_bronchitis")
_HEART = ("coronary_disease_told", "angina", "heart_attack")

_lungs = any_yes(
    Variable(
        "lung_disease",
        "lung disease",
        "yes_no",
        source="asthma_now, emphysema or chronic_bronchitis; no needs all three. Known where emphysema or "
        "chronic bronchitis is: children were asked of asthma alone",
    ),
    _LUNGS,
    known_if=_LUNGS[1:],
)
_heart = any_yes(
    Variable(
        "coronary_disease",
        "coronary heart disease",
        "yes_no",
        source="coronary_disease_told, angina or heart_attack; no needs all three",
    ),
    _HEART,
)

_told, _treated = answer("high_cholesterol_told"), answer("statin")
_high = number("total_cholesterol") >= HIGH_CHOLESTEROL_FROM


def _cholesterol_case(told: str | None, measured: float | None, statin: str | None) -> str | None:
    if told is None and statin != "yes":
        return None  # people under 20 were not asked: a high value alone would find the yes and miss the no
    if "yes" in (told, statin) or (measured is not None and measured >= HIGH_CHOLESTEROL_FROM):
        return "yes"
    return None if measured is None or statin is None else "no"


_cholesterol = Rule(
    Derivation(
        Variable(
            "high_cholesterol",
            "high cholesterol",
            "yes_no",
            source="high_cholesterol_told, total_cholesterol of 240 and over, or statin; no needs all three. "
            "Known where the first is, or a statin is taken",
        ),
        ("high_cholesterol_told", "total_cholesterol", "statin"),
        pl.when(_told.is_not_null() | (_treated == "yes").fill_null(value=False)).then(
            yes_if((_told == "yes") | _high | (_treated == "yes"))
        ),
    ),
    tuple(
        (*case, _cholesterol_case(*case))
        for case in product(("no", "yes", None), (239, 240, None), ("no", "yes", None))
    ),
)


def _of_sex(values: dict[str, float]) -> pl.Expr:
    return answer("sex").replace_strict(values, default=None, return_dtype=pl.Float64)


def _fixed(value: float) -> pl.Expr:
    return pl.lit(value, pl.Float64)


_relative = number("serum_creatinine") / _of_sex(_KAPPA)

# Creatinine in mg/dL, so that a kappa is a concentration; 0 is no concentration.
_egfr = Rule(
    Derivation(
        Variable(
            "egfr",
            "estimated glomerular filtration rate",
            "number",
            unit="mL/min/1.73 m²",
            source="CKD-EPI 2021 without race from serum_creatinine, age and sex, 18 and older",
        ),
        ("serum_creatinine", "age", "sex"),
        pl.when((number("age") >= ADULT_FROM) & (number("serum_creatinine") > 0)).then(
            _fixed(142)
            * pl.min_horizontal(_relative, _fixed(1)).pow(_of_sex(_ALPHA))
            * pl.max_horizontal(_relative, _fixed(1)).pow(_fixed(-1.2))
            * _fixed(0.9938).pow(number("age"))
            * _of_sex(_FACTOR)
        ),
    ),
    (
        (0, 17, "female", None),
        (0, 17, "male", None),
        (0, 17, None, None),
        (0, 18, "female", None),
        (0, 18, "male", None),
        (0, 18, None, None),
        (0, 50, "female", None),
        (0, 50, "male", None),
        (0, 50, None, None),
        (0, None, "female", None),
        (0, None, "male", None),
        (0, None, None, None),
        (0.5, 17, "female", None),
        (0.5, 17, "male", None),
        (0.5, 17, None, None),
        (0.5, 18, "female", 139.33735970476494),
        (0.5, 18, "male", 151.622098908843),
        (0.5, 18, None, None),
        (0.5, 50, "female", 114.19190916803021),
        (0.5, 50, "male", 124.2596887378267),
        (0.5, 50, None, None),
        (0.5, None, "female", None),
        (0.5, None, "male", None),
        (0.5, None, None, None),
        (0.7, 17, "female", None),
        (0.7, 17, "male", None),
        (0.7, 17, None, None),
        (0.7, 18, "female", 128.48449451683896),
        (0.7, 18, "male", 136.9720127265977),
        (0.7, 18, None, None),
        (0.7, 50, "female", 105.29760114914401),
        (0.7, 50, "male", 112.25342341048423),
        (0.7, 50, None, None),
        (0.7, None, "female", None),
        (0.7, None, "male", None),
        (0.7, None, None, None),
        (0.9, 17, "female", None),
        (0.9, 17, "male", None),
        (0.9, 17, None, None),
        (0.9, 18, "female", 95.03363845054471),
        (0.9, 18, "male", 126.96096296130331),
        (0.9, 18, None, None),
        (0.9, 50, "female", 77.88343795839066),
        (0.9, 50, "male", 104.0490129932253),
        (0.9, 50, None, None),
        (0.9, None, "female", None),
        (0.9, None, "male", None),
        (0.9, None, None, None),
        (1.0, 17, "female", None),
        (1.0, 17, "male", None),
        (1.0, 17, None, None),
        (1.0, 18, "female", 83.7468283122504),
        (1.0, 18, "male", 111.8822570705995),
        (1.0, 18, None, None),
        (1.0, 50, "female", 68.63349665880087),
        (1.0, 50, "male", 91.6914786098333),
        (1.0, 50, None, None),
        (1.0, None, "female", None),
        (1.0, None, "male", None),
        (1.0, None, None, None),
        (None, 17, "female", None),
        (None, 17, "male", None),
        (None, 17, None, None),
        (None, 18, "female", None),
        (None, 18, "male", None),
        (None, 18, None, None),
        (None, 50, "female", None),
        (None, 50, "male", None),
        (None, 50, None, None),
        (None, None, "female", None),
        (None, None, "male", None),
        (None, None, None, None),
    ),
)

_low_egfr = Rule(
    Derivation(
        Variable(
            "low_egfr",
            "reduced kidney function (eGFR under 60)",
            "yes_no",
            source="egfr under 60",
        ),
        ("egfr",),
        yes_if(number("egfr") < LOW_EGFR_BELOW),
    ),
    ((15, "yes"), (59, "yes"), (60, "no"), (61, "no"), (120, "no"), (None, None)),
)

RULES = (_lungs, _heart, _cholesterol, _egfr, _low_egfr)
