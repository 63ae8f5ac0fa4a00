"""The sliced Wasserstein loss of Heitz, Vanhoey, Chambon & Belcour."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from neural_style import ops
from neural_style.losses import Array, MatchingLoss, Rng


class SlicedWasserstein(MatchingLoss):
    """Match the distribution of feature vectors, projected onto random directions.

        L = Σ_l w_l · mean over directions v and positions i of (v·F_i − s_v(i))²

    F_i are the N features of the picture at position i of layer l. The projection v·F_i has a
    rank among the projections of the picture, and s_v(i) is the projection of the reference with
    the same rank: the one-dimensional optimal transport. The N directions of a layer are
    orthonormal, so with R_i = Σ_v s_v(i) v

        L = Σ_l w_l · mean((F_l − R_l)²),    ∂L/∂F = 2 w (F − R) / (number of elements)

    Directions and ranks are renewed every ``refresh_every`` evaluations and constant in between.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size. If the sizes differ, its ranks are
        interpolated linearly.
    refresh_every
        The number of evaluations between two draws of directions.
    layers
        By default block1_conv1 … block4_conv4, all twelve, as in the authors' code.

    Raises
    ------
    LossError
        ``refresh_every`` is not a positive whole number.

    Notes
    -----
    The directions are the columns of a random orthogonal matrix. As in the authors' code, each
    is uniform on the sphere, but they depend on each other, so the mean over them varies less.
    Their code draws N directions for each layer and sorts at every evaluation, and it sums over
    layers: ``layers={layer: 1, …}``. At a refresh, value and gradient equal its, for orthonormal
    directions and equal sizes. Until the next one, L is an upper bound of its loss, since the
    ranks may not be optimal any more, and a paraboloid in F, which suits L-BFGS. For a picture
    with an integer multiple of the painting's positions, it repeats the painting's values; it
    has no other sizes. Its VGG19 pads by reflection and pools averages. Equal values are ranked
    in the order of their positions. Source: Heitz, Vanhoey, Chambon & Belcour, *A Sliced
    Wasserstein Loss for Neural Texture Synthesis*, arXiv 2006.07229, its code
    tchambon/A-Sliced-Wasserstein-Loss-for-Neural-Texture-Synthesis,
    texture_optimization_slicing.py, read; the paper was not read.

    Examples
    --------
    >>> current = np.array([[[[1.0, 0], [2, 1]], [[3, 1], [4, 0]]]])
    >>> reference = np.array([[[[2.0, 0], [2, 2]], [[2, 2], [2, 0]]]])
    >>> transport(current, reference, np.eye(2)).tolist()
    [[[[2.0, 0.0], [2.0, 2.0]], [[2.0, 2.0], [2.0, 0.0]]]]
    """

    layers = tuple(
        f"block{block}_conv{i}" for block, n in enumerate((2, 2, 4, 4), 1) for i in range(1, n + 1)
    )
    refresh_every = 20

    def match(self, f: Array, reference: Array, rng: Rng) -> Array:
        """The features, transported along random directions."""
        return transport(f, reference, rotation(f.shape[-1], rng))


def transport(f: Array, reference: Array, directions: Array) -> Array:
    """Features (1, h, w, N), transported to the reference's values along each direction.

    The columns of ``directions``, (N, N), are orthonormal.
    """
    directions = directions.astype(f.dtype)
    values, others = (directions.T @ x.reshape(-1, x.shape[-1]).T for x in (f, reference))
    with ThreadPoolExecutor() as threads:  # NumPy sorts without the interpreter's lock
        moves = list(threads.map(_move, values, others))
    # As a difference, so that features that are already there stay to the last bit.
    moved: Array = f + (np.stack(moves, -1) @ directions.T).reshape(f.shape)
    return moved


def rotation(size: int, rng: Rng) -> Array:
    """A random orthonormal (size, size) matrix with the uniform (Haar) distribution."""
    # NumPy's can take a hundred times longer, where its threads wait for busy cores.
    q, r = map(ops.convert_to_numpy, ops.qr(rng.normal(size=(size, size))))
    # With the signs of r's diagonal, QR has one result, which is uniform.
    orthonormal: Array = q * np.sign(np.diag(r))
    return orthonormal


def _move(values: Array, reference: Array) -> Array:
    """The difference between the reference's value of the same rank and each value."""
    order = np.argsort(values, kind="stable")
    ranks, known = ((np.arange(x.size) + 0.5) / x.size for x in (values, reference))
    moves = np.empty_like(values)
    moves[order] = np.interp(ranks, known, np.sort(reference)) - values[order]
    return moves
