"""A study opened a second time comes from what was kept, equal, and only while all it rests on is so."""

import os
import stat
import time
from dataclasses import fields, replace

import polars as pl
import pytest

from tests.support.messages import mentioning
from tests.support.nhanes_files import write_nhanes
from tests.support.transport_writer import write_transport
from toolkit.errors import DatasetError
from toolkit.files.cache import CACHE_VARIABLE, CacheWarning
from toolkit.files.checked_toml import shipped
from toolkit.files.table_files import read_transport
from toolkit.sources import catalog, study_cache
from toolkit.sources.nhanes.cycle_files import CYCLES
from toolkit.sources.registry import open_study
from toolkit.studies import Study

CATALOG = catalog.nhanes()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(study_cache, "_hash_code", lambda: "this toolkit")
    return tmp_path / "cache"


@pytest.fixture
def mirror(cache, invented, tmp_path):
    write_nhanes(invented, tmp_path / "mirror")
    return tmp_path / "mirror"


@pytest.fixture
def openings(monkeypatch):
    """How often NHANES is opened in earnest."""
    from toolkit.sources import nhanes

    done = []
    original = nhanes.open_nhanes

    def opened(cycles=CYCLES, mirror=None, minutes=None):
        done.append(cycles)
        return original(cycles, mirror, minutes)

    monkeypatch.setattr(nhanes, "open_nhanes", opened)
    return done


def kept(cache):
    return sorted((cache / "studies").glob("*"))


def file_of(mirror, table="SLQ"):
    return mirror / CATALOG.path("2005-2006", table)


def expect_equal(first, again):
    for field in fields(Study):
        if field.name not in ("people", "inputs", "provenance"):
            assert getattr(first, field.name) == getattr(again, field.name), field.name
    assert first.people.schema == again.people.schema
    assert first.people.equals(again.people, null_equal=True)
    assert dict(first.provenance) == dict(again.provenance)


def test_the_second_opening_is_equal_and_touches_no_table(mirror, cache, openings):
    first, again = (open_study("nhanes", mirror=mirror) for _ in range(2))
    assert 1 == len(openings)
    expect_equal(first, again)
    assert list(first.codebook) == list(again.codebook)


@pytest.mark.nhanes
def test_real_people_come_back_equal(nhanes_mirror, cache, openings):
    cycles = ("2003-2004", "2005-2006", "2021-2023")
    first, again = (open_study("nhanes", cycles=cycles, mirror=nhanes_mirror) for _ in range(2))
    assert 1 == len(openings)
    expect_equal(first, again)


def test_what_is_kept_is_one_file_for_the_user_alone(mirror, cache):
    open_study("nhanes", mirror=mirror)
    [only] = kept(cache)
    assert 0o600 == stat.S_IMODE(only.stat().st_mode)
    assert 0o700 == stat.S_IMODE(only.parent.stat().st_mode)


def test_other_cycles_are_another_study(mirror, cache, openings):
    for cycles in ("2005-2006", ["2005-2006", "2007-2008"], ("2005-2006", "2007-2008")):
        open_study("nhanes", mirror=mirror, cycles=cycles)
    assert ["2005-2006", ["2005-2006", "2007-2008"]] == openings
    assert 2 == len(kept(cache))


def test_a_changed_file_is_read_anew(mirror, cache, openings):
    open_study("nhanes", mirror=mirror)
    raw = read_transport(file_of(mirror)).collect()
    write_transport(file_of(mirror), raw.with_columns(SLQ160=pl.lit(4.0)), "SLQ_D")
    people = open_study("nhanes", mirror=mirror, cycles="2005-2006").people
    again = open_study("nhanes", mirror=mirror).people
    assert 3 == len(openings)
    assert {"almost always"} == set(people["cramp_frequency"].drop_nulls())
    assert again.filter(pl.col("cycle").cast(pl.String) == "2005-2006")["cramp_frequency"].equals(
        people["cramp_frequency"]
    )


def test_a_file_that_appears_is_read(mirror, cache, openings, tmp_path):
    aside = tmp_path / "aside"
    file_of(mirror, "GHB").rename(aside)
    assert "hba1c" not in open_study("nhanes", mirror=mirror).people.columns
    aside.rename(file_of(mirror, "GHB").with_suffix(".XPT"))
    assert "hba1c" in open_study("nhanes", mirror=mirror).people.columns
    assert 2 == len(openings)


def test_a_file_that_is_gone_is_told(mirror, cache):
    open_study("nhanes", mirror=mirror)
    file_of(mirror, "GHB").unlink()
    assert "hba1c" not in open_study("nhanes", mirror=mirror).people.columns


def test_a_mark_that_appears_makes_the_study_simulated(mirror, cache, tmp_path):
    mark = mirror / "SIMULATED.toml"
    assert open_study("nhanes", mirror=mirror).simulated
    mark.write_text(mark.read_text().replace("SIMULATED", "SIMULATED ANEW"))
    assert "ANEW" in open_study("nhanes", mirror=mirror).label


