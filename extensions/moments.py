"""Means and standard deviations of channels: the batch-norm statistics of Li et al."""

from __future__ import annotations

from neural_style import ops
from neural_style.losses import Mean, StatisticLoss, Tensor, option
from neural_style.losses.options import at_least


class Moments(StatisticLoss):
    """Match the mean and the standard deviation of every channel.

        L = Σ_l w_l · (1/N_l) Σ_channels [(μ − μ')² + (σ − σ')²],    σ = √(var + ε)

    μ and var, the biased variance, are over positions of the picture's features at layer l, with
    N_l channels. μ' and σ' belong to the reference, which may differ in size.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    epsilon
        ε, in squared units of the network's activations, 1e-12 or more. Without ε, σ has no
        gradient if a channel is constant.
    layers
        By default conv1_1 … conv5_1 with the same weight.

    Raises
    ------
    LossError
        ``epsilon`` is not a finite number of 1e-12 or more.

    Notes
    -----
    This is the cheapest style loss: 2N numbers for each layer. With a sum over channels instead
    of the mean, ``layers={layer: N}``, it is the style loss of AdaIN's code, but for ε. It is
    invariant to any permutation of positions. Variances are E[f²] − μ², at least 0. Sources: Li,
    Wang, Liu & Hou, *Demystifying Neural Style Transfer*, arXiv 1701.01036, and
    lyttonhao/Neural-Style-MMD, bn_loss.py, which has no ε; Huang & Belongie, *Arbitrary Style
    Transfer in Real-time with Adaptive Instance Normalization*, ICCV 2017, and
    xunhuang1995/AdaIN-style, lib/StyleINLossModule.lua, by default at relu1_1 … relu4_1
    (train.lua). The code was read, the papers were not.

    Examples
    --------
    >>> import numpy as np
    >>> loss = Moments(np.zeros((32, 32, 3)))
    >>> pair = loss.statistic(np.reshape([1.0, 3.0], (1, 1, 2, 1)), Mean())
    >>> pair.numpy().ravel().tolist()  # E[f], E[f²]
    [2.0, 5.0]
    """

    layers = tuple(f"block{block}_conv1" for block in range(1, 6))
    epsilon: float = option(1e-5, at_least(1e-12))

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """E[f] and E[f²], (2, N)."""
        return ops.stack([mean(f), mean(ops.square(f))])

    def summary(self, s: Tensor) -> Tensor:
        """μ and σ, (2, N)."""
        variance = ops.maximum(s[1] - ops.square(s[0]), 0)
        return ops.stack([s[0], ops.sqrt(variance + self.epsilon)])

    def distance(self, current: Tensor, target: Tensor) -> Tensor:
        """The mean over channels of (Δμ)² + (Δσ)²."""
        return 2 * super().distance(current, target)
