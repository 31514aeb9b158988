"""Write the Jupyter notebooks that are paired with py:percent sources, without outputs.

The sources are edited and reviewed; the notebooks are opened in JupyterLab and run by papermill. jupytext
keeps both equal while a notebook is edited in JupyterLab (`jupytext.toml` in their folder).
"""

import sys
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from toolkit.files.checked_toml import shipped
from toolkit.files.project_folder import in_project
from toolkit.files.safe_files import write_bytes, write_text
from toolkit.report.execution.execute import load

_FIRST = "01-start.ipynb"
# JupyterLab would ask its own site for news and releases, and the package index for extensions.
_QUIET = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def write_paired(folder: Path) -> list[Path]:
    """Write the notebook of each source in a folder; return those that changed.

    A notebook that was run is kept beside the new one as `*.before.ipynb`.
    """
    changed = []
    for source in sorted(folder.glob("*.py")):
        target, text = source.with_suffix(".ipynb"), compose_paired(source)
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        if before == text:
            continue
        if '"output_type"' in before:
            write_text(source.with_suffix(".before.ipynb"), before)
        write_text(target, text)
        changed.append(target)
    return changed


def compose_paired(source: Path) -> str:
    """Compose a notebook as JupyterLab would save it; ids of cells follow from their text."""
    from nbformat import writes

    notebook, seen = load(source), Counter[str]()
    notebook.metadata = _METADATA
    for cell in notebook.cells:
        name = sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[name] += 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return f"{writes(notebook)}\n"  # type: ignore[no-untyped-call]


def lab_command(arguments: Sequence[str] = ()) -> list[str]:
    """Return the command that opens the first notebook in JupyterLab; copy the notebooks if none exist."""
    folder = in_project("notebooks")
    if not folder.exists():
        for source in sorted(shipped("notebooks").iterdir()):
            if source.suffix in (".py", ".ipynb", ".toml"):
                write_bytes(folder / source.name, source.read_bytes())
    opened = f"--LabApp.default_url=/lab/tree/{(folder / _FIRST).as_posix()}"
    return [sys.executable, "-m", "jupyterlab", opened, *_QUIET, *arguments]
