"""Files are fetched ahead and held to the CDC's counts; a file that differs is named with what differs."""

import http.server
import shutil
import threading
from functools import partial

import polars as pl
import pytest
from click.testing import CliRunner

from tests.support.messages import mentioning, mentions
from tests.support.nhanes_files import write_nhanes
from tests.support.transport_writer import write_transport
from toolkit.cli import main
from toolkit.errors import DatasetError
from toolkit.files.cache import CACHE_VARIABLE
from toolkit.files.table_files import read_transport
from toolkit.sources import catalog
from toolkit.sources.nhanes.cycle_files import code_counts, compare_codes, download_nhanes
from toolkit.sources.registry import download_study

CATALOG = catalog.nhanes()
D = "2005-2006"


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def invented_mirror(invented, cache, tmp_path):
    write_nhanes(invented, tmp_path / "mirror")
    return tmp_path / "mirror"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        return


@pytest.fixture
def served(invented_mirror):
    handler = partial(Quiet, directory=str(invented_mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_count_compared_is_one_of_the_page(nhanes_page):
    page = nhanes_page("SLQ_D")
    printed = {v["name"].upper(): {c["code"]: c["count"] for c in v["codes"]} for v in page["variables"]}
    told = code_counts("SLQ_D")
    assert "SLQ160" in told
    for column, counts in told.items():
        assert counts == {code: printed[column][code] for code in counts}


def test_a_table_that_no_page_knows_has_no_counts():
    assert {} == code_counts("NOSUCH")


FRAME = pl.DataFrame({"A": [1.0, 1.0, 2.5, None], "B": ["1", None, "2", "1"]})


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"A": {"1": 2, ".": 1}}, ({}, 2)),
        ({"A": {"1": 2, "7": 0, ".": 1}}, ({}, 3)),
        ({"A": {"1": 3, "7": 1, ".": 1}}, ({"A": (2, 3)}, 3)),
        ({"A": {"2": 1}}, ({"A": (1, 1)}, 1)),
        ({"B": {"1": 2, "2": 1, ".": 1}}, ({}, 3)),
        ({"C": {"1": 0, "2": 5}}, ({"C": (2, 2)}, 2)),
        ({}, ({}, 0)),
    ],
)
def test_codes_are_counted(expected, found):
    assert found == compare_codes(FRAME, expected)


def test_real_files_agree_with_the_pages(nhanes_mirror):
    files = download_nhanes(D, nhanes_mirror, verify=True)
    there = files.filter(files["status"] != "not found")
    assert {"verified"} == set(there["status"])
    assert 0 == there["codes_differing"].sum()
    assert 500 < there["codes"].sum()
    assert there["rows"].equals(there["rows_expected"], null_equal=True)
    home = there.filter(pl.col("table") == "DEMO_D")
    assert 10348 == home["rows"].item()


def test_a_real_file_with_one_other_answer_is_found_out(nhanes_mirror, cache, tmp_path):
    for table in ("DEMO", "SLQ"):
        path = CATALOG.path(D, table)
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(nhanes_mirror / path, tmp_path / path)
    raw = read_transport(tmp_path / CATALOG.path(D, "SLQ")).collect()
    first = pl.int_range(pl.len()) == raw["SLQ160"].arg_max()
    changed = raw.with_columns(SLQ160=pl.when(first).then(3.0).otherwise(pl.col("SLQ160")))
    write_transport(tmp_path / CATALOG.path(D, "SLQ"), changed, "SLQ_D")
    files = download_nhanes(D, tmp_path, verify=True).filter(table="SLQ_D")
    assert ("differs", 2) == files.select("status", "codes_differing").row(0)
    assert "SLQ160: 2 of" in files["problem"].item()
    assert {"verified"} == set(download_nhanes(D, tmp_path, verify=True).filter(table="DEMO_D")["status"])


def test_invented_people_are_held_to_their_own_row_counts_alone(invented_mirror):
    files = download_nhanes(mirror=invented_mirror, verify=True)
    assert {"verified"} == set(files["status"])
    assert {0} == set(files["codes"])
    assert 40 == files.filter(pl.col("table").str.starts_with("DEMO"))["rows"].sum()


def test_without_verifying_no_file_is_read(invented_mirror):
    files = download_nhanes(mirror=invented_mirror)
    assert {"kept"} == set(files["status"])
    assert files["rows"].null_count() == files.height


def test_what_a_folder_lacks_is_told_with_its_address(invented_mirror):
    (invented_mirror / CATALOG.path(D, "GHB")).unlink()
    row = download_nhanes(D, invented_mirror).filter(table="GHB_D").row(0, named=True)
    assert "not found" == row["status"]
    assert "https://wwwn.cdc.gov/" in row["problem"]


def test_a_download_ahead_is_what_opening_uses(served, cache, monkeypatch):
    monkeypatch.setenv("CRAMPS_NHANES", served)
    files = download_study("nhanes")
    assert {"kept"} == set(files["status"])
    assert files["table"].n_unique() == len(list(cache.rglob("*.xpt")))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("simulated", "open_study('simulated')"),
        ("nhane", ("'nhane'", "'nhanes'")),
    ],
)
def test_a_study_without_files(name, told):
    with pytest.raises(DatasetError, match=mentioning(told)):
        download_study(name)


def run(*words):
    return CliRunner().invoke(main, ["download", "nhanes", *words], prog_name="cramps")


def test_the_command_line_counts_and_ends_well(served, cache, monkeypatch):
    monkeypatch.setenv("CRAMPS_NHANES", served)
    result = run("--cycles", D, "--verify")
    assert 0 == result.exit_code, result.output
    assert mentions(result.output, "files verified: ")


def test_the_command_line_names_what_differs_and_ends_badly(invented_mirror, monkeypatch):
    monkeypatch.setenv("CRAMPS_NHANES", str(invented_mirror))
    path = invented_mirror / CATALOG.path(D, "SLQ")
    write_transport(path, read_transport(path).collect().head(3), "SLQ_D")
    result = run("--verify")
    assert 1 == result.exit_code
    assert "differs: 1" in result.output
    assert "SLQ_D" in result.output
    assert mentions(result.output, "3 rows")


def test_the_command_line_takes_all_cycles(invented_mirror, monkeypatch):
    monkeypatch.setenv("CRAMPS_NHANES", str(invented_mirror))
    result = run("--cycles", "all")
    assert 1 == result.exit_code
    assert mentions(result.stderr, "'1999-2000'", "'DEMO'")
