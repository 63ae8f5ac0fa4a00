"""Bad input of every kind: generated, named, and each with what must come of it.

A `Case` is an attempt and how it may end: in the ``error`` named, in a result that is
``sound``, or, where both are given, in either. Attempts get a `World`: an empty folder for
what they read, one for what they write, a small feature model and two pictures.
"""

from __future__ import annotations

import io
import json
import os
import re
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import h5py
import keras
import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

import neural_style as ns
from neural_style import images, networks, registry
from neural_style.errors import (
    ImageError,
    LossError,
    OptionError,
    RegistryError,
    StyleError,
    WeightsError,
)
from neural_style.extensions import MRF, Content, Gram, ShiftedGram, TotalVariation
from neural_style.sweeps import Outcome

LAYERS = [f"block{block}_conv1" for block in range(1, 6)]
NAN, INF = float("nan"), float("inf")
HUGE = 10**400  # a whole number that no float holds


class World:
    """Where a case is tried; what it changes in the process is undone at the end."""

    def __init__(self, folder: Path, model: ns.FeatureModel) -> None:
        self.inputs, self.outputs, temporary = (folder / name for name in ("in", "out", "tmp"))
        for each in (self.inputs, self.outputs, temporary):
            each.mkdir()
        self.temporary = temporary
        self.features = model
        self.photo, self.painting = images.noise((24, 32), seed=1), images.noise((20, 28), seed=2)
        self.patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        self.patch.setattr(tempfile, "tempdir", str(self.temporary))
        self.patch.setattr(registry, "_registered", {})
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.undo()

    def file(self, name: str, content: bytes) -> Path:
        """A file to read."""
        path = self.inputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def left(self) -> list[str]:
        """What lies where an attempt may write."""
        found = [*self.outputs.rglob("*"), *self.temporary.rglob("*")]
        return sorted(path.name for path in found if path.is_file())


@dataclass(frozen=True)
class Case:
    """One bad input, what is tried with it, and how that may end."""

    kind: str
    name: str
    attempt: Callable[[World], Any]
    error: type[StyleError] | None = None
    sound: Callable[[Any], bool] | None = None

    def __str__(self) -> str:
        name = re.sub(r" at 0x\w+", "", f"{self.kind}-{self.name}")
        return re.sub(r"[^\w.,=+×-]+", "_", name, flags=re.ASCII)[:90]


# --- pictures in files


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
                whole = np.rint(np.asarray(file) / 257)[..., None].repeat(3, -1)
            else:
                whole = np.asarray(file.convert("RGB"))
        return is_picture(value) and np.array_equal(value, whole)

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


