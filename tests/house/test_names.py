"""Modules are nouns that say what is inside, and none hides a public function."""

import ast
from collections import Counter

import toolkit as tk
from tests.house.tree import Module, modules
from tests.support.looping import in_one_test

VAGUE = {"utils", "util", "common", "base", "core", "helpers", "helper", "misc", "tools", "lib"}


def exposed(package: Module) -> set[str]:
    """Names that a package's `__init__` binds: imported, assigned or defined."""
    if package.name == "toolkit":
        return set(tk.__all__)
    found: set[str] = set()
    for node in package.tree.body:
        match node:
            case ast.Import() | ast.ImportFrom():
                found |= {alias.asname or alias.name for alias in node.names}
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@in_one_test("name", sorted(modules()))
def test_a_module_says_what_is_inside(name: str) -> None:
    assert not VAGUE & set(name.split(".")), f"{name}: name it after what it is responsible for"


@in_one_test("name", sorted(modules()))
def test_no_module_hides_a_name_of_its_package(name: str) -> None:
    package, _, own = name.rpartition(".")
    # The face of the causes shows the functions `card` and `cards`; a test of the face asserts it.
    if package and name not in ("toolkit.causes", "toolkit.causes.card", "toolkit.causes.cards"):
        assert own not in exposed(modules()[package]), (
            f"importing {name} would put the module in the place of the name '{own}' of {package}"
        )


@in_one_test("name", sorted(modules()))
def test_a_module_opens_with_its_responsibility(name: str) -> None:
    text = ast.get_docstring(modules()[name].tree) or ""
    first = text.partition("\n")[0]
    assert first.endswith("."), f"{name}: the first line of a file says its responsibility in one sentence"


def test_no_two_modules_share_a_name() -> None:
    stems = Counter(module.path.stem for module in modules().values())
    assert ["__init__"] == [stem for stem, count in stems.items() if count > 1]
