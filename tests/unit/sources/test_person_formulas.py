"""A value that follows from several answers, from two tables or from many rows a person, with its reason."""

from pathlib import Path

import polars as pl
import pytest

from tests.support.messages import mentioning
from tests.support.transport_writer import write_transport
from toolkit.errors import DatasetError
from toolkit.sources.catalog import Catalog, nhanes
from toolkit.sources.catalog_records import Cycle, File, Input, Measured, Origin, Rows, Site, Table
from toolkit.sources.harmonize.documentation import describe
from toolkit.sources.harmonize.join import TableFile, join_cycle
from toolkit.variables import Codebook, Variable, why

CYCLE = "2001-2002"
REFUSALS = {7: "refused", 9: "don't know"}
BOOK = Codebook.of(
    Variable("cycle", "cycle", "category"),
    Variable("age", "age", "number"),
    Variable("minutes", "minutes a week", "number"),
    Variable("pace", "pace", "category", ("slow", "fast")),
    Variable("sessions", "sessions a month", "number"),
    Variable("yoga", "does yoga", "yes_no"),
)
MINUTES = Measured(
    cycles="all",
    table="ASK",
    ages=((16, 150),),
    inputs={
        "GATE": Input(codes=(1, 2), missing=REFUSALS),
        "DAYS": Input(range=(1, 7), missing={77: "refused", 99: "don't know"}),
        "EACH": Input(range=(10, 1440), missing={9999: "don't know"}),
    },
    expression="when(GATE == 2, 0, GATE == 1, DAYS * EACH)",
)
PACE = Measured(
    cycles="all",
    table="ASK",
    inputs={"UNIT": Input(texts=("D", "W")), "SPEED": Input(table="LAB", range=(0, 99))},
    expression="when(UNIT == 'D' and SPEED > 10, 'fast', 'slow')",
    proxy="only the speed of a day is asked",
)
SESSIONS = Measured(
    cycles="all",
    table="ASK",
    inputs={"GATE": Input(codes=(1, 2), missing=REFUSALS)},
    rows={"listed": Rows(table="ACTS", where="KIND == 37", total="TIMES", empty=0)},
    expression="when(listed > 0, listed, GATE in [1, 2], 0)",
)
YOGA = Measured(
    cycles="all",
    table="ACTS",
    rows={"any": Rows(table="ACTS", where="KIND == 55", unknown={"refused": "KIND == 77"})},
)
HOME = pl.DataFrame({"ID": [1.0, 2.0, 3.0, 4.0, 5.0], "YEARS": [40.0, 50.0, 60.0, 12.0, 70.0], "STATUS": 2.0})
ASK = pl.DataFrame(
    {
        "ID": [1.0, 2.0, 3.0, 4.0, 5.0],
        "GATE": [1.0, 2.0, 9.0, None, 1.0],
        "DAYS": [7.0, None, None, None, 77.0],
        "EACH": [77.0, None, None, None, None],
        "UNIT": ["D", "W", "", " D ", "W"],
    }
)
LAB = pl.DataFrame({"ID": [1.0, 2.0, 3.0, 4.0], "SPEED": [11.0, 99.0, 12.0, 10.0]})
ACTS = pl.DataFrame(
    {"ID": [1.0, 1.0, 2.0, 3.0], "KIND": [37.0, 37.0, 55.0, 77.0], "TIMES": [2.0, 3.0, 1.0, 1.0]}
)
FRAMES = {"HOME": HOME, "ASK": ASK, "LAB": LAB, "ACTS": ACTS}


def catalog(**pieces: Measured) -> Catalog:
    age = Measured(cycles="all", table="HOME", columns=("YEARS",))
    origins = {n: Origin(asked="all", measured=(p,)) for n, p in {"age": age, **pieces}.items()}
    site = {
        "site": "https://example.org/",
        "path": "{first_year}/{table}.xpt",
        "home": "HOME",
        "person": "ID",
    }
    site |= {"stratum": "S", "psu": "P", "release": "R", "age": "YEARS", "status": "STATUS", "examined": 2}
    cycles = (Cycle(name=CYCLE, first_year=2001, years=2, release=1, weights={}),)
    tables = {name: Table(title=name, files={CYCLE: File(name=name)}) for name in FRAMES}
    return Catalog(Site(**site, cycles=cycles), tables, origins, BOOK)  # type: ignore[arg-type]


def joined(folder: Path, frames: dict[str, pl.DataFrame], **pieces: Measured) -> pl.DataFrame:
    files = {}
    for name, frame in frames.items():
        write_transport(folder / f"{name}.xpt", frame, name)
        files[name] = TableFile(name, folder / f"{name}.xpt")
    return join_cycle(catalog(**pieces), CYCLE, files, ["age", *pieces], {})


def test_a_skip_a_refusal_and_a_number_that_looks_like_a_code(tmp_path):
    found = joined(tmp_path, FRAMES, minutes=MINUTES)
    assert [7 * 77.0, 0.0, None, None, None] == found["minutes"].to_list()
    assert [None, None, "don't know", "not asked", "refused"] == found[why("minutes")].to_list()


