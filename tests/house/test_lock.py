"""The locks pin all that pyproject.toml asks for, and record nothing of the machine that wrote them."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINK, DEV, DOCS = (PROJECT["dependency-groups"][name] for name in ("link", "dev", "docs"))
RUN = [*PROJECT["project"]["dependencies"], *LINK]
ASKED = {
    "requirements.lock": RUN,
    "requirements-dev.lock": [*RUN, *(entry for entry in DEV if isinstance(entry, str)), *DOCS],
}
LOCKS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ASKED}
LOCK = "\n".join(LOCKS.values())


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCKS[name], re.MULTILINE))


def test_each_lock_meets_every_requirement() -> None:
    unmet = [
        (name, str(want))
        for name, asked in ASKED.items()
        for want in map(Requirement, asked)
        if pins(name).get(canonicalize_name(want.name), "0") not in want.specifier
    ]
    assert unmet == [], "run make lock"


def test_what_runs_has_the_same_versions_in_both_and_leaves_out_what_develops() -> None:
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert run.items() <= dev.items()
    only = {canonicalize_name(Requirement(entry).name) for entry in DEV if isinstance(entry, str)}
    assert {"mypy", "pytest", "duckdb", "playwright"} <= only - set(run)


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
