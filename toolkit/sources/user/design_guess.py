"""Guess how the people of a user's file were sampled, from names and labels of its columns.

Weight, strata, sampling units, finite populations and replicate weights are looked for as well-known surveys
name them, then by the usual words of several languages (`datasets/column-names.toml`). Where that decides
nothing, the design is written as undeclared: only a person knows that there is none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from toolkit.sources.user.column_names import ReplicateWords, SamplingWords
from toolkit.sources.user.guesses import GUESS, has_role, plain, quoted, words
from toolkit.sources.user.profiles import Profile

ROLES = ("weight", "strata", "psu", "fpc")
_FEWEST = 8  # numbered columns that make a series of replicate weights
_FEWEST_UNNAMED = 20  # of them, where the name alone says no more than "weight"
_BODY = (25.0, 200.0)  # kg: a weight of these values may be one of bodies
_NUMBERED = re.compile(r"^(.*?)(\d+)(\D*)$")
_CLUSTERS = "If people were drawn in strata and clusters: strata = 'column', psu = 'column'"


@dataclass(frozen=True)
class Found:
    """A column that has a role in the design, and why it is thought so."""

    column: Profile
    reason: str


@dataclass(frozen=True)
class Series:
    """Columns that look like replicate weights, how they were made if told, and which numbers are absent."""

    columns: tuple[Profile, ...]
    words: ReplicateWords | None = None
    absent: tuple[int, ...] = ()


@dataclass
class _Design:
    """What was found so far."""

    roles: dict[str, Found] = field(default_factory=dict)
    rivals: list[Profile] = field(default_factory=list)
    series: Series | None = None
    note: str = ""


@dataclass(frozen=True)
class DesignGuess:
    """The section [design], the columns that it takes, and whether a design is declared by it."""

    text: str
    used: frozenset[str]
    declared: bool


def guess_design(
    columns: Sequence[Profile], frame: pl.DataFrame, person: str, mass: Profile | None
) -> DesignGuess:
    """Guess the design of a file.

    Parameters
    ----------
    columns
        What the columns hold.
    frame
        Their first rows.
    person
        The column of ids, which has no other role.
    mass
        The column of body mass, which is no sampling weight.

    Returns
    -------
    DesignGuess
        Each guess marked; where nothing decides, the key `undeclared` with what has to be said.
    """
    free = [c for c in columns if c.name != person and c is not mass and not has_role(c, "person")]
    design = _Design(series=_series(free))
    taken = {c.name for c in design.series.columns} if design.series else set()
    free = [c for c in free if c.name not in taken and c.filled]
    _as_known_survey(design, free)
    _by_words(design, free, frame)
    _by_series(design, free)
    question = _question(design)
    lines = list(_undeclared(design, question) if question else _declared(design, frame))
    weight = design.roles.get("weight")
    roles = {} if weight and _ambiguous(weight) else design.roles
    used = taken | {found.column.name for found in roles.values()}
    if not question:
        used |= {rival.name for rival in design.rivals}
    return DesignGuess("\n".join(["[design]", *lines]), frozenset(used), not question)


def has_design_role(column: Profile) -> bool:
    """Tell whether name or label say that a column is of the design, and so no id of persons."""
    surveys = ((*s.weight, *s.strata, *s.psu, *s.others) for s in words().surveys)
    return any(
        _named(words().sampling[role], column.name) or _labelled(role, column) for role in ROLES
    ) or any(_fits(patterns, column) is not None for patterns in surveys)


def _as_known_survey(design: _Design, columns: Sequence[Profile]) -> None:
    """Take the roles from the first well-known survey of which a weight and one more column are there."""
    for survey in words().surveys:
        weights = [column for column in _matching(survey.weight, columns) if _weighs(column)]
        others = {
            key: next((c for c in _matching(getattr(survey, key), columns) if c.different > 1), None)
            for key in ("strata", "psu")
        }
        series = survey.replicates and design.series and _head(design.series) in survey.replicates
        if not weights or not (any(others.values()) or series):
            continue
        first = [c for c in weights if _fits(survey.weight, c) == _fits(survey.weight, weights[0])]
        reason = f"by its name, as in files of {survey.name}"
        if len(first) == 1:
            design.roles["weight"] = Found(first[0], reason)
        design.roles |= {key: Found(column, reason) for key, column in others.items() if column}
        rest = [c for c in weights if c is not first[0]] if len(first) == 1 else weights
        design.rivals = [*rest, *(c for c in _matching(survey.others, columns) if c not in weights)]
        design.note = survey.note
        return


def _matching(patterns: Sequence[str], columns: Sequence[Profile]) -> list[Profile]:
    """Find columns by patterns, in the order of the patterns; # is a number."""
    fitting = [column for column in columns if _fits(patterns, column) is not None]
    return sorted(fitting, key=lambda column: _fits(patterns, column) or 0)


def _fits(patterns: Sequence[str], column: Profile) -> int | None:
    name = column.name.lower()
    return next((i for i, pattern in enumerate(patterns) if _pattern(pattern).fullmatch(name)), None)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\#", r"\d+"))


