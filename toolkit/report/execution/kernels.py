"""Start the kernels of reports, keep them warm from one report to the next, and end all of them together."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, BinaryIO

from toolkit.files.safe_files import inherited_by_children, temporary_folder

if TYPE_CHECKING:
    import subprocess

_NO_HISTORY = ("--HistoryManager.enabled=False",)
# What a kernel writes to its folder: a connection file, five sockets, IPython's folders; with some to spare.
_KERNEL_FILES, _KERNEL_BYTES = 16, 4096
# Read by `display.charts.theme`: no live widget, whose state would add its script to each chart.
_SAVED_CHARTS = {"CRAMPS_CHARTS": "saved"}
PACKAGE_ROOT = Path(__file__).parents[3]
_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))

AfterCell = Callable[..., None]


class InterruptedReport(BaseException):
    """A signal ended the report. Like KeyboardInterrupt, it is not an Exception that code may swallow."""

    def __init__(self, signum: int = 0) -> None:
        super().__init__("A signal ended the report.")
        self.signum = signum


class Kernels:
    """The kernels of one call: idle ones are lent again, and all end together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._idle: list[Kernel] = []
        self.ended = False

    def add(self, process: "subprocess.Popen[bytes]") -> None:
        """Register a kernel's process; it is killed at once if the others already were."""
        with self._lock:
            self._processes.append(process)
        if self.ended:
            self.end()

    @contextmanager
    def lend(self, people: BinaryIO | None) -> Iterator["Kernel"]:
        """Lend an idle kernel, or a new one. One whose notebook failed is not lent again."""
        with self._lock:
            kernel = self._idle.pop() if self._idle else None
        kernel = kernel or Kernel(people, self)
        try:
            yield kernel
        except BaseException:
            kernel.close()
            raise
        with self._lock:
            self._idle.append(kernel)

    def end(self) -> None:
        """Kill every kernel and the processes that it started."""
        self.ended = True
        for process in list(self._processes):
            _kill(process)

    def close(self) -> None:
        """End the idle kernels and remove their folders."""
        while self._idle:
            self._idle.pop().close()

    def check_running(self) -> None:
        """Raise InterruptedReport once the kernels were ended."""
        if self.ended:
            raise InterruptedReport


class Kernel:
    """One kernel with its private folder and its thread; it runs one notebook after the other."""

    def __init__(self, people: BinaryIO | None, kernels: Kernels) -> None:
        from toolkit.files.deferred_imports import defer_iri_grammar

        defer_iri_grammar()
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(temporary_folder())
        try:
            _check_space(self._folder)
        except BaseException:
            self._stack.close()
            raise
        self._processes: list[subprocess.Popen[bytes]] = []
        self._people, self._kernels = people, kernels
        self._manager: Any = None
        self._client: Any = None
        # A thread with its own event loop, because inside JupyterLab that of the caller is busy.
        self._thread = ThreadPoolExecutor(1)

    def run(self, notebook: Any, after_cell: AfterCell | None = None) -> None:
        """Run every cell of a notebook, whose outputs are written into it."""
        self._thread.submit(self._execute, notebook, after_cell).result()

    def _execute(self, notebook: Any, after_cell: AfterCell | None) -> None:
        from papermill.clientwrap import PapermillNotebookClient
        from papermill.engines import NotebookExecutionManager
        from traitlets.config import Config

        if self._manager is None:
            settings = Config({"KernelManager": _connection(self._folder)})
            self._manager = _manager_class(self._folder, self._people, self._register)(config=settings)
        options = {"record_timing": False, "timeout": None, "on_cell_executed": after_cell}
        resources = {"metadata": {"path": str(self._folder)}}
        notebook.metadata["papermill"] = {}
        progress = NotebookExecutionManager(notebook, progress_bar=False)
        progress.notebook_start()
        client = PapermillNotebookClient(progress, km=self._manager, resources=resources, **options)
        client.kc = self._client
        try:
            client.execute()
        finally:
            self._client = client.kc
            progress.notebook_complete()

    def _register(self, process: "subprocess.Popen[bytes]") -> None:
        self._processes.append(process)
        self._kernels.add(process)

    def close(self) -> None:
        """End the kernel and remove its folder."""
        for process in self._processes:
            _kill(process)
        self._thread.submit(self._disconnect).result()
        self._thread.shutdown()
        for process in self._processes:
            process.wait()
        self._stack.close()

    def _disconnect(self) -> None:
        from jupyter_core.utils import ensure_event_loop

        with suppress(Exception):  # It was killed, so that nothing is left to be told.
            if self._client is not None:
                self._client.stop_channels()
        with suppress(Exception):
            if self._manager is not None:
                self._manager.context.destroy(linger=0)
        ensure_event_loop().close()


def _connection(folder: Path) -> dict[str, str]:
    """Choose how to talk to a kernel: a socket file in a private folder, or else a local port with a key.

    Others on the machine can reach a port, where only the key keeps them out.
    """
    connection = {"connection_file": str(folder / "kernel.json")}
    if hasattr(socket, "AF_UNIX"):
        return {**connection, "transport": "ipc", "ip": str(folder / "k")}
    return {**connection, "transport": "tcp", "ip": "127.0.0.1"}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def _check_space(folder: Path) -> None:
    """Raise OSError before a kernel starts that would die because its files and sockets do not fit."""
    probes = [folder / f"probe-{n}" for n in range(_KERNEL_FILES)]
    for probe in probes:
        probe.write_bytes(bytes(_KERNEL_BYTES))
    for probe in probes:
        probe.unlink()


def _manager_class(folder: Path, people: BinaryIO | None, register: Callable[..., None]) -> type:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    inherited = inherited_by_children(people)
    path = os.pathsep.join(filter(None, [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]))
    spec = KernelSpec(
        argv=[
            *(sys.executable, "-m", "toolkit.report.execution.kernel_process", str(os.getpid())),
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
            await super()._async_launch_kernel(kernel_cmd, **inherited, **options)
            register(getattr(self.provisioner, "process"))  # noqa: B009 - of the local provisioner

        async def _async_interrupt_kernel(self) -> None:
            # An interrupt sent on the way down makes the kernel print an error at its end.
            if not self.shutting_down:
                await super()._async_interrupt_kernel()

    return ThisPython


@contextmanager
def end_on_signals() -> Iterator[Kernels]:
    """End the block and its kernels when it is left, or on SIGTERM, SIGHUP and Ctrl-C.

    A signal that the caller handles or ignores stays the caller's. After the block, SIGTERM and SIGHUP end
    the process as they would have done.
    """
    kernels = Kernels()
    with ExitStack() as stack:
        stack.callback(kernels.close)
        if threading.current_thread() is threading.main_thread():
            stack.enter_context(_handle_signals(kernels))
        yield kernels


@contextmanager
def _handle_signals(kernels: Kernels) -> Iterator[None]:
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
        yield
    except InterruptedReport as ended:
        kernels.close()
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
