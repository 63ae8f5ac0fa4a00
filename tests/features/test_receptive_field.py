"""Receptive fields, against the pixels that a position's gradient reaches."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from neural_style import FeatureModel
from neural_style.errors import LayerError
from neural_style.features.receptive_field import Field

layers = keras.layers


def wrapped(*chain: keras.Layer) -> FeatureModel:
    x = inputs = keras.Input((None, None, 3))
    for layer in chain:
        x = layer(x)
    return FeatureModel(keras.Model(inputs, x, name="net"), preprocess="raw")


def positive(features: FeatureModel) -> FeatureModel:
    """The same network with kernels above 0, so that nothing cancels."""
    weights = [np.full(w.shape, 1 / w[..., 0].size) for w in features._network.get_weights()]
    features._network.set_weights(weights)
    return features


def reached(features: FeatureModel, layer: str, size: int, position: int) -> Any:
    """The first and last pixel, along y and x, that a position's gradient is not 0 at."""
    image = tf.ones((1, size, size, 3))
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = tf.reduce_sum(features(image, [layer])[layer][0, position, position])
    hit = tape.gradient(value, image).numpy()[0].any(-1)
    return [(np.flatnonzero(hit.any(a))[0], np.flatnonzero(hit.any(a))[-1]) for a in (1, 0)]


def agrees(features: FeatureModel, layer: str, size: int, position: int) -> None:
    expected = [
        (position * f.stride - f.before, position * f.stride + f.after)
        for f in features.receptive_fields([layer])[layer]
    ]
    assert reached(features, layer, size, position) == expected


def test_one_layer_after_the_other() -> None:
    three = Field().through(3, padding=1)
    assert three == Field(1, 1, 1)
    pooled = three.through(2, 2)
    assert pooled == Field(2, 1, 2)  # position 1: pixels 2 and 3, and a neighbor of each
    assert pooled.through(3, padding=1) == Field(2, 3, 4)


@pytest.mark.slow
def test_vgg19() -> None:
    raw: Any = {"pooling": "average", "weights": None, "preprocess": "raw"}
    features = positive(FeatureModel("vgg19", **raw))
    names = ["image", "block1_conv1", "block1_conv2", "block4_conv2", "block5_conv1"]
    found = features.receptive_fields(names)
    assert list(found) == names
    assert [found[name][0] for name in names] == [
        Field(1, 0, 0),
        Field(1, 1, 1),
        Field(1, 2, 2),
        Field(8, 38, 45),
        Field(16, 70, 85),
    ]
    for layer, position in (("block1_conv1", 7), ("block4_conv2", 7), ("block5_conv1", 6)):
        agrees(features, layer, 208, position)


def test_maximum_and_average_pooling_have_the_same() -> None:
    average, maximum = (FeatureModel("vgg16", pooling=p, weights=None) for p in ("average", "max"))
    assert average.receptive_fields(["block5_conv1"]) == maximum.receptive_fields(["block5_conv1"])


@pytest.mark.parametrize(
    "chain",
    [
        pytest.param([layers.Conv2D(2, (3, 5))], id="valid"),
        pytest.param([layers.Conv2D(2, 4, padding="same")], id="even"),
        pytest.param([layers.Conv2D(2, 3, padding="same", dilation_rate=(2, 3))], id="dilated"),
        pytest.param([layers.ZeroPadding2D((2, 1)), layers.Conv2D(2, 5, strides=2)], id="padded"),
        pytest.param([layers.DepthwiseConv2D((5, 3), padding="same")], id="depthwise"),
        pytest.param([layers.SeparableConv2D(2, (3, 7), padding="same")], id="separable"),
        pytest.param([layers.AveragePooling2D(3, 2), layers.Conv2D(2, 3)], id="overlapping"),
        pytest.param([layers.AveragePooling2D(3, 1, "same"), layers.ReLU()], id="same-pooling"),
    ],
)
def test_kinds_of_layers(chain: list[keras.Layer]) -> None:
    features = positive(wrapped(*chain))
    agrees(features, chain[-1].name, 31, 6)


def test_branches_are_joined() -> None:
    inputs = keras.Input((None, None, 3))
    wide = layers.Conv2D(3, (7, 1), padding="same", use_bias=False)(inputs)
    tall = layers.Conv2D(3, (1, 5), padding="same", use_bias=False)(inputs)
    x = layers.Concatenate()([layers.Add()([wide, inputs]), tall])
    x = layers.Activation("relu", name="joined")(x)
    features = positive(FeatureModel(keras.Model(inputs, x), preprocess="raw"))
    assert features.receptive_fields(["joined"])["joined"] == (Field(1, 3, 3), Field(1, 2, 2))
    agrees(features, "joined", 21, 9)


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (
            [layers.UpSampling2D(name="up")],
            "'up': the receptive field of a UpSampling2D is unknown",
        ),
        (
            [layers.Lambda(lambda x: x[:, ::-1], name="flip")],
            "'flip': the receptive field of a Lambda",
        ),
        ([layers.MaxPooling2D(2, padding="same", name="pool")], "'pool': .* depends on the size"),
        ([layers.Conv2D(2, 3, 2, "same", name="conv")], "'conv': .* depends on the size"),
        ([layers.BatchNormalization(axis=1, name="norm")], "'norm': it works along axis 1"),
    ],
)
def test_layers_of_which_it_is_not_known(chain: list[keras.Layer], message: str) -> None:
    inputs = keras.Input((16, 16, 3))
    features = FeatureModel(keras.Model(inputs, chain[0](inputs)), preprocess="raw")
    with pytest.raises(LayerError, match=message):
        features.receptive_fields([chain[0].name])


def test_branches_of_different_strides_are_refused() -> None:
    inputs = keras.Input((1, 1, 3))
    x = layers.Add(name="sum")([inputs, layers.Conv2D(3, 1, strides=2)(inputs)])
    features = FeatureModel(keras.Model(inputs, x), preprocess="raw")
    with pytest.raises(LayerError, match="'sum': its inputs have different strides"):
        features.receptive_fields(["sum"])


def test_a_layer_that_is_used_twice_is_refused() -> None:
    inputs = keras.Input((None, None, 3))
    twice = layers.Conv2D(3, 3, padding="same", name="twice")
    x = layers.ReLU(name="last")(twice(twice(inputs)))
    features = FeatureModel(keras.Model(inputs, x), preprocess="raw")
    with pytest.raises(LayerError, match="'last': an input comes from a layer"):
        features.receptive_fields(["last"])


def test_an_unknown_layer_gets_a_suggestion() -> None:
    with pytest.raises(LayerError, match="did you mean 'image'"):
        wrapped(layers.ReLU()).receptive_fields(["imag"])
