"""Files come whole from a folder or a server that misbehaves, and no bad file is ever kept."""

import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from toolkit.download import CACHE_VARIABLE, Mirror, cache_folder, choose_mirror, fetch, fetch_optional
from toolkit.errors import DatasetError

SITE = "https://example.org/"
SETTING = "CRAMPS_TEST"
GOOD = b"the file" * 100


class Misbehaving(BaseHTTPRequestHandler):
    """Answers by the path: each of the ways in which a server disappoints."""

    asked: list[str] = []  # noqa: RUF012 - shared by all requests on purpose

    def do_GET(self) -> None:
        self.asked.append(self.path)
        name = self.path.rsplit("/", 1)[-1]
        if name == "moved":
            self.send_error(404)
        elif name == "broken":
            self.send_error(503)
        elif name == "cut":
            self.answer(GOOD[:50], len(GOOD))
        elif name == "silent":
            self.close_connection = True
        elif name == "empty":
            self.answer(b"", 0)
        elif name == "page":
            self.answer(b"<!DOCTYPE html><html>Sorry</html>", 33)
        else:
            self.answer(GOOD, len(GOOD))

    def answer(self, content: bytes, told_length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(told_length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/site"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(SETTING, raising=False)
    Misbehaving.asked.clear()
    return tmp_path / "cache"


def expect_good(path: Path) -> None:
    if path.read_bytes() != GOOD:
        raise DatasetError(f"'{path.name}' is not the file. Fetch it anew, in place of {path}")


def kept(cache: Path) -> list[str]:
    return [p.name for p in cache.rglob("*") if p.is_file()]


def test_without_a_setting_files_come_from_the_site():
    mirror = choose_mirror(None, SITE, SETTING)
    assert mirror == Mirror(SITE, None, SITE, SETTING)
    assert mirror.origin == SITE
    assert mirror.publisher("a/b") == "https://example.org/a/b"


def test_the_setting_names_a_folder_or_an_address(monkeypatch, tmp_path):
    monkeypatch.setenv(SETTING, str(tmp_path))
    assert choose_mirror(None, SITE, SETTING).folder == tmp_path
    assert choose_mirror(None, SITE, SETTING).origin == "mirror folder (CRAMPS_TEST)"
    monkeypatch.setenv(SETTING, "http://localhost:1/x")
    assert choose_mirror("", SITE, SETTING).address == "http://localhost:1/x/"


def test_what_is_asked_for_goes_before_the_setting(monkeypatch, tmp_path):
    monkeypatch.setenv(SETTING, "http://localhost:1/x")
    assert choose_mirror(tmp_path, SITE, SETTING).folder == tmp_path


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(
        DatasetError, match=r"there is no folder .*gone.*Set CRAMPS_TEST to a folder or an addr"
    ):
        choose_mirror(tmp_path / "gone", SITE, SETTING)


def test_a_file_of_a_folder_is_used_where_it_is(tmp_path, cache):
    (tmp_path / "m" / "a").mkdir(parents=True)
    (tmp_path / "m" / "a" / "file").write_bytes(GOOD)
    mirror = choose_mirror(tmp_path / "m", SITE, SETTING)
    assert fetch(mirror, "a/file", expect_good) == tmp_path / "m" / "a" / "file"
    assert fetch(mirror, "a/other", expect_good) is None
    assert kept(cache) == []


def test_a_download_is_kept_for_the_user_alone_and_not_asked_for_again(server, cache):
    mirror = choose_mirror(server, SITE, SETTING)
    first = fetch(mirror, "a/file", expect_good)
    assert first is not None
    assert first.read_bytes() == GOOD
    assert fetch(mirror, "a/file", expect_good) == first
    assert Misbehaving.asked == ["/site/a/file"]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_what_was_spoilt_in_the_cache_is_fetched_anew(server):
    mirror = choose_mirror(server, SITE, SETTING)
    first = fetch(mirror, "a/file", expect_good)
    assert first is not None
    first.write_bytes(GOOD[:9])
    assert fetch(mirror, "a/file", expect_good) == first
    assert first.read_bytes() == GOOD
    assert len(Misbehaving.asked) == 2


def test_the_case_of_a_name_in_a_folder_does_not_matter(tmp_path):
    (tmp_path / "FILE.XPT").write_bytes(GOOD)
    assert fetch(choose_mirror(tmp_path, SITE, SETTING), "FILE.xpt", expect_good) == tmp_path / "FILE.XPT"


def test_two_mirrors_do_not_share_what_is_kept(server):
    one, other = (choose_mirror(server + part, SITE, SETTING) for part in ("", "/other"))
    assert fetch(one, "file", expect_good) != fetch(other, "file", expect_good)
    assert Misbehaving.asked == ["/site/file", "/site/other/file"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "moved",
            r"there is no file at http.*/moved .status 404.: it may have moved. Set CRAMPS_TEST to a fold",
        ),
        ("broken", r"/broken answered with status 503. Try again later. Set CRAMPS_TEST"),
        (
            "cut",
            r"/cut could not be fetched .ChunkedEncodingError.. Check the network and try again. Set CRAM",
        ),
        (
            "silent",
            r"/silent could not be fetched .ConnectionError.. Check the network and try again. Set CRA",
        ),
        (
            "empty",
            r"http.*/empty was not kept: 'empty' is not the file. Fetch it anew, in place of .*/a/empty$",
        ),
        (
            "page",
            r"http.*/page was not kept: 'page' is not the file. Fetch it anew, in place of .*cache.*/a/page$",
        ),
    ],
)
def test_a_server_that_misbehaves_leaves_no_bad_file(server, cache, name, told):
    with pytest.raises(DatasetError, match=told):
        fetch(choose_mirror(server, SITE, SETTING), f"a/{name}", expect_good)
    assert kept(cache) == []


