"""Where nobody or everybody is a case, or nothing varies, no number with a standard error of zero is ok."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri
from scipy.stats import beta, t

import toolkit as tk
from tests.support.messages import mentioning, mentions

EMPTY = {"y": [0] * 120 + [1] * 15 + [0] * 105, "g": ["a"] * 120 + ["b"] * 120}
NUMBERS = {"h": [8.0] * 120 + [6.0 + i % 5 for i in range(120)], "x": [float(i % 40) for i in range(240)]}


def simple(**columns: Any) -> tk.Study:
    return tk.study(pl.DataFrame({**EMPTY, **NUMBERS, **columns}), design=tk.Design.none(), name="simple")


def clustered(seed: int = 3, empty: str = "a") -> tk.Study:
    """Six strata of two PSUs, with unequal weights; nobody of one group is a case."""
    random = np.random.default_rng(seed)
    n = 600
    people = pl.DataFrame(
        {
            "stratum": np.repeat(np.arange(6), 100),
            "psu": np.tile(np.repeat([0, 1], 50), 6),
            "w": np.exp(random.normal(0, 0.5, n)) * 1000,
            "g": random.choice(["a", "b", "c"], n),
            "age": random.uniform(20, 80, n),
            "h": random.normal(7, 1, n),
        }
    )
    effect = np.repeat(random.normal(0, 0.8, 12), 50)
    case = random.random(n) < 1 / (1 + np.exp(2 - effect))
    people = people.with_columns(y=pl.Series(case)).with_columns(
        y=pl.when(pl.col("g") == empty).then(0).otherwise(pl.col("y").cast(pl.Int64)),
        h=pl.when(pl.col("g") == empty).then(8.0).otherwise(pl.col("h")),
        old=(pl.col("age") > 50).cast(pl.Int64),
    )
    return tk.study(people, design=tk.Design(weight="w", strata="stratum", psu="psu"), name="clustered")


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.rows(named=True)


def refuse_width_zero(frame: pl.DataFrame) -> None:
    for row in rows_of(frame):
        if row["reliability"] == "ok":
            assert row["std_error"] is None or row["std_error"] > 0, row
            assert row["conf_low"] is None or row["conf_low"] < row["conf_high"], row


def flagged(row: dict[str, Any]) -> bool:
    lacking = all(row[name] is None for name in ("std_error", "statistic", "p_value"))
    return lacking and row["reliability"] != "ok" and bool(row["reason"])


def wilson(p: float, n: float) -> tuple[float, float]:
    z = ndtri(0.975)
    reach = z * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2)
    return tuple((p + z**2 / 2 / n + sign * reach) / (1 + z**2 / n) for sign in (-1, 1))


class TestPrevalence:
    @pytest.mark.parametrize(
        "interval", ["korn-graubard", "logit", "likelihood", "arcsine", "wald", "xlogit"]
    )
    def test_an_empty_group_has_the_exact_interval_on_n_over_the_deff_of_all_groups(
        self, interval: str
    ) -> None:
        study = clustered()
        whole = tk.prevalence(study, outcome="y").row(0, named=True)
        row = tk.prevalence(study, outcome="y", by="g", interval=interval).row(0, named=True)
        assert whole["deff"] > 1
        size = row["n"] / whole["deff"]
        assert row["deff"] == pytest.approx(whole["deff"], rel=1e-12)
        assert row["n_effective"] == pytest.approx(size, rel=1e-12)
        adjusted = size * (t.ppf(0.975, row["n"] - 1) / t.ppf(0.975, row["df"])) ** 2
        assert row["conf_high"] == pytest.approx(beta.ppf(0.975, 1, adjusted), rel=1e-9)
        assert (row["conf_low"], row["reliability"]) == (0.0, "review")
        assert mentions(row["variance"], f"{whole['deff']:.2f}")
        assert flagged(row)

    def test_if_nobody_is_a_case_at_all_kishs_factor_of_the_weights_counts(self) -> None:
        study = clustered()
        row = tk.prevalence(study, outcome="y", domain="g == 'a'").row(0, named=True)
        w = study.people.filter(pl.col("g") == "a")["w"].to_numpy()
        assert row["deff"] == pytest.approx(len(w) * np.square(w).sum() / w.sum() ** 2, rel=1e-12)
        assert "CV²" in row["variance"]

    def test_the_weights_of_cells_are_counted_person_by_person(self) -> None:
        """People of one PSU and pattern are one cell, whose weights are not alike."""
        people = pl.DataFrame({"psu": [1, 1, 2, 2] * 20, "w": [1.0, 9.0, 2.0, 5.0] * 20, "y": [0] * 80})
        study = tk.study(people, design=tk.Design(weight="w", psu="psu"), name="cells")
        w = people["w"].to_numpy()
        row = tk.prevalence(study, outcome="y").row(0, named=True)
        assert row["deff"] == pytest.approx(80 * np.square(w).sum() / w.sum() ** 2, rel=1e-12)

    def test_weights_divided_by_their_mean_give_the_same_interval(self) -> None:
        """Their sum is no population, so that deff compares with sampling with replacement."""
        study = clustered()
        scaled = study.people.with_columns(w=pl.col("w") / pl.col("w").mean())
        domain = "age > 30 and h > 6"
        ends = [
            tk.prevalence(one, outcome="y", by="g", domain=domain)["conf_high"][0]
            for one in (study, tk.study(scaled, design=study.design, name="scaled"))
        ]
        assert ends[1] == pytest.approx(ends[0], rel=2e-3)

    def test_nchs_keeps_its_own_n(self) -> None:
        row = tk.prevalence(clustered(), outcome="y", by="g", interval="korn-graubard-nchs").row(
            0, named=True
        )
        assert row["conf_high"] == pytest.approx(1 - 0.025 ** (1 / row["n"]), rel=1e-9)
        assert (row["variance"], row["n_effective"]) == ("exact, n", row["n"])

    def test_each_level_of_a_category_has_its_own_deff(self) -> None:
        study = clustered()
        people = study.people.with_columns(
            k=pl.when(pl.col("g") == "a").then(pl.lit("p")).when(pl.col("y") == 1).then(pl.lit("q"))
            .otherwise(pl.lit("r"))
        )  # fmt: skip
        study = tk.study(people, design=study.design, name="levels")
        whole = {row["level"]: row["deff"] for row in rows_of(tk.prevalence(study, outcome="k"))}
        rows = [
            row for row in rows_of(tk.prevalence(study, outcome="k", by="g")) if row["estimate"] in (0, 1)
        ]
        assert {row["level"] for row in rows} == {"p", "q", "r"}
        for row in rows:
            assert row["deff"] == pytest.approx(max(whole[row["level"]], 1), rel=1e-9)
            assert flagged(row)
            assert row["conf_low"] < row["conf_high"]

    def test_a_standardized_prevalence_counts_how_unequal_the_standard_makes_the_weights(self) -> None:
        study = simple(old=[1] * 20 + [0] * 100 + [1, 0] * 60)
        row = tk.prevalence(study, outcome="y", by="g", standardise={"old": {"no": 50, "yes": 50}}).row(
            0, named=True
        )
        assert flagged(row)
        # Kish: 20 people stand for a half, 100 for the other.
        assert row["n_effective"] == pytest.approx(1 / (0.25 / 20 + 0.25 / 100), rel=1e-12)
        assert mentions(row["variance"], "standardized", "weights")

    def test_replicate_weights_have_the_same_rule(self) -> None:
        study = clustered()
        plain, again = (
            tk.prevalence(one, outcome="y", by="g").row(0, named=True)
            for one in (study, tk.replicates(study, method="JKn"))
        )
        assert flagged(again)
        assert again["conf_high"] == pytest.approx(plain["conf_high"], rel=1e-3)

    def test_the_covariance_of_a_row_without_an_error_is_unknown(self) -> None:
        rows, matrix = tk.prevalence(clustered(), outcome="y", by="g", covariance=True)
        assert np.isnan(matrix[0]).all()
        np.testing.assert_allclose(np.sqrt(matrix.diagonal()[1:]), rows["std_error"][1:], rtol=1e-12)

    def test_table_one_has_no_interval_of_zero_width(self) -> None:
        found = tk.describe(clustered(), ("y", "h"), by="g", numbers="both", test=True)
        refuse_width_zero(found)
        row = next(r for r in rows_of(found) if r["estimand"] == "prevalence" and r["g"] == "a")
        assert row["conf_low"] < row["conf_high"]


class TestDifferences:
    def test_a_crude_difference_is_newcombes(self) -> None:
        row = tk.association(
            simple(), outcome="y", exposure="g", adjust=(), estimand="prevalence_difference"
        ).row(0, named=True)
        assert (0.068, 0.196) == (round(row["conf_low"], 3), round(row["conf_high"], 3))
        assert row["estimate"] == pytest.approx(0.125)
        assert mentions(row["variance"], "covariance", "0")
        assert flagged(row)

    def test_contrast_margins_t_test_and_association_agree_on_a_design(self) -> None:
        study = clustered()
        rows, matrix = tk.prevalence(study, outcome="y", by="g", covariance=True)
        of_groups = [tk.contrast(rows, matrix, [-1, 1, 0]).row(0, named=True)]
        of_groups.append(
            tk.association(study, outcome="y", exposure="g", adjust=(), estimand="prevalence_difference")
            .row(0, named=True)
        )  # fmt: skip
        options = {"family": "gaussian", "estimand": "standardised_difference"}
        of_groups.append(tk.margins(study, "y ~ g", "g", **options).row(0, named=True))
        a, b = rows_of(rows)[:2]
        sizes = [x["n_effective"] * (t.ppf(0.975, x["n"] - 1) / t.ppf(0.975, x["df"])) ** 2 for x in (a, b)]
        (_, u1), (l2, u2) = (wilson(x["estimate"], n) for x, n in zip((a, b), sizes, strict=True))
        p = b["estimate"]
        ends = p - np.sqrt((p - l2) ** 2 + u1**2), p + (u2 - p)
        for row in of_groups:
            assert (row["conf_low"], row["conf_high"]) == pytest.approx(ends, rel=1e-9)
            assert flagged(row)

    def test_the_other_levels_of_the_exposure_keep_their_linearized_difference(self) -> None:
        study = clustered(empty="c")
        rows = tk.association(study, outcome="y", exposure="g", adjust=(), estimand="prevalence_difference")
        assert (rows["std_error"][0] > 0, rows["std_error"][1]) == (True, None)

    @pytest.mark.parametrize("estimand", ["prevalence_difference", "prevalence_ratio"])
    def test_adjusted_or_a_ratio_it_is_not_estimable_and_says_how_firth_is_asked(self, estimand: str) -> None:
        everybody = simple(y=[1] * 120 + EMPTY["y"][120:])
        row = tk.association(
            everybody, outcome="y", exposure="g", adjust=("x",), estimand=estimand, domain="x >= 0"
        ).row(0, named=True)
        assert ("failed", None) == (row["reliability"], row["estimate"])
        call = row["reason"].rpartition(": ")[2]
        assert call == "tk.model(study, 'y ~ g + x', family='firth', domain='x >= 0', exponentiate=True)"
        assert eval(call, {"tk": tk, "study": everybody}).height == 3  # noqa: S307

    @pytest.mark.parametrize("estimand", ["standardised_ratio", "standardised_difference", None])
    def test_standardized_over_a_covariate_it_is_not_estimable(self, estimand: str | None) -> None:
        rows = tk.margins(simple(), "y ~ g + x", "g", family="gaussian", estimand=estimand)
        assert rows["reliability"][0] == "failed"
        assert mentions(rows["reason"][0], "family='firth'")

    def test_an_interaction_with_an_empty_cell_is_not_estimable(self) -> None:
        study = clustered()
        people = study.people.with_columns(
            f=pl.when(pl.col("g") == "b").then(1).otherwise(0),
            z=pl.when((pl.col("g") == "b") & (pl.col("old") == 1)).then(0).otherwise(pl.col("y")),
        )
        study = tk.study(people, design=study.design, name="cell")
        rows = tk.interaction(
            study, outcome="z", exposures=("f", "old"), adjust=(), estimand="prevalence_difference"
        )
        found = {(row["estimand"], row["level"]): row for row in rows_of(rows)}
        assert found["interaction_difference", "yes, yes"]["reliability"] == "failed"
        assert mentions(found["interaction_difference", "yes, yes"]["reason"], "'z ~ f * old'")
        assert found["prevalence_difference", "yes, no"]["std_error"] > 0
        refuse_width_zero(rows)

    def test_ratios_and_averages_of_an_empty_group_are_not_estimable_but_heterogeneity_is(self) -> None:
        rows, matrix = tk.prevalence(clustered(), outcome="y", by="g", covariance=True)
        ratios = tk.contrast(rows, matrix, ratio=True)
        assert ["failed", "failed"] == ratios["reliability"].to_list()
        assert mentions(ratios["reason"][0], "tk.model(study, 'y ~ g', family='firth', exponentiate=True)")
        assert tk.contrast(rows, matrix, [0.5, 0.5, 0])["reliability"].item() == "failed"
        test = tk.contrast(rows, matrix, "heterogeneity").row(0, named=True)
        assert (1.0, "review") == (test["df_numerator"], test["reliability"])

    def test_levels_of_the_same_people_are_not_compared_as_if_independent(self) -> None:
        study = simple(k=["p"] * 150 + ["q"] * 80 + ["r"] * 10)
        rows, matrix = tk.prevalence(study, outcome="k", domain="g == 'a'", covariance=True)
        assert tk.contrast(rows, matrix, [-1, 1, 0])["reliability"].item() == "failed"


class TestConstants:
    def test_means_ratios_quantiles_and_spread_of_a_constant_have_no_interval(self) -> None:
        study = clustered().derive("twice", "2 * h")
        for found in (
            tk.mean(study, "h", by="g"),
            tk.quantile(study, "h", 0.5, by="g"),
            tk.ratio(study, "h", "twice", by="g"),
        ):
            row = found.row(0, named=True)
            assert flagged(row), row
            assert (row["conf_low"], row["conf_high"]) == (None, None)
            refuse_width_zero(found)
        assert tk.mean(study, "h", by="g")["std_error"][1] > 0

    def test_a_constant_that_is_no_binary_fraction_is_one(self) -> None:
        study = tk.study(
            pl.DataFrame({"h": [0.1] * 60, "w": np.linspace(0.3, 7, 60)}), design=tk.Design(weight="w")
        )
        assert flagged(tk.mean(study, "h").row(0, named=True))
        assert flagged(tk.ratio(study, "h", "w", domain="w == 0.3").row(0, named=True))

    def test_a_total_of_nothing_is_flagged_and_of_a_constant_is_not(self) -> None:
        study = clustered()
        found = tk.total(study, ("y",), by="g")
        assert flagged(found.row(0, named=True))
        assert tk.total(study, "h", by="g")["std_error"].min() > 0

    def test_a_quantile_that_nobody_is_above_is_flagged(self) -> None:
        row = tk.quantile(simple(h=[2.0] * 10 + [3.0] * 230), "h", 0.5).row(0, named=True)
        assert flagged(row)
        assert (row["estimate"], row["conf_low"], row["conf_high"]) == (3.0, None, None)

    def test_a_model_flags_the_coefficients_of_groups_that_do_not_vary(self) -> None:
        for outcome, family in (("y", "gaussian"), ("h", "gaussian"), ("h", "poisson")):
            rows = tk.model(clustered(), f"{outcome} ~ g", family)
            assert flagged(rows.row(0, named=True)), rows
            assert {"review"} == set(rows["reliability"])

    def test_everybody_in_the_reference_a_case(self) -> None:
        study = simple(y=[1] * 120 + EMPTY["y"][120:])
        for family in ("gaussian", "poisson"):
            rows = tk.model(study, "y ~ g", family)
            assert flagged(rows.row(0, named=True))
            assert {"review"} == set(rows["reliability"])

    def test_a_line_without_residuals_has_no_interval(self) -> None:
        row = tk.model(simple(v=[2 * x + 1 for x in NUMBERS["x"]]), "v ~ x", "gaussian").row(1, named=True)
        assert flagged(row)
        assert row["estimate"] == pytest.approx(2)

    def test_small_units_are_no_lack_of_variance(self) -> None:
        study = simple(v=[x * 1e9 for x in NUMBERS["x"]], z=[(i * 7919 % 101) / 1e6 for i in range(240)])
        rows = tk.model(study, "z ~ v", "gaussian")
        assert {"ok"} == set(rows["reliability"])
        assert 0 < rows["std_error"][1] < 1e-15

    def test_margins_and_predictions_of_a_linear_model(self) -> None:
        study = clustered()
        for found in (
            tk.margins(study, "y ~ g", "g", family="gaussian"),
            tk.margins(study, "h ~ g", "g", family="gaussian"),
            tk.predict(study, "y ~ g", {"g": ("a", "b")}, family="gaussian"),
            tk.predict(study, "h ~ g", {"g": ("a", "b")}, family="gaussian"),
        ):
            assert flagged(found.row(0, named=True))
            refuse_width_zero(found)
        assert tk.margins(study, "y ~ g", "g", family="gaussian")["conf_high"][0] > 0.01

    def test_a_t_test_with_a_constant_group_is_flagged(self) -> None:
        row = tk.t_test(simple(), "h", "g").row(0, named=True)
        assert row["reliability"] == "review"
        assert mentions(row["reason"], "'h'")
        both = tk.t_test(simple(h=[8.0] * 120 + [6.0] * 120), "h", "g").row(0, named=True)
        assert flagged(both)

    def test_tests_of_a_constant_are_refused_in_words(self) -> None:
        study = simple(h=[8.0] * 240)
        with pytest.raises(tk.EstimationError, match=mentioning(240)):
            tk.rank_test(study, "h", "g")
        with pytest.raises(tk.EstimationError, match=mentioning(240)):
            tk.t_test(study, "h", "g")

    def test_a_table_one_of_groups_without_spread_has_no_test(self) -> None:
        found = tk.describe(simple(h=[8.0] * 120 + [6.0] * 120), "h", by="g", test=True)
        row = next(row for row in rows_of(found) if row["estimand"] == "term")
        assert row["reliability"] == "failed"
        assert row["p_value"] is None

    def test_a_survival_curve_is_flagged_where_nobody_or_everybody_had_the_event(self) -> None:
        study = simple(time=[5.0] * 120 + [3.0] * 120, e=[0] * 120 + [1] * 120)
        rows = rows_of(tk.survival(study, time="time", event="e", at=(1, 4), by="g", domain="g == 'a'"))
        assert all(flagged(row) for row in rows if row["g"] == "a")
        rows = rows_of(tk.survival(study, time="time", event="e", at=(1, 3)))
        assert rows[0]["conf_low"] is None
        assert flagged(rows[0])
        everybody = tk.survival(study, time="time", event="e", at=(3,), domain="g == 'b'").row(0, named=True)
        assert flagged(everybody)

    def test_a_rate_without_events_has_the_exact_poisson_end_in_the_effective_time(self) -> None:
        study = clustered().derive("years", "0 * age + 2", label="years")
        found = tk.rate(study, events="y", time="years", by="g", per=100)
        row, whole = found.row(0, named=True), tk.rate(study, events="y", time="years").row(0, named=True)
        assert flagged(row)
        observed = 2.0 * study.people.height
        deff = whole["std_error"] ** 2 * observed / whole["estimate"]
        assert row["deff"] == pytest.approx(max(deff, 1), rel=1e-9)
        shrunk = (t.ppf(0.975, row["n"] - 1) / t.ppf(0.975, row["df"])) ** 2
        assert row["conf_high"] == pytest.approx(-np.log(0.025) / (2 * row["n"] / row["deff"] * shrunk) * 100)

    def test_a_rate_that_all_share_has_no_interval(self) -> None:
        found = tk.rate(simple(n=[3.0] * 240, years=[2.0] * 240), events="n", time="years")
        assert flagged(found.row(0, named=True))


class TestZeroByDesign:
    def test_a_census_keeps_its_zero_and_says_so(self) -> None:
        people = pl.DataFrame({"s": [1] * 60 + [2] * 60, "N": [60] * 120, "v": np.arange(120.0)})
        study = tk.study(people, design=tk.Design(strata="s", fpc="N"), name="census")
        row = tk.mean(study, "v").row(0, named=True)
        assert (0.0, row["estimate"], "review") == (row["std_error"], row["conf_low"], row["reliability"])
        assert mentions(row["reason"], "population")

    def test_a_calibrated_share_keeps_its_zero_and_says_so(self) -> None:
        study = clustered()
        design = study.design.calibrated({"old": {"no": 1e6, "yes": 2e6}})
        study = tk.study(study.people, design=design, name="raked")
        row = tk.prevalence(study, outcome="old").row(0, named=True)
        assert row["std_error"] == pytest.approx(0, abs=1e-12)
        assert "calibrated" in row["reason"]

    def test_psus_that_do_not_differ_have_no_interval(self) -> None:
        people = pl.DataFrame({"psu": np.repeat(np.arange(20), 10), "y": [0, 1] * 100, "v": [1.0, 3.0] * 100})
        design = tk.Design(weight="w", psu="psu")
        study = tk.study(people.with_columns(w=1.0), design=design, name="alike")
        for found in (tk.prevalence(study, outcome="y"), tk.mean(study, "v")):
            row = found.row(0, named=True)
            assert flagged(row)
            assert row["conf_low"] is None
