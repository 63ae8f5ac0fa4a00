"""The cost of one loss at any size, without the network.

    LossCost(loss, features)((height, width)) -> Cost(memory, products, …)

The value and the gradient are traced, not run, for random features of small pictures, and
`Loss.target` is called on them. Costs are extrapolated to the requested size, as a + b · pixels,
or for a loss with ``memory = "quadratic"`` as a + b · pixels + c · pixels². So a loss need not
describe its cost, and this module names no loss.

As XLA does, the model of memory fuses an elementwise operation into the operations that read it.
Only the results of other operations use memory, from the operation that makes them to the last
that reads them. The body of a loop counts once.
"""

from __future__ import annotations

import itertools
import math
import tracemalloc
from typing import Any, NamedTuple

import numpy as np

from neural_style.features.model import FeatureModel
from neural_style.images import Size
from neural_style.losses import calls
from neural_style.losses.base import Loss
from neural_style.losses.types import Tensor
from neural_style.objective.whole import arrays, tensors, value
from neural_style.utils.backend import tf

# Sides of the pictures that are traced. Small Gram matrices are larger than VGG19's features.
_SIDES = {
    "linear": (96, 128, 192, 256, 384, 512, 768, 1024),
    "quadratic": (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024),
}

_PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
_CONVOLUTIONS = {"Conv2D", "Conv2DBackpropInput"}
_UPDATE = "XlaDynamicUpdateSlice"  # which writes its second input into its first
# Operations whose results are not fused with the operations that read them.
_MATERIAL = {
    *_PRODUCTS,
    *_CONVOLUTIONS,
    *("DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput"),
    *("ArgMax", "ArgMin", "AvgPool", "AvgPoolGrad", "Cumsum", "Cumprod", "FFT2D", "IFFT2D"),
    *("Gather", "GatherNd", "GatherV2", "MaxPool", "MaxPoolGrad", "Qr", "ReverseV2", "Roll"),
    *("ScatterNd", "SelfAdjointEigV2", "Svd", "TensorScatterAdd", "TensorScatterUpdate", "TopKV2"),
    *("PartitionedCall", "StatefulPartitionedCall", "StatelessWhile", "While", "XlaSort"),
    *("ResizeBilinear", "ResizeBilinearGrad", "UnsortedSegmentSum"),
    *("All", "Any", "Max", "Mean", "Min", "Prod", "Sum"),
}


class Cost(NamedTuple):
    """The cost of a loss at one size; in bytes, except the products."""

    memory: float  # at most, between the statistics and their gradients, without both
    products: float  # floating-point operations
    traffic: float  # through memory
    target: float
    statistics: float  # of one picture
    matching: float  # what `Loss.target` allocates at most


class LossCost:
    """The cost of a loss at any size; each traced size is stored."""

    def __init__(self, loss: Loss, features: FeatureModel) -> None:
        self._loss, self._features = loss, features
        self._known: dict[Size, Cost] = {}

    def __call__(self, size: Size) -> Cost:
        """Traced at ``size`` if it is small, and otherwise extrapolated from smaller sizes."""
        sides = _SIDES[self._loss.memory]
        if min(size) <= sides[0]:
            return self._traced(size)
        powers = np.arange(3 if self._loss.memory == "quadratic" else 2)
        small = self._small_sizes(size, len(powers))
        pixels = np.array([[math.prod(each)] for each in small], np.float64)
        factors = np.linalg.solve(pixels**powers, np.array([self._traced(each) for each in small]))
        return Cost(*np.maximum(float(math.prod(size)) ** powers @ factors, 0))

    def _traced(self, size: Size) -> Cost:
        if size not in self._known:
            self._known[size] = traced(self._loss, self._features, size)
        return self._known[size]

    def _small_sizes(self, size: Size, count: int) -> list[Size]:
        """The smallest sizes, in about the proportions of ``size``, that can be traced."""
        found: list[Size] = []
        for side in _SIDES[self._loss.memory]:
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


