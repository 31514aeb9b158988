"""Impute missing values of a study by chained equations, with the survey design among the predictors.

Method: van Buuren & Groothuis-Oudshoorn, J Stat Softw 45(3), 2011 (R's mice). The outcome of the analysis is
a predictor (Moons et al., J Clin Epidemiol 2006;59:1092), and so are strata, PSUs and the weight (Reiter,
Raghunathan & Kinney, Surv Methodol 2006;32:143), so that the regressions themselves are unweighted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, VariableError, join_list, require_study
from toolkit.estimate.imputation.clustered_matrix import ClusteredMatrix
from toolkit.estimate.imputation.completed_studies import complete
from toolkit.estimate.imputation.conditional_draws import Levels, Logit, Prior, Rows, match_means
from toolkit.estimate.imputation.imputation_diagnostics import Run, compare_values, summarize, trace_chains
from toolkit.estimate.imputation.imputation_model import (
    Data,
    Matrix,
    ask,
    build_matrix,
    draw_data,
    list_names,
)
from toolkit.estimate.regression import one_thread
from toolkit.results import Floats, Indices
from toolkit.studies import Study
from toolkit.variables import Names

_MOST_IMPUTATIONS = 1000
Values = Mapping[str, Floats | Indices]


class Imputations(Sequence[Study]):
    """The imputations of a study, each a `Study`, with what was imputed and how.

    Attributes
    ----------
    diagnostics
        One row per variable: label, method, n_observed, n_imputed, percent_imputed, mean and standard
        deviation of observed and of imputed values (of categories the share of `level`), r_hat, remark.
    missing
        For each variable and reason the number of participants without a value, and how many were imputed.
    distributions
        Shares of observed and imputed values by level, or by interval of a number.
    trace
        The mean of the imputed values by variable, chain and iteration.
    description
        The method, in a sentence for the section on methods.

    Examples
    --------
    >>> import toolkit as tk
    >>> made = tk.effects.impute(tk.open_study("simulated"), "bmi", m=2, iterations=1)
    >>> made.diagnostics["method"].item()
    'predictive mean matching'
    """

    def __init__(self, data: Data, run: Run, description: str) -> None:
        self._study, self._data, self._run = data.study, data, run
        self.description = description
        self.diagnostics, self.missing = summarize(data, run)
        self.distributions, self.trace = compare_values(data, run), trace_chains(data, run)

    def __len__(self) -> int:
        return len(self._run.imputed)

    @overload
    def __getitem__(self, at: int) -> Study: ...
    @overload
    def __getitem__(self, at: slice) -> list[Study]: ...
    def __getitem__(self, at: int | slice) -> Study | list[Study]:
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        data, values = self._data, self._run.imputed[at]
        rows = {name: data.rows[data.missing(name)] for name in values}
        return complete(self._study, rows, {name: _as_stored(data, name, values[name]) for name in values})

    def __iter__(self) -> Iterator[Study]:
        return (self[k] for k in range(len(self)))

    def __repr__(self) -> str:
        rows = self.diagnostics.rows(named=True)
        lines = [f"  {r['variable']:20} {_count(r['n_imputed'])} imputed ({r['method']})" for r in rows]
        return "\n".join([f"{len(self)} imputations of {self._study.label}", *lines])


def _count(n: int | None) -> str:
    return "few" if n is None else f"{n:,}"


def impute(
    study: Study,
    variables: Names,
    outcome: str | None = None,
    exposure: str | None = None,
    *,
    predictors: Names | None = None,
    m: int = 20,
    iterations: int = 10,
    seed: int = 1987,
) -> Imputations:
    """Impute missing values of variables by chained equations.

    Parameters
    ----------
    study
        Participants in memory, design and codebook.
    variables
        Variables to impute. Variables that are derived from them follow.
    outcome
        The outcome of the analysis, which has to be a predictor; None for the study's any_cramps.
    exposure
        The exposure of the analysis, a predictor too.
    predictors
        The covariates of the analysis, and others that predict missingness or the values; a number may be a
        spline such as "rcs(age, 4)". None for age, sex, race and ethnicity, education and income as far as
        they are measured, and for the diagram's adjustment set of the exposure.
    m
        Number of imputations; White, Royston and Wood (2011) advise at least the percentage of incomplete
        participants.
    iterations
        Iterations of each chain; one is enough if a single variable is incomplete.
    seed
        Of the random numbers. Imputation k is the same whatever `m` is, and in any order of the rows.

    Returns
    -------
    Imputations
        A sequence of `m` studies for `tk.imputed` or `tk.pool`, with `diagnostics`, `missing`,
        `distributions` and `trace` as frames; counts below the study's smallest cell are null.

    Raises
    ------
    VariableError
        For an unknown variable, or one without missing values to impute.
    EstimationError
        If nobody is eligible for all variables, or nobody has a value to learn from.
    DatasetError
        If the participants stay on an engine.

    Notes
    -----
    Only nonresponse is imputed: values that are missing because they were not asked for, were not measured in
    a cycle, lie outside the groups of a derived variable or below a detection limit stay missing, and who has
    such a value in any variable of the model, or no weight, takes no part. Participants outside the domain of
    the analysis take part. Predictors that are incomplete are imputed in the chain and stay missing in the
    studies. Numbers: predictive mean matching with 5 donors and a Bayesian draw of the coefficients, as `pmm`
    of R's mice. Levels: sequential logits with weak normal priors. PSUs enter as indicators if there are at
    most 250 of 20 participants or more on average, otherwise strata under the same rule, and the logarithm of
    the weight. Values are missing at random given the predictors; interactions that the analysis contains
    are not in the model unless you derive and name them.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> completed = tk.impute(study, "bmi", m=2, iterations=1)
    >>> len(completed), completed[0].people["bmi"].null_count() < study.people["bmi"].null_count()
    (2, True)
    """
    require_study(study, "tk.impute")
    _require_numbers(m=m, iterations=iterations, seed=seed)
    question = ask(study, variables, outcome, exposure, predictors)
    data = draw_data(study, question)
    lacking = [name for name in question.targets if name in data.incomplete]
    if not lacking:
        raise VariableError(
            f"There are no values of {list_names(question.targets)} to impute, because every participant who "
            "is eligible for the analysis has one. List missing values by reason with "
            f"study.missing('{question.targets[0]}')."
        )
    _require_observed(data)
    single = data.incomplete == (lacking[0],)
    with one_thread():
        run = _run_chains(data, m, 1 if single else iterations, seed)
    return Imputations(data, run, _describe(data, m, run.iterations))


def _require_numbers(**given: int) -> None:
    least = {"m": 2, "iterations": 1, "seed": 0}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least[name]:
            raise VariableError(f"{name}={value!r} is not a whole number of at least {least[name]}.")
    if given["m"] > _MOST_IMPUTATIONS:
        raise VariableError(f"m={given['m']:,} is more than {_MOST_IMPUTATIONS:,}. Use 20 to 100.")


def _require_observed(data: Data) -> None:
    for name in data.incomplete:
        if data.missing(name).all():
            raise EstimationError(
                f"No participant has a value of '{name}' to learn from. Leave it out of the variables and "
                "predictors of tk.impute."
            )


def _run_chains(data: Data, m: int, iterations: int, seed: int) -> Run:
    """Run m independent chains, and keep of each the values of its last iteration."""
    matrix = build_matrix(data)
    models = {name: _Model.of(data, matrix, name) for name in data.incomplete}
    imputed, traces = [], []
    for chain in range(m):
        generator = np.random.default_rng([seed, chain])
        trace = _run_chain(data, matrix, models, iterations, generator)
        imputed.append({name: trace[-1][name] for name in data.question.targets if name in models})
        traces.append(trace)
    return Run(imputed, traces, iterations, {name: model.method for name, model in models.items()})


def _run_chain(
    data: Data,
    matrix: Matrix,
    models: "Mapping[str, _Model]",
    iterations: int,
    generator: np.random.Generator,
) -> list[Values]:
    """Start from values of random participants, and draw each variable given the others in turn."""
    X = matrix.X.copy()
    trace: list[Values] = []
    values: dict[str, Floats | Indices] = {}
    for name, model in models.items():
        start = generator.choice(model.observed, len(model.rows.missing))
        matrix.write(X, data, name, model.rows.missing, start)
    gram = X.gram(np.ones(len(X.Z)))
    for _ in range(iterations):
        for name, model in models.items():
            values[name] = model.draw(X, gram, generator)
            matrix.write(X, data, name, model.rows.missing, values[name])
            place = matrix.places[name]
            gram[:, place] = X.cross(X.Z[:, place])
            gram[place] = gram[:, place].T
        trace.append(dict(values))
    return trace


@dataclass(frozen=True)
class _Model:
    """The regression of one incomplete variable on the others."""

    method: str
    rows: Rows
    observed: Floats | Indices
    # Values of a number, 0 where missing; None for levels.
    y: Floats | None
    levels: Levels | None
    prior: Prior
    starts: list[Logit]

    @classmethod
    def of(cls, data: Data, matrix: Matrix, name: str) -> "_Model":
        """Prepare the regression; logits are fitted once with means in place of missing predictors."""
        lost, own, column = data.missing(name), data.values[name], data.columns[name]
        rows = Rows(np.flatnonzero(lost), matrix.others(name))
        prior = Prior(rows.columns, matrix.precision[rows.columns])
        if column.continuous:
            y = np.where(lost, 0.0, own)
            return cls("predictive mean matching", rows, own[~lost], y, None, prior, [])
        codes = np.asarray(own, np.int64)
        levels = Levels.of(codes, ordered=column.variable.ordered)
        starts = levels.fit(matrix.X, prior)
        method = "logit" if len(levels.order) == 2 else "sequential logits"
        return cls(method, rows, codes[~lost], None, levels, prior, starts)

    def draw(self, X: ClusteredMatrix, gram: Floats, generator: np.random.Generator) -> Floats | Indices:
        """Draw the missing values, given the present values of the other variables."""
        if self.y is not None:
            return match_means(X, self.rows, self.y, gram, generator)
        assert self.levels is not None  # noqa: S101 - not a number
        rows = X.rows(self.rows.missing)[:, self.rows.columns]
        return self.levels.draw(rows, self.levels.fit(X, self.prior, self.starts), generator)


def _as_stored(data: Data, name: str, values: Floats | Indices) -> pl.Series:
    """Write imputed values as the column of the study has them."""
    column, people = data.columns[name], data.study.people
    if column.continuous:
        return pl.Series(values).cast(people.schema[name])
    code = column.expression.to_physical().cast(pl.Int64).alias("code")
    stored = people.select(code, pl.col(name).alias("stored")).drop_nulls().unique("code", keep="any")
    wanted = pl.DataFrame({"code": pl.Series(values, dtype=pl.Int64)})
    return wanted.join(stored, on="code", how="left", maintain_order="left")["stored"]


def _describe(data: Data, m: int, iterations: int) -> str:
    """Describe the method in a sentence."""
    weight = ["the logarithm of the weight"] if np.ptp(data.weights) > 0 else []
    design = [f"indicators of {data.unit_noun}"] if data.unit_noun else []
    among = f" with {join_list([*design, *weight])} among the predictors" if design or weight else ""
    turns = f"{iterations} iterations" if iterations > 1 else "one iteration"
    return f"Missing values were imputed {m} times by chained equations of {turns}{among}."
