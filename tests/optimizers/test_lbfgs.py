"""`LBFGS` as a method of `scipy.optimize.minimize`, on functions with a known minimum at ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, OptimizeResult, minimize, rosen, rosen_der

from neural_style import LBFGS
from neural_style.errors import OptionError
from neural_style.optimizers.lbfgs import Memory
from neural_style.optimizers.line_search import Point

START = np.array([-1.2, 1.0])
TIGHT = {"ftol": 0, "gtol": 1e-8}


def rosenbrock(x: Any) -> tuple[float, Any]:
    return rosen(x), rosen_der(x)


def quadratic(x: Any) -> tuple[float, Any]:
    curvatures = np.geomspace(1, 1000, x.size)
    return float(curvatures @ (x - 1) ** 2 / 2), curvatures * (x - 1)


def walled(x: Any) -> tuple[float, Any]:
    """`rosenbrock` below a wall along its valley, above which nothing is a number."""
    return rosenbrock(x) if x[1] <= x[0] ** 2 + 0.02 else (math.nan, np.full(2, math.nan))


def run(function: Any = rosenbrock, start: Any = START, **given: Any) -> OptimizeResult:
    return minimize(function, start, jac=True, **{"method": LBFGS(10), **given})


@pytest.mark.parametrize("history", [10, 20])
@pytest.mark.parametrize("options", [{}, TIGHT], ids=["defaults", "tight"])
@pytest.mark.parametrize(
    ("function", "start"),
    [(rosenbrock, START), (rosenbrock, np.tile(START, 5)), (quadratic, np.zeros(48))],
    ids=["Rosenbrock", "of ten variables", "quadratic"],
)
def test_it_finds_the_minimum_that_scipys_finds(
    function: Any, start: Any, options: Any, history: int
) -> None:
    ours = run(function, start, method=LBFGS(history), options=options)
    scipys = run(function, start, method="L-BFGS-B", options={"maxcor": history, **options})
    assert ours.success
    assert scipys.success
    assert ours.status == 0
    np.testing.assert_allclose(ours.x, scipys.x, atol=1e-7 if options else 5e-4)
    assert ours.fun == pytest.approx(scipys.fun, abs=1e-14 if options else 1e-7)
    assert ours.nfev <= 1.1 * scipys.nfev
    assert ours.x.dtype == ours.jac.dtype == np.float64
    np.testing.assert_array_equal(ours.jac, function(ours.x)[1])
    assert ours.fun == function(ours.x)[0]
    assert ours.nit < ours.nfev == ours.njev


def test_of_a_start_in_float32_it_works_in_float32() -> None:
    seen = set()

    def function(x: Any) -> Any:
        seen.add(x.dtype)
        return quadratic(x)

    found = run(function, np.zeros(48, np.float32))
    assert found.success
    assert seen == {np.dtype("float32")} == {found.x.dtype, found.jac.dtype}
    np.testing.assert_allclose(found.x, 1, atol=5e-4)


def test_a_function_may_have_arguments_and_overwrite_its_own() -> None:
    buffer, calls = np.empty(2), 0

    def value(x: Any, scale: float) -> float:
        nonlocal calls
        calls += 1
        loss = scale * float(rosen(x))
        x[:] = math.nan
        return loss

    def gradient(x: Any, scale: float) -> Any:
        buffer[:] = scale * rosen_der(x)
        x[:] = math.nan
        return buffer

    found = minimize(value, [-1, 1], args=(3.0,), jac=gradient, method=LBFGS())
    np.testing.assert_allclose(found.x, 1, atol=1e-5)
    assert found.nfev == calls


def test_a_callback_is_told_of_every_iterate_and_may_stop_it() -> None:
    iterates: list[Any] = []
    results: list[Any] = []

    def callback(x: Any) -> None:
        iterates.append(x.copy())
        x[:] = math.nan  # is not the run's

    whole = run(callback=callback)
    assert len(iterates) == whole.nit
    np.testing.assert_array_equal(iterates[-1], whole.x)

    def stop(intermediate_result: OptimizeResult) -> None:
        results.append(intermediate_result)
        if len(results) == 5:
            raise StopIteration

    stopped = run(callback=stop)
    scipys = run(callback=stop, method="L-BFGS-B", options={"maxiter": 5})
    for i, result in enumerate(results[:5]):
        np.testing.assert_array_equal(result.x, iterates[i])
        assert result.fun == rosen(result.x)
    np.testing.assert_array_equal(stopped.x, iterates[4])
    assert (stopped.nit, stopped.success, stopped.status) == (5, False, 99)
    assert stopped.message == "`callback` raised `StopIteration`."
    assert scipys.keys() - stopped.keys() == {"hess_inv"}


def test_it_ends_at_a_limit() -> None:
    found = run(options={"maxiter": 3})
    assert (found.nit, found.success, found.status) == (3, False, 1)
    assert found.message.startswith("the limit was reached: 3 iterations, ")
    assert run(options={"maxiter": 0}).nfev == 1
    found = run(options={"maxfun": 10})
    assert found.status == 1
    assert 10 <= found.nfev < 15


def test_tol_sets_the_tolerances_that_are_not_given() -> None:
    for given, same in (
        ({"tol": 1e-2}, {"ftol": 1e-2, "gtol": 1e-2}),
        ({"tol": 1e-2, "options": {"ftol": 0, "gtol": None}}, {"ftol": 0, "gtol": 1e-2}),
        ({"tol": 1e-2, "options": {"ftol": 0, "gtol": 1e-6}}, {"ftol": 0, "gtol": 1e-6}),
    ):
        found, expected = run(**given), run(options=same)
        assert (found.nit, found.message) == (expected.nit, expected.message)
        assert abs(found.jac).max() < same["gtol"] or same["ftol"]


def test_without_tolerances_it_ends_where_no_lower_value_is_found() -> None:
    found = run(quadratic, np.zeros(12), options={"ftol": 0, "gtol": 0})
    assert (found.success, found.status) == (False, 2)
    assert found.message == "L-BFGS found no lower loss along the gradient"
    np.testing.assert_allclose(found.x, 1, atol=1e-12)


def test_steps_to_what_is_not_finite_are_shortened() -> None:
    found = run(walled, options={"maxfun": 60})
    assert math.isfinite(found.fun)
    assert found.fun < 0.9 * rosen(START)
    found = run(walled, np.array([0.0, 1.0]))
    assert (found.success, found.status, found.nfev, found.nit) == (False, 2, 1, 0)
    assert found.message == "L-BFGS has no finite loss to begin from"
    assert not run(lambda x: (1.0, x * math.inf)).success


def test_it_goes_on_from_a_memory_to_the_same_bits() -> None:
    whole, memory = run(options={"maxiter": 20}), Memory(10)
    memory.here = Point(START, *rosenbrock(START))
    first = run(options={"maxiter": 8, "memory": memory})
    second = run(options={"maxiter": 12, "memory": memory})
    np.testing.assert_array_equal(second.x, whole.x)
    assert 1 + first.nfev + second.nfev == whole.nfev


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"options": {"maxcor": 5, "disp": True}}, r"not take disp and maxcor. .* as LBFGS\(20\)"),
        ({"options": {"maxiter": -1}}, "maxiter: expected a number from 0, got -1"),
        ({"options": {"gtol": "small"}}, "gtol: expected a number from 0, got 'small'"),
        ({"options": {"ftol": math.nan}}, "ftol: expected a number from 0, got nan"),
        ({"tol": [1]}, r"ftol: expected a number from 0, got \[1\]"),
        ({"bounds": Bounds([0, 0], [1, 1])}, "does not take bounds. Its options are maxiter, "),
        ({"bounds": [(0, 1), (0, 1)]}, "does not take bounds. Its options are maxiter, "),
        (
            {"constraints": {"type": "eq", "fun": sum}},
            "does not take constraints. Its options are maxiter, ",
        ),
        ({"hess": rosen}, "does not take hess. Its options are maxiter, "),
        ({"jac": None}, "expected a gradient, got none: give jac=True"),
        ({"method": LBFGS(0)}, "history: expected a positive whole number"),
    ],
)
def test_what_it_cannot_take_is_one_error(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        minimize(rosenbrock, START, **{"jac": True, "method": LBFGS(), **given})


def test_constraints_may_be_empty() -> None:
    assert run(constraints=[], bounds=None).success


def test_a_gradient_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        run(lambda x: (rosen(x), np.ones(1)))
