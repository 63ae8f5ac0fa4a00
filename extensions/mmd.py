"""The maximum mean discrepancy of features, of Li et al."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neural_style import ops
from neural_style.losses import Mean, References, Rng, StatisticLoss, Tensor, option
from neural_style.losses.hypercolumns import squared_distances
from neural_style.losses.options import one_of, positive, positive_whole


class MMD(StatisticLoss):
    """Match the distribution of features, as far as a kernel distinguishes distributions.

        L = Σ_l w_l · MMD²,    MMD² = E k(x, x') + E k(y, y') − 2 E k(x, y)

    x are the features of the picture at layer l, a vector of N channels for each position, and
    y those of the reference, which may differ in size. The means are over all pairs, including
    each position with itself, so MMD² ≥ 0.

        kernel="linear"        k = xᵀy                      MMD² = Σ(μ − μ')²
        kernel="polynomial"    k = (xᵀy)²                   MMD² = Σ(G − A)², G = E[x xᵀ]
        kernel="gaussian"      k = exp(−‖x − y‖² / 2σ²)     on positions drawn at random

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    kernel
        The kernel, one of the three above.
    sigma
        For the Gaussian kernel: σ, in units of the network's activations. With None, σ² is the
        mean of ‖y − y'‖² over the pairs of the reference, layer by layer, or 1 if that is 0.
    samples
        For the Gaussian kernel: the number of positions drawn from each picture, without
        repetition. If there are not more, all are used. A layer takes O(samples² + samples · N)
        of memory.
    refresh_every
        For the Gaussian kernel: the number of evaluations between two draws.
    layers
        By default conv1_1 … conv5_1 with the same weight.

    Raises
    ------
    LossError
        An option is invalid.

    Notes
    -----
    With the polynomial kernel and ``layers={layer: 1 / (4 * N**2)}`` this is `Gram`. If picture
    and reference give layers of the same size, the same positions are drawn from both, so the
    MMD of equal pictures is 0. The linear and the polynomial kernel are invariant to any
    permutation of positions. The Gaussian kernel is invariant if all positions are used, and it
    cannot be tiled. Source: Li, Wang, Liu & Hou, *Demystifying Neural Style Transfer*, arXiv
    1701.01036; lyttonhao/Neural-Style-MMD, mmd_loss.py and neural-style.py; the code was read, the
    paper was not. The authors' code sums over positions, divided by a constant for each kernel,
    which is a layer weight here. With the Gaussian kernel, it compares every position with only
    two others, drawn anew at each step, and 1/2σ² is 1 over the mean of ‖·‖² in these pairs. Its
    polynomial kernel has an option for (xᵀy + c)².

    Examples
    --------
    >>> loss = MMD(np.zeros((32, 32, 3)))
    >>> ours, theirs = np.full((1, 2, 2, 2), [1.0, 3]), np.full((1, 1, 2, 2), [2.0, 1])
    >>> means = [loss.statistic(f, Mean()) for f in (ours, theirs)]
    >>> float(loss.distance(*means))  # (1 − 2)² + (3 − 1)²
    5.0
    """

    role = "style"
    layers = tuple(f"block{block}_conv1" for block in range(1, 6))
    kernel: str = option("linear", one_of("linear", "polynomial", "gaussian"))
    sigma: float | None = option(None, one_of(None, other=positive))
    samples: int = option(1024, positive_whole)
    refresh_every: int | None = option(50, positive_whole)

    def __post_init__(self) -> None:
        self.draw_every = self.refresh_every
        if self.kernel == "gaussian":  # it compares positions, not means over them
            self.tiling = None
        else:
            self.refresh_every = None

    def get_config(self) -> dict[str, Any]:
        """The options, with `refresh_every` as it was given."""
        return {**super().get_config(), "refresh_every": self.draw_every}

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """The mean of x, (N,), or of x xᵀ, (N, N); with the Gaussian kernel, the features."""
        if self.kernel == "gaussian":
            return f
        return mean(f) if self.kernel == "linear" else mean.product(f, f)

    def target(self, references: References, current: Any, rng: Rng) -> Any:
        """The reference's means; with the Gaussian kernel, its samples and their positions."""
        reference = super().target(references, current, rng)
        if self.kernel != "gaussian":
            return reference
        return {layer: self._drawn(current[layer], y, rng) for layer, y in reference.items()}

    def distance(self, current: Tensor, target: Any) -> Tensor:
        """MMD²."""
        if self.kernel == "gaussian":
            return _gaussian(current, target)
        return ops.sum(ops.square(current - target))

    def _drawn(self, current: Any, reference: Any, rng: Rng) -> dict[str, Any]:
        y = reference.reshape(-1, reference.shape[-1])
        # The mean of ‖y − y'‖² over all pairs is twice the sum of the variances.
        square = 2 * np.sum(np.var(y, 0)) if self.sigma is None else self.sigma**2
        ours = theirs = self._positions(math.prod(current.shape[1:3]), rng)
        if reference.shape != current.shape:
            theirs = self._positions(len(y), rng)
        precision = np.asarray(0.5 / (square or 1.0), y.dtype)
        return {"positions": ours, "samples": y[theirs], "precision": precision}

    def _positions(self, number: int, rng: Rng) -> Any:
        if number <= self.samples:
            return np.arange(number)
        return np.sort(rng.choice(number, self.samples, replace=False))


def _gaussian(features: Tensor, target: dict[str, Tensor]) -> Tensor:
    rows = ops.reshape(features, (-1, features.shape[3]))
    x, y = ops.take(rows, target["positions"], 0), ops.convert_to_tensor(target["samples"])

    def mean(a: Tensor, b: Tensor) -> Tensor:
        distances = ops.maximum(squared_distances(a, b), 0)
        return ops.mean(ops.exp(-target["precision"] * distances))

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)
