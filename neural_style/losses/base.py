"""The base class of losses, in one file because one constructor checks all that a loss has."""

from __future__ import annotations

import copy
import inspect
import math
import os
from abc import ABCMeta
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn, Self

import numpy as np

from neural_style import images, ops
from neural_style.errors import LossError, OperandError, number, suggestion
from neural_style.losses import distance as distances
from neural_style.losses import options
from neural_style.losses.calls import call, check_shapes
from neural_style.losses.mean import Means
from neural_style.losses.serialization import remade, text
from neural_style.losses.types import (
    BaseLoss,
    Features,
    References,
    Rng,
    Statistic,
    Tensor,
    default_name,
)
from neural_style.losses.weighted_sum import Summand, Term


class _LossClass(ABCMeta):
    """The metaclass of losses: classes do not add or multiply, only instances do.

    It is an `ABCMeta`, so a loss may have a second, abstract base.
    """

    def _refuse(cls, *operands: object) -> NoReturn:
        raise OperandError(
            f"expected a loss, got the class {cls.__name__}; make one, {cls.__name__}(…)."
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __neg__ = _refuse
    __array_ufunc__ = None


class Loss(Summand, BaseLoss, metaclass=_LossClass):
    """The whole protocol: statistics of features, a target, and a distance.

    Parameters
    ----------
    references
        The images to measure the target on: arrays H×W×3, RGB, 0–255. By default a loss takes
        one reference or none, and several with `blended`.
    layers
        The layers to read instead of the class's own. With a sequence, every layer has the
        same weight (the loss is the mean over layers). With ``{layer: weight}``, the loss is
        the weighted sum.
    name
        The name of the term in a sum; by default the class's name in snake case.

    Raises
    ------
    LossError, ImageError
        An option, a layer, a weight or a reference is invalid.
    """

    _options: ClassVar[dict[str, options.Option]] = {
        "layers": options.Option((), options.layer_names),
        "name": options.Option(None),
    }
    __signature__: ClassVar[inspect.Signature] = options.signature(_options, takes_references=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.tiling == "map" and not hasattr(cls, "transform"):
            raise LossError(
                f'{cls.__name__}: only a FeatureLoss may have tiling = "map", since its distance '
                f"has a value for every position; derive from FeatureLoss."
            )
        found = options.collect(cls, cls._options)
        # The protocol's own come last, where they are read.
        cls._options = {n: found[n] for n in sorted(found, key=("layers", "name").__contains__)}
        cls.__signature__ = (
            options.without_self(cls.__init__)
            if "__init__" in vars(cls)
            else options.signature(cls._options, cls.role != "none")
        )

    def __init__(self, *references: Any, **given: Any) -> None:
        known = type(self)._options
        if self.role == "none":
            where = default_name(type(self))
            given, references = options.named(where, known, references, given), ()
        given = {key: x for key, x in given.items() if x is not None or key != "layers"}
        self.name = _checked_name(type(self), given.pop("name", None))
        for key in given:
            if key not in known:
                raise LossError(f"{self.name}: no option {key!r}: {suggestion(key, known)}.")
        for key, each in known.items():
            value = getattr(self, key) if key == "name" else given.get(key, each.default)
            if value is options.REQUIRED:
                raise LossError(f"{self.name}: the option {key}=… must be given.")
            where = self.name if key == "layers" else f"{self.name}'s {key}"
            setattr(self, key, each.check(where, value))
        self.references = _checked_references(type(self), references)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the options together; called after they are set."""

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """The statistics of an image's features; by default the features themselves."""
        return features

    def target(self, references: References, current: Any, rng: Rng) -> Any:
        """What `distance` compares with; by default the statistics of the one reference."""
        if self.role == "none":
            return None
        if len(references) != 1:
            raise LossError(
                f"{self.name}: expected one reference image, got {len(references)}; for several, "
                f"blend their statistics, Gram(first, second).blended([0.5, 0.5]), or add losses, "
                f"Gram(first) + Gram(second)."
            )
        return references[0]

    def distance(self, current: Any, target: Any) -> Tensor:
        """Σ w_l · mean((current_l − target_l)²), one entry for each layer l, `layer_weights` w."""
        check_shapes(self.name, current, target)
        weights = self.layer_weights
        squares = [
            weights[layer] * ops.mean(ops.square(each - target[layer]))
            for layer, each in current.items()
        ]
        return sum(squares[1:], start=squares[0])

    def value(self, current: Statistic, target: Any, mean: Means) -> Tensor:
        """What the library adds to an objective: `distance`, or the one of `with_distance`."""
        if self.other_distance is None:
            return call(self, "distance", current, target)
        return distances.between(self, self.other_distance, current, target)

    def blended(self, shares: Sequence[float]) -> Self:
        """This loss with one target for all its references: Σ share · statistic.

        A blend averages means over positions. For `Gram` it is the mean Gram matrix: one style
        between the references, whereas a sum of losses pulls to each reference. References may
        differ in size. A negative share exaggerates. A statistic that keeps positions cannot be
        blended, since its positions would be mixed one by one, as in a cross-fade.

        Parameters
        ----------
        shares
            A number for each reference, with a sum of 1.

        Raises
        ------
        LossError
            There is not one share for each reference, a share is not finite, or their sum is not
            1; or the statistic keeps positions, which an objective checks if ``tiling`` is not
            "map".
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
        """Raise the `LossError` for a loss whose statistic keeps positions."""
        kind = type(self).__name__
        raise LossError(
            f"{self.name} cannot be blended: its statistic keeps positions, which would be mixed "
            f"one by one; add losses instead, 0.7 * {kind}(first) + 0.3 * {kind}(second)."
        )

    def with_distance(self, distance: Any) -> Self:
        """This loss with a Keras loss or a function as its distance.

            L = Σ_l w_l · (d(target_l, current_l) − d(target_l, target_l))

        with `layer_weights` w. Other factors of the loss's own distance, such as the ¼ of `Gram`,
        do not apply. d compares summaries of statistics. A `FeatureLoss` can be tiled and guided
        only if d returns a value for every position.

        Parameters
        ----------
        distance
            A `keras.losses.Loss`, its name, for example ``"huber"``, or a function of
            (target, current).

        Raises
        ------
        LossError
            The distance is something else; or, at the first evaluation, the target of this loss
            is not a statistic.
        """
        other = copy.copy(self)
        other.other_distance = distances.described(distance, self.name)
        if self.tiling == "map" and not distances.is_pointwise(other.other_distance):
            other.tiling = None
        return other

    def get_config(self) -> dict[str, Any]:
        """The options, as numbers, text and lists; they and the references make this loss again."""
        config = {name: getattr(self, name) for name in type(self)._options}
        if self.blend_shares is not None:
            config["blended"] = self.blend_shares
        if self.other_distance is not None:
            config["with_distance"] = distances.config(self.other_distance)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *references: Any) -> Self:
        """A loss from `get_config` and its references."""
        made: Self = remade(cls, config, references)
        return made

    def resized(self, factor: float) -> Self:
        """A copy whose references are resized by a factor, both sides, with antialiasing.

        It is for a picture resized by the same factor. Masks, options and weights do not change,
        not even distances in positions of a layer.
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
        # Keras copies and pickles its losses without some options, such as Huber's delta.
        return vars(self) | {"other_distance": distances.config(self.other_distance)}

    def __eq__(self, other: object) -> bool:
        """Whether the other has the same class, options, references and masks."""
        return (
            isinstance(other, Loss)
            and type(self) is type(other)
            and self.get_config() == other.get_config()
            and _pictures(self) == _pictures(other)
        )

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        return text(self)


def _checked_references(kind: type[Loss], references: Sequence[Any]) -> tuple[images.Image, ...]:
    measures = kind.role != "none" and (
        kind.target is Loss.target
        or any(
            vars(each).get("role", "none") != "none"
            for each in kind.__mro__
            if not issubclass(Loss, each)
        )
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
                f"{kind.__name__}: expected each reference as an argument, got a "
                f"{type(each).__name__} of {len(each)}; write "
                f"{kind.__name__}(a, b).blended([0.5, 0.5]), or "
                f"{kind.__name__}(a) + {kind.__name__}(b)."
            )
    return tuple(images.as_image(each, f"{kind.__name__}'s reference") for each in references)


def _pictures(loss: Loss) -> list[str]:
    masks = [] if loss.masks is None else [loss.masks[0], *loss.masks[1]]
    return [images.digest(each) for each in (*loss.references, *masks)]


def _checked_name(kind: type[Loss], name: Any) -> str:
    if name is None:
        return default_name(kind)
    if not isinstance(name, str) or not name:
        raise LossError(f"{kind.__name__}: expected a string as its name, got {name!r}.")
    return name
