"""Servers that show a video while it runs: pictures for browsers, objects for programs."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, ClassVar

from ..json_array import BEGIN, BETWEEN, END
from .sinks import Shown, frame_json, jpeg

LOCAL = "127.0.0.1"
_CLIENTS = 64
"""More are turned away: each has a thread."""
_STUCK = 10.0
"""Seconds after which a client that takes nothing is left."""
_NOTICE = 0.5
_AGAIN = 1.0
"""Seconds after which the same picture is sent again."""
_QUALITY = 75
_BOUNDARY = "mjpegstream"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pydn</title>
<style>
body { margin: 0; min-height: 100vh; display: flex; align-items: center; justify-content: center; background: #222 }
img { max-width: 100vw; max-height: 100vh }
</style>
</head>
<body><img src="stream" alt="The video is not running."></body>
</html>
"""


class _Server:
    """An HTTP server in threads; subclasses say what a path answers.

    Parameters
    ----------
    port
        0: any that is free.
    address
        Where it listens; other machines can connect only where it is not 127.0.0.1.

    Raises
    ------
    OSError
        If the port is in use or not allowed.
    """

    def __init__(self, port: int, address: str = LOCAL) -> None:
        self.changed = Condition()
        """Notified when there is something new to send, and when the server closes."""
        self.closed = False
        self._clients = 0
        handler = type("Handler", (_Handler,), {"home": self})
        try:
            self._http = ThreadingHTTPServer((address, port), handler)
        except (OSError, OverflowError) as error:
            number = error.errno if isinstance(error, OSError) else errno.EINVAL
            reason = os.strerror(number or errno.EINVAL) if isinstance(error, OSError) else "ports are 1 to 65535"
            raise OSError(number, f"{reason}: choose another port or address", f"{address}:{port}") from None
        self._http.daemon_threads = True
        self._thread = Thread(target=self._http.serve_forever, args=(0.1,), name="pydn-server", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Address to open."""
        return f"http://{self._http.server_address[0]!s}:{self.port}/"

    def close(self) -> None:
        """End all answers and stop."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        with self.changed:  # clients that take what they get see the end of it, the others are left
            self.changed.wait_for(lambda: self._clients == 0, timeout=1.0)

    def answer(self, request: _Handler) -> None:
        """Answer a GET request."""
        raise NotImplementedError

    @contextmanager
    def client(self) -> Iterator[bool]:
        """Count a client; False if there are too many."""
        with self.changed:
            self._clients += 1
            welcome = self._clients <= _CLIENTS
        try:
            yield welcome
        finally:
            with self.changed:
                self._clients -= 1
                self.changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    home: ClassVar[_Server]
    timeout = _STUCK
    server_version = "pydn"
    sys_version = ""

    def do_GET(self) -> None:
        try:
            with self.home.client() as welcome:
                if welcome:
                    self.home.answer(self)
                else:
                    self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
        except OSError:  # the client went away, or takes nothing
            self.close_connection = True

    def begin(self, kind: str, length: int | None = None) -> None:
        """Send the head of an answer."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def whole(self, kind: str, body: bytes) -> None:
        """Send a whole answer."""
        self.begin(kind, len(body))
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing of requests."""


class MjpegServer(_Server):
    """A sink that shows pictures to browsers and players, as many as connect, each as fast as it takes them.

    ``/`` is a page for who asks for HTML, as browsers do, and the stream for everybody else, as of the reference;
    ``/stream`` is the stream (``multipart/x-mixed-replace``), ``/frame.jpg`` the newest picture.
    """

    def __init__(self, port: int, address: str = LOCAL) -> None:
        self._newest: Shown | None = None
        self._encoded: tuple[Shown, bytes] | None = None
        self._number = 0
        super().__init__(port, address)

    def write(self, shown: Shown) -> None:
        """Show a frame; who is still busy with another one gets the next."""
        if self._clients:
            shown.picture  # noqa: B018 (made here, in one thread, rather than by every client)
        with self.changed:
            self._newest = shown
            self._number += 1
            self.changed.notify_all()

    def answer(self, request: _Handler) -> None:
        """Answer a GET request."""
        path = request.path.partition("?")[0]
        if path == "/" and "text/html" in request.headers.get("Accept", ""):
            request.whole("text/html; charset=utf-8", _PAGE.encode())
        elif path in ("/", "/stream"):
            self._stream(request)
        elif path == "/frame.jpg" and (newest := self._after(0)) is not None:
            request.whole("image/jpeg", newest[1])
        else:
            request.send_error(HTTPStatus.NOT_FOUND)

    def _stream(self, request: _Handler) -> None:
        request.begin(f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        boundary = f"--{_BOUNDARY}\r\n".encode()
        request.wfile.write(boundary)
        number = 0
        while (newest := self._after(number)) is not None:
            number, data = newest
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            # Firefox shows a picture when it sees the boundary behind it, so that goes out at once
            request.wfile.write(head.encode() + data + b"\r\n" + boundary)

    def _after(self, number: int) -> tuple[int, bytes] | None:
        """Wait for a frame later than a number; return its number and JPEG, None when there is none any more.

        Where none comes for a while it is the same one again: Chromium shows a picture when the next one begins.
        """
        with self.changed:
            patience = _AGAIN
            while self._number == number and not self.closed and (patience > 0 or self._newest is None):
                self.changed.wait(_NOTICE)
                patience -= _NOTICE
            if self._newest is None or (self._number == number and self.closed):
                return None
            number, shown = self._number, self._newest
        if self._encoded is None or self._encoded[0] is not shown:
            self._encoded = shown, jpeg(shown.picture, _QUALITY)
        return number, self._encoded[1]


class JsonServer(_Server):
    """A sink that sends the objects of every frame, as one JSON array that ends with the video.

    Each client gets the frames from when it connected. One that is slow misses frames; their ``frame_id`` tells.
    """

    def __init__(self, port: int, address: str = LOCAL) -> None:
        self._waiting: list[deque[str]] = []
        super().__init__(port, address)

    def write(self, shown: Shown) -> None:
        """Send a frame's objects."""
        with self.changed:
            if not self._waiting:
                return
            text = frame_json(shown.frame)
            for waiting in self._waiting:
                waiting.append(text)
            self.changed.notify_all()

    def answer(self, request: _Handler) -> None:
        """Answer a GET request."""
        if request.path.partition("?")[0] != "/":
            request.send_error(HTTPStatus.NOT_FOUND)
            return
        mine: deque[str] = deque(maxlen=256)
        with self.changed:
            self._waiting.append(mine)
        try:
            request.begin("application/json")
            before = BEGIN
            while (text := self._next(mine)) is not None:
                request.wfile.write((before + text).encode())
                before = BETWEEN
            request.wfile.write((END if before == BETWEEN else BEGIN + END).encode())
        finally:
            with self.changed:
                self._waiting.remove(mine)

    def _next(self, mine: deque[str]) -> str | None:
        with self.changed:
            while not (mine or self.closed):
                self.changed.wait(_NOTICE)
            return mine.popleft() if mine else None
