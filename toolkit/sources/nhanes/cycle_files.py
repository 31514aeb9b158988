"""Find or download the files of NHANES cycles, and compare their counts with `datasets/nhanes-counts.csv`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError, require_known
from toolkit.files.cache import Inputs, hash_when_read, read_table, sha256_of
from toolkit.files.checked_toml import read_toml, shipped
from toolkit.files.download import Mirror, Wanted, choose_mirror, fetch_all, fetch_optional
from toolkit.sources.catalog import Catalog, nhanes
from toolkit.sources.catalog_records import Cycle, SimulatedMark
from toolkit.sources.harmonize.documentation import NO_COLUMN, places_of
from toolkit.sources.harmonize.join import TableFile, check_rows

SETTING = "CRAMPS_NHANES"
MARK = "SIMULATED.toml"
CYCLES = ("2005-2006", "2007-2008")


@dataclass(frozen=True)
class Found:
    """Files of the opened cycles by table and cycle, addresses of absent ones, the mark of simulated ones."""

    files: Mapping[tuple[str, str], TableFile]
    absent: Mapping[tuple[str, str], str]
    mark: SimulatedMark | None

    def lacking(self, catalog: Catalog) -> dict[tuple[str, str], str]:
        """Say which variables cannot be read in which cycle because their file lacks a column."""
        found: dict[tuple[str, str], str] = {}
        for (table, cycle), file in self.files.items():
            there = set(read_table(file.path).collect_schema().names())
            needed = _needed_columns(catalog, table, cycle)
            if any(there.issuperset(columns) for columns in needed.values()):
                for name, columns in needed.items():
                    if lost := [column for column in columns if column not in there]:
                        found[name, cycle] = f"{NO_COLUMN}: '{file.name}' has no column '{lost[0]}'"
        return found


def _needed_columns(catalog: Catalog, table: str, cycle: str) -> dict[str, list[str]]:
    """Name the columns of a table that each variable of a cycle reads."""
    pieces = {name: p for name in catalog.origins if (p := catalog.measured(name, cycle))}
    places = {name: places_of(piece) for name, piece in pieces.items()}
    return {
        name: [column for of, column in found if of == table]
        for name, found in places.items()
        if any(of == table for of, _ in found)
    }


def choose_cycles(catalog: Catalog, names: Sequence[str] | str) -> list[Cycle]:
    """Look up cycles by name, in order of time; refuse those that contain the same persons."""
    known, names = catalog.cycles, [names] if isinstance(names, str) else list(names)
    if not names:
        raise DatasetError(f"No cycle was named. Supply at least one, such as cycles={CYCLES}.")
    for name in names:
        require_known("NHANES has no cycle", name, known, "Available:", DatasetError)
        if names.count(name) > 1:
            raise DatasetError(
                f"Cycle '{name}' is named {names.count(name)} times, so that its participants would count "
                "more than once. Name it once."
            )
        twins = [other for other in known[name].never_with if other in names]
        if twins:
            raise DatasetError(
                f"Cycles '{name}' and '{twins[0]}' contain the same participants under different numbers, "
                "who would count twice. Remove one of the two."
            )
    return [cycle for name, cycle in known.items() if name in names]


def find_files(catalog: Catalog, cycles: Sequence[Cycle], source: Mirror, *, renew: bool = False) -> Found:
    """Find or download every table that a variable of these cycles needs; `renew` as in `fetch_all`."""
    mark = _mark(source)
    tables = {
        (table, cycle.name): _expected(catalog, cycle, table, mark)
        for cycle in cycles
        for table in _tables(catalog, cycle)
    }
    found = fetch_all(source, [wanted for wanted, _ in tables.values()], renew=renew)
    files: dict[tuple[str, str], TableFile] = {}
    absent: dict[tuple[str, str], str] = {}
    for key, (wanted, (name, rows)) in tables.items():
        path = found[wanted.path]
        if path is None:
            absent[key] = source.publisher(wanted.path)
        else:
            files[key] = TableFile(name, path, rows)
    for cycle in cycles:
        _expect_home(catalog, cycle, absent, source)
    return Found(files, absent, mark)


def rests_on(catalog: Catalog, cycles: Sequence[Cycle], source: Mirror, found: Found) -> Inputs | None:
    """Name the files on which a study depends, with their hashes; None if not at the publisher's address."""
    files = {file.path: hash_when_read(file.path) for file in found.files.values()}
    if source.folder is None:
        return Inputs(files) if source.address == source.site else None
    mark = source.folder / MARK
    paths = [catalog.path(cycle.name, table) for cycle in cycles for table in _tables(catalog, cycle)]
    looked_for = [source.folder / path for path in paths if source.publisher(path) in found.absent.values()]
    if found.mark:
        return Inputs({**files, mark: sha256_of(mark)}, tuple(looked_for))
    return Inputs(files, (*looked_for, mark))


def _mark(source: Mirror) -> SimulatedMark | None:
    path = fetch_optional(source, MARK)
    return None if path is None else read_toml(path, SimulatedMark)


def _tables(catalog: Catalog, cycle: Cycle) -> list[str]:
    measured = (catalog.measured(name, cycle.name) for name in catalog.origins)
    return list(
        dict.fromkeys([catalog.site.home, *(table for piece in measured if piece for table in piece.tables)])
    )


def _expected(
    catalog: Catalog, cycle: Cycle, table: str, mark: SimulatedMark | None
) -> tuple[Wanted, tuple[str, int | None]]:
    """Describe the file of a table: path, check of its content, name and number of rows."""
    entry = catalog.tables[table].files[cycle.name]
    rows = mark.rows.get(entry.name) if mark else entry.rows

    def check(path: Path) -> None:
        check_rows(TableFile(entry.name, path, rows))

    return Wanted(catalog.path(cycle.name, table), check), (entry.name, rows)


def _expect_home(
    catalog: Catalog, cycle: Cycle, absent: Mapping[tuple[str, str], str], source: Mirror
) -> None:
    home = catalog.site.home
    name = catalog.tables[home].files[cycle.name].name
    address = absent.get((home, cycle.name))
    if address:
        raise DatasetError(
            f"Cycle '{cycle.name}' cannot be opened because '{name}', its table of persons and weights, is "
            f"not in {source.folder}. Put {address} there as {catalog.path(cycle.name, home)}, remove the "
            f"cycle, or unset {SETTING} to download the file."
        )


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
    """Download every table that a codebook variable needs; one row per file, see `tk.download_study`."""
    catalog = nhanes()
    source = choose_mirror(mirror, catalog.site.site, SETTING)
    rows = []
    names = [cycles] if isinstance(cycles, str) else cycles
    # Cycle by cycle: 2017-2018 and 2017-2020 contain the same persons and cannot be opened together.
    for name in catalog.cycles if cycles == ALL else names:
        chosen = choose_cycles(catalog, name)
        found = find_files(catalog, chosen, source, renew=renew)
        rows += [_verify_file(name, file, found, verify=verify) for file in found.files.values()]
        rows += [_missing_file(catalog, key, address) for key, address in found.absent.items()]
    return pl.DataFrame(rows, SCHEMA, orient="row").sort("cycle", "table")


def _missing_file(catalog: Catalog, key: tuple[str, str], address: str) -> dict[str, object]:
    table, cycle = key
    name = catalog.tables[table].files[cycle].name
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
    """Count differing code counts by column (all, if absent) with the number compared, and that in all."""
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
