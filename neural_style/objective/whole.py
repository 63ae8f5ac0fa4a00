"""What an objective compiles for pictures that are evaluated whole.

    whole = Whole(losses, features)
    whole.measure(image, which, guides)       # -> the statistics of the losses ``which``, NumPy
    whole.prepared(i, target)                 # -> what ``evaluate`` takes as the target of loss i
    whole.evaluate(image, weights, targets, guides)   # -> Σ weight · value, the values, gradient

Images and gradients are arrays H×W×3; ``guides`` are, for each loss, the weights that its mask
gives to positions, ``{layer: (1, h, w, 1)}``, or None. `neural_style.objective.tiled` has the
same for pictures that are cut into tiles.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections import UserDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import LossError, StyleError
from neural_style.features.model import FeatureModel, Features
from neural_style.images import Image, Size
from neural_style.losses import distance as distances
from neural_style.losses.base import Loss, Tensor
from neural_style.utils import machine
from neural_style.utils.backend import tf
from neural_style.utils.programs import Traced

Values: TypeAlias = tuple[float, list[float], NDArray[np.float32]]
Guides: TypeAlias = Sequence[Features | None]

_ROW = 2**20  # elements of what is reserved


class IndependentLossError(LossError):
    """The loss does not depend on the picture."""

    def __init__(self) -> None:
        super().__init__(
            "the loss does not depend on the picture: no term's distance uses its statistic."
        )


class Whole:
    """The functions of a list of losses on a feature model."""

    def __init__(self, losses: Sequence[Loss], features: FeatureModel) -> None:
        self.features = features
        self._losses = losses
        self._measures: dict[Any, Traced] = {}
        programs = features.compiled
        self.function = Traced(self._value_and_gradient, programs, jit_compile=True)

    @property
    def trace_count(self) -> int:
        """How often the evaluation has been traced."""
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
            list(targets),
            tensors(list(guides)),
        )
        return float(loss), values.numpy().tolist(), gradient.numpy()[0]

    def _statistics(self, image: Tensor, guides: Guides, which: tuple[int, ...]) -> list[Any]:
        losses = [self._losses[i] for i in which]
        features = self.features(image, union(losses))
        return [
            statistic(loss, features, guide) for loss, guide in zip(losses, guides, strict=True)
        ]

    def _value_and_gradient(
        self, image: Tensor, weights: Tensor, targets: list[Any], guides: Guides
    ) -> tuple[Tensor, Tensor, Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = self.features(image, union(self._losses), compiled=True)
            values = [
                _value(loss, features, target, guide)
                for loss, target, guide in zip(self._losses, targets, guides, strict=True)
            ]
            loss = tf.tensordot(weights, tf.stack(values), 1)
        gradient = tape.gradient(loss, image)
        if gradient is None:
            raise IndependentLossError
        return loss, tf.stack(values), gradient


def reserve(features: FeatureModel, layers: Sequence[str], size: Size) -> None:
    """Have TensorFlow hold memory that all programs for a picture of ``size`` fit in together.

    With oneDNN its allocator keeps what it has: what smaller programs took before, a larger
    one could not use. What is reserved and never used is not resident.
    """
    elements = 2 * sum(math.prod(shape) for _, shape in features.operations(layers, size))
    free = machine.available_memory()
    if free is not None:  # for what there is not, TensorFlow waits ten seconds
        elements = min(elements, free // tf.float32.size)
    # In rows, since a dimension is given in 32 bits.
    shape = [math.ceil(elements / _ROW), _ROW]
    # Where there is not so much, the programs may still fit.
    with contextlib.suppress(tf.errors.ResourceExhaustedError), tf.device("CPU"):
        tf.raw_ops.Empty(shape=shape, dtype=tf.float32, init=False)


def union(losses: Iterable[Loss]) -> tuple[str, ...]:
    """The layers of all losses, each once."""
    return tuple(dict.fromkeys(layer for loss in losses for layer in loss.layers))


class _Guides(UserDict[str, Tensor]):
    """Guides that know whether they were read."""

    read = False

    def __getitem__(self, layer: str) -> Tensor:
        self.read = True
        return super().__getitem__(layer)


@contextlib.contextmanager
def _named(loss: Loss) -> Iterator[None]:
    """Have an error that is a loss's own say which loss it is of."""
    try:
        yield
    except StyleError:  # which does
        raise
    except Exception as error:
        error.add_note(f"In the loss {loss.name!r}.")
        raise


def statistic(loss: Loss, features: Features, guides: Features | None) -> Any:
    """The loss's statistic; a `LossError` if it ignores the guides that it is given."""
    features = {layer: features[layer] for layer in loss.layers}
    own: Any = guides and _Guides({layer: guides[layer] for layer in loss.layers})
    with _named(loss):
        found = loss.statistic(features, own)
    if own is not None and not own.read:
        raise LossError(
            f"{loss.name}: its statistic ignores the guides, without which it cannot be tiled or "
            f"have a mask: weigh positions by them (neural_style.losses.weighted_mean), or set "
            f"tiling = None."
        )
    return found


def distance(loss: Loss, current: Any, target: Any) -> Tensor:
    """The loss's distance, a float32 scalar; a `LossError` if it is none."""
    with _named(loss):
        value = tf.convert_to_tensor(
            loss.distance(current, target)
            if loss.other_distance is None
            else distances.between(loss, loss.other_distance, current, target)
        )
    if value.shape.rank != 0 or not value.dtype.is_floating:
        raise LossError(
            f"{loss.name}: distance returned {value.dtype.name} of shape {tuple(value.shape)}, "
            f"expected one floating-point number."
        )
    return tf.cast(value, tf.float32)


def tensors(nest: Any) -> Any:
    """A nest of arrays as tensors, what is floating as float32."""
    return tf.nest.map_structure(_as_tensor, nest)


def arrays(nest: Any) -> Any:
    """A nest of tensors as arrays."""
    return tf.nest.map_structure(lambda x: x.numpy(), nest)


def _value(loss: Loss, features: Features, target: Any, guides: Features | None) -> Tensor:
    return distance(loss, statistic(loss, features, guides), target)


def _as_tensor(value: Any) -> Any:
    if value is None:
        return None
    array = np.asarray(value)
    return tf.constant(array, tf.float32 if array.dtype.kind == "f" else array.dtype)
