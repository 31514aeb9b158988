"""Open what is not a data file by every door, in a process of its own that may hang."""

import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import toolkit as tk
from tests.support.own_survey import TOML
from toolkit.files.cache import read_entry, read_table
from toolkit.sources.user.declaration import FORMATS
from toolkit.sources.user.loader import examine
from toolkit.sources.user.scaffold import write_first_study

LONGEST = 5_000  # characters of a message, which may list a problem for each column
THINGS: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(os.urandom(3_000)),
    "web page": lambda path: path.write_text("<!doctype html><html>sorry</html>"),
    "zeros": lambda path: path.write_bytes(b"\0" * 10_000),
    "wrong extension": lambda path: path.write_bytes(b"PAR1" + os.urandom(500) + b"PAR1"),
    "zip": lambda path: path.write_bytes(b"PK\x03\x04" + os.urandom(100)),
    "long name": lambda path: path.write_text("x" * 200_000 + ",y\n1,2\n"),
    "nested": lambda path: path.write_text("a = " + "[" * 50_000 + "]" * 50_000),
    "digits": lambda path: path.write_text("a = " + "9" * 10_000),
    "dangling link": lambda path: path.symlink_to(path.parent / "nowhere"),
}
if os.name == "posix":
    THINGS |= {
        "pipe": os.mkfifo,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    }


def _doors(path: Path, folder: Path) -> dict[str, Callable[[], Any]]:
    (folder / "study.toml").write_text(TOML.replace("people.csv", path.name))
    doors = {
        "new-study": lambda: write_first_study((path,), folder / "new.toml"),
        "study.toml": lambda: tk.open_study(folder / "study.toml"),
    }
    if path.suffix == ".parquet":
        doors["tk.study"] = lambda: tk.study(path, design=tk.Design.none(), name="file")
        doors["cache entry"] = lambda: read_entry(path, "key")
    if path.suffix == ".xpt":
        doors["NHANES table"] = lambda: read_table(path).collect()
    if path.suffix == ".csv":
        doors["weather"] = lambda: tk.read_ghcn(path)
    if path.suffix == ".toml":
        simulated = tk.open_study("simulated")
        doors = {
            "study.toml": lambda: tk.open_study(path),
            "check": lambda: examine(path),
            "diagram": lambda: tk.adjustment_for(simulated, "any_cramps", "diabetes_told", diagram=path),
            "plan": lambda: tk.reports.render_plan("simulated", plan=path, output=folder, progress=False),
        }
    return doors


def _raw_error(call: Callable[[], Any]) -> str:
    try:
        call()
    except tk.ToolkitError as error:
        return "" if len(str(error)) < LONGEST else f"a message of {len(str(error)):,} characters"
    except Exception:
        return traceback.format_exc(limit=-2)
    return ""


def main(root: Path) -> int:
    """Write what is not an answer and not a refusal in words."""
    failed = 0
    for place, (thing, make) in enumerate(THINGS.items()):
        for suffix in (*FORMATS, ".toml", ""):
            folder = root / f"{place}{suffix.replace('.', '-')}"
            folder.mkdir()
            path = folder / f"people{suffix}"
            make(path)
            for door, call in _doors(path, folder).items():
                sys.stderr.write(f"{thing} {suffix} {door}\n")
                if found := _raw_error(call):
                    failed += 1
                    sys.stdout.write(f"{thing} as {suffix} by {door}: {found}\n")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]))))
