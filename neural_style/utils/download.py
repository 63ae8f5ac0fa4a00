"""Files known by their hash: found in Keras' cache, or fetched from the first source that has them.

    problem = defect(path, accepts)                    # why a file cannot be used, or None
    looked = obtain(path, accepts, sources, "…")       # -> a reason for each place; [] on success

``accepts`` tells whether a file's bytes are the published ones. A source is a pair: its name
in messages, and a function that writes the file to a given path or raises any exception. The
file is written under a temporary name, checked, and only then renamed. So there is never half
a file, and two processes can fetch it at once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.request import BaseHandler, Request

from neural_style.utils.files import atomic, make_folder, open_file

Check: TypeAlias = Callable[[Path], bool]
Source: TypeAlias = tuple[str, Callable[[Path], object]]

ABSENT = "not there"
_CORRUPT = "there, but corrupt or truncated (its hash is wrong)"
_TIMEOUT = 60.0
_MOST = 2**28

_log = logging.getLogger(__name__)


def keras_home() -> Path:
    """The folder that holds Keras' caches: ``$KERAS_HOME``, else ``~/.keras``."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def has_digest(path: Path, digest: str, algorithm: str = "sha256") -> bool:
    """Whether the file's bytes have the published hash."""
    with open_file(path) as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest


def defect(path: Path, accepts: Check) -> str | None:
    """Why a file cannot be used, in words, or None if it is the published file."""
    try:
        return None if accepts(path) else _CORRUPT
    except FileNotFoundError:
        return ABSENT
    except OSError as error:
        return f"cannot be read ({error})"


def obtain(path: Path, accepts: Check, sources: Iterable[Source], what: str) -> list[str]:
    """Fetch the published file to ``path``, unless it is already there.

    Parameters
    ----------
    path
        The file's place in a cache. Its folder is created; a wrong file is replaced.
    accepts
        The check that every file must pass.
    sources
        Where to fetch it from, in this order.
    what
        The file's name in the log.

    Returns
    -------
    list of str
        A line for each place that was tried, with the reason why it failed. Empty if the file
        is at ``path``.
    """
    problem = defect(path, accepts)
    if problem is None:
        return []
    if problem == _CORRUPT:
        _log.warning("%s is corrupt or truncated and will be replaced.", path)
    looked = [f"{path}: {problem}"]
    try:
        make_folder(path.parent)
    except OSError as error:
        return [*looked, f"nowhere else, because {path.parent} cannot be written to ({error})"]
    for origin, fetch in sources:
        _log.info("fetching %s from %s", what, origin)
        try:
            with atomic(path) as part:
                fetch(part)
                if not accepts(part):
                    raise OSError("the file is corrupt or cut off (its hash is wrong)")
        except Exception as error:  # a source fails in any way it likes; the next may not
            looked.append(f"{origin}: {error}")
            _log.info("it could not be fetched: %s", error)
        else:
            _log.info("%s: saved to %s", what, path)
            return []
    return looked


def download(
    url: str,
    part: Path,
    *,
    headers: Mapping[str, str] | None = None,
    handlers: Iterable[BaseHandler] = (),
) -> str:
    """Download a URL to ``part``; https is never redirected to an unencrypted URL.

    The ``headers`` are not sent to redirected addresses. A file of more than 256 MB, several times
    the size of the largest published file, is refused. Returns the URL that answered.
    """
    opener = urllib.request.build_opener(_Redirects, *handlers)
    request = Request(url)
    for name, value in (headers or {}).items():
        request.add_unredirected_header(name, value)
    with opener.open(request, timeout=_TIMEOUT) as response, open(part, "wb") as file:
        while block := response.read(2**16):
            file.write(block)
            if file.tell() > _MOST:
                raise OSError(f"it is larger than {_MOST:,} bytes")
        return str(response.url)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise OSError(f"it redirects to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
