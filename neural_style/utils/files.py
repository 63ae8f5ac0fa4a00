"""Files that are there whole or not at all."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import StyleError

# Of an array: its shape, and the type of its numbers.
Form: TypeAlias = tuple[tuple[int, ...], str]

_PART = re.compile(r"\.[0-9a-f]{32}\.part")
_OLD = 600.0  # seconds without a byte, after which nobody writes any more

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_NO_FILE = "it is not a file, but a folder, a pipe or a device"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a path to write to; move it into the place of ``path`` if the block succeeds.

    The name is this call's own, so that two processes that write the same file
    at once each leave a whole one. It has a known length, whatever that of ``path``.
    What such a call of a process that was killed left in the folder is removed.
    A link is written through, and a file that is there keeps its mode and its owner. One
    that cannot be replaced, as a mount point or a file in a folder that is write-protected,
    is overwritten in its place.
    """
    # A link to a folder or a device has no file to write through: the link itself is replaced.
    target = path if path.exists() and not path.is_file() else Path(os.path.realpath(path))
    beside = os.access(target.parent, os.W_OK) or not target.exists()
    folder = target.parent if beside else Path(tempfile.gettempdir())
    with suppress(OSError):
        remove_parts(folder, _OLD)
    part = folder / f".{uuid.uuid4().hex}.part{path.suffix}"
    try:
        yield part
        _move(part, target)
    finally:
        part.unlink(missing_ok=True)


def _move(part: Path, target: Path) -> None:
    old = target.stat() if target.is_file() else None
    if old is not None:
        with suppress(OSError, AttributeError):  # of another's file; Windows has no owners
            os.chown(part, old.st_uid, old.st_gid)
        with suppress(OSError):
            part.chmod(stat.S_IMODE(old.st_mode))
    try:
        os.replace(part, target)
    except OSError:
        if old is None:
            raise
        with part.open("rb") as source, target.open("r+b") as file:
            shutil.copyfileobj(source, file)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def remove_parts(folder: Path, age: float = 0.0) -> None:
    """Remove what `atomic` left unfinished in a folder, if it is at least ``age`` seconds old."""
    for part in folder.glob(".*.part*"):
        if _PART.match(part.name) and time.time() - part.stat().st_mtime >= age:
            part.unlink(missing_ok=True)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own a folder within the block: no other process does, nor another block of this one.

    The lock is that of a file in the folder, ``.lock``, which stays there. It ends with the
    process, whatever ends that.

    Raises
    ------
    BlockingIOError
        The folder is owned already.
    OSError, NotImplementedError
        There can be no lock.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BlockingIOError(
            "another process, or another run of this one, is at work there"
        ) from None
    try:
        yield
    finally:
        lock.release()


def to_path(path: Any) -> Path:
    """``path`` as a path, in which a leading ``~`` is the user's home, as a shell has it.

    Raises
    ------
    TypeError
        It is neither a text nor a path.
    ValueError
        It is a URL.

    >>> to_path("https://example.org/a.jpg")
    Traceback (most recent call last):
    ...
    ValueError: https://example.org/a.jpg is a URL, expected a path: download it to read it
    """
    text = os.fspath(path)
    if isinstance(text, str) and _URL.match(text):
        raise ValueError(f"{text} is a URL, expected a path: download it to read it")
    return Path(os.path.expanduser(text))


def as_path(path: object, name: str, error: type[StyleError]) -> Path:
    """`to_path`, or an ``error`` that calls it ``name``."""
    try:
        found = to_path(path)
        found.is_dir()  # which a name that is too long is not to be asked
    except (OSError, TypeError, ValueError) as problem:
        raise error(f"{name}: expected a path, got {path!r:.80} ({problem}).") from problem
    return found


