"""Files come whole from a folder or a server that misbehaves, and no bad file is ever kept."""

import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.messages import mentioning, mentions
from tests.support.misbehaving_server import GOOD, REVISED, Misbehaving, misbehaving_server
from toolkit.errors import DatasetError
from toolkit.files import http
from toolkit.files.cache import CACHE_VARIABLE, CacheWarning, cache_folder
from toolkit.files.download import (
    CONNECTIONS,
    HASHES,
    Mirror,
    Wanted,
    choose_mirror,
    fetch_all,
    fetch_optional,
    known_hashes,
    remember_hash,
)

SITE = "https://example.org/"
SETTING = "CRAMPS_TEST"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with misbehaving_server() as address:
        yield address


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr(http, "_FIRST_PAUSE", 0.0)
    Misbehaving.seen.forget()
    return tmp_path / "cache"


def expect_good(path: Path) -> None:
    if path.read_bytes() != GOOD:
        raise DatasetError(f"'{path.name}' is not the file. Fetch it anew, in place of {path}")


def fetch(mirror: Mirror, path: str, check: Callable[[Path], None]) -> Path | None:
    return fetch_all(mirror, [Wanted(path, check)])[path]


def kept(cache: Path) -> list[str]:
    """Name the files that count as files: not the list of hashes, not what waits to be taken up."""
    found = [p for p in cache.rglob("*") if p.is_file() and p.name != HASHES]
    return [p.name for p in found if p.parent.name != "unfinished"]


def unfinished(cache: Path) -> list[str]:
    return [p.name for p in cache.rglob("unfinished/*")]


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
    with pytest.raises(DatasetError, match=mentioning("gone", "CRAMPS_TEST")):
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
    assert Misbehaving.seen.paths == ["/site/a/file"]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_what_was_spoilt_in_the_cache_is_fetched_anew(server):
    mirror = choose_mirror(server, SITE, SETTING)
    first = fetch(mirror, "a/file", expect_good)
    assert first is not None
    first.write_bytes(GOOD[:9])
    with pytest.warns(CacheWarning, match=mentioning("'file'")):
        assert fetch(mirror, "a/file", expect_good) == first
    assert first.read_bytes() == GOOD
    assert len(Misbehaving.seen.paths) == 2


def test_the_case_of_a_name_in_a_folder_does_not_matter(tmp_path):
    (tmp_path / "FILE.XPT").write_bytes(GOOD)
    assert fetch(choose_mirror(tmp_path, SITE, SETTING), "FILE.xpt", expect_good) == tmp_path / "FILE.XPT"


def test_two_mirrors_do_not_share_what_is_kept(server):
    one, other = (choose_mirror(server + part, SITE, SETTING) for part in ("", "/other"))
    assert fetch(one, "file", expect_good) != fetch(other, "file", expect_good)
    assert Misbehaving.seen.paths == ["/site/file", "/site/other/file"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "moved",
            ("http", "/moved", "404", "CRAMPS_TEST"),
        ),
        ("broken", ("/broken", "503", "CRAMPS_TEST")),
        (
            "cut",
            ("/cut", "ChunkedEncodingError", "CRAMPS_TEST"),
        ),
        ("forbidden", ("/forbidden", "403", "CRAMPS_TEST")),
        ("resting", ("/resting", "429", "120 minutes", "CRAMPS_TEST")),
        (
            "silent",
            ("/silent", "ConnectionError", "CRAMPS_TEST"),
        ),
        (
            "empty",
            ("http", "/empty", "'empty'", "/a/empty"),
        ),
        (
            "page",
            ("http", "/page", "'page'", "/a/page"),
        ),
        ("halved", ("http", "/halved", "'halved'", "/a/halved")),
        ("reset", ("/reset", "CRAMPS_TEST")),
    ],
)
def test_a_server_that_misbehaves_leaves_no_bad_file(server, cache, name, told):
    with pytest.raises(DatasetError, match=mentioning(told)):
        fetch(choose_mirror(server, SITE, SETTING), f"a/{name}", expect_good)
    assert kept(cache) == []
    assert unfinished(cache) == ([f"a%2F{name}"] if name in ("cut", "reset") else [])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("endless", ("http", "/endless", "1 MB", "CRAMPS_TEST")),
        ("dripping", ("http", "/dripping", "ReadTimeout", "CRAMPS_TEST")),
        ("circle", ("http", "/circle", "redirects", "CRAMPS_TEST")),
    ],
)
def test_a_server_that_never_comes_to_an_end_is_left(server, cache, monkeypatch, name, told):
    monkeypatch.setattr(http, "_MOST", 1_000_000)
    monkeypatch.setattr(http, "_TIMEOUT", 0.1)
    monkeypatch.setattr(http, "TRIES", 2)
    with pytest.raises(DatasetError, match=mentioning(told)):
        fetch(choose_mirror(server, SITE, SETTING), f"a/{name}", expect_good)
    assert kept(cache) == []
    assert unfinished(cache) == (["a%2Fdripping"] if name == "dripping" else [])


