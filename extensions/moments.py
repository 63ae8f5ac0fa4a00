"""The means and deviations of channels: the batch-norm statistics of Li et al."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from neural_style.errors import LossError, number
from neural_style.losses.base import Features, Layers, Loss, Statistic, Tensor, weighted_mean


class Moments(Loss):
    """Match the mean and the deviation of every channel.

        L = Σ_l w_l · (1/N_l) Σ_channels [(μ − μ')² + (σ − σ')²],    σ = √(var + ε)

    μ and var (the biased variance) are over the positions of the features of the picture
    at layer l, of N_l channels; μ' and σ' those of the reference, whose size may be another.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    epsilon
        ε, in squared units of the network's activations, 1e-12 or more; without it σ has no
        gradient where a channel is constant.
    layers
        By default conv1_1 … conv5_1 with the same weight.

    Raises
    ------
    LossError
        ``epsilon`` is not a finite number of 1e-12 or more.

    Notes
    -----
    The cheapest of the style losses: 2N numbers a layer. The sum over channels instead of
    the mean, ``layers={layer: N}``, is AdaIN's style loss with its norms squared. Invariant
    to any permutation of positions. Variances are E[f²] − μ², not below 0. Sources: Li, Wang,
    Liu & Hou, *Demystifying Neural Style Transfer*, arXiv 1701.01036 (section on batch
    normalization), and Huang & Belongie, *Arbitrary Style Transfer in Real-time with Adaptive
    Instance Normalization*, ICCV 2017; both from memory.

    Examples
    --------
    >>> import numpy as np
    >>> loss = Moments(np.zeros((32, 32, 3)), layers=["a"])
    >>> pair = loss.statistic({"a": np.reshape([1.0, 3.0], (1, 1, 2, 1))}, None)
    >>> pair["a"].numpy().ravel().tolist()  # E[f], E[f²]
    [2.0, 5.0]
    """

    layers = tuple(f"block{block}_conv1" for block in range(1, 6))
    tiling = "mean"

    def __init__(
        self,
        *references: Any,
        epsilon: float = 1e-5,
        layers: Layers | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(*references, layers=layers, name=name)
        self.epsilon = checked_epsilon(self.name, epsilon)

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """E[f] and E[f²] of every layer, (2, N)."""
        return {
            layer: ops.stack(
                [weighted_mean(x, guides and guides[layer], (0, 1, 2)) for x in (f, ops.square(f))]
            )
            for layer, f in features.items()
        }

    def distance(self, current: Statistic, target: Statistic) -> Tensor:
        """Σ_l w_l · the mean over channels of (Δμ)² + (Δσ)²."""
        ours, theirs = (
            {layer: self._deviations(moments[layer]) for layer in self.layers}
            for moments in (current, target)
        )
        return 2 * super().distance(ours, theirs)

    def get_config(self) -> dict[str, Any]:
        """The options, with `epsilon`."""
        return {"epsilon": self.epsilon, **super().get_config()}

    def _deviations(self, moments: Tensor) -> Tensor:
        """μ and σ, (2, N)."""
        mean, square = moments[0], moments[1]
        variance = ops.maximum(square - ops.square(mean), 0)
        return ops.stack([mean, ops.sqrt(variance + self.epsilon)])


def checked_epsilon(name: str, epsilon: Any, least: float = 1e-12) -> float:
    """``epsilon`` as a float, or a `LossError` if it is not finite or below ``least``."""
    if not least <= number(epsilon) < math.inf:
        raise LossError(f"{name}: expected a finite epsilon of {least:g} or more, got {epsilon!r}.")
    return float(epsilon)
