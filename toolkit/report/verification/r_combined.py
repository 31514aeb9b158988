"""Write what combines rows in R: contrasts, as svycontrast, and pooled imputations, as MIcombine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from toolkit.report.verification import r_curves, r_descriptive, r_models, r_tables
from toolkit.report.verification.r_expressions import write_vector
from toolkit.report.verification.r_requests import Asked, Lines, Row
from toolkit.report.verification.r_tables import SEVERAL, split
from toolkit.results import ESTIMANDS
from toolkit.variables import COMBINED

_KEPT = "kept"


def contrast(asked: Asked) -> Lines:
    """Write contrasts and tests of heterogeneity of the rows of one call."""
    how = asked.arguments[COMBINED]
    if how["estimator"] not in BASE:
        yield from asked.skip_unknown(how["estimator"])
        return
    base = [*how["rows"].rows(named=True)]
    if how["ratio"] and {row["scale"] for row in base} != {"log"}:
        logarithms = "taken"
    else:
        logarithms = "own" if base[0]["scale"] == "log" else "no"
    parts = [(number, row, _weigh(asked, number, how)) for number, row in asked.rows]
    yield f"keeping <- TRUE; {_KEPT} <- list()"
    kept = _keep(asked, base, {place for _, _, own in parts for place in np.flatnonzero(own)})
    yield from BASE[kept.estimator](kept)
    yield "keeping <- FALSE"
    for number, row, own in parts:
        places = [int(place) for place in np.flatnonzero(own)]
        used = [base[place] for place in places]
        lacking = [place for place in places if base[place]["std_error"] is None]
        if row["estimand"] == "heterogeneity":
            places = [place for place in places if place not in lacking]
        elif lacking:
            yield asked.skip(number, "survey has no interval for a row without a standard error")
            continue
        summed = str(
            any(len({one[name] for one in used}) > 1 for name in asked.by if name in used[0])
        ).upper()
        rows = f"{asked.whole}, {_KEPT}[c({', '.join(str(place + 1) for place in places)})]"
        df = "" if how["df"] is None else f", df = {_number(how['df'])}"
        if row["estimand"] == "heterogeneity":
            yield asked.check(number, f"heterogeneity({rows}, '{logarithms}', {summed}{df})")
            continue
        weights = write_vector([float(own[place]) for place in places])
        ends = f"'{logarithms}', {summed}, {float(how['confidence'])!r}{df}"
        yield asked.check(number, f"contrasted({rows}, {weights}, {ends})")


def _weigh(asked: Asked, number: int, how: Mapping[str, Any]) -> Sequence[float]:
    """Give the weights of the combined rows in a contrast; in a test, 1 for those that it compares."""
    place = number - asked.every[0][0]
    if "weights" in how:
        weights: Sequence[float] = how["weights"][place]
        return weights
    return [float(k in how["kinds"][place]) for k in range(how["rows"].height)]


def _keep(asked: Asked, base: Sequence[Row], places: Iterable[Any]) -> Asked:
    """Give the call whose rows are combined, with these rows, which R keeps."""
    how = asked.arguments[COMBINED]
    rows = [(place + 1, row) for place, row in enumerate(base) if place in {*places} and _known(row)]
    every = [*enumerate(base, start=1)]
    return replace(asked, estimator=how["estimator"], rows=rows, every=every, keep=_KEPT)


def _known(row: Row) -> bool:
    has_number = row["std_error"] is not None or (row["conf_level"] is None and row["estimate"] is not None)
    return has_number and row["reliability"] != "failed"


def _number(value: float) -> str:
    return "Inf" if value == float("inf") else repr(float(value))


def pool(asked: Asked) -> Lines:
    """Write rows of imputations pooled by Rubin's rules; the script has read the imputations."""
    how = asked.arguments[COMBINED]
    if how["estimator"] not in (*BASE, *SEVERAL):
        yield from asked.skip_unknown(how["estimator"])
        return
    df = "" if how["df_complete"] is None else f", df_complete = {_number(how['df_complete'])}"
    for number, row in asked.rows:
        log = str(row["scale"] == "log").upper()
        test = str(row["p_value"] is not None).upper()
        place = number - asked.every[0][0] + 1
        level = "NULL" if row["conf_level"] is None else repr(float(row["conf_level"]))
        share = str(row["estimand"] in ESTIMANDS and ESTIMANDS[row["estimand"]].family == "share").upper()
        yield asked.check(number, f"pooled(imputations, {place}, {level}, {log}, {test}, {share}{df})")


def calls_of(asked: Asked) -> list[Asked]:
    """Give the calls that R recomputes for a result, each with its variables."""
    if asked.estimator != "pool":
        return split(asked)
    rows = asked.arguments[COMBINED]["rows"].rows(named=True)
    return split(_keep(asked, rows, range(len(rows))))


def keep_imputation(asked: Asked) -> Lines:
    """Write what one imputation gives for each row that is pooled, as a list."""
    yield f"{_KEPT} <- list()"
    for part in calls_of(asked):
        if part.estimator in BASE:
            yield from part.prepare()
            yield from BASE[part.estimator](part)
    yield _KEPT


BASE: Mapping[str, Callable[[Asked], Lines]] = {
    **r_descriptive.WRITERS,
    **r_models.WRITERS,
    **r_curves.WRITERS,
    **r_tables.WRITERS,
}
WRITERS: Mapping[str, Callable[[Asked], Lines]] = {**BASE, "contrast": contrast, "pool": pool}
