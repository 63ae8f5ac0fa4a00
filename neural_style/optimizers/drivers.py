"""What moves the picture within a round.

An optimizer makes a driver for one run; a driver is called once a round:

    driver = optimizer.driver()
    reason = driver(evaluate, accept, image)

``evaluate(image) -> (loss, gradient)`` may raise `RoundOver`, which passes through the
driver; where the loss or the gradient is not finite, it returns infinity and zeros, and the
driver shortens its step. ``accept()`` says that the picture evaluated last, of a finite loss, is
an iterate. A driver that stops by itself returns why. `RoundOver` carries the picture that was
not evaluated any more; a driver with ``resumes_there`` goes on from it, any other from the
round's best.

What a driver knows is a value, to be had within ``accept()``:

    state = driver.state()          # numbers and arrays by name, which it shares with no one
    other.restore(state, shape)     # the shape of the image; a ValueError for what is no state
    other(evaluate, accept, image)  # goes on after that iterate, to the same bits

A driver without ``keeps_state`` has none to give, and nothing to lose between two rounds.

The first call after `restore` neither evaluates nor accepts that iterate again, and of
``image`` it takes the shape alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from neural_style.errors import OptionError, again, described
from neural_style.images import Image
from neural_style.optimizers.lbfgs import LBFGS, NOWHERE, check_history
from neural_style.optimizers.line_search import same
from neural_style.utils.backend import keras
from neural_style.utils.files import check_arrays

Evaluate: TypeAlias = Callable[[Image], tuple[float, Image]]
Accept: TypeAlias = Callable[[], None]
State: TypeAlias = dict[str, Any]


_NO_STEP = "no step of the optimizer has a finite loss"


class RoundOver(Exception):
    """The evaluations of a round are used up; ``x`` was to be the next."""

    def __init__(self, x: Image) -> None:
        super().__init__("the round is over")
        self.x = x


class Driver(Protocol):
    """An optimizer at work on one run."""

    resumes_there: bool
    keeps_state: bool

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        """Move from ``image`` until `RoundOver` passes through; or return why not."""
        ...

    def state(self) -> State:
        """All that it knows at the last accepted iterate."""
        ...

    def restore(self, state: State, shape: tuple[int, ...]) -> None:
        """Go on, in the next call, from what `state` returned for images of a shape."""
        ...


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


class _KerasDriver:
    """A Keras optimizer: one step an evaluation; its state goes on across rounds.

    A step to where the loss is not finite is halved until it is, which the optimizer, with whatever
    momentum it has, is not told of.
    """

    resumes_there = True
    keeps_state = True

    def __init__(self, optimizer: keras.optimizers.Optimizer, clip_steps: bool) -> None:
        # An optimizer is built for one variable, so that each run has a copy of its own.
        self._optimizer = type(optimizer).from_config(optimizer.get_config())
        self._variable: keras.Variable | None = None
        self._before: Image | None = None  # the picture that the last step was taken from
        self._clip_steps = clip_steps
        self._restored = False

    def __call__(self, evaluate: Evaluate, accept: Accept, image: Image) -> str:
        if self._variable is None:
            self._variable = keras.Variable(image, dtype="float32")
        if not self._restored:
            self._variable.assign(image)
        self._restored = False
        while True:
            picture = self._variable.numpy()
            loss, gradient = evaluate(picture)
            if not math.isfinite(loss):
                if self._before is None:
                    return _NO_STEP
                shorter = self._before / 2 + picture / 2
                if not np.isfinite(shorter).all() or same(shorter, self._before):
                    return _NO_STEP
                self._variable.assign(shorter)
                continue
            self._before = picture
            self._optimizer.apply([keras.ops.convert_to_tensor(gradient)], [self._variable])
            if self._clip_steps:
                self._variable.assign(keras.ops.clip(self._variable, 0, 255))
            accept()

    def state(self) -> State:
        """The pictures before and after its step, and the optimizer's variables, numbered."""
        assert self._variable is not None
        assert self._before is not None
        variables = [self._variable, *self._optimizer.variables]
        numbered = {f"variable_{i}": np.array(each) for i, each in enumerate(variables)}
        return {"before": self._before.copy(), **numbered}

    def restore(self, state: State, shape: tuple[int, ...]) -> None:
        """Assign the pictures and the optimizer's variables."""
        self._variable = keras.Variable(np.zeros(shape), dtype="float32")
        self._optimizer.build([self._variable])
        both = enumerate([self._variable, *self._optimizer.variables])
        variables = {f"variable_{i}": variable for i, variable in both}
        forms = {name: (tuple(each.shape), each.dtype) for name, each in variables.items()}
        state = dict(state)
        before = {"before": state.pop("before", np.nan)}
        check_arrays(before, {"before": (shape, "float32")})
        # A step may lead to what is not finite.
        check_arrays(state, forms, finite=False)
        self._before = before["before"].copy()
        for name, variable in variables.items():
            variable.assign(state[name])
        self._restored = True


