"""Suppressed estimates and small counts reach no chart, table, sentence, printed result or file."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import toolkit as tk
from toolkit.disclosure import Policy, declare_policy, show
from toolkit.results import Estimates, frame

NAME = "isolation room of Mr. Planted"


def study(columns: dict[str, list[Any]], name: str, **options: Any) -> tk.Study:
    return tk.study(pl.DataFrame(columns), design=tk.Design.none(), name=name, **options)


def two_wards(name: str = "two wards", **options: Any) -> tk.Study:
    """A group of 8 without a case beside one of 1,992 with all 7 cases."""
    return study(
        {"ward": ["small"] * 8 + ["large"] * 1992, "y": [0] * 8 + [1] * 7 + [0] * 1985}, name, **options
    )


def rare_ward(name: str = "rare ward") -> tk.Study:
    wards = ["common"] * 1400 + ["other"] * 597 + [NAME] * 3
    return study({"ward": wards, "y": [0, 1] * 1000, "x": [k % 50 + 0.5 for k in range(2000)]}, name)


def exits(result: Estimates, folder: Path) -> str:
    """Give all that the toolkit shows of a result, as one text."""
    chart = tk.forest if "ratio" in str(result["estimand"][0]) else tk.charts.prevalence_chart
    texts = [
        str(result), result._repr_html_(), tk.finding(result), tk.table(result).as_raw_html(),
        json.dumps(chart(result).to_dict()), tk.reports.reliability_sentence(result),
        tk.reports.missing_sentence(result), str(tk.reports.keep(result).rows.rows()),
        tk.reports.Paper().figure(chart(result), result, "Results").caption.html,
    ]  # fmt: skip
    files = [
        tk.save(result, folder / f"result.{end}", overwrite=True) for end in ("csv", "md", "html", "tex")
    ]
    return "\n".join([*texts, *(file.path.read_text() for file in files)])


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
