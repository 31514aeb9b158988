"""Say what a variable is: question, levels, unit, who was asked, where it was measured, in which cycles.

Takes records written by `catalog`, `simulated` or a user; gives `Variable` and `Codebook`.
A missing value keeps its reason: the reasons of column `bmi` stand beside it in column `bmi.why`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from toolkit.errors import VariableError, unknown
from toolkit.files.notebook_html import render_html
from toolkit.variables.level_order import sorted_levels

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
    "no value recorded",
)
Reason = pl.Enum(REASONS)
YES_NO = ("no", "yes")
COMPARABILITY_SCHEMA = dict.fromkeys(("variable", "cycle", "comparability", "how"), pl.String())
# The level of two that is a case whatever the order says.
_CASE_WORDS = ("yes", "1", "true")
MOST_LEVELS = 200  # a text column of more values than this names people or places

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
# Drawn apart from each other: the weights of one do not hold for those who are in the other too.
_DIETARY, _MORNING = ("dietary day 1", "dietary two-day"), ("fasting", "glucose tolerance")


def why(name: str) -> str:
    """Name the column that holds the reasons of a variable's missing values.

    Examples
    --------
    >>> why("bmi")
    'bmi.why'
    """
    return f"{name}.why"


def weight_name(component: str) -> str:
    """Name the column of the people frame that holds a component's weight.

    Examples
    --------
    >>> weight_name("dietary day 1")
    'weight_dietary_day_1'
    """
    return "weight_" + component.replace(" ", "_").replace("-", "_")


def deepest(components: Iterable[str]) -> str:
    """Give the component of fewest people among those named.

    Examples
    --------
    >>> deepest(["interview", "examination"])
    'examination'
    """
    return max(components, key=lambda c: COMPONENTS.index(c) if c in COMPONENTS else 0, default="")


def clash(components: Iterable[str]) -> tuple[str, str] | None:
    """Name two components that no weight covers together: a dietary recall, and a morning's fasting blood.

    Examples
    --------
    >>> clash(["interview", "dietary day 1", "fasting"])
    ('dietary day 1', 'fasting')
    >>> clash(["dietary day 1", "examination"]) is None
    True
    """
    given = set(components)
    found = [tuple(c for c in group if c in given) for group in (_DIETARY, _MORNING)]
    return (found[0][0], found[1][0]) if all(found) else None


@dataclass(frozen=True, slots=True)
class Comparability:
    """How one cycle's values of a variable compare with the other cycles': same, changed how, absent."""

    cycle: str
    verdict: Verdict
    how: str = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a variable was measured in one cycle, with the reason in words where it was not."""

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
        A few words for axes and tables, without the unit.
    kind
        `yes_no` (an Enum of no, yes), `category` (an Enum of `levels`) or `number` (Float64).
    levels, reference
        Lowercase words in natural order, and the one that others are compared with.
    unit
        Such as "mg/dL"; "" for a category.
    component
        Where it was measured, as the weights know it: interview, examination, phlebotomy, fasting,
        dietary day 1, dietary two-day; "" in a study of one weight.
    question, asked, source
        The words that were put to people, who was asked, and table and column or derivation.
    availability
        One entry a cycle; empty for a study without cycles, where the variable was measured.
    note
        A caveat that belongs beside every use, such as a change of instrument.
    review
        Why every estimate with it is for review, such as recordings of a few people; "" if none is.
    unfit
        Why no model takes it and its estimates are suppressed, such as a proxy of a few people; "" if fit.
    comparability
        One entry for every cycle of the survey, opened or not; empty for a study without cycles.
    ordered
        Whether the source declares that its levels stand in order, lowest first: trends, ordinal models and
        rank tests need it. Levels of plain text are listed, and have no order.
    case
        The level of two that is counted as a case or an event: yes, 1 or true, or the second level of a
        declared order (the first, if the second is the reference), unless another is named. None where it is
        not known, and for more levels.
    inputs
        The variables that it is derived from; () for one that was measured.
    node
        The node of the causal diagram that it measures, as declared; "" where name or inputs tell it.
    """

    name: str
    label: str
    kind: Kind
    levels: tuple[str, ...] = ()
    reference: str | None = None
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
            if level is not None and level not in self.levels:
                raise VariableError(unknown(f"variable '{self.name}' has no level", level, self.levels))

    @classmethod
    def of_column(cls, column: pl.Series, *, ordered: bool = True) -> "Variable | None":
        """Describe a column that no codebook knows by its type and values; None if it can be no variable.

        `ordered` says whether the categories of an Enum are a declared order; text never has one.

        Examples
        --------
        >>> Variable.of_column(pl.Series("sex", ["m", "f", None])).levels
        ('f', 'm')
        """
        levels = _levels_of(column)
        if levels:
            declared = ordered and isinstance(column.dtype, pl.Enum)
            return cls(column.name, column.name, "category", levels, component="", ordered=declared)
        if isinstance(column.dtype, pl.Boolean) or _zero_or_one(column):
            return cls(column.name, column.name, "yes_no", component="")
        return cls(column.name, column.name, "number", component="") if column.dtype.is_numeric() else None

    def _known_case(self) -> str | None:
        named = [level for level in self.levels if level.lower() in _CASE_WORDS]
        if len(named) == 1:
            return named[0]
        first, second = self.levels
        # What is named the reference is what others are compared with, and no case.
        return (first if self.reference == second else second) if self.ordered else None

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of its column."""
        return pl.Float64() if self.kind == "number" else pl.Enum(self.levels)

    @property
    def title(self) -> str:
        """Label with unit, as an axis or a table's head shows it."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def measured(self) -> bool:
        """Whether any cycle of the study measured it."""
        return not self.availability or any(a.status != "not measured" for a in self.availability)

    def with_availability(self, entries: "tuple[Availability, ...]") -> "Variable":
        """Copy the variable with other entries of availability."""
        return replace(self, availability=entries)

    def compared(self, cycle: str) -> Comparability:
        """Say how a cycle's values compare with the other cycles'."""
        found = next((c for c in self.comparability if c.cycle == cycle), None)
        if found:
            return found
        absent = any(a.cycle == cycle and a.status == "not measured" for a in self.availability)
        return Comparability(cycle, "absent" if absent else "same")

    def _repr_html_(self) -> str:
        return render_html("codebook.html", variable=self)


def _levels_of(column: pl.Series) -> tuple[str, ...]:
    if isinstance(column.dtype, pl.Enum):
        return tuple(column.dtype.categories)
    if isinstance(column.dtype, pl.String | pl.Categorical):
        levels = sorted_levels(column.drop_nulls().cast(pl.String).unique())
        return levels if len(levels) <= MOST_LEVELS else ()
    return ()


def _zero_or_one(column: pl.Series) -> bool:
    if not column.dtype.is_numeric():
        return False
    values = (column.fill_nan(None) if column.dtype.is_float() else column).drop_nulls()
    # An outcome that nobody has, or everybody, is still an outcome: one of 0 and 1 is enough.
    return len(values) > 0 and bool(((values == 0) | (values == 1)).all())


@dataclass(frozen=True)
class Codebook(Mapping[str, Variable]):
    """The variables of a study by name, in the order in which they are shown.

    Examples
    --------
    >>> Codebook.of(Variable("bmi", "body mass index", "number", unit="kg/m²"))["bmi"].title
    'body mass index (kg/m²)'
    """

    variables: Mapping[str, Variable] = field(default_factory=dict)

    @classmethod
    def of(cls, *variables: Variable) -> "Codebook":
        """Make a codebook of the variables given."""
        return cls({v.name: v for v in variables})

    def __getitem__(self, name: str) -> Variable:
        if name not in self.variables:
            raise VariableError(
                unknown("this study has no variable", name, self.variables, "All: study.availability()")
            )
        return self.variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)

    def __contains__(self, name: object) -> bool:
        return name in self.variables

    def comparability(self, variables: str | Iterable[str] | None = None) -> pl.DataFrame:
        """Tell variable by variable and cycle by cycle what may be pooled, for every cycle of the survey.

        Parameters
        ----------
        variables
            A name or several; all if not given.

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
