"""Receptive fields: the pixels that a position of a layer reads.

    fields(network) -> {operation: (Field along y, Field along x)}

The result has every operation of a functional Keras network. Along each axis, position i of a
layer reads the pixels from stride · i − before to stride · i + after. Outside the picture, it
reads the network's padding. If an operation may read other pixels at some size, a `LayerError`
names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from neural_style.errors import LayerError, advice
from neural_style.utils.backend import keras

layers = keras.layers

# Each position depends on the same position of the inputs. The axis, if any, is checked.
ELEMENTWISE = {
    getattr(layers, name)
    for name in (
        "Activation",
        "Add",
        "Average",
        "BatchNormalization",
        "Concatenate",
        "Dropout",
        "ELU",
        "Identity",
        "LeakyReLU",
        "Maximum",
        "Minimum",
        "Multiply",
        "ReLU",
        "Rescaling",
        "SpatialDropout2D",
        "Subtract",
    )
}
_CONVOLUTIONS = {layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D}
_POOLINGS = {layers.MaxPooling2D, layers.AveragePooling2D}


@dataclass(frozen=True)
class Field:
    """Position i reads stride · i − before … stride · i + after along an axis."""

    stride: int = 1
    before: int = 0
    after: int = 0

    def through(self, taps: int, stride: int = 1, padding: int = 0) -> Field:
        """The field of a next layer, whose position i reads ``taps`` from stride · i − padding."""
        return Field(
            self.stride * stride,
            self.before + self.stride * padding,
            self.after + self.stride * (taps - 1 - padding),
        )


Fields: TypeAlias = tuple[Field, Field]


def fields(network: keras.Model) -> dict[str, Fields]:
    """The fields of every operation of a network with one input, by name.

    Raises
    ------
    LayerError
        The kind of an operation is unknown, or the pixels that it reads depend on the size of
        its input.
    """
    by_name: dict[str, Fields] = {}
    of_tensor: dict[int, Fields] = {}
    for operation in network.operations:
        if isinstance(operation, layers.InputLayer):
            value = (Field(), Field())
        else:
            inputs = keras.tree.flatten(operation.input)
            value = _fields(operation, [of_tensor.get(id(tensor)) for tensor in inputs])
        by_name[operation.name] = of_tensor[id(operation.output)] = value
    return by_name


def _fields(operation: Any, inputs: Sequence[Fields | None]) -> Fields:
    known = [pair for pair in inputs if pair]
    if not known or len(known) != len(inputs):
        raise _refusal(operation, "an input comes from a layer that is used more than once")
    y, x = (_joined(operation, along) for along in zip(*known, strict=True))
    kind = type(operation)
    if getattr(operation, "data_format", "channels_last") != "channels_last":
        raise _refusal(operation, "its channels are not last")
    if kind in ELEMENTWISE:
        if getattr(operation, "axis", -1) not in (-1, 3):
            raise _refusal(operation, f"it works along axis {operation.axis}")
        return y, x
    if kind is layers.ZeroPadding2D:
        (top, _), (left, _) = operation.padding
        return y.through(1, padding=top), x.through(1, padding=left)
    if kind in _CONVOLUTIONS:
        taps = [
            (size - 1) * dilation + 1
            for size, dilation in zip(operation.kernel_size, operation.dilation_rate, strict=True)
        ]
    elif kind in _POOLINGS:
        taps = list(operation.pool_size)
    else:
        raise _refusal(operation, f"the receptive field of a {kind.__name__} is unknown")
    padded = operation.padding == "same"
    if padded and set(operation.strides) != {1}:
        raise _refusal(operation, "with a stride, padding 'same' depends on the size")
    y, x = (
        field.through(size, stride, (size - 1) // 2 if padded else 0)
        for field, size, stride in zip((y, x), taps, operation.strides, strict=True)
    )
    return y, x


def _joined(operation: Any, along: Sequence[Field]) -> Field:
    if len({field.stride for field in along}) != 1:
        raise _refusal(operation, "its inputs have different strides")
    return Field(
        along[0].stride, max(field.before for field in along), max(field.after for field in along)
    )


def _refusal(operation: Any, why: str) -> LayerError:
    return LayerError(
        f"{operation.name!r}: {why}, so this layer cannot be computed in tiles; "
        f"use {advice('tile=None', '--tile none')}, or layers before it."
    )
