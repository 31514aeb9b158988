"""Functions and files stay small enough to be read at once."""

from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, ROOT, Function, functions

SOURCES = sorted(
    [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
)


def toolkit_functions() -> list[Function]:
    return [f for path in sorted(PACKAGE.rglob("*.py")) for f in functions(path)]


def longest(found: list[Function], count: int = 15) -> str:
    ranked = sorted(found, key=lambda f: -f.lines)[:count]
    return "\n".join(f"{f.lines:4} lines  {f.where} {f.name}" for f in ranked)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_is_over_60_lines_and_no_file_of_400(path: Path) -> None:
    over = [f"{f.where} {f.name}: {f.lines} lines" for f in functions(path) if f.lines > 60]
    assert over == []
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400


def test_half_of_the_functions_are_under_8_lines() -> None:
    found = toolkit_functions()
    short = sum(f.lines < 8 for f in found)
    assert 2 * short >= len(found), f"{short} of {len(found)}; the longest:\n{longest(found)}"


def test_nine_in_ten_functions_are_under_25_lines() -> None:
    found = toolkit_functions()
    short = sum(f.lines < 25 for f in found)
    assert 10 * short >= 9 * len(found), f"{short} of {len(found)}; the longest:\n{longest(found)}"
