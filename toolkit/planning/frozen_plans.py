"""Freeze a plan: a stamp with hash, date, commit and a copy of the questions, in a file beside the plan.

The plan itself is never written, so that its comments stay as they are. The hash is of what the plan
declares: comments, white space and the order of keys may change, and a default may be written out.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from toolkit.errors import DatasetError
from toolkit.files.checked_toml import Checked, rebuild
from toolkit.files.git_commits import commit_of_file
from toolkit.files.safe_files import write_text
from toolkit.planning.declared_plan import DeclaredPlan, PlannedQuestion

_SUFFIX = ".frozen.json"
_DIGITS = 12  # of a hash, as it is shown


class Stamp(Checked):
    """A freeze or an amendment of a plan."""

    sha256: str
    date: str  # ISO 8601, UTC
    commit: str
    toolkit: str
    reason: str = ""  # of an amendment
    changes: tuple[str, ...] = ()
    content: Mapping[str, Any]

    @property
    def day(self) -> str:
        """The date without the time."""
        return self.date[:10]

    def __str__(self) -> str:
        commit = "not in a git repository" if self.commit == "none" else f"commit {self.commit}"
        return f"{self.day} (SHA-256 {self.sha256[:_DIGITS]}; {commit}; {self.toolkit})"


class _Stamps(Checked):
    stamps: tuple[Stamp, ...]


def stamps_path(path: Path) -> Path:
    """Return the file with the stamps of a plan."""
    return path.with_name(path.stem + _SUFFIX)


def hash_content(content: Mapping[str, Any]) -> str:
    """Hash what a plan declares, in one canonical form."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def content_of_plan(plan: DeclaredPlan) -> dict[str, Any]:
    """Return what a plan declares as plain values, without defaults; questions by name."""
    plain = plan.model_dump(mode="json", exclude_defaults=True, exclude={"question"})
    return {
        **plain,
        "questions": {question.name: _content_of_question(question) for question in plan.questions},
    }


def _content_of_question(question: PlannedQuestion) -> dict[str, Any]:
    content = question.model_dump(mode="json", exclude_defaults=True)
    named = {"domain": question.condition, "by": [*question.groups]}
    named["adjust"] = question.covariates if isinstance(question.covariates, str) else [*question.covariates]
    return content | {key: value for key, value in named.items() if key in content}


def read_stamps(path: Path) -> tuple[Stamp, ...]:
    """Read the stamps of a plan, the first freeze first; () if it was not frozen."""
    beside = stamps_path(path)
    if not beside.exists():
        return ()
    remedy = f"Restore '{beside.name}' from your version control; it is written by cramps plan freeze alone."
    try:
        stamps = rebuild(_Stamps, json.loads(beside.read_text(encoding="utf-8"))).stamps
    except (ValueError, RecursionError, OSError) as error:
        raise DatasetError(f"'{beside.name}' is not a valid record of a frozen plan. {remedy}") from error
    for stamp in stamps:
        if hash_content(stamp.content) != stamp.sha256:
            raise DatasetError(
                f"'{beside.name}' was changed after {stamp.date}, because its questions do not have the "
                f"recorded hash {stamp.sha256[:_DIGITS]}. {remedy}"
            )
    return stamps


def require_unchanged(path: Path, plan: DeclaredPlan, stamps: tuple[Stamp, ...]) -> None:
    """Raise a DatasetError that names what changed in a plan since it was frozen."""
    if not stamps or not (changes := list_changes(stamps[-1].content, content_of_plan(plan))):
        return
    what = "\n".join(f"- {change}" for change in changes)
    raise DatasetError(
        f"The plan '{path.name}' was changed after it was frozen on {stamps[-1].day}:\n{what}\n"
        f"Undo the changes, or record them with their reason: "
        f'cramps plan freeze {path.name} --amend "reason"'
    )


def freeze(path: Path, plan: DeclaredPlan, amend: str = "") -> Stamp:
    """Write a stamp beside a plan; a frozen plan can only be amended, with a reason."""
    stamps, content = read_stamps(path), content_of_plan(plan)
    changes = tuple(list_changes(stamps[-1].content, content)) if stamps else ()
    if stamps and not changes:
        raise DatasetError(
            f"The plan '{path.name}' was frozen on {stamps[-1].day} and has not changed since. Only a "
            "changed plan can be amended."
        )
    if stamps and not amend.strip():
        require_unchanged(path, plan, stamps)
    if amend and not stamps:
        raise DatasetError(
            f"The plan '{path.name}' was not frozen yet, so it cannot be amended. Use: cramps plan freeze "
            f"{path.name}"
        )
    stamp = Stamp(
        sha256=hash_content(content),
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit=commit_of_file(path),
        toolkit=_name_version(),
        reason=amend.strip(),
        changes=changes,
        content=content,
    )
    kept = _Stamps(stamps=(*stamps, stamp)).model_dump(mode="json")
    write_text(stamps_path(path), json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    return stamp


def _name_version() -> str:
    try:
        return f"cramps-toolkit {version('cramps-toolkit')}"
    except PackageNotFoundError:
        return "cramps-toolkit, not installed"


def list_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say what differs between two plans: keys of the plan, and questions added, removed or changed."""
    changes = list(_compare_keys(before, after, skip=("questions",)))
    old, new = before["questions"], after["questions"]
    changes += [f"question '{name}' was removed" for name in old if name not in new]
    changes += [f"question '{name}' was added" for name in new if name not in old]
    for name in old:
        if name in new and (differing := list(_compare_keys(old[name], new[name]))):
            changes.append(f"question '{name}': {'; '.join(differing)}")
    return changes


def _compare_keys(
    before: Mapping[str, Any], after: Mapping[str, Any], skip: tuple[str, ...] = ()
) -> Iterator[str]:
    for key in dict.fromkeys([*before, *after]):
        if key not in skip and before.get(key) != after.get(key):
            yield f"{key} was {_show(before.get(key))} and is {_show(after.get(key))}"


def _show(value: Any) -> str:
    if value is None:
        return "the default"
    return f"({', '.join(map(repr, value))})" if isinstance(value, list) else repr(value)
