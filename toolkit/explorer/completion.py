"""Complete names of variables, levels, studies and cards inside quotes, in JupyterLab and IPython.

`import toolkit` in a session of IPython registers it. Nothing is evaluated: a study is found by its name.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.causes import cards
from toolkit.errors import ToolkitError
from toolkit.results import ESTIMANDS
from toolkit.sources.registry import available_studies
from toolkit.studies import Study

# The arguments that name variables.
_VARIABLES = {
    "outcome", "outcomes", "variable", "variables", "exposure", "exposures", "adjust", "by", "complete",
    "numerator", "denominator", "group", "over", "event", "events", "time", "entry", "row", "column",
    "stratum", "offset", "search",
}  # fmt: skip
# Methods of a study whose argument `name` is a variable that exists.
_OF_EXISTING = ("cut", "merge_levels", "variable")
_LEVELS = {"reference": "exposure", "level": "exposure"}
_NAME_BEFORE = re.compile(r"[\w.]+$")
_KEYWORD_BEFORE = re.compile(r"(\w+)\s*=\s*$")
_WORD = re.compile(r"`?[\w.]*$")
# A comparison with text, or the list of one, at the end of a condition.
_COMPARED = re.compile(
    r"(?:`([^`]+)`|(\w+))\s*(?:==|!=|(?:not\s+)?in\s*\[(?:\s*(['\"])[^'\"]*\3\s*,)*)\s*['\"]([^'\"]*)$"
)


@dataclass(frozen=True)
class Offer:
    """What may stand at the cursor: texts with what they are, in place of the fragment before it."""

    texts: Mapping[str, str]
    fragment: str


@dataclass(frozen=True)
class _Call:
    """The call around a string that is not closed yet."""

    function: str
    # The texts of the arguments before the string; the last belongs to the string.
    before: tuple[str, ...]
    # What is typed of the string so far.
    typed: str

    @property
    def keyword(self) -> str | None:
        """The name of the argument of the string, where it has one."""
        found = _KEYWORD_BEFORE.search(self.before[-1].rstrip("[( ").rstrip())
        if found is None:
            found = re.match(r"\s*(\w+)\s*=[^=]", self.before[-1] + " ")
        return found[1] if found else None

    def argument(self, name: str, parameters: list[str]) -> str | None:
        """Return the text given for another parameter; None if it is not a plain string."""
        for place, text in enumerate(self.before[:-1]):
            own = re.match(r"\s*(\w+)\s*=(?!=)(.*)$", text, re.DOTALL)
            given, value = (own[1], own[2]) if own else (parameters[place : place + 1] or [""], text)
            if given in (name, [name]):
                try:
                    found = ast.literal_eval(value.strip())
                except (ValueError, SyntaxError):
                    return None
                return found if isinstance(found, str) else None
        return None


def register(shell: Any) -> None:
    """Offer completions in a session of IPython; once, however often the toolkit is imported."""
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", None)
    if matchers is None or any(getattr(own, "of_toolkit", False) for own in matchers):
        return
    from IPython.core.completer import SimpleCompletion, context_matcher

    def match(context: Any) -> Any:
        lines = context.full_text.split("\n")
        text = "\n".join([*lines[: context.cursor_line], context.text_until_cursor])
        offered = offer(text, shell.user_ns)
        if offered is None:
            return {"completions": []}
        found = [SimpleCompletion(text=own, type=kind) for own, kind in offered.texts.items()]
        return {"completions": found, "matched_fragment": offered.fragment, "suppress": bool(found)}

    matcher = context_matcher(identifier="toolkit")(match)
    matcher.of_toolkit = True
    matchers.append(matcher)


def offer(text: str, names: Mapping[str, Any]) -> Offer | None:
    """Offer what completes a text that ends inside quotes; `names` are those of the session."""
    call = _find_call(text)
    if call is None:
        return None
    function, study, parameters = _resolve(call, names)
    if function is None:
        return None
    parameter = call.keyword or next(iter(parameters[len(call.before) - 1 : len(call.before)]), "")
    try:
        return _offer(call, parameter, parameters, study)
    except ToolkitError:  # A variable that is no level, a study that cannot be read: nothing to offer.
        return None


def _offer(call: _Call, parameter: str, parameters: list[str], study: Study | None) -> Offer | None:
    typed = call.typed
    if study is None:
        return _matching(_fixed(call.function, parameter), typed)
    if parameter in ("domain", "expression"):
        return _in_condition(study, typed)
    if parameter == "formula":
        word = _WORD.search(typed)
        return _matching(_variables(study), word[0] if word else "")
    if parameter in _LEVELS:
        exposure = call.argument(_LEVELS[parameter], parameters)
        return _matching(_levels(study, exposure), typed) if exposure else None
    if parameter == "estimand":
        return _matching(dict.fromkeys(ESTIMANDS, "estimand"), typed)
    existing = parameter == "name" and call.function.rpartition(".")[2] in _OF_EXISTING
    return _matching(_variables(study), typed) if parameter in _VARIABLES or existing else None


def _matching(texts: Mapping[str, str], typed: str) -> Offer:
    return Offer({text: kind for text, kind in texts.items() if text.startswith(typed)}, typed)


def _fixed(function: str, parameter: str) -> dict[str, str]:
    """List what a function without a study takes."""
    if function.endswith(("open_study", "download_study")) and parameter in ("name", "study"):
        return dict.fromkeys(available_studies(), "study")
    if function.endswith(".card") and parameter == "name":
        return dict.fromkeys(cards(), "cause")
    return {}


def _variables(study: Study) -> dict[str, str]:
    return {name: variable.label or "variable" for name, variable in study.codebook.variables.items()}


def _levels(study: Study, name: str) -> dict[str, str]:
    return dict.fromkeys(study.variable(name).levels, "level")


def _in_condition(study: Study, typed: str) -> Offer:
    """Complete a level after a comparison, otherwise the name of a variable."""
    compared = _COMPARED.search(typed)
    if compared:
        return _matching(_levels(study, compared[1] or compared[2]), compared[4])
    word = _WORD.search(typed)
    return _matching(_variables(study), word[0] if word else "")


def _resolve(
    call: _Call, names: Mapping[str, Any]
) -> tuple[Callable[..., Any] | None, Study | None, list[str]]:
    """Find the function that is called, the study it is called with, and its parameters."""
    root, *rest = call.function.split(".")
    found = names.get(root)
    if isinstance(found, Study):
        if len(rest) != 1 or not hasattr(Study, rest[0]):
            return None, None, []
        function = getattr(Study, rest[0])
        return function, found, _parameters(function)[1:]
    if not rest and getattr(found, "__module__", "").startswith("toolkit"):
        pass  # from toolkit import prevalence
    elif getattr(found, "__name__", "") == "toolkit":
        for part in rest:
            found = getattr(found, part, None)
    else:
        return None, None, []
    if not callable(found):
        return None, None, []
    subject = names.get(re.sub(r"^\s*study\s*=\s*", "", call.before[0]).strip()) if call.before else None
    return found, subject if isinstance(subject, Study) else None, _parameters(found)


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def _find_call(text: str) -> _Call | None:
    """Find the string that is open at the end of a text, and the call that it is an argument of."""
    brackets: list[tuple[str, int]] = []
    opened: tuple[str, int] | None = None
    for at, character, quote in _scan(text):
        opened = (quote, at) if quote else None
        if not quote and character in "([{":
            brackets.append((character, at))
        elif not quote and character in ")]}" and brackets:
            brackets.pop()
    if opened is None:
        return None
    quote, start = opened
    for bracket, at in reversed(brackets):
        function = _NAME_BEFORE.search(text[:at])
        if bracket == "(" and function:
            return _Call(function[0], tuple(_split(text[at + 1 : start])), text[start + len(quote) :])
    return None


def _scan(text: str) -> Iterator[tuple[int, str, str]]:
    """Go through characters outside of strings and comments, and through the strings that are opened."""
    at = 0
    while at < len(text):
        character = text[at]
        if character == "#":
            end = text.find("\n", at)
            if end < 0:
                return
            at = end
        elif character in "'\"":
            quote = character * 3 if text.startswith(character * 3, at) else character
            end = _end_of_string(text, at + len(quote), quote)
            if end < 0:
                yield at, character, quote
                return
            at = end + len(quote)
            yield at - 1, "", ""
        else:
            yield at, character, ""
            at += 1


def _end_of_string(text: str, start: int, quote: str) -> int:
    at = start
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text.startswith(quote, at):
            return at
        elif text[at] == "\n" and len(quote) == 1:
            return -1
        else:
            at += 1
    return -1


def _split(arguments: str) -> Iterable[str]:
    """Split the arguments of a call at its commas; the last may be empty."""
    depth, start = 0, 0
    for at, character, _ in _scan(arguments):
        if character in ("(", "[", "{"):
            depth += 1
        elif character in (")", "]", "}"):
            depth -= 1
        elif character == "," and depth == 0:
            yield arguments[start:at]
            start = at + 1
    yield arguments[start:]
