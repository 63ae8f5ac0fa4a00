"""Open picture files of many formats, and decode them into one kind of picture.

Pillow decodes, `neural_style.images.conversion` converts, and this module raises one clear error
if a damaged file breaks a decoder.

Only `FORMATS` are opened, the formats of cameras, phones, scanners, browsers and drawing
programs. Pillow has plugins for dozens more, but some pass embedded data to any other plugin
(IPTC, SPIDER), one runs a program (EPS, Ghostscript), and some accept nearly any bytes
(TGA, PCD).
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import PIL.ExifTags
import PIL.Image
import PIL.ImageFile

from neural_style.errors import ImageError, StyleError
from neural_style.images.conversion import Decoded, is_deep, upright
from neural_style.images.size import Size, check_size
from neural_style.utils.memory import free_memory

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF", "JPEG2000", "HEIF")
_READ = "PNG, JPEG, WebP, TIFF, GIF, BMP, PPM, AVIF, JPEG 2000, or HEIC with pillow-heif"

# Each scan of a progressive JPEG covers the whole picture; encoders write about ten.
_MOST_SCANS = 100
_MOST_PROFILE = 2**24  # bytes of a PNG's color profile, decompressed
_BYTES_PER_PIXEL = 12  # while a picture is decoded, rotated and converted
_BYTES_PER_DEEP_PIXEL = 60  # of 16 bits a channel, in float32
_BYTES_PER_COEFFICIENT = 6  # for three channels; a progressive JPEG needs these in addition
# Above it, a JPEG is decoded at an eighth, a quarter or half of its size, if that is enough.
_DRAFT_FROM = 2**26

_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # restart markers belong to a scan
_PNG = b"\x89PNG\r\n\x1a\n"

Wanted = Callable[[Size], Size]


def decode(
    stream: BinaryIO, name: str, wanted: Wanted = lambda given: given, background: str = "white"
) -> tuple[Decoded, Size]:
    """Return the first picture of an open file, upright, opaque, sRGB, and its full size.

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
) -> tuple[Decoded, Size]:
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
        found = upright(picture, name, background, None)
        return found, found.size
    except (StyleError, MemoryError):
        raise
    except Exception as error:
        raise ImageError(f"{name}: Pillow cannot load or convert it ({error}).") from error


def _decoded(
    stream: BinaryIO, name: str, wanted: Wanted, background: str, profile: bytes | None
) -> tuple[Decoded, Size]:
    with _opened(stream, name) as file:
        stored = file.height, file.width
        check_size(stored, name)
        full_size: Size | None = None
        if file.format in ("JPEG", "MPO") and file.width * file.height > _DRAFT_FROM:
            turned = _is_turned(file)
            full_size = _swapped(stored) if turned else stored
            height, width = _swapped(wanted(full_size)) if turned else wanted(full_size)
            file.draft("RGB", (2 * width, 2 * height))
        needed = (_BYTES_PER_DEEP_PIXEL if is_deep(file) else _BYTES_PER_PIXEL) * file.width
        needed *= file.height
        if file.info.get("progressive"):
            needed += _BYTES_PER_COEFFICIENT * stored[0] * stored[1]
        free = free_memory()
        if free is not None and needed > free:
            raise ImageError(
                f"{name}: decoding {stored[0]}×{stored[1]} pixels needs {needed / 1e9:.1f} GB of "
                f"memory, but {free / 1e9:.1f} are free; shrink it with another program."
            )
        found = upright(file, name, background, profile)
        return found, full_size or found.size


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
