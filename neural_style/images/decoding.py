"""Decode picture files; in one file, because each step guards the same decoder, Pillow's.

Pillow decodes. This module applies orientation, transparency, depth and color profile,
and raises one clear error if a damaged file breaks a decoder.

Only `FORMATS` are opened, the formats of cameras, phones, scanners, browsers and drawing
programs. Pillow has plugins for dozens more, but some pass embedded data to any other plugin
(IPTC, SPIDER), one runs a program (EPS, Ghostscript), and some accept nearly any bytes
(TGA, PCD).
"""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.ImageCms
import PIL.ImageFile
import PIL.ImageOps

from neural_style.errors import ImageError, StyleError, advice
from neural_style.images.size import Size, check_size
from neural_style.utils.memory import free_memory

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF", "JPEG2000", "HEIF")
_READ = "PNG, JPEG, WebP, TIFF, GIF, BMP, PPM, AVIF, JPEG 2000, or HEIC with pillow-heif"

# Each scan of a progressive JPEG covers the whole picture; encoders write about ten.
_MOST_SCANS = 100
_MOST_PROFILE = 2**24  # bytes of a PNG's color profile, decompressed
_BYTES_PER_PIXEL = 12  # while a picture is decoded, rotated and converted
_BYTES_PER_COEFFICIENT = 6  # for three channels; a progressive JPEG needs these in addition
# Above it, a JPEG is decoded at an eighth, a quarter or half of its size, if that is enough.
_DRAFT_FROM = 2**26

_BITS, _PHOTOMETRIC, _SAMPLES, _COUNTS = 258, 262, 277, (279, 325)  # TIFF's tags
_WHITE_IS_ZERO = 0
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # restart markers belong to a scan
_PNG = b"\x89PNG\r\n\x1a\n"
_ROW = 64  # pixels of a row that are compared to tell whether it was decoded

_log = logging.getLogger(__name__)

Wanted = Callable[[Size], Size]


def decode(
    stream: BinaryIO, name: str, wanted: Wanted = lambda given: given, background: str = "white"
) -> tuple[PIL.Image.Image, Size]:
    """Return the first picture of an open file, upright, opaque, 8 bits, sRGB, and its full size.

    ``wanted`` maps the stored (height, width) to the size that is needed. A large JPEG may be
    decoded at a smaller size, but at least twice the needed one. Transparent pixels are blended
    with ``background``.

    Raises
    ------
    ImageError
        As `images.load`; the message calls the file ``name``.
    """
    head = stream.read(12)
    stream.seek(0)
    try:
        if head.startswith(b"\xff\xd8"):
            _check_scans(stream, name)
        try:
            return _decoded(stream, name, wanted, background, None)
        except ValueError as error:
            if isinstance(error, StyleError) or not head.startswith(_PNG):
                raise
            stream.seek(0)
            data, profile = _without_text(stream.read())
            return _decoded(io.BytesIO(data), name, wanted, background, profile)
    except (StyleError, MemoryError):
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name}: {error}; shrink it.") from error
    except PIL.UnidentifiedImageError as error:
        begins = f"it begins with {head!r}" if head else "the file is empty"
        raise ImageError(
            f"{name}: not a picture that can be read ({str(error) or begins}); expected {_READ}; "
            f"export it in one of these formats."
        ) from error
    except Exception as error:  # a damaged file can raise any exception in a decoder
        raise ImageError(
            f"{name}: the picture is damaged or cut off ({error}); download or export it again."
        ) from error


def converted(
    picture: PIL.Image.Image, name: str, background: str = "white"
) -> tuple[PIL.Image.Image, Size]:
    """Convert a Pillow picture to the form that `decode` returns.

    Raises
    ------
    ImageError
        As `decode`; or Pillow opened the picture from a file in a format not in `FORMATS`.
    """
    if isinstance(picture, PIL.ImageFile.ImageFile) and picture.format not in (*FORMATS, "MPO"):
        raise ImageError(
            f"{name}: Pillow opened it as {picture.format}, which is not supported; expected "
            f"{_READ}; export it in one of these formats, or pass its .copy() if you trust it."
        )
    check_size((picture.height, picture.width), name)
    try:
        if getattr(picture, "tile", ()) and picture.format in ("JPEG", "MPO"):  # not loaded yet
            _check_scans(cast(Any, picture).fp, name)
        upright = _upright(picture, name, background, None)
        return upright, (upright.height, upright.width)
    except (StyleError, MemoryError):
        raise
    except Exception as error:
        raise ImageError(f"{name}: Pillow cannot load or convert it ({error}).") from error


def _decoded(
    stream: BinaryIO, name: str, wanted: Wanted, background: str, profile: bytes | None
) -> tuple[PIL.Image.Image, Size]:
    with _opened(stream, name) as file:
        stored = file.height, file.width
        check_size(stored, name)
        full_size: Size | None = None
        if file.format in ("JPEG", "MPO") and file.width * file.height > _DRAFT_FROM:
            turned = _is_turned(file)
            full_size = _swapped(stored) if turned else stored
            height, width = _swapped(wanted(full_size)) if turned else wanted(full_size)
            file.draft("RGB", (2 * width, 2 * height))
        needed = _BYTES_PER_PIXEL * file.width * file.height
        if file.info.get("progressive"):
            needed += _BYTES_PER_COEFFICIENT * stored[0] * stored[1]
        free = free_memory()
        if free is not None and needed > free:
            raise ImageError(
                f"{name}: decoding {stored[0]}×{stored[1]} pixels needs {needed / 1e9:.1f} GB of "
                f"memory, but {free / 1e9:.1f} are free; shrink it with another program."
            )
        picture = _upright(file, name, background, profile)
        return picture, full_size or (picture.height, picture.width)


