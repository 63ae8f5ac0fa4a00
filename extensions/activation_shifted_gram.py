"""The Gram loss with shifted activations of Novak & Nikulin."""

from __future__ import annotations

from collections.abc import Sequence

from neural_style.extensions.gram import Gram
from neural_style.losses import Mean, Tensor, option
from neural_style.losses.options import finite

CONVOLUTIONS = tuple(
    f"block{block}_conv{number}"
    for block, depth in enumerate((2, 2, 4, 4, 4), 1)
    for number in range(1, depth + 1)
)
"""All 16 convolutions of VGG19, as in the paper."""


def halving(layers: Sequence[str]) -> dict[str, float]:
    """Novak & Nikulin's style weights, 2^(D − d) divided by their sum, halved at each layer.

    d = 1 … D is the number of a layer in the list, from the shallowest.

    >>> halving(["block1_conv1", "block2_conv1"])
    {'block1_conv1': 0.6666666666666666, 'block2_conv1': 0.3333333333333333}
    """
    powers = [2.0 ** (len(layers) - d) for d in range(1, len(layers) + 1)]
    return {layer: power / sum(powers) for layer, power in zip(layers, powers, strict=True)}


class ActivationShiftedGram(Gram):
    """Match which features occur together and which are absent together.

        G_l = (F_l + s)ᵀ (F_l + s) / M_l,    L = Σ_l w_l · Σ(G_l − A_l)² / (4 N_l²)

    F_l (M_l positions × N_l channels) are the features of the picture at layer l, s is the
    shift, and A_l is G_l of the reference, which may differ in size.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    shift
        The number s added to every feature, in units of the network's activations; −1 in the
        paper, 0 in `Gram`.
    layers
        By default conv1_1 … conv5_1, weighted by `halving`. The paper uses all convolutions:
        ``layers=halving(CONVOLUTIONS)``.

    Raises
    ------
    LossError
        The shift is not a finite number.

    Notes
    -----
    After a ReLU most features are 0, and products of zeros carry no information. Products of
    shifted features do. G is the Gram matrix + s(μ_i + μ_j) + s², μ the mean of each channel. The
    loss is invariant to any permutation of positions. The paper's weights are 2^(D − d); this
    library divides them by their sum. Source: Novak & Nikulin, *Improving the Neural Algorithm
    of Artistic Style*, arXiv 1605.04603. Shift, weights and layers were read in a public summary
    with its formulas, and the shift in two implementations; the paper was not read.

    Examples
    --------
    >>> import numpy as np
    >>> loss = ActivationShiftedGram(np.zeros((32, 32, 3)))
    >>> loss.statistic(np.array([[[[1.0, 0], [1, 2]]]]), Mean()).numpy().tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """

    layers = halving([f"block{block}_conv1" for block in range(1, 6)])
    shift: float = option(-1.0, finite)

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """G, (N, N)."""
        return super().statistic(f + self.shift, mean)
