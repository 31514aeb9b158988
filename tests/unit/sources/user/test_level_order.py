"""Only a declared order is an order: it survives every door into a study, and text never has one."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import polars_readstat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import rankdata

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.files.safe_files import path_of
from toolkit.studies import EnginePeople, hand_over, take_over
from toolkit.variables import sorted_levels

NONE = tk.Design.none()
SLEEP = ["poor", "fair", "good", "excellent"]
# 100 people of each level, with 40, 30, 20 and 10 cases; the levels are not met in their order.
ANSWERS = [level for level in (SLEEP[2], SLEEP[0], SLEEP[3], SLEEP[1]) for _ in range(100)]
CASES = {"poor": 40, "fair": 30, "good": 20, "excellent": 10}
Y = [int(i % 100 < CASES[level]) for i, level in enumerate(ANSWERS)]
CODES = [SLEEP.index(level) for level in ANSWERS]


def per_level() -> float:
    """Fit the Poisson slope over 0, 1, 2, 3 by Newton's method, as a ratio."""
    X, y, b = np.column_stack([np.ones(len(Y)), CODES]), np.array(Y, float), np.zeros(2)
    b[0] = np.log(y.mean())
    for _ in range(50):
        mu = np.exp(X @ b)
        b += np.linalg.solve((X * mu[:, None]).T @ X, X.T @ (y - mu))
    return float(np.exp(b[1]))


def of_pandas(_: Path) -> Any:
    return pd.DataFrame({"sleep": pd.Categorical(ANSWERS, categories=SLEEP, ordered=True), "y": Y})


def of_polars(_: Path) -> Any:
    return pl.DataFrame({"sleep": pl.Series(ANSWERS, dtype=pl.Enum(SLEEP)), "y": Y})


def of_arrow(_: Path) -> Any:
    codes = pa.array(CODES, pa.int8())
    return pa.table({"sleep": pa.DictionaryArray.from_arrays(codes, pa.array(SLEEP), ordered=True), "y": Y})


def of_chunks(_: Path) -> Any:
    table = of_arrow(_)
    return pa.concat_tables([table.slice(0, 150), table.slice(150)])


def of_duckdb(_: Path) -> Any:
    connection = duckdb.connect()
    text = pa.table({"sleep": ANSWERS, "y": Y})
    connection.register("answers", text)
    return connection.sql("select sleep::enum('poor', 'fair', 'good', 'excellent') as sleep, y from answers")


def of_pandas_parquet(folder: Path) -> Any:
    of_pandas(folder).to_parquet(folder / "people.parquet")
    return pd.read_parquet(folder / "people.parquet")


def of_arrow_parquet(folder: Path) -> Any:
    pq.write_table(of_arrow(folder), folder / "people.parquet")
    return pq.read_table(folder / "people.parquet")


FRAMES = (of_pandas, of_polars, of_arrow, of_chunks, of_duckdb, of_pandas_parquet, of_arrow_parquet)


def declared(folder: Path, file: str, sleep: str) -> tk.Study:
    toml = f"""
name = "sleepers"
person = "pid"
[files.people]
path = "{file}"
[design]
none = true
[variables.sleep]
column = "sleep"
{sleep}
[variables.y]
column = "y"
kind = "yes_no"
"""
    (folder / "study.toml").write_text(toml)
    return tk.open_study(folder / "study.toml")


def with_ids(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pid=pl.int_range(pl.len()).cast(pl.String))


def text_frame() -> pl.DataFrame:
    return with_ids(pl.DataFrame({"sleep": ANSWERS, "y": Y}))


def of_csv(folder: Path) -> tk.Study:
    text_frame().write_csv(folder / "people.csv")
    return declared(folder, "people.csv", f"levels = {SLEEP}")


def of_coded_csv(folder: Path) -> tk.Study:
    text_frame().with_columns(sleep=pl.Series(CODES) + 1).write_csv(folder / "people.csv")
    return declared(folder, "people.csv", 'levels = { 1 = "poor", 2 = "fair", 3 = "good", 4 = "excellent" }')