def _by_words(design: _Design, columns: Sequence[Profile], frame: pl.DataFrame) -> None:
    """Find by the usual words what no well-known survey gave."""
    for role in ROLES:
        if role in design.roles or (role == "weight" and design.rivals):
            continue
        free = [c for c in columns if all(c is not found.column for found in design.roles.values())]
        fitting = [c for c in free if _may_be(role, c, frame)]
        named = [Found(c, "by its name") for c in fitting if _named(words().sampling[role], c.name)]
        labelled = [Found(c, "by the words of its label") for c in fitting if _labelled(role, c)]
        both = {found.column.name: found for found in (*labelled, *named)}
        if len(both) == 1:
            [design.roles[role]] = both.values()
        elif role == "weight":
            design.rivals = [found.column for found in both.values()]
        elif both:  # the first of two strata or stages stands for the design of one stage
            design.roles[role] = next(iter(both.values()))
    if "weight" in design.roles and "psu" not in design.roles:
        places = [
            c for c in columns if _named(words().sampling["place"], c.name) and _may_be("psu", c, frame)
        ]
        if places and all(places[0] is not found.column for found in design.roles.values()):
            design.roles["psu"] = Found(
                places[0], "by its name; declare the strata too if PSU numbers restart within strata"
            )


@cache
def _expression(told: SamplingWords) -> re.Pattern[str]:
    before, names, after = ("|".join(map(re.escape, part)) for part in (told.before, told.words, told.after))
    return re.compile(f"(?:{before})*(?:{names})(?:{after})*[0-9]{{0,4}}")


def _named(told: SamplingWords, name: str) -> bool:
    mine = plain(name)
    if mine in told.never or not mine:
        return False
    bare = mine.rstrip("0123456789") or mine
    composed = bool(told.words) and bool(_expression(told).fullmatch(mine))
    return mine in told.names or bare in told.names or composed


def _labelled(role: str, column: Profile) -> bool:
    told = words().sampling[role]
    label = " ".join(re.findall(r"\w+", column.label.lower()))
    padded = f" {label} "
    if any(f" {word} " in padded for word in told.not_labels):
        return False
    return any(f" {entry} " in padded for entry in told.labels)


def _may_be(role: str, column: Profile, frame: pl.DataFrame) -> bool:
    if plain(column.name) in words().identifiers["words"] or column.date_form:
        return False
    if role == "weight":
        return _weighs(column) and not _counts_rows(column, frame)
    if role == "fpc":
        return column.numeric and (column.low or 0) > 0
    return (
        column.different > 1
        and not column.unique
        and (role == "psu" or 2 * column.different <= column.filled)
    )


def _weighs(column: Profile) -> bool:
    return column.numeric and (column.low or 0) >= 0


def _counts_rows(column: Profile, frame: pl.DataFrame) -> bool:
    """Tell whether a column numbers the rows, as an id does."""
    numbers = frame[column.name].cast(pl.Float64, strict=False).drop_nulls()
    if not column.unique or not len(numbers) or (numbers != numbers.round()).any():
        return False
    return float(numbers.max()) - float(numbers.min()) + 1 == len(numbers)  # type: ignore[arg-type]


def _series(columns: Sequence[Profile]) -> Series | None:
    """Find the longest series of numbered columns that look like replicate weights."""
    groups: dict[tuple[str, str], dict[int, Profile]] = {}
    for column in columns:
        parts = _NUMBERED.match(column.name)
        if parts and column.numeric and (column.low or 0) >= 0:
            groups.setdefault((parts[1], parts[3]), {})[int(parts[2])] = column
    found = [s for (head, _), group in groups.items() if (s := _series_of(head, group))]
    return max(found, key=lambda series: len(series.columns), default=None)


def _series_of(head: str, group: Mapping[int, Profile]) -> Series | None:
    numbers = sorted(number for number in group if number > 0)
    absent = tuple(n for n in range(1, max(numbers, default=0) + 1) if n not in numbers)
    if len(absent) > len(numbers) or len(numbers) < _FEWEST:
        return None
    columns = tuple(group[number] for number in numbers)
    name = plain(head)
    told = next((entry for entry in words().replicates if name in entry.heads), None)
    labelled = "replicate" in columns[0].label.lower()
    named = labelled or any(word in name for word in words().replicate_words)
    unnamed = len(numbers) >= _FEWEST_UNNAMED and _named(words().sampling["weight"], head)
    return Series(columns, told, absent) if told or named or unnamed else None


def _head(series: Series) -> str:
    parts = _NUMBERED.match(series.columns[0].name)
    return plain(parts[1]) if parts else ""


def _by_series(design: _Design, columns: Sequence[Profile]) -> None:
    """Take as weight the column that replicate weights are named after, where nothing else is."""
    if design.series is None or "weight" in design.roles:
        return
    head = _head(design.series)
    mine = [c for c in columns if plain(c.name) in (head, f"{head}0") and _weighs(c)]
    if len(mine) == 1:
        design.roles["weight"] = Found(mine[0], "by its name, as its replicate weights have it")


