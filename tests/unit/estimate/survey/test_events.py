"""Two levels of plain text have no known event: what needs one refuses, and shows the line to declare it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions

NONE = tk.Design.none()
# 45 of 100 exposed and 15 of 100 others are affected.
ILL = ["affected"] * 45 + ["healthy"] * 55 + ["affected"] * 15 + ["healthy"] * 85
EXPOSED = ["yes"] * 100 + ["no"] * 100


def people(**columns: Any) -> pl.DataFrame:
    own = {
        "d": ILL,
        "exposed": EXPOSED,
        "other": ["a", "b"] * 100,
        "age": [20.0 + i % 50 for i in range(200)],
        "time": [1.0 + i % 9 for i in range(200)],
        "month": [1.0 + i % 12 for i in range(200)],
    }
    return pl.DataFrame({**own, **columns})


@cache
def ill() -> tk.Study:
    return tk.study(people(), design=NONE)


@cache
def nights() -> tk.Study:
    study = tk.records(tk.open_study("example-cohort"), "diary")
    affected = pl.when(pl.col("cramp") == "yes").then(pl.lit("affected")).otherwise(pl.lit("healthy"))
    return replace(study, people=study.people.with_columns(d=affected))


ASKED: dict[str, Callable[[tk.Study], Any]] = {
    "association": lambda s: tk.association(s, outcome="d", exposure="exposed", adjust=()),
    "standardised": lambda s: tk.association(
        s, outcome="d", exposure="exposed", adjust=("age",), estimand="standardised_prevalence"
    ),
    "difference": lambda s: tk.association(
        s, outcome="d", exposure="exposed", adjust=(), estimand="prevalence_difference"
    ),
    "logit": lambda s: tk.model(s, "d ~ exposed", "logit"),
    "poisson": lambda s: tk.model(s, "d ~ exposed", "poisson"),
    "gaussian": lambda s: tk.model(s, "d ~ exposed", "gaussian"),
    "firth": lambda s: tk.model(s, "d ~ exposed", "firth"),
    "cox": lambda s: tk.model(s, "Surv(time, d) ~ exposed", "cox"),
    "margins": lambda s: tk.margins(s, "d ~ exposed + age", "exposed"),
    "predict": lambda s: tk.predict(s, "d ~ exposed", at={"exposed": ["yes"]}),
    "interaction": lambda s: tk.interaction(s, outcome="d", exposures=("exposed", "other"), adjust=()),
    "curve": lambda s: tk.curve(s, outcome="d", exposure="age", adjust=()),
    "trend": lambda s: tk.trend(s, outcome="d", over="age"),
    "cosinor": lambda s: tk.cosinor(s, outcome="d", time="month"),
    "precision": lambda s: tk.precision(s, outcome="d"),
    "survival": lambda s: tk.survival(s, time="time", event="d"),
    "rate": lambda s: tk.rate(s, events="d", time="time"),
    "mean": lambda s: tk.mean(s, "d"),
    "t_test": lambda s: tk.t_test(s, "d", "exposed"),
    "ratio": lambda s: tk.ratio(s, "d", "time"),
    "denominator": lambda s: tk.ratio(s, "time", "d"),
    "gee": lambda s: tk.gee(nights(), "d ~ heat_index"),
    "case_crossover": lambda s: tk.case_crossover(nights(), outcome="d", exposures="heat_index"),
    "exposure of nights": lambda s: tk.case_crossover(nights(), outcome="cramp", exposures="d"),
    "lag_curve": lambda s: tk.lag_curve(nights(), outcome="d", exposure="heat_index", lags=2),
}


@pytest.mark.parametrize("name", ASKED)
def test_an_unknown_event_is_refused_with_the_line_that_declares_it(name: str) -> None:
    with pytest.raises(tk.VariableError) as caught:
        ASKED[name](ill())
    said = str(caught.value)
    assert mentions(said, "'d'", "'affected'", "'healthy'")
    assert mentions(said, "study.derive('d_affected', \"d == 'affected'\")")


def test_the_line_of_the_error_gives_the_ratio_of_the_event() -> None:
    study = ill().derive("d_affected", "d == 'affected'")
    row = tk.association(study, outcome="d_affected", exposure="exposed", adjust=())
    assert 3.0 == pytest.approx(row["estimate"].item(), rel=1e-12)


def test_the_line_fits_names_and_levels_with_blanks_and_quotes() -> None:
    study = tk.study(
        pl.DataFrame({"ill at last": ["patient's", "no event"] * 9, "x": [1.0, 2.0] * 9}), design=NONE
    )
    with pytest.raises(tk.VariableError) as caught:
        tk.mean(study, "ill at last")
    line = str(caught.value).split("or with study = ")[1].split(", and use")[0]
    study = eval(line, {"study": study})  # noqa: S307 - the line that the error offers to paste
    assert 0.5 == tk.mean(study, "ill_at_last_patient_s")["estimate"].item()


def test_how_common_each_level_is_needs_no_event() -> None:
    rows = tk.prevalence(ill(), outcome="d", by="exposed")
    assert ["affected", "healthy"] * 2 == rows["level"].to_list()
    assert [0.15, 0.85, 0.45, 0.55] == pytest.approx(rows["estimate"].to_list())
    assert [60.0, 140.0] == tk.total(ill(), "d")["estimate"].to_list()
    assert tk.chi_square(ill(), "d", "exposed")["p_value"].item() < 0.001


@pytest.mark.parametrize(
    "values",
    [
        pl.Series(ILL).replace({"affected": "yes", "healthy": "no"}),
        pl.Series(ILL).replace({"affected": "Yes", "healthy": "No"}),
        pl.Series(ILL).replace({"affected": "TRUE", "healthy": "FALSE"}),
        pl.Series(ILL).replace({"affected": "1", "healthy": "0"}),
        pl.Series(ILL) == "affected",
        (pl.Series(ILL) == "affected").cast(pl.Int64),
        pl.Series(ILL, dtype=pl.Enum(["healthy", "affected"])),
        pl.Series(ILL).replace({"affected": "yes", "healthy": "no"}).cast(pl.Enum(["yes", "no"])),
    ],
    ids=["yes", "Yes", "TRUE", "1", "boolean", "number", "second of an order", "yes before no"],
)
def test_yes_one_true_and_the_second_of_an_order_are_events(values: pl.Series) -> None:
    study = tk.study(people(d=values), design=NONE)
    row = tk.association(study, outcome="d", exposure="exposed", adjust=())
    assert 3.0 == pytest.approx(row["estimate"].item(), rel=1e-12)
    assert 0.3 == pytest.approx(tk.mean(study, "d")["estimate"].item())
    ended = tk.survival(study, time="time", event="d", at=9)
    assert 60 == ended["n_cases"].item()


def test_the_case_can_be_named_in_a_codebook() -> None:
    def entry(**own: Any) -> tk.Variable:
        return tk.Variable("d", "disease", "category", ("affected", "healthy"), component="", **own)

    assert (None, "affected", "healthy") == (
        entry().case,
        entry(case="affected").case,
        entry(ordered=True).case,
    )
    # What is the reference of an ordered variable is no case.
    assert "affected" == entry(ordered=True, reference="healthy").case
    others = [v for name, v in ill().codebook.items() if name != "d"]
    book = tk.Codebook.of(entry(case="affected", reference="healthy"), *others)
    study = tk.study(people(), design=NONE, codebook=book)
    row = tk.association(study, outcome="d", exposure="exposed", adjust=())
    assert 3.0 == pytest.approx(row["estimate"].item(), rel=1e-12)
    with pytest.raises(tk.VariableError, match=mentioning("'ill'")):
        entry(case="ill")


def test_events_of_survival_are_those_that_a_derived_variable_declares() -> None:
    frame = people(e=["relapse", "still free", "still free", "relapse"] * 50)
    study = tk.study(frame, design=NONE).derive("relapsed", "e == 'relapse'")
    assert 100 == tk.survival(study, time="time", event="relapsed", at=9)["n_cases"].item()
    fitted = tk.model(study, "Surv(time, relapsed) ~ exposed", "cox")
    assert {100} == set(fitted["n_cases"])


def test_the_sex_of_the_codebook_counts_its_second_code() -> None:
    study = tk.open_study("simulated")
    assert "female" == study.codebook["sex"].case
    assert ["female"] == tk.prevalence(study, outcome="sex")["level"].to_list()


REFERENCES: dict[str, Callable[..., pl.DataFrame]] = {
    "association": lambda s, r: tk.association(s, outcome="y", exposure="other", reference=r, adjust=()),
    "standardised": lambda s, r: tk.association(
        s, outcome="y", exposure="other", reference=r, adjust=("age",), estimand="standardised_ratio"
    ),
    "margins": lambda s, r: tk.margins(
        s, "y ~ other + age", "other", reference=r, estimand="standardised_difference"
    ),
    "precision": lambda s, r: tk.precision(s, outcome="y", exposure="other", reference=r, adjust=()),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_the_reference_level_can_be_chosen(name: str) -> None:
    study = ill().derive("y", "d == 'affected'")
    usual, chosen = REFERENCES[name](study, None), REFERENCES[name](study, "b")
    assert ({"a"}, {"b"}) == (set(usual["reference"]), set(chosen["reference"]))
    assert ({"b"}, {"a"}) == (set(usual["level"]), set(chosen["level"]))
    if name == "margins":
        assert -usual["estimate"].item() == pytest.approx(chosen["estimate"].item(), rel=1e-9)
    elif name != "precision":
        assert 1 / usual["estimate"].item() == pytest.approx(chosen["estimate"].item(), rel=1e-9)
    assert "a" == study.codebook["other"].reference


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_that_is_no_level_is_told(name: str) -> None:
    study = ill().derive("y", "d == 'affected'")
    with pytest.raises(tk.VariableError, match=mentioning("'other'", "'bb'", "'b'", "'a'")):
        REFERENCES[name](study, "bb")


def test_a_number_has_no_reference_level() -> None:
    study = ill().derive("y", "d == 'affected'")
    with pytest.raises(tk.VariableError, match=mentioning("'age'", "study.cut")):
        tk.association(study, outcome="y", exposure="age", reference="40", adjust=())
    with pytest.raises(tk.VariableError, match=mentioning("'age'")):
        tk.margins(study, "y ~ age", "age", reference="40")


def test_yes_can_be_the_reference_of_an_exposure() -> None:
    study = ill().derive("y", "d == 'affected'")
    row = tk.association(study, outcome="y", exposure="exposed", reference="yes", adjust=())
    assert (("yes", "no"), 1 / 3) == (
        row.select("reference", "level").row(0),
        pytest.approx(row["estimate"][0]),
    )


def test_references_of_an_interaction_are_named_by_exposure() -> None:
    study = ill().derive("y", "d == 'affected'")
    asked = {"outcome": "y", "exposures": ("exposed", "other"), "adjust": ()}
    rows = tk.interaction(study, **asked, reference={"other": "b", "exposed": "yes"})
    assert rows["reference"][2] != tk.interaction(study, **asked)["reference"][2]
    usual = tk.interaction(study, **asked)
    joint = [frame.filter(estimand="prevalence_ratio")["estimate"][2] for frame in (usual, rows)]
    assert joint[0] == pytest.approx(1 / joint[1], rel=1e-9)
    with pytest.raises(tk.VariableError, match=mentioning("reference=", "'othr'", "'other'")):
        tk.interaction(study, **asked, reference={"othr": "b"})
