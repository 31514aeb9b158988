"""Render one report: check what was asked, run the notebook on the study, write page and results.

Takes a report's name or a notebook, a study and parameters; gives `Rendered`, the files and the finding.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from toolkit.errors import DatasetError, ToolkitError, unknown
from toolkit.files.atomic import remove_abandoned_folders, replacing, write_text
from toolkit.files.checked_toml import shipped
from toolkit.files.unnamed_files import path_of
from toolkit.report import execute, html
from toolkit.report.captured_results import Results, read
from toolkit.report.fitting import fit
from toolkit.report.interruption import Kernels, ended_by_signals
from toolkit.report.parameters import checked, declared
from toolkit.report.provenance import provenance
from toolkit.sources.registry import open_study
from toolkit.studies.storage import hand_over
from toolkit.studies.study import Study

OUTPUT = "reports/out"
_SUFFIXES = (".html", ".parquet", ".csv")


@dataclass(frozen=True)
class Rendered:
    """A report that was made.

    Attributes
    ----------
    name
        The files' name without ending.
    title, study, finding
        As the page says them.
    html
        The page.
    parquet, csv
        The result frame that the page was made from; None if nothing could be estimated.
    """

    name: str
    title: str
    study: str
    finding: str
    html: Path
    parquet: Path | None = None
    csv: Path | None = None

    def __str__(self) -> str:
        return f"{self.html}: {self.finding or self.title}"

    def _repr_html_(self) -> str:
        files = [path for path in (self.html, self.parquet, self.csv) if path]
        links = " · ".join(f'<a href="{quote(str(p))}">{escape(p.name)}</a>' for p in files)
        return (
            f"<p><b>{escape(self.title)}</b> ({escape(self.study)})<br>{escape(self.finding)}<br>{links}</p>"
        )


@dataclass(frozen=True)
class Order:
    """A report that can be made: the notebook fitted to the study, and what it is run with."""

    name: str
    path: Path
    notebook: Any
    study: Study
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Means:
    """What the reports of one call share: the people for the kernels, the kernels, what follows a cell."""

    people: BinaryIO
    kernels: Kernels = field(default_factory=Kernels)
    after_cell: Callable[..., None] | None = None


def render(
    report: str | Path,
    *,
    study: str | Study = "simulated",
    output: str | Path = OUTPUT,
    save_as: str = "",
    **parameters: Any,
) -> Rendered:
    """Render a report on a study as one self-contained page with its results beside it.

    Parameters
    ----------
    report
        A report's name, such as "cause", or the path of a notebook of one's own (.py or .ipynb) with a cell
        tagged `parameters`.
    study
        A study's name, or a study in memory. Its people reach the notebook through a file without a name,
        so that none are left on the disk even if the process is killed.
    output
        The folder to write to; made if it is not there.
    save_as
        The files' name without ending; "" makes one of the report's name and its cause.
    **parameters
        Values for the report's parameters cell, of the types of its defaults.

    Returns
    -------
    Rendered
        Paths of page, parquet and CSV, and the finding in one sentence.

    Raises
    ------
    DatasetError
        For an unknown report or study, a notebook without a parameters cell, a folder that is not writable.
    VariableError
        For an unknown parameter, cause or variable, or a value of another type; before a kernel starts.
    ToolkitError
        If a cell fails: says which; the notebook as it stood is kept as `*.failed.ipynb`.

    Examples
    --------
    >>> render("cause", cause="diabetes").html  # doctest: +SKIP
    PosixPath('reports/out/cause-diabetes.html')
    """
    remove_abandoned_folders()
    opened = open_study(study) if isinstance(study, str) else study
    ordered = order(report, opened, parameters, save_as)
    with ended_by_signals() as kernels, hand_over(ordered.study) as people:
        return make(ordered, Path(output), Means(people, kernels))


def order(
    report: str | Path, study: Study, parameters: Mapping[str, Any], save_as: str = "", asked: str = ""
) -> Order:
    """Check everything that can be checked before a kernel starts.

    Parameters
    ----------
    report, parameters, save_as
        As in `render`.
    study
        The study, open.
    asked
        The study as the caller named it; "" takes its own name.

    Returns
    -------
    Order
        What `make` needs.
    """
    path = _notebook(report)
    notebook = execute.load(path)
    known = declared(execute.parameters_source(notebook, path.stem), path.stem)
    values = checked(known, {"study": asked or study.name, **parameters}, path.stem)
    fitted = fit(notebook, values, study)
    name = save_as or "-".join(filter(None, (path.stem, str(values.get("cause", "")))))
    return Order(name, path, fitted.notebook, study, fitted.values)


def make(ordered: Order, output: Path, means: Means) -> Rendered:
    """Run the notebook and write page and results, all of them or none.

    Parameters
    ----------
    ordered
        What `order` gave.
    output
        The folder to write to.
    means
        The study's people for the kernel, where the kernel is registered, what is called after each cell.

    Returns
    -------
    Rendered
        Paths and finding.
    """
    _check_writable(output)
    failed = output / f"{ordered.name}.failed.ipynb"
    parameters = {**ordered.parameters, "study": path_of(means.people)}
    run = execute.Run(
        ordered.path.stem, parameters, means.after_cell, (means.people.fileno(),), means.kernels
    )
    try:
        done = execute.run(ordered.notebook, run)
    except execute.NotebookError as failure:
        write_text(failed, failure.text)
        raise ToolkitError(f"{str(failure).rstrip('.')}. The notebook as it stood: {failed}.") from None
    results = read(output for cell in done.cells for output in cell.get("outputs", []))
    if results is None:
        results = Results.none()
    title = results.title or html.first_heading(done) or ordered.name
    page = html.compose(done, _facts(ordered, results, title), ordered.path.parent)
    rendered = _write(output / ordered.name, page, results, (title, ordered.study.label))
    failed.unlink(missing_ok=True)
    return rendered


def reports() -> dict[str, Path]:
    """Name the notebooks that the toolkit ships as reports: those with a parameters cell.

    Examples
    --------
    >>> "cause" in reports()
    True
    """
    found = sorted(shipped("notebooks").glob("*.py"))
    return {path.stem: path for path in found if '"parameters"' in path.read_text(encoding="utf-8")}


def _notebook(report: str | Path) -> Path:
    path = Path(report)
    if path.suffix in {".py", ".ipynb"}:
        if not path.is_file():
            raise DatasetError(
                f"there is no notebook '{report}'. Check the path, or name one of: {_known()}."
            )
        return path
    known = reports()
    if str(report) not in known:
        raise DatasetError(
            unknown(
                "there is no report", str(report), known, f"There are: {_known()}; or give a path to a .py"
            )
        )
    return known[str(report)]


def _known() -> str:
    return ", ".join(reports())


def _check_writable(output: Path) -> None:
    """Fail before the kernel's seconds, not after them."""
    probe = output / ".writable"
    with replacing(probe):
        pass
    probe.unlink(missing_ok=True)


def _facts(ordered: Order, results: Results, title: str) -> html.Facts:
    return html.Facts(
        title=title,
        study=ordered.study.label,
        finding=results.finding,
        simulated=ordered.study.simulated,
        provenance=provenance(ordered.study, ordered.path, ordered.parameters),
    )


def _write(stem: Path, page: str, results: Results, words: tuple[str, str]) -> Rendered:
    targets = [stem.with_name(stem.name + suffix) for suffix in _SUFFIXES]
    made = targets if results.rows.height else targets[:1]
    # All drafts take their places together at the end, so a full disk leaves the older files as they were.
    with ExitStack() as stack:
        drafts = [stack.enter_context(replacing(target)) for target in made]
        drafts[0].write_text(page, encoding="utf-8")
        if results.rows.height:
            results.rows.write_parquet(drafts[1])
            results.rows.write_csv(drafts[2])
    for stale in targets[len(made) :]:
        stale.unlink(missing_ok=True)
    title, study = words
    return Rendered(stem.name, title, study, results.finding, *made)
