"""The cost of a traced function: the memory of its intermediate tensors, and its operations.

    needs(graph) -> Needs(memory, products, traffic)

The graph is not run. Sizes come from its tensors, which have static shapes. As XLA does, the
model fuses an elementwise operation into the operations that read it. Only the inputs and
outputs of other operations use memory, from the operation that makes them to the last that reads
them. The body of a loop counts once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from neural_style.losses.types import Tensor

# Operations whose result is a view of an input.
_VIEWS = {"Reshape", "Squeeze", "ExpandDims", "Identity", "IdentityN", "StopGradient", "Transpose"}
# An operation that writes its second input into its first, if the first has no other reader.
_UPDATE = "XlaDynamicUpdateSlice"
_SOURCES = {"Placeholder", "Const"}
_PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
_CONVOLUTIONS = {"Conv2D": 2, "Conv2DBackpropInput": 3}  # the axis of the kernel that is summed
_REDUCTIONS = {"All", "Any", "Max", "Mean", "Min", "Prod", "Sum"}
_MATERIAL = {
    *_PRODUCTS,
    *_CONVOLUTIONS,
    *("DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput"),
    *("ArgMax", "ArgMin", "AvgPool", "AvgPoolGrad", "Cumsum", "Cumprod", "FFT2D", "IFFT2D"),
    *("Gather", "GatherNd", "GatherV2", "MaxPool", "MaxPoolGrad", "Qr", "ReverseV2", "Roll"),
    *("ScatterNd", "SelfAdjointEigV2", "Svd", "TensorScatterAdd", "TensorScatterUpdate", "TopKV2"),
    *("PartitionedCall", "StatefulPartitionedCall", "StatelessWhile", "While", "XlaSort"),
    *("ResizeBilinear", "ResizeBilinearGrad", "UnsortedSegmentSum"),
    *_REDUCTIONS,
}


@dataclass(frozen=True)
class Needs:
    """The peak memory in bytes, the floating-point operations of products, and bytes moved."""

    memory: int
    products: float
    traffic: float


def needs(graph: Any) -> Needs:
    """The cost of a `tf.Graph`; its outputs count, its inputs do not."""
    made: dict[int, tuple[int, int]] = {}  # what is held: its bytes, and when it is made
    last: dict[int, int] = {}
    # What each tensor is computed from without a pass through memory, and whether it is a view.
    origins: dict[int, tuple[frozenset[int], bool]] = {}
    products = traffic = 0.0

    def held(tensor: Tensor, now: int) -> None:
        origins[id(tensor)] = frozenset({id(tensor)}), True
        made[id(tensor)], last[id(tensor)] = (size(tensor), now), now

    operations = graph.get_operations()
    for now, operation in enumerate(operations):
        inputs = [tensor for tensor in operation.inputs if id(tensor) in origins]
        if operation.type in _SOURCES:
            origins |= {id(tensor): (frozenset(), True) for tensor in operation.outputs}
        elif operation.type in _MATERIAL:
            for tensor in inputs:
                roots, view = origins[id(tensor)]
                last |= dict.fromkeys(roots, now)
                traffic += size(tensor)
                if not view and operation.type not in _REDUCTIONS:
                    held(tensor, now)
            for tensor in operation.outputs:
                held(tensor, now)
                traffic += size(tensor)
            products += _products(operation)
        elif operation.type == _UPDATE:
            for tensor in inputs:
                last |= dict.fromkeys(origins[id(tensor)][0], now)
            traffic += 2 * size(operation.inputs[1])
            (whole,) = operation.outputs
            roots, view = origins[id(operation.inputs[0])]
            if roots and view:
                origins[id(whole)] = roots, True
            else:
                held(whole, now)
        else:
            roots = frozenset().union(*(origins[id(tensor)][0] for tensor in inputs))
            view = operation.type in _VIEWS and all(origins[id(x)][1] for x in inputs)
            origins |= {id(tensor): (roots, view) for tensor in operation.outputs}
    end = len(operations)
    for tensor in graph.outputs:
        roots, view = origins[id(tensor)]
        last |= dict.fromkeys(roots, end)
        if not view:
            held(tensor, end)
            traffic += size(tensor)
    return Needs(_most(made, last, end), products, traffic)


def _most(made: dict[int, tuple[int, int]], last: dict[int, int], end: int) -> int:
    """The peak memory in bytes."""
    changes = [0] * (end + 2)
    for key, (bytes_, when) in made.items():
        changes[when] += bytes_
        changes[last[key] + 1] -= bytes_
    now = most = 0
    for change in changes:
        now += change
        most = max(most, now)
    return most


def size(tensor: Tensor) -> int:
    """The bytes of a tensor; 0 if it has no static rank or its type has no size."""
    if tensor.shape.rank is None or tensor.dtype.size is None:
        return 0
    return int(math.prod(n or 1 for n in tensor.shape) * tensor.dtype.size)


def _products(operation: Any) -> float:
    if operation.type in _CONVOLUTIONS:
        kernel = operation.inputs[1].shape
        summed = kernel[0] * kernel[1] * kernel[_CONVOLUTIONS[operation.type]]
        return 2 * float(summed) * _elements(operation.outputs[0].shape)
    if operation.type in _PRODUCTS:
        # Of (b, m, k) and (b, k, n) to (b, m, n) the three sizes have the product b³ (m n k)².
        shapes = [tensor.shape for tensor in (*operation.inputs, operation.outputs[0])]
        if len(shapes) != 3:
            return 0.0
        batch = _elements(shapes[2][:-2]) if operation.type != "Einsum" else 1.0
        return 2.0 * math.sqrt(math.prod(map(_elements, shapes)) / batch)
    return 0.0


def _elements(shape: Iterable[int | None]) -> float:
    return float(math.prod(n or 1 for n in shape))
