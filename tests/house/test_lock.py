"""The lock pins all that pyproject.toml asks for, and records nothing of the machine that wrote it."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_lock_meets_every_requirement() -> None:
    groups = PROJECT["dependency-groups"]
    asked = [
        Requirement(text) for text in PROJECT["project"]["dependencies"] + groups["dev"] + groups["docs"]
    ]
    unmet = [
        str(want)
        for want in asked
        if not any(
            name == canonicalize_name(want.name) and version in want.specifier for name, version in PINS
        )
    ]
    assert unmet == [], "run make lock"


def test_every_pin_has_a_hash() -> None:
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    bare = [
        entry.partition(" ")[0]
        for entry in entries
        if not entry.startswith("#") and "--hash=sha256:" not in entry
    ]
    assert bare == []


def test_the_lock_records_no_address_and_no_path() -> None:
    marks = ("://", "file:", " @ ", "--index", "--extra-index", "--find-links", "--trusted-host", "--cert")
    found = [
        line
        for line in LOCK.splitlines()
        if any(m in line for m in marks) or re.search(r"(^|\s)[./~]*/\w", line)
    ]
    assert found == []
