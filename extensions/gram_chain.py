"""The correlations of neighboring layers of Novak & Nikulin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from neural_style.errors import LossError
from neural_style.extensions.activation_shifted_gram import checked_shift, halving
from neural_style.extensions.gram import correlation
from neural_style.losses.base import Features, Layers, Loss, Statistic, Tensor


class GramChain(Loss):
    """Match which features of a layer occur where which of the next layer do.

        G_l = (F_l + s)ᵀ (up(F_l+1) + s) / M_l
        L = Σ_l w_l · Σ(G_l − A_l)² / (4 N_l N_l+1)

    over the pairs of neighbors in the list of layers. F_l (M_l positions × N_l channels)
    are the features of the picture at layer l, up repeats each position of the next layer
    over the positions of F_l that were pooled into it, s is the shift, and A_l is G_l of
    the reference, whose size may be another. G_l is N_l × N_l+1.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    shift
        What is added to every feature, in the units of the network's activations.
    layers
        The chain, from fine to coarse; by default conv1_1 … conv5_1, weighted by `halving`.
        Of ``{layer: weight}``, a pair has the weight of its finer layer; of a sequence, all
        pairs weigh the same. One layer alone is paired with itself.

    Raises
    ------
    LossError
        The shift is not a finite number, or a layer is not the one before, halved a number of
        times along both axes (an odd row or column may be dropped).

    Notes
    -----
    Rows and columns that pooling has dropped, at odd sizes, are left out of G, and M_l is
    the number of the others. Repeating is never done: the mean over positions is that of
    the products of F_l+1 with the means of F_l over the positions of each. Source: Novak &
    Nikulin, *Improving the Neural Algorithm of Artistic Style*, arXiv 1605.04603, from
    memory, where the chain is of all convolutions (``layers=halving(CONVOLUTIONS)``, of
    `neural_style.extensions.activation_shifted_gram`); the shift and the weights as there.

    Examples
    --------
    >>> import numpy as np
    >>> loss = GramChain(np.zeros((32, 32, 3)), shift=0, layers=["a", "b"])
    >>> fine, coarse = np.reshape([1.0, 2, 3, 4], (1, 2, 2, 1)), np.full((1, 1, 1, 1), 5.0)
    >>> loss.statistic({"a": fine, "b": coarse}, None)["a"].numpy().item()  # 50 over 4 positions
    12.5
    """

    layers = halving([f"block{block}_conv1" for block in range(1, 6)])
    tiling = "mean"

    def __init__(
        self,
        *references: Any,
        shift: float = -1.0,
        layers: Layers | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(*references, layers=layers, name=name)
        self.shift = checked_shift(self.name, shift)

    @property
    def layer_weights(self) -> dict[str, float]:
        """The weight of every pair, by its finer layer: as given, or one over their number."""
        if isinstance(self.layers, Mapping):
            return dict(self.layers)
        return dict.fromkeys(self.layers, 1 / len(self._pairs))

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """G of every pair, (N of the finer layer, N of the coarser), by its finer layer."""
        matrices = {}
        for fine, coarse in self._pairs:
            first, second = (features[layer] + self.shift for layer in (fine, coarse))
            weights = guides and guides[fine]
            weighted = first if weights is None else weights * first
            matrix = correlation(self._pooled(fine, weighted, second), second)
            if weights is not None:
                mean = ops.mean(self._pooled(fine, weights, second))
                matrix = ops.divide_no_nan(matrix, mean)
            matrices[fine] = matrix
        return matrices

    def mass(self, guides: Features) -> Statistic:
        """The weight of the positions of every pair."""
        return {
            fine: ops.sum(self._pooled(fine, guides[fine], guides[coarse]))
            for fine, coarse in self._pairs
        }

    def distance(self, current: Statistic, target: Statistic) -> Tensor:
        """Σ w · mean((G − A)²) / 4 over the pairs."""
        weights = self.layer_weights
        return (
            sum(
                weights[fine] * ops.mean(ops.square(current[fine] - target[fine]))
                for fine, _ in self._pairs
            )
            / 4
        )

    def get_config(self) -> dict[str, Any]:
        """The options, with `shift`."""
        return {"shift": self.shift, **super().get_config()}

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        names = list(self.layers)
        return list(zip(names, names[1:] or names, strict=False))

    def _pooled(self, fine: str, x: Tensor, coarse: Tensor) -> Tensor:
        """The means of ``x``, of the finer layer, over the positions of each of ``coarse``."""
        (height, width), (h, w) = x.shape[1:3], coarse.shape[1:3]
        step = 1 << max(0, (height // h).bit_length() - 1)
        if (height // step, width // step) != (h, w):
            raise LossError(
                f"{self.name}: at {fine!r} the features are {height}×{width}, at the next layer "
                f"{h}×{w}, expected the same halved a number of times: list layers from fine to "
                f"coarse, or use a larger picture."
            )
        kept = x[:, : step * h, : step * w]
        return ops.mean(ops.reshape(kept, (1, h, step, w, step, x.shape[3])), (2, 4))
