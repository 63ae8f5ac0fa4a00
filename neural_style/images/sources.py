"""Where pictures are read from: paths, bytes, open files, and pictures that Pillow opened."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import PIL.Image

from neural_style.errors import ImageError
from neural_style.utils.files import open_file, to_path

# What `load` reads: a path, the bytes of a file, an open file, or a Pillow picture.
Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | PIL.Image.Image


def as_path(path: Any) -> Path:
    """The path of a picture, or an `ImageError`."""
    try:
        return to_path(path)
    except TypeError as error:
        raise ImageError(
            f"expected the path of a picture, as str or pathlib.Path, got {type(path).__name__}."
        ) from error
    except ValueError as error:
        raise ImageError(f"expected the path of a picture: {error}.") from error


def is_source(picture: Any) -> bool:
    """Whether `load` reads it, or it is a package resource, which may have no path."""
    return isinstance(picture, str | os.PathLike | bytes | bytearray | PIL.Image.Image) or any(
        callable(getattr(picture, name, None)) for name in ("read", "read_bytes")
    )


def repeatable(picture: Any) -> Any:
    """The bytes of an open file, because a pipe can be read only once; otherwise unchanged."""
    return _all_of(picture, "the picture") if callable(getattr(picture, "read", None)) else picture


@contextlib.contextmanager
def opened(source: Any, name: str) -> Iterator[tuple[BinaryIO, str]]:
    """A stream from the beginning of a picture's file, and its name for messages."""
    if isinstance(source, str | os.PathLike):
        path = as_path(source)
        if os.path.isdir(path):
            raise ImageError(
                f"{path}: expected a picture, but this is a folder; name a file in it."
            )
        try:
            stream = open_file(path)
        except FileNotFoundError as error:
            raise ImageError(f"{path}: there is no such file; check the path.") from error
        except (OSError, ValueError) as error:
            raise ImageError(
                f"{path}: cannot be opened ({error}); check the path and its permissions."
            ) from error
        with stream:
            yield stream, str(path)
        return
    called = getattr(source, "name", None)
    name = called if isinstance(called, str) else name
    yield (
        io.BytesIO(source if isinstance(source, bytes | bytearray) else _all_of(source, name)),
        name,
    )


def _all_of(file: Any, name: str) -> bytes:
    if isinstance(file, io.TextIOBase):
        raise ImageError(f'{name}: expected a file open in binary mode, got text; open it as "rb".')
    try:
        if not callable(getattr(file, "read", None)):
            return bytes(file.read_bytes())
        with contextlib.suppress(OSError, AttributeError):  # a pipe cannot seek
            file.seek(0)
        return bytes(file.read())
    except (OSError, ValueError, TypeError) as error:
        raise ImageError(f"{name}: cannot be read ({error}).") from error
