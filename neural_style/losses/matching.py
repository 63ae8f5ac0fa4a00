"""Losses that move the picture's own features towards the reference's, anew now and then.

    class Histogram(Refreshed):
        def moved(self, features, reference, rng):      # of one layer, NumPy
            return match_channels(features, reference)

The target of such a loss is what its features would have to be, and its distance the mean squared
difference from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import LossError, check_count
from neural_style.losses.base import Layers, Loss, Statistic


class Refreshed(Loss):
    """Σ_l w_l · mean((F_l − R_l)²), R the features `moved`, every ``refresh_every`` evaluations.

    Parameters
    ----------
    reference
        H×W×3, RGB, 0–255.
    refresh_every
        Evaluations until features are moved again; R is constant in between.
    layers, name
        As of a `Loss`.

    Raises
    ------
    LossError
        ``refresh_every`` is not a positive whole number.
    """

    role = "style"
    tiling = "map"

    def __init__(
        self,
        *references: Any,
        refresh_every: int,
        layers: Layers | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(*references, layers=layers, name=name)
        self.refresh_every = check_count(f"{self.name}'s refresh_every", refresh_every, LossError)

    def moved(
        self, features: NDArray[Any], reference: NDArray[Any], rng: np.random.Generator
    ) -> NDArray[Any]:
        """The features of a layer, (1, h, w, channels), made to fit those of the reference."""
        raise NotImplementedError

    def target(
        self,
        references: Sequence[Statistic],
        current: Statistic | None,
        rng: np.random.Generator,
    ) -> Statistic:
        """The current features of every layer, `moved`."""
        reference = super().target(references, current, rng)
        assert current is not None  # refresh_every is set
        return {layer: self.moved(f, reference[layer], rng) for layer, f in current.items()}

    def get_config(self) -> dict[str, Any]:
        """The options, with `refresh_every`."""
        return {"refresh_every": self.refresh_every, **super().get_config()}
