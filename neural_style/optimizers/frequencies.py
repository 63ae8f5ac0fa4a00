"""Spatial frequencies as the variables of a picture."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from neural_style.errors import OptionError, number
from neural_style.images import Image, Size

# Of `transfer`'s loss with VGG19, along luminance, measured by differences of gradients for
# random noise of a band of frequencies: cycles a pixel, and curvatures with the largest as 1.
_FREQUENCIES = (0.006, 0.014, 0.028, 0.049, 0.073, 0.11, 0.15, 0.21, 0.27, 0.35, 0.57)
_CURVATURES = (0.08, 0.05, 0.1, 0.2, 0.45, 0.6, 0.95, 1.0, 0.65, 0.3, 0.04)


@dataclass(frozen=True)
class Frequencies:
    """Spatial frequencies, each in a unit that makes the curvature of the loss more equal.

        image = Dᵀ s x,    s = (c + floor · max c)^−½

    D is the orthonormal two-dimensional cosine transform (type 2) of each of R, G and B, and c
    the curvature of the loss at a frequency, interpolated in a table by its logarithm. s is
    scaled to a root mean square of 1, so that a step in x is about as long in pixels.

    The default table was measured for luminance. Colors differ: along red against blue and both
    against green, the curvature is as high at low frequencies and 100 times lower above 0.2
    cycles per pixel. Separate units for colors lower the loss as fast, but they fill a picture
    with colored noise, which hardly changes the loss. So all colors have the units of luminance.

    On five pairs with shorter sides of 256 pixels, a sum of content and Gram is lower than with
    pixels after 20, 50, 100, 150 and 200 evaluations, at the end by 1 to 16 %. It takes at most 161
    evaluations to the loss of SciPy's L-BFGS with pixels after 200. Other losses compared with
    pixels, at 128 pixels and after 100 evaluations: content alone 25 % lower, Gram alone 6 %
    lower, with histograms added 6 % lower, MRF and moments the same. For matches of features,
    as the relaxed EMD's, use `Wavelets`.

    Parameters
    ----------
    frequencies
        The frequencies of the table, in cycles per pixel, increasing.
    curvatures
        A curvature for each frequency, in any unit.
    floor
        A fraction of the largest curvature that is added to all.

    Raises
    ------
    OptionError
        The table is invalid: its lists differ in length, have numbers that are not positive and
        finite, or the frequencies do not increase; or the floor is negative or not finite.

    Examples
    --------
    A constant picture has only one nonzero variable per channel, at frequency 0:

    >>> x = Frequencies().encode(np.full((4, 6, 3), 9, np.float32))
    >>> np.argwhere(abs(x[..., 0]) > 1e-3).tolist()
    [[0, 0]]
    """

    frequencies: Sequence[float] = _FREQUENCIES
    curvatures: Sequence[float] = _CURVATURES
    floor: float = 0.1

    def __post_init__(self) -> None:
        for name in ("frequencies", "curvatures"):
            values = getattr(self, name)
            given = tuple(map(number, values)) if isinstance(values, Sequence) else (math.nan,)
            if not all(0 < each < math.inf for each in given):
                raise OptionError(
                    f"Frequencies: expected a list of finite numbers above 0, got {values}."
                )
            object.__setattr__(self, name, given)
        table = len(self.frequencies) == len(self.curvatures) > 0
        rising = all(a < b for a, b in itertools.pairwise(self.frequencies))
        if not (table and rising):
            raise OptionError(
                f"Frequencies: expected increasing frequencies and as many curvatures, all "
                f"positive, got {self.frequencies} and {self.curvatures}."
            )
        floor = number(self.floor)
        if not 0 <= floor < math.inf:
            raise OptionError(
                f"Frequencies: expected a finite floor of 0 or more, got {self.floor}."
            )
        object.__setattr__(self, "floor", floor)

    def encode(self, image: Image) -> Image:
        """D of the image, divided by s."""
        return _transformed(image) / _units(self, image.shape[:2])

    def decode(self, x: Image) -> Image:
        """Dᵀ of s x."""
        scaled = x * _units(self, x.shape[:2])
        image: Image = idctn(scaled, axes=(0, 1), norm="ortho", workers=2)
        return image

    def pull(self, gradient: Image) -> Image:
        """D of the gradient, times s."""
        return _transformed(gradient) * _units(self, gradient.shape[:2])


def _transformed(image: Image) -> Image:
    transformed: Image = dctn(image, axes=(0, 1), norm="ortho", workers=2)
    return transformed


@functools.lru_cache(maxsize=1)
def _units(table: Frequencies, size: Size) -> NDArray[np.float32]:
    """The units s of all frequencies, H×W×1."""
    y, x = (np.arange(side) / (2 * side) for side in size)
    frequency = np.log(np.maximum(np.hypot(y[:, None], x[None]), 1e-6))
    curvatures = np.array(table.curvatures)
    logarithm = -0.5 * np.log(curvatures + table.floor * curvatures.max())
    units = np.exp(np.interp(frequency, np.log(table.frequencies), logarithm))
    scaled: NDArray[np.float64] = units / np.sqrt(np.mean(units**2))
    return scaled[..., None].astype(np.float32)
