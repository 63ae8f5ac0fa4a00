"""The fast layers against direct convolution and TensorFlow's own gradients."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from neural_style import FeatureModel, Objective
from neural_style.extensions import Content, Gram
from neural_style.images import Image, datasets
from neural_style.kernels import winograd
from neural_style.kernels.layers import accelerated, joined, replacement

LAYERS = (*(f"block{block}_conv1" for block in range(1, 6)), "block4_conv2", "block3_pool")


def both(layer: keras.Layer, x: Any, upstream: Any) -> tuple[Any, Any]:
    """The output and the gradient of <output, upstream>, compiled."""

    @tf.function(autograph=False, jit_compile=True)
    def run(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return y, tape.gradient(y, x, upstream)

    return run(tf.constant(x, tf.float32))  # type: ignore[no-any-return]


def random(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def error(found: Any, expected: Any) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("prepared", [tf.identity, winograd.transform])
def test_a_tile_by_hand(prepared: Any) -> None:
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 4, 4, 1)
    ones = prepared(tf.ones((3, 3, 1, 1)))
    sums = winograd.convolve(tf.constant(x), ones).numpy()[0, :, :, 0]
    assert sums[1, 1] == pytest.approx(1 + 2 + 3 + 5 + 6 + 7 + 9 + 10 + 11, rel=1e-5)
    assert sums[0, 0] == pytest.approx(1 + 2 + 5 + 6, rel=1e-5)
    delta = np.zeros((3, 3, 1, 1), np.float32)
    delta[0, 0] = 1  # takes the upper left neighbor; its adjoint the lower right
    kernel = prepared(tf.constant(delta))
    moved = winograd.convolve(tf.constant(x), kernel).numpy()[0, :, :, 0]
    back = winograd.convolve(tf.constant(x), kernel, adjoint=True).numpy()[0, :, :, 0]
    np.testing.assert_allclose(moved[1:, 1:], x[0, :-1, :-1, 0], atol=1e-4)
    np.testing.assert_allclose(moved[0], 0, atol=1e-4)
    np.testing.assert_allclose(back[:-1, :-1], x[0, 1:, 1:, 0], atol=1e-4)


@pytest.mark.parametrize(
    ("average", "pooled", "passing", "spread"),
    [
        (False, [[6, 8], [0, 16]], [[8, 8], [0, 8]], [[0, 4, 0, 8], [0, 0, 0, 16]]),
        (True, [[3.5, 5.5], [0, 9.75]], [[15, 15], [0, 11]], [[1, 1, 2, 2], [0, 0, 0, 4]]),
    ],
)
def test_a_pooled_tile_by_hand(average: bool, pooled: Any, passing: Any, spread: Any) -> None:
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 4, 4, 1)
    x[0, 2:, :2] *= -1  # a cell that ReLU empties
    x[0, 3, 2] *= -1  # and one of 11, 12, 0 and 16
    delta = np.zeros((3, 3, 1, 1), np.float32)
    delta[1, 1] = 1
    kernel, bias = tf.constant(delta), tf.zeros(1)
    y, bits = winograd.convolve_and_pool(tf.constant(x), kernel, bias, average=average)
    g = tf.constant([[4.0, 8.0], [12.0, 16.0]])[None, :, :, None]
    back = winograd.unpool_and_convolve(g, bits, kernel, (4, 4), average=average)
    np.testing.assert_allclose(y[0, :, :, 0], pooled, atol=1e-4)
    np.testing.assert_array_equal(bits[0, :, :, 0], passing)
    np.testing.assert_allclose(back[0, 1::2, :, 0], spread, atol=1e-4)


def filled(layer: keras.layers.Conv2D, channels: int) -> keras.layers.Conv2D:
    """The layer with whole weights and a bias of ½: on whole inputs never near ReLU's kink."""
    layer.build((1, 32, 32, channels))
    bias = [np.full(layer.filters, 0.5, np.float32)] if layer.use_bias else []
    layer.set_weights([np.round(random(3, 3, channels, layer.filters, seed=2)), *bias])
    return layer


@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16), (17, 23), (64, 37), (130, 66)])
@pytest.mark.parametrize("activation", ["relu", None, "softplus"])
@pytest.mark.parametrize("kept", [True, False])
def test_a_convolution_and_its_gradient(
    size: tuple[int, int], activation: str | None, kept: bool
) -> None:
    layer = filled(keras.layers.Conv2D(80, 3, padding="same", activation=activation), 64)
    x, upstream = np.round(random(1, *size, 64)), random(1, *size, 80, seed=1)
    fast = replacement(layer, kept=kept)
    assert fast is not layer
    for found, expected in zip(both(fast, x, upstream), both(layer, x, upstream), strict=True):
        assert error(found, expected) < 1e-5


