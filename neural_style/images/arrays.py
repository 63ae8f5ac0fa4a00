"""Pictures as arrays: check, resize and compare them."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from neural_style.errors import ImageError
from neural_style.images.ranges import check_range, whole_if_dark
from neural_style.images.reading import Image, read
from neural_style.images.size import Size, asked_size, check_size
from neural_style.images.sources import is_source


def as_image(array: Any, name: str = "image", *, any_range: bool = False) -> Image:
    """Return ``array`` as float32 H×W×3, or raise an `ImageError` that calls it ``name``.

    Values must lie in 0–255, unless ``any_range`` is set. Arrays of 8-bit integers are always
    accepted. An array of floats is refused, as a picture of 0–1 or ±1, if all values are within ±2
    (which includes brightened pictures) and some have a fraction. An array of only zeros and ones
    is accepted as float32, which `load` returns, and refused as float64. Every picture that the
    library returns is accepted: `whole_if_dark`.

    A Pillow picture is treated like its file, as by `load`.
    """
    if isinstance(array, PIL.Image.Image):
        return read(array, name)
    if is_source(array):
        path = isinstance(array, str | os.PathLike)
        kind = f"the path {os.fspath(array)!r}" if path else f"a file ({type(array).__name__})"
        raise ImageError(
            f"{name}: expected an array, got {kind}; read it with neural_style.images.load."
        )
    values = as_array(array, name)
    if values.dtype.kind not in "uif":
        raise ImageError(
            f"{name}: expected real numbers from 0 to 255, got an array of {values.dtype}."
        )
    if values.ndim != 3 or values.shape[2] != 3:
        raise ImageError(
            f"{name}: expected the shape (height, width, 3), got {values.shape}; "
            f"convert it to RGB and remove any batch axis."
        )
    check_size((values.shape[0], values.shape[1]), name)
    with np.errstate(over="ignore"):
        image = values.astype(np.float32)
    if not np.isfinite(image).all():
        raise ImageError(
            f"{name}: some values are not finite (NaN or infinity); replace them, "
            f"for example with numpy.nan_to_num."
        )
    check_range(values, name, any_range=any_range)
    return image


def as_opacity(array: Any, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Return ``array`` as float32 H×W, the opacity of a picture of ``size``, or raise ImageError.

    >>> as_opacity(np.full((2, 3), 9), (2, 3)).dtype
    dtype('float32')
    """
    values = as_array(array, "opacity")
    if values.shape != tuple(size):
        raise ImageError(
            f"opacity: expected the picture's shape {tuple(size)}, got {values.shape}; resize it."
        )
    gray: NDArray[np.float32] = as_image(np.stack([values] * 3, -1), "opacity")[..., 0]
    return np.ascontiguousarray(gray)


def as_array(array: Any, name: str) -> NDArray[Any]:
    """Return ``array`` as a NumPy array, or raise an `ImageError` that calls it ``name``."""
    try:
        return np.asarray(array)
    except Exception as error:  # another library's array can raise any exception
        raise ImageError(
            f"{name}: expected an array H×W×3, got {type(array).__name__} ({error})."
        ) from error


def resize(
    image: NDArray[Any],
    *,
    long_side: int | None = None,
    short_side: int | None = None,
    size: Size | None = None,
    any_range: bool = False,
) -> Image:
    """Resize an array with antialiasing (Lanczos). The sizes are those of `load`.

    Lanczos can exceed 0–255, so the result is clipped to it. With ``any_range``, a picture with
    a larger range is accepted, and the result is clipped to that range. A very dark result, which
    `as_image` would take for a picture of 0–1, is rounded to whole values, as by `load`.

    >>> resize(np.full((4, 6, 3), 7.0), long_side=3).shape
    (2, 3, 3)
    """
    image = as_image(image, any_range=any_range)
    old_size = image.shape[0], image.shape[1]
    height, width = asked_size(old_size, long_side=long_side, short_side=short_side, size=size)
    if (height, width) == old_size:
        return image
    channels = [
        PIL.Image.fromarray(channel).resize((width, height), PIL.Image.Resampling.LANCZOS)
        for channel in np.moveaxis(image, -1, 0)
    ]
    resized: Image = np.stack([np.asarray(channel) for channel in channels], -1)
    return whole_if_dark(resized.clip(min(0, image.min()), max(255, image.max())))


def trimmed(picture: NDArray[Any], margin: int) -> NDArray[Any]:
    """A picture H×W or H×W×3 without ``margin`` rows and columns at each side."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[margin : height - margin, margin : width - margin])


def digest(picture: NDArray[np.float32] | None) -> str:
    """A hash of the shape and the float32 values of a picture or mask; empty for None."""
    if picture is None:
        return ""
    values = np.ascontiguousarray(picture, np.float32)
    sha256 = hashlib.sha256(repr(values.shape).encode())
    sha256.update(values.data)  # no copy
    return sha256.hexdigest()
