"""The base class of losses."""

from __future__ import annotations

import copy
import math
import os
import re
from abc import ABCMeta
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NoReturn, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style import images
from neural_style.errors import LossError, OperandError, number
from neural_style.losses import distance as distances
from neural_style.losses.weighted_sum import Summand, Term
from neural_style.losses.weighted_sum import WeightedSum as WeightedSum
from neural_style.utils.backend import keras

ops = keras.ops

Tensor: TypeAlias = Any
Features: TypeAlias = dict[str, Tensor]
Statistic: TypeAlias = dict[str, Any]
Layers: TypeAlias = Sequence[str] | Mapping[str, float]
Mask: TypeAlias = NDArray[np.float32]


class _LossClass(ABCMeta):
    """The classes of losses, which neither add nor multiply: what they make does.

    An `ABCMeta`, so that a loss may have an abstract base besides.
    """

    def _refuse(cls, *operands: object) -> NoReturn:
        raise OperandError(
            f"expected a loss, got the class {cls.__name__}; make one, {cls.__name__}(…)."
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __neg__ = _refuse
    __array_ufunc__ = None


class Loss(Summand, metaclass=_LossClass):
    """The plugin protocol: a statistic of features, and a distance to a target.

    Parameters
    ----------
    references
        The images the target is measured on: arrays H×W×3, RGB, 0–255. The defaults
        here take one, or none, or with `blended` several.
    layers
        The layers to read instead of the class's own: a sequence, of which every layer
        weighs the same (the loss is the mean over layers), or ``{layer: weight}`` (the
        loss is the weighted sum).
    name
        What the term is called in a sum; by default the class's name in snake case.

    Raises
    ------
    LossError, ImageError
        The layers, the weights or a reference are not usable.
    """

    layers: Layers = ()
    references: tuple[images.Image, ...] = ()
    role: Literal["content", "style", "none"] = "style"
    masks: tuple[Mask, tuple[Mask, ...]] | None = None
    blend_shares: tuple[float, ...] | None = None
    other_distance: distances.Metric | None = None
    refresh_every: int | None = None
    tiling: Literal["mean", "map"] | None = None
    memory: Literal["linear", "quadratic"] = "linear"

    def __init__(
        self, *references: Any, layers: Layers | None = None, name: str | None = None
    ) -> None:
        self.name = default_name(type(self)) if name is None else name
        if not isinstance(self.name, str) or not self.name:
            raise LossError(f"{type(self).__name__}: expected a text as its name, got {name!r}.")
        self.references = _checked_references(type(self), references)
        if layers is not None:
            self.layers = layers
        self.layers = _checked_layers(self.layers, self.name)

    @property
    def layer_weights(self) -> dict[str, float]:
        """Each layer's weight: as given, or one over their number."""
        if isinstance(self.layers, Mapping):
            return dict(self.layers)
        return dict.fromkeys(self.layers, 1 / len(self.layers))

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """What the loss keeps of an image's features; here, all of them."""
        return features

    def target(
        self,
        references: Sequence[Statistic],
        current: Statistic | None,
        rng: np.random.Generator,
    ) -> Any:
        """What `distance` compares with; here, the statistic of the one reference, or the blend."""
        if self.blend_shares is not None:
            return self._blend(references, self.blend_shares)
        if len(references) != 1:
            raise LossError(
                f"{self.name}: expected one reference image, got {len(references)}; for several, "
                f"blend their statistics, Gram(first, second).blended([0.5, 0.5]), or add losses, "
                f"Gram(first) + Gram(second)."
            )
        return references[0]

    def distance(self, current: Statistic, target: Any) -> Tensor:
        """Σ w_l · mean((current_l − target_l)²) over the layers l, with `layer_weights` w."""
        self.check_shapes(current, target)
        squares = [
            weight * ops.mean(ops.square(current[layer] - target[layer]))
            for layer, weight in self.layer_weights.items()
        ]
        return sum(squares[1:], start=squares[0])

    def mass(self, guides: Features) -> Statistic:
        """The weight in all that each entry of a statistic is a mean over; here, a layer's."""
        return {layer: ops.sum(guide) for layer, guide in guides.items()}

    def reach(self, layer: str) -> int:
        """How many positions right of and below its own a statistic reads; here, none."""
        return 0

    def check_shapes(self, current: Statistic, target: Statistic) -> None:
        """Raise `LossError` where a statistic and its target differ in shape."""
        for layer in current:
            ours, theirs = tuple(current[layer].shape), tuple(target[layer].shape)
            if ours != theirs:
                raise LossError(
                    f"{self.name}: at {layer!r} the picture gives {ours} but the reference "
                    f"{theirs}; resize the reference to the picture's size "
                    f"(neural_style.images.resize)."
                )

    def blended(self, shares: Sequence[float]) -> Self:
        """This loss with one target of all its references: Σ share · statistic.

        The blend is of the entries of statistics, of `Gram` the mean Gram matrix, which is one
        style between the references; a sum of losses pulls to each of them. References may
        differ in size. A negative share exaggerates. A statistic that keeps positions, as that of
        a histogram, which is matched later, is not blended: it would be mixed as two pictures are.

        Parameters
        ----------
        shares
            A number for each reference, with a sum of 1.

        Raises
        ------
        LossError
            The shares are of another number than the references, not finite, or of another sum;
            or the statistic keeps positions (``tiling = "map"``, or as an objective finds).
        """
        if self.tiling == "map":
            self.refuse_blend()
        given = tuple(map(number, shares)) if isinstance(shares, Iterable) else ()
        if len(given) != len(self.references) or not math.isclose(sum(given), 1, abs_tol=1e-6):
            raise LossError(
                f"{self.name}: expected {len(self.references)} shares with a sum of 1, one for "
                f"each reference, got {list(given)} with a sum of {sum(given):g}."
            )
        blend = copy.copy(self)
        blend.blend_shares = given
        return blend

    def refuse_blend(self) -> NoReturn:
        """Raise the `LossError` of a loss whose statistic does not aggregate."""
        kind = type(self).__name__
        raise LossError(
            f"{self.name} cannot be blended: its statistic keeps positions, which would be mixed "
            f"one by one; add losses instead, 0.7 * {kind}(first) + 0.3 * {kind}(second)."
        )

    def with_distance(self, distance: Any) -> Self:
        """This loss with a distance of Keras, or a function, instead of its own.

            L = Σ_l w_l · (d(target_l, current_l) − d(target_l, target_l))

        with `layer_weights` w, and without what the loss's own distance has besides them, as
        the ¼ of `Gram`. A loss that is a map (``tiling = "map"``) can be tiled only with those
        known to be means over positions: Keras' squared, absolute, Huber, log-cosh and cosine
        losses.

        Parameters
        ----------
        distance
            A `keras.losses.Loss`, the name of one, as ``"huber"``, or a function of
            (target, current).

        Raises
        ------
        LossError
            It is none of these; at the first evaluation, if the target of this loss is no
            statistic.
        """
        other = copy.copy(self)
        other.other_distance = distances.described(distance, self.name)
        if self.tiling == "map" and not distances.is_pointwise(other.other_distance):
            other.tiling = None
        return other

    def get_config(self) -> dict[str, Any]:
        """The options that, with the references, make this loss again: numbers, text, lists."""
        config: dict[str, Any] = {"layers": self.layers, "name": self.name}
        if self.blend_shares is not None:
            config["blended"] = self.blend_shares
        if self.other_distance is not None:
            config["with_distance"] = distances.config(self.other_distance)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *references: Any) -> Self:
        """A loss from `get_config` and its references."""
        from neural_style.losses.serialization import remade

        made: Self = remade(cls, config, references)
        return made

    def resized(self, factor: float) -> Self:
        """A copy whose references are resized, antialiased, both sides by a factor.

        For a picture that is resized by the same factor. Masks, options, weights and the
        distances among them that are in positions of a layer, stay what they are.
        """
        resized = copy.copy(self)
        resized.references = tuple(
            images.resize(image, size=images.scaled((image.shape[0], image.shape[1]), factor))
            for image in self.references
        )
        return resized

    def terms_of_sum(self) -> tuple[Term, ...]:
        """This loss as the one term of a sum, with weight 1."""
        return (Term(self.name, 1.0, self),)

    def __getstate__(self) -> dict[str, Any]:
        if self.other_distance is None:
            return vars(self)
        # Keras copies and pickles its losses without some of their options, as Huber's delta.
        return vars(self) | {"other_distance": distances.config(self.other_distance)}

    def __repr__(self) -> str:
        from neural_style.losses.serialization import text

        return text(self)

    def _blend(self, references: Sequence[Statistic], shares: Sequence[float]) -> Statistic:
        blend = {}
        for entry in references[0]:
            own = [each[entry] for each in references]
            if len({x.shape for x in own}) != 1:
                raise LossError(
                    f"{self.name}: at {entry!r} the references to blend give "
                    f"{', '.join(str(x.shape) for x in own)}; resize them to one size "
                    f"(neural_style.images.resize)."
                )
            blend[entry] = sum(share * x for share, x in zip(shares, own, strict=True))
        return blend


