"""The patch loss of Li & Wand, a Markov random field of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from neural_style import ops
from neural_style.errors import LossError
from neural_style.losses import MatchingLoss, References, Rng, Statistic, Tensor, option
from neural_style.losses.options import positive_whole


class MRF(MatchingLoss):
    """Build the picture from patches of the painting, each chosen to match the picture.

        L = Σ_l w_l · mean over patches i, and their entries, of (Ψ_i(F) − Ψ_NN(i)(S))²

    Ψ_i(F) are the P_l patches of the picture's features F at layer l, with k × k positions and
    all N_l channels, in steps of 1. NN(i) is the patch of the references' features S with the
    highest cosine, Ψ_i(F)·Ψ_j(S) / |Ψ_j(S)|. The search for the nearest patches runs every
    ``refresh_every`` evaluations, and the patches are constant in between. The gradient flows
    only through the picture's patches.

    Parameters
    ----------
    references
        One or more paintings, H×W×3, RGB, 0–255, of any sizes; patches come from all of them.
        `neural_style.losses.variations` makes rotated and scaled copies of a painting.
    patch
        k, the side of a patch in positions of the layer.
    refresh_every
        The number of evaluations between two searches.
    layers
        By default block3_conv1 and block4_conv1, as in the authors' code.

    Raises
    ------
    LossError
        There is no reference, ``patch`` or ``refresh_every`` is not a positive whole number, or,
        when targets are measured, a layer is smaller than a patch.

    Notes
    -----
    A sum over patches and entries, which grows with the size of the picture, is
    ``layers={layer: P * k**2 * N}``, with P = (h − k + 1)(w − k + 1). Up to k² overlapping
    patches propose values for one position. Their mean and spread give exactly the same loss, so
    an evaluation costs little more than a mean squared difference.

    The authors' code differs. It computes no loss, only a gradient: at each position the mean of
    what the patches propose, minus F, times 1e-4. So positions near the border count like others,
    and here they count by the number of their patches. It searches at every evaluation, among
    every second patch of the painting along each axis. Rotated and scaled paintings, in steps of
    7.5° and 5 %, are off by default there, too, since the search time grows with their number.
    Source: Li & Wand, *Combining Markov Random Fields and Convolutional Neural Networks for
    Image Synthesis*, CVPR 2016, arXiv 1601.04589, its code chuanli11/CNNMRF, cnnmrf.lua,
    mylib/mrf.lua and transfer_CNNMRF_wrapper.lua, read; the paper was not read.

    Examples
    --------
    >>> loss = MRF(np.zeros((32, 32, 3)), patch=2, layers={"a": 2 * 2**2 * 1})  # the sum
    >>> from neural_style.losses.calls import value
    >>> current, painting = (
    ...     {"a": np.reshape(rows, (1, 2, 3, 1))}
    ...     for rows in ([[1.0, 0, 2], [0, 1, 1]], [[1.0, 0, 0], [0, 1, 1]])
    ... )
    >>> target = loss.target([painting], current, np.random.default_rng())
    >>> round(float(value(loss, current, target)), 6)
    4.0
    """

    role = "style"
    layers = ("block3_conv1", "block4_conv1")
    patch: int = option(3, positive_whole)
    refresh_every = 25

    def target(self, references: References, current: Any, rng: Rng) -> Statistic:
        """For each position, the mean value proposed by the patches that cover it, and more.

        The shape is (1, h, w, N + 2). The last two channels are the root of the summed variance
        of the values, and the number of patches divided by (its mean times N).
        """
        if not references:
            raise LossError(f"{self.name}: expected one or more reference images, got none.")
        return {
            layer: self._asked(
                self._features(layer, f), [self._features(layer, r[layer]) for r in references]
            )
            for layer, f in current.items()
        }

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

    def _features(self, layer: str, features: NDArray[Any]) -> NDArray[Any]:
        """Features (1, h, w, N) as (h, w, N)."""
        f: NDArray[Any] = features[0]
        if min(f.shape[:2]) < self.patch:
            raise LossError(
                f"{self.name}: at {layer!r} the features are {f.shape[0]}×{f.shape[1]}, smaller "
                f"than a patch of {self.patch}×{self.patch}: use smaller patches, shallower "
                f"layers or a larger picture."
            )
        return f

    def _asked(self, f: NDArray[Any], references: list[NDArray[Any]]) -> NDArray[Any]:
        k, channels = self.patch, f.shape[-1]
        nearest = nearest_patches(f, references, k)
        patches = [_windows(reference, k) for reference in references]
        # Sums of what the patches add to the features: where they are the same, exactly 0.
        total, squares, count = (np.zeros((*f.shape[:2], n), f.dtype) for n in (channels, 1, 1))
        for y, x in np.ndindex(k, k):
            here = slice(y, y + nearest.shape[0]), slice(x, x + nearest.shape[1])
            values = np.concatenate([p[..., y, x].reshape(-1, channels) for p in patches])
            added = values[nearest] - f[here]
            total[here] += added
            squares[here] += np.sum(added**2, axis=-1, keepdims=True)
            count[here] += 1
        mean = total / count
        variance = squares / count - np.sum(mean**2, axis=-1, keepdims=True)
        spread, share = np.sqrt(np.maximum(variance, 0)), count / (count.mean() * channels)
        return np.concatenate([f + mean, spread, share], axis=-1)[None]


def nearest_patches(
    f: NDArray[Any], references: Sequence[NDArray[Any]], patch: int
) -> NDArray[np.int64]:
    """The index of the patch with the highest cosine, among all patches of all references.

    f, references: (h, w, N); returns (h − patch + 1, w − patch + 1). Patches are numbered
    reference by reference.
    """
    ours = _windows(f, patch)
    nearest, best = np.zeros(ours.shape[:2], np.int64), np.full(ours.shape[:2], -np.inf)
    first = 0
    for reference in references:
        theirs = _rows(_windows(reference, patch))
        theirs = theirs / np.maximum(np.linalg.norm(theirs, axis=1, keepdims=True), _TINY)
        strip = max(1, _CHUNK // (ours.shape[1] * len(theirs)))
        for y in range(0, len(ours), strip):
            here = slice(y, y + strip)
            cosines = _rows(ours[here]) @ theirs.T
            index = cosines.argmax(axis=1)
            highest = np.take_along_axis(cosines, index[:, None], axis=1).reshape(best[here].shape)
            better = highest > best[here]
            best[here][better] = highest[better]
            nearest[here][better] = first + index.reshape(better.shape)[better]
        first += len(theirs)
    return nearest


_CHUNK = 2**24  # cosines at a time, 64 MB
_TINY = np.finfo(np.float32).tiny


def _windows(f: NDArray[Any], patch: int) -> NDArray[Any]:
    """All patches of features (h, w, N), (h − patch + 1, w − patch + 1, N, patch, patch)."""
    return sliding_window_view(f, (patch, patch), axis=(0, 1))


def _rows(windows: NDArray[Any]) -> NDArray[Any]:
    """Windows (h, w, N, k, k) as rows, (h·w, N·k·k)."""
    return windows.reshape(windows.shape[0] * windows.shape[1], -1)
