"""Models side by side, and the options of tables."""

import re

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.results import frame


def model(adjust: str, n: int = 900, **values: object) -> pl.DataFrame:
    row = {
        "study": "a survey", "estimand": "odds_ratio", "outcome": "cramps", "outcome_label": "leg cramps",
        "exposure": "smoking", "exposure_label": "smoking status", "reference": "never", "scale": "log",
        "adjust": adjust, "estimate": 1.5, "conf_low": 1.1, "conf_high": 2.0, "conf_level": 0.95, "n": n,
        "p_value": 0.03, "reliability": "ok", "weight": "interview", **values,
    }  # fmt: skip
    return frame([{**row, "level": level} for level in ("former", "current")])


def read(html: str) -> list[list[str]]:
    """Take the texts of all rows of a table."""
    lines = re.findall(r"<tr.*?</tr>", html[html.index("gt_col_headings") :], re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", c).strip() for c in re.findall(r"<t[dh].*?</t[dh]>", line, re.DOTALL)]
        for line in lines
    ]


def test_models_have_a_spanner_each_with_their_n() -> None:
    html = tk.table([model("none"), model("age, sex", n=880)], p_values=True).as_raw_html()
    text = re.sub(r"<[^>]+>", "", html)
    for part in ("Crude (n = 900)", "Model 1 (n = 880)", "Compared with never", "Odds ratio of leg cramps"):
        assert part in text
    assert "Crude: not adjusted (interview weight)" in text
    assert "Model 1: adjusted for age and sex (interview weight)" in text
    cells = ["1.50 (1.10 to 2.00)", "0.03"] * 2
    assert [["former", *cells], ["current", *cells]] == [x for x in read(html) if x and x[-1] == "0.03"]


def test_a_row_that_a_model_lacks_is_empty_and_names_are_the_users() -> None:
    one = pl.DataFrame(model("age")).filter(pl.col("level") == "former")
    lines = read(tk.table({"A <1>": model("none"), "B": one}).as_raw_html())
    assert ["current", "1.50 (1.10 to 2.00)", ""] in lines
    assert "A &lt;1&gt; (n = 900)" in tk.table({"A <1>": model("none"), "B": one}).as_raw_html()


def test_suppressed_estimates_of_a_model_stay_absent() -> None:
    hidden = model("age", reliability="suppress", reason="too few", estimate=7.77)
    text = re.sub(r"<[^>]+>", "", tk.table([model("none"), hidden]).as_raw_html())
    assert "not shown" in text
    assert "7.77" not in text
    assert "Suppressed as unreliable: too few" in text


def test_what_cannot_stand_side_by_side_is_refused() -> None:
    twice = pl.concat([pl.DataFrame(model("none")), pl.DataFrame(model("age"))])
    with pytest.raises(tk.VariableError, match=mentioning("'Model 1'", "4 rows")):
        tk.table([twice])
    grouped = frame(model("age").rows(named=True), by=["region"])
    with pytest.raises(tk.VariableError, match=mentioning("'B'", "by=")):
        tk.table({"A": model("none"), "B": grouped})
    with pytest.raises(tk.VariableError, match=mentioning("0 models")):
        tk.table([])
    with pytest.raises(tk.VariableError, match=mentioning("tk.table")):
        tk.table({"A": pl.DataFrame({"a": [1]})})


@pytest.fixture(scope="module")
def described() -> tk.Estimates:
    people = pl.DataFrame({"age": [30.0, 50.0, None, 40.0, 60.0] * 20, "sex": ["f", "m", "f", "m", "m"] * 20})
    study = tk.study(people, design=tk.Design.none(), name="a hundred")
    return tk.describe(study, ("age",), by="sex", difference=True)


def test_table_one_leaves_out_what_is_not_asked_for(described: tk.Estimates) -> None:
    full = tk.table(described).as_raw_html()
    less = tk.table(described, overall=False, missing=False).as_raw_html()
    assert ("overall" in full, "missing:" in full) == (True, True)
    assert ("overall<br>" in less, "missing:" in less) == (False, False)
    for html in (full, less):
        assert "SMD" in html
        assert re.search(r'colspan="2"[^>]*>\s*<span class="gt_column_spanner">Sex', html)


def test_title_and_footnotes_are_the_users_and_escaped(described: tk.Estimates) -> None:
    html = tk.table(described, title="Mine & <b>", footnotes=["One <i>.", "Two."]).as_raw_html()
    assert "<strong>Mine &amp; &lt;b&gt;</strong>" in html
    assert "One &lt;i&gt;." in html
    assert "a hundred" in html, "the notes below the title stay"