def test_another_toolkit_reads_anew(mirror, cache, openings, monkeypatch):
    open_study("nhanes", mirror=mirror)
    monkeypatch.setattr(study_cache, "_hash_code", lambda: "another toolkit")
    open_study("nhanes", mirror=mirror)
    assert 2 == len(openings)
    assert 1 == len(kept(cache))


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\0" * len(b)])
def test_what_was_cut_short_is_not_trusted(mirror, cache, openings, damage):
    first = open_study("nhanes", mirror=mirror)
    [only] = kept(cache)
    only.write_bytes(damage(only.read_bytes()))
    with pytest.warns(CacheWarning, match=mentioning("source")):
        expect_equal(first, open_study("nhanes", mirror=mirror))
    assert 2 == len(openings)


def test_the_environment_decides_what_was_asked_for(mirror, openings, monkeypatch, tmp_path, invented):
    write_nhanes(replace(invented, people=invented.people.head(10)), tmp_path / "fewer")
    heights = []
    for folder in (mirror, tmp_path / "fewer", mirror):
        monkeypatch.setenv("CRAMPS_NHANES", str(folder))
        heights.append(open_study("nhanes", cycles="2005-2006").people.height)
    assert [20, 10, 20] == heights
    assert 2 == len(openings)


def test_people_of_ones_own_are_never_kept(cache, tmp_path):
    from toolkit.sources.registry import study
    from toolkit.studies import Design

    own = study(pl.DataFrame({"w": [1.0, 2.0]}), design=Design(weight="w"))
    study_cache.cache_study("mine", {}, own)
    assert [] == kept(cache)


def test_what_an_option_names_beside_the_inputs_is_not_kept(mirror, cache, tmp_path, invented):
    (tmp_path / "more.parquet").write_bytes(b"")
    opened = open_study("nhanes", mirror=mirror)
    before = kept(cache)
    study_cache.cache_study("nhanes", {"minutes": tmp_path / "more.parquet"}, opened)
    study_cache.cache_study("nhanes", {"minutes": pl.DataFrame()}, opened)
    assert before == kept(cache)


def test_a_file_that_changed_after_it_was_read_is_not_kept(mirror, cache):
    opened = open_study("nhanes", mirror=mirror)
    [only] = kept(cache)
    only.unlink()
    write_transport(file_of(mirror), pl.DataFrame({"SEQN": [1.0]}), "SLQ_D")
    study_cache.cache_study("nhanes", {"mirror": mirror}, opened)
    assert [] == kept(cache)


def test_the_cache_holds_a_bounded_number_of_studies(mirror, cache, monkeypatch):
    monkeypatch.setattr(study_cache, "_MOST_STUDIES", 2)
    for cycles in ("2005-2006", "2007-2008", ("2005-2006", "2007-2008")):
        open_study("nhanes", mirror=mirror, cycles=cycles)
    assert 2 == len(kept(cache))


def test_where_nothing_can_be_kept_the_study_opens_all_the_same(mirror, cache):
    cache.write_text("a file in the place of the folder")
    with pytest.warns(UserWarning, match=mentioning("opening")):
        assert 40 == open_study("nhanes", mirror=mirror).people.height


def test_the_code_that_is_hashed_is_all_of_the_toolkit(monkeypatch):
    monkeypatch.setattr(study_cache, "_LOADED", time.time() + 3600)
    assert study_cache._hash_code() == study_cache._hash_code()
    hashed = {path.name for path in study_cache._code_files()}
    assert {"derivation.py", "join.py", "nhanes.toml", "nhanes-tables.toml"} <= hashed


def test_code_that_changed_since_it_was_loaded_keeps_nothing(monkeypatch):
    newest = max(path.stat().st_mtime for path in study_cache._code_files())
    monkeypatch.setattr(study_cache, "_LOADED", newest - 1)
    assert study_cache._hash_code() is None
    monkeypatch.setattr(study_cache, "_LOADED", newest + 1)
    assert study_cache._hash_code()


def test_other_data_about_data_are_another_code(monkeypatch, tmp_path):
    monkeypatch.setattr(study_cache, "_LOADED", time.time() + 3600)
    source = shipped("datasets") / "nhanes.toml"
    copy = tmp_path / "nhanes.toml"
    copy.write_bytes(source.read_bytes())
    monkeypatch.setattr(study_cache, "_code_files", lambda: (copy,))
    before = study_cache._hash_code()
    copy.write_bytes(source.read_bytes() + b"\n")
    os.utime(copy, (1, 1))
    assert before != study_cache._hash_code()


def test_a_file_of_minutes_is_part_of_what_a_study_rests_on(
    nhanes_mirror, minutes_file, openings, cache, tmp_path
):
    minutes = tmp_path / "minutes.parquet"
    minutes.write_bytes(minutes_file.read_bytes())
    asked = {"cycles": "2005-2006", "mirror": nhanes_mirror, "minutes": minutes}
    first, again = (open_study("nhanes", **asked) for _ in range(2))
    assert 1 == len(openings)
    assert first.people["sedentary_hours"].count() == again.people["sedentary_hours"].count() > 0
    minutes.write_bytes(minutes.read_bytes()[:100])
    with pytest.raises(DatasetError, match=mentioning("cut short")):
        open_study("nhanes", **asked)