def test_tables_that_are_forbidden_are_named_and_the_others_kept(server, cache):
    with pytest.raises(DatasetError, match=mentioning("/forbidden", "403")):
        fetch_all(
            choose_mirror(server, SITE, SETTING),
            [Wanted(path, expect_good) for path in ("forbidden", "slow", "slow-2", "good")],
        )
    assert {"good", "slow", "slow-2"} == set(kept(cache))


def test_a_file_that_comes_compressed_is_unpacked(server, cache):
    assert GOOD == fetch(choose_mirror(server, SITE, SETTING), "packed", expect_good).read_bytes()


def test_a_server_without_a_trusted_certificate_is_told_as_such(server, cache):
    secure = server.replace("http://", "https://")
    with pytest.raises(DatasetError, match=mentioning("https", "/good", "certificate", "CRAMPS_TEST")):
        fetch(choose_mirror(secure, SITE, SETTING), "good", expect_good)
    assert kept(cache) == []


def test_a_server_that_is_not_there(cache):
    with pytest.raises(DatasetError, match=mentioning("ConnectionError")):
        fetch(choose_mirror("http://127.0.0.1:9/", SITE, SETTING), "file", expect_good)
    assert kept(cache) == []


def test_a_full_disk_is_told_as_such(server, cache, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(http._Target, "write", full)
    with pytest.raises(DatasetError, match=mentioning("disk is full")):
        fetch(choose_mirror(server, SITE, SETTING), "a/file", expect_good)
    assert kept(cache) == []
    assert unfinished(cache) == []


def test_a_cache_that_cannot_be_made(server, monkeypatch, tmp_path):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "taken"))
    with pytest.raises(DatasetError, match=mentioning("CRAMPS_CACHE")):
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
    assert Misbehaving.seen.paths == ["/site/MARK"] * 2
    assert fetch_optional(mirror, "moved") is None
    with pytest.raises(DatasetError, match=mentioning("503")):
        fetch_optional(mirror, "broken")


def test_what_a_folder_may_hold(tmp_path):
    mirror = choose_mirror(tmp_path, SITE, SETTING)
    assert fetch_optional(mirror, "MARK") is None
    (tmp_path / "MARK").write_text("")
    assert fetch_optional(mirror, "MARK") == tmp_path / "MARK"


# Several files, and the list of their hashes


def wanted(*names: str) -> list[Wanted]:
    return [Wanted(f"a/{name}", expect_good) for name in names]


def test_several_files_come_at_once_over_few_connections(server):
    names = [f"slow-{number}" for number in range(12)]
    found = fetch_all(choose_mirror(server, SITE, SETTING), wanted(*names))
    assert {f"a/{name}": GOOD for name in names} == {name: p.read_bytes() for name, p in found.items() if p}
    assert CONNECTIONS == 4
    assert 1 < Misbehaving.seen.most_open <= CONNECTIONS


