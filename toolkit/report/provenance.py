"""State what a report was made from: hashes of data and codebook, parameters, code and package versions."""

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any

from toolkit.disclosure import phrase_size
from toolkit.files.checked_toml import PACKAGE, shipped
from toolkit.files.git_commits import run_git
from toolkit.studies import Study, declared_json
from toolkit.variables import Codebook

_PACKAGES = ("polars", "numpy", "scipy", "statsmodels", "altair", "papermill", "jupyterlab")
_COMPUTING = (*_PACKAGES[:-1], "great-tables", "ipykernel", "networkx", "nbconvert", "vl-convert-python")
_READ = (".py", ".toml", ".csv", ".json", ".parquet", ".html", ".css", ".js")
_TOOLKIT = "cramps-toolkit"
_SHA_256 = 64  # Hexadecimal digits.

Entry = tuple[str, str | list[str]]


def provenance(study: Study, notebook: Path, parameters: Mapping[str, Any], people: str) -> tuple[Entry, ...]:
    """List what is needed to make a report again, without paths: names with a text or a list of files."""
    size = phrase_size(study.people.height, study.smallest_cell)
    made_from, made_with = hashes(study, notebook, people), versions()
    return (
        ("Study", f"{study.label}: {size} participants, {len(study.codebook)} variables"),
        *_data_entries(study.provenance),
        ("Data, SHA-256", made_from["data"]),
        ("Codebook, SHA-256", made_from["codebook"]),
        ("Notebook", f"{notebook.name}, SHA-256 {made_from['notebook']}"),
        ("Parameters", ", ".join(f"{name}={value!r}" for name, value in parameters.items())),
        ("Repeat with", _write_command(notebook, parameters)),
        ("Toolkit", made_with["toolkit"]),
        ("Python", f"{made_with['python']}; {made_with['packages']}"),
        ("Date", datetime.now(UTC).strftime("%Y-%m-%d (UTC)")),
    )


def hashes(study: Study, notebook: Path, people: str) -> dict[str, str]:
    """Hash what a report is made from, by name."""
    return {
        "data": people,
        "codebook": hash_codebook(study.codebook),
        "notebook": _hash_parts([notebook.read_bytes()]),
    }


def versions() -> dict[str, str]:
    """Name the toolkit's version and commit, and the versions of Python and of the packages."""
    toolkit = next(list_versions([_TOOLKIT]), _TOOLKIT)
    packages = ", ".join(list_versions(_PACKAGES))
    return {
        "toolkit": f"{toolkit}, {_commit(Path(__file__).parent)}",
        "python": platform.python_version(),
        "packages": packages,
    }


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of a study: of its participants, and of all that it is."""

    people: str
    everything: str


def fingerprint(study: Study) -> Fingerprint:
    """Hash a study, once for all of its reports."""
    people = hash_people(study)
    repeated = [frame.write_csv().encode() for frame in (study.visits, study.diary) if frame is not None]
    return Fingerprint(people, _hash_parts([people.encode(), declared_json(study).encode(), *repeated]))


def identify(study: Fingerprint, notebook: Path, settings: Mapping[str, Any]) -> str:
    """Hash all that a report of the toolkit is made from: data, notebook, settings, code and versions."""
    facts = (study.everything, repr(sorted(settings.items())), platform.python_version(), _hash_code())
    return _hash_parts([notebook.read_bytes(), *(fact.encode() for fact in facts)])


@cache
def _hash_code() -> str:
    """Hash the toolkit's code and data, and the versions of the packages that it computes and draws with."""
    files = sorted(path for folder in (PACKAGE, shipped("datasets")) for path in folder.rglob("*"))
    texts = (path for path in files if path.is_file() and path.suffix in _READ)
    versions = [" ".join(list_versions(_COMPUTING)).encode()]
    return _hash_parts((part for path in texts for part in (path.name.encode(), path.read_bytes())), versions)


def _write_command(notebook: Path, parameters: Mapping[str, Any]) -> str:
    """Write the call that makes the report again; every parameter, because another default may come later."""
    values = "".join(f", {name}={value!r}" for name, value in parameters.items())
    return f'tk.render("{notebook.stem}"{values})'


def hash_people(study: Study) -> str:
    """Hash the participants' data as CSV, which is equal on every machine."""
    return _hash_parts(part.write_csv().encode() for part in study.people.iter_slices(5_000))


def hash_codebook(codebook: Codebook) -> str:
    """Hash every field of every variable."""
    return _hash_parts(
        json.dumps(asdict(variable), sort_keys=True).encode() for variable in codebook.values()
    )


def _hash_parts(*parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in chain.from_iterable(parts):
        digest.update(part)
    return digest.hexdigest()


def _data_entries(facts: Mapping[str, Any]) -> Iterable[Entry]:
    for name, value in facts.items():
        heading = f"Data: {name.replace('_', ' ')}"
        lines = _list_files(value)
        if lines:
            yield heading, lines
            yield f"{heading}, SHA-256 of all", _hash_parts(f"{line}\n".encode() for line in sorted(lines))
        elif value not in ([], (), {}, ""):
            yield heading, _format_value(value)


def _list_files(value: Any) -> list[str]:
    """List the files of an entry with their hashes; [] if it is not about files."""
    if isinstance(value, Mapping) and value and all(len(str(entry)) == _SHA_256 for entry in value.values()):
        return [f"{name} {entry}" for name, entry in value.items()]
    if not isinstance(value, list | tuple) or not all(isinstance(entry, Mapping) for entry in value):
        return []
    if not all("sha256" in entry for entry in value):
        return []
    return [" ".join(map(_format_value, entry.values())) for entry in value]


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_format_value(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_format_value, value))
    return str(value)


def list_versions(packages: Iterable[str]) -> Iterator[str]:
    """List the packages that are installed, each with its version."""
    for package in packages:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue


def _commit(folder: Path) -> str:
    """Name the commit of the checkout that the code is in, and whether files were changed since."""
    # A package installed into a folder of some other repository has no commit of its own.
    if not run_git(folder, "ls-files", "--", "__init__.py"):
        return "installed without its history"
    commit = run_git(folder, "rev-parse", "HEAD")
    changed = run_git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"commit {commit} with changes" if changed else f"commit {commit}"
