"""Suppressed estimates and small counts reach no chart, table, sentence, printed result or file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import toolkit as tk
from tests.support.exits import exits, study, two_wards
from toolkit.disclosure import Policy, declare_policy, show
from toolkit.results import Estimates, frame

NAME = "isolation room of Mr. Planted"


def rare_ward(name: str = "rare ward") -> tk.Study:
    wards = ["common"] * 1400 + ["other"] * 597 + [NAME] * 3
    return study({"ward": wards, "y": [0, 1] * 1000, "x": [k % 50 + 0.5 for k in range(2000)]}, name)


def test_a_suppressed_estimate_leaves_without_number_cases_and_their_complement(
    tmp_path: Path,
) -> None:
    result = tk.prevalence(two_wards(), "y", by="ward")
    small, large = (show(result).filter(ward=name).row(0, named=True) for name in ("small", "large"))
    assert (small["estimate"], small["conf_high"], small["n_cases"], small["n"]) == (None, None, None, 8)
    assert (large["n_cases"], large["n"]) == (None, 1992)
    assert large["estimate"] == pytest.approx(7 / 1992)
    shown = exits(result, tmp_path)
    assert "7 / 1,992" not in shown
    assert str(result.filter(ward="small")["conf_high"].item()) not in shown
    assert "1,992" in shown


def test_the_columns_of_the_frame_have_every_number() -> None:
    result = tk.prevalence(two_wards(), "y", by="ward")
    assert result.sort("ward")["n_cases"].to_list() == [7, 0]
    assert result.sort("ward")["estimate"].to_list() == [pytest.approx(7 / 1992), 0.0]


def test_a_look_at_what_is_suppressed_says_that_it_is_not_for_publication() -> None:
    result = tk.prevalence(two_wards(), "y", by="ward")
    assert "not shown" in tk.table(result).as_raw_html()
    looked = tk.table(result, show_suppressed=True).as_raw_html()
    assert "not shown" not in looked
    assert "0.0 (" in looked
    assert "Not for publication" in looked


@pytest.mark.parametrize("smallest", [5, 0])
def test_small_counts_are_hidden_below_the_threshold_of_the_study(smallest: int) -> None:
    groups = {"g": ["a"] * 200 + ["b"] * 100 + ["c"] * 100, "y": [1] * 3 + [0] * 197 + ([1, 0] * 50) * 2}
    rows = show(tk.prevalence(study(groups, f"threshold {smallest}", smallest_cell=smallest), "y", by="g"))
    hidden = rows.filter(pl.col("n_cases").is_null())["g"].to_list()
    # With a alone hidden, the total would give it back.
    assert hidden == (["a", "b"] if smallest else [])
    assert set(rows["reliability"]) == ({"withheld", "ok"} if smallest else {"ok"})
    assert rows["n"].to_list() == [200, 100, 100]


def test_of_two_margins_neither_gives_a_hidden_count_back() -> None:
    row = {"study": "margins", "estimand": "prevalence", "outcome": "y", "estimate": 0.3, "reliability": "ok"}
    counts = {("a", "m"): 3, ("a", "f"): 40, ("b", "m"): 50, ("b", "f"): 60, ("c", "m"): 70, ("c", "f"): 80}
    rows = [{**row, "g": g, "sex": sex, "n_cases": cases, "n": 200} for (g, sex), cases in counts.items()]
    shown = show(frame(rows, ("g", "sex")))
    for axis in ("g", "sex"):
        hidden = shown.group_by(axis).agg(pl.col("n_cases").is_null().sum())["n_cases"].to_list()
        assert 1 not in hidden
    assert 0 < shown["n_cases"].null_count() < len(rows)
    assert show(shown).equals(shown), "shown twice is shown once"


def test_a_frame_of_an_unknown_study_is_shown_by_the_strict_rule() -> None:
    row = {
        "estimand": "prevalence",
        "outcome": "y",
        "estimate": 0.02,
        "n": 200,
        "n_cases": 4,
        "reliability": "ok",
    }
    declare_policy("of public use", Policy(0))
    for name, cases in (("nobody knows it", None), ("of public use", 4), ("SIMULATED people", 4)):
        assert show(frame([{**row, "study": name}]))["n_cases"].to_list() == [cases]


def test_a_rare_category_has_no_name_at_any_exit_and_still_runs(tmp_path: Path) -> None:
    own = rare_ward()
    results = [
        tk.prevalence(own, "y", by="ward"), tk.prevalence(own, "ward"), tk.mean(own, "x", by="ward"),
        tk.association(own, "y", "ward", adjust=()),
    ]  # fmt: skip
    for result in results:
        assert "Planted" in str(result.rows())
        assert "Planted" not in exits(result, tmp_path)
    assert "Planted" not in tk.table(tk.describe(own, ("ward", "y"))).as_raw_html()
    assert own.variable("ward").levels[1] == NAME
    assert "1 rare level" in own.variables("ward")["levels_or_unit"].item()
    page = tk.reports.data_dictionary(own, tmp_path / "dictionary.html").read_text()
    assert "common" in page
    assert "Planted" not in page


@pytest.mark.parametrize(
    "call",
    [
        lambda own: tk.prevalence(own, "y", domain="ward == 'x'"),
        lambda own: tk.prevalence(own, "y", domain="ward > 'x'"),
        lambda own: tk.association(own, "y", "ward", adjust=(), reference="isolation room"),
        lambda own: tk.effects.trend(own, "y", over="ward"),
        lambda own: tk.quantile(own, "ward"),
        lambda own: own.merge_levels("ward", {"rest": ["isolation room"]}),
        lambda own: tk.effects.predict(own, "y ~ ward", {"ward": "isolation room"}),
    ],
)
def test_no_error_lists_a_rare_category(call: Any) -> None:
    with pytest.raises(tk.ToolkitError) as error:
        call(rare_ward())
    assert "Planted" not in str(error.value)


def test_missing_values_and_exclusions_of_few_are_not_counted() -> None:
    own = study({"y": [0, 1] * 60 + [None] * 3, "z": [1.0] * 100 + [None] * 23}, "few missing")
    assert own.missing("y")["n"].to_list() == [None, None]
    assert own.missing("z")["n"].to_list() == [100, 23]
    flow = show(tk.flow(own, "y", "z", adjust=()))
    assert flow["n_out"].to_list() == [0, None, None, 0]
    assert 120 not in flow["n_left"].to_list()
    assert flow["n_left"].to_list()[-1] == 100


def test_a_study_toml_declares_the_smallest_cell(tmp_path: Path) -> None:
    rows = "\n".join(f"{k},{k % 2}" for k in range(60))
    (tmp_path / "people.csv").write_text(f"id,y\n{rows}\n")
    text = (
        'name = "mine"\nperson = "id"\n[files.people]\npath = "people.csv"\n[design]\nnone = true\n'
        '[variables.y]\ncolumn = "y"\nlabel = "y"\nlevels = { 0 = "no", 1 = "yes" }\n'
    )
    for declared, smallest in (
        ("", 5),
        ("[disclosure]\nsmallest_cell = 11\n", 11),
        ("[disclosure]\nsmallest_cell = 0\n", 0),
    ):
        (tmp_path / "study.toml").write_text(text + declared)
        assert tk.open_study(tmp_path / "study.toml").smallest_cell == smallest
    (tmp_path / "study.toml").write_text(f"{text}[disclosure]\nsmallest_cell = -1\n")
    with pytest.raises(tk.DatasetError, match="smallest_cell"):
        tk.open_study(tmp_path / "study.toml")


CALLS_WITH_LEVELS: dict[str, Callable[[tk.Study], Any]] = {
    "unknown level": lambda own: tk.prevalence(own, "y", domain="unit == 'zq'"),
    "nearest level": lambda own: tk.prevalence(own, "y", domain="unit in ['zq8']"),
    "order": lambda own: tk.prevalence(own, "y", domain="unit < 'zq'"),
    "interaction": lambda own: tk.model(own, "y ~ unit:ward"),
    "multinomial": lambda own: tk.model(own, "unit ~ x", family="multinomial"),
    "empty cells": lambda own: tk.tests.chi_square(own, "unit", "y"),
    "table 1": lambda own: tk.describe(own, ("unit", "ward"), by="ward"),
    "domain": lambda own: tk.mean(own, "x", domain="unit != 'zq7'"),
    "flow": lambda own: tk.flow(own, "y", domain="unit == 'zq7'"),
    "definition": lambda own: tk.reports.definition(own.codebook, "unit"),
    "coding": lambda own: tk.reports.covariate_list(own.codebook, ["unit", "ward"]),
    "merged": lambda own: tk.reports.definition(
        own.merge_levels("unit", {"rest": ["zq7", "north"]}).codebook, "unit_merged"
    ),
    "codebook": lambda own: own.codebook,
    "variable": lambda own: own.variable("unit"),
    "study": lambda own: own,
}


@pytest.fixture(scope="module", params=["frame", "file"])
def rare_units(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tk.Study:
    """Give a study with a level of one person, which has a short name, through either door."""
    size = 2000
    people = pl.DataFrame(
        {
            "pid": [f"p{k}" for k in range(size)],
            "unit": ["zq7" if k == 9 else ("north", "south", "east")[k % 3] for k in range(size)],
            "ward": [NAME.lower() if k == 7 else f"ward {k % 5}" for k in range(size)],
            "y": ["yes" if k * 7 % 3 == 0 else "no" for k in range(size)],
            "x": [k % 50 + 0.5 for k in range(size)],
        }
    )
    if request.param == "frame":
        return tk.study(people, design=tk.Design.none(), name="rare units")
    folder = tmp_path_factory.mktemp("study")
    people.write_csv(folder / "people.csv")
    levels = {name: people[name].unique().sort().to_list() for name in ("unit", "ward")}
    blocks = [f'[variables.{name}]\ncolumn = "{name}"\nlevels = {own}\n' for name, own in levels.items()]
    (folder / "study.toml").write_text(
        'name = "rare units of files"\nperson = "pid"\n[files.people]\npath = "people.csv"\n'
        '[design]\nnone = true\n[variables.y]\ncolumn = "y"\nkind = "yes_no"\n'
        '[variables.x]\ncolumn = "x"\n' + "".join(blocks)
    )
    return tk.open_study(folder / "study.toml")


@pytest.mark.parametrize("name", CALLS_WITH_LEVELS)
def test_a_rare_level_of_a_short_name_is_named_nowhere(
    name: str, rare_units: tk.Study, tmp_path: Path
) -> None:
    try:
        found = CALLS_WITH_LEVELS[name](rare_units)
    except tk.ToolkitError as error:
        found = str(error)
    shown = "\n".join([repr(found), str(found), getattr(found, "_repr_html_", str)()])
    if isinstance(found, Estimates):
        shown += tk.table(found).as_raw_html() + tk.finding(found)
        shown += tk.save(tk.table(found), tmp_path / "table.md", overwrite=True).path.read_text()
    assert "zq7" not in shown
    assert NAME.lower() not in shown
    assert "zq7" in rare_units.variable("unit").levels


@pytest.mark.parametrize("lost", [[1], [1, 2], [0, 3, 0], [40, 2]])
def test_a_flow_gives_no_few_exclusions_back(lost: list[int]) -> None:
    size = 200
    columns = {f"v{at}": [None] * n + [1.0] * (size - n) for at, n in enumerate(lost)}
    own = study({"y": [0, 1] * 100, **columns}, f"flow of {lost}")
    flow = tk.flow(own, "y", adjust=tuple(columns))
    shown = show(flow)
    ends = [n for n in (shown["n_left"][0], shown["n_left"][-1]) if n is not None]
    excluded = size - flow["n_left"][-1]
    assert len(ends) == (1 if 0 < excluded < 5 else 2)
    assert not {1, 2, 3, 4} & set(shown["n_out"].drop_nulls())
    page = tk.reports.study_population(own, flow, tk.reports.Paper()).html
    assert ("about 200" in page) == (0 < excluded < 5)


def test_a_comparison_of_studies_names_no_rare_level_of_one_of_them() -> None:
    own, other = rare_ward("rare ward compared"), rare_ward("rare ward compared again")
    study({"y": [0, 1]}, "a")  # Its name is in the names of all.
    rows = tk.tests.compare_studies([tk.prevalence(study, "y", by="ward") for study in (own, other)])
    shown = f"{rows}{rows._repr_html_()}{tk.finding(rows)}{tk.table(rows).as_raw_html()}"
    shown += json.dumps(tk.forest(rows).to_dict())
    assert NAME not in shown
    assert "rare level" in shown


def test_a_multiverse_names_no_rare_level_as_its_reference() -> None:
    choices = {"exposure": {"ward": "ward", "long": "x >= 25"}, "adjust": ((), ("x",)), "flips": 99}
    rows = tk.multiverse(rare_ward("rare ward in a multiverse"), "y", **choices)
    shown = f"{rows}{rows._repr_html_()}{tk.finding(rows)}{tk.table(rows).as_raw_html()}"
    shown += json.dumps(tk.charts.specification_curve(rows).to_dict())
    assert NAME not in shown


def test_a_sentence_on_a_flow_names_each_reason_once() -> None:
    own = study({"y": [None] * 9 + [0, 1] * 100, "x": [1.0] * 206 + [None] * 3}, "one reason twice")
    told = tk.reports.study_population(own, tk.flow(own, "y", adjust=("x",)), tk.reports.Paper()).html
    assert told.count("no value recorded") == 1


def test_a_crude_ratio_of_few_cases_is_withheld_and_an_adjusted_one_is_not() -> None:
    own = study(
        {
            "g": ["a"] * 20 + ["b"] * 280,
            "y": [1] * 3 + [0] * 17 + [1] * 50 + [0] * 230,
            "age": [20.0 + k % 47 for k in range(300)],
        },
        "few exposed cases",
    )
    crude = show(tk.association(own, "y", "g", adjust=(), reference="b"))
    adjusted = show(tk.association(own, "y", "g", adjust=("age",), reference="b"))
    assert crude["estimate"].to_list() == [None]
    assert adjusted["estimate"].null_count() == 0
    assert "fewer than 5 participants with y" in adjusted["reason"][0]


def test_no_percentage_and_no_degree_of_freedom_gives_few_missing_values_back() -> None:
    columns = {"any_cramps": ["yes", "no"] * 60 + [None] * 3, "sex": ["male"] * 123}
    own = study(columns, "three without an answer", codebook="toolkit")
    known = own.availability()
    assert known.filter(pl.col("n") == 123)["percent_missing"].drop_nulls().to_list() in ([], [0.0])
    rows = tk.prevalence(own, "any_cramps")
    assert rows["df"].to_list() == [122]
    assert show(rows).select("n", "n_missing", "df").rows() == [(120, None, None)]
