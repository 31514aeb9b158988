"""Hold that the atlas gives the rows of single associations, loses no model and gathers people once."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.causes.card import cards
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.associations import shared_samples
from toolkit.results import ADJUSTED, covariates

ADJUST = [(), ("age", "sex")]
DOMAINS = ["age >= 20", "age >= 20 and sex == 'female'"]


@pytest.fixture(scope="module")
def rows(nhanes) -> pl.DataFrame:
    return tk.atlas(nhanes, outcomes="any_cramps", adjust=ADJUST, domain=DOMAINS, progress=False)


def test_every_row_is_that_of_the_single_association(nhanes, rows):
    wanted = rows.filter(pl.col("reliability") != "failed").select("exposure", "adjust", "domain").unique()
    assert {"interview", "examination"} <= set(rows["weight"].drop_nulls())
    for exposure, adjust, domain in wanted.sort(pl.all()).iter_rows():
        single = tk.association(
            nhanes,
            outcome="any_cramps",
            exposure=exposure,
            adjust=tuple(covariates(adjust)),
            domain=domain,
        )
        # Sets that differ by a covariate that does not vary are one, but for the reason.
        ours = (
            rows.filter(exposure=exposure, adjust=adjust, domain=domain)
            .drop("reason", "cause", *ADJUSTED)
            .unique()
        )
        assert_frame_equal(single.drop("reason"), ours, check_row_order=False, rel_tol=1e-9, abs_tol=1e-12)


def test_no_exposure_of_a_card_is_lost(rows):
    wanted = {(name, e.name) for name, card in cards().items() for e in card.exposures}
    models = rows.select("cause", "exposure", "adjust", "domain").unique()
    assert wanted == set(models.select("cause", "exposure").iter_rows())
    assert len(wanted) * len(ADJUST) * len(DOMAINS) == models.height


def test_what_was_not_measured_says_so_in_its_rows(rows):
    lost = rows.filter(exposure="prone_share")
    assert {"failed"} == set(lost["reliability"])
    assert [None] * lost.height == lost["estimate"].to_list()
    assert all("prone_share" in reason for reason in lost["reason"])
    assert {"sleep_position"} == set(lost["cause"])


def four(**columns: list[object]) -> tk.Study:
    people = {
        "cramps": [0, 1, 0, 1, 1, 0, 1, 1],
        "walks": [0, 0, 0, 0, 1, 1, 1, 1],
        "age": [30, 41, 52, 33, 44, 65, 36, 47],
    }
    return tk.study(
        pl.DataFrame({**people, **columns}), design=tk.Design.none(), name="eight", smallest_cell=0
    )


def test_people_are_gathered_once_for_each_domain_and_weight(monkeypatch):
    calls = []
    monkeypatch.setattr(shared_samples, "draw", lambda *given: calls.append(given[2]) or draw(*given))
    from toolkit.estimate.survey import draw

    tk.atlas(four(), outcomes="cramps", exposures=["walks", "age"], adjust=[()], domain=["", "age > 31"])
    assert ["", "age > 31"] == calls


def test_a_model_that_fails_keeps_its_rows_and_the_others_go_on():
    study = four(stays=[1] * 8)
    rows = tk.atlas(study, outcomes="cramps", exposures=["stays", "walks"], adjust=[()], domain="")
    assert ["failed", "review"] == rows["reliability"].to_list()
    assert mentions(rows["reason"][0], "'stays'")
    assert [None, pytest.approx(1.5)] == rows["estimate"].to_list()


def test_an_exposure_in_its_own_adjustment_is_a_row_with_the_reason():
    rows = tk.atlas(four(), outcomes="cramps", exposures="walks", adjust=["walks"], domain="")
    assert mentions(rows["reason"].item(), "'walks'")


def test_a_domain_of_nobody_is_a_row_with_the_reason():
    rows = tk.atlas(four(), outcomes="cramps", exposures="walks", adjust=[()], domain="age > 90")
    assert mentions(rows["reason"].item(), "'age > 90'")


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        ({"outcomes": "cramp"}, VariableError, ("'cramp'", "'cramps'")),
        ({"exposures": "walk"}, VariableError, ("'walk'", "'walks'")),
        ({"exposures": ["walks", "walks"]}, VariableError, "exposures=('walks',)"),
        ({"estimand": "odds"}, EstimationError, ("'odds'", "'odds_ratio'")),
        ({"domain": "age >"}, VariableError, "'age >'"),
        ({"confidence": 95}, EstimationError, ("'confidence'", "95")),
    ],
)
def test_a_request_that_no_model_can_meet_is_refused_at_once(given, kind, told):
    asked = {"outcomes": "cramps", "exposures": "walks", "adjust": [()], "domain": "", **given}
    with pytest.raises(kind, match=mentioning(told)):
        tk.atlas(four(), **asked)


def test_a_bar_is_drawn_on_the_standard_error_when_asked_for(capsys):
    asked = {"outcomes": "cramps", "exposures": "walks", "adjust": [()], "domain": ""}
    tk.atlas(four(), **asked, progress=True)
    assert "Models" in capsys.readouterr().err
    tk.atlas(four(), **asked)
    assert "" == capsys.readouterr().err