@pytest.mark.parametrize("use_bias", [True, False])
def test_the_first_convolution_and_its_gradient(use_bias: bool) -> None:
    layer = keras.layers.Conv2D(8, 3, padding="same", activation="relu", use_bias=use_bias)
    x, upstream = np.round(random(1, 21, 18, 3)), random(1, 21, 18, 8, seed=1)
    fast = replacement(filled(layer, 3))
    assert fast is not layer
    for found, expected in zip(both(fast, x, upstream), both(layer, x, upstream), strict=True):
        assert error(found, expected) < 1e-6


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((16, 16), {}),
        ((17, 19), {}),
        ((40, 21), {}),
        ((3, 2), {}),
        ((17, 19), {"pool_size": 3, "strides": 2}),
        ((17, 20), {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}),
        ((17, 20), {"pool_size": 2, "strides": 3}),
    ],
)
def test_a_pooling_and_its_gradient_where_values_are_equal(
    size: tuple[int, int], options: dict[str, Any]
) -> None:
    layer = keras.layers.MaxPooling2D(**options)
    x = np.round(random(1, *size, 5))  # many equal neighbors
    upstream = np.round(9 * random(*layer.compute_output_shape(x.shape), seed=1))  # sums exactly
    for found, expected in zip(
        both(replacement(layer), x, upstream), both(layer, x, upstream), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def network(*layers: keras.layers.Layer) -> keras.Model:
    inputs = x = keras.Input((None, None, 64))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def convolution(**options: Any) -> keras.layers.Conv2D:
    return keras.layers.Conv2D(**{"filters": 80, "kernel_size": 3, "padding": "same", **options})


def clear(y: Any, average: bool) -> Any:
    """1 for the cells whose gradient no rounding of ``y`` can move, and 0."""
    h, w = y.shape[1] // 2, y.shape[2] // 2
    cells = np.reshape(y[0, : 2 * h, : 2 * w], [h, 2, w, 2, -1]).transpose(0, 2, 4, 1, 3)
    ordered = np.sort(cells.reshape(*cells.shape[:3], 4))
    apart = abs(ordered).min(-1) if average else ordered[..., 3] - ordered[..., 2]
    return (np.minimum(apart, abs(ordered[..., 3])) > 1e-2).astype(np.float32)[None]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16), (17, 23), (64, 37), (130, 66)])
@pytest.mark.parametrize("average", [False, True])
def test_a_convolution_with_its_pooling(
    size: tuple[int, int], average: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neural_style.kernels.layers._FEWEST_JOINED", 1)
    layer = convolution()
    pooling = keras.layers.AveragePooling2D if average else keras.layers.MaxPooling2D
    direct = network(layer, keras.layers.ReLU(), pooling(2))
    layer.set_weights([random(3, 3, 64, 80, seed=2), random(80, seed=3)])
    plain = network(convolution(activation="relu"), pooling(2))
    plain.set_weights(direct.get_weights())
    fast = accelerated(plain)
    assert len(fast.layers) == 2  # the input, and both at once
    x = random(1, *size, 64)
    upstream = random(1, size[0] // 2, size[1] // 2, 80, seed=1) * clear(layer(x), average)
    for found, expected in zip(both(fast, x, upstream), both(direct, x, upstream), strict=True):
        assert error(found, expected) < 1e-5


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [convolution(), keras.layers.MaxPooling2D()],
        lambda: [convolution(activation="relu"), keras.layers.MaxPooling2D(3)],
        lambda: [convolution(activation="relu"), keras.layers.MaxPooling2D(padding="same")],
        lambda: [convolution(activation="relu", filters=8), keras.layers.MaxPooling2D()],
        lambda: [keras.layers.ReLU(), keras.layers.MaxPooling2D()],
    ],
)
def test_other_poolings_are_not_joined(layers: Any) -> None:
    assert joined(network(*layers())) == {}


def test_a_convolution_that_something_else_reads_is_not_joined() -> None:
    layer, pooling = convolution(activation="relu", filters=64), keras.layers.MaxPooling2D()
    alone = network(layer, pooling)
    read = keras.Model(alone.inputs, [alone.output, keras.layers.ReLU()(layer.output)])
    asked = keras.Model(alone.inputs, [alone.output, layer.output])
    assert joined(alone) == {pooling.name: layer.name}
    assert joined(read) == joined(asked) == {}


def test_layers_that_are_used_twice() -> None:
    layer, pooling = convolution(activation="relu", filters=64), keras.layers.MaxPooling2D()
    twice = network(layer, pooling, layer, pooling)
    x = random(1, 100, 97, 64)
    found, expected = (run(tf.constant(x)) for run in (accelerated(twice), twice))
    assert error(found, expected) < 1e-5


