"""Convolutions with another padding: against NumPy's, and fast against direct."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from neural_style.kernels.layers import accelerated
from neural_style.kernels.padding import Mode, PaddedConvolution, extended


def random(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def convolution(inputs: int, filters: int = 64, **options: Any) -> keras.layers.Conv2D:
    layer = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", **options)
    layer.build((None, None, None, inputs))
    kernel = random(*layer.kernel.shape, seed=3)
    layer.kernel.assign(kernel * (2 / (9 * (inputs + filters))) ** 0.5)
    layer.bias.assign(random(filters, seed=1) / 10)
    return layer


@pytest.mark.parametrize("mode", ["symmetric", "wrap", "edge"])
@pytest.mark.parametrize("margins", [((0, 0), (0, 0)), ((1, 2), (0, 3)), ((7, 5), (9, 1))])
def test_a_map_is_extended_as_numpy_does(mode: Mode, margins: Any) -> None:
    x = random(1, 3, 4, 2)
    rows, columns = margins
    expected = np.pad(x, ((0, 0), rows, columns, (0, 0)), mode)
    np.testing.assert_array_equal(extended(tf.constant(x), rows, columns, mode), expected)


@pytest.mark.parametrize("mode", ["wrap", "edge"])
@pytest.mark.parametrize("rate", [1, 2])
def test_a_convolution_reads_its_padding(mode: Mode, rate: int) -> None:
    x, layer = random(1, 5, 6, 3), convolution(3, 4, dilation_rate=rate)
    padded = np.pad(x, ((0, 0), (rate, rate), (rate, rate), (0, 0)), mode)
    inside = layer(padded)[:, rate:-rate, rate:-rate]
    np.testing.assert_allclose(PaddedConvolution(layer, mode)(x), inside, atol=1e-5)


@pytest.mark.parametrize("pooling", [None, "MaxPooling2D", "AveragePooling2D"])
@pytest.mark.parametrize(
    ("mode", "inputs", "size"),
    [("wrap", 3, (20, 26)), ("edge", 3, (21, 25)), ("wrap", 64, (18, 22)), ("wrap", 64, (98, 102))],
)
def test_the_fast_layers_have_the_same_values_and_gradients(
    mode: Mode, inputs: int, size: tuple[int, int], pooling: str | None
) -> None:
    picture = keras.Input((None, None, inputs))
    y = PaddedConvolution(convolution(inputs), mode)(picture)
    network = keras.Model(picture, getattr(keras.layers, pooling)(2)(y) if pooling else y)
    x = tf.constant(random(1, *size, inputs))
    upstream = random(*network.compute_output_shape(x.shape), seed=2)

    def run(model: keras.Model, compiled: bool) -> Any:
        @tf.function(autograph=False, jit_compile=compiled)
        def both(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = model(x)
            return y, tape.gradient(y, x, upstream)

        return both(x)

    for fast, direct in zip(run(accelerated(network), True), run(network, False), strict=True):
        # A value that rounds to the other side of a ReLU changes a few gradients.
        assert np.linalg.norm(fast - direct) < 2e-3 * np.linalg.norm(direct)