def of_labels(suffix: str) -> Callable[[Path], tk.Study]:
    def opened(folder: Path) -> tk.Study:
        coded = text_frame().with_columns(sleep=(pl.Series(CODES) + 1).cast(pl.Float64))
        labels = {"sleep": {float(i + 1): level.title() for i, level in enumerate(SLEEP)}}
        polars_readstat.write_readstat(coded, str(folder / f"people{suffix}"), value_labels=labels)
        return declared(folder, f"people{suffix}", "")

    opened.__name__ = f"of_{suffix.removeprefix('.')}"
    return opened


def of_declared_parquet(folder: Path) -> tk.Study:
    """R's arrow writes an ordered factor as an ordered dictionary, as pyarrow does."""
    table = of_arrow(folder).append_column("pid", pa.array([str(i) for i in range(len(Y))]))
    pq.write_table(table, folder / "people.parquet", row_group_size=90)
    return declared(folder, "people.parquet", "")


def of_declared_arrow(folder: Path) -> tk.Study:
    with_ids(of_polars(folder)).write_ipc(folder / "people.arrow")
    return declared(folder, "people.arrow", "")


STUDIES = (of_csv, of_coded_csv, of_labels(".sav"), of_labels(".dta"), of_declared_parquet, of_declared_arrow)
DOORS = [
    *(pytest.param(lambda f, of=of: tk.study(of(f), design=NONE), id=of.__name__) for of in FRAMES),
    *(pytest.param(of, id=of.__name__) for of in STUDIES),
]


@pytest.mark.parametrize("door", DOORS)
def test_a_declared_order_is_kept(door: Callable[[Path], tk.Study], tmp_path: Path) -> None:
    study = door(tmp_path)
    entry = study.codebook["sleep"]
    assert (tuple(SLEEP), "poor", True) == (entry.levels, entry.reference, entry.ordered)
    row = tk.trend(study, outcome="y", over="sleep").row(0, named=True)
    assert per_level() == pytest.approx(row["estimate"], rel=1e-9)
    assert 0.657 == pytest.approx(row["estimate"], abs=5e-4)
    assert SLEEP == tk.prevalence(study, outcome="y", by="sleep")["sleep"].to_list()
    assert SLEEP == tk.prevalence(study, outcome="sleep")["level"].to_list()
    rows = tk.association(study, outcome="y", exposure="sleep", adjust=())
    assert [("poor", level) for level in SLEEP[1:]] == list(rows.select("reference", "level").iter_rows())
    if isinstance(study.people, EnginePeople):  # which has no Table 1
        return
    table = tk.describe(study, "sleep", by="y").filter(
        pl.col("estimand") == "prevalence", pl.col("y").is_null()
    )
    assert SLEEP == table["level"].to_list()


@pytest.mark.parametrize("door", DOORS[:2])
def test_an_order_survives_being_written_and_read(door: Callable[[Path], tk.Study], tmp_path: Path) -> None:
    study = door(tmp_path)
    with hand_over(study) as file:
        assert study.codebook["sleep"] == take_over(path_of(file)).codebook["sleep"]


def test_ranks_follow_the_declared_order() -> None:
    levels = ["disagree", "neutral", "agree"]
    codes = [0] * 30 + [1] * 30 + [2] * 40 + [0] * 20 + [1] * 30 + [2] * 50
    group = ["m"] * 100 + ["f"] * 100
    v = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(levels), ordered=True)
    table = pa.table({"v": v, "g": group})
    row = tk.rank_test(tk.study(table, design=NONE), "v", "g").row(0, named=True)
    ranks = rankdata(codes) / len(codes)
    apart = ranks[:100].mean() - ranks[100:].mean()
    # A rank is that of the middle of a person's share: ties as in R, to one person's share.
    assert apart == pytest.approx(row["estimate"], abs=1 / len(codes))
    connection = duckdb.connect()
    connection.register("votes", pa.table({"v": [levels[k] for k in codes], "g": group}))
    relation = connection.sql("select v::enum('disagree', 'neutral', 'agree') as v, g from votes")
    entry = tk.study(relation, design=NONE).codebook["v"]
    assert (True, ("disagree", "neutral", "agree")) == (entry.ordered, entry.levels)


