"""Run a report's notebook in a kernel of this Python, without a trace of the machine in its outputs."""

import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from toolkit.errors import DatasetError, ToolkitError
from toolkit.files.deferred_imports import defer_iri_grammar
from toolkit.files.safe_files import restate_full_temporary_folder
from toolkit.report.execution.kernels import PACKAGE_ROOT, AfterCell, Kernels, end_on_signals
from toolkit.report.parameters import TAG

_CLEAN_SOURCE = "from toolkit.report.execution.kernel_process import clean_up as _clean_up\n_clean_up()"
_THEME_SOURCE = "from toolkit.display.charts import theme as _theme\n_theme.use()"
_SET_UP = {"page-setup", "injected-parameters"}
# Longest first, so that a folder inside another is replaced before its parent.
_PLACES = (
    (tempfile.gettempdir(), "<temporary>"),
    (str(PACKAGE_ROOT), "<toolkit>"),
    (sys.prefix, "<python>"),
    (sys.base_prefix, "<python>"),
    (str(Path.home()), "<home>"),
)


# Errors whose messages quote names of code and files, and no data.
_ABOUT_CODE = (
    "NameError", "UnboundLocalError", "SyntaxError", "IndentationError", "ImportError", "ModuleNotFoundError",
    "AttributeError", "FileNotFoundError",
)  # fmt: skip
_LEFT_OUT = "the message may quote a participant's value and is left out. JupyterLab shows it for this cell"


# Packages write values into their warnings, such as numbers that they cannot convert.
_LINES_LEFT_OUT = (
    "This cell wrote warnings or log lines{}. They may quote a participant's value and are left out. "
    "JupyterLab shows them for this cell."
)
_WARNING = re.compile(r"\b([A-Z]\w*Warning)\b")


class NotebookError(ToolkitError):
    """A cell of a notebook raised an error; `text` is the notebook as far as it ran."""

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


@dataclass(frozen=True)
class Session:
    """What the reports of one call share: the file of participants, the kernels, a call after each cell."""

    people: BinaryIO | None = None
    kernels: Kernels = field(default_factory=Kernels)
    after_cell: AfterCell | None = None


def load(path: Path) -> Any:
    """Read a notebook, a jupytext script (.py) or an .ipynb, without its outputs."""
    defer_iri_grammar()
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
    """Run every cell in a clean kernel; return the notebook with its outputs and without paths."""
    if session is None:
        with end_on_signals() as kernels:
            return run(notebook, report, parameters, Session(kernels=kernels))
    session.kernels.check_running()
    _inject_cells(notebook, parameters)
    try:
        with restate_full_temporary_folder(), session.kernels.lend(session.people) as kernel:
            _execute(kernel, notebook, report, session)
    except Exception:
        session.kernels.check_running()
        raise
    return remove_traces(notebook)


def _execute(kernel: Any, notebook: Any, report: str, session: Session) -> None:
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    def count(cell: Any, **_: Any) -> None:
        if session.after_cell and not _SET_UP & _tags(cell):
            session.after_cell()

    try:
        kernel.run(notebook, count)
    except (DeadKernelError, CellTimeoutError) as error:
        raise _dead_kernel(notebook, report) from error
    except RuntimeError as error:
        # jupyter_client has no class of its own for a kernel that ends while it starts.
        if "Kernel died" not in str(error):
            raise
        raise _dead_kernel(notebook, report) from error
    if notebook.metadata.papermill["exception"]:
        raise _failed_cell(notebook, report)


def count_cells(notebook: Any) -> int:
    """Count the cells of a notebook that run."""
    return sum(
        cell.cell_type == "code" and bool(cell.source.strip()) and not _SET_UP & _tags(cell)
        for cell in notebook.cells
    )


def _inject_cells(notebook: Any, parameters: Mapping[str, Any]) -> None:
    """Add cells that clean the kernel, set the parameters and, for altair charts, the theme."""
    place = next(n for n, cell in enumerate(notebook.cells, 1) if TAG in _tags(cell))
    # papermill would write tuples as text and cannot read defaults with a comparison.
    values = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(place, _new_cell(values, "injected-parameters"))
    # Charts of `tk` choose their outputs themselves; a notebook's own would fetch a script. Importing altair
    # takes seconds that other notebooks need not spend.
    if any("altair" in cell.source for cell in notebook.cells):
        notebook.cells.insert(0, _new_cell(_THEME_SOURCE, "page-setup"))
    notebook.cells.insert(0, _new_cell(_CLEAN_SOURCE, "page-setup"))


def _new_cell(source: str, tag: str) -> Any:
    from nbformat.v4 import new_code_cell

    return new_code_cell(source, metadata={"tags": [tag]})  # type: ignore[no-untyped-call]


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def remove_traces(notebook: Any) -> Any:
    """Copy a notebook without warnings and log lines, with placeholders for the folders of this machine."""
    copied = _read_notebook(_mask_folders(write_notebook(notebook)))
    for cell in copied.cells:
        outputs = cell.get("outputs", [])
        lines = [o for o in outputs if o.output_type == "stream" and o.name == "stderr"]
        if lines:
            kinds = sorted({kind for line in lines for kind in _WARNING.findall(line.text)})
            lines[0].text = _LINES_LEFT_OUT.format(f" ({', '.join(kinds)})" if kinds else "")
            cell.outputs = [o for o in outputs if not any(o is line for line in lines[1:])]
    return copied


def _read_notebook(text: str) -> Any:
    import nbformat

    return nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]


def write_notebook(notebook: Any) -> str:
    """Return a notebook as the text of an .ipynb file."""
    import nbformat

    return str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]


def _mask_folders(text: str) -> str:
    text = re.sub(r"cramps-run-\w{8}", "run", text)
    for folder, placeholder in sorted(_PLACES, key=lambda pair: -len(pair[0])):
        text = text.replace(folder, placeholder)
    return text


def _failed_cell(executed: Any, report: str) -> NotebookError:
    notebook = remove_traces(executed)
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if output.output_type == "error" and output.ename not in _own_errors():
            _leave_out_message(output)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and not _SET_UP & _tags(cell)]
    number, cell = next((n, cell) for n, cell in enumerate(code, 1) if cell.metadata.papermill["exception"])
    line = next(line for line in cell.source.splitlines() if line.strip())
    error = next(output for output in cell.outputs if output.output_type == "error")
    message = _mask_folders(" ".join(str(error.evalue).split()))
    return NotebookError(
        f"Report '{report}' failed in code cell {number} (`{line}`) with {error.ename}: {message}",
        write_notebook(notebook),
    )


def _own_errors() -> set[str]:
    """Name the errors of the toolkit, whose messages contain no participant's value."""
    return {ToolkitError.__name__, *(kind.__name__ for kind in ToolkitError.__subclasses__())}


def _leave_out_message(output: Any) -> None:
    """Remove the message of another package, unless it is about code, and those of the errors before it."""
    if output.ename not in _ABOUT_CODE:
        output.evalue = _LEFT_OUT
    output.traceback = [f"{output.ename}: {output.evalue}"]


def _dead_kernel(notebook: Any, report: str) -> NotebookError:
    return NotebookError(
        f"The kernel of report '{report}' died, most likely because memory ran out. Render fewer reports at "
        "the same time (workers=1), or use a study with fewer variables.",
        write_notebook(remove_traces(notebook)),
    )
