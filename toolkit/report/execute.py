"""Run a notebook in a fresh kernel of this Python, and kill its kernels if a signal stops the report."""

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, BinaryIO

from toolkit.errors import DatasetError, ToolkitError
from toolkit.files.safe_files import restate_full_temporary_folder, temporary_folder
from toolkit.report.parameters import TAG

if TYPE_CHECKING:
    import subprocess

_IN_MEMORY = "memory:"
_NO_HISTORY = ("--HistoryManager.enabled=False",)
# What a kernel writes to its folder: a connection file, five sockets, IPython's folders; with some to spare.
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
_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class NotebookError(ToolkitError):
    """A cell of a notebook raised an error; `text` is the notebook as far as it ran."""

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


class InterruptedReport(BaseException):
    """A signal ended the report. Like KeyboardInterrupt, it is not an Exception that code may swallow."""

    def __init__(self, signum: int = 0) -> None:
        super().__init__("A signal ended the report.")
        self.signum = signum


class Kernels:
    """The kernels of one call, which end together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self.ended = False

    def add(self, process: "subprocess.Popen[bytes]") -> None:
        """Register a kernel; it is killed at once if the others already were."""
        with self._lock:
            self._processes.append(process)
        if self.ended:
            self.end()

    def end(self) -> None:
        """Kill every kernel and the processes that it started."""
        self.ended = True
        for process in list(self._processes):
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def check_running(self) -> None:
        """Raise InterruptedReport once the kernels were ended."""
        if self.ended:
            raise InterruptedReport


@contextmanager
def end_on_signals() -> Iterator[Kernels]:
    """End the block and the kernels registered in it on SIGTERM, SIGHUP and Ctrl-C.

    A signal that the caller handles or ignores stays the caller's. After the block, SIGTERM and SIGHUP end
    the process as they would have done.
    """
    kernels = Kernels()
    if threading.current_thread() is not threading.main_thread():
        yield kernels
        return

    def end(signum: int, _: FrameType | None) -> None:
        # A terminal that closes and a service that stops send several signals: the first ends the report.
        if not kernels.ended:
            kernels.end()
            raise KeyboardInterrupt if signum == signal.SIGINT else InterruptedReport(signum)

    before = {signum: signal.getsignal(signum) for signum in (*_ENDING, signal.SIGINT)}
    try:
        for signum, handler in before.items():
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(signum, end)
        yield kernels
    except InterruptedReport as ended:
        _restore_handlers(before)
        if ended.signum:
            signal.raise_signal(ended.signum)
        raise
    finally:
        _restore_handlers(before)


def _restore_handlers(handlers: Mapping[Any, Any]) -> None:
    for signum, handler in handlers.items():
        if handler is not None:
            signal.signal(signum, handler)


@dataclass(frozen=True)
class Session:
    """What the reports of one call share: the file of participants, the kernels, a call after each cell."""

    people: BinaryIO | None = None
    kernels: Kernels = field(default_factory=Kernels)
    after_cell: Callable[..., None] | None = None


def load(path: Path) -> Any:
    """Read a notebook, a jupytext script (.py) or an .ipynb, without its outputs."""
    import jupytext

    try:
        notebook = jupytext.read(path)
    except Exception as error:
        raise DatasetError(
            f"'{path.name}' is not a notebook ({type(error).__name__}). Supply a script in the py:percent "
            "format (.py) or an .ipynb file."
        ) from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return notebook


def parameters_source(notebook: Any, report: str) -> str:
    """Return the source of the cell tagged `parameters`."""
    for cell in notebook.cells:
        if TAG in _tags(cell):
            return str(cell.source)
    raise DatasetError(
        f"Report '{report}' has no cell tagged '{TAG}'. Mark the cell with its defaults by "
        f'`# %% tags=["{TAG}"]`, or add the tag {TAG} in JupyterLab.'
    )


def run(notebook: Any, report: str, parameters: Mapping[str, Any], session: Session | None = None) -> Any:
    """Run every cell in a fresh kernel; return the notebook with its outputs and without paths."""
    session = session or Session()
    session.kernels.check_running()
    with restate_full_temporary_folder(), temporary_folder() as folder, ThreadPoolExecutor(1) as thread:
        _check_space(folder)
        _inject_cells(notebook, parameters)
        try:
            return remove_paths(thread.submit(_execute, notebook, report, session, folder).result())
        except Exception:
            session.kernels.check_running()
            raise


def _check_space(folder: Path) -> None:
    """Raise OSError before a kernel starts that would die because its files and sockets do not fit."""
    probes = [folder / f"probe-{n}" for n in range(_KERNEL_FILES)]
    for probe in probes:
        probe.write_bytes(bytes(_KERNEL_BYTES))
    for probe in probes:
        probe.unlink()


def _execute(notebook: Any, report: str, session: Session, folder: Path) -> Any:
    """Execute in a thread with its own event loop, because inside JupyterLab that of the caller is busy."""
    import papermill
    from jupyter_core.utils import ensure_event_loop
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    loop = ensure_event_loop()
    written, output = _memory_writer().texts, f"{_IN_MEMORY}{folder.name}.ipynb"
    # ipc: a socket file in a private folder, in place of a port that others on the machine can reach.
    files = {"ip": str(folder / "k"), "connection_file": str(folder / "kernel.json")}
    try:
        return papermill.execute_notebook(
            notebook,
            output,
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            kernel_manager_class=_kernel_manager(folder, session),
            config=Config({"KernelManager": {"transport": "ipc", **files}}),
            resources={"metadata": {"path": str(folder)}},
            on_cell_executed=session.after_cell,
        )
    except papermill.PapermillExecutionError as error:
        raise _failed_cell(error, written[output], report) from None
    except (DeadKernelError, CellTimeoutError) as error:
        raise _dead_kernel(notebook, report) from error
    except RuntimeError as error:
        # jupyter_client has no class of its own for a kernel that ends while it starts.
        if "Kernel died" not in str(error):
            raise
        raise _dead_kernel(notebook, report) from error
    finally:
        written.pop(output, None)
        loop.close()


class _MemoryWriter:
    """The interface that papermill expects of a place to write to."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def write(self, text: str, path: str) -> None:
        self.texts[path] = text

    def pretty_path(self, path: str) -> str:
        return path


