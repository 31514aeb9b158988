"""Parse the text of conditions and formulas: comments, backticks, limits, allowed pieces, names.

The text becomes a syntax tree whose every piece is looked up in a list of what is allowed; none of it is run.
"""

import ast
import re
import sys
import unicodedata
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from toolkit.errors import VariableError, short, unknown

LONGEST = 200_000  # characters: some thousand comparisons; the parser's time and memory grow with them
_DEEPEST = 100  # pieces inside one another; a person writes fewer than ten
_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_BACKTICKS = re.compile(_QUOTED + "|`([^`]+)`", re.DOTALL)
_LINE_END = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # as str.splitlines has them
_PRINTED = {"≥": ">=", "≤": "<=", "≠": "!="}
_COMMENTS = re.compile(f"({_QUOTED}|`[^`]*`)|([{''.join(_PRINTED)}])|#[^{_LINE_END}]*", re.DOTALL)
WORDS = {"true": True, "false": False}
MISSING = "missing"  # the function of conditions
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
# Usual mistakes in a text that cannot be parsed, outside of its quotes, and what to write.
_MISTAKES = {
    r"[\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb]": "Write straight quotes, ' or \", in place of {}.",
    "['\"]": "A quote has no partner.",
    "`": "A backtick has no partner.",
    r"<>": "Write !=.",
    r"=>": "Write >=.",
    r"=<": "Write <=.",
    r"===|!==": "Write == or !=.",
    r"(?<![=!<>])=(?!=)": "Write equality with two signs, ==.",
    "[&|]|!(?!=)": "Write and, or, not in place of &, | and !.",
    r"(?i)\bis\s+(not\s+)?null\b": "Write missing(name), or not missing(name).",
    r"(?i)\bbetween\b": "Write a range as 20 <= age <= 30.",
    r"\b(AND|OR|NOT|IN)\b": "Write {} in small letters.",
    r"[;$%?\\]": "Remove the sign {}.",
    r"(\b(and|or|not|in)|[<>=!]=|[<>])\s*$": "Nothing follows {}.",
    r"^\s*(and|or|in|[<>=!]=|[<>])(?!\w)": "Nothing precedes {}.",
}
_OPERATORS = ("and", "or", "not", "in", "True", "False", "None")
CONDITION_PIECES = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.In, ast.NotIn, ast.List,
    ast.Tuple, ast.Constant, ast.Name, ast.Load, ast.Call, *COMPARISONS,
)  # fmt: skip


