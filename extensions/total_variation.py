"""Total variation: how much neighboring pixels differ."""

from __future__ import annotations

from neural_style import ops
from neural_style.losses import Mean, StatisticLoss, Tensor, option
from neural_style.losses.options import one_of, positive


class TotalVariation(StatisticLoss):
    """Keep neighboring pixels similar; there is no reference.

        power="l1"        mean|dx| + mean|dy|
        power="squared"   mean dx² + mean dy²
        power=β           mean (dx² + dy²)^β, where both exist (last row and column cropped)

    dx and dy are the differences to the right and the lower neighbor, for every channel.
    The means are over positions and channels.

    Parameters
    ----------
    power
        ``"l1"``, ``"squared"``, or β > 0. ½ is the isotropic total variation, 1.25 the value of
        the Keras example.
    layers
        By default the pixels, 0–255; differences scale with that range. Feature layers are
        possible too.

    Raises
    ------
    LossError
        ``power`` has another value.

    Notes
    -----
    Most implementations sum, so their weight grows with the size of the picture. The number K
    of differences (or cropped positions) as a layer weight, ``{"image": K}``, gives the sum.
    Where a pixel equals its neighbors, the gradient is 0 for any β. Sources: "l1"
    `tf.image.total_variation` and neural-style; "squared" anishathalye/neural-style;
    β = 1.25 keras-io's style transfer example.

    Examples
    --------
    >>> import numpy as np
    >>> loss = TotalVariation("squared")
    >>> means = loss.statistic(np.reshape([1.0, 2, 3, 5], (1, 2, 2, 1)), Mean())
    >>> means.numpy().tolist()  # (1 + 4) / 2, (4 + 9) / 2
    [2.5, 6.5]
    """

    role = "none"
    layers = ("image",)
    power: str | float = option("l1", one_of("l1", "squared", other=positive))

    def statistic(self, f: Tensor, mean: Mean) -> Tensor:
        """The means of |dx| and |dy|, or of dx² and dy², (2,); with β their joint mean, (1,)."""
        dx, dy = f[:, :, 1:] - f[:, :, :-1], f[:, 1:] - f[:, :-1]
        if isinstance(self.power, str):
            size = ops.abs if self.power == "l1" else ops.square
            means = [mean(size(dx), offset=(0, 1)), mean(size(dy), offset=(1, 0))]
            return ops.mean(ops.stack(means), -1)
        squares = ops.square(dx[:, :-1]) + ops.square(dy[:, :, :-1])
        # A root has no gradient at 0, where the variation is 0 and has none either.
        safe = ops.where(squares > 0, squares, 1)
        both = mean(ops.where(squares > 0, safe**self.power, 0), offset=(1, 1))
        return ops.mean(both[None], -1)

    def distance(self, current: Tensor, target: None) -> Tensor:
        """The variation: the sum of its means."""
        return ops.sum(current)
