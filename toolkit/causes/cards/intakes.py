"""Hold intakes of magnesium, calcium and potassium against references by age, sex, pregnancy, breastfeeding.

Takes `magnesium_intake`, `calcium_intake`, `potassium_intake`, `age`, `sex`, `pregnant` and `breastfeeding`;
gives for each its reference and whether a day's intake is below it.
"""

from collections.abc import Mapping
from itertools import product

import polars as pl

from toolkit.causes.parts import Rule
from toolkit.causes.recode import answer, number, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# Recommended dietary allowances of magnesium and calcium, adequate intakes of potassium, mg/day, from the age
# on that stands before each: National Academies, as tabled in NCBI Bookshelf NBK545442, appendix J, table 3.
# Average requirements would suit inadequacy better; they are left out, as no source of them could be read.
MAGNESIUM = {
    "male": {14: 410, 19: 400, 31: 420},
    "female": {14: 360, 19: 310, 31: 320},
    "pregnant": {14: 400, 19: 350, 31: 360},
}
CALCIUM = {"male": {14: 1300, 19: 1000, 71: 1200}, "female": {14: 1300, 19: 1000, 51: 1200}}
POTASSIUM = {
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
    """Write a table as an expression: the first line that holds gives the amount."""
    woman = _sex == "female"
    lines = _steps(_sex == "male", table["male"])
    if "pregnant" in table:
        fertile = woman & (_age < _REFERENCES_END)
        lines += _steps(fertile & (_pregnant == "yes"), table["pregnant"])
        known = (_pregnant == "no") | (_age >= _NOT_TESTED_FROM)
        # Who was not asked whether she breastfeeds did not give birth lately.
        lines += _steps(fertile & known & (_nursing == "yes"), table.get("breastfeeding", {}))
        woman = woman & known
    lines += _steps(woman, table["female"])
    value = pl.lit(None, pl.Float64)
    for holds, amount in reversed(lines):
        value = pl.when(holds).then(pl.lit(amount, pl.Float64)).otherwise(value)
    return value


def _amount(table: Table, of: Mapping[str, float | str | None]) -> float | None:
    """Look one person up in a table, as a reader of it would."""
    age, sex, pregnant = of["age"], of["sex"], of.get("pregnant", "no")
    if not isinstance(age, int) or not isinstance(sex, str):
        return None
    row = sex
    if sex == "female" and "pregnant" in table and age < _REFERENCES_END:
        if pregnant is None and age < _NOT_TESTED_FROM:
            return None
        nursing = of.get("breastfeeding") == "yes" and "breastfeeding" in table
        row = "pregnant" if pregnant == "yes" else "breastfeeding" if nursing else sex
    reached = [amount for start, amount in sorted(table[row].items()) if age >= start]
    return reached[-1] if reached else None


def _rule(nutrient: str, table: Table, ages: tuple[int, ...], words: str) -> Rule:
    inputs = ("age", "sex", *(name for name in ("pregnant", "breastfeeding") if name in table))
    values: dict[str, tuple[float | str | None, ...]] = {
        "age": (*ages, None),
        "sex": ("male", "female", None),
        "pregnant": ("no", "yes", None),
        "breastfeeding": ("no", "yes", None),
    }
    people = [dict(zip(inputs, row, strict=True)) for row in product(*(values[name] for name in inputs))]
    variable = Variable(
        f"{nutrient}_reference", f"reference intake of {nutrient}", "number", unit="mg/day", source=words
    )
    cases = tuple((*person.values(), _amount(table, person)) for person in people)
    return Rule(Derivation(variable, inputs, _reference(table)), cases)


def _low(nutrient: str, amount: float) -> Rule:
    intake, reference = f"{nutrient}_intake", f"{nutrient}_reference"
    variable = Variable(
        f"low_{nutrient}_intake",
        f"{nutrient} intake below the reference",
        "yes_no",
        source=f"{intake} under {reference}",
    )
    given, needed = (amount - 1, amount, None), (amount, None)
    answers = {amount - 1: "yes", amount: "no", None: None}
    cases = tuple((one, other, answers[one] if other else None) for one, other in product(given, needed))
    expression = yes_if(number(intake) < number(reference))
    return Rule(Derivation(variable, (intake, reference), expression), cases)


_OUTSIDE = "under 14 outside the groups; of unknown sex unknown"
_UNTESTED = "women under 45 of unknown pregnancy unknown"
RULES = (
    _rule(
        "magnesium",
        MAGNESIUM,
        (13, 14, 18, 19, 30, 31, 44, 45, 50, 51),
        "recommended: men 410 (14 to 18 years), 400 (19 to 30), 420; women 360, 310, 320; pregnant 400, 350, "
        f"360; {_UNTESTED}; {_OUTSIDE}",
    ),
    _rule(
        "calcium",
        CALCIUM,
        (13, 14, 18, 19, 50, 51, 70, 71),
        f"recommended: 1300 (14 to 18 years), 1000, from 51 (women) and 71 (men) on 1200; {_OUTSIDE}",
    ),
    _rule(
        "potassium",
        POTASSIUM,
        (13, 14, 18, 19, 44, 45, 50, 51),
        "adequate: men 3000 (14 to 18 years), 3400; women 2300, 2600; pregnant 2600, 2900; breastfeeding "
        f"2500, 2800; {_UNTESTED}; {_OUTSIDE}",
    ),
    _low("magnesium", 320),
    _low("calcium", 1000),
    _low("potassium", 3400),
)
