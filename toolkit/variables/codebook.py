"""Codebook variables: question, levels, unit, universe, component, and availability by cycle.

A missing value keeps its reason: the reasons of column `bmi` are in column `bmi.why`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import isnan
from typing import Literal

import polars as pl

from toolkit.errors import VariableError, require_known, unknown
from toolkit.files.checked_toml import Checked, read_themes, shipped
from toolkit.files.html_templates import render_html

# A minus counts only at the start: elsewhere it separates the ends of a band, as in "5-9". A comma separates
# thousands, but not the ends of an interval such as "(100,200]".
_NUMBER = re.compile(r"(?:^\s*-)?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+")
_END = re.compile(r"(?<=^[(\[])-?\d*\.?\d+")
_BELOW = re.compile(r"\b(under|below|less|fewer|younger|up to|at most|until)\b|<|≤|^\s*-\D", re.IGNORECASE)
_ABOVE = re.compile(r"\b(over|above|more|older|at least|greater)\b|>|≥|\+", re.IGNORECASE)


def sorted_levels(levels: Iterable[str]) -> tuple[str, ...]:
    """Sort levels for display: "under 5" first, then by number, then by name."""
    every = sorted(set(levels))
    numbers = [_END.search(level) or _NUMBER.search(level) for level in every]
    if not all(numbers):
        return tuple(every)
    keys = {
        level: (float(found[0].replace(",", "")), _side(level), level)
        for level, found in zip(every, numbers, strict=True)
        if found
    }
    return tuple(sorted(every, key=keys.__getitem__))


def _side(level: str) -> int:
    """Place "under 5" before "5 to 9" and "5 or more" after it."""
    return -1 if _BELOW.search(level) else 1 if _ABOVE.search(level) else 0


Kind = Literal["yes_no", "category", "number"]
Status = Literal["measured", "proxy", "not measured"]
Verdict = Literal["same", "changed", "absent"]

# The order is the order of precedence when a derived value is missing for two reasons.
REASONS = (
    "not asked",
    "not measured in this cycle",
    "not in the subsample",
    "refused",
    "don't know",
    "not examined",
    "could not be tested",
    "below detection limit",
    "no usable recall",
    "outside the domain",
    "outside the groups",
    "recorded as NA",
    "no value recorded",
)
Reason = pl.Enum(REASONS)
YES_NO = ("no", "yes")
COMPARABILITY_SCHEMA = dict.fromkeys(("variable", "cycle", "comparability", "how"), pl.String())
# The level of two that is a case whatever the order.
_CASE_WORDS = ("yes", "1", "true")
MOST_LEVELS = 200  # a text column with more values than this names people or places

# From the widest group of people to the narrowest: an analysis takes the narrowest one that it touches.
COMPONENTS = (
    "",
    "interview",
    "examination",
    "phlebotomy",
    "dietary day 1",
    "dietary two-day",
    "fasting",
    "glucose tolerance",
)
# Sampled independently of each other: the weights of one do not apply to participants who are also in the
# other.
_DIETARY, _MORNING = ("dietary day 1", "dietary two-day"), ("fasting", "glucose tolerance")


def why(name: str) -> str:
    """Name the column with the reasons for a variable's missing values: `bmi.why` for bmi."""
    return f"{name}.why"


def reason_for(name: str, columns: Collection[str]) -> pl.Expr:
    """Read why values of a variable are missing, as text; "no value recorded" where no reason is stated."""
    given = pl.col(why(name)).cast(pl.String) if why(name) in columns else pl.lit(None, pl.String)
    return given.fill_null("no value recorded")


def weight_name(component: str) -> str:
    """Name the column of a component's weight: `weight_dietary_day_1` for dietary day 1."""
    return "weight_" + component.replace(" ", "_").replace("-", "_")


def deepest(components: Iterable[str]) -> str:
    """Choose the component with the fewest participants: examination among interview and examination."""
    return max(components, key=lambda c: COMPONENTS.index(c) if c in COMPONENTS else 0, default="")


def clash(components: Iterable[str]) -> tuple[str, str] | None:
    """Find two components that no weight covers together, such as a dietary recall and fasting blood."""
    given = set(components)
    found = [tuple(c for c in group if c in given) for group in (_DIETARY, _MORNING)]
    return (found[0][0], found[1][0]) if all(found) else None


def unknown_variable(name: str, known: Iterable[str]) -> VariableError:
    """Say that a study has no variable of this name, with the nearest names and where to list all."""
    return VariableError(
        unknown("This study has no variable", name, known, "List all variables with study.variables()")
    )


