"""The contextual loss of Mechrez, Talmi & Zelnik-Manor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neural_style import ops
from neural_style.losses import Mean, References, Rng, StatisticLoss, Tensor, option
from neural_style.losses.hypercolumns import unit
from neural_style.losses.options import positive, positive_whole


class Contextual(StatisticLoss):
    """Make the features of the picture such that each of the painting's is the best match of some.

        d_ij = ½ − ½ cos(x_i − ȳ, y_j − ȳ),    d̃_ij = d_ij / (min_k d_ik + ε)
        s_ij = exp(−d̃_ij / h) / Σ_k exp(−d̃_ik / h),    C(x, y) = −log mean_j max_i s_ij
        L = Σ_l w_l · (C(x, y) − C(y, y))

    x_i are the features of the picture at position i of layer l, y_j those of the reference,
    and ȳ is the mean of the y_j. Row i of s has the sum 1: its shares say how much position i of
    the picture is like each position of the reference, compared with the others. ε is 1e-5.

    Parameters
    ----------
    reference
        A painting, or a photo whose content is to be kept; H×W×3, RGB, 0–255, of any size.
    bandwidth
        h, without a unit. With a smaller h, only the nearest of the y_j count.
    samples
        The largest number of positions of each picture. If there are more, they are drawn at
        random. Time and memory grow with its square.
    refresh_every
        The number of evaluations between two draws.
    layers
        By default block3_conv2 and block4_conv2 (conv3_2 and conv4_2) with the same weight.

    Raises
    ------
    LossError
        An option is not positive, or ``samples`` or ``refresh_every`` is not a whole number.

    Notes
    -----
    The authors use the loss for style, and for content with ``layers=["block4_conv2"]``. They sum
    over layers: ``layers={layer: 1, …}``. They do not subtract the constant C(y, y). It makes L 0
    at the reference, and the same for a painting that is repeated, where C grows by the log of the
    number of repetitions. They draw 65² positions, the same of both pictures, at each step of a
    stochastic optimizer. Here the positions are the same if both pictures have the same size. A
    city in the manner of a landscape scroll got the scroll's pines and hills in place of towers,
    and kept much of the photo's colors: add `Moments` or `Gram` for the palette. h = 0.2 looked
    like 0.5, the authors' value. A column x_i − ȳ of zeros has the distance ½ to each y_j, where
    the authors' code divides by 0. Source: Mechrez, Talmi & Zelnik-Manor, *The Contextual Loss for
    Image Transformation with Non-Aligned Data*, arXiv 1803.02077; roimehrez/contextualLoss,
    CX/CSFlow.py, CX/CX_helper.py and config.py; the code was read, the paper was not. The authors'
    second version, CX/CX_distance.py, leaves out the denominator of s; they say that it was not
    tested.

    Examples
    --------
    >>> loss = Contextual(np.zeros((32, 32, 3)), layers=["a"])
    >>> painting = {"a": np.array([[[[1.0, 0], [-1, 0]]]])}  # two opposite features, ȳ = 0
    >>> current = {"a": np.array([[[[0.0, 2], [0, 4]]]])}  # of which each is as far from both
    >>> target = loss.target([painting], current, np.random.default_rng())
    >>> round(float(loss.distance(current["a"], target["a"])), 6)  # every share is ½: log 2
    0.693147
    """

    role = "style"
    layers = ("block3_conv2", "block4_conv2")
    tiling = None
    bandwidth: float = option(0.5, positive)
    samples: int = option(2048, positive_whole)
    refresh_every: int | None = option(20, positive_whole)

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """The features."""
        return f

    def target(self, references: References, current: Any, rng: Rng) -> dict[str, Any]:
        """For each layer, the picture's positions, the reference's samples y, and C(y, y)."""
        reference = super().target(references, current, rng)
        return {layer: self._drawn(current[layer], y, rng) for layer, y in reference.items()}

    def distance(self, current: Tensor, target: dict[str, Any]) -> Tensor:
        """C(x, y) − C(y, y)."""
        rows = ops.take(ops.reshape(current, (-1, current.shape[3])), target["positions"], 0)
        return self._mismatch(rows, target["samples"]) - target["least"]

    def _mismatch(self, x: Tensor, y: Tensor) -> Tensor:
        center = ops.mean(y, 0)
        distances = (1 - ops.matmul(unit(x - center), ops.transpose(unit(y - center)))) / 2
        relative = distances / (ops.min(distances, 1, keepdims=True) + 1e-5)
        shares = ops.softmax(-relative / self.bandwidth, 1)
        return -ops.log(ops.mean(ops.max(shares, 0)))

    def _drawn(self, current: Any, reference: Any, rng: Rng) -> dict[str, Any]:
        seed = int(rng.integers(2**32))  # with the same numbers, equal sizes get the same places
        positions, others = (
            self._positions(f, np.random.default_rng(seed)) for f in (current, reference)
        )
        samples = reference.reshape(-1, reference.shape[-1])[others]
        least = np.asarray(self._mismatch(samples, samples))
        return {"positions": positions, "samples": samples, "least": least}

    def _positions(self, f: Any, rng: Rng) -> Any:
        number = math.prod(f.shape[1:3])
        return np.sort(rng.choice(number, min(number, self.samples), replace=False))
