"""Fixtures that more than one test file uses."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
import skimage

from neural_style import FeatureModel, images
from neural_style.images import Image

LAYERS = (*(f"block{block}_conv1" for block in range(1, 6)), "block4_conv2")


@pytest.fixture(scope="session")
def tiny_network() -> keras.Model:
    """Six small convolutions under VGG's names, with one pooling, seeded."""
    inputs = keras.Input((None, None, 3))
    x = inputs
    for seed, name in enumerate(LAYERS):
        start = keras.initializers.HeNormal(seed)
        x = keras.layers.Conv2D(
            4, 3, padding="same", activation="relu", kernel_initializer=start, name=name
        )(x)
        if seed == 1:
            x = keras.layers.MaxPooling2D(name="pool")(x)
    return keras.Model(inputs, x, name="tiny")


@pytest.fixture(scope="session")
def tiny(tiny_network: keras.Model) -> FeatureModel:
    return FeatureModel(tiny_network, preprocess=lambda image: image / 127.5 - 1)


@pytest.fixture(scope="session")
def vgg19() -> FeatureModel:
    return FeatureModel("vgg19")


@pytest.fixture(scope="session")
def pictures() -> Path:
    """The folder of pictures in scikit-image's wheel."""
    return Path(skimage.__file__).parent / "data"


@pytest.fixture
def photo() -> Image:
    return images.noise((24, 32), seed=1)


@pytest.fixture
def painting() -> Image:
    return images.noise((20, 28), seed=2)
