"""Every public call that takes a study either gives on an engine what it gives in memory, or refuses.

A new public name with a study, or a new public name of `Study`, must be listed here.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.engine_studies import ENGINES, PERSONS, in_memory, on_engine, rows_fetched
from tests.support.looping import in_one_test

Call = Callable[[tk.Study], Any]
DESIGN = "strata and PSUs"
COX = "Surv(nights, cramps) ~ sex"
DAY = ("heat_index", "temperature_mean", "degree_days", "heat_wave")
WEATHER = pl.DataFrame({"place": ["a"], "date": [date(2020, 1, 1)], **{key: [1.0] for key in DAY}})
OFTEN = "when(nights < 3, 'a', nights < 6, 'b', 'c')"


def paper(study: tk.Study, call: Callable[..., Any]) -> Any:
    """Write a passage of a report on an association."""
    result = tk.association(study, "cramps", "sex", adjust=("smoker",))
    facts = tk.survey.describe_design(study, result)
    return call(study, tk.flow(study, "cramps", "sex", adjust=()), result, facts, tk.reports.Paper())


def explored(study: tk.Study) -> Any:
    view = tk.explore(study, "cramps", "sex", adjust=("age",)).view
    return view["finding"], view["svg"], view["notes"]


def population_passage(study: tk.Study) -> Any:
    return tk.reports.study_population(study, tk.flow(study, "cramps"), tk.reports.Paper())


PLAN = """
[[question]]
name = "smoking"
outcome = "cramps"
exposure = "smoker"
role = "primary"
adjust = ["sex"]
"""


def answers(study: tk.Study) -> Any:
    """Answer the question of a plan."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.toml"
        path.write_text(PLAN)
        return tk.plan(path, study).answer(study)


