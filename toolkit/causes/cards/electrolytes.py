"""Card of electrolytes: derives low and high serum values, corrected calcium and low mineral intake."""

from collections.abc import Mapping
from itertools import product

import polars as pl

from toolkit.causes.card import Card, Prevention, Rule, measured
from toolkit.causes.outcomes import CAVEATS
from toolkit.causes.recode import ANSWERS, answer, cross, make_rule, number, within, yes_if
from toolkit.variables import Variable

MINERALS = ("magnesium", "potassium", "calcium")


def _serum(mineral: str, unit: str, low: float, high: float, *values: float) -> Rule:
    """Classify a serum value by the reference range; `values` are just below, the ends, and just above."""
    source, levels = f"serum_{mineral}", ("low", "normal", "high")
    variable = Variable(
        f"{mineral}_group",
        f"serum {mineral} category",
        "category",
        levels,
        reference="normal",
        ordered=True,
        source=f"{source}: low under {low}, normal {low} to {high}, high over {high} {unit}",
    )
    cases = zip((*values, None), ("low", "normal", "normal", "high", None), strict=True)
    return make_rule(variable, (source,), within(source, low, high, levels), tuple(cases))


# Usual reference ranges of adults; both ends are normal. Laboratories differ by a few tenths.
_calcium = _serum("calcium", "mg/dL", 8.5, 10.2, 8.4, 8.5, 10.2, 10.3)
_potassium = _serum("potassium", "mmol/L", 3.5, 5.0, 3.4, 3.5, 5.0, 5.1)
_sodium = _serum("sodium", "mmol/L", 135, 145, 134, 135, 145, 146)

# The usual correction. The literals are typed, which tells the tests that they are not cut-points.
_corrected = make_rule(
    Variable(
        "serum_calcium_corrected",
        "albumin-corrected serum calcium",
        "number",
        unit="mg/dL",
        source="serum_calcium + 0.8 x (4.0 - serum_albumin)",
    ),
    ("serum_calcium", "serum_albumin"),
    number("serum_calcium") + pl.lit(0.8, pl.Float64) * (pl.lit(4.0, pl.Float64) - number("serum_albumin")),
    cross((9.0, None), (3.0, 4.0, 4.5, None), results=((9.8, 9.0, 8.6, None), (None,) * 4)),
)

# Recommended dietary allowances of magnesium and calcium, adequate intakes of potassium, mg/day, by starting
# age: National Academies, as tabulated in NCBI Bookshelf NBK545442, appendix J, table 3. Average requirements
# would suit inadequacy better; they are left out, because no source of them could be read.
_MAGNESIUM = {
    "male": {14: 410, 19: 400, 31: 420},
    "female": {14: 360, 19: 310, 31: 320},
    "pregnant": {14: 400, 19: 350, 31: 360},
}
_CALCIUM = {"male": {14: 1300, 19: 1000, 71: 1200}, "female": {14: 1300, 19: 1000, 51: 1200}}
_POTASSIUM = {
    "male": {14: 3000, 19: 3400},
    "female": {14: 2300, 19: 2600},
    "pregnant": {14: 2600, 19: 2900},
    "breastfeeding": {14: 2500, 19: 2800},
}
# Of 1,418 women of 45 to 59 tested in NHANES 2001-2006 none was pregnant, and since 2007 nobody is tested at
# these ages: without an answer they count as not pregnant. The references of pregnancy end at 50.
_NOT_TESTED_FROM, _REFERENCES_END = 45, 51

Table = Mapping[str, Mapping[int, int]]
_age, _sex, _pregnant, _nursing = number("age"), answer("sex"), answer("pregnant"), answer("breastfeeding")


def _steps(who: pl.Expr, table: Mapping[int, int]) -> list[tuple[pl.Expr, int]]:
    return [(who & (_age >= age), amount) for age, amount in sorted(table.items(), reverse=True)]


def _reference(table: Table) -> pl.Expr:
    """Write a table as an expression: the first line that applies gives the amount."""
    woman = _sex == "female"
    lines = _steps(_sex == "male", table["male"])
    if "pregnant" in table:
        fertile = woman & (_age < _REFERENCES_END)
        lines += _steps(fertile & (_pregnant == "yes"), table["pregnant"])
        known = (_pregnant == "no") | (_age >= _NOT_TESTED_FROM)
        # A woman who was not asked whether she breastfeeds did not give birth recently.
        lines += _steps(fertile & known & (_nursing == "yes"), table.get("breastfeeding", {}))
        woman = woman & known
    lines += _steps(woman, table["female"])
    value = pl.lit(None, pl.Float64)
    for applies, amount in reversed(lines):
        value = pl.when(applies).then(pl.lit(amount, pl.Float64)).otherwise(value)
    return value


def _expect_amount(table: Table, person: Mapping[str, float | str | None]) -> float | None:
    """Look one person up in a table, as a reader would."""
    age, sex, pregnant = person["age"], person["sex"], person.get("pregnant", "no")
    if not isinstance(age, int) or not isinstance(sex, str):
        return None
    row = sex
    if sex == "female" and "pregnant" in table and age < _REFERENCES_END:
        if pregnant is None and age < _NOT_TESTED_FROM:
            return None
        nursing = person.get("breastfeeding") == "yes" and "breastfeeding" in table
        row = "pregnant" if pregnant == "yes" else "breastfeeding" if nursing else sex
    reached = [amount for start, amount in sorted(table[row].items()) if age >= start]
    return reached[-1] if reached else None


