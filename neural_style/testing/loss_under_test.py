"""A loss under test: how to make it, and how to run it on features.

    subject = Subject(Gram)                      # a class, a function of references, or a name
    subject.make(size)                           # -> the loss, with patterns of that size
    subject.activations(seed)                    # -> features where derivatives exist
    target_of(loss, current, reference)          # -> its target, NumPy, as an objective measures it
    value_and_gradient(loss, current, target)    # -> its value, and the gradient of the features

``current`` and ``reference`` are features, ``{layer: (1, h, w, channels)}``, in float32 or
float64; the value has the same type. `neural_style.testing` has the checks.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import LossError
from neural_style.features.model import FeatureModel
from neural_style.images import Image, Size
from neural_style.losses import calls, registry
from neural_style.losses.base import Loss
from neural_style.losses.types import Tensor
from neural_style.utils.backend import keras, tf

Factory: TypeAlias = str | Callable[..., Any]
Activations: TypeAlias = dict[str, NDArray[Any]]
Tensors: TypeAlias = dict[str, Tensor]
Seed: TypeAlias = int | tuple[int, ...]

SIZE = (48, 56)
_CHANNELS = {1: 4, 2: 5, 3: 6, 4: 7, 5: 8}  # all different, to detect losses that confuse layers
_CONVOLUTIONS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4}


class Subject:
    """A factory of losses, and the feature model for them."""

    def __init__(self, factory: Factory, features: FeatureModel | None = None) -> None:
        self._factory = registry.factory(factory) if isinstance(factory, str) else factory
        self._features = features
        self.loss = self.make()
        self.name = factory if isinstance(factory, str) else self.loss.name

    @property
    def features(self) -> FeatureModel:
        """The given feature model, or `small_network`."""
        return self._features or small_network()

    def make(self, size: Size = SIZE) -> Loss:
        """The loss, with patterns of a size as references: as many as the factory needs."""
        patterns = [pattern(size, 7.0 + i) for i in range(_references(self._factory))]
        loss = self._factory(*patterns)
        if not isinstance(loss, Loss):
            raise LossError(
                f"{self._factory!r}: expected a factory that returns a neural_style.Loss, "
                f"got a {type(loss).__name__}."
            )
        return loss

    def activations(self, seed: int, dtype: type = np.float32, size: Size = SIZE) -> Activations:
        """Random positive features of the loss's layers, without ties or zeros."""
        rng = np.random.default_rng(seed)
        shapes = self.features.shapes(self.loss.layers, size)
        return {n: rng.uniform(0.5, 3, (1, *shape)).astype(dtype) for n, shape in shapes.items()}


@functools.cache
def small_network() -> FeatureModel:
    """A network with all of VGG19's layers and strides, but few channels and small fields.

    Only the first convolution of a block is 3×3, so small pictures have several tiles.
    """
    inputs = x = keras.Input((None, None, 3))
    for block, convolutions in _CONVOLUTIONS.items():
        for number in range(1, convolutions + 1):
            x = keras.layers.Conv2D(
                _CHANNELS[block],
                3 if number == 1 else 1,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=10 * block + number),
                bias_initializer=keras.initializers.Constant(0.1),
                name=f"block{block}_conv{number}",
            )(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return FeatureModel(keras.Model(inputs, x, name="small"), preprocess=lambda x: x / 127.5 - 1)


def pattern(size: Size, period: float = 7.0) -> Image:
    """A picture unlike noise, so its difference from noise is more than rounding."""
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [np.sin((a * x + b * y) / period) for a, b in ((1, 0.2), (0.3, 1), (1, 1))]
    return (127.5 + 120 * np.stack(waves, -1)).astype(np.float32)


def target_of(loss: Loss, current: Activations, reference: Activations, seed: Seed = 0) -> Any:
    """The target that an objective measures if all references have the same features."""
    return _arrays(live_target(loss, tensors(current), reference, seed))


def live_target(loss: Loss, current: Tensors, reference: Activations, seed: Seed = 0) -> Any:
    """The result of ``loss.target`` for a picture's features, which a tape may watch."""
    measured = [_arrays(calls.statistics(loss, tensors(reference))) for _ in loss.references]
    own = None if loss.refresh_every is None else _arrays(calls.statistics(loss, current))
    return calls.target(loss, measured, own, np.random.default_rng(seed))


def value_and_gradient(
    loss: Loss, current: Activations, target: Any
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The value and the gradient of a loss; None for a layer that the value does not depend on."""
    dtype = next(iter(current.values())).dtype
    x, fixed = tensors(current), tensors(target, dtype)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = calls.value(loss, calls.statistics(loss, x), fixed)
    return value, tape.gradient(value, x)


def value_of(loss: Loss, current: Activations, reference: Activations) -> float:
    """The value of a loss for the features of a picture and of a reference."""
    return float(value_and_gradient(loss, current, target_of(loss, current, reference))[0])


def tensors(nest: Any, dtype: Any = None) -> Any:
    """A nest of arrays as tensors; with a ``dtype``, floating-point arrays are cast to it."""

    def tensor(x: Any) -> Any:
        array = np.asarray(x)
        floating = array.dtype.kind == "f" and dtype is not None
        return None if x is None else tf.constant(array.astype(dtype) if floating else array)

    return tf.nest.map_structure(tensor, nest)


def largest_array(loss: Loss, side: int, channels: Mapping[str, int]) -> int:
    """The bytes of the largest array in the unoptimized graph of value and gradient.

    Every layer has side × side positions. The body of a loop counts once, for one chunk; arrays
    that a loop keeps for its gradient count in full.
    """
    shapes = {name: (1, side, side, channels[name]) for name in loss.layers}
    current, reference = (
        {name: rng.uniform(0.5, 3, shape).astype(np.float32) for name, shape in shapes.items()}
        for rng in map(np.random.default_rng, (0, 1))
    )

    def run(x: Any, target: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            value = calls.value(loss, calls.statistics(loss, x), target)
        return tape.gradient(value, x)

    target = tensors(target_of(loss, current, reference), np.float32)
    compiled = tf.function(run, autograph=False, jit_compile=True)
    graph = compiled.experimental_get_compiler_ir(tensors(current), target)(stage="hlo")
    arrays = re.findall(r" = [a-z]+(\d*)\[([\d,]+)\]", graph)
    return (
        max(int(bits or 8) * math.prod(map(int, shape.split(","))) for bits, shape in arrays) // 8
    )


def _references(factory: Callable[..., Any]) -> int:
    """How many references a factory requires, or one if it takes any number."""
    parameters = inspect.signature(factory).parameters.values()
    kinds = inspect.Parameter
    needed = [
        p
        for p in parameters
        if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    any_number = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
    return len(needed) or int(any_number)


def _arrays(nest: Any) -> Any:
    return tf.nest.map_structure(lambda x: None if x is None else np.asarray(x), nest)