def _checked_references(kind: type[Loss], references: Sequence[Any]) -> tuple[images.Image, ...]:
    measures = kind.target is Loss.target or any(
        each.__dict__.get("role", "none") != "none" for each in kind.__mro__ if each is not Loss
    )
    if not references and measures:
        raise LossError(
            f"{kind.__name__}: expected a reference picture, got none; write "
            f"{kind.__name__}(painting)."
        )
    for each in references:
        pictures = each if isinstance(each, list | tuple) else ()
        if any(
            isinstance(x, str | os.PathLike) or (isinstance(x, np.ndarray) and x.ndim > 2)
            for x in pictures
        ):
            raise LossError(
                f"{kind.__name__}: expected each reference by itself, got a {type(each).__name__} "
                f"of {len(each)}; write {kind.__name__}(a, b).blended([0.5, 0.5]), or "
                f"{kind.__name__}(a) + {kind.__name__}(b)."
            )
    return tuple(images.as_image(each, f"{kind.__name__}'s reference") for each in references)


def default_name(kind: type[Loss]) -> str:
    """The class's name in snake case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


def weighted_mean(x: Tensor, guide: Tensor | None, axis: Any = None) -> Tensor:
    """The mean over positions, Σ g·x / Σ g, where a guide weighs them; 0 where all weigh 0.

    x: (1, h, w, channels); guide: (1, h, w, 1), or None. ``axis`` are those of the mean, the
    positions' (1, 2) among them; by default all.

    >>> x = np.reshape([1.0, 2, 3, 6], (1, 2, 2, 1))
    >>> float(weighted_mean(x, None)), float(weighted_mean(x, np.ones((1, 2, 2, 1)) * (x > 2)))
    (3.0, 4.5)
    """
    if guide is None:
        return ops.mean(x, axis)
    return ops.divide_no_nan(ops.mean(guide * x, axis), ops.mean(guide))


def _checked_layers(layers: Any, name: str) -> tuple[str, ...] | dict[str, float]:
    if isinstance(layers, str):
        raise LossError(f"{name}: layers={layers!r} is one string; expected a list of names.")
    names = tuple(layers) if isinstance(layers, Iterable) else ()
    if not names or not all(isinstance(layer, str) for layer in names):
        raise LossError(f"{name}: expected the names of one or more layers, got {layers!r}.")
    if len(set(names)) != len(names):
        raise LossError(f"{name}: a layer is named twice in {layers!r}.")
    if not isinstance(layers, Mapping):
        return names
    for layer, weight in layers.items():
        if not 0 <= number(weight) <= float(np.finfo(np.float32).max):
            raise LossError(
                f"{name}: expected a weight of 0 or more, finite in float32, for {layer!r}, got "
                f"{weight!r}; to turn a loss round, give the whole of it a negative weight."
            )
    if not any(map(np.float32, layers.values())):
        raise LossError(
            f"{name}: every layer weighs 0, so that nothing is compared; leave out those that are "
            f"not to be read."
        )
    return {layer: float(weight) for layer, weight in layers.items()}
