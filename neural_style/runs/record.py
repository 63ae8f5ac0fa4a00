"""The record of a run: everything that is needed to repeat it, as JSON has it.

    result.record                      # the dict below
    result.save_record("record/")      # record.json, and pictures.npz beside it
    neural_style.rerun("record/")      # the same picture again, and what differs here

Version 1 of the schema:

    schema          1
    loss            {terms: [{loss, weight, config, references, masks}, …]}, what
                    `WeightedSum.get_config` returns; of a loss that is not registered, or whose
                    options JSON does not have, ``loss`` is its class, ``config`` null, and
                    ``options`` has those of its attributes that JSON has
    features        {network, pooling, weights, preprocess, winograd, sha256}, what
                    `FeatureModel.get_config` returns
    start           the digest of the picture that the run began with
    chroma          the digest of the picture whose colors the result has, or null
    pictures        {digest: [height, width, 3]}, of masks [height, width]
    settings        {scales, evaluations, optimizer: {class_name, config}, restart_every, clip,
                    parameterization: {name, config}, seed, tile}; of an optimizer or a
                    parameterization of one's own, ``config`` is null, and ``options`` has what
                    JSON has of the optimizer's config or the other's attributes
    environment     {python, packages: {name: version}, system, processor, cores, devices,
                    variables: {name: value}, threads: {intra_op, inter_op}}; the variables are
                    those of the environment that TensorFlow started with, of what bits can
                    depend on, and 0 threads are TensorFlow's own choice
    outcome         {picture, loss, terms, weighted, evaluations, rounds, scale, seconds,
                    evaluations_per_second, peak_memory, reason, ending}; null in the folder of a
                    checkpointed run. ``picture`` is a digest, ``peak_memory`` in bytes or null
    checkpoint      {run, every, output} in the folder of a checkpointed run, else null

A digest is `images.digest`: the SHA-256 of the shape and the float32 values. pictures.npz has
the pictures by it. Reading a record imports and evaluates nothing that it names: losses are
looked up in the registry, optimizers and networks among Keras' own. ``options``, ``variables`` and
``threads`` are compared only where the record has them, which those of earlier versions have not.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import (
    MOST,
    MOST_SEED,
    LossError,
    RecordError,
    RegistryError,
    shown,
)
from neural_style.features.model import FeatureModel
from neural_style.images import Image, digest
from neural_style.losses import serialization
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.optimizers import drivers, parameterization
from neural_style.optimizers.parameterization import Parameterization
from neural_style.runs.result import Result
from neural_style.utils import environment
from neural_style.utils.backend import keras
from neural_style.utils.files import make_folder, open_file, read_arrays, write_durably
from neural_style.utils.memory import peak_memory

Record: TypeAlias = dict[str, Any]
Pictures: TypeAlias = dict[str, NDArray[np.float32]]

VERSION = 1
FILE, PICTURES = "record.json", "pictures.npz"
_LATER = ("options", "variables", "threads")
_BYTES = 2**26  # of record.json


@dataclass(frozen=True)
class Range:
    """Numbers of a type, from one to another."""

    kind: type[int] | type[float]
    least: float
    most: float

    def __str__(self) -> str:
        least, most = (
            f"{each:,}" if abs(each) <= MOST else f"{each:.3g}" for each in (self.least, self.most)
        )
        return f"from {least} to {most}"


COUNT = Range(int, 0, MOST)
POSITIVE = Range(int, 1, MOST)
NUMBER = Range(float, -sys.float_info.max, sys.float_info.max)
SECONDS = Range(float, 0, 1e12)
_INTEGER = Range(int, -MOST_SEED, MOST_SEED)
_DEPTH = 50  # of what is JSON of any kind

# A kind is a type, a `Range`, a tuple of kinds of which one fits (None among them stands for
# null), [kind] for a list, {name: kind} for those names and no others (of which "name?" may be
# missing), or {str: kind} for any names. In a plain list or dict is JSON of any kind, whose
# numbers have a range, too.
_TERM = {
    "loss": str,
    "weight": NUMBER,
    "config": (dict, None),
    "options?": dict,
    "references": [str],
    "masks": (list, None),
}
_SCHEMA = {
    "schema": POSITIVE,
    "loss": {"terms": [_TERM]},
    "features": {
        "network": str,
        "pooling": (str, None),
        "weights": str,
        "preprocess": (str, None),
        "winograd": bool,
        "sha256": str,
    },
    "start": str,
    "chroma": (str, None),
    "pictures": {str: [POSITIVE]},
    "settings": {
        "scales": [POSITIVE],
        "evaluations": (POSITIVE, [POSITIVE]),
        "optimizer": {"class_name": str, "config": (dict, None), "options?": dict},
        "restart_every": (POSITIVE, None),
        "clip": str,
        "parameterization": {"name": str, "config": (dict, None), "options?": dict},
        "seed": Range(int, 0, MOST_SEED),
        "tile": (POSITIVE, None),
    },
    "environment": {
        "python": str,
        "packages": {str: str},
        "system": str,
        "processor": str,
        "cores": COUNT,
        "devices": [str],
        "variables?": {str: str},
        "threads?": {"intra_op": COUNT, "inter_op": COUNT},
    },
    "outcome": (
        None,
        {
            "picture": str,
            "loss": NUMBER,
            "terms": {str: NUMBER},
            "weighted": {str: NUMBER},
            "evaluations": Range(int, 0, MOST**2),
            "rounds": COUNT,
            "scale": COUNT,
            "seconds": SECONDS,
            "evaluations_per_second": Range(float, 0, MOST**2),
            "peak_memory": (Range(int, 0, 2**63), None),
            "reason": str,
            "ending?": (str, None),
        },
    ),
    "checkpoint": (None, {"run": str, "every": POSITIVE, "output": (str, None)}),
}


def describe(
    loss: WeightedSum,
    features: FeatureModel,
    start: Image,
    chroma: Image | None,
    *,
    optimizer: Any,
    variables: Parameterization,
    **settings: Any,
) -> tuple[Record, Pictures]:
    """The record of a run before it has an outcome, and its pictures by their digests."""
    pictures = loss.pictures()
    pictures |= {digest(picture): picture for picture in (start, chroma) if picture is not None}
    record = {
        "schema": VERSION,
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
        text = content.decode("utf-8")
    except FileNotFoundError as error:
        raise RecordError(f"{path}: there is no such record; check the path.") from error
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: the record cannot be read ({error}).") from error
    try:
        record = json.loads(text, parse_constant=_refused, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: expected a record in JSON, got none ({error}).") from error
    check(record, str(path))
    checked: Record = record
    return checked


def check(record: Any, name: str = "record") -> None:
    """Raise a `RecordError` unless a value is a record of this version."""
    if not isinstance(record, dict) or "schema" not in record:
        raise RecordError(f"{name}: expected a record, an object with a field 'schema'.")
    if record["schema"] != VERSION or isinstance(record["schema"], bool):
        raise RecordError(
            f"{name}: expected version {VERSION} of the schema, got {_shown(record['schema'])}; "
            f"use the version of neural-style-keras that wrote it."
        )
    check_kind(record, _SCHEMA, name)


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
            check_kind({name: plain}, dict, name)
            json.dumps({name: plain}, ensure_ascii=False, allow_nan=False).encode()
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
            if key in _LATER and key not in a:  # a record of before there were any
                continue
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


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("an object has a field twice")
    return found


def check_kind(value: Any, kind: Any, where: str, depth: int = 0) -> None:
    """Raise a `RecordError` unless a value is of a kind, as `_SCHEMA` has them."""
    if isinstance(kind, tuple):
        if value is None and None in kind:
            return
        kinds = [each for each in kind if each is not None]
        fitting = [each for each in kinds if isinstance(value, _type(each))]
        check_kind(value, (fitting or kinds)[0], where, depth)
        return
    wrong = not isinstance(value, _type(kind)) or (isinstance(value, bool) and kind is not bool)
    if not wrong and isinstance(kind, Range) and not kind.least <= value <= kind.most:
        raise RecordError(f"{where}: expected {_words(kind)} {kind}, got {_shown(value)}.")
    if wrong or depth > _DEPTH:
        raise RecordError(f"{where}: expected {_words(kind)}, got {_shown(value)}.")
    if kind in (list, dict):
        items = value.items() if kind is dict else enumerate(value)
        for name, each in items:
            if not isinstance(each, str | bool | None):
                own = next((own for own in _ANY if isinstance(each, _type(own))), dict)
                check_kind(each, own, f"{where}[{name!r}]" if depth < 3 else where, depth + 1)
    elif isinstance(kind, list):
        for i, each in enumerate(value):
            check_kind(each, kind[0], f"{where}[{i}]")
    elif isinstance(kind, dict) and str in kind:
        for name, each in value.items():
            check_kind(each, kind[str], f"{where}.{name}")
    elif isinstance(kind, dict):
        known = {name.removesuffix("?"): own for name, own in kind.items()}
        needed = {name for name in kind if not name.endswith("?")}
        for problem, names in (
            ("is missing", needed - value.keys()),
            ("is none of the schema's", value.keys() - known.keys()),
        ):
            if names:
                raise RecordError(f"{where}: the field {_shown(min(names))!r} {problem}.")
        for name, own in known.items():
            if name in value:
                check_kind(value[name], own, f"{where}.{name}")


def _type(kind: Any) -> Any:
    kind = kind.kind if isinstance(kind, Range) else kind
    if isinstance(kind, dict | list):
        return type(kind)
    return (int, float) if kind is float else kind


def _words(kind: Any) -> str:
    words = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}
    found = words.get(kind.kind if isinstance(kind, Range) else _type(kind))
    return found or ("a truth value" if kind is bool else "a number")


# What is in JSON of any kind, but for texts, truth values and null.
_ANY = (_INTEGER, NUMBER, list, dict)
