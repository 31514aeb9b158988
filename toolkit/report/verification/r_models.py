"""Write regression models in R, as svyglm, svycoxph and regTermTest, and what is computed from them."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from toolkit.estimate.regression import take_time
from toolkit.report.verification.r_expressions import write_name, write_vector
from toolkit.report.verification.r_requests import Asked, Lines, Row, write_list, write_names
from toolkit.results import ESTIMANDS, covariates
from toolkit.studies import quote
from toolkit.variables import spline_of

# Families of R with a starting value of the intercept where R needs one.
FAMILIES = {
    "logit": ("quasibinomial()", ""),
    "probit": ('quasibinomial("probit")', ""),
    "cloglog": ('quasibinomial("cloglog")', ""),
    "cauchit": ('quasibinomial("cauchit")', ""),
    "log-binomial": ('quasibinomial("log")', "function(y) log(mean(y))"),
    "binomial-identity": ('quasibinomial("identity")', "function(y) mean(y)"),
    "poisson": ("quasipoisson()", ""),
    "poisson-identity": ('quasipoisson("identity")', "function(y) mean(y)"),
    "gaussian": ("gaussian()", ""),
    "gaussian-log": ('gaussian("log")', "function(y) log(mean(y))"),
    "gamma": ('Gamma("log")', "function(y) log(mean(y))"),
    "inverse-gaussian": ('inverse.gaussian("log")', "function(y) log(mean(y))"),
}
_DERIVATIVE = ", 1e-6"  # Of two different numerical derivatives.
_REPLICATED_COX = ", 1e-7"  # svycoxph fits replicates less exactly.
_ORDINAL = ", 1e-5"  # svyolr takes its Hessian from differences of the gradient.
_SADDLEPOINT = ", loose = c(p_value = 5e-3)"
# Measures of interaction as functions of the coefficients of both exposures and their product.
_MEASURES = {
    "ratio_of_ratios": "function(a, b, ab) ab",
    "interaction_difference": "function(a, b, ab) ab",
    "reri": "function(a, b, ab) exp(a + b + ab) - exp(a) - exp(b) + 1",
    "attributable_proportion": "function(a, b, ab) (exp(a + b + ab) - exp(a) - exp(b) + 1) / exp(a + b + ab)",
    "synergy_index": "function(a, b, ab) log((exp(a + b + ab) - 1) / (exp(a) + exp(b) - 2))",
}
_JOINT = {
    (1, 0): "function(a, b, ab) a",
    (0, 1): "function(a, b, ab) b",
    (1, 1): "function(a, b, ab) a + b + ab",
}


def adjusted_for(rows: Sequence[tuple[int, Row]]) -> str:
    """Return the covariates of the rows of one group; a test among them names none."""
    return next((row["adjust"] for _, row in rows if row["adjust"] is not None), "")


def write_covariates(adjust: str | None) -> list[str]:
    """Write the covariates of a row as terms of a formula."""
    terms = []
    for covariate in covariates(adjust or ""):
        spline = spline_of(covariate)
        numbers = ", ".join(f"{number:g}" for number in spline[1]) if spline else ""
        terms.append(f"rcs({write_name(spline[0])}, {numbers})" if spline else write_name(covariate))
    return terms


def write_fit(asked: Asked, group: str, outcome: str, right: str, family: tuple[str, str]) -> str:
    """Write the fit of a model in a group, which R computes when its first row asks for it."""
    start = f", {family[1]}" if family[1] else ""
    fit = (
        f"fit_model({asked.whole}, {group}, {quote(outcome)}, {asked.case(outcome)}, {right}, "
        f"{write_names(asked.names)}, {family[0]}, {asked.references()}{start})"
    )
    return f'delayedAssign("model", {fit})'


def write_options(asked: Asked) -> str:
    """Write the degrees of freedom and the confidence level of a row."""
    return f"{asked.degrees}, {asked.confidence}"


def write_log(row: Row) -> str:
    """Write that a row is a ratio, whose model is on the log scale."""
    return ", log = TRUE" if row["scale"] == "log" else ""


def association(asked: Asked) -> Lines:
    """Write associations: coefficients of an exposure, or average predictions."""
    outcome, exposure = asked.argument("outcome"), asked.argument("exposure")
    estimand = asked.argument("estimand")
    family = FAMILIES[ESTIMANDS[estimand].model]
    for group, rows in asked.groups():
        right = " + ".join([write_name(exposure), *write_covariates(adjusted_for(rows))])
        yield write_fit(asked, group, outcome, f"quote({right})", family)
        for number, row in rows:
            if asked.argument("terms"):
                yield asked.check(
                    number, f"coefficient(model, {asked.places[number]}, {write_options(asked)})"
                )
            elif estimand.startswith("standardised"):
                yield _average(asked, number, row, exposure)
            else:
                own = quote(str(row["level"]))
                levels = f"level_place(model, {quote(exposure)}, {own}, {asked.references()})"
                yield asked.check(
                    number, f"coefficient(model, {levels}, {write_options(asked)}{write_log(row)})"
                )


def _average(asked: Asked, number: int, row: Row, variable: str) -> str:
    """Write the average prediction of a row, or its comparison with the reference."""
    kind, column = ESTIMANDS[row["estimand"]], asked.column(variable)
    test = "" if kind.null_value is not None else ", test = FALSE"
    at = [float(value) for value in asked.argument("at") or ()]
    more = ""

    def setting(level: str) -> str:
        return write_list({variable: float(level) if column.continuous else level})

    if kind.family in ("share", "mean"):
        settings, contrast = [setting(row["level"])], "1"
        test += ", share = TRUE" if kind.family == "share" else ""
    elif not column.continuous or at:
        settings, contrast = [setting(row["reference"]), setting(row["level"])], "c(-1, 1)"
    elif row["estimand"] == "average_marginal_effect":
        own, more = write_name(variable), _DERIVATIVE
        step = f"step({asked.whole}, {quote(variable)})"
        settings = [f"list({own} = function(x) x + {k} * {step})" for k in (1, -1, 2, -2)]
        contrast = f"c(8, -8, -1, 1) / (12 * {step})"
    else:
        settings, contrast = ["list()", f"list({write_name(variable)} = function(x) x + 1)"], "c(-1, 1)"
    options = f"{write_options(asked)}{write_log(row)}{test}"
    found = f"averaged(model, list({', '.join(settings)}), {contrast}, {options})"
    return asked.check(number, found, more)


def _right_side(asked: Asked) -> str:
    """Write the right side of a formula, with its offset."""
    right = take_time(str(asked.argument("formula"))).formula.partition("~")[2].strip()
    offset = asked.argument("offset")
    return f"quote({right} + offset({offset}))" if offset else f"quote({right})"


def _outcome(asked: Asked) -> str:
    return take_time(str(asked.argument("formula"))).formula.partition("~")[0].strip().strip("`")


def model(asked: Asked) -> Lines:
    """Write the coefficients of a model, in R's order."""
    family = str(asked.argument("family"))
    if family in ("cox", "ordinal"):
        yield from (_cox if family == "cox" else _ordinal)(asked)
        return
    for group, rows in asked.groups():
        if family in FAMILIES:
            yield write_fit(asked, group, _outcome(asked), _right_side(asked), FAMILIES[family])
        for number, row in rows:
            if family not in FAMILIES:
                yield asked.skip(number, f"R's survey package has no family '{family}'")
            else:
                yield asked.check(
                    number,
                    f"coefficient(model, {asked.places[number]}, {write_options(asked)}{write_log(row)})",
                )