def _question(design: _Design) -> str:
    """Ask what only a person can say; "" if the guesses make a design."""
    weight = design.roles.get("weight")
    if weight is None and "fpc" not in design.roles:
        if design.rivals:
            listed = ", ".join(f"'{column.name}'" for column in design.rivals[:6])
            return f"which of {listed} is the sampling weight of your analysis?"
        return "no column looks like a sampling weight. How were people drawn?"
    if weight and _ambiguous(weight):
        return f"is '{weight.column.name}' a sampling weight, or the weight of bodies?"
    sampled = {"strata", "psu"} & set(design.roles)
    if design.series and design.series.absent:
        listed = ", ".join(map(str, design.series.absent[:6]))
        return (
            f"the replicate weights '{design.series.columns[0].name}', ... lack number {listed}. Where is it?"
        )
    if design.series and not design.series.words and not sampled:
        count = len(design.series.columns)
        return f"how were the {count} replicate weights '{design.series.columns[0].name}', ... made?"
    return ""


def _ambiguous(weight: Found) -> bool:
    column = weight.column
    alone = plain(column.name) in words().sampling["weight"].also_mass and not column.label
    low, high = column.low or 0, column.high or 0
    return alone and _BODY[0] <= low and high <= _BODY[1] and high > low


def _undeclared(design: _Design, question: str) -> Iterator[str]:
    yield f"undeclared = {quoted(question)}"
    yield "# TO DO by a person: declare how people were drawn, and remove the line above. Either"
    yield "#   weight = 'column', with strata = 'column' and psu = 'column' if people were drawn in these, or"
    yield "#   none = true, if nobody was drawn and nobody stands for others."
    told = [f"{key} = {quoted(f.column.name)} ({f.reason})" for key, f in design.roles.items()]
    if design.series:
        told.append(f"replicate_weights = {_columns(design.series, ())}, with replicate_method = '...'")
    yield from (f"# Perhaps: {line}" for line in told)
    if design.note:
        yield f"# {design.note}"


def _declared(design: _Design, frame: pl.DataFrame) -> Iterator[str]:
    series = design.series if design.series and design.series.words else None
    for key in ROLES:
        found = design.roles.get(key)
        if found and not (series and key != "weight"):
            yield f"{key} = {quoted(found.column.name)}  # {GUESS}: {found.reason}"
            if key == "weight" and design.note:
                yield f"# {design.note}"
    if series:
        yield from _replicated(series, frame)
    else:
        yield from _structured(design, frame)
    if design.series and not series:
        yield f"# Not read: replicate weights {_columns(design.series, ())}; strata and PSUs stand for them."
    if design.rivals:
        listed = ", ".join(quoted(column.name) for column in design.rivals)
        yield f"# Other weights, not read: {listed}. Is the one above that of your analysis?"


def _structured(design: _Design, frame: pl.DataFrame) -> Iterator[str]:
    """Say how PSUs stand in strata, or which of the two was not found."""
    if not {"strata", "psu"} & set(design.roles):
        yield f"# {GUESS}: no strata and no PSUs, because no column looks like them. {_CLUSTERS}"
    elif "psu" not in design.roles:
        yield f"# {GUESS}: no PSUs, because no column looks like them. If clusters were drawn: psu = 'column'"
    elif "strata" not in design.roles:
        yield f"# {GUESS}: no strata, because no column looks like them. If there are any: strata = 'column'"
    elif _spans(frame, design.roles):
        yield f"nest = true  # {GUESS}: the numbers of PSUs start anew in each stratum"


def _replicated(series: Series, frame: pl.DataFrame) -> Iterator[str]:
    told = series.words
    assert told is not None  # noqa: S101 - the caller asked
    yield f"replicate_weights = {_columns(series, frame.columns)}  # {GUESS}: by their names"
    yield f"replicate_method = {quoted(told.method)}  # {GUESS}: {told.reason}"
    for key, value in told.options.items():
        written = str(value).lower() if isinstance(value, bool) else f"{value:g}"
        yield f"{key} = {written}  # {GUESS}: {told.reason}"


def _columns(series: Series, there: Sequence[str]) -> str:
    """Write the columns as a pattern, or one by one where a pattern would find others too."""
    names = [column.name for column in series.columns]
    parts = _NUMBERED.match(names[0])
    assert parts is not None  # noqa: S101 - a series is numbered
    if not parts[3] and not any(c.startswith(parts[1]) and c not in names for c in there):
        return quoted(f"{parts[1]}*")
    return f"[{', '.join(map(quoted, names))}]"


def _spans(frame: pl.DataFrame, roles: Mapping[str, Found]) -> bool:
    strata, psu = (roles[key].column.name for key in ("strata", "psu"))
    return bool((frame.group_by(psu).agg(pl.col(strata).n_unique())[strata] > 1).any())
