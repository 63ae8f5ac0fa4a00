"""SciPy's L-BFGS-B, as a driver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from neural_style.errors import OptionError
from neural_style.images import Image
from neural_style.optimizers.base import Accept, Driver, Evaluate, State
from neural_style.optimizers.lbfgs import NOWHERE, check_history


@dataclass(frozen=True)
class SciPyLBFGS:
    """SciPy's L-BFGS-B without bounds, begun anew in every round: the reference.

    ``history`` is the number of correction pairs that it keeps (SciPy's ``maxcor``), each two
    pictures in float64. The tolerances are zero: it stops when no lower loss is found along
    a line. Where a loss is not finite, SciPy is told one just above all before and a gradient of
    zero, which shortens its step, and which it never takes for an iterate.
    Source: Zhu, Byrd, Lu & Nocedal 1997, as `scipy.optimize.minimize` has it.
    """

    history: int = 20

    def driver(self) -> Driver:
        """A driver without state."""
        return _SciPyDriver(check_history(self.history))


@dataclass(frozen=True)
class _SciPyDriver:
    history: int
    resumes_there = False
    keeps_state = False

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        self._check_workspace(image.size)
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

        done = scipy_minimize(
            value_and_gradient,
            image.ravel().astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=lambda _: accept(),
            options={
                "maxcor": self.history,
                "maxfun": np.inf,
                "maxiter": np.iinfo(np.int32).max,
                "ftol": 0.0,
                "gtol": 0.0,
            },
        )
        if not started:
            return NOWHERE
        return f"L-BFGS found no lower loss ({done.message})"

    def _check_workspace(self, n: int) -> None:
        """SciPy counts the elements of one array of all pairs in 32 bits, and crashes beyond."""
        m = self.history
        elements = 2 * m * n + 5 * n + 11 * m * m + 8 * m
        if elements >= 2**31:
            raise OptionError(
                f"optimizer: SciPy's L-BFGS-B cannot count the {elements:,} elements that "
                f"{m} correction pairs of {n:,} variables take, expected fewer than 2³¹: use "
                f"neural_style.LBFGS({m}), or a lower history or a smaller picture."
            )

    def state(self) -> State:
        raise OptionError("SciPy's L-BFGS-B keeps its state to itself: use neural_style.LBFGS().")

    def restore(self, state: State, shape: tuple[int, ...]) -> None:
        self.state()
