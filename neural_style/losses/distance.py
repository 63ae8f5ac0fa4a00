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
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from neural_style.errors import LossError
from neural_style.utils.backend import keras, tf

if TYPE_CHECKING:
    from neural_style.losses.base import Loss, Statistic, Tensor

ops = keras.ops

Metric: TypeAlias = str | Mapping[str, Any] | Callable[..., Any]

# Along the channels, of each position by itself, and flat where both are equal.
_POINTWISE = tuple(
    getattr(keras.losses, name)
    for name in (
        "mean_squared_error",
        "mean_absolute_error",
        "huber",
        "log_cosh",
        "cosine_similarity",
    )
)


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
    """Whether it is known to be a mean over positions, 0 and flat where both are equal."""
    function = _function(metric)
    if getattr(function, "fn", function) not in _POINTWISE:
        return False
    target, current = _PROBE
    positions = list(np.ndindex(target.shape[:3]))
    each = [np.mean(function(target[p][None], current[p][None])) for p in positions]
    return bool(np.isclose(np.mean(function(target, current)), np.mean(each), rtol=1e-4))


def between(loss: Loss, metric: Metric, current: Statistic, target: Any) -> Tensor:
    """The distance of a statistic from its target, with a distance of `Loss.with_distance`."""
    entries = target if isinstance(target, Mapping) else {}
    if set(entries) != set(current) or not all(hasattr(x, "shape") for x in entries.values()):
        kinds = ", ".join(f"{k} ({type(x).__name__})" for k, x in sorted(entries.items()))
        raise LossError(
            f"{loss.name}: with_distance compares a statistic with a target of the same entries, "
            f"each an array: expected {', '.join(sorted(current))}, got "
            f"{kinds or type(target).__name__}; this loss has no such target."
        )
    loss.check_shapes(current, dict(target))
    weights = dict.fromkeys(current, 1 / len(current))
    if set(current) <= set(loss.layers):
        weights = {k: w for k, w in loss.layer_weights.items() if k in current}
    function = _function(metric)
    # Of what a softmax or sigmoid made, Keras' cross-entropies would take the logits instead.
    current = {k: tf.identity(value) for k, value in current.items()}
    shifted = [
        w * (ops.mean(function(target[k], current[k])) - ops.mean(function(target[k], target[k])))
        for k, w in weights.items()
    ]
    return sum(shifted[1:], start=shifted[0])


def _function(metric: Metric) -> Any:
    if isinstance(metric, str):
        return keras.losses.get(metric)
    if not isinstance(metric, Mapping):
        return metric
    kind = getattr(keras.losses, metric["class_name"], None)
    if not (inspect.isclass(kind) and issubclass(kind, keras.losses.Loss)):
        raise TypeError(f"{metric['class_name']} is no loss of Keras")
    return kind(**metric["config"])
