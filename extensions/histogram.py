"""The histogram loss of Risser, Wilmot & Barnes."""

from __future__ import annotations

from neural_style.images.histogram_matching import match_channels
from neural_style.losses import Array, MatchingLoss, Rng


class Histogram(MatchingLoss):
    """Match how often each channel has each value, which a Gram matrix does not measure.

        L = Σ_l w_l · mean((F_l − R(F_l))²)

    over positions and channels. R matches the histogram of every channel of the features
    F_l (1, h, w, channels) to the histogram of the reference. Its values are exactly those of
    scikit-image's `match_histograms` (see `neural_style.images.histogram_matching`). R is computed
    every ``refresh_every`` evaluations and constant in between, so ∂L/∂F = 2 w (F − R) /
    (number of elements).

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size.
    refresh_every
        The number of evaluations between two matches.
    layers
        By default block1_conv1 and block4_conv1, as in two reimplementations.

    Raises
    ------
    LossError
        ``refresh_every`` is not a positive whole number.

    Notes
    -----
    With N channels and M positions, ``layers={layer: N * M}`` gives the sum, which grows with the
    size of the picture. Matching uses quantiles and treats ties as scikit-image does; ReLU causes
    many ties. Add this loss to `Gram`. Source: Risser, Wilmot & Barnes, *Stable and Controllable
    Neural Texture Synthesis and Style Transfer Using Histogram Losses*, arXiv 1701.08893, of
    which only the abstract was read. The code of an author was read,
    pierre-wilmot/NeuralTextureSynthesis, main.py: it also takes the mean and adds it to Gram
    losses, but at relu1_1 … relu5_1, on histograms of 256 bins, matched at every evaluation.

    Examples
    --------
    >>> import numpy as np
    >>> loss = Histogram(np.zeros((32, 32, 3)), layers=["a"])
    >>> current, reference = (np.reshape(v, (1, 2, 2, 1)) for v in ([0.0, 1, 2, 3], [0.0, 0, 4, 8]))
    >>> loss.match(current, reference, np.random.default_rng()).ravel().tolist()
    [0.0, 0.0, 4.0, 8.0]
    """

    layers = ("block1_conv1", "block4_conv1")
    anywhere = True

    def match(self, f: Array, reference: Array, rng: Rng) -> Array:
        """The features, with each channel matched to the reference's histogram."""
        return match_channels(f, reference)
