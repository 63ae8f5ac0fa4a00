"""What moves the picture within a round.

An optimiser makes a driver for one run; a driver is called once a round:

    driver = optimiser.driver()
    reason = driver(evaluate, accept, image)

``evaluate(image) -> (loss, gradient)`` may raise `RoundOver`, which passes through the
driver; ``accept()`` says that the picture evaluated last is an iterate. A driver that
stops by itself returns why. `RoundOver` carries the picture that was not evaluated any
more; a driver with ``resumes_there`` goes on from it, any other from the round's best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from neural_style.backend import keras
from neural_style.errors import OptionError, check_count
from neural_style.images import Image

Evaluate: TypeAlias = Callable[[Image], tuple[float, Image]]
Accept: TypeAlias = Callable[[], None]


class RoundOver(Exception):
    """The evaluations of a round are used up; ``image`` was to be the next."""

    def __init__(self, image: Image) -> None:
        super().__init__("the round is over")
        self.image = image


class Driver(Protocol):
    """An optimiser at work on one run."""

    resumes_there: bool

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        """Move from ``image`` until `RoundOver` passes through; or return why not."""
        ...


@dataclass(frozen=True)
class LBFGS:
    """SciPy's L-BFGS-B without bounds, begun anew in every round.

    ``history`` is the number of correction pairs that it keeps (SciPy's ``maxcor``, there
    10). With 20, Gatys' objective at 128 pixels was 7 % lower after 100 to 200 evaluations;
    each pair holds two pictures in float64. The tolerances are zero: it stops when no lower
    loss is found along a line. Source: Zhu, Byrd, Lu & Nocedal 1997, as
    `scipy.optimize.minimize` has it.
    """

    history: int = 20

    def driver(self) -> Driver:
        """A driver without state."""
        return _SciPyDriver(check_count("history", self.history))


@dataclass(frozen=True)
class _SciPyDriver:
    history: int
    resumes_there = False

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        started = False

        def value_and_gradient(x: Any) -> tuple[float, Any]:
            nonlocal started
            loss, gradient = evaluate(x.reshape(image.shape).astype(np.float32))
            if not started:
                started = True
                accept()
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
        return f"L-BFGS found no lower loss ({done.message})"


class _KerasDriver:
    """A Keras optimizer: one step an evaluation; its state goes on across rounds."""

    resumes_there = True

    def __init__(self, optimizer: keras.optimizers.Optimizer, clip_steps: bool) -> None:
        # An optimizer is built for one variable, so that each run has a copy of its own.
        self._optimizer = type(optimizer).from_config(optimizer.get_config())
        self._variable: keras.Variable | None = None
        self._clip_steps = clip_steps

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        if self._variable is None:
            self._variable = keras.Variable(image, dtype="float32")
        self._variable.assign(image)
        while True:
            _, gradient = evaluate(self._variable.numpy())
            accept()
            self._optimizer.apply([keras.ops.convert_to_tensor(gradient)], [self._variable])
            if self._clip_steps:
                self._variable.assign(keras.ops.clip(self._variable, 0, 255))


def driver(optimiser: Any, *, clip_steps: bool = False) -> Driver:
    """A driver for `LBFGS` or a `keras.optimizers.Optimizer`.

    With ``clip_steps``, pixels are clipped to 0–255 after every step.

    Raises
    ------
    OptionError
        It is neither, or steps are to be clipped that L-BFGS cannot know of.
    """
    if isinstance(optimiser, LBFGS):
        if clip_steps:
            raise OptionError(
                "clip='step' is for a Keras optimizer: within a round L-BFGS needs a smooth "
                "function. Use clip='round', with restart_every for shorter rounds."
            )
        return optimiser.driver()
    if isinstance(optimiser, keras.optimizers.Optimizer):
        return _KerasDriver(optimiser, clip_steps)
    raise OptionError(
        f"optimiser: expected neural_style.LBFGS() or a keras.optimizers.Optimizer, such as "
        f"Adam(0.1), got {optimiser!r}."
    )
