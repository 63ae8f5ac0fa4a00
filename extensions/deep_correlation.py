"""The deep correlations of Sendik & Cohen-Or: how each feature repeats at a distance."""

from __future__ import annotations

import numpy as np

from neural_style import ops
from neural_style.errors import LossError
from neural_style.losses import Mean, StatisticLoss, Tensor, option
from neural_style.losses.options import positive_whole


class DeepCorrelation(StatisticLoss):
    """Match how each feature repeats: at which distances, in which directions, how regularly.

        R_n(d) = mean over positions p of F_n(p) · F_n(p + d)
        L = Σ_l w_l · mean over channels n and shifts d of (R_n(d) − R'_n(d))²

    F_n is channel n of the picture's features at layer l. A shift d has −r … r positions along
    each axis, and the mean is over the positions where p and p + d exist. R' belongs to the
    reference, which may differ in size. r is the reach.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    reach
        r, the largest shift, in positions of the layer. At the default layer, a position is 4
        pixels.
    layers
        By default ``block2_pool``, the authors' choice.

    Raises
    ------
    LossError
        ``reach`` is not a positive whole number; or, at the first evaluation, a layer is not
        larger than r along both axes.

    Notes
    -----
    Add this loss to `Gram`: `Gram` compares different channels at one position, this loss one
    channel at different positions, and `ShiftedGram` different channels at a few shifts. The
    authors' r is half the side of the layer, and they sum: with N channels,
    ``layers={layer: N * (2 * r + 1)**2}``. (At an even side, they leave out the shift by half of
    it in one of two directions.) Their objective also has Gram, a term against exact copies, and
    one for smoothness. Added to `Gram`, it drew a city in ink with cleaner and longer strokes; r =
    4 and r = 8 looked alike. All shifts together are computed by Fourier transforms with a margin
    of r zeros, exactly. So the loss cannot be tiled or masked: one mean for each of hundreds of
    shifts would take hundreds of copies of a layer. Source: Sendik & Cohen-Or, *Deep Correlations
    for Texture Synthesis*, ACM Transactions on Graphics 36 (5), 2017; omrysendik/DCor,
    CalcACorrTensor.m, CalcACorrErrorLoss.m and GetSynthParams.m; the code was read, the paper was
    not. The code is MATLAB's and was not run.

    Examples
    --------
    >>> loss = DeepCorrelation(np.zeros((32, 32, 3)), reach=1)
    >>> f = np.reshape([1.0, 2, 3, 5], (1, 2, 2, 1))
    >>> found = loss.statistic(f, Mean()).numpy()[0].round(6)
    >>> found[1:].tolist()  # dy 0 and 1; in the middle dx 0: 39/4, (3 + 10)/2; 1·2 + 3·5 over 2
    [[8.5, 9.75, 8.5], [6.0, 6.5, 5.0]]
    """

    layers = ("block2_pool",)
    tiling = None
    reach: int = option(8, positive_whole)

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """R, (N, 2r + 1, 2r + 1)."""
        r, (height, width) = self.reach, f.shape[1:3]
        if r >= min(height, width):
            raise LossError(
                f"{self.name}: at {mean.layer!r} the features are {height}×{width}, expected more "
                f"than {r} along both axes: use a smaller reach, a shallower layer or a larger "
                f"picture."
            )
        x = ops.pad(ops.transpose(f[0], (2, 0, 1)), ((0, 0), (0, r), (0, r)))
        real, imaginary = ops.fft2((x, ops.zeros_like(x)))
        power = ops.square(real) + ops.square(imaginary)
        # A power spectrum is even, so its transform is its inverse but for the factor.
        sums = ops.roll(ops.fft2((power, ops.zeros_like(power)))[0], (r, r), (1, 2))
        shifts = np.abs(np.arange(-r, r + 1))
        pairs = np.outer(height - shifts, width - shifts) * (height + r) * (width + r)
        return sums[:, : 2 * r + 1, : 2 * r + 1] / ops.cast(pairs, f.dtype)