def driver(optimizer: Any, *, clip_steps: bool = False) -> Driver:
    """A driver for `LBFGS`, `SciPyLBFGS` or a `keras.optimizers.Optimizer`.

    With ``clip_steps``, pixels are clipped to 0–255 after every step.

    Raises
    ------
    OptionError
        It is neither, or steps are to be clipped that L-BFGS cannot know of.
    """
    if isinstance(optimizer, LBFGS | SciPyLBFGS):
        if clip_steps:
            raise OptionError(
                "clip='step' is for a Keras optimizer: within a round L-BFGS needs a smooth "
                "function. Use clip='round', with restart_every for shorter rounds."
            )
        return optimizer.driver()
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return _KerasDriver(optimizer, clip_steps)
    unmade = f"; make one, {optimizer.__name__}(…)" if isinstance(optimizer, type) else ""
    raise OptionError(
        f"optimizer: expected neural_style.LBFGS(), neural_style.SciPyLBFGS() or a "
        f"keras.optimizers.Optimizer, such as Adam(0.1), got {described(optimizer)}{unmade}."
    )


def config_of(optimizer: Any) -> dict[str, Any]:
    """Its class and options as JSON has them; None in place of options that are not known.

    Those of a class that is not Keras' own or this library's are not.
    """
    name = type(optimizer).__name__
    if isinstance(optimizer, LBFGS | SciPyLBFGS):
        return {"class_name": name, "config": {"history": int(optimizer.history)}}
    if type(optimizer) is not getattr(keras.optimizers, name, None):
        return {"class_name": type(optimizer).__qualname__, "config": None}
    try:
        options = json.loads(json.dumps(optimizer.get_config()))
    except (TypeError, ValueError, NotImplementedError):  # a schedule of the user's own
        options = None
    return {"class_name": name, "config": options}


def from_config(config: Mapping[str, Any]) -> Any:
    """The optimizer again, from `config_of`; nothing is imported by its path.

    Raises
    ------
    OptionError
        It is not one of the library's or Keras' own, or they do not take its options.
    """
    name, options = config["class_name"], config["config"]
    if options is None:
        raise OptionError(f"the optimizer {name} is one of your own: {again('optimizer')}")
    try:
        if name in ("LBFGS", "SciPyLBFGS"):
            return (LBFGS if name == "LBFGS" else SciPyLBFGS)(**options)
        kind = _class(keras.optimizers, name, keras.optimizers.Optimizer)
        schedule = options.get("learning_rate")
        if isinstance(schedule, Mapping):
            schedules = keras.optimizers.schedules
            own = _class(schedules, schedule["class_name"], schedules.LearningRateSchedule)
            options = {**options, "learning_rate": own(**schedule["config"])}
        if any(isinstance(value, Mapping) for value in options.values()):
            raise TypeError("an option is an object of its own")
        # Most options are looked at in a step alone.
        kind.from_config(options).apply(
            [keras.ops.zeros((2, 2, 3))], [keras.Variable(np.zeros((2, 2, 3)))]
        )
        return kind.from_config(options)
    except Exception as error:  # Keras and TensorFlow raise what they like for an option
        raise OptionError(
            f"the optimizer {name} cannot be made from its config ({error}): {again('optimizer')}"
        ) from error


def _class(module: Any, name: str, base: Any) -> Any:
    kind = getattr(module, name, None)
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise TypeError(f"{name} is no {base.__name__} of Keras")
    return kind
