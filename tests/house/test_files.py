"""What is kept in the repository holds on any machine, and holds no person's data."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

TEXT = {
    ".py",
    ".md",
    ".toml",
    ".lock",
    ".R",
    ".json",
    ".csv",
    ".html",
    ".j2",
    ".css",
    ".js",
    ".svg",
    ".txt",
    "",
}
MACHINE_PATH = re.compile(r"(?<![\w.~{}-])/(?:home|root|Users|work|mnt|opt|srv)/\w")
DATA = {".xpt", ".sas7bdat", ".sav", ".dta", ".parquet", ".feather", ".xz", ".zip"}


def kept() -> list[Path]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git clone: the list of kept files is not known")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def test_no_kept_file_names_a_path_of_one_machine() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in kept()
        if path.suffix in TEXT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert wrong == []


def test_no_kept_file_configures_an_index() -> None:
    settings = re.compile(
        r"^\s*(\[\[tool\.uv\.index\]\]|(extra-)?index-url\b|find-links\b|--(extra-)?index-url\b)"
    )
    names = {"pip.conf", "uv.toml", ".pypirc"}
    wrong = [
        str(path.relative_to(ROOT))
        for path in kept()
        if path.name in names
        or (
            path.suffix in {".toml", ".lock", ".cfg"}
            and any(map(settings.match, path.read_text().splitlines()))
        )
    ]
    assert wrong == [], "the user's own configuration says where packages come from"


def test_no_data_file_of_persons_is_kept() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in kept()
        if path.suffix.lower() in DATA and not {"reference", "examples", "gallery"} & set(path.parts)
    ]
    assert wrong == [], "datasets/ holds data about data and invented examples, and the gallery result rows"


def test_no_kept_file_is_large() -> None:
    wrong = [str(p.relative_to(ROOT)) for p in kept() if p.stat().st_size > 2_000_000]
    assert wrong == []


def test_a_report_shows_its_sentences_as_text_and_not_as_markdown() -> None:
    from toolkit.report.plan import notebooks

    wrong = [path.name for path in notebooks().values() if "Markdown" in path.read_text(encoding="utf-8")]
    assert wrong == [], "labels are text: use tk.reports.prose(...), which escapes them, in place of Markdown"