def archived(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


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
        "palette of a colour picture": chunk(b"PLTE", bytes(3 * 300)),
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


# --- arrays and options


class Thorn:
    """An object that breaks whatever touches it."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array of a thorn")

    def __float__(self) -> float:
        raise RuntimeError("no number")

    def __repr__(self) -> str:
        return "Thorn()"


def _bad_arrays() -> dict[str, Any]:
    grey = np.full((9, 9, 3), 100.0)
    spoilt = {name: grey.copy() for name in ("NaN", "inf", "-inf", "1e300", "-1", "256")}
    for name, array in spoilt.items():
        array[0, 0, 0] = float(name)
    return {
        **spoilt,
        "None": None,
        "text": "photo.png",
        "bytes": b"photo",
        "a number": 5,
        "a dict": {"image": grey},
        "a set": {1, 2},
        "a ragged list": [[[1, 2, 3]], [[1, 2, 3], [4, 5, 6]]],
        "a thorn": Thorn(),
        "an object array": grey.astype(object),
        "an array of None": np.full((9, 9, 3), None),
        "booleans": np.ones((9, 9, 3), bool),
        "complex": grey.astype(complex),
        "texts": np.full((9, 9, 3), "a"),
        "dates": np.zeros((9, 9, 3), "datetime64[s]"),
        "records": np.zeros((9, 9, 3), [("r", "f4")]),
        "nothing": np.zeros((0, 0, 3)),
        "no rows": np.zeros((0, 9, 3)),
        "one pixel": np.full((1, 1, 3), 9.0),
        "one row": np.full((1, 9, 3), 9.0),
        "no channels": np.full((9, 9, 0), 9.0),
        "grey": np.full((9, 9), 9.0),
        "RGBA": np.full((9, 9, 4), 9.0),
        "channels first": np.full((3, 9, 9), 9.0),
        "a batch": np.full((1, 9, 9, 3), 9.0),
        "64 axes": np.zeros((1,) * 64),
        "0 to 1": np.full((9, 9, 3), 0.5),
        "a petabyte of strides": np.broadcast_to(np.uint8(9), (10**7, 10**7, 3)),
        "a line of strides": np.broadcast_to(np.uint8(9), (10**14, 2, 3)),
        "a symbolic tensor": keras.Input((9, 3), batch_size=9),
        "a function": len,
        "a class": np.ndarray,
    }


def arrays() -> Iterator[Case]:
    """What is no picture where an array is expected."""
    uses: dict[str, Callable[[World, Any], Any]] = {
        "start": lambda w, a: ns.minimise(TotalVariation("squared"), w.features, a, evaluations=2),
        "reference": lambda w, a: Gram(a, layers=["image"]),
        "saved": lambda w, a: images.save(a, w.outputs / "a.png"),
        "resized": lambda w, a: images.resize(a, long_side=9),
        "recoloured": lambda w, a: ns.color.match(w.photo, a),
        "content": lambda w, a: ns.transfer(a, w.painting, features=w.features, evaluations=2),
        "sheet": lambda w, a: ns.contact_sheet({"a": a}),
    }
    anywhere = {"NaN", "inf", "-inf", "1e300", "-1", "256", "0 to 1"}
    for name, array in _bad_arrays().items():
        strict = partial(_as_image, array)
        yield Case("array", name, strict, ImageError)
        for use, function in uses.items():
            if name in anywhere and use in ("start", "saved", "sheet"):
                continue  # where any range serves, and NaN is tried in the strict case
            if use == "content" and name == "text":
                continue  # a path
            yield Case("array", f"{name} {use}", partial(_used, function, array), StyleError)
    whole = np.arange(2 * 18 * 27 * 3, dtype=np.int64).reshape(2, 18, 27, 3)[0] % 256
    fine = {
        "steps": whole[::3, ::3],
        "backwards": whole[::-1, ::-1],
        "of Fortran": np.asfortranarray(whole),
        "transposed": whole.transpose(1, 0, 2),
        "read-only": np.broadcast_to(whole[:1], whole.shape),
        "big-endian": whole.astype(">f8"),
        "half": whole.astype(np.float16),
        "long": whole.astype(np.longdouble),
        "masked": np.ma.masked_array(whole),
        "a list": whole.tolist(),
    }
    for name, array in fine.items():
        sound = partial(_same, np.asarray(array, np.float32))
        yield Case("array", name, partial(_as_image, array), sound=sound)


def _as_image(array: Any, _: World) -> Any:
    return images.as_image(array)


def _same(expected: Any, value: Any) -> bool:
    return is_picture(value) and np.array_equal(value, expected)


def _used(function: Callable[[World, Any], Any], value: Any, world: World) -> Any:
    return function(world, value)


JUNK: tuple[Any, ...] = (
    "",
    "nonsense",
    b"x",
    -1,
    0,
    NAN,
    INF,
    HUGE,
    -HUGE,
    1j,
    [],
    {},
    object(),
    len,
    Thorn(),
)


def options(
    kind: str,
    call: Callable[..., Any],
    bad: Mapping[str, Iterable[Any]],
    error: type[StyleError] = StyleError,
) -> Iterator[Case]:
    """A case for each bad value of each option of a call."""
    for option, values in bad.items():
        for value in values:
            attempt = partial(_optioned, call, option, value)
            yield Case(kind, f"{option}={value!r:.40}", attempt, error)


def _optioned(call: Callable[..., Any], option: str, value: Any, world: World) -> Any:
    return call(world, **{option: value})


def _but(*fine: Any, also: Iterable[Any] = ()) -> list[Any]:
    """The junk values that an option does not allow, and others."""
    return [value for value in JUNK if not any(value is each for each in fine)] + list(also)


_PATHS = ("", "\0", "a.xyz", "a", "/nowhere/a.png", "/", 5, b"a.png", "x" * 4000 + ".png")


def minimise_options() -> Iterator[Case]:
    """`minimise` with one bad option each."""

    def call(world: World, **given: Any) -> Any:
        settings = {"loss": TotalVariation("squared"), "features": world.features,
                    "start": world.photo, "evaluations": 2, **given}  # fmt: skip
        return ns.minimise(**settings)

    bad: dict[str, Any] = {
        "loss": [None, "gram", 5, [], Gram, object()],
        "features": [None, "vgg19", 5, [], keras.Input((9, 3)), ns.FeatureModel],
        "start": [None, "photo.png", 5, Thorn()],
        "scales": _but([], JUNK[0], JUNK[2], JUNK[10], JUNK[11], also=[[64], [16, 8], [1], [NAN]]),
        "evaluations": _but(HUGE, also=[None, 2.0, True, [2, 2], [0], ["2"], [HUGE, 1]]),
        "optimiser": _but(also=["adam", ns.LBFGS, ns.LBFGS(0), ns.LBFGS(2.5)]),  # type: ignore[arg-type]
        "restart_every": _but(HUGE, also=[1, 2.0, True]),
        "clip": _but(also=[None, "step", ["round"]]),
        "parameterisation": _but(also=[None, "pixel", ["pixels"], ns.parameterisation.Pixels]),
        "callbacks": [5, "abc", [None], [5], [print, "x"], Thorn(), NAN],
        "seed": ["a", b"x", -1, -HUGE, 1.5, NAN, INF, 1j, {}, [1], object(), None, Thorn()],
        "tile": _but(HUGE, also=[2.0, True, "64"]),
        "output": _PATHS,
    }
    yield from options("minimise", call, bad)


def transfer_options() -> Iterator[Case]:
    """`transfer` with one bad option each."""

    def call(world: World, **given: Any) -> Any:
        settings = {"content": world.photo, "style": world.painting, "features": world.features,
                    "size": 16, "evaluations": 2, **given}  # fmt: skip
        return ns.transfer(**settings)

    bad: dict[str, Any] = {
        "content": [None, 5, "", "nowhere.png", "\0", [], Thorn()],
        "style": [None, 5, "", [], [None], ["nowhere.png"], {}, Thorn()],
        "style_weights": ["", "a", 5, [], [0], [-1], [NAN], [INF], [HUGE], ["1"], [1, 2], Thorn()],
        "preset": _but(also=["gatis", ["gatys"]]),
        "loss": [5, "gram", [], Gram, lambda photo, painting: 5],
        "size": _but(also=[1, 2.5, True, "512", 10**6]),
        "style_size": _but(also=[1, 2.5, True, "512", 10**6]),
        "color": _but(also=["Match", ["match"]]),
        "start": _but(also=["Noise", np.zeros((9, 9)), np.full((9, 9, 3), NAN)]),
        "scales": [5, "a", [1], [99], [8, 8], [NAN], {4: 1}],
        "features": ["vgg19", 5, ns.FeatureModel, len],
        "seed": ["a", -1, 1.5, NAN, [1]],
        "output": _PATHS,
    }
    yield from options("transfer", call, bad)


def preset_options() -> Iterator[Case]:
    """Every preset with bad pictures and options."""
    for name in ns.presets.names():

        def call(world: World, name: str = name, **given: Any) -> Any:
            settings = {"content": world.photo, "style": world.painting,
                        "features": world.features, "size": 16, "evaluations": 2,
                        **given}  # fmt: skip
            return ns.presets.find(name)(**settings).run()

        bad: dict[str, Any] = {
            "content": [None, "nowhere.png"],
            "style": [np.zeros((9, 9))],
            "size": [0, "16", 2.5],
            "evaluations": [0, NAN],
            "features": ["vgg19"],
            "color": [5],
            "seed": [-1, "a"],
            "start": [5, "photo"],
            "optimiser": ["adam"],
        }
        for case in options("preset", call, bad):
            yield Case("preset", f"{name} {case.name}", case.attempt, StyleError)
    for name in _but(also=["Gatys", ("gatys",), ["gatys"]]):
        attempt = partial(_used, lambda _, name: ns.presets.find(name), name)
        yield Case("preset", f"named {name!r:.30}", attempt, OptionError)


LAYERS_BAD = [5, NAN, "block1_conv1", b"x", [], [5], [None], ["a", "a"], {"a": "1"}, {"a": NAN},
              {"a": INF}, {"a": HUGE}, {5: 1.0}, {}, [["a"]], object(), Thorn()]  # fmt: skip
_COUNTS = [value for value in _but(also=[None, 2.0, True]) if value is not HUGE]
_LOSSES: dict[str, dict[str, Iterable[Any]]] = {
    "content": {},
    "gram": {},
    "shifted_gram": {
        "shifts": [
            5,
            None,
            "4",
            [2.5],
            [None],
            ["4"],
            [NAN],
            {},
            {"a": 4},
            [],
            object(),
            Thorn(),
        ],
        "axes": [5, None, "z", "yx", ["x"], "", object()],
        "flips": [5, None, "z", ["x"], object()],
    },
    "histogram": {"refresh_every": _COUNTS},
    "total_variation": {"power": _but(also=[None, True, "l2", -2.0, [1]])},
    "mrf": {"patch": _COUNTS, "refresh_every": _COUNTS},
    "sliced_wasserstein": {"refresh_every": _COUNTS},
    "self_similarity": {"samples": _COUNTS},
    "relaxed_emd": {"cost": _but(also=["Cosine", None, ["cosine"]]), "samples": [0, NAN]},
    "activation_shifted_gram": {"shift": _but(-1, 0, also=[None, True, "1"])},
    "gram_chain": {"shift": [None, True, "1", NAN, HUGE]},
    "laplacian": {"pool": _COUNTS},
    "mmd": {"kernel": _but(also=[None, ["linear"]]), "sigma": [0, -1, NAN, "1", HUGE, [1]]},
    "moments": {"epsilon": _but(also=[None, True, "1", 1e-13])},
    "wasserstein2": {"epsilon": [None, True, "1", 1e-13, HUGE, NAN]},
}


def loss_options() -> Iterator[Case]:
    """Every built-in loss with one bad option, and bad arithmetic of losses."""
    for name, bad in _LOSSES.items():

        def call(world: World, name: str = name, **given: Any) -> Any:
            references = [] if name == "total_variation" else [world.painting]
            return registry.factory(name)(*references, **given)

        every = {**bad, "layers": LAYERS_BAD, "name": [5, b"x", [], ["a"], object(), Thorn()]}
        for case in options("loss", call, every):
            yield Case("loss", f"{name} {case.name}", case.attempt, StyleError)
    sums: dict[str, Callable[[World], Any]] = {
        "weight NaN": lambda w: NAN * Gram(w.photo),
        "weight inf": lambda w: INF * Gram(w.photo),
        "weight 1e39": lambda w: 1e39 * Gram(w.photo),
        "weight huge": lambda w: HUGE * Gram(w.photo),
        "by 0": lambda w: Gram(w.photo) / 0,
        "by NumPy's 0": lambda w: Gram(w.photo) / np.float64(0),
        "by 1 over huge": lambda w: Gram(w.photo) / HUGE / 1e-320,
        "no terms": lambda w: ns.WeightedSum([]),
        "blended by nothing": lambda w: Gram(w.photo).blended([]),
        "blended by None": lambda w: Gram(w.photo).blended([None]),  # type: ignore[list-item]
        "blended by text": lambda w: Gram(w.photo).blended(["a"]),  # type: ignore[list-item]
        "blended by a number": lambda w: Gram(w.photo).blended(1),  # type: ignore[arg-type]
        "blended by NaN": lambda w: Gram(w.photo).blended([NAN]),
        "blended by huge": lambda w: Gram(w.photo).blended([HUGE]),
        "distance 5": lambda w: Gram(w.photo).with_distance(5),
        "distance unknown": lambda w: Gram(w.photo).with_distance("hubris"),
        "distance of a module": lambda w: Gram(w.photo).with_distance("os.system"),
        "distance None": lambda w: Gram(w.photo).with_distance(None),
        "distance of a class": lambda w: Gram(w.photo).with_distance(
            {"class_name": "Loss", "config": {"fn": "eval"}}
        ),
        "guided by nothing": lambda w: ns.guided(Gram(w.photo), []),
        "guided by None": lambda w: ns.guided(Gram(w.photo), None),  # type: ignore[arg-type]
        "guided by a number": lambda w: ns.guided(Gram(w.photo), [5]),  # type: ignore[list-item]
        "guided by text": lambda w: ns.guided(Gram(w.photo), [("a", "b")]),
        "guided by NaN": lambda w: ns.guided(Gram(w.photo), [(np.full((9, 9), NAN),) * 2]),
        "guided by a thorn": lambda w: ns.guided(Gram(w.photo), [(Thorn(), Thorn())]),
        "guided no loss": lambda w: ns.guided("gram", [(w.photo, w.photo)]),  # type: ignore[arg-type]
        "balanced no loss": lambda w: ns.balance("gram", w.features, w.photo),  # type: ignore[arg-type]
        "balanced by 0": lambda w: ns.balance(0 * Gram(w.photo), w.features, w.photo),
        "custom of 5": lambda w: ns.Custom(w.photo, statistic=5, layers=["a"]),  # type: ignore[arg-type]
        "two references": lambda w: _run(w, Gram(w.photo, w.painting, layers=LAYERS[:1])),
        "no reference": lambda w: _run(w, Gram(layers=LAYERS[:1])),
        "another size": lambda w: _run(w, Content(w.painting, layers=LAYERS[:1])),
        "unknown layer": lambda w: _run(w, Gram(w.painting, layers=["block9_conv9"])),
        "shift beyond": lambda w: _run(w, ShiftedGram(w.photo, shifts=[99], layers=LAYERS[:1])),
        "patch beyond": lambda w: _run(w, MRF(w.photo, patch=99, layers=LAYERS[:1])),
    }
    for name, attempt in sums.items():
        yield Case("loss", name, attempt, StyleError)


def _run(world: World, loss: Any) -> Any:
    return ns.minimise(loss, world.features, world.photo, evaluations=2)


def network_options() -> Iterator[Case]:
    """`FeatureModel` with one bad option each, and bad questions to one."""

    def call(world: World, **given: Any) -> Any:
        _small_networks(world)
        return ns.FeatureModel(**{"network": "vgg19", "weights": None, **given})

    bad: dict[str, Any] = {
        "network": _but(also=[None, "vgg", "VGG19", ["vgg19"]]),
        "pooling": _but("", also=["mean", ["max"], True]),
        "preprocess": [5, "Caffe", b"x", ["caffe"], {"a": 1}, NAN],
    }
    yield from options("network", call, bad)
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    for name, model in {"of vectors": dense, "not built": unbuilt}.items():
        yield Case("network", name, partial(_wrapped, model), StyleError)
    for name, image in _bad_arrays().items():
        if name in {"a petabyte of strides", "a line of strides"} or name[-1].isdigit():
            continue
        asked = partial(_used, lambda w, x: w.features(x, LAYERS[:1]), image)
        if name not in {"NaN", "inf", "-inf", "0 to 1", "one pixel", "one row", "a batch"}:
            yield Case("network", f"image {name}", asked, StyleError)
    for asked_layers in [5, None, "block1_conv1", ["nothing"], [5], [["a"]], [b"x"], Thorn()]:
        for question in ("check", "receptive_fields"):
            ask = partial(_ask, question, asked_layers)
            yield Case("network", f"{question}({asked_layers!r})", ask, StyleError)


def _wrapped(model: keras.Model, _: World) -> Any:
    return ns.FeatureModel(model, preprocess="raw")


def _ask(question: str, layers: Any, world: World) -> Any:
    return getattr(world.features, question)(layers)


def _small_networks(world: World) -> None:
    """VGG's names for a network that costs nothing to build."""

    def build(**_: Any) -> keras.Model:
        inputs = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 3, name="block1_conv1")(inputs)
        x = keras.layers.MaxPooling2D(name="block1_pool")(x)
        return keras.Model(inputs, keras.layers.Conv2D(2, 3, name="block2_conv1")(x), name="vgg")

    for name in ("vgg19", "vgg16"):
        world.patch.setitem(networks._NETWORKS, name, build)


