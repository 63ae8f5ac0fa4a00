"""Layers that XLA runs fast on a CPU, in one file because they are joined with one another.

They equal the network's layers up to float32 rounding.

    replacement(layer) -> a layer that shares its weights, or the layer itself
    accelerated(network, replacement) -> the network with the replacements

- 3×3 convolutions of stride 1 use Winograd's algorithm (`winograd`).
- If only a 2×2 pooling reads such a convolution with a ReLU, both become one layer. The result
  of the convolution, four times as large, is then never in memory.
- The gradient of a convolution of the picture is one matrix product.
- The gradient of maximum pooling uses comparisons. `compared` is for any network and device,
  because TensorFlow refuses XLA's own gradient in deterministic mode.

Use these layers in functions that XLA compiles, with static shapes. On small maps, convolutions
call the original layer. A kept kernel is read once. Rounding is 1e-6 of a convolution's result.
It can decide a tie in a pooling differently, mainly in areas of one color: the gradient then goes
to a neighboring position.

Measured on two AVX-512 cores, TensorFlow 2.21: 64 channels at 512×512 take 52 ms, direct
convolution 111; 512 channels at 64×64 take 33 ms, direct convolution 91. Under 64 channels or
16×16 positions the gain is small. F(6×6, 3×3) was not faster at any size, and its errors are four
times as large. The gradient of the first pooling at 512×512 takes 7 ms, XLA's own 82; that of
the first convolution takes 10 ms, XLA's own 44.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from neural_style.kernels import blocks, winograd
from neural_style.kernels.padding import PaddedConvolution, extended
from neural_style.utils.backend import keras, tf

Tensor: TypeAlias = Any

_FEWEST_CHANNELS = 64
_FEWEST_POSITIONS = 16 * 16
_FEWEST_JOINED = 96 * 96  # positions; below it, compilation takes longer and little is gained
_PICTURE_CHANNELS = 4


def replacement(layer: keras.Layer, *, kept: bool = True) -> keras.Layer:
    """The replacement of ``layer`` in a network that XLA compiles for a CPU.

    With ``kept``, the transformed kernel, four times as large, stays in memory. Without it, the
    kernel is transformed at each use.
    """
    if _is_plain_convolution(layer):
        channels = _plain(layer).kernel.shape[2:]
        if _has_winograd(layer):
            return _WinogradConvolution(layer, kept)
        if channels[0] <= _PICTURE_CHANNELS:
            return _PictureConvolution(layer)
    return compared(layer)


def compared(layer: keras.Layer) -> keras.Layer:
    """The replacement of a maximum pooling, its gradient by comparisons; else the layer itself."""
    pools = type(layer) is keras.layers.MaxPooling2D and layer.data_format == "channels_last"
    return _MaxPooling(layer) if pools else layer


def accelerated(
    network: keras.Model, replacement: Callable[[keras.Layer], keras.Layer] = replacement
) -> keras.Model:
    """Replace the layers of a functional network, and join convolutions with poolings."""
    pairs = joined(network)
    made: dict[
        int, tuple[keras.Layer, Tensor, Tensor]
    ] = {}  # keeps outputs, so that ids stay unique
    layers: dict[tuple[str, str], _PooledConvolution] = {}  # shared by all calls of a pair

    def call(layer: keras.Layer, *args: Any, **kwargs: Any) -> Tensor:
        x = args[0] if len(args) == 1 else None
        if layer.name in pairs and id(x) in made:
            convolution, x, _ = made[id(x)]
            key = convolution.name, layer.name
            if key not in layers:
                layers[key] = _PooledConvolution(convolution, layer)
            return layers[key](x)
        y = layer(*args, **kwargs)
        if layer.name in pairs.values() and x is not None:
            made[id(y)] = layer, x, y
        return y

    return keras.models.clone_model(network, clone_function=replacement, call_function=call)


def kept_kernels(layers: Iterable[keras.Layer]) -> list[Tensor]:
    """The transformed kernels that replacements keep in memory."""
    states = map(vars, layers)
    return [state["_transformed"] for state in states if "_transformed" in state]


def joined(network: keras.Model) -> dict[str, str]:
    """Map each pooling that is joined with a convolution to that convolution, by name."""
    operations = [op for op in network.operations if not isinstance(op, keras.layers.InputLayer)]
    readers = Counter(id(x) for op in operations for x in keras.tree.flatten(op.input))
    readers.update(id(output) for output in network.outputs)
    makers = {id(op.output): op for op in operations}
    pairs = {}
    for pooling in operations:
        if _is_plain_pooling(pooling) and readers[id(pooling.input)] == 1:
            maker: Any = makers.get(id(pooling.input))
            if _has_winograd(maker) and _plain(maker).activation is keras.activations.relu:
                pairs[pooling.name] = maker.name
    return pairs


def is_joined(shape: tuple[int, ...]) -> bool:
    """Whether a convolution of `joined` is joined at its (height, width, …)."""
    return shape[0] * shape[1] >= _FEWEST_JOINED


def by_winograd(layer: keras.Layer, shape: tuple[int, ...]) -> bool:
    """Whether `replacement` uses Winograd's algorithm for a (height, width, channels)."""
    return _has_winograd(layer) and shape[0] * shape[1] >= _FEWEST_POSITIONS