def _opened(stream: BinaryIO, name: str) -> PIL.ImageFile.ImageFile:
    """Like `PIL.Image.open` with ``formats=FORMATS``, without its limit; see `check_size`."""
    PIL.Image.init()
    stream.seek(0)
    prefix = stream.read(16)
    problem = ""
    for form in FORMATS:
        if form == "HEIF" and prefix[4:8] == b"ftyp" and prefix[8:12] in _HEIC:
            _register_heif(name)
        factory, accept = PIL.Image.OPEN.get(form, (None, None))
        accepted = factory is not None and (accept is None or accept(prefix))
        if factory is None or not accepted or isinstance(accepted, str):
            continue
        stream.seek(0)
        try:
            return factory(cast(Any, stream), "")
        except (SyntaxError, IndexError, TypeError, struct.error) as error:
            problem = f"{form}: {error}"
    raise PIL.UnidentifiedImageError(problem)


def _register_heif(name: str) -> None:
    try:
        import pillow_heif  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImageError(
            f"{name}: reading HEIC needs pillow-heif: "
            f"pip install 'neural-style-keras[heif]', or export it as JPEG."
        ) from error
    pillow_heif.register_heif_opener()


def _is_turned(file: PIL.Image.Image) -> bool:
    """Whether EXIF says that height and width are swapped."""
    try:
        return file.getexif().get(PIL.ExifTags.Base.Orientation) in (5, 6, 7, 8)
    except Exception:  # `_upright` logs it
        return False


def _swapped(size: Size) -> Size:
    return size[1], size[0]


def _check_scans(stream: BinaryIO, name: str) -> None:
    stream.seek(0)
    data = stream.read()
    position = scans = 0
    while scans <= _MOST_SCANS and (marker := _MARKER.search(data, position)):
        position, code = marker.end(), marker[1]
        if code == b"\xd9":  # the end
            break
        scans += code == b"\xda"
        if code not in b"\xd8\x01":  # these two have no length
            position += int.from_bytes(data[position : position + 2], "big")
    if scans > _MOST_SCANS:
        raise ImageError(
            f"{name}: a progressive JPEG with more than {_MOST_SCANS} scans, which takes minutes "
            f"to decode; export it again."
        )


def _without_text(png: bytes) -> tuple[bytes, bytes | None]:
    """A PNG without its text chunks, and its color profile; Pillow limits both to 1 MB."""
    chunks, profile, position = [png[:8]], None, 8
    while position < len(png):
        end = position + 12 + int.from_bytes(png[position : position + 4], "big")
        kind, content = png[position + 4 : position + 8], png[position + 8 : end - 4]
        if kind == b"iCCP":
            packed = content.partition(b"\0")[2][1:]
            profile = zlib.decompressobj().decompress(packed, _MOST_PROFILE)
        elif kind not in (b"tEXt", b"zTXt", b"iTXt"):
            chunks.append(png[position:end])
        position = end
    return b"".join(chunks), profile


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


def _upright(
    file: PIL.Image.Image, name: str, background: str, profile: bytes | None
) -> PIL.Image.Image:
    """Convert to RGB, and apply the file's orientation, depth, transparency and profile."""
    # Mode I is 16-bit gray in a PGM, and in a PNG before Pillow 10.3.
    if file.mode == "F" or (file.mode == "I" and file.format not in ("PNG", "PPM")):
        raise ImageError(
            f"{name}: the range of a picture of 32-bit numbers is unknown; scale it to 0–255 and "
            f"save it with 8 or 16 bits{advice(', or pass it as an array', '')}."
        )
    _load(file)
    tags = getattr(file, "tag_v2", {})
    try:
        picture = PIL.ImageOps.exif_transpose(file)
    except Exception as error:  # damaged EXIF can raise any exception
        _log.warning("%s: its EXIF data are invalid and were ignored (%s).", name, error)
        picture = file
    profile = profile or picture.info.get("icc_profile")
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        values = np.asarray(picture)
        most = 2 ** tags.get(_BITS, (16,))[0] - 1
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            values = most - values
        behind = most if background == "white" else 0
        values = np.where(values == picture.info.get("transparency", -1), behind, values)
        picture = PIL.Image.fromarray(np.rint(values * (255 / most)).astype(np.uint8))
    if picture.has_transparency_data:
        gray = picture.mode in ("L", "LA", "La")
        picture = picture.convert("LA" if gray else "RGBA")
        opaque = PIL.Image.new("L" if gray else "RGB", picture.size, background)
        opaque.paste(picture.convert(opaque.mode), mask=picture.getchannel("A"))
        picture = opaque
    if picture.mode not in ("L", "RGB", "CMYK", "LAB"):
        picture = picture.convert("RGB")
    if profile:
        try:
            converted = PIL.ImageCms.profileToProfile(
                picture,
                PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                PIL.ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (PIL.ImageCms.PyCMSError, OSError, ValueError) as error:
            _log.warning("%s: its color profile is invalid and was ignored (%s).", name, error)
        else:
            assert converted is not None  # None is for conversion in place
            return converted
    return picture.convert("RGB")
