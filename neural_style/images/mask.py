"""Masks: the weights of a picture's positions."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from neural_style.errors import ImageError
from neural_style.images.arrays import as_array, as_image
from neural_style.images.reading import read
from neural_style.images.size import Size
from neural_style.images.sources import is_source, repeatable

Mask: TypeAlias = NDArray[np.float32]

_MEAN = np.full(3, 1 / 3, np.float32)


def as_mask(picture: Any, name: str = "mask") -> Mask:
    """Convert a picture to a mask, float32, H×W, 0–255.

        g = (R + G + B) / 3 · α

    for colors and opacity α in 0–1. So white on a transparent background, as drawing programs
    export a cut-out, counts where it was drawn. For gray pictures, g is gray · α. Without an alpha
    channel, α is 1.

    Parameters
    ----------
    picture
        A file, as in `images.load`; or an array, 0–255 or booleans, H×W, or H×W×1 to
        H×W×4: gray, gray and alpha, RGB, RGBA.
    name
        The name of the mask in errors.

    Raises
    ------
    ImageError
        As `images.load` and `images.as_image`; or all opaque pixels of a cut-out are black, so
        that nothing would count.
    """
    if is_source(picture):
        picture = repeatable(picture)
        black, white = (read(picture, name, background=b) for b in ("black", "white"))
        mask, opacity = black @ _MEAN, 255 - (white - black)[..., 0]
    else:
        gray, opacity = _channels(picture, name)
        mask = gray * (opacity / np.float32(255))
    if not mask.any() and opacity.any() and not opacity.all():
        raise ImageError(
            f"{name}: all opaque pixels are black, which does not count; fill them with white."
        )
    # Only ratios matter, so a dark mask is scaled to a range that `images.as_image` accepts.
    return mask / mask.max() * 255 if 0 < mask.max() <= 2 else mask


def resized_mask(mask: Mask, size: Size) -> Mask:
    """A mask resized to (height, width) by area averaging, which drops no white pixel."""
    resized = PIL.Image.fromarray(mask).resize((size[1], size[0]), PIL.Image.Resampling.BOX)
    return np.asarray(resized, np.float32)


def _channels(array: Any, name: str) -> tuple[Mask, Mask]:
    """The mean color and the opacity of an array, both H×W."""
    values = as_array(array, name)
    if values.dtype.kind == "b":
        values = values * np.uint8(255)
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or not 1 <= values.shape[2] <= 4:
        raise ImageError(
            f"{name}: expected the shape (height, width) or (height, width, 1 to 4), got "
            f"{values.shape}; gray, gray and alpha, RGB or RGBA."
        )
    count = values.shape[2]
    gray = as_image(values[..., :3], name) @ _MEAN if count > 2 else _gray(values[..., 0], name)
    if count in (1, 3):
        return gray, np.full_like(gray, 255)
    return gray, _gray(values[..., -1], f"{name}'s alpha channel")


def _gray(values: NDArray[Any], name: str) -> Mask:
    return np.ascontiguousarray(as_image(np.stack([values] * 3, -1), name)[..., 0])