def _has_winograd(layer: Any) -> bool:
    return (
        _is_plain_convolution(layer)
        and min(_plain(layer).kernel.shape[2:]) >= _FEWEST_CHANNELS
        and getattr(layer, "mode", "wrap") == "wrap"
    )


def _plain(layer: Any) -> Any:
    """The convolution itself, without another padding."""
    return layer.convolution if isinstance(layer, PaddedConvolution) else layer


def _is_plain_convolution(layer: Any) -> bool:
    layer = _plain(layer)
    return (
        type(layer) is keras.layers.Conv2D
        and layer.kernel_size == (3, 3)
        and layer.strides == layer.dilation_rate == (1, 1)
        and layer.padding == "same"
        and layer.groups == 1
        and layer.data_format == "channels_last"
    )


def _is_plain_pooling(layer: keras.Layer) -> bool:
    return (
        type(layer) in (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
        and tuple(layer.pool_size) == tuple(layer.strides) == (2, 2)
        and layer.padding == "valid"
        and layer.data_format == "channels_last"
    )


def has_static_gradient(layer: keras.Layer) -> bool:
    """Whether the gradient of a layer of a network of static shapes takes no shape as a value.

    Others may: TensorFlow's gradients of slices, concatenations and paddings do.
    """
    if isinstance(layer, _MaxPooling):
        return _is_plain_pooling(layer.layer)
    if isinstance(layer, _PooledConvolution):
        layer = layer.convolution
    if isinstance(layer, _Convolution):
        return not isinstance(layer.layer, PaddedConvolution)
    return isinstance(layer, keras.layers.InputLayer | keras.layers.AveragePooling2D)


class _Replacement(keras.Layer):
    """Replaces ``layer``. It uses its weights, and calls it for small maps."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__(name=layer.name, trainable=False)
        self.layer = layer

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    def call(self, inputs: Tensor) -> Tensor:  # Keras' name of the argument
        _, height, width, _ = inputs.shape
        if height * width < _FEWEST_POSITIONS:
            return self.layer(inputs)
        return self._fast(inputs)

    def _fast(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class _Convolution(_Replacement):
    def __init__(self, layer: keras.Layer) -> None:
        super().__init__(layer)
        self.plain, self.wrap = _plain(layer), getattr(layer, "mode", None) == "wrap"

    def kernel(self) -> Tensor:
        """The kernel in the form that `_forward` and `_backward` use."""
        return tf.convert_to_tensor(self.plain.kernel)

    def bias(self) -> Tensor:
        """The bias, or zeros if the layer has none."""
        bias = self.plain.bias
        return tf.zeros(self.plain.filters) if bias is None else tf.convert_to_tensor(bias)

    def _fast(self, x: Tensor) -> Tensor:
        kernel, bias = self.kernel(), self.bias()
        relu = self.plain.activation is keras.activations.relu

        @tf.custom_gradient
        def convolution(x: Tensor) -> Any:
            y = self._forward(x, kernel, bias, relu)

            def gradient(g: Tensor) -> Tensor:
                return self._backward(tf.where(y > 0, g, 0.0) if relu else g, kernel)

            return y, gradient

        y = convolution(x)
        return y if relu else self.plain.activation(y)

    def _forward(self, x: Tensor, kernel: Tensor, bias: Tensor, relu: bool) -> Tensor:
        raise NotImplementedError

    def _backward(self, g: Tensor, kernel: Tensor) -> Tensor:
        raise NotImplementedError


class _WinogradConvolution(_Convolution):
    def __init__(self, layer: keras.Layer, kept: bool) -> None:
        super().__init__(layer)
        self._kept = kept

    def kernel(self) -> Tensor:
        return self._transformed if self._kept else super().kernel()

    @functools.cached_property
    def _transformed(self) -> Tensor:
        with tf.init_scope():  # outside of the function that is being traced
            return winograd.transform(tf.convert_to_tensor(self.plain.kernel))

    def _forward(self, x: Tensor, kernel: Tensor, bias: Tensor, relu: bool) -> Tensor:
        return winograd.convolve(x, kernel, bias, relu=relu, wrap=self.wrap)

    def _backward(self, g: Tensor, kernel: Tensor) -> Tensor:
        return winograd.convolve(g, kernel, adjoint=True, wrap=self.wrap)


class _PooledConvolution(keras.Layer):
    """A convolution with a ReLU, and the pooling after it."""

    def __init__(self, convolution: _WinogradConvolution, pooling: keras.Layer) -> None:
        super().__init__(name=f"{convolution.name}_{pooling.name}", trainable=False)
        self.convolution, self.pooling = convolution, pooling
        self.built = True  # the network is built

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = self.convolution.compute_output_shape(input_shape)
        return self.pooling.compute_output_shape(shape)

    def call(self, x: Tensor) -> Tensor:
        _, height, width, _ = x.shape
        if not is_joined((height, width)):
            return self.pooling(self.convolution(x))
        kernel, bias = self.convolution.kernel(), self.convolution.bias()
        how = {
            "average": type(self.pooling) is keras.layers.AveragePooling2D,
            "wrap": self.convolution.wrap,
        }

        @tf.custom_gradient
        def pooled(x: Tensor) -> Any:
            y, passing = winograd.convolve_and_pool(x, kernel, bias, **how)

            def gradient(g: Tensor) -> Tensor:
                return winograd.unpool_and_convolve(g, passing, kernel, (height, width), **how)

            return y, gradient

        return pooled(x)


class _PictureConvolution(_Convolution):
    def __init__(self, layer: keras.Layer) -> None:
        super().__init__(layer)
        # With another padding than zeros, the map is extended first, then convolved inside.
        self._padding = "VALID" if isinstance(layer, PaddedConvolution) else "SAME"

    def _fast(self, x: Tensor) -> Tensor:
        if isinstance(self.layer, PaddedConvolution):
            x = extended(x, *self.layer.margins, self.layer.mode)
        return super()._fast(x)

    def _forward(self, x: Tensor, kernel: Tensor, bias: Tensor, relu: bool) -> Tensor:
        y = tf.nn.conv2d(x, kernel, 1, self._padding) + bias
        return tf.nn.relu(y) if relu else y

    def _backward(self, g: Tensor, kernel: Tensor) -> Tensor:
        """Compute one product for every tap of the kernel, then shift and add the taps."""
        _, rows, columns, filters = g.shape
        margin = 2 if self._padding == "VALID" else 1
        height, width = rows + 2 * margin - 2, columns + 2 * margin - 2
        channels = kernel.shape[2]
        taps = tf.reshape(tf.transpose(kernel, [3, 0, 1, 2]), [filters, 9 * channels])
        products = tf.matmul(tf.reshape(g, [rows * columns, filters]), taps)
        products = tf.reshape(products, [rows, columns, 3, 3, channels])
        products = tf.pad(products, [[margin] * 2, [margin] * 2, [0, 0], [0, 0], [0, 0]])
        shifted = [
            products[2 - i : 2 - i + height, 2 - j : 2 - j + width, i, j]
            for i in range(3)
            for j in range(3)
        ]
        return sum(shifted[1:], start=shifted[0])[None]


class _MaxPooling(_Replacement):
    def call(self, inputs: Tensor) -> Tensor:
        return self._in_cells(inputs) if _is_plain_pooling(self.layer) else self._any(inputs)

    def _any(self, x: Tensor) -> Tensor:
        """Pool any window. Like a pooling, `tf.maximum` gives a tie's gradient to the first."""
        strides, ends, pads = [], [], [[0, 0]]
        for n, out, size, stride in zip(
            x.shape[1:3],
            self.compute_output_shape(x.shape)[1:3],
            self.layer.pool_size,
            self.layer.strides,
            strict=True,
        ):
            missing = max(0, (out - 1) * stride + size - n) if self.layer.padding == "same" else 0
            pads.append([missing // 2, missing - missing // 2])
            strides.append(stride)
            ends.append((out - 1) * stride + 1)
        x = tf.pad(x, [*pads, [0, 0]], constant_values=x.dtype.min)
        return functools.reduce(
            tf.maximum,
            (
                x[:, i : i + ends[0] : strides[0], j : j + ends[1] : strides[1]]
                for i in range(self.layer.pool_size[0])
                for j in range(self.layer.pool_size[1])
            ),
        )

    def _in_cells(self, x: Tensor) -> Tensor:
        @tf.custom_gradient
        def pooling(x: Tensor) -> Any:
            _, height, width, _ = x.shape
            odd = height % 2, width % 2
            places = blocks.places(x[0, : height - odd[0], : width - odd[1]])
            most = functools.reduce(tf.maximum, places)

            def gradient(g: Tensor) -> Tensor:
                """Give the gradient to the first maximum, as TensorFlow does."""
                rest, shares = g[0], []
                for place in places:
                    shares.append(tf.where(place == most, rest, 0.0))
                    rest = tf.where(place == most, 0.0, rest)
                return tf.pad(blocks.spread(shares), [[0, odd[0]], [0, odd[1]], [0, 0]])[None]

            return most[None], gradient

        return pooling(x)
