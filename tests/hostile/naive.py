"""Survey estimates row by row: weighted sums, and linearization by loops over strata and sampling units.

Nothing of the toolkit is used. A row is a dictionary with `w`, `stratum`, `psu` and `fraction`, the sampled
share of its stratum.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

Row = dict[str, Any]


def variance(rows: Sequence[Row], values: Sequence[float]) -> float | None:
    """Sum squared deviations of sampling units' totals from their stratum's mean; None if lonely."""
    strata: dict[Any, dict[Any, float]] = {}
    fractions: dict[Any, float] = {}
    for row, value in zip(rows, values, strict=True):
        units = strata.setdefault(row["stratum"], {})
        units[row["psu"]] = units.get(row["psu"], 0.0) + value
        fractions[row["stratum"]] = row["fraction"]
    total = 0.0
    for stratum, units in strata.items():
        m = len(units)
        if m == 1:
            if fractions[stratum] < 1:
                return None
            continue
        mean = sum(units.values()) / m
        squares = sum((value - mean) ** 2 for value in units.values())
        total += (1 - fractions[stratum]) * m / (m - 1) * squares
    return total


def ratio(
    rows: Sequence[Row], top: Callable[[Row], float | None], bottom: Callable[[Row], float | None]
) -> Any:
    """Estimate a ratio of two totals among rows where both have a value, and its standard error."""
    inside = [row for row in rows if row["w"] > 0 and top(row) is not None and bottom(row) is not None]
    a = sum(row["w"] * top(row) for row in inside)
    b = sum(row["w"] * bottom(row) for row in inside)
    if not inside or b == 0:
        return None
    found = a / b
    kept = {id(row) for row in inside}
    values = [row["w"] * (top(row) - found * bottom(row)) / b if id(row) in kept else 0.0 for row in rows]
    return found, _root(variance(rows, values)), len(inside)


def mean(rows: Sequence[Row], name: str, inside: Callable[[Row], bool] = lambda row: True) -> Any:
    """Estimate a mean in a domain; with a 0/1 variable a prevalence."""
    return ratio(
        rows,
        lambda row: row[name] if inside(row) else None,
        lambda row: 1.0 if inside(row) and row[name] is not None else None,
    )


def total(rows: Sequence[Row], name: str) -> Any:
    """Estimate a total."""
    inside = [row["w"] > 0 and row[name] is not None for row in rows]
    values = [row["w"] * row[name] if k else 0.0 for row, k in zip(rows, inside, strict=True)]
    return (sum(values), _root(variance(rows, values)), sum(inside)) if any(inside) else None


def quantile(rows: Sequence[Row], name: str, p: float) -> float | None:
    """Take the smallest value at which the weighted distribution function reaches p."""
    pairs = sorted((row[name], row["w"]) for row in rows if row["w"] > 0 and row[name] is not None)
    whole, so_far = sum(w for _, w in pairs), 0.0
    for value, w in pairs:
        so_far += w
        if so_far >= p * whole * (1 - 1e-12):
            return value
    return None


def coefficients(rows: Sequence[Row], outcome: str, names: Sequence[str], *, logit: bool) -> Any:
    """Fit a weighted linear or logit model by Newton's method; coefficients and standard errors, or None."""
    used = [r for r in rows if r["w"] > 0 and all(r[name] is not None for name in (outcome, *names))]
    if len(used) <= len(names) + 1:
        return None
    x = [[1.0, *(float(row[name]) for name in names)] for row in used]
    beta = [0.0] * (len(names) + 1)
    for _ in range(60 if logit else 1):
        scores, information = _newton_parts(used, x, beta, outcome, logit)
        step = _solve(information, [sum(score[j] for score in scores) for j in range(len(beta))])
        if step is None or max(map(abs, step)) > 50 * (1 + 1e6 * (not logit)):
            return None
        beta = [b + s for b, s in zip(beta, step, strict=True)]
        if max(map(abs, step)) < 1e-12:
            break
    scores, information = _newton_parts(used, x, beta, outcome, logit)
    by_row = {id(row): score for row, score in zip(used, scores, strict=True)}
    errors = []
    for j in range(len(beta)):
        column = _solve(information, [float(k == j) for k in range(len(beta))])
        if column is None:
            return None
        influence = [
            sum(c * s for c, s in zip(column, by_row[id(row)], strict=True)) if id(row) in by_row else 0.0
            for row in rows
        ]
        errors.append(_root(variance(rows, influence)))
    return beta, errors


def _newton_parts(used: Any, x: Any, beta: Any, outcome: str, logit: bool) -> tuple[Any, Any]:
    size = len(beta)
    scores, information = [], [[0.0] * size for _ in range(size)]
    for row, own in zip(used, x, strict=True):
        eta = sum(b * v for b, v in zip(beta, own, strict=True))
        expected = 1 / (1 + math.exp(-max(min(eta, 700), -700))) if logit else eta
        slope = expected * (1 - expected) if logit else 1.0
        scores.append([row["w"] * (row[outcome] - expected) * v for v in own])
        for j in range(size):
            for k in range(size):
                information[j][k] += row["w"] * slope * own[j] * own[k]
    return scores, information


def _solve(matrix: Any, right: Any) -> list[float] | None:
    """Solve a small system by elimination with pivots."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for j in range(size):
        pivot = max(range(j, size), key=lambda i: abs(rows[i][j]))
        if abs(rows[pivot][j]) < 1e-10 * (abs(matrix[j][j]) + 1e-300):
            return None
        rows[j], rows[pivot] = rows[pivot], rows[j]
        for i in range(size):
            if i != j:
                factor = rows[i][j] / rows[j][j]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[j], strict=True)]
    return [rows[j][size] / rows[j][j] for j in range(size)]


def _root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)
