"""The relaxed earth mover's distance of Kolkin, Salavon & Shakhnarovich."""

from __future__ import annotations

from typing import Any

import numpy as np

from neural_style import ops
from neural_style.losses import Features, References, Rng, Statistic, Tensor, option
from neural_style.losses.hypercolumns import (
    HypercolumnLoss,
    squared_distances,
    squared_lengths,
    unit,
)
from neural_style.losses.options import one_of


class RelaxedEMD(HypercolumnLoss):
    """Make every place look like one of the painting, and every one of the painting's occur.

        L = Σ w · max(mean_i min_j C_ij, mean_j min_i C_ij)

    C_ij is what it costs to make place i of the picture look like place j of the reference,
    a distance between their hypercolumns x_i and y_j: the features of all layers there, one
    after the other, interpolated from the coarser layers.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    cost
        ``"cosine"``: C_ij = ½|x_i/|x_i| − y_j/|y_j||², the cosine distance, 1 − cos, but for
        columns of zeros, which are ½ from others and 0 from each other. ``"euclidean"``:
        C_ij = |x_i − y_j|, in units of the features.
    samples
        At how many places, at most, either picture is looked at; where there are more, they
        are drawn at random. Time and memory grow with its square.
    refresh_every
        Evaluations until other places are drawn.
    layers
        The layers of a hypercolumn, by default the image and nine from block1_conv1 to
        block5_conv3. ``{layer: weight}`` multiplies L by Σ w, and the squares of a layer's
        channels by w / Σ w.

    Raises
    ------
    LossError
        The cost is another, a weight is not above 0, or ``samples`` or ``refresh_every`` is
        no positive whole number.

    Notes
    -----
    Of STROTSS' four terms this is the style term; `SelfSimilarity` is its content term, and
    ``RelaxedEMD(painting, cost="euclidean", layers=["image"])`` its palette, in pixel
    values: the decorrelated colors in which the paper measures it are a rotation of RGB,
    which leaves distances as they are. The fourth, the absolute differences of means and
    covariances of hypercolumns, is not here. The default layers are those of the authors'
    VGG16. They draw places at every step of a stochastic optimizer; here they are drawn
    between rounds, so that L-BFGS sees one function in a round.

    Cosines leave contrast free, which then grows: add the palette, `Gram` or `Content`. Of the
    image alone only the pixels that are drawn are pulled, and show as speckle: with the
    palette go more samples, shorter rounds and `TotalVariation`. At 96 pixels,
    SelfSimilarity + 4 RelaxedEMD + 0.03 palette (samples=3000, refresh_every=5) + 0.03
    TotalVariation looked right.

    Source: Kolkin, Salavon & Shakhnarovich, *Style Transfer by Relaxed Optimal Transport and
    Self-Similarity*, arXiv 1904.12785; paper and code from memory.

    Examples
    --------
    >>> loss = RelaxedEMD(np.zeros((32, 32, 3)), layers=["a"])
    >>> painting = {"a": np.array([[[[2.0, 0], [2, 2], [2, 2], [2, 0]]]])}
    >>> current = {"a": np.array([[[[1.0, 0], [2, 1], [3, 1], [4, 0]]]])}
    >>> target = loss.target([painting], current, np.random.default_rng())
    >>> round(float(loss.distance(current, target)), 7)
    0.0256584
    """

    role = "style"
    cost: str = option("cosine", one_of("cosine", "euclidean"))

    def target(self, references: References, current: Any, rng: Rng) -> dict[str, Any]:
        """The places of the picture, and the reference's points."""
        reference = super().target(references, current, rng)
        # With the same numbers, a picture of the reference's size gets the same places.
        seed = int(rng.integers(2**32))
        ours, theirs = (
            self.places(features, np.random.default_rng(seed)) for features in (current, reference)
        )
        return {"places": ours, "points": np.asarray(self._points(reference, theirs))}

    def distance(self, current: Statistic, target: dict[str, Any]) -> Tensor:
        """Σ w · the dearer of the two ways, each point to the nearest of the others."""
        ours, theirs = self._points(current, target["places"]), target["points"]
        # Which is nearest has no gradient, and its distance is then summed without cancellation.
        far = ops.stop_gradient(squared_distances(ours, theirs))
        forth = self._cost(ours - ops.take(theirs, ops.argmin(far, axis=1), axis=0))
        back = self._cost(ops.take(ours, ops.argmin(far, axis=0), axis=0) - theirs)
        return self.scale * ops.maximum(ops.mean(forth), ops.mean(back))

    def _points(self, features: Features, places: Any) -> Tensor:
        columns = self.columns(features, places)
        return unit(columns) if self.cost == "cosine" else columns

    def _cost(self, differences: Tensor) -> Tensor:
        squares = squared_lengths(differences)
        if self.cost == "cosine":
            return squares / 2
        return ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1)), 0)
