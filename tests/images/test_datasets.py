"""Where the examples' pictures are looked for, and that only the published bytes are used."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import pytest

from neural_style import images
from neural_style.errors import DatasetError, OptionError, StyleError
from neural_style.images import datasets
from neural_style.images.datasets import SOURCES, Displayed, Own, Remote, Wheel

if TYPE_CHECKING:
    from conftest import Server

NOWHERE = "http://127.0.0.1:1"
DATA = os.environ.get("NEURAL_STYLE_DATA")  # the real pictures, on a machine that has them


def png(seed: int) -> bytes:
    """A picture of 12×18 pixels."""
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 18, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def cell(*bundles: dict[str, Any]) -> dict[str, Any]:
    outputs = [{"output_type": "display_data", "data": bundle} for bundle in bundles]
    return {"cell_type": "code", "source": "plt.show()", "outputs": outputs}


def ipynb(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": cells}).encode()


PICTURE, FIRST, SECOND, THIRD = map(png, range(4))
PNG_1, PNG_2, PNG_3 = (base64.b64encode(each).decode() for each in (FIRST, SECOND, THIRD))
NOTEBOOK = ipynb(
    {"cell_type": "markdown", "source": "# Montreal"},
    cell(),
    {
        "cell_type": "code",
        "outputs": [{"output_type": "stream", "name": "stdout", "text": ["image/png"]}],
    },
    cell({"text/plain": "<Figure>", "image/png": PNG_1 + "\n"}, {"image/jpeg": PNG_3}),
    # A string may also be a list of its lines.
    cell({"image/png": [PNG_2[:76] + "\n", PNG_2[76:]]}, {"image/png": PNG_3}),
)


@pytest.fixture
def server(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that publishes `PICTURE` as ``tiny``, and is the table's only origin."""
    server.publish(PICTURE)
    publish(monkeypatch, server.url)
    return server


