"""One way in: a column comes out the same from every frame library, engine and file format."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import toolkit as tk
from tests.support.doors import DOORS, FILES, FRAMES, TIMES, Raw, local, open_by, read_back
from tests.support.messages import mentioning, mentions
from tests.support.workbook import write_workbook
from toolkit.sources.user.scaffold import write_first_study

NA, BLANK = "recorded as NA", "no value recorded"
FEW = date(2022, 11, 1), date(2022, 6, 2), date(2021, 1, 31)
FINITE = dict.fromkeys(("stata", "spss", "xpt"), "has no infinity")


class Case(NamedTuple):
    """A column, what every door makes of its values, and the doors that cannot hold them, with the reason."""

    raw: Raw
    expected: tuple[Any, ...]  # values, or reasons in angle brackets
    levels: tuple[str, ...] = ()
    cannot: Mapping[str, str] = MappingProxyType({})


ALIKE = Case(
    Raw(("café", "cafe\u0301", "ca\u200bfé", "café\u00a0", "grand\u00a0frère", "grand frère")),
    ("café", "café", "café", "café", "grand frère", "grand frère"), ("café", "grand frère"),
    {"xpt": "transport files hold bytes of 8 characters"},
)  # fmt: skip


def cases() -> dict[str, Case]:
    return {
        "text booleans": Case(Raw(("true", "FALSE", "True", "", None)), ("yes", "no", "yes", None, None)),
        "yes and no": Case(Raw(("yes", "No", "YES", " no ")), ("yes", "no", "yes", "no"), ("no", "yes")),
        "booleans": Case(Raw((True, False, None), as_number=int), ("yes", "no", None)),
        "0 and 1": Case(Raw((1, 0, None, 1)), ("yes", "no", None, "yes")),
        "nullable integers": Case(Raw((1, 2, 30, None)), (1.0, 2.0, 30.0, None)),
        "big integers": Case(Raw((2**40, 2**53, 5, None)), (2.0**40, 2.0**53, 5.0, None)),
        "decimals": Case(
            Raw((Decimal("1.25"), Decimal("2.50"), None), as_number=float), (1.25, 2.5, None)
        ),
        "not a number": Case(Raw((1.5, float("nan"), 2.0)), (1.5, None, 2.0)),
        "zeros of SAS": Case(Raw((5.397605346934028e-79, 2.5, 1.0)), (0.0, 2.5, 1.0)),
        "dates": Case(Raw((*FEW, None)), (*FEW, None)),
        "times": Case(Raw(tuple(datetime(d.year, d.month, d.day, 23, 30) for d in FEW)), FEW),
        "time zones": Case(
            Raw(
                tuple(local(day, 23) for day in FEW),
                as_text=datetime.isoformat,
                as_number=lambda value: value.replace(tzinfo=None),
            ),
            FEW,
        ),
        "text of dates": Case(
            Raw(("2022-11-01T23:30:00-04:00", "2022-06-02T08:00:00Z", "2021-01-31T10:00:00Z")), FEW
        ),
        "padded text": Case(
            Raw(("male", "male ", " female", "female")), ("male", "male", "female", "female"),
            ("female", "male"),
        ),
        "text that looks alike": ALIKE,
        "blank text": Case(
            Raw(("never", "", "  ", "now", None)), ("never", None, None, "now", None), ("never", "now")
        ),
        "words for NA": Case(
            Raw(("a", "NA", "n/a", "#N/A", "NULL", " . ", "b", "")),
            ("a", f"<{NA}>", f"<{NA}>", f"<{NA}>", f"<{NA}>", f"<{NA}>", "b", None),
            ("a", "b"),
        ),
        "numbers as text": Case(
            Raw(("5-9", "10-14", "100-104")), ("5-9", "10-14", "100-104"), ("5-9", "10-14", "100-104")
        ),
        "bands with words": Case(
            Raw(("10+", "under 5", "5 to 9")), ("10+", "under 5", "5 to 9"), ("under 5", "5 to 9", "10+")
        ),
        "categories": Case(
            Raw(("b", "a", None, "c"), levels=("c", "a", "b")), ("b", "a", None, "c"), ("c", "a", "b"),
            {
                **dict.fromkeys(("csv", "xpt", "excel"), "text lists no levels"),
                **dict.fromkeys(("polars", "lazy polars", "duckdb"), "an Enum is ordered"),
                **dict.fromkeys(("stata", "spss"), "labels of codes are ordered"),
            },
        ),
        "ordered categories": Case(
            Raw(("good", "poor", "fair", None), levels=("poor", "fair", "good"), ordered=True),
            ("good", "poor", "fair", None),
            ("poor", "fair", "good"), dict.fromkeys(("csv", "xpt", "excel"), "text declares no order"),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("named", cases())
def test_a_column_comes_out_the_same_by_every_door(named: str, door: str, tmp_path: Path) -> None:
    case = cases()[named]
    if door in case.cannot:
        pytest.skip(f"{door}: {case.cannot[door]}")
    study = open_by(door, case.raw, tmp_path / "study")
    assert _counted(case.expected) == read_back(study)
    if case.levels:
        assert case.levels == study.codebook["x"].levels
        assert case.raw.ordered == study.codebook["x"].ordered or study.codebook["x"].kind == "yes_no"


def _counted(expected: tuple[Any, ...]) -> Counter[tuple[Any, str]]:
    found: Counter[tuple[Any, str]] = Counter()
    for value in expected:
        reason = value[1:-1] if isinstance(value, str) and value.startswith("<") else BLANK
        missing = value is None or reason == NA
        found[None if missing else value, reason if missing else ""] += TIMES
    return found


@pytest.mark.parametrize("door", DOORS)
def test_a_word_for_na_that_is_kept_is_a_value(door: str, tmp_path: Path) -> None:
    study = open_by(door, Raw(("NA", "DE", ".")), tmp_path / "study", keep=["NA"])
    kept = "na" if door in FILES else "NA"  # levels of files are in small letters
    found = {(value if value is None else value.lower(), why) for value, why in read_back(study)}
    assert {(kept.lower(), ""), ("de", ""), (None, NA)} == found


@pytest.mark.parametrize("keep", ["Namibia", {"y": "NA", "z": "NA"}])
def test_a_word_that_is_no_word_for_na_cannot_be_kept(keep: Any) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("keep=")):
        tk.study(pl.DataFrame({"y": [0, 1]}), design=tk.Design.none(), keep=keep)


@pytest.mark.parametrize("door", DOORS)
def test_a_weight_that_came_as_text_is_read_as_numbers(door: str, tmp_path: Path) -> None:
    study = open_by(door, Raw(("1.5", " 2", "4")), tmp_path / "study", {"weight": "x"})
    # Every third participant has each weight, and every second one the outcome.
    assert 0.5 == pytest.approx(tk.prevalence(study, "y")["estimate"].item(), rel=1e-12)
    weights = study.people.select(pl.col(study.design.weight).sum()).item()
    assert 7.5 * TIMES == weights


REFUSED: dict[str, tuple[Raw, str, tuple[str, ...], dict[str, str]]] = {
    "text as weight": (Raw(("1.5", "two", "3")), "weight", ("'x'", f"{TIMES}"), {}),
    "negative weight": (Raw((1.5, -2.0, 3.0)), "weight", ("'x'", f"{TIMES}"), {}),
    "infinite weight": (
        Raw((1.5, float("inf"), 3.0)), "weight", ("'x'", f"{TIMES}"),
        FINITE,
    ),
    "blank PSU": (Raw(("a", "b", " ", "c")), "psu", ("'x'", f"{TIMES}"), {}),
    "NA as stratum": (Raw(("a", "b", "NA", "c")), "strata", ("'x'", f"{TIMES}"), {}),
    "infinite value": (
        Raw((1.5, float("inf"), 3.0)), "", ("'x'",), FINITE
    ),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("named", REFUSED)
def test_what_cannot_be_is_refused_by_name_and_count(named: str, door: str, tmp_path: Path) -> None:
    raw, role, told, cannot = REFUSED[named]
    if door in cannot:
        pytest.skip(f"{door}: {cannot[door]}")
    design = {"weight": "y", role: "x"} if role else {}
    with pytest.raises(tk.ToolkitError, match=mentioning(told)):
        _open_and_estimate(door, raw, tmp_path / "study", design)


def _open_and_estimate(door: str, raw: Raw, folder: Path, design: dict[str, str]) -> None:
    study = open_by(door, raw, folder, design)
    tk.prevalence(study, "y") if design else tk.mean(study, "x")


@pytest.mark.parametrize("door", DOORS)
def test_codes_of_the_design_in_two_spellings_are_one_and_reported(door: str, tmp_path: Path) -> None:
    raw = Raw(("Coast", "coast ", "HILL", "Hill", "Hill", "01", "1", "1"))
    study = open_by(door, raw, tmp_path / "study", {"weight": "w", "strata": "x", "psu": "pid"})
    assert 8 * TIMES - 3 == tk.prevalence(study, "y")["df"].item()
    assert mentions(study.provenance["notes"], "'x'", "'01' as '1'", f"{3 * TIMES}")


@pytest.mark.parametrize("door", DOORS)
def test_texts_that_look_alike_are_reported_with_their_number(door: str, tmp_path: Path) -> None:
    if door == "xpt":
        pytest.skip("transport files hold bytes of 8 characters")
    study = open_by(door, Raw(("café", "cafe\u0301", "ca\u200bfé", "tea")), tmp_path / "study")
    assert mentions(study.provenance["notes"], "'x'", "alike", f"{2 * TIMES}")


CODES_IN_TEXT: dict[str, tuple[tuple[str, ...], str]] = {
    "-1 beside words": (("never", "often", "-1"), "-1"),
    "9 beside numbers": (("1", "2", "9"), "9"),
}


@pytest.mark.parametrize("door", ["polars", "lazy polars", "duckdb", "csv"])
@pytest.mark.parametrize("named", CODES_IN_TEXT)
def test_a_level_of_text_that_may_mean_missing_is_reported(named: str, door: str, tmp_path: Path) -> None:
    cells, code = CODES_IN_TEXT[named]
    study = open_by(door, Raw(cells), tmp_path / "study")
    if door == "csv":
        assert mentions((tmp_path / "study" / "study.toml").read_text(), f"missing = {{ {code} = ", "GUESS")
    else:
        assert mentions(study.provenance["notes"], "'x'", f"{code} ({TIMES} participants)", f"'{code}'")


@pytest.mark.parametrize("door", DOORS)
def test_the_id_is_no_variable_and_no_weight(door: str, tmp_path: Path) -> None:
    study = open_by(door, Raw((1.5, 2.0)), tmp_path / "study")
    assert "pid" not in study.codebook
    if door in FRAMES:
        frame = pl.DataFrame({"pid": range(40), "y": [0, 1] * 20})
        with pytest.raises(tk.DesignError, match=mentioning("'pid'")):
            tk.study(frame, design=tk.Design(weight="pid"))


@pytest.mark.parametrize("library", [pl.DataFrame, pd.DataFrame, pa.table, pl.LazyFrame])
def test_several_rows_of_one_participant_are_noticed(library: Any) -> None:
    frame = library({"pid": [f"p{at // 3}" for at in range(90)], "bmi": list(np.linspace(20, 30, 90))})
    study = tk.study(frame, design=tk.Design.none())
    assert mentions(study.provenance["notes"], "'pid'", "30", "90")
    assert mentions(study, "'pid'", "30", "90")


def twice() -> dict[str, Any]:
    column = pa.array([1, 2, 3])
    return {
        "pandas": pd.DataFrame([[1, 2], [3, 4]], columns=["x", "x"]),
        "pyarrow": pa.Table.from_arrays([column, column], names=["x", "x"]),
        "duckdb": duckdb.sql("select 1 as x, 2 as x"),
        "pandas of several types": pd.DataFrame({"x": [1, "a", 2.5]}),
    }


@pytest.mark.parametrize("library", twice())
def test_a_column_that_is_there_twice_or_of_several_types_is_named(library: str) -> None:
    with pytest.raises(tk.ToolkitError, match=mentioning("'x'")):
        tk.study(twice()[library], design=tk.Design.none())


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_column_that_is_twice_in_a_file_is_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"people{suffix}"
    if suffix == ".csv":
        path.write_text("pid,x,x\n" + "".join(f"p{at},1,2\n" for at in range(30)))
    else:
        rows = pl.DataFrame({"pid": [f"p{at}" for at in range(30)], "x": 1.0, "x ": 2.0})
        write_workbook(path, rows, names=["pid", "x", "x"])
    first = write_first_study([path])
    assert mentions(first.text, "# NOT READ", "'x'")


@pytest.mark.parametrize(
    ("first", "told"), [(44_562, ("Excel", "1899, 12, 30")), (22_000, ("SAS", "1960, 1, 1"))]
)
@pytest.mark.parametrize("library", [pl.DataFrame, pd.DataFrame, pl.LazyFrame])
def test_numbers_that_may_be_serial_days_are_reported(
    library: Any, first: int, told: tuple[str, ...]
) -> None:
    frame = library(
        {"visit_date": [first + at for at in range(60)], "steps": [44_562 + at for at in range(60)]}
    )
    notes = tk.study(frame, design=tk.Design.none()).provenance["notes"]
    assert 1 == len(notes)
    assert mentions(notes, "'visit_date'", *told)


FRAMES_OF: dict[str, Any] = {
    "polars": lambda frame: frame,
    "lazy polars": pl.DataFrame.lazy,
    "duckdb": lambda frame: duckdb.connect().from_arrow(frame.to_arrow()),
}
CODED: dict[str, tuple[list[float], tuple[str, ...]]] = {
    "minus one": ([-1, 0, 2, 5, 1] * 40, ("-1 (40 participants)",)),
    "nine of four": ([1, 2, 3, 4, 9] * 40, ("9 (40 participants)",)),
    "97, 98, 99": (
        [*range(20)] * 9 + [97] * 7 + [98] * 3 + [99] * 10,
        ("97 (7", "99 (10", "1 value of fewer"),
    ),
    "an income": ([1_000 + at / 7 for at in range(1_995)] + [9_999] * 5, ("9999 (5 participants)",)),
    "large": ([at * 100_000.0 for at in range(90)] * 2 + [9_999_999] * 6, ("9999999 (6 participants)",)),
    "few": ([*range(20)] * 9 + [99] * 2, ("1 value of fewer than 5 participants",)),
    "ages": (list(range(20, 100)) * 3, ()),
    "seven points": ([1, 2, 3, 4, 5, 6, 7] * 30, ()),
    "changes": ([at / 3 for at in range(-30, 31)] * 3, ()),
}


@pytest.mark.parametrize("library", FRAMES_OF)
@pytest.mark.parametrize("named", CODED)
def test_numbers_that_may_be_codes_for_missing_values_are_reported(named: str, library: str) -> None:
    values, told = CODED[named]
    study = tk.study(
        FRAMES_OF[library](pl.DataFrame({"x": [float(value) for value in values]})), design=tk.Design.none()
    )
    assert len(values) == tk.mean(study, "x")["n"].item(), "nothing is changed"
    notes = [note for note in study.provenance.get("notes", ()) if "'x'" in note]
    assert bool(told) == bool(notes)
    assert not told or mentions(study, "'x'", *told)
    assert "98" not in str(notes), "the code of three participants is not named"


@pytest.mark.parametrize("library", FRAMES_OF)
def test_the_note_on_two_spellings_names_no_rare_code(library: str) -> None:
    sites = ["Coast"] * 30 + ["coast"] * 26 + ["mobile unit"] * 2 + ["Mobile Unit"] * 2
    frame = pl.DataFrame({"site": sites, "w": [1.0] * 60, "y": [0, 1] * 30})
    study = tk.study(FRAMES_OF[library](frame), design=tk.Design(weight="w", psu="site"))
    assert mentions(study, "'coast' as 'Coast'", "1 of few participants", "28")
    assert "mobile" not in str(study).lower()
    public = tk.study(frame, design=tk.Design(weight="w", psu="site"), smallest_cell=0)
    assert mentions(public, "'mobile unit' as 'Mobile Unit'")


def test_text_of_numbers_is_the_codebook_s_number_or_refused_with_a_count() -> None:
    for library in (pl.DataFrame, pl.LazyFrame):
        ages = {"age": ["25", "NA", "40"] * 5}
        study = tk.study(library(ages), design=tk.Design.none(), codebook="toolkit")
        assert (32.5, 10, 5) == tk.mean(study, "age").select("estimate", "n", "n_missing").row(0)
        ages["age"][0] = "old"
        with pytest.raises(tk.VariableError, match=mentioning("'age'", "1")):
            tk.study(library(ages), design=tk.Design.none(), codebook="toolkit")


@pytest.mark.parametrize("library", FRAMES_OF)
def test_many_numbers_that_came_as_text_are_read_or_counted(library: str) -> None:
    many = [str(1 + at / 1_500) for at in range(1_500)]
    frame = pl.DataFrame({"w": many, "age": [str(20 + at / 40) for at in range(1_500)], "y": [0, 1] * 750})
    study = tk.study(FRAMES_OF[library](frame), design=tk.Design(weight="w"), codebook="toolkit")
    assert 20 + sum(a * (1 + a / 1_500) for a in range(1_500)) / 40 / sum(map(float, many)) == pytest.approx(
        tk.mean(study, "age")["estimate"].item(), rel=1e-12
    )
    for column, words in (("w", ["heavy"] * 7), ("age", ["old"] * 7)):
        wrong = frame.with_columns(pl.Series(column, [*frame[column][:-7], *words]))
        with pytest.raises(tk.ToolkitError, match=mentioning(f"'{column}'", "7")):
            tk.study(FRAMES_OF[library](wrong), design=tk.Design(weight="w"), codebook="toolkit")


@pytest.mark.parametrize("value", ["M\xfcller".encode("latin-1"), 2**70])
def test_a_column_that_no_type_holds_is_named(value: Any) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("'x'")):
        tk.study(pd.DataFrame({"x": [value, value]}), design=tk.Design.none())


@pytest.mark.parametrize("library", [pl.DataFrame, pl.LazyFrame])
@pytest.mark.parametrize(
    ("name", "values", "is_id"),
    [
        ("pid", range(60), True),
        ("seqn", [at / 1.0 for at in range(60)], True),
        ("pid", [at // 3 for at in range(60)], True),
        ("case", [at % 3 for at in range(60)], False),
        ("case", range(60), True),
        ("index", [1 + at / 7 for at in range(60)], False),
        ("age", range(60), False),
    ],
)
def test_ids_are_told_from_outcomes_and_measurements(
    library: Any, name: str, values: Any, is_id: bool
) -> None:
    study = tk.study(library({name: list(values), "y": [0, 1] * 30}), design=tk.Design.none())
    assert is_id == (name not in study.codebook)
    assert is_id == mentions(study, f"'{name}'", "identifies")


REMARKS = [f"fell at night, visit {at}, saw Dr. Planted" for at in range(6)] + [None] * 54
LONG = [f"answer {at}" for at in range(60)]
TOWNS = ["New York City", "Los Angeles CA", "Fort Worth TX"] * 20


@pytest.mark.parametrize("library", [pl.DataFrame, pl.LazyFrame, pd.DataFrame])
@pytest.mark.parametrize(
    ("values", "free"), [(REMARKS, True), (LONG, True), (TOWNS, False), (["a", "b"] * 30, False)]
)
def test_free_text_with_few_different_values_is_not_a_category(library: Any, values: Any, free: bool) -> None:
    study = tk.study(library({"said": values, "y": [0, 1] * 30}), design=tk.Design.none())
    assert free == ("said" not in study.codebook)
    shown = f"{study}{study.variables()}{study.codebook!r}"
    assert not free or "Planted" not in shown
    if free:
        with pytest.raises(tk.VariableError, match=mentioning("'said' has the type String")) as caught:
            tk.prevalence(study, "said")
        assert "Planted" not in str(caught.value)


@pytest.mark.parametrize(
    "library", [pl.DataFrame, pl.LazyFrame, lambda rows: duckdb.sql("SELECT * FROM rows")]
)
def test_many_ids_that_occur_again_are_reported(library: Any) -> None:
    rows = pl.DataFrame({"pid": [*range(1_500), *range(1_500), None], "y": [0, 1] * 1_500 + [0]})
    study = tk.study(library(rows), design=tk.Design.none())
    assert mentions(study, "'pid' identifies 1,500 participants in 3,000 rows")
