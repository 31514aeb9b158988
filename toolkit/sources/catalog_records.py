"""Schemas of the catalog: survey cycles, tables, codebook entries and declarations of variables."""

from collections.abc import Mapping
from typing import Generic, Literal, TypeVar

from toolkit.files.checked_toml import Checked
from toolkit.variables import Kind

EVERYONE = ((0, 150),)
NO_VALUE = "no value recorded"
Code = int | float
CodeT = TypeVar("CodeT")  # codes are numbers in the files of NHANES and text in those of users


class WeightColumn(Checked):
    """The column of a weight, in the home table or in the first available one of `tables`."""

    column: str
    tables: tuple[str, ...] = ()


class Cycle(Checked):
    """One cycle of a survey."""

    name: str
    first_year: int
    years: float  # its share when cycles are pooled
    release: int  # its code in every row of the home table
    weights: Mapping[str, WeightColumn]
    four_year: Mapping[str, WeightColumn] = {}  # replace the two-year weights if pooled
    two_year_alone: bool = False  # the two-year weights apply to the cycle alone
    never_with: tuple[str, ...] = ()


class File(Checked):
    """A table's name in one cycle, its row count by the codebook page, the year of its folder if another."""

    name: str
    rows: int | None = None
    year: int | None = None


class Table(Checked):
    """One table of a survey, by cycle."""

    title: str
    files: Mapping[str, File]


class Input(Checked):
    """What a column may contain; a code in both is read, and gives the reason if no value results."""

    table: str = ""  # if not the block's
    codes: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    missing: Mapping[Code, str] = {}


class Beside(Checked):
    """A status column next to a value: `here` is its code for a valid value, such as a reliable recall."""

    column: str
    here: int
    missing: Mapping[Code, str]


class Lookup(Checked):
    """A table without persons that describes each row, found by the column `on`."""

    table: str
    on: str
    columns: tuple[str, ...]  # # is replaced by 1 to `slots`; each becomes a row, in columns without #
    slots: int = 1


class Rows(Checked):
    """Reduction of a table with several rows per person to one number per person."""

    table: str
    where: str  # condition for the rows that count
    total: str = ""  # formula summed over these rows; "" for 1 if a row counts, else 0
    unknown: Mapping[str, str] = {}  # reason -> rows that leave the answer open, unless another settles it
    empty: float | None = None  # the number of a person without rows; None for no value
    texts: tuple[str, ...] = ()  # text columns; blank is missing
    lookup: Lookup | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """The table and that of its lookup."""
        return (self.table, self.lookup.table) if self.lookup else (self.table,)


class Declaration(Checked, Generic[CodeT]):
    """How a column becomes a variable: the keys shared by `datasets/nhanes-variables` and `study.toml`.

    Attributes
    ----------
    levels
        Code -> level. In a `study.toml` also a list of the words in the column, lowest first.
    values
        Code -> number. Without levels and values, numbers are read as they are.
    missing
        Code -> reason for the missing value.
    range
        Lowest and highest possible number, in the variable's unit.
    expression
        Formula that computes the variable from others.
    component
        Survey component that decides the weight, if not the codebook's.
    question
        Verbatim question.
    """

    levels: Mapping[CodeT, str] | tuple[str, ...] = ()
    values: Mapping[CodeT, float] = {}
    missing: Mapping[CodeT, str] = {}
    range: tuple[float, float] | None = None
    expression: str = ""
    component: str | None = None
    question: str = ""

    @property
    def codes(self) -> Mapping[CodeT, str]:
        """Code -> level; empty where the levels are listed without codes."""
        return self.levels if isinstance(self.levels, Mapping) else {}


class Measured(Declaration[Code]):
    """How some cycles measured a variable; datasets/nhanes-variables/README.md explains the keys."""

    cycles: tuple[str, ...] | Literal["all"]
    table: str
    columns: tuple[str, ...] = ()
    instrument: str = ""
    inputs: Mapping[str, Input] = {}
    rows: Mapping[str, Rows] = {}
    beside: Beside | None = None
    subsample: bool = False
    blank: str = NO_VALUE
    combine: Literal["", "sum"] = ""
    divide_by: float = 1
    cap: float | None = None
    ages: tuple[tuple[int, int], ...] = EVERYONE
    leave_out: tuple[tuple[int, int], ...] = ()
    only_if: Mapping[str, tuple[str, ...]] = {}
    change: str = ""
    proxy: str = ""

    @property
    def reads(self) -> dict[tuple[str, str], Input]:
        """Table and column of each answer that it reads, with the permitted entries."""
        if self.inputs:
            return {(of.table or self.table, column): of for column, of in self.inputs.items()}
        codes = tuple(int(code) for code in dict.fromkeys([*self.codes, *self.values]))
        own = Input(codes=codes, range=self.range, missing=self.missing)
        found = {(self.table, column): own for column in self.columns}
        if self.beside:
            status = Input(codes=(self.beside.here,), missing=self.beside.missing)
            found[self.table, self.beside.column] = status
        return found

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that it reads, its own first."""
        own = [self.table] if self.columns else [table for table, _ in self.reads]
        return tuple(dict.fromkeys([*own, *(table for rows in self.rows.values() for table in rows.tables)]))

    @property
    def computed(self) -> bool:
        """Whether it is computed from several answers or rows, which cannot be derived from it."""
        return bool(self.inputs or self.rows)


class OwnVariable(Declaration[str]):
    """A variable of a `study.toml`: a column ("sex", or "lab.sex" of a further file), or an expression."""

    column: str = ""
    label: str = ""
    note: str = ""
    kind: Kind | Literal["date"] | None = None
    date_format: str = ""  # of a date, if not the file's
    keep: tuple[str, ...] = ()  # words such as NA that are values in this column
    ordered: bool | None = None  # as listed levels are, unless false
    reference: str | None = None
    unit: str = ""  # of the column
    analyte: str = ""  # if not of the codebook
    convert_to: str = ""  # if not of the codebook
    node: str = ""  # of the causal diagram


class Absent(Checked):
    """Why some cycles did not measure a variable; without cycles, all remaining ones."""

    reason: str
    cycles: tuple[str, ...] = ()


class Origin(Checked):
    """Where a codebook variable comes from in a survey."""

    asked: str  # who was asked
    note: str = ""  # a caveat for every use
    pooled: str = ""  # why estimates that pool cycles are for review; "" if cycles may be pooled
    unfit: str = ""  # why no model takes it and its estimates are suppressed
    measured: tuple[Measured, ...] = ()
    absent: tuple[Absent, ...] = ()


class Site(Checked):
    """Where a survey's files are and which columns identify persons and design (the keys of nhanes.toml)."""

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
    """Marks a folder of simulated survey files: their row counts and their origin."""

    label: str
    rows: Mapping[str, int]
    source: Mapping[str, str | int | float] = {}