def test_layers_that_are_called_by_keyword() -> None:
    layer, pooling = convolution(activation="relu"), keras.layers.MaxPooling2D()
    inputs = keras.Input((None, None, 64))
    plain = keras.Model(inputs, pooling(inputs=layer(inputs=inputs)))
    x = random(1, 100, 97, 64)
    found, expected = (run(tf.constant(x)) for run in (accelerated(plain), plain))
    assert error(found, expected) < 1e-5


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_vggs_poolings_are_joined_where_their_input_is_not_asked_for(pooling: str) -> None:
    features = FeatureModel(weights=None, pooling=pooling)
    assert features.joined(LAYERS, (1024, 768)) == {
        f"block{i}_conv{n}" for i, n in enumerate((2, 2, 4, 4), 1)
    }
    assert features.joined(LAYERS, (96, 192)) == {"block1_conv2"}
    assert features.joined(["block1_conv2", "block2_conv1", "image"], (96, 96)) == set()
    assert FeatureModel(weights=None, winograd=False).joined(LAYERS, (96, 96)) == set()


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 5},
        {"kernel_size": 3, "strides": 2},
        {"kernel_size": 3, "dilation_rate": 2},
        {"kernel_size": 3, "padding": "valid"},
        {"kernel_size": 3, "groups": 64},
        {"kernel_size": 3, "filters": 8},
    ],
)
def test_other_convolutions_are_left_alone(options: dict[str, Any]) -> None:
    layer = keras.layers.Conv2D(**{"filters": 64, "padding": "same", **options})
    layer(random(1, 32, 32, 64))
    assert replacement(layer) is layer


def test_small_maps_are_left_to_the_layer() -> None:
    layer = keras.layers.Conv2D(64, 3, padding="same")
    x = random(1, 15, 15, 64)
    direct = both(layer, x, np.ones_like(x))
    for found, expected in zip(both(replacement(layer), x, np.ones_like(x)), direct, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_kernels_are_kept_for_small_pictures_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, ...]] = []
    transform = winograd.transform

    def noted(kernel: Any) -> Any:
        made.append(tuple(kernel.shape))
        return transform(kernel)

    monkeypatch.setattr(winograd, "transform", noted)
    features = FeatureModel(weights=None)
    found = []
    for side, most in ((20, 400), (24, 400), (24, 399)):
        monkeypatch.setattr("neural_style.features.model._KERNELS_KEPT", most)
        run = tf.function(
            lambda x: features(x, ["block1_conv2"], compiled=True),
            autograph=False,
            jit_compile=True,
        )
        run(tf.zeros((1, side, side, 3)))
        found.append(len(made))
    assert found == [1, 1, 1]
    assert made == [(3, 3, 64, 64)]


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("size", [(127, 96), (150, 201)])
def test_vggs_features_on_a_picture(pooling: str, size: tuple[int, int]) -> None:
    photo = datasets.load("coffee", size=size)
    features = FeatureModel("vgg19", pooling=pooling)
    direct = features(photo, LAYERS)
    run = tf.function(
        lambda x: features(x, LAYERS, compiled=True), autograph=False, jit_compile=True
    )
    fast = run(tf.constant(photo))
    for name in LAYERS:
        assert error(fast[name], direct[name]) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_vggs_gradient_on_a_picture(pooling: str) -> None:
    # The median, since where rounding moves a value past a kink of ReLU or a tie of a pooling
    # the gradient jumps, as it does between two direct implementations.
    photo, painting = (datasets.load(name, size=(67, 90)) for name in ("coffee", "ihc"))
    fast: list[Image] = []
    direct: list[Image] = []
    for winograd_, gradients in ((True, fast), (False, direct)):
        features = FeatureModel("vgg19", pooling=pooling, winograd=winograd_)
        objective = Objective(Content(photo) + 1e-2 * Gram(painting), features, (67, 90))
        objective.refresh(photo, round=0)
        for seed in range(5):
            evaluation = objective(photo + 20 * random(67, 90, 3, seed=seed))
            gradients.append(evaluation.gradient)
    errors = [error(*pair) for pair in zip(fast, direct, strict=True)]
    assert 0 < np.median(errors) < 1e-3


def test_a_gpu_keeps_its_own_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = ("block1_conv2",)
    assert FeatureModel(weights=None)._accelerated
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    features = FeatureModel(weights=None)
    x = tf.constant(random(20, 20, 3))
    run = tf.function(
        lambda x: features(x, layers, compiled=True), autograph=False, jit_compile=True
    )
    assert not features._accelerated
    assert all(
        "while" not in op.type.lower() for op in run.get_concrete_function(x).graph.get_operations()
    )
    assert set(features._cuts) == {(layers, False, "compared")}