@dataclass(frozen=True)
class Language:
    """What a kind of text may contain."""

    noun: str
    description: str
    pieces: tuple[type[ast.AST], ...]  # allowed nodes of the tree
    functions: tuple[str, ...]

    def refuse(self, text: str, hint: str = "") -> VariableError:
        """Say that a text is not of the language."""
        parts = [f"The {self.noun} '{short(text)}' cannot be read.", hint, f"{self.description}."]
        return VariableError(" ".join(part for part in parts if part))

    def parse(self, line: str) -> "Tree":
        """Parse a line, and refuse every piece that is not of the language."""
        plain, aliases = _replace_backticks(line)
        root = self._syntax_tree(plain, line)
        for node in pieces_in_order(root):
            call = isinstance(node, ast.Call)
            named = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if named and named not in self.functions:
                raise VariableError(
                    unknown(f"A {self.noun} has no function", named, self.functions, self.description)
                )
            if (call and not named) or not isinstance(node, self.pieces):
                raise self.refuse(line, _describe_offense(node))
            if isinstance(node, ast.Constant):
                require_storable(node.value, line)
        return Tree(root, aliases)

    def _syntax_tree(self, plain: str, text: str) -> ast.expr:
        if len(plain) > LONGEST:
            raise VariableError(
                f"The {self.noun} has {len(plain):,} characters, more than {LONGEST:,}. Derive a variable "
                "first: study.derive(...)."
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                tree = ast.parse(plain, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as problem:
            raise self.refuse(text, _hint(plain)) from problem
        if isinstance(tree, ast.Tuple) and "(" not in plain[:1]:
            raise self.refuse(text, "Write numbers without commas.")
        if is_too_deep(tree):
            raise VariableError(
                f"The {self.noun} '{short(text)}' has more than {_DEEPEST} pieces inside one another. Derive "
                "a variable of a part of it first: study.derive(...)."
            )
        return tree


@dataclass(frozen=True)
class Tree:
    """A syntax tree, with the names that stand for those in backticks."""

    root: ast.expr
    aliases: Mapping[str, str]

    def names(self) -> tuple[str, ...]:
        """List the variables in the order of their first use."""
        functions = {id(node.func) for node in ast.walk(self.root) if isinstance(node, ast.Call)}
        found = [n for n in pieces_in_order(self.root) if is_variable(n) and id(n) not in functions]
        return tuple(dict.fromkeys(self.name(node) for node in found))

    def name(self, node: ast.AST) -> str:
        """Look up the variable that a name of the tree denotes."""
        assert isinstance(node, ast.Name)  # noqa: S101 - callers checked is_variable
        return self.aliases.get(node.id, node.id)


def one_line(text: str) -> str:
    """Join the lines of a condition or formula, without comments (# to the line's end, unless in quotes).

    The signs ≥, ≤ and ≠, which tables and charts print, are read as >=, <= and !=.
    """
    lines = _COMMENTS.sub(lambda found: found[1] or _PRINTED.get(found[2], ""), text).splitlines()
    return " ".join(line.strip() for line in lines if line.strip())


def require_storable(number: Any, text: str) -> None:
    """Refuse a number of a text that is larger than the largest that a column can hold."""
    if isinstance(number, int | float) and abs(number) > sys.float_info.max:
        raise VariableError(
            f"'{short(text)}' contains a number above 1.8e308, which no variable can have. Write a smaller "
            "number."
        )


def quoted(name: str) -> str:
    """Write a name as conditions and formulas require it: in backticks unless it is a plain word."""
    return name if name.isidentifier() else f"`{name}`"


def is_too_deep(tree: ast.AST) -> bool:
    """Whether a tree has more pieces inside one another than functions that call themselves can follow."""
    depth, level = 0, [tree]
    while level and depth <= _DEEPEST:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth > _DEEPEST


def is_call(node: ast.AST, name: str) -> bool:
    """Whether a piece calls the function of this name."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def is_variable(node: ast.AST) -> bool:
    """Whether a piece names a variable."""
    return isinstance(node, ast.Name) and node.id not in WORDS


def write_piece(node: ast.AST) -> str:
    """Write a piece of a tree for an error, cut where it is long."""
    return short(ast.unparse(node))


def pieces_in_order(tree: ast.AST) -> list[ast.AST]:
    """List a tree's pieces in the order in which they are written."""
    return [tree, *(node for child in ast.iter_child_nodes(tree) for node in pieces_in_order(child))]


def _replace_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Replace names in backticks by plain ones; gives the text, and plain name -> name."""
    aliases: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group(0)
        alias = f"backtick_{len(aliases)}_"
        aliases[alias] = match.group(1)
        return alias

    return _BACKTICKS.sub(replace, text), aliases


def _hint(plain: str) -> str:
    """Say what is not of the language in a text that cannot be parsed, by the first usual mistake."""
    bare = re.sub(_QUOTED, "", plain)
    for pattern, remedy in _MISTAKES.items():
        if found := re.search(pattern, bare):
            return remedy.format(found[0].strip())
    strange = next((sign for sign in bare if not sign.isascii() and not sign.isidentifier()), "")
    if strange or "\0" in bare:
        sign = strange or "\0"
        name = unicodedata.name(sign, "a control character")
        return f"It contains the character U+{ord(sign):04X} ({name}). Remove or replace it."
    word = next((word for word in re.findall(r"\w+", bare) if iskeyword(word) and word not in _OPERATORS), "")
    if word:
        return f"'{word}' is a word of Python. If it is the name of a variable, write it in backticks."
    if bare.count("(") != bare.count(")"):
        return "A parenthesis has no partner."
    return "" if bare.count("[") == bare.count("]") else "A bracket has no partner."


def _describe_offense(node: ast.AST) -> str:
    if isinstance(node, ast.BitAnd | ast.BitOr | ast.Invert | ast.BinOp):
        return "Write and, or, not in place of &, | and !; arithmetic belongs in study.derive(...)."
    if isinstance(node, ast.Is | ast.IsNot):
        return "Write missing(name), or not missing(name)."
    return f"It contains a piece that is not part of the language ({type(node).__name__.lower()})."
