"""Write the tooltips of a chart into its SVG, as the descriptions of marks that a script can show."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

# Characters of private use, which no label has: between the lines of a tooltip, and after the name of a line.
LINE_END, NAME_END = "\ue000", "\ue001"
_PARTS = ("layer", "concat", "hconcat", "vconcat")
# Values that do not exist before Vega-Lite has computed them.
_COMPUTED = ("aggregate", "bin", "timeUnit")


@cache
def tooltip_script() -> str:
    """Read the script that shows tooltips: the function `showTips(root)`, for a page or a part of one."""
    return Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def describe_marks(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a specification with each tooltip as the description of its marks, and no other descriptions."""
    made = dict(spec)
    for name in _PARTS:
        if name in made:
            made[name] = [describe_marks(part) for part in made[name]]
    if isinstance(made.get("spec"), Mapping):
        made["spec"] = describe_marks(made["spec"])
    return _describe_unit(made) if "mark" in made else made


def _describe_unit(unit: dict[str, Any]) -> dict[str, Any]:
    tips = unit.get("encoding", {}).get("tooltip")
    if tips is None:
        mark = unit["mark"] if isinstance(unit["mark"], Mapping) else {"type": unit["mark"]}
        return {**unit, "mark": {**mark, "aria": False}}
    lines = tips if isinstance(tips, list) else [tips]
    if not all("field" in line for line in lines) or _has_computed(unit):
        return unit
    text = {"calculate": f" + '{LINE_END}' + ".join(map(_write_line, lines)), "as": "tip"}
    encoding = {**unit["encoding"], "description": {"field": "tip", "type": "nominal"}}
    return {**unit, "transform": [*unit.get("transform", []), text], "encoding": encoding}


def _has_computed(unit: Mapping[str, Any]) -> bool:
    channels = [
        c
        for channel in unit["encoding"].values()
        for c in (channel if isinstance(channel, list) else [channel])
    ]
    return any(
        isinstance(channel, Mapping) and channel.get(name) for channel in channels for name in _COMPUTED
    )


def _write_line(tip: Mapping[str, Any]) -> str:
    """Write one line of a tooltip as a Vega expression."""
    value = f"datum[{_quote(tip['field'])}]"
    shown = f"format({value}, {_quote(tip['format'])})" if tip.get("format") else value
    name = f"{tip.get('title') or tip['field']}{NAME_END}"
    return f"{_quote(name)} + (isValid({value}) ? {shown} : '–')"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")
    return f"'{escaped}'"
