"""Pictures in files: cut off, changed, of absurd sizes, and what is none."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms

from corpus.cases import Case, World, archived
from neural_style import images
from neural_style.errors import ImageError


def is_picture(value: Any) -> bool:
    """Whether a value is what `images.load` promises."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.float32
        and value.ndim == 3
        and value.shape[2] == 3
        and min(value.shape[:2]) >= 2
        and bool(np.isfinite(value).all())
        and 0 <= value.min() <= value.max() <= 255
    )


def smooth(height: int = 24, width: int = 32) -> PIL.Image.Image:
    """A picture that codecs keep."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)]
    return PIL.Image.fromarray(np.rint(128 + 64 * np.stack(waves, -1)).astype(np.uint8))


def encoded(format: str, picture: PIL.Image.Image | None = None, **options: Any) -> bytes:
    """A picture as a file's bytes."""
    buffer = io.BytesIO()
    (picture or smooth()).save(buffer, format, **options)
    return buffer.getvalue()


# By suffix, whole files of every format that is read.
FILES: dict[str, bytes] = {
    "png": encoded("PNG"),
    "jpg": encoded("JPEG"),
    "webp": encoded("WEBP", lossless=True),
    "gif": encoded("GIF", smooth().quantize(16)),
    "bmp": encoded("BMP"),
    "tif": encoded("TIFF"),
    "lzw.tif": encoded("TIFF", compression="tiff_lzw"),
    "progressive.jpg": encoded("JPEG", progressive=True),
    "16.png": encoded("PNG", PIL.Image.fromarray(np.full((9, 9), 4660, np.uint16))),
    "ppm": encoded("PPM"),
}


def read(content: bytes, name: str, world: World) -> Any:
    """Read a file of these bytes."""
    return images.load(world.file(name, content))


def like(content: bytes) -> Callable[[Any], bool]:
    """Whether a picture is the one that the undamaged bytes hold."""

    def same(value: Any) -> bool:
        with PIL.Image.open(io.BytesIO(content)) as file:
            if file.mode.startswith("I;16"):
                whole = (np.asarray(file) / 257)[..., None].repeat(3, -1)
            else:
                whole = np.asarray(file.convert("RGB"))
        return is_picture(value) and np.allclose(value, whole, rtol=0, atol=1e-4)

    return same


