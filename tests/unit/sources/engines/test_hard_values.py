"""Values, names and models that are hard to aggregate give on an engine what they give in memory."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.engine_studies import ENGINES, on_duckdb
from tests.support.looping import in_one_test

PERSONS = 800
DESIGN = tk.Design(weight="weight", strata="stratum", psu="psu")
Call = Callable[[tk.Study], Any]


@cache
def participants() -> pl.DataFrame:
    """Generate values far from 0, skewed ones, text with every kind of blank, and names of the toolkit."""
    draw = np.random.default_rng(191)
    n, normal = PERSONS, draw.normal(size=PERSONS)
    return pl.DataFrame(
        {
            "stratum": draw.integers(0, 5, n),
            "psu": draw.integers(0, 4, n),
            "weight": np.where(draw.uniform(size=n) < 0.1, 0.0, np.exp(2 * draw.normal(size=n))),
            "cramps": draw.choice([0, 1, None], n, p=[0.6, 0.3, 0.1]).tolist(),
            "sex": draw.choice(["male", "female"], n),
            "region": draw.choice(["a", "b", "c", "d"], n),
            "age": draw.integers(20, 80, n),
            "bmi": normal,
            "pressure": draw.normal(120, 15, n),
            "nights": draw.poisson(np.exp(0.3 * normal)),
            "far": 1e9 + normal,
            "near": 1 + 1e-9 * normal,
            "constant": np.full(n, 1e9 + 0.1),
            "skewed": np.exp(3 * normal),
            "infinite": np.where(np.arange(n) % 50 == 0, np.inf, normal),
            "separated": (normal > 0).astype(int),
            "blanks": draw.choice(["\ta", "b\n", "b\u00a0", "\u2003c", " ", ""], n),
            ".part": draw.normal(size=n),
            ".count": draw.choice(["x", "y"], n),
            ".w0": draw.normal(size=n),
            "interval": [timedelta(days=i % 5) for i in range(n)],
        }
    )


CALLS: dict[str, Call] = {
    "mean far from 0": lambda s: tk.mean(s, "far", by=("sex", "region")),
    "mean of a small spread": lambda s: tk.mean(s, ("near", "far")),
    "constant mean": lambda s: tk.mean(s, "constant", by=("sex", "region")),
    "totals": lambda s: tk.survey.total(s, ("far", "near", "constant"), by="sex"),
    "linear model far from 0": lambda s: tk.model(s, "far ~ sex + region", family="gaussian"),
    "logit of a skewed term": lambda s: tk.model(s, "cramps ~ skewed + sex"),
    "spline beside a measurement": lambda s: tk.association(
        s, "cramps", "region", adjust=("rcs(age, 4)", "bmi"), estimand="odds_ratio", terms=True
    ),
    "prevalence ratio near 1": lambda s: tk.association(s, "cramps", "bmi", adjust=("sex",)),
    "blanks": lambda s: tk.prevalence(s, "blanks"),
    "by blanks": lambda s: tk.prevalence(s, "cramps", by="blanks"),
    "mean of .part": lambda s: tk.mean(s, ".part", by="sex", domain="`.part` > -1"),
    "mean of .w0": lambda s: tk.mean(s, (".w0", ".part"), by=".count"),
    "model of .part": lambda s: tk.model(s, "cramps ~ `.part` + `.count`"),
    "levels of .count": lambda s: tk.prevalence(s, ".count", by="sex"),
    "derived .squares": lambda s: tk.mean(s.derive(".squares", "bmi ** 2"), ".squares"),
    "variables": lambda s: s.variables(),
}
WRONG: dict[str, Call] = {
    "separated by a measurement": lambda s: tk.model(s, "separated ~ bmi"),
    "infinite with weight": lambda s: tk.mean(s, "infinite"),
    "interval": lambda s: tk.mean(s, "interval"),
}


@cache
def in_memory() -> tk.Study:
    return tk.study(participants(), design=DESIGN, name="hard")


@cache
def on_engine(engine: str) -> tk.Study:
    return tk.study(ENGINES[engine](participants()), design=DESIGN, name="hard")


@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", CALLS)
def test_every_column_is_that_in_memory(name: str, engine: str) -> None:
    expected, found = (CALLS[name](study) for study in (in_memory(), on_engine(engine)))
    assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-13)


@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", WRONG)
def test_what_is_wrong_is_explained_as_in_memory(name: str, engine: str) -> None:
    texts = []
    for study in (in_memory(), on_engine(engine)):
        with pytest.raises(tk.ToolkitError) as caught:
            WRONG[name](study)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


@in_one_test("name", ["far", "near"])
def test_means_far_from_zero_keep_the_digits_of_their_variance(name: str) -> None:
    near_zero = participants().with_columns((pl.col(name) - (1e9 if name == "far" else 1.0)).alias(name))
    expected = tk.mean(tk.study(near_zero, design=DESIGN), name)
    found = tk.mean(in_memory(), name)
    for column in ("std_error", "deff", "n_effective"):
        assert found[column].item() == pytest.approx(expected[column].item(), rel=1e-10)


REFUSED: dict[str, Call] = {
    "family": lambda s: tk.model(s, "cramps ~ bmi", family="probit"),
    "offset": lambda s: tk.model(s, "nights ~ bmi", family="poisson", offset="pressure"),
}


@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", REFUSED)
def test_models_that_no_pass_sums_name_the_call_that_reads_participants(name: str, engine: str) -> None:
    with pytest.raises(tk.EstimationError, match=r"tk\.study\((frame\.collect|relation\.pl)\(\), design="):
        REFUSED[name](on_engine(engine))


def test_what_has_no_translation_names_the_call_that_reads_participants() -> None:
    study = tk.study(on_duckdb(participants()), design=DESIGN).derive("x", pl.col("bmi").sin())
    with pytest.raises(tk.VariableError, match=r"tk\.study\(relation\.pl\(\), design="):
        tk.mean(study, "x")


def test_an_interval_that_polars_cannot_read_leaves_the_other_columns() -> None:
    connection = duckdb.connect()
    connection.register("people", participants().drop("interval").to_arrow())
    study = tk.study(connection.sql("select *, interval '1 month' as length from people"), design=DESIGN)
    expected, found = (tk.prevalence(s, "cramps") for s in (in_memory(), study))
    assert found["estimate"].item() == pytest.approx(expected["estimate"].item(), rel=1e-12)
