"""Put the results of several studies side by side, with a test of their heterogeneity.

Method: Cochran's Q of independent estimates, with the design-based degrees of freedom of the smaller study.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from toolkit.disclosure import join_studies
from toolkit.errors import EstimationError, join_list
from toolkit.estimate.hypotheses.contrasts import contrast
from toolkit.results import ESTIMANDS, SCHEMA, Estimates, Row, by_columns
from toolkit.results import frame as make_result
from toolkit.variables import recorded

_EXAMPLE = "tk.tests.compare_studies([tk.association(nhanes, ...), tk.association(cohort, ...)])"
# What makes rows of two studies the same comparison, besides the columns of `by`.
_COMPARISON = ("estimand", "outcome", "exposure", "level", "reference")
_YEARS = re.compile(r"\b(\d{4})-(\d{4})\b")
# What may differ, and is then told: by its phrase.
_CIRCUMSTANCES = {"domain": "subpopulations", "adjust": "covariates"}


@recorded
@recorded
def compare_studies(results: Sequence[pl.DataFrame], *, df: float | None = None) -> Estimates:
    """Put the same estimate of several studies side by side, and test whether they differ.

    Parameters
    ----------
    results
        One result per study, of the same estimator, outcome and exposure: an own cohort beside NHANES, say.
        The studies must have no participant in common.
    df
        Denominator degrees of freedom of the test; None for the smallest of the rows compared, and
        `math.inf` for the chi-square test of Cochran's Q.

    Returns
    -------
    Estimates
        The rows of all studies, by comparison, and after those of each comparison one of the estimand
        "heterogeneity": `statistic` is Q / (k - 1) for k studies with an estimate, compared with F on
        `df_numerator` = k - 1 and `df` degrees of freedom. Its `reason` says whether the studies differ in
        subpopulation or covariates. `tk.forest` draws all in one plot.

    Raises
    ------
    EstimationError
        If there are fewer than two results, two of one study or of overlapping survey cycles, an estimate
        that only some of them have, or rows of several studies in one result.

    Notes
    -----
    With few studies the test has little power: a large p-value does not show that the studies agree.
    Cochran (Biometrics 10 (1954) 101-129); as `metafor` in R for `df=math.inf`.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> def estimate(name, cases):
    ...     people = pl.DataFrame({"cramps": [True] * cases + [False] * (100 - cases)})
    ...     return tk.prevalence(tk.study(people, design=tk.Design.none(), name=name), "cramps")
    >>> rows = tk.tests.compare_studies([estimate("ours", 30), estimate("theirs", 45)])
    >>> rows.select("study", "estimand", "estimate").rows()[:2]
    [('ours', 'prevalence', 0.3), ('theirs', 'prevalence', 0.45)]
    >>> round(rows["p_value"][2], 2)
    0.03
    """
    frames = [_check_result(result) for result in (results if isinstance(results, Iterable) else [results])]
    _require_separate(frames)
    by = by_columns(frames[0])
    names = [*by, *_COMPARISON]
    found = [{tuple(row[name] for name in names): row for row in frame.rows(named=True)} for frame in frames]
    _require_alike(frames, found, names)
    rows: list[Row] = []
    for key in found[0]:
        compared = [own[key] for own in found]
        rows.extend(compared)
        if ESTIMANDS[compared[0]["estimand"]].kind != "test":
            rows.append(_test(compared, by, df))
    return make_result(rows, by=by)


def _check_result(result: pl.DataFrame) -> pl.DataFrame:
    if not isinstance(result, pl.DataFrame) or not set(SCHEMA) <= set(result.columns):
        raise EstimationError(
            f"tk.tests.compare_studies takes a list of results, one per study. Use {_EXAMPLE}."
        )
    if result["study"].n_unique() != 1:
        raise EstimationError(
            f"One of the results has {result.height} rows of {result['study'].n_unique()} studies, and each "
            f"result should be of one study. Use {_EXAMPLE}."
        )
    return pl.DataFrame(result)


def _require_separate(frames: Sequence[pl.DataFrame]) -> None:
    """Require at least two studies, no two of which have participants in common, as their names say."""
    studies = [str(frame["study"][0]) for frame in frames]
    if len(studies) < 2:
        raise EstimationError(
            f"A comparison needs the results of two studies, and there is {len(studies)}. Use {_EXAMPLE}."
        )
    for one, other in combinations(studies, 2):
        if one == other or _overlap(one, other):
            raise EstimationError(
                f"The studies '{one}' and '{other}' have participants in common, so that their results are "
                "not independent. For groups or cycles of one study use by= and tk.contrast(result, "
                "weights='heterogeneity')."
            )


def _overlap(one: str, other: str) -> bool:
    """Return whether two names are of cycles of one survey that overlap, as "NHANES 2005-2008"."""
    (survey, mine), (same, theirs) = (
        (name[: match.start()] if (match := _YEARS.search(name)) else name, _YEARS.findall(name))
        for name in (one, other)
    )
    return survey == same and any(
        int(start) <= int(last) and int(first) <= int(end) for start, end in mine for first, last in theirs
    )


def _require_alike(
    frames: Sequence[pl.DataFrame], found: Sequence[Mapping[tuple[Any, ...], Row]], names: Sequence[str]
) -> None:
    """Require that all results have the same comparisons, once each."""
    for frame, own in zip(frames, found, strict=True):
        study, known = frame["study"][0], set(own) == set(found[0])
        if by_columns(frame) == by_columns(frames[0]) and known and len(own) == frame.height:
            continue
        if len(own) != frame.height:
            raise EstimationError(
                f"The result of '{study}' has the same comparison more than once, such as with two sets of "
                "covariates. Keep one of them: result.filter(pl.col('adjust') == ...)."
            )
        apart = next((key for key in (*found[0], *own) if (key in own) != (key in found[0])), ())
        named = ", ".join(f"{name} '{value}'" for name, value in zip(names, apart, strict=False) if value)
        raise EstimationError(
            f"The results of '{frames[0]['study'][0]}' and '{study}' have different rows: only one of them "
            f"has {named or 'these groups'}. Name outcome, exposure and levels alike in both studies with "
            "study.derive(...), and use the same reference=, by= and estimand=."
        )


def _test(compared: Sequence[Row], by: Sequence[str], df: float | None) -> Row:
    """Test that independent estimates of one quantity are equal."""
    frame = make_result([{**row, **dict.fromkeys(_CIRCUMSTANCES, "")} for row in compared], by=by)
    errors = frame["std_error"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    test = contrast(frame, np.diag(errors**2), "heterogeneity", df=df).row(0, named=True)
    known = [row for row in compared if row["std_error"] is not None]
    differing = {
        name: text for name, text in _CIRCUMSTANCES.items() if len({row[name] or "" for row in compared}) > 1
    }
    if differing and test["reliability"] != "failed":
        test |= {"reliability": "review", "reason": f"the studies differ in {join_list(differing.values())}"}
    elif test["reliability"] != "failed" and test["statistic"] is not None and len(known) == len(compared):
        test |= {"reliability": "ok", "reason": None}  # What is flagged of the estimates is in their rows.
    sizes = {name: _add(compared, name) for name in ("n", "n_cases", "n_missing")}
    return {
        **test,
        **{name: compared[0][name] for name in (*by, *_COMPARISON, "level_label", "exposure_label")},
        **{name: None if name in differing else compared[0][name] for name in _CIRCUMSTANCES},
        "estimand": "heterogeneity",
        "study": join_studies([str(row["study"]) for row in compared]),
        **sizes,
    }


def _add(rows: Sequence[Row], name: str) -> int | None:
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known) if len(known) == len(rows) else None
