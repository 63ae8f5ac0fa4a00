"""What tests of losses by hand share: small features, and values as the objective has them.

A is two by two positions by two channels, where N² = M and wrong constants collide; B is one by
two by three.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from neural_style import FeatureModel, Objective, images
from neural_style.losses import calls

Array = NDArray[np.float64]
PICTURE = np.zeros((8, 8, 3))
PAINTING = np.clip(images.noise((60, 70)) * 2, 0, 255)
A = np.array([[[[1.0, 0], [2, 1]], [[3, 1], [4, 0]]]])
A_TARGET = np.array([[[[2.0, 0], [2, 2]], [[2, 2], [2, 0]]]])
B = np.array([[[[1.0, 0, 2], [0, 1, 1]]]])
B_TARGET = np.array([[[[1.0, 1, 0], [0, 0, 1]]]])


def random_features(seed: int, *shape: int) -> Array:
    """Features as after a ReLU, without a tie or a zero that a derivative would trip over."""
    return np.random.default_rng(seed).uniform(0.5, 3, size=(1, *shape))


def statistic(loss: Any, f: Array, guide: Array | None = None) -> Any:
    """The statistic of features at the layer ``a``, as NumPy arrays."""
    weights = None if guide is None else {"a": tf.constant(guide)}
    found = calls.statistics(loss, {"a": tf.constant(f)}, weights)
    return {name: np.asarray(entry) for name, entry in found.items()}


def target_of(loss: Any, f: Array, reference: Array) -> Any:
    """The target of features at the layer ``a``."""
    return calls.target(loss, [statistic(loss, reference)], statistic(loss, f), rng())


def value_and_gradient(
    loss: Any, f: Array, reference: Array, target: Any = None
) -> tuple[float, Array]:
    """The loss and its gradient by the features, in their dtype."""
    if target is None:
        target = target_of(loss, f, reference)
    x = tf.constant(f)
    with tf.GradientTape() as tape:
        tape.watch(x)
        distance = calls.value(loss, calls.statistics(loss, {"a": x}), target)
    assert distance.dtype == f.dtype
    return float(distance), tape.gradient(distance, x).numpy()


def value(loss: Any, f: Array, reference: Array) -> float:
    """The loss."""
    return value_and_gradient(loss, f, reference)[0]


def rng() -> np.random.Generator:
    """The same numbers every time."""
    return np.random.default_rng(0)


def assert_slope(loss: Any, f: Array, reference: Array) -> None:
    """The gradient against finite differences, along a random direction."""
    _, gradient = value_and_gradient(loss, f, reference)
    direction = np.random.default_rng(2).normal(size=f.shape)
    high, low = (value(loss, f + step * direction, reference) for step in (1e-6, -1e-6))
    assert (high - low) / 2e-6 == pytest.approx(float((gradient * direction).sum()), rel=1e-6)


def assert_guides_weigh(loss: Any) -> None:
    """A statistic is the mean that guides weigh: of a half that of the half, of nothing 0."""
    f = random_features(0, 6, 8, 3)
    left = np.zeros((1, 6, 8, 1))
    left[:, :, :4] = 2
    whole = statistic(loss, f)["a"]
    np.testing.assert_allclose(statistic(loss, f, np.ones((1, 6, 8, 1)))["a"], whole)
    halves = [statistic(loss, f, guide)["a"] for guide in (left, 2 - left)]
    np.testing.assert_allclose(halves[0], statistic(loss, f[:, :, :4])["a"])
    np.testing.assert_allclose(np.mean(halves, 0), whole)
    np.testing.assert_array_equal(statistic(loss, f, 0 * left)["a"], 0)


def assert_blind_to_order_and_size(loss: Any) -> None:
    """The same for positions in another order, and for a reference with each of its four times."""
    f, reference = random_features(0, 4, 4, 3), random_features(1, 5, 3, 3)
    expected = value(loss, f, reference)
    assert expected > 0
    shuffled = np.random.default_rng(2).permutation(f.reshape(16, 3)).reshape(f.shape)
    assert value(loss, shuffled, reference) == pytest.approx(expected)
    assert value(loss, f, np.tile(reference, (1, 2, 2, 1))) == pytest.approx(expected)


def assert_tiled_is_whole(
    loss: Any,
    features: FeatureModel,
    size: tuple[int, int] = (75, 89),
    tile: int = 47,
    tolerance: float = 1e-4,
) -> None:
    """Value and gradient in tiles are those of the whole picture."""
    picture = images.noise(size, seed=1)
    tiled, whole = (Objective(loss, features, size, tile=side) for side in (tile, None))
    for objective in (tiled, whole):
        objective.refresh(picture, round=0)
    found, expected = tiled(picture), whole(picture)
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    error = np.linalg.norm(found.gradient - expected.gradient)
    assert error < tolerance * np.linalg.norm(expected.gradient)
