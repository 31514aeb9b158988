"""Define the card of a cause: exposures, rules with truth tables, mechanism, caveats and prevention."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from textwrap import shorten

import polars as pl

from toolkit.causes.evidence import conflicts_of, evidence_of, format_finding
from toolkit.errors import VariableError, require_known, unknown
from toolkit.files.html_templates import render_html
from toolkit.variables import Codebook, Derivation, Variable, derive, unknown_variable
from toolkit.variables.codebook import codebook

# The order of the reports. Each is a module of `toolkit/causes/cards/` with its `CARD`.
CAUSES = (
    "stretching", "sleep_position", "neurological", "exertion", "joints", "dehydration_heat",
    "sitting_standing", "electrolytes", "diabetes", "circulation",
)  # fmt: skip
PREVENTIONS = (
    "stretching", "hydration", "sleeping posture", "moving", "nutrition", "glucose control",
    "seeing a clinician",
)  # fmt: skip

Value = float | str | None
Cases = tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Exposure:
    """A variable by which a cause is measured.

    Attributes
    ----------
    variable
        Name, label, levels, reference and unit.
    caveat
        What it does not measure, or why it is only a proxy; "" if there is none.

    Examples
    --------
    >>> import toolkit as tk
    >>> exposure = tk.causes.card("diabetes").exposure("hba1c_group")
    >>> exposure.levels[-1], exposure.reference
    ('6.5 or more', 'under 5.7')
    """

    variable: Variable
    caveat: str = ""

    @property
    def name(self) -> str:
        """Name of the variable."""
        return self.variable.name

    @property
    def label(self) -> str:
        """Label of the variable, without unit."""
        return self.variable.label

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels in natural order; () for a continuous variable."""
        return self.variable.levels

    @property
    def reference(self) -> str | None:
        """The reference level; None for a continuous variable."""
        return self.variable.reference

    @property
    def unit(self) -> str:
        """Unit of a continuous variable; "" for levels."""
        return self.variable.unit


def measured(name: str, caveat: str = "") -> Exposure:
    """Describe an exposure that studies measure directly, as `datasets/codebook` has it."""
    return Exposure(codebook()[name], caveat)


@dataclass(frozen=True)
class Rule:
    """A derivation with its truth table.

    Attributes
    ----------
    derivation
        The expression, its inputs and the variable it gives.
    cases
        Rows of the truth table: one value per input, then the result; None is missing.
    """

    derivation: Derivation
    cases: Cases

    @property
    def name(self) -> str:
        """The derived variable."""
        return self.derivation.variable.name

    def exposure(self, caveat: str = "") -> Exposure:
        """Use the derived variable as an exposure."""
        return Exposure(self.derivation.variable, caveat)

    def truth_table(self) -> pl.DataFrame:
        """Tabulate the cases: inputs, then the result; one row per case, null where missing.

        Examples
        --------
        >>> card("stretching").rules[0].truth_table().columns
        ['stretching_sessions', 'regular_stretching']
        """
        names = [*self.derivation.inputs, self.name]
        columns = zip(names, zip(*self.cases, strict=True), strict=True)
        return pl.DataFrame([pl.Series(name, values, _dtype(values)) for name, values in columns])

    def check(self) -> None:
        """Compare the expression with the truth table.

        Raises
        ------
        VariableError
            If they disagree, or the expression gives a value that is not a level of the variable.
        """
        table = self.truth_table()
        try:
            people, _ = derive(table.drop(self.name), Codebook(), [self.derivation])
        except VariableError as error:
            raise VariableError(f"The rule '{self.name}' fails on its truth table. {error}") from None
        derived, expected = (frame[self.name].cast(table[self.name].dtype) for frame in (people, table))
        wrong = [str(i) for i, same in enumerate(derived.eq_missing(expected), 1) if not same]
        if wrong:
            raise VariableError(
                f"The rule '{self.name}' and its truth table disagree in {len(wrong)} of {table.height} "
                f"cases ({', '.join(wrong)}). Correct the expression or the case."
            )


def _dtype(values: tuple[Value, ...]) -> pl.DataType:
    return pl.String() if any(isinstance(value, str) for value in values) else pl.Float64()


@dataclass(frozen=True)
class Prevention:
    """What studies found about one way of preventing cramps; never advice to a person."""

    kind: str  # one of `PREVENTIONS`
    finding: str
    sources: tuple[str, ...] = ()  # ids of `datasets/evidence.toml`; () if no study was found


