"""A server that misbehaves in each of the ways in which servers disappoint, by the name asked for."""

import gzip
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

GOOD = b"the file" * 10_000
REVISED = b"new file" * 10_000
PIECE = 3 << 13  # bytes that come before the connection breaks: whole chunks of the client


@dataclass
class Seen:
    """What was asked of the server."""

    paths: list[str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    open_now: int = 0
    most_open: int = 0

    def ranges(self) -> list[str]:
        return [head.get("Range", "") for head in self.heads]

    def forget(self) -> None:
        self.__init__()  # type: ignore[misc]


class Misbehaving(BaseHTTPRequestHandler):
    seen: ClassVar[Seen] = Seen()
    counting: ClassVar[threading.Lock] = threading.Lock()

    def do_GET(self) -> None:
        with self.counting:
            self.seen.paths.append(self.path)
            self.seen.heads.append(dict(self.headers))
            self.seen.times[self.path] += 1
            self.seen.open_now += 1
            self.seen.most_open = max(self.seen.most_open, self.seen.open_now)
        name = self.path.rsplit("/", 1)[-1]
        getattr(self, f"give_{name.partition('-')[0]}", self.give_good)()
        with self.counting:
            self.seen.open_now -= 1

    @property
    def times_asked(self) -> int:
        return self.seen.times[self.path]

    def give_good(self) -> None:
        self.answer(GOOD)

    def give_slow(self) -> None:
        time.sleep(0.1)
        self.answer(GOOD)

    def give_dripping(self) -> None:
        """Give a byte at a time, too slowly to be worth waiting for."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(GOOD)))
        self.end_headers()
        with suppress(OSError):
            for byte in GOOD[:100]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.02)

    def give_endless(self) -> None:
        """Give data without an end and without saying how much."""
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(GOOD)

    def give_circle(self) -> None:
        """Redirect to the same place."""
        self.send_response(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give_moved(self) -> None:
        self.send_error(404)

    def give_broken(self) -> None:
        self.send_error(503)

    def give_forbidden(self) -> None:
        self.send_error(403)

    def give_busy(self) -> None:
        self.ask_for_rest("7")

    def give_busydate(self) -> None:
        self.ask_for_rest(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))

    def give_resting(self) -> None:
        self.refuse("7200")

    def ask_for_rest(self, retry_after: str) -> None:
        if self.times_asked == 1:
            self.refuse(retry_after)
        else:
            self.answer(GOOD)

    def refuse(self, retry_after: str) -> None:
        self.send_response(429)
        self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give_cut(self) -> None:
        """Break off always, a little later each time; know no parts."""
        self.answer(GOOD[: PIECE + self.times_asked], len(GOOD))

    def give_parts(self) -> None:
        """Break off after every PIECE; know parts."""
        start = self.asked_from()
        self.partial(start, GOOD[start : start + PIECE])

    def give_noparts(self) -> None:
        """Break off once; give the whole file whatever part is asked for."""
        self.answer(GOOD[:PIECE] if self.times_asked == 1 else GOOD, len(GOOD), tag='"1"')

    def give_revised(self) -> None:
        """Break off once; then the file is another one, so that If-Range gives all of it."""
        if self.times_asked == 1:
            self.answer(GOOD[:PIECE], len(GOOD), tag='"1"')
        elif self.headers["If-Range"] == '"2"':
            self.partial(self.asked_from(), REVISED[self.asked_from() :])
        else:
            self.answer(REVISED, tag='"2"')

    def give_otherpart(self) -> None:
        """Break off once; then give another part than the one asked for."""
        if self.times_asked == 1:
            self.answer(GOOD[:PIECE], len(GOOD), tag='"1"')
        elif "Range" in self.headers:
            self.partial(0, GOOD)
        else:
            self.answer(GOOD)

    def give_nosuchpart(self) -> None:
        """Break off once; then deny that there is such a part."""
        if self.times_asked == 1:
            self.answer(GOOD[:PIECE], len(GOOD), tag='"1"')
        elif "Range" in self.headers:
            self.send_error(416)
        else:
            self.answer(GOOD)

    def give_silent(self) -> None:
        self.close_connection = True

    def give_empty(self) -> None:
        self.answer(b"")

    def give_packed(self) -> None:
        self.answer(gzip.compress(GOOD), encoding="gzip")

    def give_halved(self) -> None:
        self.answer(GOOD, told_length=len(GOOD) // 2)

    def give_reset(self) -> None:
        self.answer(GOOD[: len(GOOD) // 2], told_length=len(GOOD))
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def give_page(self) -> None:
        self.answer(b"<!DOCTYPE html><html>Sorry</html>")

    def asked_from(self) -> int:
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))

    def partial(self, start: int, content: bytes) -> None:
        self.send_response(206 if "Range" in self.headers else 200)
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{len(GOOD) - 1}/{len(GOOD)}")
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(GOOD) - start))
        self.end_headers()
        self.wfile.write(content)

    def answer(
        self, content: bytes, told_length: int | None = None, tag: str = "", encoding: str = ""
    ) -> None:
        self.send_response(200)
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(content) if told_length is None else told_length))
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def misbehaving_server() -> Iterator[str]:
    """Run the server; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/site"
        running.shutdown()
        thread.join()