def sweep_options() -> Iterator[Case]:
    """`sweep`, `contact_sheet` and `noise` with one bad option each."""

    def call(world: World, **given: Any) -> Any:
        return ns.sweep(**{"run": _made, "grid": {"seed": [1]}, **given})

    def kept(world: World, **given: Any) -> Any:
        folder = world.inputs / "folder"  # which may be made, whatever comes then
        return ns.sweep(**{"run": _made, "grid": {"seed": [1]}, "folder": folder, **given})

    grids = [*_but(), None, {"a": 5}, {"a": "bc"}, {"a": {1}}, {"a": []}, {5: [1]}, {"a": {1: 2}},
             {"a": Thorn()}]  # fmt: skip
    yield from options(
        "sweep", call, {"grid": grids, "executor": _but(also=["threads", 4]), "callbacks": [5, [5]],
                        "run": [None, 5, "run"]}
    )  # fmt: skip
    loop: list[Any] = []
    loop.append(loop)
    values = [NAN, INF, 1j, b"x", {1}, object(), len, loop, Thorn(), {(1, 2): 3}, np.zeros(3)]
    yield from options(
        "sweep", kept, {"grid": [{"a": [v]} for v in values] + [{"a": [1, 1]}],
                        "folder": [5, b"x", "\0", "/dev/null/x", "x" * 5000]}
    )  # fmt: skip
    outcome = Outcome({"a": 1}, error=ValueError("x"))

    def sheet(world: World, **given: Any) -> Any:
        return ns.contact_sheet(**{"pictures": [outcome], **given})

    yield from options(
        "sweep", sheet,
        {"pictures": [None, 5, [], {}, "abc", [5], {"a": None}], "rows": ["b", 5, []],
         "columns": ["b", 0, NAN, []], "cell": _COUNTS, "title": [5, None, b"x"],
         "font": ["nowhere.ttf", "\0", 5, "/dev/null", "/"]},
    )  # fmt: skip

    def noise(world: World, **given: Any) -> Any:
        return images.noise(**{"size": (9, 9), **given})

    yield from options(
        "sweep", noise,
        {"size": _but(also=[5, (9,), (9, 9, 3), (0, 9), (9.0, 9), (10**9, 10**9), (HUGE, 9)]),
         "seed": [-1, 1.5, "a", None],
         "uniform": _but(also=[(1, 0), (0, NAN), (0, 1e300), (-1e308, 1e308), ([1], [2, 3])]),
         "normal": [5, (0, -1), (0, NAN), (0, 1e300), (HUGE, 1), "ab", Thorn()]},
    )  # fmt: skip

    def resized(world: World, **given: Any) -> Any:
        return images.resize(world.photo, **given)

    bad: dict[str, Any] = {"long_side": _but(also=[1, 2.5, True, (9, 9), 10**9]),
           "short_side": _but(also=[1, True, 10**9]),
           "size": _but(also=[9, (9,), (1, 9), (10**6, 10**6), (9, HUGE)])}  # fmt: skip
    yield from options("sweep", resized, bad)


