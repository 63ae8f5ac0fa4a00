"""The record of a run: everything that is needed to repeat it, as JSON has it.

    result.record                      # a dict, as `neural_style.runs.schema.Record` says
    result.save_record("record/")      # record.json, and pictures.npz beside it
    neural_style.rerun("record/")      # the same picture again, and what differs here

pictures.npz has the pictures by their digests. Reading a record imports and evaluates nothing that
it names: losses are looked up in the registry, optimizers and networks among Keras' own.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import LossError, RecordError, RegistryError, shown
from neural_style.features.model import FeatureModel
from neural_style.images import Image, digest
from neural_style.losses import serialization
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.optimizers import drivers, parameterization
from neural_style.optimizers.parameterization import Parameterization
from neural_style.runs import schema
from neural_style.runs.result import Result
from neural_style.runs.schema import Record
from neural_style.utils import environment
from neural_style.utils.backend import keras
from neural_style.utils.files import make_folder, open_file, read_arrays, write_durably
from neural_style.utils.memory import peak_memory

Pictures: TypeAlias = dict[str, NDArray[np.float32]]

FILE, PICTURES = "record.json", "pictures.npz"
_BYTES = 2**26  # of record.json


def describe(
    loss: WeightedSum,
    features: FeatureModel,
    start: Image,
    chroma: Image | None,
    *,
    optimizer: Any,
    variables: Parameterization,
    **settings: Any,
) -> tuple[dict[str, Any], Pictures]:
    """The record of a run before it has an outcome, and its pictures by their digests."""
    pictures = loss.pictures()
    pictures |= {digest(picture): picture for picture in (start, chroma) if picture is not None}
    record = {
        "schema": schema.VERSION,
        "loss": {"terms": [_term(WeightedSum([term])) for term in loss]},
        "features": features.get_config(),
        "start": digest(start),
        "chroma": None if chroma is None else digest(chroma),
        "pictures": {key: list(picture.shape) for key, picture in pictures.items()},
        "settings": {
            **{name: _whole(value) for name, value in settings.items()},
            "optimizer": _with_options(drivers.config_of(optimizer), optimizer),
            "parameterization": _with_options(parameterization.config_of(variables), variables),
        },
        "environment": environment.describe(),
        "outcome": None,
        "checkpoint": None,
    }
    return record, pictures


def outcome(result: Result) -> dict[str, Any]:
    """What a run came to."""
    return {
        "picture": digest(result.image),
        "loss": result.loss,
        "terms": dict(result.terms),
        "weighted": dict(result.weighted),
        "evaluations": result.evaluations,
        "rounds": result.rounds,
        "scale": result.scale,
        "seconds": result.seconds,
        "evaluations_per_second": result.evaluations / max(result.seconds, 1e-9),
        "peak_memory": peak_memory(),
        "reason": result.reason,
        "ending": result.ending,
    }


def save(folder: Path, record: Mapping[str, Any], pictures: Mapping[str, Any]) -> None:
    """Write record.json and pictures.npz.

    Raises
    ------
    OSError, ValueError
        The folder cannot be made or written to.
    """
    make_folder(folder)
    arrays: dict[str, Any] = {
        key: np.asarray(picture, np.float32) for key, picture in pictures.items()
    }
    write_durably(folder / PICTURES, lambda file: np.savez(file, **arrays))
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    write_durably(folder / FILE, lambda file: file.write(text.encode()))


def check_folder(folder: Path) -> None:
    """Raise a `RecordError` where a record would replace that of a run with checkpoints."""
    checkpointed = any(folder.glob("state-*.npz"))
    if (folder / FILE).exists():
        with contextlib.suppress(RecordError):  # a damaged one is replaced
            checkpointed = checkpointed or read(folder / FILE)["checkpoint"] is not None
    if checkpointed:
        raise RecordError(
            f"{folder}: there are the checkpoints of a run in this folder, to which its own record "
            f"belongs; choose another."
        )


def save_result(result: Result, folder: Path) -> Path:
    """What `Result.save_record` does."""
    if not result.record:
        raise RecordError(f"{folder}: this result has no record, which those of minimize have.")
    check_folder(folder)
    try:
        save(folder, result.record, result.pictures)
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{folder}: the record could not be written ({error}); choose another folder."
        ) from error
    return folder


def read(path: Path) -> Record:
    """A record from its file, checked against the schema.

    Raises
    ------
    RecordError
        The file cannot be read, is no JSON, or not what the schema says.
    """
    try:
        with open_file(path) as file:
            content = file.read(_BYTES + 1)
        if len(content) > _BYTES:
            raise OSError(f"it is larger than {_BYTES:,} bytes")
    except FileNotFoundError as error:
        raise RecordError(f"{path}: there is no such record; check the path.") from error
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: the record cannot be read ({error}).") from error
    return schema.read(content, Record, str(path))


def read_pictures(path: Path) -> Pictures:
    """The pictures of a record by their names in its file; nothing is unpickled.

    Raises
    ------
    RecordError
        The file is missing or damaged, or holds anything but arrays of float32.
    """
    try:
        pictures = read_arrays(path)
    except Exception as error:  # zipfile and NumPy raise what they like for a damaged file
        raise RecordError(f"{path}: the record's pictures cannot be read ({error}).") from error
    for key, picture in pictures.items():
        if picture.dtype != np.float32:
            raise RecordError(f"{path}: expected float32 in {key}, got {picture.dtype}.")
    return pictures


def differences(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What is another in two records, but for their outcomes: ``"field: was, now is"``."""
    skipped = ("outcome", "checkpoint", "pictures")  # whose digests are elsewhere, too
    return [
        line
        for name in recorded
        if name in here and name not in skipped
        for line in _differences(recorded[name], here[name], name)
    ]


def _term(alone: WeightedSum) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = alone.get_config()["terms"][0]
        return entry
    except (LossError, RegistryError):
        ((_, weight, loss),) = ((t.name, t.weight, t.loss) for t in alone)
        masks = loss.masks
        entry = {
            "loss": f"{type(loss).__module__}:{type(loss).__qualname__}",
            "weight": float(weight),
            "config": None,
            "references": [digest(picture) for picture in loss.references],
            "masks": masks and [digest(masks[0]), [digest(mask) for mask in masks[1]]],
        }
        return _with_options(entry, loss)


def _with_options(entry: dict[str, Any], thing: Any) -> dict[str, Any]:
    """An entry of the record, of which ``config`` may be null; then with options to compare."""
    if entry["config"] is not None:
        return entry
    optimizer = isinstance(thing, keras.optimizers.Optimizer)
    state = thing.get_config() if optimizer else getattr(thing, "__dict__", {})
    options: dict[str, Any] = {}
    for name, value in state.items():
        if name in ("references", "masks"):  # of a loss, which are recorded by their digests
            continue
        try:
            plain = serialization.plain(value, name)
            schema.check({name: plain}, schema.Options, name)
            json.dumps(plain, ensure_ascii=False).encode()
        except Exception:  # what JSON does not have, which fails in any way it likes
            continue
        options[name] = plain
    return {**entry, "options": options}


def _whole(value: Any) -> Any:
    """A setting as JSON has it."""
    if isinstance(value, list | tuple):
        return [int(each) for each in value]
    return value if value is None or isinstance(value, str) else int(value)


def _differences(a: Any, b: Any, where: str) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from _differences(a.get(key), b.get(key), f"{where}.{key}")
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _differences(one, other, f"{where}[{i}]")
    elif a != b:
        yield f"{where}: {_shown(a)}, here {_shown(b)}"


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return shown(value)
    return value if len(value) <= 70 else f"{value[:67]}…"
