"""`transfer`: a photo in the manner of a painting, in one call."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from neural_style import images, registry
from neural_style.errors import OptionError
from neural_style.features import FeatureModel
from neural_style.images import Image
from neural_style.losses import Loss, WeightedSum
from neural_style.optimise import Callback, minimise
from neural_style.result import Result

Picture: TypeAlias = str | os.PathLike[str] | Image


def transfer(
    content: Picture,
    style: Picture,
    *,
    loss: Callable[[Image, Image], Loss | WeightedSum] | None = None,
    size: int = 512,
    start: str | Image = "content",
    evaluations: int = 300,
    features: FeatureModel | None = None,
    optimiser: Any = None,
    callbacks: Iterable[Callback] = (),
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
) -> Result:
    """Paint the content picture in the manner of the style picture.

    Parameters
    ----------
    content, style
        Paths, or arrays H×W×3, RGB, 0–255.
    loss
        From the two pictures, at their final sizes, to a loss; by default `default_loss`.
    size
        The longer side of both pictures, in pixels.
    start
        ``"content"``, ``"noise"`` (uniform in 0–255, from the seed), or an array of the
        content's final size.
    features
        The feature model; by default VGG19 with max pooling, loaded once a process.
    evaluations, optimiser, callbacks, seed, output
        As in `minimise`.

    Raises
    ------
    StyleError
        As `images.load` and `minimise`.
    """
    if output is not None:
        images.check_output(output)
    photo, painting = _picture(content, "content", size), _picture(style, "style", size)
    if isinstance(start, str):
        if start not in ("content", "noise"):
            raise OptionError(f"start: expected 'content', 'noise' or an array, got {start!r}.")
        height, width = photo.shape[:2]
        start = photo if start == "content" else images.noise((height, width), seed=seed)
    return minimise(
        (loss or default_loss)(photo, painting),
        features or _vgg19(),
        start,
        evaluations=evaluations,
        optimiser=optimiser,
        callbacks=callbacks,
        seed=seed,
        output=output,
    )


def default_loss(photo: Image, painting: Image) -> WeightedSum:
    """Content at conv4_2, Gram at conv1_1 … conv5_1, and a little total variation.

        mean (F−P)² + 0.3 · Σ_l 1e3/N_l² · mean (ΔG_l)² + 1e3 · (mean|dx| + mean|dy|)

    The layers and their weights are those of Gatys' notebook; the factor 0.3 and the total
    variation were chosen by looking at pictures of 200 to 300 pixels, where they keep the
    photo easier to recognise and its borders free of stray pixels. Source:
    leongatys/PytorchNeuralStyleTransfer, whose VGG has rescaled activations; with Keras'
    weights the same numbers weigh style more.
    """
    channels = (64, 128, 256, 512, 512)
    # `Gram` has 1/4 of the mean squared difference, as in the paper.
    layers = {f"block{i}_conv1": 4e3 / n**2 for i, n in enumerate(channels, 1)}
    return (
        registry.create("content", photo)
        + 0.3 * registry.create("gram", painting, layers=layers)
        + 1e3 * registry.create("total_variation")
    )


def _picture(picture: Picture, name: str, size: int) -> Image:
    if isinstance(picture, str | os.PathLike):
        return images.load(picture, long_side=size)
    return images.resize(images.as_image(picture, name), long_side=size)


@functools.cache
def _vgg19() -> FeatureModel:
    return FeatureModel("vgg19")
