"""The Wasserstein-2 distance of features, modeled as Gaussians."""

from __future__ import annotations

from typing import Any

from neural_style import ops
from neural_style.losses import Mean, References, Rng, StatisticLoss, Tensor, option
from neural_style.losses.options import at_least

_WEIGHTS = {f"block{block}_conv1": 4 ** (5 - block) / 341 for block in range(1, 6)}


class Wasserstein2(StatisticLoss):
    """Match the mean and the covariance of features, by optimal transport of Gaussians.

        L = Σ_l w_l · (1/N_l) [Σ(μ − μ')² + tr(Σ + Σ' − 2 (Σ'^½ Σ Σ'^½)^½)]

    μ and Σ are the mean and the covariance, over positions, of the picture's features at layer l,
    with N_l channels. μ' and Σ' belong to the reference, which may differ in size. To the
    diagonal of each covariance, ε times the mean of its own E[f²] over channels is added.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    epsilon
        ε, without a unit, 1e-6 or more. A smaller ε needs more steps for the root, and
        tolerates less float32 rounding in the covariances.
    layers
        By default conv1_1 … conv5_1 with the weights 256, 64, 16, 4 and 1, divided by their sum.

    Raises
    ------
    LossError
        ``epsilon`` is not a finite number of 1e-6 or more.

    Notes
    -----
    N · L is the squared 2-Wasserstein distance between two Gaussians. It is in squared units of
    activations, as `Moments`; `Gram` is in fourth powers. The root takes Newton–Schulz steps in
    float64, products of N × N matrices. The gradient has a closed form, I − T, where
    T = Σ'^½ (Σ'^½ Σ Σ'^½)^−½ Σ'^½ moves the picture's features to the reference's. The rounding
    errors of L and its gradient at the reference are subtracted: both are 0 there. The loss is
    invariant to any permutation of positions.

    For features with a mean square of 1 and ε = 1e-4, the value equals that of crowsonkb's code.
    There, ε is 1e-4 squared units of an activation, whatever the features, so gradients differ
    along F. A relative ε suits any network and bounds the steps of the root. There, the root
    takes 12 unscaled steps, which do not converge for a dead channel. Layer weights are the same.
    Source: crowsonkb/style-transfer-pytorch, style_transfer/style_transfer.py and
    style_transfer/sqrtm.py, read. The steps of this library are those of Chen & Chow, *A Stable
    Scaling of Newton–Schulz*, 2014, which was not read; tests compare the result with NumPy's
    eigenvalues.

    Examples
    --------
    >>> import numpy as np
    >>> loss = Wasserstein2(np.zeros((32, 32, 3)))
    >>> pair = loss.statistic(np.reshape([1.0, 3.0], (1, 1, 2, 1)), Mean())
    >>> pair.numpy().tolist()  # E[f fᵀ], and E[f] as its last row
    [[5.0], [2.0]]
    """

    role = "style"
    layers = _WEIGHTS
    epsilon: float = option(1e-3, at_least(1e-6))

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """E[f fᵀ], and E[f] as the last row, (N + 1, N)."""
        return ops.concatenate([mean.product(f, f), mean(f)[None]])

    def target(self, references: References, current: Any, rng: Rng) -> Any:
        """The reference's statistic, the root of its Σ', and the rounding error of L there."""
        target = {}
        for layer, moments in super().target(references, current, rng).items():
            covariance = self._covariance(moments)
            root, _ = _roots(covariance, self._least(covariance) ** 0.5)
            root = ops.convert_to_numpy(root).astype(moments.dtype)  # as distance gets it
            value, slope = map(ops.convert_to_numpy, self._bures(covariance, covariance, root))
            target[layer] = {"moments": moments, "root": root, "value": value, "slope": slope}
        return target

    def distance(self, current: Tensor, target: dict[str, Tensor]) -> Tensor:
        """W²/N."""
        ours, theirs = (self._covariance(x) for x in (current, target["moments"]))
        residual, residual_slope = (ops.cast(target[k], "float64") for k in ("value", "slope"))
        here = ops.stop_gradient(ours)
        value, slope = self._bures(here, theirs, target["root"])
        # The gradient in closed form; that of the steps would take longer and be less exact.
        value = value + ops.sum(slope * (ours - here))
        value = value - residual - ops.sum(residual_slope * (ours - theirs))
        means = ops.mean(ops.square(current[-1] - target["moments"][-1]))
        return means + ops.cast(value / ours.shape[0], current.dtype)

    def _bures(self, ours: Tensor, theirs: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
        """tr(Σ + Σ' − 2 (Σ'^½ Σ Σ'^½)^½), and its gradient with respect to Σ."""
        root = ops.cast(root, "float64")
        product = ops.matmul(root, ops.matmul(ours, root))
        middle, inverse = _roots(product, self._least(ours))
        move = ops.matmul(root, ops.matmul(inverse, root))
        value = ops.trace(ours) + ops.trace(theirs) - 2 * ops.trace(middle)
        return value, _identity(ours) - move

    def _covariance(self, moments: Tensor) -> Tensor:
        moments = ops.cast(moments, "float64")
        mean, identity = moments[-1], _identity(moments[:-1])
        scale = ops.trace(moments[:-1]) / moments.shape[1] + 1e-30  # if all are dead
        return moments[:-1] - mean[:, None] * mean + self.epsilon * scale * identity

    def _least(self, matrix: Tensor) -> float:
        """A lower bound of the singular values of Σ'^½ Σ^½, relative to the roots of the traces."""
        return self.epsilon / ((1 + self.epsilon) * int(matrix.shape[0]))


def _identity(matrix: Tensor) -> Tensor:
    return ops.eye(matrix.shape[0], dtype="float64")


def _roots(matrix: Tensor, least: float) -> tuple[Tensor, Tensor]:
    """P^½ and P^−½ of a positive definite matrix.

    ``least`` is a lower bound of the eigenvalues of P^½, divided by the root of P's trace.
    Newton–Schulz steps x ← ½ρx(3 − ρ²x²) move values in [least, 1] to 1. With ρ > 1, small
    values grow by more than the factor 3/2 of ρ = 1; above its bound, the steps are unstable.
    """
    norm = ops.sqrt(ops.trace(matrix))
    identity = _identity(matrix)
    root, inverse = matrix / norm**2, identity
    while 1 - least > 1e-14:
        rho = min((3 / (1 + least + least**2)) ** 0.5, 1.69770248526)
        step = 0.5 * rho * (3 * identity - rho**2 * ops.matmul(inverse, root))
        root, inverse = ops.matmul(root, step), ops.matmul(step, inverse)
        least = 0.5 * rho * min(least * (3 - (rho * least) ** 2), 3 - rho**2)
    return root * norm, inverse / norm
