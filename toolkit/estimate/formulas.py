"""Read a model formula over a study's variables and build its design matrix with formulaic.

Takes words such as "any_cramps ~ sex * age + I(bmi ** 2)"; gives a `Reading` (which variables) and a
`Matrix`. Nothing but arithmetic and a few functions of numbers is ever run: each factor's syntax is checked
against a list first.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from toolkit.errors import ToolkitError, VariableError, nearest
from toolkit.estimate.splines import knots_at, spline
from toolkit.estimate.terms import (
    ONE,
    PER_UNIT,
    Matrix,
    Term,
    levels_present,
    main_effects,
    of_level,
    per_unit,
)

if TYPE_CHECKING:
    from toolkit.estimate.sample import Mask, Sample
    from toolkit.estimate.variance import Floats

FUNCTIONS: dict[str, Any] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
}
SPLINE = "rcs"
_ARITHMETIC = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd,
    ast.Load, ast.Name, ast.Constant, ast.Call,
)  # fmt: skip
_EXAMPLE = "tk.model(study, 'any_cramps ~ sex + age + I(age ** 2)', family='logit')"
# "sex[T.1]" or "sex[1]": categories go to formulaic as the places of their levels.
_MARKED = re.compile(r"^(?P<name>[^\[\]]+)\[(?P<against>T\.)?(?P<place>\d+)\]$")


@dataclass(frozen=True, slots=True)
class Reading:
    """A formula that was read and found harmless.

    Attributes
    ----------
    outcome
        Left of ~.
    variables
        Every variable right of it, in order of appearance.
    inside
        Those of them that stand in arithmetic or a function, where only numbers may.
    right
        formulaic's form of the right side.
    plain
        True if it is an intercept and variables alone.
    """

    outcome: str
    variables: tuple[str, ...]
    inside: frozenset[str]
    right: Any
    plain: bool = False


def read(formula: str) -> Reading:
    """Read a formula.

    Parameters
    ----------
    formula
        Outcome, ~, and terms joined by +; `a:b` is an interaction, `a * b` is a + b + a:b, `I(age ** 2)` is
        arithmetic, log, log2, log10, exp, sqrt and abs are functions; `rcs(age, 4)` is a restricted cubic
        spline of 4 knots, `rcs(age, 30, 50, 70)` one of the knots named; `- 1` leaves the intercept out.

    Returns
    -------
    Reading
        Names and terms.

    Raises
    ------
    VariableError
        If it is not a formula, or asks for more than arithmetic.

    Examples
    --------
    >>> read("any_cramps ~ sex * age + I(bmi ** 2)").variables
    ('sex', 'age', 'bmi')
    """
    _require_powers_inside(formula)
    parsed = _parsed(formula)
    left = _factors(getattr(parsed, "lhs", ()), formula)
    if len(left) != 1 or not _is_name(left[0]):
        raise VariableError(
            f"the formula '{formula}' needs the name of one outcome left of '~'. Example: {_EXAMPLE}."
        )
    factors = _factors(parsed.rhs, formula)
    names: list[str] = []
    inside: set[str] = set()
    for factor in factors:
        found = _names(factor, formula)
        names += found
        inside.update(() if _is_name(factor) else found)
    if left[0] in names:
        raise VariableError(
            f"'{left[0]}' stands on both sides of '~' in '{formula}'. Leave it out on the right: {_EXAMPLE}."
        )
    variables = tuple(dict.fromkeys(names))
    return Reading(left[0], variables, frozenset(inside), parsed.rhs, plain=factors == ["1", *variables])


def read_offset(offset: str) -> Reading:
    """Read an offset: a number's name, or arithmetic such as "log(follow_up)".

    Parameters
    ----------
    offset
        What is added to the linear predictor with the coefficient 1.

    Returns
    -------
    Reading
        As of a formula with this one term.
    """
    names = tuple(dict.fromkeys(_names(offset, offset)))
    return Reading("", names, frozenset(names), _parsed(f"0 + I({offset})"))


def _require_powers_inside(formula: str) -> None:
    """Refuse `age ** 2` and `I(age^2)`: bare powers cross terms, and a number's own would be lost unsaid."""
    try:
        tree = ast.parse(formula.partition("~")[2].strip().replace(":", "*"), mode="eval")
    except SyntaxError:
        return
    for power in _bare_powers(tree.body):
        base, exponent = ast.unparse(power.left), ast.unparse(power.right)
        raise VariableError(
            f"the formula '{formula}' raises '{base}' to a power as formulas cross terms, which does not "
            f"give its power. Write I({base} ** {exponent})."
        )


