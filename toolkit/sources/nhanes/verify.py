"""Download NHANES files and verify them against the counts on the CDC's codebook pages."""

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
    """Download every table that a codebook variable needs; see `tk.download_study`.

    Returns one row per file; what is unknown, or was not compared, is null. `codes` is the number of
    compared counts. With `renew`, cached files are downloaded again and trusted.
    """
    catalogue = catalog.nhanes()
    source = choose_mirror(mirror, catalogue.site.site, SETTING)
    rows = []
    names = [cycles] if isinstance(cycles, str) else cycles
    # Cycle by cycle: 2017-2018 and 2017-2020 contain the same persons and cannot be opened together.
    for name in catalogue.cycles if cycles == ALL else names:
        chosen = choose_cycles(catalogue, name)
        found = find_files(catalogue, chosen, source, renew=renew)
        rows += [_verify_file(name, file, found, verify=verify) for file in found.files.values()]
        rows += [_missing_file(catalogue, key, address) for key, address in found.absent.items()]
    return pl.DataFrame(rows, SCHEMA, orient="row").sort("cycle", "table")


def _missing_file(catalogue: Catalogue, key: tuple[str, str], address: str) -> dict[str, object]:
    table, cycle = key
    name = catalogue.tables[table].files[cycle].name
    return {
        "cycle": cycle,
        "table": name,
        "status": "not found",
        "problem": f"Put {address} into the mirror.",
    }


def _verify_file(cycle: str, file: TableFile, found: Found, *, verify: bool) -> dict[str, object]:
    row: dict[str, object] = {"cycle": cycle, "table": file.name, "status": "kept"}
    if not verify:
        return row | {"rows_expected": file.rows}
    # Counts of simulated people are on no page.
    expected = {} if found.mark else code_counts(file.name)
    if not expected and file.rows is None:
        return row | {"problem": "no counts are known for this table"}
    frame = read_table(file.path).collect()
    differing, compared = compare_codes(frame, expected)
    problems = [f"{column}: {wrong} of {of} counts differ" for column, (wrong, of) in differing.items()]
    if file.rows is not None and frame.height != file.rows:
        problems.insert(0, f"{frame.height:,} rows instead of {file.rows:,}")
    return row | {
        "status": "differs" if problems else "verified",
        "rows": frame.height,
        "rows_expected": file.rows,
        "codes": compared,
        "codes_differing": sum(wrong for wrong, _ in differing.values()),
        "problem": "; ".join(problems) or None,
    }


def code_counts(table: str) -> Mapping[str, Mapping[str, int]]:
    """Look up the counts on the CDC's codebook page of a table: column -> code (. is missing) -> persons."""
    return _pages().get(table, {})


def compare_codes(
    frame: pl.DataFrame, expected: Mapping[str, Mapping[str, int]]
) -> tuple[dict[str, tuple[int, int]], int]:
    """Count differing code counts by column, with the number compared; and the number compared in all.

    A column that the table lacks differs in all of its codes.
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
