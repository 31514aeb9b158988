"""Hold the participants, survey design and codebook of a study as one object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.outcomes import CRAMP_RULES
from toolkit.errors import DatasetError, VariableError
from toolkit.files.notebook_html import render_html
from toolkit.results import VARIABLES_SCHEMA
from toolkit.studies.derived_variables import Specification, derivation_of
from toolkit.studies.design import Design
from toolkit.studies.level_groups import merged_derivation, quantile_derivation
from toolkit.studies.missingness import availability_of, count_missing
from toolkit.studies.person_frame import PersonFrame
from toolkit.studies.r_export import Exported, write_r
from toolkit.studies.weights import WeightChoice, choose_weight
from toolkit.variables.codebook import Codebook, Variable
from toolkit.variables.conditions import parse
from toolkit.variables.derivation import Derivation, derive
from toolkit.variables.formulas import formula


@dataclass(frozen=True)
class Inputs:
    """The files a study was made from, path to SHA-256, and the paths that were looked for and absent."""

    files: Mapping[Path, str]
    absent: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Study:
    """The participants of a survey or cohort, with their codebook and survey design.

    Open one with `tk.open_study("simulated")`, or make one from a data frame with
    `tk.study(frame, design=...)`. A study never changes; every method that adds to it returns a copy.

    Attributes
    ----------
    name
        A short name, such as "nhanes" or "simulated".
    label
        The name printed in results, such as "NHANES 2005-2008".
    people
        One row per participant: the codebook's variables, the reasons for their missing values (`bmi.why`),
        and the columns of the design. It prints as a summary; rows appear only on request (`.head()`).
    design, codebook
        As declared. A variable that was not measured in any cycle is in the codebook with the reasons and
        absent from `people`.
    provenance
        The origin of the data: files with hashes, cycles, seeds; plain values only.
    simulated
        True if no participant is real; every output then says so.
    visits, diary
        For a cohort, one row per visit or night, with `person`, `date` and optionally `place`; else None.
    inputs
        Everything the study rests on besides the toolkit itself, if the toolkit may cache it. None for a
        user's own data, which are never cached.
    """

    name: str
    label: str
    people: pl.DataFrame = field(repr=False)
    design: Design = field(repr=False)
    codebook: Codebook = field(repr=False)
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)
    simulated: bool = False
    visits: pl.DataFrame | None = field(default=None, repr=False)
    diary: pl.DataFrame | None = field(default=None, repr=False)
    inputs: Inputs | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A notebook shows a summary of people in place of their rows.
        for name in ("people", "visits", "diary"):
            frame = getattr(self, name)
            if frame is not None and not isinstance(frame, PersonFrame):
                object.__setattr__(self, name, PersonFrame(frame))

    @cached_property
    def computed(self) -> dict[Any, Any]:
        """What estimators compute once per study, such as its sampling units; a copy starts empty."""
        return {}

    def __str__(self) -> str:
        """Summarize participants, cycles, design, outcomes and variables."""
        return "\n".join([self.label, *(f"  {name:14}{text}" for name, text in self.summary.items())])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return render_html("study.html", study=self)

    @property
    def summary(self) -> dict[str, str]:
        """Facts about the study by name, as they are printed."""
        measured = [name for name in self.codebook if name in self.people.columns]
        outcomes = [rule.name for rule in CRAMP_RULES if rule.name in measured]
        facts = {
            "Participants": f"{self.people.height:,}" + (" (simulated)" if self.simulated else ""),
            "Cycles": ", ".join(filter(None, self.cycles)),
            "Visits": f"{self.visits.height:,}" if self.visits is not None else "",
            "Diary entries": f"{self.diary.height:,}" if self.diary is not None else "",
            "Design": self.design.summary,
            "Outcomes": ", ".join(outcomes),
            "Variables": f"{len(measured):,} measured of {len(self.codebook):,} in the codebook; "
            "list them with study.variables()",
        }
        return {name: text for name, text in facts.items() if text}

    def variables(self, search: str = "") -> pl.DataFrame:
        """List the variables of the study.

        Parameters
        ----------
        search
            Text to look for in names, labels and questions, without regard to case; "" lists all.

        Returns
        -------
        polars.DataFrame
            One row per variable: name, label, kind (yes_no, category, number), levels or unit, component,
            cycles in which it was measured, n (participants with a value; 0 if it was not measured).

        Examples
        --------
        >>> import toolkit as tk
        >>> tk.open_study("simulated").variables("body mass")["name"].to_list()
        ['bmi', 'bmi_group']
        """
        sought = search.casefold()
        rows = [
            self._described(variable)
            for variable in self.codebook.values()
            if any(sought in text.casefold() for text in (variable.name, variable.label, variable.question))
        ]
        return pl.DataFrame(rows, schema=VARIABLES_SCHEMA, orient="row")

    def _described(self, variable: Variable) -> tuple[Any, ...]:
        unmeasured = {entry.cycle for entry in variable.availability if entry.status == "not measured"}
        present = variable.name in self.people.columns
        cycles = ", ".join(cycle for cycle in self.cycles if cycle and cycle not in unmeasured)
        return (
            variable.name,
            variable.label,
            variable.kind,
            ", ".join(variable.levels) if variable.levels else variable.unit,
            variable.component,
            cycles if present else "",
            self.people[variable.name].count() if present else 0,
        )

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
        listed = "; ".join(reasons) or "it is in the codebook but not among the columns of study.people"
        if any("not found:" in reason for reason in reasons):
            raise DatasetError(
                f"'{name}' cannot be used ({listed}). Put the file there and open the study again."
            )
        raise VariableError(
            f"'{name}' was not measured in {self.label} ({listed}). List what was measured with "
            "study.variables()."
        )

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
        condition = parse(domain)
        entries = [self.variable(n) for n in (*names, *condition.names)]
        return choose_weight(self.design, entries, condition)

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
        return availability_of(self.people, self.codebook, self.label, self.cycles, by_reason=by_reason)

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
        asked = Specification(name, tuple(levels or ()), label, reference, unit, node)
        step = derivation_of(self.people, self.codebook, asked, expression)
        for needed in step.inputs:
            self.variable(needed)
        return self._with(step)

    def _with(self, step: Derivation) -> "Study":
        try:
            people, codebook = derive(self.people, self.codebook, [step])
        except pl.exceptions.InvalidOperationError:
            levels = ", ".join(step.variable.levels)
            raise VariableError(
                f"'{step.variable.name}' takes values that are not among its levels ({levels}). Name every "
                f"level: study.derive('{step.variable.name}', ..., levels=[..])."
            ) from None
        return replace(self, people=people, codebook=codebook)

    def cut(self, name: str, into: int = 3, domain: str = "", as_: str | None = None) -> "Study":
        """Add quantile groups of a continuous variable, cut at its weighted quantiles in a domain.

        Parameters
        ----------
        name
            A continuous variable.
        into
            The number of groups, 2 or more: 3 for thirds. Participants with equal values stay together, so
            there are fewer groups where cut points coincide.
        domain
            A condition; outside of it the group is missing for the reason "outside the domain".
        as_
            The name of the new variable; such as "bmi_thirds" if not given.

        Returns
        -------
        Study
            A copy with the variable: ordered levels that give the bounds in the unit of the number. Its note
            has the cut points and the number of participants in each group.

        Raises
        ------
        VariableError
            If the variable has levels or a single value in the domain, or the name is taken.

        Notes
        -----
        The weight is that of an analysis of the variable and the domain (`weight_for`). A cut point is the
        lowest value with at least that share of the weights at or below it, as in `tk.quantile` and in
        svyquantile of R's survey package; it belongs to the lower group.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated").cut("bmi", into=4, domain="age >= 20")
        >>> len(study.codebook["bmi_quarters"].levels)
        4
        """
        return self._with(quantile_derivation(self, name, into, domain, as_))

    def merge_levels(
        self, name: str, levels: Mapping[str, str | Sequence[str]], as_: str | None = None
    ) -> "Study":
        """Add a variable with merged levels of another.

        Parameters
        ----------
        name
            A variable with levels.
        levels
            New level to the old level or levels that it replaces. Levels that are not named stay.
        as_
            The name of the new variable; the old name with "_merged" if not given.

        Returns
        -------
        Study
            A copy with the variable. Levels that follow one another keep their order when merged; the
            reference is the level that contains the old reference. Missing values keep their reasons.

        Raises
        ------
        VariableError
            If a level is unknown or named twice, fewer than two levels would remain, or the name is taken.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated")
        >>> study = study.merge_levels("general_health", {"fair or poor": ["fair", "poor"]}, as_="health")
        >>> study.codebook["health"].levels
        ('excellent', 'very good', 'good', 'fair or poor')
        """
        return self._with(merged_derivation(self, name, levels, as_))

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

    def with_design(self, design: Design) -> "Study":
        """Return a copy with another survey design, such as `study.design.calibrated(totals)`.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated")
        >>> study.with_design(study.design.calibrated({"sex": {"male": 48.0, "female": 52.0}})).people.height
        12000
        """
        return replace(self, design=design)

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
        exported = Exported(self.people, self.design, self.codebook, self.label, self.simulated)
        return write_r(exported, folder)
