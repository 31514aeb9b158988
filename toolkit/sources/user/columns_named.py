"""Make a design of what a `study.toml` says of it, with names that no variable of the study has.

Takes a declaration and the columns of its first file; gives a `Design`, or the problem why there is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any

from toolkit.errors import DesignError
from toolkit.sources.user.declaration import Declaration, Problem
from toolkit.sources.user.follow_up import END, START
from toolkit.sources.user.row_checks import DATE, PERSON
from toolkit.sources.user.study_columns import design_columns
from toolkit.studies.design import Design

PLACE = "place"
_RESERVED = (PERSON, DATE, PLACE, START, END)
_BESIDE = "_of_design"  # ends the name of a design's column where a variable has the name itself


def declared_design(declaration: Declaration, there: Iterable[str]) -> tuple[Design, list[Problem]]:
    """Make the design that a study declares.

    Parameters
    ----------
    declaration
        The study.
    there
        The columns of its first file. One that the design names and that is not among them is told elsewhere.

    Returns
    -------
    tuple
        The design, `Design.none()` if it cannot be had, and what is wrong with it.
    """
    told, there = declaration.study.design, tuple(there)
    lost = [c for _, c in design_columns(declaration) if c not in there and not _matching(c, there)]
    if told.none or told.undeclared or lost:
        return Design.none(), []
    values = {f.name: getattr(told, f.name) for f in fields(Design) if f.name in type(told).model_fields}
    for key in ("weight", "strata", "psu", "fpc"):
        values[key] = _renamed(values[key], declaration)
    values["replicate_weights"] = _replicates(told.replicate_weights, there)
    try:
        return Design(**{**values, "nest": True}), []
    except DesignError as error:
        return Design.none(), [Problem("design", str(error).rstrip("."), "")]


def file_name(name: str, declaration: Declaration, there: Iterable[str]) -> str:
    """Give the column of the first file that a design's column was read from.

    Examples
    --------
    >>> from toolkit.sources.user.declaration import OwnStudy
    >>> study = OwnStudy(name="a", person="id", files={"a": {"path": "a.csv"}}, design={"none": True})
    >>> file_name("w", Declaration(path=None, study=study), ["w"])
    'w'
    """
    known = name in there and name not in declaration.study.variables
    return name if known else name.removesuffix(_BESIDE)


def replicate_columns(design: Design) -> tuple[str, ...]:
    """List the replicate weights of all components."""
    given = design.replicate_weights or ()
    sets = given.values() if isinstance(given, Mapping) else (given,)
    return tuple(dict.fromkeys(name for columns in sets for name in columns))


def _renamed(value: Any, declaration: Declaration) -> Any:
    if isinstance(value, Mapping):
        return {name: _renamed(column, declaration) for name, column in value.items()}
    if isinstance(value, tuple):
        return tuple(_renamed(column, declaration) for column in value)
    if value is None:
        return None
    column = declaration.place(value)[1]
    return column + _BESIDE if column in (*declaration.study.variables, *_RESERVED) else column


def _replicates(told: Any, there: tuple[str, ...]) -> Any:
    if isinstance(told, Mapping):
        return {component: _replicates(columns, there) for component, columns in told.items()}
    return _matching(told, there) if isinstance(told, str) else told


def _matching(pattern: str, there: tuple[str, ...]) -> tuple[str, ...]:
    """Find the columns of a pattern such as "rep*", in the order of their numbers."""
    found = [column for column in there if fnmatchcase(column, pattern)]
    return tuple(sorted(found, key=_by_number))


def _by_number(column: str) -> tuple[str, int]:
    head = column.rstrip("0123456789")
    return head, int(column[len(head) :] or 0)
