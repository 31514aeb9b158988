"""No text of the product has a word of the style guide's list of words that should not remain.

The list is only a tripwire: it finds text that reads as if translated, and proves nothing about the rest.
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOT

UNWANTED = {
    "told": r"\btold\b",
    "holds": r"\bholds\b",
    "stands": r"\bstands\b(?! or walks)",  # an answer of NHANES
    "goes with": r"\b(goes|go|went|going) with\b",
    "people left": r"\bpeople left\b",
    "who left": r"\bwho left\b",
    "grow": r"\b(grow|grows|grown|growing|grew)\b",
    "mend": r"\b(mend|mends|mended|mending)\b",
    "bend": r"\b(bend|bends|bending)\b",
    "reckon": r"\breckon(s|ed|ing)?\b",
    "hold to": r"\bhold(s|ing)? to\b|\bheld to\b",
    "word, as a verb": r"^(Word|Wording) |\bworded\b|\b(word|words) (the|a|an|each|it|them|what|how)\b",
    "skeleton": r"\bskeletons?\b",
    "is no": r"\bis no(?= |$)",
    "knows no": r"\bknows no\b",
    "asked of": r"\basked of\b",
    "with care": r"\bwith care\b",
    "no clear difference": r"\bno clear (difference|effect|association)\b",
    "ruled out": r"\b(ruled|rules|rule) out\b",
}
FOUND = {name: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for name, pattern in UNWANTED.items()}
FOUND["word, as a verb"] = re.compile(UNWANTED["word, as a verb"], re.MULTILINE)
# Texts of others, kept as they are: the questions of a survey, the titles of publications.
VERBATIM = {"question", "questions", "citation", "target", "title_of_source"}
# Words by which columns of users' files are found; a diagram that is kept as it was published.
KEPT = {"datasets/column-names.toml", "datasets/causal-diagram-2026-11.toml"}
TEXTS = ("README.md", "CONTRIBUTING.md", "GLOSSARY.md", "docs", "datasets", "notebooks", "toolkit")
KINDS = {".py", ".md", ".toml", ".j2", ".html", ".txt"}

# Folders, and files at the root, that still have such a word. Remove an entry with its last word.
PENDING: set[str] = set()


@cache
def findings() -> dict[str, list[str]]:
    """Folder, or file at the root, -> each unwanted word in it with its place."""
    found: dict[str, list[str]] = {}
    for path in files():
        lines = [
            f"{path.relative_to(ROOT)}:{place}: '{name}' in '{around(text, match)}'"
            for place, text in texts(path)
            for name, pattern in FOUND.items()
            for match in pattern.finditer(text)
        ]
        if lines:
            found.setdefault(unit(path), []).extend(lines)
    return found


def files() -> list[Path]:
    """List the files of text that git keeps, or all of them where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *TEXTS], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    everything = [ROOT / name for name in listed] if any(listed) else sorted(ROOT.glob("*/**/*"))
    tops = {ROOT / name for name in TEXTS}
    return [
        path
        for path in everything
        if path.suffix in KINDS and path.is_file() and tops & {path, *path.parents}
        if str(path.relative_to(ROOT)) not in KEPT
    ]


def unit(path: Path) -> str:
    return path.name if path.parent == ROOT else str(path.parent.relative_to(ROOT))


def texts(path: Path) -> Iterator[tuple[object, str]]:
    """Give each text of a file with its place: strings of code, values of TOML, lines of anything else."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from strings(ast.parse(content))
        # What a notebook says stands in its comments.
        if path.is_relative_to(ROOT / "notebooks"):
            lines = enumerate(content.splitlines(), 1)
            yield from ((number, line.lstrip("# ")) for number, line in lines if line.startswith("#"))
    elif path.suffix == ".toml":
        yield from values(tomllib.loads(content))
    else:
        yield from enumerate(content.splitlines(), 1)


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give each string that has several words, verbatim texts aside; a single word is a name."""
    aside = {
        id(node)
        for keyword in ast.walk(tree)
        if isinstance(keyword, ast.keyword) and keyword.arg in VERBATIM
        for node in ast.walk(keyword)
    }
    for node in ast.walk(tree):
        own = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside
        # A piece of a text with placeholders begins or ends with a blank.
        if own and " " in node.value:
            yield node.lineno, node.value


def values(data: Any, key: str = "") -> Iterator[tuple[str, str]]:
    match data:
        case dict():
            for name, value in data.items():
                if name not in VERBATIM:
                    yield from values(value, f"{key}.{name}".lstrip("."))
        case list():
            for value in data:
                yield from values(value, key)
        case str() if " " in data:
            yield key, data


def around(text: str, match: re.Match[str]) -> str:
    return " ".join(text[max(match.start() - 30, 0) : match.end() + 30].split())


def test_no_text_has_an_unwanted_word() -> None:
    wrong = [line for place, lines in findings().items() if place not in PENDING for line in lines]
    assert wrong == [], f"{len(wrong)} unwanted words; write them as the style guide says:\n" + "\n".join(
        wrong
    )


def test_what_is_pending_has_such_a_word() -> None:
    assert PENDING - set(findings()) == set(), "these are done: remove them from PENDING"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("told", "diabetes, told by a doctor"),
        ("holds", "the column holds text"),
        ("stands", "It stands there twice."),
        ("goes with", "how cramps go with it"),
        ("people left", "Step | People left"),
        ("who left", "Who left, and why"),
        ("grow", "Grow simulated people."),
        ("mend", "Mend that line."),
        ("bend", "bend 1"),
        ("reckon", "is reckoned by"),
        ("hold to", "Hold to every rule."),
        ("word, as a verb", "Word the coefficients as rows."),
        ("skeleton", "the skeleton of a study"),
        ("is no", "'bmi' is no category"),
        ("knows no", "the family knows no Surv()"),
        ("asked of", "asked of adults"),
        ("with care", "to be read with care"),
    ],
)
def test_each_word_is_found(name: str, text: str) -> None:
    assert FOUND[name].search(text)


def test_names_and_other_words_are_not_found() -> None:
    said = "Recommend diabetes_told, the mending of a household; growth, in other words, is not a threshold."
    found = [name for name, pattern in FOUND.items() if pattern.search(said) and name != "mend"]
    assert found == []


def test_a_verbatim_question_may_say_what_it_says() -> None:
    tree = ast.parse('Variable("x", question="Were you told by a doctor?", label="a label told by one")')
    assert ["a label told by one"] == [text for _, text in strings(tree)]
    data = {"a": {"question": "Were you told?", "label": "one told it"}}
    assert [("a.label", "one told it")] == list(values(data))
