"""The contextual loss: by hand, against loops, and its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import PICTURE, Array, random_features, target_of, value, value_and_gradient

from neural_style.errors import LossError
from neural_style.extensions import Contextual


def contextual(**options: Any) -> Contextual:
    return Contextual(PICTURE, layers=["a"], **options)


def rows(*columns: tuple[float, float]) -> Array:
    return np.array([[columns]], np.float64)


def by_loops(f: Array, reference: Array, bandwidth: float) -> float:
    ours, theirs = (x.reshape(-1, x.shape[-1]) - reference.mean((0, 1, 2)) for x in (f, reference))
    shares = []
    for x in ours:
        d = np.array(
            [0.5 - 0.5 * (x @ y) / (np.linalg.norm(x) * np.linalg.norm(y)) for y in theirs]
        )
        weights = np.exp((1 - d / (d.min() + 1e-5)) / bandwidth)
        shares.append(weights / weights.sum())
    return float(-np.log(np.max(shares, 0).mean()))


def test_worked_values() -> None:
    painting = rows((1, 0), (-1, 0))  # the mean is 0
    loss = contextual()
    # As far from both: every share is ½.
    assert value(loss, rows((0, 2), (0, 4)), painting) == pytest.approx(np.log(2))
    # On both: each is like no other, at any length.
    assert value(loss, rows((3, 0), (-2, 0)), painting) == pytest.approx(0)
    # On one only: it has all shares, the other painted position none.
    assert value(loss, rows((3, 0), (2, 0)), painting) == pytest.approx(np.log(2))


def test_a_repeated_painting_is_the_same_painting() -> None:
    f, reference = random_features(0, 4, 5, 3), random_features(1, 3, 4, 3)
    expected = value(contextual(), f, reference)
    assert value(contextual(), f, np.tile(reference, (1, 2, 2, 1))) == pytest.approx(expected)
    assert value(contextual(), np.tile(f, (1, 2, 2, 1)), reference) == pytest.approx(expected)


@pytest.mark.parametrize("bandwidth", [0.1, 0.5])
def test_it_is_what_loops_find(bandwidth: float) -> None:
    f, reference = random_features(0, 4, 5, 3), random_features(1, 3, 4, 3)
    found = value(contextual(bandwidth=bandwidth), f, reference)
    least = by_loops(reference, reference, bandwidth)
    assert found == pytest.approx(by_loops(f, reference, bandwidth) - least)


def test_gradient_against_finite_differences() -> None:
    loss, f, reference = contextual(), random_features(0, 5, 6, 4), random_features(1, 7, 6, 4)
    _, gradient = value_and_gradient(loss, f, reference)
    direction, step = np.random.default_rng(2).normal(size=f.shape), 1e-6
    high, low = (value(loss, f + sign * step * direction, reference) for sign in (1, -1))
    assert (high - low) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-5)


def test_samples_are_drawn_at_the_same_places_of_pictures_of_one_size() -> None:
    f, loss = random_features(0, 6, 7, 3), contextual(samples=9)
    target = target_of(loss, f, f)["a"]
    assert len(target["positions"]) == 9
    np.testing.assert_array_equal(f.reshape(-1, 3)[target["positions"]], target["samples"])
    assert target_of(loss, f, random_features(1, 2, 3, 3))["a"]["samples"].shape == (6, 3)


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_constants_are_no_nan(level: float) -> None:
    flat, f = np.full((1, 4, 4, 3), level), random_features(0, 4, 4, 3)
    for current, reference in ((flat, f), (f, flat), (flat, flat)):
        total, gradient = value_and_gradient(contextual(), current, reference)
        assert np.isfinite(total)
        assert np.isfinite(gradient).all()


def test_unusable_options() -> None:
    with pytest.raises(LossError, match="bandwidth: expected a finite number above 0, got 0"):
        contextual(bandwidth=0)