@pytest.fixture(autouse=True)
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no folder and no network: the place of ``tiny.png`` in the cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("NEURAL_STYLE_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    publish(monkeypatch)
    return tmp_path / "keras" / "datasets" / "neural-style" / "tiny.png"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the environment variable names, empty."""
    folder = tmp_path / "my pictures"
    folder.mkdir()
    monkeypatch.setenv("NEURAL_STYLE_DATA", str(folder))
    return folder


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def publish(monkeypatch: pytest.MonkeyPatch, url: str = NOWHERE, notebook: bytes = b"") -> None:
    pictures = (("tiny", PICTURE), ("first", FIRST), ("second", SECOND))
    table = {
        name: Displayed(f"{name}.png", sha256(picture), f"{url}/it.ipynb", sha256(notebook), number)
        if number
        else Remote(f"{name}.png", sha256(picture), f"{url}/{name}.png")
        for number, (name, picture) in enumerate(pictures)
    }
    monkeypatch.setattr(datasets, "SOURCES", table)


def store(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# --- the table


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one."""
    monkeypatch.setattr(datasets, "SOURCES", SOURCES)


@pytest.mark.usefixtures("table")
def test_the_names_are_those_of_the_examples_and_of_scikit_image() -> None:
    assert datasets.names() == [
        "montreal", "fuchun_mountains", "starry_night", "starry_night_640",
        "great_wave", "shipwreck_640", "coastal_scene", "perth_skyline",
        "astronaut", "coffee", "chelsea", "rocket", "ihc", "hubble_deep_field", "retina",
    ]  # fmt: skip


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("name", [n for n, s in SOURCES.items() if isinstance(s, Own)])
def test_the_library_s_own_paintings_are_small_and_come_with_their_notice(name: str) -> None:
    path = datasets.path(name)
    assert path.stat().st_size < 150_000
    notice = (path.parent / "NOTICE.txt").read_text("utf-8")
    assert "The MIT License" in notice
    assert path.name in notice


@pytest.mark.parametrize("name", [n for n, s in SOURCES.items() if isinstance(s, Wheel)])
def test_the_pictures_that_need_no_network_are_credited(name: str) -> None:
    credits = (Path(__file__).parents[2] / "examples" / "CREDITS.md").read_text("utf-8")
    assert SOURCES[name].digest in credits


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_a_picture_of_its_name_with_a_sha256(name: str) -> None:
    source = SOURCES[name]
    assert re.fullmatch("[0-9a-f]{64}", source.digest)
    assert source.filename in (f"{name}.png", f"{name}.jpg")  # where a folder is looked in


@pytest.mark.parametrize("name", [n for n, s in SOURCES.items() if isinstance(s, Remote)])
def test_an_origin_is_one_commit_over_tls(name: str) -> None:
    source = SOURCES[name]
    assert isinstance(source, Remote)
    address = r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/.+\.(ipynb|jpg)"
    assert re.fullmatch(address, source.url)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("name", [n for n in SOURCES if DATA or isinstance(SOURCES[n], Wheel)])
def test_the_published_pictures_are_found_without_a_network(
    monkeypatch: pytest.MonkeyPatch, cached: Path, name: str
) -> None:
    monkeypatch.setenv("NEURAL_STYLE_DATA", DATA or "")
    picture = datasets.load(name, long_side=96)
    assert max(picture.shape) == 96
    assert picture.std() > 20
    assert not cached.parent.exists()


def test_an_unknown_name_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(
        DatasetError, match=r"unknown picture 'tinny': did you mean 'tiny'\? Known: ti"
    ):
        datasets.path("tinny")
    with pytest.raises(
        DatasetError, match=r"Read your own picture with neural_style\.images\.load"
    ):
        datasets.load("holiday/photo.jpg")
    assert issubclass(DatasetError, StyleError)


def test_a_wheel_without_the_picture_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(datasets, "SOURCES", {"tiny": Wheel("tiny.png", sha256(PICTURE))})
    monkeypatch.setattr("skimage.__file__", str(tmp_path / "skimage" / "__init__.py"))
    place = tmp_path / "skimage" / "data" / "tiny.png"
    with pytest.raises(
        DatasetError, match=rf"{re.escape(str(place))}: not there\s+Reinstall scikit"
    ):
        datasets.path("tiny")
    store(place, PICTURE[:-1])
    with pytest.raises(DatasetError, match=r"tiny\.png: there, but corrupt or truncated"):
        datasets.path("tiny")
    store(place, PICTURE)
    assert datasets.path("tiny") == place


def test_importing_it_imports_no_tensorflow() -> None:
    code = (
        "import sys\n"
        "from neural_style import datasets\n"
        "print({'keras', 'tensorflow'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- the user's folder


@pytest.mark.parametrize("filename", ["tiny.png", "tiny.jpg"])
def test_the_users_folder_comes_first(
    folder: Path, cached: Path, server: Server, filename: str
) -> None:
    store(folder / filename, PICTURE)
    store(cached, PICTURE)
    assert datasets.path("tiny") == folder / filename
    assert server.requests == 0


def test_the_users_folder_may_be_in_the_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(folder.parent))
    monkeypatch.setenv("NEURAL_STYLE_DATA", "~/my pictures")
    store(folder / "tiny.png", PICTURE)
    assert datasets.path("tiny") == folder / "tiny.png"


@pytest.mark.parametrize("filename", ["tiny.png", "tiny.jpg"])
def test_another_picture_in_the_users_folder_is_an_error(
    folder: Path, cached: Path, server: Server, filename: str
) -> None:
    store(folder / filename, FIRST)
    store(cached, PICTURE)
    path = re.escape(str(folder / filename))
    message = rf"NEURAL_STYLE_DATA: {path}: there, but .*{sha256(PICTURE)}.*Replace or remove"
    with pytest.raises(DatasetError, match=message):
        datasets.path("tiny")
    assert server.requests == 0


def test_a_file_that_cannot_be_read_in_the_users_folder_is_an_error(folder: Path) -> None:
    (folder / "tiny.png").mkdir()
    with pytest.raises(DatasetError, match=r"NEURAL_STYLE_DATA: .*tiny\.png: cannot be read"):
        datasets.path("tiny")


def test_a_folder_without_the_picture_leaves_it_to_the_others(
    folder: Path, cached: Path, server: Server
) -> None:
    assert datasets.path("tiny") == cached
    assert server.requests == 1
    assert not list(folder.iterdir())


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_a_folder_that_is_none_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, server: Server, kind: str
) -> None:
    nothing = folder / "nothing"
    if kind == "a file":
        nothing.touch()
    monkeypatch.setenv("NEURAL_STYLE_DATA", str(nothing))
    message = rf"NEURAL_STYLE_DATA: {re.escape(str(nothing))} is not a folder; .* unset"
    with pytest.raises(DatasetError, match=message):
        datasets.path("tiny")
    assert server.requests == 0


