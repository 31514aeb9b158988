"""Save tables and charts as files, whole or not at all, in the format that their ending names."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.display.text import classify_frame
from toolkit.errors import DatasetError, join_list, unknown
from toolkit.files.safe_files import replacing

TABLES = (".docx", ".xlsx", ".tex", ".html", ".md", ".csv")
CHARTS = (".svg", ".pdf", ".png", ".html", ".json")
# What a suppressed estimate does not show.
_HIDDEN = (
    "estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value", "n_cases", "n_effective",
    "deff",
)  # fmt: skip
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
) -> Saved:
    r"""Save a table or a chart as a file for a manuscript.

    Parameters
    ----------
    table_or_chart
        A table of `tk.table` (or any great-tables object), a chart of `tk.forest` and others (or any altair
        chart), or a frame: results, `tk.flow` or `study.availability()`, which `tk.table` typesets.
    path
        The file. Its ending chooses the format: .docx, .xlsx, .tex, .html, .md and .csv for tables; .svg,
        .pdf, .png (300 dpi), .html and .json (Vega-Lite) for charts. A missing folder is created.
    width
        Width of a chart on the page: "85 mm", "114 mm", "170 mm" or a number of mm; 170 mm by default. Text
        is 7 to 8 points at every width, because the chart is drawn anew for it.
    overwrite
        Whether an existing file may be replaced.
    alt
        Alternative text of a chart for screen readers; by default its notes and its estimates.

    Returns
    -------
    Saved
        Prints as one line, with a note where the table needs a landscape page. `.path` is the file.

    Raises
    ------
    DatasetError
        If the format is unknown, the file exists, the folder cannot be written, or this is neither a table
        nor a chart. No incomplete file is left.

    Notes
    -----
    Word, LaTeX and Excel use A4 pages. In Excel an estimate and its interval have a cell each, as numbers; a
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
    target = Path(path)
    kind = target.suffix.lower()
    chart = _is_chart(table_or_chart)
    _check_format(target, kind, chart=chart)
    _check_target(target, overwrite=overwrite)
    if chart:
        return _save_chart(table_or_chart, target, kind, width, alt)
    if width is not None:
        raise DatasetError(
            "width= is the width of a chart, and a table fills its page. Leave out width= for a table."
        )
    return _save_table(table_or_chart, target, kind)


def save_all(
    items: Mapping[str, Any],
    folder: str | Path,
    formats: Sequence[str] = ("docx", "xlsx", "svg"),
    *,
    width: str | float | None = None,
    overwrite: bool = False,
) -> list[Saved]:
    """Save many tables and charts into a folder, each in those of the formats that suit it.

    Parameters
    ----------
    items
        Tables, charts and frames, by the name of their file without an ending.
    folder
        The folder, which is created if it is missing.
    formats
        Endings, such as "docx", "xlsx" and "svg"; "html" is for both tables and charts.
    width
        Width of the charts, as in `tk.save`.
    overwrite
        Whether existing files may be replaced. Nothing is written if one exists and may not.

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
    kinds = [f".{name.lower().lstrip('.')}" for name in formats]
    for kind in kinds:
        if kind not in (*TABLES, *CHARTS):
            raise DatasetError(_name_formats("The format", kind, (*TABLES, *CHARTS)))
    plan = [
        (item, Path(folder) / f"{_NAME.sub('-', name).strip('-') or 'item'}{kind}")
        for name, item in items.items()
        for kind in kinds
        if kind in (CHARTS if _is_chart(item) else TABLES)
    ]
    for item, target in plan:
        _check_format(target, target.suffix, chart=_is_chart(item))
        _check_target(target, overwrite=overwrite)
    return [
        save(item, target, width=width if _is_chart(item) else None, overwrite=overwrite)
        for item, target in plan
    ]


def _is_chart(item: Any) -> bool:
    """Whether this is a chart; great-tables and altair load on first use."""
    from great_tables import GT

    if isinstance(item, GT | pl.DataFrame):
        return False
    import altair

    if isinstance(item, altair.TopLevelMixin):
        return True
    raise DatasetError(
        f"tk.save needs a table, a chart or a frame, not a value of type '{type(item).__name__}'. Use "
        "tk.save(tk.table(result), 'table.docx') or tk.save(tk.forest(result), 'figure.svg')."
    )


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
    raise DatasetError(_name_formats(f"'{target.name}' has the format", kind, allowed))


def _name_formats(what: str, kind: str, known: Sequence[str]) -> str:
    return unknown(f"{what}, which is unknown:", kind, known, f"Use {join_list(dict.fromkeys(known), 'or')}")


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.is_dir():
        raise DatasetError(f"'{target}' is a folder. Name a file in it, such as '{target / 'table.docx'}'.")
    if target.exists() and not overwrite:
        raise DatasetError(
            f"'{target}' exists and was not replaced. Choose another name, or use overwrite=True."
        )


def _save_chart(chart: Any, target: Path, kind: str, width: str | float | None, alt: str) -> Saved:
    from toolkit.display.export import figures

    millimeters, note = figures.read_width(width), ""
    with replacing(target) as draft:
        if kind == ".json":
            figures.write_specification(chart, draft)
        elif kind == ".html":
            figures.write_page(chart, draft, alt)
        else:
            note = figures.write_figure(chart, kind, draft, millimeters, alt)
    return Saved(target, note)


def _save_table(item: Any, target: Path, kind: str) -> Saved:
    from toolkit.display.export import latex_documents, text_files, word_documents, workbooks
    from toolkit.display.export.page_layout import plan_page
    from toolkit.display.export.typeset_content import read_content
    from toolkit.display.tables.result_table import table

    frame = item if isinstance(item, pl.DataFrame) else None
    if frame is not None:
        classify_frame(frame, "tk.save")
    typeset = table(frame) if frame is not None else item
    rows = None if frame is None else hide_suppressed(frame)
    content = read_content(typeset)
    page = plan_page(content)
    writers: dict[str, Callable[[Path], None]] = {
        ".docx": lambda draft: word_documents.write_word(content, page, draft),
        ".xlsx": lambda draft: workbooks.write_workbook(content, page, draft, rows),
        ".tex": lambda draft: latex_documents.write_latex(content, page, draft),
        ".html": lambda draft: text_files.write_html(typeset, content.title, draft),
        ".md": lambda draft: text_files.write_markdown(content, draft),
        ".csv": lambda draft: _write_csv(content, rows, draft),
    }
    with replacing(target) as draft:
        writers[kind](draft)
    return Saved(target, page.note if kind in (".docx", ".tex") else "")


def _write_csv(content: Any, rows: pl.DataFrame | None, path: Path) -> None:
    from toolkit.display.export import text_files

    if rows is None:
        text_files.write_csv(content, path)
    else:
        text_files.write_frame(rows, path)


def hide_suppressed(frame: pl.DataFrame) -> pl.DataFrame:
    """Remove the numbers of suppressed estimates from result rows, as tables do; n and the reason stay."""
    if "reliability" not in frame.columns:
        return pl.DataFrame(frame)
    hidden = pl.col("reliability").fill_null("").is_in(["suppress", "failed"])
    names = [name for name in _HIDDEN if name in frame.columns]
    return pl.DataFrame(frame).with_columns(pl.when(~hidden).then(pl.col(name)).alias(name) for name in names)
