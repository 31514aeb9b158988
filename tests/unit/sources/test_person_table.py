"""Tables become one row a person under the codebook's names, and every gap has its reason."""

from pathlib import Path

import polars as pl
import pytest

from tests.support.messages import mentioning
from tests.support.transport_writer import write_transport
from toolkit.errors import DatasetError
from toolkit.sources.catalog import Catalog
from toolkit.sources.catalog_records import Absent, Cycle, File, Measured, Origin, Site, Table
from toolkit.sources.harmonize.documentation import describe
from toolkit.sources.harmonize.join import TableFile, check_rows, join_cycle
from toolkit.variables import Codebook, Variable, why

FIRST, SECOND = "2001-2002", "2003-2004"
ASKED = {"cycles": (FIRST,), "ages": ((20, 150),)}
BOOK = Codebook.of(
    Variable("cycle", "cycle", "category"),
    Variable("age", "age", "number"),
    Variable("told", "told", "yes_no"),
    Variable("now", "now", "category", ("no more", "still")),
    Variable("hours", "hours", "number", unit="hours a day"),
    Variable("screen", "screen", "number"),
    Variable("blood", "blood", "number", component="examination"),
    Variable("pulse", "pulse", "number", component="examination", note="By hand."),
)
REFUSALS = {7: "refused", 9: "don't know"}
ORIGINS = {
    "age": Origin(
        asked="everyone",
        measured=(Measured(cycles="all", table="HOME", columns=("YEARS",), cap=80, range=(0, 85)),),
    ),
    "told": Origin(
        asked="20 and older",
        measured=(
            Measured(
                **ASKED,
                table="ASK",
                columns=("TOLD",),
                levels={1: "yes", 2: "no", 3: "no"},
                missing=REFUSALS,
                question="Were you told?",
                change="first words",
            ),
        ),
        absent=(Absent(cycles=(SECOND,), reason="another instrument: a test"),),
    ),
    "now": Origin(
        asked="those who were told",
        measured=(
            Measured(
                **ASKED,
                table="ASK",
                columns=("NOW",),
                levels={1: "still", 2: "no more"},
                missing=REFUSALS,
                only_if={"told": ("yes",)},
            ),
        ),
        absent=(Absent(reason="not asked"),),
    ),
    "hours": Origin(
        asked="16 and older at home",
        measured=(
            Measured(
                cycles=(FIRST,),
                table="ASK",
                columns=("MINUTES",),
                missing={7777: "refused"},
                range=(0, 24),
                divide_by=60,
                ages=((16, 150),),
                leave_out=((12, 15),),
            ),
        ),
        absent=(Absent(reason="not asked"),),
    ),
    "screen": Origin(
        asked="everyone",
        measured=(
            Measured(
                cycles=(FIRST,),
                table="ASK",
                columns=("TV", "PC"),
                combine="sum",
                values={0: 0.5, 1: 1, 6: 0},
                missing=REFUSALS,
            ),
        ),
        absent=(Absent(reason="not asked"),),
    ),
    "blood": Origin(
        asked="12 and older",
        measured=(Measured(cycles="all", table="LAB", columns=("BLOOD",), ages=((12, 150),)),),
    ),
    "pulse": Origin(asked="everyone", note="Sitting.", absent=(Absent(reason="not taken"),)),
}
NAMES = list(ORIGINS)
CATALOG = Catalog(
    Site(
        site="https://example.org/",
        path="{first_year}/{table}.xpt",
        home="HOME",
        person="ID",
        stratum="S",
        psu="P",
        release="R",
        age="YEARS",
        status="STATUS",
        examined=2,
        cycles=tuple(
            Cycle(name=name, first_year=int(name[:4]), years=2, release=1, weights={})
            for name in (FIRST, SECOND)
        ),
    ),
    {
        table: Table(title=table, files={c: File(name=f"{table}_{c[:4]}") for c in (FIRST, SECOND)})
        for table in ("HOME", "ASK", "LAB")
    },
    ORIGINS,
    BOOK,
)
HOME = pl.DataFrame(
    {
        "ID": [11.0, 12.0, 13.0, 14.0, 15.0, 16.0],
        "YEARS": [84.0, 40.0, 30.0, 25.0, 14.0, 10.0],
        "STATUS": [2.0, 1.0, 2.0, 2.0, 2.0, 2.0],
        "S": [1.0, 1.0, 1.0, 2.0, 2.0, 2.0],
    }
)
ASK = pl.DataFrame(
    {
        "ID": [15.0, 14.0, 13.0, 12.0, 11.0],
        "TOLD": [None, 9.0, 3.0, 1.0, 1.0],
        "NOW": [None, None, None, 7.0, 2.0],
        "MINUTES": [300.0, None, 7777.0, 90.0, 0.0],
        "TV": [1.0, 0.0, 6.0, 7.0, 1.0],
        "PC": [0.0, 9.0, 6.0, 1.0, None],
    }
)
LAB = pl.DataFrame({"ID": [11.0, 13.0, 15.0, 16.0], "BLOOD": [1.5, 0.0, None, None]})