def open_file(path: Path) -> io.BufferedReader:
    """Open a file to read its bytes.

    Raises
    ------
    OSError, ValueError
        As `open`; or it is a pipe or a device, which may never end or never begin.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.exists() and not path.is_file():
        raise OSError(_NO_FILE)
    file = open(os.open(path, flags), "rb")  # noqa: SIM115 it is returned
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it has become one since
        file.close()
        raise OSError(_NO_FILE)
    return file


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file of `numpy.savez`, by name; nothing is unpickled.

    Arrays that are packed, which may unpack to any size, are refused.

    Raises
    ------
    Exception
        The file is damaged: zipfile and NumPy raise whatever its bytes lead to.
    """
    with open_file(path) as stream, np.load(stream, allow_pickle=False) as archive:
        members = archive.zip.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its arrays are packed, as those of numpy.savez are not")
        return {name: archive[name] for name in archive.files}


def check_arrays(
    arrays: Mapping[str, NDArray[Any]], forms: Mapping[str, Form], *, finite: bool = True
) -> None:
    """Raise a `ValueError` unless these are arrays of those forms, of ``finite`` numbers."""
    if arrays.keys() != forms.keys():
        raise ValueError(f"expected the arrays {sorted(forms)}, got {sorted(arrays)}")
    for name, (shape, kind) in forms.items():
        array = np.asarray(arrays[name])
        if (array.shape, array.dtype.name) != (shape, kind) or not array.dtype.isnative:
            raise ValueError(
                f"{name}: expected {kind} of shape {shape}, got {array.dtype} of {array.shape}"
            )
        if finite and not np.isfinite(array).all():
            raise ValueError(f"{name}: it has numbers that are not finite")


def write_durably(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file, as `atomic`, that is on the disk when this returns.

    Whatever happens, a loss of power too, either the old file is there or the new one.
    """
    with atomic(path) as part, part.open("xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(os.path.realpath(path.parent), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_not_read(
    writes: Mapping[str, object], reads: Iterable[object], error: type[StyleError]
) -> None:
    """Raise an ``error`` where what is written would replace what is read, or each other.

    ``writes`` are paths, or None, by the option that names them; ``reads`` are paths, open
    files and pictures of Pillow's, which have paths, and anything else. Files are compared,
    not names: links and the case of letters make no other.
    """
    read = {_identity(path) for each in reads if (path := path_of(each)) is not None}
    written: dict[object, str] = {}
    for option, given in writes.items():
        if (path := path_of(given)) is None:
            continue
        file = _identity(path)
        if file in read:
            raise error(
                f"{option}: {path} is read, too, and would be replaced; choose another name or "
                f"folder."
            )
        if (other := written.setdefault(file, option)) != option:
            raise error(f"{other} and {option} are one file, {path}; choose another for one.")


def path_of(source: object) -> Path | None:
    """The path of what is read, if it has one."""
    if not isinstance(source, str | os.PathLike):
        names = (getattr(source, name, None) for name in ("name", "filename"))
        source = next((name for name in names if isinstance(name, str) and name), None)
    try:
        return None if source is None else to_path(source)
    except (TypeError, ValueError):
        return None


def _identity(path: Path) -> object:
    try:
        found = path.stat()
    except (OSError, ValueError):  # it is not there
        return os.path.normcase(os.path.abspath(path))
    return found.st_dev, found.st_ino


def make_folder(folder: Path) -> None:
    """Make a folder, if it is missing, and check that it can be written to.

    Raises
    ------
    OSError, ValueError
        It cannot be made or written to, or its path is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def check_file(path: Path) -> None:
    """Check that a file can be written, in place of one that is there; make its folder.

    Raises
    ------
    OSError, ValueError
        The folder cannot be made or written to, or the file is write-protected, or not a file.
    """
    target = Path(os.path.realpath(path))
    if target.exists():
        if not target.is_file():
            raise OSError(_NO_FILE)
        if not os.access(target, os.W_OK):
            raise PermissionError("the file is write-protected")
        if not os.access(target.parent, os.W_OK):  # it is overwritten in its place
            return
    make_folder(target.parent)
