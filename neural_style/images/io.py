"""Read, write, resize and check pictures."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from neural_style.errors import ImageError, OptionError, check_seed, number
from neural_style.images.decoding import converted, decode
from neural_style.images.size import Size as Size
from neural_style.images.size import asked_size, check_size, checked_size
from neural_style.images.size import scaled as scaled
from neural_style.utils.files import atomic, check_file, open_file, to_path

Image: TypeAlias = NDArray[np.float32]
# What `load` reads: a path, the bytes of a file, an open file, or a Pillow picture.
Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | PIL.Image.Image
Picture: TypeAlias = Source | Image

_UNIT = 2.0  # the largest value of a picture of 0–1, even if it was brightened
_MOST = float(np.finfo(np.float32).max) / 10  # above it, noise may be infinite
_FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "quality": 95},
    ".tif": {"format": "TIFF"},
    ".tiff": {"format": "TIFF"},
}


def load(
    path: Source,
    *,
    long_side: int | None = None,
    short_side: int | None = None,
    size: Size | None = None,
) -> Image:
    """Read a picture as float32, H×W×3, RGB, 0–255.

    EXIF orientation and ICC profile are applied, transparent pixels are blended with white, and
    16-bit gray is scaled to 0–255. Only the first frame of an animation is read.

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


def read(
    source: Source,
    name: str,
    *,
    background: str = "white",
    long_side: int | None = None,
    short_side: int | None = None,
    size: Size | None = None,
) -> Image:
    """Like `load`, with any background; messages use ``name`` if the source has no path."""

    def wanted(full_size: Size) -> Size:
        return asked_size(full_size, long_side=long_side, short_side=short_side, size=size)

    if isinstance(source, PIL.Image.Image):
        picture, full_size = converted(source, name, background)
    else:
        with _opened(source, name) as (stream, called):
            picture, full_size = decode(stream, called, wanted, background)
    target = wanted(full_size)
    if target != (picture.height, picture.width):
        picture = picture.resize(target[::-1], PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(picture).astype(np.float32)


def picture_of(picture: Any, name: str, **size: Any) -> Image:
    """Load or check a picture that is a file or an array. Messages call it ``name``.

    ``size`` is at most one of the sizes of `load`. Raises as `load`, `as_image` and `resize`.

    >>> picture_of(np.full((4, 6, 3), 7, np.uint8), "content", long_side=3).shape
    (2, 3, 3)
    """
    if is_source(picture):
        return read(picture, name, **size)
    return resize(as_image(picture, name), any_range=True, **size)


def save(image: NDArray[Any], path: str | os.PathLike[str]) -> Path:
    """Write a picture, completely or not at all. The suffix chooses the format.

    Values are clipped to 0–255 and rounded. JPEG and WebP are written at quality 95. The folder
    is created if it is missing. An existing file keeps its mode, and a link remains a link.

    Raises
    ------
    ImageError
        As `check_output`; or the array is not a valid image (`as_image`); or writing fails.
    """
    path = check_output(path)
    pixels = np.clip(np.rint(as_image(image, any_range=True)), 0, 255).astype(np.uint8)
    try:
        with atomic(path) as part:
            PIL.Image.fromarray(pixels).save(part, **_FORMATS[path.suffix.lower()])
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: the picture could not be written ({error}).") from error
    return path


def rescue(image: Image, path: str | os.PathLike[str]) -> str:
    """Save a picture that could not be written to ``path`` elsewhere, and return where it is."""
    beside = Path(path).parent
    name = f"picture-{uuid.uuid4().hex[:8]}.png"
    for folder in (beside, Path(tempfile.gettempdir()), Path.cwd()):
        with contextlib.suppress(ImageError):
            return f"The picture is in {save(image, folder.absolute() / name)}."
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
    path = _as_path(path)
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


def noise(
    size: Size,
    *,
    uniform: tuple[float, float] = (117.5, 137.5),
    normal: tuple[float, float] | None = None,
    seed: int = 0,
) -> Image:
    """A picture of independent random values to start from, by default nearly gray.

    White noise over all of 0–255 has more fine detail than any painting, and much of
    it remains after hundreds of evaluations.

    Parameters
    ----------
    size
        (height, width) in pixels.
    uniform
        The range of a uniform distribution, in pixel values.
    normal
        The mean and the standard deviation of a normal distribution, instead of ``uniform``.
    seed
        A whole number of 0 or more. The same seed gives the same picture.

    Raises
    ------
    OptionError
        The size is invalid, or a number is not finite or out of its range.
    """
    shape = (*checked_size(size), 3)
    rng = np.random.default_rng(check_seed(seed))
    if normal is None:
        low, high = _pair("uniform", uniform)
        if low >= high:
            raise OptionError(f"uniform: expected (low, high) with low < high, got {uniform}.")
        return rng.uniform(low, high, size=shape).astype(np.float32)
    mean, deviation = _pair("normal", normal)
    if deviation < 0:
        raise OptionError(f"normal: expected a deviation of 0 or more, got {normal}.")
    return rng.normal(mean, deviation, size=shape).astype(np.float32)


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


def check_range(values: NDArray[Any], name: str, *, any_range: bool = False) -> None:
    """Raise an `ImageError` if finite values do not have the range that `as_image` expects."""
    low, high = np.float32(values.min()), np.float32(values.max())
    if not any_range and (low < 0 or high > 255):
        raise ImageError(
            f"{name}: expected values from 0 to 255, got {low:.8g} to {high:.8g}; "
            f"scale or clip them."
        )
    if _is_unit(values):
        remedy = "multiply by 255" if low >= 0 else "scale them to that range"
        raise ImageError(
            f"{name}: expected values from 0 to 255, got {low:.8g} to {high:.8g}; {remedy}."
        )


def whole_if_dark(image: Image) -> Image:
    """A picture that the library made, rounded if `as_image` would take it for one of 0–1."""
    return np.rint(image) if _is_unit(image) and image.min() >= 0 else image


def _is_unit(values: NDArray[Any]) -> bool:
    """Whether `as_image` takes values for a picture of 0–1 or ±1, not for a dark picture."""
    if values.dtype.kind != "f" or not values.size:
        return False
    most = max(values.max(), -values.min())
    if not 0 < most <= _UNIT:
        return False
    fractions = bool((np.rint(values) != values).any())
    return fractions or (most <= 1 and values.dtype != np.float32)


def as_array(array: Any, name: str) -> NDArray[Any]:
    """Return ``array`` as a NumPy array, or raise an `ImageError` that calls it ``name``."""
    try:
        return np.asarray(array)
    except Exception as error:  # another library's array can raise any exception
        raise ImageError(
            f"{name}: expected an array H×W×3, got {type(array).__name__} ({error})."
        ) from error


def digest(picture: NDArray[np.float32] | None) -> str:
    """A hash of the shape and the float32 values of a picture or mask; empty for None."""
    if picture is None:
        return ""
    values = np.ascontiguousarray(picture, np.float32)
    sha256 = hashlib.sha256(repr(values.shape).encode())
    sha256.update(values.data)  # no copy
    return sha256.hexdigest()


def _as_path(path: Any) -> Path:
    try:
        return to_path(path)
    except TypeError as error:
        raise ImageError(
            f"expected the path of a picture, as str or pathlib.Path, got {type(path).__name__}."
        ) from error
    except ValueError as error:
        raise ImageError(f"expected the path of a picture: {error}.") from error


def is_source(picture: Any) -> bool:
    """Whether `load` reads it, or it is a package resource, which may have no path."""
    return isinstance(picture, str | os.PathLike | bytes | bytearray | PIL.Image.Image) or any(
        callable(getattr(picture, name, None)) for name in ("read", "read_bytes")
    )


def repeatable(picture: Any) -> Any:
    """The bytes of an open file, because a pipe can be read only once; otherwise unchanged."""
    return _all_of(picture, "the picture") if callable(getattr(picture, "read", None)) else picture


@contextlib.contextmanager
def _opened(source: Any, name: str) -> Iterator[tuple[BinaryIO, str]]:
    """A stream from the beginning of a picture's file, and its name for messages."""
    if isinstance(source, str | os.PathLike):
        path = _as_path(source)
        if os.path.isdir(path):
            raise ImageError(
                f"{path}: expected a picture, but this is a folder; name a file in it."
            )
        try:
            stream = open_file(path)
        except FileNotFoundError as error:
            raise ImageError(f"{path}: there is no such file; check the path.") from error
        except (OSError, ValueError) as error:
            raise ImageError(
                f"{path}: cannot be opened ({error}); check the path and its permissions."
            ) from error
        with stream:
            yield stream, str(path)
        return
    called = getattr(source, "name", None)
    name = called if isinstance(called, str) else name
    yield (
        io.BytesIO(source if isinstance(source, bytes | bytearray) else _all_of(source, name)),
        name,
    )


def _all_of(file: Any, name: str) -> bytes:
    if isinstance(file, io.TextIOBase):
        raise ImageError(f'{name}: expected a file open in binary mode, got text; open it as "rb".')
    try:
        if not callable(getattr(file, "read", None)):
            return bytes(file.read_bytes())
        with contextlib.suppress(OSError, AttributeError):  # a pipe cannot seek
            file.seek(0)
        return bytes(file.read())
    except (OSError, ValueError, TypeError) as error:
        raise ImageError(f"{name}: cannot be read ({error}).") from error


def _pair(option: str, value: Any) -> tuple[float, float]:
    """The two numbers that describe a distribution."""
    numbers = [number(item) for item in value] if isinstance(value, Iterable) else []
    if len(numbers) != 2 or not all(abs(item) <= _MOST for item in numbers):
        raise OptionError(f"{option}: expected two finite numbers, got {value!r}.")
    return numbers[0], numbers[1]