@pytest.fixture
def files(tmp_path: Path) -> dict[str, TableFile]:
    found = {}
    for name, frame in {"HOME": HOME, "ASK": ASK, "LAB": LAB}.items():
        write_transport(tmp_path / f"{name}.xpt", frame, name)
        found[name] = TableFile(name, tmp_path / f"{name}.xpt")
    return found


@pytest.fixture
def people(files: dict[str, TableFile]) -> pl.DataFrame:
    return join_cycle(CATALOG, FIRST, files, NAMES, {"stratum": ("HOME", "S")})


def rewrite(files: dict[str, TableFile], table: str, frame: pl.DataFrame) -> None:
    write_transport(files[table].path, frame, table)


def join(files: dict[str, TableFile], cycle: str = FIRST) -> pl.DataFrame:
    return join_cycle(CATALOG, cycle, files, NAMES, {})


def test_one_row_a_person_in_the_home_tables_order(people):
    assert people["person"].to_list() == [11, 12, 13, 14, 15, 16]
    assert people["stratum"].to_list() == [1, 1, 1, 2, 2, 2]
    assert people.columns == ["person", "cycle", "stratum", *(c for n in NAMES for c in (n, why(n)))]
    assert people["cycle"].unique().to_list() == [FIRST]


def test_values_are_in_the_codebooks_words_types_and_units(people):
    assert people["age"].to_list() == [80, 40, 30, 25, 14, 10]
    assert people["told"].to_list() == ["yes", "yes", "no", None, None, None]
    assert people["now"].to_list() == ["no more", None, None, None, None, None]
    assert people["hours"].to_list() == [0, 1.5, None, None, None, None]
    assert people["screen"].to_list() == [None, None, 0, None, 1.5, None]
    assert people["blood"].to_list() == [1.5, None, 0, None, None, None]
    assert {name: people.schema[name] for name in NAMES} == {name: BOOK[name].dtype for name in NAMES}


def test_minutes_become_hours_to_the_last_bit(files):
    minutes = [22.0 * 7, 49.0, 98.0, 3.0, 1.0]
    rewrite(files, "ASK", ASK.with_columns(MINUTES=pl.Series(minutes)))
    assert join(files)["hours"].to_list() == [1 / 60, 3 / 60, 98 / 60, 49 / 60, None, None]


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("age", [None] * 6),
        ("told", [None, None, None, "don't know", "not asked", "not asked"]),
        # Skipped after "no"; the answer to the gate is unknown; too young.
        ("now", [None, "refused", "not asked", "don't know", "not asked", "not asked"]),
        # The 14-year-old answered, but in another component.
        ("hours", [None, None, "refused", "no value recorded", "not asked", "not asked"]),
        # One answer of two is not enough; the person of the last row is not in the table.
        ("screen", ["no value recorded", "refused", None, "don't know", None, "no value recorded"]),
        ("blood", [None, "not examined", None, "no value recorded", "no value recorded", "not asked"]),
        ("pulse", ["not measured in this cycle"] * 6),
    ],
)
def test_every_gap_has_its_reason(people, name, reasons):
    assert people[why(name)].to_list() == reasons
    assert people[name].is_null().to_list() == [reason is not None for reason in reasons]


def test_a_cycle_without_a_variable_says_so(files):
    people = join({"HOME": files["HOME"], "LAB": files["LAB"]}, SECOND)
    assert people["told"].to_list() == [None] * 6
    assert people[why("told")].unique().to_list() == ["not measured in this cycle"]


