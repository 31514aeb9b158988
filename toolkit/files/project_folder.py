"""Find the project folder, so that a notebook writes to the same place from whichever folder it runs."""

import os
from pathlib import Path

MARKERS = ("study.toml", "pyproject.toml", ".git")


def in_project(path: str | Path) -> Path:
    """Return a path inside the project folder, relative to the working directory.

    The project folder is the nearest of the working directory and its parents that contains `study.toml`,
    `pyproject.toml` or `.git`, or else the working directory. It is relative so that no output of a notebook
    names a folder of this machine, and so that JupyterLab can follow it as a link.

    Examples
    --------
    >>> in_project("reports").name
    'reports'
    """
    here = Path.cwd()
    marked = (folder for folder in (here, *here.parents) if any((folder / name).exists() for name in MARKERS))
    return Path(os.path.relpath(next(marked, here) / path))
