"""The edge loss: by hand, and what counts near an outline and what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import PICTURE, Array, target_of, value, value_and_gradient

from neural_style.errors import LossError
from neural_style.extensions import Edges

WIDTH, STEP = 24, 12


def edges(**options: Any) -> Edges:
    return Edges(PICTURE, layers=["a"], **options)


def gray(luma: Array) -> Array:
    return np.repeat(luma[None, ..., None], 3, -1)


def step(low: float = 0, high: float = 100) -> Array:
    """Two areas with an upright border."""
    y = np.full((16, WIDTH), low, np.float64)
    y[:, STEP:] = high
    return gray(y)


def test_worked_values() -> None:
    photo, picture = (np.array([[[y, 9.0, 9], [7, 0, 0]]]) for y in (1.0, 4.0))
    # At the first pixel 5 and 3 against 8 and 6, at the second the same.
    for near, expected in (([[[1, 1]]], 9), ([[[2, 0]]], 18), ([[[0, 2]]], 0)):
        target = {"a": {"luma": photo, "near": np.array(near, np.float64)}}
        assert float(edges().distance({"a": picture}, target)) == expected
        weighted = Edges(PICTURE, layers={"a": 3})
        assert float(weighted.distance({"a": picture}, target)) == 3 * expected


def test_nearness_falls_with_the_distance_from_the_border() -> None:
    near = target_of(edges(reach=5), step(), step())["a"]["near"][0]
    assert near.mean() == pytest.approx(1)
    row = near[8] / near[8].max()
    border = int(row.argmax())
    assert border in (STEP - 1, STEP)
    expected = np.maximum(0, 1 - np.abs(np.arange(WIDTH - 1) - border) / 5)
    np.testing.assert_allclose(row, expected, atol=0.2)


def test_only_strokes_near_an_outline_count() -> None:
    photo, flat = step(), step(50, 50)
    near, far = photo.copy(), photo.copy()
    near[:, 8, STEP + 1] += 30
    far[:, 8, STEP + 8 :] += 30
    loss = edges(reach=4)
    assert value(loss, photo, photo) == value(loss, far, photo) == 0
    assert value(loss, near, photo) > 10
    assert value(loss, flat, photo) > 1000


def test_colors_and_levels_are_free() -> None:
    photo = step()
    assert value(edges(), photo + 20, photo) == pytest.approx(0, abs=1e-9)
    red = photo + np.array([10.0, -10 * 0.299 / 0.587, 0])
    assert value(edges(), red, photo) == pytest.approx(0, abs=1e-9)


def test_gradient_against_finite_differences_and_at_the_target() -> None:
    rng = np.random.default_rng(0)
    f, photo = step() + rng.normal(size=(1, 16, WIDTH, 3)), step()
    _, gradient = value_and_gradient(edges(), f, photo)
    direction = rng.normal(size=f.shape)
    high, low = (value(edges(), f + s * 1e-4 * direction, photo) for s in (1, -1))
    assert (high - low) / 2e-4 == pytest.approx(float((gradient * direction).sum()), rel=1e-6)
    np.testing.assert_array_equal(value_and_gradient(edges(), photo, photo)[1], 0)


@pytest.mark.parametrize("size", [(2, 2), (3, 9), (16, 16)])
def test_a_photo_without_edges_is_no_nan(size: tuple[int, int]) -> None:
    flat, f = np.full((1, *size, 3), 7.0), np.random.default_rng(0).normal(size=(1, *size, 3))
    assert np.isfinite(value(edges(), f, flat))


def test_unusable() -> None:
    with pytest.raises(LossError, match="reach: expected a finite number above 0, got 0"):
        edges(reach=0)
    with pytest.raises(LossError, match=r"edges: at 'a' the picture gives .* but the reference"):
        value(edges(), step(), step()[:, :, :-2])
