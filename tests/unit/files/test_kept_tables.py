import os
import stat
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from tests.support.messages import mentioning
from tests.support.transport_writer import write_transport
from toolkit.errors import DatasetError
from toolkit.files import cache as table_cache
from toolkit.files.cache import (
    CACHE_VARIABLE,
    CacheWarning,
    cache_tables,
    hash_when_read,
    read_table,
    sha256_of,
)
from toolkit.files.table_files import read_transport

CODES = pl.DataFrame({"SEQN": [1.0, 2.0, 3.0], "SLQ160": [0.0, 7.0, None]})


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path, cache):
    write_transport(tmp_path / "SLQ_D.xpt", CODES, "SLQ_D")
    return tmp_path / "SLQ_D.xpt"


@pytest.fixture
def reads(monkeypatch):
    """The transport files that are read in earnest."""
    done = []
    monkeypatch.setattr(table_cache, "read_transport", lambda p: done.append(p) or read_transport(p))
    return done


def the_kept(cache):
    [kept] = (cache / "tables").iterdir()
    return kept


def test_a_table_is_read_once_and_kept_with_its_codes(path, cache, reads):
    for _ in range(3):
        assert read_table(path).collect().equals(CODES)
    assert [path] == reads
    assert pl.read_parquet(the_kept(cache)).equals(CODES)
    assert "SLQ_D" in the_kept(cache).name


def test_what_is_kept_is_for_the_user_alone(path, cache):
    read_table(path)
    assert 0o600 == stat.S_IMODE(the_kept(cache).stat().st_mode)
    assert {0o700} == {stat.S_IMODE(folder.stat().st_mode) for folder in (cache, cache / "tables")}


def test_a_changed_file_is_read_anew(path, reads):
    read_table(path)
    other = CODES.with_columns(SLQ160=pl.lit(4.0))
    write_transport(path, other, "SLQ_D")
    assert read_table(path).collect().equals(other)
    assert 2 == len(reads)
    assert sha256_of(path) == hash_when_read(path)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-4] + b"\0" * 4])
def test_what_was_cut_short_is_not_trusted(path, cache, reads, damage):
    read_table(path)
    kept = the_kept(cache)
    kept.write_bytes(damage(kept.read_bytes()))
    with pytest.warns(CacheWarning, match=mentioning("source")):
        assert read_table(path).collect().equals(CODES)
    assert 2 == len(reads)
    assert pl.read_parquet(kept).equals(CODES)


def test_what_is_damaged_inside_is_not_trusted(path, cache, reads):
    read_table(path)
    kept = the_kept(cache)
    content = bytearray(kept.read_bytes())
    content[4:40] = b"\xff" * 36
    kept.write_bytes(content)
    with pytest.warns(CacheWarning, match=mentioning("source")):
        assert read_table(path).collect().equals(CODES)
    assert 2 == len(reads)


def test_another_reader_reads_anew(path, reads, monkeypatch):
    read_table(path)
    monkeypatch.setattr(table_cache, "reader_versions", lambda: "another")
    read_table(path)
    assert 2 == len(reads)


def test_two_files_of_one_name_do_not_mix(path, tmp_path):
    other = CODES.with_columns(SLQ160=pl.lit(1.0))
    write_transport(tmp_path / "b" / "SLQ_D.xpt", other, "SLQ_D")
    assert read_table(path).collect().equals(CODES)
    assert read_table(tmp_path / "b" / "SLQ_D.xpt").collect().equals(other)
    assert read_table(path).collect().equals(CODES)


def test_several_at_once_never_see_half_of_a_table(path, cache):
    with ThreadPoolExecutor(8) as several:
        found = list(several.map(lambda _: read_table(path).collect(), range(40)))
    assert all(frame.equals(CODES) for frame in found)
    assert the_kept(cache)


def test_tables_are_kept_ahead(path, reads):
    cache_tables([path, path])
    cache_tables([path])
    read_table(path)
    assert set(reads) == {path}
    assert len(reads) <= 2


def test_a_bad_file_is_told_and_not_kept(path, cache):
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DatasetError, match=mentioning("'SLQ_D.xpt'", "cut short")):
        cache_tables([path])
    assert not (cache / "tables").exists()


def test_where_nothing_can_be_kept_the_table_is_read_all_the_same(path, cache):
    cache.write_text("a file in the place of the folder")
    with pytest.warns(UserWarning, match=mentioning("'SLQ_D.xpt'", "CRAMPS_CACHE")):
        assert read_table(path).collect().equals(CODES)


def test_a_file_that_changes_while_it_is_read_is_not_kept(path, cache, monkeypatch):
    def meddle(source):
        frame = read_transport(source).collect()
        write_transport(source, CODES.with_columns(SLQ160=pl.lit(2.0)), "SLQ_D")
        return frame.lazy()

    monkeypatch.setattr(table_cache, "read_transport", meddle)
    with pytest.raises(DatasetError, match=mentioning("changed")):
        read_table(path)
    assert not (cache / "tables").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_not_waited_for(path, cache):
    right = read_table(path).collect()
    kept = next((cache / "tables").glob("*.parquet"))
    kept.unlink()
    os.mkfifo(kept)
    with pytest.warns(CacheWarning, match=mentioning("not a file")):
        assert right.equals(read_table(path).collect())
    assert kept.is_file()
    assert right.equals(read_table(path).collect())
