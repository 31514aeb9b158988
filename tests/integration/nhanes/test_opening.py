"""NHANES opens with the CDC's counts, its weights pooled by the written rules, and bad files are refused."""

import http.server
import shutil
import threading
from functools import partial
from math import isclose

import polars as pl
import pyreadstat
import pytest

from tests.support.messages import mentioning, mentions
from tests.support.nhanes_files import write_nhanes
from tests.support.transport_writer import write_transport
from toolkit.errors import DatasetError, VariableError
from toolkit.files.cache import CACHE_VARIABLE
from toolkit.files.table_files import read_transport
from toolkit.sources import catalog
from toolkit.sources.nhanes import open_nhanes
from toolkit.sources.registry import open_study
from toolkit.studies import choose_weight
from toolkit.variables import why

CATALOG = catalog.nhanes()
FILES = "Nchs/Data/Nhanes/Public/{year}/DataFiles/{table}.xpt"
D, E = "2005-2006", "2007-2008"


@pytest.fixture
def mirror(invented, tmp_path):
    write_nhanes(invented, tmp_path / "mirror")
    return tmp_path / "mirror"


def file_of(mirror, table, year=2005):
    return mirror / FILES.format(year=year, table=table)


# Cycles


@pytest.mark.parametrize(
    ("cycles", "told"),
    [
        (["2005-2007"], ("NHANES", "'2005-2007'", "'2005-2006'", "1999-2000")),
        ("2017-2021", ("NHANES", "'2017-2021'", "'2017-2020'")),
        ([], "cycles=('2005-2006', '2007-2008')"),
        ([D, E, D], ("'2005-2006'", "2")),
        (
            ["2017-2018", "2017-2020"],
            ("'2017-2020'", "'2017-2018'"),
        ),
        (
            ["2017-2020", "2017-2018"],
            ("'2017-2020'", "'2017-2018'"),
        ),
    ],
)
def test_cycles_that_cannot_be_opened(mirror, cycles, told):
    with pytest.raises(DatasetError, match=mentioning(told)):
        open_nhanes(cycles=cycles, mirror=mirror)


def test_cycles_come_in_the_order_of_time(mirror):
    opened = open_nhanes(cycles=[E, D], mirror=mirror)
    assert opened.codebook["cycle"].levels == (D, E)
    assert opened.people["cycle"].unique(maintain_order=True).to_list() == [D, E]


# Files that are not as they should be


def test_a_home_table_that_is_not_there_says_where_to_put_it(mirror):
    file_of(mirror, "DEMO_E", 2007).unlink()
    with pytest.raises(DatasetError, match=mentioning("'2007-2008'", "'DEMO_E'", "https://wwwn.cdc.gov")):
        open_nhanes(mirror=mirror)
    assert open_nhanes(cycles=D, mirror=mirror).people.height == 20


def test_an_empty_mirror(tmp_path):
    with pytest.raises(DatasetError, match=mentioning("'DEMO_D'", "CRAMPS_NHANES")):
        open_nhanes(mirror=tmp_path)


def test_a_variable_whose_table_is_absent_is_an_error_on_use_alone(mirror):
    file_of(mirror, "GHB_E", 2007).unlink()
    study = open_study("nhanes", mirror=mirror)
    assert "hba1c" not in study.people.columns
    entries = {a.cycle: a for a in study.codebook["hba1c"].availability}
    assert entries[D].status == "measured"
    assert entries[E].status == "not measured"
    address = CATALOG.site.site + FILES.format(year=2007, table="GHB_E")
    assert entries[E].reason == f"file not found: {address}"
    assert study.provenance["not_found"] == [address]
    with pytest.raises(DatasetError, match=mentioning("'hba1c'", "2007-2008", address)):
        study.variable("hba1c")


