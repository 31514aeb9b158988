"""Probabilistic bias analysis: misclassification or an unmeasured confounder, with design-based random error.

Method: Fox, MacLehose & Lash, Applying Quantitative Bias Analysis to Epidemiologic Data (2nd ed., 2021), ch.
6 and 8, on the standardized prevalences of a comparison in place of counts of people. Random error is drawn
from the design-based covariance of these prevalences and goes through the same correction, so that what
magnifies the estimate magnifies its error too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl
from scipy.special import ndtr

from toolkit.errors import EstimationError, VariableError, require_finite, require_whole_number
from toolkit.estimate.sensitivity.comparisons import Comparison, Shares, as_result, comparisons_of
from toolkit.results import DRAWS, SCHEMA, Estimates, Floats, by_columns
from toolkit.variables import recorded

# Associations corrected for a bias: result rows, with `error` (random, systematic, total) among the groups.
BIAS_SCHEMA: dict[str, pl.DataType] = {"error": pl.String(), **SCHEMA, **DRAWS}
# Sensitivity plus specificity at or below this tells nobody apart.
_RANDOM = 1.0
_DRAWS = 10_000
_MOST_DRAWS = 10_000_000  # 80 MB for each parameter
# More rejected draws than this share ask for other parameters (Fox et al., Int J Epidemiol 2005;34:1370).
_MOST_REJECTED = 0.10
# What a corrected estimate does not have.
_OF_THE_MODEL = ("std_error", "statistic", "p_value", "df", "df_numerator", "n_effective", "deff", "variance")
_RATIOS = ("prevalence_ratio", "standardised_ratio", "odds_ratio")


class Distribution(Protocol):
    """A frozen distribution of scipy.stats, such as `scipy.stats.beta(90, 10)`."""

    def ppf(self, q: Any) -> Any:
        """Return quantiles."""


Parameter = float | Distribution


class _Cells(NamedTuple):
    """Shares of people by outcome and exposure (draws long, or one number each)."""

    exposed_cases: Floats
    other_cases: Floats
    exposed_others: Floats
    other_others: Floats


@dataclass(frozen=True)
class MisclassifiedExposure:
    """An exposure that is recorded with error.

    Attributes
    ----------
    sensitivity, specificity
        Of the exposure as recorded: a number from 0 to 1, or a distribution of scipy.stats.
    sensitivity_controls, specificity_controls
        Of people without the outcome, where they differ from those with it; None for the same.
    correlation
        Of the draws for people with and without the outcome, where both are distributions.

    Examples
    --------
    >>> from scipy import stats
    >>> MisclassifiedExposure(stats.beta(90, 10), 0.98).specificity
    0.98
    """

    sensitivity: Parameter
    specificity: Parameter
    sensitivity_controls: Parameter | None = None
    specificity_controls: Parameter | None = None
    correlation: float = 0.8

    def draw(self, chance: "_Chance") -> dict[str, Floats]:
        """Draw the parameters."""
        return _draw_pairs(self, chance, ("sensitivity_controls", "specificity_controls"))

    def correct(self, cells: _Cells, drawn: Mapping[str, Floats]) -> _Cells:
        """Move people between exposed and not exposed, among those with and without the outcome."""
        a, b, c, d = cells
        exposed = _true_share(a, a + b, drawn["sensitivity"], drawn["specificity"])
        controls = _true_share(c, c + d, drawn["sensitivity_controls"], drawn["specificity_controls"])
        return _Cells(exposed, a + b - exposed, controls, c + d - controls)


@dataclass(frozen=True)
class MisclassifiedOutcome:
    """An outcome that is recorded with error.

    Attributes
    ----------
    sensitivity, specificity
        Of the outcome as recorded: a number from 0 to 1, or a distribution of scipy.stats.
    sensitivity_unexposed, specificity_unexposed
        Of people at the reference level, where they differ from the exposed; None for the same.
    correlation
        Of the draws for exposed and others, where both are distributions.

    Examples
    --------
    >>> MisclassifiedOutcome(sensitivity=0.8, specificity=0.95).sensitivity
    0.8
    """

    sensitivity: Parameter
    specificity: Parameter
    sensitivity_unexposed: Parameter | None = None
    specificity_unexposed: Parameter | None = None
    correlation: float = 0.8

    def draw(self, chance: "_Chance") -> dict[str, Floats]:
        """Draw the parameters."""
        return _draw_pairs(self, chance, ("sensitivity_unexposed", "specificity_unexposed"))

    def correct(self, cells: _Cells, drawn: Mapping[str, Floats]) -> _Cells:
        """Move people between cases and others, among exposed and not exposed."""
        a, b, c, d = cells
        exposed = _true_share(a, a + c, drawn["sensitivity"], drawn["specificity"])
        others = _true_share(b, b + d, drawn["sensitivity_unexposed"], drawn["specificity_unexposed"])
        return _Cells(exposed, others, a + c - exposed, b + d - others)


@dataclass(frozen=True)
class UnmeasuredConfounder:
    """A confounder of two levels that was not measured.

    Attributes
    ----------
    prevalence_exposed, prevalence_unexposed
        Among the exposed and the others, beyond the covariates: a number from 0 to 1, or a distribution.
    ratio
        The prevalence ratio of the outcome for people with the confounder: a positive number, or a
        distribution.
    correlation
        Of the draws of the two prevalences, where both are distributions.

    Examples
    --------
    >>> UnmeasuredConfounder(0.4, 0.2, ratio=2.0).ratio
    2.0
    """

    prevalence_exposed: Parameter
    prevalence_unexposed: Parameter
    ratio: Parameter
    correlation: float = field(default=0.0)

    def draw(self, chance: "_Chance") -> dict[str, Floats]:
        """Draw the parameters."""
        first, second = chance.pair(self.correlation)
        return {
            "prevalence_exposed": chance.of(self.prevalence_exposed, "prevalence_exposed", first),
            "prevalence_unexposed": chance.of(self.prevalence_unexposed, "prevalence_unexposed", second),
            "ratio": chance.of(self.ratio, "ratio", chance.one(), most=np.inf),
        }

    def correct(self, cells: _Cells, drawn: Mapping[str, Floats]) -> _Cells:
        """Take the confounder's part from the prevalence of the exposed."""
        excess = drawn["ratio"] - 1
        bias = (1 + drawn["prevalence_exposed"] * excess) / (1 + drawn["prevalence_unexposed"] * excess)
        a, b, c, d = cells
        return _Cells(a / bias, b, a + c - a / bias, d)


