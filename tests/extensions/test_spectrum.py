"""The spectrum constraint: by hand, the projection's properties, and unequal sizes."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import PICTURE, Array, assert_tiled_is_whole, target_of, value, value_and_gradient

from neural_style import FeatureModel, images
from neural_style.extensions import Spectrum
from neural_style.extensions.spectrum import resized

LOSS = Spectrum(PICTURE, layers=["a"])


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=(1, *shape))


def row(*values: float) -> Array:
    return np.reshape(np.array(values, np.float64), (1, 1, -1, 1))


def nearest(f: Array, reference: Array) -> Array:
    found: Array = target_of(LOSS, f, reference)["a"]
    return found


def modulus(f: Array) -> Array:
    return np.abs(np.fft.fft2(f, axes=(1, 2)))


def test_worked_values() -> None:
    # The peak of the reference moves to where the picture's largest value is.
    np.testing.assert_allclose(
        nearest(row(3, 0, 1, 0), row(0, 5, 0, 0)).ravel(), [5, 0, 0, 0], 1e-6, 1e-9
    )
    # (4 + 0 + 1 + 0) / 4
    assert value(LOSS, row(3, 0, 1, 0), row(0, 5, 0, 0)) == pytest.approx(5 / 4)
    # A period of 2 in the picture, of contrast 1, gets the painting's contrast, 3.
    np.testing.assert_allclose(nearest(row(1, -1, 1, -1), row(-3, 3, -3, 3)), row(3, -3, 3, -3))


def test_it_has_the_spectrum_of_the_painting_and_no_other_is_nearer() -> None:
    f, reference = random(0, 6, 8, 3), random(1, 6, 8, 3)
    found = nearest(f, reference)
    np.testing.assert_allclose(modulus(found), modulus(reference))
    for axis, shift in ((1, 1), (1, 3), (2, 5)):  # others of the same spectrum
        other = np.roll(reference, shift, axis)
        assert np.mean((f - other) ** 2) > np.mean((f - found) ** 2)


def test_phases_between_channels_stay() -> None:
    f, reference = random(0, 6, 8, 3), random(1, 6, 8, 3)
    ours, theirs = (np.fft.fft2(x, axes=(1, 2)) for x in (nearest(f, reference), reference))
    np.testing.assert_allclose(
        ours[..., 0] * ours[..., 1].conj(), theirs[..., 0] * theirs[..., 1].conj()
    )


def test_a_shifted_painting_is_the_painting() -> None:
    reference = random(1, 6, 8, 3)
    shifted = np.roll(reference, (2, 3), (1, 2))
    np.testing.assert_allclose(nearest(shifted, reference), shifted)


def test_the_gradient_is_that_of_the_distance_to_the_nearest() -> None:
    f, reference = random(0, 6, 8, 3), random(1, 6, 8, 3)
    _, gradient = value_and_gradient(LOSS, f, reference)
    direction, step = random(2, 6, 8, 3), 1e-6
    # With a projection for each value, as the distance asks.
    high, low = (value(LOSS, f + sign * step * direction, reference) for sign in (1, -1))
    assert (high - low) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-5)


def test_other_sizes() -> None:
    picture = np.arange(1.0, 6)[:, None] + 10 * np.arange(4)  # 5×4
    larger = picture[None, ..., None]
    np.testing.assert_array_equal(resized(larger, (1, 3, 4, 1))[0, ..., 0], picture[1:4])
    smaller = random(0, 6, 5, 3)
    whole = resized(smaller, (1, 18, 5, 3))
    np.testing.assert_allclose(whole[0, 6:], np.broadcast_to(smaller.mean((1, 2)), (12, 5, 3)))
    assert 0.7 < whole.var() / smaller.var() < 1.3
    assert nearest(random(1, 18, 9, 3), smaller).shape == (1, 18, 9, 3)


def test_frequencies_that_one_of_both_does_not_have_are_no_nan() -> None:
    flat, f = np.full((1, 4, 6, 3), 7.0), random(0, 4, 6, 3)
    for current, reference in ((flat, f), (f, flat), (0 * flat, f), (f, 0 * flat)):
        assert np.isfinite(nearest(current, reference)).all()
    np.testing.assert_allclose(nearest(f, flat), np.sign(f.mean()) * flat)


@pytest.mark.slow
def test_tiles_are_exact(tiny: FeatureModel) -> None:
    assert_tiled_is_whole(Spectrum(images.noise((40, 30), uniform=(20, 90), seed=2)), tiny)
