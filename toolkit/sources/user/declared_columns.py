"""Check the columns that a study.toml names against its files, and build the survey design from them."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any

from toolkit.errors import DesignError, unknown
from toolkit.sources.user.declaration import Declaration, Problem, Repeated
from toolkit.sources.user.follow_up import COLUMNS, END, START
from toolkit.sources.user.row_checks import DATE, PERSON
from toolkit.sources.user.tabular_files import TWICE
from toolkit.studies import Design

PLACE = "place"
_RESERVED = (PERSON, DATE, PLACE, START, END)
_BESIDE = "_of_design"  # ends the name of a design column that shares its name with a variable

Reference = tuple[str, str, str]  # place in the declaration, file, column


def lost_columns(declaration: Declaration, columns: Mapping[str, tuple[str, ...]]) -> Iterator[Problem]:
    """Report each column that is declared and not in its file, or there more than once."""
    for where, file, column in _references(declaration):
        there = columns.get(file)
        if there is not None and column not in there and not any(fnmatchcase(c, column) for c in there):
            name = declaration.study.files[file].path
            yield Problem(where, unknown(f"'{name}' has no column", column, there), "")
        if there is not None and column + TWICE in there:
            finding = f"'{declaration.study.files[file].path}' has several columns '{column}'"
            yield Problem(where, finding, "Give each column of the file a unique name.")


def reserved_names(declaration: Declaration) -> Iterator[Problem]:
    """Report each variable whose name the toolkit reserves for a column of its own."""
    study = declaration.study
    cohort = any((study.visits, study.diary, study.follow_up))
    derived = [START, END, *(v.name for v in COLUMNS if cohort)]
    named = {"variables": (study.variables, [PERSON, *derived])} | {
        f"{section}.variables": (part.variables, [PERSON, DATE, PLACE])
        for section, part in study.records.items()
    }
    for section, (variables, reserved) in named.items():
        for name in variables.keys() & set(reserved):
            remedy = f"Choose another name, such as {name}_reported."
            yield Problem(f"{section}.{name}", "The toolkit uses this name for a column of its own", remedy)


def follow_up_columns(declaration: Declaration) -> dict[str, str]:
    """Return the declared columns of start and end of follow-up."""
    follow_up = declaration.study.follow_up
    columns = {"start": follow_up.start, "end": follow_up.end} if follow_up else {}
    return {key: column for key, column in columns.items() if column}


def design_columns(declaration: Declaration) -> Iterator[tuple[str, str]]:
    """List each key of the design with each column that it names."""
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


def declared_design(
    declaration: Declaration, there: tuple[str, ...]
) -> tuple[Design, dict[str, str], list[Problem]]:
    """Make the declared design (`Design.none()` if incomplete), file columns by design column, problems."""
    declared = declaration.study.design
    lost = [c for _, c in design_columns(declaration) if c not in there and not _matching(c, there)]
    if declared.none or declared.undeclared or lost:
        return Design.none(), {}, []
    names = [field.name for field in fields(Design) if field.name in type(declared).model_fields]
    values = {name: getattr(declared, name) for name in names} | {"nest": True}
    for key in ("weight", "strata", "psu", "fpc"):
        values[key] = _renamed(values[key], declaration)
    values["replicate_weights"] = _replicates(declared.replicate_weights, there)
    try:
        design = Design(**values)
    except DesignError as error:
        return Design.none(), {}, [Problem("design", str(error).rstrip("."), "")]
    own = [name for name in there if name not in declaration.study.variables]
    return design, {c: c if c in own else c.removesuffix(_BESIDE) for c in design.columns}, []


def _renamed(value: Any, declaration: Declaration) -> Any:
    if isinstance(value, Mapping):
        return {name: _renamed(column, declaration) for name, column in value.items()}
    if isinstance(value, tuple):
        return tuple(_renamed(column, declaration) for column in value)
    if value is None:
        return None
    column = declaration.place(value)[1]
    return column + _BESIDE if column in (*declaration.study.variables, *_RESERVED) else column


def _replicates(declared: Any, there: tuple[str, ...]) -> Any:
    if isinstance(declared, Mapping):
        return {component: _replicates(columns, there) for component, columns in declared.items()}
    return _matching(declared, there) if isinstance(declared, str) else declared


def _matching(pattern: str, there: tuple[str, ...]) -> tuple[str, ...]:
    """Find the columns of a pattern such as "rep*", in the order of their numbers."""
    found = [column for column in there if fnmatchcase(column, pattern)]
    return tuple(sorted(found, key=_by_number))


def _by_number(column: str) -> tuple[str, int]:
    head = column.rstrip("0123456789")
    return head, int(column[len(head) :] or 0)