def traced(loss: Loss, features: FeatureModel, size: Size) -> Cost:
    """The cost of a loss at a small size, with a target from random features."""
    rng = np.random.default_rng(0)
    shapes = features.shapes(loss.layers, size)
    picture, reference = (
        {layer: tf.constant(rng.exponential(size=(1, *shape)), tf.float32)
         for layer, shape in shapes.items()}
        for _ in range(2)
    )  # fmt: skip
    current, other = (arrays(calls.statistics(loss, x)) for x in (picture, reference))
    moving = loss.refresh_every is not None
    arguments = [other] * len(loss.references), current if moving else None, rng
    target = tensors(calls.target(loss, *arguments))

    def gradients(features: Any, target: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(features)
            found = value(loss, calls.statistics(loss, features), target)
        return tape.gradient(found, features, unconnected_gradients="zero")

    function = tf.function(gradients, autograph=False).get_concrete_function(picture, target)
    held, statistics = (
        sum(_size(x) for x in tf.nest.flatten(nest) if x is not None)
        for nest in (target, tensors(other))
    )
    # Not at the first call, which also imports.
    return Cost(*graph_cost(function.graph), held, statistics, _allocated(loss, *arguments))


def _allocated(loss: Loss, *arguments: Any) -> int:
    """The bytes that `Loss.target` allocates at most, as Python and NumPy report them."""
    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    tracemalloc.reset_peak()
    try:
        before = tracemalloc.get_traced_memory()[0]
        calls.target(loss, *arguments)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not tracing:
            tracemalloc.stop()


def graph_cost(graph: Any) -> tuple[int, float, float]:
    """The memory, products and traffic of a `tf.Graph`; its inputs and outputs use no memory."""
    operations = graph.get_operations()
    sizes: dict[int, int] = {}  # of the tensors in memory
    first, last = dict[int, int](), dict[int, int]()  # the operations that make and read them
    roots: dict[int, frozenset[int]] = {}  # the tensors in memory that each tensor is made of
    products = traffic = 0.0
    for now, operation in enumerate(operations):
        own = set(map(id, operation.outputs))
        read = frozenset().union(*(roots[id(tensor)] for tensor in operation.inputs))
        is_material = operation.type in _MATERIAL
        if operation.type == _UPDATE:
            traffic += 2 * _size(operation.inputs[1])
            last |= dict.fromkeys(read, now)
            read = roots[id(operation.inputs[0])]
            is_material = not read
        elif is_material:
            traffic += sum(map(_size, (*operation.inputs, *operation.outputs)))
            products += _products(operation)
            last |= dict.fromkeys(read, now)
        roots |= {key: frozenset({key}) if is_material else read for key in own}
        if is_material:
            sizes |= {id(tensor): _size(tensor) for tensor in operation.outputs}
            first |= dict.fromkeys(own, now)
            last |= dict.fromkeys(own, now)
    sizes |= {root: 0 for tensor in graph.outputs for root in roots[id(tensor)]}
    changes = [0] * (len(operations) + 1)
    for key, size in sizes.items():
        changes[first[key]] += size
        changes[last[key] + 1] -= size
    return max(itertools.accumulate(changes)), products, traffic


def _size(tensor: Tensor) -> int:
    """The bytes of a tensor; 0 if its type has no size."""
    return _elements(tensor) * int(tensor.dtype.size or 0)


def _elements(tensor: Tensor) -> int:
    """The elements of a tensor, 0 if its rank is unknown; an unknown dimension counts as 1."""
    if tensor.shape.rank is None:
        return 0
    return math.prod(n or 1 for n in tensor.shape)


def _products(operation: Any) -> float:
    """The floating-point operations of a matrix product or convolution, otherwise 0.

    Of (m, k) and (k, n) to (m, n) the three sizes have the product (m k n)²; with a batch of b,
    b³ (m k n)²; and of a convolution, (its operations / 2)² / the positions in the kernel.
    """
    if operation.type not in _PRODUCTS | _CONVOLUTIONS or len(operation.inputs) == 1:
        return 0.0
    output = operation.outputs[0]
    sizes = math.prod(map(_elements, (*operation.inputs[-2:], output)))
    if operation.type in _CONVOLUTIONS:
        sizes *= math.prod(n or 1 for n in operation.inputs[1].shape[:2])
    elif operation.type != "Einsum" and output.shape.rank:
        sizes //= math.prod(n or 1 for n in output.shape[:-2])
    return 2 * math.sqrt(sizes)
