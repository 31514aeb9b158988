"""Functions and files stay small enough to be read at once."""

from tests.house.tree import PACKAGE, ROOT, functions

SOURCES = sorted(
    [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
)


def test_no_function_is_over_60_lines() -> None:
    over = [
        f"{f.where} {f.name}: {f.lines} lines" for path in SOURCES for f in functions(path) if f.lines > 60
    ]
    assert over == []


def test_no_file_has_400_lines() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count >= 400} == {}
