"""Coarse to fine: the scales of a run, each with its size, its budget and its objective.

    plan(loss, features, size, scales, evaluations) -> [Scale(size, budget, objective), …]
    coarser(size, *others) -> the coarser scales that `transfer` uses for that size

The last scale has the size of the run's start. At a coarser scale, the picture and every original
reference of the losses are resized by the same factor. So the receptive field of a layer covers a
larger part of both.
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

_THINNEST = 40  # pixels: the least short side of a coarser scale


@dataclass(frozen=True)
class Scale:
    """A size, the most evaluations there, and the objective, its targets not yet measured."""

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
    """The scales of a run that starts from a picture of ``size``; options as in `minimize`.

    Raises
    ------
    StyleError
        As `Objective`; or ``scales`` or ``evaluations`` are invalid; or a loss cannot be used
        at one of the scales, which the message names.
    """
    sides = checked_sides(scales, max(size))
    budgets = _budgets(evaluations, sides)
    planned = [Scale(size, budgets[-1], Objective(loss, features, size, seed=seed, tile=tile))]
    for side, budget in zip(sides[:-1], budgets, strict=False):
        factor = side / max(size)
        scaled = images.scaled(size, factor)
        try:
            objective = Objective(loss.resized(factor), features, scaled, seed=seed, tile=tile)
            if side == sides[0]:  # a loss that fits the smallest scale fits all
                _trace(objective, features, scaled)
        except StyleError as error:
            raise type(error)(f"at the scale of {scaled[0]}×{scaled[1]} pixels: {error}") from error
        planned.insert(-1, Scale(scaled, budget, objective))
    return planned


def coarser(size: Size, *others: Size) -> tuple[int, ...]:
    """The coarser long sides of a picture: repeated halves, increasing.

    Halving stops before a short side, of any size given, under 40 pixels.

    A receptive field has the same size in pixels at every scale, so it covers a smaller part of a
    larger picture. Coarse scales move large forms, and an evaluation takes less time there. With
    the default loss at 256 pixels, a coarsest scale of 64 gives a much stronger style than one of
    128. With Gram matrices and Montreal × Fuchun mountains, at 2048 pixels, 198 evaluations, 8 of
    them at the last size, painted everything except the outermost 8 pixels. At the same cost, 21
    evaluations at that size alone left the photo as it was, with 2.4 times the loss.

    Noise has no large forms, and at a single scale the optimizer fills it with ragged fine lines:
    measured with Gram matrices at 128 pixels with one pair and 60 evaluations, with white, pink,
    blurred and nearly no noise alike. After 60 evaluations at 64 pixels, 30 at 128 gave large
    smooth strokes, and a loss 15 % lower.

    >>> coarser((384, 512)), coarser((512, 384), (512, 130)), coarser((70, 100))
    ((64, 128, 256), (256,), ())
    """
    side, thinnest = max(size), min(map(min, (size, *others)))
    halves: list[int] = []
    while thinnest >= 2 * _THINNEST:
        side, thinnest = side // 2, thinnest // 2
        halves.append(side)
    return tuple(halves[::-1])


def checked_sides(scales: Sequence[int], last: int) -> list[int]:
    """The long sides of all scales, including the start's, or an `OptionError`."""
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
            f"scales: expected increasing long sides, at most the start's {last} pixels, "
            f"got {scales!r}; resize the start, or leave out the scales that are too large."
        )
    return sorted({*map(int, scales), last})


def _budgets(evaluations: int | Sequence[int], sides: list[int]) -> list[int]:
    """The evaluations of every scale."""
    if not isinstance(evaluations, list | tuple):
        return [check_count("evaluations", evaluations)] * len(sides)
    if len(evaluations) != len(sides):
        raise OptionError(
            f"evaluations: expected one number, or one for each scale, of "
            f"{', '.join(map(str, sides))} pixels (the start's included), got {evaluations!r}."
        )
    return [check_count("evaluations", budget) for budget in evaluations]


def _trace(objective: Objective, features: FeatureModel, size: Size) -> None:
    """Trace every statistic, so that features too small for one raise an error now."""
    for loss in (term.loss for term in objective.terms):
        statistics = tf.function(functools.partial(calls.statistics, loss), autograph=False)
        sizes = {size, *((image.shape[0], image.shape[1]) for image in loss.references)}
        for image_size in sizes:
            shapes = features.shapes(loss.layers, image_size)
            specs = {layer: tf.TensorSpec((1, *shape)) for layer, shape in shapes.items()}
            statistics.get_concrete_function(specs)
