"""Hold the participants, survey design and codebook of a study as one object."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from toolkit.causes.card import Card
from toolkit.errors import DatasetError, VariableError
from toolkit.files.study_summary import summary_html
from toolkit.studies.derived_variables import Words, own_step
from toolkit.studies.level_groups import LevelGroups
from toolkit.studies.missingness import availability, count_missing
from toolkit.studies.person_frame import PersonFrame
from toolkit.studies.weights import WeightChoice, choose_weight
from toolkit.variables.codebook import Variable
from toolkit.variables.conditions import parse
from toolkit.variables.formulas import formula


@dataclass(frozen=True)
class Study(LevelGroups):
    """People, their design and their codebook, as one thing to analyse.

    Open one by `open_study("simulated")`, or make one of a frame by `study(frame, design=...)`. The
    attributes are those of `Population`.
    """

    def __post_init__(self) -> None:
        # A notebook shows a summary of people in place of their rows.
        for name in ("people", "visits", "diary"):
            frame = getattr(self, name)
            if frame is not None and not isinstance(frame, PersonFrame):
                object.__setattr__(self, name, PersonFrame(frame))

    def variable(self, name: str) -> Variable:
        """Look up a variable that can be analysed.

        Parameters
        ----------
        name
            A codebook name.

        Returns
        -------
        Variable
            Its entry in the codebook.

        Raises
        ------
        VariableError
            If the study does not know the name, or no cycle measured it (with the reason).
        DatasetError
            If its file is missing.
        """
        entry = self.codebook[name]
        if name in self.people.columns:
            return entry
        gaps = [a for a in entry.availability if a.status == "not measured"]
        reasons = [f"{a.cycle}: {a.reason}" for a in gaps]
        told = "; ".join(reasons) or "it is in the codebook but not in the people frame"
        if any("not found:" in reason for reason in reasons):
            raise DatasetError(
                f"'{name}' cannot be used: {told}. Put the file there and open the study again."
            )
        raise VariableError(f"'{name}' was not measured in {self.label}: {told}. All: study.availability().")

    def weight_for(self, variables: str | Sequence[str], domain: str = "") -> WeightChoice:
        """Choose the weight for an analysis of these variables together, and say why.

        Parameters
        ----------
        variables, domain
            Codebook names, and the analysis's condition; one on `cycle` narrows the cycles.

        Returns
        -------
        WeightChoice
            Component, weight column, contributing cycles, rescaling; prints as a sentence.

        Examples
        --------
        >>> import toolkit as tk
        >>> tk.open_study("simulated").weight_for(("any_cramps", "hba1c")).component
        'examination'
        """
        names = (variables,) if isinstance(variables, str) else variables
        told = parse(domain)
        return choose_weight(self.design, [self.variable(n) for n in (*names, *told.names)], told)

    def missing(self, variable: str) -> pl.DataFrame:
        """Count the missing values of a variable by cycle and reason.

        Parameters
        ----------
        variable
            A codebook name.

        Returns
        -------
        polars.DataFrame
            variable, cycle, reason, n (persons), percent (of the persons of the cycle); the rows with a
            value stand under reason "has a value".
        """
        self.variable(variable)
        return count_missing(self.people, variable)

    def availability(self, *, by_reason: bool = False) -> pl.DataFrame:
        """Tell for each cause, exposure and cycle whether it was measured.

        Parameters
        ----------
        by_reason
            True for a row for each reason of missing values, with missing_reason, missing_n and
            missing_percent (of the persons to whom the question or test was put).

        Returns
        -------
        polars.DataFrame
            cause, exposure, cycle, status (measured, proxy, not measured), reason in words, n (persons with
            a value), percent_missing (of the persons to whom the question or test was put). The reason of
            what was measured begins with "changed:" where the cycle does not compare with the others; every
            cycle of the survey stands in `study.codebook.comparability()`.
        """
        return availability(self, self.cycles, by_reason=by_reason)

    @property
    def cycles(self) -> tuple[str, ...]:
        """The cycles of the study in order; one nameless cycle where there are none."""
        if "cycle" not in self.people.columns:
            return ("",)
        return tuple(sorted(self.people["cycle"].cast(pl.String).unique().drop_nulls()))

    def derive(
        self,
        name: str,
        expression: pl.Expr | str,
        *,
        levels: Sequence[str] | None = None,
        label: str = "",
        reference: str | None = None,
        unit: str = "",
        node: str = "",
    ) -> "Study":
        """Add a variable of one's own; the study itself stays as it is.

        Parameters
        ----------
        name
            The new variable's name; it must be free.
        expression
            In words: a condition, which gives a yes/no variable; arithmetic, which gives a number;
            `when(age < 40, 'younger', 'older')`; or a variable of levels. Or a polars expression.
        levels
            The levels of text from lowest to highest, which declares that they stand in order.
        label, unit
            Words for axes and tables.
        reference
            The level that others are compared with; the first if not given.
        node
            The node of the causal diagram that the variable measures, such as "body_mass". A variable derived
            from variables of one node inherits that node.

        Returns
        -------
        Study
            A copy with the variable. Its missing values take the reason of the inputs.

        Raises
        ------
        VariableError
            If the name is taken, an input is unknown, or a value is not among the levels.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated").derive("obese", "bmi >= 30", label="obesity")
        >>> study.codebook["obese"].levels
        ('no', 'yes')
        """
        for needed in formula(expression).names if isinstance(expression, str) else ():
            if needed in self.codebook:
                self.variable(needed)
        step = own_step(self, Words(name, tuple(levels or ()), label, reference, unit, node), expression)
        for needed in step.inputs:
            self.variable(needed)
        return self._with(step)

    def with_cause(self, card: Card) -> "Study":
        """Add the variables of a cause of one's own, after checking its rules against their truth tables.

        Parameters
        ----------
        card
            A `tk.Card` with its exposures and rules.

        Returns
        -------
        Study
            A copy with what each rule gives; missing values take the reasons of their inputs.

        Raises
        ------
        VariableError
            If a rule and its truth table disagree, or an input is unknown.

        Examples
        --------
        >>> import toolkit as tk
        >>> "hba1c_group" in tk.open_study("simulated").with_cause(tk.card("diabetes")).people.columns
        True
        """
        card.check({*self.people.columns, *self.codebook})
        study = self
        for step in card.derivations:
            if step.variable.name not in self.people.columns:
                study = study._with(step)
        return study

    def to_r(self, folder: str | Path) -> Path:
        """Write people and design for R: people.csv, people.parquet and study.R, which rebuilds the design.

        Parameters
        ----------
        folder
            Where to write. The files hold rows of people, without ids, and are readable by the user alone.

        Returns
        -------
        pathlib.Path
            The script: `source("study.R")` in that folder gives `people` and `design` (by component, if
            there are several weights: `design_interview`, ...).

        Examples
        --------
        >>> import tempfile, toolkit as tk
        >>> tk.open_study("simulated").to_r(tempfile.mkdtemp()).name
        'study.R'
        """
        from toolkit.studies.r_export import write_r

        return write_r(self, folder)

    def _repr_html_(self) -> str:
        return summary_html(self, self.cycles)
