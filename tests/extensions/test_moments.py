"""The means and deviations of channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import (
    A_TARGET,
    B_TARGET,
    PICTURE,
    A,
    Array,
    B,
    random_features,
    statistic,
    value,
    value_and_gradient,
)

from neural_style.errors import LossError
from neural_style.extensions import Moments


def moments(epsilon: float = 1e-12, weight: float = 1.0) -> Moments:
    return Moments(PICTURE, epsilon=epsilon, layers={"a": weight})


def test_the_statistic() -> None:
    np.testing.assert_allclose(statistic(moments(), A)["a"], [[2.5, 0.5], [7.5, 0.5]])


@pytest.mark.parametrize(
    ("f", "target", "weight", "expected"),
    [
        pytest.param(A, A_TARGET, 1, 1.0, id="A"),
        pytest.param(A, A_TARGET, 2, 2.0, id="A-AdaIN"),
        # μ (.5, .5, 1.5) and (.5, .5, .5); every σ is .5.
        pytest.param(B, B_TARGET, 1, 1 / 3, id="B"),
    ],
)
def test_worked_values(f: Array, target: Array, weight: float, expected: float) -> None:
    assert value(moments(weight=weight), f, target) == pytest.approx(expected, abs=1e-5)


def test_the_norms_of_adain() -> None:
    """Their sum, of the differences of means and of deviations, from the same statistic."""
    (mean, square), (mean_target, square_target) = (
        statistic(moments(), f)["a"] for f in (A, A_TARGET)
    )
    deviations = np.sqrt(square - mean**2), np.sqrt(square_target - mean_target**2)
    norms = np.linalg.norm(mean - mean_target) + np.linalg.norm(np.subtract(*deviations))
    assert norms == pytest.approx(1.931852, abs=1e-6)


def test_against_numpy_in_float32() -> None:
    f, reference = (100 * random_features(seed, 9, 8, 5) for seed in (0, 1))
    means, deviations = (
        np.subtract(*(measure(x, (0, 1, 2)) for x in (f, reference)))
        for measure in (np.mean, np.std)
    )
    found = value(moments(1e-5), np.float32(f), np.float32(reference))  # type: ignore[arg-type]
    assert found == pytest.approx((means**2 + deviations**2).mean(), rel=1e-4)


@pytest.mark.parametrize("level", [0.0, 0.1, 1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constants_have_a_gradient(level: float, dtype: Any) -> None:
    """Where E[f²] − μ² is below 0 by rounding, too."""
    flat = np.full((1, 6, 7, 3), level, dtype)
    for reference in (flat, random_features(0, 6, 7, 3).astype(dtype)):
        total, gradient = value_and_gradient(moments(1e-5), flat, reference)
        assert np.isfinite(total)
        assert np.isfinite(gradient).all()


def test_only_the_means_move_by_an_offset() -> None:
    f = random_features(0, 6, 7, 3)
    assert value(moments(), f + 2, f) == pytest.approx(4)


@pytest.mark.parametrize("epsilon", [0, -1, 1e-13, "1", None, True, float("nan"), float("inf")])
def test_unusable_epsilons(epsilon: Any) -> None:
    with pytest.raises(LossError, match="epsilon: expected a finite number of 1e-12 or more"):
        Moments(PICTURE, epsilon=epsilon)
