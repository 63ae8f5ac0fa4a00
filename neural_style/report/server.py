"""`serve`: one file over HTTP, to this machine only.

    with serve("run.html") as server:
        print(server.url)      # http://127.0.0.1:43210/

The only address is ``/``. It gives the current file, or a page that waits until the file exists. A
request must be a GET or a HEAD, and its Host header must name this server. So a page of another
site cannot read the file through a domain name that it points to this machine. The page may load
nothing from elsewhere. The time and length of a request and the number of connections are limited;
the server closes a connection beyond these limits.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import socket
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, LineTooLong
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

from neural_style.errors import OptionError
from neural_style.utils.files import as_path, open_file

_log = logging.getLogger(__name__)

_SECONDS = 30.0  # of a request, with its answer
_BYTES = 2**14  # of what it asks, with its headers
_AT_ONCE = 32  # connections, each with a thread
_RELOAD = 1  # seconds until a browser looks for a page that is not there yet
_WAITING = (
    f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="{_RELOAD}">'
    "<title>Waiting for the page</title>"
    "<p>The page does not exist yet. It appears as soon as it is written."
).encode()
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """A server that runs in its own thread until it is closed; ``url`` is its address."""

    daemon_threads = True

    def __init__(self, path: Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.path = path
        self.url = f"http://127.0.0.1:{self.server_port}/"
        names = ("127.0.0.1", "localhost")
        self.hosts = {f"{name}:{self.server_port}" for name in names}
        if self.server_port == 80:  # HTTP's own, which a browser leaves out
            self.hosts |= {*names}
        self._began: dict[socket.socket, float] = {}  # of each connection
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server and free its port."""
        self.shutdown()
        self._thread.join()
        self._cut_off(before=float("inf"))
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, unless there are too many."""
        if len(self._began) >= _AT_ONCE:
            self.shutdown_request(request)
            return
        self._began[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._began.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Close connections that take too long; called ten times per second."""
        self._cut_off(before=time.monotonic() - _SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error, unless a client disconnected or asked for too much."""
        if not isinstance(sys.exception(), OSError | HTTPException):
            _log.error("A request to %s failed.", self.url, exc_info=True)

    def _cut_off(self, before: float) -> None:
        for connection, began in [*self._began.items()]:
            if began < before:
                with suppress(OSError):  # it has just ended
                    connection.shutdown(socket.SHUT_RDWR)


def serve(path: str | os.PathLike[str], port: int = 0) -> Server:
    """Serve a file, such as a report, for a browser on this machine.

    Parameters
    ----------
    path
        The HTML file. It may not exist yet.
    port
        A port of 127.0.0.1; 0 chooses a free one.

    Returns
    -------
    Server
        Open its ``url``. ``with``, ``close()`` or the end of the process closes it.

    Raises
    ------
    OptionError
        The path is invalid or a folder, or the port cannot be used.
    """
    path = as_path(path, "path", OptionError).absolute()
    if os.path.isdir(path):
        raise OptionError(f"{path}: expected a file to serve, but this is a folder; name the file.")
    try:
        return Server(path, port)
    except (OSError, OverflowError, TypeError) as error:
        raise OptionError(
            f"port: {port!r} of 127.0.0.1 cannot be used ({error}); choose another, or 0 for any."
        ) from error


class _Head:
    """The head of a request, with a limit on its length."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = _BYTES
        self.close = file.close

    def readline(self, size: int = -1) -> bytes:
        line = self._file.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("request")
        return line


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 10  # seconds that a client may be silent
    server_version = sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile: Any = _Head(self.rfile)

    def do_GET(self) -> None:
        named = [host.lower() for host in self.headers.get_all("Host", [])]
        if len(named) != 1 or named[0] not in self.server.hosts:
            self.send_error(HTTPStatus.FORBIDDEN, "The Host header is not this server's")
            return
        if self.path != "/":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        file: IO[bytes]
        try:
            file = open_file(self.server.path)
            length = os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            file, length = io.BytesIO(_WAITING), len(_WAITING)
        except (OSError, ValueError):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile)

    do_HEAD = do_GET  # noqa: N815

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: a library does not log requests."""
