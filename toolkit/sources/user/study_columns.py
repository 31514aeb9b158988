"""List every place of a `study.toml` that names a column, and find those whose column is not there.

Takes a declaration and the columns of its files; gives places and problems.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from toolkit.errors import unknown
from toolkit.sources.user.declaration import Declaration, Problem, Repeated
from toolkit.sources.user.follow_up import COLUMNS, END, START

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
    sections = (("visits", study.visits), ("diary", study.diary))
    named = {"variables": (study.variables, ["person", *derived])} | {
        f"{section}.variables": (part.variables, ["person", "date", "place"])
        for section, part in sections
        if part is not None
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
    for section, part in (("visits", study.visits), ("diary", study.diary)):
        if part is not None and part.file in study.files:
            yield from _repeated_references(section, part)


def _repeated_references(section: str, part: Repeated) -> Iterator[Reference]:
    yield f"{section}.date", part.file, part.date
    if part.place:
        yield f"{section}.place", part.file, part.place
    for name, variable in part.variables.items():
        if variable.column:
            yield f"{section}.variables.{name}", part.file, variable.column