def other_options() -> Iterator[Case]:
    """`evaluate`, callbacks, tables, `color` and example pictures with one bad option each."""

    def scored(world: World, **given: Any) -> Any:
        settings = {"features": world.features, "style_layers": LAYERS[:1],
                    "content_layer": LAYERS[0], **given}  # fmt: skip
        return ns.evaluate(world.photo, world.photo, world.painting, **settings)

    yield from options(
        "other option", scored,
        {"features": ["vgg19", 5, len], "style_layers": [5, None, "a", [], ["a"], [5]],
         "content_layer": [5, None, "a", ["a"]], "directions": _COUNTS, "positions": _COUNTS,
         "seed": [-1, "a", 1.5, None]},
    )  # fmt: skip
    paths = [5, None, b"x", "\0", "/nowhere/at/all/x", "/dev/null/x", "x" * 5000]
    for name in ("csv", "snapshots"):
        for path in paths:
            if name == "snapshots" and path == "/nowhere/at/all/x":
                continue  # which is made
            attempt = partial(_called, getattr(ns.callbacks, name), path)
            yield Case("other option", f"{name} {path!r:.30}", attempt, StyleError)
    for every in _COUNTS:
        attempt = partial(_used, lambda w, n: ns.callbacks.snapshots(w.inputs, every=n), every)
        yield Case("other option", f"snapshots every {every!r}", attempt, OptionError)
    for name in [*JUNK, None, "montreal.png", "../montreal", ["montreal"]]:
        attempt = partial(_called, ns.datasets.path, name)
        yield Case("other option", f"picture {name!r:.30}", attempt, StyleError)
    for method in [5, None, "Cholesky", ["cholesky"], Thorn()]:
        attempt = partial(_used, lambda w, m: ns.color.match(w.photo, w.photo, m), method)
        yield Case("other option", f"method {method!r}", attempt, OptionError)
    for table in [5, None, (), (NAN,), ("a",), (0.0,), (2.0, 1.0), (HUGE,), (1j,), Thorn()]:
        attempt = partial(_called, ns.parameterisation.Frequencies, table)
        yield Case("other option", f"frequencies {table!r:.30}", attempt, OptionError)


