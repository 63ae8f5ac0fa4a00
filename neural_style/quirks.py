"""Losses that the sources of presets have, and this library would not: sums, and a defect.

Records name them, as ``joint_histogram`` and ``summed_variation``; `registry.names` does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style.backend import keras
from neural_style.features import IMAGE
from neural_style.losses import Features, Loss, Statistic, Tensor
from neural_style.matching import match
from neural_style.refreshed import Refreshed

ops = keras.ops


class JointHistogram(Refreshed):
    """The histogram loss, but for one histogram of all channels together."""

    def moved(
        self, features: NDArray[Any], reference: NDArray[Any], rng: np.random.Generator
    ) -> NDArray[Any]:
        """The features, given the reference's histogram."""
        return match(features, reference)


class SummedVariation(Loss):
    """Σ|dx| + Σ|dy| over pixels and channels.

    `TotalVariation` has the mean of each, of which no one weight makes these sums unless
    the picture is square.
    """

    layers = (IMAGE,)

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """The differences dx and dy."""
        x = features[IMAGE]
        return {"dx": x[:, :, 1:] - x[:, :, :-1], "dy": x[:, 1:] - x[:, :-1]}

    def target(self, references: Any, current: Any, rng: np.random.Generator) -> None:
        """Nothing: the least variation is none."""

    def distance(self, current: Statistic, target: None) -> Tensor:
        """The sum of their absolute values."""
        return ops.sum(ops.abs(current["dx"])) + ops.sum(ops.abs(current["dy"]))