def test_a_code_that_is_both_is_read_and_still_states_its_reason(tmp_path):
    gate = Input(codes=(1, 2, 9), missing=REFUSALS)
    piece = MINUTES.model_copy(
        update={"inputs": {**MINUTES.inputs, "GATE": gate}, "expression": "when(GATE == 2, 0, GATE == 9, 5)"}
    )
    found = joined(tmp_path, FRAMES, minutes=piece)
    assert [None, 0.0, 5.0, None, None] == found["minutes"].to_list()
    assert "refused" == found[why("minutes")].to_list()[4]
    piece = piece.model_copy(update={"expression": "when(GATE == 2, 0)"})
    assert "don't know" == joined(tmp_path, FRAMES, minutes=piece)[why("minutes")].to_list()[2]


def test_answers_of_two_tables_and_letters(tmp_path):
    found = joined(tmp_path, FRAMES, pace=PACE)
    assert ["fast", "slow", None, "slow", "slow"] == found["pace"].to_list()
    assert found["pace"].dtype == BOOK["pace"].dtype
    assert found[why("pace")].to_list()[2] == "no value recorded"


def test_rows_are_joined_to_the_answers_that_make_a_zero(tmp_path):
    found = joined(tmp_path, FRAMES, sessions=SESSIONS)
    assert [5.0, 0.0, None, None, 0.0] == found["sessions"].to_list()
    assert found[why("sessions")].to_list()[2] == "don't know"


def test_a_person_without_rows_has_no_value_unless_the_data_say_so(tmp_path):
    found = joined(tmp_path, FRAMES, yoga=YOGA)
    assert ["no", "yes", None, None, None] == found["yoga"].to_list()
    assert [None, None, "refused", "no value recorded", "no value recorded"] == found[why("yoga")].to_list()


@pytest.mark.parametrize(
    ("table", "column", "value", "told"),
    [
        ("ASK", "GATE", 3.0, ("'ASK.GATE'", "1", "1, 2, 7, 9")),
        ("ASK", "DAYS", 8.0, ("'ASK.DAYS'", "1", "1 to 7")),
        ("ASK", "UNIT", "Q", ("'ASK.UNIT'", "1", "D, W")),
        ("ACTS", "ID", 8.0, ("'ACTS'", "1", "'HOME'")),
    ],
)
def test_what_the_page_does_not_know_is_refused(tmp_path, table, column, value, told):
    first = pl.int_range(pl.len()) == 0
    changed = FRAMES[table].with_columns(pl.when(first).then(pl.lit(value)).otherwise(column).alias(column))
    pieces = {"minutes": MINUTES, "pace": PACE, "yoga": YOGA}
    with pytest.raises(DatasetError, match=mentioning(told)):
        joined(tmp_path, {**FRAMES, table: changed}, **pieces)


def test_a_column_that_rows_need_is_missed_by_name(tmp_path):
    with pytest.raises(DatasetError, match=mentioning("'ACTS.xpt'", "'KIND'")):
        joined(tmp_path, {**FRAMES, "ACTS": ACTS.rename({"KIND": "SORT"})}, yoga=YOGA)


def test_a_proxy_is_for_review_and_so_are_cycles_that_are_not_alike():
    known = catalog(pace=PACE)
    assert describe(known, [CYCLE], {})["pace"].review == "a proxy: only the speed of a day is asked"
    book = nhanes_book("1999-2000", "2001-2002")
    assert book["stretching_sessions"].review.startswith("not alike in 1999-2000, 2001-2002: ")
    assert book["vigorous_minutes"].review == ""
    assert nhanes_book("1999-2000")["stretching_sessions"].review == ""


def test_what_is_unfit_is_so_wherever_it_is_measured():
    assert "6 in 2005-2008" in nhanes_book("2005-2006")["multiple_sclerosis"].unfit
    assert nhanes_book("2021-2023")["multiple_sclerosis"].unfit == ""
    assert nhanes_book("2005-2006")["stroke"].unfit == ""


def nhanes_book(*cycles: str) -> Codebook:
    return describe(nhanes(), cycles, {})


def test_source_and_availability_name_every_table():
    known = catalog(sessions=SESSIONS, pace=PACE)
    book = describe(known, [CYCLE], {})
    assert book["sessions"].source == (
        "ASK (GATE) with ACTS (KIND, TIMES). when(listed > 0, listed, GATE in [1, 2], 0); "
        "listed: the sum of TIMES over the rows of ACTS where KIND == 37"
    )
    assert book["pace"].source.startswith("ASK (UNIT) with LAB (SPEED). when(UNIT == 'D'")
    assert [(a.status, a.reason) for a in book["pace"].availability] == [
        ("proxy", "only the speed of a day is asked")
    ]
    lost = describe(known, [CYCLE], {("ACTS", CYCLE): "https://example.org/ACTS.xpt"})
    assert lost["sessions"].availability[0].reason == "file not found: https://example.org/ACTS.xpt"
    assert lost["pace"].availability[0].status == "proxy"
