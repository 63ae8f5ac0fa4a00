"""Patches: k × k positions of a layer, and what a picture of overlapping patches should be.

    class MyLoss(PatchLoss):                          # has `layers`, `patch`, `refresh_every`
        def match(self, f, reference, rng):
            ours = windows(f[0], self.patch)          # (h − k + 1, w − k + 1, N, k, k)
            wanted = ...                              # of the same shape
            return self.overlapped(f[0], lambda y, x: wanted[..., y, x])

The loss is the mean over patches, and their entries, of the squared difference between the
picture's patches and the wanted ones. Up to k² overlapping patches propose values for one position.
Their mean and spread give exactly the same loss, so an evaluation costs little more than a mean
squared difference, and tiles and masks work as for every `FeatureLoss`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from neural_style import ops
from neural_style.errors import LossError
from neural_style.losses.base_classes import MatchingLoss
from neural_style.losses.options import option, positive_whole
from neural_style.losses.types import References, Rng, Statistic, Tensor


class PatchLoss(MatchingLoss):
    """The base class of losses that compare patches.

        L = Σ_l w_l · mean over patches i, and their entries, of (Ψ_i(F) − wanted_i)²

    Parameters
    ----------
    references
        The references of the loss.
    patch
        k, the side of a patch in positions of the layer.
    refresh_every
        The number of evaluations between two matches.
    layers
        The layers whose patches are compared.

    Raises
    ------
    LossError
        ``patch`` or ``refresh_every`` is not a positive whole number, or, when targets are
        measured, a layer is smaller than a patch.
    """

    patch: int = option(3, positive_whole)

    def target(self, references: References, current: Any, rng: Rng) -> Statistic:
        """What `match` returns for every layer, after a check of the sizes."""
        self.check_sizes(references, current)
        return super().target(references, current, rng)

    def check_sizes(self, references: References, current: Any) -> None:
        """Raise `LossError` if a layer is smaller than a patch."""
        for features in (current, *references):
            for layer, f in features.items():
                if min(f.shape[1:3]) < self.patch:
                    raise LossError(
                        f"{self.name}: at {layer!r} the features are {f.shape[1]}×{f.shape[2]}, "
                        f"smaller than a patch of {self.patch}×{self.patch}: use smaller patches, "
                        f"shallower layers or a larger picture."
                    )

    def distance(self, current: Tensor, target: Tensor) -> Tensor:
        """(F − mean)² + spread² for each position, summed over channels, times the last channel."""
        mean, spread, share = target[..., :-2], target[..., -2:-1], target[..., -1:]
        squares = ops.sum(ops.square(current - mean), axis=-1, keepdims=True)
        return share * (squares + ops.square(spread))

    def with_distance(self, distance: Any) -> Self:
        """Raise `LossError`, since the target is not a statistic."""
        raise LossError(
            f"{self.name} cannot have another distance: its target holds the mean, the spread and "
            f"the number of the patches that cover a position, which only its own distance uses."
        )

    def overlapped(
        self, f: NDArray[Any], wanted: Callable[[int, int], NDArray[Any]]
    ) -> NDArray[Any]:
        """For each position, the mean value proposed by the patches that cover it, and more.

        f are features (h, w, N). ``wanted(y, x)`` are the values that all patches want at their
        position (y, x), (h − k + 1, w − k + 1, N). The result is (1, h, w, N + 2). Its last two
        channels are the root of the summed variance of the values, and the number of patches
        divided by (its mean times N).
        """
        k, channels = self.patch, f.shape[-1]
        # Sums of what the patches add to the features: where they are the same, exactly 0.
        total, squares, count = (np.zeros((*f.shape[:2], n), f.dtype) for n in (channels, 1, 1))
        for y, x in np.ndindex(k, k):
            values = wanted(y, x)
            here = slice(y, y + values.shape[0]), slice(x, x + values.shape[1])
            added = values - f[here]
            total[here] += added
            squares[here] += np.sum(added**2, axis=-1, keepdims=True)
            count[here] += 1
        mean = total / count
        variance = squares / count - np.sum(mean**2, axis=-1, keepdims=True)
        spread, share = np.sqrt(np.maximum(variance, 0)), count / (count.mean() * channels)
        return np.concatenate([f + mean, spread, share], axis=-1)[None]


def windows(f: NDArray[Any], patch: int) -> NDArray[Any]:
    """All patches of features (h, w, N), (h − patch + 1, w − patch + 1, N, patch, patch)."""
    return sliding_window_view(f, (patch, patch), axis=(0, 1))
