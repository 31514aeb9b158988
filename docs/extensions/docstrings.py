"""Show the type of each parameter beside its description instead of in the signature."""

import inspect
import re
from typing import Any

_SECTION = re.compile(r"^(Parameters|Attributes)$")
_ENTRY = re.compile(r"^[*\w]+(, [*\w]+)*$")
_QUALIFIED = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])")


def describe_types(*event: Any) -> None:
    """Write `name : type` for each entry of the sections Parameters and Attributes that lacks a type."""
    value, lines = event[3], event[5]
    types = _types(value)
    inside = False
    for place, line in enumerate(lines):
        underline = place + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[place + 1])
        if underline:
            inside = bool(_SECTION.match(line))
        elif inside and _ENTRY.match(line) and (known := types.get(line.partition(",")[0].lstrip("*"))):
            lines[place] = f"{line} : {known}"


def _types(value: Any) -> dict[str, str]:
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {p.name: _write(p.annotation) for p in parameters if p.annotation is not p.empty}


def _write(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = re.sub(r"Literal\[([^\]]*)\]", r"{\1}", _QUALIFIED.sub("", text))
    return text.replace("*", r"\*").replace("_ ", r"\_ ")


def setup(app: Any) -> dict[str, bool]:
    """Run before numpydoc, which reads the same lines."""
    app.connect("autodoc-process-docstring", describe_types, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
