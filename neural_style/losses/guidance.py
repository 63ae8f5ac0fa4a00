"""Guided losses: compare a part of the picture with a part of the reference.

    guided(Gram(painting), [(sky, painted_sky), (ground, painted_ground)])

A pixel of a mask counts if it is white and opaque (`as_mask`). At every layer the mask is resized
to the layer's size by area averaging. Its values g weight the positions of the loss's statistic,
which becomes

    S = Σ g·x / Σ g        instead of        Σ x / M

Only the ratios of a mask's values matter. For `Gram` this is the guided Gram matrix of Gatys et
al. 2017, (T∘F)ᵀ(T∘F) with T² = g / Σ g. (In the authors' code T is the mask up to a factor, so gray
counts there with its square.) A loss that compares position by position takes the same mean of its
distances, and the picture is free where the mask is black. Masks are inputs of the compiled
function, so another mask for the same loss needs no compilation.
"""

from __future__ import annotations

import copy
import itertools
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from neural_style.errors import LossError
from neural_style.images import Size
from neural_style.images.mask import Mask, as_mask, resized_mask
from neural_style.losses.base import Loss
from neural_style.losses.types import Features
from neural_style.losses.weighted_sum import Term, WeightedSum, terms_of

if TYPE_CHECKING:
    from neural_style.features.model import FeatureModel

Region: TypeAlias = tuple[Any, Any]

_log = logging.getLogger(__name__)


def guided(loss: Loss | WeightedSum, regions: Iterable[Region]) -> WeightedSum:
    """A loss for each region of the picture, as one sum.

        Σ_r L(picture, mask_r; reference, reference_mask_r)

    Parameters
    ----------
    loss
        A loss that can be tiled, or a sum of such losses: it compares means over positions, as
        `Gram`, or features position by position, as `Content`. Terms keep their weights in
        every region.
    regions
        Pairs (mask, reference_mask) of files or arrays of any size, as for `as_mask`. White
        counts, black and transparent pixels do not, and gray counts in proportion. Masks are
        stretched to the picture and to the reference. For several references, a reference mask
        may be a tuple with one mask for each. Pass None for a loss without references, and for
        a loss that compares position by position: the first mask says which positions count.
        If such a loss takes matches from anywhere, as `NearestNeighbors`, the reference mask says
        which features it takes: those where at least half is white.

    Raises
    ------
    LossError, ImageError
        The loss does not support masks, a mask is not an image, or every region was empty. A
        region with an empty mask is skipped, with a warning in the log.

    Notes
    -----
    Masks do not grow with the receptive fields of a layer: near the border of a region, features
    see both sides. Source: Gatys, Ecker, Bethge, Hertzmann & Shechtman, *Controlling
    Perceptual Factors in Neural Style Transfer*, arXiv 1611.07865; leongatys/NeuralImageSynthesis,
    ExampleNotebooks/SpatialControl.ipynb and LossLayers.lua; the code was read, the paper was
    not. This is the code's mode "simple"; "all" and "inside" enlarge or shrink a mask by the
    receptive fields. Its weights of regions are ``WeightedSum`` weights here.

    Examples
    --------
    >>> from neural_style.extensions import Gram
    >>> sky = np.zeros((32, 32))
    >>> sky[:16] = 255
    >>> style = Gram(np.full((48, 64, 3), 9.0))
    >>> [term.name for term in guided(style, [(sky, sky), (255 - sky, 255 - sky)])]
    ['gram', 'gram_2']
    """
    terms = terms_of(loss)
    for term in terms:
        check(term.loss)
    guided_terms: list[Term] = []
    for number, pair in enumerate(_pairs(regions), 1):
        name, (mask, reference_mask) = f"region {number}", pair
        own = as_mask(mask, f"{name}'s mask")
        for term in terms:
            theirs = _reference_masks(term.loss, reference_mask, name)
            empty = [
                what
                for what, each in [("mask", own), *(("reference mask", m) for m in theirs)]
                if not each.any()
            ]
            if empty:
                _log.warning("%s: %s is skipped, its %s is empty", term.name, name, empty[0])
                continue
            part = copy.copy(term.loss)
            part.masks = own, theirs
            guided_terms.append(Term(term.name, term.weight, part))
    if not guided_terms:
        raise LossError(
            "guided: expected at least one region whose mask and reference mask have some white, "
            "got none."
        )
    return WeightedSum(guided_terms)


def _pairs(regions: Any) -> list[tuple[Any, Any]]:
    pairs = list(regions) if isinstance(regions, Iterable) else [regions]
    for each in pairs:
        if not isinstance(each, tuple | list) or len(each) != 2:
            raise LossError(
                f"guided: expected pairs (mask, reference mask), got {type(each).__name__}."
            )
    return pairs


def check(loss: Loss) -> None:
    """Raise `LossError` for a loss that cannot have a mask."""
    if loss.tiling is None:
        raise LossError(
            f"{loss.name} cannot be guided by a mask, since its positions cannot be weighted: "
            f"guide a StatisticLoss or a FeatureLoss, such as Gram or Content, and add this loss "
            f"without a mask."
        )


def guides(loss: Loss, mask: Mask | None, features: FeatureModel, size: Size) -> Features | None:
    """The mask at each layer of a loss, {layer: (1, h, w, 1)}, for a picture of ``size``."""
    if mask is None:
        return None
    extension = features.extension(size)
    own, whole = (features.shapes(loss.layers, each) for each in (size, extension.size(size)))
    if extension:
        mask = extension.array(resized_mask(mask, size))
    return {
        layer: resized_mask(mask, (height, width))[None, : own[layer][0], : own[layer][1], None]
        / np.float32(255)
        for layer, (height, width, _) in whole.items()
    }


def selected(features: Features, weights: Features | None) -> Features:
    """The features of a reference where at least half of a position is white, (1, 1, n, channels).

    Without a mask, and where all of it is white, they are unchanged. If no position is half white,
    the whitest ones are taken.
    """
    if weights is None:
        return features
    found = {}
    for layer, f in features.items():
        weight = weights[layer][..., 0]
        chosen = weight >= min(0.5, weight.max())
        found[layer] = f if chosen.all() else f[chosen][None, None]
    return found


def _reference_masks(loss: Loss, given: Any, name: str) -> tuple[Mask, ...]:
    number = len(loss.references)
    if given is None and (not number or loss.tiling == "map"):
        return ()
    if loss.tiling == "map" and not loss.anywhere:
        raise LossError(
            f"{loss.name}: {name} has a reference mask, but this loss compares position by "
            f"position and needs only the picture's mask; give (mask, None)."
        )
    several = given if isinstance(given, tuple) else itertools.repeat(given, number)
    masks = tuple(as_mask(each, f"{name}'s reference mask") for each in several)
    if len(masks) != number:
        raise LossError(
            f"{loss.name}: {name} has {len(masks)} reference masks for {number} references; "
            f"give one mask, or a tuple with one for each."
        )
    return masks
