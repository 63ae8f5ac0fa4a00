"""The padding of a feature model: sizes, features, masks, and the objective in tiles."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neural_style import FeatureModel, Objective, guided, images
from neural_style.errors import LayerError, OptionError
from neural_style.features.padding import MODES, Extension, Padding
from neural_style.images import Image, Size
from neural_style.kernels.padding import Mode
from neural_style.losses.registry import create
from neural_style.testing.loss_under_test import pattern, small_network

DEEP = ("image", "block1_conv2", "block3_conv1", "block5_conv1")


def model(padding: str) -> FeatureModel:
    """The conformance kit's small network: VGG's names and strides, few channels."""
    network = small_network()._network
    return FeatureModel(network, preprocess=lambda x: x / 127.5 - 1, padding=padding)


def noise(size: Size, seed: int = 1) -> Image:
    return images.noise(size, seed=seed, uniform=(0, 255))


def test_an_unknown_padding_is_refused() -> None:
    with pytest.raises(OptionError, match="padding: expected one of zero, symmetric, periodic"):
        FeatureModel(weights=None, padding="reflect")


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from(["symmetric", "wrap", "edge"]),
    st.tuples(*4 * [st.integers(0, 7)]),
)
def test_folding_is_the_transpose_of_extending(
    height: int, width: int, mode: Mode, margins: tuple[int, int, int, int]
) -> None:
    extension = Extension(margins[:2], margins[2:], mode)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(height, width, 2))
    g = rng.normal(size=(*extension.size((height, width)), 2))
    products = np.vdot(extension.array(x), g), np.vdot(x, extension.folded(g))
    assert products[0] == pytest.approx(products[1])


def test_a_side_is_extended_to_the_stride_of_the_last_convolutions() -> None:
    padding = Padding("symmetric", small_network()._network)
    assert padding.multiple == 16
    assert padding.extension((64, 96)) == Extension()
    assert padding.extension((65, 95)) == Extension((0, 15), (0, 1))
    assert not Padding("zero", small_network()._network).extension((65, 95))


@pytest.mark.parametrize("size", [(64, 96), (65, 95), (81, 66), (3, 5)])
def test_symmetric_features_are_those_of_the_extended_picture_cropped(size: Size) -> None:
    photo, zero, symmetric = noise(size), model("zero"), model("symmetric")
    height, width = (-(-side // 16) * 16 for side in size)
    larger = np.pad(photo, ((0, height - size[0]), (0, width - size[1]), (0, 0)), "symmetric")
    expected, found = zero(larger, DEEP), symmetric(photo, DEEP)
    shapes = symmetric.shapes(DEEP, size)
    for layer, stride in zip(DEEP, (1, 1, 4, 16), strict=True):
        rows, columns = (-(-side // stride) for side in size)
        assert shapes[layer][:2] == found[layer].shape[1:3] == (rows, columns)
        np.testing.assert_array_equal(found[layer], expected[layer][:, :rows, :columns])


@pytest.mark.parametrize("padding", MODES)
def test_pixels_alone_need_no_network(padding: str) -> None:
    photo = noise((7, 9))
    assert model(padding).shapes(["image"], (7, 9)) == {"image": (7, 9, 3)}
    np.testing.assert_array_equal(model(padding)(photo, ["image"])["image"][0], photo)
    objective = Objective(create("total_variation"), model(padding), (7, 9))
    objective.refresh(photo, round=0)
    assert objective(photo).loss > 0


def test_the_features_of_a_periodic_picture_roll_with_it() -> None:
    photo, periodic = noise((64, 96)), model("periodic")
    rolled = periodic(np.roll(photo, (32, 80), (0, 1)), DEEP)
    for layer, f in periodic(photo, DEEP).items():
        stride = 64 // f.shape[1]
        shift = 32 // stride, 80 // stride
        np.testing.assert_allclose(np.roll(f, shift, (1, 2)), rolled[layer], atol=1e-4)


@pytest.mark.parametrize("name", ["gram", "shifted_gram", "gram_chain", "total_variation"])
def test_the_statistics_of_a_periodic_picture_do_not_change_if_it_is_rolled(name: str) -> None:
    photo, painting = noise((48, 64)), pattern((32, 48))
    loss = create(name) if name == "total_variation" else create(name, painting)
    objective = Objective(loss, model("periodic"), (48, 64))
    objective.refresh(photo, round=0)
    first, second = objective(photo), objective(np.roll(photo, (16, 32), (0, 1)))
    assert second.loss == pytest.approx(first.loss, rel=1e-5)
    largest = np.abs(first.gradient).max()
    rolled = np.roll(first.gradient, (16, 32), (0, 1))
    np.testing.assert_allclose(second.gradient, rolled, atol=1e-5 * largest)


def test_a_periodic_picture_must_divide_by_the_poolings() -> None:
    periodic = model("periodic")
    assert periodic.shapes(["block2_conv1"], (50, 98))["block2_conv1"][:2] == (25, 49)
    sentence = "sides divide by 16, got 50×98; the nearest such sizes are 48×96 and 64×112"
    with pytest.raises(LayerError, match=re.escape(sentence)):
        periodic.check(["block5_conv1"], (50, 98))


def test_replicate_repeats_the_border_for_the_first_convolution() -> None:
    photo = noise((20, 24))
    larger = np.pad(photo, ((1, 1), (1, 1), (0, 0)), "edge")
    expected = model("zero")(larger, ["block1_conv1"])["block1_conv1"][:, 1:-1, 1:-1]
    found = model("replicate")(photo, ["block1_conv1"])["block1_conv1"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_network_that_cannot_have_a_padding_is_refused() -> None:
    picture = keras.Input((None, None, 3))
    strided = keras.layers.Conv2D(2, 3, strides=2, padding="same", name="strided")(picture)
    network = keras.Model(picture, strided, name="other")
    with pytest.raises(OptionError, match="padding='symmetric' needs the strides of other"):
        FeatureModel(network, preprocess="raw", padding="symmetric")
    for padding in ("periodic", "replicate"):
        features = FeatureModel(network, preprocess="raw", padding=padding)
        with pytest.raises(LayerError, match=f"padding='{padding}'.*'strided'"):
            features(noise((8, 8)), ["strided"])


def test_the_padding_is_in_the_config() -> None:
    assert model("periodic").get_config()["padding"] == model("periodic").padding == "periodic"


CASES = [
    ("symmetric", (97, 115), 96),
    ("periodic", (112, 128), 96),
    ("replicate", (113, 131), 112),
]


@pytest.mark.slow
@pytest.mark.parametrize(("padding", "size", "tile"), CASES)
def test_tiles_and_masks_with_a_padding(padding: str, size: Size, tile: int) -> None:
    photo, painting = noise(size), pattern((64, 80))
    half, white = np.zeros(size, np.float32), np.full((9, 9), 255, np.float32)
    half[:, : size[1] // 2 + 1] = 255
    loss = guided(create("content", pattern(size)), [(half, None)]) + create("histogram", painting)
    for name in ("gram", "gram_chain", "shifted_gram"):
        loss = loss + guided(create(name, painting), [(half, white)])
    whole, tiled = (Objective(loss, model(padding), size, tile=t) for t in (None, tile))
    for objective in (whole, tiled):
        objective.refresh(photo, round=0)
    expected, found = whole(photo), tiled(photo)
    assert found.terms == pytest.approx(expected.terms, rel=1e-5)
    largest = np.abs(expected.gradient).max()
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=2e-5 * largest)
