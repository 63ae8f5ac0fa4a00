"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import PIL.Image
import pytest

import neural_style as ns
from neural_style import FeatureModel, callbacks, images
from neural_style.errors import ImageError, OptionError, StyleError, WeightsError
from neural_style.extensions import Content
from neural_style.report import report
from neural_style.utils.files import (
    as_path,
    atomic,
    check_file,
    check_not_read,
    owned,
    write_durably,
)


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
    return ns.minimize(Content(photo), tiny, photo, evaluations=1)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("out.png", lambda result, path: images.save(result.image, path)),
        ("out.png", lambda result, path: result.save(path)),
        ("out.npz", lambda result, path: result.save(path)),
        ("record", lambda result, path: result.save_record(path)),
        ("run.csv", lambda result, path: callbacks.csv(path)),
        ("pictures", lambda result, path: callbacks.snapshots(path)),
        ("run.html", lambda result, path: report.write(result, path)),
        ("out", lambda result, path: ns.sweep(lambda seed: result, {"seed": [0]}, folder=path)),
    ],
    ids=["save", "result", "all", "record", "csv", "snapshots", "report", "sweep"],
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
    ns.minimize(Content(photo), tiny, photo, evaluations=1, **places)  # type: ignore[arg-type]
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
    assert f"{url} is a URL, expected a path" in str(found.value)


def test_a_folder_is_owned_until_the_block_or_the_process_ends(tmp_path: Path) -> None:
    code = f"""
import os, pathlib, signal
from neural_style.utils.files import owned
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


# --- what a file that is there keeps


def write(path: Path, text: str) -> None:
    with atomic(path) as part:
        part.write_text(text)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through(tmp_path: Path, there: bool) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "file.txt", tmp_path / "link.txt"
    if there:
        target.write_text("old")
    link.symlink_to(Path("real") / "file.txt")
    check_file(link)
    write(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert sorted(tmp_path.rglob("*.txt")) == [link, target]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes among its files")
@pytest.mark.parametrize("kind", ["folder", "pipe", "nothing that there is"])
def test_a_link_to_what_is_no_file_is_replaced(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> NoReturn:
        raise PermissionError

    target, link = tmp_path / "target", tmp_path / "link.txt"
    if kind == "folder":
        target.mkdir(mode=0o700)
    elif kind == "pipe":
        os.mkfifo(target, 0o600)
    link.symlink_to(target)
    mode = target.stat().st_mode if target.exists() else None
    write(link, "new")
    assert link.read_text() == "new"
    assert link.is_symlink() == (mode is None)  # through which a file is made
    if mode is None:
        return
    assert target.stat().st_mode == mode
    link.unlink()
    link.symlink_to(target)
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(PermissionError):  # and not written into the pipe
        write(link, "newer")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o640])
def test_a_mode_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    path.chmod(mode)
    write(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", mode)


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.EPERM])
def test_what_cannot_be_replaced_is_overwritten(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "mounted.txt"
    path.write_text("old and longer")
    same = path.stat().st_ino
    monkeypatch.setattr(os, "replace", refused)
    write(path, "new")
    assert (path.read_text(), path.stat().st_ino) == ("new", same)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        write(tmp_path / "absent.txt", "new")
    write_durably(path, lambda file: file.write(b"durable"))
    assert path.read_text() == "durable"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_a_folder_that_is_protected_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, access = tmp_path / "file.txt", os.access
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda p, mode: Path(p) != tmp_path and access(p, mode))
    check_file(path)
    with atomic(path) as part:
        assert part.parent != tmp_path
        part.write_text("new")
    assert path.read_text() == "new"


# --- what is read is not replaced


def same(path: Path) -> Path:
    return path


def opened(path: Path) -> Any:
    return path.open("rb")


def linked(path: Path) -> Path:
    other = path.with_name("link.png")
    other.symlink_to(path)
    return other


def hard_linked(path: Path) -> Path:
    other = path.with_name("hard.png")
    other.hardlink_to(path)
    return other


def roundabout(path: Path) -> Path:
    (path.parent / "folder").mkdir()
    return path.parent / "folder" / ".." / path.name


@pytest.mark.parametrize("name", [same, linked, hard_linked, roundabout])
@pytest.mark.parametrize("form", [same, str, opened, PIL.Image.open])
def test_a_file_that_is_read_is_not_written(tmp_path: Path, name: Any, form: Any) -> None:
    path = tmp_path / "photo.png"
    PIL.Image.new("L", (4, 4)).save(path)
    source = form(path)
    with pytest.raises(OptionError, match=r"output: .* is also an input and would be replaced"):
        check_not_read({"output": name(path)}, [None, b"bytes", source], OptionError)
    check_not_read({"output": tmp_path / "new.png", "csv": None}, [source], OptionError)
    if callable(getattr(source, "close", None)):
        source.close()


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"csv and report are the same file"):
        check_not_read({"csv": tmp_path / "a", "report": tmp_path / "b/../a"}, [], OptionError)
