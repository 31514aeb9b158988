"""What is to leave the pages of reports, and which files of earlier exports may be replaced.

A file that was changed since it was written, or that something else wrote, is replaced only on request.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.display.export.formats import read_formats, read_paper
from toolkit.errors import DatasetError, unknown
from toolkit.files.cache import sha256_of

FORMS = ("html", "docx", "pdf")


@dataclass(frozen=True)
class Exports:
    """What is asked for: formats of tables and figures, forms of the whole report, paper, and overwriting."""

    formats: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    paper: str = "a4"
    overwrite: bool = False

    def __bool__(self) -> bool:
        return bool(self.formats or self.forms)


def read_exports(
    export: str | Iterable[str], form: str | Iterable[str], paper: str, *, overwrite: bool
) -> Exports:
    """Check formats, forms and paper before anything is rendered; names may be separated by commas."""
    formats, forms = read_formats(_split(export)), _split(form)
    for name in forms:
        if name not in FORMS:
            remedy = f"Use one of {', '.join(FORMS)}; tables and figures have more formats (export=)"
            raise DatasetError(unknown("A whole report cannot be written in the format", name, FORMS, remedy))
    read_paper(paper)
    if "pdf" in forms or ".pdf" in formats:
        from toolkit.display.export.pdf_documents import load_typst

        load_typst()
    kept = tuple(dict.fromkeys(name for name in forms if name != "html"))
    return Exports(tuple(formats), kept, paper, overwrite)


def _split(names: str | Iterable[str]) -> list[str]:
    given = [names] if isinstance(names, str) else list(names)
    return [
        part for name in given for part in (p.strip().lower().lstrip(".") for p in name.split(",")) if part
    ]


def refuse_foreign_files(folder: Path, name: str, asked: Exports, written: Mapping[str, str]) -> None:
    """Raise DatasetError, before a report runs, if its export would replace a file that is not its own."""
    documents = [folder / f"{name}.{form}" for form in asked.forms]
    exhibits = [
        path
        for path in sorted((folder / name).glob("*"))
        if path.suffix in asked.formats and path.stem.startswith(("figure-", "table-"))
    ]
    refuse_files(folder, [*documents, *exhibits], asked, written)


def refuse_files(folder: Path, targets: Iterable[Path], asked: Exports, written: Mapping[str, str]) -> None:
    """Raise DatasetError if one of the files exists and is not as this report wrote it."""
    for target in () if asked.overwrite else targets:
        if target.exists() and not is_own(folder, target, written):
            raise DatasetError(
                f"'{target}' exists, and was changed or was not written by this report, so that it was not "
                "replaced. Move it, or use overwrite=True (--overwrite)."
            )


def is_own(folder: Path, path: Path, written: Mapping[str, str]) -> bool:
    """Whether a file is as this report wrote it."""
    known = written.get(path.relative_to(folder).as_posix())
    return known is not None and path.is_file() and known == sha256_of(path)
