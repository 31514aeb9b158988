"""Turn the numbered notebooks into pages of the tutorial that the build executes."""

from pathlib import Path

import jupytext
from nbformat.v4 import new_code_cell

# Charts as pictures: the page then needs no script and no network.
_SETUP = "import altair\naltair.renderers.enable('svg');"


def tutorial_pages(folder: Path) -> dict[str, str]:
    """Convert each numbered notebook, and list them: path -> text."""
    sources = sorted(folder.glob("[0-9]*.py"))
    pages = {f"tutorial/{source.stem}.ipynb": _convert(source) for source in sources}
    contents = "\n".join(source.stem for source in sources)
    pages["tutorial/index.md"] = _INDEX.replace("CONTENTS", contents)
    return pages


def _convert(source: Path) -> str:
    notebook = jupytext.read(source)
    notebook.cells.insert(0, new_code_cell(_SETUP, metadata={"tags": ["remove-cell"]}, id="pictures"))
    for cell in notebook.cells:
        if "notebook-only" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "remove-cell"]
    return str(jupytext.writes(notebook, fmt="ipynb"))


_INDEX = """# Tutorial

Each page is a notebook of the folder `notebooks/`, executed when this site was built. The studies are
**simulated**, and no participant is real. Run `make lab` to open the notebooks in JupyterLab.

```{toctree}
:maxdepth: 1

CONTENTS
```
"""
