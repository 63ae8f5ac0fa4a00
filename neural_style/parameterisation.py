"""The variables in which an optimiser moves a picture.

    class Parameterisation:
        def encode(self, image): ...      # -> the variables x of a picture
        def decode(self, x): ...          # -> the picture
        def pull(self, gradient): ...     # gradient of the picture -> gradient of x

All are float32 arrays H×W×3, for pictures of any size, one after another in a run with
several scales; ``decode(encode(image))`` is the image but for rounding, and ``pull`` is the
transpose of the derivative of ``decode``. What a run tells and returns are pictures.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from neural_style.errors import OptionError, suggestion
from neural_style.images import Image, Size

# In columns: what R, G and B have in common, red against blue, and both against green.
_COLOURS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32).T
_COLOURS /= np.linalg.norm(_COLOURS, axis=0)
# Of `transfer`'s loss with VGG19, measured by differences of gradients along random noise of a
# band of frequencies: cycles a pixel, and curvatures with the largest as 1.
_FREQUENCIES = (0.006, 0.014, 0.028, 0.049, 0.073, 0.11, 0.15, 0.21, 0.27, 0.35, 0.57)
_CURVATURES = (
    (0.08, 0.05, 0.1, 0.2, 0.45, 0.6, 0.95, 1.0, 0.65, 0.3, 0.04),
    (0.6, 0.15, 0.25, 0.4, 0.4, 0.25, 0.1, 0.011, 0.004, 0.002, 0.002),
    (0.9, 0.25, 0.65, 0.8, 0.7, 0.4, 0.1, 0.026, 0.007, 0.002, 0.002),
)


class Parameterisation(Protocol):
    """Variables for a picture; see above."""

    def encode(self, image: Image) -> Image:
        """The variables of a picture."""
        ...

    def decode(self, x: Image) -> Image:
        """The picture of some variables."""
        ...

    def pull(self, gradient: Image) -> Image:
        """The gradient with respect to the variables, from that with respect to the picture."""
        ...


class Pixels:
    """The pixels themselves."""

    def encode(self, image: Image) -> Image:
        """The same array."""
        return image

    def decode(self, x: Image) -> Image:
        """The same array."""
        return x

    def pull(self, gradient: Image) -> Image:
        """The same array."""
        return gradient


@dataclass(frozen=True)
class Frequencies:
    """Spatial frequencies of opponent colours, each in units that even out the curvature.

        image = Cᵀ Dᵀ s x,    s = (c + floor · max c)^−½

    C is the rotation of R, G and B to (R+G+B)/√3, (R−B)/√2 and (R−2G+B)/√6, D the orthonormal
    two-dimensional cosine transform (type 2), and c the curvature of the loss along a colour
    and a frequency, of which a table has the logarithm interpolated. s is scaled to a root
    mean square of 1, so that a step in x is about as long in pixels.

    ``frequencies`` are those of the table, in cycles a pixel, and ``curvatures`` one row for
    each colour; their unit is of no consequence.
    """

    frequencies: tuple[float, ...] = _FREQUENCIES
    curvatures: tuple[tuple[float, ...], ...] = _CURVATURES
    floor: float = 0.03

    def encode(self, image: Image) -> Image:
        """D C of the image, divided by s."""
        return self._transformed(image) / self._scale(image.shape[:2])

    def decode(self, x: Image) -> Image:
        """Cᵀ Dᵀ of s x."""
        planes = idctn(x * self._scale(x.shape[:2]), axes=(0, 1), norm="ortho", workers=2)
        image: Image = planes @ _COLOURS.T
        return image

    def pull(self, gradient: Image) -> Image:
        """D C of the gradient, times s."""
        return self._transformed(gradient) * self._scale(gradient.shape[:2])

    def _transformed(self, image: Image) -> Image:
        transformed: Image = dctn(image @ _COLOURS, axes=(0, 1), norm="ortho", workers=2)
        return transformed

    def _scale(self, size: Size) -> NDArray[np.float32]:
        return _scale(self, size)


@functools.lru_cache(maxsize=1)
def _scale(table: Frequencies, size: Size) -> NDArray[np.float32]:
    """The units of every frequency and colour, H×W×3."""
    y, x = (np.arange(side) / (2 * side) for side in size)
    frequency = np.log(np.maximum(np.hypot(y[:, None], x), 1e-6))
    curvatures = np.array(table.curvatures)
    logarithms = -0.5 * np.log(curvatures + table.floor * curvatures.max())
    known = np.log(table.frequencies)
    scale = np.exp(np.stack([np.interp(frequency, known, row) for row in logarithms], -1))
    units: NDArray[np.float64] = scale / np.sqrt(np.mean(scale**2))
    return units.astype(np.float32)


_KNOWN: dict[str, Callable[[], Parameterisation]] = {"pixels": Pixels, "frequencies": Frequencies}


def resolve(parameterisation: str | Parameterisation) -> Parameterisation:
    """The parameterisation of that name, or the one given.

    Raises
    ------
    OptionError
        There is none of that name, or it has not the three methods.
    """
    if isinstance(parameterisation, str):
        if parameterisation not in _KNOWN:
            raise OptionError(
                f"no parameterisation {parameterisation!r}: {suggestion(parameterisation, _KNOWN)}."
            )
        return _KNOWN[parameterisation]()
    missing = [name for name in ("encode", "decode", "pull") if not hasattr(parameterisation, name)]
    if missing:
        raise OptionError(
            f"parameterisation: expected one of {', '.join(_KNOWN)}, or an object with encode, "
            f"decode and pull, got {parameterisation!r}."
        )
    return parameterisation


def config_of(parameterisation: Parameterisation) -> dict[str, Any]:
    """Its name and options as JSON has them; None in place of the options that are not known."""
    if type(parameterisation) is Pixels:
        return {"name": "pixels", "config": {}}
    if type(parameterisation) is Frequencies:
        options = asdict(parameterisation)
        options["curvatures"] = [list(row) for row in options["curvatures"]]
        return {
            "name": "frequencies",
            "config": {**options, "frequencies": list(options["frequencies"])},
        }
    return {"name": type(parameterisation).__qualname__, "config": None}


def from_config(config: Mapping[str, Any]) -> Parameterisation:
    """The parameterisation again, from `config_of`.

    Raises
    ------
    OptionError
        It is not one of the library's.
    """
    name, options = config["name"], config["config"]
    if options is None or name not in _KNOWN:
        raise OptionError(
            f"the parameterisation {name} is not one of the library's: pass it again as "
            f"parameterisation=…"
        )
    if name == "pixels":
        return Pixels()
    try:
        rows = tuple(tuple(map(float, row)) for row in options["curvatures"])
        frequencies = tuple(map(float, options["frequencies"]))
        return Frequencies(frequencies, rows, float(options["floor"]))
    except (KeyError, TypeError, ValueError) as error:
        raise OptionError(f"this config makes no parameterisation: {config!r}.") from error
