"""Hypercolumns: where they are drawn, and how coarser layers are interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from neural_style.errors import LossError
from neural_style.losses.hypercolumns import HypercolumnLoss, squared_distances, unit

FEATURES = {
    name: np.random.default_rng(seed).normal(size=(1, *shape))
    for seed, (name, shape) in enumerate({"a": (7, 10, 3), "b": (3, 5, 2), "c": (1, 2, 4)}.items())
}


def loss(**options: Any) -> HypercolumnLoss:
    return HypercolumnLoss(np.zeros((8, 8, 3)), **{"layers": ["a", "b", "c"], **options})


def columns(made: HypercolumnLoss, seed: int = 0) -> Any:
    features = {layer: FEATURES[layer] for layer in made.layers}
    return np.asarray(made.columns(features, made.places(features, np.random.default_rng(seed))))


def test_coarser_layers_are_interpolated_as_a_resized_picture_is() -> None:
    resized = [tf.image.resize(f, (7, 10))[0].numpy().reshape(70, -1) for f in FEATURES.values()]
    expected = np.concatenate(resized, 1) / 3**0.5
    np.testing.assert_allclose(columns(loss()), expected, atol=1e-6)


def test_one_layer_is_its_features() -> None:
    np.testing.assert_array_equal(columns(loss(layers=["b"])), FEATURES["b"].reshape(15, 2))


def test_places_are_drawn_without_repetition_and_from_the_generator() -> None:
    every = columns(loss(layers=["a"]))
    drawn = columns(loss(layers=["a"], samples=20))
    assert drawn.shape == (20, 3)
    rows = [int(np.flatnonzero((every == row).all(1))[0]) for row in drawn]
    assert rows == sorted(set(rows))
    np.testing.assert_array_equal(columns(loss(layers=["a"], samples=20)), drawn)
    assert (columns(loss(layers=["a"], samples=20), seed=1) != drawn).any()


def test_every_place_is_drawn_as_often() -> None:
    made, rng = loss(layers=["a"], samples=10), np.random.default_rng(0)
    counts = np.zeros(70)
    for _ in range(2000):
        indices, shares = made.places({"a": FEATURES["a"]}, rng)["a"]
        counts += np.bincount(indices.ravel(), shares.ravel(), minlength=70)
    np.testing.assert_allclose(counts / 2000, 10 / 70, atol=0.04)


def test_weights_share_the_squares_and_scale_the_loss() -> None:
    weighted = loss(layers={"b": 3.0, "a": 1.0})
    assert weighted.scale == 4
    plain, found = columns(loss(layers=["b", "a"])), columns(weighted)
    np.testing.assert_allclose(found[:, :2] ** 2, 2 * 0.75 * plain[:, :2] ** 2)
    np.testing.assert_allclose(found[:, 2:] ** 2, 2 * 0.25 * plain[:, 2:] ** 2)
    assert loss().scale == pytest.approx(1)


def test_unit_and_its_gradient_at_zero() -> None:
    x = tf.constant([[3.0, 4.0], [0.0, 0.0], [1e-12, 0.0]])
    upstream = tf.constant([[4.0, -3.0], [2.0, 5.0], [1.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        made = unit(x)
    np.testing.assert_allclose(made, [[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]], rtol=1e-6)
    gradient = tape.gradient(made, x, output_gradients=upstream)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[0], [0.8, -0.6], rtol=1e-6)  # across, over the length
    np.testing.assert_array_equal(gradient[1], upstream[1])


def test_squared_distances() -> None:
    a, b = FEATURES["a"].reshape(70, 3), FEATURES["a"].reshape(70, 3)[:9] + 1
    expected = np.square(a[:, None] - b).sum(-1)
    np.testing.assert_allclose(squared_distances(a, b), expected)


@pytest.mark.parametrize(
    "options",
    [{"samples": 0}, {"samples": 2.5}, {"refresh_every": None}, {"layers": {"a": 1, "b": 0}}],
)
def test_unusable_options(options: dict[str, Any]) -> None:
    with pytest.raises(LossError, match="expected"):
        loss(**options)
