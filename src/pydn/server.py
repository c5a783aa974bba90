"""What the project's HTTP servers share: the video's, and the page that shows a training."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, ClassVar

LOCAL = "127.0.0.1"
_CLIENTS = 64
"""More are turned away: each has a thread."""
_STUCK = 10.0
"""Seconds after which a client that takes nothing is left."""


class Server:
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
        handler = type("Handler", (Request,), {"home": self})
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

    def answer(self, request: Request) -> None:
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


class Request(BaseHTTPRequestHandler):
    """A request and the means to answer it."""

    home: ClassVar[Server]
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

    def begin(self, kind: str, length: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Send the head of an answer."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def whole(self, kind: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.begin(kind, len(body), headers)
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing of requests."""
