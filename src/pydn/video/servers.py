"""Servers that show a video while it runs: pictures for browsers, objects for programs."""

from __future__ import annotations

from collections import deque
from http import HTTPStatus

from ..json_array import BEGIN, BETWEEN, END
from ..server import LOCAL, Request, Server
from .sinks import Shown, frame_json, jpeg

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


class MjpegServer(Server):
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

    def answer(self, request: Request) -> None:
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

    def _stream(self, request: Request) -> None:
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


class JsonServer(Server):
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

    def answer(self, request: Request) -> None:
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
