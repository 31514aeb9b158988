"""Check the parameters of a report before a kernel starts: names, types, causes, variables and domain."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from toolkit.causes.card import card
from toolkit.dag import SIZES
from toolkit.errors import DatasetError, VariableError, unknown
from toolkit.planning.opened_plan import OpenedPlan, open_plan
from toolkit.results import variables_of
from toolkit.studies import Study
from toolkit.variables import parse

TAG = "parameters"
_TYPES = {str: "text", bool: "True or False", int: "a whole number", float: "a number"}


def read_parameters(source: str, report: str) -> dict[str, Any]:
    """Read the defaults in a parameters cell, whose lines assign literals such as `cause = "diabetes"`."""
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        name = _assigned_name(node)
        if name is None:
            continue
        try:
            found[name] = ast.literal_eval(node.value)  # type: ignore[attr-defined]
        except ValueError as error:
            raise DatasetError(
                f"The default of parameter '{name}' in report '{report}' is not a literal. Use text, a "
                f'number, True, False or a tuple of these, such as {name} = "".'
            ) from error
    return found


def _assigned_name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        return node.target.id
    return None


def fill_parameters(defaults: Mapping[str, Any], given: Mapping[str, Any], report: str) -> dict[str, Any]:
    """Check the names and types of given values, and add the defaults of all other parameters."""
    for name in given:
        if name not in defaults:
            remedy = f"Its parameters are: {', '.join(defaults) or 'none'}"
            raise VariableError(unknown(f"Report '{report}' has no parameter", name, defaults, remedy))
    return {
        name: _convert_value(name, default, given[name], report) if name in given else default
        for name, default in defaults.items()
    }


def _convert_value(name: str, default: Any, value: Any, report: str) -> Any:
    """Accept lists for tuples and whole numbers for numbers; refuse other types."""
    if isinstance(value, list) and (default is None or isinstance(default, tuple)):
        value = tuple(value)
    # A default of None accepts names of variables, the name of an adjustment set, or None.
    if default is None and isinstance(value, str):
        return value if value in SIZES else (value,)
    if default is None and (value is None or (isinstance(value, tuple) and _all_literals(value))):
        return value
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default) or (isinstance(default, tuple) and not _all_literals(value)):
        raise VariableError(
            f"Parameter '{name}' of report '{report}' must be "
            f"{_TYPES.get(type(default), 'a tuple of names')}, not {value!r}. "
            f"Use a value such as {name}={default!r}."
        )
    return value


def _all_literals(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str | int | float | bool) for value in values)


def open_named_plan(values: Mapping[str, Any], study: Study) -> OpenedPlan | None:
    """Open the plan that a parameter names, and check it for the study; None without one."""
    if not values.get("plan"):
        return None
    return open_plan(OpenedPlan, values["plan"], study, values.get("diagram") or None)


def check_names(values: Mapping[str, Any], study: Study) -> None:
    """Raise VariableError for a cause, variable or domain that does not exist.

    `cause`, `exposure`, `outcome`, `adjust`, `by` and `domain` mean what they mean in every estimator.
    """
    if "cause" in values:
        card(values["cause"])
    names = [values[key] for key in ("outcome", "exposure") if values.get(key)]
    for key in ("adjust", "by"):
        given = values.get(key) or ()
        if given not in SIZES:
            names += variables_of([given] if isinstance(given, str) else given)
    if values.get("domain"):
        names += parse(values["domain"]).names
    for name in names:
        study.variable(name)