def test_every_folder_of_the_cache_is_for_the_user_alone(server, cache):
    fetch(choose_mirror(server, SITE, SETTING), "a/b/file", expect_good)
    modes = {p.relative_to(cache).name: stat.S_IMODE(p.stat().st_mode) for p in cache.rglob("*")}
    assert {"file": 0o600, HASHES: 0o600} == {n: m for n, m in modes.items() if n in ("file", HASHES)}
    assert {0o700} == {m for n, m in modes.items() if n not in ("file", HASHES)}


def test_files_that_moved_are_all_told_and_the_others_kept(server, cache):
    with pytest.raises(DatasetError) as raised:
        fetch_all(choose_mirror(server, SITE, SETTING), wanted("moved", "good", "moved-2"))
    lines = str(raised.value).splitlines()
    assert mentions(lines[0], "2 files")
    assert [line.partition(" (status")[0].rpartition("/")[2] for line in lines[1:]] == ["moved", "moved-2"]
    assert all("CRAMPS_TEST" in line for line in lines[1:])
    assert kept(cache) == ["good"]


def test_a_long_list_of_troubles_is_cut(server):
    with pytest.raises(DatasetError, match=r"\b8 files\b[^\n]*(\n- .*){5}\n- [^\n]*\b3\b[^\n]*$"):
        fetch_all(choose_mirror(server, SITE, SETTING), wanted(*(f"moved-{n}" for n in range(8))))


def test_a_server_that_gives_out_is_not_asked_for_the_rest(server):
    with pytest.raises(DatasetError, match=mentioning("403")):
        fetch_all(choose_mirror(server, SITE, SETTING), wanted(*(f"forbidden-{n}" for n in range(40))))
    assert len(Misbehaving.seen.paths) < 10


def test_two_who_want_the_same_file_ask_once(server):
    mirror = choose_mirror(server, SITE, SETTING)
    with ThreadPoolExecutor(2) as two:
        found = list(two.map(lambda _: fetch(mirror, "a/slow", expect_good), range(2)))
    assert found[0] == found[1]
    assert Misbehaving.seen.paths == ["/site/a/slow"]


def site_folder(cache: Path) -> Path:
    [list_of_hashes] = cache.rglob(HASHES)
    return list_of_hashes.parent


def test_a_file_that_changed_upstream_is_refused_until_the_user_takes_it(server, cache):
    mirror = choose_mirror(server, SITE, SETTING)
    fetch(mirror, "a/file", expect_good)
    remember_hash(site_folder(cache), "a/file", "0" * 64)
    told = mentioning("a/file", "sha256 000000000000…", "cramps download nhanes")
    with pytest.raises(DatasetError, match=told):
        fetch(mirror, "a/file", expect_good)
    assert unfinished(cache) == []
    fetch_all(mirror, wanted("file"), renew=True)
    asked = len(Misbehaving.seen.paths)
    assert fetch(mirror, "a/file", expect_good)
    assert asked == len(Misbehaving.seen.paths)


def test_a_refused_change_leaves_what_was_kept(server, cache):
    mirror = choose_mirror(server, SITE, SETTING)
    first = fetch(mirror, "a/revised", lambda _: None)
    assert first is not None
    assert first.read_bytes() == REVISED
    first.write_bytes(b"spoilt")
    remember_hash(site_folder(cache), "a/revised", "0" * 64)
    with pytest.raises(DatasetError, match=mentioning("a/revised", "cramps download nhanes")):
        fetch(mirror, "a/revised", lambda _: None)
    assert first.read_bytes() == b"spoilt"


def test_hashes_are_listed_once(server, cache):
    mirror = choose_mirror(server, SITE, SETTING)
    for _ in range(2):
        fetch_all(mirror, wanted("good", "good-2"), renew=True)
    assert {"a/good", "a/good-2"} == set(known_hashes(site_folder(cache)))