# What equals the result in memory.
SERVED: dict[str, Call] = {
    "adjustment_for": lambda s: tk.adjustment_for(
        s.derive("any_cramps", "cramps").derive("obesity", "bmi > 30"), "any_cramps", "obesity"
    ),
    "adjustment_models": lambda s: tk.adjustment_models(s, "cramps", "sex", adjust=("age",)),
    "association": lambda s: tk.association(s, "cramps", "education", adjust=("age", "bmi")),
    "atlas": lambda s: tk.atlas(s, "cramps", ("sex", "smoker"), adjust=[("education",)]),
    "attempt": lambda s: tk.reports.attempt(tk.prevalence, s, "cramps"),
    "case_crossover": lambda s: tk.case_crossover(s, "cramps", "age"),
    "chi_square": lambda s: tk.chi_square(s, "sex", "education"),
    "check_robustness": lambda s: tk.effects.check_robustness(s, "cramps", "sex", adjust="smoker").e_values,
    "cosinor": lambda s: tk.cosinor(s, "cramps", "nights", period=8, adjust=()),
    "curve": lambda s: tk.curve(s, "cramps", "age", adjust=("sex",)),
    "cycles_sentence": lambda s: tk.reports.cycles_sentence(s, ("cramps", "sex")),
    "describe_design": lambda s: tk.survey.describe_design(s, "cramps"),
    "explore": explored,
    "flow": lambda s: tk.flow(s, "cramps", "sex", adjust=("bmi",), domain="age > 30"),
    "gee": lambda s: tk.gee(s, "cramps ~ sex"),
    "impact": lambda s: tk.effects.impact(s, "cramps", "sex", adjust=("age", "bmi")),
    "imputed": lambda s: tk.imputed([s, s], tk.prevalence, "cramps"),
    "interaction": lambda s: tk.interaction(s, "cramps", ("sex", "smoker"), adjust=("education",)),
    "lag_curve": lambda s: tk.lag_curve(s, "cramps", "age"),
    "limitations": lambda s: tk.reports.limitations(("Recalled.",), s),
    "margins": lambda s: tk.margins(s, "cramps ~ sex + age", "sex"),
    "mean": lambda s: tk.mean(s, "bmi", by="sex"),
    "model": lambda s: tk.model(s, "cramps ~ sex + bmi"),
    "multiverse": lambda s: tk.multiverse(
        s, "cramps", ("sex", "smoker"), adjust=((), ("education",)), domain=("", "age > 30"), flips=0
    ),
    "plan": answers,
    "precision": lambda s: tk.precision(s, "cramps", "sex", adjust=()),
    "predict": lambda s: tk.predict(s, "cramps ~ sex * age", {"sex": ("male", "female")}),
    "prevalence": lambda s: tk.prevalence(s, "cramps", by="sex"),
    "proportionality": lambda s: tk.proportionality(
        s.derive("often", OFTEN, levels=["a", "b", "c"]), "often ~ sex"
    ),
    "quantile": lambda s: tk.quantile(s, "age", by="sex"),
    "rate": lambda s: tk.rate(s, "cramps", "nights", domain="nights > 0"),
    "ratio": lambda s: tk.ratio(s, "bmi", "pressure"),
    "records": tk.records,
    "strobe": lambda s: paper(s, tk.reports.strobe),
    "study_population": population_passage,
    "survival": lambda s: tk.survival(s, "nights", "cramps"),
    "term_test": lambda s: tk.term_test(s, "cramps ~ sex + age", "sex"),
    "total": lambda s: tk.total(s, "bmi"),
    "trend": lambda s: tk.trend(s, "cramps", "age", adjust=()),
    "truth": lambda s: tk.truth(s, "cramps", "sex"),
    "Study.availability": lambda s: s.availability(by_reason=True),
    "Study.computed": lambda s: type(s.computed),
    "Study.codebook": lambda s: s.codebook,
    "Study.cut": lambda s: tk.prevalence(s.cut("age"), "cramps", by="age_thirds"),
    "Study.cycles": lambda s: s.cycles,
    "Study.derivations": lambda s: [*s.derive("obese", "bmi >= 30").derivations],
    "Study.declare_policy": lambda s: s.declare_policy("mine"),
    "Study.derive": lambda s: tk.prevalence(s.derive("obese", "bmi >= 30"), "obese"),
    "Study.design": lambda s: s.design,
    "Study.diary": lambda s: s.diary,
    "Study.inputs": lambda s: s.inputs,
    "Study.label": lambda s: s.label,
    "Study.merge_levels": lambda s: tk.prevalence(
        s.merge_levels("education", {"lower": ["low", "middle"]}, as_="two"), "two"
    ),
    "Study.missing": lambda s: s.missing("bmi"),
    "Study.name": lambda s: s.name,
    "Study.people": lambda s: (s.people.height, s.people.columns, s.people.width),
    "Study.provenance": lambda s: s.provenance,
    "Study.rare_levels": lambda s: s.rare_levels,
    "Study.simulated": lambda s: s.simulated,
    "Study.smallest_cell": lambda s: s.smallest_cell,
    "Study.summary": lambda s: s.summary,
    "Study.variable": lambda s: s.variable("bmi"),
    "Study.variables": lambda s: s.variables(),
    "Study.visits": lambda s: s.visits,
    "Study.weight_for": lambda s: str(s.weight_for("cramps")),
    "Study.with_cause": lambda s: s.with_cause(tk.card("stretching")),
    "Study.with_design": lambda s: tk.prevalence(s.with_design(tk.Design(weight="positive")), "cramps"),
}
# Calls of the same names that need participants, and names that always do.
REFUSED: dict[str, tuple[str, Call]] = {
    "add_weather": ("add_weather", lambda s: tk.add_weather(s, WEATHER)),
    "cosinor of a measurement": ("cosinor", lambda s: tk.cosinor(s, "cramps", "bmi", period=8, adjust=())),
    "curve of a measurement": ("curve", lambda s: tk.curve(s, "cramps", "bmi", adjust=())),
    "certificate": ("certificate", lambda s: tk.certificate(s, tk.mean(s, "bmi"), "/nowhere")),
    "data_dictionary": ("data_dictionary", tk.data_dictionary),
    "describe": ("describe", lambda s: tk.describe(s, ["sex", "age"])),
    "design_matrix": ("design_matrix", lambda s: tk.design_matrix(s, "cramps ~ sex")),
    "shift of a measurement": (
        "impact",
        lambda s: tk.effects.impact(s, "cramps", "bmi", shift=-1, adjust=()),
    ),
    "why_no_estimate": ("why_no_estimate", lambda s: tk.reports.why_no_estimate(s, ["cramps", "bmi"])),
    "impute": ("impute", lambda s: tk.effects.impute(s, "bmi", "cramps", predictors="sex")),
    "interaction": ("interaction", lambda s: tk.interaction(s, "cramps", ("sex", "smoker"), adjust="bmi")),
    "Cox model": ("model", lambda s: tk.model(s, COX, family="cox")),
    "probit of a measurement": ("model", lambda s: tk.model(s, "cramps ~ bmi", family="probit")),
    "offset with a measurement": ("model", lambda s: tk.model(s, "cramps ~ bmi", "poisson", offset="age")),
    "quantile of a measurement": ("quantile", lambda s: tk.quantile(s, "bmi")),
    "rank_test": ("rank_test", lambda s: tk.rank_test(s, "nights", "sex")),
    "render": ("render", lambda s: tk.render("burden", study=s)),
    "render_plan": ("render_plan", tk.render_plan),
    "replicates": ("replicates", lambda s: tk.survey.replicates(s, method="bootstrap")),
    "t_test of a measurement": ("t_test", lambda s: tk.t_test(s, "bmi", "sex")),
    "weights": ("weights", tk.weights),
    "term_test of a measurement": (
        "term_test",
        lambda s: tk.term_test(s, "cramps ~ sex + bmi", "sex", method="rao-scott"),
    ),
    "trend over a measurement": ("trend", lambda s: tk.trend(s, "cramps", "bmi", adjust=())),
    "spline of a measurement": ("model", lambda s: tk.model(s, "cramps ~ rcs(bmi, 4)")),
    "populations in place of weights": (
        "Study.with_design",
        lambda s: tk.model(s.with_design(tk.Design(strata="stratum", fpc="size")), "cramps ~ bmi"),
    ),
    "cut of a measurement": ("Study.cut", lambda s: s.cut("bmi")),
    "to_r": ("Study.to_r", lambda s: s.to_r("/nowhere")),
    "write": ("Study.write", lambda s: s.write("people.dta")),
    "head": ("Study.people", lambda s: s.people.head(3)),
    "column": ("Study.people", lambda s: s.people["sex"]),
    "rows": ("Study.people", lambda s: s.people.rows()),
    "iteration": ("Study.people", lambda s: list(s.people)),
    "select": ("Study.people", lambda s: s.people.select("sex")),
    "select all": ("Study.people", lambda s: s.people.select(pl.all())),
    "calibrated": (
        "Study.with_design",
        lambda s: tk.prevalence(
            s.with_design(s.design.calibrated({"sex": {"male": 10, "female": 20}})), "cramps"
        ),
    ),
    "replicate weights": (
        "Study.with_design",
        lambda s: tk.prevalence(
            s.with_design(
                tk.Design(weight="weight", replicate_weights=["bmi", "age"], replicate_method="BRR")
            ),
            "cramps",
        ),
    ),
}


