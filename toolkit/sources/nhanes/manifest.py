"""Find the files of NHANES's cycles: which tables are needed, where they are, what they should hold.

Takes cycles and a mirror; gives the files that are there and the addresses of those that are not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import DatasetError, unknown
from toolkit.files.checked_toml import read_toml
from toolkit.files.download import Mirror, Wanted, fetch_all, fetch_optional
from toolkit.files.table_cache import hash_when_read, read_table, sha256_of
from toolkit.sources.catalog import Catalogue
from toolkit.sources.catalog_records import Cycle, SimulatedMark
from toolkit.sources.harmonize.documentation import NO_COLUMN, places_of
from toolkit.sources.harmonize.join import TableFile, check_rows
from toolkit.studies.study import Inputs

SETTING = "CRAMPS_NHANES"
MARK = "SIMULATED.toml"
CYCLES = ("2005-2006", "2007-2008")


@dataclass(frozen=True)
class Found:
    """The files of the opened cycles.

    Attributes
    ----------
    files, absent
        Table and cycle -> the file that is there, or the address of one that is not.
    mark
        What marks the files as those of simulated people.
    """

    files: Mapping[tuple[str, str], TableFile]
    absent: Mapping[tuple[str, str], str]
    mark: SimulatedMark | None

    def lacking(self, catalogue: Catalogue) -> dict[tuple[str, str], str]:
        """Say which variables cannot be read in which cycle, as their file lacks a column of theirs.

        A file that has none of the columns that are read of it is another table; reading it is an error.
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
    """Look up cycles by name, in the order of time.

    Raises
    ------
    DatasetError
        For an unknown or repeated cycle, or two that hold the same people.

    Examples
    --------
    >>> from toolkit.sources import catalog
    >>> [cycle.release for cycle in choose_cycles(catalog.nhanes(), ("2007-2008", "2005-2006"))]
    [4, 5]
    """
    known, names = catalogue.cycles, [names] if isinstance(names, str) else list(names)
    if not names:
        raise DatasetError(f"no cycle was named. Name at least one: cycles={CYCLES}.")
    for name in names:
        if name not in known:
            raise DatasetError(unknown("NHANES has no cycle", name, known, f"All: {', '.join(known)}"))
        if names.count(name) > 1:
            raise DatasetError(
                f"cycle '{name}' is named {names.count(name)} times: its people would count twice. "
                "Name it once."
            )
        twins = [other for other in known[name].never_with if other in names]
        if twins:
            raise DatasetError(
                f"cycle '{name}' holds the people of '{twins[0]}' under new numbers: they would count twice. "
                f"Leave one of the two out."
            )
    return [cycle for name, cycle in known.items() if name in names]


def find_files(
    catalogue: Catalogue, cycles: Sequence[Cycle], source: Mirror, *, renew: bool = False
) -> Found:
    """Find or download every table that a variable of these cycles needs.

    Parameters
    ----------
    catalogue
        What is known of NHANES.
    cycles
        As `choose_cycles` gives them.
    source
        Where the files are.
    renew
        True to download anew what is kept; see `download.fetch_all`.

    Raises
    ------
    DatasetError
        If a folder lacks a cycle's table of persons, or a download does not give what it should.
    """
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
    """Name what an opening rests on; None where an address is asked each time whether its people are real.

    The hashes are those of what was read.
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
    """Say which file a table is, how its content is checked, its name and its number of rows."""
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
            f"cycle '{cycle.name}' cannot be opened: '{name}', its table of persons and weights, is not in "
            f"{source.folder}. Put {address} there as "
            f"{catalogue.path(cycle.name, home)}, leave the cycle out, or unset {SETTING} to download it."
        )
