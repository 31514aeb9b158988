"""Render one report: check its parameters, run its notebook on the study, write the page and the results."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from html import escape
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from toolkit.errors import ToolkitError, require_study
from toolkit.files.safe_files import (
    draft_beside,
    path_of,
    remove_abandoned_folders,
    replacing,
    restate_disk_errors,
    write_text,
)
from toolkit.planning.opened_plan import OpenedPlan
from toolkit.report.captured_results import Results, read_results
from toolkit.report.execution import execute
from toolkit.report.execution.execute import Session
from toolkit.report.execution.kernels import end_on_signals
from toolkit.report.output import (
    Record,
    folder_of,
    main_rows,
    read_exported,
    read_record,
    update_indexes,
    write_record,
)
from toolkit.report.page import html
from toolkit.report.page.cells import list_charts
from toolkit.report.page.export_requests import Exports, read_exports, refuse_foreign_files
from toolkit.report.page.manifest import insert_manifest, rows_as_records
from toolkit.report.parameters import check_names, fill_parameters, open_named_plan, read_parameters
from toolkit.report.plan import Found, find_report
from toolkit.report.provenance import Fingerprint, fingerprint, hashes, identify, provenance, versions
from toolkit.sources.registry import open_study, options_of
from toolkit.studies import EnginePeople, Study, hand_over

if TYPE_CHECKING:
    from toolkit.display.export.destinations import Saved

_CHARTS = ".charts.json.gz"
_SUFFIXES = (".html", ".parquet", ".csv", _CHARTS)


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
    unchanged
        Whether the page was there already, made from the same data, parameters and code.
    notebook
        The executed notebook, if it was asked for.
    exported
        The files that were exported, each with a note such as "landscape".
    """

    name: str
    title: str
    study: str
    finding: str
    html: Path
    parquet: Path | None = None
    csv: Path | None = None
    unchanged: bool = False
    notebook: Path | None = None
    exported: "tuple[Saved, ...]" = ()

    def __str__(self) -> str:
        first = f"{self.html}: {self.finding or self.title}"
        return "\n".join([first, *_summarize(self.exported, self.html.with_suffix(""))])

    def _repr_html_(self) -> str:
        documents = [one.path for one in self.exported if one.path.parent == self.html.parent]
        files = [p for p in (self.html, *documents, self.parquet, self.csv, self.notebook) if p]
        links = " · ".join(f'<a href="{quote(str(p))}">{escape(p.name)}</a>' for p in files)
        return (
            f"<p><b>{escape(self.title)}</b> ({escape(self.study)})<br>{escape(self.finding)}<br>{links}</p>"
        )


@dataclass(frozen=True)
class Options:
    """How reports are made, whatever they show."""

    interactive: bool = False
    notebook: bool = False
    force: bool = False
    exports: Exports = field(default_factory=Exports)


@dataclass(frozen=True)
class Job:
    """What the reports of one call share: the study, as named and as opened, its folder, and the options."""

    study: Study
    folder: Path
    options: Options = field(default_factory=Options)
    named: str = ""

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Hashes of the study."""
        return fingerprint(self.study)


@dataclass(frozen=True)
class Order:
    """A report whose parameters were checked: its files' name, its notebook and what to run it with."""

    name: str
    found: Found
    notebook: Any
    parameters: Mapping[str, Any]
    plan: OpenedPlan | None = None