def unordered() -> list[tuple[str, Any, list[str]]]:
    alphabet = sorted(SLEEP)
    categorical = pl.Series("sleep", ANSWERS, dtype=pl.Categorical)
    listed = pd.Categorical(ANSWERS, categories=SLEEP)
    dictionary = pa.DictionaryArray.from_arrays(pa.array(CODES, pa.int8()), pa.array(SLEEP))
    return [
        ("text", pl.DataFrame({"sleep": ANSWERS, "y": Y}), alphabet),
        ("polars Categorical", pl.DataFrame([categorical, pl.Series("y", Y)]), alphabet),
        ("pandas text", pd.DataFrame({"sleep": ANSWERS, "y": Y}), alphabet),
        ("pandas Categorical", pd.DataFrame({"sleep": listed, "y": Y}), SLEEP),
        ("Arrow dictionary", pa.table({"sleep": dictionary, "y": Y}), SLEEP),
    ]


@pytest.mark.parametrize(("frame", "levels"), [pytest.param(f, e, id=name) for name, f, e in unordered()])
def test_without_a_declared_order_what_needs_one_is_refused(frame: Any, levels: list[str]) -> None:
    study = tk.study(frame, design=NONE)
    assert (tuple(levels), False) == (study.codebook["sleep"].levels, study.codebook["sleep"].ordered)
    calls: list[Callable[[tk.Study], Any]] = [
        lambda s: tk.trend(s, outcome="y", over="sleep"),
        lambda s: tk.trend(s, outcome="y", over="sleep", degree=2),
        lambda s: tk.model(s, "sleep ~ y", "ordinal"),
        lambda s: tk.proportionality(s, "sleep ~ y"),
        lambda s: tk.rank_test(s, "sleep", "y"),
        lambda s: tk.rank_test(s, "sleep", "y", test="median"),
    ]
    for call in calls:
        with pytest.raises(tk.VariableError, match=mentioning("'sleep'", "order")) as caught:
            call(study)
        listed = ", ".join(map(repr, levels))
        line = f"study = study.derive('sleep_ordered', 'sleep', levels=[{listed}])"
        assert line in str(caught.value)
    scores = {level: float(k) for k, level in enumerate(SLEEP)}
    assert per_level() == pytest.approx(
        tk.trend(study, outcome="y", over="sleep", scores=scores)["estimate"][0]
    )


def test_the_line_of_the_error_declares_the_order() -> None:
    study = tk.study(pl.DataFrame({"sleep at night": ANSWERS, "y": Y}), design=NONE)
    with pytest.raises(tk.VariableError) as caught:
        tk.trend(study, outcome="y", over="sleep at night")
    [line] = re.findall(r"study\.derive\(.*?\]\)", str(caught.value))
    told = line.replace(", ".join(map(repr, sorted(SLEEP))), ", ".join(map(repr, SLEEP)))
    study = eval(told, {"study": study})  # noqa: S307 - the line that the error offers to paste
    assert study.codebook["sleep_at_night_ordered"].ordered
    row = tk.trend(study, outcome="y", over="sleep_at_night_ordered").row(0, named=True)
    assert per_level() == pytest.approx(row["estimate"], rel=1e-9)


@pytest.mark.parametrize(
    ("levels", "met"),
    [
        (("1", "2", "10"), ["10", "1", "2"]),
        (("5-9", "10-14", "100-104"), ["10-14", "100-104", "5-9"]),
        (("under 5", "5 to 9", "10+"), ["10+", "5 to 9", "under 5"]),
        (("< 1,000", "1,000 to 1,999", ">= 2,000"), [">= 2,000", "1,000 to 1,999", "< 1,000"]),
        (("(0,19]", "(19,39]", "(59,Inf]"), ["(59,Inf]", "(0,19]", "(19,39]"]),
        (("(50,100]", "(100,200]"), ["(100,200]", "(50,100]"]),
        (("-10", "-2", "0.5", "3"), ["3", "-2", "0.5", "-10"]),
        (("5 or less", "5.5", "6 or more"), ["6 or more", "5.5", "5 or less"]),
        (("1", "2 or more", "never"), ["never", "2 or more", "1"]),
        (("north", "south"), ["south", "north"]),
    ],
)
def test_text_with_numbers_is_listed_by_them_and_has_no_order(
    levels: tuple[str, ...], met: list[str]
) -> None:
    assert levels == sorted_levels(met)
    study = tk.study(pl.DataFrame({"band": met, "y": range(len(met))}), design=NONE)
    assert levels == study.codebook["band"].levels
    assert levels == tuple(tk.mean(study, "y", by="band")["band"])
    if len(levels) > 2:
        with pytest.raises(tk.VariableError, match=mentioning("'band'", "order", "levels=")):
            tk.trend(study, outcome="y", over="band")


