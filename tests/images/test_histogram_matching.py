"""The matching is `skimage.exposure.match_histograms`, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.exposure import match_histograms

from neural_style import FeatureModel, images
from neural_style.images.histogram_matching import match, match_channels

Array = NDArray[Any]


def check(found: Array, expected: Array) -> None:
    """The same values, zeros of the same sign, in the same dtype."""
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    """Two pictures of as many channels, often with ties, zeros of both signs and constants."""
    elements = st.one_of(
        st.sampled_from([0.0, -0.0, 1.0, 2.0]),
        st.floats(-1e6, 1e6, width=32),
        st.floats(-(2.0**120), 2.0**120, width=32),
    )
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    channels = draw(st.integers(1, 3))
    sides = st.integers(1, 7)
    picture, reference = (
        draw(arrays(dtype, (1, draw(sides), draw(sides), channels), elements=elements))
        for _ in range(2)
    )
    return picture, reference


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(pairs())
def test_any_pair_of_pictures(pair: tuple[Array, Array]) -> None:
    check(match_channels(*pair), match_histograms(*pair, channel_axis=-1))
    check(match(*pair), match_histograms(*pair))


def relu(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).clip(0).astype(np.float32)


@pytest.mark.parametrize("value", [0.0, 3.0], ids=["dead", "constant"])
@pytest.mark.parametrize("which", ["current", "reference", "both"])
def test_channels_of_one_value(value: float, which: str) -> None:
    current, reference = relu(0, 1, 40, 30, 4), relu(1, 1, 20, 50, 4)
    if which != "reference":
        current[..., 1] = value
    if which != "current":
        reference[..., 1] = value
    check(match_channels(current, reference), match_histograms(current, reference, channel_axis=-1))
    check(match(current, reference), match_histograms(current, reference))


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["block1_conv1", "block4_conv1"])
def test_features_of_vgg(vgg19: FeatureModel, pictures: Path, layer: str) -> None:
    photo = images.load(pictures / "chelsea.png", size=(128, 160))
    painting = images.load(pictures / "ihc.png", size=(136, 96))
    f, reference = (vgg19(picture, [layer])[layer].numpy() for picture in (photo, painting))
    assert (f == 0).any()
    check(match_channels(f, reference), match_histograms(f, reference, channel_axis=-1))
    check(match(f, reference), match_histograms(f, reference))


def test_a_layout_in_memory_is_no_matter() -> None:
    current, reference = (np.moveaxis(relu(seed, 1, 3, 9, 8), 1, -1) for seed in (0, 1))
    assert not current.flags.c_contiguous
    check(match_channels(current, reference), match_histograms(current, reference, channel_axis=-1))
    check(match(current, reference), match_histograms(current, reference))