def render(
    report: str | Path,
    *,
    study: str | Study = "simulated",
    output: str | Path | None = None,
    save_as: str = "",
    interactive: bool = False,
    notebook: bool = False,
    force: bool = False,
    export: str | Sequence[str] = (),
    format: str | Sequence[str] = "html",  # noqa: A002 - named as the option of the command line
    paper: str = "a4",
    overwrite: bool = False,
    **parameters: Any,
) -> Rendered:
    """Render a report on a study as one self-contained HTML page, with its results in files beside it.

    Parameters
    ----------
    report
        The name of a report, such as "diabetes", "burden" or "cause", or the path of your own notebook (.py
        or .ipynb) with a cell tagged `parameters`.
    study
        The name of a study, or a study in memory. A study in memory reaches the notebook through a file
        without a name, so that no data remain on the disk even if the process is killed.
    output
        The folder of all reports, in which each study has a folder of its own with an index. None uses
        `reports` in the project folder: the nearest of the working directory and its parents that contains
        `study.toml`, `pyproject.toml` or `.git`, or else the working directory.
    save_as
        The name of the files, without suffix; "" uses the name of the report in the plan of the toolkit, or
        combines the names of your notebook and the cause.
    interactive
        Whether charts are drawn by Vega, whose script adds 0.9 MB to the page. Tooltips work without it.
    notebook
        Whether to keep the executed notebook beside the page.
    force
        Whether to render the report anew if neither data, parameters nor code changed. Reports from your own
        notebooks are always rendered, because they may read other files.
    export
        Formats of `tk.save`, such as "docx,xlsx,svg", in which all tables and figures are written into a
        folder beside the page. A report that did not change is not rendered again for it.
    format
        "docx" and "pdf" write the whole report for Word or as PDF beside the page ("html"), which is always
        written. Tables that open on a click are in an appendix.
    paper
        "a4" or "letter", the paper of what is exported.
    overwrite
        Whether files may be replaced that were changed since they were exported, or that this report did not
        write. Unchanged exports are always replaced.
    **parameters
        Values for the parameters cell of the notebook, of the same types as its defaults. `plan="plan.toml"`
        is the file of an analysis plan: the page then states which results were planned.

    Returns
    -------
    Rendered
        The paths of the page, the parquet file and the CSV file, and the finding in one sentence.

    Raises
    ------
    DatasetError
        If the report, the study, a format or the paper is unknown, the notebook has no parameters cell, the
        folder is not writable, or a file to export exists that is not this report's own; if an analysis plan
        does not fit the study, or was changed after it was frozen.
    VariableError
        If a parameter, cause or variable is unknown, or a value has the wrong type. This is checked before a
        kernel starts.
    ToolkitError
        If a cell fails. The message names the cell, and the notebook is saved as `*.failed.ipynb`.

    Examples
    --------
    >>> render("diabetes").html  # doctest: +SKIP
    PosixPath('reports/simulated/diabetes.html')
    """
    remove_abandoned_folders()
    exports = read_exports(export, format, paper, overwrite=overwrite)
    job = open_job(study, output, Options(interactive, notebook, force, exports))
    order = prepare_order(report, job, parameters, save_as)
    if kept := find_unchanged(order, job):
        return kept
    with end_on_signals() as kernels, hand_over(job.study) as people:
        made = render_order(order, job, Session(people, kernels))
    update_indexes(job.folder, job.study)
    return made


def open_job(study: str | Study, output: str | Path | None, options: Options) -> Job:
    """Open the study of a call, and choose the folder of its reports."""
    opened = open_study(study) if isinstance(study, str) else study
    require_study(opened, "A report")
    if isinstance(opened.people, EnginePeople):
        opened.people.refuse()
    named = study if isinstance(study, str) else study.name
    return Job(opened, folder_of(opened, output), options, named)


def prepare_order(report: str | Path, job: Job, parameters: Mapping[str, Any], save_as: str = "") -> Order:
    """Check all that can be checked before a kernel starts."""
    found = find_report(report)
    path = found.path
    notebook = execute.load(path)
    known = read_parameters(execute.parameters_source(notebook, path.stem), path.stem)
    values = fill_parameters(known, {"study": job.named, **found.parameters, **parameters}, path.stem)
    check_names(values, job.study)
    plan = open_named_plan(values, job.study)
    name = save_as or found.name_files(values)
    refuse_foreign_files(job.folder, name, job.options.exports, read_exported(job.folder, name))
    return Order(name, found, notebook, values, plan)


def find_unchanged(order: Order, job: Job) -> Rendered | None:
    """Return the report that is there already, if it was made from the same data, parameters and code."""
    record = None if job.options.force else read_record(job.folder, order.name)
    if record is None or not record.key or record.key != _identify(order, job):
        return None
    return _describe_record(record, job, unchanged=True)


def _identify(order: Order, job: Job) -> str:
    """Return the key of a report; "", which equals no key, if files unknown to the toolkit may enter it."""
    if not order.found.shipped:
        return ""
    options: dict[str, Any] = {"interactive": job.options.interactive, "notebook": job.options.notebook}
    options |= {"plan_sha256": order.plan.sha256} if order.plan else {}
    return identify(job.fingerprint, order.found.path, {**order.parameters, **options, "name": order.name})


def _describe_record(record: Record, job: Job, *, unchanged: bool = False) -> Rendered:
    """Export what is asked for, and describe the report with its files."""
    exported = _export(record, job) if job.options.exports else []
    parquet, csv, notebook = (
        job.folder / name if (name := record.file(kind)) else None for kind in ("parquet", "csv", "ipynb")
    )
    return Rendered(
        record.name, record.title, job.study.label, record.finding, job.folder / record.page, parquet, csv,
        unchanged, notebook, tuple(exported),
    )  # fmt: skip


