"""Records of `datasets/*.toml`: cycles, tables, and where and how each variable was measured."""

from collections.abc import Mapping
from typing import Literal

from toolkit.files.checked_toml import Checked

EVERYONE = ((0, 150),)
Code = int | float


class WeightColumn(Checked):
    """The column of a weight, in the home table or in the first available of `tables`."""

    column: str
    tables: tuple[str, ...] = ()


class Cycle(Checked):
    """One cycle of a survey.

    `years` is its share when cycles are pooled, `release` the code in every row of the home table.
    `two_year_alone`: its two-year weights apply to the cycle alone; pooled, `four_year` replace them.
    """

    name: str
    first_year: int
    years: float
    release: int
    weights: Mapping[str, WeightColumn]
    four_year: Mapping[str, WeightColumn] = {}
    two_year_alone: bool = False
    never_with: tuple[str, ...] = ()


class File(Checked):
    """A table's name in one cycle, its row count if published, and its folder's year (else its cycle's)."""

    name: str
    rows: int | None = None
    year: int | None = None


class Table(Checked):
    """One table of a survey, by cycle."""

    title: str
    files: Mapping[str, File]


class Input(Checked):
    """The valid codes, texts or range of a column, and the codes of missing answers with their reasons.

    A code in both lists is read by the formula, and gives its reason where no value results. `table` is
    declared where a formula reads a column of a table other than its block's.
    """

    table: str = ""
    codes: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    missing: Mapping[Code, str] = {}


class Beside(Checked):
    """A column with the reason for a missing value; `here` is its code where there is a value.

    Examples: the status of a dietary recall, or the comment "below the limit of detection".
    """

    column: str
    here: int
    missing: Mapping[Code, str]


class Lookup(Checked):
    """A table without participants that adds columns to each row, joined by the column `on`.

    A # in `columns` is replaced by 1 to `slots`: each slot becomes a row, in columns without the #.
    """

    table: str
    on: str
    columns: tuple[str, ...]
    slots: int = 1


class Rows(Checked):
    """How a participant's rows in a table of several rows become one number.

    Attributes
    ----------
    where
        The rows that count, as a condition on the table's columns.
    total
        A formula that is summed over them; without it the number is 1 if a row counts, else 0.
    unknown
        Reason -> rows that leave the answer open, unless another one determines it.
    empty
        The number for participants without a row in the table; None for a missing value.
    texts
        The text columns, in which a blank is a missing value.
    """

    table: str
    where: str
    total: str = ""
    unknown: Mapping[str, str] = {}
    empty: float | None = None
    texts: tuple[str, ...] = ()
    lookup: Lookup | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it reads."""
        return (self.table, self.lookup.table) if self.lookup else (self.table,)


class Measured(Checked):
    """How some cycles measured a variable, and how its codes are read (the keys of nhanes-variables)."""

    cycles: tuple[str, ...] | Literal["all"]
    table: str
    columns: tuple[str, ...] = ()
    instrument: str = ""
    inputs: Mapping[str, Input] = {}
    rows: Mapping[str, Rows] = {}
    formula: str = ""
    codes: Mapping[int, str] = {}
    values: Mapping[int, float] = {}
    missing: Mapping[Code, str] = {}
    beside: Beside | None = None
    subsample: bool = False
    blank: str = "no value recorded"
    combine: Literal["", "sum"] = ""
    divide_by: float = 1
    cap: float | None = None
    range: tuple[float, float] | None = None
    ages: tuple[tuple[int, int], ...] = EVERYONE
    leave_out: tuple[tuple[int, int], ...] = ()
    only_if: Mapping[str, tuple[str, ...]] = {}
    component: str = ""
    question: str = ""
    change: str = ""
    proxy: str = ""

    @property
    def reads(self) -> dict[tuple[str, str], Input]:
        """Table and column of each answer that it reads, with the valid values."""
        if self.inputs:
            return {(of.table or self.table, column): of for column, of in self.inputs.items()}
        codes = tuple(dict.fromkeys([*self.codes, *self.values]))
        own = Input(codes=codes, range=self.range, missing=self.missing)
        columns = {(self.table, column): own for column in self.columns}
        if self.beside:
            code = Input(codes=(self.beside.here,), missing=self.beside.missing)
            columns[self.table, self.beside.column] = code
        return columns

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that it reads, its own first."""
        asked = [self.table] if self.columns else [table for table, _ in self.reads]
        many = [table for rows in self.rows.values() for table in rows.tables]
        return tuple(dict.fromkeys([*asked, *many]))

    @property
    def computed(self) -> bool:
        """Whether it is computed from several answers or rows, which cannot be recovered from it."""
        return bool(self.inputs or self.rows)


class Absent(Checked):
    """Why some cycles did not measure a variable; without cycles, all remaining ones."""

    reason: str
    cycles: tuple[str, ...] = ()


class Origin(Checked):
    """Where a codebook variable comes from in a survey.

    Attributes
    ----------
    asked, note
        Target population of the question; a note to be shown with every use.
    pooled
        Why estimates over several cycles need review; "" if cycles may be pooled.
    unfit
        Why it may not enter models and its estimates are suppressed in every cycle.
    measured, absent
        Its blocks.
    """

    asked: str
    note: str = ""
    pooled: str = ""
    unfit: str = ""
    measured: tuple[Measured, ...] = ()
    absent: tuple[Absent, ...] = ()


class Site(Checked):
    """Where a survey's files are, and its identifying columns (the keys of nhanes.toml)."""

    site: str
    path: str
    home: str
    person: str
    stratum: str
    psu: str
    release: str
    age: str
    status: str
    examined: int
    cycles: tuple[Cycle, ...]


class SimulatedMark(Checked):
    """The mark of simulated files: their row counts and their source."""

    label: str
    rows: Mapping[str, int]
    source: Mapping[str, str | int | float] = {}
