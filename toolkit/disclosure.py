"""Decide what of a frame may leave the analyst's session, by two rules that are kept apart.

Reliability: an estimate that fails the presentation standards (`suppress`, `failed`) leaves without its
numbers, its number of cases and the complement of these; the size of its group stays. Small cells: counts
from 1 to k - 1 leave with nothing that gives them back by subtraction, for the threshold k of the study (0
for none). Every chart, table, sentence, printed result and file takes its frame from `show`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import finalize

import polars as pl

from toolkit.errors import RARE, RARE_NAMES, join_list, leave_out_rare, unknown

SMALLEST_CELL = 5  # of a study that does not declare its own
UNRELIABLE = ("suppress", "failed")
WITHHELD = "withheld"
_SHORTEST = 4  # letters of a name that is looked for inside of texts
_NUMBERS = (
    "estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value", "n_effective", "deff",
    "missing_information",
)  # fmt: skip
_COUNTS = ("n", "n_cases", "n_missing")
# What tells rows apart, besides the columns of `by`; the other texts of a row describe it.
_IDENTITY = ("study", "domain", "estimand", "outcome", "exposure", "level", "reference", "adjust")
_DESCRIBING = (
    "outcome_label", "exposure_label", "level_label", "scale", "weight", "variance", "reliability", "reason",
)  # fmt: skip
# Estimands whose levels share the participants among them, so that the cases of all add up to n.
_SHARES = ("prevalence", "standardised_prevalence", "people", "missing")
_FLOW = ("step", "reason", "n_left", "n_out")
_PARTICIPANTS = "participants in "  # begins the first step of a flow, before the name of the study
# Reasons of the standards name a number from which the hidden count or estimate follows.
_REASONS = (
    (r"only [\d,]+ participants counted, fewer than (\d+)", r"fewer than \1 participants counted"),
    (r"only [\d,.]+ events, fewer than (\d+)", r"fewer than \1 events"),
    (r"effective sample size [\d,.]+, below", "effective sample size below"),
    (r"interval [\d,]+ percentage points wide, (\d+) or more", r"interval \1 percentage points wide or more"),
    (r"interval [\d,.]+ times as wide as the estimate, above ([\d.]+)",
     r"interval more than \1 times as wide as the estimate"),
    (r"standard error (?:[\d,.]+%|many times) of the estimate, (\d+%) or more",
     r"standard error \1 of the estimate or more"),
)  # fmt: skip
_COUNTED = re.compile(r"(?:only )?\b(\d+) (?=participants?\b|people\b|persons?\b|cases?\b|events?\b)")


@dataclass(frozen=True)
class Policy:
    """What a study allows: the smallest count that may be shown, and the levels of fewer people."""

    smallest_cell: int = SMALLEST_CELL
    rare: Mapping[str, Collection[str]] = field(default_factory=dict)  # by variable

    def hides(self, count: int | None) -> bool:
        """Return whether a count is too small to be shown."""
        return count is not None and 0 < count < self.smallest_cell


# The policies of the studies of this session by the name that rows have in the column `study`, and the rare
# levels by all levels of their variable: rows and level lists outlive the study that they are of.
_POLICIES: dict[str, Policy] = {}
_RARE: dict[tuple[str, ...], Counter[str]] = {}


def declare_policy(study: str, policy: Policy) -> None:
    """Declare the policy of a study by its name in result rows; of two of one name the stricter applies."""
    known = _POLICIES.get(study)
    if known is None or known == policy:
        _POLICIES[study] = policy
        return
    rare = {n: {*known.rare.get(n, ()), *policy.rare.get(n, ())} for n in {**known.rare, **policy.rare}}
    _POLICIES[study] = Policy(max(known.smallest_cell, policy.smallest_cell), rare)


def policy_of(study: str | None) -> Policy:
    """Return the policy of a study: for an unknown name the strict one, unless its people are simulated."""
    if study in _POLICIES:
        return _POLICIES[study]
    return Policy(0) if "simulated" in (study or "").lower() else Policy()


def declare_rare_levels(
    study: object, levels: Sequence[str], rare: Collection[str], variables: Collection[str]
) -> None:
    """Remember the levels of a variable that too few people have, while their study is in memory."""
    if rare:
        names = [name for name in rare if len(name) >= _SHORTEST and name not in variables]
        for known, found in ((_RARE.setdefault(tuple(levels), Counter()), rare), (RARE_NAMES, names)):
            known.update(found)
            finalize(study, _forget, known, tuple(found))


def _forget(known: Counter[str], names: tuple[str, ...]) -> None:
    for name in names:
        known[name] -= 1
        if not known[name]:
            del known[name]


def list_levels(levels: Sequence[str], most: int = 12, mark: str = "'") -> str:
    """List the levels of a variable in quotes for a message, without those of few people."""
    common = common_levels(levels)
    rare, more = len(levels) - len(common), len(common) - most
    quoted = [f"{mark}{level}{mark}" for level in common[:most]]
    quoted += [f"{more} more"] * (more > 0) + [f"{rare} {RARE}{'s' * (rare > 1)}"] * (rare > 0)
    return join_list(quoted) if more > 0 or rare else ", ".join(quoted)


def common_levels(levels: Iterable[str]) -> tuple[str, ...]:
    """Return the levels of a variable that may be listed."""
    every = tuple(levels)
    return tuple(level for level in every if level not in _RARE.get(every, ()))


def unknown_level(what: str, level: object, levels: Iterable[str]) -> str:
    """Compose the message for an unknown level, with the nearest and all that may be listed."""
    every = tuple(levels)
    return unknown(what, str(level), common_levels(every), f"Levels: {list_levels(every)}")


def is_hidden(row: Mapping[str, Any]) -> bool:
    """Return whether a row has no numbers because one of the two rules applies to it."""
    marked = row["reliability"] in (*UNRELIABLE, WITHHELD)
    return bool(marked and row["estimate"] is None and row["statistic"] is None)


def is_suppressed(row: Mapping[str, Any]) -> bool:
    """Return whether a row has an estimate that is not shown, rather than none."""
    return is_hidden(row) and row["reliability"] != "failed"


def show(frame: pl.DataFrame) -> pl.DataFrame:
    """Return result rows or a flow as they may be shown; any other frame is returned as it is."""
    if set(_FLOW) <= set(frame.columns):
        return _show_flow(frame)
    if frame.is_empty() or not {"study", "reliability", "reason", *_COUNTS} <= set(frame.columns):
        return frame
    plain = pl.DataFrame(frame)
    return _Rows(plain).shown()


class _Rows:
    """Result rows with, for each, whether its numbers, its cases and its size are hidden."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame, self.rows = frame, frame.rows(named=True)
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        self.by = [name for name in texts if name not in (*_IDENTITY, *_DESCRIBING)]
        found = {text: policy_of(text) for text in frame["study"].unique()}
        self.policies = [found[row["study"]] for row in self.rows]
        self.rare = [self._rare_texts(*pair) for pair in zip(self.rows, self.policies, strict=True)]
        self.unreliable = [row["reliability"] in UNRELIABLE for row in self.rows]
        self.sizes = [p.hides(row["n"]) for row, p in zip(self.rows, self.policies, strict=True)]
        self.small = [
            row["reliability"] == WITHHELD or size or bool(rare) or self._has_small_cases(row, policy)
            for row, policy, size, rare in zip(self.rows, self.policies, self.sizes, self.rare, strict=True)
        ]
        # Nobody is a case in an empty group.
        lost = zip(self.small, self.unreliable, self.rows, strict=True)
        self.cases = [small or (unfit and row["n"] != 0) for small, unfit, row in lost]

    def _rare_texts(self, row: Mapping[str, Any], policy: Policy) -> dict[str, str]:
        """Map the columns that name a rare level to what they say in its place."""
        if not policy.rare:
            return {}
        every = {level for levels in policy.rare.values() for level in levels}
        long = [level for level in every if len(level) >= _SHORTEST]
        found = {name: RARE for name in self.by if row[name] in policy.rare.get(name, ())}
        variables = {row["outcome"], *re.findall(r"\w+", row["exposure"] or "")}
        own = {level for name in variables if name for level in policy.rare.get(name, ())}
        for name in ("level", "level_label", "reference", "outcome_label", "exposure_label", "reason"):
            text = row[name] or ""
            if text in own or (name != "reason" and text in every and row["exposure"] not in policy.rare):
                found[name] = RARE
            elif long and (changed := leave_out_rare(text, long)) != text:
                found[name] = changed
        return found

    def _has_small_cases(self, row: Mapping[str, Any], policy: Policy) -> bool:
        n, cases = row["n"], row["n_cases"]
        if cases is None:
            return False
        return policy.hides(cases) or (n is not None and policy.hides(n - cases))

    def shown(self) -> pl.DataFrame:
        """Hide what both rules hide, and what gives it back by subtraction."""
        margins = list(self._margins())
        while any(self._protect(*margin) for margin in margins):
            pass  # A row may belong to several margins.
        frame = self.frame
        numbers = [any(pair) for pair in zip(self.small, self.unreliable, strict=True)]
        missing = [p.hides(row["n_missing"]) for row, p in zip(self.rows, self.policies, strict=True)]
        masks = dict.fromkeys((name for name in _NUMBERS if name in frame.columns), numbers)
        masks |= {"n_cases": self.cases, "n": self.sizes, "n_missing": missing}
        hidden = [
            pl.when(~pl.Series(mask, dtype=pl.Boolean)).then(pl.col(name)).alias(name)
            for name, mask in masks.items()
            if any(mask)
        ]
        return frame.with_columns(*hidden, *self._texts())

    def _texts(self) -> list[pl.Series]:
        """Reword the reasons, and leave out the names of rare levels."""
        own = [row["reliability"] for row in self.rows]
        changed: dict[str, list[str | None]] = {
            "reliability": [WITHHELD if hide else old for hide, old in zip(self.small, own, strict=True)],
            "reason": [self._reason(at) for at in range(len(self.rows))],
        }
        for at, texts in enumerate(self.rare):
            for name, text in texts.items():
                if name != "reason":
                    changed.setdefault(name, [row[name] for row in self.rows])[at] = text
        return [pl.Series(name, texts, pl.String) for name, texts in changed.items()]

    def _reason(self, at: int) -> str | None:
        row, policy = self.rows[at], self.policies[at]
        given: str | None = row["reason"]
        if self.small[at]:
            if row["reliability"] == WITHHELD:
                return given
            return f"it would show or give back a count of fewer than {policy.smallest_cell} participants"
        reason = self.rare[at].get("reason", given)
        if reason and self.unreliable[at]:
            for pattern, text in _REASONS:
                reason = re.sub(pattern, text, reason)
        if reason and policy.smallest_cell:
            reason = _COUNTED.sub(lambda found: _fewer(found, policy), reason)
        return reason

    def _margins(self) -> Iterable[tuple[str, list[int], list[bool]]]:
        """Yield rows that share the participants of a margin among them: groups, or levels of an outcome."""
        names = [*self.by, *(name for name in _IDENTITY if name != "domain")]
        for axis in (*self.by, "level"):
            lines: dict[tuple[Any, ...], list[int]] = {}
            for at, row in enumerate(self.rows):
                if (
                    row[axis] is not None
                    and row["n"] != 0
                    and (axis != "level" or row["estimand"] in _SHARES)
                ):
                    lines.setdefault(tuple(row[name] for name in names if name != axis), []).append(at)
            for line in lines.values():
                if len(line) > 1:
                    yield "n_cases", line, self.cases
                    if axis != "level":
                        yield "n", line, self.sizes

    def _protect(self, column: str, line: list[int], hidden: list[bool]) -> bool:
        """Hide a second count of a margin where one alone is hidden; return whether there was one."""
        lost = [at for at in line if hidden[at] or self.rows[at][column] is None]
        known = [at for at in line if at not in lost]
        if len(lost) != 1 or not known or not hidden[lost[0]]:
            return False
        chosen = min(known, key=lambda at: (self.rows[at][column] == 0, self.rows[at][column]))
        hidden[chosen] = self.cases[chosen] = True
        self.small[chosen] |= self.small[lost[0]]
        return True


