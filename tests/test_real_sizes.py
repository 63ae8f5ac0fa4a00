"""Pictures of real sizes, whole: 32-bit numbers do not count 2³¹ elements or bytes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from objectives import evaluated

from neural_style import FeatureModel, images
from neural_style.errors import OptionError
from neural_style.extensions import Gram
from neural_style.images import Image
from neural_style.objective.whole import reserve
from neural_style.optimizers.drivers import driver

pytestmark = pytest.mark.slow

CHANNELS, LAYERS = 4, 80


@pytest.fixture(scope="module")
def deep() -> FeatureModel:
    """A network of one cheap layer, and of many that cost nothing but are counted."""
    inputs = keras.Input((None, None, 3))
    start = keras.initializers.HeNormal(0)
    x = keras.layers.Conv2D(CHANNELS, 1, use_bias=False, kernel_initializer=start)(inputs)
    for _ in range(LAYERS):
        x = keras.layers.Activation("linear")(x)
    last = keras.layers.Activation("linear", name="last")(x)
    return FeatureModel(keras.Model(inputs, last), preprocess="raw")


def gram(picture: Image, features: FeatureModel) -> NDArray[np.float64]:
    (kernel,) = features._network.get_weights()
    product = np.zeros((3, 3))
    for row in picture.astype(np.float64):
        product += row.T @ row / (picture.shape[0] * picture.shape[1])
    found: NDArray[np.float64] = kernel[0, 0].T @ product @ kernel[0, 0]
    return found


def test_a_picture_and_a_reference_whole(deep: FeatureModel) -> None:
    quiet = images.noise((64, 64), seed=0, uniform=(0, 255))
    picture, reference = np.tile(quiet, (30, 30, 1)), np.tile(255 - quiet, (48, 48, 1))
    assert picture.shape == (1920, 1920, 3)
    assert reference.shape == (3072, 3072, 3)
    assert 2 * LAYERS * CHANNELS * 1920**2 > 2**31
    found = evaluated(Gram(reference, layers=["last"]), deep, picture)
    difference = gram(picture, deep) - gram(reference, deep)
    assert found.loss == pytest.approx(np.mean(difference**2) / 4, rel=1e-3)
    assert np.isfinite(found.gradient).all()
    assert found.gradient.any()


@pytest.mark.parametrize("side", [3072, 30000])
def test_what_is_reserved_has_no_limit(deep: FeatureModel, side: int) -> None:
    reserve(deep, ["last"], (side, side))  # what there is too little memory for is not


def test_more_than_scipy_can_count_is_refused_before_it_starts() -> None:
    class Large:
        size = 3 * 6000**2

    with pytest.raises(
        OptionError, match=r"10 correction pairs of 108,000,000 variables.*LBFGS\(10"
    ):
        driver("L-BFGS-B")(None, None, Large())  # type: ignore[arg-type]
