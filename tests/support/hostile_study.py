"""A study whose every word tries to be markup: labels, levels, units, questions, notes, sources, its name."""

import polars as pl

from toolkit.causes.card import Card, Exposure, Rule
from toolkit.sources.registry import study
from toolkit.studies import Design, Study
from toolkit.variables import Codebook, Derivation, Variable

ADDRESS = "https://e.example"
NAME = f"a < b & c > d ![x]({ADDRESS}/p.png) <style>@import '{ADDRESS}'</style> <title>t</title>"
CRAMPS = "cramps <svg onload=alert(1)> a < b & c > d"
DIABETES = (
    "[sugar](javascript:alert(2)) <iframe srcdoc='<script>alert(3)</script>'></iframe> *very* _high_ $x$"
)
AGE = 'age `code` | pipe </script><script>alert(4)</script> <!--<script> "onload=alert(5) x=" \\'
SEX = f'<meta http-equiv="refresh" content="0;url={ADDRESS}"> sex\nin two lines'
UNIT = 'years\\" + alert(12) + "\n<u>'
WOMEN, MEN = "<b onmouseover=alert(6)>women</b>", f"<img src={ADDRESS}/i.png onerror=alert(7)> men"
NO, YES = "no", "yes"
YOUNG, OLD = (
    f"<link rel=stylesheet href={ADDRESS}/a.css> young & > 20",
    "**old** <a href='javascript:alert(8)'>x</a>\nold",
)
QUESTION = "<details open ontoggle=alert(9)><summary>s</summary></details> Any cramps?"
NOTE = f"<base href={ADDRESS}> <form action={ADDRESS}><button>b</button></form> noted"
SOURCE = "<math><mi//xlink:href='data:x,<script>alert(10)</script>'> column 7"
ASKED = "</td></tr></table><script>alert(11)</script> everyone"
VARIABLES = Codebook.of(
    Variable("any_cramps", CRAMPS, "yes_no", (NO, YES), NO, question=QUESTION, note=NOTE, source=SOURCE,
             asked=ASKED),
    Variable("diabetes_told", DIABETES, "yes_no", (NO, YES), NO, question=QUESTION, note=NOTE, source=SOURCE),
    Variable("age", AGE, "number", unit=UNIT, question=QUESTION, note=NOTE),
    Variable("sex", SEX, "category", (MEN, WOMEN), MEN, note=NOTE),
    Variable("age_group", f"group of {AGE}", "category", (YOUNG, OLD), YOUNG, source=SOURCE),
)  # fmt: skip


def people(n: int = 800) -> pl.DataFrame:
    """Draw people with cramps in every group, a few without a value."""
    number = pl.int_range(n, eager=True)
    rows = pl.DataFrame({"i": number}).with_columns(
        age=20.0 + (pl.col("i") * 37 % 60),
        sex=pl.when(pl.col("i") % 2 == 0).then(pl.lit(MEN)).otherwise(pl.lit(WOMEN)),
        diabetes_told=pl.when(pl.col("i") * 7 % 11 < 4).then(pl.lit(YES)).otherwise(pl.lit(NO)),
        weight=1.0 + (pl.col("i") % 5),
        stratum=pl.col("i") % 10,
        psu=pl.col("i") // 10 % 4,
    )
    cramps = (pl.col("i") * 13 % 17 < 5) | ((pl.col("diabetes_told") == YES) & (pl.col("i") % 3 == 0))
    return rows.with_columns(
        any_cramps=pl.when(pl.col("i") % 97 > 0).then(
            pl.when(cramps).then(pl.lit(YES)).otherwise(pl.lit(NO))
        ),
        age_group=pl.when(pl.col("age") < 50).then(pl.lit(YOUNG)).otherwise(pl.lit(OLD)),
    ).drop("i")


def hostile_study() -> Study:
    """Make the study."""
    return study(
        people(), design=Design(weight="weight", strata="stratum", psu="psu"), name=NAME, codebook=VARIABLES
    )


def hostile_card() -> Card:
    """Make a card whose every word tries to be markup, with one variable derived from sex."""
    derived = Variable("old_sugar", DIABETES, "category", (MEN, WOMEN), MEN, question=QUESTION, note=NOTE)
    women = pl.when(pl.col("sex") == WOMEN).then(pl.lit(WOMEN)).when(pl.col("sex") == MEN).then(pl.lit(MEN))
    rule = Rule(Derivation(derived, ("sex",), women), ((WOMEN, WOMEN), (MEN, MEN), (None, None)))
    return Card(
        name="old_sugar",
        title=CRAMPS,
        what=f"{NOTE} {DIABETES}",
        exposures=(Exposure(derived, ASKED),),
        mechanism=f"{SEX} {AGE}",
        caveats=(QUESTION, SOURCE),
        prevention=(),
        rules=(rule,),
    )
