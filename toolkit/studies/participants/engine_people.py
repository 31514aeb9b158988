"""Participants that stay on an engine (a lazy frame, a data base, a cluster), which aggregates them in place.

`EnginePeople` has the verbs of a polars frame whose results are small: `filter`, `with_columns`, and `select`
and `group_by` of aggregates. Every other verb would read participants, and refuses.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NoReturn, Protocol, cast

import polars as pl

from toolkit.errors import DatasetError, EstimationError, VariableError
from toolkit.variables import Variable

# A number of so many different values is a pattern of cells; one of more is a measurement.
MOST_VALUES = 1_000
# What one query may return: more rows than this are no longer an aggregate.
MOST_CELLS = 5_000_000
# Rows in which a column is searched for more than `MOST_VALUES` values before all rows are.
FIRST_ROWS = 100_000

# Begins the names of columns that the toolkit computes, so that no column of a user has one of them.
COMPUTED = "\x1f"
_NUMBER = f"{COMPUTED}n"

Step = tuple[str, pl.Expr]


@dataclass(frozen=True)
class Query:
    """One aggregate query: columns computed in order, rows selected, groups, and totals of each group."""

    steps: tuple[Step, ...]
    where: tuple[pl.Expr, ...]
    keys: Mapping[str, pl.Expr]
    totals: Mapping[str, pl.Expr]
    # The most groups to return; None for all.
    most: int | None = None
    # Only the first rows of the source; None for all.
    rows: int | None = None


class Engine(Protocol):
    """What aggregates participants outside of the toolkit's memory."""

    # As messages call it, such as "a DuckDB relation", and the call that reads it into memory.
    noun: str
    in_memory: str

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Columns of the source, with their types in polars."""

    def run(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run aggregate queries, in one pass over the participants where the engine can."""


@dataclass(frozen=True)
class Facts:
    """What aggregate queries say of a column."""

    # Number of participants with a value.
    known: int
    # Its different values, sorted, and the number of participants with each; None for too many values.
    values: pl.Series | None
    counts: pl.Series | None = None
    # Of a number: smallest, largest and mean value; NaN where unknown.
    low: float = float("nan")
    high: float = float("nan")
    mean: float = 0.0


