"""Gabriel Tseng's presets: Gram matrices and one more loss of style."""

from __future__ import annotations

import functools
from typing import Unpack

from neural_style.images import Picture
from neural_style.losses.base import Loss
from neural_style.losses.registry import create
from neural_style.recipes.draft import Draft, Options, Preset, gray_noise
from neural_style.recipes.preset_losses import JointHistogram

_LAYERS = {
    f"block{block}_conv2": weight for block, weight in enumerate((0.05, 0.2, 0.2, 0.25, 0.3), 1)
}


def tseng_cooccurrence(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """Gabriel Tseng's Montreal by Huang Gongwang, with long-range Gram matrices.

        Σ_l w_l/N · ΣΔ(G/NM)² + Σ_l ½ (X_l + Y_l) + 1/5 · 1/N · ΣΔF² at conv4_2

    at conv1_2 … conv5_2 of VGG16 with average pooling, w = .05, .2, .2, .25, .3. X and Y are
    1/N · ΣΔ² of the matrices of features that are four positions apart along each axis, divided
    by N and their number of pairs.

    Longer sides of 550, like his Montreal (550×365), the style squashed to the content's size,
    from noise uniform in ±.025 around the mean color, or from the content. Ten runs of SciPy's
    L-BFGS with 10 pairs, each of 21 evaluations, the effect of his ``maxfun=20``. A run starts
    from the picture without the pairs of the previous run. In the source, a run also completes its
    line search, mostly without further evaluations, and ends if the loss falls by less than 2e-9
    of its value. After each run he clips to ±127 around the mean, which is −3 to 251, −10 to 244
    and −23 to 231 in R, G and B; this preset clips to 0–255. His "x" shifts rows, which makes no
    difference to the sum of both. Source:
    GabrielTseng/LearningDataScience, later gabrieltseng/datascience-projects,
    Style_Network_w_CoOccurence.ipynb and VGG16.py.
    """
    draft = _draft(content, style, options)
    layers = draft.layers(dict.fromkeys(_LAYERS, 1.0), lambda n, m: 4 / n)
    return draft.preset(
        _gram(draft)
        + create("shifted_gram", draft.painting, shifts=(4,), layers=layers)
        + _content(draft) / 5
    )


def tseng_histogram(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """Gabriel Tseng's Montreal by Huang Gongwang, with a histogram loss.

        Σ_l w_l/N · ΣΔ(G/NM)² + 1/100 · 1/N · Σ(F−R)² at conv1_1 + 1/15 · 1/N · ΣΔF² at conv4_2

    Everything else is as in `tseng_cooccurrence`. R is computed in 255 bins at every evaluation.
    Bug of the source, reproduced: R has the style's histogram of all channels together, not of
    each channel. In the source, a gradient of half a bin's width flows through R to the smallest
    and the largest value; here no gradient flows. This loss cannot be evaluated in tiles. Source:
    the same, Style Transfer with Histogram Loss.ipynb. Both losses are in his
    Final_Style_Network.ipynb, which was not available.
    """
    draft = _draft(content, style, options)
    layers = draft.layers({"block1_conv1": 1}, lambda n, m: m)
    return draft.preset(
        _gram(draft)
        + JointHistogram(draft.painting, layers=layers, name="histogram") / 100
        + _content(draft) / 15
    )


def _draft(content: Picture, style: Picture, options: Options) -> Draft:
    return Draft(
        content,
        style,
        options,
        "long_side",
        550,
        evaluations=210,
        restart_every=21,
        optimizer="L-BFGS-B",
        start="noise",
        noise=functools.partial(gray_noise, uniform=(-0.025, 0.025)),
        network=("vgg16", "average", "caffe"),
        squash=True,
    )


def _gram(draft: Draft) -> Loss:
    layers = draft.layers(_LAYERS, lambda n, m: 4 / n)
    loss: Loss = create("gram", draft.painting, layers=layers)
    return loss


def _content(draft: Draft) -> Loss:
    layers = draft.layers({"block4_conv2": 1}, lambda n, m: m)
    loss: Loss = create("content", draft.photo, layers=layers)
    return loss
