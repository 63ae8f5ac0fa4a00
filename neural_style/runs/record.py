"""The record of a run: everything that is needed to repeat it, as JSON.

    result.record                      # a dict, a `neural_style.runs.schema.Record`
    result.save_record("record/")      # writes record.json and pictures.npz
    neural_style.rerun("record/")      # the same picture again, and what differs here

pictures.npz has the pictures by their digests. Reading a record imports and evaluates nothing that
it names: losses are looked up in the registry, and optimizers and networks in Keras.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from neural_style.errors import LossError, RegistryError, shown
from neural_style.features.model import FeatureModel
from neural_style.images import Image, Opacity, digest
from neural_style.losses import serialization
from neural_style.losses.types import Term
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.optimizers import drivers, parameterization
from neural_style.optimizers.parameterization import Parameterization
from neural_style.runs import schema
from neural_style.runs.result import Result
from neural_style.runs.storage import Pictures
from neural_style.utils import environment
from neural_style.utils.backend import keras
from neural_style.utils.memory import peak_memory


def describe(
    loss: WeightedSum,
    features: FeatureModel,
    start: Image,
    chroma: Image | None,
    palette: Image | None,
    opacity: Opacity | None,
    *,
    optimizer: Any,
    variables: Parameterization,
    **settings: Any,
) -> tuple[dict[str, Any], Pictures]:
    """The record of a run, still without an outcome, and its pictures by their digests."""
    pictures = loss.pictures()
    own = {"start": start, "chroma": chroma, "palette": palette, "opacity": opacity}
    pictures |= {digest(picture): picture for picture in own.values() if picture is not None}
    record = {
        "schema": schema.VERSION,
        "loss": {"terms": [_term(term) for term in loss]},
        "features": features.get_config(),
        **{name: None if p is None else digest(p) for name, p in own.items()},
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
    """The outcome of a run, for its record."""
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


def differences(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """The differences of two records except in outcomes: ``"field: recorded, here another"``."""
    skipped = ("outcome", "checkpoint", "pictures")  # whose digests are elsewhere, too
    return [
        line
        for name in recorded
        if name in here and name not in skipped
        for line in _differences(recorded[name], here[name], name)
    ]


def _term(term: Term) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = serialization.config_of([term])["terms"][0]
        return entry
    except (LossError, RegistryError):
        kind = type(term.loss)
        name = f"{kind.__module__}:{kind.__qualname__}"
        return _with_options(serialization.entry_of(term, name, None), term.loss)


def _with_options(entry: dict[str, Any], thing: Any) -> dict[str, Any]:
    """An entry of the record; if its ``config`` is null, with options to compare."""
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
    """A setting as a value of JSON."""
    if isinstance(value, list | tuple):
        return [int(each) for each in value]
    return value if value is None or isinstance(value, str | float) else int(value)


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
