"""How weights and pictures are cached and fetched, and that only the published bytes are used."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.client
import io
import json
import logging
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
import urllib.response
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pytest

from neural_style.errors import DatasetError, StyleError, WeightsError
from neural_style.features import weights
from neural_style.images import datasets
from neural_style.utils import download, package_index

if TYPE_CHECKING:
    from conftest import Server

NOWHERE = "http://127.0.0.1:1"
BYTES = b"the published bytes " * 5000
ENCODED = base64.b64encode(BYTES).decode()
OUTPUTS = [{"output_type": "display_data", "data": {"image/png": ENCODED}}]
CELLS = [{"cell_type": "code", "source": "plt.show()", "outputs": OUTPUTS}]
NOTEBOOK = json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": CELLS}).encode()
DIGEST, OF_NOTEBOOK = (hashlib.sha256(content).hexdigest() for content in (BYTES, NOTEBOOK))


class File(NamedTuple):
    """A file that a module of the library finds by its key."""

    module: Any
    function: str
    key: str
    source: Callable[[str], Any]  # its entry in the module's table, from the URL of a server
    error: type[StyleError]
    fetched: str  # how a message names it
    place: str = ""
    published: bytes = BYTES  # what the server sends

    @property
    def path(self) -> Path:
        """Its place in the cache."""
        path: Path = self.module.cache_folder() / self.module.SOURCES[self.key].filename
        return path

    def find(self) -> Path:
        """Look for it."""
        found: Path = getattr(self.module, self.function)(self.key)
        return found

    def store(self, content: bytes) -> None:
        """Write a file to its place in the cache."""
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(content)


picture = functools.partial(File, datasets, "path", "tiny", error=DatasetError)
FILES = {
    "weights": File(
        *(weights, "find", "vgg19"),
        lambda url: weights.Source(f"{url}/file", "sha256", DIGEST, "", ""),
        WeightsError,
        "the vgg19 weights (60 to 80 MB)",
    ),
    "picture": picture(
        lambda url: datasets.Remote("tiny.png", DIGEST, f"{url}/file"), fetched="the picture tiny"
    ),
    "notebook": picture(
        lambda url: datasets.Displayed("tiny.png", DIGEST, f"{url}/file", OF_NOTEBOOK, 1),
        fetched="the picture tiny",
        place="PNG number 1 in the notebook ",
        published=NOTEBOOK,
    ),
}


@pytest.fixture(params=FILES)
def file(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> File:
    """A file that a server publishes, with an empty cache and no other source."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("NEURAL_STYLE_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(package_index, "_configured", lambda: {"global.index-url": NOWHERE})
    found = FILES[request.param]
    server.publish(found.published)
    monkeypatch.setattr(found.module, "SOURCES", {found.key: found.source(server.url)})
    return found


# --- the cache


@pytest.mark.parametrize(
    ("variable", "folder"), [("", ".keras"), ("~/elsewhere", "elsewhere"), ("/abs", "/abs")]
)
def test_the_cache_is_keras_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, folder: str
) -> None:
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", variable)
    assert weights.cache_folder() == tmp_path / folder / "models"
    assert datasets.cache_folder() == tmp_path / folder / "datasets" / "neural-style"


def test_a_sound_cached_file_is_used_without_the_network(file: File, server: Server) -> None:
    file.store(BYTES)
    assert file.find() == file.path
    assert server.requests == 0