def test_categories_of_numbers_and_intervals_keep_their_order() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "grade": pd.Categorical([3, 1, 2, 3], ordered=True)})
    study = tk.study(frame.assign(band=pd.cut(frame["x"], [0, 2, 3, 9])), design=NONE)
    assert (("1", "2", "3"), True) == (study.codebook["grade"].levels, study.codebook["grade"].ordered)
    assert (("(0, 2]", "(2, 3]", "(3, 9]"), True) == (
        study.codebook["band"].levels,
        study.codebook["band"].ordered,
    )


@pytest.mark.parametrize("missing", [False, True])
def test_categories_of_zero_and_one_are_no_and_yes(missing: bool) -> None:
    answers = [0, 1, 1, None if missing else 0]
    study = tk.study(pd.DataFrame({"y": pd.Categorical(answers, categories=[0, 1])}), design=NONE)
    assert "yes_no" == study.codebook["y"].kind
    assert (2 / 3 if missing else 0.5) == pytest.approx(tk.prevalence(study, outcome="y")["estimate"].item())


def test_text_of_a_file_has_an_order_only_if_its_levels_are_declared_in_order(tmp_path: Path) -> None:
    text_frame().write_csv(tmp_path / "people.csv")
    study = declared(tmp_path, "people.csv", f"levels = {SLEEP}\nordered = false")
    with pytest.raises(tk.VariableError, match=mentioning("'sleep'")):
        tk.trend(study, outcome="y", over="sleep")


def test_an_unordered_factor_of_a_file_keeps_its_list(tmp_path: Path) -> None:
    codes = pa.array(CODES, pa.int8())
    factor = pa.DictionaryArray.from_arrays(codes, pa.array(SLEEP))
    pq.write_table(pa.table({"sleep": factor, "y": Y, "pid": ANSWERS}), tmp_path / "people.parquet")
    table = pq.read_table(tmp_path / "people.parquet")
    table = table.set_column(2, "pid", pa.array([str(i) for i in range(len(Y))]))
    pq.write_table(table, tmp_path / "people.parquet")
    entry = declared(tmp_path, "people.parquet", "").codebook["sleep"]
    assert (tuple(SLEEP), False) == (entry.levels, entry.ordered)


def test_a_formula_in_study_toml_orders_what_levels_list(tmp_path: Path) -> None:
    text_frame().with_columns(age=pl.Series(CODES) * 20 + 10).write_csv(tmp_path / "people.csv")
    formula = "when(age < 40, 'young', 'old')"
    of_age = f'[variables.age]\ncolumn = "age"\n[variables.life]\nexpression = "{formula}"\n'
    plain = declared(tmp_path, "people.csv", f"levels = {SLEEP}\n{of_age}")
    assert (False, None) == (plain.codebook["life"].ordered, plain.codebook["life"].case)
    ordered = declared(tmp_path, "people.csv", f'levels = {SLEEP}\n{of_age}levels = ["young", "old"]\n')
    assert (True, "old") == (ordered.codebook["life"].ordered, ordered.codebook["life"].case)


@pytest.mark.parametrize(
    ("name", "ordered"),
    [
        ("cramp_frequency", True), ("general_health", True), ("education", True), ("hba1c_group", True),
        ("age_group", True), ("race_ethnicity", False), ("sex", False), ("diabetes_treatment", False),
        ("work_posture", False), ("smoking", False),
    ],
)  # fmt: skip
def test_the_codebook_says_which_variables_are_ordered(name: str, ordered: bool) -> None:
    assert ordered == tk.open_study("simulated").codebook[name].ordered
