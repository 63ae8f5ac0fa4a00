"""The driver of Keras' optimizers."""

from __future__ import annotations

import math

import numpy as np

from neural_style.images import Image
from neural_style.optimizers.base import Accept, Evaluate, State
from neural_style.optimizers.line_search import same
from neural_style.utils.backend import keras
from neural_style.utils.files import check_arrays

_NO_STEP = "no step of the optimizer has a finite loss"


class KerasDriver:
    """A Keras optimizer: one step per evaluation; its state is kept between rounds.

    If the loss is not finite after a step, the step is halved until it is. The optimizer and its
    momentum do not know of this.
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
        """Take one step after each evaluation."""
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
        """The pictures before and after the last step, and the optimizer's variables, numbered."""
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
