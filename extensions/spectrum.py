"""The spectrum constraint of Liu, Gousseau & Xia: the Fourier spectrum of a painting's pixels."""

from __future__ import annotations

import numpy as np
from scipy.signal.windows import tukey

from neural_style.losses import Array, MatchingLoss, Rng


class Spectrum(MatchingLoss):
    """Repeat what repeats in the painting, with its period: weaves, waves, rows, grain.

        P = F⁻¹[⟨F(x), F(y)⟩ / |⟨F(x), F(y)⟩| · F(y)],    L = mean((x − P)²)

    over pixels and channels. x is the picture, y the reference, and F the discrete Fourier
    transform of each channel. ⟨a, b⟩ = Σ_channels a · conj(b), for every frequency. So P is
    the picture nearest to x among those whose spectrum is that of y: it has the modulus of y in
    every channel, and the phases of y between channels. P is computed every ``refresh_every``
    evaluations and constant in between.

    Parameters
    ----------
    reference
        The painting, H×W×3, RGB, 0–255, of any size; see Notes.
    refresh_every
        The number of evaluations between two projections.
    layers
        By default the pixels, 0–255. Feature layers are possible too.

    Raises
    ------
    LossError
        ``refresh_every`` is not a positive whole number.

    Notes
    -----
    At a refresh, the gradient is exactly that of the distance to P, which is the nearest point;
    until the next one, L is an upper bound. The paper's loss is ½ Σ (x − P)² on gray values, with
    the Gram loss and a texture of the picture's size. With n numbers in a picture,
    ``layers={"image": n / 2}`` gives the sum.

    Along an axis where the reference is larger than the picture, only its middle is used. Where it
    is smaller, its borders are faded to its mean color, the mean color fills the rest, and
    contrast grows so that the variance stays nearly the same. The transform takes pictures as
    periodic: opposite borders that differ are an edge to it, a cross in the spectrum.

    It is a loss for textures. Added to `Gram`, with half of its share of the gradient, it gave a
    city in ink the scroll's colors and grain, and cost much of the city.

    Source: Liu, Gousseau & Xia, *Texture Synthesis Through Convolutional Neural Networks and
    Spectrum Constraints*, arXiv 1605.01141. Neither the paper nor code of its authors was found.
    Read were two reimplementations, on gray values (sleepytaco/TextureSynthesisCNN, utils.py, and
    dEcmir/Texture-Synthesis, fourier_loss.py), a summary of the paper (aleju/papers), and
    Spectrum.m of G. Tartavel, an author of the earlier spectrum constraint, for colors and sizes.
    It also removes the cross from the reference, which this loss does not.

    Examples
    --------
    >>> loss = Spectrum(np.zeros((32, 32, 3)))
    >>> x, y = (np.reshape(v, (1, 1, 4, 1)) for v in ([3.0, 0, 1, 0], [0.0, 5, 0, 0]))
    >>> found = loss.match(x, y, np.random.default_rng()).ravel()
    >>> (found.round(6) + 0).tolist()  # y, moved to x's peak
    [5.0, 0.0, 0.0, 0.0]
    """

    layers = ("image",)
    refresh_every = 5

    def match(self, f: Array, reference: Array, rng: Rng) -> Array:
        """The nearest picture to f that has the reference's spectrum."""
        ours, theirs = (np.fft.fft2(x, axes=(1, 2)) for x in (f, resized(reference, f.shape)))
        products = np.sum(ours * theirs.conj(), -1, keepdims=True)
        nearest = np.fft.ifft2(np.exp(1j * np.angle(products)) * theirs, axes=(1, 2))
        matched: Array = nearest.real.astype(f.dtype)
        return matched


def resized(picture: Array, shape: tuple[int, ...]) -> Array:
    """The middle of a picture (1, h, w, N), or the whole, faded into its mean color.

    >>> resized(np.reshape([1.0, 2, 3, 4, 5], (1, 1, 5, 1)), (1, 1, 3, 1)).ravel().tolist()
    [2.0, 3.0, 4.0]
    """
    starts = [max(0, (have - want) // 2) for have, want in zip(picture.shape, shape, strict=True)]
    middle = picture[tuple(slice(a, a + want) for a, want in zip(starts, shape, strict=True))]
    mean = middle.mean((1, 2), keepdims=True)
    spot = middle - mean
    for axis in (1, 2):
        have, want = middle.shape[axis], shape[axis]
        if have < want:
            fade = tukey(have + 2, 0.2)[1:-1]
            scale = (want / np.sum(fade**2)) ** 0.5
            spot = spot * (scale * fade).reshape([-1 if axis == i else 1 for i in range(4)])
    margins = [(0, want - have) for have, want in zip(spot.shape, shape, strict=True)]
    whole: Array = mean + np.pad(spot, margins)
    return whole
