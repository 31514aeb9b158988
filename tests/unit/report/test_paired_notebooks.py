"""Notebooks are written from their sources: the same bytes each time, and none that was run is lost."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from toolkit.files.checked_toml import shipped
from toolkit.report.paired_notebooks import compose_paired, write_paired

SOURCE = """# %% [markdown]
# # A title

# %% tags=["parameters"]
study = "simulated"

# %%
print(study)

# %%
print(study)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "one.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_a_notebook_has_the_cells_of_its_source_and_no_traces_of_a_run(source: Path) -> None:
    notebook = json.loads(compose_paired(source))
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    assert [
        ("markdown", "# A title"),
        ("code", 'study = "simulated"'),
        ("code", "print(study)"),
        ("code", "print(study)"),
    ] == cells
    assert ["parameters"] == notebook["cells"][1]["metadata"]["tags"]
    assert {"kernelspec", "language_info"} == set(notebook["metadata"])
    assert "python3" == notebook["metadata"]["kernelspec"]["name"]
    assert {"name": "python"} == notebook["metadata"]["language_info"]


def test_ids_follow_from_the_text_and_are_unique(source: Path) -> None:
    first, second = compose_paired(source), compose_paired(source)
    assert first == second
    ids = [cell["id"] for cell in json.loads(first)["cells"]]
    assert 4 == len(set(ids))
    source.write_text(SOURCE.replace("# # A title", "# # Another"), encoding="utf-8")
    assert ids[1:] == [cell["id"] for cell in json.loads(compose_paired(source))["cells"]][1:]


def test_only_what_changed_is_written(source: Path) -> None:
    target = source.with_suffix(".ipynb")
    assert [target] == write_paired(source.parent)
    assert [] == write_paired(source.parent)
    source.write_text(SOURCE + "\n# %%\n1 + 1\n", encoding="utf-8")
    assert [target] == write_paired(source.parent)
    assert [] == list(source.parent.glob("*.before.ipynb"))


def test_a_notebook_that_was_run_is_kept_beside_the_new_one(source: Path) -> None:
    write_paired(source.parent)
    target = source.with_suffix(".ipynb")
    notebook = json.loads(target.read_text(encoding="utf-8"))
    notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["mine"]}]
    target.write_text(json.dumps(notebook), encoding="utf-8")
    assert [target] == write_paired(source.parent)
    assert "mine" in source.with_suffix(".before.ipynb").read_text(encoding="utf-8")
    assert compose_paired(source) == target.read_text(encoding="utf-8")


def test_jupytext_carries_an_edit_of_the_notebook_into_its_source(source: Path) -> None:
    from jupytext.cli import jupytext

    shutil.copy(shipped("notebooks") / "jupytext.toml", source.parent)
    write_paired(source.parent)
    target = source.with_suffix(".ipynb")
    target.write_text(target.read_text(encoding="utf-8").replace("# A title", "# My title"), encoding="utf-8")
    os.utime(target, (time.time() + 5, time.time() + 5))
    jupytext(["--quiet", "--sync", str(target)])
    # The header that a source needs for its kernel comes first; nothing else changes.
    assert SOURCE.replace("A title", "My title") == source.read_text(encoding="utf-8").partition("---\n\n")[2]
