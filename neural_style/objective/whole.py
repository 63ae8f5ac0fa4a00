"""The compiled functions of an objective for whole pictures.

    whole = WholeImageEvaluator(losses, features)
    whole.measure(image, which, guides)       # -> the statistics of the losses ``which``, NumPy
    whole.prepared(i, target)                 # -> the target of loss i, for ``evaluate``
    whole.evaluate(image, weights, targets, guides)   # -> Σ weight · value, the values, gradient

Images and gradients are arrays H×W×3. ``guides`` has for each loss the mask's weights of
positions, ``{layer: (1, h, w, 1)}``, or None. `neural_style.objective.tiled` has the same
interface for pictures cut into tiles.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import LossError
from neural_style.features.model import FeatureModel
from neural_style.images import Image, Size
from neural_style.kernels.padding import extended
from neural_style.losses import calls
from neural_style.losses.base import Loss
from neural_style.losses.mean import Key
from neural_style.losses.types import Features, Tensor
from neural_style.objective import probe
from neural_style.utils import machine
from neural_style.utils.backend import tf
from neural_style.utils.programs import Traced

Values: TypeAlias = tuple[float, list[float], NDArray[np.float32]]
Guides: TypeAlias = Sequence[Features | None]

_ROW = 2**20  # elements in a row of reserved memory


class IndependentLossError(LossError):
    """The loss does not depend on the picture."""

    def __init__(self) -> None:
        super().__init__("the loss does not depend on the picture: no distance uses its statistic.")


class WholeImageEvaluator:
    """The compiled functions of a list of losses on a feature model."""

    def __init__(
        self, losses: Sequence[Loss], features: FeatureModel, keys: Sequence[Sequence[Key]]
    ) -> None:
        self.features = features
        self._losses = losses
        # In a periodic picture, pairs of positions cross the border.
        wraps = features.padding == "periodic"
        self._keys = [own if wraps and any(any(k.offset) for k in own) else () for own in keys]
        self._measures: dict[Any, Traced] = {}
        programs = features.compiled
        self.function = Traced(self._value_and_gradient, programs, jit_compile=True)

    @property
    def trace_count(self) -> int:
        """How often the evaluation was traced."""
        return self.function.trace_count

    def measure(self, image: Image, which: tuple[int, ...], guides: Guides) -> list[Any]:
        """The statistics of one picture for the losses ``which``, as NumPy arrays."""
        if not which:
            return []
        key = which, image.shape
        if key not in self._measures:
            size = image.shape[0], image.shape[1]
            reserve(self.features, union(self._losses), size)
            chosen = functools.partial(self._statistics, which=which)
            self._measures[key] = Traced(
                chosen, self.features.compiled, jit_compile=self.features.is_compiled(size)
            )
        pixels = tf.constant(image[None], tf.float32)
        return list(arrays(self._measures[key](pixels, tensors(list(guides)))))

    def prepared(self, i: int, target: Any) -> Any:
        """The target of a loss as tensors."""
        return tensors(target)

    def evaluate(
        self, image: Image, weights: Sequence[float], targets: Sequence[Any], guides: Guides
    ) -> Values:
        """Σ weight · value, the values and the gradient at a picture."""
        loss, values, gradient = self.function(
            tf.constant(image[None], tf.float32),
            tf.constant(weights, tf.float32),
            [layer_weights(loss) for loss in self._losses],
            list(targets),
            tensors(list(guides)),
        )
        return float(loss), values.numpy().tolist(), gradient.numpy()[0]

    def _statistics(self, image: Tensor, guides: Guides, which: tuple[int, ...]) -> list[Any]:
        losses = [self._losses[i] for i in which]
        features = self.features(image, union(losses))
        return [self._statistic(i, features, guide) for i, guide in zip(which, guides, strict=True)]

    def _statistic(self, i: int, features: Features, guide: Features | None) -> Any:
        """The statistics of a loss, with pairs of positions across the border if there are any."""
        loss, keys = self._losses[i], self._keys[i]
        if not keys:
            return calls.statistics(loss, features, guide)
        weights = {
            layer: tf.ones_like(features[layer][..., :1]) if guide is None else guide[layer]
            for layer in loss.layers
        }
        totals = {key: tf.reduce_sum(weights[key.layer]) / key.step**2 for key in keys}
        features = dict(features)
        for layer, reach in probe.reach(loss.layers, [keys]).items():
            margins = (0, reach)
            features[layer] = extended(features[layer], margins, margins, "wrap")
            pads = [[0, 0], margins, margins, [0, 0]]
            weights[layer] = tf.pad(weights[layer], pads)
        return calls.statistics(loss, features, weights, totals)

    def _value_and_gradient(
        self,
        image: Tensor,
        weights: Tensor,
        layer_weights: list[Tensor],
        targets: list[Any],
        guides: Guides,
    ) -> tuple[Tensor, Tensor, Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = self.features(image, union(self._losses), compiled=True)
            values = [
                value(weighed(loss, own), self._statistic(i, features, guide), target, guide)
                for i, (loss, own, target, guide) in enumerate(
                    zip(self._losses, layer_weights, targets, guides, strict=True)
                )
            ]
            loss = tf.tensordot(weights, tf.stack(values), 1)
        gradient = tape.gradient(loss, image)
        if gradient is None:
            raise IndependentLossError
        return loss, tf.stack(values), gradient


def reserve(features: FeatureModel, layers: Sequence[str], size: Size) -> None:
    """Make TensorFlow reserve memory for all programs for a picture of ``size`` together.

    With oneDNN, TensorFlow's allocator does not return memory, and a larger program cannot use
    the memory of smaller ones. Reserved memory that is never used is not resident.
    """
    elements = 2 * sum(math.prod(shape) for _, shape in features.operations(layers, size))
    free = machine.available_memory()
    if free is not None:  # TensorFlow waits ten seconds for memory that is not there
        elements = min(elements, free // tf.float32.size)
    # In rows, since a dimension is given in 32 bits.
    shape = [math.ceil(elements / _ROW), _ROW]
    # Where there is not so much, the programs may still fit.
    with contextlib.suppress(tf.errors.ResourceExhaustedError), tf.device("CPU"):
        tf.raw_ops.Empty(shape=shape, dtype=tf.float32, init=False)


def union(losses: Iterable[Loss]) -> tuple[str, ...]:
    """All layers of the losses, each once."""
    return tuple(dict.fromkeys(layer for loss in losses for layer in loss.layers))


def layer_weights(loss: Loss) -> Tensor:
    """The weights of a loss's layers, as an input of a compiled function."""
    return tf.constant(list(loss.layer_weights.values()), tf.float32)


