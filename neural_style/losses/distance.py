"""Keras losses, or functions, as the distance of a loss.

    Gram(painting).with_distance(keras.losses.Huber(delta=0.1))

    L = Σ_k w_k · (d(target_k, current_k) − d(target_k, target_k))

over the entries k of a statistic. Some Keras losses are not 0 at their minimum, where both
arguments are equal (cosine similarity: −1; cross-entropy: the entropy). The second term shifts
the minimum to 0. w are the `layer_weights` if every entry belongs to a layer, and otherwise 1
divided by the number of entries. If d returns several numbers, as functions of `keras.losses`
do, they are averaged.

In a config, a built-in Keras loss is its class name and its options, which JSON can hold.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from neural_style import ops
from neural_style.errors import LossError
from neural_style.losses.calls import check_shapes
from neural_style.losses.types import BaseLoss, Statistic, Tensor

Metric: TypeAlias = str | Mapping[str, Any] | Callable[..., Any]

_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


# Two maps, in whose differences Huber's loss is both square and linear.
_PROBE = tuple(
    np.random.default_rng(seed).uniform(0.1, 0.9, (1, 4, 5, 3)).astype(np.float32)
    * np.linspace(1, 5, 4, dtype=np.float32)[:, None, None]
    for seed in (0, 1)
)


def described(metric: Any, name: str) -> Metric:
    """A distance as a loss stores it; a `LossError` about the loss ``name`` if it is invalid."""
    try:
        found: Metric = _function(metric) if isinstance(metric, Mapping) else metric
        if callable(_function(found)):
            return found
    except (KeyError, TypeError, ValueError):
        pass
    raise LossError(
        f"{name}: {metric!r} is not a distance: expected a keras.losses.Loss, its name, for "
        f"example 'huber', or a function of (target, current)."
    )


def config(metric: Metric) -> Any:
    """A built-in Keras loss as JSON, or any other distance unchanged."""
    from neural_style.utils.backend import keras  # takes seconds: not before it is used

    kind = type(metric)
    if not isinstance(metric, keras.losses.Loss):
        return metric
    if kind is not getattr(keras.losses, kind.__name__, None):
        return metric
    # Keras' own get_config leaves some options out, such as Huber's delta, and has no public way
    # to them, so the result must give the same values.
    known = inspect.signature(kind).parameters
    hidden = {k: v for k, v in getattr(metric, "_fn_kwargs", {}).items() if k in known}
    found = {"class_name": kind.__name__, "config": {**metric.get_config(), **hidden}}
    try:
        one, other = (np.asarray(function(*_PROBE)) for function in (metric, _function(found)))
    except Exception:  # the loss does not accept maps: Keras may raise anything
        return metric
    same = np.array_equal(one, other, equal_nan=True)
    return found if same else metric


def is_pointwise(metric: Metric) -> bool:
    """Whether the distance returns a value for each position, judged by the shape."""
    shape = (1, 2, 3, 4)  # all different
    target, current = (np.full(shape, value, np.float32) for value in (0.25, 0.5))
    try:
        values = _unreduced(metric)(target, current)
    except Exception:  # from a user's function; the first evaluation reports it
        return False
    return tuple(getattr(values, "shape", ())[:3]) == shape[:3]


def shifted(metric: Metric, current: Tensor, target: Tensor) -> Tensor:
    """The distance of an array from its target, minus the target's distance from itself."""
    function = _function(metric)
    # From the output of a softmax or sigmoid, Keras' cross-entropies would take the logits.
    current = ops.copy(current)
    return ops.mean(function(target, current)) - ops.mean(function(target, target))


def shifted_map(metric: Metric, current: Tensor, target: Tensor) -> Tensor:
    """The same for every position, (1, h, w, n); one number if it is not `is_pointwise`."""
    function, current = _unreduced(metric), ops.copy(current)
    values = function(target, current) - function(target, target)
    whole = tuple(values.shape[:3]) == tuple(current.shape[:3])
    return values if whole else ops.mean(values)


def between(loss: BaseLoss, metric: Metric, current: Statistic, target: Any) -> Tensor:
    """The weighted sum of the distances between a loss's statistics and its target."""
    check_target(loss.name, current, target)
    check_shapes(loss.name, current, target)
    weights = dict.fromkeys(current, 1 / len(current))
    if set(current) <= set(loss.layers):
        weights = {k: w for k, w in loss.layer_weights.items() if k in current}
    terms = [w * shifted(metric, current[k], target[k]) for k, w in weights.items()]
    return sum(terms[1:], start=terms[0])


def check_target(name: str, current: Statistic, target: Any) -> None:
    """Raise `LossError` about the loss ``name`` if the target is not a statistic."""
    entries = target if isinstance(target, Mapping) else {}
    if set(entries) != set(current) or not all(hasattr(x, "shape") for x in entries.values()):
        kinds = ", ".join(f"{k} ({type(x).__name__})" for k, x in sorted(entries.items()))
        raise LossError(
            f"{name}: with_distance needs a target with the same entries as the statistic, "
            f"each an array: expected {', '.join(sorted(current))}, got "
            f"{kinds or type(target).__name__}; this loss has no such target."
        )


def _unreduced(metric: Metric) -> Any:
    """The same function without a Keras loss's mean over positions."""
    function = _function(metric)
    if getattr(function, "reduction", None) not in _MEANS:
        return function
    # Keras copies the result of get_config, which leaves some options out, such as Huber's delta.
    unreduced = object.__new__(type(function))
    vars(unreduced).update(vars(function), reduction=None)
    return unreduced


def _function(metric: Metric) -> Any:
    from neural_style.utils.backend import keras  # takes seconds: not before it is used

    if isinstance(metric, str):
        return keras.losses.get(metric)
    if not isinstance(metric, Mapping):
        return metric
    kind = getattr(keras.losses, metric["class_name"], None)
    if not (inspect.isclass(kind) and issubclass(kind, keras.losses.Loss)):
        raise TypeError(f"{metric['class_name']} is not a Keras loss")
    return kind(**metric["config"])
