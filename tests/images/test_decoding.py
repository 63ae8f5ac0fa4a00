"""Files of pictures: which are opened, how they are read, and what is refused."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.EpsImagePlugin
import PIL.Image
import pytest
from numpy.typing import NDArray

from neural_style import images
from neural_style.errors import ImageError
from neural_style.images import decoding
from neural_style.images import size as sizes

PIXELS = np.random.default_rng(0).integers(60, 255, (12, 16, 3), dtype=np.uint8)


def encoded(format: str, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(PIXELS).convert(mode).save(buffer, format, **options)
    return buffer.getvalue()


def png(rows: bytes, *chunks: tuple[bytes, bytes], interlaced: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", 16, 12, 8, 2, 0, 0, interlaced)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


ROWS = b"".join(b"\0" + row.tobytes() for row in PIXELS)


def tiff(data: bytes, order: str = "<", **tags: int | list[int]) -> bytes:
    """A TIFF of 16×12 with ``data`` from byte 8 on and numbers as tags, by their names."""
    numbers = {"width": 256, "height": 257, "bits": 258, "compression": 259, "photometric": 262}
    numbers |= {"offsets": 273, "samples": 277, "rows": 278, "counts": 279}
    own: dict[str, Any] = {"width": 16, "height": 12, "compression": 1, "samples": 1, **tags}
    entries, extra = b"", b""
    table = 8 + len(data) + len(data) % 2
    after = table + 2 + 12 * len(own) + 4
    for name in sorted(own, key=lambda name: numbers[name]):
        values = own[name] if isinstance(own[name], list) else [own[name]]
        content = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            place = struct.pack(f"{order}I", after + len(extra))
            extra += content
            content = place
        entries += struct.pack(f"{order}HHI", numbers[name], 4, len(values)) + content
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}I", table) + data + bytes(len(data) % 2)
    return head + struct.pack(f"{order}H", len(own)) + entries + bytes(4) + extra


# --- which files are opened


def wrapped(payload: bytes) -> bytes:
    """IPTC, whose plugin opens what it carries by any other."""
    fields = [(3, 60, b"\1\0"), (3, 20, b"\0\x10"), (3, 30, b"\0\x0c"), (3, 120, b"\5")]
    return b"".join(
        bytes([0x1C, *key]) + struct.pack(">H", len(data)) + data
        for *key, data in [*fields, (8, 10, payload)]
    )


OTHERS = {
    "EPS": encoded("EPS"),
    "IPTC": wrapped(encoded("EPS")),
    "ICO": encoded("ICO"),
    "TGA": encoded("TGA"),
    "PCX": encoded("PCX"),
    "SPIDER": encoded("SPIDER", "F"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_format_that_is_not_named_is_not_opened(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "renamed.png"
    path.write_bytes(OTHERS[name])
    ran: list[Any] = []
    monkeypatch.setattr(PIL.EpsImagePlugin, "Ghostscript", lambda *a, **_: ran.append(a))
    with pytest.raises(ImageError, match=r"renamed.png: not a picture that can be read .*export"):
        images.load(path)
    with PIL.Image.open(path) as picture:
        for take in (images.load, images.as_image, lambda p: images.picture_of(p, "style")):
            with pytest.raises(ImageError, match=rf"Pillow opened it as {name}, .* expected PNG"):
                take(picture)
    assert not ran


@pytest.mark.parametrize("name", [n for n in decoding.FORMATS if n != "HEIF"])
def test_a_format_that_is_named_is_read(name: str) -> None:
    if name not in PIL.Image.SAVE and name == "AVIF":
        pytest.skip("this Pillow has no AVIF")
    assert images.load(encoded(name)).shape == PIXELS.shape


def test_heic_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    phones = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    with pytest.raises(
        ImageError, match=r"pip install 'neural-style-keras\[heif\]', or export .* JPEG"
    ):
        images.load(phones)


# --- files in other forms than a path


def opened(path: Path) -> Any:
    return path.open("rb")


def read_to_its_end(path: Path) -> Any:
    file = path.open("rb")
    file.read()
    return file


def in_an_archive(path: Path) -> Any:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        archive.write(path, "package/photo.png")
    return zipfile.Path(path.with_suffix(".zip"), "package/photo.png")


def opened_by_pillow(path: Path) -> Any:
    return PIL.Image.open(path)


@pytest.mark.parametrize(
    "form",
    [
        str,
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        opened,
        read_to_its_end,
        in_an_archive,
        opened_by_pillow,
    ],
)
def test_a_file_is_taken_in_any_form(form: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    path.write_bytes(encoded("PNG", exif=exif))
    expected = np.rot90(PIXELS, -1)
    source = form(path)
    for _ in range(2):
        np.testing.assert_array_equal(images.load(source), expected)
        np.testing.assert_array_equal(images.picture_of(source, "content"), expected)
    assert images.load(source, long_side=8).shape == (8, 6, 3)
    if callable(getattr(source, "close", None)):
        source.close()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (io.StringIO("text"), 'content: expected a file open in binary mode.*"rb"'),
        (io.BytesIO(), r"content: not a picture .*\(the file is empty\)"),
        (b"nothing", r"content: not a picture .*begins with b'nothing'"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(source: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        images.picture_of(source, "content")


@pytest.mark.parametrize("source", [encoded("PNG"), io.BytesIO(encoded("PNG"))])
def test_an_array_is_asked_for_where_no_file_is_taken(source: Any) -> None:
    with pytest.raises(ImageError, match=r"reference: expected an array, got a file .* read it"):
        images.as_image(source, "reference")


# --- Pillow's pictures


@pytest.mark.parametrize(
    ("mode", "color", "seen"),
    [
        ("YCbCr", (100, 128, 128), 100),
        ("HSV", (0, 255, 255), (255, 0, 0)),
        ("LAB", (0, 128, 128), 0),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
        ("1", 1, 255),
        ("L", 7, 7),
        ("LA", (10, 128), 132),
        ("RGBA", (10, 20, 30, 128), (132, 137, 142)),
        ("I;16", 128 * 257, 128),
        ("I;16B", 128 * 257, 128),
    ],
)
def test_a_picture_of_pillows_is_converted(mode: str, color: Any, seen: Any) -> None:
    picture = PIL.Image.new(mode, (3, 2), color)
    expected = np.broadcast_to(np.array(seen), (2, 3, 3))
    for found in (images.as_image(picture), images.load(picture)):
        np.testing.assert_allclose(found, expected, atol=1)  # lcms is one off for black


@pytest.mark.parametrize("mode", ["I", "F"])
def test_a_picture_of_pillows_without_a_range_is_refused(mode: str) -> None:
    with pytest.raises(
        ImageError, match="start: the range of a picture of 32-bit numbers is unknown"
    ):
        images.as_image(PIL.Image.new(mode, (3, 2)), "start")


# --- depth


@pytest.mark.parametrize(
    ("order", "bits", "photometric"), [("<", 16, 1), (">", 16, 1), ("<", 16, 0), ("<", 12, 1)]
)
def test_deep_gray_is_read_by_its_tags(order: str, bits: int, photometric: int) -> None:
    most = 2**bits - 1
    values = np.arange(12 * 16).reshape(12, 16) * most // (12 * 16 - 1)
    stored = values if photometric else most - values
    if bits == 16:
        data = stored.astype(f"{order}u2").tobytes()
    else:
        first, second = stored.ravel()[::2], stored.ravel()[1::2]
        packed = [first >> 4, (first & 15) << 4 | second >> 8, second & 255]
        data = np.stack(packed, -1).astype(np.uint8).tobytes()
    file = tiff(
        data, order, bits=bits, photometric=photometric, offsets=8, rows=12, counts=len(data)
    )
    np.testing.assert_allclose(images.load(file)[..., 0], values * 255 / most, atol=0.51)


# --- what is missing


@pytest.mark.parametrize("rows", [0, 1, 6, 11])
def test_a_png_that_ends_early_is_an_error(rows: int) -> None:
    np.testing.assert_array_equal(images.load(png(ROWS)), PIXELS)
    with pytest.raises(ImageError, match="damaged or cut off"):
        images.load(png(ROWS[: rows * 49]))


@pytest.mark.parametrize(
    ("offsets", "counts"),
    [
        ([8], [288]),  # one strip of two
        ([8, 0], [288, 288]),
        ([8, 296], [288, 0]),
        ([8, 296], [288, 100]),
        ([8, 296, 8], [288, 288, 288]),
        ([8, 2000], [288, 288]),
    ],
)
def test_a_tiff_without_a_strip_is_an_error(offsets: list[int], counts: list[int]) -> None:
    tags: dict[str, Any] = {"bits": [8, 8, 8], "photometric": 2, "samples": 3, "rows": 6}
    whole = tiff(PIXELS.tobytes(), offsets=[8, 296], counts=[288, 288], **tags)
    np.testing.assert_array_equal(images.load(whole), PIXELS)
    with pytest.raises(ImageError, match="damaged or cut off"):
        images.load(tiff(PIXELS.tobytes(), offsets=offsets, counts=counts, **tags))


# --- what costs more than it is worth


def with_scans(count: int) -> bytes:
    data = encoded("JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + data[-2:]


def test_a_jpeg_of_many_scans_is_refused() -> None:
    assert images.load(with_scans(20)).shape == PIXELS.shape
    with pytest.raises(ImageError, match="progressive JPEG with more than 100 scans"):
        images.load(with_scans(200))
    with pytest.raises(ImageError, match="progressive JPEG with more than 100 scans"):
        images.as_image(PIL.Image.open(io.BytesIO(with_scans(200))))


def test_scans_of_a_thumbnail_are_not_counted() -> None:
    data = encoded("JPEG")
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + 400) + b"\xff\xda" * 200
    np.testing.assert_array_equal(images.load(data[:2] + thumbnail + data[2:]), images.load(data))


MANY = bytes(3_000_000)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"Raw\0" + b"x" * 65 * 2**20),
        (b"zTXt", b"Raw\0\0" + zlib.compress(MANY)),
        (b"iTXt", b"Raw\0\1\0\0\0" + zlib.compress(MANY)),
        (b"iCCP", b"Raw\0\0" + zlib.compress(MANY)),
    ],
    ids=lambda chunk: chunk[0].decode(),
)
def test_a_png_is_read_whatever_its_metadata_hold(
    chunk: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    np.testing.assert_array_equal(images.load(png(ROWS, chunk)), PIXELS)
    if chunk[0] == b"iCCP":
        assert "its color profile is invalid" in caplog.text


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(
    "options", [{"long_side": 64}, {"short_side": 48}, {"size": (64, 96)}, {}], ids=str
)
def test_a_large_jpeg_is_decoded_smaller(
    orientation: int, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks: NDArray[np.uint8] = np.kron(PIXELS, np.ones((40, 40, 1), np.uint8))
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    PIL.Image.fromarray(blocks).save(buffer, "JPEG", quality=95, subsampling=0, exif=exif)
    expected = images.load(buffer, **options)
    decoded: list[tuple[int, int]] = []
    resize = PIL.Image.Image.resize

    def noted(self: PIL.Image.Image, *given: Any, **more: Any) -> PIL.Image.Image:
        decoded.append(self.size)
        return resize(self, *given, **more)

    monkeypatch.setattr(PIL.Image.Image, "resize", noted)
    monkeypatch.setattr(decoding, "_DRAFT_FROM", 10_000)
    found = images.load(buffer, **options)
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 3
    assert (not options) == (not decoded)
    assert all(max(size) < 640 for size in decoded)


def test_a_picture_that_does_not_fit_into_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "free_memory", lambda: 2000)
    with pytest.raises(ImageError, match=r"12×16 pixels needs 0.0 GB .* shrink it with another"):
        images.load(encoded("PNG"))
    monkeypatch.setattr(decoding, "free_memory", lambda: None)
    assert images.load(encoded("PNG")).shape == PIXELS.shape


@pytest.mark.parametrize(
    ("limit", "pixels"), [(2**30 // 12, 2**28), (100, 100), (2**40, 2**40), (None, None)]
)
def test_pillows_limit_holds_where_it_is_not_its_own(
    limit: int | None, pixels: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", limit)
    assert sizes.most_pixels() == pixels


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_pillows_own_limit_is_none_for_a_tiff(
    compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded("TIFF", compression=compression)
    monkeypatch.setattr("neural_style.images.size._PILLOWS", 100)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    np.testing.assert_array_equal(images.load(data), PIXELS)
