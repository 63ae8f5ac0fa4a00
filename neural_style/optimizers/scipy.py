"""Drivers that use `scipy.optimize.minimize`, for `LBFGS` and for SciPy's L-BFGS-B."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import minimize

from neural_style.errors import OptionError
from neural_style.images import Image
from neural_style.optimizers.base import Accept, Evaluate, State
from neural_style.optimizers.lbfgs import LBFGS, NOWHERE, Memory, check_history
from neural_style.optimizers.line_search import Point

PAIRS = 10  # correction pairs of L-BFGS-B, which are SciPy's default
# What ends a run is the budget, or that no lower loss is found.
_NO_LIMITS = {"maxfun": np.inf, "maxiter": np.iinfo(np.int32).max, "ftol": 0.0, "gtol": 0.0}


class LBFGSDriver:
    """`LBFGS` in float32; its history is kept between rounds."""

    resumes_there = False
    keeps_state = True

    def __init__(self, method: LBFGS) -> None:
        self._method = method
        self._memory = Memory(check_history(method.history))
        self._restored = False

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        """Evaluate and accept the first iterate, and let SciPy continue from it."""
        gradient = image

        def value(x: Any) -> float:
            nonlocal gradient
            loss, gradient = evaluate(x.reshape(image.shape))
            return float(loss)

        if not self._restored:
            x = image.ravel().astype(np.float32)
            loss = value(x)
            self._memory.here = Point(x, loss, gradient.ravel())
            if not math.isfinite(loss):
                return NOWHERE
            accept()
        self._restored = False
        # With jac=True SciPy would not evaluate the same point twice, which a budget counts.
        done = minimize(
            value,
            self._memory.here.x,
            jac=lambda _: gradient,
            method=self._method,
            callback=lambda _: accept(),
            options={**_NO_LIMITS, "memory": self._memory},
        )
        return str(done.message)

    def state(self) -> State:
        """The state of its `Memory`."""
        return self._memory.state()

    def restore(self, state: State, shape: tuple[int, ...]) -> None:
        """Restore the iterate and the pairs."""
        self._memory.restore(state, math.prod(shape))
        self._restored = True


class LBFGSBDriver:
    """SciPy's L-BFGS-B without bounds, with 10 pairs, restarted in every round: the reference.

    The tolerances are zero: it stops when it finds no lower loss along a line. If a loss is not
    finite, SciPy gets a value just above all earlier ones and a gradient of zero. This shortens
    its step, and the point never becomes an iterate.
    Source: Zhu, Byrd, Lu & Nocedal 1997, as in `scipy.optimize.minimize`.
    """

    resumes_there = False
    keeps_state = False

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        """Let SciPy move the picture, in float64."""
        _check_workspace(image.size)
        started, highest = False, -math.inf

        def value_and_gradient(x: Any) -> tuple[float, Any]:
            nonlocal started, highest
            with np.errstate(over="ignore"):
                variables = x.reshape(image.shape).astype(np.float32)
            loss, gradient = evaluate(variables)
            if not math.isfinite(loss):
                loss = float(np.nextafter(highest, math.inf))
            elif not started:
                started = True
                accept()
            highest = max(highest, loss)
            return loss, gradient.ravel().astype(np.float64)

        done = minimize(
            value_and_gradient,
            image.ravel().astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=lambda _: accept(),
            options={**_NO_LIMITS, "maxcor": PAIRS},
        )
        return f"L-BFGS found no lower loss ({done.message})" if started else NOWHERE

    def state(self) -> State:
        """Raise an `OptionError`: SciPy does not give its state."""
        raise OptionError("SciPy's L-BFGS-B keeps its state to itself: use neural_style.LBFGS().")

    def restore(self, state: State, shape: tuple[int, ...]) -> None:
        """Raise an `OptionError`: SciPy does not take a state."""
        self.state()


def _check_workspace(n: int) -> None:
    """Raise an `OptionError` where SciPy would crash: it counts an array's elements in 32 bits."""
    m = PAIRS
    elements = 2 * m * n + 5 * n + 11 * m * m + 8 * m
    if elements >= 2**31:
        raise OptionError(
            f"optimizer: SciPy's L-BFGS-B cannot count the {elements:,} elements of "
            f"{m} correction pairs of {n:,} variables, expected fewer than 2³¹: use "
            f"neural_style.LBFGS({m}), or a smaller picture."
        )
