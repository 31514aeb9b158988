"""Hold the participants, survey design and codebook of a study as one object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import polars as pl

from toolkit.causes.card import Card
from toolkit.disclosure import SMALLEST_CELL, Policy, declare_policy, declare_rare_levels
from toolkit.files.cache import Inputs
from toolkit.files.html_templates import render_html
from toolkit.studies import analyst_variables, missingness
from toolkit.studies.design import Design
from toolkit.studies.participants.engine_people import EnginePeople
from toolkit.studies.participants.person_frame import PersonFrame, refuse_unusable_names
from toolkit.studies.study_files import StudyFiles
from toolkit.studies.weights import WeightChoice, choose_weight
from toolkit.variables import Codebook, Derivation, Variable, derive, formula, parse


@dataclass(frozen=True)
class Study(StudyFiles):
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
        As declared. A variable that no cycle measured is in the codebook with the reasons, not in `people`.
    provenance
        The origin of the data: files with hashes, cycles, seeds; plain values only.
    simulated
        True if no participant is real; every output then says so.
    visits, diary
        For a cohort, one row per visit or night, with `person`, `date` and optionally `place`; else None.
    inputs
        What the study rests on besides the toolkit, if that may be cached; None for a user's own data.
    smallest_cell
        Smaller counts of participants are in no chart, table, sentence or file, and those of reports are
        rounded to multiples of it; 0 shows all, as for public-use files and simulated people.
    rare_levels, derivations
        By variable the categories of fewer participants than that, found when the study is made, and how it
        follows from others if it was added to the study.
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
    smallest_cell: int = field(default=SMALLEST_CELL, repr=False)
    rare_levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)
    derivations: Mapping[str, Derivation] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("people", "visits", "diary"):
            frame = getattr(self, name)
            refuse_unusable_names(() if frame is None else frame.columns)
            if frame is not None and not isinstance(frame, PersonFrame | EnginePeople):
                object.__setattr__(self, name, PersonFrame(frame))
        if self.simulated:
            object.__setattr__(self, "smallest_cell", 0)
        rare = missingness.rare_levels(self.people, self.codebook, self.smallest_cell, self.rare_levels)
        object.__setattr__(self, "rare_levels", rare)
        for name, levels in rare.items():
            declare_rare_levels(self, name, self.codebook[name].levels, levels, self.people.columns)
        self.declare_policy(self.label)

    def declare_policy(self, label: str) -> None:
        """Declare for a name of this study in results which counts may be shown."""
        declare_policy(label, Policy(self.smallest_cell, {n: lv for n, lv in self.rare_levels.items() if lv}))

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
        facts = missingness.summarize(
            self.people,
            self.codebook,
            visits=self.visits,
            diary=self.diary,
            cycles=self.cycles,
            design=self.design.summary,
        )
        return facts | {f"Note {n}": text for n, text in enumerate(self.provenance.get("notes", ()), 1)}

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
            cycles in which it was measured, n (participants with a value; 0 if it was not measured). Rare
            levels are counted; `study.variable(name).levels` has all.

        Examples
        --------
        >>> import toolkit as tk
        >>> tk.open_study("simulated").variables("body mass")["name"].to_list()
        ['bmi']
        """
        listed = missingness.list_variables(self.people, self.codebook, self.cycles, search)
        return missingness.hide_small(listed, self.smallest_cell)

    def variable(self, name: str) -> Variable:
        """Return the codebook entry of a measured variable.

        Raises a VariableError if the study has no such variable or no cycle measured it, and a DatasetError
        if the file that contains it is missing.
        """
        return missingness.require_measured(self.codebook[name], self.people, self.label)

    def weight_for(self, variables: str | Sequence[str], domain: str = "") -> WeightChoice:
        """Choose the weight for a joint analysis of variables, with the reason.

        Parameters
        ----------
        variables, domain
            Names in the codebook, and the domain of the analysis; a condition on `cycle` narrows the cycles.

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
            variable, cycle, reason, n (participants), percent (of the participants of the cycle). The reason
            "has a value" counts participants with a value. Counts below `smallest_cell`, and another that
            would give one back, are null.
        """
        self.variable(variable)
        counts = missingness.count_missing(self.people, variable)
        return missingness.hide_small(counts, self.smallest_cell, ("variable", "cycle"))

    def availability(self, *, by_reason: bool = False) -> pl.DataFrame:
        """Report for each cause, exposure and cycle whether it was measured.

        Parameters
        ----------
        by_reason
            True for one row per reason for missing values, with missing_reason, missing_n and
            missing_percent (of the participants who were eligible for the question or test).

        Returns
        -------
        polars.DataFrame
            cause, exposure, cycle, status (measured, proxy, not measured), reason, n (participants with a
            value), percent_missing (of the participants who were eligible for the question or test). The
            reason begins with "changed:" where a measured cycle is not comparable with the others;
            `study.codebook.comparability()` lists every cycle of the survey.
        """
        found = missingness.availability_of(
            self.people, self.codebook, self.label, self.cycles, by_reason=by_reason
        )
        return missingness.hide_small(found, self.smallest_cell)

    @property
    def cycles(self) -> tuple[str, ...]:
        """The cycles of the study in order; one cycle named "" if there are none."""
        if "cycle" not in self.people.columns:
            return ("",)
        found = self.people.group_by(cycle=pl.col("cycle").cast(pl.String)).agg(pl.len())
        return tuple(sorted(found["cycle"].drop_nulls()))

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
        """Add a derived variable.

        Parameters
        ----------
        name
            Name of the new variable.
        expression
            A condition, for a yes/no variable; arithmetic, for a continuous variable; `when(age < 40,
            'younger', 'older')`, for a categorical variable; the name of a categorical variable, to declare
            the order of its levels; or a polars expression.
        levels
            Levels of a text variable from lowest to highest; declares them ordered.
        label, unit
            Used in tables and charts.
        reference
            The reference level; the first level by default.
        node
            The node of the causal diagram that the variable measures, such as "body_mass". A variable
            derived from variables of one node inherits that node.

        Returns
        -------
        Study
            A copy with the variable. Missing values inherit the reasons of the inputs.

        Raises
        ------
        VariableError
            If the name exists, an input is unknown, or a value is not among the levels.

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
        asked = analyst_variables.Specification(name, tuple(levels or ()), label, reference, unit, node)
        step = analyst_variables.derivation_of(self.people, self.codebook, asked, expression)
        for needed in analyst_variables.variables_read(self.people, self.codebook, step):
            if needed in self.codebook:  # free text, dates and columns of the design can be read too
                self.variable(needed)
        return self._with(step)

    def _with(self, step: Derivation) -> "Study":
        people, codebook = derive(self.people, self.codebook, [step])
        added = {**self.derivations, step.variable.name: step}
        return replace(self, people=people, codebook=codebook, derivations=added)

    def cut(self, name: str, into: int = 3, domain: str = "", as_: str | None = None) -> "Study":
        """Add quantile groups of a continuous variable, cut at its weighted quantiles in a domain.

        Parameters
        ----------
        name
            A continuous variable.
        into
            Number of groups, at least 2. Participants with equal values stay together, so there are fewer
            groups if cut points coincide.
        domain
            A condition; participants outside it have the missing reason "outside the domain".
        as_
            Name of the new variable; "bmi_thirds", for example, by default.

        Returns
        -------
        Study
            A copy with the variable, whose ordered levels state the bounds of each group. Its note contains
            the cut points and the number of participants per group.

        Raises
        ------
        VariableError
            If the variable is categorical or constant in the domain, or the name exists.

        Notes
        -----
        Uses the weight of an analysis of the variable in the domain (`weight_for`). A cut point is the lowest
        value with at least that share of the weights at or below it, as in `tk.quantile` and svyquantile of
        R's survey package; it belongs to the lower group.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated").cut("bmi", into=4, domain="age >= 20")
        >>> len(study.codebook["bmi_quarters"].levels)
        4
        """
        return self._with(analyst_variables.quantile_derivation(self, name, into, domain, as_))

    def merge_levels(
        self, name: str, levels: Mapping[str, str | Sequence[str]], as_: str | None = None
    ) -> "Study":
        """Add a variable with merged levels of another.

        Parameters
        ----------
        name
            A categorical variable.
        levels
            New level to the old level or levels that it replaces. Other levels stay unchanged.
        as_
            Name of the new variable; by default the old name with "_merged".

        Returns
        -------
        Study
            A copy with the variable. Merged levels keep their order if they are adjacent. The reference is
            the level that contains the old reference, and missing values keep their reasons.

        Raises
        ------
        VariableError
            If a level is unknown or named twice, fewer than two levels would remain, or the name exists.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated")
        >>> study = study.merge_levels("general_health", {"fair or poor": ["fair", "poor"]}, as_="health")
        >>> study.codebook["health"].levels
        ('excellent', 'very good', 'good', 'fair or poor')
        """
        return self._with(analyst_variables.merged_derivation(self, name, levels, as_))

    def with_cause(self, card: Card) -> "Study":
        """Add the variables of a cause of one's own, after checking its rules against their truth tables.

        Parameters
        ----------
        card
            A `tk.Card` with its exposures and rules.

        Returns
        -------
        Study
            A copy with the derived variables; missing values inherit the reasons of their inputs.

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
        """Return a copy with another survey design, such as `study.design.calibrated(totals)`."""
        return replace(self, design=design)
