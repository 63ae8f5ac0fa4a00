"""The central moment discrepancy: by hand, against two passes, and its rounding."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import (
    PICTURE,
    Array,
    assert_blind_to_order_and_size,
    assert_guides_weigh,
    assert_slope,
    assert_tiled_is_whole,
    random_features,
    statistic,
    value,
    value_and_gradient,
)

from neural_style import FeatureModel, images
from neural_style.errors import LossError
from neural_style.extensions import CentralMomentDiscrepancy


def discrepancy(order: int = 5, scale: float = 1.0) -> CentralMomentDiscrepancy:
    return CentralMomentDiscrepancy(PICTURE, order=order, scale=scale, layers=["a"])


def logits(*shares: float) -> Array:
    """One channel whose sigmoids are the shares."""
    x = np.reshape(shares, (1, 1, -1, 1))
    logit: Array = np.log(x / (1 - x))
    return logit


def two_passes(f: Array, order: int) -> Array:
    x = 1 / (1 + np.exp(-f.astype(np.float64)))
    mean = x.mean((0, 1, 2))
    return np.stack([mean, *(((x - mean) ** k).mean((0, 1, 2)) for k in range(2, order + 1))])


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (1, 0.1),  # means .7 and .6
        (2, 0.1 + 0.03),  # variances .04 and .01
        (3, 0.1 + 0.03),  # both are symmetric
        (4, 0.1 + 0.03 + 0.0015),  # .2⁴ and .1⁴
    ],
)
def test_worked_values(order: int, expected: float) -> None:
    f, reference = logits(0.5, 0.9), logits(0.5, 0.7)
    assert value(discrepancy(order), f, reference) == pytest.approx(expected)
    assert value(discrepancy(order, 10), 10 * f, 10 * reference) == pytest.approx(expected)


def test_channels_are_a_length_and_moments_a_sum() -> None:
    f, reference = (random_features(seed, 4, 5, 3) for seed in (0, 1))
    difference = two_passes(f, 5) - two_passes(reference, 5)
    expected = np.linalg.norm(difference, axis=1).sum()
    assert value(discrepancy(), f, reference) == pytest.approx(expected)


def test_rounding_of_central_moments_in_float32() -> None:
    """From means of powers; the worst are features all near one end of the sigmoid."""
    for low, high in ((0, 4), (5, 6), (0, 0.1)):
        f = np.random.default_rng(0).uniform(low, high, (1, 40, 50, 8)).astype("f").astype("d")
        found = np.asarray(discrepancy().summary(statistic(discrepancy(), f.astype("f"))["a"]))
        np.testing.assert_allclose(found[1:], two_passes(f, 5)[1:], atol=1e-6, rtol=0)


def test_gradient_against_finite_differences_and_at_the_target() -> None:
    f, reference = random_features(0, 4, 5, 3), random_features(1, 4, 5, 3)
    assert_slope(discrepancy(), f, reference)
    total, gradient = value_and_gradient(discrepancy(), f, f)
    assert total == 0
    np.testing.assert_array_equal(gradient, 0)


def test_zeros_and_constants_are_no_nan() -> None:
    f = random_features(0, 4, 5, 3)
    f[..., 1] = 0
    for current in (f, np.zeros_like(f), np.full_like(f, 1e4)):
        total, gradient = value_and_gradient(discrepancy(), current, random_features(1, 4, 5, 3))
        assert np.isfinite(total)
        assert np.isfinite(gradient).all()


def test_where_things_are_does_not_count() -> None:
    assert_blind_to_order_and_size(discrepancy())


def test_guides_weigh() -> None:
    assert_guides_weigh(discrepancy())


def test_unusable_options() -> None:
    with pytest.raises(LossError, match="order"):
        discrepancy(order=0)
    with pytest.raises(LossError, match="scale: expected a finite number above 0, got 0"):
        discrepancy(scale=0)


@pytest.mark.slow
def test_tiles_are_exact(tiny: FeatureModel) -> None:
    painting = images.noise((40, 30), uniform=(20, 90), seed=2)
    assert_tiled_is_whole(CentralMomentDiscrepancy(painting, layers=["block1_conv1"]), tiny)
