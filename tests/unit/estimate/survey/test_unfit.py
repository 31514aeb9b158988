"""A variable that is unfit for estimates enters no model and its rows are suppressed, with the reason."""

from dataclasses import replace

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.errors import EstimationError

WHY = "a proxy that 6 people have"


@pytest.fixture(scope="module")
def study() -> tk.Study:
    mine = tk.study(
        pl.DataFrame({"ill": [0, 1] * 40, "cramps": [0, 0, 1, 1] * 20, "age": [40.0, 50.0, 61.0, 72.0] * 20}),
        design=tk.Design.none(),
        name="mine",
    )
    return replace(mine, codebook=mine.codebook.with_variables(replace(mine.codebook["ill"], unfit=WHY)))


@pytest.mark.parametrize("place", ["exposure", "adjust"])
def test_no_model_takes_it(study: tk.Study, place: str) -> None:
    terms = {"exposure": "age", "adjust": ()} | {place: "ill" if place == "exposure" else ("ill",)}
    with pytest.raises(EstimationError, match=mentioning("'ill'", WHY, "tk.cards")):
        tk.association(study, outcome="cramps", **terms)  # type: ignore[arg-type]
    with pytest.raises(EstimationError, match=mentioning("'ill'")):
        tk.model(study, "cramps ~ ill")


def test_its_prevalence_is_suppressed_with_the_reason_first(study: tk.Study) -> None:
    for frame in (
        tk.prevalence(study, outcome="ill"),
        tk.prevalence(study, outcome="cramps", by="ill"),
        tk.mean(study, "age", by="ill"),
    ):
        assert {"suppress"} == set(frame["reliability"])
        assert all(reason.startswith(WHY) for reason in frame["reason"])


def test_others_of_the_study_are_as_before(study: tk.Study) -> None:
    assert tk.prevalence(study, outcome="cramps")["reason"].to_list() == [None]
    assert tk.association(study, outcome="cramps", exposure="age", adjust=()).height == 1


def test_derived_from_it_is_unfit_too(study: tk.Study) -> None:
    derived = study.derive("very_ill", "ill == 1 and age > 60")
    assert derived.codebook["very_ill"].unfit == WHY
