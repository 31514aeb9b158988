"""Result frames as estimators give them, plain and nasty, for the tests of this folder."""

from typing import Any

import polars as pl

from toolkit.disclosure import Policy, declare_policy
from toolkit.results import AVAILABILITY_SCHEMA, frame

declare_policy("NHANES 2005-2008", Policy(0))  # as opening it does
STUDY = {"study": "NHANES 2005-2008", "domain": "age >= 20", "conf_level": 0.95, "weight": "interview"}
CRAMPS = {"outcome": "any_cramps", "outcome_label": "any night-time leg cramps"}
DIABETES = {
    "exposure": "diabetes_told", "exposure_label": "diabetes, told by a doctor", "level": "yes",
    "level_label": "yes", "reference": "no",
}  # fmt: skip
RATIO = {**STUDY, **CRAMPS, **DIABETES, "estimand": "prevalence_ratio", "scale": "log", "reliability": "ok"}
UNSURE = {"reliability": "suppress", "reason": "the effective sample size of 18 is under 30"}
LONG = "nerve damage in the feet or legs (peripheral neuropathy), found at the examination by monofilament,"
SEPARATED = (
    "perfect separation: 'stroke' = yes holds no person without cramps, so that no finite ratio exists. "
    "Merge levels or leave it out"
)
BACKGROUND = "age, sex, race_ethnicity, education"


def estimate(value: float | None, low: float | None, high: float | None, **more: Any) -> dict[str, Any]:
    return {"estimate": value, "conf_low": low, "conf_high": high, "n": 10877, "n_cases": 3398, **more}


def ratio(value: float | None, low: float | None, high: float | None, **more: Any) -> dict[str, Any]:
    return {**RATIO, **estimate(value, low, high, adjust=BACKGROUND, std_error=0.05), **more}


def difference(value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    row = ratio(value, low, high, estimand="prevalence_difference", scale="identity", std_error=0.01)
    return {**row, **more}


def prevalence(value: float | None, low: float | None, high: float | None, **more: Any) -> dict[str, Any]:
    row = {
        **STUDY,
        **CRAMPS,
        "estimand": "prevalence",
        "scale": "identity",
        "reliability": "ok",
        "std_error": 0.01,
    }
    return {**row, **estimate(value, low, high), **more}


def mean(value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    bmi = {
        "outcome": "bmi",
        "outcome_label": "body mass index (kg/m²)",
        "estimand": "mean",
        "std_error": 0.17,
    }
    return {**prevalence(value, low, high, n_cases=None), **bmi, **more}


def result(*rows: dict[str, Any], by: tuple[str, ...] = ()) -> pl.DataFrame:
    return frame(rows, by)


def crude_and_adjusted() -> pl.DataFrame:
    """Two measures, each crude and adjusted, as a cause report shows them."""
    return result(
        ratio(1.35, 1.22, 1.49, adjust=""),
        ratio(1.287, 1.171, 1.428),
        difference(0.098, 0.063, 0.133, adjust=""),
        difference(0.0634, 0.041, 0.085),
    )


def by_sex_and_age() -> pl.DataFrame:
    """Six groups, of which one is to be reviewed, one suppressed and one failed."""
    groups = [(sex, age) for sex in ("male", "female") for age in ("20-39", "40-59", "60+")]
    rows = [
        prevalence(
            0.2 + p / 25, 0.17 + p / 25, 0.235 + p / 25, sex=sex, age_group=age, n=1800, n_cases=500 + p
        )
        for p, (sex, age) in enumerate(groups)
    ]
    rows[2] |= UNSURE
    rows[4] |= {"reliability": "review", "reason": "fewer than 8 degrees of freedom"}
    rows[5] |= estimate(None, None, None, reliability="failed", reason="nobody in this group", n=0, n_cases=0)
    return result(*rows, by=("sex", "age_group"))


def nasty() -> pl.DataFrame:
    """Long labels, tiny and huge ratios, endless intervals, failed and suppressed rows."""
    causes = [
        {"exposure": f"cause_{k}", "exposure_label": f"{LONG} of kind {k}"[-(k + 1) * 24 :]} for k in range(6)
    ]
    smoking = {"exposure": "smoking", "exposure_label": "smoking", "reference": "never"}
    levels = ("former", "current, on every day of the month without any exception at all, by own report")
    stroke = {"exposure": "stroke", "exposure_label": "stroke"}
    endless = float("inf")
    return result(
        *(
            ratio(0.6 + 0.25 * k, 0.4 + 0.2 * k, 0.9 + 0.4 * k, **cause, adjust=adjust)
            for k, cause in enumerate(causes)
            for adjust in ("", BACKGROUND)
        ),
        *(
            ratio(1.4, 1.002, 1.9, **smoking, level=level, level_label=level, adjust=adjust)
            for level in levels
            for adjust in ("", f"{BACKGROUND}, bmi, smoking, general_health, arthritis")
        ),
        ratio(0.0004, 0.00001, 3.2, **stroke),
        ratio(84000.0, 0.9, endless, **stroke, adjust="age"),
        ratio(1.2, 0.0, endless, **stroke, adjust="age, sex"),
        ratio(None, None, None, **stroke, adjust="sex", reliability="failed", reason=SEPARATED),
        ratio(2.2, 0.9, 5.0, **stroke, adjust="bmi", **UNSURE),
    )


def flow() -> pl.DataFrame:
    rows = [
        ("people in the study", "", 20497, 0),
        ("in the domain: age >= 20", "outside the domain", 10914, 9583),
        ("any_cramps known", "refused", 10908, 6),
        ("any_cramps known", "don't know", 10901, 7),
        ("diabetes_told known", "don't know", 10894, 7),
        ("education known", "no value recorded", 10877, 17),
    ]
    return pl.DataFrame(rows, schema=["step", "reason", "n_left", "n_out"], orient="row")


def simulated(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(study=pl.lit("SIMULATED study (no real people)"))


def availability() -> pl.DataFrame:
    rows = [
        ("circulation", "pad", "2003-2004", "measured", "", 3000, 6.24),
        ("circulation", "pad", "2005-2006", "not measured", "the examination ended in 2004", 0, None),
        ("diabetes", "diabetes_told", "2003-2004", "measured", "", 5000, 0.04),
        ("diabetes", "diabetes_told", "2005-2006", "measured", "", 5000, 0.0),
    ]
    return pl.DataFrame(rows, schema=AVAILABILITY_SCHEMA, orient="row")
