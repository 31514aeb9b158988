"""Unusual designs and every option give on an engine what they give in memory."""

from collections.abc import Callable
from functools import cache
from typing import Any, get_args

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.engine_studies import ENGINES, population
from tests.support.looping import in_one_test
from toolkit.estimate.regression import COEFFICIENTS, STANDARDIZED
from toolkit.estimate.survey import intervals
from toolkit.studies import LonelyPsu

Call = Callable[[tk.Study], Any]
CLUSTERS: dict[str, Any] = {"weight": "weight", "strata": "stratum"}
DESIGNS: dict[str, tk.Design] = {
    **{
        f"single PSU, {mode}": tk.Design(**CLUSTERS, psu="lonely", lonely_psu=mode)
        for mode in get_args(LonelyPsu)
    },
    "PSU with 90%": tk.Design(**CLUSTERS, psu="skewed"),
    "PSU with 90%, finite": tk.Design(**CLUSTERS, psu="skewed", fpc="psus"),
    "PSUs numbered throughout": tk.Design(**CLUSTERS, psu="throughout", nest=False),
    "fractions": tk.Design(**CLUSTERS, psu="psu", fpc="fraction"),
    "PSUs alone": tk.Design(weight="positive", psu="psu"),
    "weight": tk.Design(weight="positive"),
    "participants of a finite population": tk.Design(weight="positive", strata="stratum", fpc="size"),
    "single participant, adjust": tk.Design(weight="weight", strata="alone", lonely_psu="adjust"),
    "single participant, average": tk.Design(weight="weight", strata="alone", lonely_psu="average"),
}
CALLS: dict[str, Call] = {
    "prevalence": lambda s: tk.prevalence(s, "cramps", by="sex", domain="age > 30"),
    "mean": lambda s: tk.mean(s, ("bmi", "pressure"), by="sex"),
    "total": lambda s: tk.total(s, ("cramps", "bmi")),
    "ratio": lambda s: tk.ratio(s, "bmi", "pressure", by="education"),
    "association": lambda s: tk.association(s, "cramps", "education", adjust=("age",)),
    "logit": lambda s: tk.model(s, "cramps ~ bmi * sex"),
    "linear": lambda s: tk.model(s, "pressure ~ bmi + sex", family="gaussian"),
    "standardized": lambda s: tk.association(
        s, "cramps", "education", adjust=("bmi",), estimand="standardised_difference"
    ),
}
SHARES = {"low": 2, "middle": 1, "high": 1}
OPTIONS: dict[str, Call] = {
    **{
        f"interval {name}": lambda s, name=name: tk.prevalence(s, "cramps", by="sex", interval=name)
        for name in intervals._METHODS
    },
    **{
        f"{estimand} of {exposure}": lambda s, e=estimand, x=exposure: tk.association(
            s, "cramps", x, adjust=("age", "pressure"), estimand=e, complete=("smoker", "nights")
        )
        for estimand in (*COEFFICIENTS, *STANDARDIZED)
        for exposure in ("education", "bmi")
        if (estimand, exposure) != ("standardised_prevalence", "bmi")
    },
    "standardized": lambda s: tk.prevalence(s, "cramps", by="sex", standardize={"education": SHARES}),
    "standardized by age": lambda s: tk.prevalence(s, "cramps", standardize="us-2000", domain="age >= 20"),
    "mean at 90%": lambda s: tk.mean(s, "bmi", confidence=0.9),
    "ratio at 90%": lambda s: tk.ratio(s, "bmi", "pressure", confidence=0.9),
    "total by two": lambda s: tk.total(s, "bmi", by=("sex", "smoker")),
    "model by design df": lambda s: tk.model(s, "cramps ~ bmi", df="design", exponentiate=True),
    "reference": lambda s: tk.association(s, "cramps", "education", adjust=("bmi",), reference="low"),
    "splines": lambda s: tk.association(s, "cramps", "sex", adjust=("rcs(age, 4)", "rcs(bmi, 22, 26, 31)")),
}  # fmt: skip


@cache
def frame() -> pl.DataFrame:
    """Add PSUs of one stratum, of 90% of the participants, and strata of one participant."""
    row = pl.int_range(pl.len())
    return population().with_columns(
        lonely=pl.when(pl.col("stratum") == 2).then(1).otherwise("psu"),
        skewed=pl.when(row % 10 > 0).then(0).otherwise("psu"),
        throughout=pl.col("stratum") * 10 + pl.col("psu"),
        fraction=0.1 + pl.col("stratum") / 100,
        alone=pl.when(row < 2).then(100 + row).otherwise("stratum"),
    )


@cache
def studies(engine: str, design: str) -> tuple[tk.Study, tk.Study]:
    """Open the participants in memory and on an engine."""
    found, expected = (
        tk.study(source, design=DESIGNS[design], name="population")
        for source in (ENGINES[engine](frame()), frame())
    )
    return found, expected


def answer(call: Call, study: tk.Study) -> pl.DataFrame:
    """Call, and return the result, or the words of an error."""
    try:
        return pl.DataFrame(call(study))
    except tk.ToolkitError as error:
        return pl.DataFrame({"error": [str(error)]})


def expect_equal(call: Call, engine: str, design: str) -> None:
    found, expected = (answer(call, study) for study in studies(engine, design))
    assert_frame_equal(found, expected, rel_tol=1e-10, abs_tol=1e-11)


@pytest.mark.parametrize("design", DESIGNS)
@in_one_test("name", CALLS)
def test_every_design_is_that_in_memory(name: str, design: str) -> None:
    expect_equal(CALLS[name], "polars", design)


@in_one_test("design", ["single PSU, adjust", "PSU with 90%", "participants of a finite population"])
def test_some_designs_are_those_in_memory_on_duckdb(design: str) -> None:
    for call in CALLS.values():
        expect_equal(call, "DuckDB", design)


@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", OPTIONS)
def test_every_option_is_that_in_memory(name: str, engine: str) -> None:
    expect_equal(OPTIONS[name], engine, "PSUs alone")
    assert "error" not in answer(OPTIONS[name], studies(engine, "PSUs alone")[1]).columns
