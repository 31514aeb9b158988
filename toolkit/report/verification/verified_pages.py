"""Recompute a page of a report from its manifest, and compare digit by digit.

A page that differs may do so because the data, the version or the parameters changed; the hashes and versions
of the manifest say which.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from math import log10
from pathlib import Path
from typing import Any

from toolkit.errors import DatasetError, ToolkitError
from toolkit.files.project_folder import in_project
from toolkit.files.safe_files import temporary_folder
from toolkit.report.page.manifest import NoManifestError, hash_text, list_blocks, read_manifest
from toolkit.report.plan import names as report_names
from toolkit.report.rendering import render
from toolkit.results import PLAN_STATUS
from toolkit.sources.registry import STUDIES, open_study
from toolkit.studies import Study

_IDENTITY = (
    "study", "domain", "estimand", "outcome", "exposure", "level", "reference", "adjust",
)  # fmt: skip
_TEXTS = ("outcome_label", "exposure_label", "level_label", "reason", "weight", "variance", "scale")
_JUDGMENTS = ("reliability", PLAN_STATUS)  # what is said of a row, and may differ of the same one
_NEAR = 1e-9  # machines differ in the last digits
_HASHES = {
    "data": "The data differ",
    "codebook": "The codebook differs",
    "notebook": "The notebook of the report differs",
}
_VERSIONS = {"toolkit": "Version of the toolkit", "python": "Version of Python", "packages": "Packages"}
_MOST = 20  # differences that are printed


class UnverifiableError(DatasetError):
    """A page whose study or notebook is not at hand."""


@dataclass(frozen=True)
class Difference:
    """One number, or text, that the page has and recomputation does not give."""

    where: str
    column: str
    page: Any
    recomputed: Any
    digit: int | None = None

    def __str__(self) -> str:
        digit = f", from significant digit {self.digit} on" if self.digit else ""
        return (
            f"{self.where}: {self.column} is {self.page} on the page and {self.recomputed} recomputed{digit}"
        )


@dataclass(frozen=True)
class Verification:
    """What comparing a page with its recomputation found.

    Attributes
    ----------
    page
        The name of the file.
    rows, numbers
        How many result rows and numbers were compared.
    differences
        The rows' numbers that differ, and the texts of the page that differ.
    changed
        What changed since the page was rendered: data, codebook, notebook, parameters, versions.
    edited
        Whether the page shows another text than when it was rendered.
    """

    page: str
    rows: int
    numbers: int
    differences: tuple[Difference, ...] = ()
    changed: tuple[str, ...] = ()
    edited: bool = False
    unmatched: tuple[str, ...] = field(default_factory=tuple)

    @property
    def equal(self) -> bool:
        """Whether every number is equal, and the page is as it was rendered."""
        return not (self.differences or self.unmatched or self.edited)

    def __str__(self) -> str:
        lines = [f"{self.page}: {self.numbers:,} numbers of {self.rows:,} result rows recomputed."]
        if self.edited:
            lines.append("The page was edited after it was rendered.")
        lines += [f"- {one}" for one in self.differences[:_MOST]]
        lines += [f"- {one}" for one in self.unmatched[:_MOST]]
        more = max(len(self.differences) - _MOST, 0) + max(len(self.unmatched) - _MOST, 0)
        lines += [f"- {more:,} more differences"] if more else []
        lines += [f"Changed since: {one}." for one in self.changed]
        lines.append("Equal in every digit." if self.equal else "The page differs from its recomputation.")
        return "\n".join(lines)

    def to_json(self) -> str:
        """Write all as JSON."""
        return json.dumps({"equal": self.equal, **asdict(self)}, ensure_ascii=False, indent=1, default=str)


def verify_page(path: str | Path, study: str | Study | None = None) -> Verification:
    """Render the report of a page again, from its manifest, and compare both.

    `study` is the page's own study, if it is none of the toolkit's. A page that cannot be verified raises a
    `NoManifestError` or an `UnverifiableError`.
    """
    page = Path(path)
    text = _read_page(page)
    manifest = read_manifest(text, page.name)
    opened, report = _open(manifest, study), _find_notebook(manifest, page)
    if opened.label != manifest["study"]["label"]:
        raise UnverifiableError(
            f"'{page.name}' is of the study '{manifest['study']['label']}', and the study supplied is "
            f"'{opened.label}'. Supply the study of the page: cramps verify PAGE --study study.toml."
        )
    given = {name: value for name, value in manifest["parameters"].items() if name != "study"}
    with temporary_folder() as folder:
        try:
            made = render(report, study=opened, output=folder, save_as=manifest["name"], force=True, **given)
        except ToolkitError as error:
            raise UnverifiableError(
                f"The report of '{page.name}' cannot be rendered again. {error}"
            ) from error
        again = made.html.read_text(encoding="utf-8")
    return _compare(page.name, (text, again), (manifest, read_manifest(again, page.name)))


def _read_page(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise NoManifestError(
            f"'{page}' cannot be read as a page. Check the path, and name the .html file of a report."
        ) from None


def _open(manifest: Mapping[str, Any], study: str | Study | None) -> Study:
    if isinstance(study, Study):
        return study
    named, declared = manifest["study"], str(manifest["parameters"].get("study", ""))
    if study is not None:
        return open_study(study)
    if named["name"] in STUDIES:
        return open_study(named["name"], **named["options"])
    if declared in STUDIES or (declared.endswith(".toml") and Path(declared).is_file()):
        return open_study(declared)
    raise UnverifiableError(
        f"The page is of the study '{named['label']}', which is not one of the toolkit's and not at hand. "
        "Name its declaration: cramps verify PAGE --study study.toml."
    )


def _find_notebook(manifest: Mapping[str, Any], page: Path) -> str | Path:
    """Find the notebook of a report: one of the toolkit's, or a file beside the page or in the project."""
    report = str(manifest["report"])
    if report in report_names():
        return report
    root = in_project("reports").parent
    places = [Path(report), *(folder / report for folder in (page.parent, root, root / "notebooks"))]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UnverifiableError(
            f"The notebook '{report}' of the page is not at hand. Put it beside the page, or run cramps "
            "verify in the folder of the notebook."
        )
    return found


