"""Convolutions that read something else than zeros outside their map.

    PaddedConvolution(layer, "wrap")        # the other side: the map is a torus
    PaddedConvolution(layer, "edge")        # the nearest position of the map
    extended(x, (1, 1), (1, 1), "wrap")     # (1, h, w, c) -> (1, h + 2, w + 2, c)

The modes have the names of `numpy.pad`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from neural_style.utils.backend import keras, tf

Tensor: TypeAlias = Any
Mode: TypeAlias = Literal["symmetric", "wrap", "edge"]
Margins: TypeAlias = tuple[int, int]  # before and after, along an axis


def extended(x: Tensor, rows: Margins, columns: Margins, mode: Mode) -> Tensor:
    """A map (1, h, w, channels) with rows and columns added, as `numpy.pad` adds them.

    >>> x = tf.reshape(tf.constant([1.0, 2, 3]), (1, 1, 3, 1))
    >>> extended(x, (0, 0), (1, 2), "symmetric").numpy().ravel().tolist()
    [1.0, 1.0, 2.0, 3.0, 3.0, 2.0]
    """
    for axis, (before, after) in ((1, rows), (2, columns)):
        side = x.shape[axis]
        source = np.pad(np.arange(side), (before, after), mode)
        part: list[Any] = [slice(None)] * axis
        lines = {i: x[*part, i : i + 1] for i in (*source[:before], *source[before + side :])}
        parts = [lines[i] for i in source[:before]], [lines[i] for i in source[before + side :]]
        if lines:
            x = tf.concat([*parts[0], x, *parts[1]], axis)
    return x


class PaddedConvolution(keras.Layer):
    """A convolution of stride 1 with the padding "same", but with another padding than zeros.

    It uses the weights of ``convolution``, a `keras.layers.Conv2D`.
    """

    def __init__(self, convolution: keras.Layer, mode: Mode) -> None:
        super().__init__(name=convolution.name, trainable=False)
        self.convolution, self.mode = convolution, mode
        self.built = True  # the network is built

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the convolution's output."""
        return self.convolution.compute_output_shape(input_shape)

    @property
    def margins(self) -> tuple[Margins, Margins]:
        """The rows and the columns that it reads before and after its map."""
        pairs = zip(self.convolution.kernel_size, self.convolution.dilation_rate, strict=True)
        wider = [(size - 1) * rate for size, rate in pairs]
        rows, columns = ((n // 2, n - n // 2) for n in wider)
        return rows, columns

    def call(self, x: Tensor) -> Tensor:
        """The convolution of x (1, h, w, channels)."""
        layer = self.convolution
        x = extended(x, *self.margins, self.mode)
        y = tf.nn.conv2d(x, layer.kernel, 1, "VALID", dilations=layer.dilation_rate)
        return layer.activation(y if layer.bias is None else y + layer.bias)