# --- the origin, see also `tests/utils/test_download.py`


def test_without_any_source_the_error_says_where_and_what_to_do(cached: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        datasets.path("tiny")
    first, *places, remedy = str(caught.value).splitlines()
    assert first == "the picture tiny.png was not found. Looked in:"
    assert places[:2] == ["  - NEURAL_STYLE_DATA: not set", f"  - {cached}: not there"]
    assert places[2].startswith(f"  - {NOWHERE}/tiny.png: ")
    assert len(places) == 3
    assert f"copy it to {cached}" in remedy
    assert "environment variable NEURAL_STYLE_DATA" in remedy
    assert "neural_style.images.load('…/picture.png')" in remedy


def test_a_folder_without_the_picture_is_among_the_places(folder: Path) -> None:
    place = rf"(?m)^  - NEURAL_STYLE_DATA: no tiny\.png or tiny\.jpg in {re.escape(str(folder))}$"
    with pytest.raises(DatasetError, match=place):
        datasets.path("tiny")


# --- the notebook


def test_the_pictures_of_a_notebook_are_read_out_of_it(
    cached: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(NOTEBOOK)
    publish(monkeypatch, server.url, NOTEBOOK)
    assert datasets.path("first").read_bytes() == FIRST
    assert datasets.path("second").read_bytes() == SECOND
    assert datasets.path("first") == cached.with_stem("first")
    assert {path.name for path in cached.parent.iterdir()} == {"first.png", "second.png"}
    assert server.requests == 2


@pytest.mark.parametrize(
    ("notebook", "message"),
    [
        (ipynb(cell({"image/png": PNG_1})), "the notebook displays 1 PNG pictures"),
        (ipynb(), "the notebook displays 0 PNG pictures"),
        (ipynb(cell({"image/png": PNG_1}, {"image/png": PNG_3})), "corrupt or cut off"),
        (ipynb(cell({"image/png": PNG_1}, {"image/png": "A"})), "base64"),
        (ipynb(cell({"image/png": PNG_1}, {"image/png": 7})), "is not a notebook .*TypeError"),
        (b"%PDF-1.4", "is not a notebook .*JSONDecodeError"),
        (b"\xff\xfe{", "is not a notebook .*UnicodeDecodeError"),
        (b"{}", "is not a notebook .*KeyError.*cells"),
        (b"[1, 2]", "is not a notebook .*TypeError"),
        (b'{"cells": ["plt.show()"]}', "is not a notebook .*AttributeError"),
    ],
    ids=[
        "one picture", "no picture", "another picture", "no base64", "no text",
        "no JSON", "no UTF-8", "no cells", "a list", "no cell",
    ],
)  # fmt: skip
def test_a_notebook_without_the_picture_is_explained_and_leaves_nothing(
    cached: Path, server: Server, monkeypatch: pytest.MonkeyPatch, notebook: bytes, message: str
) -> None:
    server.publish(notebook)
    publish(monkeypatch, server.url, notebook)
    place = rf"(?m)^  - PNG number 2 in the notebook {server.url}/it\.ipynb: "
    with pytest.raises(DatasetError, match=place + f".*{message}"):
        datasets.path("second")
    assert not list(cached.parent.iterdir())


def test_a_notebook_with_another_hash_is_not_even_parsed(
    cached: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(NOTEBOOK + b" ")
    publish(monkeypatch, server.url, NOTEBOOK)
    monkeypatch.delattr(json, "loads")
    with pytest.raises(DatasetError, match="the downloaded notebook is corrupt or cut off"):
        datasets.path("first")
    assert not list(cached.parent.iterdir())


# --- load


def test_load_reads_the_picture(cached: Path) -> None:
    store(cached, PICTURE)
    np.testing.assert_array_equal(datasets.load("tiny"), images.load(cached))


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"long_side": 9}, (6, 9, 3)),
        ({"short_side": 4}, (4, 6, 3)),
        ({"size": (5, 7)}, (5, 7, 3)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_load_passes_the_size_on(
    cached: Path, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    store(cached, PICTURE)
    assert datasets.load("tiny", **options).shape == shape


def test_load_says_what_images_says_of_a_wrong_size(cached: Path) -> None:
    store(cached, PICTURE)
    with pytest.raises(OptionError, match="long_side: expected a number"):
        datasets.load("tiny", long_side=0)