def _cox(asked: Asked) -> Lines:
    taken = take_time(str(asked.argument("formula")))
    event, right = _outcome(asked), taken.formula.partition("~")[2].strip()
    times = ", ".join(write_name(name) for name in (taken.entry, taken.time) if name)
    strata = f" + strata({', '.join(map(write_name, taken.strata))})" if taken.strata else ""
    formula = f"quote(Surv({times}, .event) ~ {right}{strata})"
    for group, rows in asked.groups():
        names = f"{write_names(asked.names)}, {quote(event)}, {asked.case(event)}, {asked.references()}"
        yield f'delayedAssign("model", cox_model({asked.whole}, {group}, {formula}, {names}))'
        for number, row in rows:
            found = f"cox_coefficient(model, {asked.places[number]}, {write_options(asked)}{write_log(row)})"
            yield asked.check(number, found, _REPLICATED_COX)


def _ordinal(asked: Asked) -> Lines:
    outcome = _outcome(asked)
    levels = write_vector(list(asked.column(outcome).levels))
    for group, rows in asked.groups():
        names = f"{_right_side(asked)}, {write_names(asked.names)}, {asked.references()}"
        fit = f"ordinal_model({asked.whole}, {group}, {quote(outcome)}, {levels}, {names})"
        yield f'delayedAssign("model", {fit})'
        for number, row in rows:
            found = (
                f"ordinal_coefficient(model, {asked.places[number]}, {write_options(asked)}{write_log(row)})"
            )
            yield asked.check(number, found, _ORDINAL)


