"""The moment term of STROTSS."""

from __future__ import annotations

from typing import Any

import numpy as np

from neural_style import ops
from neural_style.losses import References, Rng, Statistic, Tensor, option
from neural_style.losses.hypercolumns import HypercolumnLoss
from neural_style.losses.options import positive


class HypercolumnMoments(HypercolumnLoss):
    """Match the mean and the covariance of hypercolumns.

        L = Σ w · (mean |μ − μ'| + mean |Σ − Σ'|)

    The means are over the entries of the vector and the matrix. μ and Σ are the mean and the
    biased covariance, over places of the picture, of its hypercolumns: the concatenated features
    of all layers at a place, interpolated from the coarser layers, and divided by a unit. μ' and
    Σ' belong to the reference.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    unit
        What features are divided by. It balances the two means, since only Σ has squared units.
        The default is the deviation of ImageNet's pixels, .226 · 255. STROTSS divides by it
        before the network, not after.
    samples
        The largest number of places of either picture. If there are more, they are drawn at
        random.
    refresh_every
        The number of evaluations between two draws of places.
    layers
        The layers of a hypercolumn, by default the image and nine from block1_conv1 to
        block5_conv3. ``{layer: weight}`` multiplies L by Σ w, and the squares of a layer's
        channels by w divided by the mean weight.

    Raises
    ------
    LossError
        The unit or a weight is not above 0, or ``samples`` or ``refresh_every`` is not a positive
        whole number.

    Notes
    -----
    STROTSS adds this term to `RelaxedEMD`, whose cosines leave contrast free. Value and gradient
    equal its code for equal hypercolumns; where it reads them differs as in `RelaxedEMD`. The
    absolute differences have a kink at the painting's moments.
    Source: Kolkin, Salavon & Shakhnarovich, *Style Transfer by Relaxed Optimal Transport and
    Self-Similarity*, arXiv 1904.12785, its code nkolkin13/STROTSS, contextual_loss.py
    (``moment_loss``), read; the paper was not read.

    Examples
    --------
    >>> loss = HypercolumnMoments(np.zeros((32, 32, 3)), layers=["a"], unit=1)
    >>> painting, current = ({"a": np.reshape(x, (1, 1, 2, 1))} for x in ([2.0, 2], [1.0, 4]))
    >>> target = loss.target([painting], current, np.random.default_rng())
    >>> float(loss.distance(current, target))  # |2.5 − 2| + |2.25 − 0|
    2.75
    """

    role = "style"
    unit: float = option(0.226 * 255, positive)

    def target(self, references: References, current: Any, rng: Rng) -> dict[str, Any]:
        """The places of the picture, and the mean and the covariance of the reference."""
        reference = super().target(references, current, rng)
        ours, theirs = self.both_places(current, reference, rng)
        mean, covariance = map(np.asarray, self._moments(reference, theirs))
        return {"places": ours, "mean": mean, "covariance": covariance}

    def distance(self, current: Statistic, target: dict[str, Any]) -> Tensor:
        """Σ w · the sum of both mean absolute differences."""
        mean, covariance = self._moments(current, target["places"])
        difference = ops.mean(ops.abs(mean - target["mean"]))
        return self.scale * (difference + ops.mean(ops.abs(covariance - target["covariance"])))

    def _moments(self, features: Statistic, places: Any) -> tuple[Tensor, Tensor]:
        columns = len(self.layers) ** 0.5 / self.unit * self.columns(features, places)
        mean = ops.mean(columns, axis=0)
        rest = columns - mean
        return mean, ops.matmul(ops.transpose(rest), rest) / int(rest.shape[0])
