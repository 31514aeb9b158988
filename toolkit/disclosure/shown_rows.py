"""Withhold of result rows and flows what both rules hide, and what gives it back within their table."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import polars as pl

from toolkit.disclosure.policies import Policy, policy_of, rounding_unit, second_hidden
from toolkit.errors import RARE, leave_out_rare

# The first columns of a multiverse, before those of its choices: what may be compared, and the number.
MULTIVERSE = ("comparison", "specification")
UNRELIABLE = ("suppress", "failed")
WITHHELD = "withheld"
_NUMBERS = (
    "estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value", "n_effective", "deff",
    "missing_information", "p_question", "p_holm", "p_bh",
)  # fmt: skip
_COUNTS = ("n", "n_cases", "n_missing")
# What tells rows apart, besides the columns of `by`; the other texts of a row describe it.
_IDENTITY = ("study", "domain", "estimand", "outcome", "exposure", "level", "reference", "adjust")
_DESCRIBING = (
    "outcome_label", "exposure_label", "level_label", "scale", "weight", "variance", "reliability", "reason",
    "plan_status", "plan_question", "plan_family",
)  # fmt: skip
# Columns that may name a level; those of prose may name it in quotes.
_NAMING = ("level", "level_label", "reference", "outcome_label", "exposure_label", "domain", "reason")
_PROSE = {"domain", "reason"}
# Estimands whose levels share the participants among them, so that the cases of all add up to n.
SHARES = ("prevalence", "standardised_prevalence", "people", "missing")
OUTCOME_LEVEL = "outcome_level"
_CRUDE = ("", "none")
FLOW = ("step", "reason", "n_left", "n_out")
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
_COUNTED = re.compile(
    r"(?:only )?\b(\d+) (?=(?:participants?|people|persons?|cases?|noncases?|events?|nights?|visits?)\b)"
)


def is_hidden(row: Mapping[str, Any]) -> bool:
    """Return whether a row has no numbers because one of the two rules applies to it."""
    marked = row["reliability"] in (*UNRELIABLE, WITHHELD)
    return bool(marked and row["estimate"] is None and row["statistic"] is None)


def is_suppressed(row: Mapping[str, Any]) -> bool:
    """Return whether a row has an estimate that is not shown, rather than none."""
    return is_hidden(row) and row["reliability"] != "failed"


def withhold(frame: pl.DataFrame) -> pl.DataFrame:
    """Return result rows or a flow without what is hidden; the counts that remain are exact."""
    if set(FLOW) <= set(frame.columns):
        return _withhold_steps(frame)
    if frame.is_empty() or not {"study", "reliability", "reason", *_COUNTS} <= set(frame.columns):
        return frame
    plain = pl.DataFrame(frame)
    return _Rows(plain).shown()


class _Rows:
    """Result rows with, for each, whether its numbers, its cases and its size are hidden."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame, self.rows = frame, frame.rows(named=True)
        self.totals: dict[str, Counter[tuple[Any, ...]]] = {}  # participants of each group or level, by axis
        self.left_out: dict[str, str] = {}  # texts without names of rare levels
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        self.by = [name for name in texts if name not in (*_IDENTITY, *_DESCRIBING)]
        found = {text: policy_of(text) for text in frame["study"].unique()}
        self.policies = [found[row["study"]] for row in self.rows]
        self.rare = [self._rare_texts(*pair) for pair in zip(self.rows, self.policies, strict=True)]
        self.unreliable = [row["reliability"] in UNRELIABLE for row in self.rows]
        self.sizes = [p.hides(row["n"]) for row, p in zip(self.rows, self.policies, strict=True)]
        self.small = [
            row["reliability"] == WITHHELD
            or size
            or bool(rare.keys() - _PROSE)
            or _has_small_cases(row, policy)
            for row, policy, size, rare in zip(self.rows, self.policies, self.sizes, self.rare, strict=True)
        ]
        # Nobody is a case in an empty group.
        lost = zip(self.small, self.unreliable, self.rows, strict=True)
        self.cases = [small or (unfit and row["n"] != 0) for small, unfit, row in lost]

    def _rare_texts(self, row: Mapping[str, Any], policy: Policy) -> dict[str, str]:
        """Map the columns that name a rare level to what they say in its place."""
        if not policy.rare:
            return {}
        words = {row["outcome"], *re.findall(r"\w+", row["exposure"] or "")}
        own = {level for name in words & policy.rare.keys() for level in policy.rare[name]}
        # The levels of an outcome are in a column of groups, of another name than the outcome.
        found = {
            name: RARE
            for name in self.by
            if row[name] in policy.rare.get(name, own if name == OUTCOME_LEVEL else ())
        }
        if compared := row.get(MULTIVERSE[0]):  # "region: north vs isles", in a column of groups
            names = "|".join(map(re.escape, sorted(policy.rare_names, key=len, reverse=True)))
            if (text := re.sub(rf"(?<!\w)(?:{names})(?!\w)", RARE, compared)) != compared:
                found[MULTIVERSE[0]] = text
        for name in _NAMING:
            text = row[name] or ""
            named = text in own or (row["exposure"] not in policy.rare and text in policy.rare_names)
            if name not in _PROSE and named:
                found[name] = RARE
                continue
            if text not in self.left_out:
                self.left_out[text] = leave_out_rare(text, policy.pairs)
            if self.left_out[text] != text:
                found[name] = self.left_out[text]
        return found

    def shown(self) -> pl.DataFrame:
        """Hide what both rules hide, and what gives it back by subtraction."""
        margins = list(self._margins())
        for protect in (self._protect_small, self._protect_unreliable):
            changed = True  # A row may belong to several margins.
            while changed:
                changed = sum(protect(*margin) for margin in margins) > 0
        frame = self.frame
        close = self._find_close()
        self.sizes = [own or near for own, near in zip(self.sizes, close, strict=True)]
        self.cases = [own or near for own, near in zip(self.cases, close, strict=True)]
        numbers = [any(pair) for pair in zip(self.small, self.unreliable, strict=True)]
        gaps = [p.hides(row["n_missing"]) for row, p in zip(self.rows, self.policies, strict=True)]
        missing = [gap or near for gap, near in zip(gaps, close, strict=True)]
        masks = dict.fromkeys((name for name in _NUMBERS if name in frame.columns), numbers)
        masks |= {"n_cases": self.cases, "n": self.sizes, "n_missing": missing}
        # Without a design the degrees of freedom are the participants with and without a value, less one.
        free = [row["weight"] in (None, "none") for row in self.rows]
        lost = zip(self.sizes, missing, free, strict=True)
        masks["df"] = [size or (gap and plain) for size, gap, plain in lost]
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
                if name not in changed:
                    changed[name] = [row[name] for row in self.rows]
                if name != "reason":
                    changed[name][at] = text
        return [pl.Series(name, texts, pl.String) for name, texts in changed.items()]

    def _reason(self, at: int) -> str | None:
        row, policy = self.rows[at], self.policies[at]
        given: str | None = row["reason"]
        if self.small[at]:
            if row["reliability"] == WITHHELD and row["estimate"] is None:
                return given
            return f"it would show or give back a count of fewer than {policy.smallest_cell} participants"
        reason = self.rare[at].get("reason", given)
        if reason and self.unreliable[at]:
            for pattern, text in _REASONS:
                reason = re.sub(pattern, text, reason)
        if reason and policy.smallest_cell:
            reason = _COUNTED.sub(lambda found: _fewer(found, policy), reason)
        return reason

    def _margins(self) -> Iterable[tuple[str, str, list[int]]]:
        """Yield rows that share the participants of a margin among them: groups, or levels of an outcome."""
        names = [*self.by, *(name for name in _IDENTITY if name != "domain")]
        for axis in (*self.by, "level"):
            lines: dict[tuple[Any, ...], list[int]] = {}
            for at, row in enumerate(self.rows):
                if row[axis] is not None and row["n"] != 0 and (axis != "level" or row["estimand"] in SHARES):
                    lines.setdefault(tuple(row[name] for name in names if name != axis), []).append(at)
            for line in lines.values():
                if len(line) > 1:
                    yield "n_cases", axis, line
                    if axis != "level":
                        yield "n", axis, line

    def _find_close(self) -> list[bool]:
        """Mark specifications of nearly the same participants, whose counts tell of few by subtraction."""
        if self.frame.columns[: len(MULTIVERSE)] != list(MULTIVERSE):
            return [False] * len(self.rows)
        groups: dict[str, dict[int, Policy]] = {}
        keys = [[("n", row["n"]), (row["outcome"], row["n_cases"])] for row in self.rows]
        for own, policy in zip(keys, self.policies, strict=True):
            for group, count in own:
                groups.setdefault(group, {}).setdefault(count or 0, policy)
        close = {
            (group, count)
            for group, counts in groups.items()
            for pair in pairwise(sorted(counts))
            if counts[pair[0]].hides(pair[1] - pair[0])
            for count in pair
        }
        return [any((group, count or 0) in close for group, count in own) for own in keys]

    def _protect_small(self, column: str, axis: str, line: list[int]) -> bool:
        """Withhold a second row of a margin where one alone is withheld; return whether there was one.

        The second is of the smallest group, whatever its cases are, so that a table and the same table with
        rows and columns exchanged withhold the same cells.
        """
        hidden = self.small if column == "n_cases" else self.sizes
        lost = [at for at in line if hidden[at]]
        others = [at for at in line if not hidden[at] and self.rows[at][column] is not None]
        if len(lost) != 1 or not others:
            return False
        chosen = min(others, key=lambda at: (self.rows[at][column] == 0, *self._size(axis, at)))
        hidden[chosen] = self.cases[chosen] = self.small[chosen] = True
        return True

    def _size(self, axis: str, at: int) -> tuple[int, str]:
        """Count the participants of a group or level in all rows of an estimand, and name it."""
        own, column = self.rows[at], "n_cases" if axis == "level" else "n"
        same = (axis, "estimand", "outcome", *(("level",) if axis != "level" else ()))
        if axis not in self.totals:
            found = self.totals[axis] = Counter[tuple[Any, ...]]()
            for row in self.rows:
                found[tuple(row[name] for name in same)] += row[column] or 0
        return self.totals[axis][tuple(own[name] for name in same)], str(own[axis])

    def _protect_unreliable(self, column: str, axis: str, line: list[int]) -> bool:  # noqa: ARG002
        """Hide the cases of a second row of a margin where those of one alone are hidden."""
        if column != "n_cases":
            return False
        lost = [at for at in line if self.cases[at] or self.rows[at][column] is None]
        known = [at for at in line if at not in lost]
        if len(lost) != 1 or not known or not self.cases[lost[0]]:
            return False
        chosen = min(known, key=lambda at: (self.rows[at][column] == 0, self.rows[at][column]))
        self.cases[chosen] = True
        return True


