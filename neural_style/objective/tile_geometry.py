"""The geometry of tiles: how a picture is cut into windows.

    windows(reach, features, size, tile, share=1)    # -> [Window(pixels, places, cores), …]

The network evaluates one *window* at a time. All windows have the same shape, so one compiled
function is enough. They start at multiples of the deepest layer's stride, so pooling is aligned.
The first window starts at the start of the picture, and the last ends at its end. Each window has
a *core*; the cores are a partition of the picture. Around the core is a *halo*, as wide as the
receptive fields of the layers and the reach of the losses, or up to the edge of the picture.
At the positions of its core, a window therefore has the same features as the whole picture.

If the padding extends pictures, windows are cut from the extended picture (`extension`), which has
a halo around it where the padding is periodic. The cores cover the picture itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import OptionError
from neural_style.features.model import FeatureModel
from neural_style.features.padding import Extension
from neural_style.features.receptive_field import Field
from neural_style.images import Size

Crop: TypeAlias = tuple[slice, slice]


class Halo(NamedTuple):
    """How far a core's features reach along an axis, in units of the deepest layer's stride."""

    stride: int
    before: int
    after: int

    @classmethod
    def of(cls, fields: Mapping[str, Field], reach: Mapping[str, int]) -> Self:
        """The halo of these layers, with the ``reach`` of the losses in positions."""
        stride = math.lcm(*(field.stride for field in fields.values()))
        before = max(math.ceil(field.before / stride) for field in fields.values())
        after = max(
            math.ceil((field.after + 1 + (reach[layer] - 1) * field.stride) / stride)
            for layer, field in fields.items()
        )
        return cls(stride, max(0, before), max(0, after))

    @property
    def margins(self) -> tuple[int, int]:
        """The pixels before and after."""
        return self.stride * self.before, self.stride * self.after


@dataclass(frozen=True)
class Axis:
    """Windows along one axis: their common side, their starts and their cores, in pixels.

    Starts can be negative, and windows can end beyond the picture: there it is extended.
    """

    window: int
    starts: tuple[int, ...]
    cores: tuple[slice, ...]

    @classmethod
    def cut(
        cls,
        side: int,
        tile: int,
        halo: Halo,
        share: float = 1,
        extension: tuple[int, int] = (0, 0),
    ) -> Axis:
        """The smallest number of windows of at most ``share`` of a tile, each as small as possible.

        A side that fits into the tile with its ``extension`` is not cut.

        Raises `OptionError` if the tile is too small for its halo.
        """
        first, whole = extension[0], side + sum(extension)
        if whole <= tile:
            return cls(whole, (-first,), (slice(0, side),))
        stride, before, after = halo
        # In units of the stride, except the remainder at the end of the picture.
        units, rest = divmod(whole, stride)
        least = (before + after + 1) * stride + rest
        if tile < least:
            raise OptionError(
                f"tile: expected {least} pixels or more for a side of {side} with these layers "
                f"and losses, since the halo takes {(before + after) * stride}; got {tile}."
            )
        most = (max(least, int(share * tile)) - rest) // stride
        number = math.ceil((units - before - after) / (most - before - after))
        window = math.ceil((units + (number - 1) * (before + after)) / number)
        starts = [stride * (i * (units - window) // (number - 1)) - first for i in range(number)]
        begins = [0, *(start + stride * before for start in starts[1:])]
        # The last window can lie in the extension.
        begins = [begin for begin in begins if begin < side]
        cores = tuple(slice(*pair) for pair in itertools.pairwise([*begins, side]))
        return cls(stride * window + rest, tuple(starts[: len(cores)]), cores)


@dataclass(frozen=True, eq=False)
class Window:
    """One window, as slices of rows and columns.

    ``pixels`` is its part of the extended picture. ``places`` is its part of the picture's
    features, which can begin before them and end after them, and ``cores`` the part of its core
    there, both by layer.
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

    def indices(self, layer: str, size: Size) -> tuple[NDArray[Any], NDArray[Any]]:
        """The nearest positions in the picture's features of (h, w), to index rows and columns."""
        rows, columns = (
            np.clip(np.arange(place.start, place.stop), 0, side - 1)
            for place, side in zip(self.places[layer], size, strict=True)
        )
        return rows[:, None], columns

    def guides(self, shapes: Mapping[str, Size] | None = None) -> dict[str, NDArray[np.float32]]:
        """The weights of positions, (1, h, w, 1) for each layer: 1 in the core and 0 elsewhere.

        With the ``shapes`` of the picture's features, a second channel is 1 inside them, else 0.
        """
        guides = {}
        for layer, places in self.places.items():
            core = np.zeros([place.stop - place.start for place in places], np.float32)
            core[self.inner(layer)] = 1
            channels = [core]
            if shapes is not None:
                inside = np.zeros_like(core)
                inside[
                    tuple(
                        slice(max(0, -place.start), max(0, side - place.start))
                        for place, side in zip(places, shapes[layer], strict=True)
                    )
                ] = 1
                channels.append(inside)
            guides[layer] = np.stack(channels, -1)[None]
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
    fields, shapes = features.receptive_fields(layers), features.shapes(layers, size)
    extended = extension(reach, features, size)
    margins = extended.rows, extended.columns
    axes = [
        Axis.cut(side, tile, halo, share, margin)
        for side, halo, margin in zip(size, _halos(reach, features), margins, strict=True)
    ]
    lengths = features.shapes(layers, (axes[0].window, axes[1].window), window=True)
    rows, columns = (
        _segments(
            axis,
            margins[i][0],
            {n: (fields[n][i].stride, lengths[n][i], shapes[n][i]) for n in layers},
        )
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


def extension(reach: Mapping[str, int], features: FeatureModel, size: Size) -> Extension:
    """How a picture of ``size`` is extended before windows are cut from it."""
    rows, columns = (halo.margins for halo in _halos(reach, features))
    return features.extension(size, (rows, columns))


def _halos(reach: Mapping[str, int], features: FeatureModel) -> list[Halo]:
    """The halos along y and x."""
    fields = features.receptive_fields(reach)
    return [Halo.of({layer: fields[layer][i] for layer in reach}, reach) for i in (0, 1)]


class _Segment(NamedTuple):
    """A window along one axis."""

    pixels: slice
    places: dict[str, slice]
    cores: dict[str, slice]


def _segments(axis: Axis, first: int, layers: Mapping[str, tuple[int, int, int]]) -> list[_Segment]:
    """The windows along an axis, which is extended by ``first`` pixels before the picture.

    ``layers`` has the stride of each layer and its lengths, for a window and for the picture.
    """
    segments = []
    for start, core in zip(axis.starts, axis.cores, strict=True):
        places, cores = {}, {}
        for layer, (stride, length, whole) in layers.items():
            places[layer] = slice(start // stride, start // stride + length)
            stop = whole if core is axis.cores[-1] else core.stop // stride
            cores[layer] = slice(core.start // stride, stop)
        pixels = slice(start + first, start + first + axis.window)
        segments.append(_Segment(pixels, places, cores))
    return segments
