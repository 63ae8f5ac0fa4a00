"""Convert what Pillow decoded: orientation, depth, transparency and color profile.

Pillow has no pictures of 16-bit RGB: of each value it keeps the high byte. `_low_bytes` decodes the
file again with the two bytes of each value swapped, and so keeps the low one.
"""

from __future__ import annotations

import functools
import io
import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
from numpy.typing import NDArray

from neural_style.errors import ImageError, advice
from neural_style.images.size import Size

_Values: TypeAlias = NDArray[np.float32]

# TIFF's tags
_BITS, _PHOTOMETRIC, _SAMPLES, _COUNTS, _PLANES = 258, 262, 277, (279, 325), 284
_WHITE_IS_ZERO, _SEPARATE = 0, 2
_ROW = 64  # pixels of a row that are compared to tell whether it was decoded
_DEEP = re.compile(r"RGBA?;16[BLN]")  # how Pillow's decoders name 16 bits a channel
_SWAPPED = {"B": "L", "L": "B", "N": "B" if np.little_endian else "L"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decoded:
    """A picture: one RGB image of 8 bits, or three of float, 0–255; and its opacity if it has any.

    ``opacity`` is an image of 8 bits or of float, 0–255, or None if every pixel is opaque.
    """

    bands: tuple[PIL.Image.Image, ...]
    opacity: PIL.Image.Image | None

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        return self.bands[0].height, self.bands[0].width

    def resized(self, size: Size) -> Decoded:
        """The picture in another size, with antialiasing."""
        if size == self.size:
            return self

        def resized(band: PIL.Image.Image) -> PIL.Image.Image:
            return band.resize(size[::-1], PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)

        opacity = self.opacity and resized(self.opacity)
        return Decoded(tuple(map(resized, self.bands)), opacity)

    def colors(self) -> _Values:
        """The picture, H×W×3, 0–255."""
        values: Any = [np.asarray(band) for band in self.bands]
        colors = values[0] if len(values) == 1 else np.stack(values, -1).clip(0, 255)
        return colors.astype(np.float32)


def is_deep(file: PIL.Image.Image) -> bool:
    """Whether the file of a picture that is not loaded yet has 16 bits a channel of RGB or RGBA."""
    tiles: Sequence[Any] = getattr(file, "tile", ())
    return bool(tiles) and _DEEP.fullmatch(_raw_mode(tiles[0])) is not None


def upright(file: PIL.Image.Image, name: str, background: str, profile: bytes | None) -> Decoded:
    """Convert to RGB, and apply the file's orientation, depth, transparency and profile.

    Transparent pixels are blended with ``background``. Pillow converts profiles in 8 bits, so
    16 bits are kept only with sRGB's own profile, or none.
    """
    # Mode I is 16-bit gray in a PGM, and in a PNG before Pillow 10.3.
    if file.mode == "F" or (file.mode == "I" and file.format not in ("PNG", "PPM")):
        raise ImageError(
            f"{name}: the range of a picture of 32-bit numbers is unknown; scale it to 0–255 and "
            f"save it with 8 or 16 bits{advice(', or pass it as an array', '')}."
        )
    tags = getattr(file, "tag_v2", {})
    bits = max(tags.get(_BITS, (8,)))
    if tags.get(_PLANES) == _SEPARATE and bits > 8 and tags.get(_SAMPLES, 1) > 1:
        raise ImageError(
            f"{name}: a TIFF with {bits} bits a channel and separate planes cannot be read; save "
            f"it with interleaved channels."
        )
    low = _turned(_low_bytes(file), name) if is_deep(file) else None
    _load(file)
    picture = _turned(file, name)
    profile = profile or picture.info.get("icc_profile")
    key = picture.info.get("transparency", -1)
    if low is not None:
        deep = np.asarray(picture).astype(np.float32) * 256 + np.asarray(low)
        found = _deep_bands(deep / 257, _is_key(deep, key), background)
    elif picture.mode == "I" or picture.mode.startswith("I;16"):
        values = np.asarray(picture).astype(np.float32)
        most = 2 ** tags.get(_BITS, (16,))[0] - 1
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            values = most - values
        gray = values[..., None] * np.float32(255 / most)
        found = _deep_bands(gray, values == key, background)
    else:
        return _converted(*_opaque(picture, background), profile, name)
    if profile is None or _is_srgb(profile):
        return replace(found, bands=(found.bands * 3)[:3])
    rounded = [
        PIL.Image.fromarray(np.rint(np.asarray(band)).astype(np.uint8)) for band in found.bands
    ]
    merged = PIL.Image.merge("RGB", rounded) if len(rounded) == 3 else rounded[0]
    return _converted(merged, found.opacity, profile, name)


def _turned(file: PIL.Image.Image, name: str) -> PIL.Image.Image:
    try:
        return PIL.ImageOps.exif_transpose(file)
    except Exception as error:  # damaged EXIF can raise any exception
        _log.warning("%s: its EXIF data are invalid and were ignored (%s).", name, error)
        return file


def _raw_mode(tile: Sequence[Any]) -> str:
    arguments = tile[3]
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _low_bytes(file: PIL.Image.Image) -> PIL.Image.Image:
    """The low bytes of a file with 16 bits a channel, as a picture of 8 bits."""
    stream = cast(Any, file).fp
    position = stream.tell()
    stream.seek(0)
    low = type(cast(Any, file))(io.BytesIO(stream.read()), "")
    stream.seek(position)
    low.seek(file.tell())
    swapped = []
    for tile in low.tile:
        mode = _raw_mode(tile)
        mode = mode[:-1] + _SWAPPED[mode[-1]]
        arguments = (mode, *tile[3][1:]) if isinstance(tile[3], tuple) else mode
        own = hasattr(tile, "_replace")  # a plain tuple before Pillow 11.1
        swapped.append(tile._replace(args=arguments) if own else (*tile[:3], arguments))
    low.tile = swapped
    _load(low)
    return cast(PIL.Image.Image, low)


def _load(file: PIL.Image.Image) -> None:
    """Like `Image.load`, but raise an OSError instead of leaving rows or tiles black."""
    tiles = list(getattr(file, "tile", ()))  # empty if it is loaded already
    if tiles and file.format == "TIFF":
        _check_tiles(cast(Any, file), tiles)
        _, _, width, height = map(max, zip(*(tile[1] for tile in tiles), strict=True))
        # Pillow uses an existing image; if it creates the image itself, its own limit applies.
        cast(Any, file).im = PIL.Image.new(file.mode, (width, height)).im
    if not tiles or file.format != "PNG":
        file.load()
        return
    # The decoder stops where the compressed data end, so an unchanged row is missing.
    row = PIL.Image.new(file.mode, (file.width, 1))
    row.frombytes(os.urandom(len(row.tobytes())))
    canvas = PIL.Image.new(file.mode, file.size)
    for y in range(file.height):
        canvas.paste(row, (0, y))
    cast(Any, file).im = canvas.im
    file.load()
    width = min(file.width, _ROW)
    sample = row.crop((0, 0, width, 1)).tobytes()
    rows = (file.crop((0, y, width, y + 1)).tobytes() for y in range(file.height))
    if len(sample) >= 8 and sample in rows:
        raise OSError("rows are missing")


def _check_tiles(file: Any, tiles: list[Any]) -> None:
    if not tiles or tiles[0][0] != "raw":  # libtiff checks its own
        return
    covers = Counter(tile[1] for tile in tiles)
    area = sum((right - x) * (bottom - y) for x, y, right, bottom in covers)
    bits, samples = file.tag_v2.get(_BITS, (1,)), file.tag_v2.get(_SAMPLES, 1)
    needed = area * (sum(bits) if len(bits) > 1 else bits[0] * samples) // 8
    counts = next((file.tag_v2[tag] for tag in _COUNTS if tag in file.tag_v2), (needed,))
    if (
        area < file.width * file.height
        or len(set(covers.values())) > 1
        or min(tile[2] for tile in tiles) < 8  # the header's bytes
        or sum(counts) < needed
    ):
        raise OSError("strips or tiles are missing")


def _is_key(values: _Values, key: Any) -> NDArray[np.bool_]:
    """Where a picture has the color that its file calls transparent."""
    colors = values[..., :3]
    return np.all(colors == np.float32(key), -1) if np.shape(key) == (3,) else colors[..., 0] < 0


def _deep_bands(values: _Values, transparent: NDArray[np.bool_], background: str) -> Decoded:
    """Values (h, w, 1, 3 or 4), 0–255, as opaque bands; and their opacity."""
    has_opacity = values.shape[2] == 4
    opacity = values[..., 3] if has_opacity else np.full(values.shape[:2], 255, np.float32)
    opacity = np.where(transparent, np.float32(0), opacity)
    behind = np.float32(255 if background == "white" else 0)
    share = opacity[..., None] / np.float32(255)
    colors = values[..., :3] if has_opacity else values
    opaque = colors * share + behind * (1 - share)
    bands = tuple(PIL.Image.fromarray(np.ascontiguousarray(b)) for b in np.moveaxis(opaque, -1, 0))
    return Decoded(bands, PIL.Image.fromarray(opacity) if (opacity < 255).any() else None)


def _opaque(
    picture: PIL.Image.Image, background: str
) -> tuple[PIL.Image.Image, PIL.Image.Image | None]:
    """A picture of 8 bits blended with a background, and its opacity."""
    opacity = None
    if picture.has_transparency_data:
        gray = picture.mode in ("L", "LA", "La")
        picture = picture.convert("LA" if gray else "RGBA")
        opacity = picture.getchannel("A")
        opaque = PIL.Image.new("L" if gray else "RGB", picture.size, background)
        opaque.paste(picture.convert(opaque.mode), mask=opacity)
        picture = opaque
        opacity = opacity if opacity.getextrema() != (255, 255) else None
    if picture.mode not in ("L", "RGB", "CMYK", "LAB"):
        picture = picture.convert("RGB")
    return picture, opacity


def _converted(
    picture: PIL.Image.Image, opacity: PIL.Image.Image | None, profile: bytes | None, name: str
) -> Decoded:
    """A picture of 8 bits converted to sRGB by its profile."""
    if profile:
        try:
            return Decoded((_to_srgb(picture, profile),), opacity)
        except (PIL.ImageCms.PyCMSError, OSError, ValueError) as error:
            _log.warning("%s: its color profile is invalid and was ignored (%s).", name, error)
    return Decoded((picture.convert("RGB"),), opacity)


def _to_srgb(picture: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    converted = PIL.ImageCms.profileToProfile(
        picture,
        PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        PIL.ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    assert converted is not None  # None is for conversion in place
    return converted


@functools.lru_cache(8)
def _is_srgb(profile: bytes) -> bool:
    """Whether a profile changes no color of a grid by more than rounding."""
    steps = np.arange(0, 256, 15).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(steps.size, -1, 3)
    try:
        same = np.asarray(_to_srgb(PIL.Image.fromarray(grid), profile))
    except (PIL.ImageCms.PyCMSError, OSError, ValueError):
        return False
    return bool(np.abs(same.astype(int) - grid).max() <= 1)
