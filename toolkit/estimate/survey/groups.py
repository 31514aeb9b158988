"""Part the people of an analysis into groups: one for each combination of levels.

Takes a sample and the names of the groups' variables; gives marks on its cells.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from toolkit.errors import VariableError
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.roles import Column
from toolkit.results import SCHEMA


def groups(sample: Sample, by: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mask]]:
    """Go through the combinations of levels, those that nobody has too.

    Parameters
    ----------
    sample
        The people of the analysis as cells.
    by
        Variables of the sample; none for one group of all.

    Yields
    ------
    tuple
        A level of each variable, and the cells that have them; a missing level is in no group.

    Raises
    ------
    VariableError
        If a variable is a number, or has the name of a column of every result.

    Examples
    --------
    >>> import polars as pl
    >>> import toolkit as tk
    >>> from toolkit.estimate.survey.analysis_sample import draw
    >>> study = tk.study(pl.DataFrame({"sex": ["m", "f", "m"]}), design=tk.Design.none(), name="three")
    >>> [(levels, int(cells.sum())) for levels, cells in groups(draw(study, ["sex"]), ("sex",))]
    [(('f',), 1), (('m',), 2)]
    """
    for name in by:
        _require_groups(sample.columns[name])
    codes = [sample.codes(name) for name in by]
    for levels in product(*(enumerate(sample.columns[name].levels) for name in by)):
        inside = np.ones(len(sample.unit), bool)
        for (position, _), own in zip(levels, codes, strict=True):
            inside &= own == position
        yield tuple(level for _, level in levels), inside


def counts(sample: Sample, by: tuple[str, ...], levels: tuple[str, ...], counted: Mask) -> dict[str, int]:
    """Count a group's persons in the analysis, `n`, and those that missing values keep out, `n_missing`.

    Parameters
    ----------
    sample, by
        As in `groups`.
    levels
        Of the group.
    counted
        The cells of the group that are in the analysis.

    Returns
    -------
    dict
        `n` and `n_missing`. Who lacks a value of `by` and may belong to the group counts as missing there, so
        nobody of the domain leaves uncounted, and `n_missing` of several groups does not add up.

    Examples
    --------
    >>> import polars as pl
    >>> import toolkit as tk
    >>> from toolkit.estimate.survey.analysis_sample import draw
    >>> study = tk.study(pl.DataFrame({"sex": ["m", "f", None]}), design=tk.Design.none(), name="three")
    >>> sample = draw(study, ["sex"], by=["sex"])
    >>> counts(sample, ("sex",), ("f",), sample.codes("sex") == 0)
    {'n': 1, 'n_missing': 1}
    """
    possible = np.ones(len(sample.unit), bool)
    for name, level in zip(by, levels, strict=True):
        codes = sample.codes(name)
        possible &= (codes == sample.columns[name].levels.index(level)) | (codes < 0)
    n = int(sample.persons[counted].sum())
    return {"n": n, "n_missing": int(sample.persons[possible].sum()) - n}


def _require_groups(column: Column) -> None:
    if column.continuous:
        raise VariableError(
            f"'{column.name}' is a number and makes no groups. Cut it first: study.derive("
            f"'{column.name}_group', '{column.name} >= ...')."
        )
    if column.name in SCHEMA:
        raise VariableError(
            f"'{column.name}' is also a column of every result, so it cannot name the groups. Give it "
            f"another name: study.derive('{column.name}_group', pl.col('{column.name}'), levels=[..])."
        )
