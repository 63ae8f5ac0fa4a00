"""The directions and steps of L-BFGS, on functions of a few variables."""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import Any

import keras
import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from neural_style import LBFGS
from neural_style.errors import OptionError
from neural_style.optimizers import scipy as scipy_drivers
from neural_style.optimizers.base import RoundOver
from neural_style.optimizers.drivers import driver

START = np.array([[[-1.2, 1.0]]], np.float32)


def rosenbrock(image: Any) -> tuple[float, Any]:
    """(1 − a)² + 100 (b − a²)², with its minimum of 0 at (1, 1)."""
    a, b = image.ravel().astype(float)
    gradient = [-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)]
    return (1 - a) ** 2 + 100 * (b - a**2) ** 2, np.reshape(gradient, image.shape).astype("f4")


def walled(image: Any) -> tuple[float, Any]:
    """`rosenbrock` below a wall along its valley, above which nothing is finite."""
    a, b = image.ravel().astype(float)
    return rosenbrock(image) if b <= a**2 + 0.02 else (math.inf, np.zeros_like(image))


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
    reason = driver(LBFGS())(log.evaluate, log.accept, START)
    assert reason == "L-BFGS found no lower loss along the gradient"
    np.testing.assert_allclose(log.accepted[-1][0], [[[1, 1]]], atol=1e-3)
    losses = [loss for _, loss, _ in log.accepted]
    assert losses == sorted(losses, reverse=True)
    assert len(log.seen) < 100


def test_the_first_step_is_along_the_gradient_and_one_pixel_value_long() -> None:
    log = Log(most=2)
    with pytest.raises(RoundOver):
        driver(LBFGS())(log.evaluate, log.accept, START)
    (first, _, gradient), (second, *_) = log.seen
    step = second - first
    assert np.sqrt(np.mean(step**2)) == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(step / np.linalg.norm(step), -gradient / np.linalg.norm(gradient))


def test_a_direction_is_that_of_the_dense_update() -> None:
    """H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ from γ I, for every pair that is kept."""
    history, log = 3, Log(quadratic, most=9)
    with pytest.raises(RoundOver):
        driver(LBFGS(history))(log.evaluate, log.accept, np.full((1, 2, 3), 9, np.float32))
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
        driver(LBFGS())(log.evaluate, log.accept, START)
    for (x0, f0, g0), (x1, f1, g1) in itertools.pairwise(log.accepted):
        step = (x1 - x0).ravel()
        before, after = float(g0.ravel() @ step), float(g1.ravel() @ step)
        assert before < 0
        assert f1 <= f0 + 1e-4 * before + 1e-9
        assert abs(after) <= 0.9 * abs(before) + 1e-9


def test_the_history_goes_on_in_the_next_round() -> None:
    one, first = driver(LBFGS()), Log(quadratic, most=6)
    with pytest.raises(RoundOver):
        one(first.evaluate, first.accept, np.full((1, 2, 3), 9, np.float32))
    image = first.accepted[-1][0]
    counts = []
    for each in (one, driver(LBFGS())):
        log = Log(quadratic)
        each(log.evaluate, log.accept, image)
        counts.append(next(i for i, (_, loss, _) in enumerate(log.seen) if loss < 1e-6))
    assert counts[0] < counts[1]


def test_where_the_gradient_vanishes_it_stops() -> None:
    log = Log(lambda x: (0.0, np.zeros_like(x)))
    reason = driver(LBFGS())(log.evaluate, log.accept, START)
    assert reason.startswith("L-BFGS found no lower loss")
    assert len(log.accepted) >= 1


def bowl(image: Any) -> tuple[float, Any]:
    """A convex quadratic of 48 variables with curvatures from 1 to 1000."""
    curvatures = np.geomspace(1, 1000, image.size)
    x = image.ravel().astype(float) - 1
    return curvatures @ x**2 / 2, np.reshape(curvatures * x, image.shape).astype("f4")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "start"), [(rosenbrock, START), (bowl, np.zeros((4, 4, 3), np.float32))]
)
def test_it_needs_no_more_evaluations_than_scipy(function: Any, start: Any) -> None:
    def needed(optimizer: Any) -> int:
        log = Log(function)
        driver(optimizer)(log.evaluate, log.accept, start)
        goal = 1e-6 * log.seen[0][1]
        return next(i for i, (_, loss, _) in enumerate(log.seen, 1) if loss < goal)

    assert needed(LBFGS(10)) <= 1.1 * needed("L-BFGS-B")


ADAM = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.9), amsgrad=True)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [LBFGS(3), LBFGS(), ADAM], ids=["three", "lbfgs", "adam"])
@pytest.mark.parametrize("function", [rosenbrock, quadratic, walled])
def test_a_driver_that_is_restored_goes_on_to_the_same_bits(optimizer: Any, function: Any) -> None:
    start = np.full((1, 2, 3), 9, np.float32) if function is quadratic else START
    whole, states = driver(optimizer), []
    log = Log(function, most=60)

    def accept() -> None:
        log.accept()
        states.append((len(log.seen), len(log.accepted), whole.state()))

    finish(whole, log, accept, start)
    assert len(states) > 7
    assert all(math.isfinite(loss) for _, loss, _ in log.seen) == (function is not walled)
    for seen, accepted, state in states[::3]:
        rest, other = Log(function, most=60 - seen), driver(optimizer)
        other.restore(state, start.shape)
        finish(other, rest, rest.accept, np.zeros_like(start))
        for ours, theirs in (
            (rest.seen, log.seen[seen:]),
            (rest.accepted, log.accepted[accepted:]),
        ):
            assert len(ours) == len(theirs)
            for (x, loss, _), (x1, loss1, _) in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(x, x1)
                assert loss == loss1


