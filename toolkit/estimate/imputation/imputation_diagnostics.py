"""Describe imputed values beside observed ones, and the convergence of the chains.

Method: potential scale reduction of Gelman & Rubin, Stat Sci 7 (1992) 457-472, of the mean of the imputed
values over the second half of each chain, as van Buuren (2018), 6.5.2, suggests for chained equations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from toolkit.disclosure import small_counts
from toolkit.estimate.imputation.completed_studies import followers
from toolkit.estimate.imputation.imputation_model import Data
from toolkit.results import Floats, Indices

_TEXT, _NUMBER, _COUNT = pl.String(), pl.Float64(), pl.Int64()
DIAGNOSTICS_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("study", "variable", "label", "level", "method"), _TEXT),
    **dict.fromkeys(("n_observed", "n_imputed"), _COUNT),
    **dict.fromkeys(
        ("percent_imputed", "observed", "observed_sd", "imputed", "imputed_sd", "r_hat"), _NUMBER
    ),
    "remark": _TEXT,
}
MISSING_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("study", "variable", "label", "reason"), _TEXT),
    **dict.fromkeys(("n", "n_imputed"), _COUNT),
}
DISTRIBUTION_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("study", "variable", "label", "level"), _TEXT),
    **dict.fromkeys(("low", "high", "observed", "imputed"), _NUMBER),
}
TRACE_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("study", "variable", "label", "level"), _TEXT),
    **dict.fromkeys(("chain", "iteration"), _COUNT),
    "mean": _NUMBER,
}
# Chains that differ more than this have not mixed (Gelman & Rubin's rule of thumb).
_MOST_R_HAT = 1.1
_FEWEST_ITERATIONS = 5
_MOST_MISSING = 50
# Intervals of a number between its 1st and 99th percentile.
_INTERVALS, _TAIL = 12, 1

Values = Mapping[str, Floats | Indices]


@dataclass(frozen=True)
class Run:
    """What the chains gave: per chain the last values, and the values after each iteration."""

    imputed: Sequence[Values]
    traces: Sequence[Sequence[Values]]
    iterations: int
    methods: Mapping[str, str]


@dataclass(frozen=True)
class _Imputed:
    """One imputed variable: its observed values, and those of each imputation."""

    data: Data
    name: str
    drawn: Floats
    observed: Floats

    @property
    def head(self) -> dict[str, Any]:
        """The columns that identify it."""
        label = self.data.columns[self.name].variable.title
        return {"study": self.data.study.label, "variable": self.name, "label": label}

    @property
    def level(self) -> int | None:
        """The code of the level whose share is followed: the case, or the most frequent; None of a number."""
        column = self.data.columns[self.name]
        if column.continuous:
            return None
        if column.case is not None:
            return column.levels.index(column.case)
        return int(np.bincount(self.observed.astype(np.int64)).argmax())

    def score(self, values: Any) -> Floats:
        """Turn values into what is averaged: numbers, or 1 for the level."""
        own = np.asarray(values, np.float64)
        return own if self.level is None else np.equal(own, self.level).astype(float)

    @property
    def hidden(self) -> bool:
        """Whether too few participants have, or lack, a value for a number about them."""
        smallest = self.data.study.smallest_cell
        return bool(min(len(self.observed), self.drawn.shape[1]) < smallest)


def _each(data: Data, run: Run) -> list[_Imputed]:
    return [
        _Imputed(
            data,
            name,
            np.array([values[name] for values in run.imputed], np.float64),
            np.asarray(data.values[name], np.float64)[~data.missing(name)],
        )
        for name in data.question.targets
        if name in run.imputed[0]
    ]


def summarize(data: Data, run: Run) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compare observed with imputed values by variable, and count missing values by reason."""
    rows = [_summarize_variable(one, run) for one in _each(data, run)]
    frames = [pl.DataFrame(schema=MISSING_SCHEMA)]
    for name, counts in data.reasons.items():
        label = data.columns[name].variable.title
        identity = {"study": data.study.label, "variable": name, "label": label}
        frames.append(_hide(counts.with_columns(**{k: pl.lit(v) for k, v in identity.items()}), data))
    missing = pl.concat(
        [frame.select(list(MISSING_SCHEMA)).cast(pl.Schema(MISSING_SCHEMA)) for frame in frames]
    )
    return pl.DataFrame(rows, DIAGNOSTICS_SCHEMA), missing


