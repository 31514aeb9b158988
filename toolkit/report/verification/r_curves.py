"""Write curves in R: of a dose, over time and over the seasons, by svyglm and the delta method."""

import re
from collections.abc import Callable, Mapping

from toolkit.estimate.regression import choose_estimand
from toolkit.report.verification.r_expressions import write_name, write_vector
from toolkit.report.verification.r_models import (
    FAMILIES,
    adjusted_for,
    write_covariates,
    write_fit,
    write_log,
    write_options,
)
from toolkit.report.verification.r_requests import Asked, Lines, write_names
from toolkit.results import ESTIMANDS
from toolkit.studies import quote

_YEARS = re.compile(r"^(\d{4})(?:-(\d{4}))?$")
# How many amplitudes the swing of a seasonal curve is.
_SWINGS = {"prevalence_ratio": 2, "prevalence_difference": 2, "mean_difference": 1}
_IN_YEAR = "months from 1 January"


def curve(asked: Asked) -> Lines:
    """Write points of a dose-response curve against its reference, and Wald tests of it."""
    outcome, exposure = asked.argument("outcome"), asked.argument("exposure")
    family, knots = FAMILIES[ESTIMANDS[asked.argument("estimand")].model], asked.argument("knots")
    count = repr(float(knots)) if isinstance(knots, int) else ", ".join(repr(float(knot)) for knot in knots)
    terms = int(knots) - 1 if isinstance(knots, int) else len(set(knots)) - 1
    known = f"complete({asked.whole}, {write_names(asked.names)})"
    yield f"knots <- with_knots(quote(rcs({write_name(exposure)}, {count})), {known})"
    for group, rows in asked.groups():
        own = write_covariates(adjusted_for(rows))
        right = f'call("+", knots, quote({" + ".join(own)}))' if own else "knots"
        yield write_fit(asked, group, outcome, right, family)
        for number, row in rows:
            if row["estimand"] == "term":
                places = f"{2 if row['level'] == 'overall' else 3}:{terms + 1}"
                yield asked.check(number, f"wald_test(model, {places}, {asked.degrees})")
                continue
            points = f"{float(row['level'])!r}, {float(row['reference'])!r}"
            log = str(row["scale"] == "log").upper()
            found = f"curve_point(model, knots, {quote(exposure)}, {points}, {write_options(asked)}, {log})"
            yield asked.check(number, found)


def trend(asked: Asked) -> Lines:
    """Write trends over the scores of levels."""
    outcome, over = asked.argument("outcome"), asked.argument("over")
    column, given = asked.column(over), asked.argument("scores")
    variables = f"{asked.whole}$variables"
    if column.continuous:
        score = f"{variables}[[{quote(over)}]]"
    else:
        years = [_YEARS.match(level) for level in column.levels]
        scores = [float(place) for place in range(len(column.levels))]
        if given is not None:
            scores = [float(given[level]) for level in column.levels]
        elif all(years):
            scores = [(int(year[1]) + int(year[2] or year[1]) + 1) / 2 for year in years if year]
        levels = f"as.character({variables}[[{quote(over)}]]), {write_vector(list(column.levels))}"
        score = f"{write_vector(scores)}[match({levels})]"
    yield f"{variables}$.score <- {score}"
    if asked.argument("degree") > 1:
        middle = f"mean(range(people_of({asked.whole})$.score, na.rm = TRUE))"
        yield f"{variables}$.score <- {variables}$.score - {middle}"
    powers = [".score", "I(.score^2)"][: asked.argument("degree")]
    for group, rows in asked.groups():
        measured, adjust = rows[0][1]["estimand"], rows[0][1]["adjust"]
        right = " + ".join([*powers, *write_covariates(adjust)])
        yield write_fit(asked, group, outcome, f"quote({right})", FAMILIES[ESTIMANDS[measured].model])
        for number, row in rows:
            place = 2 if row["level"] == "linear" else 3
            yield asked.check(number, f"coefficient(model, {place}, {write_options(asked)}{write_log(row)})")


def cosinor(asked: Asked) -> Lines:
    """Write seasonal curves: swing, peak and Wald test of a cosine and a sine of the time of year."""
    outcome, (times, turn, start) = asked.argument("outcome"), _read_times(asked)
    measured = choose_estimand(
        asked.column(outcome), asked.argument("estimand"), tuple(_SWINGS), "tk.effects.cosinor"
    )
    family = FAMILIES[ESTIMANDS[measured].model]
    yield f"{asked.whole}$variables$.angle <- 2 * pi / {turn!r} * ({times} - {start!r})"
    for group, rows in asked.groups():
        right = " + ".join(["cos(.angle)", "sin(.angle)", *write_covariates(adjusted_for(rows))])
        yield write_fit(asked, group, outcome, f"quote({right})", family)
        for number, row in rows:
            if row["estimand"] == "seasonality":
                yield asked.check(number, f"wald_test(model, 2:3, {asked.degrees})")
            elif row["estimand"] == "peak":
                yield asked.check(number, f"peak_of(model, {turn!r}, {write_options(asked)})")
            else:
                found = f"swing_of(model, {_SWINGS[measured]}, {write_options(asked)}{write_log(row)})"
                yield asked.check(number, found)


def _read_times(asked: Asked) -> tuple[str, float, float]:
    """Write the time of each participant, with the length of the year and the time of its beginning."""
    name, period = asked.argument("time"), asked.argument("period")
    values, start = f"{asked.whole}$variables[[{quote(name)}]]", 0.0 if period else 0.5
    if asked.study.people.schema[name].is_temporal():
        return f"months_of({values})", float(period or 12), 0.0
    column = asked.column(name)
    if column.continuous:
        return values, float(period or 12), 0.0 if column.variable.unit == _IN_YEAR else start
    levels = write_vector(list(column.levels))
    return f"match(as.character({values}), {levels})", float(period or len(column.levels)), start


WRITERS: Mapping[str, Callable[[Asked], Lines]] = {"curve": curve, "trend": trend, "cosinor": cosinor}
