"""The patch loss of Li & Wand, a Markov random field of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import LossError
from neural_style.losses import References, Rng, Statistic
from neural_style.losses.patches import PatchLoss, windows


class MRF(PatchLoss):
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
    refresh_every = 25

    def target(self, references: References, current: Any, rng: Rng) -> Statistic:
        """For each position, what the nearest patches want; see `PatchLoss.overlapped`."""
        if not references:
            raise LossError(f"{self.name}: expected one or more reference images, got none.")
        self.check_sizes(references, current)
        return {
            layer: self._asked(f[0], [r[layer][0] for r in references])
            for layer, f in current.items()
        }

    def _asked(self, f: NDArray[Any], references: list[NDArray[Any]]) -> NDArray[Any]:
        nearest = nearest_patches(f, references, self.patch)
        patches = [windows(reference, self.patch) for reference in references]

        def wanted(y: int, x: int) -> NDArray[Any]:
            rows = [p[..., y, x].reshape(-1, f.shape[-1]) for p in patches]
            found: NDArray[Any] = np.concatenate(rows)[nearest]
            return found

        return self.overlapped(f, wanted)


def nearest_patches(
    f: NDArray[Any], references: Sequence[NDArray[Any]], patch: int
) -> NDArray[np.int64]:
    """The index of the patch with the highest cosine, among all patches of all references.

    f, references: (h, w, N); returns (h − patch + 1, w − patch + 1). Patches are numbered
    reference by reference.
    """
    ours = windows(f, patch)
    nearest, best = np.zeros(ours.shape[:2], np.int64), np.full(ours.shape[:2], -np.inf)
    first = 0
    for reference in references:
        theirs = _rows(windows(reference, patch))
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


def _rows(patches: NDArray[Any]) -> NDArray[Any]:
    """Patches (h, w, N, k, k) as rows, (h·w, N·k·k)."""
    return patches.reshape(patches.shape[0] * patches.shape[1], -1)
