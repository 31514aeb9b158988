"""Say what a report was made from: data and codebook by hash, parameters, code and package versions.

Takes the study, the notebook and its parameters; gives pairs of words. No path and no person is in them.
"""

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which
from typing import Any

from toolkit.studies.study import Study
from toolkit.variables.codebook import Codebook

PACKAGES = ("polars", "numpy", "scipy", "statsmodels", "altair", "papermill", "jupyterlab")
_TOOLKIT = "cramps-toolkit"

Entry = tuple[str, str | list[str]]


def provenance(study: Study, notebook: Path, parameters: Mapping[str, Any]) -> tuple[Entry, ...]:
    """List what a reader needs to make the same report again.

    Parameters
    ----------
    study
        The study as it was analysed.
    notebook
        The notebook's file: its name and hash are told, not its folder.
    parameters
        Every parameter's value.

    Returns
    -------
    tuple
        Pairs of a name and a text, or a list of files with their hashes, in the order of the page.
    """
    return (
        ("Study", f"{study.label}: {study.people.height:,} people, {len(study.codebook)} variables"),
        *_about_data(study.provenance),
        ("People, SHA-256", people_hash(study)),
        ("Codebook, SHA-256", codebook_hash(study.codebook)),
        ("Notebook", f"{notebook.name}, SHA-256 {_sha256([notebook.read_bytes()])}"),
        ("Parameters", ", ".join(f"{name}={value!r}" for name, value in parameters.items())),
        ("Toolkit", _toolkit()),
        ("Python", f"{platform.python_version()}; {', '.join(_versions(PACKAGES))}"),
        ("Made", datetime.now(UTC).strftime("%Y-%m-%d (UTC)")),
    )


def people_hash(study: Study) -> str:
    """Hash the people as CSV, so that equal data have equal hashes on every machine.

    Examples
    --------
    >>> from toolkit.studies.design import Design
    >>> from toolkit.sources.registry import study
    >>> len(people_hash(study({"a": [1, 2]}, design=Design.none())))
    64
    """
    return _sha256(part.write_csv().encode() for part in study.people.iter_slices(5_000))


def codebook_hash(codebook: Codebook) -> str:
    """Hash what the codebook says of each variable.

    Examples
    --------
    >>> codebook_hash(Codebook()) == codebook_hash(Codebook.of())
    True
    """
    return _sha256(json.dumps(asdict(variable), sort_keys=True).encode() for variable in codebook.values())


def _sha256(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _about_data(facts: Mapping[str, Any]) -> Iterable[Entry]:
    for name, value in facts.items():
        records = isinstance(value, list | tuple) and all(isinstance(entry, Mapping) for entry in value)
        shown = [" ".join(_words(part) for part in entry.values()) for entry in value] if records else value
        yield f"Data: {name.replace('_', ' ')}", shown if records and shown else _words(value)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(entry) for entry in value)
    return str(value)


def _versions(packages: Iterable[str]) -> Iterable[str]:
    for package in packages:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue


def _toolkit() -> str:
    commit = _commit(Path(__file__).parent)
    told = f"commit {commit}" if commit else "installed without its history"
    return f"{next(iter(_versions([_TOOLKIT])), _TOOLKIT)}, {told}"


def _commit(folder: Path) -> str:
    """Give the commit of the checkout that the code stands in, marked if files were changed since."""
    git = which("git")
    if git is None or not _tracked(git, folder):
        return ""
    commit = _said(git, folder, "rev-parse", "HEAD")
    changed = _said(git, folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes" if commit and changed else commit


def _tracked(git: str, folder: Path) -> bool:
    # A package installed into a folder of some other repository has no commit of its own.
    return bool(_said(git, folder, "ls-files", "--", "__init__.py"))


def _said(git: str, folder: Path, *words: str) -> str:
    run = subprocess.run([git, "-C", str(folder), *words], capture_output=True, text=True, check=False)  # noqa: S603
    return run.stdout.strip() if run.returncode == 0 else ""
