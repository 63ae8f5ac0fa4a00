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
    """Make every place look like a place of the painting, and use every place of the painting.

        L = Σ w · max(mean_i min_j C_ij, mean_j min_i C_ij)

    C_ij is the cost of making place i of the picture look like place j of the reference. It is
    a distance between their hypercolumns x_i and y_j: the concatenated features of all layers
    at one place, interpolated from the coarser layers.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    cost
        ``"cosine"``: C_ij = ½|x_i/|x_i| − y_j/|y_j||², the cosine distance, 1 − cos. A column of
        zeros has the distance ½ to other columns, and 0 to another column of zeros.
        ``"euclidean"``: C_ij = |x_i − y_j|, in units of the features.
    samples
        The largest number of places of either picture. If there are more, they are drawn at
        random. Time and memory grow with its square.
    refresh_every
        The number of evaluations between two draws of places.
    layers
        The layers of a hypercolumn, by default the image and nine from block1_conv1 to
        block5_conv3. ``{layer: weight}`` multiplies L by Σ w, and the squares of a layer's
        channels by w / Σ w.

    Raises
    ------
    LossError
        The cost is unknown, a weight is not above 0, or ``samples`` or ``refresh_every`` is
        not a positive whole number.

    Notes
    -----
    STROTSS has four terms. This is the style term, `SelfSimilarity` is the content term, and
    ``RelaxedEMD(painting, cost="euclidean", layers=["image"])`` is the palette term, in pixel
    values. The paper measures the palette in decorrelated colors, a rotation of RGB that does
    not change distances. The fourth term, the absolute differences of means and covariances of
    hypercolumns, is not implemented. The default layers are those of the authors' VGG16. The
    authors draw places at every step of a stochastic optimizer. This library draws them between
    rounds, so L-BFGS minimizes one function in each round.

    Cosines do not limit contrast, which then grows: add the palette, `Gram` or `Content`. The
    palette pulls only the pixels that are drawn, which show as speckle: use more samples,
    shorter rounds and `TotalVariation` with it. At 96 pixels, SelfSimilarity + 4 RelaxedEMD +
    0.03 palette (samples=3000, refresh_every=5) + 0.03 TotalVariation looked right.

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
        """The places of the picture, and the hypercolumns of the reference."""
        reference = super().target(references, current, rng)
        # With the same numbers, a picture of the reference's size gets the same places.
        seed = int(rng.integers(2**32))
        ours, theirs = (
            self.places(features, np.random.default_rng(seed)) for features in (current, reference)
        )
        return {"places": ours, "points": np.asarray(self._points(reference, theirs))}

    def distance(self, current: Statistic, target: dict[str, Any]) -> Tensor:
        """Σ w · the larger of the two mean costs from each point to its nearest point."""
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
