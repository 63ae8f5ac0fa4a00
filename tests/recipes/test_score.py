"""The figures of a result: values worked by hand, and how damage moves them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from neural_style import FeatureModel, Scores, images, score
from neural_style.errors import ImageError, LayerError, OptionError
from neural_style.images import Image

pytestmark = pytest.mark.slow

Damaged: TypeAlias = dict[str, list[Scores]]

PIXELS: dict[str, Any] = {"style_layers": ["image"], "content_layer": "image"}
TINY: dict[str, Any] = {
    "style_layers": ["block1_conv1", "block3_conv1"],
    "content_layer": "block2_conv1",
}
STYLE = ("style_gram", "style_wasserstein", "style_color")
CONTENT = ("content_self_similarity", "content_ssim", "content_edges")
LOWER = {f.name: f.metadata["better"] == "lower" for f in dataclasses.fields(Scores)}


def noisy(picture: Image, deviation: float) -> Image:
    size = picture.shape[0], picture.shape[1]
    return (picture + images.noise(size, normal=(0, deviation))).clip(0, 255)


def blurred(picture: Image, sigma: float) -> Image:
    return np.asarray(gaussian_filter(picture, (sigma, sigma, 0)))


def recolored(picture: Image, part: float) -> Image:
    return (1 - part) * picture + part * picture[..., [1, 2, 0]]


def shuffled(picture: Image, number: int) -> Image:
    """Squares, ``number`` along each side, in another order."""
    side = picture.shape[0] // number
    squares = (
        picture.reshape(number, side, number, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
    )
    mixed = np.random.default_rng(0).permutation(squares)
    rows = mixed.reshape(number, number, side, side, 3).swapaxes(1, 2)
    return np.ascontiguousarray(rows.reshape(picture.shape))


DAMAGES: dict[str, Any] = {
    "noise": (noisy, (5, 15, 45)),
    "blur": (blurred, (0.6, 1.2, 2.4)),
    "colors": (recolored, (0.15, 0.4, 1)),
    "shuffling": (shuffled, (2, 4, 8)),
}
# What gets worse with every step; the rest of a row is compared in `check` below.
WORSE = {
    "noise": (*STYLE, *CONTENT),
    "blur": (*STYLE, *CONTENT),
    "colors": (*STYLE, *CONTENT),
    "shuffling": ("style_gram", "style_wasserstein", "content_self_similarity", "content_ssim"),
}


def badness(scores: Scores, figure: str) -> float:
    value = scores.as_dict()[figure]
    return value if LOWER[figure] else -value


def check(features: FeatureModel, picture: Image, **options: Any) -> None:
    """Damage a picture that is its own content and style, and compare what the figures say."""
    damaged: Damaged = {
        name: [
            score(
                images.as_image(damage(picture, step)),
                picture,
                picture,
                features=features,
                **options,
            )
            for step in steps
        ]
        for name, (damage, steps) in DAMAGES.items()
    }
    whole = score(picture, picture, picture, features=features, **options)
    for name, figures in WORSE.items():
        for figure in figures:
            values = [badness(scores, figure) for scores in (whole, *damaged[name])]
            assert values == sorted(set(values)), (name, figure)
    others = [damaged[name][-1] for name in ("noise", "blur", "colors")]
    for scores in damaged["shuffling"]:
        assert scores.style_color == 0
        for figure in CONTENT:
            assert badness(scores, figure) > max(badness(each, figure) for each in others), figure
        for figure in ("style_gram", "style_wasserstein"):
            assert badness(scores, figure) < badness(damaged["blur"][-1], figure), figure


def test_damage_moves_the_figures_of_a_tiny_network(tiny: FeatureModel, pictures: Path) -> None:
    check(tiny, images.load(pictures / "astronaut.png", size=(64, 64)), **TINY)


def test_damage_moves_the_figures_of_vgg19(vgg19: FeatureModel, pictures: Path) -> None:
    check(vgg19, images.load(pictures / "astronaut.png", size=(128, 128)))


def test_a_picture_that_is_content_and_style_is_perfect(tiny: FeatureModel, photo: Image) -> None:
    scores = score(photo, photo, photo, features=tiny, **TINY)
    assert list(scores.as_dict().values()) == pytest.approx([0, 0, 0, 0, 1, 1], abs=1e-6)


def test_the_figures_of_style_do_not_look_at_the_content(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    one, other = (score(photo, c, painting, features=tiny, **TINY) for c in (photo, 255 - photo))
    assert [getattr(one, f) for f in STYLE] == [getattr(other, f) for f in STYLE]
    assert one.content_self_similarity != other.content_self_similarity


def test_the_same_seed_gives_the_same_figures(
    tiny: FeatureModel, photo: Image, painting: Image
) -> None:
    def scored(seed: int) -> Scores:
        return score(photo, 255 - photo, painting, features=tiny, seed=seed, positions=50, **TINY)

    assert scored(1) == scored(1)
    assert scored(1).style_wasserstein != scored(2).style_wasserstein
    assert scored(1).content_self_similarity != scored(2).content_self_similarity
    assert scored(1).style_gram == scored(2).style_gram


def flat(*color: float, size: tuple[int, int] = (8, 8)) -> Image:
    return np.full((*size, 3), color, np.float32)


def scored(tiny: FeatureModel, picture: Image, content: Image, style: Image) -> Scores:
    return score(picture, content, style, features=tiny, **PIXELS)


def test_style_of_pixels_of_one_color(tiny: FeatureModel) -> None:
    red, green = flat(100, 0, 0), flat(0, 100, 0, size=(9, 12))
    scores = scored(tiny, red, red, green)
    assert scores.style_gram == pytest.approx(1e4 * 2**0.5 / 2e4)
    assert scores.style_color == 1
    # Along any direction a color is 3 times as far as a third of it: (3 − 1) / (3 + 1).
    scores = scored(tiny, flat(90, 60, 30), red, flat(30, 20, 10, size=(7, 30)))
    assert scores.style_wasserstein == pytest.approx(0.5)
    assert scores.style_gram == pytest.approx((9 - 1) / (9 + 1))


def test_wasserstein_sees_what_a_gram_matrix_does_not(tiny: FeatureModel) -> None:
    # A constant a / √2 and half 0, half a have the same mean square.
    half, even = flat(0, 0, 0), flat(*[200 / 2**0.5] * 3)
    half[:4] = 200
    scores = scored(tiny, half, half, even)
    assert scores.style_gram == pytest.approx(0, abs=1e-6)
    # √((1/√2)² / 2 + (1 − 1/√2)² / 2) / (2/√2), the same along every direction.
    assert scores.style_wasserstein == pytest.approx(0.5411961 / 2**0.5, abs=1e-6)


def test_colors_are_counted_in_bins(tiny: FeatureModel) -> None:
    picture, style = flat(10, 10, 10), flat(31, 31, 31)  # one bin
    assert scored(tiny, picture, picture, style).style_color == 0
    style[:2] = 33  # a quarter of it in the next
    assert scored(tiny, picture, picture, style).style_color == 0.25
    assert scored(tiny, flat(255, 255, 255), picture, flat(224, 250, 230)).style_color == 0


def test_self_similarity_worked_by_hand(tiny: FeatureModel) -> None:
    picture, content = np.zeros((2, 2, 2, 3), np.float32)
    picture[..., 0], picture[..., 1] = [[10, 20], [30, 40]], [[0, 10], [10, 0]]
    content[..., 0], content[..., 1] = 20, [[0, 20], [20, 0]]
    # Repeating a picture repeats its distances, and leaves the figure as it is.
    picture, content = (np.tile(each, (4, 5, 1)) for each in (picture, content))
    scores = scored(tiny, picture, content, content)
    assert scores.content_self_similarity == pytest.approx(0.240226, abs=1e-6)


def test_self_similarity_does_not_mind_brightness_or_the_choice_of_channels(
    tiny: FeatureModel, photo: Image
) -> None:
    scores = scored(tiny, 0.5 * photo[..., ::-1], photo, photo)
    assert scores.content_self_similarity == pytest.approx(0, abs=1e-6)


def test_edges_are_correlated(tiny: FeatureModel, photo: Image) -> None:
    half = scored(tiny, 50 + 0.5 * photo, photo, photo)
    assert half.content_edges == pytest.approx(1, abs=1e-5)
    assert half.content_ssim < 0.9  # which minds contrast
    negative = scored(tiny, 255 - photo, photo, photo)
    assert negative.content_edges == pytest.approx(1, abs=1e-5)
    assert negative.content_ssim < -0.5


def test_pictures_of_one_color_have_no_edges_to_agree_on(tiny: FeatureModel, photo: Image) -> None:
    gray = np.full_like(photo, 99)
    both, one = scored(tiny, gray, gray - 9, photo), scored(tiny, gray, photo, photo)
    assert (both.content_edges, one.content_edges) == (1, 0)
    assert both.content_self_similarity == 0
    black = scored(tiny, np.zeros_like(photo), gray, np.zeros_like(photo))
    assert [getattr(black, f) for f in STYLE] == [0, 0, 0]


def test_they_are_read_as_a_table_and_a_dict() -> None:
    scores = Scores(0.1, 0.2, 0.3, 0.4, 0.5, -0.65)
    assert list(scores.as_dict()) == [*STYLE, *CONTENT]
    header, *lines = str(scores).splitlines()
    assert header.split() == ["figure", "value", "better", "range"]
    assert lines[0].split() == ["style_gram", "0.1000", "lower", "0", "to", "1"]
    assert lines[-1].split() == ["content_edges", "-0.6500", "higher", "-1", "to", "1"]
    assert len({line.index(" to ") for line in lines[:4]}) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": 0}, "directions: expected a positive whole number"),
        ({"positions": 2.5}, "positions: expected a positive whole number"),
        ({"style_layers": "image"}, "style_layers: expected names of layers, got 'image'"),
        ({"style_layers": []}, "style_layers: expected names of layers"),
    ],
)
def test_options_are_checked(
    tiny: FeatureModel, photo: Image, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        score(photo, photo, photo, features=tiny, **{**PIXELS, **options})


def test_layers_are_those_of_the_network(tiny: FeatureModel, photo: Image) -> None:
    with pytest.raises(LayerError, match="has no layer 'block4_conv3'"):
        score(photo, photo, photo, features=tiny)


def test_pictures_are_checked(tiny: FeatureModel, photo: Image, painting: Image) -> None:
    with pytest.raises(ImageError, match=r"content: expected the picture's size, 24×32, got 20×28"):
        scored(tiny, photo, painting, painting)
    with pytest.raises(ImageError, match=r"style: expected at least 7×7 pixels, got 6×32"):
        scored(tiny, photo, photo, photo[:6])
    with pytest.raises(ImageError, match=r"style: .* multiply by 255"):
        scored(tiny, photo, photo, np.float32(1 / 255) * photo)
