"""The moments of hypercolumns: by hand, and against NumPy's covariance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import A_TARGET, PICTURE, A, Array, random_features, value, value_and_gradient

from neural_style.errors import LossError
from neural_style.extensions import HypercolumnMoments
from neural_style.losses import calls


def moments(unit: float = 1, **options: Any) -> HypercolumnMoments:
    return HypercolumnMoments(PICTURE, unit=unit, **{"layers": ["a"], **options})


def by_numpy(f: Array, reference: Array) -> float:
    ours, theirs = (x.reshape(-1, x.shape[-1]) for x in (f, reference))
    covariances = [np.cov(x.T, bias=True) for x in (ours, theirs)]
    means = np.abs(ours.mean(0) - theirs.mean(0)).mean()
    return float(means + np.abs(covariances[0] - covariances[1]).mean())


def test_worked_values() -> None:
    """Means (2.5, .5) and (2, 1); covariances [[1.25, 0], [0, .25]] and [[0, 0], [0, 1]]."""
    assert value(moments(), A, A_TARGET) == pytest.approx(0.5 + (1.25 + 0.75) / 4)
    assert value(moments(2), A, A_TARGET) == pytest.approx(0.5 / 2 + (1.25 + 0.75) / 4 / 4)
    assert value(moments(layers={"a": 3}), A, A_TARGET) == pytest.approx(3 * 1.0)
    assert value(moments(), A, A) == 0


def test_it_is_what_numpy_finds() -> None:
    f, reference = random_features(0, 4, 5, 3), random_features(1, 7, 6, 3)
    assert value(moments(), f, reference) == pytest.approx(by_numpy(f, reference))


def test_layers_have_the_weights_that_are_given() -> None:
    """Equal weights leave features as they are, whatever the number of layers."""
    loss = moments(layers={"a": 1, "b": 3})
    f, reference = (
        {"a": random_features(s, 4, 4, 2), "b": random_features(s + 9, 4, 4, 3)} for s in (0, 1)
    )
    found = calls.value(loss, f, calls.target(loss, [reference], f, np.random.default_rng(0)))
    joined = [np.concatenate([0.5**0.5 * x["a"], 1.5**0.5 * x["b"]], -1) for x in (f, reference)]
    assert float(found) == pytest.approx(4 * by_numpy(*joined))


@pytest.mark.parametrize("samples", [9, 1000])
def test_gradient_against_finite_differences(samples: int) -> None:
    loss, f, reference = (
        moments(samples=samples),
        random_features(0, 5, 6, 4),
        random_features(1, 7, 6, 4),
    )
    _, gradient = value_and_gradient(loss, f, reference)
    direction = random_features(2, 5, 6, 4)
    high, low = (value(loss, f + sign * 1e-6 * direction, reference) for sign in (1, -1))
    assert (high - low) / 2e-6 == pytest.approx((gradient * direction).sum(), rel=1e-6)


@pytest.mark.parametrize("unit", [0, -1, float("nan"), None])
def test_unusable_units(unit: Any) -> None:
    with pytest.raises(LossError, match="unit: expected a finite number above 0"):
        moments(unit)
