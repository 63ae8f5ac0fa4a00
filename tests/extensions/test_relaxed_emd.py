"""The relaxed earth mover's distance: by hand, against loops, and its costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import A_TARGET, PICTURE, A, Array, value, value_and_gradient

from neural_style import FeatureModel, minimize
from neural_style.errors import LossError
from neural_style.extensions import RelaxedEMD
from neural_style.images import Image

COSTS = ["cosine", "euclidean", "palette"]


def emd(cost: Any = "cosine", **options: Any) -> RelaxedEMD:
    return RelaxedEMD(PICTURE, cost=cost, **{"layers": ["a"], **options})


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).uniform(0.1, 3, size=(1, *shape))


def by_loops(kind: str, f: Array, reference: Array) -> float:
    ours, theirs = (x.reshape(-1, f.shape[-1]) for x in (f, reference))

    def cost(a: Array, b: Array) -> float:
        if kind == "euclidean":
            return float(np.linalg.norm(a - b))
        cosine = float(1 - (a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)))
        distance = float(np.linalg.norm(a - b) / (255 * len(a) ** 0.5))
        return cosine + distance * (kind == "palette")

    costs = np.array([[cost(a, b) for b in theirs] for a in ours])
    return float(max(costs.min(1).mean(), costs.min(0).mean()))


def test_worked_values() -> None:
    assert value(emd(), A, A_TARGET) == pytest.approx(0.0256584, abs=1e-7)
    # |(1, 0) − (2, 0)|, |(2, 1) − (2, 2)|, … 1, 1, √2, 2 to, and 1, 1, 1, 1 from the target.
    expected = (1 + 1 + 2**0.5 + 2) / 4
    assert value(emd("euclidean"), A, A_TARGET) == pytest.approx(expected)
    assert value(emd("euclidean"), A_TARGET, A) == pytest.approx(expected)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("size", [(4, 5), (3, 3), (7, 8)])
def test_it_is_what_loops_find(cost: str, size: tuple[int, int]) -> None:
    f, reference = random(0, 4, 5, 3), random(1, *size, 3)
    assert value(emd(cost), f, reference) == pytest.approx(by_loops(cost, f, reference))


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("samples", [9, 1000])
def test_gradient_against_finite_differences(cost: str, samples: int) -> None:
    loss, f, reference = emd(cost, samples=samples), random(0, 5, 6, 4), random(1, 7, 6, 4)
    _, gradient = value_and_gradient(loss, f, reference)
    direction, step = random(2, 5, 6, 4), 1e-6
    high, low = (value(loss, f + sign * step * direction, reference) for sign in (1, -1))
    assert (high - low) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-6)


def test_both_ways_count() -> None:
    """A picture of one of the painting's colors is near it, the painting far from the picture."""
    one, two = np.eye(2)[[0, 0, 0, 0]].reshape(A.shape), np.eye(2)[[0, 0, 0, 1]].reshape(A.shape)
    assert value(emd(), one, two) == value(emd(), two, one) == pytest.approx(0.25)


def test_where_things_are_does_not_count() -> None:
    f, reference = random(0, 4, 5, 3), random(1, 4, 5, 3)
    expected = value(emd(), f, reference)
    assert value(emd(), f[:, ::-1, ::-1], reference) == pytest.approx(expected)
    assert value(emd(), np.tile(f, (1, 2, 2, 1)), reference) == pytest.approx(expected)
    assert value(emd(), f * random(3, 4, 5, 1), reference) == pytest.approx(expected)


def test_a_rotation_of_colors_leaves_the_palette_as_it_is() -> None:
    f, reference = random(0, 4, 5, 3), random(1, 4, 5, 3)
    # A decorrelated space whose first channel is the mean color.
    rotation = np.array([[1, 1, 1], [-1, 1.3660254, -0.3660254], [-1, -0.3660254, 1.3660254]])
    rotated = (x @ rotation.T / 3**0.5 for x in (f, reference))
    assert value(emd("euclidean"), *rotated) == pytest.approx(
        value(emd("euclidean"), f, reference), rel=1e-6
    )


def test_a_picture_of_zeros_is_pulled_to_the_painting() -> None:
    zeros, painting = np.zeros((1, 2, 2, 2)), np.full((1, 2, 2, 2), [3.0, 4.0])
    total, gradient = value_and_gradient(emd(), zeros, painting)
    assert total == pytest.approx(0.5)
    assert value(emd(), zeros - gradient, painting) == pytest.approx(0)


@pytest.mark.slow
@pytest.mark.parametrize("cost", COSTS)
def test_zeros_and_constants_are_no_nan(cost: str) -> None:
    f = random(0, 4, 5, 3)
    holes = f.copy()
    holes[:, 1:3] = 0
    for current in (f, holes, np.zeros_like(f), np.full_like(f, 7.0)):
        for reference in (f, holes, np.zeros_like(f), np.full_like(f, 7.0)):
            total, gradient = value_and_gradient(emd(cost), current, reference)
            assert np.isfinite(total)
            assert np.isfinite(gradient).all()
        # Places are the same where sizes are, so that what is drawn is 0, too.
        total, gradient = value_and_gradient(emd(cost, samples=9), current, current)
        assert total == 0
        np.testing.assert_array_equal(gradient, 0)


def test_zero_vectors_are_half_from_others_and_none_from_each_other() -> None:
    zeros, others = np.zeros((1, 1, 2, 2)), np.ones((1, 1, 2, 2))
    assert value(emd(), zeros, others) == value(emd(), others, zeros) == pytest.approx(0.5)
    assert value(emd(), zeros, zeros) == 0


def test_unusable_options() -> None:
    with pytest.raises(
        LossError, match="cost: expected one of 'cosine', 'euclidean', 'palette', got"
    ):
        emd("l2")


@pytest.mark.slow
@pytest.mark.parametrize("cost", COSTS)
def test_a_run_brings_the_painting_near(
    cost: Any, tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    layers = ["image", "block1_conv1", "block4_conv1"]
    loss = RelaxedEMD(painting / 2, cost=cost, samples=200, layers=layers)
    first, second = (minimize(loss, tiny, photo, evaluations=40) for _ in range(2))
    assert first.loss < 0.7 * first.history[0].loss
    np.testing.assert_array_equal(first.image, second.image)