def _export(record: Record, job: Job) -> "list[Saved]":
    """Write tables, figures and documents from the page, and note them in the record."""
    from toolkit.report.page.exported_files import write_exports

    packed = job.folder / f"{record.name}{_CHARTS}"
    charts = json.loads(gzip.decompress(packed.read_bytes())) if packed.exists() else []
    saved, exports = write_exports(job.folder / record.page, charts, job.options.exports, record.exports)
    write_record(job.folder, replace(record, exports=exports))
    return saved


def _summarize(saved: "Sequence[Saved]", folder: Path) -> list[str]:
    """Say which files were exported: documents one by one, and the files of a folder together."""
    lines = [str(one) for one in saved if one.path.parent != folder or one.note]
    inside = sum(one.path.parent == folder for one in saved)
    return [*lines, f"Saved {inside} tables and figures in '{folder}'."] if inside else lines


def render_order(order: Order, job: Job, session: Session) -> Rendered:
    """Run the notebook, then write the page and the results, all of them or none."""
    # An unwritable folder should fail before the kernel starts, not after it has run.
    planned = job.folder / f"{order.name}.html"
    with restate_disk_errors(planned), draft_beside(planned):
        pass
    failed = job.folder / f"{order.name}.failed.ipynb"
    path, study = order.found.path, job.study
    given = {"study": path_of(session.people)} if session.people else {}
    if order.plan:  # The kernel has another working directory.
        given["plan"] = str(order.plan.path.resolve())
    # Loaded while the kernel works.
    Thread(target=partial(import_module, "nbconvert.filters.markdown_mistune"), daemon=True).start()
    try:
        done = execute.run(order.notebook, path.stem, {**order.parameters, **given}, session)
    except execute.NotebookError as failure:
        write_text(failed, failure.text)
        raise ToolkitError(
            f"{str(failure).rstrip('.')}. See the notebook as far as it ran in '{failed}'."
        ) from None
    results = read_results(output for cell in done.cells for output in cell.get("outputs", [])) or Results()
    facts = html.Facts(
        results.title or html.first_heading(done) or order.name,
        study.label,
        results.finding,
        study.simulated,
        provenance(study, path, order.parameters, job.fingerprint.people),
    )
    page = html.compose_report(done, facts, path.parent, interactive=job.options.interactive)
    page = insert_manifest(page, {"name": order.name, **_manifest(order, job), **_shown(results)})
    kept = execute.write_notebook(done) if job.options.notebook else ""
    files = _write_files(job.folder / order.name, page, results, kept, list_charts(done))
    failed.unlink(missing_ok=True)
    record = Record(
        order.name, facts.title, _identify(order, job), facts.finding,
        files=[file.name for file in files], main=main_rows(results.main),
        exports=read_exported(job.folder, order.name),
    )  # fmt: skip
    write_record(job.folder, record)
    return _describe_record(record, job)


def _manifest(order: Order, job: Job) -> dict[str, Any]:
    """State what makes the report again: notebook, parameters, study, hashes and versions."""
    study, found = job.study, order.found
    return {
        "report": found.path.stem if found.shipped else found.path.name,
        "parameters": order.parameters,
        "study": {"name": study.name, "label": study.label, "options": options_of(study)},
        "hashes": hashes(study, found.path, job.fingerprint.people),
        "versions": versions(),
    }


def _shown(results: Results) -> dict[str, Any]:
    return {"finding": results.finding, "rows": rows_as_records(results.rows)}


def _write_files(
    stem: Path, page: str, results: Results, notebook: str, charts: Sequence[Mapping[str, Any]]
) -> list[Path]:
    """Write the page and, if there are rows, parquet and CSV; remove older result files if there are none."""
    writers: dict[str, Callable[[Path], Any]] = {
        ".html": lambda draft: draft.write_text(page, encoding="utf-8")
    }
    if results.rows.height:
        writers |= {".parquet": results.rows.write_parquet, ".csv": results.rows.write_csv}
    if charts:
        packed = gzip.compress(json.dumps(charts, separators=(",", ":")).encode(), mtime=0)
        writers[_CHARTS] = lambda draft: draft.write_bytes(packed)
    if notebook:
        writers[".ipynb"] = lambda draft: draft.write_text(notebook, encoding="utf-8")
    made = {suffix: stem.with_name(stem.name + suffix) for suffix in writers}
    # All drafts replace the older files together at the end, so that a full disk leaves those untouched.
    with ExitStack() as stack:
        drafts = {suffix: stack.enter_context(replacing(target)) for suffix, target in made.items()}
        for suffix, write in writers.items():
            write(drafts[suffix])
    for suffix in {*_SUFFIXES, ".ipynb"} - set(made):
        stem.with_name(stem.name + suffix).unlink(missing_ok=True)
    return list(made.values())
