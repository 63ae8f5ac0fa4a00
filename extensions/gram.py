"""The Gram loss of Gatys, Ecker & Bethge."""

from __future__ import annotations

from neural_style.losses import Layers, Mean, StatisticLoss, Tensor


class Gram(StatisticLoss):
    """Match which features occur together, anywhere in the picture.

        G_l = F_lᵀ F_l / M_l,    L = Σ_l w_l · Σ(G_l − A_l)² / (4 N_l²)

    F_l (M_l positions × N_l channels) are the features of the picture at layer l, and A_l
    is G_l of the reference, which may differ in size.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    layers
        By default conv1_1 … conv5_1 with the same weight, 1/5.

    Notes
    -----
    This is the paper's E_l, but each Gram matrix is divided by its own number of positions; the
    paper's equation has one M for both, since it resizes the painting to the photo's size. Other
    implementations differ by constant factors, which are layer weights here.
    ``layers={layer: 4}`` is the mean squared difference of G (the authors' code, which has the
    further factor 1e3/N² at each layer), ``{layer: 4 / N**2}`` that of FᵀF/(N·M) (neural-style),
    and ``{layer: 4 * M / N}`` Udacity's loss. The loss is invariant to any permutation of
    positions. Source: Gatys, Ecker & Bethge, CVPR 2016; its equations were read in public
    transcripts, which also give the layers. Transcripts of the preprint of 2015 give the weight
    1/5. The papers themselves were not read. The authors' code (see `Content`) and the other
    implementations were read.

    Examples
    --------
    >>> import numpy as np
    >>> gram = Gram(np.zeros((32, 32, 3)))
    >>> gram.statistic(np.array([[[[1.0, 0], [1, 2]]]]), Mean()).numpy().tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """

    layers: Layers = tuple(f"block{block}_conv1" for block in range(1, 6))

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """G, (N, N)."""
        return mean.product(f, f)

    def distance(self, current: Tensor, target: Tensor) -> Tensor:
        """mean((G − A)²) / 4."""
        return super().distance(current, target) / 4
