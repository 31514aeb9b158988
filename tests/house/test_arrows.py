"""Packages import one another only as the table in CONTRIBUTING.md allows."""

import ast
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house.tree import Module, imports, modules, table, words

# Modules that still import from a package above their own.
PENDING: set[tuple[str, str]] = set()


def allowed() -> dict[str, set[str]]:
    """Package -> the packages it may import; "the above" is what the row before may import, and that row."""
    found: dict[str, set[str]] = {}
    above: set[str] = set()
    for packages, may in table("package"):
        names = set(words(may)) - {"nothing"}
        if "the above" in names:
            names = names - {"the above"} | above
        for package in words(packages):
            found[package] = names
        above = names | set(words(packages))
    return found


def package_of(module: str, packages: set[str]) -> str:
    """The longest package of the table that a module belongs to."""
    parts = module.removeprefix("toolkit.").split(".")
    heads = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((head for head in heads if head in packages), "")


def wrong_imports() -> set[tuple[str, str]]:
    may = allowed()
    wrong = set()
    for name, module in modules().items():
        if name == "toolkit":
            continue
        own = package_of(name, set(may))
        assert own, f"{module.where}: its package is missing from the table in CONTRIBUTING.md"
        if "everything" in may[own]:
            continue
        for target, _ in imports(module):
            if target.startswith("toolkit."):
                package = package_of(target, set(may))
                if package != own and package not in may[own]:
                    wrong.add((name.removeprefix("toolkit."), target.removeprefix("toolkit.")))
    return wrong


def test_a_package_imports_only_what_the_table_allows() -> None:
    assert wrong_imports() == PENDING


FACES = (
    "variables",
    "studies",
    "dag",
    "display.text",
    "estimate.survey",
    "estimate.regression.likelihoods",
    "estimate.regression.formula",
    "estimate.regression",
)


def test_a_package_with_a_face_is_imported_through_it() -> None:
    """`variables.codebook` is the module of the function `codebook`, which a face cannot show."""
    behind = [
        f"{module.where}:{node.lineno} imports from {node.module}"
        for face in FACES
        for name, module in modules().items()
        if not name.startswith(f"toolkit.{face}") and name != "toolkit"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"toolkit.{face}.")
        if node.module != "toolkit.variables.codebook"
    ]
    assert behind == []


def test_nothing_imports_the_package_root() -> None:
    wrong = [
        f"{module.where}:{line}"
        for module in modules().values()
        for target, line in imports(module)
        if target == "toolkit"
    ]
    assert wrong == [], "import from the module itself: from toolkit.variables.codebook import Variable"


def test_no_module_imports_itself_round_about() -> None:
    graph = {
        name: {target for target, _ in imports(module) if target in modules() and target != name}
        for name, module in modules().items()
        if name != "toolkit"
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these modules import one another in a circle: {' <- '.join(error.args[1])}")


def doors() -> dict[str, set[str]]:
    return {library: set(words(row[1])) for row in table("library") for library in words(row[0])}


def enters_elsewhere(module: Module, library: str, doors_of: set[str]) -> list[str]:
    own = module.name.removeprefix("toolkit.")
    if any(own == door or own.startswith(f"{door}.") for door in doors_of):
        return []
    return [
        f"{module.where}:{line} imports {library}, which enters by {sorted(doors_of)} alone"
        for target, line in imports(module)
        if target.split(".")[0] == library
    ]


def test_a_library_has_one_door() -> None:
    assert [
        found
        for library, doors_of in doors().items()
        for module in modules().values()
        for found in enters_elsewhere(module, library, doors_of)
    ] == []
