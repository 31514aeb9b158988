"""Every estimator returns `Estimates`, with the covariance of exactly their rows and nothing of the study."""

import copy
import gc
import inspect
import pickle
from collections.abc import Callable
from types import FrameType, ModuleType

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.invented import crowded
from tests.support.messages import mentioning
from toolkit import results
from toolkit.errors import EstimationError
from toolkit.results import SCHEMA, Estimates

STUDY = crowded()
OTHER = tk.study(STUDY.people.head(400), design=tk.Design.none(), name="other study")
COHORT = tk.open_study("example-cohort")
WITH_COVARIANCE: dict[str, Callable[..., Estimates]] = {
    "prevalence": lambda **o: tk.prevalence(STUDY, outcome="cramps", by="band", **o),
    "mean": lambda **o: tk.mean(STUDY, "age", by="sex", **o),
    "total": lambda **o: tk.total(STUDY, "nights", by="sex", **o),
    "ratio": lambda **o: tk.ratio(STUDY, "nights", "diary", by="sex", **o),
    "quantile": lambda **o: tk.quantile(STUDY, "age", **o),
    "rate": lambda **o: tk.rate(STUDY, events="nights", time="diary", by="sex", **o),
    "survival": lambda **o: tk.survival(
        COHORT, time="first_cramp_days", event="first_cramp", at=(10, 30), **o
    ),
    "t_test": lambda **o: tk.t_test(STUDY, "age", "cramps", by="sex", **o),
    "association": lambda **o: tk.association(STUDY, outcome="cramps", exposure="band", adjust=(), **o),
    "model": lambda **o: tk.model(STUDY, "cramps ~ sex + age", **o),
    "margins": lambda **o: tk.margins(STUDY, "cramps ~ sex + age", "sex", **o),
    "predict": lambda **o: tk.predict(STUDY, "cramps ~ sex + age", {"age": (30, 50)}, **o),
    "interaction": lambda **o: tk.interaction(
        STUDY, outcome="cramps", exposures=("sex", "band"), adjust=(), **o
    ),
    "curve": lambda **o: tk.curve(STUDY, outcome="cramps", exposure="age", adjust=(), at=(30, 40, 60), **o),
    "trend": lambda **o: tk.trend(STUDY, outcome="cramps", over="band", degree=2, **o),
    "impact": lambda **o: tk.effects.impact(STUDY, "cramps", "band", adjust=(), by="sex", **o),
    "cosinor": lambda **o: tk.cosinor(STUDY, outcome="cramps", time="month", **o),
    "gee": lambda **o: tk.gee(COHORT, "any_cramps ~ sex", **o),
    "case_crossover": lambda **o: tk.case_crossover(COHORT, exposures="heat_index", lags=(0, 1), **o),
    "lag_curve": lambda **o: tk.lag_curve(COHORT, exposure="heat_index", lags=3, df=3, **o),
    "pool": lambda **o: tk.pool([tk.mean(STUDY, "age", by="sex"), tk.mean(STUDY, "age", by="sex")], **o),
    "imputed": lambda **o: tk.imputed([STUDY, STUDY], tk.model, "cramps ~ sex", **o),
}
WITHOUT: dict[str, Callable[[], Estimates]] = {
    "describe": lambda: tk.describe(STUDY, ("age", "sex"), by="cramps"),
    "chi_square": lambda: tk.chi_square(STUDY, "cramps", "region"),
    "rank_test": lambda: tk.rank_test(STUDY, "age", "cramps"),
    "term_test": lambda: tk.term_test(STUDY, "cramps ~ age", "age"),
    "proportionality": lambda: tk.proportionality(tk.open_study("simulated"), "cramp_frequency ~ sex"),
    "compare_studies": lambda: tk.tests.compare_studies(
        [tk.prevalence(study, "cramps") for study in (STUDY, OTHER)]
    ),
    "precision": lambda: tk.precision(STUDY, outcome="cramps"),
    "multiverse": lambda: tk.multiverse(STUDY, "cramps", "band", adjust=((), ("sex",)), flips=99),
    "atlas": lambda: tk.atlas(tk.open_study("simulated"), outcomes="any_cramps", exposures="diabetes_told"),
}


def prevalences() -> Estimates:
    return tk.prevalence(STUDY, outcome="cramps", by="band")


