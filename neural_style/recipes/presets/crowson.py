"""The preset of Katherine Crowson: Wasserstein distances of features, averaged iterates of Adam."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from neural_style.images import Picture
from neural_style.losses.registry import create
from neural_style.recipes.draft import Draft, Options, Preset
from neural_style.recipes.preset_losses import NinePointVariation
from neural_style.utils.backend import keras

_FIRST = 128  # the least longer side, in pixels, of the first scale
_UNIT = 255 * (0.229 + 0.224 + 0.225) / 3  # of the pixels that the source's network gets


def crowsonkb(content: Picture, style: Picture, **options: Unpack[Options]) -> Preset:
    """The command line with Wasserstein distances, from coarse to fine.

        .015 m(ΔF²) at conv4_2 + Σ_l w_l/341 · W²/N at conv1_1 … conv5_1 + 2 (u/255)² V

    w = 256, 64, 16, 4, 1. W is the Wasserstein distance of features as Gaussians, V the squared
    total variation of nine points (`NinePointVariation`), u = 57.63. Longer sides of 512, from the
    content. Scales are 512/√2^i down to 128. Adam(0.02, β₂ = 0.99) with clipping (not with L-BFGS
    as the optimizer), 1000 steps at the first scale and 500 at each other. A scale's picture is
    the exponential average of its iterates, with a decay of 0.99; the 1002 and 502 evaluations
    are those of the iterates, the first and the last included, and of the average.

    The variable of the source is in 0–1. Here it is in 0–255, with 255 times the learning rate.
    Its VGG19 is torchvision's, which gets pixels divided by u, their deviation, and has different
    weights. Here it is assumed that its features are smaller by u, so the sum is u² times
    the source's, and Adam's ε u²/255 times. The source adds 1e-4 to the diagonal of covariances;
    here it is 1e-4 times the mean square of the layer's features. Both pad the first layer by
    replication. The source resizes Adam's moments for the next scale; here Adam starts anew. The
    source does not enlarge the style. Both round sides to whole pixels. Source:
    crowsonkb/style-transfer-pytorch, style_transfer/style_transfer.py, read.
    """
    adam = keras.optimizers.Adam(0.02 * 255, beta_2=0.99, epsilon=1e-8 * _UNIT**2 / 255)
    draft = Draft(
        content,
        style,
        options,
        "long_side",
        512,
        whole=round,
        evaluations=1002,
        optimizer=adam,
        padding="replicate",
        clip="step",
        average=0.99,
    )
    variation = NinePointVariation(name="total_variation")
    preset = draft.preset(
        0.015 * create("content", draft.photo)
        + create("wasserstein2", draft.painting, epsilon=1e-4)
        + 2 * (_UNIT / 255) ** 2 * variation
    )
    longer = max(draft.size)
    if "scales" not in options:
        preset = replace(preset, scales=_scales(longer))
    if "evaluations" not in options:
        others = len({*preset.scales, longer}) - 1
        preset = replace(preset, evaluations=[1002, *[502] * others])
    return preset


def _scales(longer: int) -> tuple[int, ...]:
    """The coarser longer sides, each √2 times the one before; increasing."""
    sides = (round(longer / 2 ** (i / 2)) for i in range(1, 2 * longer.bit_length()))
    return tuple(sorted(side for side in sides if side >= _FIRST))