def _called(function: Callable[[Any], Any], value: Any, _: World) -> Any:
    return function(value)


def _made(**settings: Any) -> ns.Result:
    return ns.Result(images.noise((8, 8)), 1.0, {"a": 1.0}, {"a": 1.0}, (), 1, 1, 0.1, 0, "done")


def loss_names() -> Iterator[Case]:
    """`create` and configs with names, layers and weights that are none."""
    for name in [*_but(), None, "grma", "Gram", "gram ", "GRAM", "os.system", "os:system",
                 "neural_style.extensions:Gram", "../gram", "gram\0", "gram\n", "__import__('os')",
                 "a" * 10**5, ["gram"], ("gram",), {"gram": 1}, Gram]:  # fmt: skip
        attempt = partial(_used, lambda w, name: registry.create(name, w.photo), name)
        yield Case("loss name", f"create {name!r:.30}", attempt, RegistryError)
    for name in ["", None, 5, b"x", ["a"], Thorn(), "gram"]:
        attempt = partial(_used, lambda w, name: registry.register(name)(_Own), name)
        yield Case("loss name", f"register {name!r:.30}", attempt, RegistryError)
    given: dict[str, dict[str, Any]] = {
        "unknown option": {"weight": 5},
        "option of another loss": {"shifts": [4]},
        "self": {"self": 5},
        "options by another case": {"Layers": ["a"]},
    }
    for name, own in given.items():
        attempt = partial(_used, lambda w, own: registry.create("gram", w.photo, **own), own)
        yield Case("loss name", name, attempt, LossError)
    for name, config in configs().items():
        attempt = partial(_used, _from_config, config)
        yield Case("loss name", f"config {name}", attempt, StyleError)


