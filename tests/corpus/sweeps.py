"""What a sweep keeps of its runs, damaged."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import neural_style as ns
from corpus.cases import NAN, Case, World, archived
from corpus.options import made
from corpus.pictures import is_picture
from neural_style.runs import storage
from neural_style.sweeps.fingerprints import fingerprints


class Opaque:
    """A run without a digest, which its version stands for."""

    def __init__(self, run: Any) -> None:
        self.run = run

    def __call__(self, **settings: Any) -> Any:
        return self.run(**settings)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("it cannot be taken apart")


def swept(folder: Path, run: Any = made) -> Any:
    """The outcome of a sweep of one run into a folder."""
    return ns.sweep(Opaque(run), {"seed": [1]}, folder=folder, version="1")[0]


def records() -> Iterator[Case]:
    """Files of a sweep that are damaged: the run is made again, and nothing else happens."""
    content = record()
    damaged: dict[str, bytes] = {
        f"cut at {cut}": content[:cut] for cut in (0, 1, 20, 100, len(content) // 2)
    }
    for seed in range(6):
        flipped = bytearray(content)
        for place in np.random.default_rng(seed).integers(len(content), size=4):
            flipped[place] ^= 0x55
        damaged[f"flipped {seed}"] = bytes(flipped)
    damaged |= {
        "text": b"no archive",
        "a pickle": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x05posix\x94.",
        "an archive of nothing": archived({}),
        "an archive of text": archived({"image.npy": b"x", "document.npy": b"{}"}),
        "an archive of paths": archived({"../image.npy": b"x"}),
        "a picture of objects": record(image=np.array([None], object)),
        "a picture of NaN": record(image=np.full((8, 8, 3), NAN)),
        "a picture of texts": record(image=np.full((8, 8, 3), "a")),
        "a terabyte of zeros": _bomb(),
        "no JSON": record(text=b"{"),
        "JSON of a list": record(text=b"[]"),
        "JSON of depth": record(text=b"[" * 10**5),
        "JSON of digits": record(text=b"9" * 10**4),
        "JSON not UTF-8": record(text=b'{"settings": "\xff"}'),
        "settings of another": record(settings={"seed": 2}),
        "no settings": record(settings=None),
        "no digests": record(digests=None),
        "digests of others": record(digests={}),
        "another version": record(schema=1),
        "no version": record(schema=None),
        "no checksum": record(sha256=None),
        "another checksum": record(sha256=bytes(32)),
        "an array more": record(more=np.zeros(3)),
        "result None": record(result=None),
        "result a list": record(result=[]),
    }
    changes: dict[str, dict[str, Any]] = {
        "loss text": {"loss": "low"},
        "loss None": {"loss": None},
        "loss a list": {"loss": [1.0]},
        "terms None": {"terms": None},
        "terms of text": {"terms": {"a": "b"}},
        "weighted a number": {"weighted": 5},
        "history None": {"history": None},
        "history of numbers": {"history": [5]},
        "history of text": {"history": [{"loss": "a"}]},
        "evaluations a fraction": {"evaluations": 1.5},
        "evaluations negative": {"evaluations": -1},
        "seconds text": {"seconds": "1"},
        "reason a number": {"reason": 5},
        "reason markup": {"reason": ["<script>"]},
        "unknown field": {"__class__": "os.system"},
        "ending of another": {"ending": "bored"},
        "a record of nothing": {"record": {}},
        "evaluations of digits": {"evaluations": 10**4000},
        "scale text": {"scale": "0"},
        "missing field": {"loss": ...},
    }
    damaged |= {name: record(change=change) for name, change in changes.items()}
    for name, damage in damaged.items():
        yield Case("record", name, partial(_sweep_over, damage), sound=_is_made)


def plain() -> dict[str, Any]:
    """What a sweep says of a result of `made`."""
    values = dict(vars(made()))
    entry = {"evaluation": 1, "round": 0, "loss": 1.0, "terms": {"a": 1.0}, "weighted": {"a": 1.0},
             "seconds": 0.1, "scale": 0}  # fmt: skip
    del values["image"], values["pictures"]
    digests = fingerprints(Opaque(made), [{"seed": 1}], "1")[0]
    result = {**values, "history": [entry], "reason": "kept", "record": None}
    return {"schema": 2, "result": result, "settings": {"seed": 1}, "digests": digests}


def record(
    *,
    image: Any = None,
    text: bytes | None = None,
    sha256: bytes | None = b"",
    more: Any = None,
    change: dict[str, Any] | None = None,
    **fields: Any,
) -> bytes:
    """What a sweep keeps of `made`, with a change."""
    whole = plain()
    values = {**whole["result"], **(change or {})}
    whole["result"] = {name: value for name, value in values.items() if value is not ...}
    whole = {name: value for name, value in (whole | fields).items() if value is not None}
    text = json.dumps(whole).encode() if text is None else text
    arrays = {"image": made().image if image is None else image, "more": more}
    arrays = {name: np.asarray(array) for name, array in arrays.items() if array is not None}
    arrays["document"] = np.frombuffer(text, np.uint8)
    if sha256 is not None:
        own = b"" if arrays["image"].dtype == object else storage.checksum(arrays)
        arrays["sha256"] = np.frombuffer(sha256 or own, np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _bomb() -> bytes:
    """An archive whose picture says that it is as large as a disk."""
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (300_000, 300_000, 3)}
    np.lib.format.write_array_header_1_0(header, shape)
    return archived({"image.npy": header.getvalue() + bytes(10**6), "document.npy": b""})


def _sweep_over(content: bytes, world: World) -> Any:
    """A sweep into a folder whose only file is this one."""
    swept(world.inputs)
    (path,) = world.inputs.glob("*.npz")
    path.write_bytes(content)
    return swept(world.inputs), swept(world.inputs, _failing)


def _failing(**_: Any) -> Any:
    raise ValueError("it was not kept")


def _is_made(value: Any) -> bool:
    """Whether both outcomes are of the run, or whole as they were kept, and print."""
    return all(
        outcome.result is not None
        and is_picture(outcome.result.image)
        and outcome.result.reason in ("done", "kept")
        and "loss 1 after 1 evaluations in 0 s" in str(outcome)
        for outcome in value
    )
