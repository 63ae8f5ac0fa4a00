"""A loss plugin for neural-style-keras: how often each feature occurs."""

from __future__ import annotations

from neural_style import StatisticLoss, option
from neural_style.losses.mean import Mean
from neural_style.losses.options import positive
from neural_style.losses.types import Tensor


class Activity(StatisticLoss):
    """Match how often each feature occurs, independent of its strength.

        a_l = mean over positions of F_l² / (F_l² + s²),    L = Σ_l w_l · mean((a_l − b_l)²)

    F_l (1, h, w, channels) are the features of the picture at layer l, and b_l is a_l of the
    reference. A few very strong responses dominate a mean or a Gram matrix. Here they count as
    much as moderate ones.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    scale
        s > 0: the strength of a feature that counts half.
    layers
        By default conv1_1 … conv4_1 with the same weight.

    Raises
    ------
    LossError
        ``scale`` is not above 0.
    """

    layers = tuple(f"block{block}_conv1" for block in range(1, 5))
    scale: float = option(100.0, positive)

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """How often each channel occurs, 0 to 1, (channels,)."""
        return mean(f**2 / (f**2 + self.scale**2))
