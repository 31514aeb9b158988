"""Write what leaves a page: its tables and figures as files, and the whole report for Word or as PDF.

Everything is read from the page and the specifications of its charts, so that nothing runs again.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.display.charts.palette import VERMILLION
from toolkit.display.export.destinations import Saved
from toolkit.display.export.exported_items import Item, read_item
from toolkit.display.export.formats import Paper, read_paper
from toolkit.display.export.manuscript import Figure, Manuscript, Table
from toolkit.display.text import SIMULATED
from toolkit.files.cache import sha256_of
from toolkit.files.safe_files import replacing
from toolkit.report.page.export_requests import Exports, is_own, refuse_files
from toolkit.report.page.page_reader import read_manuscript

# Narrower than those of a single table, so that a figure of 170 mm fits on A4.
_MARGIN = 20.0


def write_exports(
    page: Path, charts: Sequence[Mapping[str, Any]], asked: Exports, written: Mapping[str, str]
) -> tuple[list[Saved], dict[str, str]]:
    """Write all that is asked for, or nothing; return the files, and the hashes of all that were written.

    Tables and figures that the report no longer has are removed, in these formats and if unchanged.
    """
    folder, name = page.parent, page.stem
    manuscript = read_manuscript(page.read_text(encoding="utf-8"), charts)
    items = {
        folder / name / f"{_name_file(exhibit)}{kind}": (item, kind)
        for exhibit in manuscript.exhibits
        for item in [read_item(_say_simulated(exhibit) if manuscript.simulated else exhibit)]
        for kind in asked.formats
        if kind in item.formats
    }
    documents = {folder / f"{name}.{form}": form for form in asked.forms}
    refuse_files(folder, [*documents, *items], asked, written)
    saved = _write_all(manuscript, documents, items, read_paper(asked.paper))
    gone = {path for path in _list_own(folder, name, asked, written) if path not in items}
    for path in gone:
        path.unlink()
    kept = {file: known for file, known in written.items() if folder / file not in gone}
    return saved, {**kept, **{one.path.relative_to(folder).as_posix(): sha256_of(one.path) for one in saved}}


def _list_own(folder: Path, name: str, asked: Exports, written: Mapping[str, str]) -> list[Path]:
    """List the tables and figures of earlier exports, in the formats that are asked for, if unchanged."""
    known = [folder / file for file in written if file.startswith(f"{name}/")]
    return [path for path in known if path.suffix in asked.formats and is_own(folder, path, written)]


def _write_all(
    manuscript: Manuscript,
    documents: Mapping[Path, str],
    items: Mapping[Path, tuple[Item, str]],
    paper: Paper,
) -> list[Saved]:
    from toolkit.display.export import pdf_documents, word_documents

    writers = {"docx": word_documents.write_manuscript, "pdf": pdf_documents.write_manuscript}
    sheet, saved = replace(paper, margin=_MARGIN), []
    # All drafts replace the older files together at the end.
    with ExitStack() as stack:
        for target, form in documents.items():
            notes = writers[form](manuscript, sheet, stack.enter_context(replacing(target)))
            saved.append(Saved(target, "; ".join(notes)))
        for target, (item, kind) in items.items():
            saved.append(Saved(target, item.write(kind, stack.enter_context(replacing(target)), paper)))
    return saved


def _name_file(exhibit: Table | Figure) -> str:
    if isinstance(exhibit, Figure):
        return f"figure-{exhibit.number}".lower()
    return f"table-{exhibit.content.number}".lower()


def _say_simulated(exhibit: Table | Figure) -> Table | Figure:
    """Say in the file itself what the page says once for all."""
    if isinstance(exhibit, Table):
        notes = (SIMULATED, *(note for note in exhibit.content.notes if note != SIMULATED))
        html = f"<p><strong>{SIMULATED}</strong></p>{exhibit.html}"
        return Table(replace(exhibit.content, notes=notes, simulated=True), html)
    heading = {"text": SIMULATED, "color": VERMILLION, "anchor": "start"}
    carried = exhibit.spec.get("usermeta") or {}
    narrow = {"narrow": {**carried["narrow"], "title": heading}} if "narrow" in carried else {}
    spec = {**exhibit.spec, "title": heading, "usermeta": {**carried, **narrow}}
    return replace(exhibit, spec=spec, title=f"{exhibit.title} ({SIMULATED})")
