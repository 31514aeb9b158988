"""Name the git commit of a folder, and whether its files were changed since."""

import subprocess
from pathlib import Path
from shutil import which


def run_git(folder: Path, *arguments: str) -> str:
    """Return what git prints; "" without git or a repository."""
    git = which("git")
    if git is None:
        return ""
    run = subprocess.run([git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    return run.stdout.strip() if run.returncode == 0 else ""


def commit_of_file(path: Path) -> str:
    """Name the commit of a file's repository, and whether the file differs from it; "none" without one."""
    commit = run_git(path.parent, "rev-parse", "HEAD")
    if not commit:
        return "none"
    changed = run_git(path.parent, "status", "--porcelain", "--", path.name)
    return f"{commit}, with changes to {path.name} that are not in it" if changed else commit
