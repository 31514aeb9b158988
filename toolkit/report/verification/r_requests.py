"""Write the call of an estimator in R: the design, the domain, and a comparison for each of its rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import polars as pl

from toolkit.estimate.survey import Column, read, weight_of
from toolkit.report.verification.r_expressions import RWriter, write_name, write_value
from toolkit.results import ESTIMANDS
from toolkit.studies import Study, WeightChoice, quote
from toolkit.variables import Variable, parse, weight_name

Row = Mapping[str, Any]
Lines = Iterator[str]


@dataclass(frozen=True)
class Asked:
    """One call of an estimator with its rows, which are numbered as in `expected.csv`.

    `names` are the variables of the analysis, `by` those of its groups; `number` tells calls apart. `every`
    has all rows of the call, also those not compared. With `keep`, R keeps what it finds in that list instead
    of comparing it.
    """

    study: Study
    estimator: str
    arguments: Mapping[str, Any]
    names: tuple[str, ...]
    by: tuple[str, ...]
    rows: Sequence[tuple[int, Row]]
    domain: str = ""
    number: int = 1
    shown: Mapping[int, Row] = field(default_factory=dict)
    every: Sequence[tuple[int, Row]] = ()
    keep: str = ""

    @cached_property
    def weight(self) -> WeightChoice:
        """The weight of the analysis, with the cycles that contribute."""
        condition = parse(self.domain)
        names = dict.fromkeys([*self.names, *self.by, *condition.names])
        return weight_of(self.study, [self.column(name) for name in names], condition)

    @cached_property
    def whole(self) -> str:
        """The name that the participants of the domain have in R."""
        return f"domain_{self.number}"

    def column(self, name: str) -> Column:
        """Read a variable as the estimator does; codes of groups are categories, and dates numbers."""
        dtype = self.study.people.schema.get(name)
        if dtype is not None and dtype.is_temporal():
            known = self.study.codebook.variables.get(name, Variable(name, name, "number"))
            return Column(replace(known, kind="number"), pl.col(name))
        grouped = (*self.by, *(self.argument(role) for role in _GROUPING))
        return read(self.study, [name], [name] if name in grouped else [])[name]

    def case(self, name: str) -> str:
        """Write the level that counts as 1, NULL for a continuous variable."""
        column = self.column(name)
        return "NULL" if column.continuous or column.case is None else quote(column.case)

    def argument(self, name: str) -> Any:
        """Return an argument of the call."""
        return self.arguments.get(name)

    @property
    def confidence(self) -> str:
        """The confidence level, for R."""
        return repr(float(self.arguments.get("confidence", 0.95)))

    @property
    def degrees(self) -> str:
        """Whose degrees of freedom a model has, for R."""
        return quote(str(self.arguments.get("df") or "design"))

    def groups(self) -> Iterator[tuple[str, list[tuple[int, Row]]]]:
        """Go through the groups of `by`, as R lists, with their rows."""
        found: dict[tuple[Any, ...], list[tuple[int, Row]]] = {}
        for number, row in self.rows:
            found.setdefault(tuple(row[name] for name in self.by), []).append((number, row))
        for levels, rows in found.items():
            yield write_list(dict(zip(self.by, levels, strict=True))), rows

    @cached_property
    def places(self) -> Mapping[int, int]:
        """The place of each row among all rows of its group, from 1."""
        found: dict[int, int] = {}
        sizes: dict[tuple[Any, ...], int] = {}
        for number, row in self.every:
            group = tuple(row[name] for name in self.by)
            found[number] = sizes[group] = sizes.get(group, 0) + 1
        return found

    def label(self, number: int) -> str:
        """Describe a row in one line, as it may be shown."""
        row = self.shown[number]
        what = ESTIMANDS[row["estimand"]].noun if row["estimand"] in ESTIMANDS else row["estimand"]
        parts = [f"{name} {row[name]}" for name in self.by if name in row]
        parts += [row[name] for name in ("exposure", "level") if row[name]]
        whose = f" of {row['outcome']}" if row["outcome"] else ""
        return f"{what}{whose}" + "".join(f", {part}" for part in parts)

    def check(self, number: int, found: str, more: str = "") -> str:
        """Write the comparison of a row."""
        if self.keep:
            return f"{self.keep}[[{number}]] <- attempt({found})"
        return f"check({number}, {quote(self.label(number))}, {found}{more})"

    def skip(self, number: int, why: str) -> str:
        """Write that a row is not recomputed."""
        if self.keep:
            return f"{self.keep}[[{number}]] <- list()"
        return f"note({number}, {quote(self.label(number))}, {quote(f'not recomputed: {why}')}, {_NOT})"

    def skip_all(self, why: str) -> Lines:
        """Write that no row is recomputed."""
        for number, _ in self.rows:
            yield self.skip(number, why)

    def skip_unknown(self, estimator: str) -> Lines:
        """Write that no row is recomputed, because survey lacks the estimator."""
        yield from self.skip_all(f"R's survey package has no counterpart of tk.{estimator}")

    def prepare(self) -> Lines:
        """Write the participants of the domain, in the design of the analysis."""
        condition = parse(self.domain)
        writer = RWriter(self.study.people.schema, self.study.codebook)
        inside = writer.expression(condition.expression(self.study.people.schema)) if self.domain else "TRUE"
        yield f"{self.whole} <- in_domain({write_design(self.study, self.weight)}, quote({inside}))"

    def references(self) -> str:
        """Write the reference level of each categorical variable of the analysis."""
        found = {name: self.column(name).reference for name in self.names if not self.column(name).continuous}
        given, exposure = self.argument("reference"), self.argument("exposure") or self.argument("variable")
        if isinstance(given, Mapping):
            found |= given
        elif isinstance(given, str) and isinstance(exposure, str):
            found[exposure] = given
        return write_list(found)


_GROUPING = ("group", "row", "column")  # Roles whose codes are categories.
_NOT = '"not recomputed"'


def write_list(values: Mapping[str, Any]) -> str:
    """Write a mapping as a list of R."""
    return (
        f"list({', '.join(f'{write_name(name)} = {write_value(value)}' for name, value in values.items())})"
    )


def write_names(names: Sequence[str]) -> str:
    """Write names as a vector of text."""
    return f"c({', '.join(map(quote, names))})"


def write_design(study: Study, weight: WeightChoice) -> str:
    """Name the design in R, of the cycles that contribute."""
    if not study.design.components or isinstance(study.design.weight, str):
        return "design"
    name = weight_name(weight.component).replace("weight", "design", 1)
    if not weight.parts or study.design.calibration:
        return name
    return f"{name}_of({write_names(weight.cycles)})"