def small_counts(counts: pl.DataFrame, smallest: int, margin: Sequence[str] = ()) -> pl.Series:
    """Mark the counts `n` below a threshold and, of the rows of a margin, a second one besides one alone."""
    policy, rows = Policy(smallest), counts.rows(named=True)
    hidden = [policy.hides(row["n"]) for row in rows]
    lines: dict[tuple[Any, ...], list[int]] = {}
    for at, row in enumerate(rows if margin else ()):
        lines.setdefault(tuple(row[name] for name in margin), []).append(at)
    for line in lines.values():
        for at in _second_hidden({at: rows[at]["n"] for at in line}, {at for at in line if hidden[at]}):
            hidden[at] = True
    return pl.Series(hidden, dtype=pl.Boolean)


def _second_hidden(counts: Mapping[int, int | None], hidden: Collection[int]) -> set[int]:
    """Choose the smallest other count where a single one is hidden, which their sum would give back."""
    others = {at: n for at, n in counts.items() if n and at not in hidden}
    return {min(others, key=others.__getitem__)} if len(hidden) == 1 and others else set()


def _fewer(found: re.Match[str], policy: Policy) -> str:
    return f"fewer than {policy.smallest_cell} " if policy.hides(int(found[1])) else found[0]


def _show_flow(flow: pl.DataFrame) -> pl.DataFrame:
    """Hide small exclusions of a flow, and the counts of those remaining that give them back."""
    if flow.is_empty():
        return flow
    rows = flow.rows(named=True)
    policy = policy_of(str(rows[0]["step"] or "").removeprefix(_PARTICIPANTS))
    hidden = {at for at, row in enumerate(rows) if policy.hides(row["n_out"])}
    if not hidden:
        return flow
    hidden |= _second_hidden({at: row["n_out"] for at, row in enumerate(rows)}, hidden)
    first, last = min(hidden), max(hidden)
    out = [None if at in hidden else row["n_out"] for at, row in enumerate(rows)]
    left = [
        None if first <= at < last or policy.hides(row["n_left"]) else row["n_left"]
        for at, row in enumerate(rows)
    ]
    counts = pl.Series("n_out", out, pl.Int64), pl.Series("n_left", left, pl.Int64)
    return pl.DataFrame(flow).with_columns(*counts)
