"""Draw hostile studies: odd names, types, values, gaps and designs, small enough to be checked by loops."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from toolkit.sources.registry import study
from toolkit.studies import Design, Study

NAMES = (
    "y", "2", "None", "age in years", "len", "count", "index", "literal", "weight", "stratum", "psu",
    "n", "estimate", "level", "domain", "cells", "a.b", "a:b", "a + b", "Größe", "π", "__x", "x'y",
    'x"y', "a < b & c", "true", "and", "missing", "person", "cycle", "intercept", "I", "x\ty", "[x]",
    "{x}", "%s", "x" * 80, "-1", "study", "", ".missing", ".reason", ".unit", ".count", "variable",
    "group", "reason",
)  # fmt: skip
LEVELS = (
    "a", "b:c", "it's", 'say "x"', "<b>bold</b>", "10", "9", "no", "yes", "missing", "é",
    "x" * 90, "NA?",
    "-", "a b",
)  # fmt: skip
OUTCOMES = ("boolean", "zero or one", "text", "ordered", "categorical", "whole floats")
NUMBERS = (
    "normal", "whole", "decimal", "huge", "far", "tiny", "constant", "few", "with NaN", "infinite", "none",
    "dates", "unsigned", "text", "float32",
)  # fmt: skip
GROUPS = ("two", "many", "one", "booleans", "unused level", "rare", "whole", "all missing")
GAPS = ("none", "some", "most", "all", "by group")
WEIGHTS = (
    "none",
    "none",
    "equal",
    "uneven",
    "uneven",
    "uneven",
    "zeros",
    "zeros",
    "huge",
    "missing",
    "negative",
    "all zero",
    "text",
    "infinite",
)
CLUSTERS = (
    "none",
    "strata",
    "psu",
    "both",
    "both",
    "psu",
    "lonely",
    "one psu",
    "missing",
    "not nested",
    "text",
)
FPCS = ("none", "none", "none", "fraction", "counts", "census", "zero")
RULES = ("fail", "certainty", "adjust", "average", "remove")


@dataclass(frozen=True)
class Case:
    """A frame, its design, and the columns in each role."""

    frame: pl.DataFrame
    design: dict[str, Any]
    outcome: str
    number: str
    other: str
    group: str
    time: str
    told: str  # what was drawn, for the message of a failing test

    def study(self) -> Study:
        design = Design(**self.design) if self.design else Design.none()
        return study(self.frame, design=design, name="hostile")

    def keep(self, mask: Any) -> "Case":
        return replace(self, frame=self.frame.filter(mask))


@st.composite
def cases(draw: Any, *, tame: bool = False) -> Case:
    """Draw a case; a tame one has values and a design that each estimator accepts."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from((24, 40, 80) if tame else (1, 2, 3, 8, 20, 60, 120)))
    names = draw(st.permutations(NAMES))[:9] if not tame else ["y", "x", "z", "g", "t", "w", "s", "p", "f"]
    outcome, number, other, group, time, weight, strata, psu, fpc = names
    pick = lambda values, tamed: draw(st.sampled_from(tamed if tame else values))  # noqa: E731
    chosen = {
        "outcome": pick(OUTCOMES, OUTCOMES[:2]),
        "number": pick(NUMBERS, ("normal", "whole", "decimal", "far")),
        "group": pick(GROUPS, ("two", "unused level", "booleans", "whole")),
        "gaps": pick(GAPS, ("none", "some")),
        "weights": pick(WEIGHTS, ("none", "equal", "uneven", "zeros")),
        "clusters": pick(CLUSTERS, ("none", "strata", "psu", "both")),
        "fpc": pick(FPCS, ("none", "none", "fraction")),
        "rule": pick(RULES, ("fail", "certainty")),
    }
    groups = _group(rng, n, chosen["group"])
    cramps = rng.random(n) < 0.4
    columns = {
        outcome: _with_gaps(rng, _outcome(cramps, chosen["outcome"]), chosen["gaps"], groups),
        number: _with_gaps(rng, _number(rng, n, chosen["number"], cramps), chosen["gaps"], groups),
        other: pl.Series(2 + rng.normal(size=n).round(3) + cramps),
        group: groups,
        time: pl.Series(rng.integers(1, 40, n)),
    }
    design = _design(rng, n, columns, chosen, (weight, strata, psu, fpc))
    frame = pl.DataFrame(columns)
    return Case(frame, design, outcome, number, other, group, time, f"{n} rows, {chosen}")


def _outcome(cramps: Any, kind: str) -> pl.Series:
    if kind == "boolean":
        return pl.Series(cramps)
    if kind in ("zero or one", "whole floats"):
        return pl.Series(cramps.astype(int)).cast(pl.Float64 if kind == "whole floats" else pl.Int64)
    words = pl.Series(np.where(cramps, "yes", "no").astype(object), dtype=pl.String)
    types = {"text": pl.String, "ordered": pl.Enum(["no", "yes"]), "categorical": pl.Categorical}
    return words.cast(types[kind])


