"""The list of error messages has each of them, with its place, its class and its words."""

import ast
import re
import subprocess
import sys

from tests.house.error_messages import Message, error_classes, error_messages, messages_of
from tests.house.tree import PACKAGE, ROOT, Module, modules
from toolkit import errors

SAMPLE = """
def refuse(name, near):
    raise VariableError(f"This study has no variable '{name}'. " + "Use another.")

def nearest(name):
    remedy = f"Use {name}." if name else "List all of them."
    return DatasetError(f"{title(name)} is absent. {remedy}")

def title(name) -> str:
    return f"the file '{name}'"

def unknown_one(name):
    raise errors.DesignError(unknown("the design has no", name, NAMES))

def others():
    raise ValueError("not one of ours")
"""


def test_a_message_reads_as_it_is_written_with_its_placeholders() -> None:
    module = Module("toolkit.sample", PACKAGE / "sample.py", ast.parse(SAMPLE))
    assert messages_of(module, error_classes()) == [
        Message("toolkit/sample.py:3", "VariableError", "This study has no variable '{name}'. Use another."),
        Message(
            "toolkit/sample.py:7",
            "DatasetError",
            "the file '{name}' is absent. [Use {name}. | List all of them.]",
        ),
        Message("toolkit/sample.py:13", "DesignError", "unknown(the design has no, {name}, {NAMES})"),
    ]


def test_every_error_that_is_raised_with_a_text_is_listed() -> None:
    listed = {message.where for message in error_messages()}
    raised = {
        f"{module.where}:{node.exc.lineno}"
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args
        if issubclass(
            getattr(errors, ast.unparse(node.exc.func).rpartition(".")[2], int), errors.ToolkitError
        )
    }
    assert len(raised) > 100
    assert raised - listed == set()


def test_the_command_prints_one_message_a_line() -> None:
    command = [sys.executable, "-m", "tests.house.error_messages"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(error_messages()) == len(lines)
    assert [
        line for line in lines if not re.match(r"toolkit/\S+\.py:\d+: \w+(Error|Warning)?: \S", line)
    ] == []
