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
    """Go through the combinations of levels, those that nobody has too."""
    for name in by:
        _require_groups(sample.columns[name])
    codes = [sample.codes(name) for name in by]
    for levels in product(*(enumerate(sample.columns[name].levels) for name in by)):
        inside = np.ones(len(sample.unit), bool)
        for (position, _), own in zip(levels, codes, strict=True):
            inside &= own == position
        yield tuple(level for _, level in levels), inside


def counts(sample: Sample, by: tuple[str, ...], levels: tuple[str, ...], counted: Mask) -> dict[str, int]:
    """Count a group's persons in the analysis, `n`, and those that missing values keep out, `n_missing`."""
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