def _compare(
    name: str, texts: tuple[str, str], manifests: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> Verification:
    then, now = manifests
    ours, theirs = _by_identity(then["rows"]), _by_identity(now["rows"])
    differences = [d for key in ours if key in theirs for d in _compare_rows(key, ours[key], theirs[key])]
    unmatched = [f"{_describe(key)}: the page alone has this row" for key in ours if key not in theirs]
    unmatched += [
        f"{_describe(key)}: recomputation alone gives this row" for key in theirs if key not in ours
    ]
    edited = hash_text(texts[0]) != then["text_sha256"]
    if edited or not differences:
        differences += _compare_texts(*map(list_blocks, texts))
    numbers = sum(isinstance(value, int | float) for row in ours.values() for value in row.values())
    changed = tuple(_list_changes(then, now))
    return Verification(name, len(ours), numbers, tuple(differences), changed, edited, tuple(unmatched))


def _by_identity(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """Key rows by what they are about; equal ones are numbered."""
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        own = tuple(
            (n, v) for n, v in row.items() if n in _IDENTITY or (isinstance(v, str) and n not in _TEXTS)
        )
        own = tuple(pair for pair in own if pair[0] not in _JUDGMENTS)
        place = 1
        while (*own, ("", place)) in found:
            place += 1
        found[(*own, ("", place))] = row
    return found


def _describe(key: tuple[Any, ...]) -> str:
    return ", ".join(
        str(value) for name, value in key if name not in ("", "study", "domain", "adjust") and value
    )


def _compare_rows(
    key: tuple[Any, ...], page: Mapping[str, Any], recomputed: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in dict.fromkeys([*page, *recomputed]):
        own, other = page.get(name), recomputed.get(name)
        if own == other or name in _TEXTS:
            continue
        if isinstance(own, int | float) and isinstance(other, int | float):
            apart = abs(own - other) / max(abs(own), abs(other))
            if apart > _NEAR:
                yield Difference(_describe(key), name, own, other, max(1, int(-log10(apart)) + 1))
        else:
            yield Difference(_describe(key), name, own, other)


def _compare_texts(page: list[str], recomputed: list[str]) -> Iterator[Difference]:
    """Compare the texts of two pages, those without numbers too."""
    matcher = SequenceMatcher(None, page, recomputed, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        own, other = page[a:b], recomputed[c:d]
        for place in range(max(len(own), len(other))):
            pair = [texts[place] if place < len(texts) else "nothing" for texts in (own, other)]
            yield Difference("text of the page", "a passage", *_narrow(*pair))


def _narrow(page: str, recomputed: str) -> tuple[str, str]:
    """Shorten two texts to the words around where they differ, in quotes."""
    words = [re.split(r"(?<=\s)", text) for text in (page, recomputed)]
    first = next((k for k, (a, b) in enumerate(zip(*words, strict=False)) if a != b), 0)
    parts = ["".join(own[max(first - 4, 0) : first + 8]).strip() for own in words]
    return f"'{parts[0]}'", f"'{parts[1]}'"


def _list_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, text in _HASHES.items():
        if then["hashes"].get(name) != now["hashes"].get(name):
            own, other = (str(one["hashes"].get(name))[:12] for one in (then, now))
            yield f"{text} (SHA-256 {own}... then, {other}... now)"
    own, other = (json.loads(json.dumps(one["parameters"], default=str)) for one in (then, now))
    for name in dict.fromkeys([*own, *other]):
        if name != "study" and own.get(name) != other.get(name):
            yield f"The parameter '{name}' was {own.get(name)!r} and is {other.get(name)!r}"
    for name, text in _VERSIONS.items():
        if then["versions"].get(name) != now["versions"].get(name):
            yield f"{text}: {then['versions'].get(name)} then, {now['versions'].get(name)} now"
