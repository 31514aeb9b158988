import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from toolkit.files.cache import sha256_of
from toolkit.files.download import HASHES, known_hashes, remember_hash


def test_the_last_hash_of_a_file_holds(tmp_path):
    remember_hash(tmp_path, "a b.xpt", "1" * 64)
    remember_hash(tmp_path, "c.xpt", "2" * 64)
    remember_hash(tmp_path, "a b.xpt", "3" * 64)
    assert {"a b.xpt": "3" * 64, "c.xpt": "2" * 64} == known_hashes(tmp_path)
    assert 0o600 == stat.S_IMODE((tmp_path / HASHES).stat().st_mode)


def test_a_line_that_is_no_hash_is_passed_over(tmp_path):
    remember_hash(tmp_path, "a.xpt", "1" * 64)
    with (tmp_path / HASHES).open("a") as file:
        file.write("12ab  cut.xpt\nnonsense\n")
    assert {"a.xpt"} == set(known_hashes(tmp_path))


def test_several_may_add_at_once(tmp_path):
    names = [f"{number}.xpt" for number in range(200)]
    with ThreadPoolExecutor(8) as several:
        list(several.map(partial(remember_hash, tmp_path, found="4" * 64), names))
    assert dict.fromkeys(names, "4" * 64) == known_hashes(tmp_path)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_reads_the_list(tmp_path):
    (tmp_path / "a.xpt").write_bytes(b"some")
    remember_hash(tmp_path, "a.xpt", sha256_of(tmp_path / "a.xpt"))
    done = subprocess.run(
        ["sha256sum", "-c", HASHES], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "a.xpt: OK\n" == done.stdout
