"""The arguments of `minimize`, checked and prepared, before anything is evaluated."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

from neural_style import images
from neural_style.errors import ImageError, OptionError, advice, check_count, shown
from neural_style.features.model import FeatureModel, check_model
from neural_style.images import Image, Opacity
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum, terms_of
from neural_style.objective.estimate import Tile, fitting
from neural_style.optimizers import drivers
from neural_style.optimizers.base import Driver
from neural_style.optimizers.lbfgs import LBFGS
from neural_style.optimizers.parameterization import Parameterization, Pixels, resolve
from neural_style.runs import record as records
from neural_style.runs.average import check as check_average
from neural_style.runs.loop import Callback, Verbose
from neural_style.runs.progress import with_progress
from neural_style.runs.scales import Scale, plan
from neural_style.runs.storage import Pictures

_RESTART = -1  # what has a period without being a term


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a run needs: its scales, its driver and its record."""

    start: Image
    scales: list[Scale]
    variables: Parameterization
    driver: Callable[[], Driver]
    due: dict[int, int]  # the evaluations between two refreshes, of each term that has them
    callbacks: tuple[Callable[..., object], ...]
    average: float | None
    margin: int
    seed: int
    chroma: Image | None
    palette: Image | None
    opacity: Opacity | None
    record: Mapping[str, Any]
    pictures: Pictures


def prepare(
    loss: Loss | WeightedSum,
    features: FeatureModel,
    start: Image,
    *,
    scales: Sequence[int],
    evaluations: int | Sequence[int],
    optimizer: Any,
    restart_every: int | None,
    clip: Literal["round", "step"],
    parameterization: str | Parameterization,
    callbacks: Iterable[Callback],
    verbose: Verbose,
    seed: int,
    tile: Tile,
    chroma: Image | None,
    palette: Image | None = None,
    average: float | None = None,
    margin: int = 0,
    opacity: Opacity | None,
    output: str | os.PathLike[str] | None,
) -> Prepared:
    """Check the arguments of `minimize`. It raises the same errors, and evaluates nothing."""
    terms_of(loss)
    check_model(features)
    start = images.as_image(start, "start", any_range=True)
    if chroma is not None:
        chroma = images.as_image(chroma, "chroma")
        if chroma.shape != start.shape:
            raise ImageError(
                f"chroma: expected the start's size of {start.shape[0]}×{start.shape[1]}, got "
                f"{chroma.shape[0]}×{chroma.shape[1]}; resize it with neural_style.images.resize."
            )
    if palette is not None:
        palette = images.as_image(palette, "palette")
        if chroma is None:
            raise OptionError("palette: expected a picture in chroma, too, whose hues it changes.")
    if opacity is not None:
        opacity = images.as_opacity(opacity, start.shape[:2])
    whole = isinstance(margin, Integral) and not isinstance(margin, bool)
    if not whole or not 0 <= 2 * margin < min(start.shape[:2]):
        raise OptionError(
            f"margin: expected a whole number of pixels from 0, less than half of the start's "
            f"{start.shape[0]}×{start.shape[1]}, got {shown(margin)}."
        )
    optimizer = LBFGS() if optimizer is None else optimizer
    if restart_every is not None:
        check_count("restart_every", restart_every)
    if clip not in ("round", "step"):
        raise OptionError(f"clip: expected 'round' or 'step', got {clip!r}.")
    driver = functools.partial(drivers.driver, optimizer, clip_steps=clip == "step")
    resumes_there = driver().resumes_there
    variables = resolve(parameterization)
    if clip == "step" and not isinstance(variables, Pixels):
        raise OptionError(
            "clip='step' is for pixels: use clip='round', or parameterization='pixels'."
        )
    if output is not None:
        images.check_output(output)
    size = start.shape[0], start.shape[1]
    tile = fitting(loss, features, size, tile, optimizer)
    planned = plan(loss, features, size, scales, evaluations, seed=seed, tile=tile)
    average = check_average(average, [scale.budget for scale in planned])
    periods = {i: t.loss.refresh_every for i, t in enumerate(loss.terms_of_sum())}
    periods[_RESTART] = restart_every
    due = {i: n for i, n in periods.items() if n}
    if not resumes_there and 1 in due.values():
        raise OptionError(
            "a round of one evaluation leaves no evaluation for a step of L-BFGS: "
            + advice(
                "set refresh_every and restart_every higher, or use a Keras optimizer.",
                "set it higher, as --option histogram.refresh_every=50 does of a loss.",
            )
        )
    record, pictures = records.describe(
        WeightedSum(loss.terms_of_sum()),
        features,
        start,
        chroma,
        palette,
        opacity,
        optimizer=optimizer,
        variables=variables,
        scales=scales,
        evaluations=evaluations,
        restart_every=restart_every,
        clip=clip,
        seed=seed,
        tile=tile,
        average=average,
        margin=margin,
    )
    return Prepared(
        start=start,
        scales=planned,
        variables=variables,
        driver=driver,
        due=due,
        callbacks=with_progress(callbacks, verbose),
        average=average,
        margin=margin,
        seed=seed,
        chroma=chroma,
        palette=palette,
        opacity=opacity,
        record=record,
        pictures=pictures,
    )
