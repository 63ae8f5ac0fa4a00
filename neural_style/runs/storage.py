"""The files of runs: archives of JSON and arrays, and folders with the record of a run.

    write(path, RunState, document, arrays)      # an .npz; never half a file
    document, arrays = read(path, RunState)
    save_record(folder, record, pictures)        # record.json and pictures.npz
    record, pictures = recorded(folder)

The document of an archive is JSON in UTF-8 that matches a class of `neural_style.runs.schema`. A
SHA-256 of the document and the arrays shows whether they are unchanged. Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import RecordError
from neural_style.runs import schema
from neural_style.runs.schema import Record
from neural_style.utils.files import make_folder, open_file, read_arrays, write_durably

Pictures: TypeAlias = dict[str, NDArray[np.float32]]
_Document = TypeVar("_Document")

FILE, PICTURES = "record.json", "pictures.npz"
INPUT = "input."  # before the digest of a picture, in the archive of a result
_BYTES = 2**26  # of record.json


def write(
    path: Path, kind: type, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write an archive whose document matches the class ``kind``.

    Raises
    ------
    OSError, TypeError, ValueError
        The file cannot be written, or `read` would refuse it.
    """
    text = json.dumps(document, default=scalar).encode()
    schema.check(json.loads(text), kind, "document")
    members: dict[str, Any] = {**arrays, "document": np.frombuffer(text, np.uint8)}
    members["sha256"] = np.frombuffer(checksum(members), np.uint8)
    write_durably(path, lambda file: np.savez(file, **members))


def read(path: Path, kind: type[_Document]) -> tuple[_Document, dict[str, NDArray[Any]]]:
    """The document of an archive, checked against the class ``kind``, and its arrays.

    Raises
    ------
    RecordError
        The file cannot be read, is damaged, or has a document of another kind.
    """
    try:
        arrays = read_arrays(path)
        if arrays.pop("sha256").tobytes() != checksum(arrays):
            raise ValueError("its checksum is wrong")
        text = arrays.pop("document").tobytes()
    except Exception as error:  # zipfile and NumPy raise what they like for a damaged file
        raise RecordError(
            f"{path}: the file cannot be read ({error}); check the path, or use another copy."
        ) from error
    return schema.read(text, kind, str(path)), arrays


def checksum(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The SHA-256 of arrays by name."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(repr((name, array.dtype.str, array.shape)).encode())
        found.update(array.data.cast("B") if array.size else b"")
    return found.digest()


def save_record(folder: Path, record: Mapping[str, Any], pictures: Mapping[str, Any]) -> None:
    """Write record.json and pictures.npz.

    Raises
    ------
    OSError, ValueError
        The folder cannot be created or written to.
    """
    make_folder(folder)
    arrays: dict[str, Any] = {
        key: np.asarray(picture, np.float32) for key, picture in pictures.items()
    }
    write_durably(folder / PICTURES, lambda file: np.savez(file, **arrays))
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    write_durably(folder / FILE, lambda file: file.write(text.encode()))


def read_record(folder: Path) -> Record:
    """The record in a folder.

    Raises
    ------
    RecordError
        The file cannot be read, is not JSON, or does not match the schema.
    """
    path = folder / FILE
    try:
        with open_file(path) as file:
            content = file.read(_BYTES + 1)
        if len(content) > _BYTES:
            raise OSError(f"it is larger than {_BYTES:,} bytes")
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{path}: the record cannot be read ({error}); check the path."
        ) from error
    return schema.read(content, Record, str(path))


def read_pictures(folder: Path) -> Pictures:
    """The pictures of the record in a folder, by their digests.

    Raises
    ------
    RecordError
        The file is missing or damaged, or contains anything except float32 arrays.
    """
    path = folder / PICTURES
    try:
        pictures = read_arrays(path)
    except Exception as error:  # zipfile and NumPy raise what they like for a damaged file
        raise RecordError(f"{path}: the record's pictures cannot be read ({error}).") from error
    for key, picture in pictures.items():
        if picture.dtype != np.float32:
            raise RecordError(f"{path}: expected float32 in {key}, got {picture.dtype}.")
    return pictures


def recorded(path: Path) -> tuple[Record, Pictures]:
    """The record and the pictures of a run, in a folder or in an archive of its result.

    Raises
    ------
    RecordError
        The record or its pictures are missing or cannot be read.
    """
    if path.suffix != ".npz" or path.is_dir():
        return read_record(path), read_pictures(path)
    document, arrays = read(path, schema.Saved)
    if (record := document["result"]["record"]) is None:
        raise RecordError(f"{path}: this result has no record; only minimize records a run.")
    return record, pictures_of(arrays)


def pictures_of(arrays: Mapping[str, NDArray[Any]]) -> Pictures:
    """The input pictures of a run, from the arrays of its result."""
    return {n.removeprefix(INPUT): array for n, array in arrays.items() if n.startswith(INPUT)}


def check_folder(folder: Path) -> None:
    """Raise a `RecordError` if the folder contains a run with checkpoints."""
    checkpointed = any(folder.glob("state-*.npz"))
    if (folder / FILE).exists():
        with contextlib.suppress(RecordError):  # a damaged one is replaced
            checkpointed = checkpointed or read_record(folder)["checkpoint"] is not None
    if checkpointed:
        raise RecordError(
            f"{folder}: this folder contains the checkpoints of a run and its record; choose "
            f"another folder."
        )


def scalar(value: object) -> Any:
    """A NumPy scalar as Python's scalar, for `json.dumps`."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not a type of JSON")
