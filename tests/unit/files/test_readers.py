import errno
import os
import stat

import polars as pl
import pyreadstat
import pytest

from tests.support.messages import mentioning
from tests.support.transport_writer import write_transport
from toolkit.errors import DatasetError
from toolkit.files import safe_files, table_files
from toolkit.files.table_files import RECORD


def the_only_file(folder):
    return [p.name for p in folder.iterdir()]


def test_a_file_takes_its_place_when_the_block_ends_well(tmp_path):
    safe_files.write_text(tmp_path / "new" / "a.txt", "é")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "é".encode()
    assert the_only_file(tmp_path / "new") == ["a.txt"]


def test_a_file_follows_the_umask_and_a_private_one_is_for_the_user_alone(tmp_path):
    umask = os.umask(0o022)
    try:
        safe_files.write_bytes(tmp_path / "a", b"1")
        safe_files.write_bytes(tmp_path / "b", b"1", private=True)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_whatever_goes_wrong_the_old_file_stays_and_nothing_half_written_is_left(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with safe_files.replacing(path) as draft:
            draft.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert the_only_file(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError("No space left on device (os error 28)"), "disk is full"),
        (OSError(errno.EROFS, "Read-only file system"), ("read-only", "folder")),
        (OSError(errno.EIO, "Input/output error"), ("input/output error", "folder")),
    ],
)
def test_what_the_disk_refuses_is_retold_with_a_remedy(tmp_path, error, words):
    def fail():
        with safe_files.replacing(tmp_path / "a.txt") as draft:
            draft.write_text("half")
            raise error

    with pytest.raises(DatasetError, match=mentioning(words)):
        fail()
    assert the_only_file(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=mentioning("'a.txt'")):
        safe_files.write_text(tmp_path / "file" / "a.txt", "1")


def test_parquet_there_and_back(tmp_path):
    frame = pl.DataFrame({"age": [40.0, None]})
    safe_files.write_parquet(tmp_path / "a.parquet", frame)
    assert table_files.read_parquet(tmp_path / "a.parquet").collect().equals(frame)


def test_parquet_that_is_cut_short(tmp_path):
    safe_files.write_parquet(tmp_path / "a.parquet", pl.DataFrame({"age": [40.0] * 1000}))
    cut = tmp_path / "b.parquet"
    cut.write_bytes((tmp_path / "a.parquet").read_bytes()[:50])
    with pytest.raises(DatasetError, match=mentioning("'b.parquet'", "parquet", "50 bytes")):
        table_files.read_parquet(cut)


NUMBERS = pl.DataFrame(
    {"SEQN": [3.0, 1.0, 2.0], "W": [2612.3456789012345, 0.0, None], "X": [-1.5e-9, 0.1, 1.1e-70]}
)


def test_transport_files_keep_every_bit_and_the_order(tmp_path):
    path = tmp_path / "A_D.xpt"
    write_transport(path, NUMBERS, "A_D", {"W": "a weight " * 9})
    assert table_files.read_transport(path).collect().equals(NUMBERS)
    independent, about = pyreadstat.read_xport(str(path))
    assert pl.from_pandas(independent).equals(NUMBERS)
    assert about.table_name == "A_D"
    assert about.column_names_to_labels["W"] == ("a weight " * 9)[:40].strip()


def test_zero_is_zero(tmp_path):
    write_transport(tmp_path / "a.xpt", NUMBERS, "A")
    assert table_files.read_transport(tmp_path / "a.xpt").filter(pl.col("W") == 0).collect().height == 1


def test_names_come_in_capitals(tmp_path):
    write_transport(tmp_path / "a.xpt", pl.DataFrame({"MCQ160a": [1.0]}), "A")
    assert table_files.read_transport(tmp_path / "a.xpt").collect_schema().names() == ["MCQ160A"]


def whole(tmp_path):
    write_transport(tmp_path / "a.xpt", pl.concat([NUMBERS] * 9), "A")
    return (tmp_path / "a.xpt").read_bytes()


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (lambda _: b"", "empty"),
        (lambda _: b"\n<!DOCTYPE html><html>Page not found</html>" * 40, "web page"),
        (lambda file: b"PK\x03\x04" + file, "transport"),
        (lambda file: file[:-37], "cut short"),
        (lambda file: file[:-RECORD], "cut short"),
        (lambda file: file[:160], "header"),
    ],
)
def test_what_is_not_a_whole_transport_file(tmp_path, content, seen):
    path = tmp_path / "BAD.xpt"
    path.write_bytes(content(whole(tmp_path)))
    with pytest.raises(DatasetError, match=mentioning("'BAD.xpt'", seen)):
        table_files.read_transport(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match=mentioning("gone.xpt")):
        table_files.read_transport(tmp_path / "gone.xpt")
