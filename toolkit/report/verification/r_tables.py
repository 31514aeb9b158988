"""Split tables and atlases into the calls that they consist of, and write what no other call has."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any, NamedTuple

from toolkit.report.verification.r_expressions import write_name
from toolkit.report.verification.r_requests import Asked, Lines, Row, write_list, write_names
from toolkit.results import covariates, variables_of
from toolkit.studies import quote
from toolkit.variables import as_names


class _Part(NamedTuple):
    """An estimate or a test of a table: its estimator, the variables of its weight, and its groups."""

    estimator: str
    names: tuple[str, ...]
    by: tuple[str, ...]


def split(asked: Asked) -> list[Asked]:
    """Split a table or an atlas into calls, each with its rows; any other call is one."""
    several = SEVERAL.get(asked.estimator)
    return several(asked) if several else [asked]


def _split_table(asked: Asked) -> list[Asked]:
    """Split a table into estimates and tests, each with its weight."""
    parts: dict[_Part, list[tuple[int, Row]]] = {}
    for number, row in asked.rows:
        parts.setdefault(_part_of(asked, row), []).append((number, row))
    return [
        replace(
            asked,
            estimator=part.estimator,
            arguments=_list_arguments(asked, part),
            names=part.names,
            by=part.by,
            rows=rows,
        )
        for part, rows in parts.items()
    ]


def _split_atlas(asked: Asked) -> list[Asked]:
    """Split an atlas into associations; those of one question have the participants of all of them."""
    question, complete = itemgetter("outcome", "exposure", "domain"), defaultdict[Any, list[str]](list)
    for _, row in asked.every:
        complete[question(row)] += variables_of(covariates(row["adjust"] or ""))
    parts: dict[tuple[str, ...], list[tuple[int, Row]]] = {}
    for number, row in asked.rows:
        key = (row["outcome"], row["exposure"], row["adjust"], row["domain"])
        parts.setdefault(key, []).append((number, row))
    kept = {name: asked.arguments[name] for name in ("estimand", "confidence")}
    return [
        replace(
            asked,
            estimator="association",
            arguments={**kept, "outcome": outcome, "exposure": exposure},
            names=tuple(dict.fromkeys((outcome, exposure, *complete[outcome, exposure, domain]))),
            rows=rows,
            domain=domain,
        )
        for (outcome, exposure, _, domain), rows in parts.items()
    ]


def _part_of(asked: Asked, row: Row) -> _Part:
    """Find which part of a table a row belongs to; rows without a group are of all participants."""
    estimand, groups = row["estimand"], asked.by
    by = groups if any(row[name] is not None for name in groups) else ()
    if estimand == "people":
        first, *_ = groups or as_names(asked.argument("variables"), "variables")
        return _Part("people", (first,), by)
    name = row["outcome"]
    if estimand in ("prevalence", "mean", "standard_deviation", "quantile"):
        return _Part(estimand, (name,), by)
    both = tuple(dict.fromkeys((name, *groups)))
    return _Part("term_test" if estimand == "term" else estimand, both, by)


def _list_arguments(asked: Asked, part: _Part) -> dict[str, Any]:
    """List the arguments of the call that gives a part, as the table makes it."""
    name, group, confidence = part.names[0], part.names[-1], asked.arguments["confidence"]
    own: dict[str, dict[str, Any]] = {
        "prevalence": {"outcome": name, "interval": "korn-graubard"},
        "mean": {"variable": name},
        "standard_deviation": {"variable": name},
        "quantile": {"variable": name, "probs": (0.25, 0.5, 0.75), "rule": "math", "interval": "wald"},
        "chi_square": {"row": name, "column": group, "statistic": "F"},
        "rank_test": {"variable": name, "group": group, "test": "KruskalWallis"},
        "term_test": {
            "formula": f"{write_name(name)} ~ {write_name(group)}",
            "family": "gaussian",
            "terms": write_name(group),
            "method": "wald",
            "df": "model",
            "group": group,
        },
    }
    return {**own.get(part.estimator, {"variable": name, "group": group}), "confidence": confidence}


def people(asked: Asked) -> Lines:
    """Write the participants of each column, and their share by svymean."""
    for group, rows in asked.groups():
        for number, _ in rows:
            yield asked.check(number, f"people_in({asked.whole}, {group})")


def missing(asked: Asked) -> Lines:
    """Write counts of missing values; survey counts none, and the data have no reasons."""
    name = asked.argument("variable")
    for group, rows in asked.groups():
        for number, row in rows:
            if len(_reasons(asked, row)) == 1:
                yield asked.check(number, f"missing_in({asked.whole}, {group}, {quote(name)})")
            else:
                yield asked.skip(number, "R's data have no reasons of missing values, and here are several")


def _reasons(asked: Asked, row: Row) -> list[Row]:
    """Find the rows of missing values of the same variable and group, hidden ones too."""
    same = ("estimand", "outcome", *(name for name in asked.names if name in row))
    return [own for own in asked.shown.values() if all(own[name] == row[name] for name in same)]


def standard_deviation(asked: Asked) -> Lines:
    """Write standard deviations, by svyvar and the delta method."""
    name = asked.argument("variable")
    for group, rows in asked.groups():
        for number, _ in rows:
            found = f"deviation({asked.whole}, {group}, {quote(name)}, {asked.confidence})"
            yield asked.check(number, found)


def standardized_mean_difference(asked: Asked) -> Lines:
    """Write standardized mean differences of two groups, from svymean and svyvar."""
    name, group = asked.argument("variable"), asked.argument("group")
    groups = ", ".join(write_list({group: level}) for level in asked.column(group).levels)
    column = asked.column(name)
    levels = "NULL" if column.continuous else write_names(column.levels)
    for number, _ in asked.rows:
        found = f"standardized_difference({asked.whole}, list({groups}), {quote(name)}, {levels})"
        yield asked.check(number, found)


SEVERAL: Mapping[str, Callable[[Asked], list[Asked]]] = {"describe": _split_table, "atlas": _split_atlas}
WRITERS: Mapping[str, Callable[[Asked], Lines]] = {
    "people": people,
    "missing": missing,
    "standard_deviation": standard_deviation,
    "standardized_mean_difference": standardized_mean_difference,
}