def _bare_powers(node: ast.AST, *, called: bool = False) -> Iterator[ast.BinOp]:
    crossing = (ast.BitXor,) if called else (ast.Pow, ast.BitXor)
    if isinstance(node, ast.BinOp) and isinstance(node.op, crossing) and (called or _is_variable(node.left)):
        yield node
    called = called or isinstance(node, ast.Call)
    for child in ast.iter_child_nodes(node):
        yield from _bare_powers(child, called=called)


def _is_variable(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Call)


@cache
def _parsed(formula: str) -> Any:
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        return Formula(formula)
    except (FormulaicError, AttributeError, SyntaxError, TypeError, ValueError):
        raise VariableError(f"'{formula}' cannot be read as a formula. Example: {_EXAMPLE}.") from None


def _factors(terms: Any, formula: str) -> list[str]:
    if not all(hasattr(term, "factors") for term in terms):
        raise VariableError(f"the formula '{formula}' has several parts; join its terms by +: {_EXAMPLE}.")
    return [factor.expr for term in terms for factor in term.factors]


def _is_name(text: str) -> bool:
    return text.isidentifier()


def _names(factor: str, formula: str) -> list[str]:
    """Name the variables of one factor, after a check of every part of its syntax."""
    if re.fullmatch(r"\d+(\.\d+)?", factor):
        return []
    try:
        tree = ast.parse(factor, mode="eval")
    except SyntaxError:
        raise _refused(factor, formula) from None
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in ast.walk(tree):
        number = not isinstance(node, ast.Constant) or isinstance(node.value, int | float)
        if not isinstance(node, _ARITHMETIC) or not number or getattr(node, "keywords", None):
            raise _refused(factor, formula)
    for called in calls:
        _require_function(called, factor, formula)
    _require_spline(tree.body, factor)
    return [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in calls]


def _require_function(called: ast.expr, factor: str, formula: str) -> None:
    name = called.id if isinstance(called, ast.Name) else factor
    if name == "offset":
        raise VariableError(
            f"'{factor}' in the formula: an offset is an argument, tk.model(..., offset='log(follow_up)')."
        )
    if name == "C":
        raise VariableError(
            f"'{factor}' in the formula: the codebook knows what is a category, write the name alone. A "
            f"number becomes a category with study.derive(...)."
        )
    if name not in (*FUNCTIONS, SPLINE, "I"):
        near = nearest(name, FUNCTIONS)
        raise VariableError(
            f"the formula '{formula}' calls '{name}', which is not known here."
            f"{f' Nearest: {near}.' if near else ''} Functions: I, {SPLINE}, {', '.join(FUNCTIONS)}."
        )


def _require_spline(factor: ast.expr, text: str) -> None:
    """Refuse a spline within other arithmetic, or of more than one variable."""
    for node in ast.walk(factor):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != SPLINE:
            continue
        variable, *numbers = node.args or [node]
        plain = isinstance(variable, ast.Name) and all(isinstance(n, ast.Constant) for n in numbers)
        if node is not factor or not plain or not numbers or len(numbers) == 2:
            raise VariableError(
                f"'{text}' is no spline. Write rcs(age, 4) for 4 knots, or rcs(age, 30, 50, 70) for knots of "
                f"your own, as a term by itself."
            )


def _refused(factor: str, formula: str) -> VariableError:
    return VariableError(
        f"'{factor}' in the formula '{formula}' is more than arithmetic on variables. Derive a variable "
        f"first, study.derive(...), and name it. Example: {_EXAMPLE}."
    )


def require_numbers(reading: Reading, sample: "Sample") -> None:
    """Raise if a category stands where only a number may.

    Parameters
    ----------
    reading
        The formula.
    sample
        Its variables.

    Raises
    ------
    VariableError
        With the category's name.
    """
    for name in sorted(reading.inside):
        if not sample.columns[name].continuous:
            raise VariableError(
                f"'{name}' is a category, which cannot stand in arithmetic. Write it alone, or derive a "
                f"number from it first: study.derive(...)."
            )


