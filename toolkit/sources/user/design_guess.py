"""Guess the sampling design of a user's file, and write section [design]: declared, or what to ask."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from toolkit.sources.user.guesses import (
    GUESS,
    ReplicateWords,
    SamplingWords,
    fold_name,
    has_role,
    quote,
    words,
)
from toolkit.sources.user.profiles import Profile

ROLES = ("weight", "strata", "psu", "fpc")
_FEWEST = 8  # numbered columns that make a series of replicate weights
_FEWEST_UNNAMED = 20  # of them, where the name alone says no more than "weight"
_BODY = (25.0, 200.0)  # kg: a weight in this range may be body weight
_NUMBERED = re.compile(r"^(.*?)(\d+)(\D*)$")
_CLUSTERS = "If the sample is stratified and clustered: strata = 'column', psu = 'column'"


@dataclass(frozen=True)
class Found:
    """A column with a role in the design, and the reason."""

    column: Profile
    reason: str


@dataclass(frozen=True)
class Series:
    """Replicate weights named `head` number `tail`, their method if known, and absent numbers."""

    head: str
    tail: str
    columns: tuple[Profile, ...]
    words: ReplicateWords | None = None
    absent: tuple[int, ...] = ()


@dataclass
class _Design:
    """What has been found so far."""

    roles: dict[str, Found] = field(default_factory=dict)
    rivals: list[Profile] = field(default_factory=list)
    series: Series | None = None
    note: str = ""


def guess_design(
    columns: Sequence[Profile], frame: pl.DataFrame, person: str, mass: Profile | None
) -> tuple[str, frozenset[str]]:
    """Guess the section [design] and its columns; the ids and the body weight `mass` have no role in it."""
    free = [c for c in columns if c.name != person and c is not mass and not has_role(c, "person")]
    design = _Design(series=_find_series(free))
    taken = {c.name for c in design.series.columns} if design.series else set()
    free = [c for c in free if c.name not in taken and c.filled]
    _find_known_survey(design, free)
    _find_by_words(design, free, frame)
    _find_by_series(design, free)
    question = _question(design)
    lines = list(_undeclared(design, question) if question else _declared(design, frame))
    weight = design.roles.get("weight")
    roles = {} if weight and _ambiguous(weight) else design.roles
    used = taken | {found.column.name for found in roles.values()}
    if not question:
        used |= {rival.name for rival in design.rivals}
    return "\n".join(["[design]", *lines]), frozenset(used)


def has_design_role(column: Profile) -> bool:
    """Check whether name or label place a column in the design, so that it is not an id of persons."""
    surveys = ((*s.weight, *s.strata, *s.psu, *s.others) for s in words().surveys)
    return any(
        _is_named(words().sampling[role], column.name) or _is_labeled(role, column) for role in ROLES
    ) or any(_rank(patterns, column) is not None for patterns in surveys)


def _find_known_survey(design: _Design, columns: Sequence[Profile]) -> None:
    """Use the roles of the first well-known survey of which a weight and another column are present."""
    for survey in words().surveys:
        weights = [column for column in _match(survey.weight, columns) if _is_weight(column)]
        others = {
            key: next((c for c in _match(getattr(survey, key), columns) if c.different > 1), None)
            for key in ("strata", "psu")
        }
        series = survey.replicates and design.series and fold_name(design.series.head) in survey.replicates
        if not weights or not (any(others.values()) or series):
            continue
        first = [c for c in weights if _rank(survey.weight, c) == _rank(survey.weight, weights[0])]
        reason = f"by its name, as in files of {survey.name}"
        if len(first) == 1:
            design.roles["weight"] = Found(first[0], reason)
        design.roles |= {key: Found(column, reason) for key, column in others.items() if column}
        rest = [c for c in weights if c is not first[0]] if len(first) == 1 else weights
        design.rivals = [*rest, *(c for c in _match(survey.others, columns) if c not in weights)]
        design.note = survey.note
        return


def _match(patterns: Sequence[str], columns: Sequence[Profile]) -> list[Profile]:
    """Find columns by patterns, in their order; # is a number."""
    fitting = [column for column in columns if _rank(patterns, column) is not None]
    return sorted(fitting, key=lambda column: _rank(patterns, column) or 0)


def _rank(patterns: Sequence[str], column: Profile) -> int | None:
    name = column.name.lower()
    return next((i for i, pattern in enumerate(patterns) if _pattern(pattern).fullmatch(name)), None)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\#", r"\d+"))


