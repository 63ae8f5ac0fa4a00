"""Novak & Nikulin's correlations between neighboring layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neural_style.extensions.activation_shifted_gram import halving
from neural_style.losses import Features, Loss, Means, Statistic, Tensor, option
from neural_style.losses.options import finite


class GramChain(Loss):
    """Match which features of one layer occur together with which features of the next.

        G_l = (F_l + s)ᵀ (up(F_l+1) + s) / M_l
        L = Σ_l w_l · Σ(G_l − A_l)² / (4 N_l N_l+1)

    over the pairs of neighbors in the list of layers. F_l (M_l positions × N_l channels) are
    the features of the picture at layer l. up repeats each position of the next layer over the
    positions of F_l that were pooled into it. s is the shift. A_l is G_l of the reference,
    which may differ in size. G_l is N_l × N_l+1.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    shift
        The number s added to every feature, in units of the network's activations.
    layers
        The chain, from fine to coarse; by default conv1_1 … conv5_1, weighted by `halving`.
        With ``{layer: weight}``, a pair has the weight of its finer layer. With a sequence, all
        pairs have the same weight. A single layer is paired with itself.

    Raises
    ------
    LossError
        The shift is not a finite number, or the size of a layer is not the size of the layer
        before, or a half, a quarter, … of it (pooling may drop an odd row or column).

    Notes
    -----
    At odd sizes, pooling drops rows and columns. G leaves these out, and M_l counts only the
    other positions. The code does not repeat features: it averages the products of F_l+1 with
    the means of F_l over the positions that belong to each. Source: Novak & Nikulin, *Improving
    the Neural Algorithm of Artistic Style*, arXiv 1605.04603, read in a public summary with its
    formulas, not in the paper. The paper chains all convolutions
    (``layers=halving(CONVOLUTIONS)``, see `neural_style.extensions.activation_shifted_gram`, also
    for the shift and the weights). It also tries to blur the enlarged layer, which this loss does
    not do.

    Examples
    --------
    >>> import numpy as np
    >>> from neural_style.losses.calls import statistics
    >>> loss = GramChain(np.zeros((32, 32, 3)), shift=0, layers=["a", "b"])
    >>> fine, coarse = np.reshape([1.0, 2, 3, 4], (1, 2, 2, 1)), np.full((1, 1, 1, 1), 5.0)
    >>> statistics(loss, {"a": fine, "b": coarse})["a"].numpy().item()  # 50 over 4 positions
    12.5
    """

    layers = halving([f"block{block}_conv1" for block in range(1, 6)])
    shift: float = option(-1.0, finite)
    tiling = "mean"

    @property
    def layer_weights(self) -> dict[str, Any]:
        """The weight of each pair, by its finer layer: as given, or 1 / the number of pairs."""
        if isinstance(self.layers, Mapping):
            return dict(self.layers)
        return dict.fromkeys(self.layers, 1 / max(1, len(self.layers) - 1))

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """G of each pair, (N of the finer layer, N of the coarser), by its finer layer."""
        names = list(features)
        shifted = {layer: f + self.shift for layer, f in features.items()}
        pairs = zip(names, names[1:] or names, strict=False)
        return {a: mean[a].product(shifted[a], shifted[b]) for a, b in pairs}

    def distance(self, current: Statistic, target: Statistic) -> Tensor:
        """Σ w · mean((G − A)²) / 4 over the pairs."""
        return super().distance(current, target) / 4
