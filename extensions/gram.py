"""The Gram loss of Gatys, Ecker & Bethge."""

from __future__ import annotations

from typing import Any

from keras import ops

from neural_style.losses.base import Features, Layers, Loss, Statistic, Tensor


class Gram(Loss):
    """Match which features occur together, anywhere in the picture.

        G_l = F_lᵀ F_l / M_l,    L = Σ_l w_l · Σ(G_l − A_l)² / (4 N_l²)

    F_l (M_l positions × N_l channels) are the features of the picture at layer l, and A_l
    is G_l of the reference, whose size may be another.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    layers
        By default conv1_1 … conv5_1 with the same weight, 1/5, as in the paper.

    Notes
    -----
    This is the paper's E_l (equations 3–5), each Gram matrix divided by its own number of
    positions; the printed equation has one M for both. Other implementations differ by
    constants, which are layer weights here: ``layers={layer: 4}`` is the mean squared
    difference of G (Gatys' notebook, which adds 1e3/N² to each layer), ``{layer: 4 / N**2}``
    that of FᵀF/(N·M) (neural-style), ``{layer: 4 * M / N}`` Udacity's. Invariant to any
    permutation of positions. Source: Gatys, Ecker & Bethge, CVPR 2016, from memory; the
    other implementations from their sources.

    Examples
    --------
    >>> import numpy as np
    >>> gram = Gram(np.zeros((32, 32, 3)), layers=["a"])
    >>> row = gram.statistic({"a": np.array([[[[1.0, 0], [1, 2]]]])}, None)
    >>> row["a"].numpy().tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """

    layers: Layers = tuple(f"block{block}_conv1" for block in range(1, 6))
    tiling = "mean"

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """G of every layer, (N, N)."""
        return {layer: _gram(f, guides and guides[layer]) for layer, f in features.items()}

    def distance(self, current: Statistic, target: Statistic) -> Tensor:
        """Σ_l w_l · mean((G − A)²) / 4."""
        return super().distance(current, target) / 4


def _gram(f: Tensor, guide: Tensor | None) -> Tensor:
    """FᵀF / M, with one product for its gradient, F (D + Dᵀ) / M, where autodiff has two.

    A guide weighs one of the factors, so that the gradient stays one product, and needs no
    root: Fᵀ(g∘F) / Σg, and g∘F (D + Dᵀ) / Σg.
    """

    @ops.custom_gradient
    def gram(f: Tensor) -> Any:
        def gradient(upstream: Tensor) -> Tensor:
            symmetric = averaged(upstream + ops.transpose(upstream), f.shape[1] * f.shape[2], guide)
            product = ops.matmul(f, symmetric)
            return product if guide is None else guide * product

        return correlation(f, f, guide), gradient

    return gram(f)


def correlation(a: Tensor, b: Tensor, guide: Tensor | None = None) -> Tensor:
    """AᵀB / M: the mean over positions, which a guide may weigh, of the products of channels.

    a, b: (1, h, w, N) and (1, h, w, K), at the same M = h·w positions; guide: (1, h, w, 1);
    returns (N, K).
    """
    positions = a.shape[1] * a.shape[2]
    if guide is not None:
        a = guide * a
    rows = ops.reshape(a, (positions, a.shape[3])), ops.reshape(b, (positions, b.shape[3]))
    return averaged(ops.matmul(ops.transpose(rows[0]), rows[1]), positions, guide)


def averaged(total: Tensor, positions: int, guide: Tensor | None) -> Tensor:
    """A sum over so many positions, over their number, or over the sum of what weighs them."""
    mean = total / positions
    return mean if guide is None else ops.divide_no_nan(mean, ops.mean(guide))
