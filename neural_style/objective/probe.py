"""Find the means in the statistics of a loss, by tracing them once, without running them.

    keys_of(loss, shapes)       # the keys of its means (`neural_style.losses.mean`)
    reach(layers, keys)         # {layer: how far right and below a position reads}

Means add up over tiles, and so do their entries, slices and rows. Other values computed from
means do not add up and raise an error, as do values that do not come from the library's mean.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from neural_style.errors import LossError
from neural_style.losses import calls
from neural_style.losses.base import Loss
from neural_style.losses.mean import Key, Record
from neural_style.utils.backend import tf

# Operations whose outputs add up as their inputs do: all inputs, or only the first.
_TOGETHER = {"Pack", "ConcatV2", "IdentityN"}
_ALONE = {
    *("Cast", "ExpandDims", "GatherV2", "Identity", "Mean", "Reshape", "ReverseV2", "Slice"),
    *("Squeeze", "StridedSlice", "Sum", "Transpose", "Unpack"),
}


def keys_of(loss: Loss, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Key, ...]:
    """The keys of the means in a loss, for layers of the ``shapes`` (h, w, channels).

    Raises
    ------
    LossError
        The loss has ``tiling = "mean"``, but its statistics are not means.
    """
    if loss.tiling != "mean":
        return tuple(Key(layer) for layer in loss.layers) if loss.tiling == "map" else ()
    record = Record()

    def statistics(features: Any) -> Any:
        return calls.statistics(loss, features, record=record)

    specs = {layer: tf.TensorSpec((1, *shapes[layer]), tf.float32) for layer in loss.layers}
    function = tf.function(statistics, autograph=False)
    graph = function.get_concrete_function(specs).graph
    means = {tensor.name for tensor in record.tensors}
    for tensor in graph.outputs:
        _check(loss, tensor, means)
    return tuple(record.keys)


def reach(layers: Iterable[str], keys: Iterable[Sequence[Key]]) -> dict[str, int]:
    """For each layer, how many positions to the right or below a position reads at most."""
    found = dict.fromkeys(layers, 0)
    for key in itertools.chain(*keys):
        found[key.layer] = max(found[key.layer], *key.offset)
    return found


def _check(loss: Loss, output: Any, means: set[str]) -> None:
    """Check that an entry of the statistics is made only of means."""
    waiting = [output]
    while waiting:
        tensor = waiting.pop()
        if tensor.name in means:
            continue
        operation = tensor.op
        if operation.type in _TOGETHER:
            inputs = list(operation.inputs)
            waiting += inputs[:-1] if operation.type == "ConcatV2" else inputs
        elif operation.type in _ALONE:
            waiting.append(operation.inputs[0])
        elif _depends(tensor, means):
            raise LossError(
                f"{loss.name}: its statistic computes {operation.type} of means, but only means "
                f"add up over tiles: return the means, stacked or in part, and compute "
                f"{operation.type} in summary(self, s)."
            )
        else:
            raise LossError(
                f"{loss.name}: its statistic has an entry that does not come from mean: average "
                f"over positions with its argument mean, not with a sum or ops.mean, or write a "
                f"Loss with tiling = None."
            )


def _depends(tensor: Any, means: set[str]) -> bool:
    waiting, seen = [tensor], set[str]()
    while waiting:
        each = waiting.pop()
        if each.name in means:
            return True
        if each.name not in seen:
            seen.add(each.name)
            waiting += each.op.inputs
    return False
