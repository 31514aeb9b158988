"""Keep content in a file without a name, which other processes cannot find and which nobody has to remove.

The system frees it when the last process that holds it ends, however it ends: what a named temporary file
or named shared memory would leave behind after SIGKILL does not arise.
"""

import os
import re
import tempfile
from typing import BinaryIO, cast

_PATH = re.compile(r"/dev/fd/(\d+)")
_PART = 1 << 26


def unnamed_file(*, on_disk: bool = False) -> BinaryIO:
    """Open an empty file without a name for reading and writing.

    Parameters
    ----------
    on_disk
        True for what may be larger than memory.

    Returns
    -------
    typing.BinaryIO
        In memory on Linux (`memfd_create`); elsewhere, or on the disk, a temporary file that is unlinked
        before anything is written to it.

    Examples
    --------
    >>> with unnamed_file() as file:
    ...     _ = file.write(b"some")
    ...     content_of(path_of(file))
    b'some'
    """
    if hasattr(os, "memfd_create") and not on_disk:
        return os.fdopen(os.memfd_create("cramps"), "w+b")
    return cast("BinaryIO", tempfile.TemporaryFile())


def path_of(file: BinaryIO) -> str:
    """Give the path by which this process, and a child that inherits the descriptor, opens the file."""
    file.flush()
    return f"/dev/fd/{file.fileno()}"


def is_path_of_descriptor(path: object) -> bool:
    """Tell whether a path is one that `path_of` gives.

    Examples
    --------
    >>> is_path_of_descriptor("/dev/fd/7"), is_path_of_descriptor("simulated")
    (True, False)
    """
    return _PATH.fullmatch(str(path)) is not None


def content_of(path: object) -> bytes:
    """Read a whole file by the path that `path_of` gave.

    The descriptor's position is neither used nor moved, because several processes may share it.

    Raises
    ------
    OSError
        If this process does not hold such a descriptor.
    """
    found = _PATH.fullmatch(str(path))
    if found is None:
        raise OSError(f"'{path}' is not the path of a descriptor")
    handle, parts, start = int(found[1]), [], 0
    while part := os.pread(handle, _PART, start):
        parts.append(part)
        start += len(part)
    return b"".join(parts)
