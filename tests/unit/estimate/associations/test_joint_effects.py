"""Measures of interaction are those of the prevalences of the four groups, with the delta method's errors."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions

ASKED = {"outcome": "HI_CHOL", "exposures": ("female", "old"), "adjust": ()}


@pytest.fixture(scope="module")
def study(r_studies):
    found = r_studies["nhanes"].derive("female", pl.col("RIAGENDR") == 2)
    return found.derive("old", pl.col("age_mid") >= 40)


def numbers(p: dict[tuple[str, str], float]) -> dict[str, float]:
    none = p["no", "no"]
    a, b, both = p["yes", "no"] / none, p["no", "yes"] / none, p["yes", "yes"] / none
    return {
        "ratio_of_ratios": both / (a * b),
        "reri": both - a - b + 1,
        "attributable_proportion": (both - a - b + 1) / both,
        "synergy_index": (both - 1) / (a + b - 2),
    }


def test_crude_measures_are_those_of_four_prevalences(study) -> None:
    rows = tk.interaction(study, **ASKED)
    groups = tk.prevalence(study, outcome="HI_CHOL", by=("female", "old"))
    p = {(f, o): e for f, o, e in groups.select("female", "old", "estimate").iter_rows()}
    joint = rows.filter(estimand="prevalence_ratio")
    assert ["yes, no", "no, yes", "yes, yes"] == joint["level"].to_list()
    assert {"no, no"} == set(rows["reference"])
    np.testing.assert_allclose(
        joint["estimate"], [p[x] / p["no", "no"] for x in (("yes", "no"), ("no", "yes"), ("yes", "yes"))]
    )
    for estimand, expected in numbers(p).items():
        found = rows.filter(estimand=estimand).row(0, named=True)
        assert expected == pytest.approx(found["estimate"], rel=1e-9)
        assert ("log" if estimand in ("ratio_of_ratios", "synergy_index") else "identity") == found["scale"]


def test_differences_have_the_difference_of_differences(study) -> None:
    rows = tk.interaction(study, **ASKED, estimand="prevalence_difference", df="model")
    model = tk.model(study, "HI_CHOL ~ female * old", "gaussian")
    last = rows.row(-1, named=True)
    assert "interaction_difference" == last["estimand"]
    for column in ("estimate", "std_error", "conf_low", "p_value"):
        assert model[column][3] == pytest.approx(last[column], rel=1e-9)


def test_errors_are_those_of_the_delta_method(study) -> None:
    """By differences of the formulas, not by their derivatives."""
    rows = tk.interaction(study, **{**ASKED, "adjust": ("race",)})
    terms, matrix = tk.model(study, "HI_CHOL ~ female * old + race", "poisson", covariance=True)
    keys = [("female", "yes"), ("old", "yes"), ("female:old", "yes:yes")]
    order = list(zip(terms["exposure"], terms["level"], strict=True))
    at = [order.index(key) for key in keys]
    beta = terms["estimate"].to_numpy()[at]

    def measured(b: np.ndarray) -> dict[str, float]:
        groups = {("no", "no"): 1.0, ("yes", "no"): np.exp(b[0]), ("no", "yes"): np.exp(b[1])}
        return numbers({**groups, ("yes", "yes"): np.exp(b.sum())})

    for estimand in ("reri", "attributable_proportion", "synergy_index", "ratio_of_ratios"):
        found = rows.filter(estimand=estimand).row(0, named=True)
        logged = np.log if found["scale"] == "log" else float
        slope = [
            (logged(measured(beta + step)[estimand]) - logged(measured(beta - step)[estimand])) / 2e-6
            for step in np.eye(3) * 1e-6
        ]
        assert found["std_error"] == pytest.approx(np.sqrt(slope @ matrix[np.ix_(at, at)] @ slope), rel=1e-5)


def test_replicates_refit_the_measures(study) -> None:
    rng = np.random.default_rng(1)
    people = study.people.head(900).with_columns(
        pl.Series(f"r{k}", study.people.head(900)["WTMEC2YR"] * rng.exponential(1, 900)) for k in range(60)
    )
    names = tuple(f"r{k}" for k in range(60))
    weights = {"weight": "WTMEC2YR", "replicate_weights": names, "replicate_method": "bootstrap"}
    replicated = tk.study(people, design=tk.Design(**weights), name="replicated")
    plain = tk.study(people, design=tk.Design(weight="WTMEC2YR"), name="plain")
    asked = {**ASKED, "outcome": "old", "exposures": ("female", "HI_CHOL")}
    ours, peer = (tk.interaction(x, **asked) for x in (replicated, plain))
    np.testing.assert_allclose(ours["estimate"][:6], peer["estimate"][:6], rtol=1e-12)
    there = ours["estimand"] != "synergy_index"
    errors = (x.filter(there)["std_error"].to_numpy() for x in (ours, peer))
    assert 0.2 > np.abs(np.log(next(errors) / next(errors))).max() > 1e-6
    # Of 60 replicates some have less prevalence among the exposed.
    assert mentions(ours.filter(~there)["reason"].item(), "replicate")


def test_protection_has_no_synergy_index_and_says_so(study) -> None:
    young = study.derive("young", "age_mid < 40")
    rows = tk.interaction(young, outcome="HI_CHOL", exposures=("female", "young"), adjust=())
    failed = rows.filter(estimand="synergy_index").row(0, named=True)
    assert ("failed", None) == (failed["reliability"], failed["estimate"])
    assert mentions(failed["reason"], "reri")
    assert rows.filter(estimand="reri")["estimate"].item() is not None


@pytest.mark.parametrize("condition", ["age_mid >= 40", "age_mid < 40"])
def test_the_lowest_reference_is_the_group_of_the_lowest_prevalence(condition, study) -> None:
    own = study.derive("grown", condition)
    asked = {**ASKED, "exposures": ("female", "grown")}
    groups = tk.prevalence(own, outcome="HI_CHOL", by=("female", "grown"))
    p = {(f, o): e for f, o, e in groups.select("female", "grown", "estimate").iter_rows()}
    lowest = min(p, key=p.__getitem__)
    rows = tk.interaction(own, **asked, reference="lowest")
    assert {", ".join(lowest)} == set(rows["reference"])
    assert rows.equals(
        tk.interaction(own, **asked, reference=dict(zip(("female", "grown"), lowest, strict=True)))
    )
    assert (rows.filter(estimand="prevalence_ratio")["estimate"] > 1).all()
    swap = {"no": "yes", "yes": "no"}
    a, b = (swap[level] for level in lowest)
    excess = (p[a, b] - p[a, lowest[1]] - p[lowest[0], b]) / p[lowest] + 1
    assert rows.filter(estimand="reri")["estimate"].item() == pytest.approx(excess, rel=1e-9)


def test_the_lowest_reference_is_found_among_all_pairs_of_levels(study) -> None:
    asked = {"outcome": "HI_CHOL", "exposures": ("female", "agecat"), "adjust": ()}
    rows = tk.interaction(study, **asked, reference="lowest", estimand="odds_ratio")
    joint = rows.filter(estimand="odds_ratio")["estimate"].drop_nulls()
    assert joint.len() >= 5
    assert (joint > 1).all()
    plain = tk.interaction(study, **asked, estimand="odds_ratio")
    tests = (r.filter(estimand="interaction_test")["statistic"].item() for r in (rows, plain))
    assert next(tests) == pytest.approx(next(tests), rel=1e-9)


def test_more_levels_have_each_pair_once(study) -> None:
    asked = {"outcome": "HI_CHOL", "exposures": ("female", "agecat"), "adjust": ()}
    rows = tk.interaction(study, **asked, domain="age_mid >= 20", by="old")
    assert rows.filter(pl.col("old") == "yes")["reliability"].is_not_null().all()
    keys = rows.select("old", "estimand", "level")
    assert keys.height == keys.unique().height


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"exposures": ("female",)}, "exposures=('diabetes_told', 'sex')"),
        ({"exposures": ("female", "age_mid")}, "study.derive('age_mid_high'"),
        ({"adjust": ("old",)}, ("'old'", "adjust")),
        ({"reference": "highest"}, ("'highest'", "reference='lowest'")),
    ],
)
def test_what_is_no_interaction_says_what_to_ask(changed, remedy, study) -> None:
    with pytest.raises(tk.VariableError) as caught:
        tk.interaction(study, **{**ASKED, **changed})
    assert mentions(caught.value, remedy)
