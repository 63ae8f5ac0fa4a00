"""Fixtures that more than one test file uses."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes
import pytest
import skimage

import neural_style
from neural_style import images
from neural_style.images import Image

if TYPE_CHECKING:
    import keras

    from neural_style import FeatureModel

neural_style.tune_tensorflow()  # as the command line and the examples, which tests run in here

LAYERS = (
    *(f"block{block}_conv1" for block in range(1, 6)),
    *(f"block{block}_conv2" for block in (4, 1, 2, 3, 5)),
)


def pytest_configure(config: pytest.Config) -> None:
    processes.register(config)


@pytest.fixture(autouse=True)
def default_signals() -> Iterator[None]:
    """Python's own handlers; under `nohup`, or behind a shell's `&`, signals begin ignored."""
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in usual.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def tiny_network() -> keras.Model:
    """Ten small convolutions under VGG's names, with one pooling, seeded."""
    import keras

    inputs = keras.Input((None, None, 3))
    x = inputs
    for seed, name in enumerate(LAYERS):
        start = keras.initializers.HeNormal(seed)
        x = keras.layers.Conv2D(
            4, 3, padding="same", activation="relu", kernel_initializer=start, name=name
        )(x)
        if seed == 1:
            x = keras.layers.MaxPooling2D(name="pool")(x)
    return keras.Model(inputs, x, name="tiny")


@pytest.fixture(scope="session")
def tiny(tiny_network: keras.Model) -> FeatureModel:
    from neural_style import FeatureModel

    return FeatureModel(tiny_network, preprocess=lambda image: image / 127.5 - 1)


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default loss has the weight of its content without small runs that search for it."""
    from neural_style.recipes import transfer

    monkeypatch.setattr(transfer, "content_weight", lambda *pair, **options: 0.03)


@pytest.fixture(scope="session")
def vgg19() -> FeatureModel:
    from neural_style import FeatureModel

    return FeatureModel("vgg19")


@pytest.fixture(scope="session")
def pictures() -> Path:
    """The folder of pictures in scikit-image's wheel."""
    return Path(skimage.__file__).parent / "data"


@pytest.fixture
def photo() -> Image:
    return images.noise((24, 32), uniform=(0, 255), seed=1)


@pytest.fixture
def painting() -> Image:
    return images.noise((20, 28), uniform=(0, 255), seed=2)


class Server(ThreadingHTTPServer):
    """Gives one answer to every request, and counts the requests."""

    answer = b""
    requests = 0
    together: threading.Barrier | None = None  # what every answer waits for, halfway

    def publish(self, body: bytes, status: str = "200 OK", length: int | None = None) -> None:
        length = len(body) if length is None else length
        self.answer = f"HTTP/1.0 {status}\r\nContent-Length: {length}\r\n\r\n".encode() + body

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gives up is part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        half = len(self.server.answer) // 2
        self.wfile.write(self.server.answer[:half])
        if self.server.together:
            self.server.together.wait(60)
        self.wfile.write(self.server.answer[half:])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on this machine that answers what it is told to publish."""
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
