"""Render every report of a plan, several at a time, and the index page that links them."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from toolkit.errors import DatasetError, ToolkitError
from toolkit.files.checked_toml import Checked, read_toml, shipped
from toolkit.files.http import progress_bar
from toolkit.files.safe_files import remove_abandoned_folders, write_text
from toolkit.report.execute import Session, end_on_signals
from toolkit.report.html import compose_index
from toolkit.report.rendering import OUTPUT, Order, Rendered, prepare_order, render_order
from toolkit.sources.registry import open_study
from toolkit.studies import Study, hand_over

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Failure:
    """A report that could not be rendered, and the reason."""

    name: str
    title: str
    reason: str


class Entry(Checked):
    """One report of a plan: notebook, file name, title to show if it fails, parameters."""

    save_as: str
    report: str
    title: str = ""
    parameters: Mapping[str, Any] = {}


class _Plan(Checked):
    report: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class PlanRun:
    """The result of rendering a plan; prints where the index is and which reports failed."""

    index: Path
    made: tuple[Rendered, ...]
    failed: tuple[Failure, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every report was made."""
        return not self.failed

    def __str__(self) -> str:
        lines = [f"{len(self.made)} of {len(self.made) + len(self.failed)} reports made: open {self.index}"]
        return "\n".join([*lines, *(f"failed: {f.name}: {f.reason}" for f in self.failed)])


def render_plan(
    study: str | Study = "simulated",
    *,
    output: str | Path = OUTPUT,
    plan: str | Path | None = None,
    workers: int = 2,
    progress: bool = True,
) -> PlanRun:
    """Render every report of a plan on a study, and an index page with the finding of each.

    Parameters
    ----------
    study
        The name of a study, or a study in memory.
    output
        The folder to write to. It is created if it does not exist.
    plan
        A TOML file with one `[[report]]` section per report, each with `report` (a report's name or the path
        of a notebook), `save_as` (the file name), and optionally `title` and `parameters`. None uses the plan
        of the toolkit, which has one report per cause and five more.
    workers
        The number of kernels that run at the same time.
    progress
        Whether to show a progress bar with the remaining time.

    Returns
    -------
    PlanRun
        The reports that were made and those that failed. A report that fails does not stop the others.

    Raises
    ------
    DatasetError
        If the plan cannot be read, the study is unknown or the folder is not writable.

    Examples
    --------
    >>> print(render_plan("simulated"))  # doctest: +SKIP
    15 of 15 reports made: open reports/out/index.html
    """
    remove_abandoned_folders()
    entries = read_plan(plan or shipped("reports") / "plan.toml")
    opened = open_study(study) if isinstance(study, str) else study
    named = study if isinstance(study, str) else study.name
    folder = Path(output)
    orders = [
        _attempt(entry, partial(prepare_order, entry.report, opened, entry.parameters, entry.save_as, named))
        for entry in entries
    ]
    # papermill runs the code cells, and one with the parameters.
    cells = sum(
        1 + sum(cell.cell_type == "code" for cell in order.notebook.cells)
        for order in orders
        if isinstance(order, Order)
    )
    with (
        end_on_signals() as kernels,
        hand_over(opened) as people,
        progress_bar(cells, "Cells of reports", show=progress) as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        session = Session(people, kernels, lambda **_: bar.advance())

        def render_entry(entry: Entry, order: Order | Failure) -> Rendered | Failure:
            if isinstance(order, Failure):
                return order
            return _attempt(entry, partial(render_order, order, folder, session))

        # Threads, not processes: the work is done in the kernels, and what drives them is loaded once.
        results = list(pool.map(render_entry, entries, orders))
    index = folder / "index.html"
    write_text(index, compose_index(map(_index_entry, results), opened.label, simulated=opened.simulated))
    made = tuple(result for result in results if isinstance(result, Rendered))
    return PlanRun(index, made, tuple(result for result in results if isinstance(result, Failure)))


def read_plan(path: str | Path) -> tuple[Entry, ...]:
    """Read and check a plan, in the order of the file."""
    source = Path(path)
    entries = read_toml(source, _Plan).report
    if not entries:
        raise DatasetError(
            f"'{source.name}' lists no reports. Add a [[report]] section with report = \"cause\" and save_as."
        )
    return entries


def _attempt(entry: Entry, step: Callable[[], _Made]) -> _Made | Failure:
    """Run one step of a report; an error becomes a failure of this report alone."""
    try:
        return step()
    except ToolkitError as error:
        return Failure(entry.save_as, entry.title or entry.save_as, str(error))


def _index_entry(result: Rendered | Failure) -> dict[str, str]:
    if isinstance(result, Failure):
        return {"title": result.title, "failure": result.reason}
    files = {"html": result.html, "parquet": result.parquet, "csv": result.csv}
    names = {kind: path.name if path else "" for kind, path in files.items()}
    return {"title": result.title, "finding": result.finding, "failure": "", **names}
