"""The central moment discrepancy of features, of Kalischek, Wegner & Schindler."""

from __future__ import annotations

import math
from itertools import accumulate

from neural_style import ops
from neural_style.losses import Mean, StatisticLoss, Tensor, option
from neural_style.losses.options import positive, positive_whole


class CentralMomentDiscrepancy(StatisticLoss):
    """Match mean, spread, skewness and higher moments of every channel.

        x = sigmoid(F_l / s)
        L = Σ_l w_l · (|E[x] − E[x']| + Σ_k=2…K |E[(x − E[x])^k] − E[(x' − E[x'])^k]|)

    F_l are the features of the picture at layer l, and E is the mean over positions, which gives
    a vector with a number for each channel. |·| is the length of a vector. x' belongs to the
    reference, which may differ in size.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    order
        K, the highest moment.
    scale
        s, in units of the network's activations. Features far above s cannot be told apart.
    layers
        By default conv1_1 … conv5_1 with the same weight.

    Raises
    ------
    LossError
        ``order`` is not a positive whole number, or ``scale`` is not above 0.

    Notes
    -----
    The authors' code has K = 5, s = 1, the layer weights 1e3 / N² for N channels, no content
    loss, and features before the ReLU of a network that takes pixels with a deviation of 1. The
    features here are those after the ReLU, so x is at least ½, and with the pixels 0–255 of
    Keras' weights they are of the order of hundreds. With s = 30, a city in ink at 128 pixels kept
    the photo's colors; with 100, and more so with 300, it took the painting's, and more of its
    style than with `Gram`. Lengths are not squared, so every moment pulls until it fits. Central
    moments are computed from the means of (x − ½)^k, which add up over tiles; in float32, their
    rounding errors are below 1e-6. Source: Kalischek,
    Wegner & Schindler, *In the Light of Feature Distributions: Moment Matching for Neural Style
    Transfer*, CVPR 2021; D1noFuzi/cmd_styletransfer, losses.py and main.py; the code was read,
    the paper was not.

    Examples
    --------
    >>> import numpy as np
    >>> loss = CentralMomentDiscrepancy(np.zeros((32, 32, 3)), order=2, scale=1)
    >>> f = np.reshape([0.0, 2 * np.log(3)], (1, 1, 2, 1))  # sigmoids ½ and 0.9
    >>> loss.summary(loss.statistic(f, Mean())).numpy().round(6).ravel().tolist()  # 0.7 − ½; 0.2²
    [0.2, 0.04]
    """

    layers = tuple(f"block{block}_conv1" for block in range(1, 6))
    order: int = option(5, positive_whole)
    scale: float = option(300.0, positive)

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """E[y], E[y²], …, (order, N), of y = x − ½."""
        y = ops.tanh(f / (2 * self.scale)) / 2
        return ops.stack([mean(power) for power in accumulate([y] * self.order, ops.multiply)])

    def summary(self, s: Tensor) -> Tensor:
        """E[y] and the central moments from the second on, (order, N)."""
        raw = [ops.ones_like(s[0]), *(s[k] for k in range(self.order))]
        powers = list(accumulate([-s[0]] * self.order, ops.multiply, initial=raw[0]))
        central = [
            sum(math.comb(k, j) * raw[j] * powers[k - j] for j in range(k + 1))
            for k in range(2, self.order + 1)
        ]
        return ops.stack([s[0], *central])

    def distance(self, current: Tensor, target: Tensor) -> Tensor:
        """The sum over moments of the length of the difference, over channels."""
        squares = ops.sum(ops.square(current - target), 1)
        # A root has no gradient at 0, where the length is 0 and has none either.
        return ops.sum(ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1)), 0))