class _Own(ns.Loss):
    layers = ("image",)


def configs() -> dict[str, Any]:
    """Configs of sums that are none."""
    term = {"loss": "total_variation", "weight": 1.0, "config": {"power": "l1"}, "references": [],
            "masks": None}  # fmt: skip
    changes: dict[str, dict[str, Any]] = {
        "loss unknown": {"loss": "grma"},
        "loss a list": {"loss": []},
        "loss of a module": {"loss": "os.system"},
        "weight text": {"weight": "a"},
        "weight NaN": {"weight": NAN},
        "weight huge": {"weight": HUGE},
        "weight None": {"weight": None},
        "config None": {"config": None},
        "config a list": {"config": [1]},
        "config of other options": {"config": {"x": 1}},
        "config of no text": {"config": {5: 1}},
        "config of bad layers": {"config": {"layers": 5}},
        "references unknown": {"references": ["abc"]},
        "references a number": {"references": 5},
        "references of lists": {"references": [[]]},
        "masks unknown": {"masks": ["a", ["b"]]},
        "masks a number": {"masks": 5},
        "masks too many": {"masks": [1, 2, 3]},
        "blended": {"config": {"blended": 5}},
        "distance": {"config": {"with_distance": {"class_name": "eval", "config": {}}}},
        "distance of no config": {"config": {"with_distance": {"class_name": "Huber"}}},
        "distance a list": {"config": {"with_distance": [1]}},
    }
    return {
        **{name: {"terms": [{**term, **change}]} for name, change in changes.items()},
        "empty": {},
        "None": None,
        "text": "terms",
        "a list": [],
        "terms None": {"terms": None},
        "terms empty": {"terms": []},
        "terms of None": {"terms": [None]},
        "terms of text": {"terms": ["gram"]},
        "term without weight": {"terms": [{"loss": "gram"}]},
    }


def _from_config(world: World, config: Any) -> Any:
    return ns.WeightedSum.from_config(config, {})


# --- plugins


PLUGIN = "from neural_style import Loss\nclass Dots(Loss):\n    layers = ('image',)\n"
BROKEN = {
    "raises": "raise OSError('no disk')",
    "raises without a text": "raise ValueError",
    "raises BaseException": "raise BaseException('away')",
    "raises a BaseException of its own": "class Away(BaseException): pass\nraise Away",
    "raises GeneratorExit": "raise GeneratorExit",
    "is cancelled": "import asyncio\nraise asyncio.CancelledError",
    "exits": "raise SystemExit('bye')",
    "exits with 0": "import sys\nsys.exit(0)",
    "exits without": "exit()",
    "asserts": "assert False",
    "recurses": "def f(): f()\nf()",
    "imports what is not there": "import missing_module",
    "imports itself": "from dots_plugin import Nothing",
    "syntax": "import",
    "indentation": " x = 1\n   y = 2",
    "null bytes": "x = '\0'",
    "not UTF-8": "# \udcff\nx = 1",
    "another name": "class Spots: pass",
    "a number": "Dots = 5",
    "None": "Dots = None",
    "text": "Dots = 'Dots'",
    "a module": "import os as Dots",
    "an instance": PLUGIN + "Dots = Dots()",
    "a class of something else": "class Dots: pass",
    "a function that returns None": "def Dots(*_): pass",
    "a function that raises": "def Dots(*_): raise ZeroDivisionError('no dots')",
    "a function that exits": "def Dots(*_): raise SystemExit",
    "a class that takes nothing": PLUGIN + "    def __init__(self): raise OSError('no')",
    "a class without layers": "from neural_style import Loss\nclass Dots(Loss): pass",
    "a class of bad layers": PLUGIN + "    layers = 5",
    "an attribute that raises": "def __getattr__(name): raise BaseException(name)",
    "breaks what describes it": (
        "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E"
    ),
    "warns as an error": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('x')",
    "takes the name of another": (
        "from neural_style import Loss, register\n@register('gram')\nclass Dots(Loss): pass"
    ),
}
METADATA_BROKEN = {
    "no equals sign": "[neural_style.losses]\ndots\n",
    "no group": "dots = dots_plugin:Dots\n",
    "not UTF-8": "[neural_style.losses]\ndots = \udcff\n",
    "no value": "[neural_style.losses]\ndots =\n",
    "value of many colons": "[neural_style.losses]\ndots = a:b:c\n",
    "value of a call": "[neural_style.losses]\ndots = os:system('true')\n",
    "value of a path": "[neural_style.losses]\ndots = ../../etc/passwd\n",
    "value of nowhere": "[neural_style.losses]\ndots = nowhere_at_all:Dots\n",
    "group unclosed": "[neural_style.losses\ndots = dots_plugin:Dots\n",
}


def plugins() -> Iterator[Case]:
    """Packages that do not load, none of which may hurt another loss."""
    for name, source in BROKEN.items():
        attempt = partial(_plugin, source, "[neural_style.losses]\ndots = dots_plugin:Dots\n")
        yield Case("plugin", name, attempt, StyleError)
    for name, entry in METADATA_BROKEN.items():
        yield Case("plugin", f"metadata {name}", partial(_plugin, PLUGIN, entry), RegistryError)
    slow = partial(_neighbour, "import time\ntime.sleep(3600)")
    yield Case("plugin", "slow, and not asked for", slow, sound=lambda loss: loss.name == "gram")


