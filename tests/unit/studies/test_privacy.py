"""No output holds a person: ids, names and values planted in a study are sought in all that leaves it.

The one thing that writes people is `study.to_r`, on request, without ids: see test_r_script.
"""

import json
import logging
import re
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import toolkit as tk
from toolkit.cli import main
from toolkit.files.checked_toml import shipped

ID, NAME, TAIL = "PLANTED-", "Jane Planted", "73205"
PLANTED = re.compile(f"{ID}|{NAME}|{TAIL}")
EXAMPLE = shipped("datasets") / "examples" / "survey"
BROKEN_NOTEBOOK = """
# %% [markdown]
# # A page that fails
# %% tags=["parameters"]
study = "simulated"
# %%
import toolkit as tk
opened = tk.open_study(study)
opened
# %%
opened.people
# %%
opened.derive("mine", "weigth_kg > 60")
"""


def planted(folder: Path) -> Path:
    """Copy the example survey with other ids, names in a column that is not declared, and marked values."""
    folder.mkdir(parents=True, exist_ok=True)
    people = pl.read_csv(EXAMPLE / "people.csv", infer_schema_length=None)
    number = pl.int_range(pl.len())
    marked = people.with_columns(
        id=pl.format(ID + "{}", number),
        remarks=pl.format(NAME + " {}", number),
        weight_kg=pl.col("weight_kg") + pl.lit(float(f"0.{TAIL}")),
        weight=pl.col("weight") + pl.lit(float(f"0.{TAIL}")) + number / 1e8,
    )
    blood = pl.read_csv(EXAMPLE / "blood.csv").with_columns(
        id=pl.format(ID + "{}", pl.col("id").str.tail(4).cast(pl.Int64) - 1)
    )
    marked.write_csv(folder / "people.csv")
    blood.write_csv(folder / "blood.csv")
    (folder / "study.toml").write_text((EXAMPLE / "study.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return folder / "study.toml"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def study(path: Path) -> tk.Study:
    return tk.open_study(path)


@pytest.fixture(autouse=True)
def _nothing_is_logged_or_left_behind(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:  # fmt: skip
    """Hold logs, both streams and the folder of temporary files to the same rule, after every test here."""
    caplog.set_level(logging.DEBUG)
    left = tmp_path / "temporary"
    left.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(left))
    yield
    told = capfd.readouterr()
    assert_clean(told.out + told.err + caplog.text)
    for file in left.rglob("*"):
        assert not file.is_file() or ID.encode() not in file.read_bytes(), file


def assert_clean(text: str) -> None:
    found = PLANTED.search(text)
    assert found is None, text[max(0, found.start() - 200) : found.end() + 50]


def test_what_is_planted_is_there_to_be_found(study: tk.Study) -> None:
    rows = repr(study.people.head().rows())
    assert {ID, TAIL} == set(PLANTED.findall(rows))


@pytest.mark.parametrize("shown", [repr, str, lambda x: x._repr_html_()], ids=["repr", "str", "notebook"])
def test_a_study_and_its_people_show_none(study: tk.Study, shown: Callable[[object], str]) -> None:
    for thing in (study, study.people, study.design):
        assert_clean(shown(thing) if hasattr(thing, "_repr_html_") else repr(thing))
    assert_clean(repr(study.provenance) + repr(study.codebook))


def test_results_charts_tables_and_sentences_hold_none(study: tk.Study) -> None:
    asked = {"outcome": "any_cramps", "exposure": "diabetes_told", "adjust": ("age", "sex")}
    found = tk.association(study, **asked)
    by = tk.prevalence(study, outcome="any_cramps", by=("sex",))
    frames = [found, by, tk.flow(study, **asked), study.availability(), study.missing("bmi")]
    assert_clean("".join(frame.write_csv() for frame in frames))
    assert_clean(json.dumps(tk.forest(found).to_dict()) + json.dumps(tk.prevalence_chart(by).to_dict()))
    assert_clean(tk.table(found).as_raw_html() + str(tk.finding(found)) + str(study.weight_for("bmi")))


def test_a_report_and_all_that_stands_beside_it_hold_none(study: tk.Study, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = tk.render("cause", study=study, cause="diabetes", domain="", adjust=("age", "sex"), output=out)
    assert done.html.is_file()
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 4
    for file in files:
        content = file.read_bytes()
        assert_clean(content.decode("utf-8", "replace"))
        if file.suffix == ".parquet":
            assert_clean(pl.read_parquet(file).write_csv())


def test_a_report_that_fails_leaves_none_behind(study: tk.Study, tmp_path: Path) -> None:
    notebook = tmp_path / "broken.py"
    notebook.write_text(BROKEN_NOTEBOOK)
    with pytest.raises(tk.ToolkitError) as caught:
        tk.render(notebook, study=study, output=tmp_path / "out")
    assert_clean("".join(traceback.format_exception(caught.value)))
    (kept,) = (tmp_path / "out").rglob("*.failed.ipynb")
    assert "480 people x" in kept.read_text()
    assert_clean(kept.read_text())


@pytest.mark.parametrize("exact", [True, False])
def test_the_data_dictionary_holds_none(study: tk.Study, tmp_path: Path, exact: bool) -> None:
    assert_clean(tk.data_dictionary(study, tmp_path / "page.html", exact=exact).read_text())


def test_the_command_line_tells_none(path: Path, tmp_path: Path) -> None:
    files = [str(path.parent / name) for name in ("people.csv", "blood.csv")]
    first = path.parent / "first.toml"
    for words in (
        ["check", str(path)],
        ["describe", str(path), "--out", str(tmp_path / "page.html")],
        ["new-study", *files, "--out", str(first)],
        ["check", str(first), "--accept-guesses"],
        ["check", str(first)],
    ):
        result = CliRunner().invoke(main, words)
        assert 0 == result.exit_code, result.output
        assert_clean(result.output + result.stderr)
    assert_clean(first.read_text())


BREAKS = {
    "twice": lambda text: text + text.splitlines()[-1] + "\n",
    "short": lambda text: text.replace(",", ";", 3),
    "letters": lambda text: text.replace("town", "tówn", 1),
    "words": lambda text: re.sub(rf"\d+\.{TAIL}\d*", NAME, text),
    "quote": lambda text: text.replace(NAME, f'"{NAME}', 1),
    "long": lambda text: text.replace(NAME, f"{NAME},{NAME}", 1),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_the_problems_of_broken_files_tell_none(tmp_path: Path, broken: str) -> None:
    path = planted(tmp_path / "broken")
    people = path.parent / "people.csv"
    text = BREAKS[broken](people.read_text(encoding="utf-8"))
    people.write_bytes(text.encode("latin-1" if broken == "letters" else "utf-8"))
    with pytest.raises(tk.DatasetError) as caught:
        tk.open_study(path)
    assert_clean("".join(traceback.format_exception(caught.value)))
    result = CliRunner().invoke(main, ["check", str(path)])
    assert 1 == result.exit_code
    assert_clean(result.output + result.stderr)


def by_name(study: tk.Study, **columns: pl.Expr) -> tk.Study:
    return tk.study(study.people.with_columns(**columns), design=study.design, codebook="toolkit")


MISTAKES: dict[str, Callable[[tk.Study], object]] = {
    "variable": lambda s: tk.mean(s, "bim"),
    "domain": lambda s: tk.mean(s, "bmi", domain="sex == 'femal'"),
    "levels": lambda s: s.derive("who", pl.col("person")),
    "levels given": lambda s: s.derive("who", pl.col("person"), levels=["a"]),
    "type": lambda s: s.derive("sum", pl.col("bmi").cast(pl.String).str.to_date("%Y")),
    "formula": lambda s: s.derive("sum", "sex + 1"),
    "outcome": lambda s: tk.prevalence(s, outcome="bmi"),
    "exposure": lambda s: tk.association(s, outcome="any_cramps", exposure="person"),
    "model": lambda s: tk.model(s, "any_cramps ~ person"),
    "frame": lambda s: by_name(s, sex=pl.col("person")),
    "number": lambda s: by_name(s, age=pl.col("person")),
    "range": lambda s: by_name(s, age=pl.lit(float(f"200.{TAIL}"))),
    "mixed": lambda s: tk.study(
        s.people.select("weight").to_pandas().assign(x=[1, *s.people["person"][1:]]), design=s.design
    ),
    "weight": lambda s: tk.mean(
        tk.study(s.people.with_columns(weight=-pl.col("weight")), design=s.design), "bmi"
    ),
    "infinite": lambda s: tk.mean(
        tk.study(s.people.with_columns(weight=pl.lit(float("inf"))), design=s.design), "bmi"
    ),
    "psu": lambda s: tk.mean(
        tk.study(s.people, design=tk.Design(weight="weight", strata="person", psu="person")), "bmi"
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_errors_tell_none(study: tk.Study, mistake: str) -> None:
    with pytest.raises(tk.ToolkitError) as caught:
        MISTAKES[mistake](study)
    assert_clean("".join(traceback.format_exception(caught.value)))