def margins(asked: Asked) -> Lines:
    """Write average predictions of a model, with the sampling of the participants averaged over."""
    yield from _of_formula(
        asked, lambda number, row: _average(asked, number, row, asked.argument("variable"))
    )


def predict(asked: Asked) -> Lines:
    """Write predictions over a grid of values."""

    def write(number: int, row: Row) -> str:
        at = asked.argument("at")
        place = {name: float(row[name]) if asked.column(name).continuous else row[name] for name in at}
        share = ", share = TRUE" if ESTIMANDS[row["estimand"]].family == "share" else ""
        found = f"averaged(model, list({write_list(place)}), 1, {write_options(asked)}, test = FALSE{share})"
        return asked.check(number, found)

    yield from _of_formula(asked, write)


def _of_formula(asked: Asked, write: Callable[[int, Row], str]) -> Lines:
    """Write the model of a formula in each group, and its rows."""
    family = str(asked.argument("family"))
    for group, rows in asked.groups():
        if family in FAMILIES:
            yield write_fit(asked, group, _outcome(asked), _right_side(asked), FAMILIES[family])
        for number, row in rows:
            known = family in FAMILIES
            yield write(number, row) if known else asked.skip(number, f"R has no family '{family}'")


def term_test(asked: Asked) -> Lines:
    """Write joint tests of terms, by regTermTest."""
    family, terms = str(asked.argument("family")), asked.argument("terms")
    wald = asked.argument("method") == "wald"
    function, more = ("term_test", "") if wald else ("likelihood_ratio", _SADDLEPOINT)
    named = " + ".join([terms] if isinstance(terms, str) else terms)
    for group, rows in asked.groups():
        if family in FAMILIES:
            yield write_fit(asked, group, _outcome(asked), _right_side(asked), FAMILIES[family])
        for number, _ in rows:
            if family not in FAMILIES:
                yield asked.skip(number, "only tests of models that svyglm fits are recomputed")
            else:
                yield asked.check(number, f"{function}(model, ~ {named}, {asked.degrees})", more)


def interaction(asked: Asked) -> Lines:
    """Write joint effects and measures of interaction, by the delta method."""
    first, second = asked.argument("exposures")
    family = FAMILIES[ESTIMANDS[asked.argument("estimand")].model]
    given = asked.argument("reference") or {}
    columns = {name: asked.column(name) for name in (first, second)}
    reference = {name: given.get(name, column.reference) for name, column in columns.items()}
    others = [[level for level in columns[n].levels if level != reference[n]] for n in (first, second)]
    for group, rows in asked.groups():
        adjust = adjusted_for(rows)
        pair = f"{write_name(first)} * {write_name(second)}"
        right = " + ".join([pair, *write_covariates(adjust)])
        yield write_fit(asked, group, asked.argument("outcome"), f"quote({right})", family)
        for number, row in rows:
            own = _find_pair(row, (first, second), (reference, others))
            if own is None:
                products = [
                    f"product_places(model, {write_names((first, second))}, "
                    f"{write_list(dict(zip((first, second), levels, strict=True)))})[3]"
                    for levels in product(*others)
                ]
                yield asked.check(number, f"wald_test(model, c({', '.join(products)}), {asked.degrees})")
                continue
            levels, which = own
            places = f"product_places(model, {write_names((first, second))}, {write_list(levels)})"
            of = _MEASURES.get(row["estimand"]) or _JOINT[which]
            kind = ESTIMANDS[row["estimand"]]
            more = f", log = {str(row['scale'] == 'log').upper()}"
            more += "" if kind.null_value is not None else ", test = FALSE"
            yield asked.check(number, f"measure(model, {places}, {of}, {write_options(asked)}{more})")


def _find_pair(
    row: Row, names: tuple[str, str], known: tuple[Mapping[str, Any], list[list[str]]]
) -> tuple[dict[str, str], tuple[int, int]] | None:
    """Find the levels of both exposures that a row compares, and which of them it sets."""
    reference, others = known
    for levels in product(*others):
        for which in _JOINT:
            own = [
                level if k else reference[name] for name, level, k in zip(names, levels, which, strict=True)
            ]
            if ", ".join(own) == row["level"]:
                return dict(zip(names, levels, strict=True)), which
    return None


WRITERS: Mapping[str, Callable[[Asked], Lines]] = {
    "association": association,
    "model": model,
    "margins": margins,
    "predict": predict,
    "term_test": term_test,
    "interaction": interaction,
}
