"""Estimate every specification of declared analytic choices, and test them together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from toolkit.dag import Diagrams
from toolkit.disclosure import MULTIVERSE
from toolkit.errors import EstimationError, ToolkitError, require_whole_number
from toolkit.estimate.associations.marginal_effects import standardized_association
from toolkit.estimate.associations.shared_samples import Place, Plan, SharedSamples
from toolkit.estimate.regression import (
    STANDARDIZED,
    Term,
    estimate,
    exposure_terms,
    failed,
    one_thread,
)
from toolkit.estimate.sensitivity.multiverse_choices import (
    COLUMNS,
    Choices,
    Options,
    Specification,
    combine,
)
from toolkit.estimate.sensitivity.sign_flips import LARGEST, MEDIAN, ScoreTotals
from toolkit.estimate.survey import intervals
from toolkit.files.http import progress_bar
from toolkit.results import Estimates, frame
from toolkit.studies import Study
from toolkit.variables import Names, Variable, recorded

TEST = "sign_flip_test"
_FEWEST_FLIPS = 99
_MOST_FLIPS = 1_000_000
_ESTIMATED = ("ok", "review")
# What a test says of its specifications if it is the same for all.
_SHARED = ("study", "domain", "outcome", "outcome_label", "exposure", "exposure_label", "adjust")
_STATISTICS = {MEDIAN: "median z", LARGEST: "largest absolute z"}


@recorded
@recorded
def multiverse(
    study: Study,
    outcome: Names | Mapping[str, str],
    exposure: Names | Mapping[str, str],
    *,
    adjust: Options = None,
    domain: Names | Mapping[str, str] = "",
    missing: Names | Mapping[str, str] = "complete",
    estimand: Names | Mapping[str, str] = "prevalence_ratio",
    confidence: float = 0.95,
    flips: int = 1_999,
    seed: int = 1,
    diagram: Diagrams = None,
    allow_descendants: bool = False,
    progress: bool | None = None,
) -> Estimates:
    """Estimate an association under every combination of declared analytic choices (a multiverse).

    Each choice is one option or several; a mapping names them, such as ``{"adults": "age >= 20"}``. Declare
    the options that you would defend before you see a result.

    Parameters
    ----------
    study
        Participants, design and codebook.
    outcome, exposure
        Definitions: variables as for `tk.association`, or conditions such as "sitting_hours >= 8", which set
        the cut-point of a continuous variable.
    adjust
        Adjustment sets, each as for `tk.association`: ((), "small", "full", ("age", "sex")) are four.
    domain
        Populations, as conditions; "" is everyone.
    missing
        How missing values of covariates are handled. "complete": participants with complete data in the
        specification. "common": those with complete data in every specification. "indicator": a missing
        value of a category is a level of its own, and one of a continuous covariate is its median beside an
        indicator, which can be biased (Greenland and Finkle, Am J Epidemiol 1995;142:1255). A covariate that
        fewer than 30 participants or 1% lack stays complete.
    estimand
        "prevalence_ratio", "odds_ratio", "prevalence_difference", "standardised_ratio" or
        "standardised_difference".
    confidence
        Confidence level of each interval, without correction for the number of specifications.
    flips
        How many sign flips the joint test draws; 0 for no test.
    seed
        The same seed gives the same test.
    diagram, allow_descendants
        As for `tk.association`.
    progress
        True for a progress bar, False for none, None for a bar on a terminal only.

    Returns
    -------
    Estimates
        One result row per specification and level of the exposure. In front are `comparison`, which with
        `estimand` tells what may be compared (an exposure of several levels, or per unit, is a comparison of
        its own), `specification` (its number) and a column for each choice of several options:
        `outcome_definition`, `exposure_definition`, `population`, `adjustment_set`, `missing_values`,
        `measure`. A combination that cannot exist, or repeats another one, has its rows with reliability
        "failed" and the reason. Last are the joint tests of each comparison (estimand "sign_flip_test").

    Raises
    ------
    VariableError
        For an unknown variable, option or condition, for a single specification, and for more than 20,000,
        before anything is fitted.
    EstimationError
        For an invalid confidence level or number of flips.

    Notes
    -----
    Each row equals that of `tk.association` with the same arguments. `tk.effects.summarize_multiverse`
    describes the estimates, `tk.effects.compare_choices` which choice moves them, and
    `tk.charts.specification_curve` draws them (Simonsohn, Simmons and Nelson, Nat Hum Behav 2020;4:1208).

    The joint test fits every specification without its exposure, sums the efficient scores of the exposure
    by PSU and flips the signs of the PSUs, the same ones in all specifications (Hemerik, Goeman and Finos, J
    R Stat Soc B 2020;82:841). z is their sum over its design-based standard error, which every flip computes
    anew. "median z" tests whether the specifications together show an association, "largest absolute z"
    whether any does. p is (1 + flips at least as extreme) / (1 + flips). The null hypothesis is that no
    specification has an association; a small p says nothing on confounding, which all specifications may
    share. Strata and PSUs are needed: replicate weights alone, and studies on an engine, have no test.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> rows = tk.multiverse(study, "any_cramps", ("arthritis", "bmi >= 30"), adjust=((), ("age", "sex")),
    ...                      domain={"adults": "age >= 20", "from 40": "age >= 40"}, flips=199)
    >>> rows.select("specification", "exposure_definition", "adjustment_set", "population").row(3)
    ('4', 'arthritis', 'age, sex', 'from 40')
    """
    intervals.check_confidence(confidence)
    require_whole_number("flips", flips, 0, _MOST_FLIPS)
    require_whole_number("seed", seed, 0)
    if flips != 0 and flips < _FEWEST_FLIPS:
        raise EstimationError(
            f"flips={flips} is too few for a p-value. Use {_FEWEST_FLIPS} or more, or 0 for no joint test."
        )
    given = {"outcome": outcome, "exposure": exposure, "domain": domain, "adjust": adjust}
    choices = Choices.declare(**given, missing=missing, estimand=estimand)
    plan = partial(Plan, confidence=confidence, diagram=diagram, allow_descendants=allow_descendants)
    study, specifications = combine(study, choices, plan)
    scores = ScoreTotals(study) if flips else None
    runs = _fit(study, specifications, scores, progress)
    columns = [COLUMNS[choice] for choice in choices.varied]
    rows = [row | dict(zip(columns, map(run.own.options.get, choices.varied), strict=True))
            for run in runs for row in run.rows]  # fmt: skip
    tests = [] if scores is None else list(_test(scores, runs, flips, seed))
    return frame([*rows, *tests], (*MULTIVERSE, *columns))


@dataclass
class _Run:
    """A specification with its rows, and the places of their scores in the joint test by level."""

    number: int
    own: Specification
    rows: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)


def _fit(
    study: Study, specifications: Sequence[Specification], scores: ScoreTotals | None, show: bool | None
) -> list[_Run]:
    """Fit all specifications, those with the same design matrix one after another."""
    samples = SharedSamples(study)
    runs = [_Run(number, own) for number, own in enumerate(specifications, start=1)]
    reserved = [(run, _reserve(samples, run.own)) for run in runs]
    with one_thread(), progress_bar(len(runs), "Specifications", show=show) as bar:
        for run, place in sorted(reserved, key=lambda pair: _order(pair[0].own.plan)):
            run.rows = list(_estimate(samples, run, place, scores))
            bar.advance()
    compared = _name_comparisons(runs)
    for run in runs:
        for row in run.rows:
            about = compared[row["exposure"], row["level"]]
            row |= dict(zip(MULTIVERSE, (about, str(run.number)), strict=True))
    return runs


def _order(plan: Plan) -> tuple[Any, ...]:
    return plan.domain, plan.exposure.name, plan.adjust, plan.complete, plan.outcome, plan.estimand


def _reserve(samples: SharedSamples, own: Specification) -> Place | str:
    """Reserve the variables of a specification, or return the reason why it cannot be fitted."""
    try:
        return own.reason or samples.reserve(own.plan)
    except ToolkitError as error:
        return str(error)


def _estimate(
    samples: SharedSamples, run: _Run, place: Place | str, scores: ScoreTotals | None
) -> Iterable[dict[str, Any]]:
    plan, exposure = run.own.plan, run.own.plan.exposure.name
    if isinstance(place, str):
        return samples.failed_rows(plan, place)
    try:
        analysis = samples.analyze(plan, place)
        standard = plan.estimand in STANDARDIZED
        found = (
            standardized_association(analysis, exposure, plan.estimand) if standard else estimate(analysis)
        )
    except ToolkitError as error:
        return samples.failed_rows(plan, str(error))
    if scores is not None and not scores.reason:
        run.places = scores.add(analysis.model, exposure)
    return found.rows


def _name_comparisons(runs: Sequence[_Run]) -> dict[tuple[str, str], str]:
    """Name what each exposure and level compares: two groups are one comparison, however they are defined."""
    exposures = {run.own.plan.exposure.name: run.own.plan.exposure for run in runs}
    pairs = {
        (name, term.level): (variable, term)
        for name, variable in exposures.items()
        for term in exposure_terms(variable)
    }
    binary = {
        f"{term.level} vs {term.reference}" for variable, term in pairs.values() if _is_binary(variable)
    }
    both = binary.pop() if len(binary) == 1 else "exposed vs unexposed"
    return {
        key: both if _is_binary(variable) else f"{variable.label}: {_contrast(term)}"
        for key, (variable, term) in pairs.items()
    }


def _is_binary(variable: Variable) -> bool:
    return variable.kind != "number" and len(variable.levels) == 2


def _contrast(term: Term) -> str:
    return f"{term.level_label} vs {term.reference}" if term.reference else term.level_label


def _test(scores: ScoreTotals, runs: Sequence[_Run], flips: int, seed: int) -> Iterator[dict[str, Any]]:
    """Test the specifications of each comparison together."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    places: dict[tuple[str, str], list[int]] = {}
    for run in runs:
        for row in run.rows:
            if row["reliability"] in _ESTIMATED and row.get("std_error") is not None:
                key = row["estimand"], row[MULTIVERSE[0]]
                groups.setdefault(key, []).append(row)
                places.setdefault(key, []).extend([run.places[row["level"]]] if run.places else [])
    found = {} if scores.reason else scores.test(places, flips, seed)
    for key, rows in groups.items():
        shared = {name: rows[0][name] for name in _SHARED if len({row[name] for row in rows}) == 1}
        for statistic, label in _STATISTICS.items():
            yield {
                "study": scores.study.label, **shared, "estimand": TEST, MULTIVERSE[0]: key[1],
                COLUMNS["estimand"]: key[0], "level": label, "reliability": "ok",
                "variance": f"{flips:,} sign flips of the score totals of PSUs (seed {seed})",
                **(failed(scores.reason) if scores.reason else
                   dict(zip(("statistic", "p_value"), found[key][statistic], strict=True))),
            }  # fmt: skip
