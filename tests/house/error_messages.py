"""List every error message of the toolkit, side by side: file and line, class, text with placeholders.

`make errors` prints the list. Messages that a function writes (`unknown(...)`) appear as the call that writes
them, and those of `require_known` by their first words.
"""

import ast
from dataclasses import dataclass

from tests.house.tree import Module, modules


@dataclass(frozen=True)
class Message:
    where: str
    error: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.error}: {self.text}"


def error_classes() -> set[str]:
    """Name the classes of `toolkit.errors` and all that derive from them."""
    found = {"ToolkitError"}
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    while further := {name for name, above in bases.items() if above & found} - found:
        found |= further
    return found


def error_messages() -> list[Message]:
    classes = error_classes()
    return [message for module in modules().values() for message in messages_of(module, classes)]


def messages_of(module: Module, classes: set[str]) -> list[Message]:
    """Find each call of an error class in the order of lines: raised at once, returned or kept."""
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and node.args:
            name = ast.unparse(node.func).rpartition(".")[2]
            if name == "require_known":
                named = [ast.unparse(part) for part in (*node.args, *(k.value for k in node.keywords))]
                name = next((part for part in named if part in classes), "EstimationError")
            if name in classes:
                text = " ".join(template(node.args[0], texts_of(module, node)).split())
                found.append((node.lineno, Message(f"{module.where}:{node.lineno}", name, text)))
    return [message for _, message in sorted(found, key=lambda pair: pair[0])]


def texts_of(module: Module, call: ast.Call) -> dict[str, ast.expr]:
    """Give the text behind each name where an error is made: variables there, functions of the module."""
    found: dict[str, ast.expr] = {}
    for function in ast.walk(module.tree):
        if isinstance(function, ast.FunctionDef):
            values = [
                node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value
            ]
            if values and ast.unparse(function.returns or ast.Constant("")) == "str":
                found[function.name] = values[-1]
            if function.lineno <= call.lineno <= (function.end_lineno or 0):
                found |= {
                    target.id: node.value
                    for node in ast.walk(function)
                    if isinstance(node, ast.Assign) and node.lineno < call.lineno
                    for target in node.targets
                    if isinstance(target, ast.Name)
                }
    return found


def template(node: ast.expr, known: dict[str, ast.expr], depth: int = 3) -> str:
    """Write a message as it reads, with what is filled in between braces."""

    def each(parts: list[ast.expr], between: str) -> str:
        return between.join(template(part, known, depth) for part in parts)

    behind = _behind(node, known) if depth else None
    match node:
        case _ if behind is not None:
            text = template(behind, known, depth - 1)
        case ast.Constant(value=str(text)):
            pass
        case ast.JoinedStr(values=parts):
            text = each(parts, "")
        case ast.FormattedValue(value=value):
            text = template(value, known, depth)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            text = each([left, right], "")
        case ast.IfExp(body=body, orelse=orelse):
            text = f"[{each([body, orelse], ' | ')}]"
        case ast.Call(func=func, args=args) if any(has_text(part, known) for part in args):
            text = f"{ast.unparse(func)}({each(args, ', ')})"
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            text = each(parts, " ")
        case _:
            text = f"{{{ast.unparse(node)}}}"
    return text


def _behind(node: ast.expr, known: dict[str, ast.expr]) -> ast.expr | None:
    """Give the text that a variable or a call of the module's own function stands for."""
    match node:
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
            text = known.get(name)
            return text if text is not None and has_text(text, {}) else None
    return None


def has_text(node: ast.expr, known: dict[str, ast.expr]) -> bool:
    """Say whether an expression holds words of its own, here or under a name."""
    own = known.get(ast.unparse(node), node)
    return any(isinstance(n, ast.Constant) and " " in str(n.value) for n in ast.walk(own))


if __name__ == "__main__":
    print(*error_messages(), sep="\n")  # noqa: T201 - what the command is for
