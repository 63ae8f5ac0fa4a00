"""Weights files that are none, or of another network."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import h5py
import numpy as np

import neural_style as ns
from corpus.cases import Case, World, archived
from corpus.options import small_networks
from neural_style.errors import StyleError, WeightsError


def _hdf5(write: Callable[[h5py.File], None]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def _weights(file: h5py.File, **changes: Any) -> None:
    """A file of the small network's weights, with a change."""
    shapes = {"block1_conv1": (3, 3, 3, 4), "block2_conv1": (3, 3, 4, 2), **changes}
    shapes = {layer: shape for layer, shape in shapes.items() if shape is not None}
    file.attrs["layer_names"] = [layer.encode() for layer in shapes]
    file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.0"
    for layer, shape in shapes.items():
        group = file.create_group(layer)
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        if isinstance(shape, tuple):
            # Without content: only chunks that are written take room.
            group.create_dataset("kernel", shape, "f4", chunks=True)
            group["bias"] = np.zeros(shape[-1], np.float32)
        else:
            shape(group)


def _texts(group: h5py.Group) -> None:
    group["kernel"], group["bias"] = [b"a"] * 4, [b"b"]


def _external(group: h5py.Group) -> None:
    group.create_dataset("kernel", (3, 3, 3, 4), "f4", external=[("/etc/passwd", 0, 432)])
    group["bias"] = np.zeros(4, np.float32)


def _links(group: h5py.Group) -> None:
    group["kernel"] = h5py.ExternalLink("/etc/passwd", "/kernel")
    group["bias"] = h5py.SoftLink("/nowhere")


def _loop(group: h5py.Group) -> None:
    group["kernel"], group["bias"] = group, group


def weights_files() -> Iterator[Case]:
    """Weights files that are none, or of another network."""
    whole = _hdf5(_weights)
    shapes: dict[str, dict[str, Any]] = {
        "wrong shape": {"block1_conv1": (3, 3, 3, 5)},
        "wrong rank": {"block1_conv1": (3, 4)},
        "missing layer": {"block2_conv1": None},
        "no layer": {"block1_conv1": None, "block2_conv1": None},
        "one layer more": {"block3_conv1": (3, 3, 4, 4)},
        "texts": {"block1_conv1": _texts},
        "bytes of another file": {"block1_conv1": _external},
        "links to elsewhere": {"block1_conv1": _links},
        "groups in a circle": {"block1_conv1": _loop},
        "a terabyte of nothing": {"block1_conv1": (3, 3, 10**6, 10**5)},
        "a layer without values": {"block1_conv1": lambda group: None},
    }
    files = {name: _hdf5(partial(_weights, **change)) for name, change in shapes.items()}
    files |= {f"cut at {cut}": whole[:cut] for cut in (1, 8, 100, 512, 800, len(whole) // 2)}
    files |= {
        "empty": b"",
        "text": b"not HDF5",
        "a page": b"<html>404</html>" * 99,
        "a pickle": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x05posix\x94.",
        "HDF5 of nothing": _hdf5(lambda file: None),
        "names that are numbers": _hdf5(lambda file: file.attrs.update(layer_names=5)),
        "names of no groups": _hdf5(lambda file: file.attrs.update(layer_names=[b"a"])),
        "names of nothing": _hdf5(
            lambda file: file.attrs.update(layer_names=[b"\xff\xfe"], backend=3)
        ),
    }
    for name, content in files.items():
        attempt = partial(_network, content, "weights.h5")
        yield Case("weights", name, attempt, WeightsError)
    circular = bytearray(whole)
    circular[120 : len(whole) // 2] = whole[: len(whole) // 2 - 120]
    yield Case("weights", "itself inside", partial(_network, bytes(circular), "a.h5"), WeightsError)
    for suffix in ("keras", "weights.h5", "weights.json", "npz", "hdf5", "txt", "pkl", ""):
        attempt = partial(_network, b"not what it is called", f"a.{suffix}")
        yield Case("weights", f"text named .{suffix}", attempt, WeightsError)
    zips = archived({"../../out.txt": b"x", "config.json": b"{}", "model.weights.h5": b"x"})
    yield Case("weights", "an archive", partial(_network, zips, "a.keras"), WeightsError)
    for path in ["", "\0", "/nowhere.h5", "/", "a" * 5000, 5, b"a.h5", [], object(), "/dev/null",
                 "/dev/zero"]:  # fmt: skip
        attempt = partial(_network_at, path)
        yield Case("weights", f"path {path!r:.20}", attempt, StyleError)
    yield Case("weights", "a pipe without a writer", _weights_pipe, WeightsError)
    attempt = partial(_network, whole, "whole.h5")
    yield Case("weights", "whole", attempt, sound=lambda m: isinstance(m, ns.FeatureModel))


def _network(content: bytes, name: str, world: World) -> Any:
    return _network_at(world.file(name, content), world)


def _network_at(path: Any, world: World) -> Any:
    small_networks(world)
    return ns.FeatureModel("vgg19", weights=path)


def _weights_pipe(world: World) -> Any:
    os.mkfifo(world.inputs / "pipe.h5")
    return _network_at(world.inputs / "pipe.h5", world)
