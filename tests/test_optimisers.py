"""The directions and steps of L-BFGS, on functions of a few variables."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from neural_style import LBFGS
from neural_style.optimisers import RoundOver

START = np.array([[[-1.2, 1.0]]], np.float32)


def rosenbrock(image: Any) -> tuple[float, Any]:
    """(1 − a)² + 100 (b − a²)², with its minimum of 0 at (1, 1)."""
    a, b = image.ravel().astype(float)
    gradient = [-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)]
    return (1 - a) ** 2 + 100 * (b - a**2) ** 2, np.reshape(gradient, image.shape).astype("f4")


class Log:
    """Evaluations of a function, of which the accepted ones are told; some at most."""

    def __init__(self, function: Any = rosenbrock, most: int = 1000) -> None:
        self.function, self.most = function, most
        self.seen: list[Any] = []
        self.accepted: list[Any] = []

    def evaluate(self, image: Any) -> tuple[float, Any]:
        if len(self.seen) == self.most:
            raise RoundOver(image)
        assert image.dtype == np.float32
        self.seen.append((image, *self.function(image)))
        return self.seen[-1][1:]  # type: ignore[no-any-return]

    def accept(self) -> None:
        self.accepted.append(self.seen[-1])


def test_it_finds_the_minimum_of_a_bent_valley() -> None:
    log = Log()
    reason = LBFGS().driver()(log.evaluate, log.accept, START)
    assert reason == "L-BFGS found no lower loss along the gradient"
    np.testing.assert_allclose(log.accepted[-1][0], [[[1, 1]]], atol=1e-3)
    losses = [loss for _, loss, _ in log.accepted]
    assert losses == sorted(losses, reverse=True)
    assert len(log.seen) < 100


def test_the_first_step_is_along_the_gradient_and_one_pixel_value_long() -> None:
    log = Log(most=2)
    with pytest.raises(RoundOver):
        LBFGS().driver()(log.evaluate, log.accept, START)
    (first, _, gradient), (second, *_) = log.seen
    step = second - first
    assert np.sqrt(np.mean(step**2)) == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(step / np.linalg.norm(step), -gradient / np.linalg.norm(gradient))


def test_a_direction_is_that_of_the_dense_update() -> None:
    """H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ from γ I, for every pair that is kept."""
    history, log = 3, Log(quadratic, most=9)
    with pytest.raises(RoundOver):
        LBFGS(history).driver()(log.evaluate, log.accept, np.full((1, 2, 3), 9, np.float32))
    points = [(x.ravel().astype(float), g.ravel().astype(float)) for x, _, g in log.accepted]
    pairs = [(x1 - x0, g1 - g0) for (x0, g0), (x1, g1) in itertools.pairwise(points)][:-1]
    s, y = pairs[-1]
    inverse = np.eye(6) * (s @ y) / (y @ y)
    for s, y in pairs[-history:]:
        rho = 1 / (s @ y)
        left = np.eye(6) - rho * np.outer(s, y)
        inverse = left @ inverse @ left.T + rho * np.outer(s, s)
    expected = -inverse @ points[-2][1]
    step = points[-1][0] - points[-2][0]
    np.testing.assert_allclose(
        step / np.linalg.norm(step), expected / np.linalg.norm(expected), atol=1e-3
    )


def quadratic(image: Any) -> tuple[float, Any]:
    curvatures = np.array([1, 2, 4, 8, 16, 32], float)
    x = image.ravel().astype(float)
    return curvatures @ x**2 / 2, np.reshape(curvatures * x, image.shape).astype("f4")


def test_steps_satisfy_the_strong_wolfe_conditions() -> None:
    log = Log(most=40)
    with pytest.raises(RoundOver):
        LBFGS().driver()(log.evaluate, log.accept, START)
    for (x0, f0, g0), (x1, f1, g1) in itertools.pairwise(log.accepted):
        step = (x1 - x0).ravel()
        before, after = float(g0.ravel() @ step), float(g1.ravel() @ step)
        assert before < 0
        assert f1 <= f0 + 1e-4 * before + 1e-9
        assert abs(after) <= 0.9 * abs(before) + 1e-9


def test_the_history_goes_on_in_the_next_round() -> None:
    driver, first = LBFGS().driver(), Log(quadratic, most=6)
    with pytest.raises(RoundOver):
        driver(first.evaluate, first.accept, np.full((1, 2, 3), 9, np.float32))
    image = first.accepted[-1][0]
    counts = []
    for each in (driver, LBFGS().driver()):
        log = Log(quadratic)
        each(log.evaluate, log.accept, image)
        counts.append(next(i for i, (_, loss, _) in enumerate(log.seen) if loss < 1e-6))
    assert counts[0] < counts[1]


def test_where_the_gradient_vanishes_it_stops() -> None:
    log = Log(lambda x: (0.0, np.zeros_like(x)))
    reason = LBFGS().driver()(log.evaluate, log.accept, START)
    assert reason.startswith("L-BFGS found no lower loss")
    assert len(log.accepted) >= 1
