"""Fetch NHANES's files ahead of their use, and hold them to the counts that the CDC's codebook pages print.

Takes cycles and a mirror; gives one row a file: is it there, its rows, and which code counts differ.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import polars as pl

from toolkit.files.checked_toml import shipped
from toolkit.files.download import choose_mirror
from toolkit.files.table_cache import read_table
from toolkit.sources import catalog
from toolkit.sources.catalog import Catalogue
from toolkit.sources.harmonize.join import TableFile
from toolkit.sources.nhanes.manifest import CYCLES, SETTING, Found, choose_cycles, find_files

ALL = "all"
SCHEMA = {
    "cycle": pl.String(),
    "table": pl.String(),
    "status": pl.Enum(["verified", "kept", "not found", "differs"]),
    "rows": pl.Int64(),
    "rows_expected": pl.Int64(),
    "codes": pl.Int64(),
    "codes_differing": pl.Int64(),
    "problem": pl.String(),
}
_MISSING = "."


def download_nhanes(
    cycles: Sequence[str] | str = CYCLES,
    mirror: str | Path | None = None,
    *,
    verify: bool = False,
    renew: bool = False,
) -> pl.DataFrame:
    """Fetch every table that a codebook variable needs, and say of each whether it is as it should be.

    Parameters
    ----------
    cycles
        Names such as "2005-2006"; "all" for all of them.
    mirror
        A folder or an http(s) address laid out like the CDC's site. None: what `CRAMPS_NHANES` says, else
        the CDC's site.
    verify
        True to compare rows and code counts with the CDC's codebook pages.
    renew
        True to fetch anew what is kept and trust what comes, as after a revision by the CDC.

    Returns
    -------
    polars.DataFrame
        One row a file: `cycle`, `table`, `status` (verified, kept, not found, differs), `rows`,
        `rows_expected`, `codes` (counts that were compared), `codes_differing`, `problem`. What is not
        known, or was not compared, is null.

    Raises
    ------
    DatasetError
        For an unknown cycle, an absent table of persons, and downloads that do not give what they should.
    """
    catalogue = catalog.nhanes()
    source = choose_mirror(mirror, catalogue.site.site, SETTING)
    rows = []
    # 2017-2018 and 2017-2020 hold the same people and are never pooled; on the disk they may stand together.
    for name in tuple(catalogue.cycles) if cycles == ALL else _each(cycles):
        chosen = choose_cycles(catalogue, name)
        found = find_files(catalogue, chosen, source, renew=renew)
        rows += [_told(name, file, found, verify=verify) for file in found.files.values()]
        rows += [_absent(catalogue, key, address) for key, address in found.absent.items()]
    return pl.DataFrame(rows, SCHEMA, orient="row").sort("cycle", "table")


def _each(cycles: Sequence[str] | str) -> tuple[str, ...]:
    return (cycles,) if isinstance(cycles, str) else tuple(cycles)


def _absent(catalogue: Catalogue, key: tuple[str, str], address: str) -> dict[str, object]:
    table, cycle = key
    name = catalogue.tables[table].files[cycle].name
    return {"cycle": cycle, "table": name, "status": "not found", "problem": f"put {address} into the mirror"}


def _told(cycle: str, file: TableFile, found: Found, *, verify: bool) -> dict[str, object]:
    row: dict[str, object] = {"cycle": cycle, "table": file.name, "status": "kept"}
    if not verify:
        return row | {"rows_expected": file.rows}
    # Files of simulated people have counts of their own, which no page prints.
    expected = {} if found.mark else code_counts(file.name)
    if not expected and file.rows is None:
        return row | {"problem": "no counts are known of it"}
    frame = read_table(file.path).collect()
    differing, compared = compare_codes(frame, expected)
    problems = [f"{column}: {wrong} of {of} counts differ" for column, (wrong, of) in differing.items()]
    if file.rows is not None and frame.height != file.rows:
        problems.insert(0, f"{frame.height:,} rows, and should have {file.rows:,}")
    return row | {
        "status": "differs" if problems else "verified",
        "rows": frame.height,
        "rows_expected": file.rows,
        "codes": compared,
        "codes_differing": sum(wrong for wrong, _ in differing.values()),
        "problem": "; ".join(problems) or None,
    }


def code_counts(table: str) -> Mapping[str, Mapping[str, int]]:
    """Look up what the CDC's codebook page of a table prints: column -> code (. is missing) -> persons.

    Examples
    --------
    >>> code_counts("SLQ_D")["SLQ160"]["4"]
    109
    """
    return _pages().get(table, {})


def compare_codes(
    frame: pl.DataFrame, expected: Mapping[str, Mapping[str, int]]
) -> tuple[dict[str, tuple[int, int]], int]:
    """Compare a table's code counts with those expected.

    Parameters
    ----------
    frame
        The table with its codes.
    expected
        Column -> code -> persons. A column that the table lacks differs in all of its codes.

    Returns
    -------
    tuple
        Column -> counts that differ and counts that were compared, for columns with a difference; and how
        many counts were compared in all.

    Examples
    --------
    >>> compare_codes(pl.DataFrame({"A": [1.0, 2.0, None]}), {"A": {"1": 1, "2": 3, ".": 1}})
    ({'A': (1, 3)}, 3)
    """
    differing = {}
    for column, counts in expected.items():
        seen = _counts(frame[column]) if column in frame.columns else {}
        wrong = sum(count != seen.get(code, 0) if seen else True for code, count in counts.items())
        if wrong:
            differing[column] = wrong, len(counts)
    return differing, sum(len(counts) for counts in expected.values())


def _counts(column: pl.Series) -> dict[str, int]:
    numbers = column.cast(pl.Float64).drop_nulls()
    whole = numbers.filter(numbers == numbers.round()).cast(pl.Int64).value_counts()
    return {_MISSING: column.null_count()} | {str(code): count for code, count in whole.iter_rows()}


@cache
def _pages() -> dict[str, dict[str, dict[str, int]]]:
    """Read datasets/nhanes-counts.csv: table, column, and the counts as `code:persons` in one field."""
    pages: dict[str, dict[str, dict[str, int]]] = {}
    printed = pl.read_csv(shipped("datasets") / "nhanes-counts.csv", comment_prefix="#")
    for table, column, text in printed.iter_rows():
        pairs = (pair.split(":") for pair in text.split())
        pages.setdefault(table, {})[column] = {code: int(count) for code, count in pairs}
    return pages
