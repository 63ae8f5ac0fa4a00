"""`serve`: one file over HTTP, to this machine alone.

    with serve("run.html") as server:
        print(server.url)      # http://127.0.0.1:43210/

There is one address, ``/``, and what it gives is the file as it is then; until there is one, a
page that waits for it. A request must be a GET
or a HEAD, and its Host header must name this server, so that a page of another site cannot read
the file through a name that it points to this machine. The page may load nothing from elsewhere.
"""

from __future__ import annotations

import os
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from neural_style.errors import OptionError
from neural_style.files import as_path

_RELOAD = 1  # seconds until a browser looks for a page that is not there yet
_WAITING = (
    f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="{_RELOAD}">'
    "<title>Not there yet</title><p>The page is not there yet; it is shown as soon as it is."
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
    """A server in a thread of its own, until it is closed; ``url`` is where a browser finds it."""

    daemon_threads = True

    def __init__(self, path: Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.path = path
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and give the port back."""
        self.shutdown()
        self._thread.join()
        self.server_close()


def serve(path: str | os.PathLike[str], port: int = 0) -> Server:
    """Show a file, such as a report, in a browser of this machine.

    Parameters
    ----------
    path
        The file, HTML. It need not be there yet.
    port
        Of 127.0.0.1; 0 is any that is free.

    Returns
    -------
    Server
        It has a ``url``, and is closed by ``with``, by ``close()``, or with the process.

    Raises
    ------
    OptionError
        The path is none or a folder, or the port cannot be had.
    """
    path = as_path(path, "path", OptionError).absolute()
    if os.path.isdir(path):
        raise OptionError(f"{path}: expected a file to serve, but this is a folder; name the file.")
    try:
        return Server(path, port)
    except (OSError, OverflowError, TypeError) as error:
        raise OptionError(
            f"port: {port!r} of 127.0.0.1 cannot be had ({error}); choose another, or 0 for any."
        ) from error


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 10  # seconds that a client may be silent
    server_version = sys_version = ""

    def do_GET(self) -> None:
        if self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
            self.send_error(HTTPStatus.FORBIDDEN, "The Host header is not this server's")
            return
        try:
            content = self.server.path.read_bytes() if self.path == "/" else None
        except FileNotFoundError:
            content = _WAITING
        except (OSError, ValueError):
            content = None
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a library does not print."""
