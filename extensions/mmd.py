"""The maximum mean discrepancy of features, of Li et al."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from keras import ops

from neural_style.errors import LossError, check_count, number, suggestion
from neural_style.extensions.gram import correlation
from neural_style.losses.base import Features, Layers, Loss, Statistic, Tensor, weighted_mean


class MMD(Loss):
    """Match the distribution of features, as far as a kernel tells distributions apart.

        L = Σ_l w_l · MMD²,    MMD² = E k(x, x') + E k(y, y') − 2 E k(x, y)

    x are the features at the positions of the picture at layer l, vectors of N channels, y
    those of the reference, whose size may be another; the means are over all pairs, of a
    position with itself too, so that MMD² ≥ 0.

        kernel="linear"        k = xᵀy                      MMD² = Σ(μ − μ')²
        kernel="polynomial"    k = (xᵀy)²                   MMD² = Σ(G − A)², G = E[x xᵀ]
        kernel="gaussian"      k = exp(−‖x − y‖² / 2σ²)     on positions drawn at random

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    kernel
        One of these.
    sigma
        For the Gaussian kernel: σ, in units of the network's activations; None: σ² is the mean
        of ‖y − y'‖² over the pairs of the reference, layer by layer, or 1 where that is 0.
    samples
        For the Gaussian kernel: how many positions are drawn, without repetition, from each
        picture; where there are no more, all are used. A layer takes O(samples² + samples · N)
        of memory.
    refresh_every
        For the Gaussian kernel: evaluations between two draws.
    layers
        By default conv1_1 … conv5_1 with the same weight.

    Raises
    ------
    LossError
        An option is not usable.

    Notes
    -----
    With the polynomial kernel and ``layers={layer: 1 / (4 * N**2)}`` this is `Gram`. Pictures
    that give layers of the same size have the same positions drawn, so that their MMD is 0
    where they are equal. The linear and the polynomial kernel are invariant to any
    permutation of positions; the Gaussian one is if all positions are used, and it cannot
    be tiled. Source: Li, Wang, Liu & Hou, *Demystifying Neural Style Transfer*, arXiv
    1701.01036, from memory; the paper estimates the Gaussian kernel by samples too, by its
    own scheme, and normalizes each kernel by a constant, which is a layer weight here.

    Examples
    --------
    >>> loss = MMD(np.zeros((32, 32, 3)), layers=["a"])
    >>> ours, theirs = np.full((1, 2, 2, 2), [1.0, 3]), np.full((1, 1, 2, 2), [2.0, 1])
    >>> means = [loss.statistic({"a": f}, None) for f in (ours, theirs)]
    >>> float(loss.distance(*means))  # (1 − 2)² + (3 − 1)²
    5.0
    """

    role = "style"
    layers = tuple(f"block{block}_conv1" for block in range(1, 6))
    tiling: Literal["mean"] | None = "mean"

    def __init__(
        self,
        *references: Any,
        kernel: Literal["linear", "polynomial", "gaussian"] = "linear",
        sigma: float | None = None,
        samples: int = 1024,
        refresh_every: int = 50,
        layers: Layers | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(*references, layers=layers, name=name)
        kernels = ("linear", "polynomial", "gaussian")
        if kernel not in kernels:
            raise LossError(
                f"{self.name}: no kernel {kernel!r}: {suggestion(str(kernel), kernels)}."
            )
        if sigma is not None and not 0 < number(sigma) < math.inf:
            raise LossError(f"{self.name}: expected a finite sigma above 0 or None, got {sigma!r}.")
        self.kernel, self.sigma = kernel, sigma
        self.samples = check_count(f"{self.name}'s samples", samples, LossError)
        self.draw_every = check_count(f"{self.name}'s refresh_every", refresh_every, LossError)
        if kernel == "gaussian":  # it compares positions, not means over them
            self.tiling, self.refresh_every = None, self.draw_every

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """The mean of x, (N,), or of x xᵀ, (N, N); for the Gaussian kernel the features."""
        if self.kernel == "gaussian":
            return features
        embed = _mean if self.kernel == "linear" else _second_moment
        return {layer: embed(f, guides and guides[layer]) for layer, f in features.items()}

    def target(
        self,
        references: Sequence[Statistic],
        current: Statistic | None,
        rng: np.random.Generator,
    ) -> Any:
        """The reference's means, or for the Gaussian kernel what was drawn of it, and where."""
        reference = super().target(references, current, rng)
        if self.kernel != "gaussian":
            return reference
        assert current is not None  # refresh_every is set
        return {layer: self._drawn(current[layer], y, rng) for layer, y in reference.items()}

    def distance(self, current: Statistic, target: Any) -> Tensor:
        """Σ_l w_l · MMD²."""
        discrepancy = _gaussian if self.kernel == "gaussian" else _squares
        return sum(
            weight * discrepancy(current[layer], target[layer])
            for layer, weight in self.layer_weights.items()
        )

    def get_config(self) -> dict[str, Any]:
        """The options, with those of the kernel."""
        options = {"kernel": self.kernel, "sigma": self.sigma, "samples": self.samples}
        return {**options, "refresh_every": self.draw_every, **super().get_config()}

    def _drawn(self, current: Any, reference: Any, rng: np.random.Generator) -> dict[str, Any]:
        y = reference.reshape(-1, reference.shape[-1])
        # The mean of ‖y − y'‖² over all pairs is twice the sum of the variances.
        square = 2 * np.sum(np.var(y, 0)) if self.sigma is None else float(self.sigma) ** 2
        number = math.prod(current.shape[1:3])
        positions = self._positions(number, rng)
        same = reference.shape == current.shape
        return {
            "positions": positions,
            "samples": y[positions if same else self._positions(len(y), rng)],
            "precision": np.asarray(0.5 / (square or 1.0), y.dtype),
        }

    def _positions(self, number: int, rng: np.random.Generator) -> Any:
        if number <= self.samples:
            return np.arange(number)
        return np.sort(rng.choice(number, self.samples, replace=False))


def _mean(f: Tensor, guide: Tensor | None) -> Tensor:
    return weighted_mean(f, guide, (0, 1, 2))


def _second_moment(f: Tensor, guide: Tensor | None) -> Tensor:
    return correlation(f, f, guide)


def _squares(current: Tensor, target: Tensor) -> Tensor:
    return ops.sum(ops.square(current - target))


def _gaussian(features: Tensor, target: dict[str, Tensor]) -> Tensor:
    rows = ops.reshape(features, (-1, features.shape[3]))
    x, y = ops.take(rows, target["positions"], 0), ops.convert_to_tensor(target["samples"])

    def mean(a: Tensor, b: Tensor) -> Tensor:
        products = ops.matmul(a, ops.transpose(b))
        norms = ops.sum(a * a, 1)[:, None] + ops.sum(b * b, 1)[None]
        return ops.mean(ops.exp(-target["precision"] * ops.maximum(norms - 2 * products, 0)))

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)