@dataclass(frozen=True, slots=True)
class Comparability:
    """How one cycle's values of a variable compare with the other cycles': same, changed, absent."""

    cycle: str
    verdict: Verdict
    how: str = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a variable was measured in one cycle, with the reason where it was not."""

    cycle: str
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """One codebook variable.

    Attributes
    ----------
    name
        Its name in the people frame: letters, digits and _.
    label
        A noun phrase for axes and tables, without the unit and without commas.
    kind
        `yes_no` (an Enum of no, yes), `category` (an Enum of `levels`) or `number` (Float64).
    levels, reference
        Category labels in natural order, and the reference category.
    unit
        Such as "mg/dL"; "" for a category.
    component
        The survey component, which determines the weight: interview, examination, phlebotomy, fasting,
        dietary day 1, dietary two-day; "" in a study with one weight.
    question, asked, source
        Verbatim question, who was asked, and table and column or derivation.
    availability
        One entry per cycle; empty for a study without cycles, where the variable was measured.
    note
        A caveat for every use, such as a change of instrument.
    review
        Why every estimate with it is flagged for review, such as measurements of few people; "" if none is.
    unfit
        Why models refuse it and its estimates are suppressed, such as a proxy for few people; "" if fit.
    comparability
        One entry for every cycle of the survey, opened or not; empty for a study without cycles.
    ordered
        Whether the source declares an order of its levels, lowest first: trends, ordinal models and rank
        tests need it. Levels of plain text are listed, and have no order.
    case
        The level of two that counts as a case or an event: yes, 1 or true, or the second level of a declared
        order (the first, if the second is the reference), unless another is named. None where it is unknown,
        and for more levels.
    inputs
        The variables that it is derived from; () for a measured variable.
    node
        The node of the causal diagram that it measures, as declared; "" where name or inputs determine it.

    Examples
    --------
    >>> Variable("bmi", "body mass index", "number", unit="kg/m²").title
    'body mass index (kg/m²)'
    """

    name: str
    label: str
    kind: Kind
    levels: tuple[str, ...] = field(default=(), repr=False)  # a saved notebook does not name rare levels
    reference: str | None = field(default=None, repr=False)
    unit: str = ""
    component: str = "interview"
    question: str = ""
    asked: str = ""
    source: str = ""
    availability: tuple[Availability, ...] = ()
    note: str = ""
    review: str = ""
    unfit: str = ""
    comparability: tuple[Comparability, ...] = ()
    ordered: bool = False
    case: str | None = None
    inputs: tuple[str, ...] = ()
    node: str = ""

    def __post_init__(self) -> None:
        if self.kind == "yes_no":
            object.__setattr__(self, "levels", YES_NO)
            object.__setattr__(self, "reference", self.reference or "no")
            object.__setattr__(self, "ordered", True)
        if self.case is None and len(self.levels) == 2:
            object.__setattr__(self, "case", self._known_case())
        if self.kind == "category" and self.reference is None and self.levels:
            object.__setattr__(self, "reference", self.levels[0])
        for level in (self.reference, self.case):
            if level is not None:
                what = f"Variable '{self.name}' has no level"
                require_known(what, level, self.levels, error=VariableError)

    @classmethod
    def of_column(cls, column: pl.Series, *, ordered: bool = True) -> "Variable | None":
        """Describe a column without a codebook by its type and values; None if it cannot be a variable.

        Parameters
        ----------
        column
            Numbers, booleans, text or categories.
        ordered
            Whether the categories of an Enum are a declared order; text never has one.

        Examples
        --------
        >>> Variable.of_column(pl.Series("sex", ["m", "f", None])).levels
        ('f', 'm')
        """
        levels = _levels_of(column)
        declared = ordered and isinstance(column.dtype, pl.Enum)
        if levels and (declared or levels != YES_NO):
            return cls(column.name, column.name, "category", levels, component="", ordered=declared)
        if levels or isinstance(column.dtype, pl.Boolean) or _zero_or_one(column):
            return cls(column.name, column.name, "yes_no", component="")
        return cls(column.name, column.name, "number", component="") if column.dtype.is_numeric() else None

    def _known_case(self) -> str | None:
        named = [level for level in self.levels if level.lower() in _CASE_WORDS]
        if len(named) == 1:
            return named[0]
        first, second = self.levels
        # The reference is not the case.
        return (first if self.reference == second else second) if self.ordered else None

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of its column."""
        return pl.Float64() if self.kind == "number" else pl.Enum(self.levels)

    @property
    def title(self) -> str:
        """Label with unit, for axes and column headings."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def measured(self) -> bool:
        """Whether any cycle of the study measured it."""
        return not self.availability or any(a.status != "not measured" for a in self.availability)

    def with_availability(self, entries: "tuple[Availability, ...]") -> "Variable":
        """Copy the variable with other entries of availability."""
        return replace(self, availability=entries)

    def compared(self, cycle: str) -> Comparability:
        """Look up how a cycle's values compare with the other cycles'."""
        found = next((c for c in self.comparability if c.cycle == cycle), None)
        if found:
            return found
        absent = any(a.cycle == cycle and a.status == "not measured" for a in self.availability)
        return Comparability(cycle, "absent" if absent else "same")

    def _repr_html_(self) -> str:
        return render_html("codebook.html", variable=self)


def remarks(variables: Iterable[Variable]) -> tuple[str, str]:
    """Join the reasons why estimates with these variables are for review, and why they are suppressed."""
    every = list(variables)
    review = dict.fromkeys(v.review for v in every if v.review)
    unfit = dict.fromkeys(v.unfit for v in every if v.unfit)
    return "; ".join(review), "; ".join(unfit)


def _levels_of(column: pl.Series) -> tuple[str, ...]:
    if isinstance(column.dtype, pl.Enum):
        return tuple(column.dtype.categories)
    if isinstance(column.dtype, pl.String | pl.Categorical):
        known = column.drop_nulls().cast(pl.String).unique()
        return sorted_levels(known) if len(known) <= MOST_LEVELS else ()
    return ()


# So many values tell most columns that are not of 0 and 1.
_FEW = 100


def _zero_or_one(column: pl.Series) -> bool:
    if not column.dtype.is_numeric():
        return False
    if not all(value in (0, 1, None) or isnan(value) for value in column.head(_FEW)):
        return False
    known = pl.first().fill_nan(None) if column.dtype.is_float() else pl.first()
    # An outcome of nobody, or of everybody, is still an outcome: one of 0 and 1 is enough.
    return bool(column.to_frame().select(((known == 0) | (known == 1)).all() & (known.count() > 0)).item())


@dataclass(frozen=True)
class Codebook(Mapping[str, Variable]):
    """The variables of a study by name, in the order of display.

    Examples
    --------
    >>> Codebook.of(Variable("bmi", "body mass index", "number", unit="kg/m²"))["bmi"].title
    'body mass index (kg/m²)'
    """

    variables: Mapping[str, Variable] = field(default_factory=dict)

    @classmethod
    def of(cls, *variables: Variable) -> "Codebook":
        """Build a codebook from variables."""
        return cls({v.name: v for v in variables})

    def __getitem__(self, name: str) -> Variable:
        if name not in self.variables:
            raise unknown_variable(name, self.variables)
        return self.variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)

    def __contains__(self, name: object) -> bool:
        return name in self.variables

    def comparability(self, variables: str | Iterable[str] | None = None) -> pl.DataFrame:
        """List by variable and cycle whether values are comparable, for every cycle of the survey.

        Parameters
        ----------
        variables
            One name or several; all by default.

        Returns
        -------
        polars.DataFrame
            variable, cycle, comparability (same, changed, absent), how (what changed, or why it is absent).

        Examples
        --------
        >>> Codebook.of(Variable("bmi", "body mass index", "number")).comparability().columns
        ['variable', 'cycle', 'comparability', 'how']
        """
        names = [variables] if isinstance(variables, str) else list(self if variables is None else variables)
        rows = [(n, c.cycle, c.verdict, c.how) for n in names for c in self[n].comparability]
        return pl.DataFrame(rows, schema=COMPARABILITY_SCHEMA, orient="row")

    def _repr_html_(self) -> str:
        cycles = dict.fromkeys(entry.cycle for v in self.values() for entry in v.comparability)
        return render_html("codebook.html", variable=None, variables=self.values(), cycles=list(cycles))

    def with_variables(self, *variables: Variable) -> "Codebook":
        """Copy the codebook with variables added or replaced."""
        return Codebook({**self.variables, **{v.name: v for v in variables}})


class Entry(Checked):
    """A variable of `datasets/codebook`."""

    label: str
    kind: Kind
    levels: tuple[str, ...] = ()
    reference: str | None = None
    unit: str = ""
    component: str = "interview"
    note: str = ""
    ordered: bool = False
    case: str | None = None


@cache
def codebook() -> Codebook:
    """Return the codebook that all studies share; each study adds question, source and availability."""
    entries = read_themes(shipped("datasets") / "codebook", Entry)
    return Codebook.of(*(Variable(name=name, **entry.model_dump()) for name, entry in entries.items()))
