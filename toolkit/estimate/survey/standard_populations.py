"""Standard populations for direct standardization: published ones by age, or the user's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from toolkit.errors import EstimationError, unknown
from toolkit.files.checked_toml import Checked, read_toml, shipped

# Age groups of adults, as the National Center for Health Statistics adjusts NHANES (Klein and Schoenborn).
ADULTS = (20, 40, 60)
_EXAMPLE = "standardize={'age_group': {'20-39': 77670, '40-59': 72816, '60+': 45364}}"


@dataclass(frozen=True)
class Standard:
    """A standard population: the shares by which estimates of groups are weighted.

    Attributes
    ----------
    label
        Its name: "2000 US standard population".
    variables
        The variables that define its groups: "age", or categorical variables.
    shares
        Level (one of each variable) to its share of the population; they sum to 1.
    starts
        Lower limits of the bands of a continuous variable; () for categorical ones. The last band is open
        unless `until` is given.
    until
        Upper limit of the last band; None if it is open.
    citation
        Its publication; "" for the user's own.

    Examples
    --------
    >>> import toolkit as tk
    >>> shares = {("20-39",): 0.5, ("40+",): 0.5}
    >>> tk.survey.Standard("half and half", ("age",), shares, starts=(20.0, 40.0)).label
    'half and half'
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
    """Return a published standard population in age bands.

    Parameters
    ----------
    name
        "us-2000", "who" (2000-2025) or "europe-2013".
    bands
        Lower limits of the bands, such as (20, 40, 60) for 20-39, 40-59 and 60 and over. Each must be an age
        at which a group of the published standard begins.
    variable
        The variable for age in years.
    until
        Upper limit of the last band, such as 65 for the working ages; None for an open band.

    Returns
    -------
    Standard
        With the share of each band and its citation.

    Raises
    ------
    EstimationError
        If the standard is unknown, or its groups cannot form the bands.

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
                "Unknown standard population",
                name,
                known,
                f"Use one of {', '.join(known)}, or your own: {_EXAMPLE}",
            )
        )
    entry = known[name]
    ends = [*bands[1:], until]
    _require_ages(name, entry.ages, [age for age in (*bands, until) if age is not None])
    people = [_between(entry, low, high) for low, high in zip(bands, ends, strict=True)]
    labels = [_label(low, high) for low, high in zip(bands, ends, strict=True)]
    shares: dict[tuple[str, ...], float] = {
        (label,): count / sum(people) for label, count in zip(labels, people, strict=True)
    }
    return Standard(entry.label, (variable,), shares, tuple(map(float, bands)), until, entry.citation)


def as_standard(asked: Any) -> Standard:
    """Convert the argument of `standardize=` to a `Standard`."""
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
            f"'standardize' takes tk.standard(...), a standard's name ({', '.join(_published())}), or people "
            f"by level: {_EXAMPLE}."
        )
    ((given, people),) = asked.items()
    variables = given if isinstance(given, tuple) else (given,)
    counts = {key if isinstance(key, tuple) else (str(key),): float(n) for key, n in people.items()}
    _require_counts(variables, counts)
    size = sum(counts.values())
    return Standard("a standard of one's own", variables, {key: n / size for key, n in counts.items()})


class _Published(Checked):
    label: str
    citation: str
    ages: tuple[int, ...]
    people: tuple[float, ...]


@cache
def _published() -> dict[str, _Published]:
    return read_toml(shipped("datasets") / "standards.toml", dict[str, _Published])


def _require_ages(name: str, ages: Sequence[int], asked: Sequence[int]) -> None:
    wrong = [age for age in asked if age not in ages]
    if wrong:
        near = sorted(ages, key=lambda age: (abs(age - wrong[0]), age))[:2]
        raise EstimationError(
            f"No group of the standard '{name}' begins at age {wrong[0]}. Its groups begin at "
            f"{', '.join(map(str, ages))}. Use {min(near)} or {max(near)}, and restrict the domain to it."
        )
    if not asked or list(asked) != sorted(set(asked)):
        raise EstimationError(
            "Age bands must be in ascending order, as in tk.standard('us-2000', bands=(20, 40, 60))."
        )


def _between(entry: _Published, low: int, high: int | None) -> float:
    pairs = zip(entry.ages, entry.people, strict=True)
    return float(sum(count for age, count in pairs if low <= age and (high is None or age < high)))


def _label(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else f"{low}-{high - 1}"


def _require_counts(variables: tuple[Any, ...], counts: Mapping[tuple[Any, ...], float]) -> None:
    uneven = [key for key in counts if len(key) != len(variables)]
    if not counts or uneven or min(counts.values()) <= 0:
        raise EstimationError(
            f"A standard needs a number above 0 for each level of {', '.join(map(str, variables))}. "
            f"Write it as {_EXAMPLE}."
        )
