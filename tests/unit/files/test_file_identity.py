import os
import time

import pytest

from tests.support.messages import mentioning
from toolkit.errors import DatasetError
from toolkit.files import cache
from toolkit.files.cache import expect_unchanged, identify, unchanged

LONG_AGO = time.time() - 3600


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.xpt").write_bytes(b"whole")
    os.utime(tmp_path / "a.xpt", (LONG_AGO, LONG_AGO))
    return tmp_path / "a.xpt"


@pytest.fixture
def settled(path):
    """The file's identity as one who looked at it long after it was written would have it."""
    return {**identify(path), "taken": time.time_ns() + 10**10}


def test_a_file_that_was_left_alone_is_the_same_and_not_read_again(path, settled, monkeypatch):
    monkeypatch.setattr(cache, "sha256_of", lambda _: pytest.fail("read again"))
    assert unchanged(path, settled)


def test_another_content_of_the_same_size_and_time_is_found_out(path, settled):
    path.write_bytes(b"other")
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert not unchanged(path, settled)


def test_another_size_is_found_out_without_reading(path, settled, monkeypatch):
    path.write_bytes(b"longer than before")
    monkeypatch.setattr(cache, "sha256_of", lambda _: pytest.fail("read"))
    assert not unchanged(path, settled)


def test_the_same_content_written_anew_is_the_same(path, settled):
    path.write_bytes(b"whole")
    path.chmod(0o600)
    assert unchanged(path, settled)


def test_a_file_read_in_the_moment_it_was_written_is_held_to_its_hash(path):
    fresh = identify(path)
    hashed = []
    original = cache.sha256_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "sha256_of", lambda p: hashed.append(p) or original(p))
        assert unchanged(path, fresh)
    assert [path] == hashed


def test_a_file_that_is_gone_is_not_the_same(path, settled):
    path.unlink()
    assert not unchanged(path, settled)


def test_a_file_that_changes_while_it_is_read_is_refused(path):
    before = identify(path)
    path.write_bytes(b"other")
    with pytest.raises(DatasetError, match=mentioning("a.xpt'", "changed")):
        expect_unchanged(path, before)
