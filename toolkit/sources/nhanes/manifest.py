"""Find or download the files that the chosen NHANES cycles need, and check them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import DatasetError, unknown
from toolkit.files.checked_toml import read_toml
from toolkit.files.download import Mirror, Wanted, fetch_all, fetch_optional
from toolkit.files.table_cache import Inputs, hash_when_read, read_table, sha256_of
from toolkit.sources.catalog import Catalogue
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

    def lacking(self, catalogue: Catalogue) -> dict[tuple[str, str], str]:
        """Say which variables cannot be read in which cycle because their file lacks a column.

        A file with none of the required columns is another table; reading it is an error.
        """
        found: dict[tuple[str, str], str] = {}
        for (table, cycle), file in self.files.items():
            there = set(read_table(file.path).collect_schema().names())
            needed = _needed_columns(catalogue, table, cycle)
            if any(there.issuperset(columns) for columns in needed.values()):
                for name, columns in needed.items():
                    if lost := [column for column in columns if column not in there]:
                        found[name, cycle] = f"{NO_COLUMN}: '{file.name}' has no column '{lost[0]}'"
        return found


def _needed_columns(catalogue: Catalogue, table: str, cycle: str) -> dict[str, list[str]]:
    """Name the columns of a table that each variable of a cycle reads."""
    pieces = {name: p for name in catalogue.origins if (p := catalogue.measured(name, cycle))}
    places = {name: places_of(piece) for name, piece in pieces.items()}
    return {
        name: [column for of, column in found if of == table]
        for name, found in places.items()
        if any(of == table for of, _ in found)
    }


def choose_cycles(catalogue: Catalogue, names: Sequence[str] | str) -> list[Cycle]:
    """Look up cycles by name, in order of time; refuse those that contain the same persons."""
    known, names = catalogue.cycles, [names] if isinstance(names, str) else list(names)
    if not names:
        raise DatasetError(f"No cycle was named. Supply at least one, such as cycles={CYCLES}.")
    for name in names:
        if name not in known:
            raise DatasetError(unknown("NHANES has no cycle", name, known, f"All: {', '.join(known)}"))
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


def find_files(
    catalogue: Catalogue, cycles: Sequence[Cycle], source: Mirror, *, renew: bool = False
) -> Found:
    """Find or download every table that a variable of these cycles needs; `renew` as in `fetch_all`."""
    mark = _mark(source)
    tables = {
        (table, cycle.name): _expected(catalogue, cycle, table, mark)
        for cycle in cycles
        for table in _tables(catalogue, cycle)
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
        _expect_home(catalogue, cycle, absent, source)
    return Found(files, absent, mark)


def rests_on(catalogue: Catalogue, cycles: Sequence[Cycle], source: Mirror, found: Found) -> Inputs | None:
    """Name the files on which a study depends, with the hashes of what was read.

    None for an address that is not the publisher's: only a request tells whether its people are real.
    """
    files = {file.path: hash_when_read(file.path) for file in found.files.values()}
    if source.folder is None:
        return Inputs(files) if source.address == source.site else None
    mark = source.folder / MARK
    paths = [catalogue.path(cycle.name, table) for cycle in cycles for table in _tables(catalogue, cycle)]
    looked_for = [source.folder / path for path in paths if source.publisher(path) in found.absent.values()]
    if found.mark:
        return Inputs({**files, mark: sha256_of(mark)}, tuple(looked_for))
    return Inputs(files, (*looked_for, mark))


def _mark(source: Mirror) -> SimulatedMark | None:
    path = fetch_optional(source, MARK)
    return None if path is None else read_toml(path, SimulatedMark)


def _tables(catalogue: Catalogue, cycle: Cycle) -> list[str]:
    measured = (catalogue.measured(name, cycle.name) for name in catalogue.origins)
    return list(
        dict.fromkeys(
            [catalogue.site.home, *(table for piece in measured if piece for table in piece.tables)]
        )
    )


def _expected(
    catalogue: Catalogue, cycle: Cycle, table: str, mark: SimulatedMark | None
) -> tuple[Wanted, tuple[str, int | None]]:
    """Describe the file of a table: path, check of its content, name and number of rows."""
    entry = catalogue.tables[table].files[cycle.name]
    rows = mark.rows.get(entry.name) if mark else entry.rows

    def check(path: Path) -> None:
        check_rows(TableFile(entry.name, path, rows))

    return Wanted(catalogue.path(cycle.name, table), check), (entry.name, rows)


def _expect_home(
    catalogue: Catalogue, cycle: Cycle, absent: Mapping[tuple[str, str], str], source: Mirror
) -> None:
    home = catalogue.site.home
    name = catalogue.tables[home].files[cycle.name].name
    address = absent.get((home, cycle.name))
    if address:
        raise DatasetError(
            f"Cycle '{cycle.name}' cannot be opened because '{name}', its table of persons and weights, is "
            f"not in {source.folder}. Put {address} there as {catalogue.path(cycle.name, home)}, remove the "
            f"cycle, or unset {SETTING} to download the file."
        )
