"""Show a variable, or a whole codebook, as a page in a notebook.

Takes what `codebook` holds; gives HTML with its style inside, without scripts and without an address to load.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Protocol

# JupyterLab's colours, light or dark, and plain ones elsewhere.
_STYLE = """
.codebook{font-size:.9rem;line-height:1.45;color:var(--jp-content-font-color1,#1c2430)}
.codebook h3{margin:.5rem 0 .1rem;font-size:1.1rem}
.codebook p{margin:.15rem 0}
.codebook table{border-collapse:collapse;margin:.4rem 0}
.codebook th,.codebook td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;background:none;
white-space:normal;border:0;border-bottom:1px solid var(--jp-border-color2,#e3e6ea)}
.codebook th{font-weight:600;white-space:nowrap}
.codebook .name{font-family:var(--jp-code-font-family,monospace);white-space:nowrap}
.codebook .cycle{padding:.2rem .25rem;text-align:center;white-space:nowrap}
.codebook .same{color:#1b6e4b}
.codebook .changed{color:#8a5a00}
.codebook .absent{color:var(--jp-content-font-color3,#8a929c)}
"""
_MARKS = {"same": "●", "changed": "≠", "absent": "–"}


class Compared(Protocol):
    """What the pages read of one cycle's comparability."""

    @property
    def cycle(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def verdict(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def how(self) -> str: ...  # noqa: D102 - as in the codebook


class Variable(Protocol):
    """What the pages read of a variable."""

    @property
    def name(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def label(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def levels(self) -> tuple[str, ...]: ...  # noqa: D102 - as in the codebook

    @property
    def ordered(self) -> bool: ...  # noqa: D102 - as in the codebook

    @property
    def reference(self) -> str | None: ...  # noqa: D102 - as in the codebook

    @property
    def unit(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def component(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def question(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def asked(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def source(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def note(self) -> str: ...  # noqa: D102 - as in the codebook

    @property
    def comparability(self) -> Sequence[Compared]: ...  # noqa: D102 - as in the codebook


def variable_page(variable: Variable) -> str:
    """Lay a variable out: what it is, how it was asked, and how the cycles compare.

    Parameters
    ----------
    variable
        A codebook variable.

    Returns
    -------
    str
        HTML; every word is escaped.

    Examples
    --------
    >>> from toolkit.variables.codebook import Variable
    >>> "body mass index" in variable_page(Variable("bmi", "body mass index", "number"))
    True
    """
    facts = {
        "levels or unit": _scale(variable),
        "question": variable.question,
        "asked": variable.asked,
        "measured in": variable.component,
        "source": variable.source,
        "note": variable.note,
    }
    rows = [f"<tr><th>{word}</th><td>{escape(text)}</td></tr>" for word, text in facts.items() if text]
    head = f"<h3>{escape(variable.label)} <span class='name'>{escape(variable.name)}</span></h3>"
    return _framed(f"{head}<table>{''.join(rows)}</table>{_compared(variable.comparability)}")


def codebook_page(variables: Mapping[str, Variable]) -> str:
    """Lay a codebook out: one row a variable, and for each cycle of the survey whether it compares.

    Parameters
    ----------
    variables
        The codebook.

    Returns
    -------
    str
        HTML; every word is escaped, what changed or why a cycle is without shows under the pointer.

    Examples
    --------
    >>> from toolkit.variables.codebook import Codebook, Variable
    >>> codebook_page(Codebook.of(Variable("bmi", "body mass index", "number"))).count("<tr>")
    2
    """
    cycles = list(dict.fromkeys(c.cycle for v in variables.values() for c in v.comparability))
    head = "".join(f"<th>{word}</th>" for word in ("variable", "what it is", "levels or unit", "measured in"))
    head += "".join(f"<th class='cycle'>{_short(cycle)}</th>" for cycle in cycles)
    rows = "".join(f"<tr>{''.join(_cells(variable, cycles))}</tr>" for variable in variables.values())
    legend = "● as in the other cycles marked so, ≠ changed, – absent. In full: codebook.comparability()."
    legend = f"<p>{legend}</p>" if cycles else ""
    return _framed(f"<table><tr>{head}</tr>{rows}</table>{legend}")


def _framed(body: str) -> str:
    return f"<div class='codebook'><style>{_STYLE}</style>{body}</div>"


def _scale(variable: Variable) -> str:
    levels = [f"{level} (reference)" if level == variable.reference else level for level in variable.levels]
    order = "(in order)" if variable.ordered and len(levels) > 2 else ""
    return " ".join(filter(None, [", ".join(levels), variable.unit, order]))


def _compared(entries: Iterable[Compared]) -> str:
    rows = "".join(
        f"<tr><th>{escape(e.cycle)}</th><td class='{e.verdict}'>{e.verdict}</td><td>{escape(e.how)}</td></tr>"
        for e in entries
    )
    return f"<table>{rows}</table>" if rows else ""


def _cells(variable: Variable, cycles: Sequence[str]) -> Iterator[str]:
    yield f"<td class='name'>{escape(variable.name)}</td>"
    yield from (f"<td>{escape(t)}</td>" for t in (variable.label, _scale(variable), variable.component))
    found = {entry.cycle: entry for entry in variable.comparability}
    for cycle in cycles:
        entry = found.get(cycle)
        if entry is None:
            yield "<td></td>"
        else:
            title = escape(": ".join(filter(None, [f"{cycle} {entry.verdict}", entry.how])), quote=True)
            yield f"<td class='cycle {entry.verdict}' title='{title}'>{_MARKS[entry.verdict]}</td>"


def _short(cycle: str) -> str:
    """Write a cycle so that twelve stand side by side: 05-06 for 2005-2006."""
    first, _, last = cycle.partition("-")
    return escape(f"{first[2:]}-{last[2:]}" if len(first) == len(last) == 4 else cycle)
