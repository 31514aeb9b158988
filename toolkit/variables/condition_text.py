"""Prepare the text of a condition or formula for reading: comments, lines, backticks, limits, syntax tree.

The text is parsed and looked at, never run. What the pieces mean is said in `domain` and `expressions`.
"""

import ast
import re
import warnings

from toolkit.errors import VariableError, short

LANGUAGE = (
    "A condition compares variables with values (==, !=, <, <=, >, >=, in [..], not in [..]), asks whether "
    "a value is missing (missing(name), missing(name, 'reason')) and joins these with and, or, not and "
    "parentheses, such as \"age >= 20 and sex == 'female'\""
)
LONGEST = 10_000  # characters; longer text can exhaust the parser's stack
_DEEPEST = 100  # pieces inside one another; a person writes fewer than ten
_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_BACKTICKS = re.compile(_QUOTED + "|`([^`]+)`", re.DOTALL)
_LINE_END = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # as str.splitlines has them
_COMMENTS = re.compile(f"({_QUOTED}|`[^`]*`)|#[^{_LINE_END}]*", re.DOTALL)


def one_line(text: str) -> str:
    r"""Write a condition or formula of several lines in one, without its comments.

    A comment goes from # to the end of its line; a # in quotes or backticks is text. This is the rule of
    every text that a user writes: domains, expressions, model formulas.

    Parameters
    ----------
    text
        As the user wrote it.

    Returns
    -------
    str
        One line; "" if nothing but comments is there.

    Examples
    --------
    >>> one_line("age >= 20  # adults\nand place == 'unit #2'")
    "age >= 20 and place == 'unit #2'"
    """
    lines = _COMMENTS.sub(lambda found: found[1] or "", text).splitlines()
    return " ".join(line.strip() for line in lines if line.strip())


def plain_names(text: str) -> tuple[str, dict[str, str]]:
    """Put plain names in the place of those in backticks; gives the text and what stands for what."""
    aliases: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group(0)
        alias = f"backtick_{len(aliases)}_"
        aliases[alias] = match.group(1)
        return alias

    return _BACKTICKS.sub(stand_in, text), aliases


def syntax_tree(plain: str, text: str, what: str) -> ast.expr:
    """Parse a text into a syntax tree, which is looked at and never run; `what` says what the text is."""
    if len(plain) > LONGEST:
        raise VariableError(
            f"this {what} has {len(plain):,} characters, more than {LONGEST:,}. Derive a variable first: "
            f"study.derive(...)."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as problem:
        raise not_understood(text, _hint(plain)) from problem
    if _depth(tree) > _DEEPEST:
        raise VariableError(
            f"this {what} nests more than {_DEEPEST} pieces. Give its parts names of their own: "
            f"study.derive(...)."
        )
    return tree


def _depth(tree: ast.AST) -> int:
    deepest, level = 0, [tree]
    while level and deepest <= _DEEPEST:
        deepest += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return deepest


def _hint(plain: str) -> str:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", plain)
    if re.search(r"(?<![=!<>])=(?!=)", bare):
        return "Equality is written with two signs, ==."
    if "&" in bare or "|" in bare:
        return "Write and, or, not in place of &, | and !."
    return ""


def not_understood(text: str, hint: str = "") -> VariableError:
    """Word the refusal of a condition that cannot be read."""
    parts = [f"the condition '{short(text)}' cannot be read.", hint, f"{LANGUAGE}."]
    return VariableError(" ".join(part for part in parts if part))


def written(node: ast.AST) -> str:
    """Write a piece of a tree for an error, cut where it is long."""
    return short(ast.unparse(node))


def in_order(tree: ast.AST) -> list[ast.AST]:
    """List a tree's pieces in the order in which they are written."""
    below = [node for child in ast.iter_child_nodes(tree) for node in in_order(child)]
    return [tree, *below]
