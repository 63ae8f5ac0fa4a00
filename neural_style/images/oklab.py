"""OKLab colors, and the palette of a painting for a photo's colors, as in NNST."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import ImageError
from neural_style.images.arrays import as_image
from neural_style.images.ranges import whole_if_dark
from neural_style.images.reading import Image

_Colors = NDArray[np.float64]

# From R, G and B to the responses of cones, and from their cubic roots to L, a and b: Ottosson's
# first numbers, which NNST has.
_CONES = np.array(
    [
        [0.4121656120, 0.5362752080, 0.0514575653],
        [0.2118591070, 0.6807189584, 0.1074065790],
        [0.0883097947, 0.2818474174, 0.6302613616],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_EPSILON = 1e-4
_GRAY = 6e-5
_PASSES, _EDGE = 5, 10.0


def oklab(painted: NDArray[Any], photo: NDArray[Any], painting: NDArray[Any]) -> Image:
    """Give a result the hues of the photo, in the palette of the painting, with its own lightness.

    Let L, a and b be the OKLab coordinates of each picture.

    1. L is the result's, clipped to the range of the painting's L.
    2. (a, b) is A (x − μ) + μ_s, for the photo's (a, b) x with mean μ, and A = Σ_s^½ Σ^−½. The
       painting's (a, b) has the mean μ_s, and Σ are covariances + 1e-4 I.
    3. (a, b) is smoothed five times by a 3×3 bilateral filter, whose weights are exp(−10 |ΔL|).
    4. Each coordinate is clipped to the painting's range.

    If the painting is nearly gray (no number of Σ_s above 6e-5 before 1e-4 I is added), the result
    keeps its own (a, b), and 2 is done for (L, a, b) of the result, in place of 2 and 3.

    Parameters
    ----------
    painted
        The result of a run.
    photo
        The photo, of the same size.
    painting
        The painting, of any size.

    Raises
    ------
    ImageError
        An argument is not a valid image, or the sizes of the first two differ.

    Notes
    -----
    As the source does, gamma-encoded values are converted like linear ones, and L of white is
    .99997: its matrices are the first that Ottosson published. The source also computes Laplacian
    pyramids, to keep the high frequencies of the result's (a, b), but does not use them. Source:
    nkolkin13/NeuralNeighborStyleTransfer, utils/colorization.py and utils/zca.py; read.

    Examples
    --------
    >>> red, gray = np.full((2, 2, 3), (200.0, 0, 0)), np.full((2, 2, 3), 100.0)
    >>> print(oklab(gray, photo=gray, painting=red)[0, 0].round())
    [200.   0.   0.]
    """
    lab, hues, palette = (
        lab_of(as_image(picture, name).astype(np.float64) / 255)
        for picture, name in ((painted, "painted"), (photo, "photo"), (painting, "painting"))
    )
    if lab.shape != hues.shape:
        raise ImageError(
            f"photo: expected the size of painted, {lab.shape[0]}×{lab.shape[1]}, got "
            f"{hues.shape[0]}×{hues.shape[1]}; resize one with neural_style.images.resize."
        )
    least, most = palette.min((0, 1)), palette.max((0, 1))
    lightness = lab[..., :1].clip(least[0], most[0])
    chroma = palette[..., 1:]
    if abs(np.cov(chroma.reshape(-1, 2).T, bias=True)).max() < _GRAY:
        lab = matched(np.concatenate([lightness, lab[..., 1:]], -1), palette)
    else:
        smooth = smoothed(matched(hues[..., 1:], chroma), lightness)
        lab = np.concatenate([lightness, smooth], -1)
    rgb = rgb_of(lab.clip(least, most))
    return whole_if_dark((255 * rgb).clip(0, 255).astype(np.float32))


def lab_of(rgb: _Colors) -> _Colors:
    """OKLab's L, a and b of linear R, G and B in 0–1; the last axis has the coordinates.

    >>> print(abs(lab_of(np.array([[1.0, 1, 1], [1, 0, 0]]))).round(3))
    [[1.    0.    0.   ]
     [0.628 0.225 0.126]]
    """
    lab: _Colors = np.cbrt(rgb @ _CONES.T) @ _LAB.T
    return lab


def rgb_of(lab: _Colors) -> _Colors:
    """The inverse of `lab_of`; colors outside of RGB are outside of 0–1."""
    rgb: _Colors = (lab @ np.linalg.inv(_LAB).T) ** 3 @ np.linalg.inv(_CONES).T
    return rgb


def matched(colors: _Colors, reference: _Colors) -> _Colors:
    """The colors with the mean and the covariance + 1e-4 I of the reference's."""
    n = colors.shape[-1]
    flat, theirs = colors.reshape(-1, n), reference.reshape(-1, n)
    ours, root = (_root(np.cov(x.T, bias=True) + _EPSILON * np.eye(n)) for x in (flat, theirs))
    moved: _Colors = (colors - flat.mean(0)) @ np.linalg.inv(ours) @ root + theirs.mean(0)
    return moved


def smoothed(chroma: _Colors, lightness: _Colors) -> _Colors:
    """Five passes of a 3×3 bilateral filter of H×W×n, whose edges are those of H×W×1.

    Outside, the pixels at the border are repeated.
    """
    height, width = lightness.shape[:2]
    margins = (1, 1), (1, 1), (0, 0)
    guide = np.pad(lightness, margins, "edge")
    for _ in range(_PASSES):
        around = np.pad(chroma, margins, "edge")
        total, weights = np.zeros_like(chroma), np.zeros_like(lightness)
        for y, x in itertools.product(range(3), repeat=2):
            window = slice(y, y + height), slice(x, x + width)
            weight = np.exp(-_EDGE * abs(guide[window] - lightness))
            total += weight * around[window]
            weights += weight
        chroma = total / weights
    return chroma


def _root(matrix: _Colors) -> _Colors:
    values, vectors = np.linalg.eigh(matrix)
    root: _Colors = (vectors * np.sqrt(values)) @ vectors.T
    return root
