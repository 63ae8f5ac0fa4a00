"""The fast layers against direct convolution and TensorFlow's own gradients."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from neural_style import FeatureModel, Objective, datasets, winograd
from neural_style.accelerated import replacement
from neural_style.extensions import Content, Gram
from neural_style.images import Image

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


def test_a_tile_by_hand() -> None:
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 4, 4, 1)
    ones = winograd.transform(np.ones((3, 3, 1, 1), np.float32))
    sums = winograd.convolve(tf.constant(x), tf.constant(ones)).numpy()[0, :, :, 0]
    assert sums[1, 1] == pytest.approx(1 + 2 + 3 + 5 + 6 + 7 + 9 + 10 + 11, rel=1e-5)
    assert sums[0, 0] == pytest.approx(1 + 2 + 5 + 6, rel=1e-5)
    delta = np.zeros((3, 3, 1, 1), np.float32)
    delta[0, 0] = 1  # takes the upper left neighbour; its adjoint the lower right
    kernel = tf.constant(winograd.transform(delta))
    moved = winograd.convolve(tf.constant(x), kernel).numpy()[0, :, :, 0]
    back = winograd.convolve(tf.constant(x), kernel, adjoint=True).numpy()[0, :, :, 0]
    np.testing.assert_allclose(moved[1:, 1:], x[0, :-1, :-1, 0], atol=1e-4)
    np.testing.assert_allclose(moved[0], 0, atol=1e-4)
    np.testing.assert_allclose(back[:-1, :-1], x[0, 1:, 1:, 0], atol=1e-4)


def filled(layer: keras.layers.Conv2D, channels: int) -> keras.layers.Conv2D:
    """The layer with whole weights and a bias of ½: on whole inputs never near ReLU's kink."""
    layer.build((1, 32, 32, channels))
    bias = [np.full(layer.filters, 0.5, np.float32)] if layer.use_bias else []
    layer.set_weights([np.round(random(3, 3, channels, layer.filters, seed=2)), *bias])
    return layer


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (64, 37), (130, 66)])
@pytest.mark.parametrize("activation", ["relu", None, "softplus"])
def test_a_convolution_and_its_gradient(size: tuple[int, int], activation: str | None) -> None:
    layer = filled(keras.layers.Conv2D(80, 3, padding="same", activation=activation), 64)
    x, upstream = np.round(random(1, *size, 64)), random(1, *size, 80, seed=1)
    fast = replacement(layer)
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


@pytest.mark.parametrize("size", [(16, 16), (17, 19), (40, 21)])
def test_a_pooling_and_its_gradient_where_values_are_equal(size: tuple[int, int]) -> None:
    layer = keras.layers.MaxPooling2D()
    x = np.round(random(1, *size, 5))  # many equal neighbours
    upstream = random(1, size[0] // 2, size[1] // 2, 5, seed=1)
    for found, expected in zip(
        both(replacement(layer), x, upstream), both(layer, x, upstream), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


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
    assert set(features._cuts) == {(layers, False)}
