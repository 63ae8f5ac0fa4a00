"""`transfer`: a photo in the manner of a painting, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from neural_style import images, presets, registry
from neural_style.drafts import Draft, Picture
from neural_style.errors import OptionError
from neural_style.estimates import Tile
from neural_style.features import FeatureModel
from neural_style.images import Image
from neural_style.losses import Loss, WeightedSum
from neural_style.optimise import Callback
from neural_style.result import Result


def transfer(
    content: Picture,
    style: Picture,
    *,
    preset: str | None = None,
    loss: Callable[[Image, Image], Loss | WeightedSum] | None = None,
    size: int | None = None,
    start: str | Image | None = None,
    evaluations: int | None = None,
    features: FeatureModel | None = None,
    optimiser: Any = None,
    callbacks: Iterable[Callback] = (),
    seed: int = 0,
    tile: Tile = "auto",
    output: str | os.PathLike[str] | None = None,
) -> Result:
    """Paint the content picture in the manner of the style picture.

    Parameters
    ----------
    content, style
        Paths, or arrays H×W×3, RGB, 0–255.
    preset
        The name of a published objective and run, one of `neural_style.presets.names`;
        what is given here besides is taken instead of its own.
    loss
        Without a preset: from the two pictures, at their final sizes, to a loss; by
        default `default_loss`.
    size
        The longer side of both pictures, in pixels, by default 512; with a preset, the
        side that it fixes.
    start
        ``"content"`` (by default), ``"noise"`` (uniform in 0–255, from the seed, or the
        preset's own), or an array, which is resized to the content's final size.
    evaluations
        As in `minimise`; by default 300.
    features
        The feature model; by default VGG19 with max pooling, loaded once a process.
    optimiser, callbacks, seed, tile, output
        As in `minimise`.

    Raises
    ------
    StyleError
        As `images.load` and `minimise`; no preset has that name, or it comes with a loss.
    """
    if output is not None:
        images.check_output(output)
    given = {
        "size": size,
        "start": start,
        "evaluations": evaluations,
        "features": features,
        "optimiser": optimiser,
        "seed": seed,
        "tile": tile,
    }
    options: Any = {name: value for name, value in given.items() if value is not None}
    if preset is None:
        draft = Draft(content, style, options, "long_side", 512, evaluations=300)
        chosen = draft.preset((loss or default_loss)(draft.photo, draft.painting))
    elif loss is None:
        chosen = presets.find(preset)(content, style, **options)
    else:
        raise OptionError(f"the preset {preset!r} has its own loss: give a preset or a loss.")
    return chosen.run(callbacks=callbacks, output=output)


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
