"""Render every report of a plan, two at a time, and the index that links them.

Takes `plan.toml` and a study; gives `PlanRun`: what was made, what failed and why, where to look.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import DatasetError, ToolkitError
from toolkit.files.atomic import remove_abandoned_folders, write_text
from toolkit.files.checked_toml import Checked, read_toml, shipped
from toolkit.files.progress import progress_bar
from toolkit.report.html import index
from toolkit.report.interruption import ended_by_signals
from toolkit.report.rendering import OUTPUT, Means, Order, Rendered, make, order
from toolkit.sources.registry import open_study
from toolkit.studies.storage import hand_over
from toolkit.studies.study import Study


@dataclass(frozen=True, slots=True)
class Failure:
    """A report that could not be made, and why."""

    name: str
    title: str
    reason: str


class Entry(Checked):
    """One report of a plan: the notebook, the files' name, a title for a failure, the parameters."""

    save_as: str
    report: str
    title: str = ""
    parameters: Mapping[str, Any] = {}


class _Plan(Checked):
    report: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class PlanRun:
    """What a run of a plan made; prints where to look."""

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
    """Render every report of a plan on a study, with an index of the findings.

    Parameters
    ----------
    study
        A study's name, or a study in memory.
    output
        The folder to write to; made if it is not there.
    plan
        A TOML file with one `[[report]]` a report; None takes the toolkit's own, a report on each cause.
    workers
        How many kernels run side by side.
    progress
        Whether to show a bar with the time left.

    Returns
    -------
    PlanRun
        What was made and what failed; one report that fails does not stop the others. Prints where to look.

    Raises
    ------
    DatasetError
        If the plan cannot be read, the study is unknown or the folder cannot be written.

    Examples
    --------
    >>> print(render_plan("simulated"))  # doctest: +SKIP
    13 of 13 reports made: open reports/out/index.html
    """
    remove_abandoned_folders()
    entries = read_plan(plan or shipped("reports") / "plan.toml")
    opened = open_study(study) if isinstance(study, str) else study
    asked = study if isinstance(study, str) else study.name
    with ended_by_signals() as kernels, hand_over(opened) as people:
        ready = [_ordered(entry, opened, asked) for entry in entries]
        cells = sum(len(one.notebook.cells) for one in ready if isinstance(one, Order))
        with (
            progress_bar(cells, "Cells of reports", show=progress) as bar,
            ThreadPoolExecutor(workers) as pool,
        ):
            work = _Work(Path(output), Means(people, kernels, lambda **_: bar.advance()))
            # Threads, not processes: the work is in the kernels, and what drives them loads once.
            results = list(pool.map(work.result, entries, ready))
    return _indexed(results, opened, Path(output))


def read_plan(path: str | Path) -> tuple[Entry, ...]:
    """Read and check a plan.

    Parameters
    ----------
    path
        A TOML file: `[[report]]` with `report`, `save_as`, and if wanted `title` and `parameters`.

    Returns
    -------
    tuple of Entry
        In the file's order.

    Raises
    ------
    DatasetError
        If the file is absent or not valid TOML, or an entry has an unknown or missing key.
    """
    source = Path(path)
    entries = read_toml(source, _Plan).report
    if not entries:
        raise DatasetError(
            f"'{source.name}' lists no reports. Add one under [[report]] with report = \"cause\" and save_as."
        )
    return entries


def _ordered(entry: Entry, study: Study, asked: str) -> Order | Failure:
    try:
        return order(entry.report, study, dict(entry.parameters), entry.save_as, asked)
    except ToolkitError as error:
        return Failure(entry.save_as, entry.title or entry.save_as, str(error))


@dataclass(frozen=True)
class _Work:
    """What every report of a run shares: where to write, and what it is made with."""

    output: Path
    means: Means

    def result(self, entry: Entry, ready: Order | Failure) -> Rendered | Failure:
        """Make one report; what goes wrong with it is kept, not raised."""
        if isinstance(ready, Failure):
            return ready
        try:
            return make(ready, self.output, self.means)
        except ToolkitError as error:
            return Failure(entry.save_as, entry.title or entry.save_as, str(error))


def _indexed(results: Sequence[Rendered | Failure], study: Study, output: Path) -> PlanRun:
    target = output / "index.html"
    entries = [_shown(result) for result in results]
    write_text(target, index(entries, study.label, simulated=study.simulated))
    made = tuple(result for result in results if isinstance(result, Rendered))
    failed = tuple(result for result in results if isinstance(result, Failure))
    return PlanRun(target, made, failed)


def _shown(result: Rendered | Failure) -> dict[str, Any]:
    if isinstance(result, Failure):
        return {"title": result.title, "failure": result.reason}
    files = {kind: path.name if path else "" for kind, path in _files(result).items()}
    return {"title": result.title, "finding": result.finding, "failure": "", **files}


def _files(result: Rendered) -> dict[str, Path | None]:
    return {"html": result.html, "parquet": result.parquet, "csv": result.csv}
