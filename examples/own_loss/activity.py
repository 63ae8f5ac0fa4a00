"""A loss plugin for neural-style: how often each feature is seen."""

from __future__ import annotations

from typing import Any

from neural_style import Loss
from neural_style.errors import LossError
from neural_style.losses.base import Features, Statistic, weighted_mean


class Activity(Loss):
    """Match how often each feature is seen, however strong it is where it is seen.

        a_l = mean over positions of F_l² / (F_l² + s²),    L = Σ_l w_l · mean((a_l − b_l)²)

    F_l (1, h, w, channels) are the features of the picture at layer l, and b_l is a_l of the
    reference. A few very strong responses, which rule a mean or a Gram matrix, count as much as
    moderate ones.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    scale
        s > 0: how strong a feature is that counts half.
    layers
        By default conv1_1 … conv4_1 with the same weight.

    Raises
    ------
    LossError
        ``scale`` is not above 0.
    """

    layers = tuple(f"block{block}_conv1" for block in range(1, 5))
    tiling = "mean"

    def __init__(self, *references: Any, scale: float = 100.0, **options: Any) -> None:
        super().__init__(*references, **options)
        if not scale > 0:
            raise LossError(f"{self.name}: expected a scale above 0, got {scale}.")
        self.scale = scale

    def statistic(self, features: Features, guides: Features | None) -> Statistic:
        """How often each channel of every layer is seen, 0 to 1, (channels,)."""
        return {
            layer: weighted_mean(f**2 / (f**2 + self.scale**2), guides and guides[layer], (0, 1, 2))
            for layer, f in features.items()
        }

    def get_config(self) -> dict[str, Any]:
        """The options, with `scale`."""
        return {"scale": self.scale, **super().get_config()}
