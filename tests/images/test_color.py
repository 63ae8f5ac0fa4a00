"""Color matched to a photo's, and a photo's color kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from neural_style import images
from neural_style.errors import ImageError, OptionError
from neural_style.images import Image, color

Method: TypeAlias = Literal["cholesky", "symmetric"]
METHODS: tuple[Method, ...] = ("cholesky", "symmetric")
EPSILON = 1e-5


def mixed(seed: int, size: tuple[int, int] = (30, 40), scale: float = 12.0) -> Image:
    """Normal colors whose channels are correlated, far from 0 and 255."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(3) + 0.4 * rng.normal(size=(3, 3))
    colors = 128 + scale * rng.normal(size=(*size, 3)) @ mixing.T
    return colors.clip(0, 255).astype(np.float32)


def moments(picture: Image) -> tuple[NDArray[Any], NDArray[Any]]:
    pixels = picture.reshape(-1, 3).astype(np.float64) / 255
    return pixels.mean(0), np.cov(pixels.T, bias=True)


@pytest.mark.parametrize("method", METHODS)
def test_the_matched_picture_has_the_reference_s_mean_and_covariance(method: Method) -> None:
    painting, photo = mixed(1), mixed(2, (25, 21), scale=7)
    matched = color.match(painting, photo, method)
    assert matched.dtype == np.float32
    assert 0 < matched.min() < matched.max() < 255  # nothing was clipped
    (mean, covariance), (wanted, covariance_r) = moments(matched), moments(photo)
    np.testing.assert_allclose(mean, wanted, atol=1e-6)
    np.testing.assert_allclose(covariance, covariance_r, atol=5e-5)  # but for ε
    # Exactly: the picture with noise of covariance ε has that of the reference and ε.
    pixels, found = (p.reshape(-1, 3).astype(np.float64) for p in (painting, matched))
    transform = np.linalg.lstsq(pixels - pixels.mean(0), found - found.mean(0), rcond=None)[0].T
    excess = EPSILON * (np.eye(3) - transform @ transform.T)
    np.testing.assert_allclose(covariance, covariance_r + excess, atol=1e-8)


def test_the_two_transforms_are_triangular_and_symmetric_positive() -> None:
    # A picture with covariance σ² I, so that A is L_r / σ, or Σ_r^½ / σ.
    corners = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, 8).T
    white = np.float32(128 + 20 * corners).reshape(2, 4, 3)
    photo = mixed(2)
    for method, factor in zip(METHODS, (np.linalg.cholesky, None), strict=True):
        moved = color.match(white, photo, method).reshape(8, 3) - photo.mean((0, 1))
        transform = np.linalg.lstsq(20.0 * corners, moved, rcond=None)[0].T
        if factor is None:
            np.testing.assert_allclose(transform, transform.T, atol=1e-5)
            assert (np.linalg.eigvalsh(transform) > 0).all()
        else:
            np.testing.assert_allclose(np.triu(transform, 1), 0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_matched_to_itself_stays(method: Method, photo: Image) -> None:
    np.testing.assert_allclose(color.match(photo, photo, method), photo, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.0, 100.0, 255.0])