@cache
def _memory_writer() -> _MemoryWriter:
    """Let papermill write to memory, because a notebook on the disk would outlive a killed process."""
    from papermill.iorw import papermill_io

    writer = _MemoryWriter()
    papermill_io.register(_IN_MEMORY, writer)
    return writer


def _kernel_manager(folder: Path, session: Session) -> type:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    inherited = (session.people.fileno(),) if session.people else ()
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
            await super()._async_launch_kernel(kernel_cmd, pass_fds=inherited, **options)
            session.kernels.add(getattr(self.provisioner, "process"))  # noqa: B009 - of the local provisioner

        async def _async_interrupt_kernel(self) -> None:
            # An interrupt sent on the way down makes the kernel print an error at its end.
            if not self.shutting_down:
                await super()._async_interrupt_kernel()

    return ThisPython


def _inject_cells(notebook: Any, parameters: Mapping[str, Any]) -> None:
    """Add a cell with the parameters' values and, for notebooks with altair charts, one with the theme."""
    place = next(n for n, cell in enumerate(notebook.cells, 1) if TAG in _tags(cell))
    # papermill writes tuples as text and cannot read defaults with a comparison, so its own cell is not used.
    values = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(place, _new_cell(values, "injected-parameters"))
    # Charts of `tk` choose their outputs themselves; a notebook's own would fetch a script. Importing altair
    # takes seconds that other notebooks need not spend.
    if any("altair" in cell.source for cell in notebook.cells):
        notebook.cells.insert(0, _new_cell(_SET_UP_SOURCE, "page-setup"))


def _new_cell(source: str, tag: str) -> Any:
    from nbformat.v4 import new_code_cell

    return new_code_cell(source, metadata={"tags": [tag]})  # type: ignore[no-untyped-call]


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def remove_paths(notebook: Any) -> Any:
    """Copy a notebook without papermill's records and with placeholders for the folders of this machine."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
    return _read_notebook(_mask_folders(_write_notebook(notebook)))


def _read_notebook(text: str) -> Any:
    import nbformat

    return nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]


def _write_notebook(notebook: Any) -> str:
    import nbformat

    return str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]


def _mask_folders(text: str) -> str:
    text = re.sub(r"cramps-run-\w{8}", "run", text)
    for folder, placeholder in sorted(_PLACES, key=lambda pair: -len(pair[0])):
        text = text.replace(folder, placeholder)
    return text


def _failed_cell(error: Any, text: str, report: str) -> NotebookError:
    notebook = remove_paths(_read_notebook(text))
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and not _SET_UP & _tags(cell)]
    number, cell = next(
        (n, cell)
        for n, cell in enumerate(code, 1)
        if any(output.output_type == "error" for output in cell.outputs)
    )
    line = next(line for line in cell.source.splitlines() if line.strip())
    message = _mask_folders(" ".join(str(error.evalue).split()))
    return NotebookError(
        f"Report '{report}' failed in code cell {number} (`{line}`) with {error.ename}: {message}",
        _write_notebook(notebook),
    )


def _dead_kernel(notebook: Any, report: str) -> NotebookError:
    return NotebookError(
        f"The kernel of report '{report}' died, most likely because memory ran out. Render fewer reports at "
        "the same time (workers=1), or use a study with fewer variables.",
        _write_notebook(remove_paths(notebook)),
    )
