"""In a folder without permission, and on a read-only file system, each exit ends in one error and no file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.write_into_closed_folder import write_all
from tests.support.messages import mentions

ROOT = Path(__file__).parents[2]
SCRIPT = "tests.hostile.write_into_closed_folder"


def closing(kind: str, folder: Path) -> list[str]:
    """Write the command that starts a program for which the folder is closed; skip where there is none."""
    if kind == "mode":
        if not hasattr(os, "getuid") or os.getuid() != 0:
            return []
        if shutil.which("setpriv") is None:
            pytest.skip("permissions do not bind root, and there is no setpriv to drop that")
        # Root that owns the folder, and may no longer ignore its mode.
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    else:
        command = ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs tmpfs '{folder}' && exec \"$@\"", "sh"]
    if shutil.which(command[0]) is None or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip(f"{command[0]} cannot close a folder here")
    return command


def call_in(kind: str, folder: Path, calls: str) -> dict[str, tuple[str, str]]:
    """Run the calls of a program for which the folder is closed; give class and message of each error."""
    folder.mkdir()
    env = {**os.environ, "CRAMPS_CACHE": str(folder.parent / "cache")}
    done = subprocess.run(
        [*closing(kind, folder), sys.executable, "-m", SCRIPT, str(folder), kind, calls],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    folder.chmod(0o755)
    assert 0 == done.returncode, done.stderr[-3_000:]
    found = json.loads(done.stdout)
    assert [] == found.pop("left")
    return {name: tuple(own) for name, own in found.items()}


@pytest.mark.parametrize(
    ("kind", "reason"), [("mode", "you have no permission"), ("mount", "the disk is read-only")]
)
def test_every_exit_names_the_closed_folder_and_leaves_no_file(
    kind: str, reason: str, tmp_path: Path
) -> None:
    found = call_in(kind, tmp_path / "closed", "write_all")
    assert set(write_all(tmp_path)) == set(found)
    wrong = {
        name: own
        for name, own in found.items()
        if own[0] != "told" or not mentions(own[1], str(tmp_path / "closed"), reason) or "\n" in own[1]
    }
    assert {} == wrong


@pytest.mark.parametrize("kind", ["mode", "mount"])
def test_a_temporary_folder_that_takes_nothing_is_named(kind: str, tmp_path: Path) -> None:
    found = call_in(kind, tmp_path / "closed", "render_in_temporary")
    how, message = found["report"]
    assert how == "told"
    assert mentions(message, str(tmp_path / "closed"), "not writable", "TMPDIR")
