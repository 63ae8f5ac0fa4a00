"""`transfer`: paint a photo in the style of a painting, in one call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from neural_style import images
from neural_style.errors import OptionError, advice, check_callables, described
from neural_style.features.model import FeatureModel
from neural_style.images import Image, Picture
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum
from neural_style.objective.estimate import Tile
from neural_style.optimizers.parameterization import Parameterization
from neural_style.recipes import presets
from neural_style.recipes.default import (
    MARGIN,
    PARAMETERIZATION,
    budgets,
    default_loss,
    has_default,
    scales_of,
)
from neural_style.recipes.draft import PADDING, Draft, Options, Preset
from neural_style.recipes.strength import STRENGTH, check_strength, content_weight
from neural_style.recipes.styles import several, styles_of, total
from neural_style.recipes.time_budget import check_minutes, evaluations_within
from neural_style.runs.loop import Callback, Verbose
from neural_style.runs.result import Result
from neural_style.utils.files import check_not_read


def transfer(
    content: Picture,
    style: Picture | Sequence[Picture],
    *,
    style_weights: Sequence[float] | None = None,
    content_mask: Picture | Sequence[Picture | None] | None = None,
    style_mask: Picture | Sequence[Picture | None] | None = None,
    preset: str | None = None,
    loss: Callable[[Image, Image], Loss | WeightedSum] | None = None,
    size: int | None = None,
    short_side: int | None = None,
    style_size: int | None = None,
    color: Literal["match", "luminance", "oklab"] | None = None,
    start: str | Image | None = None,
    scales: Sequence[int] | None = None,
    evaluations: int | Sequence[int] | None = None,
    minutes: float | None = None,
    strength: float | None = None,
    features: FeatureModel | None = None,
    padding: str | None = None,
    optimizer: Any = None,
    parameterization: str | Parameterization | None = None,
    average: float | None = None,
    callbacks: Iterable[Callback] = (),
    verbose: Verbose = "auto",
    seed: int = 0,
    tile: Tile = "auto",
    output: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 50,
) -> Result:
    """Paint the content picture in the style of the style picture.

    Parameters
    ----------
    content, style
        Files, as in `images.load`, or arrays H×W×3, RGB, 0–255. ``style`` may be a list; the
        losses of its pictures are added. Transparent pixels are painted as if they were white,
        and the result is as transparent as the content (`Result.opacity`).
    style_weights
        A positive number for each style. Only their ratios matter. By default all are equal.
    content_mask
        Where the style is painted: a picture, as for `guided`, that is stretched to the content.
        White areas are painted. Black and transparent areas are left to the losses of the content,
        so from the default start they remain almost as in the photo, except near the border. Gray
        areas are painted in proportion. With several styles, a list with a mask or None for each
        gives each style its own region.
    style_mask
        The part of the style picture that is used, likewise. The losses of the style must compare
        means over positions, as `Gram` does, or take matches from anywhere, as `NearestNeighbors`.
    preset
        The name of a published objective and run, one of `neural_style.presets.names`.
        Arguments given here replace the preset's settings.
    loss
        Only without a preset: a function from the two pictures, at their final sizes, to a loss;
        by default `default_loss`, with the photo extended by a margin of 8 pixels at each side,
        which is cut off in the end. A sum that contains the default terms, with any weights and
        masks, is minimized with the default scales and parameterization. An example is
        ``lambda photo, painting: default_loss(photo, painting) + 3 * mine(painting)``.
    size
        The longer side of both pictures in pixels; by default 512, or the preset's.
    short_side
        The shorter side of both, instead of ``size``.
    style_size
        The longer side of the style pictures. Larger style pictures give larger strokes. By
        default they are resized like the content.
    color
        How to keep the content's colors. ``"match"`` first gives its palette to the style.
        ``"luminance"`` paints in gray and then restores the content's chroma. ``"oklab"`` gives
        the result the content's hues in the palette of the style, of the first if there are
        several (`neural_style.color`). By default the colors are those of the style.
    start
        ``"content"`` (default), ``"noise"`` (from the seed, by `images.noise` or the preset), or
        an array, which is resized to the content's final size. With ``scales``, the start is
        resized to the first scale, which removes the finest noise.
    scales
        As in `minimize`, of the picture. By default, with the default loss, a picture is first
        painted at halves of its size, down to a short side of 40 pixels
        (`neural_style.runs.scales.coarser`). With another loss, a preset or a list of evaluations,
        only the final size is used, as with ``()``.
    evaluations
        As in `minimize`, at every scale. By default the preset's; with the default loss 40 at the
        first scale, 20 at the last and 30 between; with another loss 300.
    minutes
        The time for the run, instead of ``evaluations``: those of all scales are multiplied by
        the same factor, so that the run takes about so long on this machine. The record has the
        numbers, which `rerun` and `resume` repeat without the clock.
    strength
        How strong the style of the default loss is, from 0 (the photo) to 1 (the most style that
        keeps the content, `neural_style.recipes.strength`), by default 0.5. It means about the same
        for every pair: the weight of the content is found by up to five small runs, about 15
        seconds with two cores. The record has the weight, so that `rerun` and `resume` do not
        search. A preset and a loss have their own weights: ``loss=default_loss`` has no search.
    features
        The feature model; by default VGG19 with max pooling, loaded once in each process.
    padding
        What the network reads outside the pictures, as in `FeatureModel`: by default that of
        ``features`` or of the preset, and otherwise ``"symmetric"``, which leaves no pale frame.
        With ``"periodic"``, the result is a seamless tile.
    parameterization
        As in `minimize`. By default ``"wavelets"`` with the default loss; ``"pixels"`` with another
        loss, a preset or a Keras optimizer.
    average, optimizer, callbacks, verbose, seed, tile, output, checkpoint, checkpoint_every
        As in `minimize`.

    Raises
    ------
    StyleError
        As `images.load` and `minimize`; or the preset is unknown; or both a preset and a loss are
        given, or a strength with one of them.
    """
    began = time.monotonic()
    if minutes is not None and evaluations is not None:
        raise OptionError("expected either minutes or evaluations, got both.")
    if strength is None:
        strength = STRENGTH
    elif preset is not None or loss is not None:
        raise OptionError(
            f"{advice('strength', '--strength')}: got {strength!r}, but it is for the default "
            f"loss, and this run has {'a preset' if loss is None else 'a loss'}: set its weights."
        )
    strength = check_strength(strength)
    if minutes is not None:
        check_minutes(minutes)
    styles, *masks = map(several, (style, content_mask, style_mask))
    if output is not None:
        check_not_read({"output": output}, [content, *styles, *masks[0], *masks[1]], OptionError)
        images.check_output(output)
    content, styles = images.repeatable(content), [images.repeatable(picture) for picture in styles]
    arguments = {
        "size": size,
        "short_side": short_side,
        "style_size": style_size,
        "color": color,
        "start": start,
        "scales": scales,
        "evaluations": evaluations,
        "features": features,
        "padding": padding,
        "optimizer": optimizer,
        "parameterization": parameterization,
        "average": average,
        "seed": seed,
        "tile": tile,
    }
    options: Any = {name: value for name, value in arguments.items() if value is not None}
    run: Any = {
        "callbacks": check_callables("callbacks", callbacks),
        "verbose": verbose,
        "output": output,
        "checkpoint": checkpoint,
        "checkpoint_every": checkpoint_every,
    }
    ready = prepared(
        content,
        styles,
        style_weights,
        preset,
        loss,
        options,
        content_mask=content_mask,
        style_mask=style_mask,
        strength=strength,
        check=lambda preset: preset.check(**run),
    )
    if minutes is not None:
        ready.check(**run)
        ready = replace(ready, evaluations=evaluations_within(minutes, ready, began))
    return ready.run(**run)


def prepared(
    content: Picture,
    style: Picture | Sequence[Picture],
    style_weights: Sequence[float] | None,
    preset: str | None,
    loss: Callable[[Image, Image], Loss | WeightedSum] | None,
    options: Options,
    *,
    content_mask: Any = None,
    style_mask: Any = None,
    strength: float | None = None,
    check: Callable[[Preset], object] = lambda preset: None,
) -> Preset:
    """The objective and the settings for the arguments of `transfer`; raises the same errors.

    With the default loss and a strength, ``check`` is called before the search.
    """
    if preset is not None and loss is not None:
        raise OptionError(f"the preset {preset!r} has its own loss: pass a preset or a loss.")
    make = default_loss if loss is None else loss
    if not callable(make) or isinstance(make, type):
        raise OptionError(
            f"loss: expected a function from two pictures to a loss, got {described(loss)}; write "
            f"lambda photo, painting: …, or pass a loss to neural_style.minimize."
        )

    pictures = several(style)
    styles = styles_of(len(pictures), style_weights, content_mask, style_mask)
    pairs: list[Draft] = []
    if preset is not None:
        drafts = [presets.find(preset)(content, picture, **options) for picture in pictures]
    else:
        source: Any = {
            "whole": round,
            "padding": PADDING,
            "evaluations": 300,
            "parameterization": PARAMETERIZATION,
            "margin": MARGIN if loss is None else 0,
        }
        pairs = [
            Draft(content, picture, options, "long_side", 512, **source) for picture in pictures
        ]
        drafts = [pair.preset(make(pair.photo, pair.painting)) for pair in pairs]
    first = drafts[0]
    size = first.start.shape[0], first.start.shape[1]

    def with_losses(losses: Sequence[Loss | WeightedSum]) -> Preset:
        return replace(first, loss=total(losses, styles, size, first.margin))

    first = with_losses([draft.loss for draft in drafts])
    if preset is not None:
        return first
    if not has_default(first.loss):
        own = "parameterization" in options
        return first if own else replace(first, parameterization="pixels")
    if "scales" not in options and not isinstance(first.evaluations, Sequence):
        first = replace(first, scales=scales_of(first.loss, size))
    if "evaluations" not in options:
        coarser = [side for side in first.scales if side != max(size)]
        first = replace(first, evaluations=budgets(coarser))
    if loss is None and strength is not None:  # last, since it takes time
        check(first)
        seed = options.get("seed", 0)

        def searched(pair: Draft) -> WeightedSum:
            pictures = pair.photo, pair.painting
            weight = content_weight(strength, *pictures, pair.features, seed=seed)
            return default_loss(*pictures, weight)

        first = with_losses(list(map(searched, pairs)))
    return first
