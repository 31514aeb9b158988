"""Hold people, design and codebook together as a study, and open the studies there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.catalog import shipped
from toolkit.causes import DERIVATIONS
from toolkit.causes.card import Card
from toolkit.codebook import Codebook, Variable
from toolkit.derivation import derive
from toolkit.design import Design
from toolkit.domain import parse
from toolkit.errors import DatasetError, VariableError, unknown
from toolkit.expressions import formula
from toolkit.gaps import availability, count_missing
from toolkit.level_groups import LevelGroups
from toolkit.own.frame import TOOLKIT, own_population
from toolkit.own_variable import Words, own_step
from toolkit.person_frame import PersonFrame
from toolkit.population import Population
from toolkit.population_files import holds_population, take_over
from toolkit.recall import open_once
from toolkit.study_summary import summary_html
from toolkit.weight_choice import WeightChoice, choose_weight

STUDIES = {
    "simulated": "12,000 simulated people with all ten causes; carried by the toolkit, needs no files",
    "nhanes": "NHANES, the US national survey; asked about leg cramps at night in 2005-2008 (item SLQ160)",
    "example-survey": "480 invented adults of 24 villages: an example of a survey of one's own",
    "example-cohort": "60 invented adults with visits and nights: an example of a cohort of one's own",
}
EXAMPLES = "example-"  # the rest of such a study's name is its folder in datasets/examples


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
        from toolkit.r_script import write_r

        return write_r(self, folder)

    def _repr_html_(self) -> str:
        return summary_html(self, self.cycles)


def available_studies() -> dict[str, str]:
    """Name the studies that can be opened, each with a sentence on it.

    Returns
    -------
    dict
        Name to sentence.

    Examples
    --------
    >>> list(available_studies())
    ['simulated', 'nhanes', 'example-survey', 'example-cohort']
    """
    return dict(STUDIES)


def open_study(name: str | Path, **options: Any) -> Study:
    """Open a study by its name, or a study of one's own by the path of its `study.toml`.

    Parameters
    ----------
    name
        "simulated", "nhanes", "example-survey" or "example-cohort"; the path of a `study.toml`; or the folder
        of a population that `tk.render` hands to a notebook.
    **options
        For "nhanes": cycles=("2005-2006", "2007-2008"). For "simulated": seed.

    Returns
    -------
    Study
        With the exposures of all ten causes derived where their inputs were measured.

    Raises
    ------
    DatasetError
        For an unknown study, option or cycle, and for files that are missing or not as the codebook or the
        `study.toml` says, then with every problem at once.

    Examples
    --------
    >>> open_study("simulated").people.height
    12000
    """
    if holds_population(name):
        return Study(**vars(take_over(name)))
    if str(name).endswith(".toml"):
        return _as_study(_own(name, options))
    if name not in STUDIES:
        raise DatasetError(unknown("there is no study", str(name), STUDIES, "All: tk.available_studies()"))
    if str(name).startswith(EXAMPLES):
        folder = str(name).removeprefix(EXAMPLES)
        return _as_study(_own(shipped("datasets") / "examples" / folder / "study.toml", options))
    opener = _opener(str(name))
    for option in options:
        if option not in signature(opener).parameters:
            known = list(signature(opener).parameters)
            raise DatasetError(unknown(f"study '{name}' has no option", option, known))
    opened = open_once(str(name), options, lambda: _as_study(opener(**options)))
    return opened if isinstance(opened, Study) else Study(**vars(opened))


def _own(path: str | Path, options: Mapping[str, Any]) -> Population:
    from toolkit.own.opening import open_own

    for option in options:
        raise DatasetError(f"your own study has no option '{option}'. Write it into '{Path(path).name}'.")
    return open_own(path)


def _opener(name: str) -> Callable[..., Population]:
    # A study that is not opened costs no time.
    opener: Callable[..., Population] = getattr(import_module(f"toolkit.{name}"), f"open_{name}")
    return opener


def _as_study(population: Population) -> Study:
    people, codebook = derive(population.people, population.codebook, DERIVATIONS)
    parts = {f.name: getattr(population, f.name) for f in fields(Population)}
    return Study(**{**parts, "people": people, "codebook": codebook})


def study(
    frame: Any,
    *,
    design: Design,
    name: str = "my study",
    codebook: Codebook | str | None = None,
) -> Study:
    """Make a study of a frame of one's own.

    Parameters
    ----------
    frame
        One row a person: polars, pandas, pyarrow, a DuckDB relation, or any frame that narwhals knows; one
        that answers lazily is collected once.
    design
        Which columns are weight, strata, psu, fpc; or `tk.Design.none()`.
    name
        How results call the study.
    codebook
        None: nothing is matched by name; text has levels without an order, listed by their first number or
        the alphabet, the first being the reference; a polars Enum, an ordered pandas Categorical or Arrow
        dictionary and a DuckDB ENUM declare an order (polars drops that of pandas or R when it reads their
        parquet: read it with pyarrow or pandas); true/false and 0/1 are yes/no; other numbers are
        continuous. "toolkit": a column that has the name of a variable of the toolkit's codebook is that
        variable, in its levels and its unit, and the exposures of the ten causes are derived. A `Codebook`:
        as it says.

    Returns
    -------
    Study
        NaN has become null; people without a value have the reason "no value recorded".

    Raises
    ------
    DatasetError
        If the frame is empty or no frame.
    DesignError
        If no design is declared or it names a column that is not there.
    VariableError
        If a column matched by its name is not what the codebook says.

    Examples
    --------
    >>> import polars as pl
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0], "w": [1.0, 2.0, 1.0, 2.0]})
    >>> study(people, design=Design(weight="w"), name="four people").codebook["cramps"].kind
    'yes_no'
    """
    population = own_population(frame, design, name, codebook)
    return _as_study(population) if codebook == TOOLKIT else Study(**vars(population))
