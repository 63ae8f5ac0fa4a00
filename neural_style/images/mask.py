"""Masks: which positions of a picture count, and how much."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neural_style.errors import ImageError
from neural_style.images.io import as_array, as_image, is_source, read, repeatable

Mask: TypeAlias = NDArray[np.float32]

_MEAN = np.full(3, 1 / 3, np.float32)


def as_mask(picture: Any, name: str = "mask") -> Mask:
    """A picture as a mask, float32, H×W, 0–255.

        g = (R + G + B) / 3 · α

    of colors and opacity α in 0–1, so that white on transparent ground, as drawing programs
    export a cut-out, counts where it was drawn. Of gray, g is gray · α, without an alpha
    channel α is 1.

    Parameters
    ----------
    picture
        A file, as `images.load` takes it; or an array, 0–255 or booleans, H×W, or H×W×1 to
        H×W×4: gray, gray and alpha, RGB, RGBA.
    name
        What errors call it.

    Raises
    ------
    ImageError
        As `images.load` and `images.as_image`; or all that is opaque is black, so that
        nothing of a cut-out would count.
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
            f"{name}: what is opaque is black, which does not count; fill it with white."
        )
    # Only ratios matter, and so a mask that is dark is one that `images.as_image` takes.
    return mask / mask.max() * 255 if 0 < mask.max() <= 2 else mask


def _channels(array: Any, name: str) -> tuple[Mask, Mask]:
    """The mean of the colors and the opacity, both H×W, of an array."""
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
