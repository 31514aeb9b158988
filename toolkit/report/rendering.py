"""Render one report: check its parameters, run its notebook on the study, write the page and the results."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from toolkit.errors import DatasetError, ToolkitError, unknown
from toolkit.files.checked_toml import shipped
from toolkit.files.safe_files import path_of, remove_abandoned_folders, replacing, write_text
from toolkit.report import execute, html
from toolkit.report.captured_results import Results, read_results
from toolkit.report.execute import Session, end_on_signals
from toolkit.report.parameters import check_names, fill_parameters, read_parameters
from toolkit.report.provenance import provenance
from toolkit.sources.registry import open_study
from toolkit.studies import Study, hand_over

OUTPUT = "reports/out"
_SUFFIXES = (".html", ".parquet", ".csv")


@dataclass(frozen=True)
class Rendered:
    """A rendered report.

    Attributes
    ----------
    name
        The name of the files, without suffix.
    title, study, finding
        The title, the study's label and the main finding, as shown on the page.
    html
        The page.
    parquet, csv
        The result rows shown on the page; None if nothing could be estimated.
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
    """A report whose parameters were checked: its files' name, its notebook and what to run it with."""

    name: str
    path: Path
    notebook: Any
    study: Study
    parameters: Mapping[str, Any]
    interactive: bool = False


def render(
    report: str | Path,
    *,
    study: str | Study = "simulated",
    output: str | Path = OUTPUT,
    save_as: str = "",
    interactive: bool = False,
    **parameters: Any,
) -> Rendered:
    """Render a report on a study as one self-contained HTML page, with its results in files beside it.

    Parameters
    ----------
    report
        The name of a report, such as "cause", or the path of your own notebook (.py or .ipynb) with a cell
        tagged `parameters`.
    study
        The name of a study, or a study in memory. A study in memory reaches the notebook through a file
        without a name, so that no data remain on the disk even if the process is killed.
    output
        The folder to write to. It is created if it does not exist.
    save_as
        The name of the files, without suffix; "" combines the names of the report and its cause.
    interactive
        Whether charts are drawn by Vega, whose script adds 0.9 MB to the page. Tooltips work without it.
    **parameters
        Values for the parameters cell of the notebook, of the same types as its defaults.

    Returns
    -------
    Rendered
        The paths of the page, the parquet file and the CSV file, and the finding in one sentence.

    Raises
    ------
    DatasetError
        If the report or the study is unknown, the notebook has no parameters cell, or the folder is not
        writable.
    VariableError
        If a parameter, cause or variable is unknown, or a value has the wrong type. This is checked before a
        kernel starts.
    ToolkitError
        If a cell fails. The message names the cell, and the notebook is saved as `*.failed.ipynb`.

    Examples
    --------
    >>> render("cause", cause="diabetes").html  # doctest: +SKIP
    PosixPath('reports/out/cause-diabetes.html')
    """
    remove_abandoned_folders()
    opened = open_study(study) if isinstance(study, str) else study
    order = replace(prepare_order(report, opened, parameters, save_as), interactive=interactive)
    with end_on_signals() as kernels, hand_over(opened) as people:
        return render_order(order, Path(output), Session(people, kernels))


def prepare_order(
    report: str | Path, study: Study, parameters: Mapping[str, Any], save_as: str = "", named: str = ""
) -> Order:
    """Check all that can be checked before a kernel starts; `named` is the study as the caller wrote it."""
    path = _find_notebook(report)
    notebook = execute.load(path)
    known = read_parameters(execute.parameters_source(notebook, path.stem), path.stem)
    values = fill_parameters(known, {"study": named or study.name, **parameters}, path.stem)
    check_names(values, study)
    name = save_as or "-".join(filter(None, (path.stem, str(values.get("cause", "")))))
    return Order(name, path, notebook, study, values)


def render_order(order: Order, output: Path, session: Session) -> Rendered:
    """Run the notebook, then write the page and the results, all of them or none."""
    # An unwritable folder should fail before the kernel starts, not after it has run.
    probe = output / ".writable"
    with replacing(probe):
        pass
    probe.unlink(missing_ok=True)
    failed = output / f"{order.name}.failed.ipynb"
    people = {"study": path_of(session.people)} if session.people else {}
    try:
        done = execute.run(order.notebook, order.path.stem, {**order.parameters, **people}, session)
    except execute.NotebookError as failure:
        write_text(failed, failure.text)
        raise ToolkitError(
            f"{str(failure).rstrip('.')}. See the notebook as far as it ran in '{failed}'."
        ) from None
    results = read_results(output for cell in done.cells for output in cell.get("outputs", [])) or Results()
    study = order.study
    facts = html.Facts(
        results.title or html.first_heading(done) or order.name,
        study.label,
        results.finding,
        study.simulated,
        provenance(study, order.path, order.parameters),
    )
    page = html.compose_report(done, facts, order.path.parent, interactive=order.interactive)
    files = _write_files(output / order.name, page, results)
    failed.unlink(missing_ok=True)
    return Rendered(order.name, facts.title, facts.study, facts.finding, *files)


def _write_files(stem: Path, page: str, results: Results) -> list[Path]:
    """Write the page and, if there are rows, parquet and CSV; remove older result files if there are none."""
    targets = [stem.with_name(stem.name + suffix) for suffix in _SUFFIXES]
    made = targets if results.rows.height else targets[:1]
    # All drafts replace the older files together at the end, so that a full disk leaves those untouched.
    with ExitStack() as stack:
        drafts = [stack.enter_context(replacing(target)) for target in made]
        drafts[0].write_text(page, encoding="utf-8")
        if results.rows.height:
            results.rows.write_parquet(drafts[1])
            results.rows.write_csv(drafts[2])
    for stale in targets[len(made) :]:
        stale.unlink(missing_ok=True)
    return made


def reports() -> dict[str, Path]:
    """Map the names of the reports that the toolkit ships to their notebooks."""
    found = sorted(shipped("notebooks").glob("*.py"))
    return {path.stem: path for path in found if '"parameters"' in path.read_text(encoding="utf-8")}


def _find_notebook(report: str | Path) -> Path:
    path, known = Path(report), reports()
    if path.suffix in {".py", ".ipynb"}:
        if not path.is_file():
            raise DatasetError(
                f"The notebook '{report}' does not exist. Check the path, or use one of the reports of the "
                f"toolkit: {', '.join(known)}."
            )
        return path
    if str(report) not in known:
        remedy = f"Use one of these reports, or the path of a notebook (.py or .ipynb): {', '.join(known)}"
        raise DatasetError(unknown("The toolkit has no report", str(report), known, remedy))
    return known[str(report)]