def test_every_estimator_is_tried_here() -> None:
    names = [name for name in tk._MODULES if inspect.isfunction(getattr(tk, name))]
    estimators = {
        name for name in names if inspect.signature(getattr(tk, name)).return_annotation is Estimates
    }
    elsewhere = {"contrast", "survey_inference", "trials", "truth"}
    assert estimators == {*WITH_COVARIANCE, *WITHOUT} | elsewhere


def test_what_is_not_a_study_is_refused_by_every_public_function() -> None:
    accepted = []
    # Sentences of reports take what describes a study, and reports open one by its name.
    for name in sorted({*tk._MODULES} - {*dir(tk.reports)}):
        function = getattr(tk, name)
        parameters = inspect.signature(function).parameters if inspect.isfunction(function) else {}
        if next(iter(parameters), "") != "study":
            continue
        _, *others = parameters.values()
        required = [parameter for parameter in others if parameter.default is parameter.empty]
        named = {one.name: "a" for one in required if one.kind is one.KEYWORD_ONLY}
        given = ["a" for one in required if one.kind is one.POSITIONAL_OR_KEYWORD]
        for wrong in (STUDY.people, None, "nhanes"):
            try:
                function(wrong, *given, **named)
            except tk.VariableError as error:
                if "takes a study" in str(error) and type(wrong).__name__ in str(error):
                    continue
            except (AttributeError, TypeError):
                pass
            accepted.append((name, type(wrong).__name__))
    assert [] == accepted


