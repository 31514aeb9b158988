"""Save tables and charts as files, whole or not at all, in the format that their ending names."""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.display.export.exported_items import ChartItem, Item, read_item
from toolkit.display.export.figures import read_width
from toolkit.display.export.formats import CHARTS, TABLES, Paper, name_formats, read_formats, read_paper
from toolkit.errors import DatasetError, as_path, join_list
from toolkit.files.safe_files import replacing

_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Saved:
    """A file that was saved; it prints as a sentence, and works wherever a path does.

    Attributes
    ----------
    path
        Where the file is.
    note
        What was decided for the page, such as landscape for a wide table; "" if nothing.

    Examples
    --------
    >>> Saved(Path("table-1.docx"), "landscape")
    Saved 'table-1.docx' (landscape).
    """

    path: Path
    note: str = ""

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return f"Saved '{self.path}'{f' ({self.note})' if self.note else ''}."

    __repr__ = __str__


def save(
    table_or_chart: Any,
    path: str | Path,
    *,
    width: str | float | None = None,
    overwrite: bool = False,
    alt: str = "",
    paper: str = "a4",
) -> Saved:
    r"""Save a table or a chart as a file for a manuscript.

    Parameters
    ----------
    table_or_chart
        A table of `tk.table` (or any great-tables object), a chart of `tk.forest` and others (or any altair
        chart), or a frame: results, `tk.flow` or `study.availability()`, which `tk.table` typesets.
    path
        The file. Its ending chooses the format: .docx, .xlsx, .pdf, .tex, .html, .md and .csv for tables;
        .svg, .pdf, .png (300 dpi), .html and .json (Vega-Lite) for charts. A missing folder is created.
    width
        Width of a chart on the page: "85 mm", "114 mm", "170 mm" or a number of mm; 170 mm by default. Text
        is 7 to 8 points at every width, because the chart is drawn anew for it.
    overwrite
        Whether an existing file may be replaced.
    alt
        Alternative text of a chart for screen readers; by default its notes and its estimates.
    paper
        "a4" or "letter", the paper of a table in Word, Excel, PDF and LaTeX. A table that is too wide for a
        portrait page is on a landscape page; one that is too wide for that is split by its columns into parts
        that repeat the row labels and say "part 1 of 2" in their captions.

    Returns
    -------
    Saved
        Prints as one line, with a note where the table needs a landscape page or several parts. `.path` is
        the file.

    Raises
    ------
    DatasetError
        If the format or the paper is unknown, the file exists, the folder cannot be written, or this is
        neither a table nor a chart. No incomplete file is left.

    Notes
    -----
    In Excel an estimate and its interval have a cell each, as numbers; a
    frame adds a sheet with its unrounded rows. A frame saved as .csv has its columns unrounded. Text that a
    spreadsheet would run as a formula stays text. A .tex file compiles on its own, and can be read by
    ``\input`` in a manuscript.

    Examples
    --------
    >>> import tempfile
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.3,
    ...        "conf_low": 0.2, "conf_high": 0.4, "reliability": "ok"}
    >>> save(frame([row]), Path(tempfile.mkdtemp()) / "prevalence.docx").path.name
    'prevalence.docx'
    """
    target, item = as_path(path, "tk.save"), read_item(table_or_chart)
    kind, sheet = target.suffix.lower(), read_paper(paper)
    _check_format(target, kind, chart=isinstance(item, ChartItem))
    _check_target(target, overwrite=overwrite)
    if isinstance(item, ChartItem):
        item = replace(item, alt=alt, width=read_width(width))
    elif width is not None:
        raise DatasetError(
            "width= is the width of a chart, and a table fills its page. Leave out width= for a table."
        )
    with replacing(target) as draft:
        note = item.write(kind, draft, sheet)
    return Saved(target, note)


def save_all(
    items: Mapping[str, Any],
    folder: str | Path,
    formats: Sequence[str] = ("docx", "xlsx", "svg"),
    *,
    width: str | float | None = None,
    overwrite: bool = False,
    paper: str = "a4",
) -> list[Saved]:
    """Save many tables and charts into a folder, each in those of the formats that suit it.

    Parameters
    ----------
    items
        Tables, charts and frames, by the name of their file without an ending.
    folder
        The folder, which is created if it is missing.
    formats
        Endings, such as "docx", "xlsx" and "svg"; "pdf" and "html" are for both tables and charts.
    width, paper
        Width of the charts and paper of the tables, as in `tk.save`.
    overwrite
        Whether existing files may be replaced. Nothing is written if one exists and may not, and all files
        are written or none.

    Returns
    -------
    list of Saved
        One for each file, in the order of the items.

    Raises
    ------
    DatasetError
        As `tk.save`, before anything is written.

    Examples
    --------
    >>> import tempfile
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.3,
    ...        "conf_low": 0.2, "conf_high": 0.4, "reliability": "ok"}
    >>> files = save_all({"table 1": frame([row])}, tempfile.mkdtemp(), ["docx", "csv", "svg"])
    >>> [file.path.name for file in files]
    ['table-1.docx', 'table-1.csv']
    """
    kinds, sheet, millimeters = read_formats(formats), read_paper(paper), read_width(width)
    plan: dict[Path, tuple[Item, str]] = {}
    destination = as_path(folder, "tk.reports.save_all")
    for name, given in items.items():
        item = read_item(given)
        item = replace(item, width=millimeters) if isinstance(item, ChartItem) else item
        stem = _NAME.sub("-", name).strip("-") or "item"
        plan |= {destination / f"{stem}{kind}": (item, kind) for kind in kinds if kind in item.formats}
    for target in plan:
        _check_target(target, overwrite=overwrite)
    return write_items(plan, sheet)


def write_items(plan: Mapping[Path, tuple[Item, str]], paper: Paper) -> list[Saved]:
    """Write tables and charts to their files, each in a format: all of them, or none if one fails."""
    with ExitStack() as stack:
        notes = []
        for target, (item, kind) in plan.items():
            notes.append(item.write(kind, stack.enter_context(replacing(target)), paper))
    return [Saved(target, note) for target, note in zip(plan, notes, strict=True)]


def _check_format(target: Path, kind: str, *, chart: bool) -> None:
    allowed, other = (CHARTS, TABLES) if chart else (TABLES, CHARTS)
    if kind in allowed:
        return
    what = "chart" if chart else "table"
    if kind in other:
        raise DatasetError(
            f"A {what} cannot be saved as '{target.name}'. Use {join_list(allowed, 'or')} for a {what}."
        )
    if not kind:
        raise DatasetError(
            f"'{target.name}' has no ending that names a format. Use {join_list(allowed, 'or')} for a {what}."
        )
    raise DatasetError(name_formats(f"The format of '{target.name}'", kind, allowed))


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.is_dir():
        raise DatasetError(f"'{target}' is a folder. Name a file in it, such as '{target / 'table.docx'}'.")
    if target.exists() and not overwrite:
        raise DatasetError(
            f"'{target}' exists and was not replaced. Choose another name, or use overwrite=True."
        )
