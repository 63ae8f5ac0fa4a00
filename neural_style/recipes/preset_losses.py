"""Losses needed only to reproduce published presets: variations of others, and one known bug.

Records contain them as ``joint_histogram``, ``summed_variation``, ``nine_point_variation``,
``coarse_self_similarity`` and ``fine_relaxed_emd``. `registry.names` does not.
"""

from __future__ import annotations

from typing import Self, TypeVar

from neural_style import ops
from neural_style.extensions.relaxed_emd import RelaxedEMD
from neural_style.extensions.self_similarity import SelfSimilarity
from neural_style.losses.base import Loss
from neural_style.losses.hypercolumns import HypercolumnLoss
from neural_style.losses.mean import Means
from neural_style.losses.types import Features, Statistic, Tensor

Hypercolumn = TypeVar("Hypercolumn", bound=HypercolumnLoss)


class JointHistogram(Loss):
    """Σ_l w_l · mean((F_l − R_l)²), R the features with the reference's histogram, in bins.

    R is computed at every evaluation, for all channels together. 255 bins of equal width cover
    the values of both. A value becomes the center of the bin whose quantile in the reference
    is nearest to the quantile of the value's bin. No gradient flows through R.
    """

    bins = 255

    def distance(self, current: Statistic, target: Statistic) -> Tensor:
        """The mean squared difference from R."""
        matched = {layer: self._matched(f, target[layer]) for layer, f in current.items()}
        return super().distance(current, matched)

    def _matched(self, features: Tensor, reference: Tensor) -> Tensor:
        own, known = (ops.reshape(ops.stop_gradient(f), (-1,)) for f in (features, reference))
        least = ops.minimum(ops.min(own), ops.min(known))
        width = (ops.maximum(ops.max(own), ops.max(known)) - least) / self.bins

        def places(values: Tensor) -> Tensor:
            steps = ops.cast(ops.divide_no_nan(values - least, width), "int32")
            return ops.clip(steps, 0, self.bins - 1)

        def below(places: Tensor) -> Tensor:
            counts = ops.segment_sum(ops.ones_like(places), places, self.bins)
            return ops.cast(ops.cumsum(counts), "int64")

        place = places(own)
        # Quantiles times both numbers of values: integers, so that rounding decides no tie.
        differences = below(places(known)) * own.shape[0]
        differences -= below(place)[:, None] * known.shape[0]
        nearest = ops.argmin(ops.abs(differences), axis=1)
        middles = least + width * (ops.arange(self.bins, dtype=own.dtype) + 0.5)
        return ops.reshape(ops.take(middles, ops.take(nearest, place)), features.shape)


class SummedVariation(Loss):
    """Σ|dx| + Σ|dy| over pixels and channels.

    `TotalVariation` has the mean of each. A single weight turns the means into these sums only
    if the picture is square.
    """

    role = "none"
    layers = ("image",)

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """The differences dx and dy."""
        x = features["image"]
        return {"dx": x[:, :, 1:] - x[:, :, :-1], "dy": x[:, 1:] - x[:, :-1]}

    def distance(self, current: Statistic, target: None) -> Tensor:
        """The sum of their absolute values."""
        return ops.sum(ops.abs(current["dx"])) + ops.sum(ops.abs(current["dy"]))


class NinePointVariation(Loss):
    """2 (mean dx² + mean dy²) / 3 + (mean a² + mean b²) / 6.

    dx and dy are differences to the right and the lower neighbor, a and b those along the two
    diagonals. The picture is first extended by one pixel on each side, by replication, which adds
    differences of 0. Means are over all elements. The source's docstring calls it an L2 total
    variation with a nine point stencil. Source: crowsonkb/style-transfer-pytorch,
    style_transfer/style_transfer.py, read.
    """

    role = "none"
    layers = ("image",)

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """The differences dx and dy, a and b."""
        margin = (0, 0), (1, 1), (1, 1), (0, 0)
        x = ops.pad(features["image"], margin, mode="symmetric")
        return {
            "dx": x[:, 1:-1, 2:] - x[:, 1:-1, 1:-1],
            "dy": x[:, 2:, 1:-1] - x[:, 1:-1, 1:-1],
            "a": x[:, 1:, 1:] - x[:, :-1, :-1],
            "b": x[:, 1:, :-1] - x[:, :-1, 1:],
        }

    def distance(self, current: Statistic, target: None) -> Tensor:
        """The weighted sum of their mean squares."""
        dx, dy, a, b = (ops.mean(ops.square(current[name])) for name in ("dx", "dy", "a", "b"))
        return 2 * (dx + dy) / 3 + (a + b) / 6


class CoarseSelfSimilarity(SelfSimilarity):
    """`SelfSimilarity` that weighs more at coarser scales: doubled at half the size."""

    def resized(self, factor: float) -> Self:
        """A copy for a picture resized by a factor, times 1 / factor."""
        return _weighted(super().resized(factor), 1 / factor)


class FineRelaxedEMD(RelaxedEMD):
    """`RelaxedEMD` that weighs less at coarser scales: halved at half the size."""

    def resized(self, factor: float) -> Self:
        """A copy for a picture resized by a factor, times the factor."""
        return _weighted(super().resized(factor), factor)


def _weighted(loss: Hypercolumn, factor: float) -> Hypercolumn:
    loss.layers = {layer: factor * weight for layer, weight in loss.layer_weights.items()}
    return loss
