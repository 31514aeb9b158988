"""A number that is infinite for someone is refused by every estimator in the same words, and counted."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning

FAMILIES = {
    "ordinal": "o", "multinomial": "o", "negative-binomial": "k", "cox": "Surv(t, e)", "gaussian": "x",
}  # fmt: skip
Call = Callable[[tk.Study], object]
CALLS: dict[str, Call] = {
    "total": lambda s: tk.total(s, "v"),
    "mean": lambda s: tk.mean(s, "v"),
    "quantile": lambda s: tk.quantile(s, "v"),
    "numerator": lambda s: tk.ratio(s, "v", "t"),
    "denominator": lambda s: tk.ratio(s, "t", "v"),
    "rate": lambda s: tk.rate(s, events="e", time="v"),
    "survival": lambda s: tk.survival(s, time="v", event="e"),
    "describe": lambda s: tk.describe(s, ["v", "y"], by="g"),
    "trend over": lambda s: tk.trend(s, outcome="y", over="v"),
    "trend of": lambda s: tk.trend(s, outcome="v", over="o"),
    "exposure": lambda s: tk.association(s, outcome="y", exposure="v", adjust=()),
    "adjust": lambda s: tk.association(s, outcome="y", exposure="g", adjust=("rcs(v, 3)",)),
    "complete": lambda s: tk.association(s, outcome="y", exposure="g", adjust=(), complete=("v",)),
    "margins": lambda s: tk.margins(s, "y ~ g + v", "g"),
    "curve": lambda s: tk.curve(s, outcome="y", exposure="v", adjust=()),
    "t-test": lambda s: tk.t_test(s, "v", "e"),
    "rank test": lambda s: tk.rank_test(s, "v", "e"),
    "cosinor": lambda s: tk.cosinor(s, outcome="v", time="t", period=12.0),
    "offset": lambda s: tk.model(s, "k ~ x", "poisson", offset="v"),
    "term test": lambda s: tk.term_test(s, "y ~ g + v", "g"),
    "proportionality": lambda s: tk.proportionality(s, "o ~ v"),
    "precision": lambda s: tk.precision(s, outcome="y", exposure="v", adjust=()),
    "outcome of a model": lambda s: tk.model(s, "v ~ x", "gaussian"),
    **{
        family: (lambda s, f=family: tk.model(s, f"{FAMILIES.get(f, 'y')} ~ v", f))  # type: ignore[misc]
        for family in ("logit", "poisson", "probit", "cloglog", "log-binomial", "firth", *FAMILIES)
    },
}


def people(value: float) -> tk.Study:
    rng, n = np.random.default_rng(5), 90
    v = rng.normal(3, 1, n)
    v[7] = value
    frame = pl.DataFrame(
        {
            "v": v,
            "y": rng.integers(0, 2, n),
            "x": rng.normal(size=n),
            "g": rng.choice(["a", "b"], n),
            "t": rng.uniform(1, 9, n),
            "e": rng.integers(0, 2, n),
            "k": rng.poisson(2, n).astype(float),
            "o": pl.Series(rng.choice(["low", "mid", "high"], n), dtype=pl.Enum(["low", "mid", "high"])),
        }
    )
    return tk.study(frame, design=tk.Design.none(), name="invented")


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
@pytest.mark.parametrize("call", CALLS)
def test_every_estimator_refuses_an_infinite_number(call: str, value: float) -> None:
    with pytest.raises(tk.EstimationError, match=mentioning("'v'", "1")):
        CALLS[call](people(value))


def test_the_domain_leaves_them_out_and_nan_is_missing() -> None:
    assert 89 == tk.mean(people(float("inf")), "v", domain="v > -1e9 and v < 1e9")["n"].item()
    assert (89, 1) == tk.mean(people(float("nan")), "v").select("n", "n_missing").row(0)
