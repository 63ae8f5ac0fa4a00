"""What the many kinds of picture files hold, as one kind of picture.

Pillow decodes; what is here applies orientation, transparency, depth and colour
profile, and turns whatever a damaged file does to a decoder into one clear error.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps

from neural_style.errors import ImageError, advice

_log = logging.getLogger(__name__)


def decode(stream: io.BufferedReader, path: Path) -> PIL.Image.Image:
    """The first picture of an open file, upright, opaque, 8 bits, in sRGB.

    Raises
    ------
    ImageError
        As `images.load`, which see; ``path`` is what the message calls the file.
    """
    try:
        head = stream.peek(12)[:12]
        with PIL.Image.open(stream) as file:
            limit = PIL.Image.MAX_IMAGE_PIXELS
            # Pillow itself only warns up to twice the limit.
            if limit is not None and file.width * file.height > limit:
                raise PIL.Image.DecompressionBombError
            return _as_rgb(file, path)
    except (ImageError, MemoryError):
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{path}: larger than Pillow's limit against decompression bombs "
            f"({PIL.Image.MAX_IMAGE_PIXELS:,} pixels); shrink it, or raise "
            f"PIL.Image.MAX_IMAGE_PIXELS if you trust it."
        ) from error
    except PIL.UnidentifiedImageError as error:
        raise ImageError(
            f"{path}: not a picture that Pillow can read "
            f"({f'it begins with {head!r}' if head else 'the file is empty'}); "
            f"expected PNG, JPEG, WebP, TIFF or the like."
        ) from error
    except Exception as error:  # a damaged file breaks a decoder in any way it likes
        raise ImageError(
            f"{path}: the picture is damaged or cut off ({error}); fetch or export it again."
        ) from error


def _as_rgb(file: PIL.Image.Image, path: Path) -> PIL.Image.Image:
    # Mode I is 16-bit grey in a PGM, and in a PNG before Pillow 10.3.
    if file.mode == "F" or (file.mode == "I" and file.format not in ("PNG", "PPM")):
        raise ImageError(
            f"{path}: a picture of 32-bit numbers has no known range; scale it to 0–255 and "
            f"save it with 8 or 16 bits{advice(', or pass it as an array', '')}."
        )
    if file.format == "EPS":
        raise ImageError(
            f"{path}: PostScript is a program, which Pillow would run by Ghostscript; export the "
            f"picture as PNG."
        )
    file.load()
    try:
        picture = PIL.ImageOps.exif_transpose(file)
    except Exception as error:  # EXIF is damaged in as many ways as a file
        _log.warning("%s: its EXIF data are unusable and were ignored (%s).", path, error)
        picture = file
    profile = picture.info.get("icc_profile")
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        values = np.asarray(picture)
        values = np.where(values == picture.info.get("transparency", -1), 65535, values)
        picture = PIL.Image.fromarray(np.rint(values / 257).astype(np.uint8))
    if picture.has_transparency_data:
        grey = picture.mode in ("L", "LA", "La")
        picture = picture.convert("LA" if grey else "RGBA")
        opaque = PIL.Image.new("L" if grey else "RGB", picture.size, "white")
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
            _log.warning("%s: its colour profile is unusable and was ignored (%s).", path, error)
        else:
            assert converted is not None  # it is None only in place
            return converted
    return picture.convert("RGB")
