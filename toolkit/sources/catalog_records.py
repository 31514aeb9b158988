"""Hold the records that `datasets/*.toml` are read into: cycles, tables, and where a variable stands in them.

Takes parsed TOML; gives frozen records. A key that a record does not know is an error.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from toolkit.variables.codebook import Kind

EVERYONE = ((0, 150),)
Code = int | float


class Checked(BaseModel):
    """A record of a file; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(Checked):
    """A codebook variable as `datasets/codebook` describes it."""

    label: str
    kind: Kind
    levels: tuple[str, ...] = ()
    reference: str | None = None
    unit: str = ""
    component: str = "interview"
    note: str = ""
    ordered: bool = False
    case: str | None = None


class WeightColumn(Checked):
    """The column of a weight, in the home table or in the first of `tables` that is there."""

    column: str
    tables: tuple[str, ...] = ()


class Cycle(Checked):
    """One cycle of a survey.

    `years` is how long it counts when cycles are pooled, `release` what every row of the home table holds.
    `two_year_alone`: its two-year weights hold for the cycle alone; pooled, `four_year` take their place.
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
    """A table's name in one cycle, its row count where a codebook page gives it, and the year of its folder.

    Without a year it stands in the folder of its cycle.
    """

    name: str
    rows: int | None = None
    year: int | None = None


class Table(Checked):
    """One table of a survey, by cycle."""

    title: str
    files: Mapping[str, File]


class Input(Checked):
    """What one column may hold: codes, texts or a range, and codes of missing answers with their reasons.

    A code that stands among both is read by the formula and still states its reason where no value follows.
    `table` is said where a formula reads a column of another table than its block's.
    """

    table: str = ""
    codes: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    missing: Mapping[Code, str] = {}


class Beside(Checked):
    """A column that stands beside a value and says why there is none: `here` is its code where there is one.

    Such as the status of a dietary recall, or the comment "below the limit of detection".
    """

    column: str
    here: int
    missing: Mapping[Code, str]


class Lookup(Checked):
    """A table without persons that tells more of each row, found by the column `on`.

    A # in `columns` stands for the numbers 1 to `slots`: each slot becomes a row of its own, in columns named
    without the #.
    """

    table: str
    on: str
    columns: tuple[str, ...]
    slots: int = 1


class Rows(Checked):
    """How the rows of a person in a table of many rows become one number.

    Attributes
    ----------
    where
        The rows that count, as a condition over the table's columns.
    total
        A formula that is summed over them; without it the number is 1 if a row counts, else 0.
    unknown
        Reason -> rows that leave the answer open, unless another one settles it.
    empty
        The number of a person who has no row in the table; none: no value.
    texts
        The columns that hold text; a blank is no value.
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
    """Where some cycles hold a variable, and how its codes are read (the keys of nhanes-variables)."""

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
        """Table and column of each answer that it reads, with what may stand there."""
        if self.inputs:
            return {(of.table or self.table, column): of for column, of in self.inputs.items()}
        codes = tuple(dict.fromkeys([*self.codes, *self.values]))
        own = Input(codes=codes, range=self.range, missing=self.missing)
        told = {(self.table, column): own for column in self.columns}
        if self.beside:
            code = Input(codes=(self.beside.here,), missing=self.beside.missing)
            told[self.table, self.beside.column] = code
        return told

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that it reads, its own first."""
        asked = [self.table] if self.columns else [table for table, _ in self.reads]
        many = [table for rows in self.rows.values() for table in rows.tables]
        return tuple(dict.fromkeys([*asked, *many]))

    @property
    def computed(self) -> bool:
        """Whether it follows from several answers or rows, so that these do not follow from it."""
        return bool(self.inputs or self.rows)


class Absent(Checked):
    """Why some cycles do not hold a variable; without cycles: all that are left."""

    reason: str
    cycles: tuple[str, ...] = ()


class Origin(Checked):
    """Where a codebook variable comes from in a survey.

    Attributes
    ----------
    asked, note
        Who was asked; what belongs beside every use.
    pooled
        Why estimates over several cycles are for review; "" if cycles may be pooled.
    unfit
        Why it enters no model and its estimates are suppressed, wherever it is measured.
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
    """Where a survey's files are and how people are found in them (the keys of nhanes.toml)."""

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
    """What stands beside files of people who do not exist: their own row counts and where they come from."""

    label: str
    rows: Mapping[str, int]
    source: Mapping[str, str | int | float] = {}