@dataclass(frozen=True)
class Card:
    """One cause of nocturnal leg cramps: definition, exposures, mechanism, evidence, caveats and prevention.

    Attributes
    ----------
    name, title
        Name for calls, and title of the report.
    what
        Clinical definition.
    exposures
        The main exposure first, then the others in order of preference.
    rules
        Derivations with their truth tables; an exposure without a rule is measured directly.
    curves
        Continuous variables whose exposure-response curves the report shows.
    mechanism
        Two sentences on how the cause may lead to cramps.
    caveats
        Reverse causation, proxies, instruments.
    prevention
        What studies found about prevention.

    Examples
    --------
    >>> import toolkit as tk
    >>> print(str(tk.card("stretching")).splitlines()[0])
    Lack of stretching: tk.card("stretching")
    """

    name: str
    title: str
    what: str
    exposures: tuple[Exposure, ...]
    mechanism: str
    caveats: tuple[str, ...]
    prevention: tuple[Prevention, ...]
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    curves: tuple[str, ...] = ()

    @property
    def main(self) -> Exposure:
        """The main exposure, which represents the cause where it was measured."""
        return self.exposures[0]

    def exposure_among(self, measured: Collection[str]) -> Exposure | None:
        """Find the first exposure that a study measured.

        Parameters
        ----------
        measured
            Names of variables.

        Returns
        -------
        Exposure or None
            None if none of the card's exposures is among them.
        """
        return next((e for e in self.exposures if e.name in measured), None)

    def exposure(self, name: str) -> Exposure:
        """Look up one of the card's exposures by name.

        Raises
        ------
        VariableError
            If the card has no exposure of this name; lists all.

        Examples
        --------
        >>> card("diabetes").exposure("hba1c").unit
        '%'
        """
        found = {e.name: e for e in self.exposures}
        what = f"The card '{self.name}' has no exposure"
        require_known(what, name, found, "Available:", VariableError)
        return found[name]

    @property
    def derivations(self) -> tuple[Derivation, ...]:
        """The derivations of the rules, in their order."""
        return tuple(rule.derivation for rule in self.rules)

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable that the card reads or derives."""
        inputs = [name for d in self.derivations for name in (*d.inputs, d.variable.name)]
        return tuple(dict.fromkeys([*(e.name for e in self.exposures), *inputs]))

    @property
    def evidence(self) -> pl.DataFrame:
        """Published findings on this cause, one row each: see `evidence_of` for the columns."""
        return evidence_of(self.name)

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Where published findings on this cause disagree, one sentence each."""
        return conflicts_of(self.name)

    def truth_table(self, name: str) -> pl.DataFrame:
        """Tabulate how a derived variable follows from its inputs.

        Parameters
        ----------
        name
            A variable that one of the card's rules derives.

        Returns
        -------
        polars.DataFrame
            One row per case: the inputs, then the result; null where missing.

        Raises
        ------
        VariableError
            If none of the card's rules derives the variable.

        Examples
        --------
        >>> card("diabetes").truth_table("hba1c_group").columns
        ['hba1c', 'hba1c_group']
        """
        found = {rule.name: rule for rule in self.rules}
        if name not in found:
            remedy = f"It derives: {', '.join(found)}" if found else "All its exposures are measured directly"
            raise VariableError(unknown(f"The card '{self.name}' derives no variable", name, found, remedy))
        return found[name].truth_table()

    def check(self, available: Mapping[str, object] | Collection[str] | None = None) -> None:
        """Check each rule against its truth table, and that its inputs exist.

        Parameters
        ----------
        available
            The variables of a study, such as `study.codebook`; None checks the truth tables alone.

        Raises
        ------
        VariableError
            If a rule and its truth table disagree, or a rule reads a variable that is neither available nor
            derived by an earlier rule.

        Examples
        --------
        >>> card("diabetes").check()
        """
        known = set(available or ())
        for rule in self.rules:
            rule.check()
            for name in rule.derivation.inputs:
                if available is not None and name not in known:
                    raise unknown_variable(name, available)
            known.add(rule.name)

    def __str__(self) -> str:
        names = [e.name for e in self.exposures]
        lines = {
            f"{self.title}:": f'tk.card("{self.name}")',
            "Definition:": self.what,
            "Main exposure:": f"{self.main.name} ({self.main.variable.title})",
            f"Other exposures ({len(names) - 1}):": ", ".join(names[1:]),
            f"Derived variables ({len(self.rules)}):": ", ".join(rule.name for rule in self.rules),
            "Mechanism:": self.mechanism,
            f"Caveats ({len(self.caveats)}):": " ".join(self.caveats),
            "Prevention:": " ".join(p.finding for p in self.prevention),
            "Evidence:": f"{self.evidence.height} published findings, {len(self.conflicts)} in conflict",
            "In full:": ".exposures, .truth_table(name), .evidence, .conflicts, .caveats, .prevention",
        }
        return "\n".join(
            f"{head} {shorten(text or 'none', 108 - len(head), placeholder=' ...')}"
            for head, text in lines.items()
        )

    def _repr_html_(self) -> str:
        findings = [{**row, "words": format_finding(row)} for row in self.evidence.iter_rows(named=True)]
        return render_html("card.html", card=self, findings=findings)


@cache
def _load_cards() -> dict[str, Card]:
    return {name: import_module(f"toolkit.causes.cards.{name}").CARD for name in CAUSES}


def cards() -> dict[str, Card]:
    """List the cards of all causes by name, in the order of the reports.

    Returns
    -------
    dict
        Name to `Card`: stretching, sleep_position, neurological, exertion, joints, dehydration_heat,
        sitting_standing, electrolytes, diabetes, circulation.

    Examples
    --------
    >>> list(cards())[:2]
    ['stretching', 'sleep_position']
    """
    return dict(_load_cards())


def card(name: str) -> Card:
    """Look up the card of one cause.

    Parameters
    ----------
    name
        One of the names of `cards()`.

    Returns
    -------
    Card
        `print(card)` summarizes it in ten lines; in a notebook it displays as a page.

    Raises
    ------
    VariableError
        If the name is unknown; lists the nearest.

    Examples
    --------
    >>> card("diabetes").main.name
    'diabetes_told'
    """
    found = _load_cards()
    if name not in found:
        raise VariableError(unknown("Unknown cause", name, found, "All: tk.cards()"))
    return found[name]
