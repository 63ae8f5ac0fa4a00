"""What tests of losses by hand share: small features, and values as the objective has them.

A is two by two positions by two channels, where N² = M and wrong constants collide; B is one by
two by three.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Array = NDArray[np.float64]
PICTURE = np.zeros((8, 8, 3))
A = np.array([[[[1.0, 0], [2, 1]], [[3, 1], [4, 0]]]])
A_TARGET = np.array([[[[2.0, 0], [2, 2]], [[2, 2], [2, 0]]]])
B = np.array([[[[1.0, 0, 2], [0, 1, 1]]]])
B_TARGET = np.array([[[[1.0, 1, 0], [0, 0, 1]]]])


def random_features(seed: int, *shape: int) -> Array:
    """Features as after a ReLU, without a tie or a zero that a derivative would trip over."""
    return np.random.default_rng(seed).uniform(0.5, 3, size=(1, *shape))


def statistic(loss: Any, f: Array, guide: Array | None = None) -> Any:
    """The statistic of features at the layer ``a``, as NumPy arrays."""
    guides = None if guide is None else {"a": tf.constant(guide)}
    found = loss.statistic({"a": tf.constant(f)}, guides)
    return {name: np.asarray(entry) for name, entry in found.items()}


def value_and_gradient(loss: Any, f: Array, reference: Array) -> tuple[float, Array]:
    """The loss and its gradient by the features, in their dtype."""
    target = loss.target([statistic(loss, reference)], statistic(loss, f), rng())
    x = tf.constant(f)
    with tf.GradientTape() as tape:
        tape.watch(x)
        distance = loss.distance(loss.statistic({"a": x}, None), target)
    assert distance.dtype == f.dtype
    return float(distance), tape.gradient(distance, x).numpy()


def value(loss: Any, f: Array, reference: Array) -> float:
    """The loss."""
    return value_and_gradient(loss, f, reference)[0]


def rng() -> np.random.Generator:
    """The same numbers every time."""
    return np.random.default_rng(0)
