"""The objective: one compiled function from a picture to its loss and gradient.

    objective = Objective(loss, features, (height, width), seed=0)
    objective.refresh(image, round=0)            # measures the targets
    objective(image) -> Evaluation(loss, terms, weighted, gradient)

The feature model runs once an evaluation, for the union of the layers that the terms
read, under a `tf.GradientTape` that watches the picture and nothing else. Targets and
weights are inputs of the compiled function, so neither a refresh nor another weight
compiles again; nor does a second objective on the same feature model whose losses have
the same classes and options.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style.backend import check_float32, tf
from neural_style.errors import LossError, check_count
from neural_style.features import FeatureModel, Features
from neural_style.images import Image, Size
from neural_style.losses import Loss, Tensor, Term, WeightedSum


@dataclass(frozen=True)
class Evaluation:
    """The objective at one picture.

    ``terms`` are the values of the losses by their names in the sum, ``weighted`` the
    same times their weights, ``loss`` their sum; ``gradient`` is of the picture's shape.
    """

    loss: float
    terms: dict[str, float]
    weighted: dict[str, float]
    gradient: NDArray[np.float32]

    @property
    def finite(self) -> bool:
        """Whether the loss and every element of the gradient are finite."""
        return bool(np.isfinite(self.loss) and np.isfinite(self.gradient).all())


class Objective:
    """A weighted sum of losses on a feature model, for pictures of one size.

    Parameters
    ----------
    loss
        A `Loss` or a `WeightedSum`.
    features
        The `FeatureModel`.
    size
        (height, width) of the picture.
    seed
        Of the random generators that `Loss.target` gets.

    Raises
    ------
    LossError, LayerError, BackendError
        A term's options, layers or references do not fit, or Keras is not in float32.
    """

    def __init__(
        self, loss: Loss | WeightedSum, features: FeatureModel, size: Size, *, seed: int = 0
    ) -> None:
        check_float32()
        if not isinstance(loss, Loss | WeightedSum):
            raise LossError(f"expected a Loss or a sum of losses, got {type(loss).__name__}.")
        self.terms: tuple[Term, ...] = loss.terms_of_sum()
        self.seed = seed
        for term in self.terms:
            if term.loss.refresh_every is not None:
                check_count(f"{term.name}'s refresh_every", term.loss.refresh_every, LossError)
            features.check(term.loss.layers, size)
            for reference in term.loss.references:
                features.check(term.loss.layers, reference.shape[:2])
        self._compiled = _compile([term.loss for term in self.terms], features)
        self._weights = tf.constant([term.weight for term in self.terms], tf.float32)
        self._references: dict[int, list[Any]] = {}
        self._targets: list[Any] | None = None

    @property
    def trace_count(self) -> int:
        """How often the function behind this objective has been compiled, by anyone."""
        return int(self._compiled.value_and_gradient.experimental_get_tracing_count())

    def refresh(self, image: Image, *, round: int, only: Iterable[int] | None = None) -> None:
        """Measure targets at an image, H×W×3, RGB, 0–255.

        The first call measures all of them. A later one measures those of the terms with
        ``refresh_every``, or of these the ones whose index is in ``only``.
        """
        moving = [i for i, term in enumerate(self.terms) if term.loss.refresh_every is not None]
        if self._targets is None:
            self._references, due = self._measure_references(), list(range(len(self.terms)))
            self._targets = [None] * len(self.terms)
        else:
            asked = set(moving if only is None else only)
            due = [i for i in moving if i in asked]
        measured = tuple(i for i in due if i in moving)
        current = dict(zip(measured, self._compiled.measure(image, measured), strict=True))
        for i in due:
            rng = np.random.default_rng((self.seed, round, i))
            target = self.terms[i].loss.target(self._references[i], current.get(i), rng)
            self._targets[i] = tf.nest.map_structure(_as_tensor, target)
        # A fixed target needs its references no more.
        self._references = {i: self._references[i] for i in moving}

    def __call__(self, image: Image) -> Evaluation:
        """The loss, its terms and its gradient at an image, H×W×3, RGB, 0–255.

        Raises
        ------
        LossError
            A term is not a scalar, or does not fit its target, or `refresh` was never called.
        """
        if self._targets is None:
            raise LossError("the objective has no targets yet: call refresh(image, round=0) first.")
        loss, values, gradient = self._compiled.value_and_gradient(
            tf.constant(image[None], tf.float32), self._weights, self._targets
        )
        terms = dict(zip((t.name for t in self.terms), values.numpy().tolist(), strict=True))
        weighted = {t.name: t.weight * terms[t.name] for t in self.terms}
        return Evaluation(float(loss), terms, weighted, gradient.numpy()[0])

    def broken_terms(self, image: Image) -> list[str]:
        """The names of the terms whose value or gradient is not finite at an image."""
        broken = []
        for term, target in zip(self.terms, self._targets or (), strict=True):
            pixels = tf.constant(image[None], tf.float32)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(pixels)
                features = self._compiled.features(pixels, term.loss.layers)
                value = term.weight * _value(term.loss, features, target)
            gradient = tape.gradient(value, pixels, unconnected_gradients="zero")
            if not (np.isfinite(value) and np.isfinite(gradient).all()):
                broken.append(term.name)
        return broken

    def _measure_references(self) -> dict[int, list[Any]]:
        """The statistics of every term's references, one pass for each distinct picture."""
        keys = [[_digest(image) for image in term.loss.references] for term in self.terms]
        measured: dict[tuple[int, bytes], Any] = {}
        for term, own in zip(self.terms, keys, strict=True):
            for key, picture in zip(own, term.loss.references, strict=True):
                users = tuple(
                    i for i, k in enumerate(keys) if key in k and (i, key) not in measured
                )
                for i, statistic in zip(users, self._compiled.measure(picture, users), strict=True):
                    measured[i, key] = statistic
        return {i: [measured[i, key] for key in own] for i, own in enumerate(keys)}