@pytest.mark.parametrize("optimizer", [LBFGS(), ADAM], ids=["lbfgs", "adam"])
def test_a_state_is_made_of_arrays_and_numbers_that_nothing_else_changes(optimizer: Any) -> None:
    whole, states = driver(optimizer), []
    log = Log(quadratic, most=12)
    finish(whole, log, lambda: states.append(whole.state()), np.full((1, 2, 3), 9, np.float32))
    copies = []
    for state in states:
        assert all(isinstance(value, np.ndarray | float) for value in state.values())
        copies.append({name: np.array(value) for name, value in state.items()})
        other = driver(optimizer)
        other.restore(state, (1, 2, 3))
        rest = Log(quadratic, most=3)
        finish(other, rest, rest.accept, np.zeros((1, 2, 3), np.float32))
    for state, copy in zip(states, copies, strict=True):
        for name, value in state.items():
            np.testing.assert_array_equal(value, copy[name])


def test_a_restored_driver_resumes_one_call_only() -> None:
    first = driver(LBFGS())
    log = Log(quadratic, most=5)
    finish(first, log, log.accept, np.full((1, 2, 3), 9, np.float32))
    other, start = driver(LBFGS()), np.full((1, 2, 3), 3, np.float32)
    other.restore(first.state(), start.shape)
    for most in (2, 4):
        rest = Log(quadratic, most=most)
        finish(other, rest, rest.accept, start)
    np.testing.assert_array_equal(rest.seen[0][0], start)


def test_scipys_state_cannot_be_had() -> None:
    scipys = driver("L-BFGS-B")
    for call in (scipys.state, lambda: scipys.restore({}, ())):
        with pytest.raises(OptionError, match="keeps its state to itself"):
            call()


def finish(at_work: Any, log: Log, accept: Any, start: Any) -> None:
    with contextlib.suppress(RoundOver):
        at_work(log.evaluate, accept, start)


@pytest.mark.parametrize("weight", [1e-25, 1e-22, 1e-12, 1e12])
def test_it_moves_at_any_weight(weight: float) -> None:
    def bowl(x: Any) -> tuple[float, Any]:
        return weight * float(np.sum((x - 10) ** 2)), np.float32(2 * weight) * (x - 10)

    log = Log(bowl, most=30)
    with contextlib.suppress(RoundOver):
        driver(LBFGS())(log.evaluate, log.accept, np.full((2, 3, 3), 40, np.float32))
    assert np.abs(log.accepted[-1][0] - 10).max() < 29


@pytest.mark.parametrize(
    "optimizer", [LBFGS(), "L-BFGS-B", ADAM, keras.optimizers.SGD(0.003)], ids=type
)
def test_steps_to_what_is_not_finite_are_shortened(optimizer: Any) -> None:
    log = Log(walled, most=60)
    finish(driver(optimizer), log, log.accept, START)
    losses = [loss for _, loss, _ in log.accepted]
    assert len(losses) < len(log.seen) == 60
    assert np.isfinite(losses).all()
    assert min(losses) < 0.9 * losses[0]


@pytest.mark.parametrize("optimizer", [LBFGS(), "L-BFGS-B", ADAM], ids=type)
@pytest.mark.parametrize("begins", [True, False])
def test_where_no_step_is_finite_a_driver_ends(optimizer: Any, begins: bool) -> None:
    def alone(image: Any) -> tuple[float, Any]:
        finite = begins and np.array_equal(image, START)
        return (1.0, np.ones_like(image)) if finite else (math.inf, np.zeros_like(image))

    log = Log(alone, most=200)
    reason = driver(optimizer)(log.evaluate, log.accept, START)
    assert all(loss == 1 for _, loss, _ in log.accepted)
    assert bool(log.accepted) == begins
    assert ("finite" in reason or "no lower loss" in reason) if begins else "finite" in reason


def test_scipy_is_told_no_loss_that_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []

    def listening(function: Any, start: Any, **options: Any) -> Any:
        def heard(x: Any) -> Any:
            loss, gradient = function(x)
            assert np.isfinite(gradient).all()
            told.append(loss)
            return loss, gradient

        return scipy_minimize(heard, start, **options)

    monkeypatch.setattr(scipy_drivers, "minimize", listening)
    log = Log(walled, most=60)
    finish(driver("L-BFGS-B"), log, log.accept, START)
    for i, (loss, (_, own, _)) in enumerate(zip(told, log.seen, strict=True)):
        assert loss == own if math.isfinite(own) else max(told[:i]) < loss < math.inf
