"""The padding of a feature model: what its network reads outside a picture.

    Padding("symmetric", network)
    padding.extension((97, 98))       # -> Extension: rows and columns to add, and how
    padding.network(cut)              # -> the cut of the network, with other convolutions

``"zero"`` is that of the networks, as trained. With ``"symmetric"``, the picture is extended
once by its mirror image, below and on the right, until its sides divide by the poolings; features
of the added part are dropped. With ``"periodic"``, every convolution reads the other side of its
map, so a picture is one tile of an endless pattern. With ``"replicate"``, the first convolution
repeats the pixels of the border.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import LayerError, OptionError
from neural_style.features import receptive_field
from neural_style.images import Size
from neural_style.kernels.padding import Margins, Mode, PaddedConvolution, extended
from neural_style.utils.backend import keras

Tensor: TypeAlias = Any

NO_HALO: tuple[Margins, Margins] = (0, 0), (0, 0)
MODES = ("zero", "symmetric", "periodic", "replicate")
_POOLINGS = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


@dataclass(frozen=True)
class Extension:
    """Rows and columns to add before and after a picture, by a mode of `numpy.pad`."""

    rows: Margins = (0, 0)
    columns: Margins = (0, 0)
    mode: Mode = "symmetric"

    def __bool__(self) -> bool:
        """Whether there is anything to add."""
        return any((*self.rows, *self.columns))

    def size(self, size: Size) -> Size:
        """(height, width) of the extended picture."""
        return size[0] + sum(self.rows), size[1] + sum(self.columns)

    def array(self, x: NDArray[Any]) -> NDArray[Any]:
        """The extended picture, from H×W or H×W×channels."""
        margins = (self.rows, self.columns, (0, 0))[: x.ndim]
        return np.pad(x, margins, self.mode) if self else x

    def tensor(self, x: Tensor) -> Tensor:
        """The extended picture, from (1, H, W, channels)."""
        return extended(x, self.rows, self.columns, self.mode)

    def folded(self, gradient: NDArray[Any]) -> NDArray[Any]:
        """The gradient of a picture, from that of the extended picture; the transpose of `array`.

        >>> Extension(columns=(0, 2)).folded(np.array([[[1.0], [2], [3], [4], [5]]]))[..., 0]
        array([[1., 7., 7.]])
        """
        for axis, (before, after) in enumerate((self.rows, self.columns)):
            lines = np.moveaxis(gradient, axis, 0)
            inner = slice(before, len(lines) - after)
            source = np.pad(np.arange(len(lines) - before - after), (before, after), self.mode)
            total = lines[inner].copy()
            for i in (*range(before), *range(inner.stop, len(lines))):
                total[source[i]] += lines[i]
            gradient = np.moveaxis(total, 0, axis)
        return gradient


class Padding:
    """One of `MODES` for a network.

    Raises `OptionError` if the mode is unknown, or if the strides of the network are unknown and
    the mode depends on them.
    """

    def __init__(self, mode: str, network: keras.Model) -> None:
        if mode not in MODES:
            raise OptionError(f"padding: expected one of {', '.join(MODES)}, got {mode!r}.")
        self.mode, self._network = mode, network
        self._convolutions: dict[keras.Layer, PaddedConvolution] = {}
        if mode == "symmetric":
            _ = self.multiple  # an error of the network is raised now

    @functools.cached_property
    def multiple(self) -> int:
        """What the sides of an extended picture divide by: the stride of the last convolutions."""
        try:
            fields = receptive_field.fields(self._network)
        except LayerError as error:
            raise OptionError(
                f"padding={self.mode!r} needs the strides of {self._network.name}, but {error} "
                f"Use padding='zero', or a part of the network."
            ) from error
        operations = [op for op in self._network.operations if not isinstance(op, _POOLINGS)]
        return math.lcm(*(field.stride for op in operations for field in fields[op.name]))

    def extension(self, size: Size, halo: tuple[Margins, Margins] = NO_HALO) -> Extension:
        """How a picture of (height, width) is extended before the network runs.

        A ``halo`` of rows and columns is for windows of a picture: in a periodic one, they read
        it across the border.
        """
        if self.mode == "symmetric":
            rows, columns = ((0, -side % self.multiple) for side in size)
            return Extension(rows, columns)
        return Extension(*halo, "wrap") if self.mode == "periodic" else Extension()

    def check(self, cut: keras.Model, size: Size) -> None:
        """Raise `LayerError` if a periodic picture of this size does not divide by the poolings.

        Raises as `network`, too.
        """
        if self.mode != "periodic":
            return
        for operation in cut.operations[1:]:
            self._padded(operation)
        fields = receptive_field.fields(cut).values()
        for_sides = [math.lcm(*(pair[axis].stride for pair in fields)) for axis in (0, 1)]
        if any(side % multiple for side, multiple in zip(size, for_sides, strict=True)):
            multiple = math.lcm(*for_sides)
            smaller = [max(1, side // multiple) * multiple for side in size]
            larger = [math.ceil(side / multiple) * multiple for side in size]
            raise LayerError(
                f"padding='periodic': expected a picture whose sides divide by {multiple}, got "
                f"{size[0]}×{size[1]}; the nearest such sizes are {smaller[0]}×{smaller[1]} and "
                f"{larger[0]}×{larger[1]}: resize it with neural_style.images.resize."
            )

    def network(self, cut: keras.Model) -> keras.Model:
        """The same network with the convolutions of this padding.

        Raises `LayerError` if a layer cannot have it.
        """
        if self.mode in ("zero", "symmetric"):
            return cut
        first = next(op for op in cut.operations if not isinstance(op, keras.layers.InputLayer))

        def chosen(layer: keras.Layer) -> keras.Layer:
            if self.mode == "replicate" and layer is not first:
                return layer
            return self._padded(layer)

        return keras.models.clone_model(cut, clone_function=chosen)

    def _padded(self, layer: keras.Layer) -> keras.Layer:
        kind = type(layer)
        if self.mode == "periodic":
            if kind in _POOLINGS and layer.padding == "valid" and layer.strides == layer.pool_size:
                return layer
            if kind in receptive_field.ELEMENTWISE:
                return layer
        if not (
            kind is keras.layers.Conv2D
            and layer.padding == "same"
            and tuple(layer.strides) == (1, 1)
            and layer.groups == 1
            and layer.data_format == "channels_last"
        ):
            raise LayerError(
                f"padding={self.mode!r}: expected a convolution of stride 1 with the padding "
                f"'same', but {layer.name!r} of {self._network.name} is not; use padding='zero' or "
                f"'symmetric'."
            )
        if tuple(layer.kernel_size) == (1, 1):
            return layer
        if layer not in self._convolutions:
            mode: Mode = "wrap" if self.mode == "periodic" else "edge"
            self._convolutions[layer] = PaddedConvolution(layer, mode)
        return self._convolutions[layer]
