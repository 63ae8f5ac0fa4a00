"""Deep correlations: by hand, against sums over pairs, and what they see."""

from __future__ import annotations

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

from neural_style.errors import LossError
from neural_style.extensions import DeepCorrelation


def correlation(reach: int = 1) -> DeepCorrelation:
    return DeepCorrelation(PICTURE, reach=reach, layers=["a"])


def map_of(*rows: tuple[float, ...]) -> Array:
    return np.array(rows, np.float64)[None, ..., None]


def by_pairs(f: Array, dy: int, dx: int) -> Array:
    height, width = f.shape[1:3]
    products = [
        f[0, y, x] * f[0, y + dy, x + dx]
        for y in range(height)
        for x in range(width)
        if 0 <= y + dy < height and 0 <= x + dx < width
    ]
    mean: Array = np.mean(products, 0)
    return mean


def test_worked_values() -> None:
    f = map_of((1, 2), (3, 5))
    expected = [[5, 6.5, 6], [8.5, 9.75, 8.5], [6, 6.5, 5]]
    np.testing.assert_allclose(statistic(correlation(), f)["a"][0], expected)
    # Against (1, 0), (0, 0): R' is ¼ in the middle and 0 elsewhere.
    other = map_of((1, 0), (0, 0))
    squares = 2 * (5**2 + 6.5**2 + 6**2 + 8.5**2) + 9.5**2
    assert value(correlation(), f, other) == pytest.approx(squares / 9)


def test_it_is_the_mean_over_pairs() -> None:
    f = random_features(0, 5, 7, 2)
    found = statistic(correlation(3), f)["a"]
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            np.testing.assert_allclose(found[:, 3 + dy, 3 + dx], by_pairs(f, dy, dx))


def test_in_float32() -> None:
    f = 1000 * random_features(0, 9, 12, 4)
    expected, rounded = (statistic(correlation(8), f.astype(t))["a"] for t in ("d", "f"))
    np.testing.assert_allclose(rounded, expected, rtol=1e-4)


def test_gradient_against_finite_differences_and_at_the_target() -> None:
    f, reference, loss = random_features(0, 5, 6, 3), random_features(1, 7, 4, 3), correlation(3)
    assert_slope(loss, f, reference)
    total, gradient = value_and_gradient(loss, f, f)
    assert total == 0
    np.testing.assert_allclose(gradient, 0, atol=1e-12)


def test_it_sees_the_period_and_not_the_phase() -> None:
    y, x = np.mgrid[:12, :12]
    stripes, moved, wider = (
        1.0 + ((x + shift) // width % 2)[None, ..., None]
        for shift, width in ((0, 1), (1, 1), (0, 2))
    )
    across = 1.0 + (y % 2)[None, ..., None]
    assert value(correlation(4), moved, stripes) == pytest.approx(0, abs=0.01)
    for other in (wider, across):
        assert value(correlation(4), other, stripes) > 0.02


def test_a_reach_beyond_the_layer_is_refused() -> None:
    with pytest.raises(LossError, match="at 'a' the features are 4×9, expected more than 4"):
        statistic(correlation(4), random_features(0, 4, 9, 3))
