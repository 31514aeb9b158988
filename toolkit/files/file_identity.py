"""Tell whether a file is still the one that was read: by its size and times, and by its hash in doubt.

Takes paths; gives `Identity`, which goes into JSON and back.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import DatasetError
from toolkit.files.hash_lock import sha256_of

# File systems keep times in steps of up to two seconds (FAT): a file written in the step in which it was read
# may have changed again without another time.
_STEP_NS = 2_000_000_000


@dataclass(frozen=True)
class Identity:
    """What a file was when it was read.

    Attributes
    ----------
    size
        Bytes.
    modified, changed
        When its content and its entry in the folder last changed, in nanoseconds.
    number
        Its inode, which another file in its place does not share.
    sha256
        The hash of its content.
    taken
        When all this was looked up, in nanoseconds.
    """

    size: int
    modified: int
    changed: int
    number: int
    sha256: str
    taken: int

    def record(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return asdict(self)


def identify(path: Path) -> Identity:
    """Look up what a file is now.

    Raises
    ------
    DatasetError
        If it changes meanwhile.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "a"
    >>> _ = path.write_bytes(b"four")
    >>> identify(path).size
    4
    """
    taken = time.time_ns()
    seen = _seen(path)
    found = sha256_of(path)
    found_then = Identity(*seen, sha256=found, taken=taken)
    expect_still(path, found_then)
    return found_then


def unchanged(path: Path, before: Mapping[str, Any]) -> bool:
    """Tell whether a file is the one that was identified; a file that is not there is not.

    Parameters
    ----------
    path
        The file.
    before
        The record of its identity.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "a"
    >>> _ = path.write_bytes(b"four")
    >>> before = identify(path).record()
    >>> unchanged(path, before)
    True
    >>> _ = path.write_bytes(b"five")
    >>> unchanged(path, before)
    False
    """
    try:
        seen = _seen(path)
        if seen[0] != before["size"]:
            return False
        settled = before["taken"] - max(before["modified"], before["changed"]) > _STEP_NS
        if settled and seen == tuple(before[part] for part in ("size", "modified", "changed", "number")):
            return True
        return sha256_of(path) == str(before["sha256"])
    except OSError:
        return False


def expect_still(path: Path, identity: Identity) -> None:
    """Raise a DatasetError if a file changed since it was identified, as while it was read."""
    if _seen(path) != (identity.size, identity.modified, identity.changed, identity.number):
        raise DatasetError(
            f"'{path}' changed while it was read. Open the study again when what writes it is done."
        )


def _seen(path: Path) -> tuple[int, int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