@pytest.mark.parametrize("column", ["TOLD", "TV"])
def test_a_code_that_the_codebook_page_does_not_have(files, column):
    rewrite(files, "ASK", ASK.with_columns(pl.lit(4.0).alias(column)))
    with pytest.raises(DatasetError, match=mentioning(f"'ASK.{column}'", "5")):
        join(files)


def test_a_value_out_of_its_range(files):
    rewrite(files, "ASK", ASK.with_columns(MINUTES=pl.Series([9999.0, 1.0, 2.0, 3.0, 4.0])))
    with pytest.raises(DatasetError, match=mentioning("'ASK.MINUTES'", "1", "0 to 24")):
        join(files)


def test_a_column_that_is_not_there(files):
    rewrite(files, "ASK", ASK.rename({"TOLD": "TOLT"}))
    with pytest.raises(DatasetError, match=mentioning("'ASK.xpt'", "'TOLD'", "'TOLT'")):
        join(files)


def test_a_person_who_stands_twice(files):
    rewrite(files, "ASK", pl.concat([ASK, ASK.head(2)]))
    with pytest.raises(DatasetError, match=mentioning("'ASK.xpt'", "2")):
        join(files)


def test_persons_of_another_cycle(files):
    rewrite(files, "LAB", LAB.with_columns(pl.col("ID") + 3))
    with pytest.raises(DatasetError, match=mentioning("'LAB'", "2", "'HOME'")):
        join(files)


def test_a_wrong_row_count(files):
    short = TableFile("ASK", files["ASK"].path, rows=6139)
    with pytest.raises(DatasetError, match=mentioning("'ASK'", "5", "6,139")):
        check_rows(short)
    with pytest.raises(DatasetError, match=mentioning("6,139")):
        join({**files, "ASK": short})
    check_rows(TableFile("ASK", files["ASK"].path, rows=5))


def test_no_error_tells_a_persons_values(files):
    rewrite(files, "ASK", ASK.with_columns(MINUTES=pl.lit(4321.0)))
    with pytest.raises(DatasetError) as told:
        join(files)
    assert "4321" not in str(told.value)


def test_the_codebook_says_what_was_asked_where_and_what_is_missing():
    book = describe(CATALOG, [FIRST, SECOND], {("LAB", SECOND): "https://example.org/2003/LAB_2003.xpt"})
    assert book["cycle"].levels == (FIRST, SECOND)
    told = book["told"]
    assert (told.question, told.asked, told.source) == ("Were you told?", "20 and older", "ASK_2001.TOLD")
    assert [(a.cycle, a.status, a.reason) for a in told.availability] == [
        (FIRST, "measured", "first words"),
        (SECOND, "not measured", "another instrument: a test"),
    ]
    assert book["screen"].source == "ASK_2001.TV + ASK_2001.PC"
    assert book["blood"].availability[1].reason == "file not found: https://example.org/2003/LAB_2003.xpt"
    assert book["pulse"].note == "By hand. Sitting."
    assert not book["pulse"].measured


def test_words_that_changed_are_told_by_cycle():
    piece = ORIGINS["told"].measured[0]
    later = piece.model_copy(update={"cycles": (SECOND,), "question": "Has a doctor told you?"})
    origins = {**ORIGINS, "told": Origin(asked="", measured=(piece, later))}
    changed = Catalog(CATALOG.site, CATALOG.tables, origins, BOOK)
    question = describe(changed, [FIRST, SECOND], {})["told"].question
    assert question == f"{FIRST}: Were you told? {SECOND}: Has a doctor told you?"


def test_the_component_follows_the_cycles():
    piece = ORIGINS["blood"].measured[0].model_copy(update={"cycles": (FIRST,)})
    later = piece.model_copy(update={"cycles": (SECOND,), "component": "phlebotomy"})
    origins = {**ORIGINS, "blood": Origin(asked="", measured=(piece, later))}
    changed = Catalog(CATALOG.site, CATALOG.tables, origins, BOOK)
    assert describe(changed, [FIRST], {})["blood"].component == "examination"
    assert describe(changed, [FIRST, SECOND], {})["blood"].component == "phlebotomy"
