"""Write the sensitivity analyses of a report: unmeasured confounding, misclassification, missing data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from toolkit.disclosure import is_hidden, policy_of, round_in_run, show
from toolkit.display.charts.forest_plot import forest
from toolkit.display.text import (
    capitalize,
    finding,
    format_estimate,
    format_size,
    label_variable,
    name_interval,
    phrase_count,
    remove_warning,
    shorten_reason,
)
from toolkit.errors import join_list
from toolkit.report.paper.exhibits import Paper
from toolkit.results import SCHEMA, Row, estimand_of

_CORRECTED = {"random": "complete cases", "total": "outcome corrected for misclassification"}


@dataclass(frozen=True)
class Passages:
    """Passages and figures that are displayed one after the other."""

    parts: Sequence[Any]

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for part in self.parts:
            display(part)  # type: ignore[no-untyped-call]


def robustness(checks: Any, paper: Paper) -> Passages:
    """Write the sensitivity analyses of an association, with one forest plot.

    Parameters
    ----------
    checks
        What `tk.effects.check_robustness` returned. An analysis that was not possible is a sentence with the
        reason.
    paper
        The report, which numbers the figure and the references.

    Returns
    -------
    Passages
        Three passages and a figure.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> checks = tk.effects.check_robustness(study, "any_cramps", "arthritis", adjust=("age",), m=2)
    >>> robustness(checks, tk.reports.Paper()).parts[2].html
    '...No covariate has missing values...'
    """
    parts: list[Any] = [
        paper.prose(_confounding(checks, paper), heading="Unmeasured confounding", level=3),
        paper.prose(_misclassification(checks, paper), heading="Misclassification of the outcome", level=3),
        paper.prose(_missing_data(checks, paper), heading="Missing data", level=3),
    ]
    if rows := [*_compared_rows(checks)]:
        together = pl.concat(rows, how="diagonal_relaxed")
        drawn = forest(together, labels=paper.labels)
        note = "The interval after the correction is from the percentiles of the simulation."
        title = "The main estimate, with imputed covariates, and corrected for misclassification"
        parts.append(paper.figure(drawn, together, title, note * (checks.bias is not None)))
    return Passages(parts)


def _why_not(checks: Any, name: str, what: str) -> str:
    reason = shorten_reason(checks.reasons.get(name, "it was not requested"))
    return f"{what} was not possible. {capitalize(reason)}."


def _confounding(checks: Any, paper: Paper) -> str:
    if checks.e_values is None:
        return _why_not(checks, "e_values", "An E-value")
    cited = paper.cite("vanderweele2017")
    text = remove_warning(finding(checks.e_values, labels=paper.labels))
    return f"{text} An E-value is about confounding alone, not about measurement or selection {cited}."


def _misclassification(checks: Any, paper: Paper) -> str:
    if checks.bias is None:
        return _why_not(checks, "bias", "A correction for misclassification")
    text = remove_warning(finding(checks.bias, labels=paper.labels))
    return (
        f"{checks.bias_assumptions} {text} The method is probabilistic bias analysis {paper.cite('fox2021')}."
    )


def _missing_data(checks: Any, paper: Paper) -> str:
    if checks.imputed is None:
        return _why_not(checks, "imputed", "A comparison with imputed covariates")
    diagnostics = checks.imputations.diagnostics.sort("n_imputed", descending=True, nulls_last=True)
    # Where the size of an analysis is withheld, the numbers of imputed values would give it back.
    counted = checks.imputed["n"].null_count() == 0 and diagnostics["n_imputed"].null_count() == 0
    counts = [
        label_variable(row["variable"], paper.labels) + _count_imputed(row) * counted
        for row in diagnostics.rows(named=True)
    ]
    cited = paper.cite("vanbuuren2011", "barnard1999")
    estimates = " ".join(_phrase_imputed(show(checks.imputed)))
    return (
        f"{checks.imputations.description} Numbers are drawn by predictive mean matching and categories from "
        f"logistic models, and the results are pooled by Rubin's rules {cited}. Values were imputed for "
        f"{join_list(counts)}. {estimates} Imputation assumes that values are missing at random given the "
        "other variables; participants without outcome or exposure stay excluded."
    )


def _count_imputed(row: Mapping[str, Any]) -> str:
    """Write how many values were imputed, rounded as the sizes whose difference the number is."""
    policy, count = policy_of(row["study"]), row["n_imputed"]
    shown = policy.round(count) if round_in_run(policy.smallest_cell) else count
    return f" ({phrase_count(row['study'], shown)})" if shown else ""


def _phrase_imputed(frame: pl.DataFrame) -> Iterator[str]:
    """State for each level the estimate of complete cases and the pooled one."""
    complete, pooled = (
        frame.filter(data=text).rows(named=True) for text in frame["data"].unique(maintain_order=True)
    )
    level = name_interval(frame)
    for before, after in zip(complete, pooled, strict=True):
        contrast = f" for {before['level_label']}" if len(complete) > 1 else ""
        first, second = (_with_size(row, level) for row in (before, after))
        yield (
            f"The {estimand_of(before).noun}{contrast} was {first} among participants with complete data, "
            f"and {second} with imputed covariates."
        )


def _with_size(row: Row, level: str) -> str:
    """Write an estimate with its interval and number of participants."""
    if is_hidden(row):
        return f"not shown ({shorten_reason(row['reason'])})"
    value, _, interval = format_estimate(row).partition(" (")
    inside = "; ".join(filter(None, [f"{level} {interval.rstrip(')')}", format_size(row)]))
    return f"{value} ({inside})"


def _compared_rows(checks: Any) -> Iterator[pl.DataFrame]:
    """Yield result rows with the column `analysis`: complete cases, imputed, and corrected."""
    names = ["analysis", *SCHEMA]
    if checks.imputed is not None:
        yield checks.imputed.rename({"data": "analysis"}).select(names)
    if checks.bias is not None:
        wanted = ["total"] if checks.imputed is not None else [*_CORRECTED]
        shown = show(checks.bias).filter(pl.col("error").is_in(wanted))
        yield shown.select(pl.col("error").replace(_CORRECTED).alias("analysis"), *SCHEMA)
