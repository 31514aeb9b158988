"""Files without a name, for content that no other process may find and that a kill leaves nowhere.

The system frees the content when the last process with the descriptor ends, however it ends.
"""

import os
import re
import tempfile
from typing import BinaryIO, cast

_PATH = re.compile(r"/dev/fd/(\d+)")
_PART = 1 << 26


def unnamed_file(*, on_disk: bool = False) -> BinaryIO:
    """Open an empty file without a name: in memory on Linux, else or `on_disk` an unlinked one."""
    if hasattr(os, "memfd_create") and not on_disk:
        return os.fdopen(os.memfd_create("cramps"), "w+b")
    return cast("BinaryIO", tempfile.TemporaryFile())


def path_of(file: BinaryIO) -> str:
    """Return the path by which this process, or a child that inherits the descriptor, opens the file."""
    file.flush()
    return f"/dev/fd/{file.fileno()}"


def is_path_of_descriptor(path: object) -> bool:
    """Whether a path is one that `path_of` returns."""
    return _PATH.fullmatch(str(path)) is not None


def content_of(path: object) -> bytes:
    """Read a whole file by its `path_of`, without the position that several processes may share.

    Raises an OSError if this process does not have such a descriptor.
    """
    found = _PATH.fullmatch(str(path))
    if found is None:
        raise OSError(f"'{path}' is not the path of a descriptor")
    handle, parts, start = int(found[1]), [], 0
    while part := os.pread(handle, _PART, start):
        parts.append(part)
        start += len(part)
    return b"".join(parts)
