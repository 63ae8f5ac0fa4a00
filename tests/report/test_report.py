"""The report of a run, as a file, as it is served, and in a browser where there is one."""

from __future__ import annotations

import contextlib
import html.parser
import http.client
import itertools
import json
import math
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neural_style import FeatureModel, Result, Step, callbacks, images, minimize
from neural_style.errors import ImageError, OptionError
from neural_style.extensions import Content, TotalVariation
from neural_style.images import Image
from neural_style.report import curves, report
from neural_style.report import server as serving
from neural_style.report.page import TEMPLATES
from neural_style.runs.result import Entry

HOSTILE = "</script><script>alert('x')</script>\" onerror=alert(1) {{ name }} {% raw %} &amp; <b>"
VOID = {"meta", "link", "img", "input", "br"}
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class Document(html.parser.HTMLParser):
    """The elements of a page, with their attributes and texts; open and closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> list[str]:
        return [data for name, data in self.texts if name == tag]

    @property
    def reloads(self) -> bool:
        return any(meta.get("http-equiv") == "refresh" for meta in self.all("meta"))


def entry(
    evaluation: int, scale: int = 0, loss: float = 2.0, weighted: dict[str, float] | None = None
) -> Entry:
    weighted = weighted or {"content": loss / 2, "gram": loss / 2}
    return Entry(evaluation, scale, loss, weighted, weighted, evaluation / 4, scale)


def result(image: Image, *history: Entry, reason: str = "enough") -> Result:
    last = history[-1]
    return Result(
        image=image,
        loss=last.loss,
        terms=last.terms,
        weighted=last.weighted,
        history=history,
        evaluations=last.evaluation,
        rounds=1,
        seconds=last.seconds,
        seed=7,
        reason=reason,
        scale=last.scale,
    )


@pytest.fixture
def page(photo: Image, painting: Image, tmp_path: Path) -> Path:
    """The report of a run of two scales."""
    history = [entry(n, loss=90 / n) for n in range(1, 41)]
    history += [entry(n, 1, loss=40 / n) for n in range(41, 81)]
    style = [painting, images.noise((30, 12), seed=3, uniform=(0, 255))]
    loss = 2 * Content(photo) + TotalVariation()
    return report.write(
        result(255 - photo, *history), tmp_path / "run.html", content=photo, style=style, loss=loss,
        settings={"optimizer": "LBFGS()"},
    )  # fmt: skip


def test_a_page_has_every_part(page: Path, photo: Image) -> None:
    document = Document(page)
    assert document.all("html") == [{"lang": "en"}]
    assert document.text("h1") == ["Style transfer: run.html"]
    headings = ["The result", "Styles", "Losses", "The run", "How to repeat the run"]
    assert document.text("h2") == headings
    assert [image["alt"] for image in document.all("img")] == [
        "The picture that the run made", "The content picture", "Style picture 1", "Style picture 2"
    ]  # fmt: skip
    (slider,) = document.all("input")
    assert slider["type"] == "range"
    assert slider["id"] in [label["for"] for label in document.all("label")]
    shown = document.text("pre")
    for fact in ("80", "enough", "7", "LBFGS()", "20.0 s", "4", "32×24 pixels"):
        assert fact in shown
    assert str(2 * Content(photo) + TotalVariation()) in shown
    assert "loss 0.5 after 80 evaluations in 20 s: enough" in document.text("p")
    assert not document.reloads


def test_a_page_has_nothing_from_elsewhere(page: Path) -> None:
    for tag, attributes in Document(page).elements:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:"), tag
        assert not any(name.startswith("on") for name in attributes)
    assert "http://" not in page.read_text(encoding="utf-8")
    assert "https://" not in page.read_text(encoding="utf-8")


def test_ids_are_unique(page: Path) -> None:
    ids = [attributes["id"] for _, attributes in Document(page).elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_text_is_escaped(photo: Image, tmp_path: Path) -> None:
    history = entry(1, weighted={HOSTILE: 1.0, "surrogate \udcff": 1.0})
    path = tmp_path / "<i>&.html"
    report.write(
        result(photo, history, reason=HOSTILE), path, content=photo, style=photo,
        loss=Content(photo, name=HOSTILE), settings={HOSTILE: HOSTILE},
    )  # fmt: skip
    document = Document(path)
    assert len(document.all("script")) == 1
    assert not document.all("b")
    assert not document.all("i")
    assert not any("onerror" in attributes for _, attributes in document.elements)
    assert "Style transfer: <i>&.html" in document.text("h1")
    assert document.text("th").count(HOSTILE) == 2  # the term and the setting
    assert document.text("pre").count(HOSTILE) == 2  # the reason and the setting
    assert HOSTILE in document.text("title")


def test_a_page_is_bounded(tmp_path: Path) -> None:
    noise = images.noise((1600, 1600), uniform=(0, 255))
    names = [f"term {n}" for n in range(40)]
    history = [entry(n, weighted=dict.fromkeys(names, 1 / n)) for n in range(1, 5000)]
    path = report.write(
        result(noise, *history, reason="x" * 10**6), tmp_path / "run.html",
        content=noise, style=[noise[:500, :500]] * 20, settings={"long": "y" * 10**7},
    )  # fmt: skip
    assert path.stat().st_size < 5e6
    document = Document(path)
    assert len(document.all("img")) == 18
    assert "4 more are not shown." in document.text("p")
    assert "… (9996000 more characters)" in "".join(document.text("pre"))


def test_only_what_is_known_is_shown(photo: Image, tmp_path: Path) -> None:
    document = Document(report.write(result(photo, entry(1)), tmp_path / "run.html"))
    assert len(document.all("img")) == 1
    assert document.all("input") == []
    assert document.text("h2") == ["The result", "Losses", "The run", "How to repeat the run"]


@pytest.mark.parametrize("name", ["", "file/run.html", "nul\0.html"])
def test_a_report_needs_a_file_that_can_be_written(photo: Image, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="the report cannot be written"):
        report.write(result(photo, entry(1)), tmp_path / name)
    with pytest.raises(OptionError, match="the report cannot be written"):
        callbacks.report(tmp_path / name)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_report_needs_pictures_and_a_number(photo: Image, tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    with pytest.raises(ImageError, match="style 2: expected"):
        callbacks.report(path, style=[photo, photo[..., 0]])
    with pytest.raises(OptionError, match="every: expected a positive whole number"):
        callbacks.report(path, every=0)


@pytest.mark.slow
def test_a_run_is_told_while_it_goes_on_and_after_it(
    tiny: FeatureModel, photo: Image, tmp_path: Path
) -> None:
    path = tmp_path / "run.html"
    page = callbacks.report(path, content=photo, every=4)
    seen: list[tuple[int, str]] = []

    def read(step: Step) -> None:
        assert list(tmp_path.iterdir()) == [path]  # and no part of a file
        document = Document(path)
        assert document.reloads
        seen.append((step.evaluation, document.text("p")[0]))

    def run() -> Result:
        return minimize(Content(255 - photo), tiny, photo, evaluations=15, callbacks=[page, read])

    ended = run()
    numbers = [number for number, _ in seen]
    written = [min(n for n in numbers if n >= due) for due in (1, 4, 8, 12)]
    told = [int(re.findall(r"Running; evaluation (\d+) of 15", text)[0]) for _, text in seen]
    assert told == [max(n for n in written if n <= number) for number in numbers]
    over = Document(path)
    assert not over.reloads
    assert over.text("p")[0].startswith(f"The run is over; evaluation {numbers[-1]} of 15, loss ")
    page.finish(ended)
    finished = Document(path)
    assert finished.text("p")[0] == str(ended)
    assert [text for text in finished.text("figcaption") if text.startswith("evaluation")] == [
        f"evaluation {number}" for number in written
    ]
    first = len(seen)
    run()  # another one begins anew
    assert "Running; evaluation 1 of 15" in seen[first][1]
    page.finish(ended)
    assert Document(path).text("figcaption") == finished.text("figcaption")


def test_a_run_that_breaks_is_told(tiny: FeatureModel, photo: Image, tmp_path: Path) -> None:
    def fail(step: Step) -> None:
        raise RuntimeError("<no> more")

    page = callbacks.report(tmp_path / "run.html")
    with pytest.raises(RuntimeError):
        minimize(TotalVariation(), tiny, photo, callbacks=[page, fail])
    document = Document(tmp_path / "run.html")
    assert not document.reloads
    assert "Stopped by RuntimeError: <no> more; evaluation 1 of" in document.text("p")[0]


def test_a_disk_that_refuses_does_not_end_the_run(
    tiny: FeatureModel, photo: Image, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    page = callbacks.report(folder / "run.html")
    folder.rmdir()
    ended = minimize(TotalVariation(), tiny, photo, evaluations=3, callbacks=[page])
    assert ended.evaluations == 3
    assert "run.html could not be written" in caplog.text
    caplog.clear()
    page.finish(ended)
    assert "run.html could not be written" in caplog.text


def test_pictures_along_the_way_are_few_and_even(photo: Image, tmp_path: Path) -> None:
    page = callbacks.report(tmp_path / "run.html", every=1)
    with page:
        for n in range(1, 101):
            page(Step(**vars(entry(n)), evaluations=100, image=photo))
    _, *shown = Document(tmp_path / "run.html").text("figcaption")
    numbers = [int(text.split()[-1]) for text in shown]
    assert numbers == list(range(1, 101, 16))


def drawing(history: list[Entry], budget: int = 1) -> str:
    svg = TEMPLATES.get_template("curves.svg")
    return svg.render(chart=curves.chart(history, budget))


def test_a_curve_stands_where_its_values_are() -> None:
    history = [entry(1, loss=100, weighted={"a": 100.0}), entry(2, loss=10, weighted={"a": 1.0})]
    svg = ElementTree.fromstring(drawing(history, budget=4))
    loss, term = (path.get("d") for path in svg.findall("path"))
    # 66 … 540 across for 0 … 4, 290 … 26 up for 1 … 100.
    assert loss == "M184.5 26.0L303.0 158.0"
    assert term == "M184.5 26.0L303.0 290.0"
    labels = [text.text for text in svg.findall("text")]
    assert " ".join(map(str, labels)) == "1 2 5 10 20 50 100 0 1 2 3 4 evaluations"
    assert [e.tag for e in svg[:2]] == ["title", "desc"]
    assert "loss from 100 to 10; a from 100 to 1." in (svg[1].text or "")


def test_the_scales_of_a_run_are_told_apart() -> None:
    history = [entry(1, 0), entry(3, 0), entry(4, 1), entry(8, 1)]
    svg = ElementTree.fromstring(drawing(history))
    bands = [(float(r.get("x", "")), float(r.get("width", ""))) for r in svg.findall("rect")]
    assert bands == [(66, 177.8), (243.8, 296.2)]  # 0 to 3 and 3 to 8 of 8
    assert [t.text for t in svg.findall("text")][:2] == ["scale 1", "scale 2"]
    assert all((path.get("d") or "").count("M") == 2 for path in svg.findall("path"))
    assert ElementTree.fromstring(drawing(history[:2])).findall("rect") == []


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, 1e-9])
def test_what_has_no_place_on_the_axis_is_a_gap(bad: float) -> None:
    history = [entry(n, weighted={"a": bad if n == 3 else 1.0}) for n in range(1, 6)]
    svg = ElementTree.fromstring(drawing(history))
    loss, term = (path.get("d") or "" for path in svg.findall("path"))
    assert (loss.count("M"), term.count("M")) == (1, 2)


@pytest.mark.parametrize("value", [5e-324, 1.7e308, 1.0, 0.0, -3.0])
def test_any_loss_can_be_drawn(value: float) -> None:
    svg = drawing([entry(1, loss=value), entry(2, loss=value)])
    assert "nan" not in svg
    assert "inf" not in svg
    assert ElementTree.fromstring(svg).get("role") == "img"


def test_lines_of_terms_differ() -> None:
    assert len({tuple(curves.stroke(number).items()) for number in range(17)}) == 17


def ask(server: report.Server, method: str = "GET", path: str = "/", **headers: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def question(server: report.Server) -> bytes:
    return f"GET / HTTP/1.0\r\nHost: localhost:{server.server_port}\r\n\r\n".encode()


@pytest.fixture
def served(page: Path) -> Iterator[report.Server]:
    with report.serve(page) as server:
        yield server


def test_a_server_gives_its_file_as_it_is(served: report.Server, page: Path) -> None:
    status, headers, body = ask(served)
    assert (status, body) == (200, page.read_bytes())
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    page.write_text("new")
    assert ask(served)[2] == b"new"
    assert ask(served, "HEAD")[1]["Content-Length"] == "3"
    assert ask(served, "HEAD")[2] == b""
    page.unlink()
    status, _, body = ask(served)
    assert status == 200
    assert b'http-equiv="refresh"' in body


@pytest.mark.parametrize("path", ["/run.html", "/..", "/../run.html", "/?", "/%2e", "*"])
def test_a_server_has_nothing_else(served: report.Server, path: str) -> None:
    assert ask(served, path=path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_a_server_takes_no_commands(served: report.Server, method: str) -> None:
    assert ask(served, method)[0] == 501


def test_a_server_answers_to_its_own_name_alone(served: report.Server) -> None:
    port = served.server_port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert ask(served, Host=host)[0] == 200
    for host in ("127.0.0.1", "localhost", f"evil.example:{port}", f"localhost:{port + 1}", ""):
        status, headers, body = ask(served, Host=host)
        assert status == 403
        assert b"Style transfer" not in body
        assert headers["X-Content-Type-Options"] == "nosniff"
    for hosts in (b"", f"Host: localhost:{port}\r\nHost: evil.example\r\n".encode()):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n" + hosts + b"\r\n")
            assert b" 403 " in connection.makefile("rb").readline()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to a pipe"])
def test_a_server_waits_for_nothing_that_is_no_file(
    served: report.Server, page: Path, kind: str
) -> None:
    page.unlink()
    if kind == "device":
        page.symlink_to("/dev/zero")
    elif kind == "folder":
        page.mkdir()
    else:
        os.mkfifo(page if kind == "pipe" else page.with_name("pipe"))
    if kind.startswith("link"):
        page.symlink_to(page.with_name("pipe"))
    assert ask(served)[0] == 404


def test_a_large_file_is_served_in_parts(served: report.Server, page: Path) -> None:
    with page.open("r+b") as file:
        file.truncate(2**40)
    with socket.create_connection(("127.0.0.1", served.server_port), timeout=30) as connection:
        connection.sendall(question(served))
        assert b" 200 " in connection.makefile("rb").readline()


def test_a_client_that_goes_away_is_no_error(
    page: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    page.write_bytes(bytes(2**24))
    with report.serve(page) as server:
        for sent in (b"", b"GET / HT", question(server)):
            with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
                connection.sendall(sent)
                gone = struct.pack("ii", 1, 0)  # a reset, in place of an end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, gone)
        assert ask(server)[0] == 200
    assert capfd.readouterr().err == ""
    assert not caplog.records


def trickle(connection: socket.socket) -> None:
    """Send a request without end, letter by letter."""
    for letter in itertools.cycle(b"GET"):
        connection.sendall(bytes([letter]))
        time.sleep(0.05)


def test_a_client_has_a_limited_time(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_SECONDS", 0.5)
    with report.serve(page) as server:
        address = "127.0.0.1", server.server_port
        with socket.create_connection(address, timeout=30) as slow, pytest.raises(ConnectionError):
            trickle(slow)
        assert ask(server)[0] == 200


def test_a_client_has_a_limited_length(served: report.Server) -> None:
    assert ask(served, **{"X-Long": "x" * 2**14})[0] == 431
    with (
        socket.create_connection(("127.0.0.1", served.server_port), timeout=30) as connection,
        contextlib.suppress(ConnectionError),
    ):
        connection.sendall(b"x" * 2**20)
        assert connection.recv(1) == b""
    assert ask(served)[0] == 200


def test_there_are_so_many_clients_at_once(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_AT_ONCE", 2)
    with report.serve(page) as server, contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port)))
        while len(server._began) < 2:
            time.sleep(0.01)
        before = threading.active_count()
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(server)
        assert threading.active_count() == before
        stack.close()
        while server._began:
            time.sleep(0.01)
        assert ask(server)[0] == 200


def test_the_port_of_http_is_left_out_of_a_host(page: Path) -> None:
    try:
        server = report.serve(page, 80)
    except OptionError as error:
        pytest.skip(str(error))
    with server:
        for host in ("localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:80"):
            assert ask(server, Host=host)[0] == 200
        assert ask(server, Host="evil.example")[0] == 403


def test_a_server_is_on_this_machine_alone_and_gives_its_port_back(page: Path) -> None:
    with report.serve(page) as server:
        assert server.server_address[0] == "127.0.0.1"
        with pytest.raises(OptionError, match=r"port: \d+ of 127.0.0.1 cannot be used"):
            report.serve(page, server.server_port)
    with report.serve(page, server.server_port) as again:
        assert ask(again)[0] == 200


def test_a_server_needs_a_file_and_a_port(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="expected a file to serve, but this is a folder"):
        report.serve(tmp_path)
    with pytest.raises(OptionError, match="path: expected a path, got 5"):
        report.serve(5)  # type: ignore[arg-type]
    for port in (70000, -1, "80"):
        with pytest.raises(OptionError, match="cannot be used"):
            report.serve(tmp_path / "run.html", port)  # type: ignore[arg-type]


class Browser:
    """Chromium without a window, told what to do over its debugging pipe."""

    def __init__(self, folder: Path) -> None:
        assert BROWSER is not None
        theirs_in, self.input = os.pipe()
        self.output, theirs_out = os.pipe()
        # The pipe is descriptors 3 and 4, by definition.
        launch = (
            "import fcntl, os, sys; "
            "a, b = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]); "
            "os.dup2(a, 3); os.dup2(b, 4); os.execv(sys.argv[3], sys.argv[3:])"
        )
        arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--remote-debugging-pipe",
            f"--user-data-dir={folder}", "about:blank",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", launch, str(theirs_in), str(theirs_out), BROWSER, *arguments],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer = b""
        self.session: str | None = None
        self.number = 0
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        os.close(self.input)
        os.close(self.output)

    def receive(self, seconds: float = 60) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.output], [], [], max(0, end - time.monotonic()))
            more = os.read(self.output, 1 << 20) if ready else b""
            if not more:
                raise TimeoutError("the browser says nothing")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        received: dict[str, Any] = json.loads(message)
        if "method" in received:
            self.events.append(received)
        return received

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.input, json.dumps(message).encode() + b"\0")
        while (received := self.receive()).get("id") != self.number:
            pass
        assert "error" not in received, received
        answer: dict[str, Any] = received["result"]
        return answer

    def wait(self, event: str) -> None:
        """Until there is an event that has not been seen when this is called."""
        while self.receive().get("method") != event:
            pass

    def show(self, url: str, width: int = 1000, height: int = 800) -> None:
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        self.call("Page.navigate", url=url)
        while not self.happened("Page.loadEventFired"):
            self.receive()

    def happened(self, event: str) -> list[dict[str, Any]]:
        return [each["params"] for each in self.events if each["method"] == event]

    def value(self, script: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self) -> list[Any]:
        names = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [each for name in names for each in self.happened(name)]

    def requests(self) -> set[str]:
        urls = [each["request"]["url"] for each in self.happened("Network.requestWillBeSent")]
        return {url for url in urls if not url.startswith("data:")}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if BROWSER is None:
        pytest.skip("there is no Chromium or Chrome on the path")
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(params=["file", "server"])
def url(request: pytest.FixtureRequest, page: Path, served: report.Server) -> str:
    return page.as_uri() if request.param == "file" else served.url


SHOWN = """(() => {
  const over = document.querySelector('.over');
  return [document.getElementById('cut').value, getComputedStyle(over).clipPath];
})()"""


def test_the_slider_moves_by_keyboard_and_nothing_leaves_the_page(
    browser: Browser, url: str
) -> None:
    browser.show(url)
    assert browser.value(SHOWN)[0] == "50"
    half = browser.value(SHOWN)[1]
    browser.value("document.getElementById('cut').focus()")
    for _ in range(3):
        key: dict[str, Any] = {"key": "ArrowRight", "code": "ArrowRight"}
        browser.call("Input.dispatchKeyEvent", type="keyDown", windowsVirtualKeyCode=39, **key)
        browser.call("Input.dispatchKeyEvent", type="keyUp", windowsVirtualKeyCode=39, **key)
    value, clip = browser.value(SHOWN)
    assert value == "53"
    assert clip != half
    assert "47%" in clip or "53%" in clip
    assert browser.complaints() == []
    assert browser.requests() == {url}


OVERFLOWING = """(() => {
  const wide = document.documentElement.clientWidth;
  const scrolled = (e) => e.closest('.wide') && !e.classList.contains('wide');
  return [...document.querySelectorAll('body *')].filter(
    (e) => !scrolled(e) && e.getBoundingClientRect().right > wide + 0.5
  ).map((e) => e.tagName).concat(document.documentElement.scrollWidth > wide ? ['page'] : []);
})()"""


@pytest.mark.parametrize("width", [320, 360, 800, 1600])
def test_nothing_overflows(browser: Browser, photo: Image, tmp_path: Path, width: int) -> None:
    name = "a_term_with_a_name_that_is_far_too_long_for_a_phone" * 3
    path = report.write(
        result(photo, entry(1), entry(2), reason="x" * 300) if width == 360
        else result(photo, entry(1, weighted={name: 1.0})),
        tmp_path / f"{'y' * 200}.html", content=photo, style=[photo] * 3, loss=Content(photo),
        settings={name: name},
    )  # fmt: skip
    browser.show(path.as_uri(), width)
    assert browser.value("innerWidth") == width
    assert browser.value(OVERFLOWING) == []


PLACES = "[...document.querySelectorAll('#pictures figure')].map(f => f.getBoundingClientRect().x)"


def test_without_scripts_the_pictures_are_side_by_side(browser: Browser, page: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.show(page.as_uri())
        left, right = browser.value(PLACES)
        assert left < right
        assert browser.value("document.getElementById('cut').offsetParent === null")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    browser.show(page.as_uri())
    left, right = browser.value(PLACES)
    assert left == right
    assert browser.value("document.getElementById('cut').offsetParent !== null")


@pytest.mark.slow
def test_a_page_of_a_run_loads_itself_again_until_the_end(
    browser: Browser, photo: Image, tmp_path: Path
) -> None:
    path = tmp_path / "run.html"
    status: Callable[[], Any] = lambda: browser.value("document.querySelector('p').textContent")  # noqa: E731
    with callbacks.report(path, content=photo) as page:
        page(Step(**vars(entry(1)), evaluations=9, image=photo))
        with report.serve(path) as server:
            browser.show(server.url)
            assert status().startswith("Running; evaluation 1 of 9")
            page.finish(result(photo, entry(9), reason="enough"))
            browser.wait("Page.loadEventFired")
            assert "after 9 evaluations" in status()
            assert browser.complaints() == []
            assert browser.requests() == {server.url}


def test_a_page_of_a_run_that_was_killed_is_loaded_ever_more_seldom(
    browser: Browser, photo: Image, tmp_path: Path
) -> None:
    path = tmp_path / "run.html"
    page = callbacks.report(path, content=photo)
    page(Step(**vars(entry(1)), evaluations=9, image=photo))
    text = path.read_text("utf-8")
    before = (datetime.now() - timedelta(hours=2)).astimezone().isoformat()
    path.write_text(re.sub('(<time datetime=")[^"]*', rf"\g<1>{before}", text), "utf-8")
    waits = "window.waits = []; window.setTimeout = (f, wait) => waits.push(wait)"
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=waits)
    try:
        browser.show(path.as_uri())
        (wait,) = browser.value("waits")
        status = browser.value("document.querySelector('[role=status]').textContent")
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", **script)
    assert wait == pytest.approx(720e3, rel=0.05)
    assert status.endswith("No update for 120 minutes: the run is slow, or was stopped.")
    assert browser.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_can_be_told_from_the_paper(
    browser: Browser, page: Path, scheme: str
) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.call("Emulation.setEmulatedMedia", features=[feature])
    browser.show(page.as_uri())
    style = "getComputedStyle(document.querySelector('{}')).{}"
    paper, *inks = (
        luminance(browser.value(style.format(selector, name)))
        for selector, name in [
            ("body", "backgroundColor"), ("body", "color"), ("figcaption", "color"),
            (".note", "color"), (".curves text", "fill"),
        ]
    )  # fmt: skip
    browser.call("Emulation.setEmulatedMedia", features=[])
    assert (paper < 0.1) == (scheme == "dark")
    for ink in inks:
        low, high = sorted((ink, paper))
        assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG's AA


def luminance(color: str) -> float:
    """WCAG's relative luminance of a CSS color.

    >>> luminance("rgb(255, 255, 255)")
    1.0
    """
    channels = np.array([float(n) for n in re.findall(r"[\d.]+", color)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
