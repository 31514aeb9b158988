"""A simulated study written as NHANES files comes back as it was, and is marked as simulated everywhere."""

import shutil
from dataclasses import replace

import polars as pl
import pyreadstat
import pytest

from tests.support.messages import mentioning
from tests.support.nhanes_files import write_nhanes
from toolkit.errors import DatasetError
from toolkit.sources import catalog
from toolkit.sources.nhanes import open_nhanes
from toolkit.sources.nhanes.cycle_files import CYCLES
from toolkit.studies import Design, Study, choose_weight
from toolkit.variables import Variable, why


@pytest.fixture(scope="module")
def folder(invented, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    write_nhanes(invented, folder)
    return folder


@pytest.fixture(scope="module")
def back(folder) -> Study:
    return open_nhanes(mirror=folder)


def test_files_are_laid_out_like_the_cdcs_site(invented, tmp_path):
    written = [path.relative_to(tmp_path).as_posix() for path in write_nhanes(invented, tmp_path)]
    assert written[0] == "SIMULATED.toml"
    assert "Nchs/Data/Nhanes/Public/2005/DataFiles/SLQ_D.xpt" in written
    assert "Nchs/Data/Nhanes/Public/2007/DataFiles/GHB_E.xpt" in written
    known = catalog.nhanes()
    pieces = [(p, c) for n in known.origins for c in CYCLES if (p := known.measured(n, c))]
    assert set(written[1:]) == {known.path(c, table) for p, c in pieces for table in p.tables}


def test_people_design_and_weights_come_back(invented, back):
    columns = ["person", "stratum", "psu"]
    assert back.people.select(columns).equals(invented.people.select(columns))
    for component in ("interview", "examination"):
        variable = Variable("x", "x", "number", component=component)
        found, told = (
            people.people.select(w=choose_weight(people.design, [variable]).expression)["w"]
            for people in (back, invented)
        )
        assert found.equals(told), component
    assert back.people["cycle"].cast(pl.String).to_list() == invented.people["cycle"].to_list()
    assert (back.design.strata, back.design.psu, back.design.nest) == ("stratum", "psu", True)
    assert list(back.design.components)[:2] == ["interview", "examination"]
    parts = [back.people[w.column] for w in list(back.design.components.values())[2:]]
    assert [column.count() for column in parts] == [0] * len(parts)


@pytest.mark.parametrize(
    "name",
    [
        "age",
        "sex",
        "cramp_frequency",
        "diabetes_told",
        "hba1c",
        "screen_hours",
        "sitting_hours",
        "season",
    ],
)
def test_values_and_reasons_come_back(invented, back, name):
    for column in (name, why(name)):
        assert back.people[column].to_list() == invented.people[column].to_list()


def test_everything_says_that_it_is_simulated(invented, back, folder):
    assert back.simulated
    assert back.label == "NHANES 2005-2008, SIMULATED (no real people)"
    assert back.provenance["simulated_from"] == {"seed": 7}
    assert "No person in them is real" in (folder / "SIMULATED.toml").read_text()


def test_an_independent_reader_finds_the_codes(folder):
    path = folder / "Nchs/Data/Nhanes/Public/2005/DataFiles/SLQ_D.xpt"
    frame, about = pyreadstat.read_xport(str(path))
    assert about.table_name == "SLQ_D"
    assert "SIMULATED" in about.column_names_to_labels["SEQN"]
    assert {0, 1, 2, 3, 7} == set(frame["SLQ160"])
    assert len(frame) == 16


def test_its_own_row_counts_take_the_place_of_the_cdcs(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    mark = copy / "SIMULATED.toml"
    mark.write_text(mark.read_text().replace("SLQ_D = 16", "SLQ_D = 17"))
    with pytest.raises(DatasetError, match=mentioning("'SLQ_D'", "16", "17")):
        open_nhanes(mirror=copy)


def test_without_the_mark_the_files_are_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "SIMULATED.toml").unlink()
    with pytest.raises(DatasetError, match=mentioning("'DEMO_D'", "20", "10,348")):
        open_nhanes(mirror=copy)


def test_a_mark_that_is_broken_is_told(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "SIMULATED.toml").write_text('labl = "x"\n')
    with pytest.raises(DatasetError, match=mentioning("'labl'", "'label'")):
        open_nhanes(mirror=copy)


def test_the_people_of_one_cycle_alone(invented, tmp_path):
    own = invented.people.filter(pl.col("cycle") == "2005-2006")
    write_nhanes(replace(invented, people=own), tmp_path)
    alone = open_nhanes(cycles="2005-2006", mirror=tmp_path)
    assert alone.people["weight_interview"].equals(own["weight_interview"])


def test_people_without_numbers_are_numbered(invented, tmp_path):
    write_nhanes(replace(invented, people=invented.people.drop("person")), tmp_path)
    assert open_nhanes(mirror=tmp_path).people["person"].to_list() == list(range(1, 41))


def test_real_people_are_not_written(invented, tmp_path):
    with pytest.raises(DatasetError, match=mentioning("tk.open_study('simulated')")):
        write_nhanes(replace(invented, simulated=False), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (pl.lit("2005-2007").alias("cycle"), ("NHANES", "'2005-2007'")),
        (
            pl.lit(0.7).alias("screen_hours"),
            ("'screen_hours'", "NHANES", "20"),
        ),
        (
            pl.lit("none").alias("sex"),
            ("'sex'", "NHANES", "20"),
        ),
    ],
)
def test_what_has_no_code_is_not_written(invented, tmp_path, change, told):
    with pytest.raises(DatasetError, match=mentioning(told)):
        write_nhanes(replace(invented, people=invented.people.with_columns(change)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_design_that_nhanes_has_not(invented, tmp_path):
    with pytest.raises(DatasetError, match=mentioning("strata", "PSUs", "interview", "examination")):
        write_nhanes(replace(invented, design=Design(weight="weight_interview")), tmp_path)


def test_real_nhanes_comes_back_whole(nhanes_people, tmp_path):
    write_nhanes(replace(nhanes_people, simulated=True), tmp_path)
    computed = {
        column
        for name, origin in catalog.nhanes().origins.items()
        if any(piece.computed for piece in origin.measured)
        for column in (name, why(name))
    }
    back = open_nhanes(mirror=tmp_path).people
    assert back.drop(computed, strict=False).equals(nhanes_people.people.drop(computed, strict=False))


def test_what_follows_from_several_answers_is_not_written(nhanes_people, tmp_path):
    write_nhanes(replace(nhanes_people, simulated=True), tmp_path)
    back = open_nhanes(mirror=tmp_path).people
    assert nhanes_people.people["vigorous_minutes"].count() > 6_000
    assert back["vigorous_minutes"].count() == 0
    assert "no value recorded" in back[why("vigorous_minutes")].unique().to_list()
