"""Hold what is known of one cause of nocturnal leg cramps, and give the ten causes by name.

Takes nothing of a study: expressions over named columns and words; gives `Card`, `cards()` and `card(name)`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from importlib import import_module

import polars as pl

from toolkit.causes.evidence import conflicts_of, evidence_of
from toolkit.causes.evidence_words import finding_words
from toolkit.causes.parts import Exposure, Prevention, Rule
from toolkit.errors import VariableError, unknown
from toolkit.files.notebook_html import render_html
from toolkit.variables.derivation import Derivation

# In the order in which reports show them; each is a module of this room that holds its `CARD`.
CAUSES = (
    "stretching",
    "sleep_position",
    "neurological",
    "exertion",
    "joints",
    "dehydration_heat",
    "sitting_standing",
    "electrolytes",
    "diabetes",
    "circulation",
)


@dataclass(frozen=True)
class Card:
    """One cause: what it is, how it is measured, how it may cause cramps, what is known and what is not.

    Attributes
    ----------
    name, title
        Name for calls, and the words over a report.
    what
        The cause in clinical words.
    exposures
        The main one first, then in the order in which they stand in for it.
    rules
        Derivations with their truth tables; exposures without a rule are measured directly.
    mechanism
        Two sentences on how the cause may lead to cramps.
    caveats
        Reverse causation, proxies, instruments.
    prevention
        What studies found of the ways of prevention that belong to this cause.
    """

    name: str
    title: str
    what: str
    exposures: tuple[Exposure, ...]
    mechanism: str
    caveats: tuple[str, ...]
    prevention: tuple[Prevention, ...]
    rules: tuple[Rule, ...] = field(default=(), repr=False)

    @property
    def main(self) -> Exposure:
        """The exposure that stands for the cause where it was measured."""
        return self.exposures[0]

    def exposure_among(self, measured: Collection[str]) -> Exposure | None:
        """Give the first exposure that is among the variables measured.

        Parameters
        ----------
        measured
            Names of variables, such as those that a study measured.

        Returns
        -------
        Exposure or None
            None if none of the card's exposures is among them.

        Examples
        --------
        >>> card("circulation").exposure_among({"ankle_brachial_index", "age"}).name
        'ankle_brachial_index'
        """
        return next((e for e in self.exposures if e.name in measured), None)

    def exposure(self, name: str) -> Exposure:
        """Give one of the card's exposures by name.

        Examples
        --------
        >>> card("diabetes").exposure("hba1c").unit
        '%'
        """
        found = {e.name: e for e in self.exposures}
        if name not in found:
            raise VariableError(
                unknown(f"the card '{self.name}' has no exposure", name, found, f"All: {', '.join(found)}")
            )
        return found[name]

    @property
    def derivations(self) -> tuple[Derivation, ...]:
        """The derivations of the rules, in their order."""
        return tuple(rule.derivation for rule in self.rules)

    @property
    def variables(self) -> tuple[str, ...]:
        """Every codebook variable that the card reads or gives."""
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
        """Show how a derived variable follows from its inputs.

        Parameters
        ----------
        name
            A variable that one of the card's rules gives.

        Returns
        -------
        polars.DataFrame
            One row a case: the inputs, then the result; null where unknown.

        Raises
        ------
        VariableError
            If no rule of the card gives the variable.

        Examples
        --------
        >>> card("diabetes").truth_table("hba1c_group").columns
        ['hba1c', 'hba1c_group']
        """
        found = {rule.name: rule for rule in self.rules}
        if name not in found:
            remedy = f"It derives: {', '.join(found)}" if found else "All its exposures are measured directly"
            raise VariableError(unknown(f"the card '{self.name}' derives no variable", name, found, remedy))
        return found[name].truth_table()

    def _repr_html_(self) -> str:
        findings = [{**row, "words": finding_words(row)} for row in self.evidence.iter_rows(named=True)]
        return render_html("card.html", card=self, findings=findings)


def cards() -> dict[str, Card]:
    """Give the ten causes by name, in the order in which reports show them.

    Returns
    -------
    dict
        Name to `Card`: stretching, sleep_position, neurological, exertion, joints, dehydration_heat,
        sitting_standing, electrolytes, diabetes, circulation.

    Examples
    --------
    >>> len(cards())
    10
    """
    return {name: import_module(f"toolkit.causes.cards.{name}").CARD for name in CAUSES}


def card(name: str) -> Card:
    """Give one cause by name.

    Parameters
    ----------
    name
        One of the names of `cards()`.

    Returns
    -------
    Card
        In a notebook it shows itself as a page.

    Raises
    ------
    VariableError
        If there is no such cause; names the nearest.

    Examples
    --------
    >>> card("diabetes").main.name
    'diabetes_told'
    """
    found = cards()
    if name not in found:
        raise VariableError(unknown("there is no cause", name, found, "All: tk.cards()"))
    return found[name]