def weighed(loss: Loss, weights: Tensor) -> Loss:
    """A copy of a loss with its layer weights from a tensor."""
    copied = copy.copy(loss)
    copied.layers = dict(zip(loss.layer_weights, tf.unstack(weights), strict=True))
    return copied


def value(
    loss: Loss,
    current: Any,
    target: Any,
    weights: Features | None = None,
    totals: Mapping[Key, Tensor] | None = None,
) -> Tensor:
    """The value of a loss as a float32 scalar; a `LossError` if it is not a floating number."""
    found = calls.value(loss, current, target, weights, totals)
    if not tf.is_tensor(found):
        found = tf.convert_to_tensor(found)
    if not found.dtype.is_floating:
        raise LossError(
            f"{loss.name}: expected a floating-point number from distance, got {found.dtype.name}."
        )
    return tf.cast(found, tf.float32)


def tensors(nest: Any) -> Any:
    """A nest of arrays as tensors; floating-point arrays become float32."""
    return tf.nest.map_structure(_as_tensor, nest)


def arrays(nest: Any) -> Any:
    """A nest of tensors as arrays."""
    return tf.nest.map_structure(lambda x: x.numpy(), nest)


def _as_tensor(value: Any) -> Any:
    if value is None:
        return None
    array = np.asarray(value)
    return tf.constant(array, tf.float32 if array.dtype.kind == "f" else array.dtype)
