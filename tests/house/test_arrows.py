"""The rooms import one another only along the arrows that CONTRIBUTING.md draws."""

from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house.tree import Module, imports, modules, table, words
from tests.looping import in_one_test


def arrows() -> dict[str, set[str]]:
    """Room (or one module such as `show.explorer`) -> the rooms that it may import."""
    return {room: set(words(row[1])) for row in table("room") for room in words(row[0])}


def allowed(module: Module) -> set[str]:
    drawn = arrows()
    own = module.name.removeprefix("toolkit.")
    if module.room not in drawn:
        raise AssertionError(
            f"{module.where}: no arrow is drawn for room '{module.room}': add it to CONTRIBUTING.md's table"
        )
    return drawn[module.room] | drawn.get(own, set()) | {module.room}


@in_one_test("name", [name for name, module in modules().items() if module.room])
def test_a_room_imports_only_what_its_arrow_allows(name: str) -> None:
    module = modules()[name]
    may = allowed(module)
    if "everything" in may:
        return
    wrong = [
        f"{module.where}:{line} imports {target}"
        for target, line in imports(module)
        if target.startswith("toolkit.") and target.split(".")[1] not in may
    ]
    assert wrong == [], f"'{module.room}' may import {sorted(may)}"


@in_one_test("name", sorted(modules()))
def test_nothing_imports_the_package_root(name: str) -> None:
    module = modules()[name]
    wrong = [f"{module.where}:{line}" for target, line in imports(module) if target == "toolkit"]
    assert wrong == [], "import the room itself: from toolkit.codebook import Variable"


def test_no_module_imports_itself_round_about() -> None:
    graph = {
        name: {target for target, _ in imports(module) if target in modules() and target != name}
        for name, module in modules().items()
        if module.room
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these modules import one another in a circle: {' <- '.join(error.args[1])}")


def test_the_arrows_drawn_have_no_circle() -> None:
    drawn = {room: may - {room, "everything", "nothing"} for room, may in arrows().items()}
    TopologicalSorter(drawn).prepare()


def doors() -> dict[str, set[str]]:
    return {library: set(words(row[1])) for row in table("library") for library in words(row[0])}


@in_one_test("library", sorted(doors()))
def test_a_library_has_one_door(library: str) -> None:
    allowed_in = doors()[library]
    wrong = [
        f"{module.where}:{line}"
        for module in modules().values()
        for target, line in imports(module)
        if target.split(".")[0] == library
        and not {module.room, module.name.removeprefix("toolkit.")} & allowed_in
    ]
    assert wrong == [], f"'{library}' enters by {sorted(allowed_in)} alone"
