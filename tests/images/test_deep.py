"""Pictures of 16 bits a channel, and of pixels that are transparent."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
import tifffile
from numpy.typing import NDArray

from neural_style import images
from neural_style.errors import ImageError, OptionError

VALUES = np.random.default_rng(0).integers(0, 2**16, (11, 7, 4), np.uint16)
PHOTO = np.random.default_rng(1).uniform(0, 255, (11, 7, 3)).astype(np.float32)
OPACITY = np.linspace(0, 255, 77, dtype=np.float32).reshape(11, 7)


def png(values: NDArray[np.uint16], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits, which Pillow cannot write."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    found = b"\x89PNG\r\n\x1a\n"
    every = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    for kind, content in every:
        checksum = zlib.crc32(kind + content)
        found += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
    return found


def tiff(values: NDArray[np.uint16], **options: Any) -> bytes:
    file = io.BytesIO()
    extra = ["unassalpha"] if values.shape[-1] == 4 else None
    tifffile.imwrite(file, values, photometric="rgb", extrasamples=extra, **options)
    return file.getvalue()


def over_white(values: NDArray[np.uint16]) -> NDArray[np.float64]:
    share = values[..., 3:] / 65535
    return share * values[..., :3] / 257 + 255 * (1 - share)


def profile(name: str = "sRGB") -> bytes:
    made: bytes = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    if name == "sRGB":
        return made
    red, green = (made.index(tag) for tag in (b"rXYZ", b"gXYZ"))  # swapped primaries
    table = bytearray(made)
    table[red : red + 4], table[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(table)


FILES = {
    "PNG": png(VALUES[..., :3]),
    "PNG, sRGB": png(VALUES[..., :3], (b"iCCP", b"a\0\0" + zlib.compress(profile()))),
    "TIFF, little-endian": tiff(VALUES[..., :3], byteorder="<"),
    "TIFF, big-endian": tiff(VALUES[..., :3], byteorder=">"),
    "TIFF, compressed": tiff(VALUES[..., :3], compression="zlib"),
    "TIFF, in tiles": tiff(VALUES[..., :3], tile=(16, 16)),
}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_16_bits_are_read_as_such(file: bytes) -> None:
    np.testing.assert_allclose(images.load(file), VALUES[..., :3] / 257, rtol=1e-6)
    with PIL.Image.open(io.BytesIO(file)) as picture:
        np.testing.assert_allclose(images.as_image(picture), VALUES[..., :3] / 257, rtol=1e-6)
    resized = images.load(file, size=(5, 4))
    expected = images.resize(VALUES[..., :3] / 257, size=(5, 4))
    np.testing.assert_allclose(resized, expected, atol=1e-3)


@pytest.mark.parametrize("file", [png(VALUES), tiff(VALUES), tiff(VALUES, compression="zlib")])
def test_16_bits_of_opacity(file: bytes) -> None:
    np.testing.assert_allclose(images.load(file), over_white(VALUES), atol=1e-4)
    opacity = images.opacity(file, "picture", (11, 7))
    assert opacity is not None
    np.testing.assert_allclose(opacity, VALUES[..., 3] / 257, rtol=1e-6)


def test_a_transparent_color_of_16_bits() -> None:
    key = tuple(map(int, VALUES[2, 3, :3]))
    file = png(VALUES[..., :3], (b"tRNS", struct.pack(">HHH", *key)))
    expected = VALUES[..., :3] / 257
    expected[2, 3] = 255
    np.testing.assert_allclose(images.load(file), expected, rtol=1e-6)


def test_another_profile_is_applied_in_8_bits() -> None:
    rounded = np.rint(VALUES[..., :3] / 257).astype(np.uint8)
    eight = io.BytesIO()
    PIL.Image.fromarray(rounded).save(eight, "PNG", icc_profile=profile("swapped"))
    deep = png(VALUES[..., :3], (b"iCCP", b"a\0\0" + zlib.compress(profile("swapped"))))
    found = images.load(deep)
    np.testing.assert_array_equal(found, images.load(eight.getvalue()))
    assert np.abs(found - VALUES[..., :3] / 257).max() > 50


def test_orientation_of_16_bits() -> None:
    file = tiff(VALUES[..., :3], extratags=[(274, 3, 1, 6, True)])  # upright after a quarter turn
    expected = np.rot90(VALUES[..., :3] / 257, -1)
    np.testing.assert_allclose(images.load(file), expected, rtol=1e-6)


def test_separate_planes_and_cut_off_files_are_errors() -> None:
    planes = np.ascontiguousarray(np.moveaxis(VALUES[..., :3], -1, 0))
    for options in ({}, {"compression": "zlib"}):
        with pytest.raises(ImageError, match="16 bits a channel and separate planes"):
            images.load(tiff(planes, planarconfig="separate", **options))
    for file in (png(VALUES), tiff(VALUES)):
        with pytest.raises(ImageError):
            images.load(file[: len(file) // 2])


@pytest.mark.parametrize(("depth", "error"), [(None, 0.5 / 257), (16, 0.5 / 257), (8, 0.5)])
def test_a_tiff_has_16_bits_and_srgb(tmp_path: Path, depth: int | None, error: float) -> None:
    path = images.save(PHOTO, tmp_path / "out.tif", depth=depth)
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        tags = {tag.name: tag.value for tag in page.tags}
        values = page.asarray()
    assert tags["BitsPerSample"] == (depth or 16,) * 3
    assert tags["PhotometricInterpretation"] == 2  # RGB
    assert values.dtype == (np.uint8 if depth == 8 else np.uint16)
    factor = 1 if depth == 8 else 257
    np.testing.assert_array_equal(values, np.rint(np.float64(PHOTO) * factor))
    with PIL.Image.open(path) as picture:  # another reader, which has the high bytes
        np.testing.assert_array_equal(np.asarray(picture), values // (1 if depth == 8 else 256))
        embedded = PIL.ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
    assert "sRGB" in PIL.ImageCms.getProfileDescription(embedded)
    assert np.abs(images.load(path) - PHOTO).max() <= error * 1.001
    assert images.save(PHOTO, tmp_path / "again.tif", depth=depth).read_bytes() == path.read_bytes()


@pytest.mark.skipif(shutil.which("convert") is None, reason="needs ImageMagick")
def test_imagemagick_reads_the_same_16_bits(tmp_path: Path) -> None:
    path = images.save(PHOTO, tmp_path / "out.tif")
    command = ["convert", str(path), "-depth", "16", "-endian", "LSB", "rgb:-"]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"this convert does not read TIFF: {done.stderr[-200:]!r}")
    values = np.frombuffer(done.stdout, "<u2").reshape(PHOTO.shape)
    np.testing.assert_array_equal(values, np.rint(np.float64(PHOTO) * 257))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_other_formats_have_8_bits(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(OptionError, match=r"16 bits need a name that ends in \.tif"):
        images.save(PHOTO, tmp_path / f"out{suffix}", depth=16)
    with pytest.raises(OptionError, match=r"depth: out\.tif can have 8 or 16 bits"):
        images.save(PHOTO, tmp_path / "out.tif", depth=12)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_opacity_is_written_and_read(tmp_path: Path, suffix: str) -> None:
    path = images.save(PHOTO, tmp_path / f"out{suffix}", opacity=OPACITY)
    opacity = images.opacity(path, "picture", (11, 7))
    assert opacity is not None
    error = 0.5 / 257 if suffix == ".tif" else 0.5
    assert np.abs(opacity - OPACITY).max() <= error * 1.001
    small = images.opacity(path, "picture", (5, 4))
    assert small is not None
    np.testing.assert_allclose(small, images.resize(np.dstack([OPACITY] * 3), size=(5, 4))[..., 0],
                               atol=1)  # fmt: skip


def test_a_jpeg_is_blended_with_white(tmp_path: Path) -> None:
    gray, opacity = np.full((8, 8, 3), 55.0), np.full((8, 8), 51)  # a fifth
    path = images.save(gray, tmp_path / "out.jpg", opacity=opacity)
    np.testing.assert_allclose(images.load(path), np.full((8, 8, 3), 215.0), atol=1)


def test_what_is_opaque_has_no_opacity(tmp_path: Path) -> None:
    opaque = images.save(PHOTO, tmp_path / "out.png", opacity=np.full((11, 7), 255))
    assert images.opacity(opaque, "picture", (11, 7)) is None
    assert images.opacity(images.save(PHOTO, opaque), "picture", (11, 7)) is None
    assert images.opacity(PHOTO, "picture", (11, 7)) is None


@pytest.mark.parametrize(
    ("opacity", "message"),
    [
        (np.full((7, 11), 9), r"opacity: expected the picture's shape \(11, 7\), got \(7, 11\)"),
        (np.full((11, 7), 0.5), "opacity: expected values from 0 to 255"),
        (np.full((11, 7), np.nan), "opacity: some values are not finite"),
    ],
)
def test_bad_opacity(tmp_path: Path, opacity: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        images.save(PHOTO, tmp_path / "out.png", opacity=opacity)
    assert not list(tmp_path.iterdir())
