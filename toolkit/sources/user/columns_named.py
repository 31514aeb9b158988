"""The columns that a study.toml names: check that its files have them, and make the survey design of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any

from toolkit.errors import DesignError, unknown
from toolkit.sources.user.declaration import Declaration, Problem, Repeated
from toolkit.sources.user.follow_up import COLUMNS, END, START
from toolkit.sources.user.row_checks import DATE, PERSON
from toolkit.studies.design import Design

PLACE = "place"
_RESERVED = (PERSON, DATE, PLACE, START, END)
_BESIDE = "_of_design"  # ends the name of a design's column where a variable has the name itself
_TWICE = "_duplicated_0"  # so is the second column of a name called when text files are read

Reference = tuple[str, str, str]  # the place in the declaration, the file, the column


def lost_columns(declaration: Declaration, columns: Mapping[str, tuple[str, ...]]) -> Iterator[Problem]:
    """Tell each place that names a column which its file does not have.

    Parameters
    ----------
    declaration
        The study.
    columns
        File -> its columns, for the files that can be opened.
    """
    for where, file, column in _references(declaration):
        there = columns.get(file)
        if there is not None and column not in there and not any(fnmatchcase(c, column) for c in there):
            name = declaration.study.files[file].path
            yield Problem(where, unknown(f"'{name}' has no column", column, there), "")
        if there is not None and column + _TWICE in there:
            told = f"'{declaration.study.files[file].path}' has several columns '{column}'"
            yield Problem(where, told, "Give each column of the file a name of its own.")


def reserved_names(declaration: Declaration) -> Iterator[Problem]:
    """Tell each variable whose name the toolkit needs for a column of its own."""
    study = declaration.study
    cohort = any((study.visits, study.diary, study.follow_up))
    derived = [START, END, *(v.name for v in COLUMNS if cohort)]
    named = {"variables": (study.variables, [PERSON, *derived])} | {
        f"{section}.variables": (part.variables, [PERSON, DATE, PLACE])
        for section, part in study.records.items()
    }
    for section, (variables, reserved) in named.items():
        for name in variables.keys() & set(reserved):
            remedy = f"Choose another name, such as {name}_told."
            yield Problem(
                f"{section}.{name}", "is a name that the toolkit gives to a column of its own", remedy
            )


def follow_up_columns(declaration: Declaration) -> dict[str, str]:
    """Give the columns of start and end of follow-up that are declared."""
    told = declaration.study.follow_up
    return {} if told is None else {k: v for k, v in (("start", told.start), ("end", told.end)) if v}


def design_columns(declaration: Declaration) -> Iterator[tuple[str, str]]:
    """Give each key of the design with each column that it names."""
    design = declaration.study.design
    for key in ("weight", "strata", "psu", "fpc", "replicate_weights"):
        for reference in _names(getattr(design, key)):
            yield key, declaration.place(reference)[1]


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        return
    for inner in value.values() if isinstance(value, Mapping) else value or ():
        yield from _names(inner)


def _references(declaration: Declaration) -> Iterator[Reference]:
    study, home = declaration.study, declaration.home
    for name, entry in study.files.items():
        yield f"files.{name}", name, entry.person or study.person
    for name, variable in study.variables.items():
        if variable.column:
            yield (f"variables.{name}", *declaration.place(variable.column))
    yield from ((f"design.{key}", home, column) for key, column in design_columns(declaration))
    yield from ((f"follow_up.{k}", home, column) for k, column in follow_up_columns(declaration).items())
    for section, part in study.records.items():
        if part.file in study.files:
            yield from _repeated_references(section, part)


def _repeated_references(section: str, part: Repeated) -> Iterator[Reference]:
    yield f"{section}.date", part.file, part.date
    if part.place:
        yield f"{section}.place", part.file, part.place
    for name, variable in part.variables.items():
        if variable.column:
            yield f"{section}.variables.{name}", part.file, variable.column


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