def test_what_is_derived_from_an_absent_table_is_an_error_on_use_too(mirror):
    file_of(mirror, "SLQ_D").unlink()
    study = open_study("nhanes", mirror=mirror)
    with pytest.raises(DatasetError, match=mentioning("'any_cramps'", "2005-2006")):
        study.variable("any_cramps")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda whole: b"", ("'SLQ_D.xpt'", "empty")),
        (lambda whole: whole[:-50], ("'SLQ_D.xpt'", "cut short")),
        (
            lambda whole: b"<!DOCTYPE html>" + whole,
            ("'SLQ_D.xpt'", "web page"),
        ),
    ],
)
def test_a_bad_file_is_refused(mirror, content, told):
    path = file_of(mirror, "SLQ_D")
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(DatasetError, match=mentioning(told)):
        open_nhanes(mirror=mirror)


def test_a_file_of_fewer_rows_is_refused(mirror):
    path = file_of(mirror, "SLQ_D")
    write_transport(path, read_transport(path).collect().head(14), "SLQ_D")
    told = mentioning("'SLQ_D'", "14 rows", "16")
    with pytest.raises(DatasetError, match=told):
        open_nhanes(mirror=mirror)


def test_the_file_of_another_cycle_is_refused(mirror):
    shutil.copy(file_of(mirror, "SLQ_E", 2007), file_of(mirror, "SLQ_D"))
    with pytest.raises(DatasetError, match=mentioning("'SLQ_D'", "16", "'DEMO_D'")):
        open_nhanes(mirror=mirror)
    shutil.copy(file_of(mirror, "DEMO_E", 2007), file_of(mirror, "DEMO_D"))
    with pytest.raises(DatasetError, match=r"2005-2006|'DEMO_D'"):
        open_nhanes(mirror=mirror)


def test_a_home_table_that_says_it_is_of_another_cycle_is_refused(mirror):
    path = file_of(mirror, "DEMO_D")
    other = read_transport(path).with_columns(SDDSRVYR=pl.lit(5.0)).collect()
    write_transport(path, other, "DEMO_D")
    with pytest.raises(DatasetError, match=mentioning("'DEMO_D'", "20")):
        open_nhanes(mirror=mirror)