def _number(rng: Any, n: int, kind: str, cramps: Any) -> pl.Series:
    values = rng.normal(50, 10, n).round(2) + 5 * cramps
    if kind == "decimal":
        return pl.Series([Decimal(str(round(v, 2))) for v in values])
    if kind == "dates":
        return pl.Series([date(2020, 1, 1) + timedelta(days=int(v)) for v in values])
    if kind == "text":
        return pl.Series([f"{v} kg" if v > 50 else " " for v in values])
    if kind in ("whole", "unsigned", "float32"):
        types = {"whole": pl.Int64, "unsigned": pl.UInt8, "float32": pl.Float32}
        return pl.Series(np.abs(values)).round(0).cast(types[kind])
    changed = {
        "huge": values * 1e300,
        "far": values + 1e6,
        "tiny": values * 1e-300,
        "constant": np.full(n, 7.0),
        "few": np.round(values / 20),
        "with NaN": np.where(values > 55, np.nan, values),
        "infinite": np.where(values > 60, -np.inf, values),
        "none": np.full(n, np.nan),
    }
    return pl.Series(changed.get(kind, values))


def _group(rng: Any, n: int, kind: str) -> pl.Series:
    if kind == "booleans":
        return pl.Series(rng.random(n) < 0.5)
    if kind == "whole":
        return pl.Series(rng.integers(0, 2, n))
    if kind == "all missing":
        return pl.Series([None] * n, dtype=pl.String)
    levels = {"two": LEVELS[:2], "one": LEVELS[:1], "unused level": LEVELS[:2], "rare": LEVELS[:3]}.get(
        kind, LEVELS
    )
    share = [0.97, 0.02, 0.01] if kind == "rare" else None
    words = pl.Series([levels[k] for k in rng.choice(len(levels), n, p=share)], dtype=pl.String)
    return words.cast(pl.Enum(LEVELS[:3])) if kind == "unused level" else words


def _with_gaps(rng: Any, column: pl.Series, kind: str, groups: pl.Series) -> pl.Series:
    share = {"none": 0.0, "some": 0.15, "most": 0.9, "all": 1.0}.get(kind, 0.0)
    gone = pl.Series(rng.random(len(column)) < share)
    if kind == "by group":
        gone = groups.eq_missing(groups[0])
    return (
        pl.DataFrame({"c": column, "gone": gone})
        .select(pl.when(~pl.col("gone")).then("c").alias("c"))
        .to_series()
    )


def _design(
    rng: Any, n: int, columns: dict[str, pl.Series], chosen: dict[str, str], names: Any
) -> dict[str, Any]:
    """Add the columns of a design, and return its arguments."""
    weight, strata, psu, fpc = names
    design: dict[str, Any] = {}
    if chosen["weights"] == "none" and chosen["clusters"] != "none":
        chosen["weights"] = "equal"  # a design without weights is refused
    if chosen["weights"] != "none":
        columns[weight], design["weight"] = _weights(rng, n, chosen["weights"]), weight
    if chosen["clusters"] in ("strata", "both", "lonely", "missing", "not nested", "text"):
        columns[strata], design["strata"] = _strata(rng, n, chosen["clusters"]), strata
    if chosen["clusters"] not in ("none", "strata"):
        codes = rng.integers(0, 1 if chosen["clusters"] == "one psu" else 4, n)
        columns[psu], design["psu"] = pl.Series(codes), psu
        design["nest"] = chosen["clusters"] != "not nested"
    if chosen["fpc"] != "none" and design:
        size = {"fraction": 0.3, "counts": 900.0, "census": 1.0, "zero": 0.0}[chosen["fpc"]]
        columns[fpc], design["fpc"] = pl.Series(np.full(n, size)), fpc
    if design:
        design["lonely_psu"] = chosen["rule"]
    return design


def _weights(rng: Any, n: int, kind: str) -> pl.Series:
    w = rng.integers(1, 90, n) / 4
    changed = {
        "equal": np.ones(n),
        "zeros": np.where(rng.random(n) < 0.2, 0.0, w),
        "huge": w * 1e290,
        "missing": np.where(rng.random(n) < 0.2, np.nan, w),
        "negative": np.where(rng.random(n) < 0.2, -w, w),
        "all zero": np.zeros(n),
        "infinite": np.where(rng.random(n) < 0.2, np.inf, w),
    }
    return pl.Series([f"{value} kg" for value in w]) if kind == "text" else pl.Series(changed.get(kind, w))


def _strata(rng: Any, n: int, kind: str) -> pl.Series:
    codes = rng.integers(0, 3, n)
    if kind == "lonely":
        codes[0] = 99
    if kind == "text":
        return pl.Series([("North", "north ", "South")[k] for k in codes])
    column = pl.Series(codes)
    return pl.Series([None if k == 0 else int(k) for k in codes]) if kind == "missing" else column
