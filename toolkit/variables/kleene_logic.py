"""Evaluate a condition in Kleene's three-valued logic where the value of one variable alone is known."""

import ast
from collections.abc import Set

WORDS = {"true": True, "false": False}


def truth_given(node: ast.expr, names: Set[str], value: str) -> bool | None:
    """Evaluate a condition where one variable alone is known.

    Parameters
    ----------
    node
        The condition's syntax tree.
    names
        The names under which the variable stands in it.
    value
        Its value.

    Returns
    -------
    bool or None
        True or false whatever the values of all other variables; None where they decide.

    Examples
    --------
    >>> tree = ast.parse("age >= 20 and not (cycle in ['2005-2006'])", mode="eval").body
    >>> truth_given(tree, {"cycle"}, "2005-2006"), truth_given(tree, {"cycle"}, "2007-2008")
    (False, None)
    """
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [truth_given(part, names, value) for part in values]
            return _all(parts) if isinstance(op, ast.And) else _not(_all([_not(part) for part in parts]))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _not(truth_given(operand, names, value))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            terms = [left, *comparators]
            links = [_link_given(terms[i], op, terms[i + 1], names, value) for i, op in enumerate(ops)]
            return _all(links)
        case ast.Constant(value=bool() as word):
            return word
        case ast.Name(id=word) if word in WORDS:
            return WORDS[word]
    return None


def _link_given(left: ast.expr, op: ast.cmpop, right: ast.expr, names: Set[str], value: str) -> bool | None:
    """Evaluate one comparison of the known variable; None for one of another."""
    if isinstance(right, ast.Name) and right.id in names and isinstance(op, ast.Eq | ast.NotEq):
        left, right = right, left
    if not (isinstance(left, ast.Name) and left.id in names):
        return None
    if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
        among = value in [item.value for item in right.elts if isinstance(item, ast.Constant)]
        return among if isinstance(op, ast.In) else not among
    if isinstance(op, ast.Eq | ast.NotEq) and isinstance(right, ast.Constant):
        return (value == right.value) == isinstance(op, ast.Eq)
    return None


def _all(parts: list[bool | None]) -> bool | None:
    return False if False in parts else None if None in parts else True


def _not(truth: bool | None) -> bool | None:
    return None if truth is None else not truth