Bias = MisclassifiedExposure | MisclassifiedOutcome | UnmeasuredConfounder


@recorded
def bias_analysis(result: Estimates, bias: Bias, *, draws: int = _DRAWS, seed: int = 1) -> pl.DataFrame:
    """Correct associations for one bias whose parameters are uncertain.

    Parameters
    ----------
    result
        Ratios of `tk.association` (prevalence, standardized or odds ratios), crude or adjusted.
    bias
        `tk.effects.MisclassifiedExposure`, `MisclassifiedOutcome` or `UnmeasuredConfounder`, with numbers or
        distributions of scipy.stats as parameters.
    draws
        How often the parameters are drawn.
    seed
        The same seed gives the same numbers.

    Returns
    -------
    polars.DataFrame
        Result rows, which `tk.table` and `tk.forest` take: for each comparison three, of the `error` "random"
        (the estimate with its interval), "systematic" (median and percentiles over the parameters alone) and
        "total" (with the design-based random error too). `rejected` of `draws` are impossible because they
        give negative shares; more than a tenth ask for other parameters, and `reason` says so.

    Raises
    ------
    VariableError
        If a parameter is outside of its range, or the exposure is continuous.
    EstimationError
        If the rows are no ratios of `tk.association`, or every draw is impossible.

    Notes
    -----
    Fox, MacLehose & Lash (2021): the drawn parameters correct the shares of people by exposure and outcome,
    which are those of the standardized prevalences. The corrected ratio over the uncorrected one is then
    applied to the estimate. For the total error these shares are drawn from a multivariate t distribution
    with the design-based covariance and degrees of freedom, on the logit scale.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 0, 0, 1, 0, 1, 1, 1] * 20, "old": [0, 0, 0, 0, 1, 1, 1, 1] * 20})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> found = tk.association(study, "cramps", "old", adjust=())
    >>> bias_analysis(found, MisclassifiedOutcome(0.9, 1.0), draws=500)["estimate"].round(1).to_list()
    [3.0, 3.0, 3.0]
    """
    require_whole_number("draws", draws, 100, _MOST_DRAWS)
    require_whole_number("seed", seed, 0)
    if not isinstance(bias, Bias):
        raise VariableError(
            "A bias is tk.effects.MisclassifiedExposure, MisclassifiedOutcome or UnmeasuredConfounder, and "
            f"this is of the type '{type(bias).__name__}'. Analyze one at a time."
        )
    result = as_result(result, "tk.effects.bias_analysis")
    by = by_columns(result)
    rows: list[dict[str, Any]] = []
    for comparison in comparisons_of(result, _RATIOS):
        rows += _analyze(comparison, bias, _Chance(np.random.default_rng(seed), draws))
    schema = {**dict.fromkeys(by, pl.String()), **BIAS_SCHEMA}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema)