# Through the network


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def served(mirror, monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    handler = partial(Quiet, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_mirror_may_be_an_address(served, mirror, monkeypatch):
    monkeypatch.setenv("CRAMPS_NHANES", served)
    opened = open_nhanes()
    assert opened.people.equals(open_nhanes(mirror=mirror).people)
    assert opened.simulated
    assert opened.provenance["origin"] == f"{served}/"


def test_through_the_network_a_file_that_is_not_there_is_an_error_at_open(served, mirror):
    file_of(mirror, "GHB_E", 2007).unlink()
    with pytest.raises(DatasetError, match=mentioning("http", "GHB_E.xpt", "404", "CRAMPS_NHANES")):
        open_nhanes(mirror=served)


def test_what_comes_through_the_network_is_checked_before_it_is_kept(served, mirror, tmp_path):
    file_of(mirror, "SLQ_D").write_bytes(b"<html>maintenance</html>")
    with pytest.raises(DatasetError, match=mentioning("SLQ_D.xpt", "web page")):
        open_nhanes(mirror=served)
    assert not list((tmp_path / "cache").rglob("SLQ_D*"))


# The real files


COUNTS = {
    D: {"never": 4267, "rarely": 731, "sometimes": 778, "often": 246, "almost always": 109},
    E: {"never": 4378, "rarely": 775, "sometimes": 935, "often": 287, "almost always": 167},
}
GAPS = {D: {"refused": 1, "don't know": 7}, E: {"refused": 1, "don't know": 3}}


@pytest.mark.parametrize("cycle", [D, E])
def test_the_counts_of_leg_cramps_are_the_published_ones(nhanes_people, cycle):
    people = nhanes_people.people.filter(pl.col("cycle").cast(pl.String) == cycle)
    counts = dict(people["cramp_frequency"].drop_nulls().value_counts().iter_rows())
    assert counts == COUNTS[cycle]
    gaps = dict(
        people.filter(age=pl.col("age"))[why("cramp_frequency")].drop_nulls().value_counts().iter_rows()
    )
    young = people.filter(pl.col("age") < 16).height
    assert gaps == {**GAPS[cycle], "not asked": young}


def test_what_real_people_say_of_themselves(nhanes_people):
    assert nhanes_people.label == "NHANES 2005-2008"
    assert not nhanes_people.simulated
    assert nhanes_people.people.height == 10348 + 10149
    named = [(table, cycle) for cycle in (D, E) for name in CATALOG.origins
             if (piece := CATALOG.measured(name, cycle)) for table in piece.tables]  # fmt: skip
    assert len(nhanes_people.provenance["files"]) == len(set(named))
    assert nhanes_people.provenance["not_found"] == []
    assert nhanes_people.people["age"].max() == 80
    assert nhanes_people.people["person"].is_unique().all()


def test_every_gap_has_a_reason_and_every_value_none(nhanes_people):
    people = nhanes_people.people
    for name in (name for name in nhanes_people.codebook if why(name) in people.columns):
        assert people[name].is_null().equals(people[why(name)].is_not_null()), name


def in_mirror(mirror, table, cycle):
    path = mirror / CATALOG.path(cycle, table)
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the mirror")
    return path


# The weights that each cycle's rows are made of, and the years that they stand for over all years.
@pytest.mark.parametrize(
    ("cycles", "parts"),
    [
        (("2005-2006", "2007-2008"), {D: ("WTINT2YR", 1 / 2), E: ("WTINT2YR", 1 / 2)}),
        (("2003-2004",), {"2003-2004": ("WTINT2YR", 1)}),
        (("1999-2000",), {"1999-2000": ("WTINT2YR", 1)}),
        (("1999-2000", "2001-2002"), {"1999-2000": ("WTINT4YR", 1), "2001-2002": ("WTINT4YR", 1)}),
        (
            ("1999-2000", "2001-2002", "2003-2004"),
            {
                "1999-2000": ("WTINT4YR", 2 / 3),
                "2001-2002": ("WTINT4YR", 2 / 3),
                "2003-2004": ("WTINT2YR", 1 / 3),
            },
        ),
        (("2001-2002", "2003-2004"), {"2001-2002": ("WTINT2YR", 1 / 2), "2003-2004": ("WTINT2YR", 1 / 2)}),
        (("2017-2020",), {"2017-2020": ("WTINTPRP", 1)}),
        ((E, "2017-2020"), {E: ("WTINT2YR", 2 / 5.2), "2017-2020": ("WTINTPRP", 3.2 / 5.2)}),
    ],
)
def test_weights_are_pooled_by_years(cycles, parts, nhanes_mirror):
    opened = open_nhanes(cycles=cycles, mirror=nhanes_mirror)
    weight = choose_weight(opened.design, []).expression
    for cycle, (column, factor) in parts.items():
        frame, _ = pyreadstat.read_xport(str(in_mirror(nhanes_mirror, "DEMO", cycle)), encoding="latin1")
        own = opened.people.with_columns(w=weight).filter(pl.col("cycle").cast(pl.String) == cycle)
        assert own["person"].to_list() == frame["SEQN"].astype(int).to_list()
        for found, raw in zip(own["w"], frame[column] * factor, strict=True):
            assert isclose(found, raw, rel_tol=1e-14)


def test_the_examination_weight_of_1999_2004_is_made_of_four_year_weights(nhanes_1999_2004):
    weight = nhanes_1999_2004.weight_for("pad")
    assert mentions(weight, "WTMEC4YR", "1999-2000", "2001-2002", "WTMEC2YR", "2003-2004")
    assert weight.rescaling == (
        "multiplied by 2/3 in 1999-2000 and 2001-2002 and by 1/3 in 2003-2004 because three cycles contribute"
    )


@pytest.mark.parametrize(
    ("cycles", "rescaling"),
    [
        ((D,), ""),
        ((D, E), "divided by 2 because two cycles contribute (2005-2006 and 2007-2008)"),
        (
            (E, "2017-2020"),
            "multiplied by 2/5.2 (years) in 2007-2008 and by 3.2/5.2 (years) in 2017-2020 because two cycles "
            "contribute",
        ),
        (
            ("1999-2000", "2003-2004"),
            "multiplied by 1 in 1999-2000 and by 1/2 in 2003-2004 because two cycles contribute",
        ),
    ],
)
def test_pooling_is_explained_in_words(cycles, rescaling, nhanes_mirror):
    assert rescaling == choose_weight(open_nhanes(cycles, nhanes_mirror).design, []).rescaling


def test_the_weight_follows_from_the_variables(nhanes_people):
    book = nhanes_people.codebook
    interview = choose_weight(nhanes_people.design, [book["cramp_frequency"], book["age"]])
    assert (interview.component, interview.weight) == ("interview", "weight_interview")
    assert mentions(interview, "WTINT2YR", "2", "2005-2006", "2007-2008")
    assert (
        choose_weight(nhanes_people.design, [book["cramp_frequency"], book["season"]]).component
        == "examination"
    )


def test_blood_of_2021_2023_takes_the_phlebotomy_weight(nhanes_mirror):
    opened = open_nhanes("2021-2023", nhanes_mirror)
    assert choose_weight(opened.design, [opened.codebook["hba1c"]]).component == "phlebotomy"
    assert opened.design.components["phlebotomy"].source == "WTPH2YR"
    frame, _ = pyreadstat.read_xport(str(in_mirror(nhanes_mirror, "GHB", "2021-2023")), encoding="latin1")
    assert isclose(opened.people["weight_phlebotomy"].sum(), frame["WTPH2YR"].sum(), rel_tol=1e-12)


def test_blood_pooled_with_2021_2023_takes_the_examination_weight_before(nhanes_mirror):
    opened = open_nhanes((E, "2021-2023"), nhanes_mirror)
    weight = opened.design.components["phlebotomy"]
    assert weight.source == "WTMEC2YR in 2007-2008; WTPH2YR in 2021-2023"
    before = opened.people.filter(pl.col("cycle").cast(pl.String) == E)
    assert before["weight_phlebotomy"].equals(before["weight_examination"], null_equal=True)


# PSUs minus strata of each cycle: methods.md, section 12.
@pytest.mark.parametrize(
    ("cycles", "df"),
    [
        (("1999-2000",), 14),
        (("2001-2002",), 15),
        (("2003-2004",), 15),
        ((D,), 15),
        ((E,), 16),
        ((D, E), 31),
        (("2017-2018",), 15),
        (("2017-2020",), 25),
        (("2021-2023",), 15),
    ],
)
def test_degrees_of_freedom_are_the_known_ones(cycles, df, nhanes_mirror):
    people = open_nhanes(cycles, nhanes_mirror).people
    assert df == people.select("stratum", "psu").n_unique() - people["stratum"].n_unique()


def test_a_variable_that_no_opened_cycle_measured_is_told_with_its_reason(nhanes):
    with pytest.raises(VariableError, match=mentioning("'pad'", "NHANES", "2005-2008", "1999-2004")):
        nhanes.variable("pad")


@pytest.mark.parametrize(
    ("cycles", "label"),
    [
        ((D,), "NHANES 2005-2006"),
        (("1999-2000", "2001-2002", "2003-2004"), "NHANES 1999-2004"),
        ((D, "2017-2018"), "NHANES 2005-2006, 2017-2018"),
        (("2017-2020",), "NHANES 2017-2020"),
    ],
)
def test_the_label_names_the_years(cycles, label, nhanes_mirror):
    assert label == open_nhanes(cycles, nhanes_mirror).label
