"""Render every report of a plan, several at a time, and the index page that links them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from toolkit.errors import ToolkitError
from toolkit.files.http import progress_bar
from toolkit.files.safe_files import remove_abandoned_folders
from toolkit.report.execution.execute import Session, count_cells
from toolkit.report.execution.kernels import end_on_signals
from toolkit.report.output import INDEX, Record, read_exported, update_indexes, write_record
from toolkit.report.page.export_requests import read_exports
from toolkit.report.plan import Entry, read_plan, shipped_plan
from toolkit.report.rendering import (
    Job,
    Options,
    Order,
    Rendered,
    find_unchanged,
    open_job,
    prepare_order,
    render_order,
)
from toolkit.studies import Study, hand_over

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Failure:
    """A report that could not be rendered, and the reason."""

    name: str
    title: str
    reason: str


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
        kept = sum(one.unchanged for one in self.made)
        note = f" ({kept} unchanged)" if kept else ""
        total = len(self.made) + len(self.failed)
        lines = [f"{len(self.made)} of {total} reports made{note}: open {self.index}"]
        if files := sum(len(one.exported) for one in self.made):
            lines.append(f"{files} files exported into {self.index.parent}")
        return "\n".join([*lines, *(f"failed: {f.name}: {f.reason}" for f in self.failed)])


def render_plan(
    study: str | Study = "simulated",
    *,
    output: str | Path | None = None,
    plan: str | Path | None = None,
    workers: int = 2,
    progress: bool = True,
    interactive: bool = False,
    notebook: bool = False,
    force: bool = False,
    export: str | Sequence[str] = (),
    format: str | Sequence[str] = "html",  # noqa: A002 - named as the option of the command line
    paper: str = "a4",
    overwrite: bool = False,
) -> PlanRun:
    """Render every report of a plan on a study, and an index page with the finding of each.

    Parameters
    ----------
    study
        The name of a study, or a study in memory.
    output
        The folder of all reports, in which each study has a folder of its own with an index. None uses
        `reports` in the project folder: the nearest of the working directory and its parents that contains
        `study.toml`, `pyproject.toml` or `.git`, or else the working directory.
    plan
        A TOML file with one `[[report]]` section per report, each with `report` (a report's name or the path
        of a notebook), `save_as` (the file name), and optionally `title` and `parameters`. None uses the plan
        of the toolkit, which has one report per cause and five more.
    workers
        The number of kernels that run at the same time. Each runs one report after the other, with an empty
        namespace for each.
    progress
        Whether to show a progress bar with the remaining time.
    interactive, notebook, force, export, format, paper, overwrite
        As in `tk.render`. A report whose data, parameters and code did not change is rendered only with
        `force`.

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
    15 of 15 reports made: open reports/simulated/index.html
    """
    remove_abandoned_folders()
    entries = read_plan(plan) if plan else shipped_plan()
    exports = read_exports(export, format, paper, overwrite=overwrite)
    job = open_job(study, output, Options(interactive, notebook, force, exports))
    steps = [
        _attempt(entry, partial(_prepare, entry, job))  # what is unchanged is done already
        for entry in entries
    ]
    results = _render_orders(entries, steps, job, workers, progress)
    for entry, result in zip(entries, results, strict=True):
        if isinstance(result, Failure):
            exported = read_exported(job.folder, entry.save_as)
            record = Record(entry.save_as, result.title, failure=result.reason, exports=exported)
            write_record(job.folder, record)
    update_indexes(job.folder, job.study, [entry.save_as for entry in entries])
    made = tuple(result for result in results if isinstance(result, Rendered))
    failed = tuple(result for result in results if isinstance(result, Failure))
    return PlanRun(job.folder / INDEX, made, failed)


def _prepare(entry: Entry, job: Job) -> Order | Rendered:
    order = prepare_order(entry.report, job, entry.parameters, entry.save_as)
    return find_unchanged(order, job) or order


def _render_orders(
    entries: Sequence[Entry],
    steps: Sequence[Order | Rendered | Failure],
    job: Job,
    workers: int,
    progress: bool,
) -> list[Rendered | Failure]:
    """Render what is not done yet; kernels start only if there is something to render."""
    orders = [step for step in steps if isinstance(step, Order)]
    if not orders:
        return [step for step in steps if not isinstance(step, Order)]
    with (
        end_on_signals() as kernels,
        hand_over(job.study) as people,
        progress_bar(sum(map(_count, orders)), "Cells of reports", show=progress) as bar,
        ThreadPoolExecutor(workers) as pool,
    ):

        def render_step(entry: Entry, step: Order | Rendered | Failure) -> Rendered | Failure:
            if not isinstance(step, Order):
                return step
            left = iter(range(_count(step)))

            def advance() -> None:
                if next(left, None) is not None:
                    bar.advance()

            done = _attempt(entry, partial(render_order, step, job, Session(people, kernels, advance)))
            # The bar ends at its end, whether or not a report reached its last cell.
            while next(left, None) is not None:
                bar.advance()
            return done

        # Threads, not processes: the work is done in the kernels, and what drives them is loaded once.
        return list(pool.map(render_step, entries, steps))


def _count(order: Order) -> int:
    return count_cells(order.notebook)


def _attempt(entry: Entry, step: Callable[[], _Made]) -> _Made | Failure:
    """Run one step of a report; an error becomes a failure of this report alone."""
    try:
        return step()
    except ToolkitError as error:
        return Failure(entry.save_as, entry.title or entry.save_as, str(error))