@dataclass(frozen=True)
class _Chance:
    """The random numbers of one analysis."""

    generator: np.random.Generator
    draws: int

    def one(self) -> Floats:
        """Draw standard normal numbers."""
        return self.generator.standard_normal(self.draws)

    def pair(self, correlation: float) -> tuple[Floats, Floats]:
        """Draw two standard normal numbers that correlate."""
        require_finite("correlation", correlation, "Use a number from -1 to 1.")
        if not -1 <= correlation <= 1:
            raise VariableError(f"correlation={correlation:g} is not between -1 and 1.")
        first, second = self.one(), self.one()
        return first, correlation * first + np.sqrt(1 - correlation**2) * second

    def of(self, parameter: Parameter, name: str, normal: Floats, most: float = 1.0) -> Floats:
        """Turn standard normal numbers into draws of a parameter."""
        if isinstance(parameter, int | float):
            drawn = np.full(self.draws, float(parameter))
        elif hasattr(parameter, "ppf"):
            drawn = np.asarray(parameter.ppf(ndtr(normal)), np.float64)
        else:
            raise VariableError(
                f"{name} is of the type {type(parameter).__name__}. Use a number, or a distribution of "
                "scipy.stats such as scipy.stats.beta(90, 10)."
            )
        if not (np.isfinite(drawn) & (drawn >= 0) & (drawn <= most)).all():
            end = "1" if most == 1 else "a finite number"
            raise VariableError(
                f"{name} leaves the range from 0 to {end}: it takes values from {drawn.min():.3g} to "
                f"{drawn.max():.3g}. Use a distribution within the range."
            )
        return drawn

    def shares(self, own: Shares, df: float) -> tuple[Floats, Floats, Floats]:
        """Draw the two prevalences and the share of the exposed with their design-based error."""
        points = np.array([own.exposed, own.others, own.share])
        covariance = np.zeros((3, 3))
        covariance[:2, :2], covariance[2, 2] = own.covariance, own.share_variance
        slopes = 1 / (points * (1 - points))
        normal = self.generator.multivariate_normal(
            np.zeros(3), covariance * np.outer(slopes, slopes), self.draws, method="eigh"
        )
        spread = np.sqrt(df / self.generator.chisquare(df, self.draws)) if np.isfinite(df) else 1.0
        logits = np.log(points / (1 - points)) + normal * np.atleast_1d(spread)[:, None]
        exposed, others, share = (1 / (1 + np.exp(-logits))).T
        return exposed, others, share


