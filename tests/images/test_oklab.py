"""OKLab against known colors, and NNST's use of it against numbers of the authors' code.

`fixtures/nnst_color.json` has what the functions that it names return for these pictures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neural_style.errors import ImageError
from neural_style.images import color, noise
from neural_style.images.oklab import lab_of, matched, rgb_of, smoothed

AUTHORS = json.loads((Path(__file__).parent / "fixtures" / "nnst_color.json").read_text())


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (1, 0, 0)),
        ((1, 0, 0), (0.628, 0.2249, 0.1258)),
        ((0, 1, 0), (0.8664, -0.2339, 0.1795)),
        ((0, 0, 1), (0.452, -0.0325, -0.3115)),
        ((0.125, 0.125, 0.125), (0.5, 0, 0)),
    ],
)
def test_known_colors(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(lab_of(np.array(rgb, float)), lab, atol=2e-4)
    np.testing.assert_allclose(rgb_of(lab_of(np.array(rgb, float))), rgb, atol=1e-9)


def test_the_authors_oklab() -> None:
    own = AUTHORS["linear_2_oklab"]
    np.testing.assert_allclose(lab_of(np.array(own["rgb"]) / 255), own["lab"], atol=1e-8)


def test_the_authors_filter() -> None:
    lab, expected = (np.array(AUTHORS["filter"][name]) for name in ("lab", "result"))
    np.testing.assert_allclose(smoothed(lab[..., 1:], lab[..., :1]), expected[..., 1:], atol=1e-8)


@pytest.mark.parametrize("case", AUTHORS["color_match"], ids=lambda case: case["name"])
def test_the_authors_colors(case: dict[str, Any]) -> None:
    pictures = (np.array(case[name], np.float32) for name in ("painted", "photo", "painting"))
    np.testing.assert_allclose(color.oklab(*pictures), 255 * np.array(case["result"]), atol=1e-3)


def test_a_step_of_lightness_keeps_colors_apart() -> None:
    """One column of 2 beside two of 0, and the lightness of the second is the first's, or not."""
    chroma = np.array([[[2.0], [0], [0]]] * 4)
    even, step = (np.array([[[0.0], [x], [1]]] * 4) for x in (0, 1))
    e = np.exp(-10)  # the weight of a pixel whose lightness differs by 1
    # The first column counts twice, because the border is repeated.
    once = [np.array([4 / 3, 2 / (2 + e), 0]), np.array([4 / (2 + e), 2 * e / (2 + e), 0])]
    for lightness, expected in zip((even, step), once, strict=True):
        values = expected
        w = np.exp(-10 * abs(lightness[0, :, None, 0] - lightness[0, None, :, 0]))
        near = np.array([[2, 1, 0], [1, 1, 1], [0, 1, 2]]) * w
        near /= near.sum(1, keepdims=True)
        np.testing.assert_allclose(near @ chroma[0, :, 0], values)
        for _ in range(4):
            values = near @ values
        found = smoothed(chroma, lightness)[..., 0]
        np.testing.assert_allclose(found, np.tile(values, (4, 1)), atol=1e-12)


def test_matched_colors_have_the_references_moments() -> None:
    rng = np.random.default_rng(0)
    colors, reference = rng.normal(size=(9, 8, 2)), rng.normal((1, 2), (3, 4), size=(5, 6, 2))
    found = matched(colors, reference).reshape(-1, 2)
    flat = reference.reshape(-1, 2)
    np.testing.assert_allclose(found.mean(0), flat.mean(0))
    np.testing.assert_allclose(np.cov(found.T, bias=True), np.cov(flat.T, bias=True), rtol=1e-3)


def test_every_color_is_within_the_paintings_range() -> None:
    painted, photo = (noise((9, 9), seed=seed, uniform=(0, 255)) for seed in (1, 2))
    painting = noise((8, 7), seed=3, uniform=(60, 190))
    lab, palette = (
        lab_of(x.astype(float) / 255) for x in (color.oklab(painted, photo, painting), painting)
    )
    assert (lab >= palette.min((0, 1)) - 1e-5).all()
    assert (lab <= palette.max((0, 1)) + 1e-5).all()


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ImageError, match="photo: expected the size of painted, 4×6, got 5×6"):
        color.oklab(noise((4, 6)), noise((5, 6)), noise((7, 7)))
