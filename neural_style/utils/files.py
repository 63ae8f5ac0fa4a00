"""Write files atomically, and check paths and arrays."""

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

# The shape of an array and the name of its dtype.
Form: TypeAlias = tuple[tuple[int, ...], str]

_PART = re.compile(r"\.[0-9a-f]{32}\.part")
_OLD = 600.0  # seconds without a write, after which a part is abandoned

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_NO_FILE = "expected a file, but it is a folder, a pipe or a device"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to. Move the file to ``path`` if the block succeeds.

    Every call has a unique name of fixed length. So if two processes write the same file at the
    same time, the file is always complete. Old parts of killed processes are removed from the
    folder. If ``path`` is a link, the file that it points to is written. An existing file keeps
    its mode and its owner. A file that cannot be replaced, such as a mount point or a file in a
    write-protected folder, is overwritten in place.
    """
    # A link to a folder or a device is replaced itself.
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
        with suppress(OSError, AttributeError):  # another user's file, or Windows
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
    """Remove unfinished parts of `atomic` from a folder if they are ``age`` seconds old."""
    for part in folder.glob(".*.part*"):
        if _PART.match(part.name) and time.time() - part.stat().st_mtime >= age:
            part.unlink(missing_ok=True)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Lock a folder during the block, against other processes and other blocks of this one.

    The lock is a file in the folder, ``.lock``, which is not deleted. The lock ends with the
    process, even if the process is killed.

    Raises
    ------
    BlockingIOError
        The folder is already locked.
    OSError, NotImplementedError
        The folder cannot be locked.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BlockingIOError(
            "another process, or another run of this process, is at work there"
        ) from None
    try:
        yield
    finally:
        lock.release()


def to_path(path: Any) -> Path:
    """Convert to a path, and replace a leading ``~`` by the user's home folder, as a shell does.

    Raises
    ------
    TypeError
        ``path`` is neither a text nor a path.
    ValueError
        ``path`` is a URL.

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
    """Return `to_path`, or raise an ``error`` that calls it ``name``."""
    try:
        result = to_path(path)
        result.is_dir()  # raises an error if the name is too long
    except (OSError, TypeError, ValueError) as problem:
        raise error(f"{name}: expected a path, got {path!r:.80} ({problem}).") from problem
    return result


def open_file(path: Path) -> io.BufferedReader:
    """Open a file to read its bytes.

    Raises
    ------
    OSError, ValueError
        As `open`; or it is a pipe or a device, which might never end or never start.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.exists() and not path.is_file():
        raise OSError(_NO_FILE)
    file = open(os.open(path, flags), "rb")  # noqa: SIM115 it is returned
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it was replaced in the meantime
        file.close()
        raise OSError(_NO_FILE)
    return file


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a file of `numpy.savez`, by name. Nothing is unpickled.

    Compressed arrays are refused, because they can expand to any size.

    Raises
    ------
    Exception
        The file is damaged. Then zipfile and NumPy can raise any exception.
    """
    with open_file(path) as stream, np.load(stream, allow_pickle=False) as archive:
        members = archive.zip.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its arrays are compressed; numpy.savez does not compress")
        return {name: archive[name] for name in archive.files}


def check_arrays(
    arrays: Mapping[str, NDArray[Any]], forms: Mapping[str, Form], *, finite: bool = True
) -> None:
    """Raise a `ValueError` if arrays do not have these forms, or are not ``finite``."""
    if arrays.keys() != forms.keys():
        raise ValueError(f"expected the arrays {sorted(forms)}, got {sorted(arrays)}")
    for name, (shape, kind) in forms.items():
        array = np.asarray(arrays[name])
        if (array.shape, array.dtype.name) != (shape, kind) or not array.dtype.isnative:
            raise ValueError(
                f"{name}: expected {kind} of shape {shape}, got {array.dtype} of {array.shape}"
            )
        if finite and not np.isfinite(array).all():
            raise ValueError(f"{name}: some values are not finite")


def write_durably(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file like `atomic`, and wait until it is on the disk.

    After any failure, even a loss of power, either the old or the new file is complete.
    """
    with atomic(path) as part, part.open("xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    if os.name == "posix":  # other systems cannot open a folder
        folder = os.open(os.path.realpath(path.parent), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_not_read(
    writes: Mapping[str, object], reads: Iterable[object], error: type[StyleError]
) -> None:
    """Raise an ``error`` if an output would replace an input or another output.

    ``writes`` maps names of options to paths or None. ``reads`` may be paths, open files and
    Pillow pictures, which have paths, and any other object. Files are compared, not names, so
    links make no difference, nor does upper or lower case if the file system ignores it.
    """
    read = {_identity(path) for source in reads if (path := path_of(source)) is not None}
    written: dict[object, str] = {}
    for option, output in writes.items():
        if (path := path_of(output)) is None:
            continue
        file = _identity(path)
        if file in read:
            raise error(
                f"{option}: {path} is also an input and would be replaced; choose another name or "
                f"folder."
            )
        if (other := written.setdefault(file, option)) != option:
            raise error(f"{other} and {option} are the same file, {path}; choose different files.")


def path_of(source: object) -> Path | None:
    """The path of a source, or None if it has no path."""
    if not isinstance(source, str | os.PathLike):
        names = (getattr(source, name, None) for name in ("name", "filename"))
        source = next((name for name in names if isinstance(name, str) and name), None)
    try:
        return None if source is None else to_path(source)
    except (TypeError, ValueError):
        return None


def _identity(path: Path) -> object:
    try:
        status = path.stat()
    except (OSError, ValueError):  # it does not exist
        return os.path.normcase(os.path.abspath(path))
    return status.st_dev, status.st_ino


def make_folder(folder: Path) -> None:
    """Create a folder if it is missing, and check that it can be written to.

    Raises
    ------
    OSError, ValueError
        The folder cannot be created or written to, or its path is invalid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def check_file(path: Path) -> None:
    """Check that a file can be written or replaced, and create its folder.

    Raises
    ------
    OSError, ValueError
        The folder cannot be created or written to; or ``path`` is write-protected or not a file.
    """
    target = Path(os.path.realpath(path))
    if target.exists():
        if not target.is_file():
            raise OSError(_NO_FILE)
        if not os.access(target, os.W_OK):
            raise PermissionError("the file is write-protected")
        if not os.access(target.parent, os.W_OK):  # it will be overwritten in place
            return
    make_folder(target.parent)
