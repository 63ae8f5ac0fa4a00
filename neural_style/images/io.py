"""Load and save pictures."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
from numpy.typing import NDArray

from neural_style.errors import ImageError, OptionError
from neural_style.images.arrays import as_image, as_opacity, resize
from neural_style.images.reading import Image, read
from neural_style.images.size import Size
from neural_style.images.sources import Source, as_path, is_source
from neural_style.utils.files import atomic, check_file

_FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "quality": 95},
    ".tif": {"format": "TIFF"},
    ".tiff": {"format": "TIFF"},
}
_PROFILE, _BYTES = 34675, 7  # TIFF's tag of a color profile, and its type


def load(
    path: Source,
    *,
    long_side: int | None = None,
    short_side: int | None = None,
    size: Size | None = None,
) -> Image:
    """Read a picture as float32, H×W×3, RGB, 0–255.

    EXIF orientation and ICC profile are applied, and transparent pixels are blended with white. 16
    bits a channel are divided by 257 and not rounded; with another profile than sRGB they are
    converted in 8 bits. Only the first frame of an animation is read.

    Parameters
    ----------
    path
        A file: its path, its bytes, or a file open in binary mode; or a picture that
        Pillow opened, which is treated like its file. The format is PNG, JPEG, WebP, TIFF, GIF,
        BMP, PPM, AVIF, JPEG 2000, or HEIC (with pillow-heif).
    long_side, short_side, size
        At most one of them: the longer or the shorter side in pixels, which keeps the
        proportions, or the exact (height, width). Resizing is antialiased.

    Raises
    ------
    ImageError
        The file does not exist, or is a folder, not a picture, damaged or incomplete; or its
        range is unknown; or the picture is under 2×2 pixels or too large. The limits are the free
        memory and `PIL.Image.MAX_IMAGE_PIXELS`; Pillow's default value counts as 2²⁸ here.
    OptionError
        More than one size is given, or a size is invalid.
    """
    if not is_source(path):
        raise ImageError(
            f"expected the path, the bytes or the open file of a picture, got "
            f"{type(path).__name__}."
        )
    return read(path, "the picture", long_side=long_side, short_side=short_side, size=size)


def picture_of(picture: Any, name: str, **size: Any) -> Image:
    """Load or check a picture that is a file or an array. Messages call it ``name``.

    ``size`` is at most one of the sizes of `load`. Raises as `load`, `as_image` and `resize`.

    >>> picture_of(np.full((4, 6, 3), 7, np.uint8), "content", long_side=3).shape
    (2, 3, 3)
    """
    if is_source(picture):
        return read(picture, name, **size)
    return resize(as_image(picture, name), any_range=True, **size)


def save(
    image: NDArray[Any],
    path: str | os.PathLike[str],
    *,
    opacity: NDArray[Any] | None = None,
    depth: int | None = None,
) -> Path:
    """Write a picture, completely or not at all. The suffix chooses the format.

    Values are clipped to 0–255 and rounded. JPEG and WebP are written at quality 95. TIFF has an
    sRGB profile, and 16 bits a channel: v is written as 257·v, rounded. The folder is created if
    it is missing. An existing file keeps its mode, and a link remains a link.

    Parameters
    ----------
    image
        H×W×3, RGB, 0–255.
    path
        A file with the suffix .png, .jpg, .jpeg, .webp, .tif or .tiff.
    opacity
        H×W, 0–255; black is transparent. By default every pixel is opaque. JPEG has no
        transparency, so there the picture is blended with white.
    depth
        8 or 16 bits a channel; by default 16 for TIFF, and 8 for the other formats, which have no
        other depth here.

    Raises
    ------
    ImageError
        As `check_output`; or an array is not valid (`as_image`); or writing fails.
    OptionError
        The depth is invalid, or the format does not have it.
    """
    path = check_output(path)
    form = _FORMATS[path.suffix.lower()]
    tiff = form["format"] == "TIFF"
    depth = (16 if tiff else 8) if depth is None else depth
    if depth not in (8, 16) or (depth == 16 and not tiff):
        raise OptionError(
            f"depth: {path.name} can have {'8 or 16' if tiff else '8'} bits a channel, got "
            f"{depth!r}; 16 bits need a name that ends in .tif."
        )
    pixels = as_image(image, any_range=True).clip(0, 255)
    if opacity is not None:
        alpha = as_opacity(opacity, pixels.shape[:2])
        if form["format"] == "JPEG":
            share = alpha[..., None] / np.float32(255)
            pixels = pixels * share + 255 * (1 - share)
        else:
            pixels = np.dstack([pixels, alpha])
    try:
        with atomic(path) as part:
            if tiff:
                _write_tiff(pixels, part, depth)
            else:
                PIL.Image.fromarray(np.rint(pixels).astype(np.uint8)).save(part, **form)
    except (OSError, ValueError, struct.error) as error:
        raise ImageError(f"{path}: the picture could not be written ({error}).") from error
    return path


def _write_tiff(pixels: NDArray[np.float32], path: Path, depth: int) -> None:
    import tifffile  # which takes half a second

    kinds: dict[int, Any] = {8: (np.uint8, 1), 16: (np.uint16, 257)}
    kind, factor = kinds[depth]
    profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # without the time, so that files are equal
    tifffile.imwrite(
        path,
        np.rint(pixels * np.float64(factor)).astype(kind),
        photometric="rgb",
        extrasamples=["unassalpha"] if pixels.shape[2] == 4 else None,
        compression="zlib",
        metadata=None,
        software=False,
        extratags=[(_PROFILE, _BYTES, len(profile), profile, True)],
    )


def rescue(image: Image, path: str | os.PathLike[str], opacity: NDArray[Any] | None = None) -> str:
    """Save a picture that could not be written to ``path`` elsewhere, and return where it is."""
    beside = Path(path).parent
    name = f"picture-{uuid.uuid4().hex[:8]}.png"
    for folder in (beside, Path(tempfile.gettempdir()), Path.cwd()):
        with contextlib.suppress(ImageError):
            return f"The picture is in {save(image, folder.absolute() / name, opacity=opacity)}."
    return "It could not be saved in another folder either."


def check_output(path: str | os.PathLike[str]) -> Path:
    """Check, before a run, that `save` can write to ``path``.

    The folder is created if it is missing.

    Raises
    ------
    ImageError
        The suffix is not a known format; or the folder cannot be created or written to; or the
        file exists and is write-protected, or is a pipe or a device.
    """
    path = as_path(path)
    if path.suffix.lower() not in _FORMATS:
        raise ImageError(
            f"{path}: the suffix {path.suffix!r} is not a format that can be written; "
            f"use one of {', '.join(_FORMATS)}."
        )
    if os.path.isdir(path):
        raise ImageError(f"{path}: expected a file to write, but this is a folder.")
    try:
        check_file(path)
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{path}: cannot be written ({error}); choose another name or folder."
        ) from error
    return path
