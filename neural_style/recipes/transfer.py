"""`transfer`: paint a photo in the style of a painting, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from neural_style import images
from neural_style.errors import OptionError, described
from neural_style.features.model import FeatureModel
from neural_style.images import Image, Picture
from neural_style.losses import registry
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum, terms_of
from neural_style.objective.estimate import Tile
from neural_style.optimizers.parameterization import Parameterization
from neural_style.recipes import presets
from neural_style.recipes.draft import PADDING, Draft, Options, Preset
from neural_style.recipes.styles import several, styles_of, total
from neural_style.recipes.time_budget import evaluations_within
from neural_style.runs.loop import Callback, Verbose
from neural_style.runs.result import Result
from neural_style.runs.scales import coarser
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
        by default `default_loss`. A sum that contains the default terms, with any weights and
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
        As in `minimize`. By default, with the default loss, a picture of more than 512 pixels
        is first painted at halves of its size, down to 256 (`neural_style.runs.scales.coarser`).
        From noise, pictures of every size are, down to a short side of 64 pixels.
        With another loss, a preset or a list of evaluations, only the final size is used, as with
        ``()``.
    evaluations
        As in `minimize`, at every scale; by default 300.
    minutes
        The time for the run, instead of ``evaluations``: those of all scales are multiplied by
        the same factor, so that the run takes about so long on this machine. The record has the
        numbers, which `rerun` and `resume` repeat without the clock.
    features
        The feature model; by default VGG19 with max pooling, loaded once in each process.
    padding
        What the network reads outside the pictures, as in `FeatureModel`: by default that of
        ``features`` or of the preset, and otherwise ``"symmetric"``, which leaves no pale frame.
        With ``"periodic"``, the result is a seamless tile.
    parameterization
        As in `minimize`. By default ``"frequencies"`` with the default loss, whose curvature
        sets their units; ``"pixels"`` with another loss, a preset or a Keras optimizer.
    average, optimizer, callbacks, verbose, seed, tile, output, checkpoint, checkpoint_every
        As in `minimize`.

    Raises
    ------
    StyleError
        As `images.load` and `minimize`; or the preset is unknown; or both a preset and a loss are
        given.
    """
    if minutes is not None and evaluations is not None:
        raise OptionError("expected either minutes or evaluations, got both.")
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
    ready = prepared(
        content,
        styles,
        style_weights,
        preset,
        loss,
        options,
        content_mask=content_mask,
        style_mask=style_mask,
    )
    if minutes is not None:
        ready = replace(ready, evaluations=evaluations_within(minutes, ready))
    return ready.run(
        callbacks=callbacks,
        verbose=verbose,
        output=output,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
    )


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
) -> Preset:
    """The objective and the settings for the arguments of `transfer`; raises the same errors."""
    if preset is not None and loss is not None:
        raise OptionError(f"the preset {preset!r} has its own loss: pass a preset or a loss.")
    make = default_loss if loss is None else loss
    if not callable(make) or isinstance(make, type):
        raise OptionError(
            f"loss: expected a function from two pictures to a loss, got {described(loss)}; write "
            f"lambda photo, painting: …, or pass a loss to neural_style.minimize."
        )

    def drafted(style: Picture) -> Preset:
        if preset is not None:
            return presets.find(preset)(content, style, **options)
        draft = Draft(
            content,
            style,
            options,
            "long_side",
            512,
            whole=round,
            padding=PADDING,
            evaluations=300,
            parameterization="frequencies",
        )
        drafted = draft.preset(make(draft.photo, draft.painting))
        if "parameterization" not in options and not _has_default(drafted):
            drafted = replace(drafted, parameterization="pixels")
        return drafted

    pictures = several(style)
    styles = styles_of(len(pictures), style_weights, content_mask, style_mask)
    drafts = [drafted(each) for each in pictures]
    size = drafts[0].start.shape[0], drafts[0].start.shape[1]
    first = replace(drafts[0], loss=total([each.loss for each in drafts], styles, size))
    plain = preset is None and "scales" not in options and _has_default(first)
    if plain and not isinstance(first.evaluations, Sequence):
        terms = terms_of(first.loss)
        sizes = [image.shape[:2] for term in terms for image in term.loss.references]
        start = options.get("start")
        from_noise = isinstance(start, str) and start == "noise"
        scales = coarser(first.start.shape[:2], *sizes, from_noise=from_noise)
        first = replace(first, scales=scales)
    return first


def default_loss(photo: Image, painting: Image) -> WeightedSum:
    """Content at conv4_2, Gram at conv1_1 … conv5_1, and a small total variation.

        mean (F−P)² + 0.3 · Σ_l 1e3/N_l² · mean (ΔG_l)² + 1e3 · (mean|dx| + mean|dy|)

    The layers and their weights are those of Gatys' notebook. The factor 0.3 and the total
    variation were chosen by eye, from pictures of 200 to 300 pixels. They make the photo easier
    to recognize and avoid stray pixels at its borders. Source:
    leongatys/PytorchNeuralStyleTransfer, NeuralStyleTransfer.ipynb.
    """
    channels = (64, 128, 256, 512, 512)
    # `Gram` has 1/4 of the mean squared difference, as in the paper.
    layers = {f"block{i}_conv1": 4e3 / n**2 for i, n in enumerate(channels, 1)}
    loss: WeightedSum = (
        registry.create("content", photo)
        + 0.3 * registry.create("gram", painting, layers=layers)
        + 1e3 * registry.create("total_variation")
    )
    return loss


def _has_default(drafted: Preset) -> bool:
    """Whether a sum has the terms of `default_loss`, with any weights, references and masks."""
    blank = np.zeros((2, 2, 3), np.float32)
    kinds = [(type(term.loss), term.loss.layers) for term in terms_of(drafted.loss)]
    return all((type(t.loss), t.loss.layers) in kinds for t in default_loss(blank, blank))