@pytest.mark.parametrize("content", [b"", BYTES[:-1], BYTES[:-1] + b"?"])
def test_a_corrupt_cached_file_is_named_and_replaced(
    file: File, server: Server, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file.store(content)
    assert file.find().read_bytes() == BYTES
    assert f"{file.path} is corrupt or truncated and will be replaced" in caplog.text
    assert list(file.path.parent.iterdir()) == [file.path]
    assert server.requests == 1


def test_a_corrupt_cached_file_is_never_used_and_never_lost(
    file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.store(BYTES[:-1])
    monkeypatch.setitem(file.module.SOURCES, file.key, file.source(NOWHERE))
    with pytest.raises(
        file.error, match=rf"{re.escape(str(file.path))}: there, but corrupt or truncated"
    ):
        file.find()
    assert list(file.path.parent.iterdir()) == [file.path]


def test_a_folder_in_the_place_of_the_cached_file_is_named(file: File) -> None:
    file.path.mkdir(parents=True)
    with pytest.raises(file.error, match=rf"{re.escape(str(file.path))}: cannot be read"):
        file.find()
    assert list(file.path.parent.iterdir()) == [file.path]


def test_a_cache_that_cannot_be_created_is_named_and_nothing_is_fetched(
    file: File, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(file.error, match=r"file.\S+ cannot be written to .*\s.*KERAS_HOME"):
        file.find()
    assert server.requests == 0


def test_a_read_only_cache_is_named_and_nothing_is_fetched(
    file: File, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: Any) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", denied)
    message = rf"{re.escape(str(file.path.parent))} cannot be written to .*Permission denied"
    with pytest.raises(file.error, match=message):
        file.find()
    assert server.requests == 0


# --- the download


def test_a_download_is_checked_cached_and_found_again(
    file: File, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert file.find() == file.find() == file.path
    assert file.path.read_bytes() == BYTES
    assert list(file.path.parent.iterdir()) == [file.path]
    assert server.requests == 1
    assert f"fetching {file.fetched} from {file.place}{server.url}/file" in caplog.text


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"body": b"", "status": "404 Not Found"}, "404"),
        ({"body": BYTES[:-1] + b"?"}, "corrupt or cut off"),
        ({"body": BYTES[:-9], "length": len(BYTES)}, "corrupt or cut off|IncompleteRead"),
        ({"body": b"<html>Please log in</html>"}, "corrupt or cut off"),
        (None, "nonsense"),
    ],
    ids=["missing", "wrong bytes", "cut off", "login page", "no HTTP"],
)
def test_a_download_that_fails_is_explained_and_leaves_nothing(
    file: File, server: Server, answer: dict[str, Any] | None, message: str
) -> None:
    if answer is None:
        server.answer = b"nonsense\r\n\r\n"
    else:
        server.publish(**answer)
    with pytest.raises(file.error, match=rf"(?m)^  - {file.place}{server.url}/file: .*({message})"):
        file.find()
    assert not list(file.path.parent.iterdir())


def test_a_server_that_falls_silent_is_not_waited_for(
    file: File, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.together = threading.Barrier(2)  # the second party is the end of this test
    monkeypatch.setattr(download, "_TIMEOUT", 0.2)
    with pytest.raises(file.error, match="timed out"):
        file.find()
    server.together.abort()
    assert not list(file.path.parent.iterdir())


def test_tls_is_never_left(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(_: Any, request: urllib.request.Request) -> Any:
        asked.append(request.full_url)
        headers = http.client.HTTPMessage()
        headers["Location"] = "http://example.org/file"
        response: Any = urllib.response.addinfourl(io.BytesIO(), headers, request.full_url, 302)
        response.msg = "Found"
        return response

    monkeypatch.setattr(urllib.request.HTTPSHandler, "https_open", answer)
    monkeypatch.setattr(urllib.request.HTTPHandler, "http_open", answer)
    monkeypatch.setitem(file.module.SOURCES, file.key, file.source("https://example.org"))
    with pytest.raises(file.error, match=r"redirects to http://example\.org/file, which is"):
        file.find()
    assert asked == ["https://example.org/file"]
    assert not list(file.path.parent.iterdir())


def test_a_server_that_sends_without_end_is_not_listened_to(
    file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST", len(file.published) - 1)
    with pytest.raises(file.error, match=r"it is larger than [\d,]+ bytes"):
        file.find()
    assert not list(file.path.parent.iterdir())


def test_ctrl_c_during_a_download_leaves_nothing(
    file: File, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [file.published[:100]]

    def interrupted(*_: Any) -> bytes:
        if not blocks:
            raise KeyboardInterrupt
        return blocks.pop()

    monkeypatch.setattr(http.client.HTTPResponse, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        file.find()
    assert server.requests == 1
    assert not list(file.path.parent.iterdir())


@pytest.mark.slow
def test_two_processes_that_fetch_at_once_both_get_the_file(file: File, server: Server) -> None:
    code = (
        f"import {file.module.__name__} as module\n"
        f"module.SOURCES = {{{file.key!r}: module.{file.module.SOURCES[file.key]!r}}}\n"
        f"print(module.{file.function}({file.key!r}))\n"
    )
    server.together = threading.Barrier(2)  # neither ends before both are halfway
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert printed == [str(file.path)] * 2
    assert server.requests == 2
    assert file.path.read_bytes() == BYTES
    assert list(file.path.parent.iterdir()) == [file.path]
