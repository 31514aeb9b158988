"""A file comes whole over a connection that breaks, from a server that is busy, in one version."""

import errno
import multiprocessing
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.messages import mentioning
from tests.support.misbehaving_server import GOOD, PIECE, REVISED, Misbehaving, misbehaving_server
from toolkit.files import http as room
from toolkit.files.http import (
    TRIES,
    Pace,
    StoppedError,
    claimed,
    requested_rest,
    transfer,
    user_agent,
    version_note,
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with misbehaving_server() as address:
        yield address


class Unhurried(Pace):
    """Remembers how long it was told to rest, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[float] = []
        self.paused: list[float] = []

    def hold(self, seconds: float) -> None:
        self.held.append(seconds)

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)


@pytest.fixture
def pace() -> Unhurried:
    Misbehaving.seen.forget()
    return Unhurried()


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "part"


def bring(url: str, part: Path, pace: Pace) -> tuple[bytes, int]:
    """Transfer; give what came and how many bytes were told."""
    told: list[int] = []
    with claimed(part) as file:
        transfer(url, file, part, pace, told.append)
    return part.read_bytes(), sum(told)


def test_a_good_file_comes_in_one_go_and_the_project_names_itself(server, part, pace):
    assert (GOOD, len(GOOD)) == bring(f"{server}/good", part, pace)
    [head] = Misbehaving.seen.heads
    assert head["User-Agent"] == user_agent()
    assert "cramps-toolkit" in head["User-Agent"]
    assert head["Accept-Encoding"] == "identity"
    assert pace.paused == []


def test_what_breaks_off_is_taken_up_there(server, part, pace):
    assert (GOOD, len(GOOD)) == bring(f"{server}/parts", part, pace)
    assert ["", f"bytes={PIECE}-", f"bytes={2 * PIECE}-", f"bytes={3 * PIECE}-"] == Misbehaving.seen.ranges()
    assert Misbehaving.seen.heads[1]["If-Range"] == '"1"'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("noparts", (GOOD, 2)),
        ("revised", (REVISED, 2)),
        ("otherpart", (GOOD, 3)),
        ("nosuchpart", (GOOD, 3)),
    ],
)
def test_a_server_that_does_not_continue_gives_the_file_from_its_start(server, part, pace, name, expected):
    whole, told = bring(f"{server}/{name}", part, pace)
    assert expected == (whole, len(Misbehaving.seen.heads))
    assert len(whole) == told


def test_what_an_earlier_process_left_is_taken_up_if_its_version_is_known(server, part, pace):
    part.write_bytes(GOOD[:500])
    version_note(part).write_text('"1"')
    assert (GOOD, len(GOOD) - 500) == bring(f"{server}/parts", part, pace)
    assert "bytes=500-" == Misbehaving.seen.ranges()[0]


def test_what_an_earlier_process_left_is_not_joined_to_an_unknown_version(server, part, pace):
    part.write_bytes(REVISED[:500])
    assert GOOD == bring(f"{server}/parts", part, pace)[0]
    assert Misbehaving.seen.ranges()[0] == ""


def test_pauses_double_and_vary(server, part, pace):
    with pytest.raises(OSError, match=mentioning("503")):
        bring(f"{server}/broken", part, pace)
    assert TRIES == len(Misbehaving.seen.heads)
    assert TRIES - 1 == len(pace.paused)
    assert all(2**k / 2 <= pause <= 2**k for k, pause in enumerate(pace.paused))
    assert len({pause / 2**k for k, pause in enumerate(pace.paused)}) > 1


def test_pauses_have_an_upper_bound(monkeypatch, server, part, pace):
    monkeypatch.setattr(room, "TRIES", 9)
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    with pytest.raises(OSError, match=mentioning("503")):
        bring(f"{server}/broken", part, pace)
    assert [1, 2, 4, 8, 16, 30, 30, 30] == pace.paused


def test_a_busy_server_gets_the_rest_that_it_asks_for(server, part, pace):
    assert GOOD == bring(f"{server}/busy", part, pace)[0]
    assert [7.0] == pace.held


def test_rest_may_be_asked_for_by_the_clock(server, part, pace):
    assert GOOD == bring(f"{server}/busydate", part, pace)[0]
    [held] = pace.held
    assert 80 < held <= 90


@pytest.mark.parametrize(("name", "status"), [("moved", 404), ("forbidden", 403), ("resting", 429)])
def test_an_answer_that_will_stay_the_same_is_not_asked_for_again(server, part, pace, name, status):
    with pytest.raises(OSError) as raised:  # noqa: PT011 - the status says which
        bring(f"{server}/{name}", part, pace)
    assert status == raised.value.response.status_code
    assert 1 == len(Misbehaving.seen.heads)


def test_the_disk_is_not_tried_again(server, part, pace, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(room._Target, "write", full)
    with pytest.raises(OSError, match=mentioning("No space left")):
        bring(f"{server}/good", part, pace)
    assert 1 == len(Misbehaving.seen.heads)


def test_whoever_is_told_to_stop_stops(server, part):
    pace = Pace()
    pace.stop.set()
    with pytest.raises(StoppedError):
        bring(f"{server}/good", part, pace)


def test_all_rest_when_one_is_told_to():
    pace = Pace()
    pace.hold(0.05)
    pace.hold(0.01)
    waited: list[float] = []
    pace.pause = waited.append  # type: ignore[method-assign]
    pace.wait()
    assert waited
    assert 0 < waited[0] <= 0.05


def hold_then_move(part: str, ready: object, leave: object) -> None:
    with claimed(Path(part)) as file:
        file.write(b"whole")
        ready.set()  # type: ignore[attr-defined]
        leave.wait(10)  # type: ignore[attr-defined]
        Path(part).rename(Path(part).with_name("kept"))


def test_a_second_process_waits_and_does_not_write_into_what_the_first_moved_away(part):
    process = multiprocessing.get_context("spawn")
    ready, leave = process.Event(), process.Event()
    first = process.Process(target=hold_then_move, args=(str(part), ready, leave))
    first.start()
    assert ready.wait(30)
    leave.set()
    with claimed(part) as file:
        file.write(b"mine")
    first.join()
    assert part.with_name("kept").read_bytes() == b"whole"
    assert part.read_bytes() == b"mine"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("", 0.0), ("soon", 0.0)])
def test_the_rest_that_an_answer_requests(header, seconds):
    answer = requests.Response()
    answer.headers["Retry-After"] = header
    assert seconds == requested_rest(requests.HTTPError(response=answer))
    assert 0.0 == requested_rest(requests.ConnectionError())
