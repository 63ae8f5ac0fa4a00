"""The sliced Wasserstein loss of patches, of Elnekave & Weiss."""

from __future__ import annotations

from neural_style.extensions.sliced_wasserstein import rotation, transport
from neural_style.losses import Array, Rng
from neural_style.losses.patches import PatchLoss, windows


class PatchSlicedWasserstein(PatchLoss):
    """Match the distribution of patches of pixels, without a network.

        L = mean over directions v and patches i of (v·Ψ_i(x) − s_v(i))²

    Ψ_i(x) are the patches of the picture x, with k × k pixels and N channels, in steps of 1. The
    projection v·Ψ_i has a rank among those of the picture, and s_v(i) is the projection of the
    reference's patches with the same rank: the one-dimensional optimal transport. The N k²
    directions are orthonormal and random. Directions and ranks are renewed every
    ``refresh_every`` evaluations and constant in between.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size. If the sizes differ, its ranks are
        interpolated linearly.
    patch
        k, in pixels.
    refresh_every
        The number of evaluations between two draws of directions.
    layers
        By default the pixels, 0–255. Feature layers are possible too, but the number of
        directions, and the time of a refresh, grow with their channels.

    Raises
    ------
    LossError
        ``patch`` or ``refresh_every`` is not a positive whole number, or, when targets are
        measured, a picture is smaller than a patch.

    Notes
    -----
    This is `SlicedWasserstein` for patches instead of single positions. Since the directions are a
    whole basis, the wanted projections are wanted patches, and `PatchLoss` keeps the mean and the
    spread of the values that they propose for a pixel. At a refresh, value and gradient are those
    of the authors' code with its option for squares (its default is absolute values). It draws 64
    directions, each for itself, at every step of a stochastic optimizer, and repeats patches at
    random where sizes differ. The authors minimize it alone, over many scales, from the photo or
    from noise. A patch spans the same number of pixels at every scale, so use several: ``scales=``
    of `neural_style.minimize`. At one scale, from the photo and with Content, it brought the
    palette and little else; with `Gram`, it cleaned the picture of colors that the painting does
    not have. Source: Elnekave & Weiss, *Generating Natural Images with Direct Patch Distributions
    Matching*, ECCV 2022, arXiv 2203.11862; ariel415el/GPDM, patch_swd.py, GPDM.py and main.py; the
    code was read, the paper was not.

    Examples
    --------
    >>> import numpy as np
    >>> from neural_style.losses.calls import value
    >>> loss = PatchSlicedWasserstein(np.zeros((32, 32, 3)), patch=1, layers=["a"])
    >>> current, painting = ({"a": np.reshape(x, (1, 1, 2, 1))} for x in ([1.0, 7], [4.0, 2]))
    >>> target = loss.target([painting], current, np.random.default_rng())
    >>> round(float(value(loss, current, target)), 6)  # 1 to 2 and 7 to 4: (1 + 9) / 2
    5.0
    """

    layers = ("image",)
    patch = 7
    refresh_every = 5

    def match(self, f: Array, reference: Array, rng: Rng) -> Array:
        """What the patches want: themselves, transported along random directions."""
        ours, theirs = (windows(x[0], self.patch) for x in (f, reference))
        current, painting = (x.reshape(1, *x.shape[:2], -1) for x in (ours, theirs))
        directions = rotation(current.shape[-1], rng)
        moved = transport(current, painting, directions).reshape(ours.shape)
        return self.overlapped(f[0], lambda y, x: moved[..., y, x])
