"""Write descriptive estimates and tests in R, as svymean, svytotal, svyratio, svyquantile and svychisq."""

from collections.abc import Callable, Mapping

from toolkit.estimate.survey import as_standard
from toolkit.report.verification.r_expressions import write_name, write_vector
from toolkit.report.verification.r_requests import Asked, Lines, write_names
from toolkit.studies import quote

# Names of intervals in R's svyciprop; the interval of NCHS has none.
_INTERVALS = {
    "korn-graubard": "beta",
    "logit": "logit",
    "likelihood": "likelihood",
    "arcsine": "asin",
    "wald": "mean",
    "xlogit": "xlogit",
}
# R interpolates the likelihood interval on a coarse profile.
_LIKELIHOOD = ", loose = c(conf_low = 5e-3, conf_high = 5e-3)"


def prevalence(asked: Asked) -> Lines:
    """Write prevalences, by svyciprop; standardized ones by svystandardize."""
    given = asked.argument("standardize")
    given = asked.argument("standardise") if given is None else given
    if given is not None:
        yield from _standardized(asked, given)
        return
    outcome, method = asked.argument("outcome"), _INTERVALS.get(asked.argument("interval"), "")
    column = asked.column(outcome)
    more = _LIKELIHOOD if method == "likelihood" else ""
    for group, rows in asked.groups():
        for number, row in rows:
            level = str(row["level"] or column.case)
            found = f"prevalence({asked.whole}, {group}, {quote(outcome)}, {quote(level)}, {quote(method)}, "
            yield asked.check(number, f"{found}{asked.confidence})", more)


def _standardized(asked: Asked, given: object) -> Lines:
    standard, outcome = as_standard(given), asked.argument("outcome")
    if standard.starts:
        ends = [*standard.starts, standard.until or float("inf")]
        breaks = ", ".join("Inf" if end == float("inf") else repr(end) for end in ends)
        labels = write_names([band for (band,) in standard.shares])
        age = write_name(standard.variables[0])
        bands = f"cut({age}, c({breaks}), labels = {labels}, right = FALSE)"
    else:
        bands = _paste(standard.variables)
    shares = ", ".join(
        f"{quote(' | '.join(levels))} = {share!r}" for levels, share in standard.shares.items()
    )
    bands, groups = (f"function(data) with(data, {text})" for text in (bands, _paste(asked.by)))
    column, method = asked.column(outcome), _INTERVALS.get(asked.argument("interval"), "")
    options = f"{bands}, c({shares}), {write_names(asked.names)}, {quote(method)}, {asked.confidence}"
    for group, rows in asked.groups():
        for number, row in rows:
            level = quote(str(row["level"] or column.case))
            whose = f"{asked.whole}, {group}, {groups}, {quote(outcome)}, {level}"
            yield asked.check(number, f"standardized_prevalence({whose}, {options})")


def _paste(names: tuple[str, ...]) -> str:
    """Write the levels of several variables as one; missing where one is missing."""
    own = [f"as.character({write_name(name)})" for name in names]
    if len(own) < 2:
        return own[0] if own else '"all"'
    known = " | ".join(f"is.na({name})" for name in own)
    return f'choose({known}, NA, paste({", ".join(own)}, sep = " | "))'


def mean(asked: Asked) -> Lines:
    """Write means, by svymean."""
    yield from _sums(asked, "average")


def total(asked: Asked) -> Lines:
    """Write totals, by svytotal."""
    yield from _sums(asked, "total")


def _sums(asked: Asked, function: str) -> Lines:
    names = write_names(asked.names)
    for group, rows in asked.groups():
        for number, row in rows:
            name = row["outcome"]
            case = quote(row["level"]) if row["level"] is not None else asked.case(name)
            found = f"{function}({asked.whole}, {group}, {quote(name)}, {case}, {names}, {asked.confidence})"
            yield asked.check(number, found)


def ratio(asked: Asked) -> Lines:
    """Write ratios of totals, by svyratio."""
    yield from _ratios(asked, ("numerator", "denominator"), "")


def rate(asked: Asked) -> Lines:
    """Write rates, by svyratio; their interval is symmetric on the log scale."""
    per = f", per = {float(asked.argument('per'))!r}, logarithmic = TRUE"
    yield from _ratios(asked, ("events", "time"), per)


def _ratios(asked: Asked, parts: tuple[str, str], more: str) -> Lines:
    above, below = (asked.argument(part) for part in parts)
    cases = f"list({asked.case(above)}, {asked.case(below)})"
    for group, rows in asked.groups():
        for number, _ in rows:
            names = f"{quote(above)}, {quote(below)}, {cases}, {asked.confidence}{more}"
            yield asked.check(number, f"ratio({asked.whole}, {group}, {names})")


def quantile(asked: Asked) -> Lines:
    """Write quantiles, by svyquantile."""
    name, rule, given = (asked.argument(part) for part in ("variable", "rule", "probs"))
    interval = "TRUE" if asked.argument("interval") == "wald" else "FALSE"
    probs = {f"{p:g}": float(p) for p in ((given,) if isinstance(given, int | float) else given)}
    for group, rows in asked.groups():
        for number, row in rows:
            found = f"quantile_of({asked.whole}, {group}, {quote(name)}, {probs[row['level']]!r}, "
            yield asked.check(number, f"{found}{quote(rule)}, {interval}, {asked.confidence})")


def survival(asked: Asked) -> Lines:
    """Write survival curves, by svykm, whose standard errors are of another estimator."""
    time, event = asked.argument("time"), asked.argument("event")
    for group, rows in asked.groups():
        for number, row in rows:
            if asked.argument("entry"):
                yield asked.skip(number, "svykm has no late entry")
                continue
            found = f"survival({asked.whole}, {group}, {quote(time)}, {quote(event)}, {asked.case(event)}, "
            yield asked.check(number, f"{found}{float(row['level'])!r})")


def t_test(asked: Asked) -> Lines:
    """Write t tests, by svyttest."""
    name, by = asked.argument("variable"), asked.argument("group")
    for group, rows in asked.groups():
        for number, _ in rows:
            found = f"t_test({asked.whole}, {group}, {quote(name)}, {asked.case(name)}, {quote(by)}, "
            yield asked.check(number, f"{found}{asked.references()}, {asked.confidence})")


def chi_square(asked: Asked) -> Lines:
    """Write tests of independence, by svychisq."""
    row, column, statistic = (asked.argument(part) for part in ("row", "column", "statistic"))
    more = ", loose = c(p_value = 5e-3)" if statistic == "saddlepoint" else ""
    for group, rows in asked.groups():
        for number, _ in rows:
            found = f"chi_square({asked.whole}, {group}, {quote(row)}, {quote(column)}, {quote(statistic)})"
            yield asked.check(number, found, more)


def rank_test(asked: Asked) -> Lines:
    """Write rank tests, by svyranktest."""
    name, by, test = (asked.argument(part) for part in ("variable", "group", "test"))
    levels = asked.column(name).levels
    order = write_vector(levels) if levels else "NULL"
    for group, rows in asked.groups():
        for number, _ in rows:
            found = f"rank_test({asked.whole}, {group}, {quote(name)}, {quote(by)}, {quote(test)}, "
            yield asked.check(number, f"{found}{asked.references()}, {order}, {asked.confidence})")


WRITERS: Mapping[str, Callable[[Asked], Lines]] = {
    "prevalence": prevalence,
    "mean": mean,
    "total": total,
    "ratio": ratio,
    "rate": rate,
    "quantile": quantile,
    "survival": survival,
    "t_test": t_test,
    "chi_square": chi_square,
    "rank_test": rank_test,
}