def _draw_pairs(bias: Any, chance: _Chance, others: tuple[str, str]) -> dict[str, Floats]:
    """Draw sensitivity and specificity of both groups; the same where only one is given."""
    found = {}
    for name, other in zip(("sensitivity", "specificity"), others, strict=True):
        first, second = chance.pair(bias.correlation)
        found[name] = chance.of(getattr(bias, name), name, first)
        second_parameter = getattr(bias, other)
        found[other] = found[name] if second_parameter is None else chance.of(second_parameter, other, second)
    return found


def _true_share(recorded: Floats, every: Floats, sensitivity: Floats, specificity: Floats) -> Floats:
    """Compute how many were truly positive, from how many were recorded so."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (recorded - (1 - specificity) * every) / (sensitivity + specificity - 1)
        return np.asarray(np.where(sensitivity + specificity > _RANDOM, found, np.nan), np.float64)


def _cells(exposed: Any, others: Any, share: Any) -> _Cells:
    return _Cells(share * exposed, (1 - share) * others, share * (1 - exposed), (1 - share) * (1 - others))


def _ratio(cells: _Cells, *, odds: bool) -> Floats:
    """Compute the ratio of prevalences, or of odds; NaN for impossible cells."""
    a, b, c, d = (np.asarray(x, np.float64) for x in cells)
    possible = np.minimum(np.minimum(a, b), np.minimum(c, d)) > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        found = a * d / (b * c) if odds else (a / (a + c)) / (b / (b + d))
        return np.asarray(np.where(possible, found, np.nan), np.float64)


def _analyze(comparison: Comparison, bias: Bias, chance: _Chance) -> list[dict[str, Any]]:
    if not comparison.has_interval:
        return [{**comparison.row, "error": "random"}]
    row, own = comparison.row, comparison.shares
    odds = row["estimand"] == "odds_ratio"
    observed = _ratio(_cells(own.exposed, own.others, own.share), odds=odds)
    scale = float(row["estimate"] / observed)
    drawn = bias.draw(chance)

    def correct(exposed: Any, others: Any, share: Any) -> Floats:
        corrected = _ratio(bias.correct(_cells(exposed, others, share), drawn), odds=odds)
        return np.asarray(corrected * scale, np.float64)

    ends = (50, 50 * (1 - row["conf_level"]), 50 * (1 + row["conf_level"]))
    rows = [{**row, "error": "random"}]
    errors: dict[str, Callable[[], Floats]] = {
        "systematic": lambda: correct(own.exposed, own.others, own.share),
        "total": lambda: correct(*chance.shares(own, comparison.df)),
    }
    for error, simulate in errors.items():
        ratios = simulate()
        possible = ratios[np.isfinite(ratios)]
        if not possible.size:
            raise EstimationError(
                f"All {chance.draws:,} draws are impossible for '{row['exposure']}' = '{row['level']}': they "
                "give negative numbers of people. Higher sensitivity or specificity is needed: fewer people "
                "are recorded as positive than the specificity alone would give."
            )
        rejected = chance.draws - possible.size
        middle, low, high = np.percentile(possible, ends)
        reason = None
        if rejected > _MOST_REJECTED * chance.draws:
            reason = (
                f"{rejected:,} of {chance.draws:,} draws are impossible; the parameters do not fit the data"
            )
        rows.append({
            **row, **dict.fromkeys(_OF_THE_MODEL), "error": error, "estimate": middle, "conf_low": low,
            "conf_high": high, "draws": chance.draws, "rejected": rejected, "reason": reason or row["reason"],
            "reliability": "review" if reason else row["reliability"],
        })  # fmt: skip
    return rows