def _has_small_cases(row: Mapping[str, Any], policy: Policy) -> bool:
    """Return whether few participants are cases or noncases, or are a cell of a crude comparison."""
    n, cases = row["n"], row["n_cases"]
    if cases is not None and (policy.hides(cases) or (n is not None and policy.hides(n - cases))):
        return True
    # Without covariates a ratio of two groups and the numbers of each give back the cases of both.
    crude = row["exposure"] and (row["adjust"] or "") in _CRUDE
    return bool(crude and any(policy.hides(int(count)) for count in _COUNTED.findall(row["reason"] or "")))


def _fewer(found: re.Match[str], policy: Policy) -> str:
    return f"fewer than {policy.smallest_cell} " if policy.hides(int(found[1])) else found[0]


def _withhold_steps(flow: pl.DataFrame) -> pl.DataFrame:
    """Hide small exclusions of a flow, and the counts of those remaining that give them back."""
    if flow.is_empty():
        return flow
    study = study_of_flow(flow)
    policy = policy_of(study)
    pairs, rows = policy.pairs, flow.rows(named=True)
    texts = [
        pl.Series(name, [leave_out_rare(row[name] or "", pairs) if pairs else row[name] for row in rows])
        for name in ("step", "reason")
    ]
    hidden = {at for at, row in enumerate(rows) if policy.hides(row["n_out"])}
    if not hidden and not any(policy.hides(row["n_left"]) for row in rows):
        return pl.DataFrame(flow).with_columns(*texts)
    if rounding_unit(study):  # Rounded counts give nothing back.
        shown = {n: [None if policy.hides(row[n]) else row[n] for row in rows] for n in ("n_left", "n_out")}
        columns = [pl.Series(name, values, pl.Int64) for name, values in shown.items()]
        return pl.DataFrame(flow).with_columns(*texts, *columns)
    hidden |= second_hidden({at: row["n_out"] for at, row in enumerate(rows)}, hidden)
    first, last = min(hidden, default=len(rows)), max(hidden, default=-1)
    out = [None if at in hidden else row["n_out"] for at, row in enumerate(rows)]
    # Those at the start less those at the end are all who were excluded.
    start = policy.hides(sum(rows[at]["n_out"] for at in hidden))
    left = [
        None if (start and at < last) or first <= at < last or policy.hides(row["n_left"]) else row["n_left"]
        for at, row in enumerate(rows)
    ]
    counts = pl.Series("n_out", out, pl.Int64), pl.Series("n_left", left, pl.Int64)
    return pl.DataFrame(flow).with_columns(*texts, *counts)


def study_of_flow(flow: pl.DataFrame) -> str:
    """Return the study that the first step of a flow names."""
    return str(flow["step"][0] or "").removeprefix(_PARTICIPANTS)
