"""Terms that are more than variables: observed time, Surv() and strata(), and splines, rcs().

A restricted cubic spline is linear beyond its boundary knots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.regression.formula.factors import Token, quoted, tokens
from toolkit.estimate.survey.distributions import QUANTILE_RULES

if TYPE_CHECKING:
    from toolkit.estimate.survey.variance.linearized import Floats

EXAMPLE = "tk.model(study, 'Surv(first_cramp_days, first_cramp) ~ age + sex', family='cox')"
# Outer quantiles of Harrell's knots by their number (Regression Modeling Strategies, 2nd ed. 2015,
# table 2.3); the others lie at equal distances between them.
OUTER = {3: 0.10, 4: 0.05, 5: 0.05, 6: 0.05, 7: 0.025}
_TIED = 0.05  # An outermost value shared by so many gets the knot to itself.
_FEW = 100  # With fewer values the outer knots are the fifth smallest and the fifth largest.


@dataclass(frozen=True, slots=True)
class Taken:
    """A formula without Surv() and strata(), the event its outcome, and the names in them."""

    formula: str
    time: str | None = None
    entry: str | None = None
    strata: tuple[str, ...] = ()


def take_time(formula: str) -> Taken:
    """Separate Surv(time, event) or Surv(entry, time, event), and strata(a, b), from a formula."""
    given = tokens(formula)
    tilde = next((place for place, token in enumerate(given) if _is(token, "~")), len(given))
    right, strata = _without_strata(given[tilde + 1 :], formula)
    left = formula[: given[tilde].start].strip() if tilde < len(given) else formula
    plain = f"{left} ~ {right}" if strata else formula
    if not given or given[0].text != "Surv" or given[0].quoted:
        return Taken(plain, strata=strata)
    names = _listed(given[1:tilde])
    if len(names) not in (2, 3):
        raise VariableError(
            f"'{left}' cannot be read. Write Surv(time, event), or Surv(entry, time, event) where "
            f"observation began late. Example: {EXAMPLE}."
        )
    *entry, time, event = names
    return Taken(f"{quoted(event)} ~ {right}", time, entry[0] if entry else None, strata)


def _is(token: Token, *signs: str) -> bool:
    return token.kind == "sign" and token.text in signs


def _listed(given: Sequence[Token]) -> tuple[str, ...]:
    """Read names within parentheses, with commas between; none if there is anything else."""
    inner = given[1:-1]
    framed = len(given) > 2 and _is(given[0], "(") and _is(given[-1], ")")
    named = all(token.kind == "name" for token in inner[::2])
    parted = len(inner) % 2 == 1 and all(_is(token, ",") for token in inner[1::2])
    return tuple(token.text for token in inner[::2]) if framed and named and parted else ()


def _without_strata(given: Sequence[Token], formula: str) -> tuple[str, tuple[str, ...]]:
    """Take each strata(...) out, with the + that joins it."""
    names: list[str] = []
    cut, place = [], 0
    while place < len(given):
        token = given[place]
        if token.text != "strata" or token.quoted or token.kind != "name":
            place += 1
            continue
        end = next((k for k in range(place, len(given)) if _is(given[k], ")")), len(given) - 1) + 1
        own = _listed(given[place + 1 : end])
        before, after = given[place - 1 : place] if place else [], given[end : end + 1]
        joined = all(_is(sign, "+") for sign in before) and all(_is(sign, "+", "-") for sign in after)
        if not own or not joined:
            raise VariableError(
                f"strata(...) in '{formula}' must be a separate term of names, as in "
                f"... + strata(sex, region). Example: {EXAMPLE}."
            )
        names += own
        cut.append((before[0].start if before else token.start, given[end - 1].end))
        place = end
    start, end = (given[0].start, given[-1].end) if given else (0, 0)
    kept = "".join(
        formula[a:b] for a, b in zip([start, *(c[1] for c in cut)], [*(c[0] for c in cut), end], strict=True)
    )
    left = kept.strip().removeprefix("+").strip()
    return (left or "1" if names else kept.strip()), tuple(dict.fromkeys(names))


def knots_at(values: "Floats", weights: "Floats", count: float, name: str = "x") -> "Floats":
    """Place 3 to 7 knots at weighted quantiles, as `rcs` of R's rms with equal weights."""
    if count not in OUTER:
        raise EstimationError(
            f"A spline of '{name}' cannot have {count:g} knots. Use 3 to 7 knots, or name them: "
            f"rcs({name}, 30, 50, 70)."
        )
    distinct, knots = np.unique(values), np.empty(0)
    if len(distinct) - 2 == count:
        return distinct[1:-1]
    if len(distinct) - 2 > count and len(values) > 5:
        knots = _placed(values, weights, int(count))
    if len(knots) < count or (np.diff(knots) <= 0).any():
        raise EstimationError(
            f"{count:g} knots of '{name}' coincide at {len(np.unique(knots)) or len(distinct)} values, "
            f"because many participants share a value. Use fewer knots, or name them: rcs({name}, 30, 50, "
            "70)."
        )
    return knots


def _placed(values: "Floats", weights: "Floats", count: int) -> "Floats":
    """Place knots as Hmisc's `rcspline.eval`, with shares and quantiles weighted."""
    first, last = _tied(values, weights)
    inner = (values > first) & (values < last)
    values, weights = values[inner], weights[inner]
    free, outer = count - np.isfinite(first) - np.isfinite(last), OUTER[count]
    starts = 0.5 if free <= 2 else outer
    at = np.linspace(starts, 0.5 if free == 1 else 1 - outer, int(free))
    knots = np.array([QUANTILE_RULES["hf7"](values, weights, p) for p in at])
    if len(values) < _FEW and free > 1:
        ordered = np.sort(values)
        if not np.isfinite(first):
            knots[0] = ordered[min(4, len(ordered) - 1)]
        if not np.isfinite(last):
            knots[-1] = ordered[max(-5, -len(ordered))]
    ends = np.array([end for end in (first, last) if np.isfinite(end)])
    return np.sort(np.concatenate([ends, knots]))


def _tied(values: "Floats", weights: "Floats") -> tuple[float, float]:
    """Give the value next to an outermost one that many share, where a knot goes; infinite where few do."""
    distinct, place = np.unique(values, return_inverse=True)
    share = np.bincount(place, weights) / weights.sum()
    if share[1:-1].max() >= _TIED:
        return -np.inf, np.inf
    first = distinct[1] if share[0] >= _TIED else -np.inf
    # The second tie is looked for among the values beyond the first knot.
    return float(first), float(distinct[-2] if share[-1] >= _TIED else np.inf)


def spline(values: "Floats", knots: "Sequence[float] | Floats") -> "Floats":
    """Compute a restricted cubic spline basis, values x (knots - 1), as `rcs` of R's rms.

    The first column is the value; the others are divided by the squared distance of the outer knots.
    """
    t = np.asarray(knots, float)
    cubed = np.maximum(values[:, None] - t, 0) ** 3
    last, before = t[-1], t[-2]
    bends = (
        cubed[:, :-2]
        - cubed[:, -2:-1] * (last - t[:-2]) / (last - before)
        + cubed[:, -1:] * (before - t[:-2]) / (last - before)
    )
    return np.column_stack([values, bends / (last - t[0]) ** 2])
