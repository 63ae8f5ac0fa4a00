"""The Gram loss with shifted activations of Novak & Nikulin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from neural_style.errors import LossError, number
from neural_style.extensions.gram import Gram
from neural_style.losses.base import Features, Layers, Statistic

CONVOLUTIONS = tuple(
    f"block{block}_conv{number}"
    for block, depth in enumerate((2, 2, 4, 4, 4), 1)
    for number in range(1, depth + 1)
)
"""All 16 convolutions of VGG19, which the paper reads."""


def halving(layers: Sequence[str]) -> dict[str, float]:
    """Novak & Nikulin's weights for style, 2^(D − d), over their sum: each half the last.

    d = 1 … D is the place of a layer in the list, the shallowest first.

    >>> halving(["block1_conv1", "block2_conv1"])
    {'block1_conv1': 0.6666666666666666, 'block2_conv1': 0.3333333333333333}
    """
    powers = [2.0 ** (len(layers) - d) for d in range(1, len(layers) + 1)]
    return {layer: power / sum(powers) for layer, power in zip(layers, powers, strict=True)}


class ActivationShiftedGram(Gram):
    """Match which features occur together, or are absent together.

        G_l = (F_l + s)ᵀ (F_l + s) / M_l,    L = Σ_l w_l · Σ(G_l − A_l)² / (4 N_l²)

    F_l (M_l positions × N_l channels) are the features of the picture at layer l, s is the
    shift, and A_l is G_l of the reference, whose size may be another.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    shift
        What is added to every feature, in the units of the network's activations; −1 in the
        paper, 0 for `Gram`.
    layers
        By default conv1_1 … conv5_1 weighted by `halving`. The paper reads all convolutions:
        ``layers=halving(CONVOLUTIONS)``.

    Raises
    ------
    LossError
        The shift is not a finite number.

    Notes
    -----
    After a ReLU most features are 0, and products of zeros tell nothing; shifted, they do:
    G is the Gram matrix + s(μ_i + μ_j) + s², μ the mean of each channel. Invariant to any
    permutation of positions. The paper's weights are 2^(D − d), without our division by
    their sum. Source: Novak & Nikulin, *Improving the Neural Algorithm of Artistic Style*,
    arXiv 1605.04603; the shift as two implementations have it, the weights from memory.

    Examples
    --------
    >>> import numpy as np
    >>> loss = ActivationShiftedGram(np.zeros((32, 32, 3)), layers=["a"])
    >>> row = loss.statistic({"a": np.array([[[[1.0, 0], [1, 2]]]])}, None)
    >>> row["a"].numpy().tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """

    layers: Layers = halving([f"block{block}_conv1" for block in range(1, 6)])

    def __init__(
        self,
        *references: Any,
        shift: float = -1.0,
        layers: Layers | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(*references, layers=layers, name=name)
        self.shift = checked_shift(self.name, shift)

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """G of every layer, (N, N)."""
        return super().statistic({layer: f + self.shift for layer, f in features.items()}, guides)

    def get_config(self) -> dict[str, Any]:
        """The options, with `shift`."""
        return {"shift": self.shift, **super().get_config()}


def checked_shift(name: str, shift: Any) -> float:
    """``shift`` as a float, or a `LossError` if it is not a finite number."""
    if not math.isfinite(number(shift)):
        raise LossError(f"{name}: expected a finite number as the shift, got {shift!r}.")
    return float(shift)
