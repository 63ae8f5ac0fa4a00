"""The relaxed earth mover's distance of Kolkin, Salavon & Shakhnarovich."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neural_style import ops
from neural_style.losses import References, Rng, Statistic, Tensor, option
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
        ``"palette"``: the cosine distance plus |x_i − y_j| / (255 √N), for N channels.
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
    STROTSS has four terms. This is the style term, `SelfSimilarity` the content term, and
    `HypercolumnMoments` the moment term. ``RelaxedEMD(painting, cost="palette",
    layers=["image"])`` is the palette term: STROTSS first rotates RGB, which changes neither
    distances nor angles. The preset ``strotss`` has the four weights. The default layers are
    those of the authors' VGG16. Value and gradient equal their code for equal hypercolumns, with
    these departures:

    - Their code draws places at every step, for a stochastic optimizer. This library draws them
      between rounds, so L-BFGS minimizes one function in each round.
    - It draws 1024 places of the picture, and 5 times 1000 of the painting once for a scale, at
      which it takes the nearest position. Here both have ``samples`` places, interpolated.
    - It halves coordinates at each pooling, so it reads coarse features up to half a position to
      the lower right. Here places are the same points of the picture in every layer.
    - In the palette it raises |x_i − y_j|² to at least 1e-5, in colors from 0 to 1.
    - A hypercolumn of zeros gives NaN there.

    Cosines do not limit contrast, which then grows: add the palette, the moments, `Gram` or
    `Content`. The palette pulls only the pixels that are drawn, which show as speckle: use more
    samples, shorter rounds and `TotalVariation` with it.

    Source: Kolkin, Salavon & Shakhnarovich, *Style Transfer by Relaxed Optimal Transport and
    Self-Similarity*, arXiv 1904.12785, its code nkolkin13/STROTSS, contextual_loss.py,
    stylize_objectives.py, utils.py and vgg_pt.py, read; the paper was not read.

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
    cost: str = option("cosine", one_of("cosine", "euclidean", "palette"))

    def target(self, references: References, current: Any, rng: Rng) -> dict[str, Any]:
        """The places of the picture, and the hypercolumns of the reference."""
        reference = super().target(references, current, rng)
        ours, theirs = self.both_places(current, reference, rng)
        return {"places": ours, "points": np.asarray(self.columns(reference, theirs))}

    def distance(self, current: Statistic, target: dict[str, Any]) -> Tensor:
        """Σ w · the larger of the two mean costs from each point to its nearest point."""
        ours, theirs = self.columns(current, target["places"]), target["points"]
        # Which is nearest has no gradient, and its cost is then summed without cancellation.
        far = ops.stop_gradient(self._cost(ours, theirs, squared_distances))
        forth = self._cost(ours, ops.take(theirs, ops.argmin(far, axis=1), axis=0), _squares)
        back = self._cost(ops.take(ours, ops.argmin(far, axis=0), axis=0), theirs, _squares)
        return self.scale * ops.maximum(ops.mean(forth), ops.mean(back))

    def _cost(self, ours: Tensor, theirs: Tensor, squares: Callable[..., Tensor]) -> Tensor:
        cost: Any = 0
        if self.cost != "euclidean":
            cost = squares(unit(ours), unit(theirs)) / 2
        if self.cost != "cosine":
            divisor = 255 * int(ours.shape[1]) ** 0.5 if self.cost == "palette" else 1
            cost = cost + _root(squares(ours, theirs)) / divisor
        return cost


def _squares(ours: Tensor, theirs: Tensor) -> Tensor:
    """|a_i − b_i|² of the rows of two matrices, (rows, 1)."""
    return squared_lengths(ours - theirs)


def _root(squares: Tensor) -> Tensor:
    """The root, which is 0 with the gradient 0 where rounding errors or zeros leave no root."""
    return ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1)), 0)
