"""Run a notebook in a fresh kernel of this Python: jupytext and papermill, nothing kept but its outputs.

Takes a notebook file and checked parameters; gives the executed notebook, or the cell and the error.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.errors import DatasetError, ToolkitError
from toolkit.files.atomic import restate_full_temporary_folder, temporary_folder
from toolkit.report.interruption import Kernels
from toolkit.report.parameters import TAG

_IN_MEMORY = "memory:"
_NO_HISTORY = ("--HistoryManager.enabled=False",)
# What a kernel makes in its folder: a connection file, five sockets, IPython's folders; with some to spare.
_KERNEL_FILES, _KERNEL_BYTES = 16, 4096
# Read by `display.charts.theme`: no live widget, whose state would add its script to each chart.
_SAVED_CHARTS = {"CRAMPS_CHARTS": "saved"}
_SET_UP_SOURCE = "from toolkit.display.charts import theme as _theme\n_theme.use()"
_SET_UP = {"page-setup", "injected-parameters"}
_PACKAGE_ROOT = Path(__file__).parents[2]
# Longest first, so that a folder inside another is replaced before its parent.
_PLACES = (
    (tempfile.gettempdir(), "<temporary>"),
    (str(_PACKAGE_ROOT), "<toolkit>"),
    (sys.prefix, "<python>"),
    (sys.base_prefix, "<python>"),
    (str(Path.home()), "<home>"),
)


class NotebookError(ToolkitError):
    """A cell of a notebook raised an error: says which and keeps the notebook's text as it stood."""

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


@dataclass(frozen=True, slots=True)
class Run:
    """What a notebook is run with: its name, its parameters and what to call after each cell.

    `descriptors` are files without a name that the kernel inherits; `kernels` end with the call's others.
    """

    report: str
    parameters: Mapping[str, Any]
    after_cell: Callable[..., None] | None = None
    descriptors: tuple[int, ...] = ()
    kernels: Kernels = field(default_factory=Kernels)


def load(path: Path) -> Any:
    """Read a notebook: a jupytext script (`.py`) or an `.ipynb`.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    nbformat.NotebookNode
        Its cells, without outputs.

    Raises
    ------
    DatasetError
        If the file is neither.
    """
    import jupytext

    try:
        notebook = jupytext.read(path)
    except Exception as error:
        raise DatasetError(
            f"'{path.name}' is no notebook ({type(error).__name__}): give a py:percent script or an .ipynb."
        ) from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return notebook


def parameters_source(notebook: Any, report: str) -> str:
    """Give the text of the cell tagged `parameters`.

    Raises
    ------
    DatasetError
        If no cell carries the tag.
    """
    for cell in notebook.cells:
        if TAG in cell.metadata.get("tags", []):
            return str(cell.source)
    raise DatasetError(
        f"report '{report}' has no cell tagged '{TAG}'. Mark the cell that holds its defaults with "
        f'`# %% tags=["{TAG}"]`, or in JupyterLab with the tag {TAG}.'
    )


def run(notebook: Any, what: Run) -> Any:
    """Run every cell in a fresh kernel.

    Parameters
    ----------
    notebook
        What `load` gave.
    what
        Name, parameters and a function called after each cell.

    Returns
    -------
    nbformat.NotebookNode
        The notebook with its outputs, free of machine paths.

    Raises
    ------
    NotebookError
        Names the cell and the error in one line.
    """
    what.kernels.expect_wanted()
    with restate_full_temporary_folder(), temporary_folder() as folder, ThreadPoolExecutor(1) as thread:
        _expect_space(folder)
        _make_ready(notebook, what.parameters)
        try:
            return without_paths(thread.submit(_in_own_loop, notebook, what, folder).result())
        except Exception:
            what.kernels.expect_wanted()
            raise


def _expect_space(folder: Path) -> None:
    """Raise OSError before a kernel starts that would die for want of room for its files and sockets."""
    probes = [folder / f"probe-{n}" for n in range(_KERNEL_FILES)]
    for probe in probes:
        probe.write_bytes(bytes(_KERNEL_BYTES))
    for probe in probes:
        probe.unlink()


def _in_own_loop(notebook: Any, what: Run, folder: Path) -> Any:
    """Run in a thread of its own: inside JupyterLab the caller's thread has a loop that is busy."""
    from jupyter_core.utils import ensure_event_loop

    loop = ensure_event_loop()
    try:
        return _executed(notebook, what, folder)
    finally:
        loop.close()