def _find_by_words(design: _Design, columns: Sequence[Profile], frame: pl.DataFrame) -> None:
    """Find the roles that no well-known survey decided, by the usual words."""
    for role in ROLES:
        if role in design.roles or (role == "weight" and design.rivals):
            continue
        free = [c for c in columns if all(c is not found.column for found in design.roles.values())]
        fitting = [c for c in free if _is_candidate(role, c, frame)]
        named = [Found(c, "by its name") for c in fitting if _is_named(words().sampling[role], c.name)]
        labeled = [Found(c, "by the words of its label") for c in fitting if _is_labeled(role, c)]
        both = {found.column.name: found for found in (*labeled, *named)}
        if len(both) == 1:
            [design.roles[role]] = both.values()
        elif role == "weight":
            design.rivals = [found.column for found in both.values()]
        elif both:  # the first of two strata or stages, for a design of one stage
            design.roles[role] = next(iter(both.values()))
    if "weight" in design.roles and "psu" not in design.roles:
        usual = words().sampling["place"]
        places = [c for c in columns if _is_named(usual, c.name) and _is_candidate("psu", c, frame)]
        if places and all(places[0] is not found.column for found in design.roles.values()):
            reason = "by its name; declare the strata too if PSU numbers restart within strata"
            design.roles["psu"] = Found(places[0], reason)


@cache
def _composed_name(usual: SamplingWords) -> re.Pattern[str]:
    parts = (usual.before, usual.words, usual.after)
    return re.compile(
        "(?:{})*(?:{})(?:{})*[0-9]{{0,4}}".format(*("|".join(map(re.escape, p)) for p in parts))
    )


def _is_named(usual: SamplingWords, name: str) -> bool:
    folded = fold_name(name)
    if folded in usual.never or not folded:
        return False
    bare = folded.rstrip("0123456789") or folded
    composed = bool(usual.words) and bool(_composed_name(usual).fullmatch(folded))
    return folded in usual.names or bare in usual.names or composed


def _is_labeled(role: str, column: Profile) -> bool:
    usual = words().sampling[role]
    label = " ".join(["", *re.findall(r"\w+", column.label.lower()), ""])
    excluded = any(f" {word} " in label for word in usual.not_labels)
    return not excluded and any(f" {entry} " in label for entry in usual.labels)


def _is_candidate(role: str, column: Profile, frame: pl.DataFrame) -> bool:
    if fold_name(column.name) in words().identifiers["words"] or column.date_form:
        return False
    if role == "weight":
        return _is_weight(column) and not _numbers_rows(column, frame)
    if role == "fpc":
        return column.numeric and (column.low or 0) > 0
    grouped = role == "psu" or 2 * column.different <= column.filled
    return column.different > 1 and not column.unique and grouped


def _is_weight(column: Profile) -> bool:
    return column.numeric and (column.low or 0) >= 0


def _numbers_rows(column: Profile, frame: pl.DataFrame) -> bool:
    """Check whether a column numbers the rows, as an id does."""
    numbers = frame[column.name].cast(pl.Float64, strict=False).drop_nulls()
    if not column.unique or not len(numbers) or (numbers != numbers.round()).any():
        return False
    return float(numbers.max()) - float(numbers.min()) + 1 == len(numbers)  # type: ignore[arg-type]


def _find_series(columns: Sequence[Profile]) -> Series | None:
    """Find the longest series of numbered columns that look like replicate weights."""
    groups: dict[tuple[str, str], dict[int, Profile]] = {}
    for column in columns:
        parts = _NUMBERED.match(column.name)
        if parts and _is_weight(column):
            groups.setdefault((parts[1], parts[3]), {})[int(parts[2])] = column
    found = [s for ends, group in groups.items() if (s := _make_series(*ends, group))]
    return max(found, key=lambda series: len(series.columns), default=None)


def _make_series(head: str, tail: str, group: Mapping[int, Profile]) -> Series | None:
    numbers = sorted(number for number in group if number > 0)
    absent = tuple(n for n in range(1, max(numbers, default=0) + 1) if n not in numbers)
    if len(absent) > len(numbers) or len(numbers) < _FEWEST:
        return None
    columns = tuple(group[number] for number in numbers)
    name = fold_name(head)
    usual = next((entry for entry in words().replicates if name in entry.heads), None)
    labeled = "replicate" in columns[0].label.lower()
    named = labeled or any(word in name for word in words().replicate_words)
    unnamed = len(numbers) >= _FEWEST_UNNAMED and _is_named(words().sampling["weight"], head)
    return Series(head, tail, columns, usual, absent) if usual or named or unnamed else None


def _find_by_series(design: _Design, columns: Sequence[Profile]) -> None:
    """Use the column that replicate weights are named after as weight, without another."""
    if design.series is None or "weight" in design.roles:
        return
    head = fold_name(design.series.head)
    mine = [c for c in columns if fold_name(c.name) in (head, f"{head}0") and _is_weight(c)]
    if len(mine) == 1:
        design.roles["weight"] = Found(mine[0], "by its name, which its replicate weights share")


