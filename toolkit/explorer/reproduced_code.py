"""Write the Python code that reproduces what the explorer shows."""

import inspect
import sys
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from toolkit.errors import short
from toolkit.explorer.choices import NAMED, TABS, Choice
from toolkit.explorer.explored_results import Explored
from toolkit.results import variables_of
from toolkit.sources.registry import find_options
from toolkit.studies import Study

_WIDTH = 88  # characters of a line


def write_code(explored: Explored, tab: str, opening: tuple[str, str]) -> str:
    """Write the code of one tab; `opening` is the line that opens the study, if any, and its name."""
    opened, study = opening
    body = {"association": _write_association, "prevalence": _write_prevalence, "flow": _write_flow}
    lines = body[tab](explored, study)
    imports = ["import toolkit as tk"]
    if any("pl.concat(" in line for line in lines):
        imports = ["import polars as pl", *imports]
    return "\n".join([*imports, "", *([opened, ""] if opened else []), *lines]) + "\n"


def _write_prevalence(explored: Explored, study: str) -> list[str]:
    choice, lines = explored.choice, []
    of, levels = study, choice.exposure
    if explored.cut:
        of, levels = "thirds", explored.cut
        named = {} if explored.cut == f"{choice.exposure}_thirds" else {"as_": explored.cut}
        lines = [_call(f"{study}.cut", choice.exposure, domain=choice.domain, **named, to=of)]
    groups = (*choice.by, levels) if levels else choice.by
    return [
        *lines,
        _call("tk.prevalence", _Name(of), choice.outcome, by=groups, domain=choice.domain, to="prevalence"),
        *_write_weight(explored, study),
        *_write_shown(explored, "prevalence", "tk.charts.prevalence_chart"),
    ]


def _write_association(explored: Explored, study: str) -> list[str]:
    choice = explored.choice
    if not choice.exposure:
        return _write_prevalence(explored, study)
    asked: dict[str, Any] = {"domain": choice.domain, "by": choice.by}
    if choice.estimand != "prevalence_ratio":
        asked = {"estimand": choice.estimand, **asked}
    ends = (_Name(study), choice.outcome, choice.exposure)
    several = bool(explored.covariates)
    adjusted = _call(
        "tk.association", *ends, **_adjust(choice), **asked, to="adjusted" if several else "result"
    )
    lines = [*_write_set(explored, study), adjusted]
    if several:
        complete = _covariates(explored)
        lines.append(_call("tk.association", *ends, adjust=(), complete=complete, **asked, to="crude"))
        lines.append("result = pl.concat([crude, adjusted])")
    summary = ["print(covariates.summary)"] if explored.adjustment.found else []
    shown = _write_shown(explored, "association", "tk.forest")
    return [*lines, *summary, *_write_weight(explored, study, _covariates(explored)), *shown]


def _write_flow(explored: Explored, study: str) -> list[str]:
    choice = explored.choice
    exposure = {"exposure": choice.exposure, **_adjust(choice)} if choice.exposure else {}
    asked = {**exposure, "by": choice.by, "domain": choice.domain}
    covariates = _covariates(explored) if choice.exposure else ()
    return [
        *(_write_set(explored, study) if choice.exposure else []),
        _call("tk.flow", _Name(study), choice.outcome, **asked, to="flow"),
        *_write_weight(explored, study, covariates),
        "print(tk.reports.flow_sentence(flow))",
        "tk.charts.flow_chart(flow)",
    ]


def _write_shown(explored: Explored, tab: str, chart: str) -> list[str]:
    """Write the lines of finding and chart, with the labels of groups where there are any."""
    rows = "prevalence" if tab == "prevalence" else "result"
    named = ", ".join(f"{_write(name)}: {_write(label)}" for name, label in explored.labels(tab).items())
    given = f"{rows}, labels=labels" if named else rows
    return [*([f"labels = {{{named}}}"] if named else []), f"print(tk.finding({given}))", f"{chart}({given})"]


def _adjust(choice: Choice) -> dict[str, Any]:
    return {} if choice.adjustment is None else {"adjust": choice.adjustment}


