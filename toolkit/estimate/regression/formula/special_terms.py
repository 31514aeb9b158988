"""Read the parts of a formula that speak of time and of strata, as R writes them.

Takes "Surv(entry, time, event) ~ sex + strata(region)"; gives the plain formula "event ~ sex" and what was
taken out of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import VariableError
from toolkit.estimate.regression.formula.factors import Token, quoted, tokens

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
                f"strata(...) in '{formula}' is a term of its own with names alone: "
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
