"""The sliced Wasserstein loss: by hand, against sorting, and its directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from by_hand import assert_tiled_is_whole
from numpy.typing import NDArray

from neural_style import FeatureModel, images, minimize
from neural_style.errors import LossError
from neural_style.extensions import SlicedWasserstein
from neural_style.extensions.sliced_wasserstein import rotation, transport
from neural_style.images import Image
from neural_style.losses import calls

Array = NDArray[np.float64]
PICTURE = np.zeros((8, 8, 3))
A = np.array([[[[1.0, 0], [2, 1]], [[3, 1], [4, 0]]]])
A_TARGET = np.array([[[[2.0, 0], [2, 2]], [[2, 2], [2, 0]]]])
LOSS = SlicedWasserstein(PICTURE, layers=["a"])


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=(1, *shape))


def target_of(f: Array, reference: Array, seed: int = 0) -> Any:
    return LOSS.target([{"a": reference}], {"a": f}, np.random.default_rng(seed))


def value_and_gradient(f: Array, target: Any) -> tuple[float, Array]:
    x = tf.constant(f)
    with tf.GradientTape() as tape:
        tape.watch(x)
        distance = calls.value(LOSS, calls.statistics(LOSS, {"a": x}), target)
    return float(distance), tape.gradient(distance, x).numpy()


def by_sorting(f: Array, reference: Array, directions: Array) -> float:
    """The mean over directions and ranks, for features of as many positions."""
    total = 0.0
    for v in directions.T:
        ours, theirs = (
            sorted(float(row @ v) for row in x.reshape(-1, len(v))) for x in (f, reference)
        )
        total += sum((a - b) ** 2 for a, b in zip(ours, theirs, strict=True)) / len(ours)
    return total / len(directions)


def test_worked_values() -> None:
    axes = transport(A, A_TARGET, np.eye(2))
    assert np.mean((A - axes) ** 2) == pytest.approx(1)
    diagonals = np.array([[1, 1], [1, -1]]) / 2**0.5
    along = (A - transport(A, A_TARGET, diagonals)) @ diagonals
    assert np.mean(along[..., 0] ** 2) == pytest.approx(0.25)


def test_it_is_the_distance_of_sorted_projections() -> None:
    f, reference = random(0, 5, 6, 4), random(1, 6, 5, 4)
    directions = rotation(4, np.random.default_rng(0))
    total, gradient = value_and_gradient(f, target_of(f, reference))
    assert total == pytest.approx(by_sorting(f, reference, directions))
    direction, step = random(2, 5, 6, 4), 1e-6
    high, low = (by_sorting(f + sign * step * direction, reference, directions) for sign in (1, -1))
    assert (high - low) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-6)


def test_between_refreshes_it_is_an_upper_bound() -> None:
    f, moved, reference = random(0, 5, 6, 4), random(3, 5, 6, 4), random(1, 6, 5, 4)
    total, _ = value_and_gradient(moved, target_of(f, reference))
    assert total > by_sorting(moved, reference, rotation(4, np.random.default_rng(0)))


def test_a_translation_by_c_adds_c_squared_along_it() -> None:
    f = random(0, 5, 6, 4)
    directions = rotation(4, np.random.default_rng(5))
    moves = transport(f, f + 3 * directions[:, 1], directions) - f
    np.testing.assert_allclose(np.square(moves @ directions), [[[[0, 9, 0, 0]] * 6] * 5], atol=1e-9)


def test_other_sizes_are_interpolated() -> None:
    one = np.reshape([0.0, 10.0, 30.0], (1, 1, 3, 1))
    other = np.reshape([5.0, 7.0, 11.0, 13.0, 17.0, 19.0], (1, 2, 3, 1))
    # Ranks 1/6, 3/6, 5/6 lie halfway between 1/12, 3/12 | 5/12, 7/12 | 9/12, 11/12.
    assert transport(one, other, np.eye(1)).ravel().tolist() == [6, 12, 18]
    # Ranks 1/12 and 11/12 are beyond 1/6 and 5/6.
    np.testing.assert_allclose(transport(other, one, np.eye(1)).ravel(), [0, 2.5, 7.5, 15, 25, 30])


def test_a_repeated_painting_is_the_same_painting() -> None:
    reference = random(1, 4, 4, 3)
    same = target_of(reference, np.tile(reference, (1, 2, 2, 1)))
    np.testing.assert_allclose(same["a"], reference, atol=1e-12)


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_a_constant_picture_is_pulled_apart(level: float) -> None:
    flat, reference = np.full((1, 4, 4, 3), level), random(1, 4, 4, 3)
    total, gradient = value_and_gradient(flat, target_of(flat, reference))
    assert total == pytest.approx(np.mean((reference - level) ** 2))
    assert np.isfinite(gradient).all()
    assert value_and_gradient(flat, target_of(flat, flat))[0] == 0


def test_directions_are_a_random_rotation() -> None:
    rng = np.random.default_rng(0)
    several = np.stack([rotation(3, rng) for _ in range(4000)])
    np.testing.assert_allclose(several[0].T @ several[0], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(several.mean(0), 0, atol=0.05)  # either sign as often
    np.testing.assert_allclose((several**2).mean(0), 1 / 3, atol=0.02)  # no axis preferred
    for seeds, same in (((0, 0), True), ((0, 1), False)):
        one, other = (rotation(3, np.random.default_rng(seed)) for seed in seeds)
        assert (one == other).all() == same


def test_the_layers_are_all_up_to_block4_conv4() -> None:
    layers = tuple(SlicedWasserstein(PICTURE).layers)
    assert len(layers) == 12
    assert layers[:3] == ("block1_conv1", "block1_conv2", "block2_conv1")
    assert layers[-1] == "block4_conv4"


@pytest.mark.parametrize("every", [0, 2.5, None])
def test_it_must_be_refreshed(every: Any) -> None:
    with pytest.raises(LossError, match="refresh_every"):
        SlicedWasserstein(PICTURE, refresh_every=every)


def small(painting: Image) -> SlicedWasserstein:
    return SlicedWasserstein(painting, layers=["image", "block1_conv1", "block3_conv1"])


@pytest.mark.slow
def test_a_run_brings_the_distribution(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    first, second = (minimize(small(painting), tiny, photo, evaluations=40) for _ in range(2))
    assert first.loss < 0.1 * first.history[0].loss
    np.testing.assert_array_equal(first.image, second.image)


@pytest.mark.slow
def test_tiles_are_exact(tiny: FeatureModel) -> None:
    painting = images.noise((40, 30), uniform=(20, 90), seed=2)
    assert_tiled_is_whole(small(painting), tiny)
