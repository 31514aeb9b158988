"""In reports counts of a study with a threshold are multiples of it; an analyst's session has exact ones."""

import re
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.exits import exits, study, two_wards
from toolkit.disclosure import show, show_data

pytestmark = pytest.mark.usefixtures("in_a_run")


def test_a_suppressed_estimate_leaves_with_rounded_sizes(tmp_path: Path) -> None:
    result = tk.prevalence(two_wards(), "y", by="ward")
    small, large = (show(result).filter(ward=name).row(0, named=True) for name in ("small", "large"))
    assert (small["estimate"], small["n_cases"], small["n"]) == (None, None, 10)
    assert (large["n_cases"], large["n"]) == (None, 1990)
    shown = exits(result, tmp_path)
    assert "1,990" in shown
    assert "1,992" not in shown


@pytest.mark.parametrize("lost", [[1], [1, 2], [0, 3, 0], [40, 2]])
def test_a_flow_is_rounded_and_adds_up(lost: list[int]) -> None:
    size = 200
    columns = {
        f"v{at}": [None if k - sum(lost[:at]) in range(n) else 1.0 for k in range(size)]
        for at, n in enumerate(lost)
    }
    own = study({"y": [0, 1] * 100, **columns}, f"rounded flow of {lost}")
    flow = tk.flow(own, "y", adjust=tuple(columns))
    shown = show(flow)
    assert flow["n_left"][-1] == size - sum(lost)
    assert {n % 5 for n in (*shown["n_left"], *shown["n_out"].drop_nulls())} == {0}
    few = shown.filter(pl.col("n_out").is_null())["step"].to_list()
    assert few == [f"v{at} known" for at, n in enumerate(lost) if 0 < n < 5]
    out = shown.with_columns(out=-pl.col("n_left").diff()).filter(pl.col("n_out") > 0)
    assert out["out"].to_list() == out["n_out"].to_list(), "the steps add up"
    assert show(shown).equals(shown)
    page = tk.reports.study_population(own, flow, tk.reports.Paper()).html
    assert "Of about 200 participants, about" in page


def test_two_analyses_that_differ_by_few_participants_are_equal_or_a_threshold_apart(tmp_path: Path) -> None:
    for lacking in (1, 4):
        columns = {
            "g": ["a", "b"] * 90,
            "y": ["yes", "no", "no"] * 60,
            "z": [None] * lacking + [1.5] * (180 - lacking),
        }
        own = study(columns, f"{lacking} without z")
        every, some = (tk.prevalence(own, "y", domain=text) for text in ("", "not missing(z)"))
        assert (every["n"].item(), some["n"].item()) == (180, 180 - lacking)
        sizes = [show(result)["n"].item() for result in (every, some)]
        assert sizes[0] - sizes[1] in (0, 5)
        shown = exits(every, tmp_path) + exits(some, tmp_path)
        assert not re.search(rf"\b{180 - lacking}\b(?!px)", re.sub(r"#\w+|\d\.\d+", "", shown))


def test_an_unweighted_percentage_is_whole_below_2500_participants_and_a_weighted_one_is_not() -> None:
    for size, weighted, told, digits in (
        (300, False, "33% (95% CI 28 to 39)", 0.33),
        (300, True, "33.3% (95% CI 28.0 to 39.0)", 1 / 3),
        (3000, False, "33.3% (95% CI 31.6 to 35.1)", 0.333),
    ):
        people = pl.DataFrame({"y": ["yes", "no", "no"] * (size // 3), "w": [1.0] * size})
        design = tk.Design(weight="w") if weighted else tk.Design.none()
        result = tk.prevalence(tk.study(people, design=design, name=f"{size} {weighted}"), "y")
        assert told in tk.finding(result)
        assert show_data(result)["estimate"].item() == pytest.approx(digits, abs=1e-15)


def test_a_study_without_a_threshold_is_shown_as_it_is() -> None:
    columns = {"g": ["a", "b"] * 83, "y": [0, 1, 1, None, 0, 0] * 27 + [1, 1, 0, 1]}
    own = study(columns, "without a threshold", smallest_cell=0)
    flow, result = tk.flow(own, "y"), tk.prevalence(own, "y", by="g")
    assert show(flow).equals(pl.DataFrame(flow))
    for shown in (show(result), show_data(result)):
        assert shown.equals(pl.DataFrame(result))
    assert "rounded to" not in tk.table(result).as_raw_html()


def test_a_table_of_a_study_with_a_threshold_says_how_counts_are_rounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = tk.prevalence(two_wards("two other wards"), "y", by="ward")
    note = "Counts are unweighted and rounded to multiples of 5."
    assert note in tk.table(result).as_raw_html()
    assert note not in tk.table(result, show_suppressed=True).as_raw_html()
    monkeypatch.setattr("toolkit.disclosure.policies._RUN", False)
    assert "rounded to" not in tk.table(result).as_raw_html()
    assert show(result).filter(ward="large")["n"].item() == 1992