def _question(design: _Design) -> str:
    """Ask what only a person can answer; "" if the guesses declare a design."""
    weight = design.roles.get("weight")
    if weight is None and "fpc" not in design.roles:
        if design.rivals:
            listed = ", ".join(f"'{column.name}'" for column in design.rivals[:6])
            return f"Which of {listed} is the sampling weight of your analysis?"
        return "No column looks like a sampling weight. How was the sample drawn?"
    if weight and _ambiguous(weight):
        return f"Is '{weight.column.name}' a sampling weight, or body weight?"
    sampled = {"strata", "psu"} & set(design.roles)
    if design.series and design.series.absent:
        listed = ", ".join(map(str, design.series.absent[:6]))
        first = design.series.columns[0].name
        return f"The replicate weights '{first}', ... lack number {listed}. Where is that column?"
    if design.series and not design.series.words and not sampled:
        count = len(design.series.columns)
        return f"How were the {count} replicate weights '{design.series.columns[0].name}', ... made?"
    return ""


def _ambiguous(weight: Found) -> bool:
    column = weight.column
    alone = fold_name(column.name) in words().sampling["weight"].also_mass and not column.label
    low, high = column.low or 0, column.high or 0
    return alone and _BODY[0] <= low and high <= _BODY[1] and high > low


def _undeclared(design: _Design, question: str) -> Iterator[str]:
    yield f"undeclared = {quote(question)}"
    yield "# TO DO: declare how the sample was drawn, and remove the line above. Write either"
    yield "#   weight = 'column', with strata = 'column' and psu = 'column' if the sample has them, or"
    yield "#   none = true, if there was no sampling and no participant represents others."
    found = [f"{key} = {quote(f.column.name)} ({f.reason})" for key, f in design.roles.items()]
    if design.series:
        columns = _write_columns(design.series, ())
        found.append(f"replicate_weights = {columns}, with replicate_method = '...'")
    yield from (f"# Candidate: {line}" for line in found)
    if design.note:
        yield f"# {design.note}"


def _declared(design: _Design, frame: pl.DataFrame) -> Iterator[str]:
    series = design.series if design.series and design.series.words else None
    for key in ROLES:
        found = design.roles.get(key)
        if found and not (series and key != "weight"):
            yield f"{key} = {quote(found.column.name)}  # {GUESS}: {found.reason}"
            if key == "weight" and design.note:
                yield f"# {design.note}"
    if series and series.words:
        yield from _replicated(series, series.words, frame)
    else:
        yield from _structured(design, frame)
    if design.series and not series:
        columns = _write_columns(design.series, ())
        yield f"# Not read: replicate weights {columns}; strata and PSUs are used instead."
    if design.rivals:
        listed = ", ".join(quote(column.name) for column in design.rivals)
        yield f"# Other weights, not read: {listed}. Check that the one above fits your analysis."


def _structured(design: _Design, frame: pl.DataFrame) -> Iterator[str]:
    """Declare nested PSUs, or note which of strata and PSUs was not found."""
    if not {"strata", "psu"} & set(design.roles):
        yield f"# {GUESS}: no strata and PSUs, because no column looks like them. {_CLUSTERS}"
    elif "psu" not in design.roles:
        yield f"# {GUESS}: no PSUs, because no column looks like them. If clustered: psu = 'column'"
    elif "strata" not in design.roles:
        yield f"# {GUESS}: no strata, because no column looks like them. If stratified: strata = 'column'"
    elif _psus_restart(frame, design.roles):
        yield f"nest = true  # {GUESS}: PSU numbers restart in each stratum"


def _replicated(series: Series, usual: ReplicateWords, frame: pl.DataFrame) -> Iterator[str]:
    yield f"replicate_weights = {_write_columns(series, frame.columns)}  # {GUESS}: by their names"
    yield f"replicate_method = {quote(usual.method)}  # {GUESS}: {usual.reason}"
    for key, value in usual.options.items():
        written = str(value).lower() if isinstance(value, bool) else f"{value:g}"
        yield f"{key} = {written}  # {GUESS}: {usual.reason}"


def _write_columns(series: Series, there: Sequence[str]) -> str:
    """Write the columns as a pattern, or one by one where the pattern would match others too."""
    names = [column.name for column in series.columns]
    if not series.tail and not any(c.startswith(series.head) and c not in names for c in there):
        return quote(f"{series.head}*")
    return f"[{', '.join(map(quote, names))}]"


def _psus_restart(frame: pl.DataFrame, roles: Mapping[str, Found]) -> bool:
    strata, psu = (roles[key].column.name for key in ("strata", "psu"))
    return bool((frame.group_by(psu).agg(pl.col(strata).n_unique())[strata] > 1).any())