def test_a_server_that_is_not_there(cache):
    with pytest.raises(DatasetError, match=r"could not be fetched .ConnectionError.. Check the network"):
        fetch(choose_mirror("http://127.0.0.1:9/", SITE, SETTING), "file", expect_good)
    assert kept(cache) == []


def test_a_full_disk_is_told_as_such(server, cache, monkeypatch):
    def full(self: object, url: str, output: str, pooch: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", full)
    with pytest.raises(DatasetError, match="the disk is full. Nothing half-written is left. Free some space"):
        fetch(choose_mirror(server, SITE, SETTING), "a/file", expect_good)
    assert kept(cache) == []


def test_a_cache_that_cannot_be_made(server, monkeypatch, tmp_path):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "taken"))
    with pytest.raises(
        DatasetError, match="the cache folder .* cannot be written.*Set CRAMPS_CACHE to a folder"
    ):
        fetch(choose_mirror(server, SITE, SETTING), "a/file", expect_good)


def test_without_a_setting_the_cache_is_the_users(monkeypatch):
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_folder().name == "cramps-toolkit"


def test_the_publishers_site_is_not_asked_for_what_only_mirrors_hold():
    assert fetch_optional(choose_mirror(None, SITE, SETTING), "MARK") is None


def test_what_only_mirrors_hold_is_asked_for_anew_each_time(server):
    mirror = choose_mirror(server, SITE, SETTING)
    for _ in range(2):
        found = fetch_optional(mirror, "MARK")
        assert found is not None
        assert found.read_bytes() == GOOD
    assert Misbehaving.asked == ["/site/MARK"] * 2
    assert fetch_optional(mirror, "moved") is None
    with pytest.raises(DatasetError, match="status 503"):
        fetch_optional(mirror, "broken")


def test_what_a_folder_may_hold(tmp_path):
    mirror = choose_mirror(tmp_path, SITE, SETTING)
    assert fetch_optional(mirror, "MARK") is None
    (tmp_path / "MARK").write_text("")
    assert fetch_optional(mirror, "MARK") == tmp_path / "MARK"
