"""Adjust p-values for the number of questions, by family.

Written out here, because statsmodels' `multipletests` refuses missing p-values and takes seconds to import.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, require_known
from toolkit.results import ADJUSTED, P_BH, P_HOLM, P_QUESTION

METHODS = ("holm", "bh")


def adjust_p_values(
    p_values: Sequence[float | None], method: str = "holm", *, tests: int | None = None
) -> list[float | None]:
    """Adjust p-values for multiple testing.

    Parameters
    ----------
    p_values
        Values between 0 and 1; None where a test was not possible.
    method
        "holm" controls the probability of any false positive (Holm 1979). "bh" controls the expected share of
        false positives among the positive tests (Benjamini and Hochberg 1995).
    tests
        The number of tests, if more were planned than have a p-value; None for the number of p-values.

    Returns
    -------
    list of float
        The adjusted p-values in the same order, None for a missing one.

    Raises
    ------
    EstimationError
        If a p-value is not between 0 and 1, the method is unknown, or there are fewer tests than p-values.

    Notes
    -----
    Equal to p.adjust of R. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70; Benjamini and Hochberg,
    Journal of the Royal Statistical Society B 57 (1995) 289-300.

    Examples
    --------
    >>> adjust_p_values([0.01, 0.04, None], "holm")
    [0.02, 0.04, None]
    >>> adjust_p_values([0.01, 0.04, None], "bh", tests=4)
    [0.04, 0.08, None]
    """
    require_known("tk.tests.adjust_p_values has no method", method, METHODS, "Use one of")
    try:
        known = np.array([p for p in p_values if p is not None], float)
    except (TypeError, ValueError):
        raise EstimationError(
            f"These p-values, of the type '{type(p_values).__name__}', are not all numbers. Use a list of "
            "numbers from 0 to 1, and None where a test was not possible."
        ) from None
    wrong = [p for p in known if not 0 <= p <= 1]
    if wrong:
        raise EstimationError(
            f"A p-value is {wrong[0]:g}, but must be between 0 and 1. Use None where a test was not possible."
        )
    m = len(known) if tests is None else tests
    if m < len(known):
        raise EstimationError(
            f"There are {len(known)} p-values, but tests={m}. Use tests=None or a larger number."
        )
    order = np.argsort(known, kind="stable")
    rank = np.arange(1, len(known) + 1)
    if method == "holm":
        adjusted = np.maximum.accumulate((m - rank + 1) * known[order])
    else:
        adjusted = np.minimum.accumulate((m / rank * known[order])[::-1])[::-1]
    found = np.empty(len(known))
    found[order] = np.minimum(adjusted, 1.0)
    values = iter(found.tolist())
    return [None if p is None else next(values) for p in p_values]


def adjust_questions(
    frame: pl.DataFrame,
    question: Sequence[str],
    family: Sequence[str],
    tests: Mapping[Any, int] | None = None,
) -> pl.DataFrame:
    """Append the adjusted p-values of each question, whose rows agree in `question`; `family` is part of it.

    The column `p_question` is that of the whole question in each of its rows. Rows where it is null, such as
    those of a sensitivity analysis, are not counted. `tests` is the number of questions by family.
    """
    asked = frame.filter(pl.col(P_QUESTION).is_not_null()).unique(list(question), maintain_order=True)
    parts = asked.partition_by(list(family), as_dict=True, maintain_order=True) if family else {(): asked}
    adjusted = [
        own.select(*question).with_columns(
            **{
                column: pl.Series(
                    adjust_p_values(own[P_QUESTION].to_list(), method, tests=(tests or {}).get(key)),
                    dtype=pl.Float64,
                )
                for column, method in ((P_HOLM, "holm"), (P_BH, "bh"))
            }
        )
        for key, own in parts.items()
    ]
    if not adjusted:
        return frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in (P_HOLM, P_BH))
    found = frame.join(
        pl.concat(adjusted), on=list(question), how="left", maintain_order="left", nulls_equal=True
    )
    answering = pl.col(P_QUESTION).is_not_null()
    return found.with_columns(pl.when(answering).then(pl.col(name)).alias(name) for name in ADJUSTED)
