"""`transfer`: a photo in the manner of a painting, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from neural_style import images
from neural_style.errors import OptionError, described, number
from neural_style.features.model import FeatureModel
from neural_style.images import Image, Picture
from neural_style.losses import registry
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import Term, WeightedSum, terms_of
from neural_style.objective.estimate import Tile
from neural_style.optimizers.parameterization import Parameterization
from neural_style.recipes import presets
from neural_style.recipes.draft import Draft, Options, Preset
from neural_style.runs.loop import Callback, Verbose
from neural_style.runs.result import Result
from neural_style.runs.scales import coarser
from neural_style.utils.files import check_not_read


def transfer(
    content: Picture,
    style: Picture | Sequence[Picture],
    *,
    style_weights: Sequence[float] | None = None,
    preset: str | None = None,
    loss: Callable[[Image, Image], Loss | WeightedSum] | None = None,
    size: int | None = None,
    short_side: int | None = None,
    style_size: int | None = None,
    color: Literal["match", "luminance"] | None = None,
    start: str | Image | None = None,
    scales: Sequence[int] | None = None,
    evaluations: int | Sequence[int] | None = None,
    features: FeatureModel | None = None,
    optimizer: Any = None,
    parameterization: str | Parameterization | None = None,
    callbacks: Iterable[Callback] = (),
    verbose: Verbose = "auto",
    seed: int = 0,
    tile: Tile = "auto",
    output: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 50,
) -> Result:
    """Paint the content picture in the manner of the style picture.

    Parameters
    ----------
    content, style
        Files, as `images.load` takes them, or arrays H×W×3, RGB, 0–255; of styles a list, too,
        whose losses are added.
    style_weights
        Positive numbers, one a style, of which the ratios matter; by default all are equal.
    preset
        The name of a published objective and run, one of `neural_style.presets.names`;
        what is given here besides is taken instead of its own.
    loss
        Without a preset: from the two pictures, at their final sizes, to a loss; by
        default `default_loss`. A sum that has its terms, of any weights and masks, as
        ``lambda photo, painting: default_loss(photo, painting) + 3 * mine(painting)``, is
        minimized as it is, with its scales and parameterization.
    size
        The longer side of both pictures, in pixels; by default 512, or what the preset fixes.
    short_side
        The shorter side of both, instead.
    style_size
        The longer side of the style pictures, which by default are resized as the content:
        the larger, the larger the strokes.
    color
        How the content's colors are kept: ``"match"`` gives its palette to the style first,
        ``"luminance"`` paints in gray and puts the content's chroma back
        (`neural_style.color`). By default they are not.
    start
        ``"content"`` (by default), ``"noise"`` (that of `images.noise`, from the seed, or the
        preset's own), or an array, which is resized to the content's final size. With
        ``scales`` it is resized to the first of them, which takes the finest noise out.
    scales
        As in `minimize`. By default, for the default loss, a picture of more than 512 pixels
        is first painted at halves of its size, down to 256 (`neural_style.runs.scales.coarser`);
        with another loss, a preset or a list of evaluations, at its final size alone, as with
        ``()``.
    evaluations
        As in `minimize`, so at every scale; by default 300.
    features
        The feature model; by default VGG19 with max pooling, loaded once a process.
    parameterization
        As in `minimize`; by default ``"frequencies"`` for the default loss, whose curvature
        their units are from, and ``"pixels"`` with another, a preset or a Keras optimizer.
    optimizer, callbacks, verbose, seed, tile, output, checkpoint, checkpoint_every
        As in `minimize`.

    Raises
    ------
    StyleError
        As `images.load` and `minimize`; no preset has that name, or it comes with a loss.
    """
    styles = _several(style)
    if output is not None:
        check_not_read({"output": output}, [content, *styles], OptionError)
        images.check_output(output)
    content, styles = images.repeatable(content), [images.repeatable(each) for each in styles]
    given = {
        "size": size,
        "short_side": short_side,
        "style_size": style_size,
        "color": color,
        "start": start,
        "scales": scales,
        "evaluations": evaluations,
        "features": features,
        "optimizer": optimizer,
        "parameterization": parameterization,
        "seed": seed,
        "tile": tile,
    }
    options: Any = {name: value for name, value in given.items() if value is not None}
    ready = prepared(content, styles, style_weights, preset, loss, options)
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
) -> Preset:
    """The objective and the run of `transfer`, whose arguments these are; raises as it does."""
    if preset is not None and loss is not None:
        raise OptionError(f"the preset {preset!r} has its own loss: give a preset or a loss.")
    make = default_loss if loss is None else loss
    if not callable(make) or isinstance(make, type):
        raise OptionError(
            f"loss: expected a function of two pictures to a loss, got {described(loss)}; write "
            f"lambda photo, painting: …, or give a loss to neural_style.minimize."
        )
    styles = _several(style)
    shares = _shares(style_weights, len(styles))

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
            evaluations=300,
            parameterization="frequencies",
        )
        drafted = draft.preset(make(draft.photo, draft.painting))
        if "parameterization" not in options and not _has_default(drafted):
            drafted = replace(drafted, parameterization="pixels")
        return drafted

    first, *others = (drafted(style) for style in styles)
    if others:
        mixed = [share * one.loss for share, one in zip(shares, (first, *others), strict=True)]
        first = replace(first, loss=_merged(sum(mixed[1:], start=mixed[0])))
    plain = preset is None and "scales" not in options and _has_default(first)
    if plain and not isinstance(first.evaluations, Sequence):
        terms = terms_of(first.loss)
        sizes = [image.shape[:2] for term in terms for image in term.loss.references]
        first = replace(first, scales=coarser(first.start.shape[:2], *sizes))
    return first


def _several(style: Any) -> list[Any]:
    return list(style) if isinstance(style, list | tuple) else [style]


def default_loss(photo: Image, painting: Image) -> WeightedSum:
    """Content at conv4_2, Gram at conv1_1 … conv5_1, and a little total variation.

        mean (F−P)² + 0.3 · Σ_l 1e3/N_l² · mean (ΔG_l)² + 1e3 · (mean|dx| + mean|dy|)

    The layers and their weights are those of Gatys' notebook; the factor 0.3 and the total
    variation were chosen by looking at pictures of 200 to 300 pixels, where they keep the
    photo easier to recognize and its borders free of stray pixels. Source:
    leongatys/PytorchNeuralStyleTransfer, NeuralStyleTransfer.ipynb.
    """
    channels = (64, 128, 256, 512, 512)
    # `Gram` has 1/4 of the mean squared difference, as in the paper.
    layers = {f"block{i}_conv1": 4e3 / n**2 for i, n in enumerate(channels, 1)}
    total: WeightedSum = (
        registry.create("content", photo)
        + 0.3 * registry.create("gram", painting, layers=layers)
        + 1e3 * registry.create("total_variation")
    )
    return total


def _has_default(drafted: Preset) -> bool:
    """Whether a sum has the terms of `default_loss`, of any weights, references and masks."""
    blank = np.zeros((2, 2, 3), np.float32)
    kinds = [(type(term.loss), term.loss.layers) for term in terms_of(drafted.loss)]
    return all((type(t.loss), t.loss.layers) in kinds for t in default_loss(blank, blank))


def _shares(weights: Sequence[float] | None, styles: int) -> list[float]:
    """The weights of the styles, of which the sum is 1."""
    if not styles:
        raise OptionError("style: expected a picture or more, got an empty list.")
    if weights is None:
        weights = [1.0] * styles
    given = [number(weight) for weight in weights] if isinstance(weights, Iterable) else []
    if len(given) != styles or not all(0 < weight < np.inf for weight in given):
        raise OptionError(
            f"style_weights: expected a positive number for each of {styles} styles, got {weights}."
        )
    return [weight / sum(given) for weight in given]


def _merged(loss: WeightedSum) -> WeightedSum:
    """The same sum, in which losses that are equal are one: those of the content alone."""
    terms: list[Term] = []
    for term in loss:
        for i, own in enumerate(terms):
            if _equal(own.loss, term.loss):
                terms[i] = replace(own, weight=own.weight + term.weight)
                break
        else:
            terms.append(term)
    return WeightedSum(terms)


def _equal(a: Any, b: Any) -> bool:
    """Whether two values are of one type and equal; what is not known to be plain, the same one."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Loss):
        return _equal(object.__getstate__(a), object.__getstate__(b))
    if type(a) is dict:
        return list(a) == list(b) and all(_equal(a[key], b[key]) for key in a)
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray | np.generic) and not a.dtype.hasobject:
        return a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) in (bool, int, float, str) and bool(a == b)
