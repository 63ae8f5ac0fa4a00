"""The cost of an objective's losses at one size, without the network.

    Tracing(losses, features)((height, width)) -> LossNeeds

Statistics, distances and gradients are traced, not run, for features of small pictures
(`neural_style.objective.graphs`). Their cost is extrapolated to the requested size, as a + b ·
pixels, or for a loss with ``memory = "quadratic"`` as a + b · pixels + c · pixels².
`Loss.target` is called on random features of the small pictures, and the sizes of its result and
its allocations are extrapolated too. So a loss need not describe its cost, and this module names
no loss.
"""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from neural_style.features.model import FeatureModel
from neural_style.images import Size
from neural_style.losses import calls
from neural_style.losses.base import Loss
from neural_style.objective import graphs
from neural_style.objective.whole import arrays, tensors, union, value
from neural_style.utils.backend import tf

_SIDES = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)  # the shorter ones
_FIRST = {"linear": 4, "quadratic": 0}  # below, Gram matrices are larger than VGG19's features


class LossNeeds(NamedTuple):
    """The cost of losses at one size, without the network; in bytes, except the products."""

    memory: float  # between statistics and their gradients
    products: float
    traffic: float
    targets: float
    statistics: float  # of one picture
    matching: float  # what `Loss.target` allocates at most


class Tracing:
    """The cost of some losses at any size; each traced size is stored."""

    def __init__(self, losses: Sequence[Loss], features: FeatureModel) -> None:
        self._losses, self._features = losses, features
        self._known: dict[Size, LossNeeds] = {}

    def __call__(self, size: Size) -> LossNeeds:
        """Traced at ``size`` if it is small, and otherwise extrapolated from smaller sizes."""
        quadratic = any(loss.memory == "quadratic" for loss in self._losses)
        sides = _SIDES[_FIRST["quadratic" if quadratic else "linear"] :]
        if min(size) <= sides[0]:
            return self._traced(size)
        small = self._small_sizes(size, sides, 3 if quadratic else 2)
        pixels = np.array([math.prod(each) for each in small], np.float64)
        values = np.array([self._traced(each) for each in small])
        powers = np.arange(len(small))
        factors = np.linalg.solve(pixels[:, None] ** powers, values)
        return LossNeeds(*np.maximum(float(math.prod(size)) ** powers @ factors, 0))

    def _traced(self, size: Size) -> LossNeeds:
        if size not in self._known:
            self._known[size] = traced(self._losses, self._features, size)
        return self._known[size]

    def _small_sizes(self, size: Size, sides: Sequence[int], count: int) -> list[Size]:
        """The smallest sizes, in about the proportions of ``size``, that can be traced."""
        found: list[Size] = []
        for side in sides:
            height, width = (16 * max(1, round(side * n / min(size) / 16)) for n in size)
            try:
                self._traced((height, width))
            except Exception as error:  # what losses raise where a picture is too small for them
                found, last = [], error
                continue
            found.append((height, width))
            if len(found) == count:
                return found
        raise last


def traced(losses: Sequence[Loss], features: FeatureModel, size: Size) -> LossNeeds:
    """The cost of the losses at a small size, with targets from random features."""
    rng = np.random.default_rng(0)
    shapes = features.shapes(union(losses), size)
    picture, reference = (
        {layer: np.float32(rng.exponential(size=(1, *shape))) for layer, shape in shapes.items()}
        for _ in range(2)
    )
    targets, statistics, matching = [], 0, 0
    for loss in losses:
        current, other = (arrays(calls.statistics(loss, tensors(x))) for x in (picture, reference))
        statistics += sum(array.nbytes for array in tf.nest.flatten(other))
        references = [other] * len(loss.references)
        moving = loss.refresh_every is not None
        arguments = references, current if moving else None, rng
        targets.append(calls.target(loss, *arguments))
        with _allocated() as most:  # without what is imported at the first time
            calls.target(loss, *arguments)
        matching = max(matching, most())
    prepared = [tensors(target) for target in targets]

    def gradients(features: Any, targets: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(features)
            values = [
                value(loss, calls.statistics(loss, features), target)
                for loss, target in zip(losses, targets, strict=True)
            ]
            total = sum(values[1:], start=values[0])
        return tape.gradient(total, features, unconnected_gradients="zero")

    function = tf.function(gradients, autograph=False).get_concrete_function(
        tensors(picture), prepared
    )
    needs = graphs.needs(function.graph)
    held = sum(graphs.size(tensor) for tensor in tf.nest.flatten(prepared) if tensor is not None)
    return LossNeeds(needs.memory, needs.products, needs.traffic, held, statistics, matching)


@contextmanager
def _allocated() -> Iterator[Callable[[], int]]:
    """The peak allocation of the body, as Python and NumPy report it."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    most = before

    def peak() -> int:
        return most - before

    try:
        yield peak
        most = tracemalloc.get_traced_memory()[1]
    finally:
        if not tracing:
            tracemalloc.stop()
