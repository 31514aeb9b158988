"""Remember the hash of each downloaded file: the first one is trusted, later ones are held to it.

Takes a folder and paths below it; keeps `hashes.sha256` in the folder, in the form that `sha256sum -c` reads.
"""

import hashlib
import os
from pathlib import Path

NAME = "hashes.sha256"
_PRIVATE = 0o600


def sha256_of(path: Path) -> str:
    """Hash a file's content.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "a"
    >>> _ = path.write_bytes(b"")
    >>> sha256_of(path)[:8]
    'e3b0c442'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def known_hashes(folder: Path) -> dict[str, str]:
    """Read the hashes of a folder's files by their paths below it; of several for one file the last holds.

    Examples
    --------
    >>> known_hashes(Path("no such folder"))
    {}
    """
    try:
        text = (folder / NAME).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    pairs = (line.partition("  ") for line in text.splitlines())
    return {path: found for found, _, path in pairs if len(found) == 64 and path}


def remember(folder: Path, path: str, found: str) -> None:
    """Add a file's hash, in one write, so that several processes may add at once.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> remember(folder, "a.xpt", "0" * 64)
    >>> list(known_hashes(folder))
    ['a.xpt']
    """
    handle = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _PRIVATE)
    try:
        os.write(handle, f"{found}  {path}\n".encode())
    finally:
        os.close(handle)