def _hide(counts: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Hide counts below the smallest cell, and what gives them back."""
    smallest = data.study.smallest_cell
    if not smallest or counts.is_empty():
        return counts
    left = counts.with_columns(n=pl.col("n") - pl.col("n_imputed"))
    own = counts.with_columns(n="n_imputed")
    margin = ("variable",)
    hidden = (
        small_counts(counts, smallest, margin)
        | small_counts(left, smallest, margin)
        | small_counts(own, smallest, margin)
    )
    return counts.with_columns(pl.when(~hidden).then(pl.col(c)).alias(c) for c in ("n", "n_imputed"))


def _summarize_variable(one: _Imputed, run: Run) -> dict[str, Any]:
    data, level = one.data, one.level
    n, lost = len(one.observed), one.drawn.shape[1]
    observed, imputed = one.score(one.observed), one.score(one.drawn)
    share = 100 * lost / (n + lost)
    r_hat = _r_hat(one, run)
    row: dict[str, Any] = {
        **one.head,
        "level": None if level is None else data.columns[one.name].levels[level],
        "method": run.methods[one.name],
        "remark": _remark(one, share, r_hat),
    }
    if one.hidden:
        return row
    numbers = {"observed": observed.mean(), "imputed": imputed.mean()}
    if level is None:
        numbers |= {"observed_sd": observed.std(ddof=1), "imputed_sd": _spread(imputed)}
    elif _is_small(observed.sum(), n - observed.sum(), one):
        numbers = {}
    return row | {"n_observed": n, "n_imputed": lost, "percent_imputed": share, "r_hat": r_hat} | numbers


def _spread(imputed: Floats) -> float | None:
    """Average over the imputations the standard deviation of the imputed values."""
    return float(imputed.std(axis=1, ddof=1).mean()) if imputed.shape[1] > 1 else None


def _is_small(cases: float, others: float, one: _Imputed) -> bool:
    smallest = one.data.study.smallest_cell
    return any(0 < count < smallest for count in (cases, others))


def _remark(one: _Imputed, share: float, r_hat: float | None) -> str | None:
    lost = [name for name, step in followers(one.data.study, [one.name]).items() if step is None]
    texts = []
    if share > _MOST_MISSING:
        texts.append(f"more than {_MOST_MISSING}% of the values are imputed")
    if r_hat is not None and r_hat > _MOST_R_HAT:
        texts.append(f"R-hat is above {_MOST_R_HAT}; use more iterations")
    if lost:
        texts.append(f"not derived again: {', '.join(lost)}")
    return "; ".join(texts) or None


def _means(one: _Imputed, run: Run) -> Floats:
    """Compute the mean of the imputed values by chain and iteration."""
    return np.array([[one.score(values[one.name]).mean() for values in chain] for chain in run.traces])


def _r_hat(one: _Imputed, run: Run) -> float | None:
    means = _means(one, run)[:, run.iterations // 2 :]
    n = means.shape[1]
    if n < _FEWEST_ITERATIONS:
        return None
    within, between = means.var(axis=1, ddof=1).mean(), means.mean(axis=1).var(ddof=1)
    return float(np.sqrt((n - 1) / n + between / within)) if within > 0 else None


def trace_chains(data: Data, run: Run) -> pl.DataFrame:
    """List the mean of the imputed values, or the share of a level, by chain and iteration."""
    rows = []
    for one in _each(data, run):
        if one.hidden:
            continue
        level = None if one.level is None else data.columns[one.name].levels[one.level]
        for chain, means in enumerate(_means(one, run), 1):
            rows += [
                {**one.head, "level": level, "chain": chain, "iteration": k, "mean": mean}
                for k, mean in enumerate(means, 1)
            ]
    return pl.DataFrame(rows, TRACE_SCHEMA)


def compare_values(data: Data, run: Run) -> pl.DataFrame:
    """List shares of observed and of imputed values by level, or by interval of a number."""
    rows = [row for one in _each(data, run) if not one.hidden for row in _compare_variable(one)]
    return pl.DataFrame(rows, DISTRIBUTION_SCHEMA)


def _compare_variable(one: _Imputed) -> list[dict[str, Any]]:
    column, everyone = one.data.columns[one.name], one.observed
    if column.continuous:
        low, high = np.percentile(everyone, (_TAIL, 100 - _TAIL))
        edges = np.linspace(low, high, _INTERVALS + 1) if high > low else np.array([low - 0.5, low + 0.5])
        ends = list(pairwise(edges))
        places = [{"level": None, "low": a, "high": b} for a, b in ends]
        counts, drawn = (np.histogram(np.clip(v, low, high), edges)[0] for v in (everyone, one.drawn.ravel()))
    else:
        codes, own = everyone.astype(np.int64), one.drawn.astype(np.int64).ravel()
        places = [{"level": level} for level in column.levels]
        counts, drawn = (np.bincount(v, minlength=len(places)) for v in (codes, own))
    shown = pl.DataFrame({"n": counts}, {"n": _COUNT})
    few = small_counts(shown.with_columns(v=pl.lit(0)), one.data.study.smallest_cell, ("v",))
    return [
        {
            **one.head,
            **place,
            "observed": None if hide else count / len(everyone),
            "imputed": None if hide else own / one.drawn.size,
        }
        for place, count, own, hide in zip(places, counts, drawn, few, strict=True)
    ]
