"""Pictures: what is read, refused, resized and written."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
from numpy.typing import NDArray

from neural_style import FeatureModel, balance, callbacks, contact_sheet, images, minimize, transfer
from neural_style.errors import ImageError, OptionError
from neural_style.extensions import Content, TotalVariation
from neural_style.images import Image, color
from neural_style.images.mask import as_mask

RED, BLUE = (255, 0, 0), (0, 0, 255)
Resizer = Callable[..., Image]


def smooth(height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    """A picture that codecs and resizing keep: three slow waves, from 64 to 192."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)]
    picture: NDArray[np.uint8] = np.rint(128 + 64 * np.stack(waves, -1)).astype(np.uint8)
    return picture


def encoded(format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(smooth(12, 16)).save(buffer, format, **options)
    return buffer.getvalue()


def s15f16(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile, version 2.4, with these tags."""
    white = s15f16(0.9642, 1, 0.8249)
    header = struct.pack(">4x4s4s4s4s12x4s28x", b"\2\x40\0\0", kind, space, connection, b"acsp")
    header += white.ljust(60, b"\0")
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(content))
        body += content
    size = struct.pack(">I", offset + len(body))
    return size + header + struct.pack(">I", len(tags)) + table + body


SRGB = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
RED_AND_BLUE_SWAPPED = (
    SRGB.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
)
LINEAR_GRAY = profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": b"curv" + bytes(8)})
# Whatever the inks are, the paper is white or, with full black, black.
_CURVE = bytes(range(256))
_LUT = b"mft1\0\0\0\0\4\3\2\0" + s15f16(1, 0, 0, 0, 1, 0, 0, 0, 1)
_LUT += 4 * _CURVE + 8 * (b"\xff\x80\x80" + b"\0\x80\x80") + 3 * _CURVE
ONLY_BLACK_INK = profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": _LUT})


# --- reading: orientation, color, depth, transparency, frames


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda stored: stored),
        (2, lambda stored: stored[:, ::-1]),
        (3, lambda stored: stored[::-1, ::-1]),
        (4, lambda stored: stored[::-1]),
        (5, lambda stored: stored.swapaxes(0, 1)),
        (6, lambda stored: np.rot90(stored, -1)),
        (7, lambda stored: stored[::-1, ::-1].swapaxes(0, 1)),
        (8, lambda stored: np.rot90(stored)),
        (9, lambda stored: stored),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_exif_orientation_is_applied(
    tmp_path: Path, suffix: str, orientation: int, upright: Callable[[Any], Any]
) -> None:
    stored = np.kron(smooth(2, 3)[..., :1] * [1, 0, 0], np.ones((16, 16, 1), np.uint8))
    stored[:16, :16] = 250, 250, 250
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{suffix}"
    PIL.Image.fromarray(stored.astype(np.uint8)).save(path, exif=exif, quality=95)
    image = images.load(path)
    assert image.shape == upright(stored).shape
    assert np.abs(image - upright(stored)).mean() < 2


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_exif_that_cannot_be_read_is_ignored_with_a_warning(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"photo.{suffix}"
    PIL.Image.fromarray(smooth()).save(path, exif=b"Exif\0\0nonsense", lossless=True)
    assert np.array_equal(images.load(path), smooth())
    assert f"{path}: its EXIF data are invalid and were ignored" in caplog.text


@pytest.mark.parametrize(
    ("mode", "color", "icc", "seen"),
    [
        ("RGB", (200, 100, 50), SRGB, (200, 100, 50)),
        ("RGB", RED, RED_AND_BLUE_SWAPPED, BLUE),
        ("RGBA", (255, 0, 0, 0), RED_AND_BLUE_SWAPPED, (255, 255, 255)),
        ("P", RED, RED_AND_BLUE_SWAPPED, BLUE),
        ("L", 128, LINEAR_GRAY, (188, 188, 188)),  # 1.055 · (128 / 255)^(1 / 2.4) − 0.055
        ("LA", (128, 255), LINEAR_GRAY, (188, 188, 188)),
        ("I;16", 128 * 257, LINEAR_GRAY, (188, 188, 188)),
        ("CMYK", (255, 0, 0, 0), ONLY_BLACK_INK, (255, 255, 255)),
        ("CMYK", (0, 255, 0, 255), ONLY_BLACK_INK, (0, 0, 0)),
        ("CMYK", (255, 0, 0, 0), None, (0, 255, 255)),
        ("LAB", (255, 128, 128), None, (255, 255, 255)),
    ],
    ids=lambda value: "profile" if isinstance(value, bytes) else None,  # which has its time
)
def test_a_color_profile_is_applied(
    tmp_path: Path, mode: str, color: Any, icc: bytes | None, seen: tuple[int, ...]
) -> None:
    path = tmp_path / "profiled.tif"
    picture = PIL.Image.new("RGB" if mode == "P" else mode, (4, 4), color)
    picture.convert(mode).save(path, icc_profile=icc)
    np.testing.assert_allclose(images.load(path), np.full((4, 4, 3), seen), atol=1)


@pytest.mark.parametrize(
    ("mode", "icc"),
    [("RGB", b"nonsense"), ("RGB", SRGB[:200]), ("L", SRGB), ("RGB", LINEAR_GRAY)],
    ids=["no profile", "cut off", "of RGB for gray", "of gray for RGB"],
)
def test_a_color_profile_that_does_not_fit_is_ignored_with_a_warning(
    tmp_path: Path, mode: str, icc: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "profiled.png"
    PIL.Image.new(mode, (4, 4), "#646464").save(path, icc_profile=icc)
    assert np.array_equal(images.load(path), np.full((4, 4, 3), 100))
    assert f"{path}: its color profile is invalid and was ignored" in caplog.text


def test_a_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    PIL.Image.new("CMYK", (16, 16), (0, 255, 255, 51)).save(path, quality=100)
    np.testing.assert_allclose(images.load(path), np.full((16, 16, 3), (204, 0, 0)), atol=2)


def with_palette(colors: list[int], **info: Any) -> PIL.Image.Image:
    picture = PIL.Image.new("P", (2, 2), 1)
    picture.putpalette(colors)
    picture.info.update(info)
    return picture


@pytest.mark.parametrize(
    ("picture", "suffix", "seen"),
    [
        (PIL.Image.new("1", (2, 2), 1), "png", 255),
        (PIL.Image.new("L", (2, 2), 100), "png", 100),
        pytest.param(
            *(PIL.Image.new("YCbCr", (2, 2), (100, 128, 128)), "tif", 100),
            marks=pytest.mark.skipif(
                int(PIL.__version__.partition(".")[0]) < 13, reason="Pillow writes it cut off"
            ),
        ),
        (with_palette([0, 0, 0, 10, 20, 30]), "png", (10, 20, 30)),
        (with_palette([0, 0, 0, 10, 20, 30]), "gif", (10, 20, 30)),
        (with_palette([0, 0, 0, 10, 20, 30], transparency=1), "png", 255),
        (with_palette([0, 0, 0, 10, 20, 30], transparency=1), "gif", 255),
        # c · 128/255 + 255 · 127/255
        (with_palette([0, 0, 0, 10, 20, 30], transparency=b"\xff\x80"), "png", (132, 137, 142)),
        (PIL.Image.new("LA", (2, 2), (10, 128)), "png", 132),
        (PIL.Image.new("LA", (2, 2), (10, 128)), "tif", 132),
        (PIL.Image.new("RGBA", (2, 2), (10, 20, 30, 128)), "png", (132, 137, 142)),
        (PIL.Image.new("RGBA", (2, 2), (10, 20, 30, 128)), "tif", (132, 137, 142)),
        (PIL.Image.new("RGBA", (2, 2), (10, 20, 30, 128)), "webp", (132, 137, 142)),
        (PIL.Image.new("RGBA", (2, 2), (10, 20, 30, 0)), "png", 255),
        (PIL.Image.new("RGBA", (2, 2), (10, 20, 30, 255)), "png", (10, 20, 30)),
    ],
)
def test_every_mode_becomes_rgb_over_white(
    tmp_path: Path, picture: PIL.Image.Image, suffix: str, seen: Any
) -> None:
    path = tmp_path / f"picture.{suffix}"
    picture.save(path, lossless=True)
    image = images.load(path)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, np.broadcast_to(np.array(seen), (2, 2, 3)))


@pytest.mark.parametrize(
    ("mode", "key", "other"),
    [("1", 0, 1), ("L", 7, 100), ("I;16", 7 * 257, 100 * 257), ("RGB", (7, 8, 9), (100, 100, 100))],
)
def test_a_transparent_color_is_white_and_only_that(
    tmp_path: Path, mode: str, key: Any, other: Any
) -> None:
    picture = PIL.Image.new(mode, (3, 2), other)
    picture.putpixel((1, 0), key)
    picture.save(tmp_path / "keyed.png", transparency=key)
    image = images.load(tmp_path / "keyed.png")
    expected = np.full((2, 3, 3), 255 if mode == "1" else 100)
    expected[0, 1] = 255
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(
    ("dtype", "suffix"), [("<u2", "png"), ("<u2", "tif"), (">u2", "tif"), (">u2", "pgm")]
)
def test_16_bit_gray_is_divided_by_257(tmp_path: Path, dtype: str, suffix: str) -> None:
    values = np.array([[0, 257, 300], [32768, 32896, 65535]], dtype)  # 255/65535 = 1/257
    path = tmp_path / f"deep.{suffix}"
    if suffix == "pgm":
        path.write_bytes(b"P5 3 2 65535\n" + values.tobytes())
    else:
        PIL.Image.fromarray(values).save(path)
    expected = np.array([[0, 1, 300 / 257], [32768 / 257, 128, 255]])
    np.testing.assert_allclose(images.load(path), np.dstack([expected] * 3), rtol=1e-6)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_numbers_are_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "elevation.tif"
    PIL.Image.new(mode, (4, 4), 100).save(path)
    with pytest.raises(ImageError, match=r"elevation.tif: .*32-bit .* save it with 8 or 16 bits"):
        images.load(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_of_several_frames_the_first_is_taken(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    frames = [PIL.Image.new("RGB", (8, 8), color) for color in (RED, BLUE)]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    with PIL.Image.open(path) as film:
        assert getattr(film, "n_frames", 1) == 2
    np.testing.assert_array_equal(images.load(path), np.full((8, 8, 3), RED))


# --- reading: what is no picture


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not a picture .*\(the file is empty\)"),
        (b"Dear diary, nothing here", r"not a picture .*begins with b'Dear diary, '"),
        (b"\xff\xd8\xff\xe0", "not a picture"),
    ],
)
def test_a_file_that_is_no_picture_is_an_error(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "renamed.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"renamed\.jpg: {message}.*expected PNG, JPEG"):
        images.load(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "missing.png: there is no such file; check the path"),
        ("", "expected a picture, but this is a folder; name a file in it"),
        ("nul\0.png", "cannot be opened .*null"),
        (f"{'x' * 300}.png", "cannot be opened"),
        ("file/photo.png", "photo.png: cannot be opened|photo.png: there is no such file"),
    ],
)
def test_a_path_without_a_file_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match=message):
        images.load(tmp_path / name)


def test_an_unreadable_file_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "photo.png").touch()
    monkeypatch.setattr("os.open", denied)
    with pytest.raises(ImageError, match=r"photo.png: cannot be opened .*Permission denied"):
        images.load(tmp_path / "photo.png")


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("GIF", {}),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_cut_off_file_is_an_error_or_still_the_whole_picture(
    tmp_path: Path, format: str, options: dict[str, Any]
) -> None:
    data = encoded(format, **options)
    path = tmp_path / "cut"
    path.write_bytes(data)
    whole = images.load(path)
    for cut in range(0, len(data), 11):
        path.write_bytes(data[:cut])
        try:
            image = images.load(path)
        except ImageError:
            continue
        assert cut > len(data) / 2
        assert np.array_equal(image, whole)


def test_a_damaged_file_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "damaged.jpg"
    path.write_bytes(encoded("JPEG")[:-100])
    with pytest.raises(ImageError, match=r"damaged.jpg: the picture is damaged or cut off.*again"):
        images.load(path)


def test_an_error_that_is_not_the_files_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **__: Any) -> NoReturn:
        raise MemoryError

    images.save(smooth(), tmp_path / "photo.png")
    monkeypatch.setattr(PIL.Image, "init", exhausted)
    with pytest.raises(MemoryError):
        images.load(tmp_path / "photo.png")


@pytest.mark.parametrize("action", ["error", "ignore"])
@pytest.mark.parametrize("side", [11, 20], ids=["Pillow warns", "Pillow raises"])
def test_a_decompression_bomb_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int, action: Any
) -> None:
    PIL.Image.new("L", (side, side)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    message = r"bomb.png: .*decompression bombs \(100 pixels\).*raise PIL.Image.MAX_IMAGE_PIXELS"
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        with pytest.raises(ImageError, match=message):
            images.load(tmp_path / "bomb.png")


@pytest.mark.parametrize("limit", [100, None])
def test_a_picture_within_the_limit_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    PIL.Image.new("L", (10, 10)).save(tmp_path / "photo.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", limit)
    assert images.load(tmp_path / "photo.png").shape == (10, 10, 3)


@pytest.mark.parametrize("options", [{}, {"long_side": 64}])
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_a_picture_one_pixel_wide_is_an_error_at_any_size(
    tmp_path: Path, size: tuple[int, int], options: dict[str, Any]
) -> None:
    PIL.Image.new("RGB", size).save(tmp_path / "dot.png")
    message = f"dot.png: expected at least 2×2 pixels, got {size[1]}×{size[0]}"
    with pytest.raises(ImageError, match=message):
        images.load(tmp_path / "dot.png", **options)


# --- resizing, of files and of arrays


@pytest.fixture(params=["load", "resize"])
def resized(request: pytest.FixtureRequest, tmp_path: Path) -> Resizer:
    """Both ways to resize, under one signature."""
    if request.param == "resize":
        return images.resize

    def load(array: NDArray[Any], **options: Any) -> Image:
        return images.load(images.save(array, tmp_path / "picture.png"), **options)

    return load


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (20, 30)),
        ({"long_side": 15}, (10, 15)),
        ({"long_side": 60}, (40, 60)),
        ({"short_side": 10}, (10, 15)),
        ({"short_side": np.int64(20)}, (20, 30)),
        ({"size": (7, 9)}, (7, 9)),
        ({"size": [np.int32(7), 9]}, (7, 9)),
    ],
)
def test_a_size_is_met_exactly(resized: Resizer, options: Any, shape: tuple[int, int]) -> None:
    image = resized(smooth(20, 30), **options)
    assert image.shape == (*shape, 3)
    assert image.dtype == np.float32


@pytest.mark.parametrize("side", [3, 49, 98, 999])
def test_the_side_that_is_asked_for_has_no_rounding_error(resized: Resizer, side: int) -> None:
    assert max(resized(smooth(7, 49), long_side=side).shape) == side


def test_a_narrow_picture_keeps_two_pixels(resized: Resizer) -> None:
    assert resized(smooth(3, 600), long_side=10).shape == (2, 10, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"long_side": 8, "short_side": 8}, "one of long_side, short_side and size, got"),
        ({"short_side": 8, "size": (8, 8)}, "one of long_side, short_side and size, got"),
        ({"long_side": 0}, "long_side: expected a number in whole pixels, at least 2, got 0"),
        ({"long_side": 1}, "long_side: .* got 1"),
        ({"short_side": -8}, "short_side: .* got -8"),
        ({"short_side": 8.0}, "short_side: .* got 8.0"),
        ({"long_side": float("nan")}, "long_side: .* got nan"),
        ({"long_side": True}, "long_side: .* got True"),
        ({"long_side": "8"}, "long_side: .* got '8'"),
        ({"long_side": (8,)}, r"long_side: expected a number .* got \(8,\)"),
        ({"long_side": (8, 8)}, r"long_side: expected a number .* got \(8, 8\)"),
        ({"size": 8}, r"size: expected \(height, width\) in whole pixels, at least 2, got 8"),
        ({"size": (8,)}, "size: expected"),
        ({"size": (8, 8, 3)}, "size: expected"),
        ({"size": (8, 1)}, "size: expected"),
        ({"size": (8.0, 8)}, "size: expected"),
        ({"size": "88"}, "size: expected"),
        ({"size": ()}, "size: expected"),
    ],
)
def test_a_size_that_is_none_is_an_error(resized: Resizer, options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        resized(smooth(), **options)


@pytest.mark.parametrize("options", [{"long_side": 40}, {"short_side": 28}, {"size": (2, 501)}])
def test_a_size_beyond_pillows_limit_is_an_error(
    resized: Resizer, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(OptionError, match=r"larger than the limit \(1,000 pixels\); choose"):
        resized(smooth(), **options)


def test_a_fine_checkerboard_becomes_flat_gray(resized: Resizer) -> None:
    board = np.indices((64, 64)).sum(0) % 2 * 255
    image = resized(np.dstack([board] * 3), long_side=16)
    np.testing.assert_allclose(image, 127.5, atol=2)


@pytest.mark.parametrize("side", [5, 100])
def test_a_constant_picture_stays_constant(resized: Resizer, side: int) -> None:
    color = np.array([7, 100, 255])
    image = resized(np.broadcast_to(color, (30, 40, 3)), long_side=side)
    np.testing.assert_allclose(image, np.broadcast_to(color, image.shape), atol=1e-4)


def test_resizing_stays_within_0_and_255(resized: Resizer) -> None:
    edge = np.zeros((20, 20, 3))
    edge[:, 10:] = 255
    image = resized(edge, long_side=50)
    assert (image.min(), image.max()) == (0, 255)


@pytest.mark.parametrize("size", [(10, 20), (50, 60), (3, 4)])
def test_resizing_agrees_with_pillow(resized: Resizer, size: tuple[int, int]) -> None:
    picture = PIL.Image.fromarray(smooth())
    expected = np.asarray(picture.resize(size[::-1], PIL.Image.Resampling.LANCZOS), float)
    # Pillow rounds twice, after rows and after columns.
    assert np.abs(resized(smooth(), size=size) - expected).max() <= 1.5


def test_resizing_to_the_same_size_gives_a_copy() -> None:
    given = images.noise((4, 6))
    image = images.resize(given, long_side=6)
    assert np.array_equal(image, given)
    assert not np.shares_memory(image, given)


# --- noise


def test_uniform_noise_fills_its_range() -> None:
    image = images.noise((40, 50), uniform=(100, 120))
    assert image.shape == (40, 50, 3)
    assert image.dtype == np.float32
    assert 100 <= image.min() < 100.1
    assert 119.9 < image.max() <= 120


def test_noise_is_quiet_unless_it_is_told() -> None:
    image = images.noise((40, 50))
    assert 117.5 <= image.min() < 117.6
    assert 137.4 < image.max() <= 137.5


def test_normal_noise_has_its_mean_and_deviation() -> None:
    image = images.noise((40, 50), normal=(120, 10))
    assert image.dtype == np.float32
    assert image.mean() == pytest.approx(120, abs=0.5)
    assert image.std() == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("options", [{}, {"normal": (0, 1)}])
def test_the_seed_decides_the_noise(options: Any) -> None:
    image = images.noise((4, 4), seed=3, **options)
    assert np.array_equal(image, images.noise((4, 4), seed=np.int64(3), **options))  # type: ignore[arg-type]
    assert not np.array_equal(image, images.noise((4, 4), seed=4, **options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": None}, r"size: expected \(height, width\)"),
        ({"size": (0, 4)}, r"size: expected \(height, width\)"),
        ({"seed": -1}, "seed: expected a whole number from 0, got -1"),
        ({"seed": 1.5}, "seed: expected a whole number from 0, got 1.5"),
        ({"seed": None}, "seed: expected a whole number from 0, got None"),
        ({"uniform": (5, 5)}, r"uniform: expected \(low, high\) with low < high, got \(5, 5\)"),
        ({"uniform": (0, float("nan"))}, r"uniform: expected two finite numbers, got \(0, nan\)"),
        ({"uniform": (float("-inf"), 0)}, "uniform: expected two finite numbers"),
        ({"uniform": (0, 1, 2)}, "uniform: expected two finite numbers"),
        ({"uniform": ("0", "1")}, "uniform: expected two finite numbers"),
        ({"uniform": None}, "uniform: expected two finite numbers, got None"),
        ({"normal": 3}, "normal: expected two finite numbers, got 3"),
        ({"normal": (float("nan"), 1)}, "normal: expected two finite numbers"),
        ({"normal": (0, -1)}, r"normal: expected a deviation of 0 or more, got \(0, -1\)"),
    ],
)
def test_noise_without_a_sound_description_is_an_error(options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        images.noise(**{"size": (4, 4), **options})


# --- arrays


@pytest.mark.parametrize(
    "array",
    [
        np.full((2, 3, 3), 7, np.uint8),
        np.full((2, 3, 3), 7, np.int64),
        np.full((2, 3, 3), 7, np.float16),
        np.full((2, 3, 3), 7.0),
        np.full((3, 2, 3), 7.0).transpose(1, 0, 2),
        [[[7, 7, 7]] * 3] * 2,
        PIL.Image.new("RGB", (3, 2), (7, 7, 7)),
    ],
    ids=["uint8", "int64", "float16", "float64", "strided", "list", "Pillow"],
)
def test_what_holds_pixels_is_an_image(array: Any) -> None:
    image = images.as_image(array)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, np.full((2, 3, 3), 7))


@pytest.mark.parametrize("value", [np.uint8(0), np.uint8(1), 0.0, np.float32(1), 2.01])
def test_a_dark_picture_is_an_image(value: Any) -> None:
    assert images.as_image(np.full((2, 2, 3), value)).max() == np.float32(value)


def test_an_image_is_a_copy() -> None:
    array = np.zeros((2, 2, 3), np.float32)
    assert not np.shares_memory(images.as_image(array), array)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ("photo.png", "expected an array, got the path 'photo.png'; read it with"),
        (Path("photo.png"), "expected an array, got the path 'photo.png'"),
        (None, "expected real numbers from 0 to 255, got an array of object"),
        ([[1], [2, 3]], "expected an array H×W×3, got list"),
        (np.zeros((4, 4, 3), complex), "expected real numbers .* complex128"),
        (np.zeros((4, 4, 3), bool), "expected real numbers .* bool"),
        (np.full((4, 4, 3), "7"), "expected real numbers .* <U1"),
        (np.zeros((4, 4, 3), object), "expected real numbers .* object"),
        (np.zeros((4, 4)), r"expected the shape \(height, width, 3\), got \(4, 4\); convert it"),
        (np.zeros((4, 4, 1)), r"expected the shape .*got \(4, 4, 1\)"),
        (np.zeros((4, 4, 4)), r"expected the shape .*got \(4, 4, 4\)"),
        (np.zeros((3, 4, 4)), r"expected the shape .*got \(3, 4, 4\)"),
        (np.zeros((1, 4, 4, 3)), r"expected the shape .*got \(1, 4, 4, 3\).*remove any batch axis"),
        (np.zeros(0), r"expected the shape .*got \(0,\)"),
        (np.zeros((0, 4, 3)), "expected at least 2×2 pixels, got 0×4"),
        (np.zeros((4, 1, 3)), "expected at least 2×2 pixels, got 4×1"),
        (np.full((4, 4, 3), np.nan), "some values are not finite"),
        (np.full((4, 4, 3), np.inf), "some values are not finite"),
        (np.full((4, 4, 3), 1e300), "some values are not finite"),
        (np.full((4, 4, 3), -1), "expected values from 0 to 255, got -1 to -1; scale or clip"),
        (np.full((4, 4, 3), 256), "expected values from 0 to 255, got 256 to 256; scale or clip"),
        (np.full((4, 4, 3), 255.00001), "expected values from 0 to 255, got 255.00002 to"),
        (np.full((4, 4, 3), 0.5), "expected values from 0 to 255, got 0.5 to 0.5; multiply by 255"),
        (np.full((4, 4, 3), 1.0), "multiply by 255"),
    ],
)
def test_what_is_no_image_is_an_error(array: Any, message: str) -> None:
    with pytest.raises(ImageError, match=f"^content: .*{message}"):
        images.as_image(array, "content")


def test_any_range_is_accepted_on_request_but_must_be_finite() -> None:
    array = np.linspace(-300, 300, 12).reshape(2, 2, 3)
    np.testing.assert_allclose(images.as_image(array, any_range=True), array, rtol=1e-6)
    array[0, 0, 0] = np.nan
    with pytest.raises(ImageError, match="not finite"):
        images.as_image(array, any_range=True)


# --- writing


@pytest.mark.parametrize("size", [{}, {"long_side": 12}, {"size": (5, 7)}], ids=str)
def test_a_path_and_its_array_are_the_same_picture(size: Any, tmp_path: Path) -> None:
    path = images.save(np.full((24, 32, 3), [9, 99, 200]), tmp_path / "flat.png")
    expected = images.load(path, **size)
    given: list[Any] = [path, str(path), images.load(path), images.load(path).astype(np.uint8)]
    for each in given:
        np.testing.assert_allclose(images.picture_of(each, "style", **size), expected, atol=1e-3)
    with pytest.raises(ImageError, match="style: expected the shape"):
        images.picture_of(np.zeros(3), "style", **size)


def test_a_dark_picture_is_no_picture_of_another_range() -> None:
    dark = np.eye(4, dtype=np.uint8)[..., None].repeat(3, -1)
    np.testing.assert_array_equal(images.picture_of(dark, "content"), dark)
    assert images.picture_of(dark, "content", long_side=2).shape == (2, 2, 3)


def test_a_png_holds_the_values_clipped_and_rounded(tmp_path: Path) -> None:
    values = np.array([-300.0, -0.6, 0.4, 0.6, 99.4, 99.6, 254.6, 255.4, 1e9, 0, 128, 255])
    path = images.save(values.reshape(2, 2, 3), tmp_path / "picture.png")
    expected = [0, 0, 0, 1, 99, 100, 255, 255, 255, 0, 128, 255]
    np.testing.assert_array_equal(images.load(path).ravel(), expected)


@pytest.mark.parametrize(
    ("name", "format", "tolerance"),
    [
        ("a.png", "PNG", 0),
        ("a.PNG", "PNG", 0),
        ("a.tif", "TIFF", 0),
        ("a.tiff", "TIFF", 0),
        ("a.jpg", "JPEG", 6),
        ("a.jpeg", "JPEG", 6),
        ("a.webp", "WEBP", 10),
    ],
)
def test_the_suffix_chooses_the_format(
    tmp_path: Path, name: str, format: str, tolerance: float
) -> None:
    path = tmp_path / name
    assert images.save(smooth(), str(path)) == path
    with PIL.Image.open(path) as picture:
        assert picture.format == format
    assert np.abs(images.load(path) - smooth()).max() <= tolerance


@pytest.mark.parametrize("write", [images.check_output, lambda path: images.save(smooth(), path)])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("picture.bmpp", r"picture.bmpp: the suffix '.bmpp' is not a format .* use one of \.png, "),
        ("picture", "picture: the suffix '' is not a format"),
        (".png", "the suffix '' is not a format"),
        ("file.png/picture.png", "picture.png: cannot be written .*file.png.*; choose another"),
        ("folder.png", "folder.png: expected a file to write, but this is a folder"),
        ("nul\0.png", "cannot be written .*null.*; choose another name"),
        (f"{'x' * 300}.png", "cannot be written .*; choose another name"),
    ],
)
def test_a_path_that_cannot_be_written_is_an_error(
    tmp_path: Path, name: str, message: str, write: Callable[[Path], object]
) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file.png").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ImageError, match=message):
        write(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_unwritable_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: Any) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", denied)
    with pytest.raises(ImageError, match=r"picture.png: cannot be written .*Permission denied"):
        images.check_output(tmp_path / "picture.png")


def test_a_write_protected_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = images.save(smooth(), tmp_path / "picture.png")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything
    with pytest.raises(ImageError, match=r"picture.png: .*write-protected.*choose another name"):
        images.check_output(path)


def test_checking_a_path_changes_nothing(tmp_path: Path) -> None:
    new, old = tmp_path / "new.png", tmp_path / "old.png"
    old.write_bytes(b"old")
    os.utime(old, (0, 0))
    assert images.check_output(str(new)) == new
    assert images.check_output(old) == old
    assert list(tmp_path.iterdir()) == [old]
    assert (old.read_bytes(), old.stat().st_mtime) == (b"old", 0)


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (OSError("disk full"), ImageError, r"picture.png: the picture .* \(disk full\)"),
        (ValueError("code 5"), ImageError, r"picture.png: the picture .* \(code 5\)"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_a_failure_midway_leaves_the_old_picture_and_nothing_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    raised: type[BaseException],
    message: str | None,
) -> None:
    def half(_: PIL.Image.Image, path: Path, **__: Any) -> NoReturn:
        path.write_bytes(b"half")
        raise error

    path = images.save(smooth(), tmp_path / "picture.png")
    before = path.read_bytes()
    monkeypatch.setattr(PIL.Image.Image, "save", half)
    with pytest.raises(raised, match=message):
        images.save(255 - smooth(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_too_large_for_its_format_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"wide.webp: the picture could not be written"):
        images.save(np.zeros((2, 16384, 3)), tmp_path / "wide.webp")
    assert not list(tmp_path.iterdir())


def test_an_array_that_is_no_picture_is_not_written(tmp_path: Path) -> None:
    path = images.save(smooth(), tmp_path / "picture.png")
    before = path.read_bytes()
    with pytest.raises(ImageError, match="not finite"):
        images.save(np.full((4, 4, 3), np.nan), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_saved_picture_has_the_users_permissions(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        path = images.save(smooth(), tmp_path / "picture.png")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def test_pictures_and_weights_need_no_tensorflow() -> None:
    code = "import sys, neural_style.images, neural_style.features.weights; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "neural_style.features.weights" in modules.split()
    assert not {"tensorflow", "keras"} & set(modules.split())


# --- 0–1 and 0–255


UNIT = smooth().astype(np.float32) / 255


@pytest.mark.parametrize(
    "unit",
    [
        UNIT,
        UNIT * np.float32(1.25),
        UNIT.astype(float),
        UNIT.astype(np.float16),
        smooth() / 127.5,
        np.ones((4, 4, 3)),
        np.indices((4, 4)).sum(0)[..., None].repeat(3, -1) % 2 * 1.0,
    ],
    ids=["0-1", "brighter", "float64", "float16", "0-2", "white", "checkerboard"],
)
@pytest.mark.parametrize(
    "take",
    [
        images.as_image,
        lambda unit: images.as_image(unit, any_range=True),
        lambda unit: images.save(unit, "unit.png"),
        lambda unit: images.resize(unit, long_side=8),
        lambda unit: images.picture_of(unit, "style"),
        lambda unit: contact_sheet({"unit": unit}),
        lambda unit: color.match(unit, smooth()),
        lambda unit: color.luminance(smooth(), like=unit),
        lambda unit: as_mask(unit[..., 0]),
        Content,
        lambda unit: minimize(TotalVariation(), FeatureModel(weights=None), unit),
        lambda unit: balance(TotalVariation(), FeatureModel(weights=None), unit),
    ],
    ids=[
        "as_image",
        "any_range",
        "save",
        "resize",
        "picture_of",
        "contact_sheet",
        "match",
        "luminance",
        "as_mask",
        "Content",
        "start",
        "balance",
    ],
)
def test_a_picture_of_0_to_1_is_refused_everywhere(
    take: Callable[[Any], object],
    unit: NDArray[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match=r"expected values from 0 to 255, got .* multiply by 255"):
        take(unit)
    assert not list(tmp_path.iterdir())


def test_one_of_plus_and_minus_1_is_no_start() -> None:
    with pytest.raises(ImageError, match=r"start: expected .* got -0.49.* to .* scale them"):
        images.as_image(UNIT * 2 - 1, "start", any_range=True)


@pytest.fixture(params=[1, 2])
def frame(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A frame of a fade-in, whose brightest value is 1 or 2."""
    values = np.random.default_rng(0).integers(0, request.param + 1, (24, 32, 3), dtype=np.uint8)
    PIL.Image.fromarray(values).save(tmp_path / "frame.png")
    return tmp_path / "frame.png"


@pytest.mark.slow
def test_a_dark_frame_is_a_picture_all_the_way(frame: Path, tmp_path: Path) -> None:
    features = FeatureModel(weights=None)
    loaded = images.load(frame)
    eight_bits = loaded.astype(np.uint8)
    resized = [
        images.load(frame, long_side=16),
        images.resize(loaded, long_side=16),
        images.resize(eight_bits, long_side=16),
        images.picture_of(eight_bits, "content", long_side=16),
        images.resize(images.resize(loaded, long_side=40), long_side=16),
    ]
    for photo in [*resized, color.match(smooth(), loaded), color.luminance(loaded)]:
        images.save(photo, tmp_path / "saved.png")
        contact_sheet({"photo": photo})
        color.match(photo, smooth())
        Content(photo, layers=["image"]).resized(0.5)
        as_mask(photo)
        as_mask(as_mask(photo))
    photo = resized[1]
    steps: list[Image] = []
    result = minimize(
        Content(photo, layers=["image"]) + TotalVariation(),
        features,
        photo,
        evaluations=3,
        scales=[12],
        callbacks=[lambda step: steps.append(step.image), callbacks.snapshots(tmp_path / "along")],
        output=tmp_path / "result.png",
    )
    for image in [result.image, *steps]:
        saved = images.load(images.save(image, tmp_path / "a.png"))
        np.testing.assert_array_equal(saved, np.rint(image))


@pytest.mark.slow
def test_a_batch_of_a_fade_in_is_painted_whole(frame: Path, tmp_path: Path) -> None:
    def alone(photo: Image, painting: Image) -> Any:
        return Content(photo, layers=["image"]) + TotalVariation("squared")

    for name, color_kept in (("plain", None), ("matched", "match"), ("gray", "luminance")):
        result = transfer(
            frame,
            smooth().astype(np.float32),
            loss=alone,
            size=16,
            color=color_kept,  # type: ignore[arg-type]
            features=FeatureModel(weights=None),
            evaluations=2,
            output=tmp_path / f"{name}.png",
        )
        saved = images.load(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(saved, np.rint(result.image))
