"""Distances from Keras, in place of a loss's own.

    Gram(painting).with_distance(keras.losses.Huber(delta=0.1))

    L = Σ_k w_k · (d(target_k, current_k) − d(target_k, target_k))

over the entries k of a statistic. The second term shifts a Keras loss that is least, but not 0,
where both are equal (the cosine similarity, −1; a cross-entropy, the entropy). w are the
`layer_weights` where every entry is a layer's, else one over the number of entries. A d that
returns more than one number, as a function of `keras.losses` does, is averaged.

In a config, a built-in loss of Keras is its class's name and its options, which JSON can hold.
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
    """A distance as a loss keeps it; a `LossError` that calls the loss ``name`` if it is none."""
    try:
        found: Metric = _function(metric) if isinstance(metric, Mapping) else metric
        if callable(_function(found)):
            return found
    except (KeyError, TypeError, ValueError):
        pass
    raise LossError(
        f"{name}: {metric!r} is no distance: expected a keras.losses.Loss, the name of one, as "
        f"'huber', or a function of (target, current)."
    )


def config(metric: Metric) -> Any:
    """A built-in loss of Keras as JSON has it, or what else the distance is."""
    from neural_style.utils.backend import keras  # takes seconds: not before it is used

    kind = type(metric)
    if not isinstance(metric, keras.losses.Loss):
        return metric
    if kind is not getattr(keras.losses, kind.__name__, None):
        return metric
    # Keras' own get_config leaves some options out, as Huber's delta; there is no public way to
    # them, so that what is found must give the same values.
    known = inspect.signature(kind).parameters
    hidden = {k: v for k, v in getattr(metric, "_fn_kwargs", {}).items() if k in known}
    found = {"class_name": kind.__name__, "config": {**metric.get_config(), **hidden}}
    try:
        one, other = (np.asarray(function(*_PROBE)) for function in (metric, _function(found)))
    except Exception:  # not of maps: Keras raises what it likes
        return metric
    same = np.array_equal(one, other, equal_nan=True)
    return found if same else metric


def is_pointwise(metric: Metric) -> bool:
    """Whether it has a value for each position, as far as the shape of its values tells."""
    shape = (1, 2, 3, 4)  # all different
    target, current = (np.full(shape, value, np.float32) for value in (0.25, 0.5))
    try:
        values = _unreduced(metric)(target, current)
    except Exception:  # of a function of one's own, which the first evaluation will tell
        return False
    return tuple(getattr(values, "shape", ())[:3]) == shape[:3]


def shifted(metric: Metric, current: Tensor, target: Tensor) -> Tensor:
    """The distance of an array from its target, less that of the target from itself."""
    function = _function(metric)
    # Of what a softmax or sigmoid made, Keras' cross-entropies would take the logits instead.
    current = ops.copy(current)
    return ops.mean(function(target, current)) - ops.mean(function(target, target))


def shifted_map(metric: Metric, current: Tensor, target: Tensor) -> Tensor:
    """The same for every position, (1, h, w, n), or one number unless it `is_pointwise`."""
    function, current = _unreduced(metric), ops.copy(current)
    values = function(target, current) - function(target, target)
    whole = tuple(values.shape[:3]) == tuple(current.shape[:3])
    return values if whole else ops.mean(values)


def between(loss: BaseLoss, metric: Metric, current: Statistic, target: Any) -> Tensor:
    """The distance of the statistics of a loss from its target, weighted and added up."""
    check_target(loss.name, current, target)
    check_shapes(loss.name, current, target)
    weights = dict.fromkeys(current, 1 / len(current))
    if set(current) <= set(loss.layers):
        weights = {k: w for k, w in loss.layer_weights.items() if k in current}
    terms = [w * shifted(metric, current[k], target[k]) for k, w in weights.items()]
    return sum(terms[1:], start=terms[0])


def check_target(name: str, current: Statistic, target: Any) -> None:
    """Raise `LossError`, which calls the loss ``name``, if a target is no statistic."""
    entries = target if isinstance(target, Mapping) else {}
    if set(entries) != set(current) or not all(hasattr(x, "shape") for x in entries.values()):
        kinds = ", ".join(f"{k} ({type(x).__name__})" for k, x in sorted(entries.items()))
        raise LossError(
            f"{name}: with_distance compares a statistic with a target of the same entries, "
            f"each an array: expected {', '.join(sorted(current))}, got "
            f"{kinds or type(target).__name__}; this loss has no such target."
        )


def _unreduced(metric: Metric) -> Any:
    """The same, without the mean over positions that a loss of Keras takes."""
    function = _function(metric)
    if getattr(function, "reduction", None) not in _MEANS:
        return function
    # Keras copies what get_config returns, which leaves some options out, as Huber's delta.
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
        raise TypeError(f"{metric['class_name']} is no loss of Keras")
    return kind(**metric["config"])