def _reference_rule(mineral: str, table: Table, ages: tuple[int, ...], source: str) -> Rule:
    inputs = ("age", "sex", *(name for name in ("pregnant", "breastfeeding") if name in table))
    answers = (ANSWERS,) * (len(inputs) - 2)
    combinations = product((*ages, None), ("male", "female", None), *answers)
    variable = Variable(
        f"{mineral}_reference", f"reference intake of {mineral}", "number", unit="mg/day", source=source
    )
    cases = tuple((*c, _expect_amount(table, dict(zip(inputs, c, strict=True)))) for c in combinations)
    return make_rule(variable, inputs, _reference(table), cases)


def _low_intake(mineral: str, amount: float) -> Rule:
    intake, reference = f"{mineral}_intake", f"{mineral}_reference"
    variable = Variable(
        f"low_{mineral}_intake",
        f"{mineral} intake below the reference",
        "yes_no",
        source=f"{intake} under {reference}",
    )
    cases = cross(
        (amount - 1, amount, None), (amount, None), results=(("yes", None), ("no", None), (None, None))
    )
    return make_rule(variable, (intake, reference), yes_if(number(intake) < number(reference)), cases)


_OUTSIDE = "under 14 is outside the groups; missing for unknown sex"
_UNTESTED = "missing for women under 45 of unknown pregnancy"
_low = {
    m: _low_intake(m, amount) for m, amount in (("magnesium", 320), ("calcium", 1000), ("potassium", 3400))
}
_INTAKES = (
    _reference_rule(
        "magnesium",
        _MAGNESIUM,
        (13, 14, 18, 19, 30, 31, 44, 45, 50, 51),
        "recommended: men 410 (14 to 18 years), 400 (19 to 30), 420; women 360, 310, 320; pregnant 400, 350, "
        f"360; {_UNTESTED}; {_OUTSIDE}",
    ),
    _reference_rule(
        "calcium",
        _CALCIUM,
        (13, 14, 18, 19, 50, 51, 70, 71),
        f"recommended: 1300 (14 to 18 years), 1000, from 51 (women) and 71 (men) on 1200; {_OUTSIDE}",
    ),
    _reference_rule(
        "potassium",
        _POTASSIUM,
        (13, 14, 18, 19, 44, 45, 50, 51),
        "adequate: men 3000 (14 to 18 years), 3400; women 2300, 2600; pregnant 2600, 2900; breastfeeding "
        f"2500, 2800; {_UNTESTED}; {_OUTSIDE}",
    ),
    *_low.values(),
)

_ONE_DAY = (
    "one day's recall without supplements: it varies from day to day, so that the share of people below a "
    "reference is too large, and it does not measure body stores"
)
_TWO_DAYS = "two days' recall; has a weight of its own and is never analyzed with a first day's intake"

CARD = Card(
    name="electrolytes",
    title="Electrolyte imbalance",
    what="Calcium, potassium or sodium in serum outside the reference range; little magnesium, potassium or "
    "calcium in food and drink; diuretics. Magnesium in serum is not measured.",
    exposures=(
        _calcium.exposure(
            "total calcium, half of it bound to albumin; ionized calcium, which acts on nerves, is not "
            "measured"
        ),
        _potassium.exposure("rises when blood cells break in the tube: high values may be artifacts"),
        _sodium.exposure(
            "falls with high glucose, which draws water out of the cells, without a lack of sodium"
        ),
        *(_low[mineral].exposure(_ONE_DAY) for mineral in MINERALS),
        measured(
            "diuretic",
            "any drug with a diuretic among its ingredients; prescribed for high blood pressure or heart "
            "failure, which are themselves associated with cramps",
        ),
        measured("serum_calcium"),
        _corrected.exposure(
            "a variant: the correction was not developed for albumin measured by bromcresol purple, as in "
            "many surveys; ionized calcium is not measured"
        ),
        measured("serum_potassium"),
        measured("serum_sodium"),
        measured("bicarbonate", "low in acidosis, high with diuretics and vomiting"),
        *(measured(f"{mineral}_intake", _ONE_DAY) for mineral in MINERALS),
        *(measured(f"{mineral}_intake_two_day", _TWO_DAYS) for mineral in MINERALS),
    ),
    mechanism="Low calcium or magnesium outside the cell brings the membranes of nerve and muscle nearer to "
    "their threshold, and a shift of potassium in either direction destabilizes them. Motor nerve endings "
    "may then discharge in bursts, which the muscle follows as a cramp.",
    caveats=(
        "Serum levels are held constant by kidney and bone: they miss a deficit inside muscle, and few "
        "people are outside the range.",
        "Diuretics change potassium, calcium and magnesium and are reported to precede cramps, by pathways "
        "that may not involve serum: they confound serum and diet, and are an exposure of their own.",
        "Mean calcium steps between cycles with the laboratory's instrument, by as much as any effect: "
        "pooled models need the cycle.",
        "Reference intakes are set to cover nearly everyone: an intake below does not prove a deficit, and "
        "the share of people below is not the prevalence of deficiency.",
        "Magnesium in serum is in no table of NHANES.",
        "One blood sample by day says little about the nights of the past month.",
        *CAVEATS,
    ),
    prevention=(
        Prevention(
            "nutrition",
            "Randomized trials of magnesium tablets in older people found no useful effect on nocturnal "
            "cramps.",
            ("cochrane2020_pct", "cochrane2020_wk", "cochrane2020_resp", "cochrane2012_wk"),
        ),
        Prevention(
            "seeing a clinician",
            "Quinine was started more often after diuretics than before them; whether changing the drug "
            "reduces cramps was not tested.",
            ("garrison2012_diuretic", "garrison2012_ksparing", "garrison2012_thiazide"),
        ),
    ),
    rules=(_calcium, _potassium, _sodium, _corrected, *_INTAKES),
    curves=(
        *(f"serum_{name}" for name in ("calcium", "potassium", "sodium")),
        "bicarbonate",
        "serum_osmolality",
        "magnesium_intake",
    ),
)
