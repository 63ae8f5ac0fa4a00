"""The sliced Wasserstein loss of patches: by hand, against sorting, and unequal sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import PICTURE, Array, assert_tiled_is_whole, rng, target_of, value, value_and_gradient

from neural_style import FeatureModel, images, minimize
from neural_style.errors import LossError
from neural_style.extensions import PatchSlicedWasserstein, SlicedWasserstein
from neural_style.extensions.sliced_wasserstein import rotation
from neural_style.images import Image
from neural_style.losses.patches import windows


def patches(patch: int = 2, **options: Any) -> PatchSlicedWasserstein:
    return PatchSlicedWasserstein(PICTURE, patch=patch, layers=["a"], **options)


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=(1, *shape))


def by_sorting(f: Array, reference: Array, patch: int, directions: Array) -> float:
    ours, theirs = (windows(x[0], patch).reshape(-1, len(directions)) for x in (f, reference))
    projected = (np.sort(rows @ directions, 0) for rows in (ours, theirs))
    return float(np.mean(np.subtract(*projected) ** 2))


def test_worked_values() -> None:
    # Single pixels along the one direction: 1 to 2, 7 to 4.
    current, painting = (np.reshape(x, (1, 1, 2, 1)) for x in ([1.0, 7], [4.0, 2]))
    assert value(patches(1), current, painting) == pytest.approx((1 + 9) / 2)


@pytest.mark.parametrize("patch", [1, 2, 3])
def test_it_is_the_distance_of_sorted_projections(patch: int) -> None:
    f, reference = random(0, 5, 6, 2), random(1, 6, 5, 2)
    directions = rotation(2 * patch**2, rng())
    total, gradient = value_and_gradient(patches(patch), f, reference)
    assert total == pytest.approx(by_sorting(f, reference, patch, directions))
    direction, step = random(2, 5, 6, 2), 1e-6
    high, low = (
        by_sorting(f + sign * step * direction, reference, patch, directions) for sign in (1, -1)
    )
    assert (high - low) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-6)


def test_patches_of_one_position_are_the_sliced_wasserstein_loss() -> None:
    f, reference = random(0, 5, 6, 4), random(1, 3, 7, 4)
    single = SlicedWasserstein(PICTURE, layers=["a"])
    assert value(patches(1), f, reference) == pytest.approx(value(single, f, reference))


def test_it_sees_what_single_pixels_cannot() -> None:
    """Stripes and a checkerboard of the same two colors."""
    y, x = np.mgrid[:8, :8]
    stripes, board = ((each % 2)[None, ..., None].astype(float) for each in (x, x + y))
    assert value(patches(1), stripes, board) == pytest.approx(0)
    assert value(patches(2), stripes, board) > 0.05


def test_a_painting_is_near_itself_and_its_repetition() -> None:
    reference = random(1, 6, 6, 2)
    assert value(patches(), reference, reference) == 0
    assert value(patches(), reference, np.tile(reference, (1, 3, 3, 1))) < 0.1


def test_a_picture_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(LossError, match="at 'a' the features are 2×5, smaller than a patch of 3×3"):
        target_of(patches(3), random(0, 2, 5, 3), random(1, 4, 4, 3))


def test_a_run_brings_the_patches(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    loss = PatchSlicedWasserstein(painting, patch=3)
    first, second = (minimize(loss, tiny, photo, evaluations=30) for _ in range(2))
    assert first.loss < 0.7 * first.history[0].loss
    np.testing.assert_array_equal(first.image, second.image)


@pytest.mark.slow
def test_tiles_are_exact(tiny: FeatureModel) -> None:
    painting = images.noise((40, 30), uniform=(20, 90), seed=2)
    assert_tiled_is_whole(PatchSlicedWasserstein(painting, patch=3), tiny)