def _covariates(explored: Explored) -> str | tuple[()]:
    """Name the variables that are adjusted for as the code does."""
    if not explored.covariates:
        return ()
    return _Name("covariates" if explored.choice.adjust == NAMED else "covariates.variables")


def _write_set(explored: Explored, study: str) -> list[str]:
    """Write the line that chooses the diagram's set, or that names the variables of one's own list."""
    choice = explored.choice
    if choice.adjust == NAMED and explored.covariates:
        names = variables_of(explored.covariates)
        words = [f"{_write(name)}," for name in names]
        return [_fill("covariates = (", words, ")") if len(names) > 1 else f"covariates = {_write(names)}"]
    if explored.adjustment.found is None:
        return []
    size = {} if choice.adjust == "small" else {"size": choice.adjust}
    ends = (_Name(study), choice.outcome, choice.exposure)
    return [_call("tk.adjustment_for", *ends, **size, domain=choice.domain, to="covariates")]


def _write_weight(explored: Explored, study: str, covariates: str | tuple[()] = ()) -> list[str]:
    choice = explored.choice
    exposure = (choice.exposure,) if choice.exposure else ()
    names: list[object] = [choice.outcome, *exposure, *choice.by]
    names += [_Name(f"*{covariates}")] if covariates else []
    variables = tuple(dict.fromkeys(names))
    domain = [choice.domain] if choice.domain else []
    return [_call(f"{study}.weight_for", variables, *domain, to="weight"), "print(weight)"]


class _Name(str):
    """A Python expression among the arguments, written without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _call(function: str, *given: object, to: str, **named: object) -> str:
    """Write an assigned call without the arguments that are empty; `adjust=()` says something."""
    kept = {name: value for name, value in named.items() if value or name == "adjust"}
    if len(kept.get("by") or ()) == 1:  # type: ignore[arg-type]
        kept["by"] = kept["by"][0]  # type: ignore[index]
    words = [word for value in given for word in _words(value)]
    words += [word for name, value in kept.items() for word in _words(value, f"{name}=")]
    return _fill(f"{to} = {function}(", words, ")")


def _fill(start: str, words: Sequence[str], end: str) -> str:
    """Write words in one line, or in indented lines between its start and its end."""
    line = f"{start}{' '.join(words).removesuffix(',')}{end}"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([start, *_break(words), end])


def _words(value: object, start: str = "") -> list[str]:
    """Write an argument as the words between which a line may break."""
    if not isinstance(value, tuple) or len(value) < 2:
        return [f"{start}{_write(value)},"]
    first, *others = (f"{_write(part)}," for part in value)
    return [f"{start}({first}", *others[:-1], f"{others[-1].removesuffix(',')}),"]


def _break(words: Sequence[str]) -> list[str]:
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 > _WIDTH - 4 and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [f"    {line}" for line in lines]


def _write(value: object) -> str:
    if isinstance(value, tuple):
        inside = ", ".join(map(_write, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, _Name) or not isinstance(value, str):
        return repr(value)
    text = repr(value)
    # As the rest of the toolkit's code is written, unless the text has such quotes itself.
    return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text


def find_opening(study: Study, names: Mapping[str, Any]) -> tuple[str, str]:
    """Return the line that opens a study, "" if it has a name in the session, and its name."""
    taken = {"tk", "pl", "thirds", "labels", "covariates", "adjusted", "crude", "result", "weight", *TABS}
    known = [name for name, value in names.items() if value is study and name.isidentifier()]
    known = [name for name in known if not name.startswith("_") and name not in taken]
    if known:
        return "", known[0]
    options = find_options(study)
    if options is not None:
        return _call("tk.open_study", study.name, **options, to="study"), "study"
    return f"# study: {short(study.label)}, as it was given to tk.explore", "study"


def session_names() -> Mapping[str, Any]:
    """Return the names of the session of IPython, or of the caller outside the toolkit."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        return dict(shell.user_ns)
    frames = [frame.frame for frame in inspect.stack()]
    inside = list(takewhile(lambda f: str(f.f_globals.get("__name__", "")).startswith("toolkit"), frames))
    caller = frames[len(inside)] if len(inside) < len(frames) else None
    return {} if caller is None else {**caller.f_globals, **caller.f_locals}
