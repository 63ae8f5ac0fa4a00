"""The Laplacian loss: the photo's edges, on its pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import (
    PICTURE,
    Array,
    assert_slope,
    random_features,
    statistic,
    value,
    value_and_gradient,
)

from neural_style import FeatureModel, Objective, images
from neural_style.errors import LossError
from neural_style.extensions import Laplacian


def laplacian(pool: int = 1, weight: float = 1.0) -> Laplacian:
    return Laplacian(PICTURE, pool=pool, layers={"a": weight})


def impulse(channels: Any, pool: int = 1) -> Array:
    """1 at the center of 3×3 blocks of pool × pool pixels, in some channels."""
    f = np.zeros((1, 3 * pool, 3 * pool, 3))
    f[:, pool : 2 * pool, pool : 2 * pool, channels] = 1
    return f


@pytest.mark.parametrize("pool", [1, 2, 4])
@pytest.mark.parametrize(("channels", "expected"), [([1], 4), ([0, 1, 2], 12)])
def test_worked_values(pool: int, channels: list[int], expected: float) -> None:
    f = impulse(channels, pool)
    assert statistic(laplacian(pool), f)["a"].tolist() == [[[[expected]]]]
    assert value(laplacian(pool), f, np.zeros_like(f)) == pytest.approx(expected**2)
    assert value(laplacian(pool, weight=100), f, 0 * f) == pytest.approx(100 * expected**2)


def test_against_numpy_in_float32() -> None:
    """Convolved term by term, at sizes that are no multiples of the pool."""
    kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])

    def lines(f: Array) -> Array:
        pooled = f[0, :20, :24].reshape(5, 4, 6, 4, 3).mean((1, 3)).sum(-1)
        return np.array(
            [[(pooled[i : i + 3, j : j + 3] * kernel).sum() for j in range(4)] for i in range(3)]
        )

    f, reference = (85 * random_features(seed, 23, 26, 3) for seed in (0, 1))
    expected = ((lines(f) - lines(reference)) ** 2).mean()
    found = value(laplacian(4), np.float32(f), np.float32(reference))  # type: ignore[arg-type]
    assert found == pytest.approx(expected, rel=1e-4)


def test_slopes_and_offsets_are_no_edges() -> None:
    f, (y, x) = random_features(0, 16, 16, 3), np.mgrid[:16, :16]
    slope = (3 * x - 2 * y + 7)[None, ..., None]
    assert value(laplacian(4), f + slope, f) == pytest.approx(0, abs=1e-20)


def test_it_is_not_invariant_to_a_permutation() -> None:
    f = random_features(0, 12, 12, 3)
    assert value(laplacian(), f[:, ::-1], f) > 0.1


def test_gradient_against_finite_differences_and_at_the_target() -> None:
    f, reference, loss = random_features(0, 13, 14, 3), random_features(1, 13, 14, 3), laplacian(4)
    assert_slope(loss, f, reference)
    total, gradient = value_and_gradient(loss, f, f)
    assert total == 0
    np.testing.assert_array_equal(gradient, 0)


def test_a_photo_of_another_size_is_refused() -> None:
    with pytest.raises(
        LossError, match=r"laplacian: at 'a' the picture gives .* but the reference"
    ):
        value(laplacian(), random_features(0, 12, 12, 3), random_features(0, 12, 14, 3))


def test_a_picture_too_small_is_refused() -> None:
    message = r"at 'a' the picture is 11×13, expected at least 12×12 with a pool of 4"
    with pytest.raises(LossError, match=message):
        statistic(laplacian(4), random_features(0, 11, 13, 3))


@pytest.mark.parametrize("pool", [0, -1, 1.5, "4", None, True])
def test_unusable_pools(pool: Any) -> None:
    with pytest.raises(LossError, match="laplacian's pool: expected a positive whole number"):
        Laplacian(PICTURE, pool=pool)


def test_the_pixels_compiled(tiny: FeatureModel) -> None:
    photo, picture = (
        images.noise((24, 32), seed=1, uniform=(0, 255)),
        images.noise((24, 32), seed=2, uniform=(0, 255)),
    )
    objective = Objective(Laplacian(photo), tiny, (24, 32))
    objective.refresh(picture, round=0)
    loss = Laplacian(photo, layers={"a": 1})
    expected = value(loss, picture[None].astype(np.float64), photo[None].astype(np.float64))
    assert objective(picture).loss == pytest.approx(expected, rel=1e-5)


def test_it_is_refused_in_tiles(tiny: FeatureModel) -> None:
    with pytest.raises(LossError, match="laplacian cannot be evaluated in tiles"):
        Objective(Laplacian(PICTURE), tiny, (75, 89), tile=47)
