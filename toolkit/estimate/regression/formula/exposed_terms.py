"""Main effects of an exposure and covariates, and what an engine sums of the terms of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from toolkit.errors import EstimationError
from toolkit.estimate.regression.formula.design_matrix import (
    Matrix,
    express_main_effects,
    levels_present,
    main_effects,
)
from toolkit.estimate.regression.formula.engine_columns import Bases, streamed_columns
from toolkit.estimate.regression.formula.factors import Factor
from toolkit.estimate.survey import Asked, Column, Sample, read
from toolkit.results import Mask
from toolkit.studies import Study
from toolkit.variables import spline_of


@dataclass(frozen=True)
class Exposed:
    """Main effects of an exposure and covariates; the exposure must vary and its reference occur."""

    exposure: str
    adjust: tuple[str, ...] = ()

    def matrix(self, sample: Sample, inside: Mask) -> Matrix:
        """Build the design matrix, or raise EstimationError if no comparison is possible."""
        column = sample.columns[self.exposure]
        if not column.continuous:
            _require_comparison(sample, column, inside)
        return main_effects(sample, (self.exposure,), inside, self.adjust)

    def express(self, sample: Sample, inside: Mask, bases: Bases) -> list[pl.Expr]:
        """Write the columns of the design matrix as expressions over participants."""
        return express_main_effects(sample, (self.exposure,), inside, bases, self.adjust)

    def asked(self, study: Study, also: tuple[str, ...], *, averages: bool) -> Asked:
        """List what an engine sums of the continuous variables, those of `also` included."""
        factors = [Factor(self.exposure, (self.exposure,))]
        for covariate in self.adjust:
            name, knots = spline_of(covariate) or (covariate, ())
            factors.append(Factor(covariate, (name,), knots=knots or None))
        columns = read(study, [*(factor.names[0] for factor in factors), *also])
        plain = [factor.text for factor in factors if not factor.knots]
        levels = len(columns[self.exposure].levels)
        terms = [[factor] for factor in (*factors, *(Factor(name, (name,)) for name in also))]
        return ask_engine(study, columns, terms, ([*plain, *also], averages), levels)


def _require_comparison(sample: Sample, column: Column, inside: Mask) -> None:
    present = levels_present(column.variable, sample.codes(column.name)[inside])
    persons = int(sample.persons[inside].sum())
    if len(present) == 1:
        raise EstimationError(
            f"'{column.name}' has a single level among the {persons:,} participants of the analysis: all are "
            f"'{present[0]}'. Widen the domain, or use another exposure."
        )
    if present[0] != column.reference:
        raise EstimationError(
            f"None of the {persons:,} participants of the analysis has '{column.name}' = "
            f"'{column.reference}', the reference. Widen the domain, or choose another reference: "
            f"tk.association(..., reference='{present[0]}')."
        )


def ask_engine(
    study: Study,
    columns: Mapping[str, Column],
    terms: Sequence[Sequence[Factor]],
    plain: tuple[Sequence[str], bool],
    settings: int = 0,
) -> Asked:
    """List what an engine sums: all of a model of measurements, else `plain` terms of coefficients."""
    (names, averages), found = plain, streamed_columns(study, columns, terms)
    if found is None:
        return Asked(streamed=() if averages else names)
    return Asked(streamed=found[0], computed=found[1], settings=max(settings, 2))
