"""Where pip's settings say that a package is, and that its file comes from there as it is."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from neural_style.utils import package_index
from neural_style.utils.package_index import DEFAULT, Settings, fetch, settings

pytestmark = pytest.mark.slow

FILE, RIGHT, WRONG = "own-1.0.tar.gz", b"the right one", b"another"
LINKS = f'<a href="../other-1.0.tar.gz">x</a><A HREF="../../files/{FILE}#sha256=0">{FILE}</A>'


class Index(ThreadingHTTPServer):
    """An index on this machine: answers by their paths, of which some need a user."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, bytes] = {}
        self.user = ""
        self.asked: list[tuple[str, str | None]] = []

    def url(self, user: str = "") -> str:
        return f"http://{user}{'@' * bool(user)}127.0.0.1:{self.server_port}/simple"


class Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        given = self.headers["Authorization"]
        self.server.asked.append((self.path, given))
        wanted = f"Basic {base64.b64encode(self.server.user.encode()).decode()}"
        answer = self.server.answers.get(self.path)
        if answer is None or (self.server.user and given != wanted):
            self.send_error(404 if answer is None else 401)
            return
        self.send_response(302 if answer.startswith(b"http") else 200)
        if answer.startswith(b"http"):
            self.send_header("Location", answer.decode())
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with Index() as server:
        server.answers = {"/simple/own/": LINKS.encode(), f"/files/{FILE}": RIGHT}
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have pip's configuration say what is given."""

    def configure(**values: str) -> None:
        known = {f"global.{name.replace('_', '-')}": value for name, value in values.items()}
        monkeypatch.setattr(package_index, "_configured", lambda: known)

    return configure


def fetched(folder: Path) -> bytes:
    part = folder / "part"
    fetch("own", FILE, lambda path: path.read_bytes() == RIGHT, part)
    return part.read_bytes()


def test_an_index_has_it(index: Index, configure: Callable[..., None], tmp_path: Path) -> None:
    configure(index_url=index.url())
    assert fetched(tmp_path) == RIGHT
    assert [path for path, _ in index.asked] == ["/simple/own/", f"/files/{FILE}"]


def test_a_user_of_an_index_is_told_to_it_alone(
    index: Index, configure: Callable[..., None], tmp_path: Path
) -> None:
    index.user = "me:s%ret"
    configure(index_url=f"{index.url('me:s%25ret')}/")
    assert fetched(tmp_path) == RIGHT
    other = f"http://localhost:{index.server_port}/else/{FILE}"
    index.answers[f"/files/{FILE}"] = other.encode()
    index.answers[f"/else/{FILE}"] = RIGHT
    index.asked.clear()
    with pytest.raises(OSError, match="401") as caught:
        fetched(tmp_path)
    assert index.asked[-1] == (f"/else/{FILE}", None)
    assert "s%" not in str(caught.value)


def test_what_another_place_has_wrong_is_passed_over(
    index: Index, configure: Callable[..., None], tmp_path: Path
) -> None:
    for name, content in (("first", WRONG), ("second", RIGHT)):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE).write_bytes(content)
    configure(
        find_links=f"\n{tmp_path / 'nowhere'}\n{tmp_path / 'first'}\n{tmp_path / 'second'}",
        no_index="true",
    )
    assert fetched(tmp_path) == RIGHT
    assert not index.asked
    (tmp_path / "second" / FILE).unlink()
    with pytest.raises(OSError, match=rf"nowhere.*; .*first has another {FILE}; .*second has no"):
        fetched(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "page", "page's URL", "file", "file's URL"])
def test_links_are_folders_pages_or_files(
    configure: Callable[..., None], tmp_path: Path, kind: str
) -> None:
    file, page = tmp_path / "files" / FILE, tmp_path / "a" / "b" / "page.html"
    for path, content in ((file, RIGHT), (page, LINKS.encode())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    place = {"folder": file.parent, "page": page, "file": file}[kind.removesuffix("'s URL")]
    configure(find_links=place.as_uri() if kind.endswith("URL") else str(place), no_index="1")
    assert fetched(tmp_path) == RIGHT


@pytest.mark.parametrize("page", [True, False])
def test_an_index_is_a_folder(configure: Callable[..., None], tmp_path: Path, page: bool) -> None:
    project = tmp_path / "simple" / "own"
    project.mkdir(parents=True)
    (project / FILE).write_bytes(RIGHT)
    if page:
        (project / "index.html").write_text(f'<a href="{FILE}">x</a>')
    configure(index_url=(tmp_path / "simple").as_uri())
    assert fetched(tmp_path) == RIGHT


def test_plain_http_is_for_hosts_that_are_trusted(
    configure: Callable[..., None], tmp_path: Path
) -> None:
    configure(index_url="http://me:secret@mirror.invalid/simple")
    with pytest.raises(OSError, match="is not encrypted, and not a trusted-host") as caught:
        fetched(tmp_path)
    assert "secret" not in str(caught.value)
    configure(index_url="http://mirror.invalid/simple", trusted_host="mirror.invalid")
    with pytest.raises(OSError, match=r"mirror\.invalid/simple/own/: <urlopen error"):
        fetched(tmp_path)
    configure(no_index="yes")
    with pytest.raises(OSError, match="names no index"):
        fetched(tmp_path)


def test_settings_are_pip_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://one.invalid\nproxy = me\ntrusted-host = A b:1\n"
        "find-links =\n  /a\n  /b\n[download]\nindex-url = https://two.invalid\n"
        "[install]\nindex-url = https://three.invalid\n"
    )
    for name in ("INDEX_URL", "FIND_LINKS", "NO_INDEX", "PROXY", "TRUSTED_HOST"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://four.invalid https://five.invalid")
    monkeypatch.setenv("PIP_CERT", "/certificates")
    (tmp_path / "pip.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    indexes = tuple(f"https://{name}.invalid" for name in ("two", "four", "five"))
    assert settings() == Settings(indexes, ("/a", "/b"), ("a", "b:1"), "me", "/certificates")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("executable", ["", None, "/nowhere/python"])
def test_without_pip_there_is_the_environment_and_the_default(
    monkeypatch: pytest.MonkeyPatch, executable: str | None
) -> None:
    for name in ("INDEX_URL", "FIND_LINKS", "NO_INDEX", "PROXY", "TRUSTED_HOST", "CERT"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://four.invalid")
    monkeypatch.setattr(sys, "executable", executable)
    assert settings() == Settings((DEFAULT, "https://four.invalid"))


def test_a_configuration_that_is_broken_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text("no section")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with pytest.raises(OSError, match="pip's configuration cannot be read: "):
        settings()


def test_the_module_runs_nothing_of_the_current_folder(tmp_path: Path) -> None:
    for name in ("numpy.py", "click.py", "pip.py", "h5py.py", "keras.py"):
        (tmp_path / name).write_text(f"raise SystemExit('{name} is run')")
    command = [sys.executable, "-m", "neural_style", "losses", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
