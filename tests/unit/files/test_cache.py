"""A damaged or full cache never changes who is analyzed: the source is read, with one warning."""

import io
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

from tests.support.messages import mentioning
from tests.support.nhanes_files import write_nhanes
from toolkit.errors import DatasetError
from toolkit.files import cache, safe_files
from toolkit.files.cache import CACHE_VARIABLE, CacheWarning, one_warning, report_damaged, report_unkept
from toolkit.sources import study_cache
from toolkit.sources.registry import open_study
from toolkit.studies import Study

Damage = Callable[[bytes], bytes]


def zeros_in_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + b"\0" * 16 + content[middle + 16 :]


def one_bit(content: bytes) -> bytes:
    return content[:200] + bytes([content[200] ^ 1]) + content[201:]


def a_letter_of_the_note(content: bytes) -> bytes:
    at = content.index(b'"key"')
    return content[: at + 1] + b"K" + content[at + 2 :]


def a_letter_of_the_hash(content: bytes) -> bytes:
    at = content.rindex(cache._MARK) + len(cache._MARK)
    return content[:at] + (b"1" if content[at : at + 1] != b"1" else b"2") + content[at + 1 :]


def another_form(content: bytes) -> bytes:
    """Give the same rows without a hash, as an earlier version kept them."""
    written = io.BytesIO()
    pl.read_parquet(io.BytesIO(content)).write_parquet(written, metadata={cache.ORIGIN: "{not JSON"})
    return written.getvalue()


