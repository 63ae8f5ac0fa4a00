"""The default objective of `transfer`: its loss, and its evaluations at each scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neural_style.images import Image, Size
from neural_style.losses import registry
from neural_style.losses.base import Loss
from neural_style.losses.weighted_sum import WeightedSum, terms_of
from neural_style.runs.scales import coarser

PARAMETERIZATION = "wavelets"
CONTENT_WEIGHT = 0.2
# Pixels at each side. Without it, neighbors leave dashes along the border.
MARGIN = 8

# The mean square of VGG19's features, rounded: photos and paintings of 128 and 256 pixels have
# from a half to twice as much.
_SQUARES = {"block1_conv1": 2e3, "block2_conv1": 5e4, "block3_conv1": 8e4, "block4_conv1": 9e5}
_FIRST, _NEXT, _LAST = 40, 30, 20  # evaluations
_ONCE = 10**6  # evaluations between two searches: one search at each scale


def default_loss(
    photo: Image, painting: Image, content_weight: float = CONTENT_WEIGHT
) -> WeightedSum:
    """Nearest neighbors for the strokes, moments for colors and contrast, and content.

        m_l (1 − cos(F, S_NN)) + m_l ((Δμ² + Δσ²) / p_l) + c · m_l (m((F−P)²) / p_l)

    F, S and P are the features of the picture, the painting and the photo, m() is the mean over
    positions and channels, and m_l the mean over the layers conv1_1 … conv4_1, without conv1_1
    for the neighbors. Neighbors are found once at each scale, halfway between the picture and the
    photo. p_l is about the mean square of the features. c is ``content_weight``, which
    `transfer` finds from its ``strength``.

    Cosines leave contrast free, which moments give back. The loss is this library's, chosen by
    looking at pictures: matching each layer by itself keeps more of the photo than the
    hypercolumns of NNST, in half the time, and can be tiled and masked.
    """
    squares = {layer: 1 / (len(_SQUARES) * p) for layer, p in _SQUARES.items()}
    loss: WeightedSum = (
        registry.create(
            "nearest_neighbors",
            photo,
            painting,
            photo_share=0.5,
            samples=4096,
            refresh_every=_ONCE,
            layers=tuple(_SQUARES)[1:],
        )
        + registry.create("moments", painting, layers=squares)
        + content_weight * registry.create("content", photo, layers=squares)
    )
    return loss


def has_default(loss: Loss | WeightedSum) -> bool:
    """Whether a sum has the terms of `default_loss`, with any weights, references and masks."""
    blank = np.zeros((2, 2, 3), np.float32)
    kinds = [(type(term.loss), term.loss.layers) for term in terms_of(loss)]
    return all((type(t.loss), t.loss.layers) in kinds for t in default_loss(blank, blank))


def scales_of(loss: Loss | WeightedSum, size: Size) -> tuple[int, ...]:
    """The coarser scales for a picture of ``size``, which all references are large enough for."""
    references = [image for term in terms_of(loss) for image in term.loss.references]
    return coarser(size, *(image.shape[:2] for image in references))


def budgets(scales: Sequence[int]) -> list[int]:
    """The evaluations at each of the coarser scales and at the final one.

    >>> budgets([]), budgets([128]), budgets([128, 256, 512])
    ([40], [40, 20], [40, 30, 30, 20])
    """
    return [_FIRST, *[_NEXT] * (len(scales) - 1), _LAST] if scales else [_FIRST]
