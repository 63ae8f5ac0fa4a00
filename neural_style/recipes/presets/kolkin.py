"""The presets of Kolkin et al.: neighbors and relaxed optimal transport of hypercolumns.

Their VGG16 is torchvision's, for which Keras has no weights. By default these presets use Keras'
VGG19, whose layers have the same names. For Keras' VGG16 pass ``features=FeatureModel("vgg16")``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from neural_style import images
from neural_style.errors import OptionError, number
from neural_style.images import Image, Picture
from neural_style.losses.registry import create
from neural_style.losses.types import Layers
from neural_style.recipes.draft import Draft, Options, Preset
from neural_style.recipes.preset_losses import CoarseSelfSimilarity, FineRelaxedEMD

_BLOCKS = {1: 2, 2: 2, 3: 3, 4: 3}
_NNST = tuple(f"block{b}_conv{i}" for b, n in _BLOCKS.items() for i in range(1, n + 1))
_STROTSS = (*_NNST[:7], "block4_conv3", "block5_conv3")
_DEVIATION = 255 * (0.229 + 0.224 + 0.225) / 3  # of ImageNet's pixels
_SCALES, _LEAST = 4, 16


def nnst(
    content: Picture,
    style: Picture,
    *,
    alpha: float = 0.75,
    rotations: bool = False,
    last_pass: bool = False,
    **options: Unpack[Options],
) -> Preset:
    """Neural Neighbor Style Transfer, by optimization.

        mean over places of 1 − cos(column, its neighbor among the painting's)

    with hypercolumns of conv1_1 … conv4_3, ten layers, each divided by its number of channels.
    Neighbors are found once at each scale, for features that are mixed with the photo's by
    ``alpha``, from 0 to 1. More keeps more of the photo. Longer sides of 512, in four scales, each
    half the next, if no side is below 16; from the content; L-BFGS on wavelets, 20 evaluations
    at each scale. Cosines leave contrast free: on the pair that was looked at, shadows became
    black and lights white with 60 evaluations, not with 20. The colors are those of
    ``color="oklab"``; pass ``color=None`` to leave it out.

    With ``last_pass``, the loss is Σ_l mean of 1 − cos of centered features of each of the ten
    layers, with up to 4096 features of the painting, found anew every 20 evaluations, at the final
    size alone. The source's last pass is ``nnst(…, last_pass=True, start=first.image)`` without
    ``color`` in the first run. It is left out by default: added to the loss of the columns, it
    turned paper gray and lines soft on the one pair that was looked at.

    ``rotations`` adds the painting turned by 90°, 180° and 270°, as the source does by default.
    This takes four times the time and memory of the search, and its documentation says that
    it keeps more of the content and hurts the style slightly.

    Departures: the source mixes pixels, not features, and at the first scale uses the photo alone.
    It moves the coefficients of a Laplacian pyramid by 200 Adam steps a scale, and sets the
    photo's finest three levels of the start to zero, which here the resizing to the first scale
    does. Bug of the source, not reproduced: in its last pass, a layer of at most 64×64 positions
    is compared with the features of the layer before it. Its experimental content loss, off by
    default, is left out. At 512×512 pixels, a run takes about 3.2 GB; a search takes 28 seconds
    of one core, an evaluation 2.8. The other numbers that differ are in `NearestNeighbors` and
    `color.oklab`. Source: nkolkin13/NeuralNeighborStyleTransfer, styleTransfer.py and
    utils/stylize.py, read.
    """
    draft = _draft(content, style, options, evaluations=20, color="oklab")
    paintings = [np.ascontiguousarray(np.rot90(draft.painting, k)) for k in range(4)]
    paintings = paintings if rotations else paintings[:1]
    if last_pass:
        last = create(
            "nearest_neighbors",
            *paintings,
            centered=True,
            samples=4096,
            refresh_every=20,
            layers=dict.fromkeys(_NNST, 1.0),
        )
        return draft.preset(last)
    loss = create(
        "nearest_neighbors",
        *([draft.photo] if alpha else []),
        *paintings,
        hypercolumns=True,
        photo_share=alpha,
        refresh_every=_NEVER,
        layers=_NNST,
    )
    return _coarse_to_fine(draft.preset(loss), options)


def strotss(
    content: Picture, style: Picture, *, content_weight: float = 1.0, **options: Unpack[Options]
) -> Preset:
    """Style Transfer by Relaxed Optimal Transport and Self-Similarity.

        (a · self-similarity + relaxed EMD + moments + palette / max(a, 1)) / (a + 2)

    on hypercolumns of the image and nine layers, conv1_1 … conv3_3, conv4_3 and conv5_3. At the
    final size a = 2 · ``content_weight``, and it doubles at each half of it, so the layout is
    found first. Longer sides of 512, in four scales, each half the next, if no side is below 16;
    L-BFGS on wavelets, 100 evaluations at each scale. The start is the mean color of the painting
    with the photo's finest details at the first scale.

    Features are divided by 57.6, the deviation of ImageNet's pixels, and the image by 255, which
    is about the scale of the source's. Departures: max(a, 1) doubles at each half, too, which
    differs for content weights below ½. The source adds the photo's finest details to the start
    of each scale, here only to that of the first. It moves the coefficients of a Laplacian
    pyramid by 250 RMSprop steps a scale, with 1024 places drawn at each step; here they are drawn
    every 10 evaluations. The numbers that differ are in `RelaxedEMD`. Source:
    nkolkin13/STROTSS, styleTransfer.py, st_helper.py and stylize_objectives.py, read.
    """
    if not 0 < number(content_weight) < np.inf:
        raise OptionError(
            f"content_weight: expected a finite number above 0, got {content_weight!r}."
        )
    draft = _draft(content, style, options, evaluations=100)
    weight, total = 2 * content_weight, 2 * content_weight + 2
    share = (_DEVIATION / 255) ** 2
    # The weights of the layers have the sum 1, and features the unit that this takes away.
    layers: Layers = {
        "image": share / (share + len(_STROTSS)),
        **dict.fromkeys(_STROTSS, 1 / (share + len(_STROTSS))),
    }
    unit = _DEVIATION * (len(layers) / (share + len(_STROTSS))) ** 0.5
    painting = draft.painting
    photo = CoarseSelfSimilarity(draft.photo, layers=layers, name="self_similarity")
    palette = FineRelaxedEMD(painting, cost="palette", layers=["image"], name="palette")
    made = draft.preset(
        weight / total * photo
        + 1 / total * create("relaxed_emd", painting, layers=layers)
        + 1 / total * create("hypercolumn_moments", painting, layers=layers, unit=unit)
        + 1 / (max(weight, 1) * total) * palette
    )
    made = _coarse_to_fine(made, options)
    if "start" in options:
        return made
    return replace(made, start=_details(draft.photo, painting, (made.scales or (None,))[0]))


_NEVER = 10**6  # evaluations: once at each scale


def _draft(content: Picture, style: Picture, options: Options, **settings: Any) -> Draft:
    color = settings.pop("color", None)
    own: Any = {"color": color, **options}
    return Draft(content, style, own, "long_side", 512, parameterization="wavelets", **settings)


def _coarse_to_fine(preset: Preset, options: Options) -> Preset:
    """The preset with up to four scales, unless the options name others or the evaluations."""
    if "scales" in options or not isinstance(preset.evaluations, int):
        return preset
    sizes = [preset.start.shape[:2]]
    for each in preset.loss.terms_of_sum():
        sizes += [image.shape[:2] for image in each.loss.references]
    scales: list[int] = []
    for k in range(1, _SCALES):
        if min(map(min, sizes)) >> k >= _LEAST:
            scales.insert(0, max(sizes[0]) >> k)
    return replace(preset, scales=tuple(scales))


def _details(photo: Image, painting: Image, side: int | None) -> Image:
    """The painting's mean color, with what half the size of the first scale cannot show."""
    size = photo.shape[0], photo.shape[1]
    factor = (side or max(size)) / max(size)
    first, half = (
        images.resize(images.resize(photo, size=images.scaled(size, factor / divisor)), size=size)
        for divisor in (1, 2)
    )
    start: Image = np.clip(painting.mean((0, 1)) + first - half, 0, 255).astype(np.float32)
    return start