def _install(world: World, source: str, entries: str, *, name: bool = True) -> None:
    site = world.inputs / "site"
    info = site / "dots_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dots_plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entries, errors="surrogateescape")
    (site / "dots_plugin.py").write_text(source, errors="surrogateescape")
    world.patch.syspath_prepend(site)
    world.patch.delitem(sys.modules, "dots_plugin", raising=False)


def _plugin(source: str, entries: str, world: World) -> Any:
    _install(world, source, entries)
    try:
        return registry.create("dots", world.photo)
    finally:
        assert registry.create("gram", world.photo).name == "gram"
        assert "gram" in registry.names()


def _neighbour(source: str, world: World) -> Any:
    _install(world, source, "[neural_style.losses]\ndots = dots_plugin:Dots\n")
    assert "dots" in registry.names()
    return registry.create("gram", world.photo)


# --- weights


def _hdf5(write: Callable[[h5py.File], None]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def _weights(file: h5py.File, **changes: Any) -> None:
    """A file of the small network's weights, with a change."""
    shapes = {"block1_conv1": (3, 3, 3, 4), "block2_conv1": (3, 3, 4, 2), **changes}
    shapes = {layer: shape for layer, shape in shapes.items() if shape is not None}
    file.attrs["layer_names"] = [layer.encode() for layer in shapes]
    file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.0"
    for layer, shape in shapes.items():
        group = file.create_group(layer)
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        if isinstance(shape, tuple):
            # Without content: only chunks that are written take room.
            group.create_dataset("kernel", shape, "f4", chunks=True)
            group["bias"] = np.zeros(shape[-1], np.float32)
        else:
            shape(group)


def _texts(group: h5py.Group) -> None:
    group["kernel"], group["bias"] = [b"a"] * 4, [b"b"]


def _external(group: h5py.Group) -> None:
    group.create_dataset("kernel", (3, 3, 3, 4), "f4", external=[("/etc/passwd", 0, 432)])
    group["bias"] = np.zeros(4, np.float32)


def _links(group: h5py.Group) -> None:
    group["kernel"] = h5py.ExternalLink("/etc/passwd", "/kernel")
    group["bias"] = h5py.SoftLink("/nowhere")


def _loop(group: h5py.Group) -> None:
    group["kernel"], group["bias"] = group, group


def weights_files() -> Iterator[Case]:
    """Weights files that are none, or of another network."""
    whole = _hdf5(_weights)
    shapes: dict[str, dict[str, Any]] = {
        "wrong shape": {"block1_conv1": (3, 3, 3, 5)},
        "wrong rank": {"block1_conv1": (3, 4)},
        "missing layer": {"block2_conv1": None},
        "no layer": {"block1_conv1": None, "block2_conv1": None},
        "one layer more": {"block3_conv1": (3, 3, 4, 4)},
        "texts": {"block1_conv1": _texts},
        "bytes of another file": {"block1_conv1": _external},
        "links to elsewhere": {"block1_conv1": _links},
        "groups in a circle": {"block1_conv1": _loop},
        "a terabyte of nothing": {"block1_conv1": (3, 3, 10**6, 10**5)},
        "a layer without values": {"block1_conv1": lambda group: None},
    }
    files = {name: _hdf5(partial(_weights, **change)) for name, change in shapes.items()}
    files |= {f"cut at {cut}": whole[:cut] for cut in (1, 8, 100, 512, 800, len(whole) // 2)}
    files |= {
        "empty": b"",
        "text": b"not HDF5",
        "a page": b"<html>404</html>" * 99,
        "a pickle": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x05posix\x94.",
        "HDF5 of nothing": _hdf5(lambda file: None),
        "names that are numbers": _hdf5(lambda file: file.attrs.update(layer_names=5)),
        "names of no groups": _hdf5(lambda file: file.attrs.update(layer_names=[b"a"])),
        "names of nothing": _hdf5(
            lambda file: file.attrs.update(layer_names=[b"\xff\xfe"], backend=3)
        ),
    }
    for name, content in files.items():
        attempt = partial(_network, content, "weights.h5")
        yield Case("weights", name, attempt, WeightsError)
    circular = bytearray(whole)
    circular[120 : len(whole) // 2] = whole[: len(whole) // 2 - 120]
    yield Case("weights", "itself inside", partial(_network, bytes(circular), "a.h5"), WeightsError)
    for suffix in ("keras", "weights.h5", "weights.json", "npz", "hdf5", "txt", "pkl", ""):
        attempt = partial(_network, b"not what it is called", f"a.{suffix}")
        yield Case("weights", f"text named .{suffix}", attempt, WeightsError)
    zips = archived({"../../out.txt": b"x", "config.json": b"{}", "model.weights.h5": b"x"})
    yield Case("weights", "an archive", partial(_network, zips, "a.keras"), WeightsError)
    for path in ["", "\0", "/nowhere.h5", "/", "a" * 5000, 5, b"a.h5", [], object(), "/dev/null",
                 "/dev/zero"]:  # fmt: skip
        attempt = partial(_network_at, path)
        yield Case("weights", f"path {path!r:.20}", attempt, StyleError)
    yield Case("weights", "a pipe without a writer", _weights_pipe, WeightsError)
    attempt = partial(_network, whole, "whole.h5")
    yield Case("weights", "whole", attempt, sound=lambda m: isinstance(m, ns.FeatureModel))


def _network(content: bytes, name: str, world: World) -> Any:
    return _network_at(world.file(name, content), world)


def _network_at(path: Any, world: World) -> Any:
    _small_networks(world)
    return ns.FeatureModel("vgg19", weights=path)


def _weights_pipe(world: World) -> Any:
    os.mkfifo(world.inputs / "pipe.h5")
    return _network_at(world.inputs / "pipe.h5", world)


# --- records


def records() -> Iterator[Case]:
    """Files of a sweep that are damaged: the run is made again, and nothing else happens."""
    content = record()
    damaged: dict[str, bytes] = {
        f"cut at {cut}": content[:cut] for cut in (0, 1, 20, 100, len(content) // 2)
    }
    for seed in range(6):
        flipped = bytearray(content)
        for place in np.random.default_rng(seed).integers(len(content), size=4):
            flipped[place] ^= 0x55
        damaged[f"flipped {seed}"] = bytes(flipped)
    damaged |= {
        "text": b"no archive",
        "a pickle": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x05posix\x94.",
        "an archive of nothing": archived({}),
        "an archive of text": archived({"image.npy": b"x", "record.npy": b"{}"}),
        "an archive of paths": archived({"../image.npy": b"x"}),
        "a picture of objects": record(image=np.array([None], object)),
        "a picture of NaN": record(image=np.full((8, 8, 3), NAN)),
        "a picture of texts": record(image=np.full((8, 8, 3), "a")),
        "a terabyte of zeros": _bomb(),
        "no JSON": record(text=b"{"),
        "JSON of a list": record(text=b"[]"),
        "JSON of depth": record(text=b"[" * 10**5),
        "JSON of digits": record(text=b"9" * 10**4),
        "JSON not UTF-8": record(text=b'{"settings": "\xff"}'),
        "settings of another": record(settings={"seed": 2}),
        "no settings": record(settings=None),
        "result None": record(result=None),
        "result a list": record(result=[]),
    }
    changes: dict[str, dict[str, Any]] = {
        "loss text": {"loss": "low"},
        "loss None": {"loss": None},
        "loss a list": {"loss": [1.0]},
        "terms None": {"terms": None},
        "terms of text": {"terms": {"a": "b"}},
        "weighted a number": {"weighted": 5},
        "history None": {"history": None},
        "history of numbers": {"history": [5]},
        "history of text": {"history": [{"loss": "a"}]},
        "evaluations a fraction": {"evaluations": 1.5},
        "evaluations negative": {"evaluations": -1},
        "seconds text": {"seconds": "1"},
        "reason a number": {"reason": 5},
        "reason markup": {"reason": ["<script>"]},
        "unknown field": {"__class__": "os.system"},
        "scale text": {"scale": "0"},
        "missing field": {"loss": ...},
    }
    damaged |= {name: record(change=change) for name, change in changes.items()}
    for name, damage in damaged.items():
        yield Case("record", name, partial(_sweep_over, damage), sound=_is_made)


def _plain() -> dict[str, Any]:
    values = dict(vars(_made()))
    entry = {"evaluation": 1, "round": 0, "loss": 1.0, "terms": {"a": 1.0}, "weighted": {"a": 1.0},
             "seconds": 0.1, "scale": 0}  # fmt: skip
    return {**values, "history": [entry], "reason": "kept"}


def record(
    *,
    image: Any = None,
    text: bytes | None = None,
    settings: Any = {"seed": 1},  # noqa: B006 it is not changed
    result: Any = ...,
    change: dict[str, Any] | None = None,
) -> bytes:
    """What a sweep keeps of `_made`, with a change."""
    plain = _plain()
    picture = plain.pop("image")
    plain |= change or {}
    plain = {name: value for name, value in plain.items() if value is not ...}
    whole = {"settings": settings, "result": plain if result is ... else result}
    text = json.dumps(whole).encode() if text is None else text
    buffer = io.BytesIO()
    arrays = {"image": picture if image is None else image, "record": np.frombuffer(text, np.uint8)}
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _bomb() -> bytes:
    """An archive whose picture says that it is as large as a disk."""
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (300_000, 300_000, 3)}
    np.lib.format.write_array_header_1_0(header, shape)
    return archived({"image.npy": header.getvalue() + bytes(10**6), "record.npy": b""})


def _sweep_over(content: bytes, world: World) -> Any:
    """A sweep into a folder whose only file is this one."""
    ns.sweep(_made, {"seed": [1]}, folder=world.inputs)
    (path,) = world.inputs.glob("*.npz")
    path.write_bytes(content)
    (outcome,) = ns.sweep(_made, {"seed": [1]}, folder=world.inputs)
    (again,) = ns.sweep(_failing, {"seed": [1]}, folder=world.inputs)
    return outcome, again


def _failing(**_: Any) -> Any:
    raise ValueError("it was not kept")


def _is_made(value: Any) -> bool:
    """Whether both outcomes are of the run, or whole as they were kept, and print."""
    return all(
        outcome.result is not None
        and is_picture(outcome.result.image)
        and outcome.result.reason in ("done", "kept")
        and "loss 1 after 1 evaluations in 0 s" in str(outcome)
        for outcome in value
    )


def cases() -> list[Case]:
    """Every case."""
    kinds = (truncated, flipped, alien, sizes, metadata, arrays, minimise_options,
             transfer_options, preset_options, loss_options, network_options, sweep_options,
             other_options,
             loss_names, plugins, weights_files, records)  # fmt: skip
    return [case for kind in kinds for case in kind()]
