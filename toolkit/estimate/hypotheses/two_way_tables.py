"""Test the association of two categorical variables with design-based tests of independence.

Method: Pearson's statistic with the corrections of Rao and Scott (Annals of Statistics 12 (1984) 46-60), and
Wald's test of independence, as svychisq of R's survey package.
"""

from dataclasses import dataclass
from math import nan

import numpy as np
from scipy.special import chdtrc, fdtrc

from toolkit.errors import EstimationError, require_known
from toolkit.estimate.survey import (
    TINY,
    Column,
    Estimate,
    Group,
    Row,
    Sample,
    count_groups,
    draw,
    estimate_with_covariance,
    heading,
    judge_test,
    make_result,
    no_variance,
    require_levels,
    run_tests,
    upper_tail,
    verdict_columns,
    wald,
)
from toolkit.results import Estimates, Floats
from toolkit.studies import Study
from toolkit.variables import Names, as_names, require_one_role, with_request

STATISTICS = {
    "F": "Rao-Scott F",
    "Chisq": "Rao-Scott chi-square",
    "Wald": "Wald F",
    "adjWald": "adjusted Wald F",
    "saddlepoint": "Pearson chi-square, saddlepoint",
}

_MOST_CELLS = 1000  # the time of a test grows with their third power


@dataclass(frozen=True)
class _Crossed:
    """The table of one group: observed levels of both variables, and cells of the sample in each."""

    levels: tuple[tuple[str, ...], tuple[str, ...]]
    marks: Floats
    counts: Floats
    persons: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.levels[0]), len(self.levels[1])

    @property
    def freedom(self) -> int:
        return (self.shape[0] - 1) * (self.shape[1] - 1)


@with_request
def chi_square(
    study: Study, row: str, column: str, *, statistic: str = "F", by: Names = (), domain: str = ""
) -> Estimates:
    """Test whether two categorical variables are independent in the population.

    Parameters
    ----------
    study
        The study.
    row, column
        Categorical variables or codes.
    statistic
        "F" (Rao and Scott's second-order F, the default), "Chisq" (their chi-square), "saddlepoint" (the same
        statistic against its own distribution), "Wald" or "adjWald" (Wald's F of the differences from
        independence, plain or adjusted for few PSUs).
    by, domain
        As in `prevalence`.

    Returns
    -------
    Estimates
        Result rows, one per group: `statistic`, `df_numerator` and `df` (null for a chi-square), `p_value`;
        `deff` is the mean generalized design effect. `statistic` is Pearson's chi-square of the table scaled
        to the participants of the domain for "Chisq" and "saddlepoint", and otherwise an F.

    Raises
    ------
    VariableError
        If a variable is unknown or continuous.
    EstimationError
        If the statistic is unknown, or a variable has a single level.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0, 1, 0, 1, 1], "sex": ["f", "m"] * 4})
    >>> mine = tk.study(people, design=tk.Design.none(), name="eight people")
    >>> chi_square(mine, "cramps", "sex")["df_numerator"].item()
    1.0
    """
    require_known("tk.chi_square has no statistic", statistic, STATISTICS, "Use one of")
    by = as_names(by, "by")
    require_one_role(row=row, column=column, by=by)
    sample = draw(study, [row, column, *by], domain, in_groups=[row, column], by=by)
    columns = (sample.columns[row], sample.columns[column])
    for name in (row, column):
        require_levels(sample.columns[name], f"tk.t_test(study, '{name}', ...)")

    def start(group: Group) -> Row:
        own = heading(group, columns[0], columns[0].variable.label, statistic)
        own |= {"exposure": column, "exposure_label": columns[1].variable.label}
        return own | {"level_label": STATISTICS[statistic]}

    members = count_groups(sample, by, sample.complete([row, column]))
    rows = run_tests(members, start, lambda group: _test_table(sample, group, columns, statistic))
    return make_result(sample, rows, by, {"estimand": "chi_square"})


def _test_table(sample: Sample, group: Group, columns: tuple[Column, Column], statistic: str) -> Row:
    table = _cross(sample, group, columns)
    single = [c.name for c, levels in zip(columns, table.levels, strict=True) if len(levels) < 2]
    if single:
        raise EstimationError(
            f"'{single[0]}' has a single level among the {group.n:,} participants, so there is nothing to "
            "compare. Use a wider domain."
        )
    test = _test_departures if "Wald" in statistic else _test_independence
    found = test(sample, group, table, statistic)
    return {**found, **verdict_columns(judge_test(group.df, _find_empty_cell(table, columns)))}


