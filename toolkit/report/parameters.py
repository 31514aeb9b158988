"""Check a report's parameters before a kernel starts: names, types, and words with few right answers.

Takes a notebook's cells and the values asked for; gives every parameter's value, defaults included.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.dag.backdoor import SIZES
from toolkit.errors import DatasetError, VariableError, unknown

TAG = "parameters"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One assignment of the parameters cell: its name, its default, and the type it stands for."""

    name: str
    default: Any

    @property
    def kind(self) -> str:
        """The type in words for an error message."""
        words = {str: "text", bool: "True or False", int: "a whole number", float: "a number"}
        return words.get(type(self.default), "a tuple of names")


def declared(source: str, report: str) -> dict[str, Parameter]:
    """Read the parameters that a cell declares by literal defaults.

    Parameters
    ----------
    source
        The cell's Python text; each parameter is one line such as `cause = "diabetes"`.
    report
        The report's name, for messages.

    Returns
    -------
    dict
        Parameters by name, in the cell's order.

    Raises
    ------
    DatasetError
        If a line assigns something other than a literal.

    Examples
    --------
    >>> declared('cause = "diabetes"', "cause")["cause"].default
    'diabetes'
    """
    found: dict[str, Parameter] = {}
    for node in ast.parse(source).body:
        name = _target(node)
        if name is None:
            continue
        try:
            found[name] = Parameter(name, ast.literal_eval(node.value))  # type: ignore[attr-defined]
        except ValueError as error:
            raise DatasetError(
                f"the parameter '{name}' of report '{report}' has no literal default: write text, a number, "
                f'True or False, or a tuple of them, such as {name} = "".'
            ) from error
    return found


def checked(known: Mapping[str, Parameter], given: Mapping[str, Any], report: str) -> dict[str, Any]:
    """Give every parameter's value after checking the names and types of those given.

    Parameters
    ----------
    known
        What `declared` read.
    given
        Values by name; lists are taken for tuples, whole numbers for numbers.
    report
        The report's name, for messages.

    Returns
    -------
    dict
        Values by name, defaults where nothing was given.

    Raises
    ------
    VariableError
        For a name that the report does not have, or a value of another type.

    Examples
    --------
    >>> checked({"cause": Parameter("cause", "")}, {"cause": "joints"}, "cause")
    {'cause': 'joints'}
    """
    for name in given:
        if name not in known:
            everyone = f"It takes: {', '.join(known) or 'none'}"
            raise VariableError(unknown(f"report '{report}' has no parameter", name, known, everyone))
    return {name: _value(p, given[name], report) if name in given else p.default for name, p in known.items()}


def _target(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        return node.target.id
    return None


def _value(parameter: Parameter, value: Any, report: str) -> Any:
    default = parameter.default
    if isinstance(value, list) and (default is None or isinstance(default, tuple)):
        value = tuple(value)
    # What is left open by default takes names or the name of a set of the causal diagram, or stays open.
    if default is None and isinstance(value, str):
        return value if value in SIZES else (value,)
    if default is None and (value is None or (isinstance(value, tuple) and _plain(value))):
        return value
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default) or (isinstance(default, tuple) and not _plain(value)):
        raise VariableError(
            f"parameter '{parameter.name}' of report '{report}' takes {parameter.kind}, not {value!r}. "
            f"Write it as {parameter.name}={default!r}."
        )
    return value


def _plain(values: tuple[Any, ...]) -> bool:
    return all(isinstance(value, str | int | float | bool) for value in values)