def build(reading: Reading, sample: "Sample", inside: "Mask") -> Matrix:
    """Give the design matrix of a formula.

    Parameters
    ----------
    reading
        The formula.
    sample
        The people of the analysis as cells.
    inside
        The cells of the fit; each variable has a value in them.

    Returns
    -------
    Matrix
        Columns in the formula's order, the intercept first.

    Raises
    ------
    VariableError
        If a function gives no finite number for someone, such as the logarithm of 0.
    """
    if reading.plain:
        return main_effects(sample, reading.variables, inside)
    # No variable has a dot in its name: the column gives a formula of the intercept alone its height.
    levels, data = {}, {".": pl.Series(np.zeros(int(inside.sum())))}
    for name in reading.variables:
        column = sample.columns[name]
        if column.continuous:
            data[name] = pl.Series(sample.numbers(name)[inside])
            continue
        codes = sample.codes(name)[inside]
        levels[name] = levels_present(column.variable, codes)
        data[name] = _places(codes, [column.levels.index(level) for level in levels[name]])
    context = {**FUNCTIONS, SPLINE: partial(_spline, sample.weights[inside])}
    built = _model_matrix(reading.right, pl.DataFrame(data), context)
    terms = tuple(_term(name, sample, levels) for name in built.model_spec.column_names)
    values = np.asarray(built, float)
    _require_finite(values, terms, sample.persons[inside])
    return Matrix(values, terms)


def _model_matrix(right: Any, data: pl.DataFrame, context: dict[str, Any]) -> Any:
    from formulaic.errors import FactorEvaluationError

    try:
        with np.errstate(all="ignore"):
            # By default formulaic drops the people for whom a function gives no number.
            return right.get_model_matrix(data, context=context, output="numpy", na_action="ignore")
    except FactorEvaluationError as error:
        if isinstance(error.__cause__, ToolkitError):
            raise error.__cause__ from None
        raise


def _spline(weights: "Floats", values: Any, *numbers: float) -> "Floats":
    """Give a spline's columns: of knots named, or of one number of knots at the weighted quantiles."""
    x, name = np.asarray(values, float), str(getattr(values, "name", "x"))
    if len(numbers) > 1:
        return spline(x, sorted(numbers))
    counted = weights > 0  # People of no weight, such as copies with another exposure, move no knot.
    return spline(x, knots_at(x[counted], weights[counted], numbers[0], name))


def _places(codes: Any, order: list[int]) -> pl.Series:
    place = np.full(max(order) + 1, -1)
    place[order] = np.arange(len(order))
    words = [str(k) for k in range(len(order))]
    return pl.Series(place[codes], dtype=pl.UInt32).cat.to(pl.Enum(words))


def _term(column: str, sample: "Sample", levels: dict[str, list[str]]) -> Term:
    if column == "Intercept":
        return ONE
    parts = [_factor(part, sample, levels) for part in column.split(":")]
    if len(parts) == 1:
        return parts[0]
    marked = [part.reference for part in parts if part.reference is not None]
    return Term(
        ":".join(part.exposure for part in parts),
        " × ".join(part.exposure_label for part in parts),
        ":".join(part.level for part in parts),
        " × ".join(part.level_label for part in parts),
        ":".join(marked) if len(marked) == len(parts) else None,
    )


def _factor(part: str, sample: "Sample", levels: dict[str, list[str]]) -> Term:
    marked = _MARKED.match(part)
    if marked and marked["name"] not in sample.columns:
        part_of = f"bend {marked['place']}" if int(marked["place"]) else "linear part"
        return Term(marked["name"], marked["name"], part_of, part_of)
    if marked:
        name = marked["name"]
        reference = levels[name][0] if marked["against"] else None
        return of_level(sample.columns[name].variable, levels[name][int(marked["place"])], reference)
    if part in sample.columns:
        return per_unit(sample.columns[part].variable)
    return Term(part, part, PER_UNIT, PER_UNIT)


def _require_finite(values: "Floats", terms: tuple[Term, ...], persons: Any) -> None:
    broken = ~np.isfinite(values)
    if broken.any():
        j = int(np.flatnonzero(broken.any(axis=0))[0])
        raise VariableError(
            f"'{terms[j].exposure}' is not a finite number for {persons[broken[:, j]].sum():,} of "
            f"{persons.sum():,} persons. Narrow the domain to people for whom it is one, or derive another "
            f"variable: study.derive(...)."
        )


def offset_values(reading: Reading, sample: "Sample", inside: "Mask") -> "Floats":
    """Give what an offset adds to the linear predictor of each cell.

    Parameters
    ----------
    reading
        The offset, as `read_offset` gave it.
    sample, inside
        The people of the analysis as cells, and the cells of the fit.

    Returns
    -------
    numpy.ndarray
        One number a cell.
    """
    return build(reading, sample, inside).values[:, 0]