def test_a_picture_of_one_color_gets_the_mean(method: Method, level: float) -> None:
    flat, photo = np.full((6, 5, 3), level), mixed(3)
    matched = color.match(flat, photo, method)
    wanted = np.broadcast_to(photo.mean((0, 1)), flat.shape)
    np.testing.assert_allclose(matched, wanted, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_reference_of_one_color_leaves_almost_only_it(method: Method) -> None:
    matched = color.match(mixed(1), np.full((4, 4, 3), (10.0, 200, 90)), method)
    np.testing.assert_allclose(matched.mean((0, 1)), (10, 200, 90), atol=1e-2)
    assert matched.std((0, 1)).max() < 255 * np.sqrt(EPSILON) + 1e-3


@pytest.mark.parametrize(("method", "tolerance"), [("cholesky", 0.5), ("symmetric", 1e-3)])
def test_gray_matched_to_gray_stays_gray(method: Method, tolerance: float) -> None:
    one, other = (np.repeat(mixed(seed)[..., :1], 3, 2) for seed in (1, 2))
    assert np.ptp(color.match(one, other, method), axis=2).max() < tolerance


def test_matching_clips_to_the_range() -> None:
    photo = np.where(np.indices((8, 8)).sum(0)[..., None] % 2, 255.0, 0.0).repeat(3, 2)
    matched = color.match(images.noise((30, 30), normal=(128, 10)).clip(0, 255), photo)
    assert matched.min() == 0
    assert matched.max() == 255


def test_luminance_is_y_of_yiq() -> None:
    picture = np.zeros((2, 2, 3))
    picture[0, 0], picture[0, 1], picture[1, 0] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    picture[1, 1] = 200
    gray = color.luminance(picture)
    wanted = 200 * np.array([[0.299, 0.587], [0.114, 1]])
    np.testing.assert_allclose(gray, np.repeat(wanted[..., None], 3, 2), atol=1e-3)
    np.testing.assert_array_equal(gray[..., 0], gray[..., 2])


def test_luminance_like_a_photo_has_its_mean_and_deviation() -> None:
    painting, photo = mixed(1), mixed(2, (9, 70), scale=5)
    gray, wanted = color.luminance(painting, like=photo), color.luminance(photo)
    assert 0 < gray.min() < gray.max() < 255
    assert gray.mean() == pytest.approx(wanted.mean(), abs=1e-3)
    assert gray.std() == pytest.approx(wanted.std(), abs=1e-3)
    own = color.luminance(painting)
    assert np.corrcoef(gray.ravel(), own.ravel())[0, 1] == pytest.approx(1, abs=1e-6)


def test_luminance_of_one_shade_like_a_photo_is_its_mean() -> None:
    # A third has no exact value, so that the deviation is rounding and not 0.
    flat, photo = np.full((31, 17, 3), (100 / 3, 70 / 3, 50 / 3)), mixed(2)
    gray = color.luminance(flat, like=photo)
    np.testing.assert_allclose(gray, color.luminance(photo).mean(), atol=1e-3)


def test_recoloring_takes_light_from_one_and_color_from_the_other() -> None:
    painted, photo = mixed(1), mixed(2)
    both = color.recolor(painted, photo)
    assert 0 < both.min() < both.max() < 255
    np.testing.assert_allclose(color.luminance(both), color.luminance(painted), atol=1e-3)
    # The chroma is what is left of a color without its luminance.
    np.testing.assert_allclose(
        both - color.luminance(both), photo - color.luminance(photo), atol=2e-3
    )


def test_recoloring_with_itself_changes_nothing(photo: Image) -> None:
    np.testing.assert_allclose(color.recolor(photo, photo), photo, atol=1e-3)


def test_recoloring_with_gray_gives_gray(photo: Image) -> None:
    gray = color.recolor(photo, np.full_like(photo, 77))
    np.testing.assert_allclose(gray, color.luminance(photo), atol=1e-3)


def test_a_color_that_does_not_exist_at_a_luminance_is_clipped() -> None:
    black, red = np.zeros((2, 2, 3)), np.full((2, 2, 3), (255.0, 0, 0))
    # Y = 0 with red's chroma is (255 − 76.2, −76.2, −76.2).
    both = color.recolor(black, red)
    np.testing.assert_allclose(both[0, 0], (178.755, 0, 0), atol=0.05)


def test_sizes_must_agree_to_recolor(photo: Image, painting: Image) -> None:
    with pytest.raises(ImageError, match=r"content: expected .* 24×32, got 20×28; resize"):
        color.recolor(photo, painting)


def test_the_method_is_known(photo: Image) -> None:
    with pytest.raises(OptionError, match="method: expected one of cholesky, symmetric"):
        color.match(photo, photo, "pca")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "name"),
    [(color.match, "reference"), (color.luminance, "like"), (color.recolor, "content")],
)
def test_a_path_or_another_range_is_no_picture(function: Any, name: str, photo: Image) -> None:
    with pytest.raises(ImageError, match=f"{name}: expected an array"):
        function(photo, "photo.png")
    with pytest.raises(ImageError, match="multiply by 255"):
        function(photo / 255, photo)


def test_it_needs_no_tensorflow() -> None:
    code = "import neural_style as ns, sys; ns.color.match; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
