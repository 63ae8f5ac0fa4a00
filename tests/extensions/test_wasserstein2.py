"""The Wasserstein-2 distance of features, taken for Gaussians."""

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

from neural_style import FeatureModel, Objective, images
from neural_style.errors import LossError
from neural_style.extensions import Wasserstein2


def wasserstein(epsilon: float = 1e-3) -> Wasserstein2:
    return Wasserstein2(PICTURE, epsilon=epsilon, layers={"a": 1})


def sqrtm(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def expected_of(f: Array, reference: Array, epsilon: float) -> float:
    """The formula in float64, with roots by eigendecomposition."""
    rows = [np.float64(x).reshape(-1, x.shape[-1]) for x in (f, reference)]
    means = [x.mean(0) for x in rows]
    ours, theirs = (
        np.cov(x.T, bias=True) + epsilon * np.mean(x**2) * np.eye(f.shape[-1]) for x in rows
    )
    root = sqrtm(theirs)
    bures = np.trace(ours + theirs - 2 * sqrtm(root @ ours @ root))
    return float((np.sum(np.subtract(*means) ** 2) + bures) / f.shape[-1])


def test_the_statistic() -> None:
    np.testing.assert_allclose(
        statistic(wasserstein(), A)["a"], [[7.5, 1.25], [1.25, 0.5], [2.5, 0.5]]
    )


@pytest.mark.parametrize(
    ("f", "target", "expected"),
    [
        pytest.param(A, A_TARGET, 1.0, id="A"),
        # Of two positions, covariances uuᵀ and vvᵀ, u = (.5, −.5, .5), v = (.5, .5, −.5):
        # means 1, covariances ¾ + ¾ − 2 · |u·v|, u·v = −¼.
        pytest.param(B, B_TARGET, (1 + 1.0) / 3, id="B"),
    ],
)
def test_worked_values_as_epsilon_vanishes(f: Array, target: Array, expected: float) -> None:
    """Where a channel is dead the distance falls with √ε, of which two give the limit."""
    near, far = (value(wasserstein(epsilon), f, target) for epsilon in (1e-6, 1e-4))
    assert near == pytest.approx(expected, abs=1e-2)
    assert near + (near - far) / 9 == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 0.5])
def test_against_numpy(epsilon: float) -> None:
    f, reference = random_features(0, 9, 8, 5), random_features(1, 7, 6, 5) ** 2
    expected = expected_of(f, reference, epsilon)
    assert value(wasserstein(epsilon), f, reference) == pytest.approx(expected, rel=1e-6)


def relu_features(seed: int, scale: float, dead: int) -> Any:
    """Correlated channels of 64, some of them dead, after a ReLU, in float32."""
    draw = np.random.default_rng(seed)
    mixed = draw.normal(size=(1, 24, 20, 64)) @ draw.normal(size=(64, 64))
    mixed[..., :dead] = -1
    return np.float32(scale * np.maximum(mixed + 3, 0) * (mixed != -1))


@pytest.mark.parametrize(("scale", "dead"), [(1, 0), (100, 10), (0.01, 64)])
def test_float32_against_float64_with_dead_channels(scale: float, dead: int) -> None:
    f, reference = relu_features(0, 2 * scale, 20), relu_features(1, scale, dead)
    total, gradient = value_and_gradient(wasserstein(), f, reference)
    assert total == pytest.approx(expected_of(f, reference, 1e-3), rel=1e-4)
    double, exact = value_and_gradient(
        wasserstein(), f.astype(np.float64), reference.astype(np.float64)
    )
    assert total == pytest.approx(double, rel=1e-4)
    assert np.linalg.norm(gradient - exact) < 1e-3 * np.linalg.norm(exact)


def test_the_gradient_is_right_where_eigenvalues_are_equal() -> None:
    """Where that of an eigendecomposition divides by their difference."""
    f = np.eye(4)[np.arange(16) % 4].reshape(1, 4, 4, 4)
    reference = 2 * f[:, ::-1, :, ::-1] + 1
    _, gradient = value_and_gradient(wasserstein(), f, reference)
    direction = np.random.default_rng(0).normal(size=f.shape)
    high, low = (value(wasserstein(), f + s * direction, reference) for s in (1e-5, -1e-5))
    assert (high - low) / 2e-5 == pytest.approx(float((gradient * direction).sum()), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.0, 0.1, 1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constants_have_a_gradient(level: float, dtype: Any) -> None:
    flat, other = np.full((1, 6, 7, 3), level, dtype), random_features(0, 6, 7, 3).astype(dtype)
    for f, reference in ((flat, flat), (flat, other), (other, flat)):
        total, gradient = value_and_gradient(wasserstein(), f, reference)
        assert np.isfinite(total)
        assert np.isfinite(gradient).all()


def test_a_translation() -> None:
    f = random_features(0, 6, 7, 3)
    assert value(wasserstein(1e-6), f + 2, f) == pytest.approx(4, rel=1e-5)


def test_a_scale_moves_deviations() -> None:
    """Of centered features, to twice: tr(2 − 1)²Σ, but for ε."""
    f = random_features(0, 6, 7, 3)
    f -= f.mean((1, 2))
    found = value(wasserstein(1e-6), 2 * f, f)
    assert found == pytest.approx(f.var((1, 2)).sum() / 3, rel=1e-5)


@pytest.mark.slow
def test_zero_at_the_target_when_compiled_in_float32(tiny: FeatureModel) -> None:
    picture = images.noise((24, 32), seed=1, uniform=(0, 255))
    objective = Objective(Wasserstein2(picture), tiny, (24, 32))
    objective.refresh(picture, round=0)
    there, other = objective(picture), objective(255 - picture)
    assert 0 <= abs(there.loss) < 1e-5 * other.loss
    assert np.linalg.norm(there.gradient) < 1e-3 * np.linalg.norm(other.gradient)


@pytest.mark.parametrize("epsilon", [0, -1, 1e-13, "1", None, True, float("nan")])
def test_unusable_epsilons(epsilon: Any) -> None:
    with pytest.raises(LossError, match="epsilon: expected a finite number of 1e-06 or more"):
        Wasserstein2(PICTURE, epsilon=epsilon)