@dataclass(frozen=True)
class EnginePeople:
    """The participants of a study on an engine; rows are never read."""

    engine: Engine
    # Columns with their types, those computed by `steps` too.
    schema: pl.Schema
    steps: tuple[Step, ...] = ()
    where: tuple[pl.Expr, ...] = ()
    # What is known of columns, from opening the study or from a query since.
    facts: dict[str, Facts] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.schema.names()

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.schema)

    @cached_property
    def height(self) -> int:
        """Number of participants."""
        return int(self.select(pl.len()).item())

    def expect_height(self, found: int) -> None:
        """Raise if a query found another number of participants than when the study was opened."""
        if found != self.height:
            raise DatasetError(
                f"The source of this study, {self.engine.noun}, had {self.height:,} rows when the study was "
                f"opened and has {found:,} now. Estimates of one study would come from different data. Open "
                "the study again with tk.study(...)."
            )

    def head(self, n: int = 0) -> pl.DataFrame:
        """Return a frame without rows that has the columns; rows are refused."""
        return self._without_rows if n == 0 else self.refuse()

    @cached_property
    def _without_rows(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.schema)

    def with_columns(self, *columns: Any, **named: Any) -> "EnginePeople":
        """Add computed columns; each is computed from those before it."""
        added = self._named(columns, named)
        if not added:
            return self
        types = self._without_rows.with_columns(**added).schema
        facts = {name: own for name, own in self.facts.items() if name not in added}
        people = replace(self, schema=types, steps=(*self.steps, *added.items()), facts=facts)
        if not self.where:
            people.__dict__["height"] = self.height
        return people

    def drop(self, names: Sequence[str]) -> "EnginePeople":
        """Remove columns."""
        left = pl.Schema({name: dtype for name, dtype in self.schema.items() if name not in names})
        return replace(self, schema=left) if names else self

    def filter(self, *conditions: pl.Expr) -> "EnginePeople":
        """Narrow to the participants who meet conditions."""
        return replace(self, where=(*self.where, *conditions), facts={})

    def drop_nulls(self, subset: Sequence[str]) -> "EnginePeople":
        """Narrow to the participants with a value in each column."""
        return self.filter(*(pl.col(name).is_not_null() for name in subset))

    def select(self, *totals: Any, **named: Any) -> pl.DataFrame:
        """Compute totals of all participants, in one row."""
        wanted = self._named(totals, named)
        if not wanted or self._without_rows.select(**wanted).height != 1:
            self.refuse()
        return self.run([self.query({}, wanted)])[0]

    def group_by(self, *keys: Any, **named: Any) -> "Groups":
        """Group the participants, for totals of each group."""
        return Groups(self, self._named(keys, named))

    def query(
        self,
        keys: Mapping[str, pl.Expr],
        totals: Mapping[str, pl.Expr],
        most: int | None = None,
        **more: Any,
    ) -> Query:
        """Write a query with the steps that it needs and no others."""
        steps = self._needed([*keys.values(), *totals.values()])
        return Query(steps, self.where, keys, totals, MOST_CELLS if most is None else most, **more)

    def run(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries of these participants; results have the types that polars gives them."""
        found = self.engine.run(queries)
        return [self._typed(query, frame) for query, frame in zip(queries, found, strict=True)]

    def _typed(self, query: Query, frame: pl.DataFrame) -> pl.DataFrame:
        if query.most is not None and frame.height > query.most:
            raise EstimationError(
                f"The variables have more than {query.most:,} combinations of values on {self.engine.noun}, "
                "too many to aggregate. Use fewer variables, or create categories of continuous ones with "
                "study.derive(...)."
            )
        empty = self._without_rows
        types = {**empty.select(**query.keys).schema} if query.keys else {}
        types |= empty.select(**query.totals).schema if query.totals else {}
        return frame.select(self._as_type(frame[name], dtype) for name, dtype in types.items())

    def _as_type(self, column: pl.Series, dtype: pl.DataType) -> pl.Series:
        try:
            return column.cast(dtype)
        except pl.exceptions.InvalidOperationError:
            raise VariableError(
                f"'{column.name}' takes values on {self.engine.noun} that are not among its levels. Name "
                f"every level: study.derive('{column.name}', ..., levels=[..])."
            ) from None

    def _needed(self, expressions: Iterable[pl.Expr]) -> tuple[Step, ...]:
        names = {name for e in (*expressions, *self.where) for name in e.meta.root_names()}
        kept: list[Step] = []
        for name, expression in reversed(self.steps):
            if name in names:
                kept.append((name, expression))
                names |= set(expression.meta.root_names())
        return tuple(reversed(kept))

    def _named(self, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, pl.Expr]:
        """Write expressions, names and lists of them as expressions by the name of their column."""
        listed = [pl.col(one) if isinstance(one, str) else one for part in given for one in _as_list(part)]
        if not all(isinstance(one, pl.Expr) and not one.meta.has_multiple_outputs() for one in listed):
            self.refuse()
        found = {one.meta.output_name(): one for one in listed}
        return found | {name: pl.col(e) if isinstance(e, str) else e for name, e in named.items()}

    def facts_of(self, names: Sequence[str]) -> dict[str, Facts]:
        """Look up what is known of columns; what is not, aggregate queries find in two rounds."""
        absent = [name for name in dict.fromkeys(names) if name not in self.facts]
        if absent:
            self.facts.update(_find_facts(self, absent))
        return {name: self.facts[name] for name in names}

    def describe(self, name: str, *, ordered: bool = False) -> Variable | None:
        """Describe a column as a variable, as `Variable.of_column` does; None if it cannot be one."""
        values = self.facts_of([name])[name].values
        if values is not None:
            return Variable.of_column(values, ordered=ordered)
        numeric = self.schema[name].is_numeric()
        return Variable(name, name, "number", component="") if numeric else None

    def refuse(self) -> NoReturn:
        """Raise because participants would be read."""
        raise DatasetError(
            f"This needs the participants in memory, and those of this study stay on {self.engine.noun}. "
            f"Open a study of what fits into memory, tk.study({self.engine.in_memory}, design=...), with the "
            "columns and participants that you need."
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.refuse()

    def __getitem__(self, _: object) -> NoReturn:
        self.refuse()

    def __iter__(self) -> Iterator[NoReturn]:
        self.refuse()

    def __len__(self) -> int:
        return self.height

    def __repr__(self) -> str:
        """State size and engine."""
        return (
            f"{self.height:,} participants x {self.width:,} columns on {self.engine.noun}; rows are not read"
        )

    __str__ = __repr__
    __hash__ = object.__hash__
    __eq__ = object.__eq__


@dataclass(frozen=True)
class Groups:
    """Participants on an engine in groups."""

    people: EnginePeople
    keys: Mapping[str, pl.Expr]

    def agg(self, *totals: Any, **named: Any) -> pl.DataFrame:
        """Compute totals of each group."""
        people = self.people
        return people.run([people.query(self.keys, people._named(totals, named))])[0]  # noqa: SLF001


def _as_list(given: Any) -> list[Any]:
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str | pl.Expr) else [given]


def _find_facts(people: EnginePeople, names: Sequence[str]) -> dict[str, Facts]:
    """Find the values of each column, or the range of one that has too many."""
    plain = [
        name
        for name in names
        if not people.schema[name].is_nested() and people.schema[name] not in (pl.Object, pl.Duration)
    ]
    first = _count_first_values(people, plain)
    few = [name for name in plain if first[name] <= MOST_VALUES]
    columns = {name: pl.col(name) for name in few}
    queries = [
        people.query({name: own}, {_NUMBER: pl.len()}, MOST_VALUES + 1) for name, own in columns.items()
    ]
    others = [name for name in names if name not in few]
    totals = {key: e for at, name in enumerate(others) for key, e in _totals_of(people, at, name).items()}
    if totals:
        queries.append(people.query({}, totals))
    found = people.run(queries)
    facts = {name: _read_values(people, name, frame) for name, frame in zip(few, found, strict=False)}
    row = found[-1].row(0, named=True) if totals else {}
    return facts | {name: _read_range(row, at) for at, name in enumerate(others)}


def _count_first_values(people: EnginePeople, names: Sequence[str]) -> dict[str, int]:
    if not names:
        return {}
    counts = {name: pl.col(name).n_unique() for name in names}
    return people.run([people.query({}, counts, rows=FIRST_ROWS)])[0].row(0, named=True)


def _totals_of(people: EnginePeople, at: int, name: str) -> dict[str, pl.Expr]:
    column = pl.col(name)
    totals = {f"{at}.known": column.count()}
    if people.schema[name].is_numeric():
        number = column.cast(pl.Float64)
        totals |= {f"{at}.low": number.min(), f"{at}.high": number.max(), f"{at}.mean": number.mean()}
    return totals


def _read_values(people: EnginePeople, name: str, frame: pl.DataFrame) -> Facts:
    there = frame.filter(pl.col(name).is_not_null()).sort(name)
    values = there[name]
    if frame.height > MOST_VALUES:
        row = people.select(**_totals_of(people, 0, name)).row(0, named=True)
        return _read_range(row, 0)
    return facts_of_values(values, there[_NUMBER])


def facts_of_values(values: pl.Series, counts: pl.Series) -> Facts:
    """Summarize a column by its different values, sorted and without missing ones, and their counts."""
    known = int(counts.sum())
    if not values.dtype.is_numeric() or values.is_empty():
        return Facts(known, values, counts)
    numbers = values.cast(pl.Float64)
    mean = float((numbers * counts).sum() / known)
    return Facts(known, values, counts, float(numbers[0]), float(numbers[-1]), mean)


def _read_range(row: Mapping[str, Any], at: int) -> Facts:
    numbers = [row.get(f"{at}.{part}") for part in ("low", "high", "mean")]
    low, high, mean = (float("nan") if number is None else float(number) for number in numbers)
    return Facts(int(row[f"{at}.known"]), None, None, low, high, mean)


def describe_column(people: "pl.DataFrame | EnginePeople", name: str, *, ordered: bool) -> Variable | None:
    """Describe a column of participants as a variable; None if it cannot be one."""
    if isinstance(people, EnginePeople):
        return people.describe(name, ordered=ordered)
    return Variable.of_column(people[name], ordered=ordered)


def distinct_values(people: "pl.DataFrame | EnginePeople", name: str) -> pl.Series | None:
    """List the different values of a column in order; None for more than `MOST_VALUES` on an engine."""
    if isinstance(people, EnginePeople):
        return people.facts_of([name])[name].values
    return people[name].drop_nulls().unique().sort()


def as_frame(people: EnginePeople) -> pl.DataFrame:
    """Pass participants on an engine where a frame is expected, of which they have the aggregating verbs."""
    return cast("pl.DataFrame", people)
