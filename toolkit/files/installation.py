"""Check an installation: Python, packages, and the folders that the toolkit writes to."""

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from toolkit.files.cache import cache_folder, private_folder
from toolkit.files.safe_files import DiskError

_OLDEST = (3, 11)


class Check(NamedTuple):
    """One thing that was checked: what, what was found, and how to correct it, or "" where it is right."""

    subject: str
    found: str
    remedy: str = ""


def check_installation(project: Path) -> list[Check]:
    """Check Python, the required packages, and that cache, temporary and project folders can be written."""
    return [_check_python(), _check_packages(), *_check_folders(project)]


def _check_python() -> Check:
    found = f"Python {'.'.join(map(str, sys.version_info[:3]))} on {sys.platform}"
    old = "" if sys.version_info >= _OLDEST else "Install Python 3.11 or newer."
    return Check("Python", found, old)


def _check_packages() -> Check:
    missing = sorted(name for name in _required() if not _is_installed(name))
    if missing:
        return Check("packages", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return Check("packages", f"all {len(list(_required()))} are installed")


def _required() -> Iterator[str]:
    """Name the required packages, without those of extras."""
    try:
        listed = requires("cramps-toolkit") or []
    except PackageNotFoundError:
        listed = []
    for line in listed:
        if "extra ==" not in line:
            yield re.split(r"[^\w.-]", line, maxsplit=1)[0]


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return importlib.util.find_spec(name.replace("-", "_")) is not None


def _check_folders(project: Path) -> Iterator[Check]:
    try:
        cache = private_folder(cache_folder())
        yield _check_folder("cache", cache, "Set CRAMPS_CACHE to a folder of your own.")
    except DiskError as error:
        yield Check("cache", str(cache_folder()), str(error))
    temporary = Path(tempfile.gettempdir())
    yield _check_folder("temporary files", temporary, "Set TMPDIR to a folder of your own.")
    yield _check_folder("reports", project, "Change to a folder of your own.")


def _check_folder(subject: str, folder: Path, remedy: str) -> Check:
    try:
        handle, name = tempfile.mkstemp(prefix=".cramps-check-", dir=folder)
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        return Check(subject, f"{folder} ({(error.strerror or str(error)).lower()})", remedy)
    return Check(subject, str(folder))
