"""Write the Jupyter notebooks that are paired with py:percent sources, without outputs.

The sources are edited and reviewed; the notebooks are opened in JupyterLab and run by papermill. jupytext
keeps both equal while a notebook is edited in JupyterLab (`jupytext.toml` in their folder).
"""

import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

from toolkit.files.safe_files import write_text
from toolkit.report.execution.execute import load

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


if __name__ == "__main__":
    for path in write_paired(Path(sys.argv[1])):
        sys.stdout.write(f"{path}\n")
