"""Read the parts of a formula that speak of time and of strata, as R writes them.

Takes "Surv(entry, time, event) ~ sex + strata(region)"; gives the plain formula "event ~ sex" and what was
taken out of it.
"""

import re
from dataclasses import dataclass

from toolkit.errors import VariableError

_SURV = re.compile(r"^\s*Surv\s*\(([^()]*)\)\s*$")
_STRATA = re.compile(r"(?P<sign>^|[+*:/-])\s*strata\s*\((?P<names>[^()]*)\)\s*(?P<after>[*:/]?)")
EXAMPLE = "tk.model(study, 'Surv(first_cramp_days, first_cramp) ~ age + sex', family='cox')"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out of a formula.

    Attributes
    ----------
    formula
        What is left, with the event as its outcome.
    time, entry
        The end of observation and its beginning; None where there is none.
    strata
        Names within strata(...).
    """

    formula: str
    time: str | None = None
    entry: str | None = None
    strata: tuple[str, ...] = ()


def take_time(formula: str) -> Taken:
    """Take Surv(...) and strata(...) out of a formula.

    Parameters
    ----------
    formula
        Left of ~ perhaps "Surv(time, event)" or "Surv(entry, time, event)"; right of it perhaps
        "strata(a, b)" among the terms.

    Returns
    -------
    Taken
        The plain formula and the parts.

    Raises
    ------
    VariableError
        If Surv or strata is not written so.

    Examples
    --------
    >>> take_time("Surv(days, cramp) ~ age + strata(sex)")
    Taken(formula='cramp ~ age', time='days', entry=None, strata=('sex',))
    """
    left, tilde, right = formula.partition("~")
    right, strata = _without_strata(right, formula)
    plain = f"{left}{tilde} {right}" if strata else formula
    if "Surv" not in left:
        return Taken(plain, strata=strata)
    found = _SURV.match(left)
    names = [name.strip() for name in found[1].split(",")] if found else []
    if len(names) not in (2, 3) or not all(name.isidentifier() for name in names):
        raise VariableError(
            f"'{left.strip()}' cannot be read. Write Surv(time, event), or Surv(entry, time, event) where "
            f"observation began late. Example: {EXAMPLE}."
        )
    *entry, time, event = names
    return Taken(f"{event} ~ {right.strip()}", time, entry[0] if entry else None, strata)


def _without_strata(right: str, formula: str) -> tuple[str, tuple[str, ...]]:
    names: list[str] = []
    for found in _STRATA.finditer(right):
        own = [name.strip() for name in found["names"].split(",")]
        if found["sign"] not in ("", "+") or found["after"] or not all(n.isidentifier() for n in own):
            raise VariableError(
                f"strata(...) in '{formula}' is a term of its own with names alone: "
                f"... + strata(sex, region). Example: {EXAMPLE}."
            )
        names += own
    left = _STRATA.sub("", right).strip().lstrip("+").strip()
    return (left or "1") if names else right, tuple(dict.fromkeys(names))