class _Compiled:
    """The functions of a list of losses on a feature model."""

    def __init__(self, losses: Sequence[Loss], features: FeatureModel) -> None:
        self.features = features
        # Copies without references: the functions outlive the pictures they are used for.
        self._losses = [copy.copy(loss) for loss in losses]
        for loss in self._losses:
            loss.references = ()
        # Without AutoGraph, an error in a loss is raised as it is.
        self._measure = tf.function(self._statistics, autograph=False)
        self.value_and_gradient = tf.function(
            self._value_and_gradient, autograph=False, jit_compile=True
        )

    def measure(self, image: Image, which: tuple[int, ...]) -> list[Any]:
        """The statistics of one picture for the losses ``which``, as NumPy arrays."""
        if not which:
            return []
        statistics = self._measure(tf.constant(image[None], tf.float32), which)
        return [tf.nest.map_structure(lambda x: x.numpy(), one) for one in statistics]

    def _statistics(self, image: Tensor, which: tuple[int, ...]) -> list[Any]:
        losses = [self._losses[i] for i in which]
        features = self.features(image, _union(losses))
        return [_statistic(loss, features) for loss in losses]

    def _value_and_gradient(
        self, image: Tensor, weights: Tensor, targets: list[Any]
    ) -> tuple[Tensor, Tensor, Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            features = self.features(image, _union(self._losses), compiled=True)
            values = [
                _value(loss, features, target)
                for loss, target in zip(self._losses, targets, strict=True)
            ]
            loss = tf.tensordot(weights, tf.stack(values), 1)
        gradient = tape.gradient(loss, image)
        if gradient is None:
            raise LossError(
                "the loss does not depend on the picture: no term's distance uses its statistic."
            )
        return loss, tf.stack(values), gradient


def _compile(losses: Sequence[Loss], features: FeatureModel) -> _Compiled:
    """The compiled functions for these losses, shared by losses that trace alike."""
    key = tuple(_trace_key(loss) for loss in losses)
    if key not in features.compiled:
        features.compiled[key] = _Compiled(losses, features)
    compiled: _Compiled = features.compiled[key]
    return compiled


def _trace_key(loss: Loss) -> Any:
    """Equal for losses of one class whose attributes, all but the references, are equal."""
    state = {k: v for k, v in vars(loss).items() if k not in ("references", "name")}
    try:
        key = (type(loss), _frozen(state))
        hash(key)
    except TypeError:  # an attribute of a kind that cannot be compared: only itself
        return loss
    return key


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((k, _frozen(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return (type(value), *map(_frozen, value))
    return (type(value), value)


def _union(losses: Iterable[Loss]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(layer for loss in losses for layer in loss.layers))


def _statistic(loss: Loss, features: Features) -> Any:
    return loss.statistic({layer: features[layer] for layer in loss.layers}, None)


def _value(loss: Loss, features: Features, target: Any) -> Tensor:
    value = tf.convert_to_tensor(loss.distance(_statistic(loss, features), target))
    if value.shape.rank != 0 or not value.dtype.is_floating:
        raise LossError(
            f"{loss.name}: distance returned {value.dtype.name} of shape {tuple(value.shape)}, "
            f"expected one floating-point number."
        )
    return tf.cast(value, tf.float32)


def _digest(image: Image) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()


def _as_tensor(value: Any) -> Any:
    if value is None:
        return None
    array = np.asarray(value)
    return tf.constant(array, tf.float32 if array.dtype.kind == "f" else array.dtype)
