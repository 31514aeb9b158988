"""Read the toolkit's sources as syntax trees: modules, rooms, imports, functions."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "toolkit"


@dataclass(frozen=True)
class Module:
    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """The first word after `toolkit`: `estimate` of `toolkit.estimate.survey`; "" for the root."""
        return self.name.partition(".")[2].partition(".")[0]

    @property
    def where(self) -> str:
        return str(self.path.relative_to(ROOT))


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


@cache
def imports(module: Module) -> list[tuple[str, int]]:
    """Each module that this one imports, anywhere in it, with the line."""
    return list(_imports(module))


def _imports(module: Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Import():
                yield from ((alias.name, node.lineno) for alias in node.names)
            case ast.ImportFrom(module=source, level=0) if source is not None:
                yield from ((_module_of(source, alias.name), node.lineno) for alias in node.names)
            case ast.ImportFrom():
                raise AssertionError(
                    f"{module.where}:{node.lineno}: write imports from 'toolkit', not with dots"
                )
            case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(target)), *_]):
                yield target, node.lineno


def _module_of(source: str, name: str) -> str:
    full = f"{source}.{name}"
    return full if full in modules() else source


@dataclass(frozen=True)
class Function:
    name: str
    where: str
    lines: int


def functions(path: Path) -> list[Function]:
    """Each function of a file with its length, docstring aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    where = path.relative_to(ROOT)
    return [Function(node.name, f"{where}:{node.lineno}", _length(node)) for node in found]


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    whole = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is None:
        return whole
    text = node.body[0]
    return whole - ((text.end_lineno or text.lineno) - text.lineno + 1)


def table(heading: str, document: str = "CONTRIBUTING.md") -> list[list[str]]:
    """The rows of the markdown table whose head starts with `heading`, cells as text."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.search(rf"^\| {re.escape(heading)} .*\n\|[-|: ]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    if found is None:
        raise AssertionError(f"{document} has no table whose first column is '{heading}'")
    return [[cell.strip() for cell in row.strip("|\n").split("|")] for row in found[1].splitlines()]


def words(cell: str) -> list[str]:
    """The names in a table's cell, backticks aside."""
    return [word.strip(" `") for word in cell.split(",") if word.strip(" `")]