@pytest.mark.parametrize("name", WITH_COVARIANCE)
def test_an_estimator_returns_rows_with_their_covariance(name: str) -> None:
    rows, matrix = WITH_COVARIANCE[name](covariance=True)
    own = WITH_COVARIANCE[name]()
    assert isinstance(own, Estimates)
    assert isinstance(rows, Estimates)
    assert_frame_equal(own, rows, check_exact=True)
    np.testing.assert_array_equal(own.covariance(), matrix)
    errors = own["std_error"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    assert (own.height, own.height) == matrix.shape
    np.testing.assert_allclose(np.sqrt(matrix.diagonal()), errors, rtol=1e-9, equal_nan=True)
    parameter = inspect.signature(getattr(tk, name)).parameters["covariance"]
    assert parameter.default is False


@pytest.mark.parametrize("name", WITHOUT)
def test_an_estimator_without_covariance_says_so(name: str) -> None:
    rows = WITHOUT[name]()
    assert isinstance(rows, Estimates)
    with pytest.raises(
        EstimationError, match=rf"{rows.height} rows.*'{rows['estimand'][0]}'.*tk\.prevalence"
    ):
        rows.covariance()


OPERATIONS: dict[str, Callable[[pl.DataFrame], object]] = {
    "head": lambda f: f.head(2),
    "whole head": lambda f: f.head(50),
    "tail": lambda f: f.tail(1),
    "limit": lambda f: f.limit(2),
    "slice": lambda f: f.slice(1),
    "brackets": lambda f: f[1:],
    "list": lambda f: f[[2, 0]],
    "filter": lambda f: f.filter(pl.col("n") > 0),
    "sort": lambda f: f.sort("estimate", descending=True),
    "reverse": lambda f: f.reverse(),
    "sample": lambda f: f.sample(2, seed=1),
    "gather_every": lambda f: f.gather_every(2),
    "unique": lambda f: f.unique(maintain_order=True),
    "with_columns": lambda f: f.with_columns(estimate=pl.lit(0.5)),
    "rename": lambda f: f.rename({"estimate": "value"}),
    "drop": lambda f: f.drop("reason"),
    "select": lambda f: f.select(pl.all()),
    "clone": lambda f: f.clone(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda f: pickle.loads(pickle.dumps(f)),  # noqa: S301
    "lazy": lambda f: f.lazy().collect(),
    "concat": lambda f: pl.concat([f, f]),
    "vstack": lambda f: f.vstack(f),
    "extend": lambda f: f.clone().extend(f),
    "hstack": lambda f: f.hstack([pl.Series("more", [1] * f.height)]),
    "clear": lambda f: f.clear(),
    "rechunk": lambda f: f.rechunk(),
    "fill_null": lambda f: f.fill_null(0),
    "cast": lambda f: f.cast({"n": pl.Int32}),
    "join": lambda f: f.join(f.select("band"), on="band"),
    "partition": lambda f: f.partition_by("band")[0],
    "shift": lambda f: f.shift(1),
    "insert": lambda f: f.clone().insert_column(0, pl.Series("more", [1] * f.height)),
    "estimates": lambda f: Estimates(f.head(1)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_keeps_the_covariance_of_its_rows_or_has_none(name: str) -> None:
    rows = prevalences()
    changed = OPERATIONS[name](rows)
    assert isinstance(changed, pl.DataFrame)
    assert isinstance(repr(changed) + changed._repr_html_(), str)
    if isinstance(changed, Estimates):
        with pytest.raises(EstimationError, match=r"result\.covariance\(\)|tk\.prevalence"):
            changed.covariance()
    np.testing.assert_array_equal(rows.covariance(), prevalences().covariance())


IN_PLACE: dict[str, Callable[[Estimates], object]] = {
    "cell": lambda f: f.__setitem__((0, "estimate"), 0.5),
    "columns": lambda f: setattr(f, "columns", [f"x{k}" for k in range(f.width)]),
    "extend": lambda f: f.extend(pl.DataFrame(f)),
    "drop_in_place": lambda f: f.drop_in_place("reason"),
    "insert_column": lambda f: f.insert_column(0, pl.Series("more", [1] * f.height)),
    "replace_column": lambda f: f.replace_column(0, pl.Series("band", ["a", "b", "c"])),
    "hstack": lambda f: f.hstack([pl.Series("more", [1] * f.height)], in_place=True),
    "vstack": lambda f: f.vstack(pl.DataFrame(f), in_place=True),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_frame_that_was_changed_in_place_has_no_covariance(name: str) -> None:
    rows = prevalences()
    IN_PLACE[name](rows)
    with pytest.raises(EstimationError, match=rf"{rows.height} rows.*changed.*result\.covariance\(\)"):
        rows.covariance()


def test_the_matrix_that_was_taken_can_be_changed_without_harm() -> None:
    rows = prevalences()
    rows.covariance()[:] = 0
    assert rows.covariance().any()


def test_values_schema_and_other_uses_are_those_of_polars(tmp_path) -> None:
    rows = prevalences()
    plain = pl.DataFrame(rows.to_dict(as_series=False), schema=rows.schema)
    assert type(plain) is pl.DataFrame
    assert ["band", *SCHEMA] == rows.columns
    assert rows.equals(plain)
    assert plain.equals(rows)
    assert_frame_equal(plain, rows)
    assert (rows == plain).select(pl.all_horizontal(pl.all().fill_null(value=True)).all()).item()
    assert plain.write_csv() == rows.write_csv()
    rows.write_parquet(tmp_path / "rows.parquet")
    assert rows.equals(pl.read_parquet(tmp_path / "rows.parquet"))
    assert 2 * rows.height == pl.concat([rows, plain]).height
    assert rows.to_pandas().shape == rows.shape


def reachable(start: object) -> list[object]:
    """List what a result refers to, but not what modules, classes and stack frames refer to."""
    found, queue = {id(start): start}, [start]
    while queue:
        for other in gc.get_referents(queue.pop()):
            if id(other) not in found and not isinstance(other, ModuleType | type | FrameType):
                found[id(other)] = other
                queue.append(other)
    return list(found.values())


def test_many_results_of_a_study_hold_it_once() -> None:
    study = tk.study(pl.DataFrame({"age": [30.0, 50.0]}), design=tk.Design.none())
    gc.collect()  # studies of other tests
    held = len(results._STUDIES)
    found = [tk.mean(study, "age") for _ in range(3)]
    assert held + 1 == len(results._STUDIES)
    assert all(tk.flow(rows)["n_left"][-1] == 2 for rows in found)
    del study
    gc.collect()
    assert held == len(results._STUDIES)


def test_a_table_has_no_flow_of_its_own() -> None:
    with pytest.raises(
        EstimationError, match=mentioning("different participants", "tk.flow(study, outcome, exposure)")
    ):
        tk.flow(WITHOUT["describe"]())


@pytest.mark.parametrize("name", [*WITH_COVARIANCE, *WITHOUT])
def test_nothing_of_the_study_is_reachable_from_a_result(name: str) -> None:
    rows = (WITH_COVARIANCE.get(name) or WITHOUT[name])()
    for thing in reachable(rows):
        assert not type(thing).__module__.startswith("toolkit") or isinstance(thing, Estimates), type(thing)
        if isinstance(thing, np.ndarray):
            assert (rows.height, rows.height) == thing.shape
            assert thing.base is None
        if isinstance(thing, pl.DataFrame | pl.Series):
            assert rows.height == len(thing)
    kept = pickle.loads(pickle.dumps(rows))  # noqa: S301
    assert not {"_matrix", "_rows"} & set(vars(kept))


def test_the_printed_form_shows_what_identifies_a_row_then_its_estimate() -> None:
    rows = prevalences()
    heading, _, columns, _, *lines, more = str(rows).splitlines()
    assert ["band", "estimate", "conf_low", "conf_high", "n"] == columns.strip("│ ").replace(" ", "").split(
        "┆"
    )
    assert all(part in heading for part in ("3 rows", "outcome: cramps", "estimand: prevalence"))
    assert len(lines) == rows.height + 1
    assert f"{rows.width - 5} more columns" in more
    assert "glimpse()" in more
    assert repr(rows) == str(rows)


def test_p_value_and_reliability_are_printed_where_there_is_something_to_say() -> None:
    ratios = WITH_COVARIANCE["association"]()
    assert "p_value" in str(ratios)
    assert "reliability" not in str(ratios.with_columns(reliability=pl.lit("ok")).pipe(Estimates))
    strong = {"p_value": pl.lit(1e-9)}
    failed = Estimates(ratios.with_columns(reliability=pl.lit("failed"), estimate=None, **strong))
    assert "failed" in str(failed)
    assert "<0.001" not in str(failed)
    flagged = Estimates(ratios.with_columns(reliability=pl.lit("review"), **strong))
    assert "<0.001" in str(flagged)
    assert "&lt;0.001" in flagged._repr_html_()


def test_labels_are_text_in_html() -> None:
    planted = "<script>alert(1)</script>"
    rows = prevalences()
    shown = Estimates(rows.with_columns(band=pl.lit(planted), domain=pl.lit(planted)))._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_long_result_prints_its_beginning() -> None:
    rows = Estimates(pl.concat([prevalences()] * 30).with_columns(level=pl.int_range(90).cast(pl.String)))
    assert "50 more rows" in rows._repr_html_()
    assert "90 rows" in str(rows)
    assert len(str(rows).splitlines()) < 60


def test_a_part_of_a_result_prints_like_any_frame() -> None:
    rows = prevalences()
    assert "shape: (3, 1)" in str(rows.clone().drop("n").select("level"))
    part = rows.clone()
    part.drop_in_place("n")
    assert str(part) == str(pl.DataFrame(part))
    assert part._repr_html_() == pl.DataFrame(part)._repr_html_()
    assert str(rows.clear()) == str(pl.DataFrame(rows.clear()))


def test_a_contrast_takes_a_result_alone() -> None:
    rows, matrix = tk.prevalence(STUDY, outcome="cramps", by="band", covariance=True)
    for weights in ("first", "pairs", "heterogeneity", [-1, 0, 1]):
        assert_frame_equal(
            tk.contrast(rows, matrix, weights), tk.contrast(prevalences(), weights=weights), check_exact=True
        )
    found, own = tk.contrast(rows, weights="pairs", with_covariance=True)
    np.testing.assert_array_equal(found.covariance(), own)
    again = tk.contrast(found, weights=[1, 0, 0])
    assert found["std_error"][0] == pytest.approx(again["std_error"][0], rel=1e-12)


def test_a_contrast_of_changed_rows_asks_for_the_result_of_the_estimator() -> None:
    for changed in (prevalences().filter(pl.col("n") > 0), prevalences().head(2)):
        with pytest.raises(EstimationError, match=r"\d rows.*tk\.prevalence"):
            tk.contrast(changed, weights="first")


def test_a_failed_row_leaves_the_covariance_of_the_others_to_a_contrast() -> None:
    rows = tk.prevalence(
        STUDY, outcome="cramps", by=("band", "region"), domain="region != 'north' or band != '20-39'"
    )
    failed = rows["std_error"].is_null()
    assert 1 == failed.sum()
    good = np.flatnonzero(~failed.to_numpy())[:2]
    weights = {"sound": np.zeros(rows.height).tolist(), "failed": np.zeros(rows.height).tolist()}
    weights["sound"][good[0]], weights["sound"][good[1]] = -1, 1
    weights["failed"][int(np.flatnonzero(failed.to_numpy())[0])] = 1
    matrix = tk.contrast(rows, weights=weights).covariance()
    assert np.isfinite(matrix[0, 0])
    assert np.isnan(matrix[1]).all()
