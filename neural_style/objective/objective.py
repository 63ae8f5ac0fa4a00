"""The objective, a picture's loss and gradient: one class, and a third of the file describes it.

    objective = Objective(loss, features, (height, width), seed=0)
    objective.refresh(image, round=0)            # measures the targets
    objective(image) -> Evaluation(loss, terms, weighted, gradient)

The feature model runs once per evaluation, for all layers that the terms read, under a
`tf.GradientTape` that watches only the picture. Targets, weights and masks are inputs of the
compiled function, so a refresh or another weight needs no compilation. Neither does a second
objective on the same feature model if its losses have the same graph
(`neural_style.utils.programs`).
"""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style import images
from neural_style.errors import ImageError, LossError, check_count, check_seed
from neural_style.features.model import FeatureModel, check_model
from neural_style.images import Image, Size, digest
from neural_style.images.mask import Mask
from neural_style.images.size import checked_size
from neural_style.losses import calls, guidance
from neural_style.losses.base import Loss
from neural_style.losses.mean import Key
from neural_style.losses.weighted_sum import Term, WeightedSum, terms_of
from neural_style.objective import probe, tiled
from neural_style.objective.estimate import Tile, fitting
from neural_style.objective.tiled import TiledEvaluator
from neural_style.objective.whole import IndependentLossError, Values, WholeImageEvaluator
from neural_style.utils import machine
from neural_style.utils.backend import check_eager, check_process, check_state, tf


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The value and the gradient of the objective at one picture.

    ``terms`` are the values of the losses, by their names in the sum. ``weighted`` are the values
    times their weights, and ``loss`` is their sum. ``gradient`` has the picture's shape.
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
        The seed of the random generators for `Loss.target`.
    tile
        The longest side of a tile in pixels. Larger pictures and references are evaluated in
        tiles (`neural_style.objective.tiled`). With None, they are always evaluated whole. With
        ``"auto"``, they are evaluated whole if the free memory is enough, and otherwise in the
        largest tiles that fit (`neural_style.estimate`).

    Raises
    ------
    LossError, LayerError, OptionError, BackendError
        A term's options, layers or references do not fit; all weights are 0; a term cannot be
        tiled; the tile is too small for the layers; or Keras does not use float32.
    MemoryLimitError
        The objective clearly needs more memory than is free.
    """

    def __init__(
        self,
        loss: Loss | WeightedSum,
        features: FeatureModel,
        size: Size,
        *,
        seed: int = 0,
        tile: Tile = None,
    ) -> None:
        check_state()
        self.terms: tuple[Term, ...] = terms_of(loss)
        if not any(np.float32(term.weight) for term in self.terms):
            raise LossError(
                f"{', '.join(term.name for term in self.terms)}: every weight is 0 in float32, so "
                f"there is nothing to minimize; give a term another weight."
            )
        check_model(features)
        self._weights = features.weights
        size = checked_size(size)
        self.seed = check_seed(seed)
        for term in self.terms:
            features.check(term.loss.layers, size)
        self.tile = fitting(loss, features, size, tile)
        sizes = {size}
        for term in self.terms:
            if term.loss.refresh_every is not None:
                check_count(f"{term.name}'s refresh_every", term.loss.refresh_every, LossError)
            if term.loss.masks is not None:
                guidance.check(term.loss)
            if term.loss.blend_shares is not None:
                _check_blend(term.loss, features)
            for own in (size, *(_size(reference) for reference in term.loss.references)):
                features.check(term.loss.layers, own)
                tiled.check(term.loss, own, self.tile)
                sizes.add(own)
        self._losses = losses = [_named(term) for term in self.terms]
        self._keys = [probe.keys_of(x, features.shapes(x.layers, size)) for x in losses]
        self._evaluators = {
            own: _evaluator(losses, features, own, self.tile, self._keys) for own in sizes
        }
        self._evaluator = self._evaluators[size]
        self._features, self._size = features, size
        self._guides = [guidance.guides(x, x.masks and x.masks[0], features, size) for x in losses]
        self._references: dict[int, list[Any]] = {}
        self._targets: list[Any] | None = None
        self._compiled = False

    @property
    def trace_count(self) -> int:
        """How often this objective was traced: once for all targets of the same shapes.

        ``len(features.compiled)`` is the number of functions compiled for all objectives.
        """
        return self._evaluator.trace_count

    def refresh(self, image: Image, *, round: int, only: Iterable[int] | None = None) -> None:
        """Measure targets at an image, H×W×3, RGB, 0–255.

        The first call measures all targets. A later call measures the terms with
        ``refresh_every``; if ``only`` is given, only those whose index is in it. It raises the
        errors of a call.
        """
        check_state()
        image = self._checked(image)
        moving = [i for i, term in enumerate(self.terms) if term.loss.refresh_every is not None]
        if self._targets is None:
            self._references, due = self._measure_references(), list(range(len(self.terms)))
            self._targets = [None] * len(self.terms)
        else:
            asked = set(moving if only is None else only)
            due = [i for i in moving if i in asked]
        measured = tuple(i for i in due if i in moving)
        guides = [self._guides[i] for i in measured]
        current = dict(zip(measured, self._evaluator.measure(image, measured, guides), strict=True))
        for i in due:
            rng = np.random.default_rng((self.seed, round, i))
            target = calls.target(self._losses[i], self._references[i], current.get(i), rng)
            self._targets[i] = self._evaluator.prepared(i, target)
        # A fixed target needs its references no more.
        self._references = {i: self._references[i] for i in moving}
        machine.release_memory()

    def __call__(self, image: Image) -> Evaluation:
        """The loss, its terms and its gradient at an image, H×W×3, RGB, 0–255.

        Raises
        ------
        LossError
            A term is not a scalar, or does not fit its target; `refresh` was never called; or
            the weights of the network changed after the objective was made.
        ImageError
            The image does not have the objective's size.
        """
        image = self._checked(image)
        loss, values, gradient = self._evaluate(image, [term.weight for term in self.terms])
        terms = dict(zip((t.name for t in self.terms), values, strict=True))
        weighted = {t.name: t.weight * terms[t.name] for t in self.terms}
        return Evaluation(loss, terms, weighted, gradient)

    def reweighted(self, weights: Sequence[float]) -> Objective:
        """This objective with other weights of its terms, in their order, and the same targets."""
        other = copy.copy(self)
        pairs = zip(self.terms, weights, strict=True)
        other.terms = tuple(replace(term, weight=weight) for term, weight in pairs)
        return other

    def gradient_norms(self, image: Image) -> dict[str, float]:
        """The Euclidean norm of each term's gradient at an image, without its weight.

        This takes one evaluation per term, and no compilation. If one gradient is not finite,
        all norms are NaN.

        Raises
        ------
        LossError, ImageError
            As a call.
        """
        image, norms = self._checked(image), {}
        for term, alone in zip(self.terms, np.eye(len(self.terms)).tolist(), strict=True):
            _, _, gradient = self._evaluate(image, alone)
            norms[term.name] = float(np.linalg.norm(gradient.astype(np.float64)))
        return norms

    def broken_terms(self, image: Image) -> list[str]:
        """The names of the terms whose weighted value or gradient is not finite at an image.

        This takes one evaluation and one compilation per term.

        Raises
        ------
        LossError, ImageError
            As a call.
        """
        image, broken = self._checked(image), []
        parts = zip(
            self.terms, self._losses, self._keys, self._measured(), self._guides, strict=True
        )
        for term, loss, keys, target, guide in parts:
            alone = _evaluator([loss], self._features, self._size, self.tile, [keys])
            with contextlib.suppress(IndependentLossError):
                value, _, gradient = alone.evaluate(image, [term.weight], [target], [guide])
                if not (np.isfinite(value) and np.isfinite(gradient).all()):
                    broken.append(term.name)
        return broken

    def _checked(self, image: Any) -> Image:
        """The image as float32, after checking it and the weights of the network."""
        check_process()
        check_eager()
        values = images.as_array(image, "image")
        if values.dtype.kind not in "uif" or values.shape != (*self._size, 3):
            raise ImageError(
                f"image: expected real numbers of the objective's shape {(*self._size, 3)}, got "
                f"an array of {values.dtype} of the shape {values.shape}; resize it "
                f"(neural_style.images.resize), or make another Objective."
            )
        if self._features.weights is not self._weights:
            raise LossError(
                f"the weights of {self._features.name} have changed since this objective was made, "
                f"and its targets belong to the old weights: make another Objective, or set the "
                f"weights before a run."
            )
        with np.errstate(over="ignore"):  # reported as a loss that is not finite
            return values.astype(np.float32, copy=False)

    def _measured(self) -> list[Any]:
        """The targets."""
        if self._targets is None:
            raise LossError("the objective has no targets yet: call refresh(image, round=0) first.")
        return self._targets

    def _evaluate(self, image: Image, weights: Sequence[float]) -> Values:
        targets = self._measured()
        with contextlib.nullcontext() if self._compiled else machine.releasing_memory():
            found = self._evaluator.evaluate(image, weights, targets, self._guides)
        self._compiled = True
        return found

    def _measure_references(self) -> dict[int, list[Any]]:
        """The statistics of all references, in one pass for each distinct picture."""
        losses = self._losses
        keys = [[(digest(image), digest(mask)) for image, mask in _parts(loss)] for loss in losses]
        pictures: dict[str, Image] = {}
        users: dict[str, dict[tuple[int, str], Mask | None]] = {}
        for i, loss in enumerate(losses):
            for (picture, part), (image, mask) in zip(keys[i], _parts(loss), strict=True):
                pictures[picture] = image
                users.setdefault(picture, {})[i, part] = mask
        measured: dict[tuple[str, int, str], Any] = {}
        for picture, own in users.items():
            size = _size(pictures[picture])
            guides = [
                guidance.guides(losses[i], m, self._features, size) for (i, _), m in own.items()
            ]
            found = self._evaluators[size].measure(
                pictures[picture], tuple(i for i, _ in own), guides
            )
            for (i, part), statistic, weights in zip(own, found, guides, strict=True):
                if losses[i].tiling == "map":
                    statistic = guidance.selected(statistic, weights)
                measured[picture, i, part] = statistic
        return {i: [measured[key, i, part] for key, part in own] for i, own in enumerate(keys)}


def _check_blend(loss: Loss, features: FeatureModel) -> None:
    """Raise `LossError` for a blend of statistics whose shape grows with the picture."""
    statistic = tf.function(functools.partial(calls.statistics, loss), autograph=False)
    shapes = features.shapes(loss.layers, _size(loss.references[0]))
    found = [
        statistic.get_concrete_function(
            {n: tf.TensorSpec((1, k * h, k * w, depth)) for n, (h, w, depth) in shapes.items()}
        )
        for k in (1, 2)
    ]
    small, large = ([tensor.shape for tensor in each.outputs] for each in found)
    if small != large:
        loss.refuse_blend()


def _named(term: Term) -> Loss:
    """The loss with its name in the sum, for error messages."""
    loss: Loss = term.loss
    if loss.name != term.name:
        loss = copy.copy(loss)
        loss.name = term.name
    return loss


def _parts(loss: Loss) -> list[tuple[Image, Mask | None]]:
    """The references of a loss, each with its mask."""
    masks = loss.masks[1] if loss.masks and loss.masks[1] else (None,) * len(loss.references)
    return list(zip(loss.references, masks, strict=True))


def _evaluator(
    losses: Sequence[Loss],
    features: FeatureModel,
    size: Size,
    tile: int | None,
    keys: Sequence[Sequence[Key]],
) -> WholeImageEvaluator | TiledEvaluator:
    """The evaluator for these losses and this size; it does not store references or masks."""
    losses = [copy.copy(loss) for loss in losses]
    for loss in losses:
        loss.references, loss.masks = (), None
    if tile is None or max(size) <= tile:
        return WholeImageEvaluator(losses, features, keys)
    return TiledEvaluator(losses, features, size, tile, keys)


def _size(image: Image) -> Size:
    return image.shape[0], image.shape[1]
