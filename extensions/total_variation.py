"""Total variation: how much neighboring pixels differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from keras import ops

from neural_style.errors import LossError, number
from neural_style.losses.base import Features, Layers, Loss, Statistic, Tensor, weighted_mean


class TotalVariation(Loss):
    """Keep neighboring pixels alike; it has no reference.

        power="l1"        mean|dx| + mean|dy|
        power="squared"   mean dx² + mean dy²
        power=β           mean (dx² + dy²)^β, where both exist (last row and column cropped)

    dx and dy are the differences to the right and the lower neighbor, for every channel;
    the means are over positions and channels.

    Parameters
    ----------
    power
        ``"l1"``, ``"squared"``, or β > 0: ½ is the isotropic total variation, 1.25 that of
        the Keras example.
    layers
        By default the pixels, 0–255; differences scale with that range. Features work too.

    Raises
    ------
    LossError
        ``power`` is none of these.

    Notes
    -----
    Implementations mostly sum, and so weigh more the larger the picture. With the number of
    differences (or cropped positions) K as a layer weight, ``{"image": K}``, a sum comes
    back. Where a pixel equals its neighbors the gradient is 0, for any β. Sources: "l1"
    `tf.image.total_variation` and neural-style; "squared" anishathalye/neural-style;
    β = 1.25 keras-io's style transfer example.

    Examples
    --------
    >>> x = {"image": np.reshape([1.0, 2, 3, 5], (1, 2, 2, 1))}
    >>> loss = TotalVariation("squared")
    >>> float(loss.distance(loss.statistic(x, None), None))  # (1 + 4) / 2 + (4 + 9) / 2
    9.0
    """

    role = "none"
    layers = ("image",)
    tiling = "mean"

    def __init__(
        self,
        power: Literal["l1", "squared"] | float = "l1",
        *,
        layers: Layers | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(layers=layers, name=name)
        if isinstance(power, bool | str):
            known = power in ("l1", "squared")
        else:
            known = 0 < number(power) < math.inf
        if not known:
            raise LossError(f"{self.name}: power is 'l1', 'squared' or above 0, got {power!r}.")
        self.power = power

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """The means of every layer: of |dx| and |dy|, of dx² and dy², or the one of both."""
        return {
            layer: ops.stack(
                [
                    weighted_mean(variation, guides and self._firsts(guides[layer])[i])
                    for i, variation in enumerate(self._variations(f))
                ]
            )
            for layer, f in features.items()
        }

    def mass(self, guides: Features) -> Statistic:
        """The weight of the positions that each of the means is over."""
        return {
            layer: ops.stack([ops.sum(first) for first in self._firsts(guide)])
            for layer, guide in guides.items()
        }

    def reach(self, layer: str) -> int:
        """To the neighbor."""
        return 1

    def target(
        self,
        references: Sequence[Statistic],
        current: Statistic | None,
        rng: np.random.Generator,
    ) -> None:
        """Nothing: the least variation is none."""

    def distance(self, current: Statistic, target: None) -> Tensor:
        """Σ_l w_l · variation, the sum of its means."""
        return sum(weight * ops.sum(current[layer]) for layer, weight in self.layer_weights.items())

    def get_config(self) -> dict[str, Any]:
        """The options, with `power`."""
        return {"power": self.power, **super().get_config()}

    def _firsts(self, f: Tensor) -> list[Tensor]:
        """The left or upper positions of the pairs of every mean."""
        if self.power in ("l1", "squared"):
            return [f[:, :, :-1], f[:, :-1]]
        return [f[:, :-1, :-1]]

    def _variations(self, f: Tensor) -> list[Tensor]:
        dx, dy = f[:, :, 1:] - f[:, :, :-1], f[:, 1:] - f[:, :-1]
        if self.power == "l1":
            return [ops.abs(dx), ops.abs(dy)]
        if self.power == "squared":
            return [ops.square(dx), ops.square(dy)]
        squares = ops.square(dx[:, :-1]) + ops.square(dy[:, :, :-1])
        # A root has no gradient at 0, where the variation is 0 and has none either.
        safe = ops.where(squares > 0, squares, 1)
        return [ops.where(squares > 0, safe ** float(self.power), 0)]
