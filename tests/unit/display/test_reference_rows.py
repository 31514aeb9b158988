"""A forest plot shows the reference level, and n and cases of each level."""

from toolkit.disclosure import show
from toolkit.display.charts.forest_plot import forest
from toolkit.display.charts.reference_rows import add_references, is_reference
from toolkit.display.text import head_rows
from toolkit.results import frame

ROW = {
    "study": "a", "estimand": "prevalence_ratio", "outcome": "cramps", "exposure": "smoking",
    "exposure_label": "smoking", "reference": "never", "estimate": 1.4, "scale": "log", "conf_low": 1.1,
    "conf_high": 1.8, "n": 60, "n_cases": 20, "adjust": "", "reliability": "ok",
}  # fmt: skip
RATIOS = frame([{**ROW, "level": level, "level_label": level} for level in ("former", "current")])
COUNT = {"study": "a", "estimand": "prevalence", "outcome": "cramps", "estimate": 0.3, "reliability": "ok"}
COUNTS = frame(
    [
        {**COUNT, "smoking": "never", "n": 30, "n_cases": 8},
        {**COUNT, "smoking": "former", "n": 20, "n_cases": 7},
        {**COUNT, "smoking": "current", "n": 10, "n_cases": 5, "reliability": "suppress"},
    ],
    by=["smoking"],
)


def test_each_level_has_its_own_counts_after_the_reference() -> None:
    items = add_references(head_rows(RATIOS), show(COUNTS))
    assert [item.label for item in items] == ["never", "former", "current"]
    assert [is_reference(item.row) for item in items] == [True, False, False]
    assert [item.row["n"] for item in items] == [30, 20, 10]
    # A suppressed prevalence gives no number of cases, nor does the group that would give it back.
    assert [item.row["n_cases"] for item in items] == [8, None, None]
    assert items[0].row["estimate"] == 1.0


def test_without_counts_or_for_another_outcome_nothing_is_added() -> None:
    other = frame([{**COUNT, "outcome": "sleep", "smoking": "never", "n": 1}], by=["smoking"])
    for counts in (None, other):
        assert [item.row["n"] for item in add_references(head_rows(RATIOS), counts)] == [60, 60]


def test_the_chart_says_reference_and_heads_counts_by_level() -> None:
    text = forest(RATIOS, counts=COUNTS).to_json()
    assert '"reference"' in text
    assert "cases / n in model" not in text
    assert "cases / n in model" in forest(RATIOS).to_json()
