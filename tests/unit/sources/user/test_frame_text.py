"""Text of a frame is read as a file's is: blanks around it are not written, a text of blanks is missing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions

NONE = tk.Design.none()
SMOKE = ["never"] * 50 + ["now"] * 30 + [""] * 10 + ["  "] * 10
CRAMPS = [1] * 10 + [0] * 40 + [1] * 12 + [0] * 18 + [1] * 10 + [0] * 10
DOORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "polars": pl.DataFrame,
    "polars categorical": lambda c: pl.DataFrame(c).with_columns(pl.col(pl.String).cast(pl.Categorical)),
    "pandas": pd.DataFrame,
    "pandas categorical": lambda c: pd.DataFrame(c).astype(
        {name: "category" for name, values in c.items() if isinstance(values[0], str)}
    ),
    "pyarrow": pa.table,
    "lazy": pl.LazyFrame,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_blank_text_is_missing(door: str) -> None:
    study = tk.study(DOORS[door]({"smoke": SMOKE, "cramps": CRAMPS}), design=NONE)
    row = tk.association(study, outcome="cramps", exposure="smoke", adjust=()).row(0, named=True)
    assert ("now", "never", 80, 20) == tuple(row[name] for name in ("level", "reference", "n", "n_missing"))
    assert row["estimate"] == pytest.approx((12 / 30) / (10 / 50), rel=1e-12)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("role", ["psu", "strata"])
def test_a_blank_psu_or_stratum_is_refused(door: str, role: str) -> None:
    units = [name for name in ("a", "b", "", "c", "d") for _ in range(20)]
    frame = DOORS[door]({"unit": units, "w": [1.0] * 100, "cramps": [0, 1] * 50})
    with pytest.raises(tk.DesignError, match=mentioning("'unit'", "20 of 100")):
        tk.prevalence(tk.study(frame, design=tk.Design(weight="w", **{role: "unit"})), outcome="cramps")


@pytest.mark.parametrize("door", DOORS)
def test_blanks_around_a_level_make_no_other_level(door: str) -> None:
    frame = DOORS[door]({"sex": ["male", "male ", "female", " female"] * 25, "cramps": [0, 1] * 50})
    rows = tk.prevalence(tk.study(frame, design=NONE), outcome="cramps", by="sex")
    assert [("female", 50), ("male", 50)] == rows.select("sex", "n").rows()


def test_a_declared_order_survives_blanks_around_its_levels() -> None:
    sleep = pd.Categorical(
        ["poor ", "fair", "good"] * 30, categories=["poor ", "fair", "", "good"], ordered=True
    )
    study = tk.study(pd.DataFrame({"sleep": sleep, "cramps": [0, 1, 1] * 30}), design=NONE)
    assert ("poor", "fair", "good") == study.codebook["sleep"].levels
    assert study.codebook["sleep"].ordered


def test_levels_of_a_codebook_are_taken_as_they_are_typed() -> None:
    levels = (" no", "yes ")
    variable = tk.Variable("pain", "pain", "category", levels, levels[0])
    frame = pl.DataFrame({"pain": [*levels] * 20})
    study = tk.study(frame, design=NONE, codebook=tk.Codebook.of(variable))
    assert set(levels) == set(tk.prevalence(study, outcome="pain")["level"])


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_a_zero_of_sas_is_a_zero(library: Any) -> None:
    zero = 5.397605346934028e-79  # pandas.read_sas of 0
    frame = library({"cups": [zero] * 40 + [1.0] * 40 + [3.0] * 20, "cramps": [zero] * 50 + [1.0] * 50})
    row = tk.prevalence(tk.study(frame, design=NONE), outcome="cramps", domain="cups == 0").row(0, named=True)
    assert (40, 0.0) == (row["n"], row["estimate"])


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pd.DataFrame([[1, 0, 2], [2, 1, 3]], columns=["age", "cramps", "age"]), ("'age'", "2")),
        (
            pd.DataFrame({"cramps": [0, 1, 0], "age": [40, "x", 3.5]}),
            "'age'",
        ),
        (pd.DataFrame({"cramps": [0, 1], "age": [1j, 2j]}), "'age'"),
    ],
)
def test_the_column_that_cannot_be_read_is_named(frame: Any, told: str) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning(told)):
        tk.study(frame, design=NONE)


LEVELS = pl.Enum(["low", "mid", "high"])
ASKED: dict[str, Callable[[tk.Study], Any]] = {
    "mean": lambda s: tk.mean(s, "x"),
    "total": lambda s: tk.total(s, "x"),
    "ratio": lambda s: tk.ratio(s, "x", "t"),
    "quantile": lambda s: tk.quantile(s, "x"),
    "trend": lambda s: tk.trend(s, outcome="x", over="t"),
    "describe": lambda s: tk.describe(s, variables=("x",)),
    "cut": lambda s: s.cut("x"),
    "t test": lambda s: tk.t_test(s, "x", "g"),
    "rank test": lambda s: tk.rank_test(s, "x", "g"),
    "survival": lambda s: tk.survival(s, time="x", event="y"),
    "cox": lambda s: tk.model(s, "Surv(t, y) ~ x", family="cox"),
    "curve": lambda s: tk.curve(s, outcome="y", exposure="x", adjust=()),
    "association": lambda s: tk.association(s, outcome="y", exposure="g", adjust=("x",)),
    "margins": lambda s: tk.margins(s, "y ~ g + x", "g"),
    **{
        family: lambda s, family=family: tk.model(s, "y ~ x", family=family)
        for family in ("gaussian", "logit", "poisson", "firth", "log-binomial", "cloglog", "probit",
                       "negative-binomial")
    },
    **{f: lambda s, f=f: tk.model(s, "k ~ x", family=f) for f in ("ordinal", "multinomial")},
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED)
def test_an_infinite_value_is_refused_by_its_name(asked: str) -> None:
    drawn = np.random.default_rng(3)
    frame = pl.DataFrame(
        {"x": [-np.inf, *drawn.normal(size=99)], "t": drawn.uniform(1, 5, 100), "y": [0, 1, 1, 0] * 25,
         "g": ["a", "b"] * 50, "k": pl.Series(["low", "mid", "high", "mid"] * 25, dtype=LEVELS)}
    )  # fmt: skip
    study = tk.study(frame, design=NONE)
    with pytest.raises(tk.EstimationError, match=mentioning("'x'", "1")):
        ASKED[asked](study)
    assert tk.mean(study, "x", domain="x > -1e300")["n"].item() == 99


def test_numbers_that_are_levels_are_not_taken_for_codes() -> None:
    levels = pl.DataFrame({"y": [0, 1] * 60, "x": ["7", "8", "9", "10", "11", "12"] * 20})
    assert "notes" not in tk.study(levels, design=tk.Design.none()).provenance


@pytest.mark.parametrize("cells", [("01/02/22", "03/04/21"), ("1.2.2022", "13.4.2021")])
def test_text_of_a_frame_that_may_be_dates_is_reported(cells: tuple[str, ...]) -> None:
    study = tk.study(pl.DataFrame({"y": [0, 1] * 30, "x": cells * 30}), design=tk.Design.none())
    assert mentions(study.provenance["notes"], "'x'", "dates", "to_date")