DAMAGES: tuple[Damage, ...] = (
    zeros_in_the_middle,
    one_bit,
    a_letter_of_the_note,
    a_letter_of_the_hash,
    another_form,
    lambda content: content[: len(content) // 2],
    lambda content: content[:-1],
    lambda content: content + b"\0",
    lambda _: b"",
    lambda content: b"\0" * len(content),
    lambda _: b'{"code": "of nothing"}',
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(study_cache, "_hash_code", lambda: "this toolkit")
    return tmp_path / "cache"


@pytest.fixture
def mirror(folder: Path, invented: Study, tmp_path: Path) -> Path:
    write_nhanes(invented, tmp_path / "mirror")
    return tmp_path / "mirror"


def opened(mirror: Path) -> Study:
    return open_study("nhanes", mirror=mirror)


@contextmanager
def warned_once(match: str) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
    told = [str(warning.message) for warning in seen if issubclass(warning.category, CacheWarning)]
    assert 1 == len(told), told
    assert match in told[0]


def expect_same(first: Study, again: Study) -> None:
    assert first.people.equals(again.people, null_equal=True)
    assert first.codebook == again.codebook
    assert first.design == again.design


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_happens_to_all_files_of_the_cache_the_study_is_the_same(
    mirror: Path, folder: Path, damage: Damage
) -> None:
    first = opened(mirror)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"studies", "tables"} == {path.parent.name for path in files}
    for path in files:
        path.write_bytes(damage(path.read_bytes()))
    with warned_once("and the study is complete"):
        expect_same(first, opened(mirror))
    expect_same(first, opened(mirror))  # nothing is damaged any more: no warning, which would be an error


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_alone_is_read_from_its_source(mirror: Path, folder: Path, damage: Damage) -> None:
    first = opened(mirror)
    shutil.rmtree(folder / "studies")
    for path in (folder / "tables").iterdir():
        path.write_bytes(damage(path.read_bytes()))
    with warned_once("rebuilt from the source"):
        expect_same(first, opened(mirror))


@pytest.mark.parametrize("room", ["tables", "studies"])
def test_files_in_each_others_place_are_known(mirror: Path, folder: Path, room: str) -> None:
    first = opened(mirror)
    fewer = open_study("nhanes", mirror=mirror, cycles="2005-2006")
    if room == "tables":
        shutil.rmtree(folder / "studies")
    files = sorted((folder / room).iterdir())
    contents = [path.read_bytes() for path in files]
    for path, content in zip(files, [*contents[1:], contents[0]], strict=True):
        path.write_bytes(content)
    with warned_once("it is the file of another entry"):
        expect_same(first, opened(mirror))
    assert fewer.people.height < first.people.height


def test_a_note_without_what_is_needed_is_not_trusted(mirror: Path, folder: Path) -> None:
    first = opened(mirror)
    [only] = (folder / "studies").iterdir()
    mark, content = cache._MARK, only.read_bytes().replace(b'"about"', b'"abxut"')
    at = content.rindex(mark) + len(mark)
    blank = content[:at] + b"0" * 64 + content[at + 64 :]
    only.write_bytes(content[:at] + sha256(blank).hexdigest().encode() + content[at + 64 :])
    with warned_once("rebuilt from the source"):
        expect_same(first, opened(mirror))


def test_a_file_that_cannot_be_read_is_rebuilt(mirror: Path, folder: Path) -> None:
    first = opened(mirror)
    [only] = (folder / "studies").iterdir()
    only.unlink()
    only.mkdir()
    with warned_once("it cannot be read"):
        expect_same(first, opened(mirror))


@pytest.mark.parametrize("trouble", [28, 13, 30, 5, 2])  # full, no permission, read-only, broken, vanished
def test_a_disk_that_takes_nothing_stops_no_opening(
    mirror: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    def refuse(target: Path) -> Path:
        raise OSError(trouble, os.strerror(trouble), str(target))

    monkeypatch.setattr(safe_files, "draft_beside", refuse)
    for _ in range(2):
        with warned_once("read again at each opening"):
            assert 40 == opened(mirror).people.height


def test_a_full_disk_of_two_megabytes(mirror: Path, folder: Path) -> None:
    """Where the machine lets a small file system be mounted, a real one."""
    folder.mkdir(parents=True)
    if os.system(f"mount -t tmpfs -o size=8k tmpfs '{folder}' 2>/dev/null"):  # noqa: S605
        pytest.skip("no small file system can be mounted here")
    try:
        for _ in range(2):
            with warned_once("the disk is full"):
                assert 40 == opened(mirror).people.height
        assert not [path for path in folder.rglob(".*") if path.is_file()]
    finally:
        os.system(f"umount '{folder}'")  # noqa: S605


@pytest.fixture
def address(mirror: Path) -> Iterator[str]:
    """The mirror, reached through the network."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(mirror))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_files_of_the_network_are_read_where_the_cache_takes_none(address: str, folder: Path) -> None:
    folder.write_text("a file in the place of the folder")
    for _ in range(2):
        with warned_once("Set CRAMPS_CACHE to a folder"):
            assert 20 == open_study("nhanes", mirror=address, cycles="2005-2006").people.height


def test_files_of_the_network_are_verified_too(address: str, folder: Path) -> None:
    first = open_study("nhanes", mirror=address, cycles="2005-2006")
    files = [path for path in folder.rglob("*.xpt") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(zeros_in_the_middle(path.read_bytes()))
    with warned_once("does not match its recorded hash"):
        expect_same(first, open_study("nhanes", mirror=address, cycles="2005-2006"))


def test_threads_report_into_the_block_that_started_them() -> None:
    def report(name: str) -> None:
        report_damaged(name, "it is cut short")

    with warned_once("and 3 more"), one_warning(), one_warning(), ThreadPoolExecutor(2) as several:
        list(several.map(cache.in_this_block(report), "abcd"))


def test_damage_and_a_full_disk_are_one_warning() -> None:
    with warned_once("'a', because it is cut short."), one_warning():
        report_damaged("a", "it is cut short")
        report_unkept("b", "the disk is full.")


def test_a_study_that_does_not_open_says_that_alone(folder: Path) -> None:
    def broken() -> None:
        with one_warning():
            report_damaged("a", "it is cut short")
            raise DatasetError("no file")

    with pytest.raises(DatasetError, match=mentioning("no file")):
        broken()
