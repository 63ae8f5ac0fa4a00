"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import neural_style as ns
from neural_style import FeatureModel, callbacks, images, report
from neural_style.errors import ImageError, OptionError, StyleError, WeightsError
from neural_style.extensions import Content
from neural_style.files import as_path, atomic, owned


def test_a_file_appears_only_when_the_block_has_succeeded(tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    with atomic(path) as part:
        part.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "old.txt"
    path.write_text("old")

    def fail_midway() -> None:
        with atomic(path) as part:
            part.write_text("half")
            raise error

    with pytest.raises(error):
        fail_midway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "new.txt"):
        pass
    assert not list(tmp_path.iterdir())


def test_two_writers_of_one_file_do_not_share_a_part(tmp_path: Path) -> None:
    path = tmp_path / "both.txt"
    with atomic(path) as first:
        first.write_text("first")
        with atomic(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_a_part_lies_beside_its_file_and_keeps_the_suffix(tmp_path: Path) -> None:
    with atomic(tmp_path / "new.h5") as part:
        part.touch()
        assert (part.parent, part.suffix) == (tmp_path, ".h5")


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 251}.txt"
    with atomic(path) as part:
        part.write_text("whole")
    assert path.read_text() == "whole"


@pytest.fixture(scope="module")
def ended(tiny: FeatureModel) -> ns.Result:
    photo = images.noise((8, 8))
    return ns.minimise(Content(photo), tiny, photo, evaluations=1)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("out.png", lambda result, path: images.save(result.image, path)),
        ("out.png", lambda result, path: result.save(path)),
        ("record", lambda result, path: result.save_record(path)),
        ("run.csv", lambda result, path: callbacks.csv(path)),
        ("pictures", lambda result, path: callbacks.snapshots(path)),
        ("run.html", lambda result, path: report.write(result, path)),
        ("out", lambda result, path: ns.sweep(lambda seed: result, {"seed": [0]}, folder=path)),
    ],
    ids=["save", "result", "record", "csv", "snapshots", "report", "sweep"],
)
def test_whatever_is_written_makes_its_folder_and_knows_the_home(
    ended: ns.Result,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    write: Callable[[ns.Result, str], Any],
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    write(ended, f"~/new/folder/{name}")
    assert (tmp_path / "home" / "new" / "folder" / name).exists()
    assert list(Path().iterdir()) == []


def test_what_a_run_writes_and_reads_knows_the_home(
    tiny: FeatureModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    images.save(images.noise((8, 8)), "~/photo.png")
    photo = images.load("~/photo.png")
    places = {"output": "~/a/out.png", "checkpoint": Path("~/a/run")}
    ns.minimise(Content(photo), tiny, photo, evaluations=1, **places)  # type: ignore[arg-type]
    (tmp_path / "home" / "a" / "out.png").unlink()
    ns.resume("~/a/run", features=tiny)
    assert (tmp_path / "home" / "a" / "out.png").is_file()
    with pytest.raises(WeightsError, match="home"):
        FeatureModel(weights="~/none.h5")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("url", ["https://example.org/a.png", "file:///a.png", "s3://b/a.png"])
@pytest.mark.parametrize(
    ("read", "error"),
    [
        (images.load, ImageError),
        (lambda url: images.check_output(url), ImageError),
        (lambda url: FeatureModel(weights=url), WeightsError),
        (callbacks.csv, OptionError),
        (callbacks.snapshots, ImageError),
        (lambda url: as_path(url, "folder", StyleError), StyleError),
    ],
)
def test_a_url_is_named_whole_with_what_to_do(
    url: str, read: Callable[[str], Any], error: type[StyleError]
) -> None:
    with pytest.raises(error) as found:
        read(url)
    assert f"{url} is a URL; download it" in str(found.value)


def test_a_folder_is_owned_until_the_block_or_the_process_ends(tmp_path: Path) -> None:
    code = f"""
import os, pathlib, signal
from neural_style.files import owned
with owned(pathlib.Path({str(tmp_path)!r})):
    print("owned", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("owned\n", -signal.SIGKILL)
    for _ in range(2):
        with owned(tmp_path), pytest.raises(BlockingIOError), owned(tmp_path):
            pass


def test_parts_that_nobody_writes_any_more_are_removed(tmp_path: Path) -> None:
    names = [f".{'0a' * 16}.part.html", f".{'1b' * 16}.part", ".my.part.html", ".git"]
    for name in names:
        (tmp_path / name).touch()
    with atomic(tmp_path / "new.html") as part:
        part.touch()
    assert {path.name for path in tmp_path.iterdir()} == {*names, "new.html"}
    for name in names:
        os.utime(tmp_path / name, (0, 0))
    with atomic(tmp_path / "new.html") as part:
        part.touch()
    assert {path.name for path in tmp_path.iterdir()} == {*names[2:], "new.html"}