def _executed(notebook: Any, what: Run, folder: Path) -> Any:
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    written, output = _written(), f"{_IN_MEMORY}{folder.name}.ipynb"
    try:
        return papermill.execute_notebook(
            notebook,
            output,
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            **_kernel_options(folder, what),
        )
    except papermill.PapermillExecutionError as error:
        raise _failure(error, written[output], what.report) from None
    except (DeadKernelError, CellTimeoutError) as error:
        raise _death(notebook, what.report) from error
    except RuntimeError as error:
        # jupyter_client has no class of its own for a kernel that ends while it starts.
        if "Kernel died" not in str(error):
            raise
        raise _death(notebook, what.report) from error
    finally:
        written.pop(output, None)


@cache
def _written() -> dict[str, str]:
    """Let papermill write into memory: a notebook on the disk would outlive a killed process."""
    from papermill.iorw import papermill_io

    handler = _Memory()
    papermill_io.register(_IN_MEMORY, handler)
    return handler.texts


class _Memory:
    """What papermill asks of a place to write to."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def write(self, text: str, path: str) -> None:
        self.texts[path] = text

    def pretty_path(self, path: str) -> str:
        return path


def without_paths(notebook: Any) -> Any:
    """Copy a notebook with this machine's folders replaced by words and papermill's own records removed."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
    return _of_text(_plain_text(_to_text(notebook)))


def _of_text(text: str) -> Any:
    import nbformat

    return nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]


def _to_text(notebook: Any) -> str:
    import nbformat

    return str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]


def _plain_text(text: str) -> str:
    text = re.sub(r"cramps-run-\w{8}", "run", text)
    for place, word in sorted(_PLACES, key=lambda pair: -len(pair[0])):
        text = text.replace(place, word)
    return text


def _make_ready(notebook: Any, parameters: Mapping[str, Any]) -> None:
    at = next(n for n, cell in enumerate(notebook.cells, 1) if TAG in _tags(cell))
    # papermill writes a tuple as text, and reads no default that holds a comparison: so not its own cell.
    values = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(at, _cell(values, "injected-parameters"))
    # Charts of `tk` choose their outputs themselves; those of a notebook's own would fetch a script. And
    # importing altair takes seconds that other notebooks need not spend.
    if any("altair" in cell.source for cell in notebook.cells):
        notebook.cells.insert(0, _cell(_SET_UP_SOURCE, "page-setup"))


def _cell(source: str, tag: str) -> Any:
    from nbformat.v4 import new_code_cell

    return new_code_cell(source, metadata={"tags": [tag]})  # type: ignore[no-untyped-call]


def _kernel_options(folder: Path, what: Run) -> dict[str, Any]:
    from traitlets.config import Config

    return {
        "kernel_manager_class": _manager(folder, what),
        # ipc: a socket file in a private folder, in place of a port that others on the machine can reach.
        "config": Config(
            {
                "KernelManager": {
                    "transport": "ipc",
                    "ip": str(folder / "k"),
                    "connection_file": str(folder / "kernel.json"),
                }
            }
        ),
        "resources": {"metadata": {"path": str(folder)}},
        "on_cell_executed": what.after_cell,
    }


def _manager(folder: Path, what: Run) -> type:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]))
    spec = KernelSpec(
        argv=[
            *(sys.executable, "-m", "toolkit.report.kernel_process", str(os.getpid())),
            *("-f", "{connection_file}", *_NO_HISTORY),
        ],
        env={**_SAVED_CHARTS, "PYTHONPATH": path, "IPYTHONDIR": str(folder / "ipython")},
        display_name="Python 3",
        language="python",
    )

    class ThisPython(AsyncKernelManager):
        """Start the interpreter that runs this code, with this package, without the user's start-up files."""

        @property
        def kernel_spec(self) -> KernelSpec:
            return spec

        async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
            await super()._async_launch_kernel(kernel_cmd, pass_fds=what.descriptors, **options)
            what.kernels.add(getattr(self.provisioner, "process"))  # noqa: B009 - of the local provisioner

        async def _async_interrupt_kernel(self) -> None:
            # An interrupt sent on the way down makes the kernel print an error at its end.
            if not self.shutting_down:
                await super()._async_interrupt_kernel()

    return ThisPython


def _failure(error: Any, text: str, report: str) -> NotebookError:
    notebook = without_paths(_of_text(text))
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and not _SET_UP & _tags(cell)]
    failed = next(n for n, cell in enumerate(code, 1) if _raised(cell))
    lines = [line for line in code[failed - 1].source.splitlines() if line.strip()]
    said = _plain_text(" ".join(str(error.evalue).split()))
    return NotebookError(
        f"report '{report}' failed in code cell {failed} (`{lines[0]}`): {error.ename}: {said}",
        _to_text(notebook),
    )


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _raised(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.outputs)


def _death(notebook: Any, report: str) -> NotebookError:
    return NotebookError(
        f"report '{report}': its kernel died, most likely for want of memory. Render fewer reports side by "
        "side (workers=1), or a study of fewer variables.",
        _to_text(without_paths(notebook)),
    )
