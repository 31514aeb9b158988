"""Every public estimator, as a call on a hostile case."""

from collections.abc import Callable
from typing import Any

import toolkit as tk
from tests.hostile.hostile_frames import Case

OF_OUTCOMES = (
    "logit", "probit", "cloglog", "poisson", "log-binomial", "binomial-identity", "firth",
)  # fmt: skip
OF_NUMBERS = (
    "gaussian", "gaussian-log", "poisson", "gamma", "inverse-gaussian", "negative-binomial",
)  # fmt: skip
Call = Callable[[Case, tk.Study], Any]


def name(text: str) -> str:
    """Write a name as conditions and formulas require it."""
    return f"`{text}`"


def _formula(case: Case, *terms: str) -> str:
    return f"{name(case.outcome)} ~ {' + '.join(terms)}"


def _with_thirds(case: Case, study: tk.Study) -> tk.Study:
    """Add an ordered outcome of three levels."""
    return study.cut(case.other, into=3, as_="third_")


def _model(family: str, outcome: str = "outcome") -> Call:
    def call(case: Case, study: tk.Study) -> Any:
        left = name(getattr(case, outcome))
        return tk.model(study, f"{left} ~ {name(case.other)} + {name(case.group)}", family=family)

    return call


CALLS: dict[str, Call] = {
    "prevalence": lambda c, s: tk.prevalence(s, c.outcome, by=c.group),
    "prevalence (interval)": lambda c, s: tk.prevalence(s, c.outcome, interval="logit"),
    "prevalence (domain)": lambda c, s: tk.prevalence(s, c.outcome, domain=f"{name(c.other)} > 2"),
    "mean": lambda c, s: tk.mean(s, c.number, by=c.group),
    "mean (missing)": lambda c, s: tk.mean(s, c.other, domain=f"missing({name(c.number)})"),
    "total": lambda c, s: tk.survey.total(s, c.number, by=c.group),
    "ratio": lambda c, s: tk.survey.ratio(s, c.number, c.other, by=c.group),
    "quantile": lambda c, s: tk.survey.quantile(s, c.number, by=c.group),
    "rate": lambda c, s: tk.survey.rate(s, c.outcome, c.time, per=100),
    "describe": lambda c, s: tk.describe(s, [c.number, c.group, c.outcome]),
    "describe (by)": lambda c, s: tk.describe(s, [c.number, c.outcome], by=c.group, difference=True),
    "describe_design": lambda c, s: tk.survey.describe_design(s, [c.outcome]),
    "weights": lambda c, s: tk.survey.weights(s, [c.outcome]),
    "replicates": lambda c, s: tk.prevalence(
        tk.survey.replicates(s, method="bootstrap", number=20), c.outcome
    ),
    "precision": lambda c, s: tk.survey.precision(s, c.outcome, c.group, adjust=()),
    "design_matrix": lambda c, s: tk.survey.design_matrix(s, _formula(c, name(c.number), name(c.group))),
    "association": lambda c, s: tk.association(s, c.outcome, c.group, adjust=(c.other,)),
    "association (odds)": lambda c, s: tk.association(
        s, c.outcome, c.number, adjust=(), estimand="odds_ratio"
    ),
    "association (standardized)": lambda c, s: tk.association(
        s, c.outcome, c.group, adjust=(c.other,), estimand="standardised_difference"
    ),
    "association (terms)": lambda c, s: tk.association(s, c.outcome, c.number, adjust=(c.group,), terms=True),
    "margins": lambda c, s: tk.margins(s, _formula(c, name(c.group), name(c.other)), c.group),
    "predict": lambda c, s: tk.effects.predict(s, _formula(c, name(c.other)), at={c.other: (1, 2)}),
    "interaction": lambda c, s: tk.effects.interaction(
        s.cut(c.other, into=2, as_="half_"), c.outcome, (c.group, "half_"), adjust=()
    ),
    "curve": lambda c, s: tk.effects.curve(s, c.outcome, c.number, adjust=(), knots=3),
    "trend": lambda c, s: tk.effects.trend(s, c.outcome, c.group),
    "trend (number)": lambda c, s: tk.effects.trend(s, c.outcome, c.number),
    "cosinor": lambda c, s: tk.effects.cosinor(s, c.outcome, c.number, period=12),
    "atlas": lambda c, s: tk.effects.atlas(
        s, (c.outcome,), (c.group, c.number), adjust=(), domain="", progress=False
    ),
    "multiverse": lambda c, s: tk.multiverse(
        s,
        c.outcome,
        (c.group, c.number),
        adjust=((), (c.other,)),
        missing=("complete", "indicator", "common"),
        flips=99,
        progress=False,
    ),
    "flow": lambda c, s: tk.flow(s, c.outcome, c.group, adjust=(c.number,)),
    "chi_square": lambda c, s: tk.tests.chi_square(s, c.outcome, c.group),
    "t_test": lambda c, s: tk.tests.t_test(s, c.number, c.group),
    "rank_test": lambda c, s: tk.tests.rank_test(s, c.number, c.group),
    "term_test": lambda c, s: tk.tests.term_test(s, _formula(c, name(c.other), name(c.group)), name(c.group)),
    "proportionality": lambda c, s: tk.tests.proportionality(_with_thirds(c, s), f"third_ ~ {name(c.group)}"),
    "ordinal": lambda c, s: tk.model(_with_thirds(c, s), f"third_ ~ {name(c.group)}", family="ordinal"),
    "multinomial": lambda c, s: tk.model(
        _with_thirds(c, s), f"third_ ~ {name(c.group)}", family="multinomial"
    ),
    "survival": lambda c, s: tk.longitudinal.survival(s, c.time, c.outcome, by=c.group),
    "cox": lambda c, s: tk.model(
        s,
        f"Surv({name(c.time)}, {name(c.outcome)}) ~ {name(c.number)} + strata({name(c.group)})",
        family="cox",
    ),
    "gee": lambda c, s: tk.longitudinal.gee(s, _formula(c, name(c.other))),
    "case_crossover": lambda c, s: tk.longitudinal.case_crossover(s, c.outcome, (c.number,)),
    "lag_curve": lambda c, s: tk.longitudinal.lag_curve(s, c.outcome, c.number),
    "adjustment_for": lambda c, s: tk.adjustment_for(s, c.outcome, c.group),
    "cut": lambda c, s: tk.prevalence(s.cut(c.number, as_="cut_"), c.outcome, by="cut_"),
    "derive": lambda c, s: tk.mean(s.derive("new_", f"{name(c.number)} / {name(c.other)}"), "new_"),
    "variables": lambda c, s: s.variables(),
    "availability": lambda c, s: s.availability(),
    "missing": lambda c, s: s.missing(c.number),
    "spline": lambda c, s: tk.model(s, _formula(c, f"rcs({name(c.number)}, 3)")),
    "interaction term": lambda c, s: tk.model(s, _formula(c, f"{name(c.group)} * {name(c.number)}")),
    **{f"model ({family})": _model(family) for family in OF_OUTCOMES},
    **{f"model of a number ({family})": _model(family, "number") for family in OF_NUMBERS},
}
