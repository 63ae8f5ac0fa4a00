"""The driver of a caller's optimizer, and the optimizer's class and options as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from neural_style.errors import OptionError, again, described
from neural_style.optimizers.base import Driver
from neural_style.optimizers.keras import KerasDriver
from neural_style.optimizers.lbfgs import LBFGS
from neural_style.optimizers.scipy import LBFGSBDriver, LBFGSDriver
from neural_style.utils.backend import keras

_LBFGSB = "L-BFGS-B"


def driver(optimizer: Any, *, clip_steps: bool = False) -> Driver:
    """A driver for `LBFGS`, ``"L-BFGS-B"`` or a `keras.optimizers.Optimizer`.

    With ``clip_steps``, pixels are clipped to 0–255 after every step.

    Raises
    ------
    OptionError
        The optimizer has another type, or ``clip_steps`` is set for L-BFGS.
    """
    if isinstance(optimizer, LBFGS) or _is_lbfgsb(optimizer):
        if clip_steps:
            raise OptionError(
                "clip='step' is for a Keras optimizer: within a round L-BFGS needs a smooth "
                "function. Use clip='round', with restart_every for shorter rounds."
            )
        return LBFGSDriver(optimizer) if isinstance(optimizer, LBFGS) else LBFGSBDriver()
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return KerasDriver(optimizer, clip_steps)
    unmade = f"; make one, {optimizer.__name__}(…)" if isinstance(optimizer, type) else ""
    raise OptionError(
        f"optimizer: expected neural_style.LBFGS(), 'L-BFGS-B' for SciPy's own, or a "
        f"keras.optimizers.Optimizer, such as Adam(0.1), got {described(optimizer)}{unmade}."
    )


def config_of(optimizer: Any) -> dict[str, Any]:
    """The optimizer's class and options as JSON.

    The options are None for a class that is not from Keras or this library, or if JSON cannot
    express them.
    """
    if _is_lbfgsb(optimizer):
        return {"class_name": _LBFGSB, "config": {}}
    name = type(optimizer).__name__
    if isinstance(optimizer, LBFGS):
        return {"class_name": name, "config": {"history": int(optimizer.history)}}
    if type(optimizer) is not getattr(keras.optimizers, name, None):
        return {"class_name": type(optimizer).__qualname__, "config": None}
    try:
        options = json.loads(json.dumps(optimizer.get_config()))
    except (TypeError, ValueError, NotImplementedError):  # a schedule of the user's own
        options = None
    return {"class_name": name, "config": options}


def from_config(config: Mapping[str, Any]) -> Any:
    """Make an optimizer from its `config_of`; nothing is imported by its path.

    Raises
    ------
    OptionError
        The optimizer is not from this library or Keras, or its options are invalid.
    """
    name, options = config["class_name"], config["config"]
    if options is None:
        raise OptionError(f"the optimizer {name} is one of your own: {again('optimizer')}")
    try:
        if name == _LBFGSB and not options:
            return name
        if name == "LBFGS":
            return LBFGS(**options)
        kind = _class(keras.optimizers, name, keras.optimizers.Optimizer)
        schedule = options.get("learning_rate")
        if isinstance(schedule, Mapping):
            schedules = keras.optimizers.schedules
            own = _class(schedules, schedule["class_name"], schedules.LearningRateSchedule)
            options = {**options, "learning_rate": own(**schedule["config"])}
        if any(isinstance(value, Mapping) for value in options.values()):
            raise TypeError("the value of an option is an object")
        # Most options are looked at in a step alone.
        kind.from_config(options).apply(
            [keras.ops.zeros((2, 2, 3))], [keras.Variable(np.zeros((2, 2, 3)))]
        )
        return kind.from_config(options)
    except Exception as error:  # Keras and TensorFlow raise what they like for an option
        raise OptionError(
            f"the optimizer {name} cannot be made from its config ({error}): {again('optimizer')}"
        ) from error


def _is_lbfgsb(optimizer: Any) -> bool:
    return isinstance(optimizer, str) and optimizer == _LBFGSB


def _class(module: Any, name: str, base: Any) -> Any:
    kind = getattr(module, name, None)
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise TypeError(f"{name} is not a {base.__name__} of Keras")
    return kind
