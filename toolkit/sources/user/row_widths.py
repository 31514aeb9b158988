"""Find the rows of a text file that have more or fewer columns than its heading.

Takes a file in UTF-8 and the sign between its columns; gives the numbers of such rows. A reader that takes
some columns only does not see that a sign too many has moved the values of a row. Lines are looked at in a
stream; a file whose quotes hold line ends is read record by record.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import polars as pl

ROW = ":row"  # no name that a user can give a variable
LONG = "long"
_CHUNK = 1 << 22
_QUOTED = r'"[^"]*"'
_LARGEST = 1 << 27  # letters in one cell; csv stops at 131,072 otherwise


def uneven_rows(path: Path, separator: str) -> pl.DataFrame:
    r"""List rows of another width than the heading.

    Parameters
    ----------
    path
        A text file in UTF-8.
    separator
        The sign between columns.

    Returns
    -------
    polars.DataFrame
        `:row` (1 is the one below the heading) and `long`: true for too many columns, false for too few.
        Blank lines are no rows of another width.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = file.write_text("a,b\n1,2\n1,2,3\n1\n")
    >>> uneven_rows(file, ",").rows()
    [(2, True), (3, False)]
    """
    quoted = _holds_quotes(path)
    lines = pl.scan_lines(path, name="line", glob=False).with_row_index(ROW)
    text = pl.col("line")
    if quoted:
        odd = lines.select((text.str.count_matches('"', literal=True) % 2).sum()).collect(engine="streaming")
        if odd.item():
            return pl.DataFrame(
                _records(path, separator), schema={ROW: pl.Int64, LONG: pl.Boolean}, orient="row"
            )
        text = text.str.replace_all(_QUOTED, "")
    widths = lines.select(ROW, blank=pl.col("line").str.strip_chars() == "", n=_signs(text, separator))
    heading = widths.head(1).collect()
    if heading.is_empty():
        return pl.DataFrame(schema={ROW: pl.Int64, LONG: pl.Boolean})
    n = heading["n"].item()
    uneven = widths.filter((pl.col("n") != n) & ~pl.col("blank"))
    return uneven.select(pl.col(ROW).cast(pl.Int64), (pl.col("n") > n).alias(LONG)).collect(
        engine="streaming"
    )


def _signs(text: pl.Expr, separator: str) -> pl.Expr:
    return text.str.count_matches(separator, literal=True)


def _holds_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in chunk for chunk in iter(lambda: file.read(_CHUNK), b""))


def _records(path: Path, separator: str) -> Iterator[tuple[int, bool]]:
    before = csv.field_size_limit(_LARGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = csv.reader(file, delimiter=separator)
            width = len(next(records))
            for number, record in enumerate(records, 1):
                if record and len(record) != width:
                    yield number, len(record) > width
    finally:
        csv.field_size_limit(before)
