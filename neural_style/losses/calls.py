"""How the library calls the methods of a loss.

    statistics(loss, features, weights, totals)       # the statistics of a picture's features
    target(loss, statistics_of_references, current, rng)
    value(loss, current, target, weights, totals)     # the loss, unweighted

``weights`` are the weights of positions, ``{layer: (1, h, w, 1)}``, or None. ``totals`` are
described in `neural_style.losses.mean`. An error in a method of a loss becomes a `LossError` that
names the method.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neural_style.errors import LossError, StyleError
from neural_style.losses.mean import Key, Means, Record
from neural_style.losses.types import BaseLoss, Features, Statistic, Tensor


def statistics(
    loss: BaseLoss,
    features: Features,
    weights: Features | None = None,
    totals: Mapping[Key, Tensor] | None = None,
    record: Record | None = None,
) -> Statistic:
    """The statistics of a loss, from the features of its layers."""
    own = {layer: features[layer] for layer in loss.layers}
    sizes = {layer: tuple(f.shape[1:3]) for layer, f in own.items()}
    found = call(loss, "statistics", own, Means(loss.name, sizes, weights, totals, record))
    if not isinstance(found, Mapping) or not found:
        raise LossError(
            f"{loss.name}: expected a dict of tensors from statistics, got {type(found).__name__}."
        )
    for entry, each in found.items():
        if not hasattr(each, "shape"):
            raise LossError(
                f"{loss.name}: expected a dict of tensors from statistics, at {entry!r} it has "
                f"a {type(each).__name__}; stack several tensors, ops.stack([…, …])."
            )
    if loss.tiling == "map":
        positions = {layer: tuple(f.shape[:3]) for layer, f in found.items()}
        expected = {layer: tuple(f.shape[:3]) for layer, f in own.items()}
        if positions != expected or any(len(f.shape) != 4 for f in found.values()):
            shapes = {layer: tuple(f.shape) for layer, f in found.items()}
            raise LossError(
                f"{loss.name}: expected a value for every position from transform, (1, h, w, n) "
                f"with (1, h, w) = {expected}, got {shapes}."
            )
    return found


def target(
    loss: BaseLoss,
    references: Sequence[Statistic],
    current: Statistic | None,
    rng: np.random.Generator,
) -> Any:
    """The target of a loss, from NumPy arrays; blended references count as one, their blend."""
    if loss.blend_shares is not None:
        references = [_blend(loss.name, references, loss.blend_shares)]
    found = call(loss, "target", references, current, rng)
    if loss.tiling == "map" and (found is not None or loss.role != "none"):
        check_map(loss, found)
        for layer, f in (current or {}).items():
            if np.shape(found[layer])[:3] != f.shape[:3]:
                raise LossError(
                    f"{loss.name}: expected a target for {layer!r} of the shape {f.shape}, with "
                    f"any number of channels, got the shape {np.shape(found[layer])}."
                )
    return found


def value(
    loss: BaseLoss,
    current: Statistic,
    target: Any,
    weights: Features | None = None,
    totals: Mapping[Key, Tensor] | None = None,
) -> Tensor:
    """The value of a loss, from a picture's statistics."""
    sizes = {layer: tuple(f.shape[1:3]) for layer, f in current.items() if layer in loss.layers}
    found = loss.value(current, target, Means(loss.name, sizes, weights, totals))
    return one_number(loss.name, found)


def call(loss: BaseLoss, method: str, *arguments: Any) -> Any:
    """Call a method of a loss; raise a `LossError` that names the loss and the method."""
    try:
        return getattr(loss, method)(*arguments)
    except StyleError:
        raise
    except Exception as error:  # a loss can raise anything
        raise LossError(f"{loss.name}: {_why(loss, method, error)}") from error


def one_number(name: str, distance: Any) -> Tensor:
    """The distance, or a `LossError` about the loss ``name`` if it is not one number."""
    shape = getattr(distance, "shape", None if distance is None else ())
    if shape is None or tuple(shape) != ():
        kind = type(distance).__name__ if shape is None else f"values of shape {tuple(shape)}"
        raise LossError(f"{name}: expected one number from distance, got {kind}.")
    return distance


def _why(loss: BaseLoss, method: str, error: Exception) -> str:
    from neural_style.utils.backend import tf  # takes seconds: not before it is used

    if isinstance(error, NotImplementedError) and not str(error):
        parameters = ", ".join(["self", *inspect.signature(getattr(loss, method)).parameters])
        return f"the class {type(loss).__name__} needs a method {method}({parameters})."
    if isinstance(error, tf.errors.OperatorNotAllowedInGraphError):
        return (
            f"its {method} has a Python if or loop on the value of a tensor; tensors have no value "
            f"during compilation: use ops.where."
        )
    return f"its {method} raised {type(error).__name__}: {error}"


def check_shapes(name: str, current: Mapping[str, Any], target: Any) -> None:
    """Raise `LossError` about the loss ``name`` if statistics differ in shape."""
    for layer in current:
        shapes = tuple(current[layer].shape), tuple(target[layer].shape)
        if shapes[0] != shapes[1]:
            raise LossError(
                f"{name}: at {layer!r} the picture gives {shapes[0]} but the reference "
                f"{shapes[1]}; resize the reference to the picture's size "
                f"(neural_style.images.resize)."
            )


def check_map(loss: BaseLoss, target: Any) -> None:
    """Raise `LossError` if the target does not have an array for each layer."""
    if not isinstance(target, Mapping) or not set(loss.layers) <= set(target):
        raise LossError(
            f"{loss.name}: expected a target with an array (1, h, w, n) for each of its layers, "
            f"got {type(target).__name__}."
        )


def _blend(name: str, references: Sequence[Statistic], shares: Sequence[float]) -> Statistic:
    blend = {}
    for entry in references[0]:
        own = [each[entry] for each in references]
        if len({x.shape for x in own}) != 1:
            raise LossError(
                f"{name}: at {entry!r} the references to blend give "
                f"{', '.join(str(x.shape) for x in own)}; resize them to one size "
                f"(neural_style.images.resize)."
            )
        blend[entry] = sum(share * x for share, x in zip(shares, own, strict=True))
    return blend
