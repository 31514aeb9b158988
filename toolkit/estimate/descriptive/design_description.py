"""Describe the sampling design of one analysis in sentences: strata, PSUs, weight, degrees of freedom.

The facts come from the sample and the sampling units that the estimators use, so that a report cannot say
anything else than what was done.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from toolkit.disclosure import phrase_size, round_in_run
from toolkit.errors import EstimationError, require_study
from toolkit.estimate.survey import Sample, design_df, draw
from toolkit.results import SCHEMA, variables_of
from toolkit.studies import Study
from toolkit.variables import as_covariates

Kind = Literal["none", "linearization", "replicate weights"]
_NAMED = ("outcome", "exposure", "adjust")
LONELY = {
    "fail": "a stratum with a single PSU is refused",
    "certainty": "a stratum with a single PSU contributes nothing to the variance",
    "remove": "a stratum with a single PSU contributes nothing to the variance",
    "adjust": "a stratum with a single PSU is centered at the grand mean",
    "average": "a stratum with a single PSU contributes the average of the other strata",
}


@dataclass(frozen=True)
class DesignFacts:
    """The sampling design of one analysis; prints as sentences.

    Attributes
    ----------
    kind
        "none" for a study declared without a sampling design, "linearization" or "replicate weights".
    n
        Participants with a weight in the subpopulation, those with missing values among them.
    strata, psus
        Number of first-stage strata and of PSUs of the whole design of the analysis (its contributing
        cycles); 0 and 0 with replicate weights. Where participants were drawn singly each is a PSU.
    strata_column, psu_columns, fpc_columns
        The columns that name them, one PSU column a stage; "" and () where there are none.
    lonely_psu, lonely_strata
        The rule for strata with a single PSU, and how many there are.
    component, weight_column, weight_sentence
        The weight, as the result's column `weight` shows it, its column ("" where everyone counts as one),
        and why it was chosen.
    df
        Degrees of freedom of the design in the subpopulation: PSUs minus strata, or the rank of the replicate
        weights minus 1.
    replicate_method, replicates
        How replicate weights were made, and how many there are; "" and 0 where there are none.
    cycles
        The survey cycles that contribute; () where cycles are not pooled.
    calibration
        What the weights were calibrated to, in words; "" if to nothing.
    rounding
        The number to whose multiples numbers of participants are rounded in sentences, as in reports; else 0.
    """

    kind: Kind
    n: int
    strata: int
    psus: int
    strata_column: str
    psu_columns: tuple[str, ...]
    fpc_columns: tuple[str, ...]
    lonely_psu: str
    lonely_strata: int
    component: str
    weight_column: str
    weight_sentence: str
    df: int
    replicate_method: str = ""
    replicates: int = 0
    cycles: tuple[str, ...] = ()
    calibration: str = ""
    rounding: int = 0

    @property
    def sentence(self) -> str:
        """The facts in words."""
        if self.kind == "none":
            return (
                "This study is declared without a sampling design. Every participant counts once, standard "
                "errors are robust, and the estimates describe the participants, not a population."
            )
        if self.kind == "replicate weights":
            how = f"{self.replicates} replicate weights ({self.replicate_method})"
        else:
            singly = f"{phrase_size(self.psus, self.rounding)} participants drawn singly"
            units = f"{self.psus:,} primary sampling units (PSUs)" if self.psu_columns else singly
            plural = "stratum" if self.strata == 1 else "strata"
            how = f"linearization over {self.strata:,} {plural} and {units}"
            how += f", with finite populations from {', '.join(self.fpc_columns)}" * bool(self.fpc_columns)
        lonely = f" By rule, {LONELY[self.lonely_psu]}." if self.kind == "linearization" else ""
        # Of participants drawn singly their number would follow from the degrees of freedom.
        if self.replicates or self.psu_columns or not self.rounding:
            how += f"; {self.df:,} degrees of freedom"
        return f"{self.weight_sentence} Variance: {how}.{lonely}"

    def __str__(self) -> str:
        """Give the sentence."""
        return self.sentence


def describe_design(
    study: Study, variables: str | Sequence[str] | pl.DataFrame, *, domain: str = ""
) -> DesignFacts:
    """State the sampling design of an analysis: kind, strata, PSUs, weight, degrees of freedom.

    Parameters
    ----------
    study
        The study.
    variables
        Every variable of the analysis (outcome, exposure, adjustment, groups), or a result frame, which names
        them and the subpopulation itself.
    domain
        The condition of the subpopulation; "" for everyone. A result frame has its own.

    Returns
    -------
    DesignFacts
        Named facts, of the sample that the estimators use.

    Raises
    ------
    VariableError
        For a variable or level that the study does not have.
    DesignError
        If the variables have no common weight, or the design is broken.
    EstimationError
        If nobody is in the subpopulation, or a result has several.

    Examples
    --------
    >>> import toolkit as tk
    >>> facts = tk.describe_design(tk.open_study("simulated"), ("any_cramps", "bmi"), domain="age >= 20")
    >>> facts.kind, facts.strata, facts.psus, facts.df
    ('linearization', 30, 60, 30)
    """
    require_study(study, "tk.survey.describe_design")
    if isinstance(variables, pl.DataFrame):
        names, domain = _read_analysis(study, variables)
    else:
        names = variables_of(as_covariates(variables))
    return _collect_facts(draw(study, names, domain))


def _read_analysis(study: Study, result: pl.DataFrame) -> tuple[tuple[str, ...], str]:
    columns = (result[name] for name in _NAMED if name in result.columns)
    texts = [str(text) for column in columns for text in column.drop_nulls().unique(maintain_order=True)]
    words = [word for text in texts for word in re.findall(r"\w+", text)]
    known = [name for name in dict.fromkeys(words) if name in study.people.columns]
    groups = [name for name in result.columns if name in study.codebook and name not in (*known, *SCHEMA)]
    domains = result["domain"].fill_null("").unique().to_list() if "domain" in result.columns else [""]
    if len(domains) > 1:
        raise EstimationError(
            f"These rows are of {len(domains)} subpopulations, each with its own design. Describe one at "
            f"a time: tk.describe_design(study, result.filter(pl.col('domain') == '...'))."
        )
    return (*known, *groups), str(domains[0])


def _collect_facts(sample: Sample) -> DesignFacts:
    design, units, weight = sample.study.design, sample.units, sample.weight
    first = np.bincount(units.stages[0].parent, minlength=units.strata)
    replicated = units.replication is not None
    kind: Kind = "none" if design.declared_absent else "replicate weights" if replicated else "linearization"
    return DesignFacts(
        kind=kind,
        n=sample.size,
        strata=0 if replicated else units.strata,
        psus=0 if replicated else int(first.sum()),
        strata_column=design.strata or "",
        psu_columns=design.stages,
        fpc_columns=design.fpcs,
        lonely_psu=design.lonely_psu,
        lonely_strata=0 if replicated else int((first == 1).sum()),
        component=weight.component,
        weight_column=weight.weight,
        weight_sentence=weight.sentence,
        df=int(design_df(sample, np.ones(len(sample.unit), bool))),
        replicate_method=(design.replicate_method or "") if replicated else "",
        replicates=len(design.replicates_of(weight.component)) if replicated else 0,
        cycles=weight.cycles,
        calibration=design.calibration.sentence if design.calibration else "",
        rounding=round_in_run(sample.study.smallest_cell),
    )
