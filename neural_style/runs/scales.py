"""Coarse to fine: the scales of a run, each with its size, its budget and its objective.

    plan(loss, features, size, scales, evaluations) -> [Scale(size, budget, objective), …]
    coarser(size, *others) -> the scales that `transfer` takes before a picture of that size

The last scale has the size of the run's start. At a coarser one every reference of the
losses is resized by the factor that the picture is, from the original, so that what a layer
sees at once is a larger part of both.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

from neural_style import images
from neural_style.errors import OptionError, StyleError, check_count
from neural_style.features.model import FeatureModel
from neural_style.images import Size
from neural_style.losses import calls
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.objective.objective import Objective
from neural_style.utils.backend import tf

_WHOLE, _LEAST, _THINNEST = 512, 256, 64  # pixels


@dataclass(frozen=True)
class Scale:
    """A size, the evaluations there, at most, and the objective, whose targets are not measured."""

    size: Size
    budget: int
    objective: Objective


def plan(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    size: Size,
    scales: Sequence[int],
    evaluations: int | Sequence[int],
    *,
    seed: int,
    tile: int | None,
) -> list[Scale]:
    """The scales of a run from a picture of ``size``; the options are those of `minimize`.

    Raises
    ------
    StyleError
        As `Objective`; ``scales`` or ``evaluations`` do not fit; or a loss does not fit one of
        the scales, which is named.
    """
    sides = _sides(scales, max(size))
    budgets = _budgets(evaluations, sides)
    found = [Scale(size, budgets[-1], Objective(loss, features, size, seed=seed, tile=tile))]
    for side, budget in zip(sides[:-1], budgets, strict=False):
        factor = side / max(size)
        own = images.scaled(size, factor)
        try:
            objective = Objective(loss.resized(factor), features, own, seed=seed, tile=tile)
            if side == sides[0]:  # what fits here fits wherever there is more
                _trace(objective, features, own)
        except StyleError as error:
            raise type(error)(f"at the scale of {own[0]}×{own[1]} pixels: {error}") from error
        found.insert(-1, Scale(own, budget, objective))
    return found


def coarser(size: Size, *others: Size) -> tuple[int, ...]:
    """Halves of a longer side of more than 512 pixels, increasing.

    None is of fewer than 256 pixels, or leaves a shorter side, of the ``others`` too, under 64.

    A layer sees as many pixels at every size, so of a large picture ever smaller parts. At 1024
    pixels 60 evaluations kept the blue of the photo's sky and its buildings' reflections; at about
    the same cost from coarse to fine all is painted, with a loss 5 % higher (Montreal × Fuchun
    mountains). At 2048, 198 evaluations of which 8 were of the last size painted all of it, but for
    the outermost 8 pixels; 21 at that size alone, of the same cost, left the photo as it was, with
    2.4 times the loss. At 512 pixels 20 evaluations after 80 at 256 came to a loss 7 % higher than
    40, and to no better picture.

    >>> coarser((384, 512)), coarser((1024, 768)), coarser((1024, 768), (1024, 130))
    ((), (256, 512), (512,))
    """
    side, thinnest = max(size), min(map(min, (size, *others)))
    halves: list[int] = []
    while (side > _WHOLE or (halves and side >= 2 * _LEAST)) and thinnest >= 2 * _THINNEST:
        side, thinnest = side // 2, thinnest // 2
        halves.append(side)
    return tuple(halves[::-1])


def _sides(scales: Sequence[int], last: int) -> list[int]:
    """The long sides of all scales, the start's included."""
    if (
        not isinstance(scales, Sequence)
        or isinstance(scales, str | bytes)  # which may be empty
        or not all(isinstance(side, Integral) and side > 1 for side in scales)
    ):
        raise OptionError(
            f"scales: expected long sides in whole pixels, such as (256, 512), got {scales!r}."
        )
    if not all(a < b for a, b in itertools.pairwise(scales)) or max(scales, default=0) > last:
        raise OptionError(
            f"scales: expected increasing long sides, none above the start's of {last} pixels, "
            f"got {scales!r}; resize the start, or leave out what is too large."
        )
    return sorted({*map(int, scales), last})


def _budgets(evaluations: int | Sequence[int], sides: list[int]) -> list[int]:
    """The evaluations of every scale."""
    if not isinstance(evaluations, list | tuple):
        return [check_count("evaluations", evaluations)] * len(sides)
    if len(evaluations) != len(sides):
        raise OptionError(
            f"evaluations: expected one number, or one for each of the scales of "
            f"{', '.join(map(str, sides))} pixels, the start's own among them, got {evaluations!r}."
        )
    return [check_count("evaluations", each) for each in evaluations]


def _trace(objective: Objective, features: FeatureModel, size: Size) -> None:
    """Trace every statistic, so that one for which features are too small says so."""
    for loss in (term.loss for term in objective.terms):
        statistics = tf.function(functools.partial(calls.statistics, loss), autograph=False)
        sizes = {size, *((image.shape[0], image.shape[1]) for image in loss.references)}
        for own in sizes:
            shapes = features.shapes(loss.layers, own)
            specs = {layer: tf.TensorSpec((1, *shape)) for layer, shape in shapes.items()}
            statistics.get_concrete_function(specs)