def truncated() -> Iterator[Case]:
    """Files cut off: an error, or the whole picture where what is cut off is none of it."""
    for suffix, content in FILES.items():
        n = len(content)
        for cut in sorted({0, 1, 3, 8, 16, 40, n // 4, n // 2, 3 * n // 4, n - 20, n - 3, n - 1}):
            attempt = partial(read, content[:cut], f"cut.{suffix}")
            yield Case(
                "truncated picture", f"{suffix} at {cut}", attempt, ImageError, like(content)
            )


def flipped() -> Iterator[Case]:
    """Files with some bytes changed: an error or a picture, since few formats have checksums."""
    for suffix, content in FILES.items():
        for seed in range(8):
            rng = np.random.default_rng(seed)
            damaged = bytearray(content)
            head = len(content) if seed % 2 else min(64, len(content))  # where the sizes are
            for place in rng.integers(head, size=1 + seed):
                damaged[place] ^= int(rng.integers(1, 256))
            attempt = partial(read, bytes(damaged), f"flipped.{suffix}")
            yield Case("flipped picture", f"{suffix} seed {seed}", attempt, ImageError, is_picture)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 24\n(out) (w) file closefile\n"


def alien() -> Iterator[Case]:
    """What is no picture, and pictures under other names."""
    strangers = {
        "empty.png": b"",
        "zeros.png": bytes(4096),
        "text.png": b"this is no picture\n" * 50,
        "page.jpg": b"<!doctype html><html><body>404 Not Found</body></html>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        "entities.svg": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><svg>&b;</svg>",
        "paper.pdf": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n",
        "program.eps": POSTSCRIPT,
        "program.png": POSTSCRIPT,
        "pickle.png": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
        "script.jpg": b"#!/bin/sh\ntouch pwned\n",
        "elf.png": b"\x7fELF" + bytes(200),
        "archive.png": archived({"a.txt": b"a"}),
        "numbers.tif": encoded("TIFF", PIL.Image.new("F", (9, 9))),
        "whole.tif": encoded("TIFF", PIL.Image.new("I", (9, 9))),
        "film.mpo": b"\xff\xd8\xff\xe2MPF\0" + bytes(100),
        "lfs.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "signature.png": b"\x89PNG\r\n\x1a\n",
        "begin.jpg": b"\xff\xd8\xff",
        "begin.gif": b"GIF89a",
    }
    for name, content in strangers.items():
        yield Case("alien file", name, partial(read, content, name), ImageError)
    for (suffix, content), other in zip(FILES.items(), [*[*FILES][1:], "txt"], strict=True):
        attempt = partial(read, content, f"wrong.{other}")
        sound = is_picture if "jpg" in suffix else like(content)
        yield Case("alien file", f"{suffix} named {other}", attempt, sound=sound)

    def at(path: Any, _: World) -> Any:
        return images.load(path)

    paths: list[Any] = [
        "",
        "\0.png",
        "a" * 5000,
        "/nowhere/at/all.png",
        "/",
        "~",
        b"bytes.png",
        None,
        5,
        [],
    ]
    for path in [*paths, np.zeros((9, 9, 3)), "/dev/null", "/dev/zero", "\ud800.png"]:
        yield Case("alien file", f"path {path!r:.20}", partial(at, path), ImageError)
    yield Case("alien file", "pipe without a writer", _load_pipe, ImageError)
    yield Case("alien file", "link to itself", _load_loop, ImageError)


def _load_pipe(world: World) -> Any:
    os.mkfifo(world.inputs / "pipe.png")
    return images.load(world.inputs / "pipe.png")


def _load_loop(world: World) -> Any:
    (world.inputs / "loop.png").symlink_to("loop.png")
    return images.load(world.inputs / "loop.png")


def chunk(name: bytes, content: bytes, crc: int | None = None) -> bytes:
    """A chunk of a PNG."""
    own = zlib.crc32(name + content) if crc is None else crc
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", own)


def png(*chunks: bytes, size: tuple[int, int] = (24, 32), depth: int = 8, kind: int = 2) -> bytes:
    """A PNG with these chunks after its header."""
    header = struct.pack(">IIBBBBB", size[1], size[0], depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


# The pixels of FILES["png"], filtered by nothing.
_ROWS = b"".join(b"\0" + row.tobytes() for row in np.asarray(smooth()))
PIXELS = chunk(b"IDAT", zlib.compress(_ROWS))


def tiff(tags: dict[int, tuple[int, int, int]], body: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory: {tag: (type, count, value or offset)}."""
    entries = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + body


def _tiff_tags(height: int, width: int, offset: int = 8, length: int = 100) -> Any:
    shorts = {258: 8, 259: 1, 262: 2, 277: 1}
    longs = {256: width, 257: height, 273: offset, 278: height, 279: length}
    return {
        **{tag: (3, 1, value) for tag, value in shorts.items()},
        **{tag: (4, 1, value) for tag, value in longs.items()},
    }


def sizes() -> Iterator[Case]:
    """Headers that promise what is not there: nothing, a line, or more than memory."""
    most = 0xFFFF
    for height, width in [(0, 0), (1, 1), (1, 60_000), (most, most), (30_000, 30_000), (9_000, 2)]:
        headers = {
            "png": png(chunk(b"IDAT", zlib.compress(b"")), size=(height, width)),
            "gif": b"GIF89a" + struct.pack("<HH3sBHHHHB", width, height, b"\0\0\0", 44, 0, 0, width,
                                          height, 0) + b"\x02\x02\x4c\x01\0;",
            "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, 24, 0,
                                      0, 0, 0, 0, 0),
            "tif": tiff(_tiff_tags(height, width)),
            "ppm": f"P6 {width} {height} 255\n".encode(),
            "jpg": _jpeg_of(height, width),
            "webp": _webp_of(height, width),
        }  # fmt: skip
        for suffix, content in headers.items():
            attempt = partial(read, content, f"size.{suffix}")
            yield Case("absurd size", f"{suffix} of {height}×{width}", attempt, ImageError)
    # What is compressed is larger than the header says; what the header says is there.
    longer = png(chunk(b"IDAT", zlib.compress(_ROWS + bytes(50_000_000))))
    sound = like(FILES["png"])
    yield Case("absurd size", "50 MB behind the rows", partial(read, longer, "a.png"), ImageError,
               sound)  # fmt: skip
    negative = struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, -9, -9, 1, 24, 0, 0, 0, 0, 0, 0)
    yield Case("absurd size", "negative", partial(read, b"BM" + negative, "a.bmp"), ImageError)
    for text in (b"P6 -5 5 255\n", b"P6 " + b"9" * 400 + b" 5 255\n", b"P6 5 5 0\n", b"P5\n#" * 99):
        name = text[:12].decode().strip()
        yield Case("absurd size", name, partial(read, text + bytes(75), "a.ppm"), ImageError)


def _jpeg_of(height: int, width: int) -> bytes:
    content = bytearray(FILES["jpg"])
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(content[:-200])


def _webp_of(height: int, width: int) -> bytes:
    canvas = struct.pack("<I", max(width - 1, 0))[:3] + struct.pack("<I", max(height - 1, 0))[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def metadata() -> Iterator[Case]:
    """Pictures whose pixels are sound and whose other chunks are hostile."""
    sound = like(FILES["png"])
    text = zlib.compress(bytes(100_000_000))
    profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    chunks = {
        "text of 100 MB": chunk(b"zTXt", b"a\0\0" + text),
        "international text of 100 MB": chunk(b"iTXt", b"a\0\1\0\0\0" + text),
        "profile of 100 MB": chunk(b"iCCP", b"a\0\0" + text),
        "profile of nothing": chunk(b"iCCP", b""),
        "profile cut off": chunk(b"iCCP", b"a\0\0" + zlib.compress(profile[:150])),
        "profile of noise": chunk(b"iCCP", b"a\0\0" + zlib.compress(os.urandom(3000))),
        "profile of huge tags": chunk(
            b"iCCP", b"a\0\0" + zlib.compress(profile[:128] + b"\xff" * 400)
        ),
        "many texts": chunk(b"tEXt", b"key\0" + b"x" * 60_000) * 200,
        "text of no key": chunk(b"tEXt", b"\xff" * 100),
        "resolution 0": chunk(b"pHYs", bytes(9)),
        "resolution cut off": chunk(b"pHYs", b"\0"),
        "gamma 0": chunk(b"gAMA", bytes(4)),
        "chromaticities": chunk(b"cHRM", b"\xff" * 32),
        "transparency cut off": chunk(b"tRNS", b"\0"),
        "palette of a color picture": chunk(b"PLTE", bytes(3 * 300)),
        "animation without frames": chunk(b"acTL", bytes(8)),
        "animation of too many frames": chunk(b"acTL", b"\xff" * 8),
        "second header": chunk(b"IHDR", bytes(13)),
        "wrong checksum": chunk(b"tEXt", b"a\0b", crc=1),
        "unknown critical chunk": chunk(b"ABCD", b"x"),
        "chunk longer than the file": struct.pack(">I4s", 2**31 - 1, b"tEXt"),
        "name that is none": chunk(b"\0\0\0\0", b"x"),
    }
    for name, content in chunks.items():
        attempt = partial(read, png(content, PIXELS), "chunk.png")
        yield Case("metadata", name, attempt, ImageError, is_picture)
    directory = _exif_directory
    exifs = {
        "orientation 0": directory(3, 1, 0),
        "orientation 9": directory(3, 1, 9),
        "orientation 65535": directory(3, 1, 0xFFFF),
        "orientation as text": directory(2, 4, 0x41414141),
        "orientation as a fraction": directory(5, 1, 0xFFFFFF),
        "orientation many times": directory(3, 0xFFFFFF, 8),
        "orientation of no type": directory(99, 1, 1),
        "directory that is itself": b"MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08" + bytes(4),
        "directory outside": b"MM\0*\xff\xff\xff\xff",
        "of no order": b"XX\0*\0\0\0\x08",
        "cut off": b"MM\0*\0\0\0\x08\xff\xff",
        "empty": b"",
    }
    for name, exif in exifs.items():
        attempt = partial(read, png(chunk(b"eXIf", exif), PIXELS), "exif.png")
        yield Case("metadata", f"EXIF {name}", attempt, sound=sound)
        marker = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
        photo = FILES["jpg"][:2] + marker + FILES["jpg"][2:]
        yield Case("metadata", f"EXIF {name}, JPEG", partial(read, photo, "e.jpg"), ImageError,
                   is_picture)  # fmt: skip
    for tag, entry in {
        "strips": (273, (4, 2**31, 8)),
        "bits": (258, (3, 0xFFFFFFFF, 8)),
        "samples": (277, (3, 1, 0xFFFF)),
        "rows": (278, (4, 1, 0)),
        "compression": (259, (3, 1, 34712)),
        "profile": (34675, (7, 2**31 - 1, 8)),
    }.items():
        tags = {**_tiff_tags(9, 9, 0), entry[0]: entry[1]}
        attempt = partial(read, tiff(tags, bytes(200)), "tags.tif")
        yield Case("metadata", f"TIFF {tag}", attempt, ImageError, is_picture)
    itself = bytearray(tiff(_tiff_tags(9, 9), bytes(200)))
    itself[10 + 12 * 9 : 14 + 12 * 9] = struct.pack("<I", 8)
    yield Case("metadata", "TIFF next directory is itself", partial(read, bytes(itself), "i.tif"),
               ImageError, is_picture)  # fmt: skip


def _exif_directory(kind: int, count: int, value: int) -> bytes:
    packed = struct.pack(">H2x", value) if kind == 3 and count == 1 else struct.pack(">I", value)
    return b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHI", 0x0112, kind, count) + packed + bytes(4)
