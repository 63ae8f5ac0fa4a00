"""The patch loss: by hand, against loops over patches, and its search and variations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from by_hand import assert_tiled_is_whole
from numpy.typing import NDArray

from neural_style import FeatureModel, images, minimize
from neural_style.errors import ImageError, LossError, OptionError
from neural_style.extensions import MRF
from neural_style.extensions import mrf as module
from neural_style.extensions.mrf import nearest_patches
from neural_style.images import Image
from neural_style.losses import calls
from neural_style.losses.variations import variations

Array = NDArray[np.float64]
PICTURE = np.zeros((8, 8, 3))
A = np.array([[[[1.0, 0], [2, 1]], [[3, 1], [4, 0]]]])
A_TARGET = np.array([[[[2.0, 0], [2, 2]], [[2, 2], [2, 0]]]])
ROWS = np.reshape([[1.0, 0, 2], [0, 1, 1]], (1, 2, 3, 1))
ROWS_TARGET = np.reshape([[1.0, 0, 0], [0, 1, 1]], (1, 2, 3, 1))


def mrf(patch: int = 3, weight: float = 1.0) -> MRF:
    return MRF(PICTURE, patch=patch, layers={"a": weight})


def statistic(loss: MRF, f: Array) -> Any:
    return {"a": np.asarray(calls.statistics(loss, {"a": tf.constant(f)})["a"])}


def target_of(loss: MRF, f: Array, *references: Array) -> Any:
    measured = [statistic(loss, reference) for reference in references]
    return loss.target(measured, statistic(loss, f), np.random.default_rng(0))


def value_and_gradient(loss: MRF, f: Array, target: Any) -> tuple[float, Array]:
    x = tf.constant(f)
    with tf.GradientTape() as tape:
        tape.watch(x)
        distance = calls.value(loss, calls.statistics(loss, {"a": x}), target)
    return float(distance), tape.gradient(distance, x).numpy()


def value(loss: MRF, f: Array, *references: Array) -> float:
    return value_and_gradient(loss, f, target_of(loss, f, *references))[0]


def random(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).uniform(0.1, 3, size=(1, *shape))


def by_loops(f: Array, references: list[Array], k: int) -> tuple[list[int], float, Array]:
    """The nearest patches, the mean squared difference and its gradient."""
    patches = [
        reference[0, y : y + k, x : x + k]
        for reference in references
        for y in range(reference.shape[1] - k + 1)
        for x in range(reference.shape[2] - k + 1)
    ]
    nearest, total, gradient, entries = [], 0.0, np.zeros_like(f), 0
    for y in range(f.shape[1] - k + 1):
        for x in range(f.shape[2] - k + 1):
            own = f[0, y : y + k, x : x + k]
            cosines = [(own * p).sum() / np.sqrt((own**2).sum() * (p**2).sum()) for p in patches]
            nearest.append(int(np.argmax(cosines)))
            difference = own - patches[nearest[-1]]
            total += (difference**2).sum()
            gradient[0, y : y + k, x : x + k] += 2 * difference
            entries += own.size
    return nearest, total / entries, gradient / entries


def test_worked_values() -> None:
    assert nearest_patches(ROWS[0], [ROWS_TARGET[0]], 2).tolist() == [[0, 1]]
    assert value(mrf(2, weight=2 * 2**2), ROWS, ROWS_TARGET) == pytest.approx(4)
    assert nearest_patches(A[0], [A_TARGET[0]], 1).tolist() == [[0, 1], [0, 0]]
    assert value(mrf(1, weight=4 * 2), A, A_TARGET) == pytest.approx(8)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_it_is_the_mean_over_patches(k: int) -> None:
    f, references = random(0, 5, 6, 3), [random(1, 7, 5, 3), random(2, 5, 5, 3)]
    nearest, expected, slope = by_loops(f, references, k)
    assert nearest_patches(f[0], [r[0] for r in references], k).ravel().tolist() == nearest
    loss = mrf(k)
    total, gradient = value_and_gradient(loss, f, target_of(loss, f, *references))
    assert total == pytest.approx(expected)
    np.testing.assert_allclose(gradient, slope, atol=1e-15)


def test_until_the_next_search_the_patches_stay() -> None:
    f, moved, reference = random(0, 5, 6, 3), random(3, 5, 6, 3), random(1, 7, 5, 3)
    loss = mrf(2)
    total, _ = value_and_gradient(loss, moved, target_of(loss, f, reference))
    windows = [(y, x) for y in range(f.shape[1] - 1) for x in range(f.shape[2] - 1)]
    nearest, _, _ = by_loops(f, [reference], 2)
    squares = [
        (moved[0, y : y + 2, x : x + 2] - reference[0, i // 4 : i // 4 + 2, i % 4 : i % 4 + 2]) ** 2
        for (y, x), i in zip(windows, nearest, strict=True)
    ]
    assert total == pytest.approx(np.mean(squares))


def test_the_search_in_strips_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    f, references = random(0, 9, 6, 3)[0], [random(1, 7, 5, 3)[0], random(2, 6, 6, 3)[0]]
    whole = nearest_patches(f, references, 3)
    monkeypatch.setattr(module, "_CHUNK", 1)
    np.testing.assert_array_equal(nearest_patches(f, references, 3), whole)


def test_a_brighter_painting_has_the_same_nearest_patches() -> None:
    f, reference = random(0, 6, 6, 3)[0], random(1, 6, 6, 3)[0]
    scaled = reference * np.linspace(1, 3, 6)[:, None, None]
    np.testing.assert_array_equal(
        nearest_patches(f, [scaled], 1), nearest_patches(f, [reference], 1)
    )


def test_a_part_of_the_painting_costs_nothing() -> None:
    reference = random(1, 9, 8, 3)
    loss, part = mrf(), reference[:, 2:7, 1:6]
    total, gradient = value_and_gradient(loss, part, target_of(loss, part, reference))
    assert total == 0
    np.testing.assert_array_equal(gradient, 0)


def test_it_is_not_blended() -> None:
    loss = MRF(PICTURE, PICTURE)
    with pytest.raises(LossError, match=r"mrf cannot be blended: .* add losses instead"):
        loss.blended([0.5, 0.5])
    with pytest.raises(LossError, match="mrf cannot be blended"):
        MRF.from_config({**loss.get_config(), "blended": [0.5, 0.5]}, PICTURE, PICTURE)


def test_it_has_no_other_distance() -> None:
    """The target has a spread and a share, besides the features that it asks for."""
    loss = MRF(PICTURE)
    with pytest.raises(LossError, match="mrf cannot have another distance: its target holds"):
        loss.with_distance("mse")
    with pytest.raises(LossError, match="mrf cannot have another distance"):
        MRF.from_config({**loss.get_config(), "with_distance": "mse"}, PICTURE)


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_constant_pictures_are_no_nan(level: float) -> None:
    flat = np.full((1, 5, 6, 3), level)
    for reference in (flat, random(1, 4, 7, 3)):
        for f in (flat, np.zeros_like(flat)):
            total, gradient = value_and_gradient(mrf(), f, target_of(mrf(), f, reference))
            assert np.isfinite(total)
            assert np.isfinite(gradient).all()


def test_unusable_options_and_pictures() -> None:
    for options in ({"patch": 0}, {"patch": 1.5}, {"refresh_every": 0}, {"refresh_every": None}):
        (option,) = options
        with pytest.raises(LossError, match=option):
            MRF(PICTURE, **options)
    with pytest.raises(LossError, match="'a' the features are 2×2, smaller than a patch of 3×3"):
        target_of(mrf(), A, random(1, 6, 6, 2))
    with pytest.raises(LossError, match="one or more reference images, got none"):
        target_of(mrf(), random(0, 6, 6, 2))


@pytest.mark.slow
def test_a_run_builds_the_picture_of_patches(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    loss = MRF(painting, *variations(painting, [10], [0.9]), refresh_every=10)
    first, second = (minimize(loss, tiny, photo, evaluations=40) for _ in range(2))
    assert first.loss < 0.7 * first.history[0].loss
    np.testing.assert_array_equal(first.image, second.image)


@pytest.mark.slow
def test_tiles_are_exact(tiny: FeatureModel) -> None:
    assert_tiled_is_whole(
        MRF(images.noise((40, 30), seed=2, uniform=(0, 255))), tiny, tolerance=1e-5
    )


class TestVariations:
    def test_the_picture_itself_is_among_them(self, painting: Image) -> None:
        made = variations(painting)
        assert len(made) == 35
        assert any(one.shape == painting.shape and (one == painting).all() for one in made)

    @pytest.mark.parametrize("angle", [-80, -15, 7.5, 45])
    @pytest.mark.parametrize("size", [(30, 80), (64, 64)])
    def test_there_are_no_empty_corners(self, angle: float, size: tuple[int, int]) -> None:
        (turned,) = variations(np.full((*size, 3), 200.0), [angle], [1])
        np.testing.assert_allclose(turned, 200, rtol=1e-6)
        assert turned.shape[0] / turned.shape[1] == pytest.approx(size[0] / size[1], rel=0.15)

    def test_a_slope_is_turned(self) -> None:
        slope = np.repeat(np.tile(2.0 * np.arange(60), (60, 1))[..., None], 3, -1)
        (turned,) = variations(slope, [30], [1])
        down, right = np.gradient(turned[..., 0])
        # Anticlockwise: what rose to the right rises to the right and up.
        assert right.mean() == pytest.approx(2 * np.cos(np.pi / 6), rel=0.02)
        assert down.mean() == pytest.approx(-2 * np.sin(np.pi / 6), rel=0.02)

    def test_a_slope_is_scaled(self) -> None:
        slope = np.repeat(np.tile(2.0 * np.arange(60), (60, 1))[..., None], 3, -1)
        (scaled,) = variations(slope, [0], [1.5])
        assert scaled.shape == (90, 90, 3)
        np.testing.assert_allclose(np.diff(scaled[:, 20:71:3, 0], axis=1), 3 * 2 / 1.5, rtol=1e-3)

    def test_unusable_options(self, painting: Image) -> None:
        with pytest.raises(OptionError, match="angles: expected degrees between −90 and 90"):
            variations(painting, [90])
        with pytest.raises(OptionError, match="scales: expected factors above 0"):
            variations(painting, [0], [0])
        with pytest.raises(ImageError, match="a variation of a painting: expected at least 2×2"):
            variations(painting[:2], [45], [1])
