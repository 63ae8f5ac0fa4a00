"""The geometry of tiles: how a picture is cut into windows.

    windows(reach, features, size, tile, share=1)    # -> [Window(pixels, places, cores), …]

The network evaluates one *window* at a time. All windows have the same shape, so one compiled
function is enough. They start at multiples of the deepest layer's stride, so pooling is aligned.
The first window starts at the start of the picture, and the last ends at its end. Each window has
a *core*; the cores are a partition of the picture. Around the core is a *halo*, as wide as the
receptive fields of the layers and the reach of the losses, or up to the edge of the picture.
At the positions of its core, a window therefore has the same features as the whole picture.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import OptionError
from neural_style.features.model import FeatureModel
from neural_style.features.receptive_field import Field
from neural_style.images import Size

Crop: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True)
class Axis:
    """Windows along one axis: their common side, their starts and their cores, in pixels."""

    window: int
    starts: tuple[int, ...]
    cores: tuple[slice, ...]

    @classmethod
    def cut(
        cls,
        side: int,
        tile: int,
        fields: Mapping[str, Field],
        reach: Mapping[str, int],
        share: float = 1,
    ) -> Axis:
        """The smallest number of windows of at most ``share`` of a tile, each as small as possible.

        A side that fits into the tile is not cut.

        Raises `OptionError` if the tile is too small for its halo.
        """
        if side <= tile:
            return cls(side, (0,), (slice(0, side),))
        stride = math.lcm(*(field.stride for field in fields.values()))
        before = max(math.ceil(field.before / stride) for field in fields.values())
        after = max(
            math.ceil((field.after + 1 + (reach[layer] - 1) * field.stride) / stride)
            for layer, field in fields.items()
        )
        # In units of the stride, except the remainder at the end of the picture.
        before, after = max(0, before), max(0, after)
        units, rest = divmod(side, stride)
        least = (before + after + 1) * stride + rest
        if tile < least:
            raise OptionError(
                f"tile: expected {least} pixels or more for a side of {side} with these layers "
                f"and losses, since the halo takes {(before + after) * stride}; got {tile}."
            )
        most = (max(least, int(share * tile)) - rest) // stride
        number = math.ceil((units - before - after) / (most - before - after))
        window = math.ceil((units + (number - 1) * (before + after)) / number)
        starts = [i * (units - window) // (number - 1) for i in range(number)]
        bounds = [0, *(stride * (start + before) for start in starts[1:]), side]
        return cls(
            stride * window + rest,
            tuple(stride * start for start in starts),
            tuple(slice(*pair) for pair in itertools.pairwise(bounds)),
        )


@dataclass(frozen=True, eq=False)
class Window:
    """One window, as slices of rows and columns.

    ``pixels`` is its part of the picture. ``places`` is its part of the picture's features, and
    ``cores`` the part of its core there, both by layer.
    """

    pixels: Crop
    places: dict[str, Crop]
    cores: dict[str, Crop]

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        rows, columns = self.pixels
        return rows.stop - rows.start, columns.stop - columns.start

    def inner(self, layer: str) -> Crop:
        """The core as a part of the window's own features."""
        y, x = (
            slice(core.start - place.start, core.stop - place.start)
            for core, place in zip(self.cores[layer], self.places[layer], strict=True)
        )
        return y, x

    def guides(self) -> dict[str, NDArray[np.float32]]:
        """1 in the core and 0 elsewhere, (1, h, w, 1) for each layer."""
        guides = {}
        for layer, (rows, columns) in self.places.items():
            shape = (1, rows.stop - rows.start, columns.stop - columns.start, 1)
            guides[layer] = np.zeros(shape, np.float32)
            guides[layer][:, *self.inner(layer)] = 1
        return guides


def windows(
    reach: Mapping[str, int], features: FeatureModel, size: Size, tile: int, share: float = 1
) -> list[Window]:
    """The windows of a picture of ``size``: all of one shape, with sides of at most ``tile``.

    ``reach`` says, for each layer, how many positions to the right or below a position reads
    (`neural_style.objective.probe.reach`). Where a side is cut, windows have at most ``share`` of
    a tile, if the halo leaves room for that.

    Raises
    ------
    LayerError, OptionError
        A layer's receptive field is unknown, or the tile is too small for it.
    """
    layers = tuple(reach)
    fields = features.receptive_fields(layers)
    axes = [
        Axis.cut(side, tile, {layer: fields[layer][i] for layer in layers}, reach, share)
        for i, side in enumerate(size)
    ]
    shapes = features.shapes(layers, (axes[0].window, axes[1].window))
    rows, columns = (
        _segments(axis, {n: (fields[n][i].stride, shapes[n][i]) for n in layers})
        for i, axis in enumerate(axes)
    )
    return [
        Window(
            (y.pixels, x.pixels),
            {layer: (y.places[layer], x.places[layer]) for layer in layers},
            {layer: (y.cores[layer], x.cores[layer]) for layer in layers},
        )
        for y in rows
        for x in columns
    ]


class _Segment(NamedTuple):
    """A window along one axis."""

    pixels: slice
    places: dict[str, slice]
    cores: dict[str, slice]


def _segments(axis: Axis, layers: Mapping[str, tuple[int, int]]) -> list[_Segment]:
    """The windows along an axis, from each layer's stride and length of a window."""
    segments = []
    for start, core in zip(axis.starts, axis.cores, strict=True):
        places, cores = {}, {}
        for layer, (stride, length) in layers.items():
            places[layer] = slice(start // stride, start // stride + length)
            last = core is axis.cores[-1]
            stop = places[layer].stop if last else core.stop // stride
            cores[layer] = slice(core.start // stride, stop)
        segments.append(_Segment(slice(start, start + axis.window), places, cores))
    return segments