def public_names() -> Iterator[str]:
    """List the public functions that take a study, and the public names of a study."""
    flat = {name: getattr(tk, name) for name in tk.__all__}
    spaces = [one for one in flat.values() if isinstance(one, tk.Namespace) or inspect.ismodule(one)]
    listed = [(name, getattr(space, name)) for space in spaces for name in dir(space)]
    for name, value in dict([*flat.items(), *listed]).items():
        if callable(value) and not inspect.isclass(value) and not name.startswith("_"):
            taken = inspect.signature(value).parameters.values()
            if any("Study" in str(one.annotation) for one in taken):
                yield name
    fields: Mapping[str, Any] = tk.Study.__dataclass_fields__
    yield from (f"Study.{name}" for name in {*dir(tk.Study), *fields} if not name.startswith("_"))


def test_every_public_call_with_a_study_is_listed() -> None:
    listed = {*SERVED, *(name for name, _ in REFUSED.values())}
    assert listed == set(public_names())


def answer(call: Call, study: tk.Study) -> Any:
    """Call, and return the result, or the words of the toolkit's error."""
    try:
        return call(study)
    except tk.ToolkitError as error:
        return f"{type(error).__name__}: {error}"


def expect_equal(found: Any, expected: Any) -> None:
    if isinstance(expected, pl.DataFrame):
        assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-12)
    elif isinstance(expected, str | tuple | dict | bool | int | type(None)):
        assert found == expected
    else:
        assert re.sub("0x[0-9a-f]+", "", repr(found)) == re.sub("0x[0-9a-f]+", "", repr(expected))


@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", SERVED)
def test_what_is_served_equals_the_result_in_memory(name: str, engine: str) -> None:
    study = on_engine(engine, DESIGN)
    before = len(rows_fetched(study))
    found, expected = (answer(SERVED[name], one) for one in (study, in_memory(DESIGN)))
    expect_equal(found, expected)
    assert all(rows < PERSONS for rows in rows_fetched(study)[before:])


@pytest.mark.parametrize("engine", ENGINES)
@in_one_test("name", REFUSED)
def test_what_needs_participants_names_the_call_that_reads_them(name: str, engine: str) -> None:
    study = on_engine(engine, DESIGN)
    before = len(rows_fetched(study))
    with pytest.raises(tk.ToolkitError, match=r"tk\.study\((frame\.collect|relation\.pl)\(\), design="):
        REFUSED[name][1](study)
    assert all(rows < PERSONS for rows in rows_fetched(study)[before:])


def test_a_refusal_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for call in (tk.data_dictionary, tk.render_plan, lambda s: s.write("people.dta"), lambda s: s.to_r("r")):
        with pytest.raises(tk.ToolkitError):
            call(on_engine("polars", DESIGN))
    assert [] == list(tmp_path.iterdir())
