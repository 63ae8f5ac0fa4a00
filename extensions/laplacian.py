"""The Laplacian loss of Li, Xu, Nie & Chua: edges of the photo, measured on pixels."""

from __future__ import annotations

from neural_style import ops
from neural_style.errors import LossError
from neural_style.losses import Features, Loss, Means, Statistic, Tensor, option
from neural_style.losses.options import positive_whole


class Laplacian(Loss):
    """Keep the photo's edges and fine lines in place, in any style.

        L = mean((D(x) − D(c))²),    D(x) = Σ_RGB laplacian(pool_p(x))

    pool_p averages p × p pixels, without overlap. The Laplacian is four times a pixel minus its
    neighbors above, below, left and right, where all four exist. The mean is over positions.
    x is the picture and c the photo, of the same size.

    Parameters
    ----------
    reference
        The photo, H×W×3, RGB, 0–255, of the same size as the picture.
    pool
        p, in pixels. Losses with different p can be added.
    layers
        By default the pixels, 0–255; differences scale with that range. Feature layers are
        possible too.

    Raises
    ------
    LossError
        ``pool`` is not a positive whole number; or, at the first evaluation, the shapes differ
        or the picture is smaller than 3p × 3p.

    Notes
    -----
    The authors' weight is 100, with a content loss of weight 5 and a style loss of weight 100 in
    neural-style's normalization. Rows and columns beyond a multiple of p do not count. The loss
    cannot be tiled: blocks of p pixels in a tile would not match the blocks of the whole
    picture. Source: Li, Xu, Nie & Chua, *Laplacian-Steered Neural Style Transfer*, arXiv
    1707.01253; the operator from the authors' code (askerlee/lapstyle).

    Examples
    --------
    >>> import numpy as np
    >>> loss, impulse = Laplacian(np.zeros((12, 12, 3)), pool=1), np.zeros((1, 3, 3, 3))
    >>> impulse[0, 1, 1] = 1
    >>> loss.statistics({"image": impulse}, None)["image"].numpy().ravel().tolist()
    [12.0]
    """

    role = "content"
    layers = ("image",)
    pool: int = option(4, positive_whole)

    def statistics(self, features: Features, mean: Means) -> Statistic:
        """D of every layer, (1, h // p − 2, w // p − 2, 1)."""
        return {layer: self._laplacian(layer, f) for layer, f in features.items()}

    def _laplacian(self, layer: str, f: Tensor) -> Tensor:
        least = 3 * self.pool
        if min(f.shape[1:3]) < least:
            raise LossError(
                f"{self.name}: at {layer!r} the picture is {f.shape[1]}×{f.shape[2]}, expected at "
                f"least {least}×{least} with a pool of {self.pool}: use a smaller pool or a larger "
                f"picture."
            )
        x = ops.average_pool(ops.sum(f, 3, keepdims=True), self.pool)
        center, rows, columns = x[:, 1:-1, 1:-1], x[:, :, 1:-1], x[:, 1:-1]
        neighbors = rows[:, :-2] + rows[:, 2:] + columns[:, :, :-2] + columns[:, :, 2:]
        return 4 * center - neighbors
