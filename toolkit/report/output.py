"""Keep the reports of each study in a folder of its own, with records, links between them and indexes."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.errors import as_path
from toolkit.files.project_folder import in_project
from toolkit.files.safe_files import write_text
from toolkit.report.page.html import compose_index, compose_studies, write_links
from toolkit.report.plan import shipped_plan
from toolkit.results import frame
from toolkit.studies import Study

ROOT = "reports"
INDEX = "index.html"
_SUFFIX = ".report.json"
_STUDY, _OVERVIEW = "study.json", "overview.svg"
_ADJUSTED = "the adjustment set of each report"


@dataclass(frozen=True)
class Record:
    """What is known of a report without opening it: its key, title, finding, files, and main estimates.

    A report that failed has the reason and no key, so that it is never taken for unchanged.
    """

    name: str
    title: str
    key: str = ""
    finding: str = ""
    failure: str = ""
    files: Sequence[str] = ()
    main: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    exports: Mapping[str, str] = field(default_factory=dict)
    """The files that were exported, with their SHA-256: one that differs was changed by the user."""

    def file(self, kind: str) -> str:
        """Return the name of the report's file of a kind, such as "csv"; "" if there is none."""
        return next((name for name in self.files if name.endswith(f".{kind}")), "")

    @property
    def page(self) -> str:
        """The file name of the page, "" if there is none."""
        return self.file("html")


def folder_of(study: Study, output: str | Path | None = None) -> Path:
    """Return the folder of a study; two studies of one name that differ in their label never share one."""
    root = in_project(ROOT) if output is None else as_path(output, "output=")
    named = root / _slug(study.name)
    kept = _read_json(named / _STUDY)
    return named if kept.get("label", study.label) == study.label else root / _slug(study.label)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "study"


def read_record(folder: Path, name: str) -> Record | None:
    """Read the record of a report; None if there is none or one of its files is missing."""
    kept = _read_json(folder / f"{name}{_SUFFIX}")
    record = Record(**kept) if kept else None
    complete = record is not None and all((folder / file).is_file() for file in record.files)
    return record if complete else None


def read_exported(folder: Path, name: str) -> dict[str, str]:
    """Read which files were exported from a report, also if its page is gone or could not be made anew."""
    return dict(_read_json(folder / f"{name}{_SUFFIX}").get("exports", {}))


def write_record(folder: Path, record: Record) -> None:
    """Write the record of a report."""
    write_text(folder / f"{record.name}{_SUFFIX}", json.dumps(asdict(record), indent=1, ensure_ascii=False))


def read_records(folder: Path) -> list[Record]:
    """Read the records of a folder, in the order of the toolkit's plan, then by name."""
    names = [path.name.removesuffix(_SUFFIX) for path in sorted(folder.glob(f"*{_SUFFIX}"))]
    order = {entry.save_as: place for place, entry in enumerate(shipped_plan())}
    names.sort(key=lambda name: (order.get(name, len(order)), name))
    return [record for name in names if (record := read_record(folder, name))]


def update_indexes(folder: Path, study: Study, order: Iterable[str] = ()) -> Path:
    """Link the pages of a study to their neighbors, and write its index and the index of all studies."""
    places = {name: place for place, name in enumerate(order)}
    records = sorted(read_records(folder), key=lambda record: places.get(record.name, len(places)))
    pages = [record for record in records if record.page]
    for place, record in enumerate(pages):
        before = pages[place - 1] if place else None
        after = pages[place + 1] if place + 1 < len(pages) else None
        _link_page(folder / record.page, before, after)
    kept = _read_json(folder / _STUDY)
    facts = {"label": study.label, "name": study.name, "simulated": study.simulated, "reports": len(pages)}
    # The keys change with the code that draws.
    estimates = [(record.key, record.main) for record in pages if record.main]
    drawn = sha256(json.dumps(estimates).encode()).hexdigest()
    figure = kept.get("figure", "")
    if kept.get("drawn") != drawn:
        figure = _draw_overview(folder / _OVERVIEW, pages, study)
    write_text(folder / _STUDY, json.dumps({**facts, "drawn": drawn, "figure": figure}, ensure_ascii=False))
    entries = [_index_entry(record) for record in records]
    index = folder / INDEX
    write_text(index, compose_index(entries, study.label, simulated=study.simulated, figure=figure))
    _write_studies(folder.parent)
    return index


def _write_studies(root: Path) -> None:
    studies = [{"folder": path.parent.name, **_read_json(path)} for path in sorted(root.glob(f"*/{_STUDY}"))]
    write_text(root / INDEX, compose_studies(studies))


def _link_page(path: Path, before: Record | None, after: Record | None) -> None:
    text = path.read_text(encoding="utf-8")
    linked = write_links(text, *((one.page, one.title) if one else None for one in (before, after)))
    if linked != text:
        write_text(path, linked)


def _index_entry(record: Record) -> dict[str, Any]:
    names = {kind: record.file(kind) for kind in ("html", "parquet", "csv")}
    return {"title": record.title, "finding": record.finding, "failure": record.failure, **names}


def _draw_overview(picture: Path, pages: Sequence[Record], study: Study) -> str:
    """Draw the main estimates of all pages in one forest plot whose rows lead to them, and save it."""
    drawn = [record for record in pages if record.main]
    if len(drawn) < 2:
        return ""
    from toolkit.display.charts.forest_plot import forest
    from toolkit.display.charts.theme import render
    from toolkit.report.page.embedded_charts import SVG, compose_figure

    rows = [_shorten(row, study) for record in drawn for row in record.main]
    links = [record.page for record in drawn for _ in record.main]
    data, _ = render(forest(frame(rows)).to_dict(), for_page=True)
    write_text(picture, data[SVG])
    return compose_figure(data, 1, links=links)


def _shorten(row: Mapping[str, Any], study: Study) -> dict[str, Any]:
    """Leave to each page what differs between pages: adjustment set, contributing cycles and remarks."""
    same = {"study": study.label, "adjust": _ADJUSTED if row["adjust"] else "", "reason": ""}
    return {**row, **same}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def main_rows(rows: pl.DataFrame) -> tuple[Mapping[str, Any], ...]:
    """Return rows of a result as records that JSON can hold."""
    return tuple(json.loads(json.dumps(row, default=str)) for row in rows.rows(named=True))
