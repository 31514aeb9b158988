"""Give standard populations for direct standardisation: published ones by age, or one of one's own.

Takes a name and age bands, or shares of one's own; gives a `Standard`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from toolkit.errors import EstimationError, unknown
from toolkit.sources.catalog import shipped

# Age groups of adults, as the National Center for Health Statistics adjusts NHANES (Klein and Schoenborn).
ADULTS = (20, 40, 60)
_EXAMPLE = "standardise={'age_group': {'20-39': 77670, '40-59': 72816, '60+': 45364}}"


@dataclass(frozen=True)
class Standard:
    """A population whose composition groups are given for a fair comparison.

    Attributes
    ----------
    label
        What it is called: "2000 US standard population".
    variables
        By which it is composed: "age", or variables of levels.
    shares
        Level (one of each variable) to its share of the population; they sum to 1.
    starts
        Where the bands of a number begin; () for variables of levels. The last band is open unless `until`.
    until
        Where the last band ends; None if it is open.
    citation
        Where it was published; "" for one's own.
    """

    label: str
    variables: tuple[str, ...]
    shares: Mapping[tuple[str, ...], float]
    starts: tuple[float, ...] = ()
    until: float | None = None
    citation: str = ""


def standard(
    name: str, bands: Sequence[int] = ADULTS, *, variable: str = "age", until: int | None = None
) -> Standard:
    """Give a published standard population in age bands.

    Parameters
    ----------
    name
        "us-2000", "who" (2000-2025) or "europe-2013".
    bands
        Where the bands begin, such as (20, 40, 60) for 20-39, 40-59 and 60 and over. Each must be an age at
        which a group of the published standard begins.
    variable
        The age in years, a number.
    until
        Where the last band ends, such as 65 for the working ages; None for an open end.

    Returns
    -------
    Standard
        With the share of each band and its citation.

    Raises
    ------
    EstimationError
        For an unknown standard, or bands that its groups cannot make.

    Examples
    --------
    >>> found = standard("us-2000")
    >>> {band: round(share, 6) for (band,), share in found.shares.items()}
    {'20-39': 0.396579, '40-59': 0.371795, '60+': 0.231626}
    """
    known = _published()
    if name not in known:
        raise EstimationError(
            unknown(
                "there is no standard population",
                name,
                known,
                f"All: {', '.join(known)}; or your own: {_EXAMPLE}",
            )
        )
    entry = known[name]
    ends = [*bands[1:], until]
    _require_ages(name, entry["ages"], [age for age in (*bands, until) if age is not None])
    people = [_between(entry, low, high) for low, high in zip(bands, ends, strict=True)]
    labels = [_label(low, high) for low, high in zip(bands, ends, strict=True)]
    shares: dict[tuple[str, ...], float] = {
        (label,): count / sum(people) for label, count in zip(labels, people, strict=True)
    }
    return Standard(entry["label"], (variable,), shares, tuple(map(float, bands)), until, entry["citation"])


def as_standard(asked: Any) -> Standard:
    """Read what was given to `standardise=`.

    Parameters
    ----------
    asked
        A `Standard`, the name of a published one (in bands of adults), or {variable: {level: people}}; for a
        standard of several variables {("age_group", "sex"): {("20-39", "male"): people, ...}}.

    Returns
    -------
    Standard
        The standard.

    Raises
    ------
    EstimationError
        If it is none of these.

    Examples
    --------
    >>> as_standard({"sex": {"male": 1, "female": 3}}).shares
    {('male',): 0.25, ('female',): 0.75}
    """
    if isinstance(asked, Standard):
        return asked
    if isinstance(asked, str):
        return standard(asked)
    if (
        not isinstance(asked, Mapping)
        or len(asked) != 1
        or not isinstance(next(iter(asked.values())), Mapping)
    ):
        raise EstimationError(
            f"'standardise' takes tk.standard(...), a standard's name ({', '.join(_published())}), or people "
            f"by level: {_EXAMPLE}."
        )
    ((given, people),) = asked.items()
    variables = given if isinstance(given, tuple) else (given,)
    counts = {key if isinstance(key, tuple) else (str(key),): float(n) for key, n in people.items()}
    _require_counts(variables, counts)
    size = sum(counts.values())
    return Standard("a standard of one's own", variables, {key: n / size for key, n in counts.items()})


@cache
def _published() -> dict[str, dict[str, Any]]:
    return tomllib.loads((shipped("datasets") / "standards.toml").read_text(encoding="utf-8"))


def _require_ages(name: str, ages: Sequence[int], asked: Sequence[int]) -> None:
    wrong = [age for age in asked if age not in ages]
    if wrong:
        near = sorted(ages, key=lambda age: (abs(age - wrong[0]), age))[:2]
        raise EstimationError(
            f"no group of the standard '{name}' begins at {wrong[0]}: they begin at "
            f"{', '.join(map(str, ages))}. Take {min(near)} or {max(near)}, and narrow the domain to it."
        )
    if not asked or list(asked) != sorted(set(asked)):
        raise EstimationError("age bands must rise: tk.standard('us-2000', bands=(20, 40, 60)).")


def _between(entry: Mapping[str, Any], low: int, high: int | None) -> float:
    pairs = zip(entry["ages"], entry["people"], strict=True)
    return float(sum(count for age, count in pairs if low <= age and (high is None or age < high)))


def _label(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else f"{low}-{high - 1}"


def _require_counts(variables: tuple[Any, ...], counts: Mapping[tuple[Any, ...], float]) -> None:
    uneven = [key for key in counts if len(key) != len(variables)]
    if not counts or uneven or min(counts.values()) <= 0:
        raise EstimationError(
            f"a standard needs a number above 0 for each level of {', '.join(map(str, variables))}. "
            f"Write it so: {_EXAMPLE}."
        )