def _cross(sample: Sample, group: Group, columns: tuple[Column, Column]) -> _Crossed:
    codes = [sample.codes(column.name) for column in columns]
    present = [np.unique(own[group.counted]) for own in codes]
    cells = len(present[0]) * len(present[1])
    if cells > _MOST_CELLS:
        sizes = " and ".join(f"'{c.name}' has {len(own)}" for c, own in zip(columns, present, strict=True))
        raise EstimationError(
            f"The table has {cells:,} cells, and a test of more than {_MOST_CELLS} is not computed ({sizes} "
            f"levels). Merge levels with study.merge_levels('{columns[0].name}', {{'other': [...]}})."
        )
    marks = np.stack([(codes[0] == i) & (codes[1] == j) for i in present[0] for j in present[1]], axis=1)
    inside = np.where(group.counted[:, None], marks, 0.0)
    levels = tuple(tuple(c.levels[k] for k in own) for c, own in zip(columns, present, strict=True))
    return _Crossed((levels[0], levels[1]), inside, sample.persons @ inside.astype(float), group.persons)


def _find_empty_cell(table: _Crossed, columns: tuple[Column, Column]) -> str | None:
    empty = np.flatnonzero(table.counts == 0)
    if not empty.size:
        return None
    i, j = divmod(int(empty[0]), table.shape[1])
    one, other = table.levels[0][i], table.levels[1][j]
    return f"no participant has '{columns[0].name}' = '{one}' and '{columns[1].name}' = '{other}'"


def _test_independence(sample: Sample, group: Group, table: _Crossed, statistic: str) -> Row:
    found, matrix = estimate_with_covariance(sample, lambda drawn: _estimate_shares(drawn, group, table))
    shares = found.points
    expected = _multiply_margins(shares, table.shape)
    pearson = table.persons * float(np.sum(np.square(shares - expected) / expected))
    inverse = np.divide(1.0, shares, out=np.zeros_like(shares), where=shares > 0)
    contrasts = _span_interactions(table.shape)
    bread = contrasts.T @ (contrasts * inverse[:, None]) / table.persons
    scaled = contrasts * inverse[:, None]
    try:
        effects = np.linalg.solve(bread, scaled.T @ matrix @ scaled)
    except np.linalg.LinAlgError:
        raise no_variance() from None
    trace = float(np.trace(effects))
    if not trace > TINY:
        raise no_variance()
    first = trace**2 / float(np.trace(effects @ effects))
    shown = {"deff": trace / table.freedom}
    if statistic == "F":
        f, second = pearson / trace, first * group.df
        return {**shown, **_compute_f_test(f, first, second)}
    if statistic == "Chisq":
        p = float(chdtrc(table.freedom, pearson / shown["deff"]))
        return {**shown, "statistic": pearson, "df_numerator": table.freedom, "p_value": p}
    p = upper_tail(pearson, np.linalg.eigvals(effects).real, first * group.df)
    return {**shown, "statistic": pearson, "p_value": p}


def _estimate_shares(sample: Sample, group: Group, table: _Crossed) -> Estimate:
    weights = np.where(group.counted, sample.weights, 0.0)
    size = float(weights.sum())
    shares = (weights[:, None] * table.marks).sum(axis=0) / size
    return Estimate(shares, (table.marks - shares) * weights[:, None] / size, group.counted)


def _multiply_margins(cells: Floats, shape: tuple[int, int]) -> Floats:
    square = cells.reshape(shape)
    return np.outer(square.sum(axis=1), square.sum(axis=0)).ravel() / float(cells.sum())


def _span_interactions(shape: tuple[int, int]) -> Floats:
    rows, columns = (np.eye(k)[:, 1:] - 1 / k for k in shape)
    return np.asarray(np.kron(rows, columns), float)


def _test_departures(sample: Sample, group: Group, table: _Crossed, statistic: str) -> Row:
    found, matrix = estimate_with_covariance(sample, lambda drawn: _estimate_departures(drawn, group, table))
    squares = wald(found.points, matrix)
    first, second = table.freedom, group.df
    if statistic == "Wald":
        return _compute_f_test(squares / first, first, second)
    second = group.df - first + 1
    if second <= 0:
        raise EstimationError(
            f"The adjusted Wald test of {table.shape[0]} by {table.shape[1]} levels needs more than "
            f"{group.df} degrees of freedom. Use statistic='F'."
        )
    return _compute_f_test(squares * second / (first * group.df), first, second)


def _estimate_departures(sample: Sample, group: Group, table: _Crossed) -> Estimate:
    weights = np.where(group.counted, sample.weights, 0.0)
    own = table.marks * weights[:, None]
    totals = own.sum(axis=0)
    size, square = float(totals.sum()), totals.reshape(table.shape)
    rows, columns = square.sum(axis=1), square.sum(axis=0)
    cube = own.reshape(-1, *table.shape)
    moved = (
        cube
        - cube.sum(axis=2)[:, :, None] * columns / size
        - cube.sum(axis=1)[:, None, :] * rows[:, None] / size
        + cube.sum(axis=(1, 2))[:, None, None] * np.outer(rows, columns) / size**2
    )
    points = (square - np.outer(rows, columns) / size)[1:, 1:].ravel()
    return Estimate(points, moved[:, 1:, 1:].reshape(len(weights), -1), group.counted)


def _compute_f_test(f: float, first: float, second: float) -> Row:
    p = float(fdtrc(first, second, f)) if second > 0 else nan
    return {"statistic": f, "df_numerator": first, "df": second, "p_value": p}
