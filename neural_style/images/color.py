"""Color: three ways to keep the photo's colors.

    match(painting, photo)            # the painting in the photo's colors, before a run
    luminance(painting, like=photo)   # both pictures in gray, before a run …
    recolor(painted, photo)          # … and the photo's colors again, after it
    oklab(painted, photo, painting)  # the photo's hues in the painting's palette, after a run

Pictures are float32 arrays H×W×3, RGB, 0–255, gamma-encoded as in files. The first two ways
are from Gatys, Bethge, Hertzmann & Shechtman, *Preserving Color in Neural Artistic Style
Transfer*, arXiv 1606.05897, read in a public summary with its formulas, not in the paper, and in
the authors' code, leongatys/NeuralImageSynthesis, ExampleNotebooks/ColourControl.ipynb.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from skimage import color

from neural_style.errors import ImageError, OptionError
from neural_style.images import arrays
from neural_style.images.oklab import oklab
from neural_style.images.ranges import whole_if_dark
from neural_style.images.reading import Image

__all__ = [
    "luminance",
    "match",
    "oklab",
    "recolor",
]


def __dir__() -> list[str]:
    return __all__


_EPSILON = 1e-5
_LEAST = 1e-6  # a smaller deviation is only rounding


def match(
    picture: NDArray[Any],
    reference: NDArray[Any],
    method: Literal["cholesky", "symmetric"] = "cholesky",
) -> Image:
    """Give a picture the mean and the covariance of another picture's colors.

        x′ = A (x − μ) + μ_r,    A Σ Aᵀ = Σ_r

    for colors x in 0–1, with means μ and covariances Σ + ε I, ε = 1e-5.

    Parameters
    ----------
    picture
        The picture to recolor. To keep a photo's colors, recolor the painting before the run.
    reference
        The picture, of any size, that the colors are taken from.
    method
        ``"cholesky"``: A = L_r L⁻¹ of the Cholesky factors; ``"symmetric"``: Σ_r^½ Σ^−½,
        which does not depend on the order of the channels. If both pictures are gray,
        ``"symmetric"`` keeps gray exactly gray.

    Returns
    -------
    ndarray
        The picture, clipped to 0–255. Clipping changes its mean and covariance. Before
        clipping, the mean is exactly the reference's, and the covariance differs from the
        reference's by ε (I − A Aᵀ).

    Raises
    ------
    ImageError
        An argument is not a valid image.
    OptionError
        The method is unknown.

    Notes
    -----
    The covariance of a picture of one color, or of shades of one, has no inverse; ε makes it
    invertible. It is chosen for colors in 0–1: √ε is a deviation of 0.8 pixel values.
    Source: Gatys et al., arXiv 1606.05897 (see the module), and the authors' match_color, which has
    the same ε. It calls ``"cholesky"`` chol and ``"symmetric"`` pca. Its third mode, sym, the
    optimal transport between Gaussians, is not here.

    Examples
    --------
    >>> from neural_style import images
    >>> painting = images.noise((32, 32), uniform=(0, 60))
    >>> photo = images.noise((20, 40), normal=(150, 20))
    >>> matched = match(painting, photo)
    >>> bool(np.allclose(matched.mean((0, 1)), photo.mean((0, 1)), atol=0.1))
    True
    """
    if not isinstance(method, str) or method not in _FACTORS:
        raise OptionError(f"method: expected one of {', '.join(_FACTORS)}, got {method!r}.")
    colors, reference_colors = _colors(picture, "picture"), _colors(reference, "reference")
    (mean, covariance), (mean_r, covariance_r) = _moments(colors), _moments(reference_colors)
    factor = _FACTORS[method]
    transform = factor(covariance_r) @ np.linalg.inv(factor(covariance))
    return _picture((colors - mean) @ transform.T + mean_r)


def luminance(picture: NDArray[Any], like: NDArray[Any] | None = None) -> Image:
    """Convert a picture to gray: Y of YIQ, 0.299 R + 0.587 G + 0.114 B, in three equal channels.

    Parameters
    ----------
    picture
        The picture. The weights apply to its gamma-encoded values.
    like
        A picture of any size. The result gets the mean μ_r and the deviation σ_r of its
        luminance, (σ_r / σ)(Y − μ) + μ_r, clipped to 0–255, as in the paper; the authors' code
        changes only the mean. Use it if the photo is much darker or lighter than the painting.

    Raises
    ------
    ImageError
        An argument is not a valid image.

    Examples
    --------
    >>> print(luminance(np.full((2, 2, 3), (250.0, 10, 0)))[0, 0])
    [80.62 80.62 80.62]
    """
    y = _yiq(picture, "picture")[..., :1]
    if like is not None:
        target = _yiq(like, "like")[..., :1]
        y = target.std() / max(y.std(), _LEAST) * (y - y.mean()) + target.mean()
    return _picture(np.repeat(y, 3, axis=2))


def recolor(painted: NDArray[Any], content: NDArray[Any]) -> Image:
    """Combine the luminance of one picture, Y of YIQ, with the chroma of another, I and Q.

    Parameters
    ----------
    painted
        The picture that gives the luminance: the result of a run.
    content
        The picture that gives the chroma: the photo, of the same size.

    Returns
    -------
    ndarray
        The picture. Some chroma does not exist at some luminance (a strong color that became
        nearly black or white). There R, G and B are clipped to 0–255 separately, which changes
        the luminance and the hue of the pixel.

    Raises
    ------
    ImageError
        An argument is not a valid image, or the sizes differ.

    Examples
    --------
    >>> red, gray = np.full((2, 2, 3), (180.0, 80, 80)), np.full((2, 2, 3), 150.0)
    >>> print(recolor(gray, red)[0, 0])
    [220.1 120.1 120.1]
    """
    light, chroma = _yiq(painted, "painted"), _yiq(content, "content")
    if light.shape != chroma.shape:
        raise ImageError(
            f"content: expected the size of painted, {light.shape[0]}×{light.shape[1]}, got "
            f"{chroma.shape[0]}×{chroma.shape[1]}; resize one with neural_style.images.resize."
        )
    return _picture(color.yiq2rgb(np.concatenate([light[..., :1], chroma[..., 1:]], axis=2)))


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    root: NDArray[np.float64] = (vectors * np.sqrt(values)) @ vectors.T
    return root


# Functions from Σ to a matrix B with B Bᵀ = Σ.
_FACTORS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "cholesky": np.linalg.cholesky,
    "symmetric": _root,
}


def _colors(picture: NDArray[Any], name: str) -> NDArray[np.float64]:
    return arrays.as_image(picture, name).astype(np.float64) / 255


def _moments(colors: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The mean of colors in 0–1, and their covariance + ε I."""
    pixels = colors.reshape(-1, 3)
    return pixels.mean(0), np.cov(pixels.T, bias=True) + _EPSILON * np.eye(3)


def _yiq(picture: NDArray[Any], name: str) -> NDArray[np.float64]:
    yiq: NDArray[np.float64] = color.rgb2yiq(_colors(picture, name))
    return yiq


def _picture(colors: NDArray[np.float64]) -> Image:
    return whole_if_dark((255 * colors).clip(0, 255).astype(np.float32))
